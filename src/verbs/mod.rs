//! The verbs: each reads as its own story.

mod analyze;
mod around;
mod convert;
mod doctor;
mod finding;
mod heal;
mod judge;
mod ls;
mod model;
mod next;
mod render;
mod run;
mod run_judged;
mod samples;
mod show;
mod unsaved;
mod what_if;
mod which_run;

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::cli::{self, Cli, Verb};
use crate::out;
use crate::scenario::{PLAIN, SHIPPED, faults_by_target};

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
            clap_complete::generate(shell, &mut cli::shown(), "tribunal", &mut script);
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
    let mut row = |name: &str, target: &str, about: &str| {
        text.push_str(&format!("  {name:<26} {target:<7} {about}\n"));
    };
    row(
        PLAIN[0],
        "mock",
        "The plain run, what `tribunal run` alone does: a broker goes down, a leader moves",
    );
    for shipped in SHIPPED {
        let scenario = shipped.parse();
        row(shipped.name, &scenario.target, &scenario.about);
    }
    text.push_str("faults for --fault NAME@START+DURATION, by target:\n");
    for (target, names) in faults_by_target() {
        let head = format!("  {target:<26} ");
        out::style().paragraph(&mut text, &head, head.len(), &names.join(", "));
    }
    out::print(&text)?;
    Ok(0)
}
