//! A history reduced to the series that pictures draw.
//!
//! What needs only operations ([`operations`]: rates, quantiles, latency cells) is reduced from the rows; what
//! needs the surviving log ([`unseen`], [`lag`]) from each partition's view while its checks run.

mod cells;
mod lag;
mod operations;
mod quantiles;
mod unseen;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use store::series::{SERIES_SCHEMA, Series};
use store::time::Nanos;

use crate::tables::Tables;
use crate::view::View;

/// Time steps that a picture can show.
const STEPS: u64 = 300;

/// The grid of time steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Width of a step, nanoseconds.
    pub(crate) step: u64,
    pub(crate) steps: usize,
}

impl Grid {
    /// At most [`STEPS`] and a few steps of 1, 2 or 5 times a power of ten.
    pub(crate) fn new(end: u64) -> Grid {
        let least = (end / STEPS).max(1_000_000);
        let mut power = 1;
        let step = loop {
            if let Some(nice) = [1, 2, 5].iter().map(|n| n * power).find(|step| *step >= least) {
                break nice;
            }
            power *= 10;
        };
        Grid { step, steps: (end / step) as usize + 1 }
    }

    /// The step that an instant lies in; the last one for what is later.
    pub(crate) fn step_of(&self, time: u64) -> usize {
        ((time / self.step) as usize).min(self.steps - 1)
    }

    /// The last instant of a step.
    pub(crate) fn end_of(&self, step: usize) -> u64 {
        (step as u64 + 1).saturating_mul(self.step) - 1
    }
}

/// Gathers the series that need a partition's view.
pub(crate) struct PerPartition {
    grid: Grid,
    unseen: Mutex<unseen::Unseen>,
    lag: lag::Lags,
    operations: Mutex<Option<operations::Counted>>,
    /// Why some series are not whole.
    failed: Mutex<Option<String>>,
}

impl PerPartition {
    pub(crate) fn new(tables: &Tables) -> PerPartition {
        let grid = Grid::new(tables.end);
        PerPartition {
            grid,
            unseen: Mutex::default(),
            lag: lag::Lags::new(tables, grid),
            operations: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Takes in one partition. The order of partitions does not matter. A failure costs pictures, never a
    /// verdict.
    pub(crate) fn add(&self, view: &View<'_>) {
        if catch_unwind(AssertUnwindSafe(|| self.reduce(view))).is_err() {
            let mut failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            failed.get_or_insert_with(|| view.partition.key.clone());
        }
    }

    /// Counts the operations of the rows that are there; with `all`, those that belong to no partition too.
    /// Call it on the pool that should do the work.
    pub(crate) fn count(&self, tables: &Tables, all: bool) {
        let counting = || operations::count(tables, &self.grid, all, &self.operations);
        if catch_unwind(AssertUnwindSafe(counting)).is_err() {
            let mut failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            failed.get_or_insert_with(|| "some operations".into());
        }
    }

    fn reduce(&self, view: &View<'_>) {
        if let Some(curve) = unseen::curve(view, &self.grid) {
            let mut unseen = self.unseen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            unseen.add(&view.partition.key, curve);
        }
        self.lag.add(view);
    }

    /// All series, and what is wrong with them.
    pub(crate) fn finish(self, tables: &Tables, title: &str) -> (Series, Option<String>) {
        let failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let series = catch_unwind(AssertUnwindSafe(|| self.all(tables, title)));
        let failed = match (&series, failed) {
            (Err(_), _) => {
                Some("the pictures' series could not be reduced, which is a bug of tribunal".into())
            }
            (Ok(_), Some(key)) => Some(format!("the pictures lack {key}, which is a bug of tribunal")),
            (Ok(_), None) => None,
        };
        (series.unwrap_or_default(), failed)
    }

    fn all(self, tables: &Tables, title: &str) -> Series {
        let grid = self.grid;
        let counted = self.operations.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let operations = operations::finish(counted, tables, &grid);
        let unseen = self.unseen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Series {
            schema: SERIES_SCHEMA,
            title: title.to_owned(),
            step: Nanos(grid.step),
            steps: grid.steps,
            end: Nanos(tables.end),
            final_pass: tables.final_pass.map(Nanos),
            faults: tables.faults.clone(),
            rates: operations.rates,
            quantiles: operations.quantiles,
            latencies: operations.latencies,
            unseen: unseen.finish(grid.steps),
            lag: self.lag.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_nice_and_few() {
        for (end, step, steps) in [
            (0, 1_000_000, 1),
            (30_000_000_000, 100_000_000, 301),
            (60_000_000_000, 200_000_000, 301),
            (3_600_000_000_000, 20_000_000_000, 181),
        ] {
            let grid = Grid::new(end);
            assert_eq!((grid.step, grid.steps), (step, steps));
            assert_eq!(grid.step_of(end), steps - 1);
            assert_eq!(grid.step_of(u64::MAX), steps - 1);
        }
        assert!(Grid::new(u64::MAX / 4).steps <= 302);
    }
}
