//! A part of a history reduced by itself, as finely as a picture of it can show. Nothing is judged.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;
use store::reader::{ReadError, Source};
use store::series::Series;
use store::time::Nanos;

use super::{Grid, PerPartition};
use crate::context::{CheckError, Options};
use crate::coverage::has_pass;
use crate::load::{Loader, TooLarge, set_skew};
use crate::tables::Tables;
use crate::view::View;

/// Why not all of a history was read.
enum Stop {
    Read(ReadError),
    TooLarge,
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Stop {
        Stop::Read(error)
    }
}

impl From<TooLarge> for Stop {
    fn from(_: TooLarge) -> Stop {
        Stop::TooLarge
    }
}

/// The series of the part of a history from `from` to `to`, under this title. The history is read as a whole: what was
/// unread at a moment depends on what came before it. `None` where that would take more than the memory budget, or
/// where the history has nothing there.
///
/// # Errors
/// If it cannot be read.
pub fn reduce(
    source: Source,
    title: &str,
    options: &Options,
    (from, to): (Nanos, Nanos),
) -> Result<Option<Series>, CheckError> {
    let threads = options.threads.max(1);
    let mut loader = Loader::default();
    let read = store::reader::read(source, threads, |batch| {
        loader.add(batch)?;
        match options.memory {
            Some(limit) if loader.bytes() > limit => Err(Stop::TooLarge),
            _ => Ok(()),
        }
    });
    match read {
        Ok(_) => {}
        Err(Stop::TooLarge) => return Ok(None),
        Err(Stop::Read(error)) => return Err(error.into()),
    }
    let mut tables = loader.finish().tables;
    set_skew(&mut tables, options.clock_uncertainty);
    let to = to.0.min(tables.end);
    if to <= from.0 {
        return Ok(None);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| CheckError::Threads { threads, reason: e.to_string() })?;
    let over = || over(&tables, Grid::new(from.0, to), title);
    Ok(catch_unwind(AssertUnwindSafe(|| pool.install(over))).ok().flatten())
}

/// Flawed series are none: those of the whole history are there.
fn over(tables: &Tables, grid: Grid, title: &str) -> Option<Series> {
    let series = PerPartition::over(tables, grid);
    let pass = has_pass(tables);
    (0..tables.partitions.len() as u32)
        .into_par_iter()
        .for_each(|id| series.add(&View::new(tables, id, pass)));
    series.count(tables, true);
    let (series, flaw) = series.finish(tables, title);
    flaw.is_none().then_some(series)
}
