//! Plant and find: correct runs of a queue are silent; one planted anomaly is found, with its operations, and alone.

use super::history::{Op, Outcome, What, counts, text, verdict};
use super::rng::Rng;
use super::simulate::run;

const RUNS: u64 = 60;

/// Kinds that a correct run may show, because its clients do not know everything.
fn findings(ops: &[Op]) -> Vec<(String, u64)> {
    let verdict = verdict(&text(ops).0, "exactly-once");
    let mut found: Vec<(String, u64)> =
        counts(&verdict).into_iter().map(|(kind, (count, after))| (kind, count - after)).collect();
    found.retain(|(kind, count)| kind != "recovered" && *count > 0);
    found
}

/// Plants with `plant` and expects its kind once, with a witness among the lines of each operation that it names.
fn plant_and_find(kind: &str, plant: impl Fn(&mut Vec<Op>, &mut Rng) -> Option<Vec<usize>>) {
    let mut planted = 0;
    for seed in 0..RUNS {
        let mut ops = run(seed, 80, 10);
        assert_eq!(findings(&ops), [], "seed {seed} before planting");
        let Some(culprits) = plant(&mut ops, &mut Rng(seed ^ 0x5eed)) else { continue };
        planted += 1;
        assert_eq!(findings(&ops), [(kind.to_owned(), 1)], "seed {seed}");
        let (text, of_line) = text(&ops);
        let verdict = verdict(&text, "exactly-once");
        let example = &verdict.anomalies[kind].examples[0];
        for culprit in culprits {
            let named = example.witness.iter().any(|w| of_line[w.line as usize - 1] == culprit);
            assert!(named, "seed {seed}: operation {culprit} is no witness of {}", example.sentence);
        }
        assert_eq!(verdict.validity.to_string(), "INVALID");
    }
    assert!(planted >= RUNS / 3, "{kind} was planted in {planted} of {RUNS} runs only");
}

fn pick(rng: &mut Rng, all: &[usize]) -> Option<usize> {
    let any = rng.below(all.len().max(1) as u64) as usize;
    all.get(any).copied()
}

/// Dequeues whose element was acknowledged: operation, its value, its enqueue.
fn dequeues(ops: &[Op]) -> Vec<(usize, u64, usize)> {
    let enqueued =
        |value| ops.iter().position(|op| op.what == What::Enqueue(value) && op.outcome == Outcome::Ok);
    let taken = ops.iter().enumerate().filter_map(|(i, op)| match op.what {
        What::Dequeue(Some(value)) => Some((i, value, enqueued(value)?)),
        _ => None,
    });
    taken.collect()
}

#[test]
fn correct_runs_are_silent() {
    for seed in 0..RUNS * 4 {
        let ops = run(seed, 100, seed % 40);
        assert_eq!(findings(&ops), [], "seed {seed}");
    }
}

#[test]
fn a_lost_element() {
    plant_and_find("lost", |ops, rng| {
        let (dequeue, _, enqueue) = dequeues(ops).into_iter().nth(rng.below(5) as usize)?;
        ops[dequeue].what = What::Dequeue(None);
        Some(vec![enqueue, ops.len() - 1])
    });
}

#[test]
fn an_element_from_nowhere() {
    plant_and_find("unexpected", |ops, rng| {
        let empty: Vec<usize> = (0..ops.len()).filter(|i| ops[*i].what == What::Dequeue(None)).collect();
        let culprit = pick(rng, &empty)?;
        ops[culprit].what = What::Dequeue(Some(9_999));
        Some(vec![culprit])
    });
}

#[test]
fn an_element_whose_enqueue_failed() {
    plant_and_find("resurrected", |ops, _| {
        let failed = ops.iter().position(|op| op.outcome == Outcome::Fail)?;
        let What::Enqueue(value) = ops[failed].what else { return None };
        let last = ops.len() - 1;
        let What::Drain(values) = &mut ops[last].what else { return None };
        values.push(value);
        Some(vec![failed, last])
    });
}

#[test]
fn an_element_that_left_twice() {
    plant_and_find("duplicated", |ops, rng| {
        let (dequeue, value, enqueue) = dequeues(ops).into_iter().nth(rng.below(5) as usize)?;
        let last = ops.len() - 1;
        let What::Drain(values) = &mut ops[last].what else { return None };
        values.push(value);
        Some(vec![enqueue, dequeue, last])
    });
}

#[test]
fn an_element_that_was_overtaken() {
    plant_and_find("overtaken", |ops, _| {
        let taken = dequeues(ops);
        let before = |a: usize, b: usize| ops[a].completed < Some(ops[b].invoked);
        let (x, y) = taken.windows(2).find_map(|pair| {
            let (x, y) = (pair[0], pair[1]);
            (before(x.0, y.0) && before(x.2, y.2) && before(y.2, x.0)).then_some((x, y))
        })?;
        (ops[x.0].what, ops[y.0].what) = (What::Dequeue(Some(y.1)), What::Dequeue(Some(x.1)));
        Some(vec![x.0, x.2, y.0, y.2])
    });
}
