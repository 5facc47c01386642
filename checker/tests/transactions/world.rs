//! Transactional histories as plain structs, and the lines that they make.

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Fail,
    Info,
}

/// One record that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub key: usize,
    pub value: u64,
    /// Its place in the log, unique in its key.
    pub at: i64,
    /// Whether it is in the log that the consume-all pass finds.
    pub survives: bool,
    pub invoked: u64,
}

/// Key, and offset and value of each record.
pub type Records = Vec<(usize, Vec<(i64, u64)>)>;

#[derive(Debug, Clone)]
pub struct Txn {
    /// Its process; its client where its sends are operations of their own.
    pub process: u32,
    pub joined: bool,
    pub sends: Vec<Sent>,
    pub polls: Records,
    pub committed_reader: Option<bool>,
    pub invoked: u64,
    pub completed: Option<u64>,
    pub outcome: Outcome,
    /// Its outcome is said to be an abort, although its sends are unknown.
    pub visible: bool,
}

#[derive(Debug, Clone)]
pub struct Poll {
    pub process: u32,
    pub committed_reader: Option<bool>,
    pub invoked: u64,
    pub completed: u64,
    pub records: Records,
}

#[derive(Debug, Clone)]
pub struct Plain {
    pub process: u32,
    pub send: Sent,
    pub completed: u64,
    pub outcome: Outcome,
}

/// The consume-all pass of one key.
#[derive(Debug, Clone)]
pub struct Pass {
    pub start: i64,
    pub end: i64,
    pub stable: i64,
    pub position: i64,
    pub asked: u64,
    pub committed_reader: Option<bool>,
}

#[derive(Debug, Clone, Default)]
pub struct World {
    pub txns: Vec<Txn>,
    pub polls: Vec<Poll>,
    pub plain: Vec<Plain>,
    /// By key; none where there is no pass.
    pub pass: Vec<Pass>,
    pub timeout_ms: Option<u64>,
}

pub fn key(key: usize) -> String {
    format!("t-{key}")
}

fn isolation(event: &mut Value, committed: Option<bool>) {
    if let Some(committed) = committed {
        event["isolation"] = json!(if committed { "read-committed" } else { "read-uncommitted" });
    }
}

fn read(records: &Records) -> Value {
    let keys: serde_json::Map<String, Value> = records.iter().map(|(k, r)| (key(*k), json!(r))).collect();
    json!(["poll", keys])
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Fail => "fail",
        Outcome::Info => "info",
    }
}

fn sent(send: &Sent, outcome: Option<Outcome>) -> Value {
    match outcome {
        Some(Outcome::Ok) => json!(["send", key(send.key), [send.at, send.value]]),
        _ => json!(["send", key(send.key), send.value]),
    }
}

impl World {
    /// Everything that anybody sent.
    pub fn sends(&self) -> impl Iterator<Item = &Sent> {
        let plain = self.plain.iter().map(|plain| &plain.send);
        self.txns.iter().flat_map(|txn| &txn.sends).chain(plain)
    }

    /// What the consume-all pass reads of a key, by offset; without such a pass, what anybody read.
    pub fn surviving(&self, key: usize) -> Vec<&Sent> {
        let Some(pass) = self.pass.get(key) else {
            let polls = self.txns.iter().filter(|txn| txn.outcome == Outcome::Ok).map(|txn| &txn.polls);
            let records = polls.chain(self.polls.iter().map(|poll| &poll.records)).flatten();
            let read: Vec<&(i64, u64)> = records.filter(|(k, _)| *k == key).flat_map(|(_, r)| r).collect();
            let seen = |send: &&Sent| send.key == key && read.iter().any(|(_, value)| *value == send.value);
            let mut all: Vec<&Sent> = self.sends().filter(seen).collect();
            all.sort_by_key(|send| send.at);
            return all;
        };
        let there = |send: &&Sent| {
            send.key == key && send.survives && send.at >= pass.start && send.at < pass.position.min(pass.end)
        };
        let mut all: Vec<&Sent> = self.sends().filter(there).collect();
        all.sort_by_key(|send| send.at);
        all
    }

    /// The history's lines.
    pub fn text(&self) -> String {
        let mut lines: Vec<(u64, usize, Value)> = Vec::new();
        let mut push = |time: u64, event: Value| {
            let n = lines.len();
            lines.push((time, n, event));
        };
        let event = |time: u64, process: u32, op: &str, f: &str, value: Value| json!({"time": time, "process": process, "type": op, "f": f, "value": value});
        for (n, txn) in self.txns.iter().enumerate() {
            if txn.joined {
                self.joined(n, txn, &mut push);
                continue;
            }
            let mops = |done: bool| {
                let outcome = done.then_some(txn.outcome);
                let mut mops: Vec<Value> = txn.sends.iter().map(|s| sent(s, outcome)).collect();
                let poll =
                    if done && txn.outcome == Outcome::Ok { read(&txn.polls) } else { json!(["poll"]) };
                mops.push(poll);
                Value::Array(mops)
            };
            let mut begin = event(txn.invoked, txn.process, "invoke", "txn", mops(false));
            isolation(&mut begin, txn.committed_reader);
            push(txn.invoked, begin);
            if let Some(completed) = txn.completed {
                let mut end = event(completed, txn.process, word(txn.outcome), "txn", mops(true));
                isolation(&mut end, txn.committed_reader);
                push(completed, end);
            }
        }
        for poll in &self.polls {
            let mut begin = event(poll.invoked, poll.process, "invoke", "poll", json!([["poll"]]));
            isolation(&mut begin, poll.committed_reader);
            push(poll.invoked, begin);
            let mut end = event(poll.completed, poll.process, "ok", "poll", json!([read(&poll.records)]));
            isolation(&mut end, poll.committed_reader);
            push(poll.completed, end);
        }
        for plain in &self.plain {
            let Plain { process, send, completed, outcome } = plain;
            push(send.invoked, event(send.invoked, *process, "invoke", "send", json!([sent(send, None)])));
            let end = json!([sent(send, Some(*outcome))]);
            push(*completed, event(*completed, *process, word(*outcome), "send", end));
        }
        for (k, pass) in self.pass.iter().enumerate() {
            let process = 9000 + k as u32;
            let mut ask = event(pass.asked, process, "invoke", "offsets", Value::Null);
            ask["final"] = json!(true);
            push(pass.asked, ask);
            let bounds = json!({key(k): {"start": pass.start, "end": pass.end, "stable": pass.stable}});
            let mut answer = event(pass.asked + 1, process, "ok", "offsets", bounds);
            answer["final"] = json!(true);
            push(pass.asked + 1, answer);
            let records = self.surviving(k).iter().map(|send| (send.at, send.value)).collect();
            let process = 9500 + k as u32;
            for (word, at) in [("invoke", pass.asked), ("ok", pass.asked + 1)] {
                let mut assign = event(at, process, word, "assign", json!([key(k)]));
                assign["final"] = json!(true);
                if word == "ok" {
                    assign["position"] = json!({key(k): pass.start});
                }
                push(at, assign);
            }
            let mut begin = event(pass.asked + 2, process, "invoke", "poll", json!([["poll"]]));
            let mut end = event(pass.asked + 3, process, "ok", "poll", json!([read(&vec![(k, records)])]));
            end["position"] = json!({key(k): pass.position});
            for event in [&mut begin, &mut end] {
                event["final"] = json!(true);
                isolation(event, pass.committed_reader);
            }
            push(pass.asked + 2, begin);
            push(pass.asked + 3, end);
        }
        lines.sort_by_key(|(time, n, _)| (*time, *n));
        lines.into_iter().map(|(_, _, event)| format!("{event}\n")).collect()
    }

    fn joined(&self, n: usize, txn: &Txn, push: &mut impl FnMut(u64, Value)) {
        for (i, send) in txn.sends.iter().enumerate() {
            let process = 1000 + (n * 100 + i) as u32;
            let more = |event: &mut Value| {
                event["client"] = json!(txn.process);
                event["seq"] = json!(n * 100 + i);
                event["incarnation"] = json!(0);
            };
            let mut begin = json!({"time": send.invoked, "process": process, "type": "invoke", "f": "send",
                "value": [sent(send, None)]});
            more(&mut begin);
            push(send.invoked, begin);
            let completed = txn.completed.expect("a transaction of sends completes");
            let mut end = json!({"time": completed, "process": process, "type": word(txn.outcome), "f": "send",
                "value": [sent(send, Some(txn.outcome))]});
            more(&mut end);
            let outcome = match txn.outcome {
                Outcome::Ok => "commit",
                Outcome::Fail => "abort",
                Outcome::Info if txn.visible => "abort",
                Outcome::Info => "unknown",
            };
            end["txn"] = json!({"id": format!("x{n}"), "outcome": outcome});
            push(completed, end);
        }
    }

    /// The transaction of each value of each key.
    pub fn writers(&self) -> BTreeMap<(usize, u64), usize> {
        let txns = self.txns.iter().enumerate();
        txns.flat_map(|(n, txn)| txn.sends.iter().map(move |s| ((s.key, s.value), n))).collect()
    }
}
