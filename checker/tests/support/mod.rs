//! What the checker's tests share: operations in memory, a short notation for them, a simulator, an oracle.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own share of this")]

pub mod history;
pub mod notation;
pub mod observe;
pub mod oracle;
pub mod outcome;
pub mod rng;
pub mod simulate;
