//! Histories of queues: does everything that went in come out, once, and in order?
//!
//! In the order that data meets them:
//!
//! - `values`: an element's value as a number, and back to its text
//! - `table`: what a history says of one queue; `load`: lines to tables
//! - `total`: what was lost, invented, doubled, found again (Jepsen's `checker/total-queue`, and in time)
//! - `order`: what was overtaken (FIFO, after Lee & Mathur, OOPSLA 2025)
//! - `explain`: the sentences
//! - [`analyze`]: all of it in order; `verdict`: what was found, held against what was promised
//!
//! Cost follows the number of operations and of drained elements, n log n, whatever the number of queues.
//!
//! **Invariant:** a dequeue of unknown outcome may have taken any one element, a drain of unknown outcome any
//! number: what they may explain is never called lost.

mod explain;
mod load;
mod order;
mod table;
mod total;
mod values;
mod verdict;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use store::reader::{ReadError, Source, read};

use self::load::Loader;
use self::table::{Queue, Queues};
use crate::analyze::Analysis;
use crate::context::{CheckError, Context, Options};
use crate::expect::Expected;
use crate::found::Found;
use crate::guarantee::{Facts, guarantee};
use crate::kind::Kind;
use crate::load::{TooLarge, UNSTATED};
use crate::series::PerPartition;
use crate::tables::NEVER;
use crate::words::grouped;

/// What the checks of all queues found.
#[derive(Debug, Default)]
struct Findings {
    found: Vec<Found>,
    /// What could not be decided, and about which kind.
    undecided: Vec<(Kind, String)>,
    /// Checks that failed, which is a bug.
    failed: Vec<String>,
    took: Duration,
}

/// Judges a history of enqueues, dequeues and drains.
///
/// # Errors
/// If it cannot be read, or if the guarantee, an override or an expectation cannot be understood.
pub fn analyze(source: Source, context: &Context, options: &Options) -> Result<Analysis, CheckError> {
    let began = Instant::now();
    crate::analyze::admit(context, options)?;
    let expected = Expected::parse(&context.terms)?;
    let guarantee = guarantee(&context.terms, Facts { queue: true, ..Facts::default() }, options)?;
    let (queues, stopped) = load(source, options, began)?;
    let findings = if stopped.is_none() { check(&queues, options.examples) } else { Findings::default() };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.max(1))
        .build()
        .map_err(|e| CheckError::Threads { threads: options.threads, reason: e.to_string() })?;
    let (series, flaw) = pool.install(|| {
        let series = PerPartition::new(&queues.tables);
        series.count(&queues.tables, true);
        series.finish(&queues.tables, &context.title)
    });
    let mut verdict = verdict::judge(&queues, &findings, guarantee, stopped, context, options.examples);
    verdict.notes.extend(flaw);
    verdict.expectation = expected.judge(&verdict);
    verdict.seconds = began.elapsed().as_secs_f64();
    Ok(Analysis { verdict, series })
}

/// Why reading ended early.
enum Stop {
    Read(ReadError),
    Budget(String),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Stop {
        Stop::Read(error)
    }
}

/// Reads all of a history; or as much as the budget allows, and why no more.
fn load(source: Source, options: &Options, began: Instant) -> Result<(Queues, Option<String>), CheckError> {
    let mut loader = Loader::default();
    let done = read(source, options.threads.max(1), |batch| {
        loader.add(batch).map_err(|TooLarge(what)| Stop::Budget(what))?;
        if let Some(limit) = options.memory.filter(|limit| loader.bytes() > *limit) {
            return Err(Stop::Budget(format!(
                "the memory budget of {} MiB was reached after {} lines; raise --memory",
                limit >> 20,
                grouped(loader.lines())
            )));
        }
        if let Some(limit) = options.time_limit.filter(|limit| began.elapsed() > *limit) {
            return Err(Stop::Budget(format!(
                "the time limit of {} s was reached after reading {} lines; raise --time-limit",
                limit.as_secs_f64(),
                grouped(loader.lines())
            )));
        }
        Ok(())
    });
    match done {
        Ok(summary) => Ok((loader.finish(summary.warnings, options.clock_uncertainty), None)),
        Err(Stop::Budget(why)) => Ok((loader.finish(Vec::new(), options.clock_uncertainty), Some(why))),
        Err(Stop::Read(error)) => Err(error.into()),
    }
}

/// What nobody can tell of a queue whose clocks may be apart by any time.
fn apart(queues: &Queues, queue: &Queue) -> Vec<(Kind, String)> {
    if queues.tables.skew != NEVER || queue.dequeues.is_empty() {
        return Vec::new();
    }
    let early = format!("{}nobody can tell what came out before it went in: {UNSTATED}", queue.prefix());
    let order = format!("{}the order could not be judged: {UNSTATED}", queue.prefix());
    vec![(Kind::Unexpected, early), (Kind::Overtaken, order)]
}

/// All checks of all queues. A panic costs one queue's checks, and makes them unknown.
fn check(queues: &Queues, keep: usize) -> Findings {
    let began = Instant::now();
    let mut findings = Findings::default();
    for queue in &queues.queues {
        let one = || {
            let (ledger, mut found, mut undecided) = total::check(queues, queue, keep);
            let (overtaken, reason) = order::check(queues, queue, &ledger, keep);
            found.extend(overtaken);
            undecided.extend(reason);
            undecided.extend(apart(queues, queue));
            (found, undecided)
        };
        match catch_unwind(AssertUnwindSafe(one)) {
            Ok((found, undecided)) => {
                findings.found.extend(found);
                findings.undecided.extend(undecided);
            }
            Err(_panic) => findings
                .failed
                .push(format!("{}the check itself failed, which is a bug of tribunal", queue.prefix())),
        }
    }
    findings.took = began.elapsed();
    findings
}
