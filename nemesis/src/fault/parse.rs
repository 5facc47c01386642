//! Reading a fault from the command line: `NAME[:ARGUMENT]...@START[+HOLD]`.
//!
//! ```text
//! isolate-leader@10s+15s                     cut-link:kafka-1>kafka-2@10s+5s
//! isolate-leader:3@40%+until-new-leader+20s  slow-broker:200ms:mock-2@5s+10s
//! kill:kafka-2@0.4+0.2                       request-errors:NOT_ENOUGH_REPLICAS*5@5s+2s
//! leader-move@60%                            leader-move:2:>mock-3@60%
//! ```
//!
//! A partition is `topic-3`, or only `3` for the run's first topic.

use std::str::FromStr;
use std::time::Duration;

use super::errors::PRODUCE_ERRORS;
use super::when::{Hold, UNTIL_NEW_LEADER, When, parse_duration};
use super::{Aim, BASE_NAMES, FaultKind, FaultSpec, ROLE_WORDS};

/// Why a fault could not be read. `column` counts from 1 in the text that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the fault `{text}`: at column {column}: {reason}")]
pub struct FaultParseError {
    /// The whole text.
    pub text: String,
    /// Where it goes wrong.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// How long a slow broker delays its answers when nobody says.
const DEFAULT_DELAY: Duration = Duration::from_millis(200);

impl FromStr for FaultSpec {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<FaultSpec, FaultParseError> {
        let fail = |part: &str, reason: String| FaultParseError {
            text: text.to_owned(),
            column: text.len().min(part.as_ptr() as usize - text.as_ptr() as usize) + 1,
            reason,
        };
        let (what, time) = text.split_once('@').ok_or_else(|| {
            fail(&text[text.len()..], "no `@`: a fault needs a start, as in `isolate-leader@10s+15s`".into())
        })?;
        let mut arguments = what.split(':');
        let name = arguments.next().unwrap_or_default();
        let (mut kind, mut aim) = read_name(name).map_err(|reason| fail(name, reason))?;
        for argument in arguments {
            read_argument(argument, &mut kind, &mut aim).map_err(|reason| fail(argument, reason))?;
        }
        let aim = aim.unwrap_or_else(|| default_aim(&kind));

        let (start, hold) = match time.split_once('+') {
            Some((start, hold)) => (start, Some(hold)),
            None => (time, None),
        };
        let bad_time = |part: &str, e: String| fail(part, format!("cannot read `{part}` as a time: {e}"));
        let start = When::parse(start).map_err(|e| bad_time(start, e))?;
        let hold = match (hold, kind.is_instant()) {
            (None, true) => None,
            (None, false) => {
                return Err(fail(
                    &text[text.len()..],
                    format!("{} needs a duration, as in `{text}+15s`", kind.name()),
                ));
            }
            (Some(hold), true) => {
                return Err(fail(hold, format!("{} is over at once: leave out `+{hold}`", kind.name())));
            }
            (Some(hold), false) => match hold.strip_prefix(UNTIL_NEW_LEADER) {
                Some(rest) => {
                    if !matches!(aim, Aim::Leader(_)) {
                        return Err(fail(
                            hold,
                            format!(
                                "`{UNTIL_NEW_LEADER}` needs a fault that is aimed at a leader, as `isolate-leader`"
                            ),
                        ));
                    }
                    let then = match rest.strip_prefix('+') {
                        Some(then) => parse_duration(then).map_err(|e| bad_time(then, e))?,
                        None if rest.is_empty() => Duration::ZERO,
                        None => return Err(fail(rest, format!("`{rest}` after `{UNTIL_NEW_LEADER}`"))),
                    };
                    Some(Hold::UntilNewLeader { then })
                }
                None => Some(Hold::For(When::parse(hold).map_err(|e| bad_time(hold, e))?)),
            },
        };
        Ok(FaultSpec { kind, aim, start, hold })
    }
}

/// `kill`, `kill-leader`, `move-leader`: a kind, and an aim if the name has one.
fn read_name(name: &str) -> Result<(FaultKind, Option<Aim>), String> {
    let name = if name == "move-leader" { "leader-move" } else { name };
    let found = BASE_NAMES.iter().find_map(|(base, _)| {
        let rest = name.strip_prefix(base)?;
        if rest.is_empty() {
            return Some((*base, None));
        }
        Some((*base, Some(Aim::from_word(rest.strip_prefix('-')?)?)))
    });
    let Some((base, aim)) = found else {
        return Err(unknown("fault", name, &all_names()));
    };
    let kind = match base {
        "kill" => FaultKind::Kill,
        "stop" => FaultKind::Stop,
        "pause" => FaultKind::Pause,
        "isolate" => FaultKind::Isolate,
        "cut-link" => FaultKind::CutLink { to: Aim::Follower(None), both_ways: false },
        "broker-down" => FaultKind::BrokerDown,
        "slow-broker" => FaultKind::SlowBroker { delay: DEFAULT_DELAY },
        "leader-move" => FaultKind::LeaderMove { to: None },
        _ => FaultKind::RequestErrors { error: PRODUCE_ERRORS[0].0.to_owned(), count: 1 },
    };
    if aim.is_some() && !takes_a_role(&kind) {
        return Err(unknown("fault", name, &all_names()));
    }
    Ok((kind, aim))
}

fn takes_a_role(kind: &FaultKind) -> bool {
    !matches!(
        kind,
        FaultKind::CutLink { .. } | FaultKind::LeaderMove { .. } | FaultKind::RequestErrors { .. }
    )
}

fn default_aim(kind: &FaultKind) -> Aim {
    match kind {
        FaultKind::CutLink { .. } | FaultKind::LeaderMove { .. } => Aim::Leader(None),
        FaultKind::RequestErrors { .. } => Aim::All,
        _ => Aim::Random,
    }
}

/// The names that people are likely to mean, for messages and completions.
pub fn all_names() -> Vec<String> {
    let mut names = Vec::new();
    for (base, _) in BASE_NAMES {
        let takes = read_name(base).is_ok_and(|(kind, _)| takes_a_role(&kind));
        if takes {
            names.extend(ROLE_WORDS.iter().map(|role| format!("{base}-{role}")));
        } else {
            names.push((*base).to_owned());
        }
    }
    names
}

fn read_argument(argument: &str, kind: &mut FaultKind, aim: &mut Option<Aim>) -> Result<(), String> {
    if argument.is_empty() {
        return Err("nothing after `:`".into());
    }
    match kind {
        FaultKind::CutLink { to, both_ways } => {
            let (from, arrow, target) = argument
                .split_once("<>")
                .map(|(a, b)| (a, "<>", b))
                .or_else(|| argument.split_once('>').map(|(a, b)| (a, ">", b)))
                .ok_or("a link looks like kafka-1>kafka-2 (one way), kafka-1<>kafka-2, or leader>follower")?;
            if from.is_empty() || target.is_empty() {
                return Err("a link has a node on both sides".into());
            }
            *aim = Some(aim_of(from)?);
            *to = aim_of(target)?;
            *both_ways = arrow == "<>";
            return Ok(());
        }
        FaultKind::SlowBroker { delay } => {
            if let Ok(read) = parse_duration(argument) {
                if read.is_zero() || read > Duration::from_secs(60) {
                    return Err("a broker can be slow by 1ms to 60s".into());
                }
                *delay = read;
                return Ok(());
            }
        }
        FaultKind::LeaderMove { to } => {
            if let Some(target) = argument.strip_prefix('>') {
                *to = Some(aim_name(target)?);
                return Ok(());
            }
        }
        FaultKind::RequestErrors { error, count } => {
            let (name, times) = argument.split_once('*').unwrap_or((argument, "1"));
            if !PRODUCE_ERRORS.iter().any(|(n, ..)| *n == name) {
                let names: Vec<String> = PRODUCE_ERRORS.iter().map(|(n, ..)| (*n).to_owned()).collect();
                return Err(unknown("produce error", name, &names));
            }
            let times = times.parse().ok().filter(|n| (1..=10_000).contains(n));
            *count = times.ok_or("after `*` stands how many requests fail, 1 to 10000")?;
            *error = name.to_owned();
            return Ok(());
        }
        _ => {}
    }
    // What is left names a partition (of the aim that stands already), a role, or a node.
    let partition = as_partition(argument);
    match (aim.as_ref(), partition) {
        (Some(known), Some(partition)) if known.needs_partition() => {
            *aim = Some(known.at_partition(partition));
        }
        (Some(known), _) if known.needs_partition() => {
            return Err(format!("`{argument}` is no partition: write topic-3, or 3 for the first topic"));
        }
        (Some(known), _) => {
            return Err(format!("the fault is aimed at {known} already, what is `{argument}`?"));
        }
        (None, Some(partition)) if matches!(kind, FaultKind::LeaderMove { .. }) => {
            *aim = Some(Aim::Leader(Some(partition.to_owned())));
        }
        (None, _) if matches!(kind, FaultKind::LeaderMove { .. }) => {
            return Err(format!(
                "`{argument}` is no partition: write topic-3, 3, or >NODE for the new leader"
            ));
        }
        (None, _) => *aim = Some(aim_of(argument)?),
    }
    Ok(())
}

/// A role word, or a node's name or id.
fn aim_of(word: &str) -> Result<Aim, String> {
    Aim::from_word(word).map_or_else(|| aim_name(word).map(Aim::Named), Ok)
}

fn aim_name(word: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    if word.is_empty() || !word.bytes().all(fits) {
        return Err(format!("`{word}` is neither a role ({}) nor a node's name", ROLE_WORDS.join(", ")));
    }
    Ok(word.to_owned())
}

fn as_partition(word: &str) -> Option<&str> {
    let number = !word.is_empty() && word.len() < 10 && word.bytes().all(|b| b.is_ascii_digit());
    (number || store::op::split_key(word).is_some()).then_some(word)
}

/// "unknown X `y`: did you mean `z`?", or the whole list where nothing is near.
fn unknown(what: &str, given: &str, names: &[String]) -> String {
    let near = names.iter().map(|n| (strsim::jaro_winkler(given, n), n)).max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((score, name)) if score > 0.85 => format!("unknown {what} `{given}`: did you mean `{name}`?"),
        _ => format!("unknown {what} `{given}`; there are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> FaultSpec {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    fn refused(text: &str) -> FaultParseError {
        text.parse::<FaultSpec>().expect_err(text)
    }

    #[test]
    fn the_documented_forms_are_read() {
        let f = read("isolate-leader@10s+15s");
        assert_eq!((f.name(), &f.aim), ("isolate-leader".into(), &Aim::Leader(None)));
        assert_eq!(f.hold, Some(Hold::For(When::Time(Duration::from_secs(15)))));
        let f = read("isolate-leader:t-0@10s+until-new-leader+20s");
        assert_eq!(f.aim, Aim::Leader(Some("t-0".into())));
        assert_eq!(f.hold, Some(Hold::UntilNewLeader { then: Duration::from_secs(20) }));
        let f = read("cut-link:kafka-1>kafka-2@10s+5s");
        assert_eq!(f.aim, Aim::Named("kafka-1".into()));
        assert_eq!(f.kind, FaultKind::CutLink { to: Aim::Named("kafka-2".into()), both_ways: false });
        let f = read("cut-link@10s+5s");
        assert_eq!(f.aim, Aim::Leader(None));
        let f = read("slow-broker:1500ms:mock-2@5s+10%");
        assert_eq!(f.kind, FaultKind::SlowBroker { delay: Duration::from_millis(1500) });
        assert_eq!(f.aim, Aim::Named("mock-2".into()));
        let f = read("request-errors:REQUEST_TIMED_OUT*5@0.5+2s");
        assert_eq!(f.kind, FaultKind::RequestErrors { error: "REQUEST_TIMED_OUT".into(), count: 5 });
        let f = read("move-leader:2:>mock-3@40%");
        assert_eq!(f.kind, FaultKind::LeaderMove { to: Some("mock-3".into()) });
        assert_eq!((f.aim, f.hold), (Aim::Leader(Some("2".into())), None));
        assert_eq!(read("kill:kafka-2@1m+10s").aim, Aim::Named("kafka-2".into()));
        assert_eq!(read("kill@1m+10s").name(), "kill-random");
        assert_eq!(read("broker-down@40%+20%").start, When::Millionths(400_000));
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        for (text, column, says) in [
            ("isolate-leeder@10s+5s", 1, "did you mean `isolate-leader`"),
            ("explode@10s+5s", 1, "there are kill-leader"),
            ("kill-leader", 12, "needs a start"),
            ("kill-leader@10s", 16, "needs a duration"),
            ("kill-leader@10+5s", 13, "10s for seconds"),
            ("kill-leader@10s+5", 17, "5s for seconds"),
            ("leader-move@10s+5s", 17, "over at once"),
            ("kill-random@10s+until-new-leader", 17, "aimed at a leader"),
            ("kill-leader:x@10s+5s", 13, "no partition"),
            ("cut-link:kafka-1@1s+1s", 10, "a link looks like"),
            ("request-errors:NOT_ENOUGH_REPLICA*2@1s+1s", 16, "did you mean `NOT_ENOUGH_REPLICAS`"),
            ("request-errors:NOT_ENOUGH_REPLICAS*0@1s+1s", 16, "how many requests"),
            ("leader-move-all@1s", 1, "unknown fault"),
        ] {
            let e = refused(text);
            assert_eq!(e.column, column, "{text}: {e}");
            assert!(e.reason.contains(says), "{text}: {e}");
        }
    }
}
