//! The checks that cross partitions, asked once all partitions were looked at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::{Answer, Bounds, panicked};
use crate::tables::{Partition, Tables};
use crate::transactions::{self, Standing};
use crate::words::count;

/// A check that crosses partitions, as its report names it.
pub(crate) struct Crossing {
    pub(crate) name: &'static str,
    pub(crate) covered: String,
}

/// Whether there is anything that no partition shows by itself.
pub(super) fn crosses(tables: &Tables) -> bool {
    let held = |p: &Partition| p.bounds.is_some_and(|b| b.stable.is_some_and(|stable| stable < b.stable_end));
    !tables.transactions.is_empty() || tables.partitions.iter().any(held)
}

/// The checks that cross partitions, which could not be asked.
pub(super) fn not_crossed(reason: &str) -> Vec<(Crossing, Answer)> {
    let answer = || Answer { concluded: Err(reason.to_owned()), took: Duration::ZERO };
    transactions::ALL.iter().map(|check| (check.crossing(0), answer())).collect()
}

/// The checks that cross partitions, each caught by itself.
pub(super) fn crossing(
    tables: &Tables,
    standings: Vec<(u32, Standing)>,
    missing: usize,
    bounds: &Bounds<'_>,
) -> Vec<(Crossing, Answer)> {
    if !crosses(tables) {
        return Vec::new();
    }
    let began = Instant::now();
    let late = || bounds.deadline.is_some_and(|deadline| Instant::now() > deadline);
    if late() {
        return not_crossed("the time limit was reached before it was checked");
    }
    if missing > 0 && !tables.transactions.is_empty() {
        // A transaction whose sends are not all known would be judged by its half.
        return not_crossed(&format!("{} could not be looked at", count(missing as u64, "partition")));
    }
    let bench = catch_unwind(AssertUnwindSafe(|| transactions::Bench::new(tables, standings, bounds)));
    let bench = match bench {
        Ok(Ok(bench)) => bench,
        Ok(Err(why)) => return not_crossed(&why),
        Err(panic) => return not_crossed(&panicked(&*panic)),
    };
    let mut before = began.elapsed();
    let mut all = Vec::new();
    for check in &transactions::ALL {
        let began = Instant::now();
        let concluded = if late() {
            Err("the time limit was reached before it was checked".to_owned())
        } else {
            catch_unwind(AssertUnwindSafe(|| (check.run)(&bench))).map_err(|panic| panicked(&*panic))
        };
        // What all of them share counts for the first.
        let took = began.elapsed() + std::mem::take(&mut before);
        all.push((check.crossing(tables.transactions.len()), Answer { concluded, took }));
    }
    all
}
