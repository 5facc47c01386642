//! `tribunal doctor`: what this host can do, what is missing, and what earlier runs left behind.

use anyhow::{Context, Result};
use nemesis::doctor::{Fact, Level};
use results::text::number::counted;
use store::run_dir::Runs;

use crate::cli::DoctorArgs;
use crate::exit::FAILED;
use crate::out;

/// Looks, and says; [`FAILED`] where not even the default run can be made.
pub async fn doctor(args: &DoctorArgs) -> Result<u8> {
    let program = std::env::current_exe().context("cannot find tribunal's own program")?;
    let mut facts = nemesis::doctor::doctor(&program).await;
    facts.push(store_fact(&Runs::at(args.store.store.clone())));
    if args.json {
        out::print(&format!("{}\n", serde_json::to_string_pretty(&facts)?))?;
    } else {
        let mut text = String::new();
        for fact in &facts {
            let mark = match fact.level {
                Level::Good => "✓ ok     ",
                Level::Limited => "- limited",
                Level::Missing => "✗ missing",
            };
            text.push_str(&format!("{mark}  {:<16} {}\n", fact.name, fact.detail));
            if let Some(next) = &fact.next_step {
                text.push_str(&format!("{:27} next: {next}\n", ""));
            }
        }
        out::print(&text)?;
    }
    let broken = facts.iter().any(|f| f.level == Level::Missing && ["mock", "store"].contains(&f.name));
    Ok(if broken { FAILED } else { 0 })
}

fn store_fact(runs: &Runs) -> Fact {
    let root = runs.root().display();
    let writable = std::fs::create_dir_all(runs.root()).and_then(|()| {
        let probe = runs.root().join(format!(".doctor.{}", std::process::id()));
        std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe))
    });
    match writable {
        Ok(()) => {
            let n = runs.list().map_or(0, |runs| runs.len());
            Fact {
                name: "store",
                level: Level::Good,
                detail: format!("{root} can be written; {}", counted(n as u64, "run", "runs")),
                next_step: None,
            }
        }
        Err(e) => Fact {
            name: "store",
            level: Level::Missing,
            detail: format!("{root} cannot be written: {e}"),
            next_step: Some("name another place with --store or TRIBUNAL_STORE".into()),
        },
    }
}
