//! `tribunal render`: draws what analysis has reduced.

use anyhow::Result;
use store::run_dir::Runs;

use crate::cli::RenderArgs;
use crate::exit::usage;
use crate::out;

/// Draws a run's pictures.
pub fn render(args: &RenderArgs) -> Result<u8> {
    let run = Runs::at(args.store.store.clone()).find(&args.run)?;
    let window = args.window.as_deref().map(str::parse).transpose().map_err(usage)?.unwrap_or_default();
    if !run.series().exists() {
        anyhow::bail!("{} was not analyzed yet: tribunal analyze {}", run.name(), run.id());
    }
    let series = run.read_series()?;
    let dir = args.out.clone().unwrap_or_else(|| run.plots());
    let options = results::RenderOptions { window };
    let mut text = String::new();
    for path in results::render(&series, &dir, &options)? {
        text.push_str(&format!("{}\n", path.display()));
    }
    out::print(&text)?;
    Ok(0)
}
