//! `tribunal heal`: undoes what a run that died left in force.

use anyhow::{Result, bail};
use store::run_dir::Runs;

use crate::cli::HealArgs;
use crate::out;

/// Heals a run; 0 where nothing is left in force.
pub async fn heal(args: &HealArgs) -> Result<u8> {
    let run = Runs::at(args.store.store.clone()).find(&args.run)?;
    let report = nemesis::heal::heal_run(run.path()).await?;
    let mut text = format!("heal {}\n", run.name());
    for done in &report.done {
        text.push_str(&format!("  ✓ {done}\n"));
    }
    if report.done.is_empty() && report.failed.is_empty() {
        text.push_str("  nothing is left in force\n");
    }
    out::print(&text)?;
    if !report.failed.is_empty() {
        bail!("not everything could be undone: {}", report.failed.join("; "));
    }
    Ok(0)
}
