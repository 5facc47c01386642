//! The checker's verdict on operations, in a form that tests compare.

use std::collections::BTreeMap;

use checker::{Analysis, Context, Options, analyze};
use store::reader::Source;
use store::verdict::Verdict;

use super::history::{Op, text};
use super::notation;

/// One finding: kind, key, and the value or (for polls and offsets) the offset at its heart.
pub type Finding = (String, String, String);

/// Analyzes operations, keeping every example.
pub fn analysis(ops: &[Op], context: &Context) -> Analysis {
    let options = Options { threads: 1, examples: usize::MAX / 4, ..Options::default() };
    analyze(Source::bytes(text(ops).into_bytes()), context, &options).expect("a well-formed history")
}

/// Whether a kind is of logs: consumer groups have tests of their own.
fn of_logs(kind: &str) -> bool {
    kind != "redelivery"
}

/// Which number names a finding of a kind.
pub fn named_by_offset(kind: &str) -> bool {
    ["inconsistent-offsets", "nonmonotonic-poll", "poll-skip", "corrupt"]
        .contains(&kind.trim_start_matches("int-"))
}

/// Every example of a verdict as a finding, with how often it is there; counts must agree with the examples.
pub fn findings(verdict: &Verdict) -> BTreeMap<Finding, usize> {
    let mut all = BTreeMap::new();
    for (kind, anomaly) in verdict.anomalies.iter().filter(|(kind, _)| of_logs(kind)) {
        assert_eq!(anomaly.count, anomaly.examples.len() as u64, "{kind}: all examples were asked for");
        for example in &anomaly.examples {
            assert!(example.sentence.contains("because"), "{kind}: {}", example.sentence);
            assert!(!example.witness.is_empty(), "{kind} has no witness");
            let name = if named_by_offset(kind) {
                example.offset.expect("an offset").to_string()
            } else {
                example.value.clone().expect("a value")
            };
            *all.entry((kind.clone(), example.key.clone().unwrap_or_default(), name)).or_default() += 1;
        }
    }
    all
}

/// The verdict in one line: `INVALID lost-write[5] | inconsistent-offsets~lost-write[0]`.
///
/// Findings that follow from another are behind `~` and its kind; keys other than `t-0` stand before the name.
pub fn told(ops: &[Op], context: &Context) -> String {
    let verdict = analysis(ops, context).verdict;
    findings(&verdict);
    let mut told = vec![verdict.validity.to_string()];
    for (kind, anomaly) in verdict.anomalies.iter().filter(|(kind, _)| of_logs(kind)) {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for example in &anomaly.examples {
            let mut name = if named_by_offset(kind) {
                example.offset.map(|offset| offset.to_string()).unwrap_or_default()
            } else {
                example.value.clone().unwrap_or_default()
            };
            if example.key.as_deref() != Some("t-0") {
                name = format!("{} {name}", example.key.clone().unwrap_or_default());
            }
            let after = example.consequence_of.as_ref().map(|k| format!("~{k}")).unwrap_or_default();
            let group = format!("{kind}{after}");
            match groups.iter_mut().find(|(g, _)| *g == group) {
                Some((_, names)) => names.push(name),
                None => groups.push((group, vec![name])),
            }
        }
        told.extend(groups.into_iter().map(|(group, names)| format!("{group}[{}]", names.join(" "))));
    }
    told.join(" ")
}

/// [`told`] of a history in notation, with nothing known besides it.
pub fn judge(notation: &str) -> String {
    told(&notation::ops(notation), &Context::default())
}
