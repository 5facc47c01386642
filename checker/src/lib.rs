//! The judge: a history to a verdict and to the series that pictures draw.
//!
//! In the order that data meets them:
//!
//! - [`context`]: what is known besides the history, the options, the errors; [`which()`]: who judges it
//! - `load`: lines to `tables` (rows of sends, polls and reads; each partition's `reference` log), fault windows
//! - `passes`: the whole history at once, or, where memory would not hold it, again for each group of partitions
//! - `coverage`: which offsets the consume-all pass went over, `latest`: which poll was the last to do so; `summary`:
//!   what the verdict counts of a partition
//! - `partitions`: one `view` a partition (`index` from values to sends, `contested` offsets, the surviving log),
//!   its `losses`, and the `checks` on it; `found` counts, `explain`, `leadership` and `words` make the sentences,
//!   `misrouted` and `strangers` find where values came from that were sent to another partition; `groups` is all about
//!   consumer groups
//! - `transactions`: what crosses partitions: torn, hanging and precommitted ones, and their cycles
//! - [`kind`], `guarantee`, `expect`, `judge`: what was found, held against what was promised and expected
//! - `series`: rates, latencies, unseen and lag curves; [`reduce()`]: those of a part of a history
//! - [`analyze()`]: all of it in order
//! - [`around()`]: apart from judging, what a history tells of one offset and its neighbours
//! - [`queue`]: histories of queues, from their lines to their verdict
//! - [`model`]: apart from both, linearizability of any history against a data type (a register, a set, ...)
//!
//! **Invariant:** certain and possible are never mixed: whatever a check cannot decide, for whatever reason,
//! makes the verdict unknown and says why; nothing of that kind is ever reported as an anomaly.
//!
//! **Invariant:** this crate knows no client library and no cluster. What it says follows from the history, and
//! from what the run recorded of its terms and its brokers.

mod analyze;
mod around;
mod checks;
mod contested;
pub mod context;
mod coverage;
mod expect;
mod explain;
mod found;
mod groups;
mod guarantee;
mod index;
mod judge;
pub mod kind;
mod latest;
mod leadership;
mod load;
mod losses;
mod misrouted;
pub mod model;
mod partitions;
mod passes;
pub mod queue;
mod reference;
mod series;
mod strangers;
mod summary;
mod tables;
mod transactions;
mod view;
mod which;
mod words;

pub use analyze::{Analysis, admit, analyze};
pub use around::{Found, around};
pub use context::{CheckError, Context, Options};
pub use series::reduce;
pub use which::{Judge, which};
