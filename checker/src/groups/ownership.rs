//! Two owners at once: one partition given to two members in one generation, or a commit accepted from a member
//! whose generation had passed.
//!
//! A paused member may believe that it still owns a partition; only what was handed out and accepted counts.

use rustc_hash::{FxHashMap, FxHashSet};

use super::explain::Explain;
use super::table::{Change, Commit, Groups, NO_GENERATION, OfPartition};
use crate::checks::Bench;
use crate::found::{Collector, Found};
use crate::kind::Kind;
use crate::tables::{NONE, Tables};

/// A finding's proof.
#[derive(Clone, Copy)]
enum Overlap {
    /// Both were given the partition in one generation.
    Owners(Change, Change),
    /// The commit was accepted after the partition had been given to somebody else in a later generation.
    Fenced(Change, Commit),
}

pub(super) fn check(
    bench: &Bench<'_, '_>,
    explain: &Explain<'_, '_>,
    of: &OfPartition,
    fenced: &FxHashSet<u32>,
) -> Option<Found> {
    let tables = bench.view.tables;
    let groups = &tables.groups;
    let mut found = Collector::new(Kind::OwnershipOverlap, bench.keep);
    let losses = Losses::new(of);
    let mut given: FxHashMap<(u32, i64), Vec<Change>> = FxHashMap::default();
    for change in of.changes.iter().filter(|change| certain(groups, change)) {
        let before = given.entry((change.group, change.generation)).or_default();
        // One finding a member and generation: the first owner that it collides with.
        let other = before.iter().find(|first| {
            // One client's incarnations follow one another, and a static member returns to its generation.
            let restarted = change.client != NONE && first.client == change.client;
            first.member != change.member
                && !restarted
                && !losses.between(tables, first, change)
                && !losses.between(tables, change, first)
        });
        if let Some(first) = other {
            found.push(change.line, None, Overlap::Owners(*first, *change));
        }
        if before.iter().all(|first| first.member != change.member) {
            before.push(*change);
        }
    }
    let fences = Fences::new(groups, of);
    for commit in of.commits.iter().filter(|commit| fenced.contains(&commit.line)) {
        if let Some(change) = fences.of(tables, commit) {
            found.push(commit.line, None, Overlap::Fenced(change, *commit));
        }
    }
    found.explain(|overlap| match overlap {
        Overlap::Owners(first, second) => explain.owners(first, second),
        Overlap::Fenced(change, commit) => explain.fenced(change, commit),
    })
}

/// The lines of commits that were accepted although their member had been replaced.
pub(super) fn fenced(tables: &Tables, of: &OfPartition) -> FxHashSet<u32> {
    if of.changes.is_empty() {
        return FxHashSet::default();
    }
    let fences = Fences::new(&tables.groups, of);
    let commits = of.commits.iter().filter(|commit| fences.of(tables, commit).is_some());
    commits.map(|commit| commit.line).collect()
}

/// Given to a member that certainly is one and the same, in a generation that is known.
fn certain(groups: &Groups, change: &Change) -> bool {
    change.gained && change.generation != NO_GENERATION && groups.member(change.member).lasting
}

/// Who had been given the partition in the highest generation by some instant, by group.
struct Fences(FxHashMap<u32, Vec<Fence>>);

/// After one more change: the owner of the highest generation so far, and the highest of another member.
struct Fence {
    completed: u64,
    first: Change,
    second: Option<Change>,
}

impl Fences {
    fn new(groups: &Groups, of: &OfPartition) -> Fences {
        let mut changes: Vec<&Change> = of.changes.iter().filter(|c| certain(groups, c)).collect();
        changes.sort_by_key(|change| (change.completed, change.line));
        let mut fences: FxHashMap<u32, Vec<Fence>> = FxHashMap::default();
        for change in changes {
            let all = fences.entry(change.group).or_default();
            let (first, second) = match all.last() {
                None => (*change, None),
                Some(Fence { first, second, .. }) => match (change.generation > first.generation, second) {
                    (true, _) if first.member == change.member => (*change, *second),
                    (true, _) => (*change, Some(*first)),
                    (false, _) if first.member == change.member => (*first, *second),
                    (false, Some(second)) if second.generation >= change.generation => {
                        (*first, Some(*second))
                    }
                    (false, _) => (*first, Some(*change)),
                },
            };
            all.push(Fence { completed: change.completed, first, second });
        }
        Fences(fences)
    }

    /// Who had been given the partition in a later generation before the commit began.
    fn of(&self, tables: &Tables, commit: &Commit) -> Option<Change> {
        if commit.generation == NO_GENERATION || !tables.groups.member(commit.member).lasting {
            return None;
        }
        let fences = self.0.get(&commit.group)?;
        let before = fences.partition_point(|fence| tables.precedes(fence.completed, commit.invoked));
        let Fence { first, second, .. } = fences.get(before.checked_sub(1)?)?;
        let other = if first.member == commit.member { *second } else { Some(*first) };
        other.filter(|change| change.generation > commit.generation)
    }
}

/// When members gave the partition up, by group and member: sorted by the ends, each with the earliest beginning of
/// all from it on.
struct Losses(FxHashMap<(u32, u32), Vec<(u64, u64)>>);

impl Losses {
    fn new(of: &OfPartition) -> Losses {
        let mut losses: FxHashMap<(u32, u32), Vec<(u64, u64)>> = FxHashMap::default();
        for change in of.changes.iter().filter(|change| !change.gained) {
            losses.entry((change.group, change.member)).or_default().push((change.completed, change.invoked));
        }
        for all in losses.values_mut() {
            all.sort_unstable();
            let mut earliest = u64::MAX;
            for (_, invoked) in all.iter_mut().rev() {
                earliest = earliest.min(*invoked);
                *invoked = earliest;
            }
        }
        Losses(losses)
    }

    /// Whether the owner of one change may have given the partition up before another was given it.
    fn between(&self, tables: &Tables, first: &Change, other: &Change) -> bool {
        self.0.get(&(first.group, first.member)).is_some_and(|all| {
            let from = all.partition_point(|(completed, _)| tables.precedes(*completed, first.invoked));
            all.get(from).is_some_and(|(_, earliest)| !tables.precedes(other.completed, *earliest))
        })
    }
}
