//! Draws invented runs, for looking at the pictures: `cargo run -p results --example demo -- DIR`.
//!
//! A minute with three faults, six hours, two seconds, nothing at all, a crowd of faults, and the most that a series
//! can hold; then any `series.json` named after DIR. Prints how long each took to draw.

#[path = "demo/invent.rs"]
mod invent;

use std::path::PathBuf;
use std::time::Instant;

use results::{RenderOptions, render};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().unwrap_or_else(|| "target/demo".into()));
    let zoom = RenderOptions { window: "10s..25s".parse()? };
    let all = RenderOptions::default();
    let mut runs = vec![
        ("minute".to_owned(), invent::minute(), all),
        ("minute-zoomed".into(), invent::minute(), zoom),
        ("hours".into(), invent::hours(), all),
        ("seconds".into(), invent::seconds(), all),
        ("empty".into(), invent::nothing(), all),
        ("crowd".into(), invent::crowd(), all),
        ("worst-case".into(), invent::worst_case(), all),
    ];
    for (i, file) in args.enumerate() {
        runs.push((format!("stored-{}", i + 1), serde_json::from_slice(&std::fs::read(file)?)?, all));
    }
    for (name, series, options) in runs {
        let begun = Instant::now();
        let files = render(&series, &dir.join(&name), &options)?;
        println!("{name}: {:.0} ms", begun.elapsed().as_secs_f64() * 1000.0);
        for file in files {
            println!("  {} {} kB", file.display(), std::fs::metadata(&file)?.len() / 1000);
        }
    }
    Ok(())
}
