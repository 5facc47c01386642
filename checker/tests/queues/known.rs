//! Histories with known answers: the forms that a history may have, and what may not be called certain.

use super::history::{Op, Outcome, What, counts, text, verdict};

fn enqueue(value: u64, at: u64) -> Op {
    Op::new(What::Enqueue(value), at, at + 2)
}

fn dequeue(value: Option<u64>, at: u64) -> Op {
    Op::new(What::Dequeue(value), at, at + 2)
}

fn drain(values: &[u64], at: u64) -> Op {
    Op::new(What::Drain(values.to_vec()), at, at + 2)
}

fn with(op: Op, outcome: Outcome) -> Op {
    Op { outcome, ..op }
}

/// `VALID`, or the kinds with their counts; consequences in brackets.
fn told(ops: &[Op], guarantee: &str) -> String {
    let verdict = verdict(&text(ops).0, guarantee);
    let mut told = vec![verdict.validity.to_string()];
    for (kind, (count, after)) in counts(&verdict) {
        let after = if after > 0 { format!("({after})") } else { String::new() };
        told.push(format!("{kind} {count}{after}"));
    }
    told.join(", ")
}

#[test]
fn an_element_that_nobody_took_is_lost_once_the_queue_was_drained() {
    let lost = [enqueue(1, 0), enqueue(2, 10), dequeue(Some(2), 20), drain(&[], 30)];
    assert_eq!(told(&lost, "default"), "INVALID, lost 1, overtaken 1(1)");
    assert_eq!(told(&lost[..3], "default"), "UNKNOWN", "without a drain it may still be there");
    assert_eq!(told(&lost, "none"), "VALID, lost 1, overtaken 1(1)");
}

#[test]
fn what_unknown_dequeues_may_have_taken_is_not_lost() {
    let unknown = |at| with(dequeue(None, at), Outcome::Info);
    let two = [enqueue(1, 0), enqueue(2, 10), unknown(20), drain(&[], 30)];
    assert_eq!(told(&two, "default"), "INVALID, lost 1", "one dequeue cannot have taken both");
    let verdict = verdict(&text(&two).0, "default");
    assert!(verdict.unknown_because[0].contains("may have taken 1 of them"), "{:?}", verdict.unknown_because);
    assert_eq!(
        told(&[enqueue(1, 0), unknown(20), dequeue(Some(9), 25), drain(&[], 30)], "none"),
        "VALID, unexpected 1"
    );
    let one = [enqueue(1, 0), enqueue(2, 5), dequeue(Some(2), 9), unknown(20), drain(&[], 30)];
    assert_eq!(told(&one, "default"), "UNKNOWN");
    let named = with(dequeue(Some(1), 20), Outcome::Info);
    let two = [enqueue(1, 0), enqueue(2, 10), named, drain(&[], 30)];
    assert_eq!(told(&two, "default"), "INVALID, lost 1", "it can only have taken the one that it names");
    let drained = [enqueue(1, 0), dequeue(None, 5), with(drain(&[], 20), Outcome::Info), drain(&[], 30)];
    assert!(told(&drained, "default").starts_with("UNKNOWN"), "a drain may take everything");
    let late = [enqueue(1, 0), enqueue(2, 5), dequeue(Some(2), 9), drain(&[], 20), unknown(40)];
    assert_eq!(told(&late, "default"), "INVALID, lost 1, overtaken 1(1)", "it came too late to take it");
}

#[test]
fn a_dequeue_that_failed_while_the_queue_was_drained_may_have_held_an_element() {
    let failing = Op { completed: Some(40), ..with(dequeue(None, 15), Outcome::Fail) };
    let ops = [enqueue(1, 0), enqueue(2, 5), dequeue(Some(2), 9), failing, drain(&[], 20)];
    assert_eq!(told(&ops, "default"), "UNKNOWN");
    let before = with(dequeue(None, 12), Outcome::Fail);
    let ops = [enqueue(1, 0), enqueue(2, 5), dequeue(Some(2), 9), before, drain(&[], 20)];
    assert_eq!(told(&ops, "default"), "INVALID, lost 1, overtaken 1(1)");
}

#[test]
fn what_comes_out_must_have_gone_in() {
    for (ops, expected) in [
        (vec![enqueue(1, 0), drain(&[1, 9], 20)], "INVALID, unexpected 1"),
        (
            vec![enqueue(1, 0), with(enqueue(2, 5), Outcome::Fail), drain(&[1, 2], 20)],
            "INVALID, resurrected 1",
        ),
        (vec![enqueue(1, 0), with(enqueue(2, 5), Outcome::Info), drain(&[1, 2], 20)], "VALID, recovered 1"),
        (vec![enqueue(1, 0), dequeue(Some(1), 5), drain(&[1], 20)], "VALID, duplicated 1"),
        (vec![enqueue(1, 0), enqueue(1, 5), dequeue(Some(1), 8), drain(&[1], 20)], "VALID"),
        (vec![dequeue(Some(1), 0), enqueue(1, 10), drain(&[], 20)], "INVALID, unexpected 1"),
    ] {
        assert_eq!(told(&ops, "default"), expected, "{ops:?}");
    }
    let twice = [enqueue(1, 0), dequeue(Some(1), 5), drain(&[1], 20)];
    assert_eq!(told(&twice, "exactly-once"), "INVALID, duplicated 1");
}

#[test]
fn order_is_judged_where_it_is_certain() {
    let swapped = [enqueue(1, 0), enqueue(2, 10), dequeue(Some(2), 20), dequeue(Some(1), 30), drain(&[], 40)];
    assert_eq!(told(&swapped, "default"), "VALID, overtaken 1");
    assert_eq!(told(&swapped, "exactly-once"), "INVALID, overtaken 1");
    let concurrent = Op::new(What::Enqueue(2), 1, 12);
    let mut ops = swapped.to_vec();
    ops[1] = concurrent;
    assert_eq!(told(&ops, "exactly-once"), "VALID", "both were being put in at once");
    let mut ops = swapped.to_vec();
    ops[3].invoked = 21;
    assert_eq!(told(&ops, "exactly-once"), "VALID", "both were being taken at once");
    let twin = [enqueue(1, 0), enqueue(1, 10), enqueue(2, 20), dequeue(Some(2), 30), drain(&[1, 1], 40)];
    assert_eq!(told(&twin, "exactly-once"), "UNKNOWN", "twins cannot be told apart");
    assert_eq!(told(&twin, "default"), "VALID", "nobody promised an order");
}

#[test]
fn queues_are_judged_one_by_one() {
    let of = |key, op: Op| Op { key: Some(key), ..op };
    let ops = [
        of("a", enqueue(1, 0)),
        of("b", enqueue(1, 3)),
        of("a", dequeue(Some(1), 10)),
        of("a", drain(&[], 20)),
        of("b", drain(&[], 30)),
    ];
    let verdict = verdict(&text(&ops).0, "default");
    let example = &verdict.anomalies["lost"].examples[0];
    assert_eq!((verdict.anomalies["lost"].count, example.key.as_deref()), (1, Some("b")));
    assert!(example.sentence.starts_with("b: process 1 "), "{}", example.sentence);
    assert_eq!(verdict.exercised.partitions, 2);
}

#[test]
fn odd_histories_are_judged_as_unknown_and_never_panic() {
    let line = |process: u32, op_type: &str, f: &str, value: &str, more: &str| {
        format!(
            "{{\"time\":5,\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}{more}}}\n"
        )
    };
    let good = line(0, "invoke", "enqueue", "1", "")
        + &line(0, "ok", "enqueue", "1", "")
        + &line(1, "invoke", "dequeue", "null", "")
        + &line(1, "ok", "dequeue", "1", "");
    for (odd, word) in [
        (line(2, "invoke", "enqueue", "null", "") + &line(2, "ok", "enqueue", "null", ""), "names no value"),
        (line(2, "invoke", "drain", "null", "") + &line(2, "ok", "drain", "7", ""), "no list"),
        (line(2, "invoke", "read", "null", "") + &line(2, "ok", "read", "7", ""), "\"read\" was not judged"),
    ] {
        let verdict = verdict(&(good.clone() + &odd), "default");
        assert!(
            verdict.unknown_because.iter().any(|why| why.contains(word)),
            "{:?}",
            verdict.unknown_because
        );
    }
    for (odd, word) in [
        (line(2, "ok", "enqueue", "7", ""), "never invoked"),
        (line(2, "invoke", "dequeue", "null", "").repeat(2), "while its operation"),
        (line(2, "invoke", "debug", "null", "") + &line(2, "ok", "debug", "7", ""), "\"debug\""),
    ] {
        let verdict = verdict(&(good.clone() + &odd), "none");
        assert!(verdict.notes.iter().any(|note| note.contains(word)), "{:?}", verdict.notes);
    }
    assert_eq!(verdict("", "default").validity.to_string(), "UNKNOWN");
    // A final dequeue that finds nothing tells as much as a drain.
    let empty = line(3, "invoke", "dequeue", "null", ",\"final\":true").replace(":5", ":9")
        + &line(3, "ok", "dequeue", "null", ",\"final\":true").replace(":5", ":9");
    let lost = line(2, "invoke", "enqueue", "\"x\"", "") + &line(2, "ok", "enqueue", "\"x\"", "");
    let verdict = verdict(&(good + &lost + &empty), "default");
    assert_eq!(verdict.anomalies["lost"].examples[0].value.as_deref(), Some("\"x\""));
}

#[test]
fn a_queue_has_series_and_faults_in_force() {
    let fault = |time: u64, op_type: &str, f: &str, value: &str| {
        format!(
            "{{\"time\":{time},\"process\":\"nemesis\",\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value},\"fault\":1}}\n"
        )
    };
    let held = r#"{"label":"kill a","nodes":["a"],"bit":true,"evidence":"it is gone"}"#;
    let ops = [enqueue(1, 10), enqueue(2, 20), dequeue(Some(2), 30), drain(&[], 90)];
    let text = fault(5, "invoke", "kill", "null")
        + &fault(6, "info", "kill", held)
        + &text(&ops).0
        + &fault(95, "invoke", "heal", "null");
    let options = checker::Options::default();
    let source = store::reader::Source::bytes(text.into_bytes());
    let analysis = checker::queue::analyze(source, &checker::Context::default(), &options).expect("read");
    assert_eq!(analysis.verdict.anomalies["lost"].examples[0].faults, [1]);
    assert_eq!((analysis.verdict.exercised.faults_bit, analysis.series.faults.len()), (1, 1));
    let functions: Vec<&str> = analysis.series.rates.iter().map(|rate| rate.f.as_str()).collect();
    assert_eq!(functions, ["dequeue", "drain", "enqueue"]);
    assert!(analysis.series.latencies.len() == 3 && analysis.series.steps > 0);
}
