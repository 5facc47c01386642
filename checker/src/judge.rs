//! The verdict: what was found, held against what was promised, and what could not be decided.

use std::collections::BTreeMap;

use store::fault::FaultWindow;
use store::run_meta::fell_behind;
use store::time::Nanos;
use store::verdict::{
    Anomaly, CheckerReport, Exercised, Guarantee, LongestStall, VERDICT_SCHEMA, Validity, Verdict,
};

use crate::context::Context;
use crate::coverage::account;
use crate::kind::Kind;
use crate::leadership::Leadership;
use crate::partitions::Checked;
use crate::summary::Summary;
use crate::tables::Tables;
use crate::which::{Aside, Judge, aside};
use crate::words::{count, grouped, grouped_i64};

/// What the judgement rests on.
pub(crate) struct Evidence<'a> {
    pub(crate) tables: &'a Tables,
    /// Of each of its partitions.
    pub(crate) summaries: &'a [Summary],
    pub(crate) leadership: &'a Leadership,
    /// Whether the history has a consume-all pass.
    pub(crate) pass: bool,
    /// Why the history was not read to its end.
    pub(crate) stopped: Option<String>,
}

/// Puts the verdict together.
pub(crate) fn judge(
    evidence: Evidence<'_>,
    checked: Checked,
    guarantee: Guarantee,
    context: &Context,
) -> Verdict {
    let tables = evidence.tables;
    let mut exercised = exercised(&evidence, context);
    exercised.longest_stall = checked.longest_stall.map(|(key, stall)| LongestStall {
        key,
        from: Nanos(stall.from),
        seconds: stall.length() as f64 / 1e9,
    });
    let whole = evidence.stopped.is_none();
    let mut unknown_because: Vec<String> = evidence.stopped.into_iter().collect();
    let aside = left_aside(tables);
    unknown_because.extend(aside.unknown);
    let mut checkers = checked.reports;
    for report in checkers.iter().filter(|report| report.validity == Validity::Unknown) {
        unknown_because.push(format!("{}: {}", report.name, report.reason.as_deref().unwrap_or("unknown")));
    }
    if whole {
        let mut uncovered = uncovered(&exercised, context, tables);
        uncovered.extend(unread(&checked.anomalies, exercised.consume_all.is_some()));
        checkers.push(reported("coverage", uncovered, &mut unknown_because));
        checkers.push(reported(
            "vacuous",
            vacuous(&exercised, &tables.faults, context),
            &mut unknown_because,
        ));
    }

    let mut anomalies = checked.anomalies;
    for (kind, anomaly) in &mut anomalies {
        anomaly.allowed = !guarantee.forbids.contains_key(kind);
    }
    for report in &mut checkers {
        let broken = |kind: &str| anomalies.get(kind).is_some_and(|anomaly| !anomaly.allowed);
        if kinds_of(&report.name).into_iter().any(broken) {
            report.validity = Validity::Invalid;
        }
    }
    let mut notes = notes(tables, context);
    notes.extend(behind_schedule(&exercised, context));
    notes.extend(aside.notes);
    Verdict {
        schema: VERDICT_SCHEMA,
        validity: validity(&anomalies, &unknown_because),
        unknown_because,
        expectation: None,
        guarantee,
        anomalies,
        exercised,
        faults: tables.faults.clone(),
        checkers,
        notes,
        consumed: None,
        seconds: 0.0,
    }
}

/// Operations that no check of logs looks at.
fn left_aside(tables: &Tables) -> Aside {
    let mut counts = vec![0_u64; tables.functions.len()];
    for other in &tables.others {
        counts[other.f as usize] += 1;
    }
    aside(Judge::Log, tables.functions.iter().map(String::as_str).zip(counts))
}

/// Merged by maximum: one broken promise is invalid, whatever else is unknown.
pub(crate) fn validity(anomalies: &BTreeMap<String, Anomaly>, unknown_because: &[String]) -> Validity {
    let broken = anomalies.values().any(|anomaly| !anomaly.allowed && anomaly.count > 0);
    let unknown = if unknown_because.is_empty() { Validity::Valid } else { Validity::Unknown };
    unknown.max(if broken { Validity::Invalid } else { Validity::Valid })
}

fn kinds_of(checker: &str) -> Vec<&'static str> {
    let check = crate::checks::ALL.iter().find(|check| check.name == checker);
    let crossing = crate::transactions::ALL.iter().find(|check| check.name == checker);
    let kinds = check.map(|check| check.kinds).or(crossing.map(|check| check.kinds)).unwrap_or_default();
    kinds.iter().map(|kind| kind.name()).collect()
}

/// A report on the verdict's own questions.
pub(crate) fn reported(name: &str, reasons: Vec<String>, unknown_because: &mut Vec<String>) -> CheckerReport {
    let report = CheckerReport {
        name: name.to_owned(),
        validity: if reasons.is_empty() { Validity::Valid } else { Validity::Unknown },
        seconds: 0.0,
        covered: "the whole history".to_owned(),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
    };
    unknown_because.extend(reasons);
    report
}

fn exercised(evidence: &Evidence<'_>, context: &Context) -> Exercised {
    let Evidence { tables, summaries, leadership, pass, .. } = evidence;
    let counts = &tables.counts;
    let mut exercised = Exercised {
        lines: counts.lines,
        operations: counts.operations,
        records_polled: counts.polled,
        records_final: counts.drained,
        faults_asked: u64::from(context.terms.faults_asked.unwrap_or(0)).max(tables.faults.len() as u64),
        faults_bit: tables.faults.iter().filter(|fault| fault.bit == Some(true)).count() as u64,
        leader_changes: leadership.changes(),
        consume_all: account(tables, summaries, *pass),
        ..Exercised::default()
    };
    for summary in *summaries {
        exercised.partitions += u64::from(summary.sent_to);
        exercised.acknowledged += summary.acknowledged;
        exercised.unacknowledged += summary.unacknowledged;
        exercised.failed += summary.failed;
        exercised.indeterminate += summary.indeterminate;
    }
    exercised
}

/// A history over nothing proves nothing.
fn vacuous(exercised: &Exercised, faults: &[FaultWindow], context: &Context) -> Vec<String> {
    let mut reasons = Vec::new();
    if exercised.acknowledged + exercised.unacknowledged == 0 {
        reasons.push("vacuous: no send was acknowledged".to_owned());
    }
    if exercised.records_polled + exercised.records_final == 0 {
        reasons.push("vacuous: no record was read".to_owned());
    }
    reasons.extend(no_fault_bit(exercised).or_else(|| some_missed(exercised, context)));
    reasons.extend(unmet(faults));
    reasons
}

/// A run of which a part did nothing is not the run that was asked for. Where faults are drawn, some may find nothing
/// to break.
fn some_missed(exercised: &Exercised, context: &Context) -> Option<String> {
    let asked = context.terms.faults_asked.filter(|_| !context.terms.faults_drawn).map_or(0, u64::from);
    let bit = exercised.faults_bit;
    (bit < asked).then(|| {
        format!(
            "the run asked for {} and {bit} of them took effect: it is not the run that was asked for",
            count(asked, "fault")
        )
    })
}

/// A fault that was to hold until something happened, and it did not: what would have come of it was not tried.
pub(crate) fn unmet(faults: &[FaultWindow]) -> impl Iterator<Item = String> {
    faults.iter().filter_map(|fault| {
        let why = fault.unmet.as_ref()?;
        Some(format!("{} waited in vain, {why}: it is not the run that was asked for", fault.label))
    })
}

/// A run whose faults did nothing says nothing about faults.
pub(crate) fn no_fault_bit(exercised: &Exercised) -> Option<String> {
    let none = exercised.faults_asked > 0 && exercised.faults_bit == 0;
    let asked = count(exercised.faults_asked, "fault");
    none.then(|| format!("vacuous: the run asked for {asked} and none was seen to take effect"))
}

/// Acknowledged writes that nobody read, where no consume-all pass looked for them either.
fn unread(anomalies: &BTreeMap<String, Anomaly>, pass: bool) -> Option<String> {
    let unseen = anomalies.get(Kind::Unseen.name()).filter(|unseen| !pass && unseen.count > 0)?;
    let (was, it) = if unseen.count == 1 { ("was", "it") } else { ("were", "they") };
    Some(format!(
        "{} {was} read by nobody, and no consume-all pass went over the logs: whether {it} survived is not known",
        count(unseen.count, "acknowledged write")
    ))
}

/// What the consume-all pass should have covered and did not.
fn uncovered(exercised: &Exercised, context: &Context, tables: &Tables) -> Vec<String> {
    let mut reasons = Vec::new();
    match &exercised.consume_all {
        None if context.terms.consume_all == Some(true) => {
            reasons.push("the run asked for a consume-all pass and its history holds none".to_owned());
        }
        Some(pass) if pass.covered < pass.of => {
            let mut told: Vec<String> =
                pass.not_covered.iter().take(3).map(|(key, why)| format!("{key}: {why}")).collect();
            if pass.not_covered.len() > told.len() {
                told.push(format!("and {} more", pass.not_covered.len() - told.len()));
            }
            let covered = format!("{} of {}", pass.covered, count(pass.of, "partition"));
            reasons.push(format!("the consume-all pass covered {covered}: {}", told.join("; ")));
        }
        _ => {}
    }
    if !context.terms.doubts.unhealthy.is_empty() {
        reasons.push(format!(
            "the cluster was not healthy when the consume-all pass began: {}",
            context.terms.doubts.unhealthy.join("; ")
        ));
    }
    if let Some(lines) = context.terms.lines
        && tables.counts.lines < lines
    {
        reasons.push(format!(
            "{} were recorded, and the history ends after {}",
            count(lines, "line"),
            grouped(tables.counts.lines)
        ));
    }
    if context.terms.log_start_must_be_zero {
        let starts = tables.partitions.iter().filter_map(|p| Some((&p.key, p.bounds?.start)));
        let mut moved = starts.filter(|(_, start)| *start > 0);
        if let Some((key, start)) = moved.next() {
            let more = match moved.count() {
                0 => String::new(),
                n => format!(" (and {n} more logs like it)"),
            };
            reasons.push(format!(
                "the log of {key} starts at offset {}{more}: the target dropped its oldest records, so that \
                 nobody can tell what was lost",
                grouped_i64(start)
            ));
        }
    }
    reasons
}

/// An open loop that could not keep its schedule measured the sends that it made, and none of those that had to wait.
fn behind_schedule(exercised: &Exercised, context: &Context) -> Option<String> {
    let sends =
        exercised.acknowledged + exercised.unacknowledged + exercised.failed + exercised.indeterminate;
    let unsent = context.terms.unsent.filter(|unsent| fell_behind(*unsent, sends))?;
    Some(format!(
        "{} of the schedule were never made: the cluster or the machine was slower than the rate, and rates and \
         latencies are of the others",
        count(unsent, "send")
    ))
}

pub(crate) fn notes(tables: &Tables, context: &Context) -> Vec<String> {
    let mut notes: Vec<String> = context.caveat.iter().cloned().collect();
    if tables.faults.is_empty() && context.terms.faults_asked.unwrap_or(0) == 0 {
        notes.push("no fault was exercised".to_owned());
    }
    notes.extend(tables.warnings.iter().cloned());
    notes
}
