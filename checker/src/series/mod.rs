//! A history reduced to the series that pictures draw.
//!
//! What needs only operations ([`operations`]: rates, quantiles, latency cells) is reduced from the rows; what
//! needs the surviving log ([`unseen`], [`lag`]) from each partition's view while its checks run. [`window`] does
//! the same for a part of the history, without any checks.

mod cells;
mod lag;
mod operations;
mod quantiles;
mod unseen;
mod window;

pub use window::reduce;

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
    /// The first and the last instant, nanoseconds.
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Width of a step, nanoseconds.
    pub(crate) step: u64,
    pub(crate) steps: usize,
}

impl Grid {
    /// At most [`STEPS`] and a few steps of 1, 2 or 5 times a power of ten.
    pub(crate) fn new(from: u64, until: u64) -> Grid {
        let span = until.saturating_sub(from);
        let least = (span / STEPS).max(1_000_000);
        let mut power = 1;
        let step = loop {
            if let Some(nice) = [1, 2, 5].iter().map(|n| n * power).find(|step| *step >= least) {
                break nice;
            }
            power *= 10;
        };
        Grid { from, until: from + span, step, steps: (span / step) as usize + 1 }
    }

    /// Whether an instant lies in it.
    pub(crate) fn holds(&self, time: u64) -> bool {
        (self.from..=self.until).contains(&time)
    }

    /// The step that an instant lies in; the first one for what is earlier, the last one for what is later.
    pub(crate) fn step_of(&self, time: u64) -> usize {
        ((time.saturating_sub(self.from) / self.step) as usize).min(self.steps - 1)
    }

    /// The last instant of a step.
    pub(crate) fn end_of(&self, step: usize) -> u64 {
        let end = (step as u64 + 1).saturating_mul(self.step) - 1;
        self.from.saturating_add(end).min(self.until)
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
    /// Of a whole history.
    pub(crate) fn new(tables: &Tables) -> PerPartition {
        PerPartition::over(tables, Grid::new(0, tables.end))
    }

    fn over(tables: &Tables, grid: Grid) -> PerPartition {
        PerPartition {
            grid,
            unseen: Mutex::new(unseen::Unseen::new(&grid)),
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
        if let Some(changes) = unseen::changes(view, &self.grid) {
            let curve = unseen::highest(&changes, self.grid.steps);
            let mut unseen = self.unseen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            unseen.add(&view.partition.key, curve, &changes);
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
            window: (grid.from > 0 || grid.until < tables.end)
                .then_some((Nanos(grid.from), Nanos(grid.until))),
            step: Nanos(grid.step),
            steps: grid.steps,
            end: Nanos(tables.end),
            final_pass: tables.final_pass.map(Nanos),
            faults: tables.faults.clone(),
            rates: operations.rates,
            quantiles: operations.quantiles,
            latencies: operations.latencies,
            cell: Nanos(cells::width(&grid)),
            cells_an_octave: 1 << cells::ROW_BITS,
            due: operations.due,
            unseen: unseen.finish(),
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
            let grid = Grid::new(0, end);
            assert_eq!((grid.step, grid.steps), (step, steps));
            assert_eq!(grid.step_of(end), steps - 1);
            assert_eq!(grid.step_of(u64::MAX), steps - 1);
        }
        assert!(Grid::new(0, u64::MAX / 4).steps <= 302);
    }

    #[test]
    fn a_grid_may_begin_anywhere() {
        let s = 1_000_000_000;
        let grid = Grid::new(300 * s + 7, 302 * s);
        assert_eq!((grid.step, grid.steps), (10_000_000, 200));
        assert_eq!((grid.step_of(0), grid.step_of(300 * s + 7), grid.step_of(u64::MAX)), (0, 0, 199));
        assert_eq!((grid.end_of(0), grid.end_of(199)), (300 * s + 10_000_006, 302 * s));
        assert!(grid.holds(302 * s) && !grid.holds(302 * s + 1) && !grid.holds(300 * s));
    }
}
