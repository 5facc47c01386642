//! Plant and find: groups that keep their promises are silent; one planted anomaly is found with its operations, alone.

use super::history::{KEYS, Op, What, counts, order, verdict};
use super::rng::Rng;
use super::simulate::run;

const RUNS: u64 = 60;

/// What was found beside redelivery, which is no fault of a group by itself; consequences aside.
fn findings(ops: &[Op]) -> Vec<(String, u64)> {
    let verdict = verdict(ops);
    let primary =
        |kind: &str, count: u64| count - verdict.anomalies[kind].consequence_of.values().sum::<u64>();
    let found = counts(&verdict).into_iter().map(|(kind, count)| (kind.to_owned(), primary(kind, count)));
    found.filter(|(kind, count)| kind != "redelivery" && *count > 0).collect()
}

fn plant_and_find(kind: &str, plant: impl Fn(&mut Vec<Op>, &mut Rng) -> Option<Vec<usize>>) {
    let mut planted = 0;
    for seed in 0..RUNS {
        let mut ops = run(seed, 60);
        assert_eq!(findings(&ops), [], "seed {seed} before planting");
        let Some(culprits) = plant(&mut ops, &mut Rng(seed ^ 0x5eed)) else { continue };
        planted += 1;
        assert_eq!(findings(&ops), [(kind.to_owned(), 1)], "seed {seed}");
        let lines = order(&ops);
        let verdict = verdict(&ops);
        let example = &verdict.anomalies[kind].examples[0];
        for culprit in culprits {
            let named = example.witness.iter().any(|w| lines[w.line as usize - 1].2 == culprit);
            assert!(named, "seed {seed}: operation {culprit} is no witness of {}", example.sentence);
        }
    }
    assert!(planted >= RUNS / 4, "{kind} was planted in {planted} of {RUNS} runs only");
}

fn key_of(op: &Op) -> Option<usize> {
    match &op.what {
        What::Commit(key, _) => Some(*key),
        What::Poll(read) => read.first().map(|(key, _)| *key),
        _ => None,
    }
}

#[test]
fn correct_groups_are_silent() {
    for seed in 0..RUNS * 3 {
        let ops = run(seed, 80);
        assert_eq!(findings(&ops), [], "seed {seed}");
        assert_eq!(verdict(&ops).validity.to_string(), "VALID", "seed {seed}");
    }
}

#[test]
fn a_record_that_was_committed_and_never_polled() {
    plant_and_find("group-skip", |ops, _| {
        // A member loses the last record of its poll, and everything after goes on as if it had been processed.
        let (poll, key, lost) = ops.iter().enumerate().find_map(|(i, op)| match &op.what {
            What::Poll(read) if !op.final_pass && read[0].1.len() > 1 => {
                Some((i, read[0].0, *read[0].1.last()?))
            }
            _ => None,
        })?;
        let again = |op: &Op| {
            let read = |read: &[(usize, Vec<i64>)]| read.iter().any(|(k, o)| *k == key && o.contains(&lost));
            matches!(&op.what, What::Poll(all) if !op.final_pass && read(all))
        };
        if ops.iter().filter(|op| again(op)).count() != 1 {
            return None;
        }
        let commit = ops.iter().enumerate().position(|(i, op)| {
            i > poll && matches!(op.what, What::Commit(k, offset) if k == key && offset > lost)
        })?;
        // Its member says that it was moved before it polled again: the jump itself is no finding then.
        let next = ops.iter().enumerate().position(|(i, op)| {
            i > poll && !op.final_pass && key_of(op) == Some(key) && matches!(op.what, What::Poll(_))
        });
        if let Some(next) = next {
            ops[next].log = vec![key];
        }
        let What::Poll(read) = &mut ops[poll].what else { return None };
        read[0].1.pop();
        let send = ops
            .iter()
            .position(|op| matches!(op.what, What::Send(k, _, offset) if k == key && offset == lost))?;
        Some(vec![commit, send])
    });
}

#[test]
fn a_commit_that_steps_back() {
    plant_and_find("commit-regression", |ops, _| {
        let commits: Vec<usize> = (0..ops.len())
            .filter(|i| matches!(ops[*i].what, What::Commit(0, offset) if offset > 2))
            .collect();
        let pair = commits.windows(2).rev().find(|pair| {
            ops[pair[0]].completed < Some(ops[pair[1]].invoked) && ops[pair[0]].what != ops[pair[1]].what
        })?;
        ops[pair[1]].what = What::Commit(0, 1);
        // Whoever commits the same afterwards does not step back, and nobody commits less.
        Some(vec![pair[1]])
    });
}

#[test]
fn two_owners_in_one_generation() {
    plant_and_find("ownership-overlap", |ops, rng| {
        let given: Vec<usize> = (0..ops.len())
            .filter(|i| matches!(&ops[*i].what, What::Rebalance(assigned, _) if !assigned.is_empty()))
            .collect();
        let first = given[rng.below(given.len() as u64) as usize];
        // Another client than any member's, so that nothing else is touched.
        let mut second = ops[first].clone();
        (second.client, second.process) = (20, 20);
        (second.invoked, second.completed) = (second.invoked + 1, second.completed.map(|at| at + 1));
        ops.push(second);
        Some(vec![first, ops.len() - 1])
    });
}

#[test]
fn a_fenced_members_commit_that_was_accepted() {
    plant_and_find("ownership-overlap", |ops, _| {
        // Before a partition is handed on, its owner had committed: the same again, afterwards.
        let (given, key, generation) = ops.iter().enumerate().rev().find_map(|(i, op)| match &op.what {
            What::Rebalance(assigned, _) if !assigned.is_empty() && op.generation > Some(1) => {
                Some((i, assigned[0], op.generation?))
            }
            _ => None,
        })?;
        let old = ops[..given].iter().rposition(|op| matches!(op.what, What::Commit(k, _) if k == key))?;
        let mut late = ops[old].clone();
        if late.client == ops[given].client || late.generation >= Some(generation) {
            return None;
        }
        let end = ops.iter().filter(|op| !op.final_pass).filter_map(|op| op.completed).max()?;
        (late.invoked, late.completed, late.process) = (end + 5, Some(end + 9), 77);
        ops.push(late);
        Some(vec![ops.len() - 1])
    });
}

#[test]
fn a_record_that_came_twice() {
    for seed in 0..RUNS {
        let mut ops = run(seed, 40);
        // Without any rebalance after the first, nothing comes twice.
        let moves = |op: &Op| matches!(&op.what, What::Rebalance(_, taken) if !taken.is_empty());
        if ops.iter().any(moves) {
            continue;
        }
        assert_eq!(counts(&verdict(&ops)), Default::default(), "seed {seed}");
        let poll = ops.iter().position(|op| matches!(op.what, What::Poll(_))).expect("a poll");
        let mut again = ops[poll].clone();
        (again.client, again.process) = (2, 2);
        again.invoked += 100;
        again.completed = again.completed.map(|at| at + 100);
        ops.push(again);
        let verdict = verdict(&ops);
        let What::Poll(read) = &ops[poll].what else { unreachable!("a poll") };
        assert_eq!(counts(&verdict), [("redelivery", read[0].1.len() as u64)].into(), "seed {seed}");
        let example = &verdict.anomalies["redelivery"].examples[0];
        assert_eq!(
            (example.key.as_deref(), example.details["times"].as_u64()),
            (Some(KEYS[read[0].0]), Some(2))
        );
        assert!(verdict.anomalies["redelivery"].allowed);
        assert_eq!(verdict.consumed.expect("counted").groups[""][&2], read[0].1.len() as u64);
    }
}
