//! Faults as people ask for them: what, on whom, from when, for how long. Actions come later, when the
//! fault strikes and its target is looked up.

pub mod admit;
pub mod errors;
pub mod parse;
pub mod random;
pub mod schedule;
pub mod when;

use std::fmt;
use std::time::Duration;

use store::cluster::Role;

use self::when::{Hold, When};

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// SIGKILL, healed by a start.
    Kill,
    /// A clean shutdown, healed by a start.
    Stop,
    /// The processes are frozen, healed by thawing.
    Pause,
    /// Cut from every other node, both ways; clients stay connected.
    Isolate,
    /// One link between two nodes; the aim is the sender.
    CutLink {
        /// The receiver.
        to: Aim,
        /// Also cut the way back.
        both_ways: bool,
    },
    /// Mock: the broker refuses connections and leaves the metadata; its partitions keep it as leader.
    BrokerDown,
    /// Mock: every answer comes this much later.
    SlowBroker {
        /// The added delay.
        delay: Duration,
    },
    /// A partition's leader moves to another replica. Instantaneous.
    LeaderMove {
        /// The new leader; drawn from the in-sync replicas if not given.
        to: Option<String>,
    },
    /// Mock: the next produce requests are refused with an error, without being appended.
    RequestErrors {
        /// The protocol's name of the error.
        error: String,
        /// How many requests.
        count: u32,
    },
}

/// The base names, each with what `--fault` help says of it.
pub const BASE_NAMES: &[(&str, &str)] = &[
    ("kill", "SIGKILL a node, start it again"),
    ("stop", "shut a node down cleanly, start it again"),
    ("pause", "freeze a node's processes, thaw them"),
    ("isolate", "cut a node from its peers, clients stay connected"),
    ("cut-link", "cut one link: cut-link:kafka-1>kafka-2, <> for both ways, default leader>follower"),
    ("broker-down", "mock: a broker refuses connections"),
    ("slow-broker", "mock: a broker answers late: slow-broker:200ms"),
    ("leader-move", "mock: a partition's leader moves (no duration)"),
    ("request-errors", "mock: produce requests are refused: request-errors:NOT_ENOUGH_REPLICAS*5"),
];

impl FaultKind {
    /// The base name.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::Kill => "kill",
            FaultKind::Stop => "stop",
            FaultKind::Pause => "pause",
            FaultKind::Isolate => "isolate",
            FaultKind::CutLink { .. } => "cut-link",
            FaultKind::BrokerDown => "broker-down",
            FaultKind::SlowBroker { .. } => "slow-broker",
            FaultKind::LeaderMove { .. } => "leader-move",
            FaultKind::RequestErrors { .. } => "request-errors",
        }
    }

    /// Whether it is over as soon as it happened.
    pub fn is_instant(&self) -> bool {
        matches!(self, FaultKind::LeaderMove { .. })
    }
}

/// Whom a fault is aimed at, before the run's partitions and nodes are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// The leader of a partition; `None`: of the first partition of the run's first topic.
    Leader(Option<String>),
    /// The partition's replicas that do not lead it.
    Followers(Option<String>),
    /// One of these, drawn from the seed.
    Follower(Option<String>),
    /// The active controller.
    Controller,
    /// One node, drawn from the seed.
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

/// The role words of a fault's name (`kill-leader`) or argument (`kill:leader`).
pub const ROLE_WORDS: &[&str] =
    &["leader", "followers", "follower", "controller", "random", "minority", "majority", "all"];

impl Aim {
    /// The aim that a role word stands for.
    pub fn from_word(word: &str) -> Option<Aim> {
        Some(match word {
            "leader" => Aim::Leader(None),
            "followers" => Aim::Followers(None),
            "follower" => Aim::Follower(None),
            "controller" => Aim::Controller,
            "random" => Aim::Random,
            "minority" => Aim::Minority,
            "majority" => Aim::Majority,
            "all" => Aim::All,
            _ => return None,
        })
    }

    /// The role word, `None` for a named node.
    pub fn word(&self) -> Option<&'static str> {
        Some(match self {
            Aim::Leader(_) => "leader",
            Aim::Followers(_) => "followers",
            Aim::Follower(_) => "follower",
            Aim::Controller => "controller",
            Aim::Random => "random",
            Aim::Minority => "minority",
            Aim::Majority => "majority",
            Aim::All => "all",
            Aim::Named(_) => return None,
        })
    }

    /// The partition that it speaks of, where it names one.
    pub fn partition(&self) -> Option<&str> {
        match self {
            Aim::Leader(p) | Aim::Followers(p) | Aim::Follower(p) => p.as_deref(),
            _ => None,
        }
    }

    /// Whether it speaks of a partition at all.
    pub fn needs_partition(&self) -> bool {
        matches!(self, Aim::Leader(_) | Aim::Followers(_) | Aim::Follower(_))
    }

    /// The same aim at another partition; aims without a partition stay as they are.
    pub fn at_partition(&self, partition: &str) -> Aim {
        let partition = Some(partition.to_owned());
        match self {
            Aim::Leader(_) => Aim::Leader(partition),
            Aim::Followers(_) => Aim::Followers(partition),
            Aim::Follower(_) => Aim::Follower(partition),
            other => other.clone(),
        }
    }

    /// The role as histories and reports write it; `key` is the partition that it was resolved to.
    pub fn role(&self, key: &str) -> Role {
        match self {
            Aim::Leader(_) => Role::LeaderOf(key.to_owned()),
            Aim::Followers(_) | Aim::Follower(_) => Role::FollowersOf(key.to_owned()),
            Aim::Controller => Role::Controller,
            Aim::Random => Role::Random,
            Aim::Minority => Role::Minority,
            Aim::Majority => Role::Majority,
            Aim::All => Role::All,
            Aim::Named(name) => Role::Named(name.clone()),
        }
    }
}

/// As an argument: `leader`, `3`, `kafka-2`.
impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aim::Named(name) => f.write_str(name),
            aim => f.write_str(aim.word().unwrap_or_default()),
        }
    }
}

/// One fault as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSpec {
    /// What it does.
    pub kind: FaultKind,
    /// Whom it is aimed at.
    pub aim: Aim,
    /// When it strikes, from the start of the load.
    pub start: When,
    /// How long it holds; `None` where it is instantaneous.
    pub hold: Option<Hold>,
}

impl FaultSpec {
    /// Its name in histories and reports: `isolate-leader`, `kill-random`, `leader-move`.
    pub fn name(&self) -> String {
        let base = self.kind.name();
        match self.kind {
            FaultKind::CutLink { .. } | FaultKind::LeaderMove { .. } | FaultKind::RequestErrors { .. } => {
                base.to_owned()
            }
            _ => match self.aim.word() {
                Some(word) => format!("{base}-{word}"),
                None => base.to_owned(),
            },
        }
    }
}

/// As the command line takes it; parsing it again gives the same fault.
impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match &self.kind {
            FaultKind::CutLink { to, both_ways } => {
                write!(f, ":{}{}{to}", self.aim, if *both_ways { "<>" } else { ">" })?;
            }
            FaultKind::SlowBroker { delay } => write!(f, ":{}", when::duration(*delay))?,
            FaultKind::RequestErrors { error, count } => write!(f, ":{error}*{count}")?,
            _ => {}
        }
        if let (Aim::Named(name), false) = (&self.aim, matches!(self.kind, FaultKind::CutLink { .. })) {
            write!(f, ":{name}")?;
        }
        if let Some(partition) = self.aim.partition() {
            write!(f, ":{partition}")?;
        }
        if let FaultKind::LeaderMove { to: Some(to) } = &self.kind {
            write!(f, ":>{to}")?;
        }
        write!(f, "@{}", self.start)?;
        match &self.hold {
            Some(hold) => write!(f, "+{hold}"),
            None => Ok(()),
        }
    }
}
