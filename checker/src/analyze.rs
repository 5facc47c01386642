//! From a history to its verdict and series: load, check, judge.

use std::time::{Duration, Instant};

use store::reader::{ReadError, Source};
use store::series::Series;
use store::verdict::Verdict;

use crate::context::{CheckError, Context, Options};
use crate::coverage::has_pass;
use crate::expect::Expected;
use crate::groups::consumed::consumed;
use crate::guarantee::{Facts, guarantee};
use crate::judge::{Evidence, judge};
use crate::leadership::Leadership;
use crate::load::{Loader, TooLarge};
use crate::partitions::{Bounds, Checked, check};
use crate::series::PerPartition;
use crate::strangers::name_their_origin;
use crate::tables::{NEVER, Tables};
use crate::words::grouped;

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

    let (mut tables, stopped) = load(source, options, deadline)?;
    if tables.clocks > 1 {
        tables.skew = options.clock_uncertainty.map_or(NEVER, nanos);
    }
    let leadership = Leadership::new(&context.cluster, &context.nodes);
    let pass = has_pass(&tables);
    let stated = context.terms.max_stall_ms.map(Duration::from_millis);
    let max_stall = options.max_stall.or(stated).map(nanos);
    let (mut checked, (series, flaw)) = pool.install(|| {
        let series = PerPartition::new(&tables);
        let terms = &context.terms;
        let examples = options.examples;
        let bounds = Bounds { leadership: &leadership, pass, examples, deadline, max_stall, terms };
        // Half a history has losses and strangers that the other half explains.
        let checked = if stopped.is_none() { check(&tables, &bounds, &series) } else { Checked::default() };
        (checked, series.finish(&tables, &context.title))
    });
    if let Some(unexpected) = checked.anomalies.get_mut(crate::kind::Kind::Unexpected.name()) {
        pool.install(|| name_their_origin(unexpected, &tables));
    }

    let facts = Facts { subscribed: tables.subscribed, stall_limited: max_stall.is_some() };
    let guarantee = guarantee(&context.terms, facts, options)?;
    let evidence = Evidence { tables: &tables, leadership: &leadership, pass, stopped };
    let mut verdict = judge(evidence, checked, guarantee, context);
    verdict.notes.extend(flaw);
    verdict.consumed = pool.install(|| consumed(&tables, options.examples));
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
    guarantee(&context.terms, Facts { subscribed: false, stall_limited: false }, options)?;
    Ok(())
}

/// In nanoseconds, as far as they count.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
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

impl From<TooLarge> for Stop {
    fn from(TooLarge(what): TooLarge) -> Stop {
        Stop::Budget(format!("{what}, which is more than one analysis can number"))
    }
}

/// Reads all of a history; or as much as the budget allows, and why no more.
fn load(
    source: Source,
    options: &Options,
    deadline: Option<Instant>,
) -> Result<(Tables, Option<String>), CheckError> {
    let mut loader = Loader::default();
    let read = store::reader::read(source, options.threads.max(1), |batch| {
        loader.add(batch)?;
        if let Some(limit) = options.memory
            && loader.bytes() > limit
        {
            return Err(Stop::Budget(format!(
                "the memory budget of {} MiB was reached after {} lines; raise --memory",
                limit >> 20,
                grouped(loader.lines())
            )));
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            let limit = options.time_limit.unwrap_or(Duration::ZERO);
            return Err(Stop::Budget(format!(
                "the time limit of {} s was reached after reading {} lines; raise --time-limit",
                limit.as_secs_f64(),
                grouped(loader.lines())
            )));
        }
        Ok::<(), Stop>(())
    });
    match read {
        Ok(summary) => {
            let mut tables = loader.finish();
            tables.warnings.extend(summary.warnings);
            Ok((tables, None))
        }
        Err(Stop::Budget(why)) => Ok((loader.finish(), Some(why))),
        Err(Stop::Read(error)) => Err(error.into()),
    }
}
