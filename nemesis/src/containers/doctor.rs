//! What this host can do with containers, as facts for `tribunal doctor`.

use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;

use super::engine::Engine;
use super::{images, netns, owned, tools};

/// How a fact bears on runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It works.
    Good,
    /// Something is missing that only some runs need.
    Limited,
    /// Nothing that needs it can run.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What was looked at: `docker`, `partitions`.
    pub name: &'static str,
    /// How it bears on runs.
    pub level: Level,
    /// What was seen.
    pub detail: String,
    /// What to do about it, where something can be done.
    pub next_step: Option<String>,
}

/// A number and its noun: `1 network`, `2 networks`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

impl Fact {
    fn good(name: &'static str, detail: impl Into<String>) -> Fact {
        Fact { name, level: Level::Good, detail: detail.into(), next_step: None }
    }

    fn limited(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Fact {
        Fact { name, level: Level::Limited, detail: detail.into(), next_step: Some(next.into()) }
    }
}

/// Looks at Docker, its images, the ways to cut links, and what earlier runs left behind. Changes nothing.
pub async fn doctor() -> Vec<Fact> {
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(e) => {
            let next = "install Docker and start it; the mock target and bootstrap servers work without it";
            return vec![Fact {
                name: "docker",
                level: Level::Missing,
                detail: e.to_string(),
                next_step: Some(next.to_owned()),
            }];
        }
    };
    let mut facts = vec![Fact::good("docker", format!("version {}", engine.version))];
    facts.push(kafka_image(&engine).await);
    facts.push(partitions(&engine).await);
    if !engine.can_freeze {
        facts.push(Fact::limited(
            "pause",
            "this Docker has no control groups, so processes cannot be frozen",
            "run Docker as root for pause faults",
        ));
    }
    facts.push(delay().await);
    facts.push(leftovers(&engine).await);
    facts
}

async fn kafka_image(engine: &Engine) -> Fact {
    const LOCAL: &str = "local/kafka:4.3.0";
    let mut here = Vec::new();
    for name in [images::DEFAULT_IMAGE, LOCAL] {
        match images::find(engine, name).await {
            Ok(Some(_)) => here.push(name),
            Ok(None) => {}
            Err(e) => return Fact::limited("kafka image", e.to_string(), "see Docker's own log"),
        }
    }
    match here.first() {
        Some(&images::DEFAULT_IMAGE) => Fact::good("kafka image", here.join(", ")),
        Some(local) => Fact::good("kafka image", format!("{local} (name it with --image {local})")),
        None => Fact::limited(
            "kafka image",
            format!("{} is not here; the first docker run pulls it", images::DEFAULT_IMAGE),
            "where no registry answers: nemesis/images/build.sh builds one from packages",
        ),
    }
}

async fn partitions(engine: &Engine) -> Fact {
    match netns::nsenter_is_here() {
        Ok(()) => Fact::good("partitions", "by nsenter and this host's iptables"),
        Err(reason) => match images::find(engine, tools::IMAGE).await {
            Ok(Some(_)) => Fact::good(
                "partitions",
                format!("by side containers of {} (nsenter: {reason})", tools::IMAGE),
            ),
            _ => Fact::limited(
                "partitions",
                format!("nsenter: {reason}; the tools image {} is missing", tools::IMAGE),
                format!(
                    "the first run on containers builds it from {}; without a registry name an image that holds \
                     iptables in {}",
                    tools::BASE,
                    tools::BASE_VARIABLE
                ),
            ),
        },
    }
}

/// Added latency needs the kernel's netem; it is tried in a network namespace of its own.
async fn delay() -> Fact {
    let next = "needs a kernel with sch_netem, and root; cut, pause or slow the mock's brokers instead";
    if !rustix::process::geteuid().is_root() {
        return Fact::limited("delay", "not looked for without root: delay faults are refused", next);
    }
    let tried = tokio::process::Command::new("unshare")
        .args(["--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(Duration::from_secs(10), tried).await {
        Ok(Ok(ran)) if ran.status.success() => {
            Fact::good("delay", "this kernel has netem (no fault uses it yet)")
        }
        Ok(Ok(ran)) => {
            let said =
                String::from_utf8_lossy(&ran.stderr).trim().lines().next().unwrap_or_default().to_owned();
            Fact::limited("delay", format!("no netem in this kernel, delay is refused ({said})"), next)
        }
        Ok(Err(e)) => {
            Fact::limited("delay", format!("not looked for: unshare and tc are needed ({e})"), next)
        }
        Err(_) => Fact::limited("delay", "not looked for: tc did not answer in time", next),
    }
}

async fn leftovers(engine: &Engine) -> Fact {
    const NAME: &str = "left over";
    match owned::list(engine, None).await {
        Err(e) => Fact::limited(NAME, e.to_string(), "see Docker's own log"),
        Ok(runs) => {
            let dead = runs.iter().filter(|run| !run.alive && !run.kept).collect::<Vec<_>>();
            let alive = runs.iter().filter(|run| run.alive).count();
            let kept = runs.iter().filter(|run| run.kept && !run.alive).collect::<Vec<_>>();
            let mut detail = Vec::new();
            for (runs, why) in [(&dead, "crashed"), (&kept, "kept on purpose")] {
                for run in runs {
                    detail.push(format!(
                        "run {} ({why}): {} and {}",
                        run.run_id,
                        counted(run.containers.len(), "container"),
                        counted(run.networks.len(), "network")
                    ));
                }
            }
            if alive > 0 {
                detail.push(if alive == 1 {
                    "1 run goes on".to_owned()
                } else {
                    format!("{alive} runs go on")
                });
            }
            if dead.is_empty() && kept.is_empty() {
                detail.insert(0, "nothing".to_owned());
                return Fact::good(NAME, detail.join("; "));
            }
            let next = dead.iter().chain(&kept).map(|run| run.removal()).collect::<Vec<_>>().join("; ");
            Fact::limited(NAME, detail.join("; "), format!("tribunal heal, or: {next}"))
        }
    }
}
