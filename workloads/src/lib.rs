//! What clients do to the cluster: workload `queue`, and the consume-all pass that ends it.
//!
//! In the order that data meets them:
//!
//! - what was asked for: [`config`] (options and their defaults), `duration` (how they write time), [`resolve`] (what they
//!   mean together, refusals), [`settings`] (every client setting, pinned), [`error`]
//! - what is written: [`keys`] (partitions, unique values), [`partitioner`], [`payload`] (what a record carries), `process`
//!   (numbers that are never used twice)
//! - producing: `pace` (when the next send is due), `lanes` (sends in flight, their completions), [`classify`] (the one
//!   table of outcomes), `delivery` (what the client library reports), `sender` (one send after the other), `producer` (the
//!   loop), `transaction` (its transactional sister)
//! - reading: `reader` (a raw consumer of assigned partitions), `watermarks`, `polls` (polls as history lines), `consumer`
//!   (live), [`drain`] (the consume-all pass)
//! - [`queue`] runs all of it, `client` builds and closes what it needs
//!
//! **Invariant:** this crate knows addresses and client settings, never how the cluster is run or broken, nor what an
//! anomaly is.
//!
//! **Invariant:** every invocation gets exactly one completion, and a completion says no more than the client knows:
//! what is not certain is `info`.

pub mod classify;
mod client;
pub mod config;
mod consumer;
mod delivery;
pub mod drain;
mod duration;
pub mod error;
pub mod keys;
mod lanes;
mod pace;
pub mod partitioner;
pub mod payload;
mod polls;
mod process;
mod producer;
pub mod queue;
mod reader;
pub mod resolve;
mod sender;
pub mod settings;
mod transaction;
mod watermarks;

pub use config::{Acks, Idempotence, QueueConfig};
pub use drain::{DrainReport, consume_all};
pub use error::{ConfigError, WorkloadError};
pub use partitioner::Partitioner;
pub use queue::{QueueReport, run_queue};
pub use resolve::Resolved;
