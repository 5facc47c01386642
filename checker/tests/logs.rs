//! Small histories with known verdicts, one a line.

mod support;

use checker::Context;
use store::run_meta::Terms;
use support::notation::ops;
use support::observe::{judge, told};

/// Judged under these terms.
fn under(terms: Terms, notation: &str) -> String {
    told(&ops(notation), &Context { terms, ..Context::default() })
}

fn acks_all() -> Terms {
    Terms { idempotent: Some(true), acks: Some("all".into()), consume_all: Some(true), ..Terms::default() }
}

#[test]
fn a_correct_history_is_valid() {
    assert_eq!(judge("p1 s1@0; p1 s2@1; c7 r0:1,2; end 0..2; f9 r0:1,2"), "VALID");
    assert_eq!(judge("p1 s1@0; p2 s2?; p3 s3!; c7 r0:1; end 0..1; f9 r0:1"), "VALID", "info may be absent");
    assert_eq!(judge("p1 s1@0; p2 s2?; end 0..2; f9 r0:1,2"), "VALID", "info may be present");
    assert_eq!(judge("p1 s1@0; p2 s2...; end 0..2; f9 r0:1,2"), "VALID", "open may be present");
    assert_eq!(
        judge("p1 s1@0; p1 s2@5; end 0..9; f9 r0:1 r5:2 pos=9"),
        "VALID",
        "control records leave gaps"
    );
}

#[test]
fn an_acknowledged_write_that_the_pass_did_not_read_is_lost() {
    assert_eq!(judge("p1 s1@0; p1 s2@1; p1 s3@2; end 0..3; f9 r0:1 r2:3"), "INVALID lost-write[2]");
    assert_eq!(judge("p1 s1@0; p1 s2@1; end 0..1; f9 r0:1"), "INVALID lost-write[2]", "cut off at the end");
    assert_eq!(judge("p1 s1@0; p1 s2; end 0..1; f9 r0:1"), "INVALID lost-write[2]", "offset unknown");
    assert_eq!(judge("p1 s1@0; end 0..0; c7 r"), "INVALID lost-write[1]", "an empty log");
    assert_eq!(
        judge("p1 s1@0; p1 s2@1; c7 r0:1,2; p2 s3@1; end 0..2; f9 r0:1,3"),
        "INVALID inconsistent-offsets~lost-write[1] lost-write[2]",
        "read by a live reader, then written over"
    );
}

#[test]
fn what_the_pass_did_not_cover_is_unknown_and_unseen() {
    assert_eq!(judge("p1 s1@0; p1 s2@1; p1 s3@2; end 0..3; f9 r0:1"), "UNKNOWN unseen[2 3]");
    assert_eq!(judge("p1 s1@0; p1 s2@1; f9 r0:1"), "UNKNOWN unseen[2]", "its end was never asked for");
    assert_eq!(judge("p1 s1@0; t-1: p1 s2@0; end 0..1; f9 r0:1"), "UNKNOWN unseen[t-1 2]", "left out");
    assert_eq!(judge("p1 s1@5; p1 s2@9; end 7..10; f9 r9:2"), "UNKNOWN unseen[1]", "below the log's start");
    assert_eq!(
        judge("p1 s1@0; end 0..1; p1 s2@1; f9 r0:1"),
        "VALID unseen[2]",
        "acknowledged too late for it"
    );
    assert_eq!(under(acks_all(), "p1 s1@0; c7 r0:1"), "UNKNOWN", "a pass was asked for and there is none");
}

#[test]
fn acks_0_losses_are_counted_by_themselves() {
    assert_eq!(judge("p1 s1~; p1 s2~; end 0..1; f9 r0:1"), "VALID lost-unacked[2]");
}

#[test]
fn without_a_pass_a_reader_must_have_gone_past() {
    assert_eq!(judge("p1 s1@0; p1 s2@1; p1 s3@2; c7 r0:1 ; c7 r2:3"), "INVALID lost-write[2]");
    assert_eq!(judge("p1 s1@0; p1 s2@1; p1 s3@2; c7 r0:1"), "UNKNOWN unseen[2 3]", "nobody came so far");
    assert_eq!(
        judge("p1 s1@0; p1 s2(; p1 )@1; p1 s3@2; c7 r0:1; c7 seek; c7 r2:3"),
        "UNKNOWN unseen[2]",
        "a seek may pass over anything"
    );
    assert_eq!(
        judge("p1 s1@0; p2 s4@1; p1 s2@1; c7 r0:1,4"),
        "UNKNOWN unseen[2]",
        "another value is there, and the offset may be made up"
    );
    assert_eq!(
        judge("p1 s1@0; p2 s4@1; p1 s2@1; p2 s5@2; c7 r0:1,4,5"),
        "INVALID lost-write[2]",
        "it must stand below what was sent after it"
    );
    assert_eq!(
        judge("p1 s1@0; p2 s4@1; c7 r0:1,4; p1 s2@1"),
        "UNKNOWN unseen[2]",
        "what was read before the acknowledgement may have been cut off since"
    );
    assert_eq!(
        judge("p1 s1@0; p1 s2@1; p1 s3@2; p1 s4@3; c7 r0:1; c7 r3:4; c8 r2:3"),
        "INVALID poll-skip[3] unseen[2]",
        "a jump over what others read proves a jump, and no loss"
    );
}

#[test]
fn one_value_at_two_offsets_is_a_duplicate() {
    let history = "p1 s1@0; p1 s2@1; end 0..3; f9 r0:1,2,1";
    assert_eq!(judge(history), "VALID duplicate[1]");
    assert_eq!(under(acks_all(), history), "INVALID duplicate[1]");
    assert_eq!(
        judge("p1 s1?; end 0..4; f9 r0:1,1,1,1; c7 r0:1; p2 s2!; p3 s3"),
        "VALID duplicate[1] unseen[3]"
    );
    assert_eq!(judge("p1 s1@0; c7 r0:1,1"), "VALID duplicate[1]");
    assert_eq!(
        judge("p1 s1@0; p1 s1@1; end 0..2; f9 r0:1,1"),
        "UNKNOWN",
        "two operations sent the value: nobody can tell"
    );
}

#[test]
fn two_values_at_one_offset_are_inconsistent() {
    assert_eq!(judge("p1 s1?; p2 s2?; c7 r0:1; c8 r0:2"), "INVALID inconsistent-offsets[0]");
    assert_eq!(
        judge("p1 s1?; p2 s2?; p3 s3@1; c7 r0:1; c8 r0:2,3; end 0..2; f9 r0:2,3"),
        "INVALID inconsistent-offsets[0]"
    );
    assert_eq!(
        judge("p1 s1@0; p2 s2@0; p3 s3@1; end 0..2; f8 r0:1,3; f9 r0:2,3"),
        "INVALID inconsistent-offsets~lost-write[0] lost-write[1]",
        "the surviving log is what the last of the pass read"
    );
}

#[test]
fn a_producer_keeps_its_order() {
    let history = "p1 #4.1 s1@1; p1 #4.2 s2@0; end 0..2; f9 r0:2,1";
    assert_eq!(
        judge(history),
        "INVALID ack-regression~nonmonotonic-send[2] nonmonotonic-send[2] stale-append~nonmonotonic-send[2]"
    );
    let pipelined = "p1 #4.1 s1(; p2 #4.2 s2(; p2 )@0; p1 )@1; p3 #4.3 s3@2; end 0..3; f9 r0:2,1,3";
    assert_eq!(
        judge(pipelined),
        "VALID ack-regression~nonmonotonic-send[2] nonmonotonic-send[2]",
        "in flight together"
    );
    assert_eq!(
        under(acks_all(), pipelined),
        "INVALID ack-regression~nonmonotonic-send[2] nonmonotonic-send[2]",
        "idempotence promises the order"
    );
    let other_clients = "p1 #4.1 s1(; p2 #5.2 s2(; p2 )@0; p1 )@1; end 0..2; f9 r0:2,1";
    assert_eq!(under(acks_all(), other_clients), "VALID", "two clients have no order");
    let duplicated = "p1 #4.1 s1(; p2 #4.2 s2(; p2 )@1; p1 )@0; end 0..3; f9 r0:1,2,1";
    assert_eq!(judge(duplicated), "VALID duplicate[1]", "a duplicate is not out of order");
}

#[test]
fn real_time_orders_appends() {
    assert_eq!(judge("p1 s1@1; p2 s2@0; end 0..2; f9 r0:2,1"), "INVALID stale-append[2]");
    assert_eq!(judge("p1 s1(; p2 s2@0; p1 )@1; end 0..2; f9 r0:2,1"), "VALID", "they overlap");
    assert_eq!(judge("p1 s1?; p2 s2@0; end 0..2; f9 r0:2,1"), "VALID", "an unknown send may come late");
    assert_eq!(judge("p1 s1~; p2 s2@0; end 0..2; f9 r0:2,1"), "VALID", "acks=0 bounds nothing");
}

#[test]
fn consumers_go_forward_and_leave_nothing_out() {
    let sent = "p1 s1@0; p1 s2@1; p1 s3@2; p1 s4@3;";
    let pass = "end 0..4; f9 r0:1,2,3,4";
    let both = |polls: &str| judge(&format!("{sent} {polls}; {pass}"));
    assert_eq!(both("c7 r0:1,2; c7 r2:3,4"), "VALID");
    assert_eq!(both("c7 r0:1,2; c7 r1:2,3"), "INVALID nonmonotonic-poll[1]");
    assert_eq!(both("c7 r0:1,2; c7 r0:1,2,3"), "INVALID nonmonotonic-poll[0]");
    assert_eq!(both("c7 r0:1,2 r1:2"), "INVALID int-nonmonotonic-poll[1]");
    assert_eq!(both("c7 r0:1; c7 r2:3"), "INVALID poll-skip[2]");
    assert_eq!(both("c7 r0:1 r2:3"), "INVALID int-poll-skip[2]");
    for moved in ["assign", "seek", "rebalance"] {
        assert_eq!(both(&format!("c7 r0:1,2; c7 {moved}; c7 r0:1; c7 {moved}; c7 r3:4")), "VALID");
    }
    assert_eq!(both("c7 subscribe; c7 r0:1,2; c7 r1:2; c7 r3:4"), "VALID nonmonotonic-poll[1] poll-skip[3]");
    assert_eq!(both("c7 r0:1,2; c7 r ?; c7 r0:1"), "VALID", "nobody knows where an unknown poll left it");
    assert_eq!(both("c7 r0:1,2; c8 r0:1,2"), "VALID", "two consumers");
    assert_eq!(
        judge("p1 s1@0; p1 s2@5; c7 r0:1; c7 r5:2; end 0..6; f9 r0:1 r5:2"),
        "VALID",
        "a hole in the log"
    );
}

#[test]
fn a_truncation_is_one_finding_with_consequences() {
    assert_eq!(
        judge("p1 s1@0; p1 s2@1; p1 s3@2; c7 r0:1,2,3; p2 s4@1; c7 r1:4; end 0..2; f9 r0:1,4"),
        "INVALID inconsistent-offsets~lost-write[1] lost-write[2 3] nonmonotonic-poll~lost-write[1]"
    );
    assert_eq!(
        judge("p1 #1.1 s1@0; p1 #1.2 s2@1; p1 #1.3 s3@1; end 0..2; f9 r0:1,3"),
        "INVALID ack-regression~lost-write[3] lost-write[2]"
    );
}

#[test]
fn only_what_was_sent_may_be_read() {
    assert_eq!(judge("p1 s1@0; end 0..2; f9 r0:1,9"), "INVALID unexpected[9]");
    assert_eq!(
        judge("p1 s1@0; t-1: p1 s9@0; end 0..2; f9 r0:1,9; t-1: end 0..1; t-1: f9 r0:9"),
        "INVALID unexpected[9]"
    );
    assert_eq!(judge("p1 s1@0; end 0..2; f9 r0:1,x"), "INVALID corrupt[1]");
    assert_eq!(judge("p1 s1@0; p2 s2!; end 0..2; f9 r0:1,2"), "INVALID resurrected[2]");
    assert_eq!(
        judge("p1 s1@0; c7 r1:2; p2 s2@1; end 0..2; f9 r0:1,2"),
        "INVALID unexpected[2]",
        "before it was sent"
    );
}

#[test]
fn acknowledgements_that_name_another_offset_are_possible_inventions() {
    assert_eq!(judge("p1 s1@0; p1 s2@7; end 0..2; f9 r0:1,2"), "VALID ack-offset-mismatch[2]");
    assert_eq!(judge("p1 s1@-1; p1 s2@1; end 0..2; f9 r0:1,2"), "VALID", "negative is unknown");
}

#[test]
fn a_history_over_nothing_is_unknown() {
    assert_eq!(judge(""), "UNKNOWN");
    assert_eq!(judge("p1 s1@0"), "UNKNOWN unseen[1]", "nothing read");
    assert_eq!(judge("p1 s1?; c7 r0:1"), "UNKNOWN", "nothing acknowledged");
    let faults = Terms { faults_asked: Some(2), ..Terms::default() };
    assert_eq!(under(faults, "p1 s1@0; end 0..1; f9 r0:1"), "UNKNOWN", "no fault took effect");
    let mock = Terms { log_start_must_be_zero: true, ..Terms::default() };
    assert_eq!(under(mock, "p1 s1@3; end 3..4; f9 r3:1"), "UNKNOWN", "the mock dropped its oldest");
}

#[test]
fn an_aborted_write_is_hidden_only_from_readers_of_committed_records() {
    let history = |isolation: &str| {
        format!(
            r#"{{"time":1,"process":1,"type":"invoke","f":"send","value":[["send","t-0",1]]}}
{{"time":2,"process":1,"type":"fail","f":"send","value":[["send","t-0",1]],"txn":{{"id":"1","outcome":"abort"}}}}
{{"time":3,"process":1,"type":"invoke","f":"txn","value":[["send","t-0",2],["send","t-0",3]]}}
{{"time":4,"process":1,"type":"fail","f":"txn","value":[["send","t-0",2],["send","t-0",3]]}}
{{"time":5,"process":1,"type":"invoke","f":"txn","value":[["send","t-0",4],["send","t-0",5]]}}
{{"time":6,"process":1,"type":"ok","f":"txn","value":[["send","t-0",[3,4]],["send","t-0",[4,5]]]}}
{{"time":7,"process":2,"type":"invoke","f":"poll","value":[["poll"]],"isolation":"{isolation}"}}
{{"time":8,"process":2,"type":"ok","f":"poll","value":[["poll",{{"t-0":[[0,1],[1,2],[2,3],[3,4],[4,5]]}}]],"isolation":"{isolation}"}}
"#
        )
    };
    let judge = |isolation| {
        let source = store::reader::Source::bytes(history(isolation).into_bytes());
        checker::analyze(source, &Context::default(), &checker::Options::default()).expect("reads").verdict
    };
    let uncommitted = judge("read-uncommitted");
    assert!(uncommitted.anomalies.is_empty(), "{:?}", uncommitted.anomalies);
    let committed = judge("read-committed");
    let kinds: Vec<_> = committed.anomalies.iter().map(|(kind, a)| (kind.as_str(), a.count)).collect();
    assert_eq!(kinds, [("G1a", 3)]);
    assert!(committed.anomalies["G1a"].examples[0].sentence.contains("its transaction was aborted, because"));
}

#[test]
fn sends_of_one_transaction_keep_their_order() {
    let history = r#"{"time":5,"process":1,"type":"invoke","f":"txn","value":[["send","t-0",4],["send","t-0",5]]}
{"time":6,"process":1,"type":"ok","f":"txn","value":[["send","t-0",[1,4]],["send","t-0",[0,5]]]}
{"time":7,"process":2,"type":"invoke","f":"poll","value":[["poll"]]}
{"time":8,"process":2,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,5],[1,4]]}]]}
"#;
    let source = store::reader::Source::bytes(history.as_bytes().to_vec());
    let verdict =
        checker::analyze(source, &Context::default(), &checker::Options::default()).expect("reads").verdict;
    assert_eq!(verdict.anomalies["int-nonmonotonic-send"].count, 1);
    assert!(!verdict.anomalies.contains_key("nonmonotonic-send"));
    let regression = &verdict.anomalies["ack-regression"];
    assert_eq!(regression.examples[0].consequence_of.as_deref(), Some("int-nonmonotonic-send"));
}
