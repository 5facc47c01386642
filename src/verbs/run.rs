//! `tribunal run`: plan, run, analyze, render, print.

use anyhow::Result;
use store::run_dir::{RunDir, Runs};
use store::verdict::Verdict;

use super::analyze::{judge_run, next_steps, options, print_verdict};
use crate::cli::RunArgs;
use crate::exit::INTERRUPTED;
use crate::out;
use crate::run::{Ending, Plan, Run};
use crate::scenario::Scenario;
use crate::signals::Stop;

/// Runs a test; the exit code is its verdict's.
pub async fn run(args: RunArgs) -> Result<u8> {
    let plan = Plan::make(Scenario::resolve(&args)?)?;
    let options = options(&args.judging)?;
    let stop = Stop::on_signals()?;
    let runs = Runs::at(args.store());
    let mut run = Run::begin(&plan, &runs, args.keep)?;
    let ending = run.go(&stop).await;
    let dir = run.dir().clone();
    if dir.history().exists() {
        runs.set_latest(&dir)?;
    }
    if matches!(ending?, Ending::Interrupted) {
        if dir.history().exists() {
            eprintln!("interrupted; what was recorded is kept\n  next: tribunal analyze {}", dir.id());
        } else {
            eprintln!("interrupted before anything was recorded: there is nothing to analyze");
        }
        return Ok(INTERRUPTED);
    }
    if args.no_analyze {
        run.leave(true).await?;
        out::print(&format!("{}\n  next: tribunal analyze {}\n", dir.path().display(), dir.id()))?;
        return Ok(0);
    }

    // Minutes of checking must not keep the signals from being heard.
    let judged = {
        let dir = dir.clone();
        tokio::task::spawn_blocking(move || judge_run(&dir, &options))
    };
    let analysis = tokio::select! {
        analysis = judged => analysis??,
        () = stop.wait() => {
            eprintln!("interrupted; the history is complete\n  next: tribunal analyze {}", dir.id());
            std::process::exit(i32::from(INTERRUPTED));
        }
    };
    run.leave(!analysis.verdict.anomalies.is_empty()).await?;
    let mut pictures = results::render(&analysis.series, &dir.plots(), &results::RenderOptions::default())?;
    pictures.extend(results::render_cycles(&analysis.verdict, &dir.plots())?);
    if args.json {
        out::print(&format!("{}\n", serde_json::to_string_pretty(&analysis.verdict)?))?;
    } else {
        print_verdict(&analysis.verdict, &what_next(&args, &dir, &analysis.verdict))?;
        out::print(&format!(
            "  run        {}\n  pictures   {}\n",
            dir.path().display(),
            listed(&dir, &pictures)
        ))?;
    }
    Ok(analysis.verdict.exit_code())
}

/// The pictures by name, their directory once.
fn listed(dir: &RunDir, pictures: &[std::path::PathBuf]) -> String {
    let names: Vec<_> = pictures.iter().filter_map(|p| p.file_name()).map(|n| n.to_string_lossy()).collect();
    format!("{}/ {}", dir.plots().display(), names.join(" "))
}

/// A newcomer's first run leads to one in which something is found.
fn what_next(args: &RunArgs, dir: &RunDir, verdict: &Verdict) -> Vec<(String, String)> {
    let mut next = next_steps(dir, verdict);
    if args.scenario.is_none() && verdict.anomalies.is_empty() {
        next.insert(
            0,
            ("tribunal run mock-duplicates".into(), "a run in which a failure is found and explained".into()),
        );
    }
    next
}
