//! `tribunal heal`: undoing what a run left behind that crashed, or was left by a second Ctrl-C. It can be
//! done again: what is undone already is no error.

use std::path::Path;

use store::run_dir::RunDir;
use store::run_meta::{RunMeta, RunStatus};

use crate::action::Action;
use crate::containers::{Owned, counted, heal_tagged, list_owned, remove_run, sweep, undo_after_crash};
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
    let own = matches!(meta.target.kind.as_str(), "mock" | "docker");
    if !own && !meta.topics.is_empty() && meta.status != RunStatus::Recorded {
        report
            .done
            .push(format!("its topics may still be there, to be deleted by you: {}", meta.topics.join(", ")));
    }
    if left.torn {
        report.done.push("the journal's last line is torn: what it announced was never done".to_owned());
    }
    match meta.target.kind.as_str() {
        "mock" => report.done.push("the mock ended with its run, nothing remains of it".to_owned()),
        "docker" => heal_own(&meta, run_dir, &left.open, &mut report).await?,
        "attach" => {
            undo(&meta, run_dir, &left.open, &mut report).await;
            // What the journal does not know: a rule or a side container made just before the crash.
            let attached: Vec<String> = meta.target.nodes.iter().map(|node| node.name.clone()).collect();
            match sweep(&meta.id, &attached).await {
                Ok(mut swept) => report.done.append(&mut swept),
                // Where rules cannot be looked at, none could be made either; and the journal knows of none.
                Err(e) if left.open.is_empty() => {
                    report
                        .done
                        .push(format!("whether rules of this run stand cannot be seen from here: {e}"));
                }
                Err(e) => report.failed.push(e.to_string()),
            }
        }
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

/// What crashed runs have left on this host, told by tribunal's label alone: nothing of a run that goes on or may go on
/// somewhere else, and nothing that was kept on purpose.
///
/// # Errors
/// If Docker does not answer.
pub async fn crashed() -> Result<Vec<Owned>, NemesisError> {
    Ok(list_owned()
        .await?
        .into_iter()
        .filter(|owned| !owned.alive && !owned.elsewhere && !owned.kept)
        .collect())
}

/// The ids of runs with containers on this host that begin or end like that.
///
/// # Errors
/// If Docker does not answer.
pub async fn labelled(id: &str) -> Result<Vec<String>, NemesisError> {
    let ids = list_owned().await?.into_iter().map(|owned| owned.run_id);
    Ok(ids.filter(|run| run.starts_with(id) || run.ends_with(id)).collect())
}

/// Undoes what a run left whose directory is not at hand: its containers carry its label, its rules its tag. What was
/// kept on purpose is thawed and rid of its rules; everything else of it goes.
///
/// # Errors
/// If Docker does not answer, or the run still goes on. What fails of the undoing itself stands in the report.
pub async fn heal_labelled(run_id: &str) -> Result<HealReport, NemesisError> {
    let mut report = HealReport::default();
    let Some(owned) = list_owned().await?.into_iter().find(|owned| owned.run_id == run_id) else {
        report.done.push(format!("no containers of run {run_id} are left"));
        return Ok(report);
    };
    if owned.alive {
        return Err(goes_on(run_id));
    }
    if !owned.kept {
        remove(run_id, &mut report).await;
        return Ok(report);
    }
    // Without the journal nobody knows which nodes are frozen; thawing one that is not does nothing.
    let prefix = format!("tribunal-{run_id}-");
    let nodes = owned.containers.iter().filter_map(|name| name.strip_prefix(&prefix));
    let frozen: Vec<Action> = nodes.map(|node| Action::Pause { node: node.to_owned() }).collect();
    for undone in [undo_after_crash(run_id, &frozen).await.map(|_| Vec::new()), heal_tagged(run_id).await] {
        match undone {
            Ok(mut done) => report.done.append(&mut done),
            Err(e) => report.failed.push(e.to_string()),
        }
    }
    if report.failed.is_empty() {
        report.done.push(format!("nothing of run {run_id} is paused or cut off"));
    }
    report.done.push(were_kept(&owned));
    Ok(report)
}

fn goes_on(run_id: &str) -> NemesisError {
    NemesisError::Other(format!("the run {run_id} goes on: stop it first (Ctrl-C heals)"))
}

fn were_kept(owned: &Owned) -> String {
    format!("the containers were to be kept; to remove them: {}", owned.removal())
}

/// Removes what a run made; whether that worked.
async fn remove(run_id: &str, report: &mut HealReport) -> bool {
    match remove_run(run_id).await {
        Ok(gone) => {
            let (containers, networks) =
                (counted(gone.containers.len(), "container"), counted(gone.networks.len(), "network"));
            report.done.push(format!("removed {containers} and {networks} of run {run_id}"));
            true
        }
        Err(e) => {
            report.failed.push(e.to_string());
            false
        }
    }
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
        return Err(goes_on(&meta.id));
    }
    if owned.kept {
        undo(meta, run_dir, open, report).await;
        match heal_tagged(&meta.id).await {
            Ok(mut rules) => report.done.append(&mut rules),
            Err(e) => report.failed.push(e.to_string()),
        }
        report.done.push(were_kept(&owned));
        return Ok(());
    }
    if remove(&meta.id, report).await {
        note(run_dir, open, report);
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
