//! Commits past records that nobody in the group had polled by then.
//!
//! Judged is what lies between the lowest offset that the group polled or committed before (it may have begun
//! anywhere) and the committed offset. A record counts if it is in the surviving log, its send was acknowledged and
//! had begun when the commit completed. What anybody polled who may be in the group excuses a commit; only what its
//! certain members polled tells where the group began.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::explain::Explain;
use super::regression::{Moves, by_group};
use super::table::{Commit, OfPartition, UNSURE};
use crate::checks::Bench;
use crate::found::Found;
use crate::kind::Kind;
use crate::tables::{NONE, Outcome, Read, Tables};
use crate::words::count;

/// Records that one commit passed, the first of them by offset.
#[derive(Clone, Copy)]
struct Skipped {
    commit: Commit,
    first: i64,
    records: u64,
}

pub(super) fn check(
    bench: &Bench<'_, '_>,
    explain: &Explain<'_, '_>,
    of: &OfPartition,
) -> (Option<Found>, Option<String>) {
    let mut found: Vec<Skipped> = Vec::new();
    let mut possible = 0;
    let tables = bench.view.tables;
    let (mut groups, mut anybody) = readers(bench, of);
    let asked = Moves::new(bench, of);
    let mut commits: Vec<&Commit> = of.commits.iter().collect();
    commits.sort_by_key(|commit| (commit.completed, commit.line));
    for commit in commits {
        let Some(group) = groups.get_mut(&commit.group) else { continue };
        anybody.until(tables, commit.completed);
        group.until(tables, commit.completed);
        let skipped = passed(bench, commit, group, &anybody);
        if skipped.records == 0 || asked.meet(0, commit.completed) {
            continue;
        }
        if earliest_blind(bench, commit.group).is_some_and(|at| !tables.precedes(commit.completed, at)) {
            possible += skipped.records;
        } else {
            found.push(skipped);
        }
    }
    let undecided = (possible > 0).then(|| {
        format!(
            "{}: commits passed {} that nobody was seen to poll, but polls of unknown outcome may have read them",
            bench.view.partition.key,
            count(possible, "record")
        )
    });
    let all = found.iter().map(|skipped| skipped.records).sum();
    found.sort_by_key(|skipped| skipped.commit.line);
    let example = |s: &Skipped| (s.commit.line, explain.skip(&s.commit, s.first, s.records));
    let examples = found.iter().take(bench.keep).map(example).collect();
    let found = (all > 0).then_some(Found {
        kind: Kind::GroupSkip,
        count: all,
        consequences: BTreeMap::new(),
        examples,
    });
    (found, undecided)
}

/// When somebody who may be in the group first polled without an answer.
fn earliest_blind(bench: &Bench<'_, '_>, group: u32) -> Option<u64> {
    let groups = &bench.view.tables.groups;
    groups.blind.into_iter().chain(groups.blind_in[group as usize]).min()
}

/// What a commit passed that nobody had polled. What one commit passed, the next passes too: it is told once.
fn passed(bench: &Bench<'_, '_>, commit: &Commit, group: &mut Readers, anybody: &Readers) -> Skipped {
    let mut skipped = Skipped { commit: *commit, first: 0, records: 0 };
    if let Some(lowest) = group.lowest.filter(|lowest| *lowest < commit.offset) {
        for (first, last) in group.known.gaps(lowest, commit.offset - 1) {
            for gap in anybody.known.gaps(first, last) {
                count_records(bench, commit, gap, &mut skipped);
            }
        }
        group.known.add(lowest, commit.offset - 1);
    }
    group.lowest = Some(group.lowest.map_or(commit.offset, |before| before.min(commit.offset)));
    skipped
}

/// What some readers had polled, as time goes by.
#[derive(Default)]
struct Readers {
    /// With the beginnings of their polls, in that order.
    reads: Vec<(u64, Read)>,
    /// How many of them had begun.
    begun: usize,
    /// What these read, and what commits passed.
    known: Covered,
    lowest: Option<i64>,
}

impl Readers {
    /// Takes in what they had begun to poll when something completed; times do not go back.
    fn until(&mut self, tables: &Tables, completed: u64) {
        while let Some((invoked, read)) = self.reads.get(self.begun)
            && !tables.precedes(completed, *invoked)
        {
            self.known.add(read.first, read.last);
            self.lowest = Some(self.lowest.map_or(read.first, |before| before.min(read.first)));
            self.begun += 1;
        }
    }
}

/// The readers of each group with commits here, and those who may be in any. A reader is in the group that it joined,
/// and in those for which its client or its process commits.
fn readers(bench: &Bench<'_, '_>, of: &OfPartition) -> (FxHashMap<u32, Readers>, Readers) {
    let view = bench.view;
    let mut groups: FxHashMap<u32, Readers> = FxHashMap::default();
    let mut anybody = Readers::default();
    let mut of_client: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let mut of_process: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (group, commits) in by_group(of) {
        groups.insert(group, Readers::default());
        for commit in commits {
            let client = (commit.client != NONE).then(|| of_client.entry(commit.client).or_default());
            let process = of_process.entry(commit.process).or_default();
            for groups in client.into_iter().chain([process]) {
                if groups.last() != Some(&group) {
                    groups.push(group);
                }
            }
        }
    }
    let mut concerned: Vec<u32> = Vec::new();
    for read in view.partition.reads.iter().filter(|read| !view.poll(read.poll).final_pass) {
        let seen = (view.poll(read.poll).invoked, *read);
        let session = view.tables.session_of(read.poll);
        concerned.clear();
        concerned.push(session.group);
        concerned.extend(of_client.get(&session.client).into_iter().flatten());
        concerned.extend(of_process.get(&session.process).into_iter().flatten());
        concerned.sort_unstable();
        concerned.dedup();
        for group in &concerned {
            if let Some(group) = groups.get_mut(group) {
                group.reads.push(seen);
            }
        }
        if session.group == UNSURE {
            anybody.reads.push(seen);
        }
    }
    for readers in groups.values_mut().chain([&mut anybody]) {
        readers.reads.sort_by_key(|(invoked, read)| (*invoked, read.poll));
    }
    (groups, anybody)
}

fn count_records(bench: &Bench<'_, '_>, commit: &Commit, gap: (i64, i64), skipped: &mut Skipped) {
    let view = bench.view;
    for (first, last) in view.survivors_between(gap.0.saturating_sub(1), gap.1.saturating_add(1)) {
        for offset in (first..=last).filter(|offset| gap.0 <= *offset && *offset <= gap.1) {
            let rows = view.surviving_at(offset).into_iter().filter_map(|value| view.index.row(value));
            let there = |row: u32| {
                let send = view.send(row);
                send.outcome == Outcome::Ok
                    && !send.unacked()
                    && send.invoked.saturating_add(view.tables.skew) <= commit.completed
            };
            let mut rows = rows.peekable();
            if rows.peek().is_some() && rows.all(there) {
                if skipped.records == 0 {
                    skipped.first = offset;
                }
                skipped.records += 1;
            }
        }
    }
}

/// Offsets as merged stretches: first to last.
#[derive(Default)]
struct Covered(BTreeMap<i64, i64>);

impl Covered {
    fn add(&mut self, mut first: i64, mut last: i64) {
        if first > last {
            return;
        }
        // Everything that touches the new stretch becomes part of it.
        while let Some((from, to)) = self.0.range(..=last.saturating_add(1)).next_back() {
            let (from, to) = (*from, *to);
            if to < first.saturating_sub(1) {
                break;
            }
            (first, last) = (first.min(from), last.max(to));
            self.0.remove(&from);
        }
        self.0.insert(first, last);
    }

    /// What is missing between two offsets, ends included.
    fn gaps(&self, first: i64, last: i64) -> Vec<(i64, i64)> {
        let mut gaps = Vec::new();
        let before = self.0.range(..first).next_back().map(|(_, to)| to.saturating_add(1));
        let mut at = before.map_or(first, |end| end.max(first));
        for (from, to) in self.0.range(first..=last) {
            if *from > at {
                gaps.push((at, from - 1));
            }
            at = at.max(to.saturating_add(1));
        }
        if at <= last {
            gaps.push((at, last));
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_merge_and_leave_gaps() {
        let mut covered = Covered::default();
        for (first, last) in [(10, 12), (20, 22), (13, 15), (0, 0), (5, 4)] {
            covered.add(first, last);
        }
        assert_eq!(covered.gaps(0, 25), [(1, 9), (16, 19), (23, 25)]);
        assert_eq!(covered.gaps(11, 21), [(16, 19)]);
        covered.add(11, 21);
        assert_eq!(covered.0.into_iter().collect::<Vec<_>>(), [(0, 0), (10, 22)]);
    }
}
