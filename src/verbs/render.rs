//! `tribunal render`: draws what analysis has reduced, or a part of it anew.

use std::path::PathBuf;

use anyhow::Result;
use store::reader::Source;
use store::run_dir::{RunDir, Runs};
use store::series::Series;
use store::time::Nanos;

use crate::cli::RenderArgs;
use crate::exit::usage;
use crate::{memory, out};

/// Draws a run's pictures.
pub fn render(args: &RenderArgs) -> Result<u8> {
    let window: results::Window =
        args.window.as_deref().map(str::parse).transpose().map_err(usage)?.unwrap_or_default();
    let run = Runs::at(args.store.store.clone()).find(&args.run)?;
    if !run.series().exists() {
        anyhow::bail!("{} was not analyzed yet: tribunal analyze {}", run.name(), run.as_typed());
    }
    let series = of_part(&run, run.read_series()?, window)?;
    let dir = place(args, &run);
    let options = results::RenderOptions { window };
    let mut paths = results::render(&series, &dir, &options)?;
    if run.verdict().exists() {
        paths.extend(results::render_cycles(&series.title, &run.read_verdict()?, &dir)?);
    }
    let mut text = String::new();
    for path in paths {
        text.push_str(&format!("{}\n", path.display()));
    }
    out::print(&text)?;
    Ok(0)
}

/// A part has a place of its own: the pictures of the whole run stay what the verdict was told with.
fn place(args: &RenderArgs, run: &RunDir) -> PathBuf {
    match (&args.out, &args.window) {
        (Some(out), _) => out.clone(),
        (None, Some(window)) => run.plots().join(window),
        (None, None) => run.plots(),
    }
}

/// The series of a part, reduced anew: the whole run's is coarse, and says so where that cannot be.
fn of_part(run: &RunDir, series: Series, window: results::Window) -> Result<Series> {
    let (from, to) = (window.from.unwrap_or(Nanos(0)), window.to.unwrap_or(Nanos::MAX).min(series.end));
    let is_part = from < to && (from > Nanos(0) || to < series.end);
    if series.steps == 0 || !is_part || !run.history().exists() {
        return Ok(series);
    }
    let options = checker::Options { memory: memory::budget(), ..checker::Options::default() };
    let source = Source::open(&run.history())?;
    Ok(checker::reduce(source, &series.title, &options, (from, to))?.unwrap_or(series))
}
