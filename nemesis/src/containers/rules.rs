//! Packet filter rules: how a cut link is written, read back from iptables, and counted.
//!
//! A rule stands in the network namespace of one container, so it can touch nothing else on the host. It
//! carries the run's tag as a comment; only tagged rules are ever deleted, each by its whole text.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::action::Direction;

/// One rule of tribunal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    /// Which packets are dropped, seen from the namespace's container.
    pub(crate) direction: Direction,
    /// The other end.
    pub(crate) peer: IpAddr,
    /// The comment, see [`tag`].
    pub(crate) tag: String,
}

/// A rule as it stands, with what it has dropped so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) rule: Rule,
    pub(crate) packets: u64,
}

/// What the comments of a run's rules begin with.
pub(crate) fn tag_prefix(run_id: &str) -> String {
    format!("tribunal:{run_id}:")
}

/// The comment of the rule that cuts one direction of the link to `peer`.
pub(crate) fn tag(run_id: &str, direction: Direction, peer: &str) -> String {
    let word = match direction {
        Direction::From => "from",
        Direction::To => "to",
    };
    let mut tag = format!("{}{word}:{peer}", tag_prefix(run_id));
    // The comment match holds 255 bytes; run ids and names are ASCII.
    tag.truncate(255);
    tag
}

impl Rule {
    /// The rule's specification after `-A` or `-D`.
    fn specification(&self) -> String {
        let (chain, flag) = match self.direction {
            Direction::From => ("INPUT", "-s"),
            Direction::To => ("OUTPUT", "-d"),
        };
        format!("{chain} {flag} {} -m comment --comment {} -j DROP", self.peer, self.tag)
    }

    fn program(&self) -> &'static str {
        if self.peer.is_ipv4() { "iptables" } else { "ip6tables" }
    }
}

/// A shell script that deletes some rules and adds others. `-w`: wait for whoever else holds the tables.
pub(crate) fn change(delete: &[Rule], add: &[Rule]) -> String {
    let mut script = "set -e\n".to_owned();
    for rule in delete {
        let _ = writeln!(script, "{} -w 5 -D {}", rule.program(), rule.specification());
    }
    for rule in add {
        let _ = writeln!(script, "{} -w 5 -A {}", rule.program(), rule.specification());
    }
    script
}

/// A shell script that adds a rule, prints all rules, and deletes it again, however it ends.
pub(crate) fn trial(rule: &Rule) -> String {
    let (program, specification) = (rule.program(), rule.specification());
    format!(
        "set -e\n\
         trap '{program} -w 5 -D {specification} 2>/dev/null' EXIT\n\
         {program} -w 5 -A {specification}\n\
         {{ {LIST}; }} || exit 1\n\
         {program} -w 5 -D {specification}\n\
         trap - EXIT\n"
    )
}

/// What to delete and what to add so that exactly the wanted rules stand.
pub(crate) fn difference(standing: &[Counted], wanted: &BTreeSet<Rule>) -> (Vec<Rule>, Vec<Rule>) {
    let (mut delete, mut add) = (Vec::new(), wanted.clone());
    for counted in standing {
        // Taking it out of what is wanted also finds a rule that stands twice.
        if !add.remove(&counted.rule) {
            delete.push(counted.rule.clone());
        }
    }
    (delete, add.into_iter().collect())
}

/// A shell script that prints every rule with its counters. A kernel without IPv6 has no rules of it.
pub(crate) const LIST: &str = "iptables -w 5 -v -S && { ip6tables -w 5 -v -S 2>/dev/null || true; }";

/// Reads [`LIST`]'s output: the rules whose tag begins with `prefix`.
pub(crate) fn parse(listing: &str, prefix: &str) -> Vec<Counted> {
    listing.lines().filter_map(parse_line).filter(|c| c.rule.tag.starts_with(prefix)).collect()
}

/// `-A INPUT -s 172.18.0.3/32 -m comment --comment "tribunal:r:from:kafka-2" -c 12 720 -j DROP`
fn parse_line(line: &str) -> Option<Counted> {
    let mut words = line.split_whitespace();
    (words.next()? == "-A").then_some(())?;
    let direction = match words.next()? {
        "INPUT" => Direction::From,
        "OUTPUT" => Direction::To,
        _ => return None,
    };
    let (mut peer, mut tag, mut packets) = (None, None, 0);
    while let Some(word) = words.next() {
        match word {
            "-s" | "-d" => peer = words.next()?.split('/').next()?.parse().ok(),
            "--comment" => tag = Some(words.next()?.trim_matches('"').to_owned()),
            "-c" => packets = words.next()?.parse().ok()?,
            _ => {}
        }
    }
    Some(Counted { rule: Rule { direction, peer: peer?, tag: tag? }, packets })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(direction: Direction, peer: &str) -> Rule {
        Rule { direction, peer: peer.parse().unwrap(), tag: tag("r1", direction, "kafka-2") }
    }

    #[test]
    fn changes_delete_first_and_name_each_rule_whole() {
        let script = change(
            &[rule(Direction::From, "172.18.0.3")],
            &[rule(Direction::To, "172.18.0.4"), rule(Direction::From, "fd00::4")],
        );
        assert_eq!(
            script,
            "set -e\n\
             iptables -w 5 -D INPUT -s 172.18.0.3 -m comment --comment tribunal:r1:from:kafka-2 -j DROP\n\
             iptables -w 5 -A OUTPUT -d 172.18.0.4 -m comment --comment tribunal:r1:to:kafka-2 -j DROP\n\
             ip6tables -w 5 -A INPUT -s fd00::4 -m comment --comment tribunal:r1:from:kafka-2 -j DROP\n"
        );
    }

    #[test]
    fn listings_are_read_back_and_other_rules_are_passed_over() {
        let listing = "\
-P INPUT ACCEPT -c 0 0
-A INPUT -s 172.18.0.3/32 -m comment --comment \"tribunal:r1:from:kafka-2\" -c 12 720 -j DROP
-A INPUT -s 172.18.0.3/32 -c 5 300 -j DROP
-A INPUT -s 172.18.0.9/32 -m comment --comment \"tribunal:r2:from:kafka-2\" -c 1 60 -j DROP
-A OUTPUT -d 172.18.0.3/32 -m comment --comment tribunal:r1:to:kafka-2 -c 0 0 -j DROP
-A FORWARD -s 10.0.0.1/32 -m comment --comment tribunal:r1:from:kafka-2 -c 0 0 -j DROP
-A INPUT -s fd00::4/128 -m comment --comment \"tribunal:r1:from:kafka-2\" -c 3 180 -j DROP
";
        let rules = parse(listing, &tag_prefix("r1"));
        assert_eq!(
            rules,
            [
                Counted { rule: rule(Direction::From, "172.18.0.3"), packets: 12 },
                Counted { rule: rule(Direction::To, "172.18.0.3"), packets: 0 },
                Counted { rule: rule(Direction::From, "fd00::4"), packets: 3 },
            ]
        );
    }

    #[test]
    fn a_rule_too_many_is_deleted_and_one_that_lacks_is_added() {
        let of = |peer: &str| rule(Direction::From, peer);
        let standing = ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"];
        let standing = standing.map(|peer| Counted { rule: of(peer), packets: 0 });
        let wanted = BTreeSet::from([of("10.0.0.1"), of("10.0.0.2"), of("10.0.0.4")]);
        let (delete, add) = difference(&standing, &wanted);
        assert_eq!((delete, add), (vec![of("10.0.0.1"), of("10.0.0.3")], vec![of("10.0.0.4")]));
    }

    /// Runs a trial with an iptables that fails on this option; whether it succeeded, and what was asked.
    fn try_with(fails_on: &str) -> (bool, Vec<String>) {
        let stub = |program| {
            format!(
                "{program}() {{ case \"$*\" in *' {fails_on}'*) return 4;; esac; echo \"{program} $3\"; }}\n"
            )
        };
        let trial = trial(&rule(Direction::From, "192.0.2.1"));
        let script = format!("{}{}{trial}", stub("iptables"), stub("ip6tables"));
        let ran = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let asked = String::from_utf8(ran.stdout).unwrap();
        (ran.status.success(), asked.lines().map(str::to_owned).collect())
    }

    #[test]
    fn a_trial_deletes_its_rule_also_where_the_listing_fails() {
        let lines = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
        let all = ["iptables -A", "iptables -v", "ip6tables -v", "iptables -D"];
        assert_eq!(try_with("--never"), (true, lines(&all)));
        assert_eq!(try_with("-S"), (false, lines(&["iptables -A", "iptables -D"])));
        assert_eq!(try_with("-A"), (false, lines(&["iptables -D"])), "it may have been added all the same");
        assert!(!try_with("-D").0, "a rule that cannot be deleted is no proof");
    }

    #[test]
    fn a_run_whose_id_begins_another_ones_is_told_apart() {
        let listing = "-A INPUT -s 10.0.0.1/32 -m comment --comment \"tribunal:r11:from:a\" -c 0 0 -j DROP";
        assert!(parse(listing, &tag_prefix("r1")).is_empty());
    }
}
