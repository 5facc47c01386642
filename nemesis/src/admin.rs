//! Topics of a run: created before it, ready when every replica is in sync, deleted after it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use store::run_meta::Settle;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::cluster::Cluster;
use crate::cluster::mock::protocol::MockTopic;
use crate::error::NemesisError;
use crate::health::wait_healthy;
use crate::view::client_config;

/// How long the cluster has for one admin request.
const REQUEST: Duration = Duration::from_secs(30);

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas.
    pub replication_factor: i32,
    /// Topic settings by Kafka's names, e.g. `min.insync.replicas`. The mock has none.
    pub config: BTreeMap<String, String>,
}

/// Creates the topics and waits, at most `bound`, until every broker knows them and every replica is in sync.
///
/// # Errors
/// If the cluster refuses one, names what is in its way, or is not ready in time (the topics are there then).
pub async fn create_topics(
    cluster: &Cluster,
    topics: &[TopicSpec],
    bound: Duration,
    stop: watch::Receiver<bool>,
) -> Result<Settle, NemesisError> {
    match cluster {
        Cluster::Mock(mock) => {
            for t in topics {
                let (name, partitions, replication_factor) =
                    (t.name.clone(), t.partitions, t.replication_factor);
                mock.create_topic(&MockTopic { name, partitions, replication_factor }).await?;
            }
        }
        _ => create_by_request(cluster, topics.to_vec()).await?,
    }
    let names: Vec<String> = topics.iter().map(|t| t.name.clone()).collect();
    let ready = wait_healthy(cluster.endpoints(), &names, bound, stop).await.settle;
    if ready.healthy {
        return Ok(ready);
    }
    Err(NemesisError::Other(format!(
        "the topics are not ready after {:.1} s: {}; look at the brokers' logs",
        ready.seconds,
        ready.missing.join("; ")
    )))
}

/// Deletes the topics; one that is not there is no error. The mock's topics go with the mock.
///
/// # Errors
/// If the cluster refuses, with every topic that is left.
pub async fn delete_topics(cluster: &Cluster, names: &[String]) -> Result<(), NemesisError> {
    if matches!(cluster, Cluster::Mock(_)) || names.is_empty() {
        return Ok(());
    }
    let names = names.to_vec();
    with_admin(cluster, "delete topics", move |admin, options| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let results = Handle::current().block_on(admin.delete_topics(&names, options));
        let gone = |code: RDKafkaErrorCode| code == RDKafkaErrorCode::UnknownTopicOrPartition;
        let results = results.map_err(|e| e.to_string())?;
        join_errors(results.into_iter().filter_map(|r| r.err().filter(|(_, code)| !gone(*code))))
    })
    .await
}

async fn create_by_request(cluster: &Cluster, topics: Vec<TopicSpec>) -> Result<(), NemesisError> {
    with_admin(cluster, "create topics", move |admin, options| {
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .map(|t| {
                let topic =
                    NewTopic::new(&t.name, t.partitions, TopicReplication::Fixed(t.replication_factor));
                t.config.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
            })
            .collect();
        let results = Handle::current().block_on(admin.create_topics(&new, options));
        join_errors(results.map_err(|e| e.to_string())?.into_iter().filter_map(Result::err))
    })
    .await
}

fn join_errors(errors: impl Iterator<Item = (String, RDKafkaErrorCode)>) -> Result<(), String> {
    let errors: Vec<String> = errors.map(|(topic, code)| format!("{topic}: {code}")).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

/// The admin client blocks when it is dropped, so it lives and dies on a thread for such things.
async fn with_admin(
    cluster: &Cluster,
    what: &'static str,
    work: impl FnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> Result<(), String> + Send + 'static,
) -> Result<(), NemesisError> {
    let config = client_config(cluster.endpoints());
    let bootstrap = cluster.endpoints().bootstrap.join(",");
    let done = tokio::task::spawn_blocking(move || {
        let admin: AdminClient<DefaultClientContext> = config.create().map_err(|e| e.to_string())?;
        let options = AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST));
        work(&admin, &options)
    });
    let done = done.await.map_err(|e| e.to_string()).and_then(|done| done);
    done.map_err(|reason| NemesisError::Other(format!("cannot {what} on {bootstrap}: {reason}")))
}
