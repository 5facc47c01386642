//! Faults in plain data: the window in which one held, and the journal's entries.

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// When a fault held, on whom, and whether it bit: what reports and pictures shade.
///
/// In the history a fault is four nemesis events that share a `fault` number: its invocation (`f` = the
/// fault's name, value = what was asked), its `info` completion (value = [`FaultOutcome`]), and the
/// same two for `heal`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultWindow {
    /// The fault's number in the run, from 1.
    pub fault: u32,
    /// Its name, e.g. `isolate-leader`.
    pub name: String,
    /// What it did to whom, for people: `isolate leader of t-3 (kafka-2)`.
    pub label: String,
    /// When it was injected.
    pub start: Nanos,
    /// When it was healed; `None` while it holds, or where the history ends first.
    pub end: Option<Nanos>,
    /// Whether a probe saw it take effect; `None` where nothing was recorded.
    pub bit: Option<bool>,
    /// What the probe saw.
    pub evidence: String,
    /// The nodes it touched, by name.
    pub nodes: Vec<String>,
    /// What it was to hold until and did not see; `None` where it held for as long as it was asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<String>,
}

/// The value of a nemesis event that completes a fault's start or its heal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultOutcome {
    /// What was done to whom, for people.
    pub label: String,
    /// The nodes touched, by name.
    pub nodes: Vec<String>,
    /// Whether a probe saw it take effect.
    pub bit: Option<bool>,
    /// What the probe saw, or why the action failed.
    pub evidence: String,
    /// What it was to hold until and did not see: `nobody else led t-0 within 90 s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<String>,
}
