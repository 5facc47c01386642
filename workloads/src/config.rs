//! The options of workload `queue`, with their defaults: a stranger's first run.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use store::op::Isolation;
use store::settings::Settings;

use crate::partitioner::Partitioner;

/// How many replicas must have a record before the broker acknowledges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "OneWord", into = "String")]
pub enum Acks {
    /// The broker does not answer at all.
    Zero,
    /// The leader alone.
    One,
    /// Every replica that is in sync.
    #[default]
    All,
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Acks::Zero => "0",
            Acks::One => "1",
            Acks::All => "all",
        })
    }
}

impl FromStr for Acks {
    type Err = String;

    fn from_str(s: &str) -> Result<Acks, String> {
        match s {
            "0" => Ok(Acks::Zero),
            "1" => Ok(Acks::One),
            "all" | "-1" => Ok(Acks::All),
            _ => Err(format!("acks = {s} is not one of 0, 1, all")),
        }
    }
}

impl From<Acks> for String {
    fn from(acks: Acks) -> String {
        acks.to_string()
    }
}

/// Whether the producers ask the broker to drop their own duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "OneWord", into = "String")]
pub enum Idempotence {
    /// On where `acks = all` and the target implements it: not on the mock, which keeps no sequence numbers.
    #[default]
    Auto,
    /// On.
    On,
    /// Off.
    Off,
}

impl fmt::Display for Idempotence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Idempotence::Auto => "auto",
            Idempotence::On => "true",
            Idempotence::Off => "false",
        })
    }
}

impl FromStr for Idempotence {
    type Err = String;

    fn from_str(s: &str) -> Result<Idempotence, String> {
        match s {
            "auto" => Ok(Idempotence::Auto),
            "true" | "on" => Ok(Idempotence::On),
            "false" | "off" => Ok(Idempotence::Off),
            _ => Err(format!("idempotence = {s} is not one of auto, true, false")),
        }
    }
}

impl From<Idempotence> for String {
    fn from(idempotence: Idempotence) -> String {
        idempotence.to_string()
    }
}

/// A word, a number or a truth value: `acks = 1` and `acks = "1"` mean the same.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneWord {
    Text(String),
    Number(i64),
    Truth(bool),
}

impl fmt::Display for OneWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OneWord::Text(text) => f.write_str(text),
            OneWord::Number(number) => write!(f, "{number}"),
            OneWord::Truth(truth) => write!(f, "{truth}"),
        }
    }
}

impl TryFrom<OneWord> for Acks {
    type Error = String;

    fn try_from(word: OneWord) -> Result<Acks, String> {
        word.to_string().parse()
    }
}

impl TryFrom<OneWord> for Idempotence {
    type Error = String;

    fn try_from(word: OneWord) -> Result<Idempotence, String> {
        word.to_string().parse()
    }
}

/// What workload `queue` shall do, as it was asked for. [`QueueConfig::resolve`] says what that means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueConfig {
    /// Producer clients.
    pub producers: u32,
    /// Live consumer clients; 0: only the consume-all pass reads.
    pub consumers: u32,
    /// Topics.
    pub topics: u32,
    /// Partitions of each topic.
    pub partitions: u32,
    /// Messages a second over all producers (open loop); 0: as fast as they complete (closed loop).
    pub rate: f64,
    /// Sends in flight a producer, each a process of its own. Default: 1 in a closed loop, 1,000 in an open one,
    /// `transaction_sends` in a transactional one.
    pub in_flight: Option<u32>,
    /// How long producers send. Default: 30 s; 1 h where `sends` ends them.
    #[serde(with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Duration>,
    /// How many sends a producer makes; default: as many as the time allows.
    pub sends: Option<u64>,
    /// Bytes of a record's payload, at least [`crate::payload::MIN_RECORD_SIZE`].
    pub record_size: u32,

    /// How many replicas must have a record before it is acknowledged.
    pub acks: Acks,
    /// Whether the broker drops a producer's own duplicates.
    pub idempotence: Idempotence,
    /// How often the client library sends a record again.
    pub retries: u32,
    /// Produce requests in flight a connection.
    pub max_in_flight: u32,
    /// How long the client library tries to deliver a record (`message.timeout.ms`).
    #[serde(with = "crate::duration")]
    pub delivery_timeout: Duration,
    /// How long a broker waits for its replicas (`request.timeout.ms`).
    #[serde(with = "crate::duration")]
    pub request_timeout: Duration,
    /// How long a client waits for a broker's answer (`socket.timeout.ms`).
    #[serde(with = "crate::duration")]
    pub socket_timeout: Duration,
    /// How long a producer waits for a batch to fill. Default: not at all in a closed loop, 5 ms in an open one as
    /// clients do, 20 ms on the mock (it hands out one batch a fetch, which it looks for from the log's start:
    /// many small batches would take it minutes to read back).
    #[serde(with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    pub linger: Option<Duration>,
    /// Bytes of a batch at most.
    pub batch_size: u32,
    /// Records of a batch at most.
    pub batch_messages: u32,
    /// `none`, `gzip`, `snappy`, `lz4`.
    pub compression: String,
    /// Who chooses a record's partition.
    pub partitioner: Partitioner,
    /// The wait before the first retry.
    #[serde(with = "crate::duration")]
    pub retry_backoff: Duration,
    /// The longest wait before a retry.
    #[serde(with = "crate::duration")]
    pub retry_backoff_max: Duration,
    /// The wait before the first reconnect.
    #[serde(with = "crate::duration")]
    pub reconnect_backoff: Duration,
    /// The longest wait before a reconnect.
    #[serde(with = "crate::duration")]
    pub reconnect_backoff_max: Duration,
    /// How often clients ask for leaders when nothing tells them to.
    #[serde(with = "crate::duration")]
    pub metadata_refresh: Duration,
    /// Whether producers send in transactions. Their sends complete when the transaction does.
    pub transactional: bool,
    /// Sends of one transaction at most.
    pub transaction_sends: u32,
    /// How long a transaction may last before the coordinator aborts it.
    #[serde(with = "crate::duration")]
    pub transaction_timeout: Duration,

    /// What consumers may see. Default: `read-committed` where producers are transactional, else `read-uncommitted`.
    pub isolation: Option<Isolation>,
    /// How long a broker holds an empty fetch.
    #[serde(with = "crate::duration")]
    pub fetch_wait_max: Duration,
    /// Bytes that end that wait.
    pub fetch_min_bytes: u32,
    /// Bytes of one fetch at most.
    pub fetch_max_bytes: u32,
    /// Bytes of one partition in one fetch at most.
    pub partition_fetch_max_bytes: u32,
    /// Records of one poll at most.
    pub poll_records: u32,
    /// How long a poll collects records after its first one.
    #[serde(with = "crate::duration")]
    pub poll_collect: Duration,
    /// How long a poll waits for its first record.
    #[serde(with = "crate::duration")]
    pub poll_idle: Duration,

    /// Threads of the consume-all pass.
    pub drain_readers: u32,
    /// The bound on the whole consume-all pass.
    #[serde(with = "crate::duration")]
    pub drain_timeout: Duration,
    /// How long a partition may yield nothing before the pass tries it with a new client.
    #[serde(with = "crate::duration")]
    pub drain_stall: Duration,

    /// Replicas of each partition.
    pub replication_factor: u32,
    /// Replicas that must be in sync for `acks = all`. Default: 2, or 1 where there is one replica.
    pub min_insync_replicas: Option<u32>,
    /// Any other topic setting.
    pub topic_set: Settings,
    /// Any other client setting; `producer.` or `consumer.` in front of its name aims it.
    pub client_set: Settings,
}

impl Default for QueueConfig {
    fn default() -> QueueConfig {
        QueueConfig {
            producers: 10,
            consumers: 2,
            topics: 1,
            partitions: 6,
            rate: 3000.0,
            in_flight: None,
            time_limit: None,
            sends: None,
            record_size: 100,
            acks: Acks::All,
            idempotence: Idempotence::Auto,
            retries: i32::MAX as u32,
            max_in_flight: 5,
            delivery_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(3),
            socket_timeout: Duration::from_secs(5),
            linger: None,
            batch_size: 1_000_000,
            batch_messages: 10_000,
            compression: "none".to_owned(),
            partitioner: Partitioner::Explicit,
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            metadata_refresh: Duration::from_secs(10),
            transactional: false,
            transaction_sends: 100,
            transaction_timeout: Duration::from_secs(60),
            isolation: None,
            fetch_wait_max: Duration::from_millis(50),
            fetch_min_bytes: 1,
            fetch_max_bytes: 50 << 20,
            partition_fetch_max_bytes: 1 << 20,
            poll_records: 500,
            poll_collect: Duration::from_millis(50),
            poll_idle: Duration::from_millis(500),
            drain_readers: 4,
            drain_timeout: Duration::from_secs(120),
            drain_stall: Duration::from_secs(10),
            replication_factor: 3,
            min_insync_replicas: None,
            topic_set: Settings::new(),
            client_set: Settings::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_names_only_what_differs() {
        let config: QueueConfig = toml::from_str(
            "acks = 1\nidempotence = false\ntime_limit = \"1m\"\nisolation = \"read-committed\"\n[client_set]\n\"producer.queue.buffering.max.kbytes\" = \"1024\"",
        )
        .expect("it parses");
        assert_eq!((config.acks, config.idempotence), (Acks::One, Idempotence::Off));
        assert_eq!(config.time_limit, Some(Duration::from_secs(60)));
        assert_eq!(config.isolation, Some(Isolation::ReadCommitted));
        assert_eq!(config.producers, 10);
        let again: QueueConfig =
            toml::from_str(&toml::to_string(&config).expect("it is written")).expect("and read again");
        assert_eq!(again, config);
    }

    #[test]
    fn typos_are_named() {
        let error = toml::from_str::<QueueConfig>("producer = 3").expect_err("unknown").to_string();
        assert!(error.contains("producer"), "{error}");
        let error = toml::from_str::<QueueConfig>("acks = 2").expect_err("no such acks").to_string();
        assert!(error.contains("0, 1, all"), "{error}");
    }
}
