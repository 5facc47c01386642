//! Accepted commits that step back: certain only where one completed before the other began.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::breaks::{ByReader, Spans};
use super::explain::Explain;
use super::table::{Commit, OfPartition};
use crate::checks::Bench;
use crate::found::{Collector, Found};
use crate::kind::Kind;

/// `fenced` are the lines of commits that should not have been accepted at all.
pub(super) fn check(
    bench: &Bench<'_, '_>,
    explain: &Explain<'_, '_>,
    of: &OfPartition,
    fenced: &FxHashSet<u32>,
) -> Option<Found> {
    let mut found = Collector::new(Kind::CommitRegression, bench.keep);
    let asked = Moves::new(bench, of);
    let tables = bench.view.tables;
    for mut begun in by_group(of).into_values() {
        let mut done = begun.clone();
        begun.sort_by_key(|commit| (commit.invoked, commit.line));
        done.sort_by_key(|commit| (commit.completed, commit.line));
        let mut done = done.into_iter().peekable();
        let mut highest: Option<&Commit> = None;
        for commit in begun {
            while let Some(earlier) =
                done.next_if(|earlier| tables.precedes(earlier.completed, commit.invoked))
            {
                if highest.is_none_or(|before| before.offset < earlier.offset) {
                    highest = Some(earlier);
                }
            }
            let Some(earlier) = highest.filter(|earlier| earlier.offset > commit.offset) else { continue };
            if asked.meet(earlier.completed, commit.completed) {
                continue;
            }
            let cause = fenced.contains(&commit.line).then_some(Kind::OwnershipOverlap);
            found.push(commit.line, cause, (*earlier, *commit));
        }
    }
    found.explain(|(earlier, later)| explain.regression(earlier, later))
}

/// The commits here, by group.
pub(super) fn by_group(of: &OfPartition) -> BTreeMap<u32, Vec<&Commit>> {
    let mut groups: BTreeMap<u32, Vec<&Commit>> = BTreeMap::new();
    for commit in &of.commits {
        groups.entry(commit.group).or_default().push(commit);
    }
    groups
}

/// When somebody asked to move in this partition: stepping back then, or over records, is as asked.
pub(super) struct Moves<'t> {
    seeks: Spans,
    everywhere: &'t ByReader,
    /// How far clocks may be apart, ns.
    skew: u64,
}

impl<'t> Moves<'t> {
    pub(super) fn new(bench: &Bench<'_, 't>, of: &OfPartition) -> Moves<'t> {
        let everywhere = &bench.view.tables.groups.everywhere;
        Moves { seeks: Spans::new(of.seeks.iter().copied()), everywhere, skew: bench.view.tables.skew }
    }

    /// Whether that may have been between two times.
    pub(super) fn meet(&self, from: u64, to: u64) -> bool {
        let (from, to) = (from.saturating_sub(self.skew), to.saturating_add(self.skew));
        self.seeks.meet(from, to) || self.everywhere.anybody(from, to)
    }
}
