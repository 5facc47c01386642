//! Runs every check on every partition, on all threads, and puts what they found together.
//!
//! A panic costs one check of one partition; the time limit costs the partitions that were not begun. Either
//! makes the check unknown, with the reason, and never silent.

mod crossing;
mod gather;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use store::run_meta::Terms;
use store::verdict::{Anomaly, CheckerReport};

pub(crate) use self::crossing::Crossing;
use self::crossing::{crosses, crossing, not_crossed};
use self::gather::gather;
use crate::checks::{ALL, Bench, Check, Concluded, Stall};
use crate::coverage::{Reach, reach, takes_part};
use crate::kind::Kind;
use crate::leadership::Leadership;
use crate::misrouted::{Misrouted, Strays};
use crate::series::PerPartition;
use crate::summary::Summary;
use crate::tables::{Partition, Tables};
use crate::transactions::Standing;
use crate::view::View;

/// A partition with more sends than this is worth several threads by itself.
const LARGE: usize = 50_000;

/// What the checks are given besides the history.
pub(crate) struct Bounds<'a> {
    pub(crate) leadership: &'a Leadership,
    /// Whether the history has a consume-all pass.
    pub(crate) pass: bool,
    pub(crate) examples: usize,
    pub(crate) deadline: Option<Instant>,
    /// How long a partition may go without an acknowledgement, ns.
    pub(crate) max_stall: Option<u64>,
    pub(crate) terms: &'a Terms,
}

/// What all checks found together.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) anomalies: BTreeMap<String, Anomaly>,
    pub(crate) reports: Vec<CheckerReport>,
    /// The longest time that a partition went without an acknowledgement, and which.
    pub(crate) longest_stall: Option<(String, Stall)>,
    /// Whether a consumer went back or jumped that was in no group.
    pub(crate) moved_alone: bool,
}

/// One check's answer for one partition.
pub(crate) struct Answer {
    concluded: Result<Concluded, String>,
    took: Duration,
}

/// What became of one partition.
pub(crate) struct Partitioned {
    answers: Vec<Answer>,
    standing: Option<Standing>,
    strays: Strays,
    /// `None` where it could not be looked at.
    summary: Option<Summary>,
}

/// Something of one partition, with its id.
type Of<T> = (u32, T);

/// All checks' answers, by partition.
pub(crate) type Answers = Vec<(u32, Partitioned)>;

/// Runs all checks on all partitions; what they found, and each partition's summary.
pub(crate) fn check(tables: &Tables, bounds: &Bounds<'_>, series: &PerPartition) -> (Checked, Vec<Summary>) {
    run(&ALL, tables, bounds, series)
}

fn run(
    checks: &[Check],
    tables: &Tables,
    bounds: &Bounds<'_>,
    series: &PerPartition,
) -> (Checked, Vec<Summary>) {
    let ids: Vec<u32> = (0..tables.partitions.len() as u32).collect();
    let mut all = ask(checks, tables, ids.clone(), bounds, series);
    let summaries = summaries(tables, &ids, &mut all, bounds);
    let (answers, standings) = apart(all);
    let missing = answers.len() - standings.len();
    let crossing = crossing(tables, standings, missing, bounds);
    (gather(checks, tables, answers, crossing, bounds.examples), summaries)
}

/// What the verdict counts of these partitions, in their order. Those that no check looked at are counted now.
pub(crate) fn summaries(
    tables: &Tables,
    ids: &[u32],
    answers: &mut Answers,
    bounds: &Bounds<'_>,
) -> Vec<Summary> {
    let taken = answers.iter_mut().filter_map(|(id, partitioned)| Some((*id, partitioned.summary.take()?)));
    let mut known: FxHashMap<u32, Summary> = taken.collect();
    let of = |id: &u32| {
        known.remove(id).unwrap_or_else(|| Summary::counted(tables, *id, bounds.pass, bounds.terms))
    };
    ids.iter().map(of).collect()
}

/// Runs all checks on these partitions.
pub(crate) fn answers(tables: &Tables, ids: Vec<u32>, bounds: &Bounds<'_>, series: &PerPartition) -> Answers {
    let mut answers = ask(&ALL, tables, ids, bounds, series);
    // Nobody asks for what crosses partitions where not all of them are there.
    answers.iter_mut().for_each(|(_, partitioned)| partitioned.standing = None);
    answers
}

/// Partitions that cannot be checked, for this reason.
pub(crate) fn unanswered(ids: impl IntoIterator<Item = u32>, reason: &str) -> Answers {
    ids.into_iter().map(|id| (id, Partitioned::failed(&ALL, reason))).collect()
}

/// What the answers of partitions that were never all there together come to. What crosses partitions could not be
/// asked, for this reason.
pub(crate) fn conclude(tables: &Tables, answers: Answers, examples: usize, reason: &str) -> Checked {
    let (answers, _) = apart(answers);
    let crossing = if crosses(tables) { not_crossed(reason) } else { Vec::new() };
    gather(&ALL, tables, answers, crossing, examples)
}

/// Answers, and what the checks of transactions want, by partition.
fn apart(mut all: Answers) -> (Vec<Of<Vec<Answer>>>, Vec<Of<Standing>>) {
    all.sort_unstable_by_key(|(id, _)| *id);
    let mut answers = Vec::with_capacity(all.len());
    let mut standings = Vec::new();
    let mut strays = Vec::new();
    for (id, partitioned) in all {
        answers.push((id, partitioned.answers));
        standings.extend(partitioned.standing.map(|standing| (id, standing)));
        strays.push(partitioned.strays);
    }
    let lost_elsewhere = Misrouted::new(&strays);
    for ((_, answers), strays) in answers.iter_mut().zip(&strays) {
        let found = answers.iter_mut().filter_map(|answer| answer.concluded.as_mut().ok());
        lost_elsewhere.follow(strays, found.flat_map(|concluded| &mut concluded.found));
    }
    (answers, standings)
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
    partition.sends.is_empty() && partition.reads.is_empty() && partition.groups.is_none()
}

impl Partitioned {
    /// Of a partition that could not be looked at.
    fn failed(checks: &[Check], reason: &str) -> Partitioned {
        let answer = || Answer { concluded: Err(reason.to_owned()), took: Duration::ZERO };
        let answers = checks.iter().map(|_| answer()).collect();
        Partitioned { answers, standing: None, strays: Strays::default(), summary: None }
    }
}

/// All checks of one partition.
fn partition(
    checks: &[Check],
    tables: &Tables,
    id: u32,
    bounds: &Bounds<'_>,
    series: &PerPartition,
) -> Partitioned {
    let failed = |reason: &str| Partitioned::failed(checks, reason);
    if bounds.deadline.is_some_and(|deadline| Instant::now() > deadline) {
        return failed("the time limit was reached before it was checked");
    }
    let view = catch_unwind(AssertUnwindSafe(|| {
        let view = View::new(tables, id, bounds.pass);
        let reach = reach(tables, view.partition, view.pass.as_ref(), bounds.terms);
        (view, reach)
    }));
    let (view, reach) = match view {
        Ok(view) => view,
        Err(panic) => return failed(&panicked(&*panic)),
    };
    let bench = Bench {
        view: &view,
        reach: &reach,
        leadership: bounds.leadership,
        keep: bounds.examples,
        max_stall: bounds.max_stall,
        terms: bounds.terms,
        losses: OnceLock::new(),
    };
    let one = |check: &Check| {
        let began = Instant::now();
        let concluded = catch_unwind(AssertUnwindSafe(|| (check.run)(&bench)));
        Answer { concluded: concluded.map_err(|panic| panicked(&*panic)), took: began.elapsed() }
    };
    let mut answers: Vec<Answer> = if view.partition.sends.len() < LARGE {
        series.add(&view);
        checks.iter().map(one).collect()
    } else {
        rayon::join(|| series.add(&view), || checks.par_iter().with_max_len(1).map(one).collect()).1
    };
    stand_alone(&mut answers);
    let strays = catch_unwind(AssertUnwindSafe(|| Strays::new(&bench))).unwrap_or_default();
    let standing = standing(&view, &reach, bounds);
    Partitioned { answers, standing, strays, summary: Some(Summary::new(view.partition, reach)) }
}

/// What follows from a kind that was not found here stands by itself.
fn stand_alone(answers: &mut [Answer]) {
    let all = || answers.iter().filter_map(|answer| answer.concluded.as_ref().ok()).flat_map(|c| &c.found);
    let kinds: BTreeSet<Kind> = all().map(|found| found.kind).collect();
    if all().all(|found| found.consequences.keys().all(|kind| kinds.contains(kind))) {
        return;
    }
    let concluded = answers.iter_mut().filter_map(|answer| answer.concluded.as_mut().ok());
    for found in concluded.flat_map(|concluded| &mut concluded.found) {
        found.consequences.retain(|kind, _| kinds.contains(kind));
        for (_, example) in &mut found.examples {
            example.consequence_of.take_if(|name| !kinds.iter().any(|kind| kind.name() == name));
        }
    }
}

/// What the checks of transactions want of a partition: nothing where there is none.
fn standing(view: &View<'_>, reach: &Reach, bounds: &Bounds<'_>) -> Option<Standing> {
    if view.tables.transactions.is_empty() {
        return None;
    }
    catch_unwind(AssertUnwindSafe(|| Standing::new(view, reach, bounds.terms))).ok()
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    format!("the check itself failed, which is a bug of tribunal: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Send;
    use store::verdict::Validity;

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
        let terms = Terms::default();
        let bounds = Bounds {
            leadership: &leadership,
            pass: false,
            examples: 8,
            deadline: None,
            max_stall: None,
            terms: &terms,
        };
        let (checked, summaries) = run(&checks, &tables, &bounds, &PerPartition::new(&tables));
        let [broken, fine, unsure] = checked.reports.as_slice() else { panic!("three reports") };
        assert_eq!((broken.validity, broken.covered.as_str()), (Validity::Unknown, "2 of 3 partitions"));
        assert!(broken.reason.as_ref().is_some_and(|why| why.contains("t-1: ") && why.contains("planted")));
        assert_eq!((fine.validity, fine.covered.as_str()), (Validity::Valid, "3 partitions"));
        assert_eq!(unsure.validity, Validity::Unknown);
        assert_eq!(summaries.len(), 3);
    }

    #[test]
    fn past_the_deadline_nothing_is_begun() {
        let tables = tables(7);
        let leadership = Leadership::default();
        let deadline = Some(Instant::now() - Duration::from_secs(1));
        let terms = Terms::default();
        let bounds = Bounds {
            leadership: &leadership,
            pass: false,
            examples: 8,
            deadline,
            max_stall: None,
            terms: &terms,
        };
        let (checked, summaries) = check(&tables, &bounds, &PerPartition::new(&tables));
        assert_eq!(summaries.len(), 7, "what was not checked is counted all the same");
        for report in checked.reports {
            assert_eq!((report.validity, report.covered.as_str()), (Validity::Unknown, "0 of 7 partitions"));
            assert!(report.reason.is_some_and(|why| why.contains("and 2 reasons more")));
        }
    }
}
