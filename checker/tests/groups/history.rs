//! Operations of consumer groups as plain structs, the text that they make, and the verdict on it.

use std::collections::BTreeMap;

use checker::{Context, Options, analyze};
use store::reader::Source;
use store::verdict::Verdict;

pub use super::outcome::Outcome;

pub const KEYS: [&str; 2] = ["t-0", "t-1"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Key, value, acknowledged offset.
    Send(usize, u64, i64),
    /// Records by key, in the order read: offsets; the value at an offset is that offset and 1,000 a key.
    Poll(Vec<(usize, Vec<i64>)>),
    Subscribe,
    Assign,
    Crash,
    Seek(usize),
    /// Key, offset.
    Commit(usize, i64),
    /// Assigned and taken.
    Rebalance(Vec<usize>, Vec<usize>),
    /// Ends by key; part of the consume-all pass.
    Ends(Vec<i64>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub what: What,
    pub process: u32,
    pub client: u32,
    pub group: Option<&'static str>,
    pub generation: Option<i64>,
    pub invoked: u64,
    /// `None`: it never returned.
    pub completed: Option<u64>,
    pub outcome: Outcome,
    pub final_pass: bool,
    /// Keys of Jepsen's `rebalance-log` on a poll.
    pub log: Vec<usize>,
}

impl Op {
    pub fn new(what: What, client: u32, invoked: u64, completed: u64) -> Op {
        Op {
            what,
            process: client,
            client,
            group: None,
            generation: None,
            invoked,
            completed: Some(completed),
            outcome: Outcome::Ok,
            final_pass: false,
            log: Vec::new(),
        }
    }

    fn line(&self, completion: bool) -> String {
        let (time, op_type) = self.outcome.line(completion, self.invoked, self.completed);
        let names = |keys: &[usize]| {
            let keys: Vec<String> = keys.iter().map(|key| format!("\"{}\"", KEYS[*key])).collect();
            keys.join(",")
        };
        let generation = self.generation.map(|g| format!(",\"generation\":{g}")).unwrap_or_default();
        let (f, value) = match &self.what {
            What::Send(key, value, offset) if completion && self.outcome == Outcome::Ok => {
                ("send", format!(r#"[["send","{}",[{offset},{value}]]]"#, KEYS[*key]))
            }
            What::Send(key, value, _) => ("send", format!(r#"[["send","{}",{value}]]"#, KEYS[*key])),
            What::Poll(_) if !completion => ("poll", r#"[["poll"]]"#.to_owned()),
            What::Poll(read) => {
                let of = |(key, offsets): &(usize, Vec<i64>)| {
                    let records = offsets.iter().map(|o| format!("[{o},{}]", value_at(*key, *o)));
                    format!("\"{}\":[{}]", KEYS[*key], records.collect::<Vec<_>>().join(","))
                };
                ("poll", format!(r#"[["poll",{{{}}}]]"#, read.iter().map(of).collect::<Vec<_>>().join(",")))
            }
            What::Subscribe => ("subscribe", r#"["t"]"#.to_owned()),
            What::Assign => ("assign", format!("[{}]", names(&[0, 1]))),
            What::Crash => ("crash", "null".to_owned()),
            What::Seek(key) => ("seek", format!(r#"{{"{}":0}}"#, KEYS[*key])),
            What::Commit(key, offset) => ("commit", format!(r#"{{"{}":{offset}{generation}}}"#, KEYS[*key])),
            What::Rebalance(..) if !completion => ("rebalance", "null".to_owned()),
            What::Rebalance(assigned, taken) => (
                "rebalance",
                format!(r#"{{"assigned":[{}],"revoked":[{}]{generation}}}"#, names(assigned), names(taken)),
            ),
            What::Ends(_) if !completion => ("offsets", "null".to_owned()),
            What::Ends(ends) => {
                let of = |(key, end): (&str, &i64)| format!(r#""{key}":{{"start":0,"end":{end}}}"#);
                let all: Vec<String> = KEYS.into_iter().zip(ends).map(of).collect();
                ("offsets", format!("{{{}}}", all.join(",")))
            }
        };
        let mut more = self.group.map(|group| format!(r#","group":"{group}""#)).unwrap_or_default();
        if self.final_pass {
            more += r#","final":true"#;
        }
        if completion && !self.log.is_empty() {
            more += &format!(r#","rebalance-log":[{{"type":"revoked","keys":[{}]}}]"#, names(&self.log));
        }
        format!(
            "{{\"time\":{time},\"process\":{},\"client\":{},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}{more}}}\n",
            self.process, self.client
        )
    }
}

pub fn value_at(key: usize, offset: i64) -> u64 {
    (offset + 1000 * key as i64) as u64
}

/// Two lines an operation, in order of time: whether it completes, and which operation.
pub fn order(ops: &[Op]) -> Vec<(u64, bool, usize)> {
    let mut lines: Vec<(u64, bool, usize)> = Vec::new();
    for (i, op) in ops.iter().enumerate() {
        lines.push((op.invoked, false, i));
        lines.extend(op.completed.map(|at| (at, true, i)));
    }
    lines.sort_unstable();
    lines
}

pub fn text(ops: &[Op]) -> String {
    order(ops).into_iter().map(|(_, completion, i)| ops[i].line(completion)).collect()
}

pub fn verdict(ops: &[Op]) -> Verdict {
    let options = Options { threads: 1, examples: usize::MAX / 4, ..Options::default() };
    let source = Source::bytes(text(ops).into_bytes());
    analyze(source, &Context::default(), &options).expect("a well-formed history").verdict
}

/// Kinds of groups and of polls, each with its count; every example must have a proof.
pub fn counts(verdict: &Verdict) -> BTreeMap<&str, u64> {
    let kinds = [
        "redelivery",
        "group-skip",
        "ownership-overlap",
        "commit-regression",
        "poll-skip",
        "int-poll-skip",
        "nonmonotonic-poll",
        "int-nonmonotonic-poll",
    ];
    let mut counts = BTreeMap::new();
    for kind in kinds {
        let Some(anomaly) = verdict.anomalies.get(kind) else { continue };
        for example in &anomaly.examples {
            assert!(example.sentence.contains("because"), "{kind}: {}", example.sentence);
            assert!(!example.witness.is_empty(), "{kind} has no witness: {}", example.sentence);
        }
        counts.insert(kind, anomaly.count);
    }
    counts
}
