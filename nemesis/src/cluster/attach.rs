//! The attach target: containers that somebody else started. Their processes and links can be broken and
//! are put right again; they are never created and never removed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use store::cluster::{Endpoints, Node};
use store::run_meta::TargetMeta;
use store::settings::{Settings, redact};

use super::external::parse_bootstrap;
use crate::action::{Action, Bite};
use crate::containers::engine::Engine;
use crate::containers::fleet::{Fleet, Member};
use crate::containers::found::{self, Candidate, Selector};
use crate::containers::images::Progress;
use crate::containers::netns::{CutOptions, Way};
use crate::containers::{gathering, labels};
use crate::error::NemesisError;
use crate::security;

/// Which containers to attach to, and how clients reach them.
#[derive(Clone)]
pub struct AttachSpec {
    /// The run's id, in the tags of its packet filter rules.
    pub run_id: String,
    /// `compose:PROJECT` or `label:KEY=VALUE`.
    pub selector: String,
    /// `HOST:PORT[,...]` where it cannot be found out from published ports.
    pub bootstrap: Option<String>,
    /// Client settings for TLS and SASL.
    pub security: Settings,
    /// How links may be cut.
    pub cut: CutOptions,
    /// Hears what takes long.
    pub progress: Progress,
}

impl AttachSpec {
    /// Attaches silently; links are cut as the environment says, see [`CutOptions::from_env`].
    pub fn new(
        selector: impl Into<String>,
        run_id: impl Into<String>,
        bootstrap: Option<String>,
        security: Settings,
    ) -> AttachSpec {
        let progress: Progress = std::sync::Arc::new(|_| {});
        let (run_id, selector) = (run_id.into(), selector.into());
        AttachSpec { run_id, selector, bootstrap, security, cut: CutOptions::from_env(), progress }
    }
}

/// A cluster in somebody else's containers.
pub struct AttachedCluster {
    fleet: Fleet,
    endpoints: Endpoints,
    selector: Selector,
    images: Vec<String>,
}

impl AttachedCluster {
    /// Finds the containers and works out which of them is which broker.
    ///
    /// # Errors
    /// No Docker, no such containers, no listener that this host can use, or a broker whose container cannot
    /// be told.
    pub async fn open(spec: AttachSpec) -> Result<AttachedCluster, NemesisError> {
        labels::check_run_id(&spec.run_id)?;
        let selector = Selector::parse(&spec.selector)?;
        let bootstrap = spec.bootstrap.as_deref().map(parse_bootstrap).transpose()?;
        security::check(&spec.security)?;
        let engine = Engine::connect().await?;
        let servers = bootstrap.as_deref();
        let (candidates, seen) =
            gathering::whole_cluster(&engine, &selector, servers, &spec.security, &spec.progress).await?;
        let assigned = found::assign(&candidates, &seen.brokers)?;
        let node = |id: &i32, c: &Candidate| Node {
            id: *id,
            name: c.name.clone(),
            address: seen.brokers.get(id).cloned(),
        };
        let nodes = assigned.iter().map(|(id, c)| node(id, c)).collect::<Vec<_>>();
        let members = assigned.iter().map(|(id, c)| member(c, seen.brokers[id].clone())).collect::<Vec<_>>();
        let mut images = assigned.values().map(|c| c.image.clone()).collect::<Vec<_>>();
        images.sort();
        images.dedup();
        let way = match assigned.values().find(|c| !c.shares_network) {
            Some(c) => {
                let image = Some(c.image.as_str());
                Way::find(&engine, &spec.run_id, &c.id, &spec.cut, image, &spec.progress).await
            }
            None => Err(SHARES_NETWORK.to_owned()),
        };
        let companions = candidates.iter().filter(|c| is_companion(c, &assigned)).map(|c| {
            // No client reaches it.
            Member::new(c.name.clone(), c.id.clone(), None)
        });
        let fleet = Fleet::new(engine, spec.run_id, members, way).with_companions(companions.collect());
        fleet.learn_addresses().await?;
        let endpoints = Endpoints { bootstrap: seen.bootstrap, nodes, security: spec.security };
        Ok(AttachedCluster { fleet, endpoints, selector, images })
    }

    /// Where clients find it.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// What `run.json` says of it.
    pub fn meta(&self) -> TargetMeta {
        TargetMeta {
            kind: "attach".to_owned(),
            description: format!(
                "{} ({} x{}{})",
                self.selector,
                self.images.join(", "),
                self.endpoints.nodes.len(),
                security::describe(&self.endpoints.security)
            ),
            nodes: self.endpoints.nodes.clone(),
            ..TargetMeta::default()
        }
    }

    /// How links are cut on this host (`nsenter`, or a side container), or why they cannot be.
    ///
    /// # Errors
    /// The reason, in words for people.
    pub fn way_to_cut(&self) -> Result<String, String> {
        self.fleet.way()
    }

    /// See [`crate::cluster::Cluster::can`].
    pub fn can(&self, action: &Action) -> Result<(), String> {
        self.fleet.can(action)
    }

    /// See [`crate::cluster::Cluster::apply`].
    ///
    /// # Errors
    /// If Docker or the packet filter refuses; then nothing of the action is held.
    pub async fn apply(&self, action: &Action) -> Result<Bite, NemesisError> {
        self.fleet.apply(action).await
    }

    /// See [`crate::cluster::Cluster::probe`].
    ///
    /// # Errors
    /// If Docker does not answer.
    pub async fn probe(&self, action: &Action) -> Result<Bite, NemesisError> {
        self.fleet.probe(action).await
    }

    /// See [`crate::cluster::Cluster::undo`].
    ///
    /// # Errors
    /// If Docker or the packet filter refuses.
    pub async fn undo(&self, action: &Action) -> Result<(), NemesisError> {
        self.fleet.undo(action).await
    }

    /// Writes `dir/<container>.log`, the last 20 MB of each broker's output.
    ///
    /// # Errors
    /// The first that could not be written; the others are there.
    pub async fn collect_logs(&self, dir: &Path) -> Result<(), NemesisError> {
        self.fleet.collect_logs(dir).await
    }

    /// Leaves the containers as they are: they are somebody else's.
    ///
    /// # Errors
    /// Never.
    pub async fn remove(self) -> Result<(), NemesisError> {
        Ok(())
    }
}

/// Whether a container that is no broker takes part in the cluster's quorum: a controller of its own runs
/// the brokers' image; ZooKeeper's images say what they are.
fn is_companion(candidate: &Candidate, brokers: &BTreeMap<i32, &Candidate>) -> bool {
    let is_broker = brokers.values().any(|b| b.id == candidate.id);
    let runs_kafka = brokers.values().any(|b| b.image == candidate.image);
    !is_broker && (runs_kafka || candidate.image.contains("zookeeper"))
}

const SHARES_NETWORK: &str =
    "the container has no network of its own (host or shared network): a rule there would hit others";

fn member(candidate: &Candidate, address: String) -> Member {
    let mut member = Member::new(candidate.name.clone(), candidate.id.clone(), Some(address));
    if candidate.removed_at_end {
        member.not_to_end = Some(format!(
            "container {} was started with --rm: ending it would remove it; pause it",
            candidate.name
        ));
    }
    if candidate.shares_network {
        member.not_to_cut = Some(format!("container {}: {SHARES_NETWORK}", candidate.name));
    }
    member
}

impl fmt::Debug for AttachedCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachedCluster")
            .field("selector", &self.selector)
            .field("nodes", &self.endpoints.nodes)
            .field("security", &redact(&self.endpoints.security))
            .finish_non_exhaustive()
    }
}
