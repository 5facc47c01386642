//! Doing and undoing, one at a time: journal first, bounded in time, shared things counted.

use std::collections::BTreeSet;
use std::time::Duration;

use store::time::Nanos;
use tokio::time::{sleep, timeout};

use super::Stage;
use super::holdings::Holdings;
use crate::action::{Action, Bite};
use crate::cluster::Cluster;
use crate::error::NemesisError;
use crate::journal::Journal;

/// How long one act may take; a clean shutdown of a broker is the slowest.
const ACT: Duration = Duration::from_secs(90);
/// How long one undoing may take.
const UNDO: Duration = Duration::from_secs(60);
/// How often undoing is tried.
const UNDO_TRIES: u32 = 3;
/// Between two tries.
const UNDO_PAUSE: Duration = Duration::from_secs(1);
/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(10);

/// What is in force, and the journal of it.
pub(super) struct Transitions {
    journal: Journal,
    holdings: Holdings,
    /// What could not be undone, in words.
    pub(super) unhealed: Vec<String>,
}

/// What came of an act.
pub(super) struct Acted {
    /// Whether it must be undone: also after an error, when it may have been done in part. Where it is not
    /// held, nothing was done, and an undo would take the hold of another fault.
    pub(super) held: bool,
    /// What a look at it saw.
    pub(super) bite: Result<Bite, NemesisError>,
}

impl Transitions {
    pub(super) fn new(journal: Journal) -> Transitions {
        Transitions { journal, holdings: Holdings::default(), unhealed: Vec::new() }
    }

    /// Does what of this action is not in force yet.
    pub(super) async fn act(&mut self, stage: &Stage, fault: u32, action: &Action) -> Acted {
        let Some(missing) = self.holdings.missing(action) else {
            self.holdings.hold(action, 0);
            return Acted { held: true, bite: probe(&stage.cluster, action).await };
        };
        let act = match self.journal.act(fault, stage.clock.now(), &missing) {
            Ok(act) => act,
            Err(e) => return Acted { held: false, bite: Err(e) },
        };
        let held = missing.needs_undo();
        if held {
            self.holdings.hold(action, act);
        }
        let late = || NemesisError::Other(format!("it took longer than {} s", ACT.as_secs()));
        let bite = timeout(ACT, stage.cluster.apply(&missing)).await.unwrap_or_else(|_| Err(late()));
        Acted { held, bite }
    }

    /// Undoes what of this action no other fault holds.
    pub(super) async fn undo(&mut self, stage: &Stage, action: &Action) -> Result<(), String> {
        let release = self.holdings.release(action);
        let mut errors = Vec::new();
        let mut failed = Vec::new();
        for (act, action) in release.undo {
            if let Err(e) = undo_with_patience(&stage.cluster, &action).await {
                self.unhealed.push(format!("{action:?} could not be undone: {e}"));
                errors.push(e);
                failed.push(act);
            }
        }
        for act in release.over.into_iter().filter(|act| !failed.contains(act)) {
            self.note(stage, act);
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    /// Undoes whatever is left, whoever left it.
    pub(super) async fn heal_rest(&mut self, stage: &Stage) {
        let (mut over, mut failed) = (BTreeSet::new(), BTreeSet::new());
        for (act, action) in self.holdings.take_all() {
            over.insert(act);
            if let Err(e) = undo_with_patience(&stage.cluster, &action).await {
                self.unhealed.push(format!("{action:?} could not be undone: {e}"));
                failed.insert(act);
            }
        }
        // An act of many links is over when the last of them is.
        for act in over.difference(&failed) {
            self.note(stage, *act);
        }
    }

    /// A note that cannot be written costs nothing but a second, harmless undoing by a later heal.
    fn note(&mut self, stage: &Stage, act: u64) {
        if let Err(e) = self.journal.undone(act, Some(Nanos(stage.clock.now().0))) {
            self.unhealed.push(format!("undone, but not noted: {e}"));
        }
    }
}

/// Asks, bounded, whether an action is in force.
pub(super) async fn probe(cluster: &Cluster, action: &Action) -> Result<Bite, NemesisError> {
    let late = || NemesisError::Other(format!("the probe took longer than {} s", PROBE.as_secs()));
    timeout(PROBE, cluster.probe(action)).await.unwrap_or_else(|_| Err(late()))
}

async fn undo_with_patience(cluster: &Cluster, action: &Action) -> Result<(), String> {
    let mut error = String::new();
    for _ in 0..UNDO_TRIES {
        match timeout(UNDO, cluster.undo(action)).await {
            Ok(Ok(())) => return Ok(()),
            // Nothing is left that could be healed, however often it is tried.
            Ok(Err(e @ NemesisError::TargetDied { .. })) => return Err(e.to_string()),
            Ok(Err(e)) => error = e.to_string(),
            Err(_) => error = format!("it took longer than {} s", UNDO.as_secs()),
        }
        sleep(UNDO_PAUSE).await;
    }
    Err(error)
}
