//! Operations of queues as plain structs, the text that they make, and the verdict on it in a form to compare.

use std::collections::BTreeMap;

use checker::{Context, Options, queue};
use store::reader::Source;
use store::verdict::Verdict;

pub use super::outcome::Outcome;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Enqueue(u64),
    /// Of an unknown one: what it names.
    Dequeue(Option<u64>),
    Drain(Vec<u64>),
}

/// One operation by a process of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub what: What,
    pub invoked: u64,
    /// `None`: it never returned.
    pub completed: Option<u64>,
    pub outcome: Outcome,
    pub key: Option<&'static str>,
}

impl Op {
    pub fn new(what: What, invoked: u64, completed: u64) -> Op {
        Op { what, invoked, completed: Some(completed), outcome: Outcome::Ok, key: None }
    }

    fn line(&self, process: usize, completion: bool) -> String {
        let (time, op_type) = self.outcome.line(completion, self.invoked, self.completed);
        let (f, value) = match &self.what {
            What::Enqueue(value) => ("enqueue", value.to_string()),
            What::Dequeue(Some(value)) if completion => ("dequeue", value.to_string()),
            What::Dequeue(_) => ("dequeue", "null".to_owned()),
            What::Drain(values) if completion => ("drain", format!("{values:?}")),
            What::Drain(_) => ("drain", "null".to_owned()),
        };
        let key = self.key.map(|key| format!(r#","key":"{key}""#)).unwrap_or_default();
        format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}{key}}}\n"
        )
    }
}

/// Two lines an operation, in order of time; and which operation each line is of.
pub fn text(ops: &[Op]) -> (String, Vec<usize>) {
    let mut lines: Vec<(u64, bool, usize)> = Vec::new();
    for (i, op) in ops.iter().enumerate() {
        lines.push((op.invoked, false, i));
        lines.extend(op.completed.map(|at| (at, true, i)));
    }
    lines.sort_unstable();
    let text = lines.iter().map(|(_, completion, i)| ops[*i].line(*i, *completion)).collect();
    (text, lines.into_iter().map(|(_, _, i)| i).collect())
}

pub fn verdict(text: &str, guarantee: &str) -> Verdict {
    let options = Options {
        threads: 1,
        examples: usize::MAX / 4,
        guarantee: Some(guarantee.into()),
        ..Options::default()
    };
    let source = Source::bytes(text.as_bytes().to_vec());
    queue::analyze(source, &Context::default(), &options).expect("a well-formed history").verdict
}

/// Kind to its count, and how many of it are consequences.
pub fn counts(verdict: &Verdict) -> BTreeMap<String, (u64, u64)> {
    for (kind, anomaly) in &verdict.anomalies {
        assert_eq!(anomaly.count, anomaly.examples.len() as u64, "{kind}: all examples were asked for");
        for example in &anomaly.examples {
            assert!(example.sentence.contains("because"), "{kind}: {}", example.sentence);
            assert!(!example.witness.is_empty(), "{kind} has no witness");
        }
    }
    let all = verdict.anomalies.iter();
    all.map(|(kind, a)| (kind.clone(), (a.count, a.consequence_of.values().sum()))).collect()
}
