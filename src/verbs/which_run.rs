//! Which run was meant, in the first lines of what is said about it.

use store::run_dir::{RunDir, Runs};
use store::run_meta::{RunMeta, RunStatus};

/// The run's name, how far it came, when it began, and on what.
pub fn headline(run: &RunDir, meta: &RunMeta) -> String {
    let mut line = format!("{}  {}", run.name(), results::status_word(&meta.status));
    for part in [&meta.started, &meta.target.description] {
        if !part.is_empty() {
            line = format!("{line}  {part}");
        }
    }
    line
}

/// Where somebody asked for the latest run and a newer one was begun: what became of that one, and how to judge it.
pub fn newer(runs: &Runs, asked: &str, run: &RunDir) -> Option<String> {
    let newer = runs.begun_after(run).filter(|_| asked == "latest")?;
    let status = newer.read_meta().map_or_else(|_| "damaged".to_owned(), |meta| said(&meta.status));
    let typed = newer.as_typed();
    let next = if newer.history().exists() {
        format!("to judge it: tribunal analyze {typed}")
    } else {
        format!("it recorded no history; tribunal show {typed}")
    };
    Some(format!("a newer run was begun, {} ({status}): {next}", newer.name()))
}

fn said(status: &RunStatus) -> String {
    match status {
        RunStatus::Running => "it goes on".to_owned(),
        status => results::status_word(status).to_owned(),
    }
}

/// Why a run has no history, with what to do; `None` where it has one.
pub fn without_history(run: &RunDir, meta: &RunMeta) -> Option<String> {
    if run.history().exists() {
        return None;
    }
    let why = match &meta.status {
        RunStatus::Running => "it has not come so far yet".to_owned(),
        RunStatus::Failed { reason } => format!("it failed before: {reason}"),
        RunStatus::Crashed => "it crashed before".to_owned(),
        RunStatus::Recorded => "it was recorded, and history.jsonl.zst is gone since".to_owned(),
        status => format!("it was {} before", results::status_word(status)),
    };
    Some(format!(
        "{} has no history that could be judged: {why}; the same run again: {}",
        run.name(),
        run.again()
    ))
}
