//! `tribunal ls`: the runs, oldest first.

use anyhow::Result;
use store::run_dir::{RunDir, Runs};
use store::run_meta::RunStatus;

use crate::cli::LsArgs;
use crate::out;

/// Lists the runs.
pub fn ls(args: &LsArgs) -> Result<u8> {
    let runs = Runs::at(args.store.store.clone());
    let rows: Vec<results::RunRow> = runs.list()?.iter().map(row).collect();
    if args.json {
        out::print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
    } else if rows.is_empty() {
        out::print(&format!("no runs in {}; `tribunal run` makes one\n", runs.root().display()))?;
    } else {
        out::print(&results::runs_text(&rows, out::color()))?;
    }
    Ok(0)
}

/// What is known of a run without reading its history. A damaged file costs its columns, not the list.
fn row(run: &RunDir) -> results::RunRow {
    let verdict = run.read_verdict().ok();
    let meta = run.read_meta();
    let (test, target, status, started) = match meta {
        Ok(meta) => {
            let status = match meta.status {
                RunStatus::Running => "running or killed".to_owned(),
                RunStatus::Recorded => "recorded".to_owned(),
                RunStatus::Interrupted => "interrupted".to_owned(),
                RunStatus::Failed { .. } => "failed".to_owned(),
            };
            (meta.test, meta.target.kind, status, meta.started)
        }
        Err(e) => (run.name(), String::new(), format!("unreadable: {e}"), String::new()),
    };
    results::RunRow {
        id: run.id(),
        test,
        target,
        status,
        started,
        operations: verdict.as_ref().map(|v| v.exercised.operations),
        validity: verdict.map(|v| v.validity),
    }
}
