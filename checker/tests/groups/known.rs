//! The forms in which a history can say that a consumer was moved, and that it was not.

use checker::{Context, Options, analyze};
use store::reader::Source;

use super::history::{Op, Outcome, What, counts, text, value_at, verdict};

/// A consumer of both partitions that jumps over offset 1 of `t-0`, with one operation between its two polls.
fn jump(between: Op) -> Vec<Op> {
    let mut ops = Vec::new();
    for offset in 0..3 {
        let at = offset as u64 * 10;
        ops.push(Op::new(What::Send(0, value_at(0, offset), offset), 50, at, at + 5));
    }
    ops.push(Op::new(What::Subscribe, 1, 100, 105));
    ops.push(Op::new(What::Rebalance(vec![0, 1], Vec::new()), 1, 110, 115));
    ops.push(Op::new(What::Poll(vec![(0, vec![0])]), 1, 120, 125));
    ops.push(between);
    ops.push(Op::new(What::Poll(vec![(0, vec![2])]), 1, 140, 145));
    // Somebody else shows that offset 1 exists.
    ops.push(Op::new(What::Poll(vec![(0, vec![0, 1, 2])]), 9, 200, 205));
    ops
}

fn skips(ops: &[Op]) -> u64 {
    counts(&verdict(ops)).get("poll-skip").copied().unwrap_or(0)
}

#[test]
fn only_what_touches_a_partition_excuses_a_jump_in_it() {
    let at = |what| Op::new(what, 1, 130, 135);
    for (what, expected) in [
        (What::Poll(Vec::new()), 1),
        (What::Rebalance(vec![1], Vec::new()), 1),
        (What::Rebalance(Vec::new(), vec![1]), 1),
        (What::Rebalance(Vec::new(), Vec::new()), 1),
        (What::Rebalance(vec![0], Vec::new()), 0),
        (What::Rebalance(vec![1], vec![0]), 0),
        (What::Seek(1), 1),
        (What::Seek(0), 0),
        (What::Assign, 0),
        (What::Subscribe, 0),
        (What::Crash, 0),
        (What::Commit(0, 1), 1),
    ] {
        assert_eq!(skips(&jump(at(what.clone()))), expected, "{what:?}");
    }
    let others = Op { client: 2, process: 2, ..at(What::Rebalance(vec![0], Vec::new())) };
    assert_eq!(skips(&jump(others)), 1, "another consumer's rebalance moves nobody here");
    let callback = Op { process: 33, ..at(What::Rebalance(vec![0], Vec::new())) };
    assert_eq!(skips(&jump(callback)), 0, "a process of its own may tell of the client's rebalances");
    let open = Op {
        completed: None,
        outcome: Outcome::Info,
        process: 33,
        ..at(What::Rebalance(vec![1], Vec::new()))
    };
    assert_eq!(skips(&jump(open)), 0, "nobody knows what it touched");
}

#[test]
fn jepsens_rebalance_log_is_read() {
    for (log, expected) in [(vec![], 1), (vec![1], 1), (vec![0], 0), (vec![0, 1], 0)] {
        let mut ops = jump(Op::new(What::Commit(0, 1), 1, 130, 135));
        let poll = ops.iter().position(|op| op.invoked == 140).expect("the second poll");
        ops[poll].log = log.clone();
        assert_eq!(skips(&ops), expected, "{log:?}");
    }
    // As Jepsen prints it, in both forms that its clients use.
    let op = |time: u32, process: u32, op_type: &str, f: &str, value: &str, log: &str| {
        format!("{{:time {time}, :process {process}, :type :{op_type}, :f :{f}, :value {value}{log}}}\n")
    };
    for (log, expected) in [
        ("", true),
        (", :rebalance-log [{:type :revoked, :keys [4]}]", true),
        (", :rebalance-log [{:type :revoked, :keys [4]} {:type :assigned, :keys [5]}]", false),
        (", :rebalance-log {:before [{:keys [5]}], :during []}", false),
        (", :rebalance-log ({:type :lost})", false),
    ] {
        let mut edn = String::new();
        for offset in 0..3 {
            let (at, sent) = (offset * 10, format!("[[:send 5 {offset}]]"));
            edn += &op(at, 0, "invoke", "send", &sent, "");
            edn += &op(at + 5, 0, "ok", "send", &format!("[[:send 5 [{offset} {offset}]]]"), "");
        }
        for (at, read, log) in [(100, "[[0 0]]", ""), (120, "[[2 2]]", log)] {
            edn += &op(at, 1, "invoke", "poll", "[[:poll]]", "");
            edn += &op(at + 5, 1, "ok", "poll", &format!("[[:poll {{5 {read}}}]]"), log);
        }
        edn += &op(200, 2, "invoke", "poll", "[[:poll]]", "");
        edn += &op(205, 2, "ok", "poll", "[[:poll {5 [[0 0] [1 1] [2 2]]}]]", "");
        let source = Source::bytes(edn.into_bytes());
        let verdict = analyze(source, &Context::default(), &Options::default()).expect("read").verdict;
        assert_eq!(verdict.anomalies.contains_key("poll-skip"), expected, "{log}");
    }
}

#[test]
fn what_polls_of_unknown_outcome_may_have_read_is_not_called_skipped() {
    let mut ops = jump(Op::new(What::Rebalance(vec![0], Vec::new()), 1, 130, 135));
    ops.push(Op { generation: Some(1), ..Op::new(What::Commit(0, 3), 1, 150, 155) });
    let certain = verdict(&ops);
    let example = &certain.anomalies["group-skip"].examples[0];
    assert_eq!((certain.anomalies["group-skip"].count, example.offset), (1, Some(1)));
    assert!(example.sentence.contains("client 1 of the group committed offset 3"), "{}", example.sentence);
    ops.push(Op { outcome: Outcome::Info, ..Op::new(What::Poll(Vec::new()), 3, 148, 149) });
    let unsure = verdict(&ops);
    assert!(!unsure.anomalies.contains_key("group-skip"));
    assert!(
        unsure.unknown_because.iter().any(|why| why.contains("unknown outcome")),
        "{:?}",
        unsure.unknown_because
    );
}

#[test]
fn odd_values_of_groups_are_no_anomalies() {
    let line = |f: &str, value: &str| {
        let head = format!("\"time\":5,\"process\":1,\"f\":\"{f}\",\"value\":{value},\"group\":[1]");
        format!("{{{head},\"type\":\"invoke\"}}\n{{{head},\"type\":\"ok\",\"rebalance-log\":7}}\n")
    };
    for value in ["null", "7", "\"x\"", "[[[]]]", "{}", r#"{"t-0":null}"#, r#"{"assigned":[[]],"lost":{}}"#] {
        let odd: String =
            ["commit", "rebalance", "seek", "subscribe", "assign"].map(|f| line(f, value)).concat();
        let good = text(&jump(Op::new(What::Commit(0, 1), 1, 130, 135)));
        let source = Source::bytes((odd + &good).into_bytes());
        let verdict = analyze(source, &Context::default(), &Options::default()).expect("read").verdict;
        assert!(
            verdict.anomalies.keys().all(|kind| kind == "poll-skip"),
            "{value}: {:?}",
            verdict.anomalies.keys()
        );
    }
}
