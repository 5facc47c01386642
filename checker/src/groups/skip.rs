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
use crate::tables::{NONE, Outcome, Read};
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
    let groups = by_group(of);
    let reads = Reads::new(bench, &groups);
    let asked = Moves::new(bench, of);
    for (group, commits) in &groups {
        let blind = earliest_blind(bench, *group);
        for skipped in of_group(bench, &asked, commits, reads.of(*group)) {
            if blind.is_some_and(|at| !tables.precedes(skipped.commit.completed, at)) {
                possible += skipped.records;
            } else {
                found.push(skipped);
            }
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

fn of_group(bench: &Bench<'_, '_>, asked: &Moves<'_>, commits: &[&Commit], reads: Vec<Seen>) -> Vec<Skipped> {
    let mut found = Vec::new();
    let mut reads = reads.into_iter().peekable();
    let mut commits = commits.to_vec();
    commits.sort_by_key(|commit| (commit.completed, commit.line));
    let tables = bench.view.tables;
    let mut known = Covered::default();
    let mut lowest: Option<i64> = None;
    for commit in commits {
        while let Some(Seen { read, member, .. }) =
            reads.next_if(|seen| !tables.precedes(commit.completed, seen.invoked))
        {
            known.add(read.first, read.last);
            if member {
                lowest = Some(lowest.map_or(read.first, |before| before.min(read.first)));
            }
        }
        if let Some(lowest) = lowest.filter(|lowest| *lowest < commit.offset) {
            let mut skipped = Skipped { commit: *commit, first: 0, records: 0 };
            for (first, last) in known.gaps(lowest, commit.offset - 1) {
                count_records(bench, commit, (first, last), &mut skipped);
            }
            // What one commit passed, the next passes too: it is told once.
            known.add(lowest, commit.offset - 1);
            if skipped.records > 0 && !asked.meet(0, commit.completed) {
                found.push(skipped);
            }
        }
        lowest = Some(lowest.map_or(commit.offset, |before| before.min(commit.offset)));
    }
    found
}

/// What one poll read, for one group.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// When the poll began.
    invoked: u64,
    read: Read,
    /// Whether its reader certainly was in the group.
    member: bool,
}

/// What was read, by the groups that it may concern.
struct Reads {
    of_group: FxHashMap<u32, Vec<Seen>>,
    /// By readers who may be in any group.
    of_anybody: Vec<Seen>,
}

impl Reads {
    /// For these groups. A reader is in the group that it joined, and in those for which its client or its process
    /// commits.
    fn new(bench: &Bench<'_, '_>, groups: &BTreeMap<u32, Vec<&Commit>>) -> Reads {
        let view = bench.view;
        let mut of_client: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        let mut of_process: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (group, commits) in groups {
            for commit in commits {
                let client = (commit.client != NONE).then(|| of_client.entry(commit.client).or_default());
                let process = of_process.entry(commit.process).or_default();
                for groups in client.into_iter().chain([process]) {
                    if groups.last() != Some(group) {
                        groups.push(*group);
                    }
                }
            }
        }
        let mut reads = Reads { of_group: FxHashMap::default(), of_anybody: Vec::new() };
        let mut concerned: Vec<u32> = Vec::new();
        for read in &view.partition.reads {
            let poll = view.poll(read.poll);
            if poll.final_pass {
                continue;
            }
            let session = view.tables.session_of(read.poll);
            concerned.clear();
            concerned.push(session.group);
            concerned.extend(of_client.get(&session.client).into_iter().flatten());
            concerned.extend(of_process.get(&session.process).into_iter().flatten());
            concerned.sort_unstable();
            concerned.dedup();
            let seen = Seen { invoked: poll.invoked, read: *read, member: true };
            for group in &concerned {
                if groups.contains_key(group) {
                    reads.of_group.entry(*group).or_default().push(seen);
                }
            }
            if session.group == UNSURE {
                reads.of_anybody.push(Seen { member: false, ..seen });
            }
        }
        reads
    }

    /// By everybody who may be in the group, in the order in which the polls began.
    fn of(&self, group: u32) -> Vec<Seen> {
        let own = self.of_group.get(&group).into_iter().flatten();
        let mut all: Vec<Seen> = own.chain(&self.of_anybody).copied().collect();
        all.sort_by_key(|seen| (seen.invoked, seen.read.poll));
        all
    }
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
