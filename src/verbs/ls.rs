//! `tribunal ls`: the runs, oldest first.

use anyhow::Result;
use store::run_dir::{RunDir, RunError, Runs};

use crate::cli::LsArgs;
use crate::out;

/// Lists the runs.
pub fn ls(args: &LsArgs) -> Result<u8> {
    let runs = Runs::at(args.store.store.clone());
    let rows: Vec<results::RunRow> = runs.list()?.iter().map(row).collect();
    if args.json {
        let rows: Vec<serde_json::Value> = rows.iter().map(as_json).collect();
        out::print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
    } else {
        out::print(&results::ls_text(&rows, &out::style()))?;
    }
    Ok(0)
}

/// What is known of a run without reading its history. A damaged file costs its columns, not the list.
fn row(run: &RunDir) -> results::RunRow {
    match run.read_meta() {
        Ok(meta) => results::RunRow::new(&meta, run.read_verdict().ok().as_ref()),
        Err(e) => results::RunRow {
            id: run.id(),
            test: test_of(run),
            status: if matches!(e, RunError::Damaged { .. }) { "damaged" } else { "unreadable" }.to_owned(),
            // The run stands beside it in the row.
            reason: Some(e.to_string().replacen(&format!("{}/", run.path().display()), "", 1)),
            ..results::RunRow::default()
        },
    }
}

/// The test's name, which is the directory's above.
fn test_of(run: &RunDir) -> String {
    let (name, id) = (run.name(), run.id());
    name.strip_suffix(&id).map_or(name.clone(), |test| test.trim_end_matches('/').to_owned())
}

fn as_json(row: &results::RunRow) -> serde_json::Value {
    serde_json::json!({
        "id": row.id, "test": row.test, "target": row.target, "status": row.status, "reason": row.reason, "validity": row.validity,
        "expectation": row.expectation, "operations": row.operations, "started": row.started,
    })
}
