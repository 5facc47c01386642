//! The kinds of anomaly, one table: Jepsen's names where it has one.

use std::fmt;

/// Makes the enum, the list of all, and their names from one table.
macro_rules! kinds {
    ($($(#[doc = $meaning:literal])+ $kind:ident = $name:literal,)+) => {
        /// A kind of anomaly.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $meaning])+ $kind,)+
        }

        /// Every kind, in the order of this file.
        pub const ALL: &[Kind] = &[$(Kind::$kind,)+];

        impl Kind {
            /// The name in verdicts.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    // Logs.
    /// An acknowledged write does not survive.
    LostWrite = "lost-write",
    /// An acks=0 write does not survive.
    LostUnacked = "lost-unacked",
    /// An acknowledged write that no read reached.
    Unseen = "unseen",
    /// One value at two offsets of one log.
    Duplicate = "duplicate",
    /// One offset with two values.
    InconsistentOffsets = "inconsistent-offsets",
    /// An acknowledgement names an offset where something else was read.
    AckOffsetMismatch = "ack-offset-mismatch",
    /// A producer's acknowledged offsets step back.
    AckRegression = "ack-regression",
    /// Two sends of one producer stand in the wrong order.
    NonmonotonicSend = "nonmonotonic-send",
    /// The same within one transaction.
    IntNonmonotonicSend = "int-nonmonotonic-send",
    /// A send stands before one that was acknowledged before it began.
    StaleAppend = "stale-append",
    /// A consumer went back.
    NonmonotonicPoll = "nonmonotonic-poll",
    /// The same within one poll.
    IntNonmonotonicPoll = "int-nonmonotonic-poll",
    /// A consumer jumped over records that exist.
    PollSkip = "poll-skip",
    /// The same within one poll.
    IntPollSkip = "int-poll-skip",
    /// A value that nobody sent there.
    Unexpected = "unexpected",
    /// A damaged payload.
    Corrupt = "corrupt",
    /// A write that certainly failed was read.
    Resurrected = "resurrected",

    // Transactions.
    /// A write of an aborted transaction was read by a reader of committed records (Adya's G1a).
    G1a = "G1a",
    /// A reader of committed records read a write before its transaction began to commit, the transaction itself
    /// included.
    PrecommittedRead = "precommitted-read",
    /// Of one transaction's writes a part survives and a part does not.
    TornTransaction = "torn-transaction",
    /// A transaction that never ends holds back the readers of committed records.
    HangingTransaction = "hanging-transaction",
    /// Somebody else's records stand between two sends of one transaction.
    IntSendSkip = "int-send-skip",
    /// A cycle of transactions by the order of their writes (Adya's G0).
    G0 = "G0",
    /// The same, with the order within processes.
    G0Process = "G0-process",
    /// The same, with real time.
    G0Realtime = "G0-realtime",
    /// A cycle by the order of writes and by who read whose (Adya's G1c).
    G1c = "G1c",
    /// The same, with the order within processes.
    G1cProcess = "G1c-process",
    /// The same, with real time.
    G1cRealtime = "G1c-realtime",

    // Consumer groups.
    /// A group processed a record more than once.
    Redelivery = "redelivery",
    /// A group committed past a record that nobody processed.
    GroupSkip = "group-skip",
    /// Two members of a group owned a partition in one generation, or a fenced member's commit was accepted.
    OwnershipOverlap = "ownership-overlap",
    /// A group's committed offset stepped back.
    CommitRegression = "commit-regression",

    // Queues.
    /// An acknowledged element was never dequeued, although the queue was drained.
    Lost = "lost",
    /// An element was dequeued more often than it was enqueued.
    Duplicated = "duplicated",
    /// An element whose enqueue had an unknown outcome was dequeued: it happened after all.
    Recovered = "recovered",
    /// An element left the queue before one that was there first.
    Overtaken = "overtaken",

    // Availability.
    /// No progress for longer than allowed.
    Stalled = "stalled",
}

impl Kind {
    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        ALL.iter().copied().find(|kind| kind.name() == name)
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
    // Half of a word is no slip.
    (distance <= 3.max(word.len() / 3).min(word.len() / 2)).then_some(name)
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
        for kind in ALL.iter().copied() {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("loss"), None);
    }

    #[test]
    fn a_slip_finds_its_kind() {
        assert_eq!(suggestion("lost-wrote"), Some("lost-write"));
        assert_eq!(suggestion("duplicates"), Some("duplicate"));
        assert_eq!(suggestion("xyzzyxyzzyxyzzy"), None);
    }
}
