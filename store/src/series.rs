//! The reduced series: what `series.json` holds, so that rendering costs O(pixels) whatever the history.
//!
//! Every series lies on one grid of time steps: element `i` covers `[i * step, (i + 1) * step)`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::FaultWindow;
use crate::op::OpType;
use crate::time::Nanos;

/// The version of `series.json` that this tribunal writes.
pub const SERIES_SCHEMA: u32 = 1;

/// Everything that the pictures draw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// [`SERIES_SCHEMA`].
    pub schema: u32,
    /// The test's name and id, for titles.
    pub title: String,
    /// Width of a time step.
    pub step: Nanos,
    /// Number of time steps; every vector below has this length unless it says otherwise.
    pub steps: usize,
    /// The last time of the history.
    pub end: Nanos,
    /// When the consume-all pass began, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_pass: Option<Nanos>,
    /// Fault windows, in the order they began.
    pub faults: Vec<FaultWindow>,
    /// Completions a step.
    pub rates: Vec<Rate>,
    /// Latency quantiles a step, completions with ok only.
    pub quantiles: Vec<Quantiles>,
    /// Latencies of single operations, thinned.
    pub latencies: Vec<LatencyCells>,
    /// Acknowledged records that no reader had seen by the end of each step.
    pub unseen: Unseen,
    /// How far behind in real time the readers were.
    pub lag: Vec<Lag>,
}

/// Completions of one function and type, counted a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The function.
    pub f: String,
    /// The type of completion.
    pub op_type: OpType,
    /// Completions in each step.
    pub count: Vec<u64>,
}

/// Latency quantiles of one function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The function.
    pub f: String,
    /// Quantile (`0.5`, `0.95`, `0.99`, `0.999`, `1`) to latencies in nanoseconds; `None` where a step has none.
    pub by_quantile: BTreeMap<String, Vec<Option<u64>>>,
}

/// Latencies of one function and type on a grid of time and (logarithmic) latency.
///
/// Every cell with at least one operation is kept, with its count: thinning never hides an outlier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyCells {
    /// The function.
    pub f: String,
    /// The type of completion.
    pub op_type: OpType,
    /// `[time ns, latency ns, operations in this cell]`: one operation of each occupied cell, exactly as it was.
    pub cells: Vec<[u64; 3]>,
    /// Whether any cell holds more than one operation.
    pub thinned: bool,
}

/// Acknowledged records that no reader had seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Unseen {
    /// Over all keys.
    pub total: Vec<u64>,
    /// The keys with the most, at most eight, sorted by their maximum.
    pub by_key: Vec<(String, Vec<u64>)>,
}

/// Realtime lag of one consumer client: for how long the oldest acknowledged record ahead of it had been acknowledged,
/// the worst of its keys, at the end of each step. A record that it stepped over is not ahead of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// `client 12`, or `process 3` where the history names no client.
    pub reader: String,
    /// Nanoseconds; `None` before its first poll and after its last.
    pub lag: Vec<Option<u64>>,
}
