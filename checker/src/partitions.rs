//! Runs every check on every partition, on all threads, and puts what they found together.
//!
//! A panic costs one check of one partition; the time limit costs the partitions that were not begun. Either
//! makes the check unknown, with the reason, and never silent.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use store::run_meta::Terms;
use store::verdict::{Anomaly, CheckerReport, Example, Validity};

use crate::checks::{ALL, Bench, Check, Concluded, Stall};
use crate::coverage::{Reach, reach, takes_part};
use crate::found::Found;
use crate::kind::Kind;
use crate::leadership::Leadership;
use crate::misrouted::{Misrouted, Strays};
use crate::series::PerPartition;
use crate::tables::{Partition, Tables};
use crate::transactions::{self, Standing};
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
}

/// A check that crosses partitions, as its report names it.
pub(crate) struct Crossing {
    pub(crate) name: &'static str,
    pub(crate) covered: String,
}

/// Something of one partition, with its id.
type Of<T> = (u32, T);

/// All checks' answers, by partition.
pub(crate) type Answers = Vec<(u32, Partitioned)>;

/// Runs all checks on all partitions.
pub(crate) fn check(tables: &Tables, bounds: &Bounds<'_>, series: &PerPartition) -> Checked {
    run(&ALL, tables, bounds, series)
}

fn run(checks: &[Check], tables: &Tables, bounds: &Bounds<'_>, series: &PerPartition) -> Checked {
    let ids = (0..tables.partitions.len() as u32).collect();
    let (answers, standings) = apart(ask(checks, tables, ids, bounds, series));
    let missing = answers.len() - standings.len();
    let crossing = crossing(tables, standings, missing, bounds);
    gather(checks, tables, answers, crossing, bounds.examples)
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

/// Whether there is anything that no partition shows by itself.
fn crosses(tables: &Tables) -> bool {
    let held = |p: &Partition| p.bounds.is_some_and(|b| b.stable.is_some_and(|stable| stable < b.stable_end));
    !tables.transactions.is_empty() || tables.partitions.iter().any(held)
}

/// The checks that cross partitions, which could not be asked.
fn not_crossed(reason: &str) -> Vec<(Crossing, Answer)> {
    let answer = || Answer { concluded: Err(reason.to_owned()), took: Duration::ZERO };
    transactions::ALL.iter().map(|check| (check.crossing(0), answer())).collect()
}

/// The checks that cross partitions, each caught by itself.
fn crossing(
    tables: &Tables,
    standings: Vec<(u32, Standing)>,
    missing: usize,
    bounds: &Bounds<'_>,
) -> Vec<(Crossing, Answer)> {
    if !crosses(tables) {
        return Vec::new();
    }
    let began = Instant::now();
    let late = || bounds.deadline.is_some_and(|deadline| Instant::now() > deadline);
    if late() {
        return not_crossed("the time limit was reached before it was checked");
    }
    if missing > 0 && !tables.transactions.is_empty() {
        // A transaction whose sends are not all known would be judged by its half.
        return not_crossed(&format!("{} could not be looked at", count(missing as u64, "partition")));
    }
    let bench = catch_unwind(AssertUnwindSafe(|| transactions::Bench::new(tables, standings, bounds)));
    let bench = match bench {
        Ok(Ok(bench)) => bench,
        Ok(Err(why)) => return not_crossed(&why),
        Err(panic) => return not_crossed(&panicked(&*panic)),
    };
    let mut before = began.elapsed();
    let mut all = Vec::new();
    for check in &transactions::ALL {
        let began = Instant::now();
        let concluded = if late() {
            Err("the time limit was reached before it was checked".to_owned())
        } else {
            catch_unwind(AssertUnwindSafe(|| (check.run)(&bench))).map_err(|panic| panicked(&*panic))
        };
        // What all of them share counts for the first.
        let took = began.elapsed() + std::mem::take(&mut before);
        all.push((check.crossing(tables.transactions.len()), Answer { concluded, took }));
    }
    all
}

fn is_empty(partition: &Partition) -> bool {
    partition.sends.is_empty() && partition.reads.is_empty() && partition.groups.is_none()
}

impl Partitioned {
    /// Of a partition that could not be looked at.
    fn failed(checks: &[Check], reason: &str) -> Partitioned {
        let answer = || Answer { concluded: Err(reason.to_owned()), took: Duration::ZERO };
        let answers = checks.iter().map(|_| answer()).collect();
        Partitioned { answers, standing: None, strays: Strays::default() }
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
    let view = catch_unwind(AssertUnwindSafe(|| View::new(tables, id, bounds.pass)));
    let view = match view {
        Ok(view) => view,
        Err(panic) => return failed(&panicked(&*panic)),
    };
    let reach = reach(tables, view.partition, view.pass.as_ref());
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
    Partitioned { answers, standing: standing(&view, &reach, bounds), strays }
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

/// Puts the partitions together, in their order.
fn gather(
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
        let terms = Terms::default();
        let bounds = Bounds {
            leadership: &leadership,
            pass: false,
            examples: 8,
            deadline: None,
            max_stall: None,
            terms: &terms,
        };
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
        let terms = Terms::default();
        let bounds = Bounds {
            leadership: &leadership,
            pass: false,
            examples: 8,
            deadline,
            max_stall: None,
            terms: &terms,
        };
        let checked = check(&tables, &bounds, &PerPartition::new(&tables));
        for report in checked.reports {
            assert_eq!((report.validity, report.covered.as_str()), (Validity::Unknown, "0 of 7 partitions"));
            assert!(report.reason.is_some_and(|why| why.contains("and 2 reasons more")));
        }
    }
}
