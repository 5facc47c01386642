//! The guarantee as a table: which kinds it forbids and why, what was found of them, and what was found and allowed.

use std::fmt::Write as _;

use store::verdict::Verdict;

use super::kinds::{meaning, rank};
use super::number::{counted, grouped};
use super::style::{ReportStyle, Tone, harmless};

/// The whole table, ending in a line break.
pub fn guarantee_text(verdict: &Verdict, style: &ReportStyle) -> String {
    let guarantee = &verdict.guarantee;
    let mut out = style.paint(Tone::Strong, &harmless(&guarantee.name)).to_string();
    let _ = writeln!(out, ": {}", harmless(&guarantee.sentence));
    let mut forbidden: Vec<(&str, &str)> =
        guarantee.forbids.iter().map(|(kind, why)| (kind.as_str(), why.as_str())).collect();
    forbidden.sort_by_key(|(kind, _)| (rank(kind), *kind));
    let mut allowed: Vec<(&str, &str)> = verdict
        .anomalies
        .iter()
        .filter(|(kind, anomaly)| anomaly.allowed && !guarantee.forbids.contains_key(*kind))
        .map(|(kind, _)| (kind.as_str(), meaning(kind)))
        .collect();
    allowed.sort_by_key(|(kind, _)| (rank(kind), *kind));
    let width = forbidden.iter().chain(&allowed).map(|(kind, _)| kind.chars().count()).max().unwrap_or(0);
    let found = |kind: &str| verdict.anomalies.get(kind).map_or(0, |anomaly| anomaly.count);
    let digits = verdict.anomalies.values().map(|a| grouped(a.count).len()).max().unwrap_or(1).max(5);
    for (heading, kinds) in [("forbidden", forbidden), ("found, and allowed", allowed)] {
        if kinds.is_empty() {
            continue;
        }
        let _ = writeln!(out, "  {heading:<pad$}  {:>digits$}", "found", pad = width + 2);
        for (kind, words) in kinds {
            let n = found(kind);
            let tone = if n > 0 && heading == "forbidden" { Tone::Bad } else { Tone::Quiet };
            let name = style.paint(tone, &format!("{:<width$}", harmless(kind)));
            let n = if n == 0 { "-".to_owned() } else { grouped(n) };
            let head = format!("    {name}  {n:>digits$}   ");
            style.paragraph(&mut out, &head, 4 + width + 2 + digits + 3, words);
        }
    }
    out.push_str(
        "  every other kind is counted and allowed; analyze --allow KIND and --forbid KIND change that\n",
    );
    out
}

/// The table in one line of a report; `None` where nothing is forbidden.
pub(crate) fn short(verdict: &Verdict) -> Option<String> {
    let forbids = &verdict.guarantee.forbids;
    if forbids.is_empty() {
        return None;
    }
    let mut text = format!("{} forbidden", counted(forbids.len() as u64, "kind", "kinds"));
    let allowed = verdict.anomalies.iter().filter(|(_, anomaly)| anomaly.allowed);
    let allowed: Vec<&str> = allowed.map(|(kind, _)| kind.as_str()).collect();
    if !allowed.is_empty() {
        let _ = write!(text, ", found and allowed: {}", allowed.join(", "));
    }
    Some(text)
}

/// How often records were consumed, in one line a group.
pub(crate) fn consumed(verdict: &Verdict) -> Vec<String> {
    let groups = verdict.consumed.iter().flat_map(|consumed| &consumed.groups);
    let lines = groups.map(|(group, times)| {
        let told: Vec<String> = times
            .iter()
            .take(6)
            .map(|(times, records)| {
                let records = counted(*records, "record", "records");
                match times {
                    1 => format!("{records} once"),
                    2 => format!("{records} twice"),
                    n => format!("{records} {} times", grouped(*n)),
                }
            })
            .collect();
        let name = if group.is_empty() { "by the group".to_owned() } else { format!("by group \"{group}\"") };
        format!("{name}: {}{}", told.join(", "), if times.len() > 6 { ", ..." } else { "" })
    });
    lines.collect()
}
