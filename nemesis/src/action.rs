//! Actions: the primitive, invertible things a fault does. The journal holds actions, never faults,
//! so that whoever reads it after a crash can undo each without knowing why it was done.

use serde::{Deserialize, Serialize};

/// One ordered network link between two nodes, cut at the receiving or sending node's own interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The node (by name) in whose network namespace the rule stands.
    pub at: String,
    /// The other end (by name).
    pub peer: String,
    /// Which packets are cut, seen from `at`.
    pub direction: Direction,
}

/// Direction of a cut link, seen from the node that holds the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Packets that `at` receives from `peer`.
    From,
    /// Packets that `at` sends to `peer`.
    To,
}

/// A primitive action with an inverse. Nodes are named as in [`store::cluster::Node::name`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// SIGKILL; undone by a start.
    Kill {
        /// The node.
        node: String,
    },
    /// A clean shutdown; undone by a start.
    Stop {
        /// The node.
        node: String,
    },
    /// The node's processes are frozen; undone by thawing.
    Pause {
        /// The node.
        node: String,
    },
    /// Links are cut by packet filter rules that carry the run's tag; undone by deleting exactly those.
    Cut {
        /// The links.
        links: Vec<Link>,
    },
    /// Mock only: the broker refuses connections and leaves the metadata; undone by bringing it up.
    BrokerDown {
        /// The node.
        node: String,
    },
    /// Mock only: the broker answers late; undone by the delay that other faults still want, or none.
    Slow {
        /// The node.
        node: String,
        /// Added to every response.
        delay_ms: u64,
    },
    /// A leader moves; nothing to undo (leaders may stand anywhere).
    MoveLeader {
        /// The partition.
        key: String,
        /// Where to.
        node: String,
    },
    /// Mock only: the next produce requests fail with this error; undone by clearing what is left of them.
    RequestErrors {
        /// The protocol's name of the error, e.g. `NOT_ENOUGH_REPLICAS`.
        error: String,
        /// How many requests.
        count: u32,
    },
}

impl Action {
    /// Whether undoing it is a thing that can be left undone.
    pub fn needs_undo(&self) -> bool {
        !matches!(self, Action::MoveLeader { .. })
    }
}

/// Whether an action took effect, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bite {
    /// `None`: nothing here could tell (yet).
    pub bit: Option<bool>,
    /// What the probe saw: `container state: paused`, `1,204 packets dropped by 4 rules`.
    pub evidence: String,
}
