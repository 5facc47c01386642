//! Histories as tribunal records them, of any length and shape: sends by many processes, two live consumers, a
//! consume-all pass; valid, or with one anomaly in a hundred sends.

use std::collections::BTreeMap;
use std::path::Path;

use store::op::{
    Event, Isolation, LogBounds, Mop, More, OpType, Payload, PersistenceStatus, Process, Record,
};
use store::recorder::{Recorder, Tape};
use store::time::{Clock, Nanos};

/// Records in one poll.
const POLLED: u64 = 50;
/// One send in so many has an anomaly.
const EVERY: u64 = 100;

/// What a history looks like.
pub(crate) struct Shape {
    pub(crate) keys: u64,
    /// Sends in flight at once, each of a process and a client of its own.
    pub(crate) processes: u64,
    /// Lost, duplicated and reordered records in turn.
    pub(crate) anomalies: bool,
    /// One send in five has no outcome, and its process a new number after it.
    pub(crate) retiring: bool,
}

impl Shape {
    pub(crate) const PLAIN: Shape = Shape { keys: 8, processes: 10, anomalies: false, retiring: false };

    /// A name for its file.
    pub(crate) fn label(&self) -> String {
        let Shape { keys, processes, .. } = self;
        let anomalies = if self.anomalies { "-anomalies" } else { "" };
        let retiring = if self.retiring { "-retiring" } else { "" };
        format!("{keys}k-{processes}p{anomalies}{retiring}")
    }

    /// What stands at a place of a partition: which of its sends, if any.
    fn stands_at(&self, place: u64) -> Option<u64> {
        if !self.anomalies {
            return Some(place);
        }
        // The same producer sends to the same partition again after this many of its sends.
        let again = self.processes / gcd(self.keys, self.processes);
        let kind = place / EVERY % 3;
        match place % EVERY {
            50 if kind == 0 => None,
            50 if kind == 1 => Some(place - 1),
            50 => Some(place + again),
            n if kind == 2 && n == 50 + again => Some(place - again),
            _ => Some(place),
        }
    }

    /// Whether a send, by its place in its partition and its number, got an answer.
    fn answered(&self, place: u64, number: u64) -> bool {
        let duplicated = self.anomalies && place % EVERY == 50 && place / EVERY % 3 == 1;
        let given_up = self.retiring && number % 5 == 3;
        !(duplicated || given_up)
    }
}

struct Writer<'a> {
    tape: &'a Tape,
    now: u64,
    keys: Vec<String>,
    shape: &'a Shape,
}

impl Writer<'_> {
    fn line(&mut self, process: u64, op_type: OpType, f: &str, value: Payload<'_>, more: More<'_>) {
        self.now += 1000;
        let event = Event::new(Nanos(self.now), Process(process as u32), op_type, f, value).with(more);
        self.tape.record(&event).expect("records");
    }

    fn poll(&mut self, key: u64, from: u64, last: bool) {
        // Readers' numbers lie above all that writers retire to.
        let process = u64::from(u32::MAX) - 10 + key % 2 + if last { 2 } else { 0 };
        let more = More {
            client: Some(process as u32),
            incarnation: Some(0),
            isolation: Some(Isolation::ReadUncommitted),
            final_pass: last,
            ..More::default()
        };
        self.line(process, OpType::Invoke, "poll", Payload::Mops(&[Mop::Poll(None)]), more);
        let record = |place: u64| {
            let value = self.shape.stands_at(place)? * self.shape.keys + key;
            Some(Record { offset: place as i64, value: Some(value) })
        };
        let records: Vec<Record> = (from..from + POLLED).filter_map(record).collect();
        let name = self.keys[key as usize].clone();
        let polled = [(name.as_str(), records.as_slice())];
        let position = [(name.as_str(), (from + POLLED) as i64)];
        let value = [Mop::Poll(Some(&polled))];
        self.line(process, OpType::Ok, "poll", Payload::Mops(&value), More { position: &position, ..more });
    }

    fn send(&mut self, number: u64, process: u64, completed: bool) {
        let Shape { keys, processes, .. } = *self.shape;
        let (key, place) = (number % keys, number / keys);
        let mut more = More {
            client: Some((number % processes) as u32),
            incarnation: Some(0),
            seq: Some(number / processes),
            ..More::default()
        };
        let name = self.keys[key as usize].clone();
        let send = |offset| [Mop::Send { key: &name, value: number, offset }];
        if !completed {
            return self.line(process, OpType::Invoke, "send", Payload::Mops(&send(None)), more);
        }
        if !self.shape.answered(place, number) {
            more.error = Some("timed out");
            return self.line(process, OpType::Info, "send", Payload::Mops(&send(None)), more);
        }
        more.status = Some(PersistenceStatus::Persisted);
        self.line(process, OpType::Ok, "send", Payload::Mops(&send(Some(Some(place as i64)))), more);
    }
}

/// Writes a history of about this many lines.
pub(crate) fn simulate(path: &Path, lines: u64, shape: &Shape) {
    let recorder = Recorder::create(path, Clock::start()).expect("a new file");
    let Shape { keys, processes, .. } = *shape;
    let names = (0..keys).map(|key| format!("t-{key}")).collect();
    let tape = recorder.tape();
    let mut writer = Writer { tape: &tape, now: 0, keys: names, shape };
    // A send is two lines, a poll of 50 records two more, live and in the final pass.
    let polls = (lines as f64 / (2.0 * POLLED as f64 + 4.0)).max(1.0) as u64;
    let sends = polls.div_ceil(keys) * keys * POLLED;
    // Each slot's process; retired ones are followed by a new number.
    let mut slots: Vec<u64> = (0..processes).collect();
    let mut next = processes;
    for first in (0..sends).step_by(processes as usize) {
        let round = first..sends.min(first + processes);
        for number in round.clone() {
            writer.send(number, slots[(number % processes) as usize], false);
        }
        for number in round {
            let slot = &mut slots[(number % processes) as usize];
            writer.send(number, *slot, true);
            if !shape.answered(number / keys, number) {
                *slot = next;
                next += 1;
            }
            if (number / keys + 1).is_multiple_of(POLLED) && number / keys > POLLED {
                // One window behind, so that what it reads was sent whatever the order.
                writer.poll(number % keys, number / keys + 1 - 2 * POLLED, false);
            }
        }
    }
    let per_key = sends / keys;
    let bounds: BTreeMap<&str, LogBounds> = writer
        .keys
        .iter()
        .map(|key| (key.as_str(), LogBounds { start: 0, stable: None, end: per_key as i64, epoch: None }))
        .collect();
    let bounds = serde_json::to_string(&bounds).expect("JSON");
    let more = More { client: Some(u32::MAX - 20), final_pass: true, ..More::default() };
    let process = u64::from(u32::MAX) - 20;
    writer.line(process, OpType::Invoke, "offsets", Payload::None, more);
    writer.line(process, OpType::Ok, "offsets", Payload::Json(&bounds), more);
    for key in 0..keys {
        for from in (0..per_key).step_by(POLLED as usize) {
            writer.poll(key, from, true);
        }
    }
    recorder.finish().expect("finishes");
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
