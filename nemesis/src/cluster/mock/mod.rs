//! The `mock` target: librdkafka's mock cluster in a child process of the same program.
//!
//! It needs neither Docker nor a JVM, and tests what a client library does: retries, batching, order,
//! what it reports. It replicates nothing: all brokers share one log in memory.

pub mod admit;
mod child;
mod ffi;
mod host;
mod overlaps;
pub mod protocol;
mod pushes;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use store::cluster::{Endpoints, Node};
use store::op::split_key;
use store::run_meta::TargetMeta;
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::child::Child;
use self::overlaps::Overlaps;
use self::protocol::{Command, MockTopic};
use crate::action::{Action, Bite};
use crate::error::NemesisError;
use crate::fault::errors;
use crate::view;
use crate::wire::ask::metadata_of;

pub use self::host::serve_child;

/// What no verdict on this target tells.
pub const CAVEAT: &str = "the target was librdkafka's mock cluster: it tests the client library and its settings, and tells \
     nothing about Kafka's replication (one shared log, acks and replicas are decoration, no idempotence \
     without a transactional id)";

/// Bound of one question to a mock broker.
const BOUND: Duration = Duration::from_secs(2);

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockSpec {
    /// How many brokers, 1 to 100; their ids begin at 1.
    pub brokers: u32,
    /// Topics to create at once; more can follow by [`MockCluster::create_topic`].
    pub topics: Vec<MockTopic>,
}

/// A running mock cluster.
pub struct MockCluster {
    endpoints: Endpoints,
    child: Child,
    program: PathBuf,
    overlaps: Overlaps,
}

impl MockCluster {
    /// Starts `program mock-host` as a child and waits until its brokers answer.
    ///
    /// The child has its own process group, so that Ctrl-C reaches only the parent, which must heal and
    /// write first; it ends when its control pipe closes, however the parent went.
    ///
    /// # Errors
    /// If the program cannot be started, or is not ready within 20 s.
    pub async fn spawn(program: &Path, spec: &MockSpec) -> Result<MockCluster, NemesisError> {
        let (child, ready) = Child::spawn(program, spec.brokers).await?;
        let bootstrap: Vec<String> = ready.bootstrap.split(',').map(str::to_owned).collect();
        let mut endpoints = Endpoints { bootstrap, ..Endpoints::default() };
        let first = endpoints.bootstrap.first().cloned().unwrap_or_default();
        let view = match metadata_of(&first, &[], BOUND).await {
            Ok(view) => view,
            Err(e) => return Err(child.explain(format!("its first broker is not there: {e}")).await),
        };
        endpoints.nodes =
            view.brokers.into_iter().map(|b| Node { name: format!("mock-{}", b.id), ..b }).collect();
        let cluster =
            MockCluster { endpoints, child, program: program.to_owned(), overlaps: Overlaps::default() };
        for topic in &spec.topics {
            cluster.create_topic(topic).await?;
        }
        Ok(cluster)
    }

    /// Where clients find it.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// What `run.json` says of it.
    pub fn meta(&self) -> TargetMeta {
        TargetMeta {
            kind: "mock".into(),
            description: format!("mock (librdkafka {}) x{}", library_version(), self.endpoints.nodes.len()),
            image_digest: None,
            nodes: self.endpoints.nodes.clone(),
            caveat: Some(CAVEAT.into()),
        }
    }

    /// Creates a topic. With every broker a replica, the leaders are dealt out in turn.
    ///
    /// # Errors
    /// If the mock refuses it or has died.
    pub async fn create_topic(&self, topic: &MockTopic) -> Result<(), NemesisError> {
        let brokers = self.endpoints.nodes.len();
        if usize::try_from(topic.replication_factor).map_or(true, |n| n < 1 || n > brokers) {
            return Err(NemesisError::Other(format!(
                "topic {}: a replication factor of {} does not fit {brokers} brokers; change --replication-factor or --brokers",
                topic.name, topic.replication_factor
            )));
        }
        self.child.order(&Command::CreateTopic(topic.clone())).await?;
        Ok(())
    }

    /// How the child ended, if it has: then the target is gone, and every broker with it.
    pub fn died(&self) -> Option<String> {
        self.child.died()
    }

    /// The child's process id.
    pub fn child_id(&self) -> u32 {
        self.child.id()
    }

    /// Which faults the mock knows.
    ///
    /// # Errors
    /// For all others, in words that fit "this target cannot do that, because ...".
    pub fn can(&self, action: &Action) -> Result<(), String> {
        match action {
            Action::Kill { .. } | Action::Stop { .. } | Action::Pause { .. } | Action::Cut { .. } => Err(
                "the mock's brokers share one process and have no links to cut; it knows broker-down, slow-broker, \
                 leader-move and request-errors (for the others: --target docker)"
                    .into(),
            ),
            Action::BrokerDown { node } | Action::Slow { node, .. } | Action::MoveLeader { node, .. } => {
                self.node(node).map(|_| ()).map_err(|e| e.to_string())
            }
            Action::RequestErrors { error, .. } => match errors::code(error) {
                Some(_) => Ok(()),
                None => Err(format!("there is no produce error `{error}`")),
            },
        }
    }

    /// Does it, and looks at once whether it took effect.
    ///
    /// # Errors
    /// If the mock cannot do it or has died.
    pub async fn apply(&self, action: &Action) -> Result<Bite, NemesisError> {
        let command = match action {
            Action::BrokerDown { node } => Command::BrokerDown { broker: self.node(node)?.id },
            Action::Slow { node, delay_ms } => {
                let broker = self.node(node)?.id;
                Command::RoundTrip { broker, delay_ms: self.overlaps.slow(node, *delay_ms) }
            }
            Action::MoveLeader { key, node } => {
                let (topic, partition) =
                    split_key(key).ok_or_else(|| NemesisError::Other(format!("`{key}` is no partition")))?;
                Command::Leader { topic: topic.to_owned(), partition, broker: self.node(node)?.id }
            }
            Action::RequestErrors { error, count } => {
                let code = errors::code(error)
                    .ok_or_else(|| NemesisError::Other(format!("there is no produce error `{error}`")))?;
                Command::PushErrors { push: self.overlaps.push(error, *count), code, count: *count }
            }
            other => return Err(NemesisError::Other(self.can(other).err().unwrap_or_default())),
        };
        self.child.order(&command).await?;
        if let Action::Slow { node, delay_ms } = action {
            // To see it takes as long as the delay, broker by broker: the look before the heal will.
            return Ok(Bite { bit: None, evidence: format!("{node} was told to answer {delay_ms} ms late") });
        }
        self.probe(action).await
    }

    /// Looks whether it is in force.
    ///
    /// # Errors
    /// If the child has died.
    pub async fn probe(&self, action: &Action) -> Result<Bite, NemesisError> {
        if let Some(how) = self.died() {
            return Err(NemesisError::TargetDied { what: "the mock broker process".into(), how });
        }
        Ok(match action {
            Action::BrokerDown { node } => {
                let address = self.address(node)?;
                match timeout(BOUND, TcpStream::connect(&address)).await {
                    Ok(Err(e)) => Bite { bit: Some(true), evidence: format!("{node} at {address}: {e}") },
                    Ok(Ok(_)) => Bite { bit: Some(false), evidence: format!("{node} accepts connections") },
                    Err(_) => Bite { bit: None, evidence: format!("{node}: no answer to a connection") },
                }
            }
            Action::Slow { node, delay_ms } => self.probe_delay(node, *delay_ms).await?,
            Action::MoveLeader { key, node } => {
                let id = self.node(node)?.id;
                let view = view::leader_of(&self.endpoints, key, BOUND).await?;
                Bite {
                    bit: Some(view.leader == Some(id)),
                    evidence: format!(
                        "metadata: {key} is led by {} in epoch {}",
                        view.leader.map_or("nobody".into(), |l| format!("mock-{l}")),
                        view.epoch.map_or("unknown".into(), |e| e.to_string())
                    ),
                }
            }
            Action::RequestErrors { error, count } => {
                let used = match self.overlaps.pushed(error, *count) {
                    Some(push) => self.child.order(&Command::ErrorsUsed { push }).await?.unwrap_or(0),
                    None => 0,
                };
                Bite {
                    // None yet is no proof: the next request may still get one.
                    bit: (used > 0).then_some(true),
                    evidence: format!("{used} of {count} produce requests were answered with {error}"),
                }
            }
            _ => Bite { bit: None, evidence: "the mock cannot tell".into() },
        })
    }

    /// One answer of a slow broker comes late, on every connection.
    async fn probe_delay(&self, node: &str, delay_ms: u64) -> Result<Bite, NemesisError> {
        let address = self.address(node)?;
        let in_force = self.overlaps.delay(node);
        let bound = BOUND + Duration::from_millis(delay_ms.max(in_force));
        let began = Instant::now();
        // Two answers: one to ApiVersions, one to Metadata.
        let asked = metadata_of(&address, &[], bound).await;
        let took_ms = began.elapsed().as_millis() as u64;
        Ok(match asked {
            Ok(_) => Bite {
                bit: Some(took_ms >= delay_ms),
                evidence: format!(
                    "{node} answered two requests in {took_ms} ms ({in_force} ms were added to each{})",
                    if in_force > delay_ms { ", as another fault asks for" } else { "" }
                ),
            },
            Err(e) => Bite { bit: None, evidence: e.to_string() },
        })
    }

    /// Undoes it.
    ///
    /// # Errors
    /// If the child has died.
    pub async fn undo(&self, action: &Action) -> Result<(), NemesisError> {
        let command = match action {
            Action::BrokerDown { node } => Command::BrokerUp { broker: self.node(node)?.id },
            Action::Slow { node, delay_ms } => {
                let broker = self.node(node)?.id;
                Command::RoundTrip { broker, delay_ms: self.overlaps.no_longer_slow(node, *delay_ms) }
            }
            Action::RequestErrors { error, count } => match self.overlaps.pushed(error, *count) {
                Some(push) => {
                    self.child.order(&Command::ClearErrors { push }).await?;
                    self.overlaps.forget(push);
                    return Ok(());
                }
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        self.child.order(&command).await?;
        Ok(())
    }

    /// Writes what the child said on standard error to `dir/mock.log`, if it said anything.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub async fn collect_logs(&self, dir: &Path) -> Result<(), NemesisError> {
        let said = self.child.said();
        if said.is_empty() {
            return Ok(());
        }
        let path = dir.join("mock.log");
        match std::fs::write(&path, said + "\n") {
            Ok(()) => Ok(()),
            Err(source) => Err(NemesisError::Io { what: "write", path, source }),
        }
    }

    /// Ends the child. All that the mock stored is gone with it.
    ///
    /// # Errors
    /// If it had died before.
    pub async fn remove(self) -> Result<(), NemesisError> {
        self.child.end().await
    }

    /// The program that the child runs.
    pub fn program(&self) -> &Path {
        &self.program
    }

    fn node(&self, name: &str) -> Result<&Node, NemesisError> {
        self.endpoints.nodes.iter().find(|n| n.name == name).ok_or_else(|| {
            let names: Vec<_> = self.endpoints.nodes.iter().map(|n| n.name.as_str()).collect();
            NemesisError::Other(format!("there is no node `{name}`; there are {}", names.join(", ")))
        })
    }

    fn address(&self, name: &str) -> Result<String, NemesisError> {
        Ok(self.node(name)?.address.clone().unwrap_or_default())
    }
}

/// The version of librdkafka that this program is linked to.
fn library_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
