//! The four events of a fault in the history.

use serde_json::{Value, json};
use store::fault::FaultOutcome;
use store::op::{Event, More, OpType, Payload};
use store::recorder::RecorderError;

use super::{NEMESIS, Stage};
use crate::fault::FaultSpec;

/// The function of a heal's events.
const HEAL: &str = "heal";

/// Records one fault's events, which share its number.
pub(super) struct Recording<'a> {
    stage: &'a Stage,
    fault: u32,
    name: String,
}

impl<'a> Recording<'a> {
    pub(super) fn new(stage: &'a Stage, fault: u32, name: String) -> Recording<'a> {
        Recording { stage, fault, name }
    }

    /// The fault begins: what was asked for.
    pub(super) fn asked(&self, spec: &FaultSpec, key: &str) -> Result<(), RecorderError> {
        let role = spec.aim.role(key);
        self.event(OpType::Invoke, &self.name, &json!({ "fault": spec.to_string(), "target": role }))
    }

    /// The fault holds, or did not come about.
    pub(super) fn struck(&self, outcome: &FaultOutcome) -> Result<(), RecorderError> {
        self.event(OpType::Info, &self.name, &json!(outcome))
    }

    /// The heal begins.
    pub(super) fn healing(&self, label: &str) -> Result<(), RecorderError> {
        self.event(OpType::Invoke, HEAL, &json!({ "fault": self.name, "label": label }))
    }

    /// The heal is over; the outcome is the whole fault's.
    pub(super) fn healed(&self, outcome: &FaultOutcome) -> Result<(), RecorderError> {
        self.event(OpType::Info, HEAL, &json!(outcome))
    }

    fn event(&self, op_type: OpType, f: &str, value: &Value) -> Result<(), RecorderError> {
        let value = value.to_string();
        let event = Event::new(self.stage.clock.now(), NEMESIS, op_type, f, Payload::Json(&value));
        self.stage.tape.record(&event.with(More { fault: Some(self.fault), ..More::default() }))
    }
}
