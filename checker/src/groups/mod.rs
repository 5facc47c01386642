//! Consumer groups: who owned what, what was committed, and how often records were processed.
//!
//! In the order that data meets them:
//!
//! - `parse`: the values of commits, rebalances, seeks, and of Jepsen's `:rebalance-log`
//! - `table`: what a history says of groups, by partition; `gather`: lines to tables, called by the loader
//! - `breaks`: where a consumer's sequence ends for a partition
//! - `runs`: how often records were read, by arithmetic on runs of offsets
//! - the checks of one partition: `redelivery`, `skip`, `regression`, `ownership`; `check` runs them,
//!   `explain` makes the sentences
//! - `consumed`: the counts for the verdict
//!
//! Cost follows polls, commits and rebalances, never records times consumers; a history without groups costs nothing.
//!
//! **Invariant:** what a member believes proves nothing. Findings rest on what the group's coordinator accepted, on
//! what it handed out by generation, and on what polls returned.

mod breaks;
pub(crate) mod check;
pub(crate) mod consumed;
mod explain;
mod gather;
mod ownership;
mod parse;
pub(crate) mod redelivery;
mod regression;
mod runs;
mod skip;
mod table;

pub(crate) use self::breaks::Breaks;
pub(crate) use self::gather::Gather;
pub(crate) use self::table::{Groups, OfPartition};
