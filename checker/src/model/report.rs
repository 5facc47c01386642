//! An outcome in the words of a verdict.

use std::collections::BTreeMap;

use store::time::Nanos;
use store::verdict::{Anomaly, CheckerReport, Example, Validity, Witness};

use super::kind::ModelKind;
use super::outcome::{Outcome, Violation};

/// The kind under which a broken key stands in a verdict.
pub const NONLINEARIZABLE: &str = "nonlinearizable";

impl Outcome {
    /// Its validity. An order of operations none of which is known to have happened is no evidence: unknown.
    pub fn validity(&self) -> Validity {
        match self {
            Outcome::Valid(coverage) if coverage.happened == 0 => Validity::Unknown,
            Outcome::Valid(_) => Validity::Valid,
            Outcome::Invalid { .. } => Validity::Invalid,
            Outcome::Unknown { .. } => Validity::Unknown,
        }
    }

    /// The anomaly of kind [`NONLINEARIZABLE`], one count a broken key; `None` unless it is invalid.
    pub fn anomaly(&self) -> Option<Anomaly> {
        let Outcome::Invalid { violations, coverage } = self else { return None };
        let examples = violations.iter().map(example).collect();
        Some(Anomaly { count: coverage.broken, examples, ..Anomaly::default() })
    }

    /// The checker's account of itself, which took `seconds` of CPU time.
    pub fn report(&self, kind: ModelKind, seconds: f64) -> CheckerReport {
        let reason = match self {
            Outcome::Unknown { reason, .. } => Some(reason.clone()),
            Outcome::Valid(coverage) if coverage.happened == 0 => Some(format!(
                "vacuous: of {} none is known to have happened, so nothing confirms the {kind}",
                if coverage.operations == 1 {
                    "1 operation".to_owned()
                } else {
                    format!("{} operations", coverage.operations)
                }
            )),
            _ => None,
        };
        CheckerReport {
            name: format!("linearizability of {kind}"),
            validity: self.validity(),
            seconds,
            covered: self.coverage().to_string(),
            reason,
        }
    }
}

fn example(violation: &Violation) -> Example {
    let prefix = violation.prefix;
    let details = BTreeMap::from([
        ("prefix_operations".to_owned(), prefix.operations.into()),
        ("prefix_line".to_owned(), prefix.line.into()),
        ("prefix_exact".to_owned(), prefix.exact.into()),
    ]);
    let witness = |op: &super::outcome::WitnessOp| {
        let invoked = Witness { line: op.line, role: format!("{}: {}", op.operation, op.role) };
        let completed = op.returned_line.map(|line| Witness { line, role: "its completion".to_owned() });
        std::iter::once(invoked).chain(completed)
    };
    Example {
        sentence: violation.sentence.clone(),
        key: violation.key.clone(),
        time: violation.returned.map(Nanos),
        witness: violation.witness.iter().flat_map(witness).collect(),
        details,
        ..Example::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Budget, History, check};

    use super::*;

    fn judged(text: &str, kind: ModelKind) -> (Validity, String) {
        let history = History::from_json_lines(text).unwrap();
        let report = check(&history, kind, &Budget::default()).report(kind, 0.0);
        (report.validity, report.reason.unwrap_or_default())
    }

    #[test]
    fn what_confirms_nothing_is_vacuous() {
        let write = r#"{"process":0,"type":"invoke","f":"write","value":1}"#;
        let ended = |word: &str| {
            format!("{write}\n{{\"process\":0,\"type\":\"{word}\",\"f\":\"write\",\"value\":1}}\n")
        };
        let read = r#"{"process":0,"type":"invoke","f":"read","value":null}"#.to_owned();
        for text in [ended("fail"), ended("info"), write.to_owned(), read] {
            let (validity, reason) = judged(&text, ModelKind::Register);
            assert_eq!(validity, Validity::Unknown, "{text}");
            assert!(reason.starts_with("vacuous: of 1 operation none"), "{reason}");
        }
        assert_eq!(judged(&ended("ok"), ModelKind::Register).0, Validity::Valid);
    }

    #[test]
    fn a_history_of_other_functions_is_told_from_an_empty_one() {
        let text = "{\"process\":0,\"type\":\"invoke\",\"f\":\"put\",\"value\":1}\n\
                    {\"process\":1,\"type\":\"invoke\",\"f\":\"get\",\"value\":null}\n";
        for kind in ModelKind::ALL {
            let (validity, reason) = judged(text, kind);
            assert_eq!(validity, Validity::Unknown);
            let known = kind.vocabulary().iter().map(|f| f.as_str()).collect::<Vec<_>>().join(", ");
            assert_eq!(
                reason,
                format!(
                    "\"put\" (line 1) is no function of the model {kind}, which knows {known}; the history's functions are get, put"
                )
            );
            assert!(
                judged("", kind)
                    .1
                    .contains(&format!("no operation of a client; the model {kind} knows {known}"))
            );
        }
    }

    #[test]
    fn an_invalid_outcome_becomes_one_anomaly_a_key() {
        let lines = [
            r#"{"process":0,"type":"invoke","f":"read","value":null,"time":5}"#,
            r#"{"process":0,"type":"ok","f":"read","value":1,"time":6}"#,
        ];
        let history = History::from_json_lines(&lines.join("\n")).unwrap();
        let outcome = check(&history, ModelKind::Register, &Budget::default());
        let anomaly = outcome.anomaly().unwrap();
        assert_eq!((anomaly.count, anomaly.examples.len()), (1, 1));
        let example = &anomaly.examples[0];
        assert_eq!((example.time, example.witness[0].line), (Some(Nanos(6)), 1));
        assert!(example.sentence.contains("because no operation that happened wrote that value"));
        let report = outcome.report(ModelKind::Register, 0.5);
        assert_eq!(
            (report.validity, report.name.as_str()),
            (Validity::Invalid, "linearizability of register")
        );
        assert_eq!(report.covered, "1 of 1 operations, 1 of 1 keys; 1 keys by their values alone");
    }
}
