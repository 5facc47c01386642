//! The nemesis' events, reduced to fault windows.

use std::collections::BTreeMap;

use store::batch::{Batch, F, Line};
use store::fault::{FaultOutcome, FaultWindow};
use store::op::OpType;
use store::time::Nanos;

/// Gathers the windows as the history goes by.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    windows: BTreeMap<u32, FaultWindow>,
}

impl Faults {
    /// Takes in one event of the nemesis. An event without a fault's number belongs to no window.
    pub(crate) fn event(&mut self, batch: &Batch, line: &Line) {
        let Some(fault) = line.fault() else { return };
        let name = function(batch, line.f);
        let window = self.windows.entry(fault).or_insert_with(|| FaultWindow {
            fault,
            name: name.to_owned(),
            label: name.to_owned(),
            start: line.time,
            end: None,
            bit: None,
            evidence: String::new(),
            nodes: Vec::new(),
            unmet: None,
        });
        let heal = name == "heal";
        match (line.op_type, heal) {
            // The fault may bite at any moment after it was asked for.
            (OpType::Invoke, false) => window.start = line.time,
            (OpType::Invoke, true) => {}
            (_, false) => learn(window, batch.value_of(line)),
            (_, true) => {
                window.end = Some(line.time);
                learn(window, batch.value_of(line));
            }
        }
    }

    /// All windows, in the order they began.
    pub(crate) fn windows(self) -> Vec<FaultWindow> {
        let mut windows: Vec<_> = self.windows.into_values().collect();
        windows.sort_by_key(|w| (w.start, w.fault));
        windows
    }
}

/// What a completion tells of its fault. A heal's outcome speaks of the whole window where it knows more.
fn learn(window: &mut FaultWindow, value: Option<&str>) {
    let Some(outcome) = value.and_then(|v| serde_json::from_str::<FaultOutcome>(v).ok()) else { return };
    let healing = window.end.is_some();
    if !outcome.label.is_empty() && (!healing || window.label == window.name) {
        window.label = outcome.label;
    }
    if outcome.bit == Some(true) || window.bit.is_none() {
        window.bit = outcome.bit.or(window.bit);
    }
    if !outcome.evidence.is_empty() && (!healing || outcome.bit.is_some() || window.evidence.is_empty()) {
        if window.evidence.is_empty() {
            window.evidence = outcome.evidence;
        } else if window.evidence != outcome.evidence {
            window.evidence = format!("{}; {}", window.evidence, outcome.evidence);
        }
    }
    window.unmet = outcome.unmet.or(window.unmet.take());
    for node in outcome.nodes {
        if !window.nodes.contains(&node) {
            window.nodes.push(node);
        }
    }
}

/// A function's name.
pub(crate) fn function(batch: &Batch, f: F) -> &str {
    match f {
        F::Other(name) => batch.name(name),
        known => known.as_str().unwrap_or_default(),
    }
}

/// The windows that overlap `[from, to]`.
pub(crate) fn in_force(windows: &[FaultWindow], from: u64, to: u64) -> impl Iterator<Item = &FaultWindow> {
    windows.iter().filter(move |w| w.start.0 <= to && w.end.unwrap_or(Nanos::MAX).0 >= from)
}
