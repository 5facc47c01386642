//! The nemesis: it owns the cluster, breaks it on schedule, and heals it.
//!
//! In the order that a run meets them:
//!
//! - [`fault`]: faults as people write them (`isolate-leader@10s+15s`), random ones, and the [schedule](fault::schedule)
//! - [`cluster`]: the targets (mock, docker, attached, external) behind one set of methods, [`containers`] below them,
//!   and [`security`]: which TLS and SASL settings this build can speak
//! - [`admin`]: the run's topics; [`health`]: waiting for a healthy cluster
//! - [`wire`] and [`view`]: asking each broker by itself; [`sampler`]: doing so twice a second into `cluster.jsonl`
//! - [`runner`]: the schedule against the cluster; [`target`]: who is hit, looked up when it strikes;
//!   [`action`]: what is done to whom, with its inverse
//! - [`journal`]: what was done, on disk before it is done; [`heal`]: undoing what a crashed run left behind
//! - [`doctor`]: what this host can do; [`error`]
//!
//! **Invariant:** nothing is done to a cluster that is not in the journal first, and every fault, whatever
//! became of it, leaves its four events in the history.
//!
//! **Invariant:** this crate does not know what clients send, nor what any of it is judged to be; it touches
//! only containers, rules and processes that carry its run's mark, or that the user named.

pub mod action;
pub mod admin;
pub mod cluster;
pub mod containers;
pub mod doctor;
pub mod error;
pub mod fault;
pub mod heal;
pub mod health;
pub mod journal;
pub mod runner;
pub mod sampler;
pub mod security;
pub mod target;
pub mod view;
pub mod wire;
