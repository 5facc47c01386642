//! What this host can do with containers, as facts for `tribunal doctor`.

use serde::Serialize;

use super::engine::Engine;
use super::owned::Owned;
use super::{images, netns, owned, tools};
use crate::error::NemesisError;

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
                // The error's own advice is to call the doctor, who is here.
                detail: match e {
                    NemesisError::Docker { reason } => format!("Docker does not answer ({reason})"),
                    e => e.to_string(),
                },
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
    facts.extend(leftovers(&engine).await);
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

async fn leftovers(engine: &Engine) -> Vec<Fact> {
    match owned::list(engine, None).await {
        Err(e) => vec![Fact::limited(LEFT_OVER, e.to_string(), "see Docker's own log")],
        Ok(runs) => tell_leftovers(&runs),
    }
}

const LEFT_OVER: &str = "left over";

/// What crashed is to be healed; what was kept on purpose is told apart from it, and is its user's.
fn tell_leftovers(runs: &[Owned]) -> Vec<Fact> {
    let size = |run: &Owned| {
        let (containers, networks) = (run.containers.len(), run.networks.len());
        format!("{} and {}", counted(containers, "container"), counted(networks, "network"))
    };
    let crashed: Vec<&Owned> = runs.iter().filter(|run| !run.alive && !run.kept).collect();
    let how = |run: &Owned| match run.elsewhere {
        true => "of another machine or boot, or of a container, where it may go on",
        false => "crashed",
    };
    let told = crashed.iter().map(|run| format!("run {} ({}): {}", run.run_id, how(run), size(run)));
    let mut detail: Vec<String> = told.collect();
    if detail.is_empty() {
        detail.push("nothing".to_owned());
    }
    match runs.iter().filter(|run| run.alive).count() {
        0 => {}
        1 => detail.push("1 run goes on".to_owned()),
        alive => detail.push(format!("{alive} runs go on")),
    }
    let detail = detail.join("; ");
    let mut facts = vec![if crashed.is_empty() {
        Fact::good(LEFT_OVER, detail)
    } else {
        let each = |run: &&Owned| format!("tribunal heal {} (or: {})", run.run_id, run.removal());
        Fact::limited(LEFT_OVER, detail, crashed.iter().map(each).collect::<Vec<_>>().join("; "))
    }];
    for run in runs.iter().filter(|run| run.kept && !run.alive) {
        let (id, size, removal) = (&run.run_id, size(run), run.removal());
        facts.push(Fact::good(
            "kept",
            format!("run {id} (on purpose): {size}; tribunal does not touch it; {removal} removes it"),
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, kept: bool, alive: bool) -> Owned {
        let (containers, networks) = (vec![format!("{id}-kafka-1")], vec![format!("{id}-net")]);
        Owned { run_id: id.into(), containers, networks, kept, alive, elsewhere: false }
    }

    #[test]
    fn what_was_kept_is_never_among_what_is_to_be_removed() {
        let facts =
            tell_leftovers(&[run("dead", false, false), run("mine", true, false), run("now", true, true)]);
        let [dead, mine] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!((dead.name, dead.level), ("left over", Level::Limited));
        assert_eq!(dead.detail, "run dead (crashed): 1 container and 1 network; 1 run goes on");
        let next = dead.next_step.as_deref().unwrap();
        assert!(next.starts_with("tribunal heal dead (or: docker rm -fv dead-kafka-1"), "{next}");
        assert!(!next.contains("mine") && !next.contains("now"), "{next}");
        assert_eq!((mine.name, mine.level, &mine.next_step), ("kept", Level::Good, &None));
        assert!(mine.detail.contains("tribunal does not touch it; docker rm -fv mine-kafka-1"), "{mine:?}");
    }

    #[test]
    fn kept_runs_alone_are_nothing_to_heal() {
        let facts = tell_leftovers(&[run("mine", true, false)]);
        assert_eq!((facts[0].level, facts[0].detail.as_str()), (Level::Good, "nothing"));
    }
}
