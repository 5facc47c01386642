//! What was found in queues, held against what was promised, and what could not be decided.

use std::collections::BTreeMap;

use store::fault::FaultWindow;
use store::verdict::{
    Anomaly, CheckerReport, ConsumeAll, Exercised, Guarantee, VERDICT_SCHEMA, Validity, Verdict,
};

use super::Findings;
use super::table::Queues;
use crate::context::Context;
use crate::guarantee::ASKED_FOR;
use crate::judge::{no_fault_bit, notes, reported, unmet, validity};
use crate::kind::Kind;
use crate::tables::Outcome;
use crate::which::{Judge, aside};
use crate::words::count;

/// The kinds that queues can show.
const KINDS: [Kind; 6] =
    [Kind::Lost, Kind::Unexpected, Kind::Resurrected, Kind::Duplicated, Kind::Recovered, Kind::Overtaken];

/// The checks, with their kinds.
const CHECKS: [(&str, &[Kind]); 2] = [
    ("total queue", &[Kind::Lost, Kind::Unexpected, Kind::Resurrected, Kind::Duplicated, Kind::Recovered]),
    ("order", &[Kind::Overtaken]),
];

/// Puts the verdict together.
pub(super) fn judge(
    queues: &Queues,
    findings: &Findings,
    guarantee: Guarantee,
    stopped: Option<String>,
    context: &Context,
    examples: usize,
) -> Verdict {
    let guarantee = of_queues(guarantee);
    let exercised = exercised(queues, context);
    let mut notes = notes(&queues.tables, context);
    let whole = stopped.is_none();
    let mut unknown_because: Vec<String> = stopped.into_iter().chain(queues.odd.iter().cloned()).collect();
    let aside = left_aside(queues);
    unknown_because.extend(aside.unknown);
    notes.extend(aside.notes);
    let mut anomalies = gather(findings, examples);
    for (kind, anomaly) in &mut anomalies {
        anomaly.allowed = !guarantee.forbids.contains_key(kind);
    }
    let mut checkers = Vec::new();
    for (name, kinds) in CHECKS.into_iter().filter(|_| whole) {
        let mut reasons = findings.failed.clone();
        for (kind, reason) in findings.undecided.iter().filter(|(kind, _)| kinds.contains(kind)) {
            // What the guarantee allows need not be decided.
            if guarantee.forbids.contains_key(kind.name()) {
                reasons.push(reason.clone());
            } else {
                notes.push(reason.clone());
            }
        }
        checkers.push(report(name, &reasons, findings, queues, &mut unknown_because));
        let broken = |kind: &Kind| anomalies.get(kind.name()).is_some_and(|anomaly| !anomaly.allowed);
        if let Some(report) = checkers.last_mut()
            && kinds.iter().any(broken)
        {
            report.validity = Validity::Invalid;
        }
    }
    if whole {
        checkers.push(reported("vacuous", vacuous(&exercised, &queues.tables.faults), &mut unknown_because));
    }
    Verdict {
        schema: VERDICT_SCHEMA,
        validity: validity(&anomalies, &unknown_because),
        unknown_because,
        guarantee,
        anomalies,
        exercised,
        faults: queues.tables.faults.clone(),
        checkers,
        notes,
        ..Verdict::default()
    }
}

/// The guarantee without the kinds that only logs can show, its reasons in the words of queues.
fn of_queues(mut guarantee: Guarantee) -> Guarantee {
    guarantee.forbids.retain(|kind, _| KINDS.iter().any(|known| known.name() == kind));
    for (kind, reason) in [
        (Kind::Unexpected, "only what was put in may come out"),
        (Kind::Resurrected, "an element whose enqueue failed must never come out"),
    ] {
        if let Some(why) = guarantee.forbids.get_mut(kind.name())
            && why != ASKED_FOR
        {
            reason.clone_into(why);
        }
    }
    guarantee
}

/// All queues' findings by kind: those that stand by themselves before consequences, then by their lines.
fn gather(findings: &Findings, examples: usize) -> BTreeMap<String, Anomaly> {
    let mut anomalies: BTreeMap<String, Anomaly> = BTreeMap::new();
    for kind in KINDS {
        let mut kept = Vec::new();
        for found in findings.found.iter().filter(|found| found.kind == kind) {
            let anomaly = anomalies.entry(kind.name().to_owned()).or_default();
            anomaly.count += found.count;
            for (cause, n) in &found.consequences {
                *anomaly.consequence_of.entry(cause.name().to_owned()).or_default() += n;
            }
            kept.extend(found.examples.iter());
        }
        kept.sort_by_key(|(line, example)| (example.consequence_of.is_some(), *line));
        if let Some(anomaly) = anomalies.get_mut(kind.name()) {
            anomaly.examples = kept.into_iter().take(examples).map(|(_, example)| example.clone()).collect();
        }
    }
    anomalies
}

fn report(
    name: &str,
    reasons: &[String],
    findings: &Findings,
    queues: &Queues,
    unknown_because: &mut Vec<String>,
) -> CheckerReport {
    unknown_because.extend(reasons.iter().map(|reason| format!("{name}: {reason}")));
    CheckerReport {
        name: name.to_owned(),
        validity: if reasons.is_empty() { Validity::Valid } else { Validity::Unknown },
        seconds: findings.took.as_secs_f64() / CHECKS.len() as f64,
        covered: count((queues.queues.len() - findings.failed.len()) as u64, "queue"),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
    }
}

fn left_aside(queues: &Queues) -> crate::which::Aside {
    let mut counts = vec![0_u64; queues.tables.functions.len()];
    for other in &queues.tables.others {
        counts[other.f as usize] += 1;
    }
    aside(Judge::Queue, queues.tables.functions.iter().map(String::as_str).zip(counts))
}

fn exercised(queues: &Queues, context: &Context) -> Exercised {
    let tables = &queues.tables;
    let mut exercised = Exercised {
        lines: tables.counts.lines,
        operations: tables.counts.operations,
        faults_asked: u64::from(context.terms.faults_asked.unwrap_or(0)).max(tables.faults.len() as u64),
        faults_bit: tables.faults.iter().filter(|fault| fault.bit == Some(true)).count() as u64,
        ..Exercised::default()
    };
    let mut drained = ConsumeAll::default();
    for queue in queues.queues.iter().filter(|q| !q.enqueues.is_empty() || !q.dequeues.is_empty()) {
        exercised.partitions += u64::from(!queue.enqueues.is_empty());
        drained.of += 1;
        match queue.emptied {
            Some(_) => drained.covered += 1,
            None => {
                drained.not_covered.insert(queue.name().to_owned(), "it was never drained".to_owned());
            }
        }
        for row in &queue.enqueues {
            match row.outcome {
                Outcome::Ok => exercised.acknowledged += 1,
                Outcome::Fail => exercised.failed += 1,
                Outcome::Info | Outcome::Superseded => exercised.indeterminate += 1,
            }
        }
        let of_drain = queue.dequeues.iter().filter(|row| row.drained).count() as u64;
        exercised.records_final += of_drain;
        exercised.records_polled += queue.dequeues.len() as u64 - of_drain;
    }
    exercised.consume_all = (drained.covered > 0).then_some(drained);
    exercised
}

/// A history over nothing proves nothing.
fn vacuous(exercised: &Exercised, faults: &[FaultWindow]) -> Vec<String> {
    let mut reasons = Vec::new();
    if exercised.acknowledged == 0 {
        reasons.push("vacuous: no enqueue was acknowledged".to_owned());
    }
    if exercised.records_polled + exercised.records_final == 0 {
        reasons.push("vacuous: no element was dequeued".to_owned());
    }
    reasons.extend(no_fault_bit(exercised));
    reasons.extend(unmet(faults));
    reasons
}
