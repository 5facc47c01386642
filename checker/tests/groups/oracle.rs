//! The slow, obvious judge of groups: record by record, pair by pair, from the definitions alone.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{KEYS, Op, Outcome, What, order};

/// What a reader is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Unsure,
    Alone,
    In(&'static str),
}

/// A poll with what was known of its reader when it completed.
struct Polled<'o> {
    op: &'o Op,
    mode: Mode,
    /// Number of the reader's session: it may stand anywhere in a new one.
    session: (u32, usize),
}

pub fn judge(ops: &[Op]) -> BTreeMap<&'static str, u64> {
    let polls = polls(ops);
    let mut counts = BTreeMap::new();
    for key in 0..KEYS.len() {
        let found = [
            ("redelivery", redelivery(&polls, key)),
            ("group-skip", skips(ops, &polls, key)),
            ("ownership-overlap", overlaps(ops, key)),
            ("commit-regression", regressions(ops, key)),
        ];
        for (kind, n) in found.into_iter().chain(jumps(ops, &polls, key)) {
            *counts.entry(kind).or_default() += n;
        }
    }
    counts.retain(|_, n| *n > 0);
    counts
}

/// Times to records, over every process.
pub fn by_process(ops: &[Op]) -> BTreeMap<u64, u64> {
    let mut times: BTreeMap<(u32, usize, i64), u64> = BTreeMap::new();
    for poll in polls(ops).iter().filter(|p| matches!(p.mode, Mode::In(_)) && live(p)) {
        for key in 0..KEYS.len() {
            for offset in offsets(poll.op, key) {
                *times.entry((poll.op.process, key, offset)).or_default() += 1;
            }
        }
    }
    let mut distribution = BTreeMap::new();
    times.into_values().for_each(|n| *distribution.entry(n).or_default() += 1);
    distribution
}

fn live(poll: &Polled<'_>) -> bool {
    poll.op.outcome == Outcome::Ok && !poll.op.final_pass
}

fn offsets(op: &Op, key: usize) -> Vec<i64> {
    let What::Poll(read) = &op.what else { return Vec::new() };
    read.iter().filter(|(k, _)| *k == key).flat_map(|(_, offsets)| offsets.clone()).collect()
}

/// Completed polls in the order of their lines.
fn polls(ops: &[Op]) -> Vec<Polled<'_>> {
    let mut polls = Vec::new();
    let mut modes: BTreeMap<u32, Mode> = BTreeMap::new();
    let mut moves: BTreeMap<u32, usize> = BTreeMap::new();
    let mut sessions: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    let mut in_flight: BTreeMap<u32, usize> = BTreeMap::new();
    let mut fresh = 0;
    for (_, completion, i) in order(ops) {
        let op = &ops[i];
        if completion && op.outcome == Outcome::Info && !matches!(op.what, What::Send(..) | What::Poll(_)) {
            sessions.remove(&op.client);
        }
        match (&op.what, completion) {
            (What::Poll(_), false) => {
                let polling = in_flight.entry(op.client).or_default();
                *moves.entry(op.client).or_default() += usize::from(*polling > 0);
                *polling += 1;
            }
            (What::Subscribe | What::Assign | What::Crash, false) => {
                *moves.entry(op.client).or_default() += 1;
            }
            (What::Subscribe | What::Assign | What::Crash, true) => {
                *moves.entry(op.client).or_default() += 1;
                match (&op.what, op.outcome) {
                    (What::Subscribe, Outcome::Ok) => {
                        let joined = match (op.group, modes.get(&op.client)) {
                            (None, Some(Mode::In(group))) => group,
                            (group, _) => group.unwrap_or(""),
                        };
                        modes.insert(op.client, Mode::In(joined));
                    }
                    (What::Subscribe, Outcome::Info) => drop(modes.insert(op.client, Mode::Unsure)),
                    (What::Assign, Outcome::Ok) => drop(modes.insert(op.client, Mode::Alone)),
                    (What::Crash, _) => drop(modes.remove(&op.client)),
                    _ => {}
                }
            }
            (What::Rebalance(..), true) if op.outcome != Outcome::Fail => {
                // The first of a reader that nobody saw subscribe may have touched any partition.
                modes.entry(op.client).or_insert_with(|| {
                    *moves.entry(op.client).or_default() += 1;
                    Mode::In(op.group.unwrap_or(""))
                });
            }
            (What::Poll(_), true) => {
                let moved = moves.get(&op.client).copied().unwrap_or(0);
                *in_flight.entry(op.client).or_default() -= 1;
                let session = sessions.entry(op.client).or_insert((moved, fresh));
                if session.0 != moved {
                    *session = (moved, fresh);
                }
                fresh += 1;
                let number = session.1;
                let mode = modes.get(&op.client).copied().unwrap_or(Mode::Unsure);
                polls.push(Polled { op, mode, session: (op.client, number) });
                if op.outcome != Outcome::Ok {
                    sessions.remove(&op.client);
                }
            }
            _ => {}
        }
    }
    polls
}

fn redelivery(polls: &[Polled<'_>], key: usize) -> u64 {
    let mut times: BTreeMap<(&str, i64), u64> = BTreeMap::new();
    for poll in polls.iter().filter(|poll| live(poll)) {
        let Mode::In(group) = poll.mode else { continue };
        for offset in offsets(poll.op, key) {
            *times.entry((group, offset)).or_default() += 1;
        }
    }
    times.values().filter(|n| **n > 1).count() as u64
}

/// Accepted commits of a key with their groups and offsets, by completion.
fn commits(ops: &[Op], key: usize) -> Vec<(&Op, &'static str, i64)> {
    let mut modes: BTreeMap<u32, &'static str> = BTreeMap::new();
    let mut unsure: BTreeSet<u32> = BTreeSet::new();
    let mut commits = Vec::new();
    for (_, completion, i) in order(ops) {
        let op = &ops[i];
        if !completion {
            continue;
        }
        let named = op.group.or(modes.get(&op.client).copied());
        match &op.what {
            What::Subscribe if op.outcome == Outcome::Ok => {
                modes.insert(op.client, named.unwrap_or(""));
                unsure.remove(&op.client);
            }
            What::Subscribe if op.outcome == Outcome::Info => {
                modes.remove(&op.client);
                unsure.insert(op.client);
            }
            What::Assign if op.outcome == Outcome::Ok => {
                modes.remove(&op.client);
                unsure.insert(op.client);
            }
            What::Crash => {
                modes.remove(&op.client);
                unsure.remove(&op.client);
            }
            What::Rebalance(..) if op.outcome != Outcome::Fail && !unsure.contains(&op.client) => {
                modes.entry(op.client).or_insert(named.unwrap_or(""));
            }
            What::Commit(k, offset) if *k == key && op.outcome == Outcome::Ok => {
                commits.push((op, named.unwrap_or(""), *offset));
            }
            _ => {}
        }
    }
    commits
}

fn returned(op: &Op) -> u64 {
    op.completed.unwrap_or(u64::MAX)
}

/// Whether somebody asked to move in the key between two instants.
fn sought(ops: &[Op], key: usize, from: u64, to: u64) -> bool {
    ops.iter().any(|op| {
        let end = if op.outcome == Outcome::Info { u64::MAX } else { returned(op) };
        let here = op.what == What::Seek(key) || open_move(op);
        here && op.invoked <= to && end >= from
    })
}

/// A seek or a rebalance that never returned may have moved its reader anywhere, ever after.
fn open_move(op: &Op) -> bool {
    op.completed.is_none() && matches!(op.what, What::Seek(_) | What::Rebalance(..))
}

fn regressions(ops: &[Op], key: usize) -> u64 {
    let commits = commits(ops, key);
    let back = |(later, group, offset): &&(&Op, &str, i64)| {
        let before = commits.iter().filter(|(op, g, _)| g == group && returned(op) < later.invoked);
        // Of equals, the first to complete.
        let best = before.rev().max_by_key(|(op, _, o)| (*o, std::cmp::Reverse(returned(op))));
        best.is_some_and(|(op, _, o)| o > offset && !sought(ops, key, returned(op), returned(later)))
    };
    commits.iter().filter(back).count() as u64
}

fn overlaps(ops: &[Op], key: usize) -> u64 {
    let mut changes: Vec<(&Op, &'static str, bool)> = Vec::new();
    let mut modes: BTreeMap<u32, &'static str> = BTreeMap::new();
    for (op, group) in rebalances(ops, &mut modes) {
        let What::Rebalance(assigned, taken) = &op.what else { continue };
        assigned.iter().filter(|k| **k == key).for_each(|_| changes.push((op, group, true)));
        taken.iter().filter(|k| **k == key).for_each(|_| changes.push((op, group, false)));
    }
    let lost = |a: &Op, group: &str, b: &Op| {
        changes.iter().any(|(op, g, gained)| {
            !gained
                && *g == group
                && op.client == a.client
                && returned(op) >= a.invoked
                && op.invoked <= returned(b)
        })
    };
    let mut count = 0;
    let given: Vec<_> = changes.iter().filter(|(op, _, gained)| *gained && op.generation.is_some()).collect();
    for (n, (second, group, _)) in given.iter().enumerate() {
        // A member counts with the first time that it was given the partition in a generation.
        let mut seen = BTreeSet::new();
        let firsts = given[..n]
            .iter()
            .filter(|(op, g, _)| g == group && op.generation == second.generation && seen.insert(op.client));
        let mut firsts = firsts.collect::<Vec<_>>().into_iter();
        count += u64::from(firsts.any(|(first, ..)| {
            first.client != second.client && !lost(first, group, second) && !lost(second, group, first)
        }));
    }
    for (commit, group, _) in commits(ops, key).into_iter().filter(|(op, ..)| op.generation.is_some()) {
        count += u64::from(given.iter().any(|(op, g, _)| {
            *g == group
                && op.client != commit.client
                && op.generation > commit.generation
                && returned(op) < commit.invoked
        }));
    }
    count
}

/// Completed rebalances with their groups, in the order of their lines.
fn rebalances<'o>(ops: &'o [Op], modes: &mut BTreeMap<u32, &'static str>) -> Vec<(&'o Op, &'static str)> {
    let mut all = Vec::new();
    let mut unsure: BTreeSet<u32> = BTreeSet::new();
    for (_, completion, i) in order(ops) {
        let op = &ops[i];
        if !completion {
            continue;
        }
        let named = op.group.or(modes.get(&op.client).copied()).unwrap_or("");
        match (&op.what, op.outcome) {
            (What::Subscribe, Outcome::Ok) => {
                modes.insert(op.client, named);
                unsure.remove(&op.client);
            }
            (What::Subscribe, Outcome::Info) | (What::Assign, Outcome::Ok) => {
                modes.remove(&op.client);
                unsure.insert(op.client);
            }
            (What::Crash, _) => {
                modes.remove(&op.client);
                unsure.remove(&op.client);
            }
            (What::Rebalance(..), Outcome::Ok | Outcome::Info) => {
                all.push((op, named));
                if !modes.contains_key(&op.client) && !unsure.contains(&op.client) {
                    modes.insert(op.client, named);
                }
            }
            _ => {}
        }
    }
    all
}

fn skips(ops: &[Op], polls: &[Polled<'_>], key: usize) -> u64 {
    let all = commits(ops, key);
    let groups: BTreeSet<&str> = all.iter().map(|(_, group, _)| *group).collect();
    let open = ops.iter().filter(|op| op.completed.is_none() && !matches!(op.what, What::Send(..)));
    let open = open.map(|op| op.invoked).min();
    let mut count = 0;
    for group in groups {
        let mine: Vec<_> = all.iter().filter(|(_, g, _)| *g == group).collect();
        let certain = |poll: &&Polled<'_>| {
            let commits =
                mine.iter().any(|(op, ..)| op.client == poll.op.client || op.process == poll.op.process);
            (poll.mode == Mode::In(leak(group)) || commits) && !poll.op.final_pass
        };
        let member = |poll: &&Polled<'_>| certain(poll) || poll.mode == Mode::Unsure && !poll.op.final_pass;
        let blind = polls
            .iter()
            .filter(|p| p.op.outcome == Outcome::Info && !p.op.final_pass)
            .filter(|p| !matches!(p.mode, Mode::In(other) if other != group))
            .map(|p| p.op.invoked)
            .chain(open)
            .min();
        let mut settled: BTreeSet<i64> = BTreeSet::new();
        let mut lowest = i64::MAX;
        for (commit, _, offset) in mine.iter() {
            let before = |poll: &&Polled<'_>| poll.op.invoked <= returned(commit);
            let polled: BTreeSet<i64> =
                polls.iter().filter(member).filter(before).flat_map(|p| offsets(p.op, key)).collect();
            let began = polls.iter().filter(certain).filter(before).flat_map(|p| offsets(p.op, key)).min();
            lowest = began.unwrap_or(i64::MAX).min(lowest);
            let passed: Vec<i64> = (lowest..*offset).filter(|o| settled.insert(*o)).collect();
            let excused =
                blind.is_some_and(|at| at <= returned(commit)) || sought(ops, key, 0, returned(commit));
            let there = |offset: &&i64| {
                let send = ops
                    .iter()
                    .find(|op| matches!(op.what, What::Send(k, _, at) if k == key && at == **offset));
                let sent = send.is_some_and(|op| op.outcome == Outcome::Ok && op.invoked <= returned(commit));
                // Without a consume-all pass, what anybody read survives.
                sent && polls.iter().any(|poll| offsets(poll.op, key).contains(offset))
            };
            if !excused {
                count += passed.iter().filter(|o| !polled.contains(o)).filter(there).count() as u64;
            }
            lowest = lowest.min(*offset);
        }
    }
    count
}

/// Groups' names in tests are literals.
fn leak(group: &str) -> &'static str {
    ["", "a", "b"].into_iter().find(|name| *name == group).expect("a name of ours")
}

/// Consecutive records of one session that go back or leave out records that somebody read.
fn jumps(ops: &[Op], polls: &[Polled<'_>], key: usize) -> [(&'static str, u64); 4] {
    let mut found =
        [("nonmonotonic-poll", 0), ("int-nonmonotonic-poll", 0), ("poll-skip", 0), ("int-poll-skip", 0)];
    let exists: BTreeSet<i64> = polls.iter().flat_map(|poll| offsets(poll.op, key)).collect();
    let mut last: BTreeMap<(u32, usize), (i64, &Op)> = BTreeMap::new();
    for poll in polls {
        for offset in offsets(poll.op, key) {
            let Some((before, by)) = last.insert(poll.session, (offset, poll.op)) else { continue };
            let internal = usize::from(std::ptr::eq(by, poll.op));
            let (from, to) = (by.invoked, returned(poll.op));
            let moved = ops.iter().any(|op| {
                let touches = match &op.what {
                    What::Seek(k) => *k == key,
                    What::Rebalance(assigned, taken) => assigned.contains(&key) || taken.contains(&key),
                    What::Poll(_) => op.log.contains(&key) && op.completed.is_some(),
                    _ => false,
                };
                let later = op.outcome == Outcome::Info && matches!(op.what, What::Seek(_));
                let end = if later { u64::MAX } else { returned(op) };
                op.client == poll.op.client && (touches || open_move(op)) && op.invoked <= to && end >= from
            });
            if moved || before + 1 == offset {
                continue;
            }
            if offset <= before {
                found[internal].1 += 1;
            } else if exists.range(before + 1..offset).next().is_some() {
                found[2 + internal].1 += 1;
            }
        }
    }
    found
}
