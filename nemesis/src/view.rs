//! The whole cluster at one moment: every broker asked by itself, at the same time, each within a bound.
//!
//! Over TLS or SASL the client library asks in our stead, a fresh client a broker: then there are no epochs, end offsets
//! or controller. What is not known stays `None`.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataBroker;
use store::cluster::{Endpoints, Node, PartitionView};
use store::op::key;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::error::NemesisError;
use crate::wire::ask::{Metadata, controller, metadata_of};
use crate::wire::{Connection, WireError};

/// What one broker answered, or why it did not.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The broker that was asked.
    pub node: Node,
    /// Its view.
    pub view: Result<Metadata, String>,
}

/// Asks every broker for its view of these topics; the answers are in order of the brokers' ids.
///
/// Takes at most `bound`. Without known nodes they are looked up first, which takes as long again for every
/// bootstrap server that is silent; where none answers, their addresses stand for them, as brokers -1.
pub async fn ask_each(endpoints: &Endpoints, topics: &[String], bound: Duration) -> Vec<Answer> {
    if !endpoints.security.is_empty() {
        return ask_each_by_library(endpoints, topics, bound).await;
    }
    let mut asking = JoinSet::new();
    for node in nodes(endpoints, bound).await {
        let topics = topics.to_vec();
        asking.spawn(async move {
            let view = match &node.address {
                Some(address) => match timeout(bound, metadata_of(address, &topics, bound)).await {
                    Ok(view) => view.map_err(|e| e.to_string()),
                    Err(_) => Err(WireError::TimedOut { address: address.clone(), bound }.to_string()),
                },
                None => Err(format!("{} has no address to ask", node.name)),
            };
            Answer { node, view }
        });
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|a| a.node.id);
    answers
}

/// The brokers: as the target knows them, else as the first bootstrap server that answers names them.
pub async fn nodes(endpoints: &Endpoints, bound: Duration) -> Vec<Node> {
    if endpoints.nodes.iter().any(|n| n.address.is_some()) {
        return endpoints.nodes.iter().filter(|n| n.address.is_some()).cloned().collect();
    }
    for address in &endpoints.bootstrap {
        if let Ok(Ok(view)) = timeout(bound, metadata_of(address, &[], bound)).await
            && !view.brokers.is_empty()
        {
            return view.brokers;
        }
    }
    let unknown = |address: &String| Node { id: -1, name: address.clone(), address: Some(address.clone()) };
    endpoints.bootstrap.iter().map(unknown).collect()
}

/// The partition as it stands now: among the brokers' answers the one with the highest leader epoch,
/// because a broker that was cut off still believes in the old one.
///
/// # Errors
/// If no broker knows a leader of it.
pub async fn leader_of(
    endpoints: &Endpoints,
    of: &str,
    bound: Duration,
) -> Result<PartitionView, NemesisError> {
    let (topic, _) = store::op::split_key(of)
        .ok_or_else(|| NemesisError::Other(format!("`{of}` is no partition: write topic-3")))?;
    let answers = ask_each(endpoints, &[topic.to_owned()], bound).await;
    newest(&answers, of).cloned().ok_or_else(|| {
        let said = answers.iter().map(|a| match &a.view {
            Ok(_) => format!("{} knows no leader", a.node.name),
            Err(e) => e.clone(),
        });
        NemesisError::Other(format!("no leader of {of} is known: {}", said.collect::<Vec<_>>().join("; ")))
    })
}

/// Among these answers, the view of the partition with a leader and the highest epoch; where no broker tells epochs, the
/// one that most of them share.
pub fn newest<'a>(answers: &'a [Answer], of: &str) -> Option<&'a PartitionView> {
    let views: Vec<_> = answers
        .iter()
        .filter_map(|a| a.view.as_ref().ok()?.partitions.iter().find(|p| p.key == of))
        .filter(|p| p.leader.is_some())
        .collect();
    let shared = |p: &PartitionView| views.iter().filter(|other| other.leader == p.leader).count();
    views.iter().copied().max_by_key(|p| (p.epoch.unwrap_or(-1), shared(p)))
}

/// The active controller's id, by the newest epoch that any broker knows; `None` where none tells.
pub async fn controller_of(endpoints: &Endpoints, bound: Duration) -> Option<i32> {
    if !endpoints.security.is_empty() {
        return None;
    }
    let mut asking = JoinSet::new();
    for address in nodes(endpoints, bound).await.into_iter().filter_map(|n| n.address) {
        asking.spawn(async move {
            let ask = async {
                let mut connection = Connection::open(&address, bound).await?;
                controller(&mut connection).await
            };
            timeout(bound, ask).await.ok()?.ok()?
        });
    }
    let answers = asking.join_all().await;
    answers.into_iter().flatten().max_by_key(|(_, epoch)| *epoch).map(|(id, _)| id)
}

/// Asks every broker through the client library, for clusters that want TLS or SASL. A client that knows one broker
/// mostly asks that one; by the time of its question it may have learned of others, so that who answered is looked at.
async fn ask_each_by_library(endpoints: &Endpoints, topics: &[String], bound: Duration) -> Vec<Answer> {
    let known = endpoints.nodes.iter().filter(|node| node.address.is_some()).cloned();
    let mut nodes: Vec<Node> = known.collect();
    if nodes.is_empty() {
        let unknown =
            |address: &String| Node { id: -1, name: address.clone(), address: Some(address.clone()) };
        nodes.extend(endpoints.bootstrap.iter().map(unknown));
    }
    let mut asking = JoinSet::new();
    for node in nodes {
        let mut config = client_config(endpoints);
        config.set("bootstrap.servers", node.address.as_deref().unwrap_or(&node.name));
        let (topics, known) = (topics.to_vec(), endpoints.nodes.clone());
        asking.spawn_blocking(move || {
            let by = Instant::now() + bound;
            loop {
                let left = by.saturating_duration_since(Instant::now());
                match library_metadata(&config, &topics, left) {
                    Ok((id, view)) => {
                        let answered = known.iter().find(|known| known.id == id);
                        if id == node.id || answered.is_none() {
                            return Answer { node, view: Ok(view) };
                        }
                        // Another's word is that one's, for want of a better.
                        if by.saturating_duration_since(Instant::now()) < left / 2 {
                            return Answer { node: answered.cloned().unwrap_or(node), view: Ok(view) };
                        }
                    }
                    Err(e) => return Answer { node, view: Err(e) },
                }
            }
        });
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|answer| answer.node.id);
    answers
}

fn library_metadata(
    config: &ClientConfig,
    topics: &[String],
    bound: Duration,
) -> Result<(i32, Metadata), String> {
    let consumer: BaseConsumer = config.create().map_err(|e| e.to_string())?;
    // One question alone: the next one might go to a broker that this answer named.
    let wanted = if let [topic] = topics { Some(topic.as_str()) } else { None };
    let answer = consumer.fetch_metadata(wanted, bound).map_err(|e| e.to_string())?;
    let node = |b: &MetadataBroker| {
        let address = format!("{}:{}", b.host(), b.port());
        Node { id: b.id(), name: address.clone(), address: Some(address) }
    };
    let mut view = Metadata { brokers: answer.brokers().iter().map(node).collect(), ..Metadata::default() };
    for t in answer.topics().iter().filter(|t| topics.iter().any(|name| name == t.name())) {
        if let Some(error) = t.error() {
            view.unknown_topics.insert(t.name().to_owned(), error as i16);
            continue;
        }
        for p in t.partitions() {
            let mut isr = p.isr().to_vec();
            isr.sort_unstable();
            view.partitions.push(PartitionView {
                key: key(t.name(), p.id()),
                leader: (p.leader() >= 0).then_some(p.leader()),
                epoch: None,
                isr,
                replicas: p.replicas().to_vec(),
                end: None,
                log_end: None,
            });
        }
    }
    Ok((answer.orig_broker_id(), view))
}

/// The client library's settings to reach this cluster: bootstrap servers and security.
pub fn client_config(endpoints: &Endpoints) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", endpoints.bootstrap.join(","));
    config.set("client.id", "tribunal-nemesis");
    // A metadata question must never make a topic.
    config.set("allow.auto.create.topics", "false");
    for (name, value) in &endpoints.security {
        config.set(name, value);
    }
    config
}
