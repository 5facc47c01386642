//! `tribunal heal`: undoes what a run that died left in force.

use anyhow::{Result, bail};
use nemesis::error::NemesisError;
use nemesis::heal::{HealReport, crashed, heal_labelled, heal_run, labelled};
use store::run_dir::{RunDir, RunError, Runs};
use store::run_meta::RunStatus;

use crate::cli::HealArgs;
use crate::out;

/// Heals a run, or without a name the current one and whatever runs left that crashed; 0 where nothing is left in force.
pub async fn heal(args: &HealArgs) -> Result<u8> {
    let runs = Runs::at(args.store.store.clone());
    match &args.run {
        Some(name) => one(&runs, name).await,
        None => all(&runs).await,
    }
}

async fn one(runs: &Runs, name: &str) -> Result<u8> {
    let unknown = match runs.find(name) {
        Ok(run) => return tell(&run.name(), &heal_run(run.path()).await?),
        Err(unknown @ RunError::NotFound { .. }) => unknown,
        Err(e) => return Err(e.into()),
    };
    // Its directory may lie in another store: its containers carry its id.
    match labelled(name).await.unwrap_or_default().as_slice() {
        [id] => tell(id, &heal_labelled(id).await?),
        _ => Err(unknown.into()),
    }
}

async fn all(runs: &Runs) -> Result<u8> {
    // What fails for one run must not keep the others from being healed.
    let mut code = Ok(0);
    match runs.find("current") {
        Ok(run) if goes_on(&run) => {
            out::print(&format!(
                "heal {}\n  - it goes on and is left alone (Ctrl-C heals it)\n",
                run.name()
            ))?;
        }
        Ok(run) => code = told(&run.name(), heal_run(run.path()).await),
        Err(RunError::NotFound { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    let left = match crashed().await {
        Ok(left) => left,
        Err(e) => {
            out::print(&format!("  - containers of crashed runs were not looked for: {e}\n"))?;
            return code;
        }
    };
    if left.is_empty() {
        out::print("no crashed run has left containers on this host\n")?;
    }
    let known = runs.list()?;
    for owned in left {
        let id = owned.run_id;
        code = code.and(match known.iter().find(|run| run.id() == id) {
            // Its label says that it died; its directory knows better.
            Some(run) if goes_on(run) => Ok(0),
            Some(run) => told(&run.name(), heal_run(run.path()).await),
            None => told(&id, heal_labelled(&id).await),
        });
    }
    code
}

/// Whether somebody still records it.
fn goes_on(run: &RunDir) -> bool {
    run.read_meta().is_ok_and(|meta| meta.status == RunStatus::Running)
}

/// One of several: an error is told where it happened, the first ends the program.
fn told(name: &str, healed: Result<HealReport, NemesisError>) -> Result<u8> {
    match healed {
        Ok(report) => tell(name, &report),
        Err(e) => {
            out::print(&format!("heal {name}\n  ✗ {e}\n"))?;
            bail!("run {name} could not be healed: {e}");
        }
    }
}

fn tell(name: &str, report: &HealReport) -> Result<u8> {
    let mut text = format!("heal {name}\n");
    for done in &report.done {
        text.push_str(&format!("  ✓ {done}\n"));
    }
    for failed in &report.failed {
        text.push_str(&format!("  ✗ {failed}\n"));
    }
    if report.done.is_empty() && report.failed.is_empty() {
        text.push_str("  nothing is left in force\n");
    }
    out::print(&text)?;
    if !report.failed.is_empty() {
        bail!("not everything of {name} could be undone: {}", report.failed.join("; "));
    }
    Ok(0)
}
