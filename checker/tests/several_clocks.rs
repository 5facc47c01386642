//! Histories whose clocks may be apart: what depends on an order across them is not certain.

use std::time::Duration;

use checker::{Context, Options, analyze, queue};
use store::reader::Source;
use store::verdict::Verdict;

/// A line: its clock and time, its process, its type and function, its value.
type Event<'a> = (&'a str, u64, u32, &'a str, &'a str, &'a str);

fn text(events: &[Event<'_>]) -> String {
    let line = |(clock, time, process, op_type, f, value): &Event<'_>| {
        format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value},\"clock\":\"{clock}\"}}\n"
        )
    };
    events.iter().map(line).collect()
}

/// What is found: with clocks that may be apart by anything, by 1 us, and not at all.
fn found(judge: impl Fn(&Options) -> Verdict) -> [Vec<String>; 3] {
    [None, Some(Duration::from_micros(1)), Some(Duration::ZERO)].map(|clock_uncertainty| {
        let options = Options {
            clock_uncertainty,
            threads: 1,
            guarantee: Some("exactly-once".into()),
            ..Options::default()
        };
        judge(&options).anomalies.into_keys().collect()
    })
}

fn of_log(events: &[Event<'_>]) -> [Vec<String>; 3] {
    let source = || Source::bytes(text(events).into_bytes());
    found(|options| analyze(source(), &Context::default(), options).expect("well formed").verdict)
}

fn of_queue(events: &[Event<'_>]) -> [Vec<String>; 3] {
    let source = || Source::bytes(text(events).into_bytes());
    found(|options| queue::analyze(source(), &Context::default(), options).expect("well formed").verdict)
}

/// Only who knows that the clocks agree finds it; what one clock shows is found by all.
fn only_by_clocks_that_agree(kind: &str, found: &[Vec<String>; 3]) {
    let has = |all: &[String]| all.iter().any(|one| one == kind);
    assert_eq!(found.each_ref().map(|all| has(all)), [false, false, true], "{kind}: {found:?}");
}

#[test]
fn a_queue_is_drained_before_or_after_as_clocks_say() {
    let early_drain = [
        ("a", 100, 0, "invoke", "enqueue", "1"),
        ("a", 110, 0, "ok", "enqueue", "1"),
        ("b", 10, 1, "invoke", "drain", "null"),
        ("b", 20, 1, "ok", "drain", "[1]"),
    ];
    only_by_clocks_that_agree("unexpected", &of_queue(&early_drain));
    let late_drain = [
        ("b", 100, 1, "invoke", "drain", "null"),
        ("b", 101, 1, "ok", "drain", "[]"),
        ("a", 10, 0, "invoke", "enqueue", "1"),
        ("a", 11, 0, "ok", "enqueue", "1"),
    ];
    only_by_clocks_that_agree("lost", &of_queue(&late_drain));
    let overtaken = [
        ("a", 1, 0, "invoke", "enqueue", "1"),
        ("a", 2, 0, "ok", "enqueue", "1"),
        ("b", 101, 1, "invoke", "enqueue", "2"),
        ("b", 102, 1, "ok", "enqueue", "2"),
        ("b", 105, 1, "invoke", "dequeue", "null"),
        ("b", 106, 1, "ok", "dequeue", "2"),
        ("c", 1000, 2, "invoke", "dequeue", "null"),
        ("c", 1001, 2, "ok", "dequeue", "1"),
    ];
    only_by_clocks_that_agree("overtaken", &of_queue(&overtaken));
    let twice = [
        ("a", 1, 0, "invoke", "enqueue", "1"),
        ("a", 2, 0, "ok", "enqueue", "1"),
        ("b", 1, 1, "invoke", "dequeue", "null"),
        ("b", 2, 1, "ok", "dequeue", "1"),
        ("c", 1, 2, "invoke", "dequeue", "null"),
        ("c", 2, 2, "ok", "dequeue", "1"),
    ];
    let told = |options: &Options| {
        let source = Source::bytes(text(&twice).into_bytes());
        queue::analyze(source, &Context::default(), options).expect("well formed").verdict.unknown_because
    };
    assert!(told(&Options::default()).iter().any(|why| why.contains("different clocks")));
    assert!(of_queue(&twice).iter().all(|all| all == &["duplicated"]), "no clock is needed for that");
}

const SENDS: [Event<'static>; 4] = [
    ("b", 1, 0, "invoke", "send", r#"[["send","t-0",1]]"#),
    ("b", 2, 0, "ok", "send", r#"[["send","t-0",[0,1]]]"#),
    ("b", 3, 0, "invoke", "send", r#"[["send","t-0",2]]"#),
    ("b", 4, 0, "ok", "send", r#"[["send","t-0",[1,2]]]"#),
];

#[test]
fn a_group_s_commits_and_owners_follow_one_another_as_clocks_say() {
    let commits = [
        ("b", 40, 1, "invoke", "commit", r#"{"t-0":2}"#),
        ("b", 41, 1, "ok", "commit", r#"{"t-0":2}"#),
        ("c", 140, 2, "invoke", "commit", r#"{"t-0":1}"#),
        ("c", 141, 2, "ok", "commit", r#"{"t-0":1}"#),
    ];
    only_by_clocks_that_agree("commit-regression", &of_log(&[&SENDS[..], &commits].concat()));
    let fenced = [
        ("b", 10, 1, "invoke", "rebalance", "null"),
        ("b", 11, 1, "ok", "rebalance", r#"{"assigned":["t-0"],"member":"m1","generation":1}"#),
        ("c", 50, 2, "invoke", "rebalance", "null"),
        ("c", 51, 2, "ok", "rebalance", r#"{"assigned":["t-0"],"member":"m2","generation":2}"#),
        ("b", 100, 1, "invoke", "commit", "null"),
        ("b", 101, 1, "ok", "commit", r#"{"t-0":1,"member":"m1","generation":1}"#),
    ];
    only_by_clocks_that_agree("ownership-overlap", &of_log(&[&SENDS[..], &fenced].concat()));
    let skipped = [
        ("b", 10, 1, "invoke", "poll", r#"[["poll"]]"#),
        ("b", 11, 1, "ok", "poll", r#"[["poll",{"t-0":[[0,1]]}]]"#),
        ("b", 30, 1, "invoke", "commit", r#"{"t-0":2}"#),
        ("b", 31, 1, "ok", "commit", r#"{"t-0":2}"#),
        ("c", 510, 2, "invoke", "poll", r#"[["poll"]]"#),
        ("c", 511, 2, "ok", "poll", r#"[["poll",{"t-0":[[1,2]]}]]"#),
    ];
    only_by_clocks_that_agree("group-skip", &of_log(&[&SENDS[..], &skipped].concat()));
}

#[test]
fn transactions_follow_one_another_as_clocks_say() {
    let cycle = [
        ("a", 100, 0, "invoke", "txn", r#"[["send","t-0",1]]"#),
        ("a", 110, 0, "ok", "txn", r#"[["send","t-0",[0,1]]]"#),
        ("b", 10, 1, "invoke", "txn", r#"[["send","t-0",2]]"#),
        ("b", 20, 1, "ok", "txn", r#"[["send","t-0",[1,2]]]"#),
        ("a", 200, 5, "invoke", "poll", r#"[["poll"]]"#),
        ("a", 210, 5, "ok", "poll", r#"[["poll",{"t-0":[[0,1],[1,2]]}]]"#),
    ];
    let all = of_log(&cycle);
    only_by_clocks_that_agree("G0-realtime", &all);
    only_by_clocks_that_agree("stale-append", &all);
}
