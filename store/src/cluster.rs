//! The cluster in plain data: where it is, who plays which role, and what each broker said of it.
//!
//! `nemesis` produces these words, `workloads` reads the endpoints, `checker` and `results` read the samples.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// What a client needs to reach a cluster, and nothing of how it is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// `host:port` of brokers, at least one.
    pub bootstrap: Vec<String>,
    /// The brokers, where the target knows them.
    pub nodes: Vec<Node>,
    /// Client settings that every client of this cluster needs (TLS, SASL). Secrets: never print them
    /// without [`crate::settings::redact`].
    pub security: BTreeMap<String, String>,
}

/// One broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The broker id in the cluster.
    pub id: i32,
    /// What people call it: the container's name, `mock-1`, or `host:port`.
    pub name: String,
    /// `host:port` that clients on this machine reach it by.
    pub address: Option<String>,
}

/// Which node a fault is aimed at; resolved by a fresh query at the moment the fault strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The leader of one partition.
    LeaderOf(String),
    /// The replicas of one partition that do not lead it.
    FollowersOf(String),
    /// The active controller.
    Controller,
    /// One node, drawn from the run's seed.
    Random,
    /// Fewer than half of the nodes, drawn from the seed.
    Minority,
    /// More than half of the nodes, drawn from the seed.
    Majority,
    /// Every node.
    All,
    /// A node by name or id.
    Named(String),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::LeaderOf(key) => write!(f, "leader of {key}"),
            Role::FollowersOf(key) => write!(f, "followers of {key}"),
            Role::Controller => f.write_str("controller"),
            Role::Random => f.write_str("a random node"),
            Role::Minority => f.write_str("a minority"),
            Role::Majority => f.write_str("a majority"),
            Role::All => f.write_str("all nodes"),
            Role::Named(name) => f.write_str(name),
        }
    }
}

/// One line of `cluster.jsonl`: what one broker, asked by itself, said at one moment.
///
/// What could not be sampled is `None`. A broker that did not answer has `error` and no partitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterSample {
    /// When the answer came (or the asking was given up).
    pub time: Nanos,
    /// The broker that was asked.
    pub asked: i32,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The active controller as this broker's quorum view has it.
    pub controller: Option<i32>,
    /// The partitions of the run's topics, in order of their keys.
    pub partitions: Vec<PartitionView>,
}

/// One partition as one broker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionView {
    /// `topic-partition`.
    pub key: String,
    /// The leader, `None` where the broker knows of none.
    pub leader: Option<i32>,
    /// The leader epoch.
    pub epoch: Option<i32>,
    /// In-sync replicas, sorted.
    pub isr: Vec<i32>,
    /// All replicas, in assignment order.
    pub replicas: Vec<i32>,
    /// The high watermark as this broker sees it (only leaders are asked).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
    /// Where the leader's own log ends. What lies above the high watermark is there and readers cannot see it: not
    /// every in-sync replica has it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_end: Option<i64>,
}
