//! `tribunal analyze --model`: the linearizability of a history against a sequential model, as a verdict.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use checker::Options;
use checker::model::{self, Budget, History, ModelKind};
use store::reader::Source;
use store::verdict::{Exercised, Guarantee, VERDICT_SCHEMA, Verdict};

/// Judges a history against a model, within the options' budgets.
pub fn judge(source: Source, kind: ModelKind, options: &Options) -> Result<Verdict> {
    let began = Instant::now();
    let history = History::read(source, options.threads)?;
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
    Ok(Verdict {
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
        notes: history.warnings().to_vec(),
        checkers: vec![report],
        seconds: began.elapsed().as_secs_f64(),
        ..Verdict::default()
    })
}
