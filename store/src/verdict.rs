//! The verdict: what `verdict.json` holds and `--json` prints.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::FaultWindow;
use crate::time::Nanos;

/// The version of `verdict.json` that this tribunal writes.
pub const VERDICT_SCHEMA: u32 = 1;

/// The judgement, ordered so that merging is taking the maximum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// Everything promised was kept, and the checkers covered all of it.
    #[default]
    Valid,
    /// Something could not be decided; the reasons stand beside it.
    Unknown,
    /// A promise was broken, with witnesses.
    Invalid,
}

impl Validity {
    /// The exit code of a process that ends with this judgement.
    pub fn exit_code(self) -> u8 {
        match self {
            Validity::Valid => 0,
            Validity::Invalid => 1,
            Validity::Unknown => 2,
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Validity::Valid => "VALID",
            Validity::Unknown => "UNKNOWN",
            Validity::Invalid => "INVALID",
        })
    }
}

/// Everything that analysis concluded about one history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`VERDICT_SCHEMA`].
    pub schema: u32,
    /// The judgement against the guarantee.
    pub validity: Validity,
    /// Why it is not certain; empty unless some checker was unknown.
    pub unknown_because: Vec<String>,
    /// What was expected of the run, where a scenario states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectation: Option<Expectation>,
    /// What was promised, and which kinds that promise forbids.
    pub guarantee: Guarantee,
    /// What was found, by kind. A kind that was not found is absent.
    pub anomalies: BTreeMap<String, Anomaly>,
    /// What the history exercised.
    pub exercised: Exercised,
    /// How often records were consumed, where consumers subscribed to groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed: Option<Consumed>,
    /// The faults, in the order they began.
    pub faults: Vec<FaultWindow>,
    /// The checkers that ran.
    pub checkers: Vec<CheckerReport>,
    /// Caveats that a reader must know, e.g. that the target was the mock.
    pub notes: Vec<String>,
    /// Wall time of the whole analysis, seconds.
    pub seconds: f64,
}

/// What the run promised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Guarantee {
    /// `none`, `at-least-once`, `default` or `exactly-once`.
    pub name: String,
    /// The promise in words.
    pub sentence: String,
    /// Kinds that contradict it, each with the reason; every other kind is counted and allowed.
    pub forbids: BTreeMap<String, String>,
}

/// One kind of anomaly.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// How many, exactly.
    pub count: u64,
    /// Whether the guarantee allows it.
    pub allowed: bool,
    /// How many of `count` follow from another finding, by that finding's kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consequence_of: BTreeMap<String, u64>,
    /// The first ones, in full.
    pub examples: Vec<Example>,
}

/// One anomaly with its proof.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What happened and why that is a proof, in one sentence with "because".
    pub sentence: String,
    /// The partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value, as the history writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// When the operation at its heart completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Nanos>,
    /// The operations that prove it, by line of the history.
    pub witness: Vec<Witness>,
    /// The numbers of the faults in force then.
    pub faults: Vec<u32>,
    /// Leader and epoch then, where the run sampled them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leadership: Option<String>,
    /// The kind of the finding this one follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consequence_of: Option<String>,
    /// The steps of a cycle of transactions, the last of which leads back to the first; empty where it is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycle: Vec<CycleStep>,
    /// More that a kind knows, e.g. `seen_before` of a lost write.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, serde_json::Value>,
}

/// One step of a cycle: a transaction, and why it comes before the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CycleStep {
    /// What the sentence calls it: `T1`, `T2` ...
    pub name: String,
    /// What it is, for people: `client 4's transaction 4.0.17 (committed)`.
    pub transaction: String,
    /// Its first and last line in the history, from 1; one of them where it has no other.
    pub lines: Vec<u64>,
    /// Why the next one comes after it.
    pub edge: Edge,
    /// The same in words: `its send of 5 stands at t-0 offset 3 ...`.
    pub because: String,
}

/// Why one transaction comes before another (Adya's and Elle's dependencies).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edge {
    /// Its write stands before the other's in one log.
    Ww,
    /// The other read its write.
    Wr,
    /// The same process (or client) performed it first.
    Process,
    /// It had completed before the other began.
    Realtime,
}

/// One history line that proves an anomaly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// The line's number in the history, from 1.
    pub line: u64,
    /// What part it plays: `acknowledged`, `read at 17 by the consume-all pass`.
    pub role: String,
}

/// What the history exercised: a verdict over nothing is worth nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exercised {
    /// Lines of the history.
    pub lines: u64,
    /// Client operations (invocations).
    pub operations: u64,
    /// Sends that completed with ok and an acknowledgement.
    pub acknowledged: u64,
    /// Sends with acks=0 that completed with ok.
    pub unacknowledged: u64,
    /// Sends that certainly failed.
    pub failed: u64,
    /// Sends whose outcome is unknown, open ones included.
    pub indeterminate: u64,
    /// Records read by live consumers.
    pub records_polled: u64,
    /// Records read by the consume-all pass.
    pub records_final: u64,
    /// Partitions with at least one send.
    pub partitions: u64,
    /// Faults that the run asked for.
    pub faults_asked: u64,
    /// Faults that a probe saw take effect.
    pub faults_bit: u64,
    /// Leader changes that the sampler saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_changes: Option<u64>,
    /// The longest time that a partition went without an acknowledgement while sends waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_stall: Option<LongestStall>,
    /// The consume-all pass, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consume_all: Option<ConsumeAll>,
}

/// The longest time without progress.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LongestStall {
    /// The partition.
    pub key: String,
    /// When it began.
    pub from: Nanos,
    /// How long it lasted, never told longer than it was.
    pub seconds: f64,
}

/// How often records were consumed, by ok polls of subscribed readers. A record is one offset of one partition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Consumed {
    /// By group (the one without a name is empty): times to the number of records that were read so often.
    pub groups: BTreeMap<String, BTreeMap<u64, u64>>,
    /// The same by process, summed over all: the distribution of Jepsen's `consume-counts`.
    pub processes: BTreeMap<u64, u64>,
    /// Values that one process read more than once, by partition, each with the most times; the first few.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repeated: BTreeMap<String, BTreeMap<String, u64>>,
}

/// How far the consume-all pass got.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConsumeAll {
    /// Partitions whose end offset was reached, proved by position.
    pub covered: u64,
    /// Partitions that it should have covered.
    pub of: u64,
    /// `key: why` for those that were not.
    pub not_covered: BTreeMap<String, String>,
}

/// One checker's account of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckerReport {
    /// Its name.
    pub name: String,
    /// Its judgement.
    pub validity: Validity,
    /// CPU time over all threads, seconds.
    pub seconds: f64,
    /// What it covered, for people.
    pub covered: String,
    /// Why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a scenario said would be found, beside what was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Whether it was.
    pub state: ExpectationState,
    /// Kind of anomaly (or `validity`) to the condition, e.g. `lost-write` -> `>0`.
    pub expected: BTreeMap<String, String>,
    /// The same keys with what was observed.
    pub observed: BTreeMap<String, String>,
}

/// Whether an expectation was met; decides the exit code (0, 1, 2) where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpectationState {
    /// Everything expected was observed.
    Met,
    /// Something expected was not observed, or the reverse.
    Unmet,
    /// The verdict is too uncertain to tell.
    Unknown,
}

impl Verdict {
    /// The exit code of `run` and `analyze`: by the expectation where there is one, else by the validity.
    pub fn exit_code(&self) -> u8 {
        match &self.expectation {
            None => self.validity.exit_code(),
            Some(e) => match e.state {
                ExpectationState::Met => 0,
                ExpectationState::Unmet => 1,
                ExpectationState::Unknown => 2,
            },
        }
    }
}
