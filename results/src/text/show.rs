//! One run, or one anomaly of it, in full.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use store::run_meta::{RunMeta, RunStatus};
use store::verdict::{Example, Verdict};

use super::fault::with_its_time;
use super::kinds::meaning;
use super::ls::status_word;
use super::number::{counted, grouped, seconds};
use super::raw_line::shortened;
use super::report::{numbered_examples, verdict_text, write_next};
use super::style::{ReportStyle, Tone, harmless};

/// A file of a run, or a directory of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFile {
    /// Its path.
    pub name: String,
    /// Of a directory: how many files are in it.
    pub files: Option<u64>,
    /// Its size, or theirs together.
    pub bytes: u64,
}

/// What a run was, what is known of it, and its files. Ends in a line break.
pub fn run_text(
    run: &RunMeta,
    verdict: Option<&Verdict>,
    files: &[RunFile],
    style: &ReportStyle,
    next: &[(String, String)],
) -> String {
    let mut out = format!("{}  {}\n", style.paint(Tone::Strong, &harmless(&run.test)), harmless(&run.id));
    style.row(&mut out, "target", &run.target.description);
    style.row(&mut out, "began", &format!("{}, seed {:x}, tribunal {}", run.started, run.seed, run.tribunal));
    let status = match &run.status {
        RunStatus::Failed { reason } => format!("failed: {reason}"),
        status => status_word(status).to_owned(),
    };
    style.row(&mut out, "status", &status);
    if !run.topics.is_empty() {
        style.row(&mut out, "topics", &run.topics.join(", "));
    }
    if let Some(settle) = &run.settle {
        let state = if settle.healthy { "healthy" } else { "NOT healthy" };
        let missing = if settle.missing.is_empty() {
            String::new()
        } else {
            format!(": {}", settle.missing.join("; "))
        };
        let wait = format!(
            "{state} after {} (of at most {}) before the consume-all pass{missing}",
            seconds(settle.seconds),
            seconds(settle.bound_seconds)
        );
        style.row(&mut out, "cluster", &wait);
    }
    for (word, settings) in [("producer", &run.producer), ("consumer", &run.consumer), ("topic", &run.topic)]
    {
        if !settings.is_empty() {
            // Secrets were redacted when the run was recorded; once more costs nothing and leaks nothing.
            let shown: Vec<String> = store::settings::redact(settings)
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            style.row(&mut out, word, &shown.join(" "));
        }
    }
    if !files.is_empty() {
        let width = files.iter().map(|file| file.name.chars().count()).max().unwrap_or(0);
        for (i, file) in files.iter().enumerate() {
            let word = if i == 0 { "files" } else { "" };
            let head = style.paint(Tone::Quiet, &format!("{word:<10}"));
            let inside = file.files.map_or(String::new(), |n| format!(" in {}", counted(n, "file", "files")));
            let (name, bytes) = (harmless(&file.name), grouped(file.bytes));
            let _ = writeln!(out, "  {head} {name:<width$}  {bytes:>15} bytes{inside}");
        }
    }
    out.push('\n');
    match verdict {
        Some(verdict) => out.push_str(&verdict_text(verdict, style, next)),
        None => {
            let recorded = files.iter().any(|file| file.name.ends_with("history.jsonl.zst"));
            out.push_str(if recorded {
                "not analyzed yet\n"
            } else {
                "it recorded no history that could be judged\n"
            });
            write_next(&mut out, style, next);
        }
    }
    out
}

/// The lines of the history that [`anomaly_text`] wants for this anomaly, ascending; empty where there is none.
pub fn witness_lines(verdict: &Verdict, number: usize) -> Vec<u64> {
    let examples = numbered_examples(verdict);
    let Some((_, _, example)) = number.checked_sub(1).and_then(|i| examples.get(i)) else {
        return Vec::new();
    };
    let mut lines: Vec<u64> = example.witness.iter().map(|w| w.line).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// One anomaly, by its number in the report, with the history's own lines that prove it (line number, from 1, to
/// text), in full or only as far as they matter. `None` where there is no such number.
pub fn anomaly_text(
    verdict: &Verdict,
    number: usize,
    lines: &BTreeMap<u64, String>,
    full: bool,
    style: &ReportStyle,
) -> Option<String> {
    let examples = numbered_examples(verdict);
    let (_, kind, example) = examples.get(number.checked_sub(1)?)?;
    let allowed = verdict.anomalies.get(*kind).is_some_and(|a| a.allowed);
    let tone = if allowed { Tone::Quiet } else { Tone::Bad };
    let mut out = format!("#{number} {}  {}", style.paint(tone, kind), meaning(kind));
    out.push_str(if allowed { " (allowed by the guarantee)\n" } else { "\n" });
    style.paragraph(&mut out, "  ", 2, &example.sentence);
    if let Some(cause) = &example.consequence_of {
        style.row(&mut out, "follows", &format!("from {cause}"));
    }
    if let Some(why) = verdict.guarantee.forbids.get(*kind).filter(|_| !allowed) {
        style.row(&mut out, "forbidden", why);
    }
    let place = [
        example.key.as_ref().map(|key| format!("partition {key}")),
        example.value.as_ref().map(|value| format!("value {value}")),
        example.offset.map(|offset| format!("offset {offset}")),
        example.time.map(|time| format!("at {time}")),
    ];
    let place: Vec<String> = place.into_iter().flatten().collect();
    if !place.is_empty() {
        style.row(&mut out, "where", &place.join(", "));
    }
    if let Some(leadership) = &example.leadership {
        style.row(&mut out, "leader", leadership);
    }
    for number in &example.faults {
        let fault = verdict.faults.iter().find(|f| f.fault == *number);
        let text = match fault {
            Some(fault) => with_its_time(fault),
            None => format!("number {number}"),
        };
        style.row(&mut out, "fault", &text);
    }
    for (name, value) in &example.details {
        style.row(&mut out, "detail", &format!("{name}: {value}"));
    }
    let offsets = offsets(example);
    let (mut told, mut cut) = (BTreeSet::new(), false);
    for witness in &example.witness {
        let _ = writeln!(out, "  line {}  {}", grouped(witness.line), harmless(&witness.role));
        if !told.insert(witness.line) {
            continue;
        }
        let text =
            lines.get(&witness.line).map_or("(this line was not found in the history)", String::as_str);
        let (text, shorter) = if full { (text.to_owned(), false) } else { shortened(text, &offsets) };
        cut |= shorter;
        // Not wrapped: a line of JSON is there to be copied.
        let _ = writeln!(out, "    {}", style.paint(Tone::Quiet, harmless(&text).trim_end()));
    }
    if cut {
        style.paragraph(&mut out, "  ", 2, "(… stands for polled records left out; --full shows all)");
    }
    Some(out)
}

/// The offsets that an example speaks of.
fn offsets(example: &Example) -> Vec<i64> {
    let details = example.details.values().flat_map(|value| match value {
        serde_json::Value::Array(all) => all.iter().filter_map(serde_json::Value::as_i64).collect(),
        one => one.as_i64().into_iter().collect::<Vec<i64>>(),
    });
    example.offset.into_iter().chain(details).collect()
}
