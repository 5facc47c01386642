//! The checker and the obvious judge agree on small histories of groups, good and bad.
//!
//! `TRIBUNAL_ORACLE_CASES` sets how many are tried (3,000 by default).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::history::{Op, Outcome, What, counts, text, value_at, verdict};
use super::oracle;

#[derive(Debug, Clone)]
struct Step {
    client: u32,
    wait: u64,
    takes: u64,
    fate: u8,
    what: What,
    group: Option<&'static str>,
    generation: Option<i64>,
    log: Vec<usize>,
}

fn what() -> impl Strategy<Value = What> {
    let stretch = (0..8_i64, 1..4_i64).prop_map(|(first, n)| (first..first + n).collect::<Vec<_>>());
    let read = prop::collection::vec(stretch, 1..3).prop_map(|all| all.concat());
    let keys = || {
        prop::collection::btree_set(0..2_usize, 0..2).prop_map(|keys| keys.into_iter().collect::<Vec<_>>())
    };
    prop_oneof![
        8 => (0..2_usize, read).prop_map(|(key, offsets)| What::Poll(vec![(key, offsets)])),
        2 => Just(What::Subscribe),
        1 => Just(What::Assign),
        1 => Just(What::Crash),
        1 => (0..2_usize).prop_map(What::Seek),
        5 => (0..2_usize, 0..10_i64).prop_map(|(key, offset)| What::Commit(key, offset)),
        5 => (keys(), keys()).prop_map(|(assigned, taken)| What::Rebalance(assigned, taken)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let group = prop_oneof![6 => Just(None), 1 => Just(Some("a")), 1 => Just(Some("b"))];
    let log = prop_oneof![8 => Just(Vec::new()), 1 => Just(vec![0]), 1 => Just(vec![0, 1])];
    (0..3_u32, 0..4_u64, 1..9_u64, 0..40_u8, what(), group, prop::option::weighted(0.8, 0..4_i64), log)
        .prop_map(|(client, wait, takes, fate, what, group, generation, log)| Step {
            client,
            wait,
            takes,
            fate,
            what,
            group,
            generation,
            log,
        })
}

/// Steps as operations: a client does one at a time, under a new number after one of unknown outcome.
fn ops(steps: &[Step]) -> Vec<Op> {
    let mut ops = Vec::new();
    for key in 0..2 {
        for offset in 0..11_i64 {
            let at = 1 + offset as u64 * if key == 0 { 1 } else { 4 };
            let process = 100 + 20 * key as u32 + offset as u32;
            let mut send = Op::new(What::Send(key, value_at(key, offset), offset), process, at, at + 3);
            if offset == 7 {
                send.outcome = Outcome::Info;
            }
            ops.push(send);
        }
    }
    let (mut now, mut retired) = (10, 1000);
    let mut free: BTreeMap<u32, u64> = BTreeMap::new();
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    for step in steps {
        now += step.wait;
        let free = free.entry(step.client).or_default();
        let invoked = now.max(*free);
        let mut op = Op::new(step.what.clone(), step.client, invoked, invoked + step.takes);
        *free = invoked + step.takes + 1;
        let number = numbers.entry(step.client).or_insert(step.client);
        (op.process, op.group, op.generation) = (*number, step.group, step.generation);
        if matches!(op.what, What::Poll(_)) {
            op.log.clone_from(&step.log);
        }
        match step.fate {
            0 => op.outcome = Outcome::Fail,
            1 | 2 => op.outcome = Outcome::Info,
            3 => (op.outcome, op.completed) = (Outcome::Info, None),
            _ => {}
        }
        if op.outcome == Outcome::Info {
            retired += 1;
            *number = retired;
        }
        ops.push(op);
    }
    ops
}

fn cases() -> u32 {
    std::env::var("TRIBUNAL_ORACLE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_checker_and_the_oracle_agree(steps in prop::collection::vec(step(), 0..14)) {
        let ops = ops(&steps);
        let verdict = verdict(&ops);
        prop_assert_eq!(counts(&verdict), oracle::judge(&ops), "{}", text(&ops));
        let consumed = verdict.consumed.map(|consumed| consumed.processes).unwrap_or_default();
        prop_assert_eq!(consumed, oracle::by_process(&ops), "{}", text(&ops));
    }
}

#[test]
fn the_cases_reach_every_kind() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut reached: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..2_000 {
        let steps = prop::collection::vec(step(), 0..14).new_tree(&mut runner).expect("a case").current();
        for (kind, n) in oracle::judge(&ops(&steps)) {
            *reached.entry(kind).or_default() += n;
        }
    }
    assert_eq!(reached.len(), 8, "{reached:?}");
}
