//! One fault from its strike to its heal.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::cluster::PartitionView;
use store::fault::FaultOutcome;
use store::time::Nanos;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::record::Recording;
use super::transitions::probe;
use super::{ActiveFault, FaultReport, Shared, after};
use crate::action::{Action, Bite};
use crate::fault::FaultSpec;
use crate::fault::schedule::{Planned, PlannedHold};
use crate::fault::when::UNTIL_BOUND;
use crate::target::{Strike, partition_key, resolve};
use crate::view;

/// How long a target may stay hard to find: during a failover there is no leader for a while.
const FIND: Duration = Duration::from_secs(15);
/// Between two looks for a target, and for a new leader.
const LOOK: Duration = Duration::from_millis(250);
/// How long the brokers have for one answer on who leads.
const ASK: Duration = Duration::from_secs(1);

type Stop = watch::Receiver<bool>;

/// Runs one fault. `start` is when the schedule began.
pub(super) async fn run(shared: Arc<Shared>, planned: Planned, start: Nanos, mut stop: Stop) -> FaultReport {
    let stage = &shared.stage;
    let Planned { number, at, hold, spec } = planned;
    let mut report = FaultReport {
        number,
        name: spec.name(),
        label: spec.to_string(),
        struck: false,
        bit: None,
        evidence: "the run ended before it struck".to_owned(),
        unmet: None,
        healed: true,
        unrecorded: false,
    };
    if sleep_or_stop(&shared, after(start, at), &mut stop).await {
        return report;
    }
    report.struck = true;
    let recording = Recording::new(stage, number, spec.name());
    let key = partition_key(spec.aim.partition(), &stage.topics).unwrap_or_default();
    report.unrecorded |= recording.asked(&spec, &key).is_err();

    let mut rng = StdRng::seed_from_u64(stage.seed ^ u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let found = find(&shared, &spec, &mut rng, &mut stop).await;
    let (strike, mut outcome, begun) = match found {
        Ok(strike) => {
            let (outcome, begun) = begin(&shared, number, &strike).await;
            (Some(strike), outcome, begun)
        }
        Err(reason) => {
            let evidence = format!("the fault found no target: {reason}");
            let label = spec.to_string();
            let outcome = FaultOutcome { label, bit: Some(false), evidence, ..FaultOutcome::default() };
            (None, outcome, Begun::default())
        }
    };
    report.unrecorded |= recording.struck(&outcome).is_err();

    if let Some(strike) = &strike {
        let since = stage.clock.now();
        let label = strike.label.clone();
        stage.active.begin(ActiveFault { number, label, since, until: None });
        // What came about in part is not held: it would be another fault than was asked for.
        if begun.complete {
            match hold_on(&shared, number, hold, strike.before.as_ref(), &mut stop).await {
                Held::Seen(seen) => outcome.evidence = join(&outcome.evidence, &seen),
                Held::Unmet(why) => outcome.unmet = Some(why),
                Held::ForItsTime => {}
            }
        }
        if hold != PlannedHold::Instant {
            second_look(&shared, strike, &mut outcome).await;
        }
    }

    report.unrecorded |= recording.healing(&outcome.label).is_err();
    if strike.is_some() {
        report.healed = heal(&shared, &begun.held, &mut outcome).await;
        stage.active.end(number);
    }
    report.unrecorded |= recording.healed(&outcome).is_err();
    report.label = outcome.label;
    report.bit = outcome.bit;
    report.evidence = outcome.evidence;
    report.unmet = outcome.unmet;
    report
}

/// Looks for the target until there is one, at most [`FIND`].
async fn find(
    shared: &Shared,
    spec: &FaultSpec,
    rng: &mut StdRng,
    stop: &mut Stop,
) -> Result<Strike, String> {
    let stage = &shared.stage;
    let give_up = after(stage.clock.now(), FIND);
    loop {
        let reason = match resolve(spec, &stage.cluster, &stage.topics, rng).await {
            Ok(strike) => return Ok(strike),
            Err(reason) => reason,
        };
        if let Some(lost) = stage.cluster.lost() {
            return Err(lost);
        }
        let next = after(stage.clock.now(), LOOK);
        if next > give_up || sleep_or_stop(shared, next, stop).await {
            return Err(reason);
        }
    }
}

/// How far a strike came.
#[derive(Debug, Default)]
struct Begun {
    /// Whether all of it was done.
    complete: bool,
    /// What is to be undone, in the order in which it was done.
    held: Vec<Action>,
}

/// Does everything that the fault consists of; stops at the first thing that fails.
async fn begin(shared: &Shared, number: u32, strike: &Strike) -> (FaultOutcome, Begun) {
    let mut bites = Vec::new();
    let mut begun = Begun { complete: true, held: Vec::new() };
    for action in &strike.actions {
        let acted = shared.transitions.lock().await.act(&shared.stage, number, action).await;
        if acted.held {
            begun.held.push(action.clone());
        }
        match acted.bite {
            Ok(bite) => bites.push(bite),
            Err(e) => {
                // It may have been done in part, so nothing is certain.
                bites.push(Bite { bit: None, evidence: format!("failed: {e}") });
                begun.complete = false;
                break;
            }
        }
    }
    let Bite { bit, evidence } = all_of(bites);
    let (label, nodes) = (strike.label.clone(), strike.nodes.clone());
    (FaultOutcome { label, nodes, bit, evidence, unmet: None }, begun)
}

/// How the time of a fault that holds ended.
enum Held {
    /// It was asked to hold for a time, and that is over.
    ForItsTime,
    /// What it was to hold until came: what was seen.
    Seen(String),
    /// What it was to hold until did not come.
    Unmet(String),
}

/// Waits for as long as the fault is to hold.
async fn hold_on(
    shared: &Shared,
    number: u32,
    hold: PlannedHold,
    before: Option<&PartitionView>,
    stop: &mut Stop,
) -> Held {
    let stage = &shared.stage;
    let (held, rest) = match (hold, before) {
        (PlannedHold::Instant, _) => (Held::ForItsTime, Duration::ZERO),
        (PlannedHold::For(length), _) => (Held::ForItsTime, length),
        (PlannedHold::UntilNewLeader { then }, None) => {
            (Held::Unmet("who led before was not known".to_owned()), then)
        }
        (PlannedHold::UntilNewLeader { then }, Some(before)) => {
            match until_new_leader(shared, before, stop).await {
                Ok(seen) => (Held::Seen(seen), then),
                Err(why) => (Held::Unmet(why), Duration::ZERO),
            }
        }
    };
    let until = after(stage.clock.now(), rest);
    stage.active.until(number, until);
    sleep_or_stop(shared, until, stop).await;
    held
}

/// Waits until another broker leads the partition in a later epoch. A broker that was cut off may say
/// what it likes: only a later epoch counts.
///
/// # Errors
/// Nobody else did within [`UNTIL_BOUND`], or before the run ended.
async fn until_new_leader(
    shared: &Shared,
    before: &PartitionView,
    stop: &mut Stop,
) -> Result<String, String> {
    let stage = &shared.stage;
    let began = stage.clock.now();
    let name = |id: Option<i32>| {
        let node = stage.cluster.nodes().iter().find(|n| Some(n.id) == id);
        node.map_or_else(|| format!("broker {id:?}"), |n| n.name.clone())
    };
    let topic =
        store::op::split_key(&before.key).map(|(topic, _)| vec![topic.to_owned()]).unwrap_or_default();
    loop {
        let answers = view::ask_each(stage.cluster.endpoints(), &topic, ASK).await;
        let waited = stage.clock.now().since(began);
        let changed = view::newest(&answers, &before.key)
            .filter(|now| now.leader != before.leader && (now.epoch > before.epoch || now.epoch.is_none()));
        if let Some(now) = changed {
            let epoch = now.epoch.map_or(String::new(), |e| format!(" in epoch {e}"));
            let (key, old, new) = (&before.key, name(before.leader), name(now.leader));
            let waited = waited.as_secs_f64();
            return Ok(format!("{key} was led by {old}, and by {new}{epoch} after {waited:.1} s"));
        }
        if waited > UNTIL_BOUND {
            return Err(format!("nobody else led {} within {} s", before.key, UNTIL_BOUND.as_secs()));
        }
        if sleep_or_stop(shared, after(stage.clock.now(), LOOK), stop).await {
            return Err(format!("the run ended before anybody else led {}", before.key));
        }
    }
}

/// Probes again before the heal: packet counters need traffic, and what was undone by somebody else shows.
async fn second_look(shared: &Shared, strike: &Strike, outcome: &mut FaultOutcome) {
    // All at once: the fault holds until the slowest of them has been looked at.
    let looks = strike.actions.iter().map(|action| async move {
        match probe(&shared.stage.cluster, action).await {
            Ok(bite) => bite,
            Err(e) => Bite { bit: None, evidence: format!("the probe failed: {e}") },
        }
    });
    let now = all_of(join_all(looks).await);
    // What bit once did bite; otherwise the later look knows more.
    outcome.bit = if outcome.bit == Some(true) { Some(true) } else { now.bit.or(outcome.bit) };
    let evidence = if outcome.evidence.starts_with(&now.evidence) { "the same" } else { &now.evidence };
    outcome.evidence = join(&outcome.evidence, &format!("before the heal: {evidence}"));
}

/// Undoes what was done, the last thing first; whether that worked. What the strike did not come to is not
/// its own to undo: another fault may hold it.
async fn heal(shared: &Shared, held: &[Action], outcome: &mut FaultOutcome) -> bool {
    let mut healed = true;
    for action in held.iter().rev() {
        if let Err(e) = shared.transitions.lock().await.undo(&shared.stage, action).await {
            healed = false;
            outcome.evidence = join(&outcome.evidence, &format!("not healed: {e}"));
        }
    }
    healed
}

/// Many probes as one: it bit if all of it did, and did not if a part of it did not.
fn all_of(bites: Vec<Bite>) -> Bite {
    let bit = if bites.iter().any(|b| b.bit == Some(false)) {
        Some(false)
    } else if bites.iter().all(|b| b.bit == Some(true)) && !bites.is_empty() {
        Some(true)
    } else {
        None
    };
    let evidence = bites.into_iter().map(|b| b.evidence).collect::<Vec<_>>().join("; ");
    Bite { bit, evidence }
}

fn join(a: &str, b: &str) -> String {
    if a.is_empty() { b.to_owned() } else { format!("{a}; {b}") }
}

/// Sleeps until the clock reads `at`; `true`: the run was stopped first.
async fn sleep_or_stop(shared: &Shared, at: Nanos, stop: &mut Stop) -> bool {
    let at = tokio::time::Instant::from_std(shared.stage.clock.instant(at));
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => true,
        () = sleep_until(at) => false,
    }
}

#[cfg(test)]
mod tests {
    use store::recorder::Recorder;
    use store::time::Clock;

    use super::super::transitions::Transitions;
    use super::super::{ActiveFaults, Stage};
    use super::*;
    use crate::cluster::Cluster;
    use crate::cluster::external::ExternalCluster;
    use crate::journal::Journal;

    #[tokio::test]
    async fn a_strike_that_fails_half_way_leaves_alone_what_another_fault_holds() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let recorder = Recorder::create(&dir.path().join("history.jsonl.zst"), clock).unwrap();
        let stage = Stage {
            cluster: Arc::new(Cluster::External(ExternalCluster::deaf())),
            topics: vec![],
            seed: 1,
            clock,
            tape: recorder.tape(),
            run_dir: dir.path().to_owned(),
            active: ActiveFaults::default(),
        };
        let transitions = Transitions::new(Journal::create(dir.path()).unwrap());
        let shared = Shared { stage, transitions: tokio::sync::Mutex::new(transitions) };
        let kill = |node: &str| Action::Kill { node: node.to_owned() };
        let act = async |fault, action: Action| {
            shared.transitions.lock().await.act(&shared.stage, fault, &action).await
        };
        assert!(act(1, kill("b")).await.held, "an act that failed may have been done in part");

        let actions = vec![kill("a"), kill("b"), kill("c")];
        let strike = Strike { label: String::new(), nodes: vec![], actions, before: None };
        let (mut outcome, begun) = begin(&shared, 2, &strike).await;
        assert!(!begun.complete && begun.held == [kill("a")], "{begun:?}");
        assert!(heal(&shared, &begun.held, &mut outcome).await);
        // What nobody holds is done, which fails here; what somebody holds is only looked at.
        assert!(act(3, kill("a")).await.bite.is_err(), "nobody holds it any more");
        assert!(act(3, kill("b")).await.bite.is_ok(), "the first fault holds it still");
    }
}
