//! `tribunal show`: what a run was, what was found, where its files are; or one finding with its history lines; or
//! the guarantee as a table.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use store::chunks::map_chunks;
use store::reader::{ReadError, Source};
use store::run_dir::{RunDir, Runs};
use store::verdict::Verdict;

use super::analyze::next_steps;
use super::around;
use crate::cli::ShowArgs;
use crate::exit::usage;
use crate::out;

/// Shows a run, or one finding of it.
pub fn show(args: &ShowArgs) -> Result<u8> {
    let runs = Runs::at(args.store.store.clone());
    if let Some([key, offset]) = args.around.as_deref() {
        return around::show(&runs, &args.run, (key, offset), args.span);
    }
    let run = runs.find(&args.run)?;
    match args.anomaly {
        _ if args.guarantee => guarantee(&run),
        None => summary(&run),
        Some(number) => finding(&run, number, args.full),
    }
}

fn guarantee(run: &RunDir) -> Result<u8> {
    out::print(&results::guarantee_text(&judged(run)?, &out::style()))?;
    Ok(0)
}

/// The verdict on a run.
fn judged(run: &RunDir) -> Result<Verdict> {
    if !run.verdict().exists() {
        bail!("{} was not analyzed yet: tribunal analyze {}", run.name(), run.id());
    }
    Ok(run.read_verdict()?)
}

fn summary(run: &RunDir) -> Result<u8> {
    let meta = run.read_meta()?;
    let verdict = run.verdict().exists().then(|| run.read_verdict()).transpose()?;
    let mut files: Vec<(String, u64)> = Vec::new();
    for path in [
        run.history(),
        run.cluster(),
        run.journal(),
        run.verdict(),
        run.series(),
        run.plots(),
        run.nodes(),
        run.log(),
    ] {
        if let Ok(metadata) = std::fs::metadata(&path) {
            files.push((path.display().to_string(), metadata.len()));
        }
    }
    let next = match &verdict {
        Some(verdict) => next_steps(run, verdict),
        None if run.history().exists() => {
            vec![(format!("tribunal analyze {}", run.id()), "judge it".to_owned())]
        }
        None => vec![(format!("tribunal run {}", run.scenario().display()), "the same run again".to_owned())],
    };
    out::print(&results::run_text(&meta, verdict.as_ref(), &files, &out::style(), &next))?;
    Ok(0)
}

/// Examples are numbered through all kinds, in the order of the report.
fn finding(run: &RunDir, number: usize, full: bool) -> Result<u8> {
    let verdict = judged(run)?;
    let lines = lines_of(run, &results::witness_lines(&verdict, number))?;
    let Some(text) = results::anomaly_text(&verdict, number, &lines, full, &out::style()) else {
        return Err(usage(no_finding(run, &verdict, number)));
    };
    out::print(&text)?;
    Ok(0)
}

/// Why there is nothing under this number: examples are numbered, and not all findings are kept as such.
fn no_finding(run: &RunDir, verdict: &Verdict, number: usize) -> String {
    let all = verdict.anomalies.values().fold(0_u64, |sum, a| sum.saturating_add(a.count));
    let kept: usize = verdict.anomalies.values().map(|a| a.examples.len()).sum();
    let name = run.name();
    if kept == 0 {
        return format!("{name} has no findings to show");
    }
    if kept as u64 >= all {
        return format!("there is no finding {number}: {name} has 1 to {kept}");
    }
    format!(
        "there is no finding {number}: of the {} findings of {name}, {kept} are kept in full, 1 to {kept}; to keep more \
         of each kind: tribunal analyze {} --examples {}",
        results::text::number::grouped(all),
        run.id(),
        number.max(kept)
    )
}

/// The raw lines of a history with these numbers.
fn lines_of(run: &RunDir, wanted: &[u64]) -> Result<BTreeMap<u64, String>> {
    let mut lines = BTreeMap::new();
    // Chunks do not know their number until they are joined: their text is looked at then.
    map_chunks(
        Source::open(&run.history())?,
        1,
        |text| Ok(text.to_vec()),
        |chunk| {
            let last = chunk.first_line + chunk.lines;
            if wanted.iter().any(|n| (chunk.first_line..last).contains(n)) {
                for (number, line) in (chunk.first_line..).zip(chunk.item.split(|b| *b == b'\n')) {
                    if wanted.contains(&number) {
                        lines.insert(number, String::from_utf8_lossy(line).into_owned());
                    }
                }
            }
            Ok::<(), ReadError>(())
        },
    )?;
    Ok(lines)
}
