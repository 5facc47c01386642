//! What an analysis is asked to do: what is known besides the history, the options, and what can go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use store::cluster::{ClusterSample, Node};
use store::reader::ReadError;
use store::run_meta::Terms;

/// What is known of a run besides its history. An imported history has the default.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What was promised, and what the scenario expects.
    pub terms: Terms,
    /// What a verdict on this target does not tell.
    pub caveat: Option<String>,
    /// The brokers, for their names.
    pub nodes: Vec<Node>,
    /// What the sampler heard from each broker, in order of time.
    pub cluster: Vec<ClusterSample>,
    /// The test's name and id, for the pictures' titles.
    pub title: String,
}

/// How to analyze.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads for parsing and for checking.
    pub threads: usize,
    /// How many examples of each kind are kept in full; counts are exact whatever this is.
    pub examples: usize,
    /// The guarantee to judge by, instead of the run's own.
    pub guarantee: Option<String>,
    /// Kind of anomaly to whether it is allowed, instead of what the guarantee says.
    pub allow: BTreeMap<String, bool>,
    /// How far two clocks of a history may be apart.
    pub clock_uncertainty: Option<Duration>,
    /// How long a partition may go without an acknowledgement while sends wait, instead of what the run says.
    pub max_stall: Option<Duration>,
    /// Bytes that the tables may take. A file whose tables need more is read again for each group of partitions
    /// that fits; the verdict is unknown for a partition that fits nowhere, and for a stream. The checks take
    /// up to half as much beside the tables.
    pub memory: Option<u64>,
    /// Wall time that the analysis may take; beyond it the rest is unknown.
    pub time_limit: Option<Duration>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            examples: 8,
            guarantee: None,
            allow: BTreeMap::new(),
            clock_uncertainty: None,
            max_stall: None,
            memory: None,
            time_limit: None,
        }
    }
}

/// Why there is no verdict at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The history cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The guarantee has no such name.
    #[error("unknown guarantee \"{0}\": it is one of none, at-least-once, default, exactly-once")]
    Guarantee(String),
    /// An override or an expectation names no kind of anomaly.
    #[error("unknown kind of anomaly \"{kind}\" in {place}: {}",
        crate::kind::suggestion(kind).map_or_else(
            || format!("the kinds are {}", crate::kind::names().join(", ")),
            |k| format!("did you mean \"{k}\"?")))]
    Kind {
        /// What was written.
        kind: String,
        /// Where it was written.
        place: &'static str,
    },
    /// An expectation's condition cannot be understood.
    #[error("cannot understand the expectation {kind} = \"{condition}\": write {hint}")]
    Expect {
        /// The kind, or `validity`.
        kind: String,
        /// What was written.
        condition: String,
        /// What can be written.
        hint: &'static str,
    },
    /// The threads for checking cannot be started.
    #[error("cannot start {threads} threads for checking: {reason}; try fewer with --threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}
