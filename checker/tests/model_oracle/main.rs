//! Search, monitors and an exhaustive oracle must agree on generated histories of every model.
//!
//! `TRIBUNAL_CASES` scales the number of cases of each model and share of unknown operations; a
//! disagreement is shrunk to the smallest history that shows it.

mod generate;
mod oracle;

use std::time::Duration;

use checker::model::{Budget, History, ModelKind, Outcome, check};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use generate::Case;

fn cases() -> u32 {
    std::env::var("TRIBUNAL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500)
}

/// What was seen of a family, so that a generator that makes only one kind of history fails.
#[derive(Default, Debug)]
struct Seen {
    valid: u32,
    invalid: u32,
    unknown: u32,
    monitored: u32,
}

/// Runs `cases` cases of one family through `judge`.
fn run(
    kind: ModelKind,
    unknown_percent: u8,
    longest: u8,
    cases: u32,
    judge: fn(&Case, &mut Seen) -> Result<(), TestCaseError>,
) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let seen = std::cell::RefCell::new(Seen::default());
    let strategy = generate::case(kind, unknown_percent, longest);
    if let Err(disagreement) = runner.run(&strategy, |case| judge(&case, &mut seen.borrow_mut())) {
        panic!("{kind}, {unknown_percent} % unknown: {disagreement}");
    }
    let seen = seen.into_inner();
    eprintln!("{kind}, up to {longest} operations, {unknown_percent} % unknown: {seen:?}");
    let few = cases / 100;
    assert!(seen.valid > few && seen.invalid > few, "{kind}: a one-sided generator: {seen:?}");
    assert!(kind == ModelKind::Mutex || seen.monitored > few, "{kind}: monitors hardly ran: {seen:?}");
}

/// Small histories, with the oracle.
fn agree(kind: ModelKind, unknown_percent: u8) {
    run(kind, unknown_percent, 7, cases(), compare);
}

/// Histories too long for the oracle, monitor against search.
fn agree_at_length(kind: ModelKind) {
    for unknown_percent in [0, 15, 40] {
        run(kind, unknown_percent, 30, cases() / 5, compare_engines);
    }
}

fn compare_engines(case: &Case, seen: &mut Seen) -> Result<(), TestCaseError> {
    let text = case.json_lines();
    let history = History::from_json_lines(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
    let judge = |monitors| {
        let budget =
            Budget { time: Duration::from_millis(500), memory_bytes: 1 << 26, monitors, ..Budget::default() };
        check(&history, case.kind, &budget)
    };
    let (monitored, searched) = (judge(true), judge(false));
    let prefix = |outcome: &Outcome| match outcome {
        Outcome::Invalid { violations, .. } if violations[0].prefix.exact => Some(violations[0].prefix),
        _ => None,
    };
    let (first, second) = (monitored.linearizable(), searched.linearizable());
    let prefixes = prefix(&monitored).zip(prefix(&searched));
    // A search that ran out of its budget contradicts nobody.
    if first.zip(second).is_some_and(|(a, b)| a != b) || prefixes.is_some_and(|(a, b)| a != b) {
        let message = format!("the monitor says {monitored:?}, the search {searched:?}, of\n{text}");
        return Err(TestCaseError::fail(message));
    }
    seen.monitored += u32::from(monitored.coverage().by_monitor > 0);
    match second {
        Some(true) => seen.valid += 1,
        Some(false) => seen.invalid += 1,
        None => seen.unknown += 1,
    }
    Ok(())
}

fn compare(case: &Case, seen: &mut Seen) -> Result<(), TestCaseError> {
    let text = case.json_lines();
    let history = History::from_json_lines(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
    let expected = oracle::linearizable(case);
    let prefix = if expected { None } else { Some(oracle::longest_prefix(case)) };
    *(if expected { &mut seen.valid } else { &mut seen.invalid }) += 1;
    for monitors in [true, false] {
        let budget = Budget { time: Duration::from_secs(60), monitors, ..Budget::default() };
        let outcome = check(&history, case.kind, &budget);
        seen.monitored += u32::from(monitors && outcome.coverage().by_monitor > 0);
        let engine = if monitors { "monitor" } else { "search" };
        if outcome.linearizable() != Some(expected) {
            let message = format!("the {engine} says {outcome:?}, the oracle {expected}, of\n{text}");
            return Err(TestCaseError::fail(message));
        }
        let Outcome::Invalid { violations, .. } = &outcome else { continue };
        let found = violations[0].prefix;
        if !found.exact || Some(found.operations) != prefix {
            let message = format!("the {engine} says {found:?}, the oracle {prefix:?}, of\n{text}");
            return Err(TestCaseError::fail(message));
        }
        if !violations[0].sentence.contains("because") {
            return Err(TestCaseError::fail(format!("no reason: {}", violations[0].sentence)));
        }
    }
    Ok(())
}

macro_rules! families {
    ($($name:ident: $kind:ident,)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn all_known() {
                agree(ModelKind::$kind, 0);
            }

            #[test]
            fn some_unknown() {
                agree(ModelKind::$kind, 15);
            }

            #[test]
            fn many_unknown() {
                agree(ModelKind::$kind, 40);
            }

            #[test]
            fn longer() {
                agree_at_length(ModelKind::$kind);
            }
        }
    )*};
}

families! {
    register: Register,
    cas_register: CasRegister,
    kv: Kv,
    set: Set,
    queue: Queue,
    fifo: Fifo,
    log: Log,
    mutex: Mutex,
}
