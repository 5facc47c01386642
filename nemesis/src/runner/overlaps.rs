//! Faults that would overlap so that nobody could tell which of them took effect.

use std::time::Duration;

use crate::fault::FaultKind;
use crate::fault::schedule::{Planned, Schedule};

/// A heal takes so long at most.
const HEAL: Duration = Duration::from_secs(1);

/// Errors that are alike and pushed while the first ones still wait are the same to the mock: whose were given
/// out cannot be told. Those that differ in error or number are kept apart.
pub(super) fn refusals(schedule: &Schedule) -> Vec<String> {
    let is_errors = |fault: &&Planned| matches!(fault.spec.kind, FaultKind::RequestErrors { .. });
    let errors = schedule.faults.iter().filter(is_errors).collect::<Vec<_>>();
    let overlap = |a: &Planned, b: &Planned| {
        a.spec.kind == b.spec.kind && b.at >= a.at && b.at <= a.at + a.hold.at_most() + HEAL
    };
    let mut reasons = Vec::new();
    for (i, later) in errors.iter().enumerate() {
        if errors[..i].iter().any(|earlier| overlap(earlier, later)) {
            reasons.push(format!(
                "`{}`: an equal fault holds until then, and whose errors were given out could not be told: give one of \
                 them another number, or leave more than {} s between them",
                later.spec,
                HEAL.as_secs()
            ));
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_errors_at_one_time_are_refused() {
        let refused = |faults: &[&str]| {
            let specs = faults.iter().map(|f| f.parse().unwrap()).collect::<Vec<_>>();
            refusals(&Schedule::plan(&specs, None, None, 1).unwrap())
        };
        let first = "request-errors:REQUEST_TIMED_OUT*10@1s+3s";
        let reasons = refused(&[first, "request-errors:REQUEST_TIMED_OUT*10@2s+3s"]);
        assert!(reasons.len() == 1 && reasons[0].contains("REQUEST_TIMED_OUT*10@2s"), "{reasons:?}");
        assert_eq!(refused(&[first, "request-errors:REQUEST_TIMED_OUT*11@2s+3s"]), [""; 0]);
        assert_eq!(refused(&[first, "request-errors:NOT_ENOUGH_REPLICAS*10@2s+3s"]), [""; 0]);
        assert_eq!(refused(&[first, "request-errors:REQUEST_TIMED_OUT*10@6s+3s"]), [""; 0]);
        assert_eq!(refused(&["slow-broker:9ms@1s+3s", "slow-broker:9ms@2s+3s"]), [""; 0]);
    }
}
