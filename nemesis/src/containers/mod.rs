//! Containers: everything that tribunal does through Docker, in the order that a cluster meets it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`engine`] | the connection to Docker, its bounds and its refusals |
//! | [`labels`] | how tribunal knows its own |
//! | [`images`] | names, presence, bounded pulls |
//! | `archive`, `kafka`, `ports` | what makes a container a broker that clients can reach |
//! | `broker` | one broker's container: created, filled, started |
//! | `metadata`, [`readiness`] | when a cluster is ready |
//! | `process` | kill, stop, pause, and the inverse of each |
//! | `rules`, [`netns`], `side`, [`tools`] | cut links: the rules, the way into a namespace, a side container and its image |
//! | `fleet`, `held` | the containers of one cluster, the faults on them, and what of them holds |
//! | `logs` | what brokers printed |
//! | [`found`], `gathering` | somebody else's containers, which broker each is, and whether they are all there |
//! | [`owned`], [`heal`], [`doctor`] | after a crash: what is left, undoing it, and what this host can do |
//!
//! **Invariant:** only what carries tribunal's label is removed; a packet filter rule is only ever written
//! into the network namespace of a container, carries the run's tag, and is deleted by its whole text.

pub mod doctor;
pub mod engine;
pub mod found;
pub mod heal;
pub mod images;
pub mod labels;
pub mod netns;
pub mod owned;
pub mod readiness;
pub mod tools;

mod archive;
pub(crate) mod broker;
pub(crate) mod fleet;
pub(crate) mod gathering;
pub(crate) mod held;
pub(crate) mod kafka;
mod logs;
pub(crate) mod metadata;
pub(crate) mod ports;
pub(crate) mod process;
mod rules;
mod side;

pub(crate) use doctor::counted;
pub use doctor::{Fact, Level, doctor};
pub use heal::{heal_tagged, sweep, undo_after_crash};
pub use owned::{Owned, list_owned, remove_run};
