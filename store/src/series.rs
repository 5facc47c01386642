//! The reduced series: what `series.json` holds, so that rendering costs O(pixels) whatever the history.
//!
//! Every series lies on one grid of time steps: element `i` covers `[i * step, (i + 1) * step)`, counted from the
//! history's beginning or from that of the window that was reduced.

use std::collections::BTreeMap;

use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::fault::FaultWindow;
use crate::op::OpType;
use crate::time::Nanos;

/// The version of `series.json` that this tribunal writes.
///
/// Version 1 had the unseen records and the lags at the end of each step, where they are now the highest in it.
pub const SERIES_SCHEMA: u32 = 2;

/// Everything that the pictures draw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// [`SERIES_SCHEMA`].
    pub schema: u32,
    /// The test's name and id, for titles.
    pub title: String,
    /// The part of the history that these are of; `None` for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<(Nanos, Nanos)>,
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
    /// Width of the cells of [`Series::latencies`]; 0 where an older tribunal did not say.
    #[serde(default)]
    pub cell: Nanos,
    /// How many rows of cells an octave of latency has; 0 where an older tribunal did not say.
    #[serde(default)]
    pub cells_an_octave: u32,
    /// Whether some sends say when they were due: their latency counts from there.
    #[serde(default)]
    pub due: bool,
    /// Acknowledged records that no reader had seen.
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
/// Every cell with at least one operation is kept, with its count: thinning never hides an outlier. In the highest
/// cell of each column the slowest operation stands for it, in the others one that chance chose: always the slowest
/// would draw a stripe along each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyCells {
    /// The function.
    pub f: String,
    /// The type of completion.
    pub op_type: OpType,
    /// `[time ns, latency ns, operations in this cell]`: one operation of each occupied cell, exactly as it was.
    #[serde(serialize_with = "on_one_line")]
    pub cells: Vec<[u64; 3]>,
    /// Whether any cell holds more than one operation.
    pub thinned: bool,
}

/// Acknowledged records that no reader had seen: the most at a time in each step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Unseen {
    /// Over all keys.
    pub total: Vec<u64>,
    /// The keys with the most, at most eight, sorted by their maximum.
    pub by_key: Vec<(String, Vec<u64>)>,
    /// How many keys had any.
    #[serde(default)]
    pub keys: u64,
    /// How many nobody had read when the history ended; `None` where an older tribunal did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_end: Option<u64>,
}

/// Realtime lag of one consumer client: for how long the oldest acknowledged record ahead of it had been acknowledged,
/// the worst of its keys, the longest in each step. A record that it stepped over is not ahead of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// `client 12`, or `process 3` where the history names no client.
    pub reader: String,
    /// Nanoseconds; `None` before its first poll and after its last.
    pub lag: Vec<Option<u64>>,
}

/// Cells as JSON without white space, also in a document that has some: there are many of them.
fn on_one_line<S: Serializer>(cells: &[[u64; 3]], serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::value::to_raw_value(cells).map_err(S::Error::custom)?.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_on_one_line_and_read_again() {
        let cells = vec![[1, 2, 3], [u64::MAX, 0, 1]];
        let latencies = LatencyCells { f: "send".into(), op_type: OpType::Ok, cells, thinned: false };
        let series = Series { latencies: vec![latencies], ..Series::default() };
        let text = serde_json::to_string_pretty(&series).expect("JSON");
        assert!(text.contains("[[1,2,3],[18446744073709551615,0,1]]"), "{text}");
        assert_eq!(serde_json::from_str::<Series>(&text).expect("read"), series);
    }

    #[test]
    fn what_an_older_tribunal_wrote_is_read() {
        let old = r#"{"schema":1,"title":"t","step":1,"steps":1,"end":1,"faults":[],"rates":[],"quantiles":[],
            "latencies":[],"unseen":{"total":[],"by_key":[]},"lag":[]}"#;
        let series: Series = serde_json::from_str(old).expect("read");
        assert_eq!((series.window, series.cell, series.unseen.at_end), (None, Nanos(0), None));
    }
}
