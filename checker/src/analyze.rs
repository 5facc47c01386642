//! From a history to its verdict and series: load, check, judge.

use std::time::Instant;

use store::reader::Source;
use store::series::Series;
use store::verdict::Verdict;

use crate::context::{CheckError, Context, Options};
use crate::expect::Expected;
use crate::guarantee::{Facts, guarantee};
use crate::judge::{Evidence, judge};
use crate::leadership::Leadership;
use crate::passes::{Judged, Reading};

/// Bytes of tables that are worth a thread to free them.
const LARGE: u64 = 64 << 20;

/// What analysis makes of a history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Analysis {
    /// `verdict.json`.
    pub verdict: Verdict,
    /// `series.json`.
    pub series: Series,
}

/// Judges a history of sends and polls.
///
/// # Errors
/// If it cannot be read, or if the guarantee, an override or an expectation cannot be understood. Whatever goes
/// wrong while checking does not: it makes the verdict unknown, with the reason.
pub fn analyze(source: Source, context: &Context, options: &Options) -> Result<Analysis, CheckError> {
    let began = Instant::now();
    let deadline = options.time_limit.map(|limit| began + limit);
    admit(context, options)?;
    let expected = Expected::parse(&context.terms)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.max(1))
        .build()
        .map_err(|e| CheckError::Threads { threads: options.threads, reason: e.to_string() })?;

    let leadership = Leadership::new(&context.cluster, &context.nodes);
    let reading = Reading { options, context, leadership: &leadership, pool: &pool, deadline };
    let Judged { tables, summaries, checked, series, pass, stopped, consumed, notes } =
        reading.judge(source)?;

    let stall_limited = reading.max_stall().is_some();
    let subscribed = tables.subscribed && !checked.moved_alone;
    let facts = Facts { subscribed, stall_limited, ..Facts::default() };
    let guarantee = guarantee(&context.terms, facts, options)?;
    let evidence =
        Evidence { tables: &tables, summaries: &summaries, leadership: &leadership, pass, stopped };
    let mut verdict = judge(evidence, checked, guarantee, context);
    verdict.notes.extend(notes);
    verdict.consumed = consumed;
    verdict.expectation = expected.judge(&verdict);
    verdict.seconds = began.elapsed().as_secs_f64();
    if tables.bytes() > LARGE {
        // Freeing a large history takes a while, and nobody needs to wait for it.
        std::thread::spawn(move || drop(tables));
    }
    Ok(Analysis { verdict, series })
}

/// Whether an analysis could be asked for like this: a run asks before it starts, not after an hour.
///
/// # Errors
/// If the guarantee, an override or an expectation cannot be understood.
pub fn admit(context: &Context, options: &Options) -> Result<(), CheckError> {
    Expected::parse(&context.terms)?;
    guarantee(&context.terms, Facts::default(), options)?;
    Ok(())
}
