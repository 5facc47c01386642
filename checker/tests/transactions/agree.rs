//! The checker and the obvious judge agree on small histories of every kind.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::{Outcome, Pass, Plain, Poll, Records, Sent, Txn, World};
use super::{KINDS, judge, oracle};

/// Key, first place, how many.
type Stretch = (bool, u8, u8);

/// A transaction in numbers that shrink well.
#[derive(Debug, Clone)]
struct Draft {
    kind: u8,
    client: u32,
    wait: u64,
    takes: u64,
    outcome: u8,
    reader: u8,
    /// Key, place in the log, whether it survives, how long after the begin.
    sends: Vec<(bool, u8, u8, u64)>,
    polls: Vec<Stretch>,
}

fn draft() -> impl Strategy<Value = Draft> {
    let send = (any::<bool>(), 0..40_u8, 0..10_u8, 0..6_u64);
    let poll = (any::<bool>(), 0..40_u8, 1..30_u8);
    (
        0..10_u8,
        0..3_u32,
        0..4_u64,
        1..12_u64,
        0..12_u8,
        0..6_u8,
        prop::collection::vec(send, 1..4),
        prop::collection::vec(poll, 0..3),
    )
        .prop_map(|(kind, client, wait, takes, outcome, reader, sends, polls)| Draft {
            kind,
            client,
            wait,
            takes,
            outcome,
            reader,
            sends,
            polls,
        })
}

fn reader(reader: u8) -> Option<bool> {
    match reader {
        0 => None,
        1 => Some(false),
        _ => Some(true),
    }
}

fn outcome(outcome: u8) -> Outcome {
    match outcome {
        0 => Outcome::Fail,
        1..=3 => Outcome::Info,
        _ => Outcome::Ok,
    }
}

/// Drafts as a history: a process does one thing at a time, values count up, places are unique.
fn world(drafts: &[Draft], ends: &[(u8, u8, u8, u8); 2], pass: bool, late: u64) -> World {
    let mut world = World::default();
    let mut free: BTreeMap<u32, u64> = BTreeMap::new();
    let mut slots: BTreeMap<u32, u32> = BTreeMap::new();
    let mut places: [BTreeSet<i64>; 2] = Default::default();
    let (mut now, mut value) = (10, 0);
    let mut reads: Vec<(bool, usize, Vec<Stretch>)> = Vec::new();
    for (n, draft) in drafts.iter().enumerate() {
        now += draft.wait;
        let free = free.entry(draft.client).or_default();
        let invoked = now.max(*free);
        let completed = invoked + draft.takes;
        *free = completed + 1;
        let slot = slots.entry(draft.client).or_insert(draft.client);
        let process = *slot;
        let outcome = outcome(draft.outcome);
        let joined = (4..6).contains(&draft.kind);
        let mut send = |(key, at, survives, after): &(bool, u8, u8, u64)| {
            value += 1;
            let key = usize::from(*key);
            let mut at = i64::from(*at);
            while !places[key].insert(at) {
                at += 1;
            }
            let invoked = if joined { invoked + (*after).min(draft.takes - 1) } else { invoked };
            Sent { key, value, at, survives: *survives > 0, invoked }
        };
        match draft.kind {
            0..=5 => {
                let polls = !joined && outcome == Outcome::Ok;
                if polls {
                    reads.push((true, world.txns.len(), draft.polls.clone()));
                }
                let open = !joined && outcome == Outcome::Info && draft.reader == 5;
                world.txns.push(Txn {
                    process: if joined { draft.client } else { process },
                    joined,
                    sends: draft.sends.iter().map(&mut send).collect(),
                    polls: Vec::new(),
                    committed_reader: if joined { None } else { reader(draft.reader) },
                    invoked,
                    completed: (!open).then_some(completed),
                    outcome,
                    visible: joined && outcome == Outcome::Info && draft.reader == 0,
                });
            }
            6 => {
                let send = send(&draft.sends[0]);
                world.plain.push(Plain { process, send, completed, outcome });
            }
            _ => {
                reads.push((false, world.polls.len(), draft.polls.clone()));
                world.polls.push(Poll {
                    process,
                    committed_reader: reader(draft.reader),
                    invoked,
                    completed,
                    records: Vec::new(),
                });
            }
        }
        if draft.kind < 7 && !joined && outcome == Outcome::Info {
            *slot = 100 + n as u32 * 10 + draft.client;
        }
    }
    for (txn, n, polls) in reads {
        let mut records: Records = Vec::new();
        for (key, first, many) in polls {
            let key = usize::from(key);
            let range = i64::from(first)..i64::from(first) + i64::from(many);
            let sends = world.sends().filter(|s| s.key == key && range.contains(&s.at));
            let mut read: Vec<(i64, u64)> = sends.map(|s| (s.at, s.value)).collect();
            read.sort_unstable();
            if records.iter().all(|(k, _)| *k != key) {
                records.push((key, read));
            }
        }
        if txn {
            world.txns[n].polls = records;
        } else {
            world.polls[n].records = records;
        }
    }
    let last = now + 30;
    for (key, (start, cut, stable, isolation)) in ends.iter().enumerate().filter(|_| pass) {
        let end = places[key].last().map_or(0, |at| at + 1);
        world.pass.push(Pass {
            start: if *start == 0 { 3.min(end) } else { 0 },
            end,
            stable: if *stable == 0 { end - 1 } else { end },
            position: if *cut == 0 { end - 2 } else { end },
            asked: last - 15 + u64::from(*cut) * 4 + late,
            committed_reader: reader(*isolation),
        });
    }
    world.timeout_ms = (late > 0).then_some(1);
    world
}

fn history() -> impl Strategy<Value = World> {
    let end = || (0..12_u8, 0..12_u8, 0..5_u8, 0..6_u8);
    let late = prop_oneof![3 => Just(0), 1 => Just(20_000_990_000_u64), 1 => Just(20_002_000_000_u64)];
    let drafts = prop::collection::vec(draft(), 1..8);
    (drafts, end(), end(), prop::bool::weighted(0.85), late)
        .prop_map(|(drafts, a, b, pass, late)| world(&drafts, &[a, b], pass, late))
}

fn cases() -> u32 {
    std::env::var("TRIBUNAL_ORACLE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(3000)
}

fn agree(world: &World) -> Result<(), TestCaseError> {
    let verdict = judge(world);
    let mut expected = oracle::findings(world);
    let broken: Vec<_> =
        verdict.unknown_because.iter().filter(|why| why.contains("bug of tribunal")).collect();
    prop_assert!(broken.is_empty(), "{broken:?}\n{}", world.text());
    for kind in KINDS {
        let oracle::Expected { count, consequences, names, mut lengths } =
            expected.remove(kind).unwrap_or_default();
        let found = verdict.anomalies.get(kind).cloned().unwrap_or_default();
        let told = || format!("{kind}: {:#?}\n{}", found.examples, world.text());
        let mut cycles: Vec<usize> =
            found.examples.iter().map(|e| e.cycle.len()).filter(|length| *length > 0).collect();
        // Which of several equally short cycles is told decides whether it lies in one log.
        let logs = |kind: &str| kind == "stale-append" || kind == "nonmonotonic-send";
        let twin = |all: &BTreeMap<String, u64>| -> BTreeMap<String, u64> {
            let long = lengths.iter().any(|length| *length > 2);
            all.iter().filter(|(k, _)| !long || !logs(k)).map(|(k, n)| (k.clone(), *n)).collect()
        };
        // What a log does not show, nothing follows from.
        let stands = |kind: &str| !logs(kind) || verdict.anomalies.contains_key(kind);
        let consequences = consequences.iter().filter(|(kind, _)| stands(kind));
        let consequences: BTreeMap<String, u64> = consequences.map(|(k, n)| ((*k).to_owned(), *n)).collect();
        if kind.starts_with("G1c-") {
            // Where the shortest walk with both kinds is several cycles, no more is looked for: each of them has a
            // more basic kind, so that only what follows from another finding can be left out.
            let primary = |count: u64, after: &BTreeMap<String, u64>| count - after.values().sum::<u64>();
            prop_assert_eq!(
                primary(found.count, &found.consequence_of),
                primary(count, &consequences),
                "{}",
                told()
            );
            prop_assert!(found.count <= count, "{}", told());
        } else {
            prop_assert_eq!(found.count, count, "{}", told());
            prop_assert_eq!(twin(&found.consequence_of), twin(&consequences), "{}", told());
            cycles.sort_unstable();
            lengths.sort_unstable();
            prop_assert_eq!(cycles, lengths, "{}", told());
        }
        for example in &found.examples {
            prop_assert!(example.sentence.contains("because") && !example.witness.is_empty(), "{}", told());
        }
        let name = |e: &store::verdict::Example| Some((e.key.clone()?, e.value.clone()?));
        let mut names: Vec<_> = names.into_iter().filter(|names| !names.is_empty()).collect();
        for named in found.examples.iter().filter(|e| e.cycle.is_empty()).filter_map(name) {
            let at = names.iter().position(|names| names.contains(&named));
            prop_assert!(at.is_some(), "{named:?} is not among {names:?}\n{}", told());
            names.swap_remove(at.unwrap_or_default());
        }
        prop_assert!(names.is_empty(), "{names:?}\n{}", told());
    }
    // Losses of acknowledged writes are the log's; of unknown ones the transactions'.
    let unknown: BTreeSet<(String, String)> = world
        .txns
        .iter()
        .filter(|txn| txn.outcome == Outcome::Info)
        .flat_map(|txn| txn.sends.iter().map(|s| (super::world::key(s.key), s.value.to_string())))
        .collect();
    let lost = verdict.anomalies.get("lost-write").map(|a| a.examples.clone()).unwrap_or_default();
    let lost: BTreeSet<(String, String)> =
        lost.into_iter().filter_map(|e| Some((e.key?, e.value?))).collect();
    let lost: BTreeSet<_> = lost.intersection(&unknown).cloned().collect();
    let names = expected.remove("lost-write").unwrap_or_default().names;
    prop_assert_eq!(lost, names.into_iter().flatten().collect::<BTreeSet<_>>(), "{}", world.text());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judged_alike(world in history()) {
        agree(&world)?;
    }
}

/// What is never generated is never compared.
#[test]
fn the_histories_hold_every_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..10_000 {
        let world = history().new_tree(&mut runner).expect("nothing is filtered").current();
        for (kind, expected) in oracle::findings(&world) {
            let primary = expected.count - expected.consequences.values().sum::<u64>();
            *found.entry(kind).or_default() += primary;
        }
    }
    for kind in KINDS.into_iter().chain(["lost-write"]) {
        assert!(found.get(kind).is_some_and(|n| *n >= 3), "{kind}: {found:?}");
    }
}
