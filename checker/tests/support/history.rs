//! Operations as plain structs, and the history's text that they make.

use std::collections::BTreeMap;
use std::fmt::Write;

pub use super::outcome::Outcome;

/// Offset and value of each record.
pub type Records = Vec<(i64, Option<u64>)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Key, value, acknowledged offset.
    Send(String, u64, Option<i64>),
    /// Records by key, in the order read; a damaged one has no value.
    Poll(Vec<(String, Records)>),
    /// Start and end by key.
    Offsets(BTreeMap<String, (i64, i64)>),
    /// `assign`, `seek` ...
    Move(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub process: u32,
    pub client: Option<u32>,
    pub seq: Option<u64>,
    pub what: What,
    pub invoked: u64,
    /// `None`: it never returned.
    pub completed: Option<u64>,
    pub outcome: Outcome,
    pub unacked: bool,
    pub final_pass: bool,
    /// Where the consumer says that it stands.
    pub position: BTreeMap<String, i64>,
}

impl Op {
    pub fn new(process: u32, what: What, invoked: u64, completed: u64, outcome: Outcome) -> Op {
        Op {
            process,
            client: None,
            seq: None,
            what,
            invoked,
            completed: Some(completed),
            outcome,
            unacked: false,
            final_pass: false,
            position: BTreeMap::new(),
        }
    }

    fn f(&self) -> &'static str {
        match self.what {
            What::Send(..) => "send",
            What::Poll(_) => "poll",
            What::Offsets(_) => "offsets",
            What::Move(f) => f,
        }
    }

    fn value(&self, completion: bool) -> String {
        match &self.what {
            What::Send(key, value, offset) if completion && self.outcome == Outcome::Ok => {
                let offset = offset.map_or("null".to_owned(), |offset| offset.to_string());
                format!(r#"[["send","{key}",[{offset},{value}]]]"#)
            }
            What::Send(key, value, _) => format!(r#"[["send","{key}",{value}]]"#),
            What::Poll(_) if !completion => r#"[["poll"]]"#.to_owned(),
            What::Poll(keys) => {
                let keys: Vec<String> = keys
                    .iter()
                    .map(|(key, records)| {
                        let record = |(offset, value): &(i64, Option<u64>)| {
                            format!("[{offset},{}]", value.map_or("null".to_owned(), |v| v.to_string()))
                        };
                        let records: Vec<String> = records.iter().map(record).collect();
                        format!(r#""{key}":[{}]"#, records.join(","))
                    })
                    .collect();
                format!(r#"[["poll",{{{}}}]]"#, keys.join(","))
            }
            What::Offsets(bounds) if completion => {
                let bounds: Vec<String> = bounds
                    .iter()
                    .map(|(key, (start, end))| format!(r#""{key}":{{"start":{start},"end":{end}}}"#))
                    .collect();
                format!("{{{}}}", bounds.join(","))
            }
            What::Offsets(_) | What::Move(_) => "null".to_owned(),
        }
    }

    fn line(&self, completion: bool) -> String {
        let (time, op_type) = self.outcome.line(completion, self.invoked, self.completed);
        let mut line = format!(
            r#"{{"time":{time},"process":{},"type":"{op_type}","f":"{}","value":{}"#,
            self.process,
            self.f(),
            self.value(completion)
        );
        let mut more = |name: &str, value: String| write!(line, r#","{name}":{value}"#).expect("to a string");
        if let Some(client) = self.client {
            more("client", client.to_string());
        }
        if let Some(seq) = self.seq {
            more("seq", seq.to_string());
        }
        if self.unacked {
            more("unacked", "true".into());
        }
        if self.final_pass {
            more("final", "true".into());
        }
        if completion && !self.position.is_empty() {
            let position: Vec<String> = self.position.iter().map(|(k, o)| format!(r#""{k}":{o}"#)).collect();
            more("position", format!("{{{}}}", position.join(",")));
        }
        line.push_str("}\n");
        line
    }
}

/// Two lines an operation, in order of time; of equal times, in the order of the operations.
pub fn text(ops: &[Op]) -> String {
    let mut lines: Vec<(u64, usize, bool)> = Vec::new();
    for (i, op) in ops.iter().enumerate() {
        lines.push((op.invoked, i, false));
        if let Some(completed) = op.completed {
            lines.push((completed, i, true));
        }
    }
    lines.sort_by_key(|(time, i, completion)| (*time, *completion, *i));
    lines.into_iter().map(|(_, i, completion)| ops[i].line(completion)).collect()
}
