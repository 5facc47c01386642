//! `tribunal show`: what a run was, what was found, where its files are; or one finding with its history lines; or
//! the guarantee as a table.

use std::path::Path;

use anyhow::{Result, bail};
use store::run_dir::{RunDir, Runs};
use store::verdict::Verdict;

use super::analyze::{judge_file, next_steps};
use super::around;
use super::finding::Judged;
use crate::cli::ShowArgs;
use crate::out;

/// Shows a run, or one finding of it.
pub fn show(args: &ShowArgs) -> Result<u8> {
    let runs = Runs::at(args.store.store.clone());
    if let Some([key, offset]) = args.around.as_deref() {
        return around::show(&runs, &args.run, (key, offset), args.span);
    }
    let path = Path::new(&args.run);
    if path.is_file() && (args.guarantee || args.anomaly.is_some()) {
        return of_file(path, args);
    }
    let run = runs.find(&args.run)?;
    if args.guarantee {
        return guarantee(&judged(&run)?);
    }
    let Some(number) = args.anomaly else { return summary(&run) };
    let (name, again) = (run.name(), format!("tribunal analyze {}", run.id()));
    let judged = Judged { name: &name, history: &run.history(), verdict: &judged(&run)?, again: &again };
    judged.print(number, args.full)?;
    Ok(0)
}

/// Nothing is stored of a history alone: it is judged again, as `analyze` without options does.
fn of_file(path: &Path, args: &ShowArgs) -> Result<u8> {
    let verdict = judge_file(path)?;
    let Some(number) = args.anomaly else { return guarantee(&verdict) };
    let again = format!("tribunal analyze {} --anomaly {number}", args.run);
    let judged = Judged { name: &args.run, history: path, verdict: &verdict, again: &again };
    judged.print(number, args.full)?;
    Ok(0)
}

fn guarantee(verdict: &Verdict) -> Result<u8> {
    out::print(&results::guarantee_text(verdict, &out::style()))?;
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
