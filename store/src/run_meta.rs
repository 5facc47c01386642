//! `run.json`: what the run was, enough to judge its history and to repeat it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::Node;
use crate::settings::Settings;

/// The version of `run.json` that this tribunal writes.
pub const RUN_SCHEMA: u32 = 1;

/// Everything that is known of a run besides its history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunMeta {
    /// [`RUN_SCHEMA`].
    pub schema: u32,
    /// The version of tribunal that recorded it.
    pub tribunal: String,
    /// The run's id, its directory's name.
    pub id: String,
    /// The test's name: the scenario's, or `queue`.
    pub test: String,
    /// Seeds every random choice of the run.
    pub seed: u64,
    /// Wall time at the history's zero, RFC 3339.
    pub started: String,
    /// How far the run came.
    pub status: RunStatus,
    /// What it ran against.
    pub target: TargetMeta,
    /// What judging depends on.
    pub terms: Terms,
    /// The topics, by name, that the run made.
    pub topics: Vec<String>,
    /// Whether those topics are still there: the cluster is somebody's, and they are evidence.
    #[serde(default)]
    pub topics_left: bool,
    /// Every producer setting, secrets redacted.
    pub producer: Settings,
    /// Every consumer setting, secrets redacted.
    pub consumer: Settings,
    /// Every topic setting.
    pub topic: Settings,
    /// The whole resolved configuration as the command line and the scenario gave it, secrets redacted.
    pub scenario: serde_json::Value,
    /// The wait for a healthy cluster before the consume-all pass, where the run came so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Settle>,
}

/// How far a run came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RunStatus {
    /// The directory is there, the run goes on (or tribunal was killed).
    #[default]
    Running,
    /// Never written: what [`RunStatus::Running`] means once nobody records the run any more.
    Crashed,
    /// Its history is complete.
    Recorded,
    /// Ended by a signal; the history up to then is complete.
    Interrupted,
    /// It could not go on.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a run ran against.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetMeta {
    /// `mock`, `docker`, `attach` or `external`.
    pub kind: String,
    /// For people: `docker apache/kafka:4.3.0 x3`.
    pub description: String,
    /// The image's id or digest, where there is an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// The brokers.
    pub nodes: Vec<Node>,
    /// What a verdict on this target does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat: Option<String>,
}

/// What judging depends on. An imported history has the default: nothing is known, nothing is promised
/// beyond what the guarantee's name says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// `none`, `at-least-once`, `default`, `exactly-once`; `None`: default.
    pub guarantee: Option<String>,
    /// `0`, `1` or `all`.
    pub acks: Option<String>,
    /// Whether producers are idempotent.
    pub idempotent: Option<bool>,
    /// The client's limit of produce requests in flight a connection.
    pub max_in_flight: Option<u32>,
    /// The client's limit of retries.
    pub retries: Option<u32>,
    /// The longest that a transaction may stay open, milliseconds: then its coordinator aborts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_timeout_ms: Option<u64>,
    /// Whether readers of committed records never see an aborted one. `Some(true)` also says that a reader whose
    /// isolation the history does not state reads committed records; `Some(false)` (the mock shows everything to
    /// everybody) that no reader proves a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hides_aborted: Option<bool>,
    /// How many faults the run's schedule holds.
    pub faults_asked: Option<u32>,
    /// Whether these faults were drawn at random, so that some of them may find nothing to break.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub faults_drawn: bool,
    /// Sends that the schedule of an open loop held and that were never made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<u64>,
    /// How many lines the history had when it was whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// Whether the run ends in a consume-all pass.
    pub consume_all: Option<bool>,
    /// Records of one partition above this many offsets of retention may be gone: the mock drops its oldest.
    /// `true`: a low watermark above 0 makes the verdict unknown.
    pub log_start_must_be_zero: bool,
    /// What the cluster's state before the consume-all pass leaves open.
    #[serde(default, skip_serializing_if = "Doubts::is_empty")]
    pub doubts: Doubts,
    /// How long a partition may go without an acknowledgement while sends wait, ms; `None`: as long as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_stall_ms: Option<u64>,
    /// What a scenario expects: kind of anomaly (or `validity`) to a condition such as `>0`, `=0`, `invalid`.
    pub expect: Settings,
}

/// Whether an open loop fell behind its schedule: so many sends of it were never made, beside those that were. The last
/// instants of a schedule may fall behind its end on any machine.
pub fn fell_behind(unsent: u64, made: u64) -> bool {
    unsent * 1000 > made
}

/// What keeps a consume-all pass from proving anything, however complete it looks: the state in which the cluster was
/// when the pass began. Empty where the cluster was healthy, and where nobody asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubts {
    /// Why the cluster was not healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unhealthy: Vec<String>,
    /// Partitions that the pass may have read from a leader that is none any more, by key, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub leaders: BTreeMap<String, String>,
    /// Partitions whose log may go on above the end that readers see, by key, with the reason: what was acknowledged
    /// there is not known to be lost.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tails: BTreeMap<String, String>,
}

impl Doubts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Doubts::default()
    }
}

/// The wait for a healthy cluster between the last heal and the consume-all pass.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settle {
    /// How long it took, seconds.
    pub seconds: f64,
    /// Its bound, seconds.
    pub bound_seconds: f64,
    /// Whether every partition had a leader, all its replicas in sync, and nothing that readers could not see yet.
    pub healthy: bool,
    /// What was still wrong.
    pub missing: Vec<String>,
}
