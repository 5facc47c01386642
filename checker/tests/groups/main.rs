//! The judge of consumer groups: known histories, planted anomalies, and a slow oracle beside it.
#![allow(missing_docs, unreachable_pub, reason = "a test's own modules")]

mod agree;
mod history;
mod known;
mod oracle;
#[path = "../support/outcome.rs"]
mod outcome;
mod planted;
#[path = "../support/rng.rs"]
mod rng;
mod simulate;
