//! The report at the end of a run: what was judged, what was found, what it covered, what to do next.

use std::fmt::Write as _;

use store::verdict::{Anomaly, Example, Exercised, Expectation, ExpectationState, Validity, Verdict};

use super::guarantee::{consumed, short};
use super::kinds::{meaning, rank};
use super::number::{counted, grouped, rounded, seconds};
use super::style::{ReportStyle, Tone, harmless};

/// The whole report, ending in a line break. `next` are commands with a few words each.
pub fn verdict_text(verdict: &Verdict, style: &ReportStyle, next: &[(String, String)]) -> String {
    let mut out = headline(verdict, style);
    let numbered = numbered_examples(verdict);
    let kinds = kinds_in_order(verdict);
    let widths = Widths::of(&kinds);
    let (allowed, found): (Vec<_>, Vec<_>) = kinds.into_iter().partition(|(_, a)| a.allowed);
    for (kind, anomaly) in found {
        write_kind(&mut out, style, kind, anomaly, widths, &numbered);
    }
    if !allowed.is_empty() {
        out.push_str("  allowed by the guarantee\n");
        for (kind, anomaly) in allowed {
            write_kind(&mut out, style, kind, anomaly, widths, &numbered);
        }
    }
    for reason in &verdict.unknown_because {
        style.row(&mut out, "unknown", reason);
    }
    style.row(&mut out, "guarantee", &guarantee(verdict));
    if let Some(short) = short(verdict) {
        style.row(&mut out, "", &short);
    }
    for line in consumed(verdict) {
        style.row(&mut out, "consumed", &line);
    }
    let exercised = if is_of_a_model(verdict) {
        counted(verdict.exercised.operations, "operation", "operations")
    } else {
        exercised(&verdict.exercised)
    };
    style.row(&mut out, "exercised", &exercised);
    for (key, why) in verdict.exercised.consume_all.iter().flat_map(|c| c.not_covered.iter().take(5)) {
        style.row(&mut out, "", &format!("not covered: {key}: {why}"));
    }
    if let Some(expectation) = &verdict.expectation {
        write_expectation(&mut out, style, expectation);
    }
    for note in &verdict.notes {
        style.row(&mut out, "note", note);
    }
    write_next(&mut out, style, next);
    out
}

/// The examples in the order of the report, numbered from 1: what `show --anomaly N` counts by.
pub fn numbered_examples(verdict: &Verdict) -> Vec<(usize, &str, &Example)> {
    let kinds = kinds_in_order(verdict);
    let examples = kinds.into_iter().flat_map(|(kind, a)| a.examples.iter().map(move |e| (kind, e)));
    examples.enumerate().map(|(i, (kind, example))| (i + 1, kind, example)).collect()
}

/// Forbidden before allowed, findings of their own before mere consequences, then as the glossary has them.
fn kinds_in_order(verdict: &Verdict) -> Vec<(&str, &Anomaly)> {
    let mut kinds: Vec<(&str, &Anomaly)> = verdict.anomalies.iter().map(|(k, a)| (k.as_str(), a)).collect();
    kinds.sort_by_key(|(kind, a)| (a.allowed, primary(a) == 0, rank(kind), *kind));
    kinds
}

/// How many follow from no other finding.
fn primary(anomaly: &Anomaly) -> u64 {
    let consequences = anomaly.consequence_of.values().fold(0u64, |sum, n| sum.saturating_add(*n));
    anomaly.count.saturating_sub(consequences)
}

fn headline(verdict: &Verdict, style: &ReportStyle) -> String {
    let of = |allowed: bool| {
        let kinds = || verdict.anomalies.values().filter(move |a| a.allowed == allowed && primary(a) > 0);
        (kinds().fold(0u64, |sum, a| sum.saturating_add(primary(a))), kinds().count() as u64)
    };
    let ((found, kinds), (allowed, allowed_kinds)) = (of(false), of(true));
    let anomalies =
        |n, kinds| format!("{} of {}", counted(n, "anomaly", "anomalies"), counted(kinds, "kind", "kinds"));
    let consequences: u64 = verdict
        .anomalies
        .values()
        .filter(|a| !a.allowed)
        .fold(0, |sum, a| sum.saturating_add(a.count - primary(a)));
    let mut what = match (verdict.validity, found) {
        (Validity::Unknown, _) => {
            let reasons = verdict.unknown_because.len() as u64;
            let mut what = "not decided".to_owned();
            if reasons > 0 {
                let _ = write!(what, " for {}", counted(reasons, "reason", "reasons"));
            }
            if found > 0 {
                let _ = write!(what, "; {}", anomalies(found, kinds));
            }
            what
        }
        // The fault itself may be allowed where what it leads to is not.
        (Validity::Invalid, 0) => {
            let kinds = verdict.anomalies.iter().filter(|(_, a)| !a.allowed && a.count > 0);
            let names: Vec<&str> = kinds.map(|(kind, _)| kind.as_str()).collect();
            let found = counted(consequences, "forbidden finding", "forbidden findings");
            format!("{found} ({}), from a fault that the guarantee allows,", names.join(", "))
        }
        (_, 0) if allowed == 0 => "no anomaly".to_owned(),
        // What is allowed stands behind: a valid verdict begins with what it found, which is nothing.
        (_, 0) => "nothing forbidden".to_owned(),
        _ => anomalies(found, kinds),
    };
    if consequences > 0 && (found > 0 || verdict.validity != Validity::Invalid) {
        let _ = write!(what, " (and {})", counted(consequences, "consequence", "consequences"));
    }
    let operations = counted(verdict.exercised.operations, "operation", "operations");
    let expectation = match verdict.expectation.as_ref().map(|e| e.state) {
        None => "",
        Some(ExpectationState::Met) => "; as expected",
        Some(ExpectationState::Unmet) => "; NOT as expected",
        Some(ExpectationState::Unknown) => "; expectation undecided",
    };
    let only_allowed = verdict.validity == Validity::Valid && found == 0 && allowed > 0;
    let counted =
        only_allowed.then(|| format!("; {} counted and allowed", anomalies(allowed, allowed_kinds)));
    let line = format!(
        "{what} in {operations}{} (checked in {}){expectation}",
        counted.unwrap_or_default(),
        seconds(verdict.seconds)
    );
    let word = verdict.validity.to_string().chars().count();
    let mut out = String::new();
    style.paragraph(&mut out, &format!("{}  ", style.validity(verdict.validity)), word + 2, &line);
    out
}

/// Columns of the kinds.
#[derive(Clone, Copy)]
struct Widths {
    kind: usize,
    count: usize,
}

impl Widths {
    fn of(kinds: &[(&str, &Anomaly)]) -> Widths {
        Widths {
            kind: kinds.iter().map(|(kind, _)| kind.chars().count()).max().unwrap_or(0),
            count: kinds.iter().map(|(_, a)| grouped(a.count).len()).max().unwrap_or(0),
        }
    }
}

fn write_kind(
    out: &mut String,
    style: &ReportStyle,
    kind: &str,
    anomaly: &Anomaly,
    widths: Widths,
    numbered: &[(usize, &str, &Example)],
) {
    let name = format!("{:<width$}", harmless(kind), width = widths.kind);
    let count = format!("{:>width$}", grouped(anomaly.count), width = widths.count);
    let tone = if anomaly.allowed { Tone::Quiet } else { Tone::Bad };
    let margin = if anomaly.allowed { 4 } else { 2 };
    let head = format!("{}{}  {count}   ", " ".repeat(margin), style.paint(tone, &name));
    let mut text = meaning(kind).to_owned();
    for (cause, n) in &anomaly.consequence_of {
        let n = if *n == anomaly.count { "all".to_owned() } else { grouped(*n) };
        let _ = write!(text, "; {n} a consequence of {cause}");
    }
    style.paragraph(out, &head, margin + widths.kind + 2 + widths.count + 3, &text);
    // What is allowed and only follows from a finding told above needs no telling here.
    let quiet = anomaly.allowed && primary(anomaly) == 0;
    let told = if quiet { 0 } else { style.max_examples.min(anomaly.examples.len()) };
    for (number, _, example) in numbered.iter().filter(|(_, k, _)| *k == kind).take(told) {
        let head = format!("{}#{number} ", " ".repeat(margin + 2));
        let indent = head.chars().count();
        style.paragraph(out, &head, indent, &sentence(example));
    }
    let more = anomaly.count.saturating_sub(told as u64);
    if more > 0 && told > 0 {
        let kept = anomaly.examples.len() - told;
        let kept =
            if kept > 0 { format!(", {} of them with --json", grouped(kept as u64)) } else { String::new() };
        let _ = writeln!(out, "{}and {} more{kept}", " ".repeat(margin + 2), grouped(more));
    }
}

fn sentence(example: &Example) -> String {
    match &example.consequence_of {
        Some(cause) => format!("{}. (A consequence of {cause}.)", example.sentence.trim_end_matches('.')),
        None => example.sentence.clone(),
    }
}

fn guarantee(verdict: &Verdict) -> String {
    let name = if verdict.guarantee.name.is_empty() { "none" } else { &verdict.guarantee.name };
    let mut text = name.to_owned();
    if !verdict.guarantee.sentence.is_empty() {
        let _ = write!(text, ": {}", verdict.guarantee.sentence);
    }
    let broken: Vec<&str> = verdict
        .anomalies
        .iter()
        .filter(|(kind, a)| !a.allowed && a.count > 0 && verdict.guarantee.forbids.contains_key(*kind))
        .map(|(kind, _)| kind.as_str())
        .collect();
    // Only an invalid verdict contradicts; in an unknown one a forbidden kind may be a possibility only.
    match verdict.validity {
        Validity::Invalid if !broken.is_empty() => {
            let _ = write!(text, " - contradicted by {}", broken.join(", "));
        }
        Validity::Valid if !verdict.guarantee.forbids.is_empty() => text.push_str(" - kept"),
        _ => {}
    }
    text
}

/// Whether a model was asked, which knows neither acknowledgements nor faults nor a consume-all pass.
fn is_of_a_model(verdict: &Verdict) -> bool {
    verdict.guarantee.name.starts_with("linearizable ")
}

/// One line of what the history exercised.
pub(crate) fn exercised(e: &Exercised) -> String {
    let mut parts = vec![
        format!("{} {}", rounded(e.operations), if e.operations == 1 { "operation" } else { "operations" }),
        format!("{} acknowledged", rounded(e.acknowledged)),
    ];
    if e.unacknowledged > 0 {
        parts.push(format!("{} sent with acks=0", rounded(e.unacknowledged)));
    }
    if e.indeterminate > 0 {
        parts.push(format!("{} with unknown outcome", rounded(e.indeterminate)));
    }
    parts.push(match (e.faults_asked.max(e.faults_bit), e.faults_bit) {
        (0, _) => "no fault".to_owned(),
        (1, 1) => "1 fault that bit".to_owned(),
        (asked, bit) if asked == bit => format!("{} faults that bit", grouped(bit)),
        (asked, bit) => format!("{} of {} faults bit", grouped(bit), grouped(asked)),
    });
    if let Some(changes) = e.leader_changes {
        parts.push(counted(changes, "leader change", "leader changes"));
    }
    if let Some(stall) = e.longest_stall.as_ref().filter(|stall| stall.seconds >= 1.0) {
        parts.push(format!("longest stall {} ({} from {})", seconds(stall.seconds), stall.key, stall.from));
    }
    parts.push(match &e.consume_all {
        None => "no consume-all pass".to_owned(),
        Some(c) if c.covered == c.of => {
            format!("consume-all complete ({} of {})", grouped(c.covered), grouped(c.of))
        }
        Some(c) => format!("consume-all INCOMPLETE ({} of {})", grouped(c.covered), grouped(c.of)),
    });
    parts.join(", ")
}

fn write_expectation(out: &mut String, style: &ReportStyle, expectation: &Expectation) {
    let (tone, word) = match expectation.state {
        ExpectationState::Met => (Tone::Good, "MET"),
        ExpectationState::Unmet => (Tone::Bad, "UNMET"),
        ExpectationState::Unknown => (Tone::Doubtful, "UNKNOWN"),
    };
    let keys: Vec<String> = expectation
        .expected
        .iter()
        .map(|(key, condition)| {
            let observed = expectation.observed.get(key).map_or("nothing", String::as_str);
            format!("{key} {condition} (observed {observed})")
        })
        .collect();
    let head = format!("  {} {} ", style.paint(Tone::Quiet, "expected  "), style.paint(tone, word));
    style.paragraph(out, &head, 13 + word.len() + 1, &keys.join(", "));
}

/// Commands with a few words each, as they end a report.
pub fn next_text(style: &ReportStyle, next: &[(String, String)]) -> String {
    let mut out = String::new();
    write_next(&mut out, style, next);
    out
}

/// Rows of `next` commands, their words in a column.
pub(crate) fn write_next(out: &mut String, style: &ReportStyle, next: &[(String, String)]) {
    let column = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    for (i, (command, words)) in next.iter().enumerate() {
        let word = if i == 0 { "next" } else { "" };
        let head = format!("  {} ", style.paint(Tone::Quiet, &format!("{word:<10}")));
        // A command is never wrapped: it is there to be copied.
        let command = harmless(command);
        let _ = write!(out, "{head}{}", style.paint(Tone::Strong, &command));
        let pad = column - command.chars().count() + 3;
        if words.is_empty() {
            out.push('\n');
        } else if 13 + column + 3 + words.chars().count() <= style.width {
            let _ = writeln!(out, "{}{}", " ".repeat(pad), harmless(words));
        } else {
            out.push('\n');
            style.paragraph(out, &" ".repeat(15), 15, words);
        }
    }
}
