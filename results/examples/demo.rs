//! Draws invented runs, for looking at the pictures: `cargo run -p results --example demo -- DIR`.
//!
//! A minute with three faults, six hours, two seconds, nothing at all, a crowd of faults, and the most that a series
//! can hold; prints how long each took to draw.

#[path = "demo/invent.rs"]
mod invent;

use std::path::PathBuf;
use std::time::Instant;

use results::{RenderOptions, render};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/demo".into()));
    let zoom = RenderOptions { window: "10s..25s".parse()? };
    let all = RenderOptions::default();
    for (name, series, options) in [
        ("minute", invent::minute(), all),
        ("minute-zoomed", invent::minute(), zoom),
        ("hours", invent::hours(), all),
        ("seconds", invent::seconds(), all),
        ("empty", invent::nothing(), all),
        ("crowd", invent::crowd(), all),
        ("worst-case", invent::worst_case(), all),
    ] {
        let begun = Instant::now();
        let files = render(&series, &dir.join(name), &options)?;
        println!("{name}: {:.0} ms", begun.elapsed().as_secs_f64() * 1000.0);
        for file in files {
            println!("  {} {} kB", file.display(), std::fs::metadata(&file)?.len() / 1000);
        }
    }
    Ok(())
}
