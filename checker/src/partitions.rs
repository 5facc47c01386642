//! Runs every check on every partition, on all threads, and puts what they found together.
//!
//! A panic costs one check of one partition; the time limit costs the partitions that were not begun. Either
//! makes the check unknown, with the reason, and never silent.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use store::verdict::{Anomaly, CheckerReport, Example, Validity};

use crate::checks::{ALL, Bench, Check, Concluded};
use crate::coverage::{reach, takes_part};
use crate::kind::Kind;
use crate::leadership::Leadership;
use crate::series::PerPartition;
use crate::tables::{Partition, Tables};
use crate::view::View;
use crate::words::count;

/// A partition with more sends than this is worth several threads by itself.
const LARGE: usize = 50_000;
/// Reasons that a report tells in full.
const REASONS: usize = 5;

/// What the checks are given besides the history.
pub(crate) struct Bounds<'a> {
    pub(crate) leadership: &'a Leadership,
    /// Whether the history has a consume-all pass.
    pub(crate) pass: bool,
    pub(crate) examples: usize,
    pub(crate) deadline: Option<Instant>,
}

/// What all checks found together.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) anomalies: BTreeMap<String, Anomaly>,
    pub(crate) reports: Vec<CheckerReport>,
}

/// One check's answer for one partition.
pub(crate) struct Answer {
    concluded: Result<Concluded, String>,
    took: Duration,
}

/// All checks' answers, by partition.
pub(crate) type Answers = Vec<(u32, Vec<Answer>)>;

/// Runs all checks on all partitions.
pub(crate) fn check(tables: &Tables, bounds: &Bounds<'_>, series: &PerPartition) -> Checked {
    run(&ALL, tables, bounds, series)
}

fn run(checks: &[Check], tables: &Tables, bounds: &Bounds<'_>, series: &PerPartition) -> Checked {
    let ids = (0..tables.partitions.len() as u32).collect();
    gather(checks, tables, ask(checks, tables, ids, bounds, series), bounds.examples)
}

/// Runs all checks on these partitions.
pub(crate) fn answers(tables: &Tables, ids: Vec<u32>, bounds: &Bounds<'_>, series: &PerPartition) -> Answers {
    ask(&ALL, tables, ids, bounds, series)
}

/// Partitions that cannot be checked, for this reason.
pub(crate) fn unanswered(ids: impl IntoIterator<Item = u32>, reason: &str) -> Answers {
    ids.into_iter().map(|id| (id, failed(&ALL, reason))).collect()
}

/// What all answers come to.
pub(crate) fn conclude(tables: &Tables, answers: Answers, examples: usize) -> Checked {
    gather(&ALL, tables, answers, examples)
}

fn ask(
    checks: &[Check],
    tables: &Tables,
    mut ids: Vec<u32>,
    bounds: &Bounds<'_>,
    series: &PerPartition,
) -> Answers {
    ids.retain(|id| {
        takes_part(&tables.partitions[*id as usize]) || !is_empty(&tables.partitions[*id as usize])
    });
    // The largest first, so that no thread begins it last.
    ids.sort_by_key(|id| (std::cmp::Reverse(tables.partitions[*id as usize].sends.len()), *id));
    let one = |id| (id, partition(checks, tables, id, bounds, series));
    ids.into_par_iter().with_max_len(1).map(one).collect()
}

fn is_empty(partition: &Partition) -> bool {
    partition.sends.is_empty() && partition.reads.is_empty()
}

fn failed(checks: &[Check], reason: &str) -> Vec<Answer> {
    let answer = || Answer { concluded: Err(reason.to_owned()), took: Duration::ZERO };
    checks.iter().map(|_| answer()).collect()
}

/// All checks of one partition.
fn partition(
    checks: &[Check],
    tables: &Tables,
    id: u32,
    bounds: &Bounds<'_>,
    series: &PerPartition,
) -> Vec<Answer> {
    if bounds.deadline.is_some_and(|deadline| Instant::now() > deadline) {
        return failed(checks, "the time limit was reached before it was checked");
    }
    let view = catch_unwind(AssertUnwindSafe(|| View::new(tables, id, bounds.pass)));
    let view = match view {
        Ok(view) => view,
        Err(panic) => return failed(checks, &panicked(&*panic)),
    };
    let reach = reach(tables, view.partition, bounds.pass);
    let bench = Bench { view: &view, reach: &reach, leadership: bounds.leadership, keep: bounds.examples };
    let one = |check: &Check| {
        let began = Instant::now();
        let concluded = catch_unwind(AssertUnwindSafe(|| (check.run)(&bench)));
        Answer { concluded: concluded.map_err(|panic| panicked(&*panic)), took: began.elapsed() }
    };
    if view.partition.sends.len() < LARGE {
        series.add(&view);
        return checks.iter().map(one).collect();
    }
    rayon::join(|| series.add(&view), || checks.par_iter().with_max_len(1).map(one).collect()).1
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    format!("the check itself failed, which is a bug of tribunal: {text}")
}

/// Puts the partitions together, in their order.
fn gather(checks: &[Check], tables: &Tables, mut answers: Answers, examples: usize) -> Checked {
    answers.sort_unstable_by_key(|(id, _)| *id);
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
                    for found in concluded.found {
                        let anomaly = checked.anomalies.entry(found.kind.name().to_owned()).or_default();
                        anomaly.count += found.count;
                        for (kind, n) in found.consequences {
                            *anomaly.consequence_of.entry(kind.name().to_owned()).or_default() += n;
                        }
                        kept.entry(found.kind).or_default().extend(found.examples);
                    }
                }
            }
        }
    }
    for (kind, mut all) in kept {
        // Findings that stand by themselves come first: they are what a reader should look at.
        all.sort_by_key(|(line, example)| (example.consequence_of.is_some(), *line));
        all.truncate(examples);
        if let Some(anomaly) = checked.anomalies.get_mut(kind.name()) {
            anomaly.examples = all.into_iter().map(|(_, example)| example).collect();
        }
    }
    for (i, check) in checks.iter().enumerate() {
        checked.reports.push(report(check.name, took[i], done[i], of, std::mem::take(&mut reasons[i])));
    }
    checked
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Send;

    fn tables(partitions: usize) -> Tables {
        let mut tables = Tables::default();
        for n in 0..partitions {
            let id = tables.partition(&format!("t-{n}"));
            tables.partitions[id as usize].sends.push(Send::invoke(1, 0, 0, 1, 0, 0));
        }
        tables
    }

    fn panics(bench: &Bench<'_, '_>) -> Concluded {
        assert_ne!(bench.view.partition.key, "t-1", "planted");
        Concluded::default()
    }

    fn undecided(_: &Bench<'_, '_>) -> Concluded {
        Concluded { undecided: vec!["one thing".into()], ..Concluded::default() }
    }

    #[test]
    fn a_panic_costs_one_check_of_one_partition() {
        let tables = tables(3);
        let checks = [
            Check { name: "broken", kinds: &[], run: panics },
            Check { name: "fine", kinds: &[], run: |_| Concluded::default() },
            Check { name: "unsure", kinds: &[], run: undecided },
        ];
        let leadership = Leadership::default();
        let bounds = Bounds { leadership: &leadership, pass: false, examples: 8, deadline: None };
        let checked = run(&checks, &tables, &bounds, &PerPartition::new(&tables));
        let [broken, fine, unsure] = checked.reports.as_slice() else { panic!("three reports") };
        assert_eq!((broken.validity, broken.covered.as_str()), (Validity::Unknown, "2 of 3 partitions"));
        assert!(broken.reason.as_ref().is_some_and(|why| why.contains("t-1: ") && why.contains("planted")));
        assert_eq!((fine.validity, fine.covered.as_str()), (Validity::Valid, "3 partitions"));
        assert_eq!(unsure.validity, Validity::Unknown);
    }

    #[test]
    fn past_the_deadline_nothing_is_begun() {
        let tables = tables(7);
        let leadership = Leadership::default();
        let deadline = Some(Instant::now() - Duration::from_secs(1));
        let bounds = Bounds { leadership: &leadership, pass: false, examples: 8, deadline };
        let checked = check(&tables, &bounds, &PerPartition::new(&tables));
        for report in checked.reports {
            assert_eq!((report.validity, report.covered.as_str()), (Validity::Unknown, "0 of 7 partitions"));
            assert!(report.reason.is_some_and(|why| why.contains("and 2 reasons more")));
        }
    }
}
