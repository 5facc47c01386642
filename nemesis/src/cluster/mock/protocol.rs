//! What is said over the control pipe between tribunal and the mock's child process: one JSON object a
//! line, each command answered by one reply, in order.

use serde::{Deserialize, Serialize};

/// The parent's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// How many brokers the cluster has.
    pub brokers: u32,
}

/// The child's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// `host:port` of every broker, comma-separated.
    pub bootstrap: String,
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MockTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many brokers are named as replicas.
    pub replication_factor: i32,
}

/// What the child is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "command")]
pub enum Command {
    /// Create a topic.
    CreateTopic(MockTopic),
    /// Take a broker down.
    BrokerDown {
        /// Its id.
        broker: i32,
    },
    /// Bring it up.
    BrokerUp {
        /// Its id.
        broker: i32,
    },
    /// Delay every answer of a broker; 0 ends it.
    RoundTrip {
        /// Its id.
        broker: i32,
        /// The delay.
        delay_ms: u64,
    },
    /// Make a broker the leader of a partition.
    Leader {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The new leader.
        broker: i32,
    },
    /// Refuse the next produce requests, on whichever broker they arrive.
    PushErrors {
        /// The number of this push.
        push: u64,
        /// The protocol's code of the error.
        code: i16,
        /// How many requests.
        count: u32,
    },
    /// How many errors of one push were given out.
    ErrorsUsed {
        /// Its number.
        push: u64,
    },
    /// Forget one push: what of it was not given out never will be.
    ClearErrors {
        /// Its number.
        push: u64,
    },
    /// End.
    Shutdown,
}

/// The child's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Done; with a count where one was asked for.
    Done(Option<u64>),
    /// Not done, because.
    Failed(String),
}
