//! A consumer's operations as history lines: poll, assign, offsets.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::types::RDKafkaErrorCode as Code;
use store::op::{Event, Isolation, LogBounds, Mop, More, OpType, Payload, Process, Record};
use store::recorder::{RecorderError, Tape};
use store::time::{Clock, Nanos};

use crate::consumer::has_lost_its_place;
use crate::keys::Keys;
use crate::payload::{decode, topic_hash};
use crate::process::Processes;
use crate::reader::Seen;

/// Writes one consumer's operations.
pub(crate) struct Polls {
    tape: Tape,
    clock: Clock,
    keys: Arc<Keys>,
    processes: Processes,
    who: Who,
    topic_hashes: Vec<u32>,
    /// By key: the next offset to be read, once it is known.
    positions: Vec<Option<i64>>,
    /// By key: records of the poll that goes on.
    records: Vec<Vec<Record>>,
    /// Keys with records in this poll, in order of their first.
    touched: Vec<usize>,
    ends: Vec<usize>,
    broken: Vec<(usize, Code, String)>,
    node: Option<i32>,
}

/// Whose operations they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) process: Process,
    pub(crate) client: u32,
    pub(crate) incarnation: u32,
    pub(crate) isolation: Isolation,
    pub(crate) final_pass: bool,
}

/// What a poll brought, beside its lines in the history.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    pub(crate) records: u64,
    /// Keys whose position moved or whose end was reached.
    pub(crate) moved: Vec<usize>,
    /// Keys that could not be read, and why.
    pub(crate) broken: Vec<(usize, Code, String)>,
}

impl Polls {
    pub(crate) fn new(tape: Tape, keys: Arc<Keys>, processes: Processes, who: Who) -> Polls {
        Polls {
            clock: tape.clock(),
            tape,
            processes,
            who,
            topic_hashes: keys.topics().iter().map(|topic| topic_hash(topic)).collect(),
            positions: vec![None; keys.len()],
            records: vec![Vec::new(); keys.len()],
            touched: Vec::new(),
            ends: Vec::new(),
            broken: Vec::new(),
            node: None,
            keys,
        }
    }

    /// The next offset that will be read of a key.
    pub(crate) fn position(&self, key: usize) -> Option<i64> {
        self.positions[key]
    }

    /// The client begins anew.
    pub(crate) fn restart(&mut self) {
        self.who.incarnation += 1;
    }

    /// Records that these partitions are read from these offsets from now on.
    pub(crate) fn assigned(&mut self, offsets: &[(usize, i64)]) -> Result<(), RecorderError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let named: Vec<(&str, i64)> = offsets.iter().map(|(key, at)| (self.keys.name(*key), *at)).collect();
        let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
        let value = serde_json::to_string(&names).expect("names are JSON");
        let now = self.clock.now();
        self.write(now, OpType::Invoke, "assign", Payload::Json(&value), More::default())?;
        let more = More { position: &named, ..More::default() };
        self.write(self.clock.now(), OpType::Ok, "assign", Payload::Json(&value), more)?;
        for (key, at) in offsets {
            self.positions[*key] = Some(*at);
        }
        Ok(())
    }

    /// Begins to ask for bounds; [`Polls::bounds_answered`] must follow.
    pub(crate) fn asking_bounds(&mut self) -> Result<(), RecorderError> {
        self.write(self.clock.now(), OpType::Invoke, "offsets", Payload::None, More::default())
    }

    /// Records the answers; without any it is unknown whether the question arrived.
    pub(crate) fn bounds_answered(
        &mut self,
        bounds: &BTreeMap<usize, LogBounds>,
        error: Option<&str>,
    ) -> Result<(), RecorderError> {
        let named: BTreeMap<&str, LogBounds> = bounds.iter().map(|(k, b)| (self.keys.name(*k), *b)).collect();
        let value = serde_json::to_string(&named).expect("bounds are JSON");
        let now = self.clock.now();
        if bounds.is_empty() {
            self.write(now, OpType::Info, "offsets", Payload::None, More { error, ..More::default() })?;
            self.retire();
            return Ok(());
        }
        self.write(now, OpType::Ok, "offsets", Payload::Json(&value), More { error, ..More::default() })
    }

    /// Begins a poll; [`Polls::complete`] must follow.
    pub(crate) fn invoke(&mut self) -> Result<(), RecorderError> {
        self.write(
            self.clock.now(),
            OpType::Invoke,
            "poll",
            Payload::Mops(&[Mop::Poll(None)]),
            More::default(),
        )
    }

    /// Takes what the poll found.
    pub(crate) fn see(&mut self, seen: Seen<'_>) {
        match seen {
            Seen::Record { key, offset, payload, node } => {
                if self.records[key].is_empty() {
                    self.touched.push(key);
                }
                // All of a poll's records mostly come from one broker; else none is named.
                self.node = match (self.node, self.touched.len() + self.records[key].len()) {
                    (_, 1) => Some(node),
                    (Some(n), _) if n == node => Some(n),
                    _ => None,
                };
                let value = decode(payload).filter(|h| self.topic_hashes.contains(&h.topic)).map(|h| h.value);
                self.records[key].push(Record { offset, value });
                self.positions[key] = Some(offset + 1);
            }
            Seen::End { key, offset } => {
                self.ends.push(key);
                // Control records and aborted ones are passed over unseen: only the end tells of them.
                self.positions[key] = self.positions[key].max(Some(offset));
            }
            Seen::Broken { key, code, text } => self.broken.push((key, code, text)),
        }
    }

    /// Records what the poll found: records were read for certain, and where it stands now. What went wrong beside it
    /// (a broker is down, a partition does not answer) moves no reader, and is told along. Only where a partition's
    /// place was lost there is a second poll, which nobody knows the outcome of.
    pub(crate) fn complete(&mut self, client_error: Option<String>) -> Result<Polled, RecorderError> {
        let now = self.clock.now();
        let mut polled = Polled {
            records: self.touched.iter().map(|key| self.records[*key].len() as u64).sum(),
            moved: self.touched.clone(),
            broken: std::mem::take(&mut self.broken),
        };
        polled.moved.extend(self.ends.iter().copied().filter(|key| !self.touched.contains(key)));
        let error = polled.broken.first().map(|(_, _, text)| text.clone()).or(client_error);
        let lost = |key: &usize| {
            polled.broken.iter().any(|(broken, code, _)| broken == key && has_lost_its_place(*code))
        };
        let loses = polled.broken.iter().any(|(key, ..)| lost(key));
        if !loses {
            self.complete_ok(now, &polled.moved, error.as_deref())?;
        } else if !polled.moved.is_empty() {
            self.complete_ok(now, &polled.moved, None)?;
            self.invoke()?;
        }
        if let Some(error) = error.filter(|_| loses) {
            // Who loses one place keeps the others: the pass says where it goes on.
            let standing = (0..self.positions.len()).filter(|key| self.who.final_pass && !lost(key));
            let position: Vec<(&str, i64)> =
                standing.filter_map(|key| Some((self.keys.name(key), self.positions[key]?))).collect();
            let more = More { error: Some(&error), position: &position, ..More::default() };
            self.write(self.clock.now(), OpType::Info, "poll", Payload::Mops(&[Mop::Poll(None)]), more)?;
            self.retire();
        }
        for key in self.touched.drain(..) {
            self.records[key].clear();
        }
        self.ends.clear();
        self.node = None;
        Ok(polled)
    }

    fn complete_ok(&self, now: Nanos, moved: &[usize], error: Option<&str>) -> Result<(), RecorderError> {
        let records: Vec<(&str, &[Record])> =
            self.touched.iter().map(|key| (self.keys.name(*key), &self.records[*key][..])).collect();
        let position: Vec<(&str, i64)> =
            moved.iter().filter_map(|key| Some((self.keys.name(*key), self.positions[*key]?))).collect();
        let eof: Vec<&str> = self.ends.iter().map(|key| self.keys.name(*key)).collect();
        let node = self.node.filter(|id| *id >= 0);
        let more = More { node, error, position: &position, eof: &eof, ..More::default() };
        self.write(now, OpType::Ok, "poll", Payload::Mops(&[Mop::Poll(Some(&records))]), more)
    }

    /// After an unknown outcome the slot goes on under a new number.
    fn retire(&mut self) {
        // A consumer that used up billions of numbers keeps its last one.
        if let Some(next) = self.processes.after(self.who.process) {
            self.who.process = next;
        }
    }

    fn write(
        &self,
        time: Nanos,
        op_type: OpType,
        f: &str,
        value: Payload<'_>,
        more: More<'_>,
    ) -> Result<(), RecorderError> {
        let more = More {
            client: Some(self.who.client),
            incarnation: Some(self.who.incarnation),
            isolation: (f == "poll").then_some(self.who.isolation),
            final_pass: self.who.final_pass,
            ..more
        };
        self.tape.record(&Event::new(time, self.who.process, op_type, f, value).with(more))
    }
}
