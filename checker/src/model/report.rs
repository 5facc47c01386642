//! An outcome in the words of a verdict.

use std::collections::BTreeMap;

use store::time::Nanos;
use store::verdict::{Anomaly, CheckerReport, Example, Validity, Witness};

use super::kind::ModelKind;
use super::outcome::{Outcome, Violation};

/// The kind under which a broken key stands in a verdict.
pub const NONLINEARIZABLE: &str = "nonlinearizable";

impl Outcome {
    /// Its validity.
    pub fn validity(&self) -> Validity {
        match self {
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
    let witness = |op: &super::outcome::WitnessOp| Witness {
        line: op.line,
        role: format!("{}: {}", op.operation, op.role),
    };
    Example {
        sentence: violation.sentence.clone(),
        key: violation.key.clone(),
        time: violation.returned.map(Nanos),
        witness: violation.witness.iter().map(witness).collect(),
        details,
        ..Example::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Budget, History, check};

    use super::*;

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
