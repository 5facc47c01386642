//! `tribunal show`: what a run was, what was found, where its files are; or one finding with its history lines; or
//! the guarantee as a table.

use std::path::Path;

use anyhow::{Result, bail};
use store::run_dir::{RunDir, Runs, shell_word};
use store::verdict::Verdict;

use super::analyze::judge_file;
use super::finding::Judged;
use super::next::next_steps;
use super::{around, which_run};
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
    if !run.history().exists() {
        which_run::without_history(&run, &run.read_meta()?).map_or(Ok(()), |why| bail!(why))?;
    }
    let (name, again) = (run.name(), format!("tribunal analyze {}", run.as_typed()));
    let judged = Judged { name: &name, history: &run.history(), verdict: &judged(&run)?, again: &again };
    judged.print(number, args.full)?;
    Ok(0)
}

/// Nothing is stored of a history alone: it is judged again, as `analyze` without options does.
fn of_file(path: &Path, args: &ShowArgs) -> Result<u8> {
    let verdict = judge_file(path)?;
    let Some(number) = args.anomaly else { return guarantee(&verdict) };
    let again = format!("tribunal analyze {} --anomaly {number}", shell_word(&args.run));
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
        bail!("{} was not analyzed yet: tribunal analyze {}", run.name(), run.as_typed());
    }
    Ok(run.read_verdict()?)
}

fn summary(run: &RunDir) -> Result<u8> {
    let meta = run.read_meta()?;
    let verdict = run.verdict().exists().then(|| run.read_verdict()).transpose()?;
    let files: Vec<results::RunFile> = [
        run.history(),
        run.cluster(),
        run.journal(),
        run.verdict(),
        run.series(),
        run.plots(),
        run.nodes(),
        run.log(),
    ]
    .iter()
    .filter_map(|path| file(path).ok())
    .collect();
    let next = match &verdict {
        Some(verdict) => next_steps(run, verdict),
        None if run.history().exists() => {
            vec![(format!("tribunal analyze {}", run.as_typed()), "judge it".to_owned())]
        }
        None => vec![(run.again(), "the same run again".to_owned())],
    };
    out::print(&results::run_text(&meta, verdict.as_ref(), &files, &out::style(), &next))?;
    Ok(0)
}

/// A file with its size, or a directory with what is in it.
fn file(path: &Path) -> std::io::Result<results::RunFile> {
    let metadata = std::fs::metadata(path)?;
    let name = path.display().to_string();
    if !metadata.is_dir() {
        return Ok(results::RunFile { name, files: None, bytes: metadata.len() });
    }
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(path)? {
        files += 1;
        bytes += entry?.metadata()?.len();
    }
    Ok(results::RunFile { name, files: Some(files), bytes })
}
