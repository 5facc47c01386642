//! `tribunal show`: what a run was, what was found, where its files are; or one finding with its history lines.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use store::chunks::map_chunks;
use store::reader::{ReadError, Source};
use store::run_dir::{RunDir, Runs};
use store::verdict::{Example, Verdict};

use crate::cli::ShowArgs;
use crate::exit::usage;
use crate::out;

/// Shows a run, or one finding of it.
pub fn show(args: &ShowArgs) -> Result<u8> {
    let run = Runs::at(args.store.store.clone()).find(&args.run)?;
    match args.anomaly {
        None => summary(&run),
        Some(number) => finding(&run, number),
    }
}

fn summary(run: &RunDir) -> Result<u8> {
    let meta = run.read_meta()?;
    let verdict = run.verdict().exists().then(|| run.read_verdict()).transpose()?;
    let mut files: Vec<(String, u64)> = Vec::new();
    for path in [run.history(), run.cluster(), run.journal(), run.verdict(), run.series(), run.plots(), run.nodes(), run.log()] {
        if let Ok(metadata) = std::fs::metadata(&path) {
            files.push((path.display().to_string(), metadata.len()));
        }
    }
    out::print(&results::run_text(&meta, verdict.as_ref(), &files, out::width(), out::color()))?;
    Ok(0)
}

/// Examples are numbered through all kinds, in the order of the report.
fn finding(run: &RunDir, number: usize) -> Result<u8> {
    if !run.verdict().exists() {
        bail!("{} was not analyzed yet: tribunal analyze {}", run.name(), run.id());
    }
    let verdict = run.read_verdict()?;
    let all = results::numbered_examples(&verdict);
    let Some((kind, example)) = number.checked_sub(1).and_then(|i| all.get(i)) else {
        return Err(usage(match all.len() {
            0 => format!("{} has no findings to show", run.name()),
            n => format!("there is no finding {number}: {} has 1 to {n}", run.name()),
        }));
    };
    let lines = witness_lines(run, example)?;
    out::print(&results::example_text(number, kind, example, &lines, &faults_of(&verdict, example), out::width(), out::color()))?;
    Ok(0)
}

fn faults_of(verdict: &Verdict, example: &Example) -> Vec<String> {
    let in_force = verdict.faults.iter().filter(|f| example.faults.contains(&f.fault));
    in_force.map(|f| format!("{} {} ({})", f.fault, f.label, f.evidence)).collect()
}

/// The raw lines of an example's witnesses, by number.
fn witness_lines(run: &RunDir, example: &Example) -> Result<BTreeMap<u64, String>> {
    let wanted: Vec<u64> = example.witness.iter().map(|w| w.line).collect();
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
