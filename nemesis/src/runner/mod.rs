//! The runner: it lets the schedule's faults happen to a cluster, each in its own time, and heals them all.
//!
//! A fault goes: invocation into the history, target looked up, act into the journal, act, probe, completion
//! into the history; it holds; probe again, heal, completion of the heal into the history.

mod active;
mod holdings;
mod overlaps;
mod record;
mod strike;
mod transitions;

use std::path::PathBuf;
use std::sync::Arc;

use store::op::Process;
use store::recorder::Tape;
use store::time::{Clock, Nanos};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::active::{ActiveFault, ActiveFaults};
use self::transitions::Transitions;
use crate::admin::TopicSpec;
use crate::cluster::Cluster;
use crate::error::NemesisError;
use crate::fault::FaultKind;
use crate::fault::schedule::{Planned, PlannedHold, Schedule};
use crate::journal::Journal;
use crate::target::{examples, partition_key, unknown_nodes};

/// What the runner works on and with.
pub struct Stage {
    /// The cluster to break.
    pub cluster: Arc<Cluster>,
    /// The run's topics, in order.
    pub topics: Vec<TopicSpec>,
    /// Seeds the choice of random targets; each fault draws from its own stream.
    pub seed: u64,
    /// The run's clock.
    pub clock: Clock,
    /// Where the nemesis records its events; its own tape.
    pub tape: Tape,
    /// The run's directory, for the journal.
    pub run_dir: PathBuf,
    /// Shows the faults that hold.
    pub active: ActiveFaults,
}

/// What became of one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReport {
    /// Its number in the schedule.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// What it did to whom; what was asked for where it never struck.
    pub label: String,
    /// Whether it struck at all; not, where the run ended first.
    pub struck: bool,
    /// Whether a probe saw it take effect.
    pub bit: Option<bool>,
    /// What the probes saw, or what went wrong.
    pub evidence: String,
    /// What it was to hold until and did not see.
    pub unmet: Option<String>,
    /// Whether it was healed, or had nothing to heal.
    pub healed: bool,
    /// The nemesis' own events could not be recorded (the writer failed).
    pub unrecorded: bool,
}

/// What became of the schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunnerReport {
    /// Every fault, in order of their numbers.
    pub faults: Vec<FaultReport>,
    /// What could not be undone, in words; `tribunal heal` tries again.
    pub unhealed: Vec<String>,
}

impl RunnerReport {
    /// Faults that a probe saw take effect.
    pub fn bit(&self) -> usize {
        self.faults.iter().filter(|f| f.bit == Some(true)).count()
    }
}

/// A schedule that may start.
pub struct Runner {
    schedule: Schedule,
    shared: Arc<Shared>,
}

/// What all faults of a run share.
struct Shared {
    stage: Stage,
    /// One transition at a time: a heal and a strike never cross on the same node.
    transitions: tokio::sync::Mutex<Transitions>,
}

impl Runner {
    /// Checks that this cluster and host can do every fault of the schedule, and opens the journal.
    ///
    /// # Errors
    /// [`NemesisError::Refused`] with every reason at once; or if the journal cannot be created.
    pub fn prepare(schedule: Schedule, stage: Stage) -> Result<Runner, NemesisError> {
        let reasons = refusals(&schedule, &stage.cluster, &stage.topics);
        if !reasons.is_empty() {
            return Err(NemesisError::Refused { reasons });
        }
        let journal = Journal::create(&stage.run_dir)?;
        let transitions = tokio::sync::Mutex::new(Transitions::new(journal));
        Ok(Runner { schedule, shared: Arc::new(Shared { stage, transitions }) })
    }

    /// Runs the schedule; its times count from now. Ends when the last fault has healed, or soon after
    /// `stop` turns true: then everything that holds heals at once, and what has not struck never does.
    /// A sender of `stop` that is dropped stops it too.
    pub async fn run(self, stop: watch::Receiver<bool>) -> RunnerReport {
        let start = self.shared.stage.clock.now();
        let mut running = JoinSet::new();
        let mut report = RunnerReport::default();
        for planned in self.schedule.faults {
            let (shared, stop) = (Arc::clone(&self.shared), stop.clone());
            running.spawn(strike::run(shared, planned, start, stop));
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(fault) => report.faults.push(fault),
                Err(e) => report.unhealed.push(format!("a fault ended unexpectedly ({e})")),
            }
        }
        report.faults.sort_by_key(|f| f.number);
        let mut transitions = self.shared.transitions.lock().await;
        transitions.heal_rest(&self.shared.stage).await;
        report.unhealed.append(&mut transitions.unhealed);
        report
    }
}

/// Why this schedule cannot happen on this cluster; empty: it can. Each kind of reason is named once.
pub fn refusals(schedule: &Schedule, cluster: &Cluster, topics: &[TopicSpec]) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for Planned { spec, hold, .. } in &schedule.faults {
        let mut refuse = |reason: String| {
            if !reasons.iter().any(|known| known.ends_with(&reason)) {
                reasons.push(format!("`{spec}`: {reason}"));
            }
        };
        if cluster.nodes().is_empty() {
            refuse("the target names no node that a fault could touch".into());
            continue;
        }
        if let Err(reason) = partition_key(spec.aim.partition(), topics)
            && spec.aim.needs_partition()
        {
            refuse(reason);
        }
        // The examples below need a peer's name; without one there is nothing to say but this.
        if cluster.nodes().len() == 1 && matches!(spec.kind, FaultKind::LeaderMove { .. }) {
            refuse("the cluster has a single node, no other could lead".into());
            continue;
        }
        unknown_nodes(spec, cluster.nodes()).into_iter().for_each(&mut refuse);
        let actions = examples(spec, cluster.nodes());
        if actions.is_empty() {
            refuse("the cluster has a single node, there is no peer to cut it from".into());
        }
        for action in actions {
            if let Err(reason) = cluster.can(&action) {
                refuse(reason);
            }
        }
        if matches!(hold, PlannedHold::UntilNewLeader { .. }) && matches!(cluster, Cluster::Mock(_)) {
            refuse("no leader changes by itself on the mock: give a duration".into());
        }
    }
    reasons.extend(overlaps::refusals(schedule));
    reasons
}

/// The process that the nemesis' events are recorded under.
const NEMESIS: Process = Process::NEMESIS;

/// Bound of a time that is added to another, so that sums never overflow.
fn after(start: Nanos, length: std::time::Duration) -> Nanos {
    Nanos(start.0.saturating_add(Nanos::from(length).0))
}
