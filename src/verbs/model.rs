//! The linearizability of a history against a sequential model, as a verdict: `--model`, or what its functions say.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use checker::model::{self, Budget, History, ModelKind};
use checker::{Analysis, Context, Options};
use store::reader::Source;
use store::series::{SERIES_SCHEMA, Series};
use store::time::Nanos;
use store::verdict::{Exercised, Guarantee, VERDICT_SCHEMA, Verdict};

use crate::exit::usage;

/// What was asked for and says nothing to a model.
fn unused(options: &Options) -> Option<String> {
    let given = [
        ("--guarantee", options.guarantee.is_some()),
        ("--allow and --forbid", !options.allow.is_empty()),
        ("--max-stall", options.max_stall.is_some()),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    (!given.is_empty()).then(|| {
        format!(
            "a model forbids every history without an order, and nothing else: {} had no effect",
            given.join(", ")
        )
    })
}

/// Judges a history against a model, or the one that its functions speak of, within the options' budgets. The
/// series have nothing but a title: what they draw is of logs and queues.
///
/// # Errors
/// If it cannot be read; as a usage error, if its functions do not tell the model.
pub fn judge(
    source: Source,
    context: &Context,
    kind: Option<ModelKind>,
    options: &Options,
) -> Result<Analysis> {
    let began = Instant::now();
    let history = History::read(source, options.threads)?;
    let history = match options.clock_uncertainty {
        Some(apart) => history.with_clocks_apart(apart),
        None => history,
    };
    let kind = match kind {
        Some(kind) => kind,
        None => model::infer(&history).map_err(usage)?,
    };
    let mut budget = Budget { examples: options.examples, ..Budget::default() };
    if let Some(limit) = options.time_limit {
        budget.time = limit;
    }
    if let Some(memory) = options.memory {
        budget.memory_bytes = memory;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let outcome = pool.install(|| model::check(&history, kind, &budget));
    let report = outcome.report(kind, began.elapsed().as_secs_f64());
    let forbidden = model::report::NONLINEARIZABLE.to_owned();
    let why = format!("no order of its operations agrees with a {kind} and with real time");
    let anomalies = outcome.anomaly().map(|anomaly| (forbidden.clone(), anomaly));
    let verdict = Verdict {
        schema: VERDICT_SCHEMA,
        validity: outcome.validity(),
        unknown_because: report.reason.clone().into_iter().collect(),
        guarantee: Guarantee {
            name: format!("linearizable {kind}"),
            sentence: "every operation took effect at one moment between its invocation and its completion"
                .into(),
            forbids: BTreeMap::from([(forbidden, why)]),
        },
        anomalies: anomalies.into_iter().collect(),
        exercised: Exercised {
            lines: history.lines(),
            operations: outcome.coverage().operations,
            ..Exercised::default()
        },
        notes: history.warnings().iter().cloned().chain(unused(options)).collect(),
        checkers: vec![report],
        seconds: began.elapsed().as_secs_f64(),
        ..Verdict::default()
    };
    let series =
        Series { schema: SERIES_SCHEMA, title: context.title.clone(), step: Nanos(1), ..Series::default() };
    Ok(Analysis { verdict, series })
}
