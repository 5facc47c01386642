//! `tribunal heal`: undoing what a run left behind that crashed, or was left by a second Ctrl-C. It can be
//! done again: what is undone already is no error.

use std::path::Path;

use store::run_dir::RunDir;
use store::run_meta::RunMeta;

use crate::containers::{counted, heal_tagged, list_owned, remove_run, undo_after_crash};
use crate::error::NemesisError;
use crate::journal::{Journal, OpenAct, leftover};

/// What a heal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealReport {
    /// What was done or found, in order, in words.
    pub done: Vec<String>,
    /// What could not be done.
    pub failed: Vec<String>,
}

/// Undoes what the run in this directory left in force, and removes the containers that it made, unless
/// they were to be kept.
///
/// # Errors
/// If the run still goes on, or its journal or `run.json` cannot be read. What fails of the undoing itself
/// stands in the report.
pub async fn heal_run(run_dir: &Path) -> Result<HealReport, NemesisError> {
    let left = leftover(run_dir)?;
    if let Some(pid) = left.writer {
        return Err(NemesisError::Other(format!(
            "the run {} goes on in process {pid}: stop it first (Ctrl-C heals)",
            run_dir.display()
        )));
    }
    let meta = RunDir::at(run_dir).read_meta().map_err(|e| NemesisError::Other(e.to_string()))?;
    let mut report = HealReport::default();
    if left.torn {
        report.done.push("the journal's last line is torn: what it announced was never done".to_owned());
    }
    match meta.target.kind.as_str() {
        "mock" => report.done.push("the mock ended with its run, nothing remains of it".to_owned()),
        "docker" => heal_own(&meta, run_dir, &left.open, &mut report).await?,
        "attach" => undo(&meta, run_dir, &left.open, &mut report).await,
        kind => {
            if left.open.is_empty() {
                report.done.push(format!("nothing is in force on this target ({kind})"));
            }
            for open in &left.open {
                report
                    .failed
                    .push(format!("nothing here can undo {:?} on a target of kind {kind}", open.action));
            }
        }
    }
    Ok(report)
}

/// Containers that the run made go altogether, and with them all that was done to them.
async fn heal_own(
    meta: &RunMeta,
    run_dir: &Path,
    open: &[OpenAct],
    report: &mut HealReport,
) -> Result<(), NemesisError> {
    let Some(owned) = list_owned().await?.into_iter().find(|o| o.run_id == meta.id) else {
        report.done.push(format!("no containers of run {} are left", meta.id));
        note(run_dir, open, report);
        return Ok(());
    };
    if owned.alive {
        return Err(NemesisError::Other(format!(
            "the run {} goes on: stop it first (Ctrl-C heals)",
            meta.id
        )));
    }
    if owned.kept {
        undo(meta, run_dir, open, report).await;
        match heal_tagged(&meta.id).await {
            Ok(mut rules) => report.done.append(&mut rules),
            Err(e) => report.failed.push(e.to_string()),
        }
        report.done.push(format!("the containers were to be kept; to remove them: {}", owned.removal()));
        return Ok(());
    }
    match remove_run(&meta.id).await {
        Ok(gone) => {
            let (containers, networks) =
                (counted(gone.containers.len(), "container"), counted(gone.networks.len(), "network"));
            report.done.push(format!("removed {containers} and {networks} of run {}", meta.id));
            note(run_dir, open, report);
        }
        Err(e) => report.failed.push(e.to_string()),
    }
    Ok(())
}

/// Undoes act by act, the last one first, and notes each in the journal.
async fn undo(meta: &RunMeta, run_dir: &Path, open: &[OpenAct], report: &mut HealReport) {
    if open.is_empty() {
        report.done.push("the journal holds nothing that is not undone".to_owned());
    }
    for act in open.iter().rev() {
        match undo_after_crash(&meta.id, std::slice::from_ref(&act.action)).await {
            Ok(mut done) => {
                report.done.append(&mut done);
                note(run_dir, std::slice::from_ref(act), report);
            }
            Err(e) => report.failed.push(e.to_string()),
        }
    }
}

/// What cannot be noted is undone once more by the next heal, which does no harm.
fn note(run_dir: &Path, undone: &[OpenAct], report: &mut HealReport) {
    if undone.is_empty() {
        return;
    }
    let noted = Journal::append(run_dir)
        .and_then(|mut journal| undone.iter().try_for_each(|act| journal.undone(act.act, None)));
    if let Err(e) = noted {
        report.done.push(format!("undone, but not noted: {e}"));
    }
}
