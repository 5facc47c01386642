//! The glossary: what each kind of anomaly means, in one line.
//!
//! Kinds that Jepsen's Kafka test knows keep Jepsen's names; the others are tribunal's own.

/// Kinds and their meanings, in the order of the questions one asks: is it lost, is it doubled, is it in order, is it
/// what was sent, do transactions hold, do groups hold, does it go on at all.
pub const KINDS: &[(&str, &str)] = &[
    ("lost-write", "acknowledged records that did not survive"),
    ("lost-unacked", "acks=0 records that did not survive (nobody had promised that they would)"),
    ("unseen", "acknowledged records that no read reached: not a loss, but not proved safe"),
    ("duplicate", "one value at two offsets of the surviving log"),
    ("inconsistent-offsets", "one offset that reads saw with two values: the log was rewritten"),
    ("ack-offset-mismatch", "the acknowledged offset is not where reads found the record"),
    ("ack-regression", "acknowledged offsets of one producer stepped back, as after a truncation"),
    ("nonmonotonic-send", "a producer's later record stands before its earlier one"),
    ("int-nonmonotonic-send", "within one operation, a later record stands before an earlier one"),
    ("int-send-skip", "within one operation, sends left offsets between them to somebody else"),
    ("stale-append", "a record stands after one that was sent only after it was acknowledged"),
    ("nonmonotonic-poll", "a consumer went back to earlier offsets without being told to"),
    ("int-nonmonotonic-poll", "within one operation, a consumer went back to earlier offsets"),
    ("poll-skip", "a consumer jumped over records that exist"),
    ("int-poll-skip", "within one operation, a consumer jumped over records that exist"),
    ("unexpected", "a value was read that nobody sent there"),
    ("corrupt", "a payload whose checksum is wrong"),
    ("resurrected", "a record was read although its send certainly failed"),
    ("G1a", "a read_committed reader saw a record of an aborted transaction"),
    ("precommitted-read", "a read_committed reader saw a record before its transaction committed"),
    ("torn-transaction", "a part of a transaction survived and a part did not"),
    ("hanging-transaction", "a transaction that never ends holds back every read_committed reader"),
    ("G0", "writes of transactions interleave in a cycle"),
    ("G0-process", "writes of transactions interleave in a cycle, by the order within processes"),
    ("G0-realtime", "writes of transactions interleave in a cycle, by real time"),
    ("G1c", "transactions depend on one another's writes and reads in a cycle"),
    ("G1c-process", "transactions depend on one another in a cycle, by the order within processes"),
    ("G1c-realtime", "transactions depend on one another in a cycle, by real time"),
    ("redelivery", "a consumer group processed a record more than once"),
    ("group-skip", "a consumer group committed past a record that nobody processed"),
    ("ownership-overlap", "two members of a consumer group owned one partition at once"),
    ("commit-regression", "a consumer group's committed offset stepped back"),
    ("lost", "acknowledged elements that never came out of the drained queue"),
    ("duplicated", "an element that left the queue more often than it was put in"),
    ("overtaken", "an element that left the queue before one that was there first"),
    ("recovered", "an element that came out although its enqueue's outcome was unknown"),
    ("stalled", "no progress, or too little, for longer than allowed"),
    ("vacuous", "the run exercised too little for a verdict"),
    ("nonlinearizable", "no order of the operations agrees with the model and with real time"),
];

/// What a kind means; a kind that is not in the glossary says so.
pub fn meaning(kind: &str) -> &'static str {
    KINDS
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or("(a kind without an entry in the glossary)", |(_, m)| m)
}

/// Where a kind stands in the glossary: the gravest first, unknown ones last.
pub(crate) fn rank(kind: &str) -> usize {
    KINDS.iter().position(|(name, _)| *name == kind).unwrap_or(KINDS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_short_line() {
        for (i, (kind, meaning)) in KINDS.iter().enumerate() {
            assert!(!meaning.is_empty() && meaning.len() <= 80, "{kind}: {meaning}");
            assert!(KINDS[..i].iter().all(|(other, _)| other != kind), "{kind} stands twice");
        }
        assert_eq!(meaning("lost-write"), "acknowledged records that did not survive");
        assert!(meaning("new-kind").contains("without an entry"));
    }
}
