//! The verbs: each reads as its own story.

mod analyze;
mod around;
mod convert;
mod doctor;
mod heal;
mod judge;
mod ls;
mod model;
mod render;
mod run;
mod show;

use anyhow::Result;
use clap::CommandFactory;
use tokio::runtime::Runtime;

use crate::cli::{Cli, Verb};
use crate::out;
use crate::scenario::SHIPPED;

/// Does what was typed; the exit code.
pub fn dispatch(cli: Cli) -> Result<u8> {
    match cli.verb {
        Verb::Run(args) => runtime()?.block_on(run::run(*args)),
        Verb::Analyze(args) => analyze::analyze(&args),
        Verb::Render(args) => render::render(&args),
        Verb::Ls(args) => ls::ls(&args),
        Verb::Show(args) => show::show(&args),
        Verb::Scenarios => scenarios(),
        Verb::Doctor(args) => runtime()?.block_on(doctor::doctor(&args)),
        Verb::Heal(args) => runtime()?.block_on(heal::heal(&args)),
        Verb::Convert(args) => convert::convert(&args),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tribunal", &mut script);
            out::print(&String::from_utf8_lossy(&script))?;
            Ok(0)
        }
        Verb::MockHost => {
            nemesis::cluster::mock::serve_child().map_err(|e| anyhow::anyhow!("the mock cluster: {e}"))?;
            Ok(0)
        }
    }
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn scenarios() -> Result<u8> {
    let mut text = String::from("scenarios that ship with tribunal (tribunal run NAME):\n");
    for shipped in SHIPPED {
        let scenario = shipped.parse();
        text.push_str(&format!("  {:<26} {:<7} {}\n", shipped.name, scenario.target, scenario.about));
    }
    out::print(&text)?;
    Ok(0)
}
