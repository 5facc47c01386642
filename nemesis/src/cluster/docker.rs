//! The `docker` target: a Kafka cluster that tribunal creates, breaks and removes.
//!
//! N brokers, each a controller too (KRaft, Kafka 4.x), in containers on a network of their own. Each is
//! published on a free port of 127.0.0.1 for clients; peers talk by name on the network, so that cutting
//! them apart leaves clients connected.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use bollard::models::NetworkCreateRequest;
use futures_util::future::join_all;
use rand::RngExt;
use store::cluster::{Endpoints, Node};
use store::run_meta::TargetMeta;
use store::settings::Settings;

use crate::action::{Action, Bite};
use crate::containers::broker::{self, Recipe};
use crate::containers::engine::{Engine, refused};
use crate::containers::fleet::{Fleet, Member};
use crate::containers::images::{self, Image, Progress};
use crate::containers::netns::{CutOptions, Way};
use crate::containers::{kafka, labels, owned, readiness};
use crate::error::NemesisError;
use crate::security;

/// What cluster to create.
#[derive(Clone)]
pub struct DockerSpec {
    /// The run's id: in the names and labels of everything that is made.
    pub run_id: String,
    /// The image of the brokers: Kafka's jars in `/opt/kafka/libs`, `java` in the path.
    pub image: String,
    /// How many brokers, 1 to 9.
    pub brokers: u16,
    /// Whether [`DockerCluster::remove`] leaves everything as it is.
    pub keep: bool,
    /// Broker settings that win over tribunal's and Kafka's own.
    pub broker_config: BTreeMap<String, String>,
    /// What clients need where `broker_config` puts TLS or SASL on the EXTERNAL listener.
    pub security: Settings,
    /// Heap of each broker in MiB.
    pub heap_mib: u32,
    /// Further labels of the containers.
    pub labels: BTreeMap<String, String>,
    /// How links may be cut.
    pub cut: CutOptions,
    /// Bound on pulling the image.
    pub pull_within: Duration,
    /// Bound on the brokers' start.
    pub ready_within: Duration,
    /// Hears what takes long.
    pub progress: Progress,
}

impl DockerSpec {
    /// Three brokers of the official image, 384 MiB each, up within two minutes, removed at the end;
    /// links are cut as the environment says, see [`CutOptions::from_env`].
    pub fn new(run_id: impl Into<String>) -> DockerSpec {
        DockerSpec {
            run_id: run_id.into(),
            image: images::DEFAULT_IMAGE.to_owned(),
            brokers: 3,
            keep: false,
            broker_config: BTreeMap::new(),
            security: Settings::new(),
            heap_mib: 384,
            labels: BTreeMap::new(),
            cut: CutOptions::from_env(),
            pull_within: Duration::from_secs(300),
            ready_within: Duration::from_secs(120),
            progress: std::sync::Arc::new(|_| {}),
        }
    }

    fn check(&self) -> Result<(), NemesisError> {
        labels::check_run_id(&self.run_id)?;
        images::check_name(&self.image)?;
        security::check(&self.security)?;
        if !(1..=9).contains(&self.brokers) {
            return Err(NemesisError::Other(format!(
                "{} brokers cannot be made: ask for 1 to 9 with --brokers",
                self.brokers
            )));
        }
        for (name, value) in &self.broker_config {
            if name.is_empty() || name.contains(['=', '\n']) || value.contains('\n') {
                return Err(NemesisError::Other(format!(
                    "broker setting {name:?} cannot stand in a properties file"
                )));
            }
        }
        Ok(())
    }
}

/// A cluster in containers that this run made.
pub struct DockerCluster {
    fleet: Fleet,
    endpoints: Endpoints,
    image: Image,
    keep: bool,
}

impl DockerCluster {
    /// Creates the cluster and waits until it is ready.
    ///
    /// Whatever goes wrong, and also if the future is dropped half way, everything that was made is removed.
    ///
    /// # Errors
    /// No Docker, no image, no free port, a broker that does not start (with the end of its log).
    pub async fn create(spec: DockerSpec) -> Result<DockerCluster, NemesisError> {
        spec.check()?;
        let engine = Engine::connect().await?;
        let image = images::ensure(&engine, &spec.image, spec.pull_within, &spec.progress).await?;
        if !owned::list(&engine, Some(&spec.run_id)).await?.is_empty() {
            return Err(NemesisError::Other(format!(
                "run id {} has containers already: remove them with tribunal heal, or use another id",
                spec.run_id
            )));
        }
        let unfinished = Unfinished { run_id: Some(spec.run_id.clone()) };
        let built = build(engine.clone(), &spec, image).await;
        unfinished.settle();
        match built {
            Ok(cluster) => Ok(cluster),
            Err(e) => match owned::remove(&engine, &spec.run_id).await {
                Ok(_) => Err(e),
                Err(left) => Err(NemesisError::Other(format!("{e}\n{left}"))),
            },
        }
    }

    /// Where clients find it.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// What `run.json` says of it.
    pub fn meta(&self) -> TargetMeta {
        TargetMeta {
            kind: "docker".to_owned(),
            description: format!(
                "docker {} x{}{}",
                self.image.name,
                self.endpoints.nodes.len(),
                security::describe(&self.endpoints.security)
            ),
            image_digest: Some(self.image.digest.clone().unwrap_or_else(|| self.image.id.clone())),
            nodes: self.endpoints.nodes.clone(),
            caveat: None,
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

    /// Writes `dir/<node>.log`, the last 20 MB of each broker's output, also of brokers that are down.
    ///
    /// # Errors
    /// The first that could not be written; the others are there.
    pub async fn collect_logs(&self, dir: &Path) -> Result<(), NemesisError> {
        self.fleet.collect_logs(dir).await
    }

    /// Removes the containers and the network; with `keep` it leaves them, see [`DockerCluster::kept_notice`].
    ///
    /// # Errors
    /// If something could not be removed: what, and the command that does it.
    pub async fn remove(self) -> Result<(), NemesisError> {
        if self.keep {
            return Ok(());
        }
        owned::remove(self.fleet.engine(), self.fleet.run_id()).await.map(drop)
    }

    /// What stays after [`DockerCluster::remove`] and how to remove it; `None` without `keep`.
    pub fn kept_notice(&self) -> Option<String> {
        let left = owned::Owned {
            containers: self
                .fleet
                .members()
                .iter()
                .map(|m| container_name(self.fleet.run_id(), &m.name))
                .collect(),
            networks: vec![network_name(self.fleet.run_id())],
            ..owned::Owned::default()
        };
        self.keep.then(|| {
            format!(
                "kept: the cluster at {}; remove it with `{}`",
                self.endpoints.bootstrap.join(","),
                left.removal()
            )
        })
    }
}

impl fmt::Debug for DockerCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerCluster")
            .field("run_id", &self.fleet.run_id())
            .field("image", &self.image.name)
            .field("bootstrap", &self.endpoints.bootstrap)
            .finish_non_exhaustive()
    }
}

fn network_name(run_id: &str) -> String {
    format!("tribunal-{run_id}")
}

fn container_name(run_id: &str, node: &str) -> String {
    format!("tribunal-{run_id}-{node}")
}

async fn build(engine: Engine, spec: &DockerSpec, image: Image) -> Result<DockerCluster, NemesisError> {
    let network = network_name(&spec.run_id);
    let request = NetworkCreateRequest {
        name: network.clone(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels::of_run(&spec.run_id, spec.keep)),
        ..NetworkCreateRequest::default()
    };
    let created = engine.docker().create_network(request).await;
    created.map_err(refused(format_args!("create network {network}")))?;
    let cluster_id = cluster_id();
    let recipe = Recipe {
        run_id: &spec.run_id,
        image: &spec.image,
        network: &network,
        cluster_id: &cluster_id,
        brokers: spec.brokers,
        heap_mib: spec.heap_mib,
        keep: spec.keep,
        overrides: &spec.broker_config,
        labels: &spec.labels,
    };
    // All are awaited, also after an error: a request that is given up may still make something.
    let starting = (1..=spec.brokers).map(|id| broker::start(&engine, &recipe, id));
    let started = join_all(starting).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let members = started
        .iter()
        .map(|s| Member::new(kafka::node_name(s.id), s.container.clone(), Some(s.address.clone())))
        .collect::<Vec<_>>();
    let brokers = started.iter().map(|s| (i32::from(s.id), s.address.clone())).collect();
    let (ready, way) = tokio::join!(
        readiness::wait(&engine, &members, &brokers, &spec.security, spec.ready_within),
        Way::find(&engine, &spec.run_id, &members[0].container, &spec.cut, Some(&spec.image), &spec.progress),
    );
    ready?;
    let node = |s: &broker::Started| Node {
        id: i32::from(s.id),
        name: kafka::node_name(s.id),
        address: Some(s.address.clone()),
    };
    let endpoints = Endpoints {
        bootstrap: started.iter().map(|s| s.address.clone()).collect(),
        nodes: started.iter().map(node).collect(),
        security: spec.security.clone(),
    };
    let fleet = Fleet::new(engine, spec.run_id.clone(), members, way);
    fleet.learn_addresses().await?;
    Ok(DockerCluster { fleet, endpoints, image, keep: spec.keep })
}

/// A random id in the form that Kafka's storage tool takes: 16 bytes in 22 characters of base 64.
fn cluster_id() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    let mut id = (0..21).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect::<String>();
    // The last character holds only two bits of the 16 bytes.
    id.push('Q');
    id
}

/// Removes what a run has made so far when its creation is given up: a dropped future gets no chance to
/// await anything.
struct Unfinished {
    run_id: Option<String>,
}

impl Unfinished {
    /// The creation has ended by itself, well or not.
    fn settle(mut self) {
        self.run_id = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(run_id) = self.run_id.take() else { return };
        // A thread with a runtime of its own: this one may be shutting down.
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let removed = runtime.map(|runtime| runtime.block_on(owned::remove_run(&run_id)));
            if let Ok(Err(e)) = removed {
                eprintln!("tribunal: {e}");
            }
        });
        let _ = removal.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_ids_have_the_form_that_kafka_takes() {
        let (a, b) = (cluster_id(), cluster_id());
        assert_ne!(a, b);
        assert!(a.len() == 22 && a.chars().all(|c| c.is_ascii_alphanumeric()), "{a}");
    }

    #[tokio::test]
    async fn what_cannot_be_made_is_refused_before_docker_is_asked() {
        for (spec, reason) in [
            (DockerSpec { brokers: 0, ..DockerSpec::new("r") }, "0 brokers"),
            (DockerSpec { brokers: 10, ..DockerSpec::new("r") }, "10 brokers"),
            (DockerSpec { image: "apache/kafka-native:4.3.0".into(), ..DockerSpec::new("r") }, "no Java"),
            (DockerSpec::new("a b"), "run id"),
            (
                DockerSpec {
                    broker_config: BTreeMap::from([("a".into(), "1\nb=2".into())]),
                    ..DockerSpec::new("r")
                },
                "properties file",
            ),
        ] {
            let error = DockerCluster::create(spec).await.unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
