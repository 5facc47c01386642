//! The models: one file each, a sequential specification of a data type in a history's words.

pub mod fifo;
pub mod kv;
pub mod log;
pub mod mutex;
pub mod queue;
pub mod register;
pub mod rolling;
pub mod set;

use super::op::F;

/// The error for a function outside a model's vocabulary; `check` refuses such histories beforehand.
fn foreign(f: F) -> String {
    format!("{f} is no function of this model")
}
