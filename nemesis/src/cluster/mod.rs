//! Clusters: each target behind one set of methods. An enum, not a trait object: there are four.

pub mod attach;
pub mod docker;
pub mod external;
pub mod mock;

use std::path::Path;

use store::cluster::{Endpoints, Node};
use store::run_meta::TargetMeta;

use crate::action::{Action, Bite};
use crate::error::NemesisError;

/// A cluster that a run is aimed at.
pub enum Cluster {
    /// librdkafka's mock cluster in a child process.
    Mock(mock::MockCluster),
    /// Containers that this run made.
    Docker(docker::DockerCluster),
    /// Somebody else's containers.
    Attached(attach::AttachedCluster),
    /// Bootstrap servers alone.
    External(external::ExternalCluster),
}

/// Runs one method of whichever cluster this is.
macro_rules! each {
    ($self:expr, $cluster:ident => $call:expr) => {
        match $self {
            Cluster::Mock($cluster) => $call,
            Cluster::Docker($cluster) => $call,
            Cluster::Attached($cluster) => $call,
            Cluster::External($cluster) => $call,
        }
    };
}

impl Cluster {
    /// Where clients find it.
    pub fn endpoints(&self) -> &Endpoints {
        each!(self, c => c.endpoints())
    }

    /// What `run.json` says of it.
    pub fn meta(&self) -> TargetMeta {
        each!(self, c => c.meta())
    }

    /// The nodes that faults may touch.
    pub fn nodes(&self) -> &[Node] {
        &self.endpoints().nodes
    }

    /// Whether this cluster can do this kind of action on this host; `Err` says why not, in words that
    /// fit "this target cannot do that, because ...". Asked before the run starts.
    pub fn can(&self, action: &Action) -> Result<(), String> {
        each!(self, c => c.can(action))
    }

    /// Does it. The journal already holds it.
    pub async fn apply(&self, action: &Action) -> Result<Bite, NemesisError> {
        each!(self, c => c.apply(action).await)
    }

    /// Asks again whether an action that holds has taken effect (packet counters need traffic first).
    pub async fn probe(&self, action: &Action) -> Result<Bite, NemesisError> {
        each!(self, c => c.probe(action).await)
    }

    /// Undoes it; undoing what is not in force is no error.
    pub async fn undo(&self, action: &Action) -> Result<(), NemesisError> {
        each!(self, c => c.undo(action).await)
    }

    /// Why the cluster is gone for good, if it is: what clients saw from then on tells nothing of it, and no
    /// verdict may be drawn from it.
    pub fn lost(&self) -> Option<String> {
        match self {
            Cluster::Mock(mock) => mock.died().map(|how| format!("the mock broker process died ({how})")),
            _ => None,
        }
    }

    /// Writes every node's log to `dir/<node name>.log`; nodes without logs write nothing.
    pub async fn collect_logs(&self, dir: &Path) -> Result<(), NemesisError> {
        each!(self, c => c.collect_logs(dir).await)
    }

    /// Ends it: removes what this run made and nothing else.
    pub async fn remove(self) -> Result<(), NemesisError> {
        each!(self, c => c.remove().await)
    }
}
