//! `tribunal run`: plan, run, analyze, render, print.

use std::path::PathBuf;

use anyhow::Result;
use checker::Options;
use store::run_dir::{RunDir, Runs};
use store::verdict::Verdict;

use super::analyze::options;
use super::next::{Step, next_steps, print_verdict};
use super::run_judged::judge_run;
use super::unsaved::Unsaved;
use crate::cli::RunArgs;
use crate::exit::INTERRUPTED;
use crate::out;
use crate::run::{Ending, Plan, Run};
use crate::scenario::Scenario;
use crate::signals::Stop;

/// Runs a test; the exit code is its verdict's. What could not be saved is told after everything else.
pub async fn run(args: RunArgs) -> Result<u8> {
    let plan = Plan::make(Scenario::resolve(&args)?)?;
    let options = options(&args.judging)?;
    let stop = Stop::on_signals()?;
    let runs = Runs::at(args.store());
    let mut run = Run::begin(&plan, &runs, args.keep)?;
    let mut unsaved = Unsaved::of(run.dir().clone());
    let code = from_load_to_verdict(&args, &mut run, &runs, options, &stop, &mut unsaved).await;
    unsaved.say();
    code.map(|code| if code == INTERRUPTED { code } else { unsaved.code(code) })
}

async fn from_load_to_verdict(
    args: &RunArgs,
    run: &mut Run<'_>,
    runs: &Runs,
    options: Options,
    stop: &Stop,
    unsaved: &mut Unsaved,
) -> Result<u8> {
    let ending = run.go(stop).await;
    let dir = run.dir().clone();
    if let Some(error) = run.unwritten() {
        unsaved.status(error);
    }
    if dir.history().exists()
        && let Err(error) = runs.set_latest(&dir)
    {
        unsaved.latest(error);
    }
    if !matches!(ending, Ok(Ending::Recorded)) {
        // What was recorded and not judged may be looked into; of nothing recorded nothing needs to stay.
        if let Err(error) = run.leave(dir.history().exists()).await {
            unsaved.other(&error);
        }
    }
    if matches!(ending?, Ending::Interrupted) {
        if dir.history().exists() {
            eprintln!("interrupted; what was recorded is kept\n  next: tribunal analyze {}", dir.as_typed());
        } else {
            eprintln!("interrupted before anything was recorded: there is nothing to analyze");
        }
        return Ok(INTERRUPTED);
    }
    if args.no_analyze {
        if let Err(error) = run.leave(true).await {
            unsaved.other(&error);
        }
        out::print(&format!("{}\n  next: tribunal analyze {}\n", dir.path().display(), dir.as_typed()))?;
        return Ok(0);
    }

    // Minutes of checking must not keep the signals from being heard.
    let judged = {
        let (dir, meta) = (dir.clone(), run.meta().clone());
        tokio::task::spawn_blocking(move || judge_run(&dir, &meta, &options))
    };
    let analysis = tokio::select! {
        analysis = judged => analysis??,
        () = stop.wait() => {
            eprintln!("interrupted; the history is complete\n  next: tribunal analyze {}", dir.as_typed());
            unsaved.say();
            std::process::exit(i32::from(INTERRUPTED));
        }
    };
    // Told first: whatever fails from here on costs files, and no verdict.
    let told = tell(args, &analysis.verdict);
    unsaved.save(&analysis);
    let pictures = unsaved.draw(&analysis);
    if let Err(error) = run.leave(!analysis.verdict.anomalies.is_empty()).await {
        unsaved.other(&error);
    }
    told?;
    if !args.json {
        out::print(&places(&dir, &pictures))?;
        out::print(&results::next_text(&out::style(), &what_next(args, &dir, &analysis.verdict)))?;
    }
    Ok(analysis.verdict.exit_code())
}

fn tell(args: &RunArgs, verdict: &Verdict) -> Result<()> {
    if args.json {
        out::print(&format!("{}\n", serde_json::to_string_pretty(verdict)?))
    } else {
        print_verdict(verdict, &[])
    }
}

/// Where the run is, and its pictures by name, their directory once.
fn places(dir: &RunDir, pictures: &[PathBuf]) -> String {
    let mut text = format!("  run        {}\n", dir.path().display());
    if !pictures.is_empty() {
        let names: Vec<_> =
            pictures.iter().filter_map(|p| p.file_name()).map(|n| n.to_string_lossy()).collect();
        let row = "  pictures   ";
        let listed = format!("{}/ {}", dir.plots().display(), names.join(" "));
        out::style().paragraph(&mut text, row, row.len(), &listed);
    }
    text
}

/// A newcomer's first run leads to one in which something is found.
fn what_next(args: &RunArgs, dir: &RunDir, verdict: &Verdict) -> Vec<Step> {
    let mut next = next_steps(dir, verdict);
    if args.scenario.is_none() && args.target.is_none() && verdict.anomalies.is_empty() {
        next.insert(
            0,
            ("tribunal run mock-duplicates".into(), "a run in which a failure is found and explained".into()),
        );
    }
    next
}
