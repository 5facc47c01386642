//! The kinds of anomaly: Jepsen's names where it has one.

use std::fmt;

/// A kind of anomaly in logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An acknowledged write does not survive.
    LostWrite,
    /// An acks=0 write does not survive.
    LostUnacked,
    /// An acknowledged write that no read reached.
    Unseen,
    /// One value at two offsets of one log.
    Duplicate,
    /// One offset with two values.
    InconsistentOffsets,
    /// An acknowledgement names an offset where something else was read.
    AckOffsetMismatch,
    /// A producer's acknowledged offsets step back.
    AckRegression,
    /// Two sends of one producer stand in the wrong order.
    NonmonotonicSend,
    /// The same within one transaction.
    IntNonmonotonicSend,
    /// A send stands before one that was acknowledged before it began.
    StaleAppend,
    /// A consumer went back.
    NonmonotonicPoll,
    /// The same within one poll.
    IntNonmonotonicPoll,
    /// A consumer jumped over records that exist.
    PollSkip,
    /// The same within one poll.
    IntPollSkip,
    /// A value that nobody sent there.
    Unexpected,
    /// A damaged payload.
    Corrupt,
    /// A write that certainly failed was read.
    Resurrected,
    /// A write of an aborted transaction was read by a reader of committed records (Adya's G1a).
    G1a,
}

/// Every kind, in the order of this file.
pub const ALL: [Kind; 18] = [
    Kind::LostWrite,
    Kind::LostUnacked,
    Kind::Unseen,
    Kind::Duplicate,
    Kind::InconsistentOffsets,
    Kind::AckOffsetMismatch,
    Kind::AckRegression,
    Kind::NonmonotonicSend,
    Kind::IntNonmonotonicSend,
    Kind::StaleAppend,
    Kind::NonmonotonicPoll,
    Kind::IntNonmonotonicPoll,
    Kind::PollSkip,
    Kind::IntPollSkip,
    Kind::Unexpected,
    Kind::Corrupt,
    Kind::Resurrected,
    Kind::G1a,
];

impl Kind {
    /// The name in verdicts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::LostWrite => "lost-write",
            Kind::LostUnacked => "lost-unacked",
            Kind::Unseen => "unseen",
            Kind::Duplicate => "duplicate",
            Kind::InconsistentOffsets => "inconsistent-offsets",
            Kind::AckOffsetMismatch => "ack-offset-mismatch",
            Kind::AckRegression => "ack-regression",
            Kind::NonmonotonicSend => "nonmonotonic-send",
            Kind::IntNonmonotonicSend => "int-nonmonotonic-send",
            Kind::StaleAppend => "stale-append",
            Kind::NonmonotonicPoll => "nonmonotonic-poll",
            Kind::IntNonmonotonicPoll => "int-nonmonotonic-poll",
            Kind::PollSkip => "poll-skip",
            Kind::IntPollSkip => "int-poll-skip",
            Kind::Unexpected => "unexpected",
            Kind::Corrupt => "corrupt",
            Kind::Resurrected => "resurrected",
            Kind::G1a => "G1a",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The names of all kinds.
pub(crate) fn names() -> Vec<&'static str> {
    ALL.iter().map(|kind| kind.name()).collect()
}

/// The kind that was probably meant.
pub(crate) fn suggestion(word: &str) -> Option<&'static str> {
    let (distance, name) = names().into_iter().map(|name| (edits(word, name), name)).min()?;
    (distance <= 3.max(word.len() / 3)).then_some(name)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for kind in ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("lost"), None);
    }

    #[test]
    fn a_slip_finds_its_kind() {
        assert_eq!(suggestion("lost-wrote"), Some("lost-write"));
        assert_eq!(suggestion("duplicates"), Some("duplicate"));
        assert_eq!(suggestion("xyzzyxyzzyxyzzy"), None);
    }
}
