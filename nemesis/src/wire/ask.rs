//! The questions: how one broker sees the partitions, who controls the cluster, who leads a partition now.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, BrokerId, DescribeQuorumRequest, ListOffsetsRequest, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use store::cluster::{Node, PartitionView};
use store::op::{key, split_key};

use super::{Connection, WireError};

/// An order of ZooKeeper-era controllers, of which the codecs know no more.
const CONTROLLED_SHUTDOWN: i16 = 7;

/// What one broker says of the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The brokers that it believes to be alive.
    pub brokers: Vec<Node>,
    /// The controller that it names. Only meaningful with ZooKeeper: KRaft brokers name any live broker.
    pub named_controller: Option<i32>,
    /// The partitions of the topics asked for, in order of their keys.
    pub partitions: Vec<PartitionView>,
    /// Topics asked for that it does not know, with the protocol's error.
    pub unknown_topics: BTreeMap<String, i16>,
}

/// Asks for brokers and for these topics' partitions. Never creates a topic.
///
/// # Errors
/// If the broker does not answer.
pub async fn metadata(connection: &mut Connection, topics: &[String]) -> Result<Metadata, WireError> {
    let wanted = topics
        .iter()
        .map(|t| MetadataRequestTopic::default().with_name(Some(topic_name(t))))
        .collect::<Vec<_>>();
    let request = MetadataRequest::default().with_topics(Some(wanted)).with_allow_auto_topic_creation(false);
    Ok(read_metadata(connection.ask(&request).await?))
}

fn read_metadata(answer: MetadataResponse) -> Metadata {
    let mut read = Metadata {
        brokers: answer
            .brokers
            .iter()
            .map(|b| {
                let address = format!("{}:{}", b.host.as_str(), b.port);
                Node { id: b.node_id.0, name: address.clone(), address: Some(address) }
            })
            .collect(),
        named_controller: known(answer.controller_id.0),
        ..Metadata::default()
    };
    for topic in answer.topics {
        let Some(name) = topic.name else { continue };
        if topic.error_code != 0 {
            read.unknown_topics.insert(name.0.to_string(), topic.error_code);
            continue;
        }
        for p in topic.partitions {
            let mut isr = ids(&p.isr_nodes);
            isr.sort_unstable();
            read.partitions.push(PartitionView {
                key: key(&name, p.partition_index),
                leader: known(p.leader_id.0),
                epoch: known(p.leader_epoch),
                isr,
                replicas: ids(&p.replica_nodes),
                end: None,
                log_end: None,
            });
        }
    }
    read.partitions.sort_by(|a, b| by_key(&a.key, &b.key));
    read
}

/// Asked as by a consumer, a leader names the high watermark: the end that readers see.
const AS_CONSUMER: BrokerId = BrokerId(-1);
/// Asked as by Kafka's own debugging tools, it names the end of its log, whoever has copied how much of it.
const AS_DEBUGGER: BrokerId = BrokerId(-2);

/// Fills `end` and `log_end` of the partitions that this broker believes to lead: only leaders are asked, and
/// only they answer. What it would not say stays `None`.
///
/// The high watermark is asked for last: where the two are equal, readers saw everything that was there when the
/// log's end was told.
///
/// # Errors
/// If the broker does not answer.
pub async fn fill_ends(
    connection: &mut Connection,
    broker: i32,
    partitions: &mut [PartitionView],
) -> Result<(), WireError> {
    let mut led: Vec<&mut PartitionView> =
        partitions.iter_mut().filter(|p| p.leader == Some(broker)).collect();
    if led.is_empty() || !connection.supports(ApiKey::ListOffsets) {
        return Ok(());
    }
    let log_ends = latest(connection, AS_DEBUGGER, &led).await?;
    let ends = latest(connection, AS_CONSUMER, &led).await?;
    for view in &mut led {
        view.log_end = log_ends.get(&view.key).copied();
        view.end = ends.get(&view.key).copied();
    }
    Ok(())
}

/// The latest offset of each of these partitions, as told to `asker`.
async fn latest(
    connection: &mut Connection,
    asker: BrokerId,
    of: &[&mut PartitionView],
) -> Result<BTreeMap<String, i64>, WireError> {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (topic, partition) in of.iter().filter_map(|view| split_key(&view.key)) {
        topics.entry(topic).or_default().push(
            ListOffsetsPartition::default()
                .with_partition_index(partition)
                .with_current_leader_epoch(-1)
                .with_timestamp(-1),
        );
    }
    let topics = topics
        .into_iter()
        .map(|(topic, list)| ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(list))
        .collect();
    let request = ListOffsetsRequest::default().with_replica_id(asker).with_topics(topics);
    let answer = connection.ask(&request).await?;
    let mut told = BTreeMap::new();
    for topic in answer.topics {
        for p in topic.partitions.iter().filter(|p| p.error_code == 0 && p.offset >= 0) {
            told.insert(key(&topic.name, p.partition_index), p.offset);
        }
    }
    Ok(told)
}

/// The active controller: the quorum's leader under KRaft, the named controller under ZooKeeper, `None`
/// where the broker knows of neither (the mock). With it comes the quorum's epoch, -1 under ZooKeeper.
///
/// A broker passes this question on to the controller that it knows, so one that is cut off may not answer:
/// ask it on a connection of its own.
///
/// # Errors
/// If the broker does not answer.
pub async fn controller(connection: &mut Connection) -> Result<Option<(i32, i32)>, WireError> {
    if connection.supports(ApiKey::DescribeQuorum) {
        let topic = TopicData::default()
            .with_topic_name(topic_name("__cluster_metadata"))
            .with_partitions(vec![PartitionData::default().with_partition_index(0)]);
        let answer = connection.ask(&DescribeQuorumRequest::default().with_topics(vec![topic])).await?;
        let partition = answer.topics.first().and_then(|t| t.partitions.first());
        return Ok(partition
            .filter(|p| answer.error_code == 0 && p.error_code == 0)
            .and_then(|p| Some((known(p.leader_id.0)?, p.leader_epoch))));
    }
    // Brokers that take orders from a ZooKeeper controller advertise the order; the mock does not.
    if connection.supports_number(CONTROLLED_SHUTDOWN) {
        return Ok(metadata(connection, &[]).await?.named_controller.map(|id| (id, -1)));
    }
    Ok(None)
}

/// Asks one broker by address for its view of these topics.
///
/// # Errors
/// If it does not answer within `bound` a question.
pub async fn metadata_of(address: &str, topics: &[String], bound: Duration) -> Result<Metadata, WireError> {
    let mut connection = Connection::open(address, bound).await?;
    metadata(&mut connection, topics).await
}

/// Orders keys by topic, then by partition as a number.
fn by_key(a: &str, b: &str) -> std::cmp::Ordering {
    split_key(a).cmp(&split_key(b))
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn ids(ids: &[BrokerId]) -> Vec<i32> {
    ids.iter().map(|b| b.0).collect()
}

/// The protocol writes -1 for "none".
fn known(id: i32) -> Option<i32> {
    (id >= 0).then_some(id)
}
