//! Histories on which a verdict was wrong once: each tells more, or less, than it seems to.

mod support;

use checker::{Context, Options, analyze};
use store::reader::Source;
use store::verdict::{Validity, Verdict};
use support::observe::judge;

fn verdict(history: &str) -> Verdict {
    let source = Source::bytes(history.as_bytes().to_vec());
    analyze(source, &Context::default(), &Options::default()).expect("a well-formed history").verdict
}

const THREE: &str = "p0 s0@0; p0 s1@1; p0 s2@2;";
const FOUR: &str = "p0 s0@0; p0 s1@1; p0 s2@2; p0 s3@3;";

#[test]
fn a_write_acknowledged_while_the_pass_goes_on_is_judged_by_what_it_read() {
    assert_eq!(
        judge("p0 s0@0; f9 assign; end 0..1; p0 s1@1; p0 s2@2; c5 assign; c5 r0:0,1,2; f9 r0:0 r2:2"),
        "INVALID lost-write[1]",
        "seen, and gone"
    );
    assert_eq!(
        judge(&format!("{THREE} f9 assign; end 0..3; p0 s3@3; p0 s4@4; f9 r0:0,1,2 r4:4")),
        "INVALID lost-write[3]"
    );
    assert_eq!(judge("p0 s0@0; end 0..1; p0 s1@1; f9 r0:0; c5 r0:0,1"), "VALID", "it stands behind the pass");
}

#[test]
fn an_end_that_steps_back_is_no_end() {
    assert_eq!(
        judge("p0 s1@0; p0 s2@1; f9 assign pos=0; end 0..2; f9 r0:1,2; f10 assign pos=0; end 0..1; f10 r0:1"),
        "UNKNOWN"
    );
    assert_eq!(
        judge(
            "p0 s1@0; p0 s2@1; f9 assign pos=0; end 0..2; f9 r0:1,2; f10 assign pos=0; end 0..2; f10 r0:1 pos=2"
        ),
        "INVALID lost-write[2]",
        "the last pass read all of it"
    );
}

#[test]
fn a_pass_that_left_a_part_out_proves_nothing_of_it() {
    let unknown = "UNKNOWN unseen[1 2]";
    for (pass, told) in [
        ("f9 r0:0; f9 r ?; f10 r3:3", unknown),
        ("f9 r0:0; f9 seek pos=3; f9 r3:3", unknown),
        ("f9 r0:0; f9 assign; f9 r3:3", unknown),
        ("f9 assign pos=2; f9 r2:2,3", "UNKNOWN unseen[0 1]"),
        ("f9 r2:2,3", "UNKNOWN unseen[0 1]"),
        ("f9 assign pos=0; f9 r2:2,3", "INVALID lost-write[0 1]"),
        ("f9 r0:0; f9 seek pos=1; f9 r3:3", "INVALID lost-write[1 2]"),
        ("f9 r0:0,1; f9 r ?; f10 r2:2,3", "VALID"),
    ] {
        assert_eq!(judge(&format!("{FOUR} end 0..4; {pass}")), told, "{pass}");
    }
    assert_eq!(
        judge("p0 s1@0; p0 s2@1; f9 assign; end 0..2; f9 r pos=2"),
        "UNKNOWN unseen[1 2]",
        "a position without a beginning"
    );
}

#[test]
fn of_two_writes_of_one_value_one_may_be_missing() {
    assert_eq!(judge("p0 s7; p1 s7; p0 s8; end 0..3; f9 r0:7 r2:8"), "UNKNOWN");
    assert_eq!(judge("p0 s7; p1 s7; p0 s8; end 0..3; f9 r0:8 pos=3"), "INVALID lost-write[7 7]");
    assert_eq!(judge("p0 s7; p1 s7?; p0 s8; end 0..3; f9 r0:7 r2:8"), "VALID", "one was acknowledged");
}

#[test]
fn what_was_read_and_written_over_is_lost_without_a_pass() {
    assert_eq!(
        judge("p0 s5@0; c5 r0:5; p1 s6@0; c6 assign; c6 r0:6"),
        "INVALID inconsistent-offsets~lost-write[0] lost-write[5]"
    );
}

#[test]
fn bounds_may_be_unknown_for_one_partition_or_for_all() {
    assert_eq!(judge("p0 s1@0; end -1..-1; f9 r0:1; p0 s2@1"), "UNKNOWN unseen[2]");
    assert_eq!(judge("p0 s1@0; p0 s2@1; end 0..-1; f9 r0:1"), "UNKNOWN unseen[2]");
    let history = r#"{"time":10,"process":0,"type":"invoke","f":"send","value":[["send","t-0",1]]}
{"time":20,"process":0,"type":"ok","f":"send","value":[["send","t-0",[0,1]]]}
{"time":30,"process":0,"type":"invoke","f":"send","value":[["send","t-1",5]]}
{"time":40,"process":0,"type":"ok","f":"send","value":[["send","t-1",[0,5]]]}
{"time":50,"process":9,"type":"invoke","f":"offsets","value":null,"final":true}
{"time":60,"process":9,"type":"ok","f":"offsets","value":{"t-0":{"start":0,"end":1},"t-1":null},"final":true}
{"time":70,"process":9,"type":"invoke","f":"poll","value":[["poll"]],"final":true}
{"time":80,"process":9,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,1]],"t-1":[[0,5]]}]],"final":true,"position":{"t-0":1,"t-1":1}}
"#;
    let pass = verdict(history).exercised.consume_all.expect("a pass");
    assert_eq!((pass.covered, pass.of), (1, 2));
}

#[test]
fn below_a_start_that_anybody_heard_of_nothing_is_lost_or_left_out() {
    let sent = "p0 s1@0; p0 s2@1; p0 s3@2;";
    assert_eq!(judge(&format!("{sent} c5 r0:1; log 2..3; c5 r2:3")), "UNKNOWN unseen[2]");
    assert_eq!(judge(&format!("{sent} c6 r0:1,2,3; c5 r0:1; log 2..3; c5 r2:3")), "VALID");
    assert_eq!(
        judge("p0 s1@0; p0 s2@4; p0 s3@3; c5 r0:1,2; f9 assign pos=3; end 3..5; f9 r3:3 pos=5"),
        "UNKNOWN ack-regression[3]",
        "it was read below the start, whatever its acknowledgement said"
    );
}

#[test]
fn an_acknowledged_offset_alone_proves_no_loss() {
    assert_eq!(judge("p0 s1@0; p1 s2@1; p0 s3@1; c5 r0:1,2"), "UNKNOWN unseen[3]");
    assert_eq!(judge("p0 s1@0; p1 s2@1; p0 s3@1; p0 s4@2; c5 r0:1,2,4"), "INVALID lost-write[3]");
}

#[test]
fn clocks_that_do_not_tell_prove_no_loss() {
    let sends = r#"{"time":10,"process":0,"type":"invoke","f":"send","value":[["send","t-0",1]],"clock":"a"}
{"time":20,"process":0,"type":"ok","f":"send","value":[["send","t-0",[0,1]]],"clock":"a"}
{"time":30,"process":0,"type":"invoke","f":"send","value":[["send","t-0",2]],"clock":"a"}
{"time":40,"process":0,"type":"ok","f":"send","value":[["send","t-0",[1,2]]],"clock":"a"}
{"time":50,"process":0,"type":"invoke","f":"send","value":[["send","t-0",3]],"clock":"a"}
{"time":60,"process":0,"type":"ok","f":"send","value":[["send","t-0",[2,3]]],"clock":"a"}
"#;
    let live = r#"{"time":90,"process":5,"type":"invoke","f":"poll","value":[["poll"]],"clock":"b"}
{"time":100,"process":5,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,1],[2,3]]}]],"clock":"b"}
"#;
    let pass = r#"{"time":90,"process":9,"type":"invoke","f":"offsets","value":null,"final":true}
{"time":100,"process":9,"type":"ok","f":"offsets","value":{"t-0":{"start":0,"end":3}},"final":true}
{"time":110,"process":9,"type":"invoke","f":"poll","value":[["poll"]],"final":true}
{"time":120,"process":9,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,1],[2,3]]}]],"final":true,"position":{"t-0":3}}
"#;
    for readers in [live, pass] {
        let verdict = verdict(&format!("{sends}{readers}"));
        assert_eq!(verdict.validity, Validity::Unknown);
        assert_eq!(verdict.anomalies.keys().collect::<Vec<_>>(), ["unseen"]);
        let sentence = &verdict.anomalies["unseen"].examples[0].sentence;
        assert!(sentence.contains("because the clocks do not tell"), "{sentence}");
    }
}

#[test]
fn a_consequence_follows_from_something_that_is_reported() {
    assert_eq!(
        judge("p0 s1@0; p1 s2@0; p0 s3@5; c5 r0:1; c6 r0:2; f9 assign pos=5; end 5..6; f9 r5:3"),
        "INVALID inconsistent-offsets[0]"
    );
    assert_eq!(
        judge("p0 s1@3; p0 s2@2; p1 s3@5; f9 assign pos=5; end 5..6; f9 r5:3"),
        "UNKNOWN ack-regression[2]"
    );
    assert_eq!(
        judge(
            "p0 s1@0; p1 s2?; p2 s3?; c5 r0:1,2,3; p3 s4@1; p3 s5@2; c5 r1:4,5; f9 assign pos=0; end 0..3; f9 r0:1,4,5"
        ),
        "INVALID inconsistent-offsets[1 2] nonmonotonic-poll~inconsistent-offsets[1]"
    );
    assert_eq!(
        judge("p0 s1@0; p0 s2@1; t-1: p1 s50@0; end 0..1; f9 r0:1; t-1: end 0..2; t-1: f9 r0:50,2"),
        "INVALID lost-write[2] unexpected~lost-write[t-1 2]",
        "it went to another partition"
    );
}

#[test]
fn a_loss_is_told_by_what_was_read() {
    let first = judge_sentence(&format!("{THREE} f9 assign pos=0; end 0..3; f9 r1:1,2"));
    assert!(
        first.contains("read offset 1 first") && first.contains("because no record stands before"),
        "{first}"
    );
    let last = judge_sentence(&format!("{THREE} end 0..7; f9 r0:0,1 pos=7"));
    assert!(last.contains("read offset 1 last, came to the log's end at offset 7"), "{last}");
    assert_eq!(judge(&format!("{THREE} f9 assign; end 0..3; f9 r1:1,2")), "UNKNOWN unseen[0]");
}

fn judge_sentence(notation: &str) -> String {
    let ops = support::notation::ops(notation);
    let verdict = support::observe::analysis(&ops, &Context::default()).verdict;
    verdict.anomalies["lost-write"].examples[0].sentence.clone()
}

/// Lines with times that go up by one, from their process, type, function, value and what else they hold.
fn told(lines: &[(u32, &str, &str, &str, &str)]) -> Verdict {
    let line = |(time, (process, op_type, f, value, more)): (usize, &(u32, &str, &str, &str, &str))| {
        format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}{more}}}\n"
        )
    };
    verdict(&lines.iter().enumerate().map(line).collect::<String>())
}

#[test]
fn a_reader_that_says_nothing_of_its_isolation_is_convicted_by_neither() {
    let own = |more| {
        let told = told(&[
            (0, "invoke", "txn", r#"[["send","t-0",1],["poll"]]"#, more),
            (0, "ok", "txn", r#"[["send","t-0",[0,1]],["poll",{"t-0":[[0,1]]}]]"#, more),
        ]);
        told.anomalies.contains_key("precommitted-read")
    };
    assert_eq!([own(""), own(r#","isolation":"read-committed""#)], [false, true]);
    let jumped = |more| {
        let told = told(&[
            (1, "invoke", "send", r#"[["send","t-0",10]]"#, ""),
            (1, "ok", "send", r#"[["send","t-0",[0,10]]]"#, ""),
            (0, "invoke", "txn", r#"[["send","t-0",1]]"#, ""),
            (0, "fail", "txn", r#"[["send","t-0",1]]"#, ""),
            (1, "invoke", "send", r#"[["send","t-0",12]]"#, ""),
            (1, "ok", "send", r#"[["send","t-0",[3,12]]]"#, ""),
            (6, "invoke", "poll", r#"[["poll"]]"#, ""),
            (
                6,
                "ok",
                "poll",
                r#"[["poll",{"t-0":[[0,10],[1,1],[3,12]]}]]"#,
                r#","isolation":"read-uncommitted""#,
            ),
            (5, "invoke", "poll", r#"[["poll"]]"#, ""),
            (5, "ok", "poll", r#"[["poll",{"t-0":[[0,10],[3,12]]}]]"#, more),
        ]);
        told.anomalies.contains_key("int-poll-skip")
    };
    assert_eq!([jumped(""), jumped(r#","isolation":"read-uncommitted""#)], [false, true]);
}

#[test]
fn what_a_poll_s_invocation_says_of_its_isolation_counts() {
    let aborted_read = |invoked, completed| {
        let told = told(&[
            (1, "invoke", "txn", r#"[["send","t-0",1]]"#, ""),
            (1, "fail", "txn", r#"[["send","t-0",1]]"#, ""),
            (2, "invoke", "send", r#"[["send","t-0",2]]"#, ""),
            (2, "ok", "send", r#"[["send","t-0",[2,2]]]"#, ""),
            (5, "invoke", "poll", r#"[["poll"]]"#, invoked),
            (5, "ok", "poll", r#"[["poll",{"t-0":[[0,1],[2,2]]}]]"#, completed),
        ]);
        told.anomalies.contains_key("G1a")
    };
    let [committed, uncommitted] = [r#","isolation":"read-committed""#, r#","isolation":"read-uncommitted""#];
    assert!(aborted_read(committed, "") && aborted_read("", committed));
    assert!(!aborted_read("", "") && !aborted_read(committed, uncommitted));
}

#[test]
fn a_static_member_that_comes_back_owns_what_it_owned() {
    let owners = |client: &str| {
        let told = told(&[
            (0, "invoke", "send", r#"[["send","t-0",1]]"#, ""),
            (0, "ok", "send", r#"[["send","t-0",[0,1]]]"#, ""),
            (7, "ok", "rebalance", r#"{"assigned":["t-0"],"member":"m1","generation":3}"#, r#","client":1"#),
            (7, "invoke", "crash", "null", r#","client":1"#),
            (7, "ok", "crash", "null", r#","client":1"#),
            (8, "ok", "rebalance", r#"{"assigned":["t-0"],"member":"m2","generation":3}"#, client),
        ]);
        told.anomalies.contains_key("ownership-overlap")
    };
    assert!(!owners(r#","client":1,"incarnation":1"#));
    assert!(owners(r#","client":2"#), "somebody else is another owner");
}

#[test]
fn a_drain_without_a_list_tells_nothing() {
    for value in ["", r#","value":null"#] {
        let history = [
            r#"{"time":1,"process":0,"type":"invoke","f":"enqueue","value":1}"#.to_owned(),
            r#"{"time":2,"process":0,"type":"ok","f":"enqueue","value":1}"#.to_owned(),
            format!(r#"{{"time":3,"process":2,"type":"invoke","f":"drain"{value}}}"#),
            format!(r#"{{"time":4,"process":2,"type":"ok","f":"drain"{value}}}"#),
        ];
        let source = Source::bytes(history.join("\n").into_bytes());
        let verdict = checker::queue::analyze(source, &Context::default(), &Options::default());
        let verdict = verdict.expect("well formed").verdict;
        assert_eq!(verdict.validity, Validity::Unknown, "{verdict:?}");
        assert!(verdict.unknown_because.iter().any(|why| why.contains("no list of values")));
    }
}
