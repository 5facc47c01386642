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
    monitored: u32,
}

fn agree(kind: ModelKind, unknown_percent: u8) {
    let config =
        Config { cases: cases(), failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let seen = std::cell::RefCell::new(Seen::default());
    let result =
        runner.run(&generate::case(kind, unknown_percent), |case| compare(&case, &mut seen.borrow_mut()));
    if let Err(disagreement) = result {
        panic!("{kind}, {unknown_percent} % unknown: {disagreement}");
    }
    let seen = seen.into_inner();
    eprintln!("{kind}, {unknown_percent} % unknown: {seen:?}");
    let few = cases() / 100;
    assert!(seen.valid > few && seen.invalid > few, "{kind}: a one-sided generator: {seen:?}");
    assert!(kind == ModelKind::Mutex || seen.monitored > few, "{kind}: monitors hardly ran: {seen:?}");
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
