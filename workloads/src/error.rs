//! Why a workload was refused, or could not go on.

use std::time::Duration;

use store::recorder::RecorderError;

/// Why a configuration was refused. Nothing has been started then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An option's value makes no sense by itself.
    #[error("{option} = {value} is out of range: {allowed}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is allowed, and why.
        allowed: String,
    },
    /// Two options contradict each other.
    #[error("{one} does not go with {other}: {why}; {remedy}")]
    Conflict {
        /// One option and its value.
        one: String,
        /// The other one.
        other: String,
        /// Why not.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A client setting that is not the user's to set this way.
    #[error("client setting {key} is refused: {why}")]
    Reserved {
        /// The setting.
        key: String,
        /// Why, and what to use instead.
        why: String,
    },
    /// A client setting that the client library does not know, or a value that it does not take.
    #[error("the {side} client refuses {key} = {value}: {reason}")]
    ClientSetting {
        /// `producer` or `consumer`.
        side: &'static str,
        /// The setting.
        key: String,
        /// Its value; a secret is redacted.
        value: String,
        /// What the client library says.
        reason: String,
    },
    /// Settings that the client library takes one by one, and refuses together.
    #[error("the {side} client refuses its settings: {reason}")]
    ClientSettings {
        /// `producer` or `consumer`.
        side: &'static str,
        /// What the client library says.
        reason: String,
    },
}

/// Why a running workload ended before its time. What was recorded until then is kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorkloadError {
    /// The history cannot be written any more.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// A client could not be created.
    #[error("cannot create {client}: {reason}")]
    Client {
        /// Which one: `producer 3`.
        client: String,
        /// What the client library says.
        reason: String,
    },
    /// The transactional producer could not be initialized in time.
    #[error(
        "{client} could not begin: no answer from a transaction coordinator within {waited:?} ({reason}); \
             is the cluster up, and may it create its transaction log?"
    )]
    TransactionInit {
        /// Which one.
        client: String,
        /// The bound that passed.
        waited: Duration,
        /// The last error.
        reason: String,
    },
    /// The workload was asked to write to another number of topics than it was resolved for.
    #[error("the workload is configured for {expected} topics and was given {given}")]
    Topics {
        /// By the configuration.
        expected: usize,
        /// By the caller.
        given: usize,
    },
    /// The system refused a thread.
    #[error("cannot start a thread for {client}: {reason}; use fewer producers or consumers")]
    Thread {
        /// For which client.
        client: String,
        /// What the system says.
        reason: String,
    },
}
