//! The slow, obvious judge of small histories: it tries everything that unknown operations may have done.

use std::collections::BTreeMap;

use super::history::{Op, Outcome, What};

/// How many of each kind are certain; overtaken ones without consequences.
pub fn judge(ops: &[Op]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    let mut add = |kind, n| {
        if n > 0 {
            *counts.entry(kind).or_default() += n;
        }
    };
    add("lost", lost(ops));
    for (kind, n) in excess(ops) {
        add(kind, n);
    }
    add("recovered", recovered(ops));
    add("overtaken", overtaken(ops));
    counts
}

fn returned(op: &Op) -> u64 {
    if op.outcome == Outcome::Info { u64::MAX } else { op.completed.unwrap_or(u64::MAX) }
}

/// What certainly came out: value, call, return.
fn outs(ops: &[Op]) -> Vec<(u64, u64, u64)> {
    let mut outs = Vec::new();
    for op in ops.iter().filter(|op| op.outcome == Outcome::Ok) {
        match &op.what {
            What::Dequeue(Some(value)) => outs.push((*value, op.invoked, returned(op))),
            What::Drain(values) => outs.extend(values.iter().map(|v| (*v, op.invoked, returned(op)))),
            _ => {}
        }
    }
    outs
}

fn last_drain(ops: &[Op]) -> Option<&Op> {
    let drains = ops.iter().filter(|op| matches!(op.what, What::Drain(_)) && op.outcome == Outcome::Ok);
    drains.max_by_key(|op| (op.invoked, std::cmp::Reverse(op.completed)))
}

/// The fewest elements that are missing in any world: every unknown taker takes any element, or none.
fn lost(ops: &[Op]) -> u64 {
    let Some(drain) = last_drain(ops) else { return 0 };
    let mut owed: BTreeMap<u64, i64> = BTreeMap::new();
    for op in ops.iter().filter(|op| op.outcome == Outcome::Ok && returned(op) < drain.invoked) {
        if let What::Enqueue(value) = op.what {
            *owed.entry(value).or_default() += 1;
        }
    }
    for (value, ..) in outs(ops) {
        *owed.entry(value).or_default() -= 1;
    }
    let mut takers = 0;
    for op in ops {
        let before = op.invoked <= returned(drain);
        let held = op.outcome == Outcome::Fail && op.completed.is_some_and(|at| at >= drain.invoked);
        match &op.what {
            What::Dequeue(Some(value)) if op.outcome == Outcome::Info && op.completed.is_some() => {
                *owed.entry(*value).or_default() -= 1;
            }
            What::Dequeue(_) if before && (op.outcome == Outcome::Info || held) => takers += 1,
            What::Drain(_) if before && (op.outcome == Outcome::Info || held) => return 0,
            _ => {}
        }
    }
    fewest(&owed.into_values().filter(|n| *n > 0).collect::<Vec<_>>(), takers)
}

/// Tries every choice of one taker after the other.
fn fewest(owed: &[i64], takers: u32) -> u64 {
    let now = owed.iter().sum::<i64>() as u64;
    if takers == 0 {
        return now;
    }
    let choices = (0..owed.len()).filter(|i| owed[*i] > 0).map(|i| {
        let mut rest = owed.to_vec();
        rest[i] -= 1;
        fewest(&rest, takers - 1)
    });
    choices.min().map_or(now, |best| best.min(now))
}

/// Dequeues without an enqueue of their own, by the largest matching in time; named by who could have been meant.
fn excess(ops: &[Op]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    let outs = outs(ops);
    let values: std::collections::BTreeSet<u64> = outs.iter().map(|(value, ..)| *value).collect();
    for value in values {
        let put = |fail: bool| -> Vec<u64> {
            let of = ops.iter().filter(|op| op.what == What::Enqueue(value));
            of.filter(|op| (op.outcome == Outcome::Fail) == fail).map(|op| op.invoked).collect()
        };
        let (may, failed) = (put(false), put(true));
        let mut mine: Vec<u64> = outs.iter().filter(|(v, ..)| *v == value).map(|(.., ret)| *ret).collect();
        mine.sort_unstable();
        let unmatched = mine.len() - matching(&mine, &may);
        let orphans = mine.iter().filter(|ret| !may.iter().any(|at| at <= ret)).collect::<Vec<_>>();
        for ret in &orphans {
            let kind = if failed.iter().any(|at| at <= *ret) { "resurrected" } else { "unexpected" };
            *counts.entry(kind).or_default() += 1;
        }
        *counts.entry("duplicated").or_default() += (unmatched - orphans.len()) as u64;
    }
    counts
}

/// The largest number of dequeues that each have an enqueue of their own which began before they returned.
fn matching(outs: &[u64], puts: &[u64]) -> usize {
    let Some((first, rest)) = outs.split_first() else { return 0 };
    let without = matching(rest, puts);
    let with = (0..puts.len()).filter(|i| puts[*i] <= *first).map(|i| {
        let mut left = puts.to_vec();
        left.remove(i);
        1 + matching(rest, &left)
    });
    with.max().map_or(without, |best| best.max(without))
}

fn recovered(ops: &[Op]) -> u64 {
    let outs = outs(ops);
    let values: std::collections::BTreeSet<u64> = outs.iter().map(|(value, ..)| *value).collect();
    let of = |value: u64, outcome| {
        ops.iter().filter(|op| op.what == What::Enqueue(value) && op.outcome == outcome).count()
    };
    let mut all = 0;
    for value in values {
        let mut mine: Vec<u64> = outs.iter().filter(|(v, ..)| *v == value).map(|(.., ret)| *ret).collect();
        mine.sort_unstable();
        let may: Vec<u64> = ops
            .iter()
            .filter(|op| op.what == What::Enqueue(value) && op.outcome != Outcome::Fail)
            .map(|op| op.invoked)
            .collect();
        all += matching(&mine, &may).saturating_sub(of(value, Outcome::Ok)).min(of(value, Outcome::Info));
    }
    all as u64
}

/// Elements that somebody who came later passed by, for values that went in once.
fn overtaken(ops: &[Op]) -> u64 {
    let outs = outs(ops);
    let puts: Vec<(u64, &Op)> = ops
        .iter()
        .filter_map(|op| match op.what {
            What::Enqueue(value) => Some((value, op)),
            _ => None,
        })
        .collect();
    let once = |value: u64| puts.iter().filter(|(v, _)| *v == value).count() == 1;
    let first_return = |value: u64| outs.iter().filter(|(v, ..)| *v == value).map(|(.., ret)| *ret).min();
    let named = |value: u64| {
        ops.iter()
            .filter(move |op| op.what == What::Dequeue(Some(value)) && op.outcome == Outcome::Info)
            .filter(|op| op.completed.is_some())
            .map(|op| op.invoked)
    };
    let fine = |(value, op): &&(u64, &Op)| {
        once(*value)
            && op.outcome != Outcome::Fail
            && first_return(*value).is_none_or(|ret| ret >= op.invoked)
    };
    let mut count = 0;
    for (x, put) in puts.iter().filter(fine).filter(|(_, op)| op.outcome == Outcome::Ok) {
        let calls = outs.iter().filter(|(v, ..)| v == x).map(|(_, call, _)| *call);
        // Who never came out is lost, or nobody knows.
        if first_return(*x).is_none() {
            continue;
        }
        let Some(called) = calls.chain(named(*x)).min() else { continue };
        count += u64::from(puts.iter().filter(fine).any(|(y, later)| {
            later.invoked > returned(put) && first_return(*y).is_some_and(|ret| ret < called)
        }));
    }
    count
}
