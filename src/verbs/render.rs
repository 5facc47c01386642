//! `tribunal render`: draws what analysis has reduced.

use anyhow::Result;
use nemesis::fault::when::parse_duration;
use store::run_dir::Runs;
use store::time::Nanos;

use crate::cli::RenderArgs;
use crate::exit::usage;
use crate::out;

/// Draws a run's pictures.
pub fn render(args: &RenderArgs) -> Result<u8> {
    let run = Runs::at(args.store.store.clone()).find(&args.run)?;
    let window = args.window.as_deref().map(parse_window).transpose()?;
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

/// `10s..25s`, either end may be missing.
fn parse_window(text: &str) -> Result<(Nanos, Nanos)> {
    let bad = |why: String| usage(format!("window \"{text}\": {why}; write it as FROM..TO, e.g. 10s..25s"));
    let (from, to) = text.split_once("..").ok_or_else(|| bad("there is no ..".into()))?;
    let end = |text: &str, open: Nanos| match text.trim() {
        "" => Ok(open),
        text => parse_duration(text).map(Nanos::from).map_err(bad),
    };
    let (from, to) = (end(from, Nanos(0))?, end(to, Nanos::MAX)?);
    if from >= to {
        return Err(bad("it ends before it begins".into()));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_and_mistakes_named() {
        assert_eq!(parse_window("10s..25s").expect("a window"), (Nanos(10_000_000_000), Nanos(25_000_000_000)));
        assert_eq!(parse_window("..1m").expect("a window"), (Nanos(0), Nanos(60_000_000_000)));
        assert_eq!(parse_window("5s..").expect("a window"), (Nanos(5_000_000_000), Nanos::MAX));
        for bad in ["10s", "10..20", "9s..3s", "x..y"] {
            assert!(format!("{:#}", parse_window(bad).expect_err(bad)).contains(bad));
        }
    }
}
