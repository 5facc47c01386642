//! All partitions' answers as one: counts, the examples that are kept, a report a check.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use store::verdict::{CheckerReport, Example, Validity};

use super::crossing::Crossing;
use super::{Answer, Checked};
use crate::checks::Check;
use crate::found::Found;
use crate::kind::Kind;
use crate::tables::Tables;
use crate::words::count;

/// Reasons that a report tells in full.
const REASONS: usize = 5;

/// Puts the partitions together, in their order.
pub(super) fn gather(
    checks: &[Check],
    tables: &Tables,
    answers: Vec<(u32, Vec<Answer>)>,
    crossing: Vec<(Crossing, Answer)>,
    examples: usize,
) -> Checked {
    let mut checked = Checked::default();
    let mut kept: BTreeMap<Kind, Vec<(u32, Example)>> = BTreeMap::new();
    let of = answers.len() as u64;
    let mut took = vec![Duration::ZERO; checks.len()];
    let mut done = vec![0_u64; checks.len()];
    let mut reasons: Vec<Vec<String>> = vec![Vec::new(); checks.len()];
    for (id, answers) in answers {
        let key = &tables.partitions[id as usize].key;
        for (check, answer) in answers.into_iter().enumerate() {
            took[check] += answer.took;
            match answer.concluded {
                Err(reason) => reasons[check].push(format!("{key}: {reason}")),
                Ok(concluded) => {
                    done[check] += 1;
                    reasons[check].extend(concluded.undecided);
                    checked.moved_alone |= concluded.moved_alone;
                    if let Some(stall) = concluded.longest_stall
                        && checked
                            .longest_stall
                            .as_ref()
                            .is_none_or(|(_, longest)| longest.length() < stall.length())
                    {
                        checked.longest_stall = Some((key.clone(), stall));
                    }
                    add(&mut checked, &mut kept, concluded.found);
                }
            }
        }
    }
    let mut reports = Vec::new();
    for (check, answer) in crossing {
        let reasons = match answer.concluded {
            Err(reason) => vec![reason],
            Ok(concluded) => {
                add(&mut checked, &mut kept, concluded.found);
                concluded.undecided
            }
        };
        let covered = check.covered;
        reports.push(CheckerReport { covered, ..report(check.name, answer.took, 0, 0, reasons) });
    }
    for (kind, mut all) in kept {
        // Findings that stand by themselves come first: they are what a reader should look at.
        all.sort_by_key(|(line, example)| (example.consequence_of.is_some(), *line));
        all.truncate(examples);
        if let Some(anomaly) = checked.anomalies.get_mut(kind.name()) {
            anomaly.examples = all.into_iter().map(|(_, example)| example).collect();
        }
    }
    // What follows from a kind that nobody found stands by itself.
    let kinds: BTreeSet<String> = checked.anomalies.keys().cloned().collect();
    for anomaly in checked.anomalies.values_mut() {
        anomaly.consequence_of.retain(|kind, _| kinds.contains(kind));
        for example in &mut anomaly.examples {
            example.consequence_of.take_if(|kind| !kinds.contains(kind));
        }
    }
    for (i, check) in checks.iter().enumerate() {
        checked.reports.push(report(check.name, took[i], done[i], of, std::mem::take(&mut reasons[i])));
    }
    checked.reports.extend(reports);
    checked
}

/// Adds what one check found to the counts and to what is kept in full.
fn add(checked: &mut Checked, kept: &mut BTreeMap<Kind, Vec<(u32, Example)>>, all: Vec<Found>) {
    for found in all {
        let anomaly = checked.anomalies.entry(found.kind.name().to_owned()).or_default();
        anomaly.count += found.count;
        for (kind, n) in found.consequences {
            *anomaly.consequence_of.entry(kind.name().to_owned()).or_default() += n;
        }
        kept.entry(found.kind).or_default().extend(found.examples);
    }
}

fn report(name: &str, took: Duration, done: u64, of: u64, mut reasons: Vec<String>) -> CheckerReport {
    let more = reasons.len().saturating_sub(REASONS);
    reasons.truncate(REASONS);
    if more > 0 {
        reasons.push(format!("and {} more", count(more as u64, "reason")));
    }
    CheckerReport {
        name: name.to_owned(),
        validity: if reasons.is_empty() { Validity::Valid } else { Validity::Unknown },
        seconds: took.as_secs_f64(),
        covered: if done == of {
            count(of, "partition")
        } else {
            format!("{done} of {}", count(of, "partition"))
        },
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
    }
}
