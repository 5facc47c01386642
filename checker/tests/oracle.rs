//! The checker and the obvious judge agree on small histories of every kind, good and bad.
//!
//! `TRIBUNAL_ORACLE_CASES` sets how many are tried (5,000 of each shape by default).

mod support;

use std::collections::BTreeMap;

use checker::Context;
use proptest::prelude::*;
use support::history::{Op, Outcome, What, text};
use support::{observe, oracle};

/// One step of a small history, in numbers that shrink well.
#[derive(Debug, Clone)]
struct Step {
    process: u32,
    key: bool,
    wait: u64,
    takes: u64,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    /// Outcome; how far the acknowledged offset is from where the value should be.
    Send {
        outcome: u8,
        off_by: i64,
    },
    /// Stretches from an offset on; each value is what should be there, unless another is given.
    Poll {
        outcome: u8,
        stretches: Vec<(i64, Vec<Option<u64>>)>,
    },
    Move,
    End {
        start: i64,
        end: i64,
        pass: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![9 => Just(None), 1 => (0..14_u64).prop_map(Some)];
    let stretch = (0..10_i64, prop::collection::vec(value, 1..4));
    let send = (0..12_u8, prop_oneof![8 => Just(0), 2 => -3..4_i64]);
    let action = prop_oneof![
        6 => send.prop_map(|(outcome, off_by)| Action::Send { outcome, off_by }),
        5 => (0..10_u8, prop::collection::vec(stretch, 0..3))
            .prop_map(|(outcome, stretches)| Action::Poll { outcome, stretches }),
        1 => Just(Action::Move),
        1 => (0..2_i64, 0..10_i64, prop::bool::weighted(0.8))
            .prop_map(|(start, end, pass)| Action::End { start, end, pass }),
    ];
    (0..5_u32, prop::bool::weighted(0.2), 0..3_u64, 1..12_u64, action)
        .prop_map(|(process, key, wait, takes, action)| Step { process, key, wait, takes, action })
}

/// Steps as operations: a process does one at a time, and values count up in the order of the steps.
fn ops(steps: &[Step], clients: bool) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut now = 0;
    let mut free: BTreeMap<u32, u64> = BTreeMap::new();
    let mut retired = 0;
    let mut slots: BTreeMap<u32, u32> = BTreeMap::new();
    let mut value = 0;
    for (seq, step) in steps.iter().enumerate() {
        now += step.wait;
        let free = free.entry(step.process).or_default();
        let invoked = now.max(*free);
        let completed = invoked + step.takes;
        *free = completed + 1;
        let key = if step.key { "t-1" } else { "t-0" }.to_owned();
        let process = *slots.entry(step.process).or_insert(step.process);
        let mut op = Op::new(process, What::Move("seek"), invoked, completed, Outcome::Ok);
        match &step.action {
            Action::Send { outcome, off_by } => {
                value += 1;
                op.what = What::Send(key, value, Some(value as i64 - 1 + off_by));
                match outcome {
                    0 => op.outcome = Outcome::Fail,
                    1 => op.outcome = Outcome::Info,
                    2 => op.completed = None,
                    3 => op.unacked = true,
                    4 => op.what = What::Send("t-0".into(), value, None),
                    _ => {}
                }
                if clients {
                    (op.client, op.seq) = (Some(50 + step.process / 2), Some(seq as u64));
                }
            }
            Action::Poll { outcome, stretches } => {
                let mut records: Vec<(i64, Option<u64>)> = Vec::new();
                for (first, values) in stretches {
                    for (offset, value) in (*first..).zip(values) {
                        // A poll that reads one offset twice reads the same there.
                        let before = records.iter().find(|(o, _)| *o == offset).map(|(_, v)| *v);
                        let value = match value {
                            Some(13) => None,
                            Some(value) => Some(*value),
                            None => Some(offset as u64 + 1),
                        };
                        records.push((offset, before.unwrap_or(value)));
                    }
                }
                op.what = What::Poll(vec![(key.clone(), records)]);
                match outcome {
                    0 => op.outcome = Outcome::Info,
                    1 => op.outcome = Outcome::Fail,
                    2 | 3 => {
                        op.final_pass = true;
                        op.process = 70 + step.process;
                    }
                    _ => {}
                }
            }
            Action::Move => {}
            Action::End { start, end, pass } => {
                op.process = 90;
                op.final_pass = *pass;
                op.what = What::Offsets(BTreeMap::from([(key, (*start, *end))]));
            }
        }
        if op.process == 90 || op.final_pass {
            // The pass has processes of its own, which must not overlap either.
            op.process = 1000 + ops.len() as u32 * 2 + u32::from(op.process == 90);
        }
        if op.outcome == Outcome::Info || op.completed.is_none() {
            retired += 1;
            slots.insert(step.process, 100 + retired);
        }
        ops.push(op);
    }
    ops
}

fn cases() -> u32 {
    std::env::var("TRIBUNAL_ORACLE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(5000)
}

fn agree(ops: &[Op]) -> Result<(), TestCaseError> {
    let verdict = observe::analysis(ops, &Context::default()).verdict;
    let found = observe::findings(&verdict);
    let expected = oracle::findings(ops);
    prop_assert_eq!(found, expected, "{}", text(ops));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judged_alike_by_processes(steps in prop::collection::vec(step(), 1..24)) {
        agree(&ops(&steps, false))?;
    }

    #[test]
    fn judged_alike_by_clients(steps in prop::collection::vec(step(), 1..24)) {
        agree(&ops(&steps, true))?;
    }
}

/// What is never generated is never compared.
#[test]
fn the_histories_hold_every_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec(step(), 1..24);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..4000 {
        let steps = steps.new_tree(&mut runner).expect("nothing is filtered").current();
        for ((kind, ..), n) in oracle::findings(&ops(&steps, true)) {
            *found.entry(kind).or_default() += n;
        }
    }
    // What follows in the table belongs to transactions, groups and queues, and the obvious judge knows none.
    let logs = checker::kind::ALL.iter().take_while(|kind| **kind != checker::kind::Kind::G1a);
    for kind in logs.map(|kind| kind.name()).filter(|kind| *kind != "int-nonmonotonic-send") {
        assert!(found.get(kind).is_some_and(|n| *n >= 5), "{kind}: {found:?}");
    }
}
