//! What a run promised: one table from a guarantee's name and the run's terms to the kinds that break it.
//!
//! The promise does not depend on acks: whoever was told "ok" holds a promise. What no promise covers is
//! counted and allowed.

use std::collections::BTreeMap;

use store::run_meta::Terms;
use store::verdict::Guarantee;

use crate::context::{CheckError, Options};
use crate::kind::{ALL, Kind};

/// Why a kind is forbidden that no guarantee forbids.
pub(crate) const ASKED_FOR: &str = "asked for with --forbid";

/// The guarantees, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    None,
    AtLeastOnce,
    Default,
    ExactlyOnce,
}

/// What decides the table beside the level.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// Whether any reader was in a group.
    pub(crate) subscribed: bool,
    /// Whether somebody stated how long a partition may go without an acknowledgement.
    pub(crate) stall_limited: bool,
    /// Whether it is promised of a queue, not of a log.
    pub(crate) queue: bool,
}

/// The guarantee to judge by: the option, else the run's, else `default`.
///
/// # Errors
/// If the name, or an override's kind, is none.
pub(crate) fn guarantee(terms: &Terms, facts: Facts, options: &Options) -> Result<Guarantee, CheckError> {
    let name = options.guarantee.as_deref().or(terms.guarantee.as_deref()).unwrap_or("default");
    let level = match name {
        "none" => Level::None,
        "at-least-once" => Level::AtLeastOnce,
        "default" => Level::Default,
        "exactly-once" => Level::ExactlyOnce,
        other => return Err(CheckError::Guarantee(other.to_owned())),
    };
    let mut sentence = level.sentence(facts.queue).to_owned();
    let mut forbids = BTreeMap::new();
    for kind in ALL.iter().copied() {
        if let Some(reason) = forbidden(kind, level, terms, facts) {
            forbids.insert(kind.name().to_owned(), reason.to_owned());
        }
    }
    let mut set_aside = Vec::new();
    for (name, allowed) in &options.allow {
        let Some(kind) = Kind::from_name(name) else {
            return Err(CheckError::Kind { kind: name.clone(), place: "--allow or --forbid" });
        };
        if *allowed {
            set_aside.extend(forbids.remove(kind.name()).map(|_| kind.name()));
        } else {
            forbids.insert(kind.name().to_owned(), ASKED_FOR.to_owned());
        }
    }
    if !set_aside.is_empty() {
        // "Kept" would be a lie about what nobody judged by.
        sentence = format!("{sentence}; not judged by: {} (--allow)", set_aside.join(", "));
    }
    Ok(Guarantee { name: name.to_owned(), sentence, forbids })
}

impl Level {
    /// What is promised, in the words of logs or of queues.
    fn sentence(self, queue: bool) -> &'static str {
        match (self, queue) {
            (Level::None, _) => "nothing is promised",
            (Level::AtLeastOnce, false) => "no acknowledged write lost",
            (Level::Default, false) => {
                "no acknowledged write lost, each producer's order kept where promised, no duplicates where \
                 producers are idempotent"
            }
            (Level::ExactlyOnce, false) => {
                "every acknowledged write there exactly once, in its producer's order"
            }
            (Level::AtLeastOnce | Level::Default, true) => {
                "every acknowledged element comes out, and nothing that was not put in"
            }
            (Level::ExactlyOnce, true) => {
                "every acknowledged element comes out exactly once, in order, and nothing else"
            }
        }
    }
}

/// The table: why a kind breaks a guarantee, or `None` where it is allowed.
fn forbidden(kind: Kind, level: Level, terms: &Terms, facts: Facts) -> Option<&'static str> {
    use Level::{AtLeastOnce, Default, ExactlyOnce};
    match kind {
        Kind::LostWrite if level >= AtLeastOnce => Some("an acknowledged write must survive"),
        Kind::Unexpected if level >= AtLeastOnce => {
            Some("only what was sent to a partition may be read from it")
        }
        Kind::Corrupt if level >= AtLeastOnce => Some("a payload must be read as it was sent"),
        Kind::Resurrected if level >= AtLeastOnce => Some("a write that failed must never appear"),
        Kind::G1a if level >= Default => Some("readers of committed records must not see aborted ones"),
        Kind::PollSkip if level >= AtLeastOnce && !facts.subscribed => {
            Some("a consumer that was not moved must read every record")
        }
        Kind::IntPollSkip if level >= AtLeastOnce => Some("a poll must not leave records out"),
        Kind::IntNonmonotonicPoll if level >= Default => Some("a poll must read in the log's order"),
        Kind::NonmonotonicPoll if level >= Default && !facts.subscribed => {
            Some("a consumer that was not moved must not go back")
        }
        Kind::InconsistentOffsets if level >= Default => {
            Some("what a consumer read at an offset must stay there")
        }
        Kind::StaleAppend if level >= Default => {
            Some("a write acknowledged before another began must stand before it")
        }
        Kind::NonmonotonicSend | Kind::IntNonmonotonicSend if level == ExactlyOnce => {
            Some("each producer's order must be kept")
        }
        Kind::NonmonotonicSend | Kind::IntNonmonotonicSend if level >= Default => order_promised(terms),
        Kind::Duplicate if level == ExactlyOnce => Some("every write must stand in the log once"),
        Kind::Duplicate if level >= Default && terms.idempotent == Some(true) => {
            Some("the producers are idempotent")
        }
        Kind::PrecommittedRead if level >= Default => {
            Some("a record must not be read before its transaction commits")
        }
        Kind::TornTransaction if level >= Default => Some("a transaction is there as a whole or not at all"),
        Kind::HangingTransaction if level >= Default => {
            Some("a transaction must end: commit, abort, or time out")
        }
        Kind::GroupSkip if level >= AtLeastOnce => Some("a group must not commit past what nobody processed"),
        Kind::OwnershipOverlap if level >= Default => {
            Some("one member at a time owns a partition of its group")
        }
        Kind::CommitRegression if level >= Default => Some("a group's committed offset must not step back"),
        Kind::Redelivery if level == ExactlyOnce => Some("a group must process a record once"),
        Kind::Stalled if facts.stall_limited && level >= AtLeastOnce => {
            Some("a partition must not go longer than stated without an acknowledgement")
        }
        Kind::Lost if level >= AtLeastOnce => Some("an acknowledged element must come out of the queue"),
        Kind::Overtaken if level == ExactlyOnce => Some("a queue's elements must leave in order"),
        Kind::Duplicated if level == ExactlyOnce => Some("an element must leave the queue once"),
        // What no promise covers (a lost answer is found again), and what is only possible: a client library may
        // invent an acknowledgement's offset. Kafka isolates no writes, so that a correct one shows G0, G1c (T0 <ww T1
        // <wr T0) and int-send-skip whenever transactions overlap; `jepsen.tests.kafka` allows the same of a graph
        // with ww edges. A cycle of committed reads alone is a precommitted read.
        _ => None,
    }
}

/// Why a producer's order is promised, where it is: a retry cannot overtake.
fn order_promised(terms: &Terms) -> Option<&'static str> {
    if terms.idempotent == Some(true) {
        return Some("the producers are idempotent, which keeps their order");
    }
    if terms.max_in_flight == Some(1) {
        return Some("one request in flight keeps a producer's order");
    }
    (terms.retries == Some(0)).then_some("without retries nothing can overtake")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbids(name: &str, terms: &Terms, subscribed: bool) -> Vec<String> {
        let options = Options { guarantee: Some(name.into()), ..Options::default() };
        let guarantee =
            guarantee(terms, Facts { subscribed, ..Facts::default() }, &options).expect("a known name");
        guarantee.forbids.into_keys().collect()
    }

    #[test]
    fn stronger_names_forbid_more() {
        let terms = Terms::default();
        let names = ["none", "at-least-once", "default", "exactly-once"];
        let all: Vec<_> = names.iter().map(|name| forbids(name, &terms, false)).collect();
        assert!(all[0].is_empty());
        for pair in all.windows(2) {
            assert!(pair[0].iter().all(|kind| pair[1].contains(kind)) && pair[0].len() < pair[1].len());
        }
        assert!(!all[2].contains(&"duplicate".to_owned()) && all[3].contains(&"duplicate".to_owned()));
    }

    #[test]
    fn terms_promise_order_and_uniqueness() {
        let order = "nonmonotonic-send".to_owned();
        let terms = |idempotent, max_in_flight, retries| Terms {
            idempotent: Some(idempotent),
            max_in_flight: Some(max_in_flight),
            retries: Some(retries),
            ..Terms::default()
        };
        assert!(!forbids("default", &terms(false, 5, 10), false).contains(&order));
        assert!(forbids("default", &terms(true, 5, 10), false).contains(&order));
        assert!(forbids("default", &terms(true, 5, 10), false).contains(&"duplicate".into()));
        assert!(forbids("default", &terms(false, 1, 10), false).contains(&order));
        assert!(forbids("default", &terms(false, 5, 0), false).contains(&order));
    }

    #[test]
    fn groups_may_move_their_consumers() {
        let terms = Terms::default();
        assert!(forbids("default", &terms, false).contains(&"poll-skip".into()));
        let subscribed = forbids("default", &terms, true);
        assert!(
            !subscribed.contains(&"poll-skip".into()) && !subscribed.contains(&"nonmonotonic-poll".into())
        );
        assert!(subscribed.contains(&"int-poll-skip".into()));
    }

    #[test]
    fn overrides_win_and_must_name_a_kind() {
        let mut options = Options::default();
        options.allow.insert("lost-write".into(), true);
        options.allow.insert("duplicate".into(), false);
        let facts = Facts::default();
        let judged = guarantee(&Terms::default(), facts, &options).expect("known kinds");
        assert!(!judged.forbids.contains_key("lost-write") && judged.forbids.contains_key("duplicate"));
        options.allow.insert("lost-wirte".into(), true);
        let error = guarantee(&Terms::default(), facts, &options).expect_err("a slip");
        assert!(error.to_string().contains("did you mean \"lost-write\"?"), "{error}");
    }
}
