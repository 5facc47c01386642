//! `tribunal render`: draws what analysis has reduced.

use anyhow::Result;
use store::run_dir::Runs;

use crate::cli::RenderArgs;
use crate::exit::usage;
use crate::out;

/// Draws a run's pictures.
pub fn render(args: &RenderArgs) -> Result<u8> {
    let window = args.window.as_deref().map(str::parse).transpose().map_err(usage)?.unwrap_or_default();
    let run = Runs::at(args.store.store.clone()).find(&args.run)?;
    if !run.series().exists() {
        anyhow::bail!("{} was not analyzed yet: tribunal analyze {}", run.name(), run.as_typed());
    }
    let series = run.read_series()?;
    let dir = args.out.clone().unwrap_or_else(|| run.plots());
    let options = results::RenderOptions { window };
    let mut paths = results::render(&series, &dir, &options)?;
    if run.verdict().exists() {
        paths.extend(results::render_cycles(&run.read_verdict()?, &dir)?);
    }
    let mut text = String::new();
    for path in paths {
        text.push_str(&format!("{}\n", path.display()));
    }
    out::print(&text)?;
    Ok(0)
}
