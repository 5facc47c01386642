//! What a scenario expects of a run, beside what was found.
//!
//! A scenario that shows a failure is met by the failure. Conditions are `>0`, `>=2`, `=0`, `<10`, `<=3` on the
//! count of a kind, and `valid`, `invalid` or `unknown` on the validity.

use std::collections::BTreeMap;

use store::run_meta::Terms;
use store::settings::Settings;
use store::verdict::{Expectation, ExpectationState, Validity, Verdict};

use crate::context::CheckError;
use crate::kind::Kind;

const VALIDITY: &str = "validity";

/// A condition on one number or on the validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Count(Compare, u64),
    Validity(Validity),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    More,
    AtLeast,
    Exactly,
    AtMost,
    Less,
}

/// The conditions of a scenario, understood.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    conditions: BTreeMap<String, Condition>,
    written: Settings,
}

impl Expected {
    /// Reads them, before any history is.
    ///
    /// # Errors
    /// At the first that names no kind or holds no condition.
    pub(crate) fn parse(terms: &Terms) -> Result<Expected, CheckError> {
        let mut expected = Expected { written: terms.expect.clone(), ..Expected::default() };
        for (kind, text) in &terms.expect {
            let hint = if kind == VALIDITY {
                "valid, invalid or unknown"
            } else {
                "a comparison with a number, such as \">0\" or \"=0\""
            };
            let condition = match kind.as_str() {
                VALIDITY => validity(text).map(Condition::Validity),
                name if Kind::from_name(name).is_some() => {
                    count(text).map(|(compare, n)| Condition::Count(compare, n))
                }
                name => {
                    return Err(CheckError::Kind {
                        kind: name.to_owned(),
                        place: "the scenario's expectation",
                    });
                }
            };
            let condition = condition.ok_or_else(|| CheckError::Expect {
                kind: kind.clone(),
                condition: text.clone(),
                hint,
            })?;
            expected.conditions.insert(kind.clone(), condition);
        }
        Ok(expected)
    }

    /// Compares with what was found; `None` where nothing was expected.
    ///
    /// Where the verdict is uncertain, a count can only grow: `>0` may be met already, `=0` never is.
    pub(crate) fn judge(&self, verdict: &Verdict) -> Option<Expectation> {
        if self.conditions.is_empty() {
            return None;
        }
        let certain = verdict.unknown_because.is_empty();
        let mut observed = BTreeMap::new();
        let mut state = ExpectationState::Met;
        for (name, condition) in &self.conditions {
            let one = match condition {
                Condition::Validity(expected) => {
                    observed.insert(name.clone(), verdict.validity.to_string().to_lowercase());
                    match verdict.validity {
                        found if found == *expected => ExpectationState::Met,
                        Validity::Unknown => ExpectationState::Unknown,
                        _ => ExpectationState::Unmet,
                    }
                }
                Condition::Count(compare, n) => {
                    let found = verdict.anomalies.get(name).map_or(0, |anomaly| anomaly.count);
                    observed.insert(name.clone(), found.to_string());
                    compared(*compare, found, *n, certain)
                }
            };
            state = match (state, one) {
                (ExpectationState::Unmet, _) | (_, ExpectationState::Unmet) => ExpectationState::Unmet,
                (ExpectationState::Unknown, _) | (_, ExpectationState::Unknown) => ExpectationState::Unknown,
                _ => ExpectationState::Met,
            };
        }
        Some(Expectation { state, expected: self.written.clone(), observed })
    }
}

fn compared(compare: Compare, found: u64, n: u64, certain: bool) -> ExpectationState {
    let (holds, may_change) = match compare {
        Compare::More => (found > n, found <= n),
        Compare::AtLeast => (found >= n, found < n),
        Compare::Exactly => (found == n, found <= n),
        Compare::AtMost => (found <= n, found <= n),
        Compare::Less => (found < n, found < n),
    };
    match (certain || !may_change, holds) {
        (true, true) => ExpectationState::Met,
        (true, false) => ExpectationState::Unmet,
        (false, _) => ExpectationState::Unknown,
    }
}

fn validity(text: &str) -> Option<Validity> {
    match text.trim().trim_start_matches('=').trim() {
        "valid" => Some(Validity::Valid),
        "unknown" => Some(Validity::Unknown),
        "invalid" => Some(Validity::Invalid),
        _ => None,
    }
}

fn count(text: &str) -> Option<(Compare, u64)> {
    let text = text.trim();
    let forms = [
        (">=", Compare::AtLeast),
        ("<=", Compare::AtMost),
        ("==", Compare::Exactly),
        (">", Compare::More),
        ("<", Compare::Less),
        ("=", Compare::Exactly),
        ("", Compare::Exactly),
    ];
    let (compare, n) =
        forms.into_iter().find_map(|(sign, compare)| Some((compare, text.strip_prefix(sign)?)))?;
    Some((compare, n.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use store::verdict::Anomaly;

    use super::*;

    fn judged(expect: &[(&str, &str)], lost: u64, validity: Validity, certain: bool) -> ExpectationState {
        let expect = expect.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let expected = Expected::parse(&Terms { expect, ..Terms::default() }).expect("understood");
        let mut verdict = Verdict { validity, ..Verdict::default() };
        if lost > 0 {
            verdict.anomalies.insert("lost-write".into(), Anomaly { count: lost, ..Anomaly::default() });
        }
        if !certain {
            verdict.unknown_because.push("something".into());
        }
        expected.judge(&verdict).expect("something was expected").state
    }

    #[test]
    fn counts_are_compared() {
        use ExpectationState::{Met, Unknown, Unmet};
        let v = Validity::Invalid;
        for (condition, lost, certain, state) in [
            (">0", 3, true, Met),
            (">0", 0, true, Unmet),
            (">0", 3, false, Met),
            (">0", 0, false, Unknown),
            ("=0", 0, true, Met),
            ("=0", 3, true, Unmet),
            ("=0", 0, false, Unknown),
            ("=0", 3, false, Unmet),
            (">= 3", 3, true, Met),
            ("<3", 3, false, Unmet),
            ("<=3", 3, false, Unknown),
            ("3", 3, true, Met),
        ] {
            assert_eq!(judged(&[("lost-write", condition)], lost, v, certain), state, "{condition} {lost}");
        }
    }

    #[test]
    fn the_worst_condition_counts() {
        use ExpectationState::{Met, Unknown, Unmet};
        let both = [("lost-write", ">0"), ("validity", "invalid")];
        assert_eq!(judged(&both, 1, Validity::Invalid, true), Met);
        assert_eq!(judged(&both, 0, Validity::Valid, true), Unmet);
        assert_eq!(judged(&[("validity", "valid")], 0, Validity::Unknown, false), Unknown);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for (kind, condition, part) in [
            ("lost-write", "many", "such as"),
            ("validity", ">0", "valid, invalid or unknown"),
            ("lost-wite", ">0", "did you mean \"lost-write\"?"),
        ] {
            let expect = [(kind.to_owned(), condition.to_owned())].into_iter().collect();
            let error = Expected::parse(&Terms { expect, ..Terms::default() }).expect_err("refused");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
