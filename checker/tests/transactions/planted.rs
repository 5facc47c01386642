//! A correct transactional history is silent; each planted anomaly is found with its operations, and nothing else
//! is found as primary.

use std::collections::BTreeMap;

use store::verdict::{Edge, Validity, Verdict};

use super::judge;
use super::world::{Outcome, Pass, Plain, Poll, Sent, Txn, World};

fn sent(key: usize, value: u64, at: i64, invoked: u64) -> Sent {
    Sent { key, value, at, survives: true, invoked }
}

/// Transactions one after the other, each to both keys, of both forms in turns; control records leave every third
/// offset free; readers of committed records follow, and one of uncommitted ones.
fn correct() -> World {
    let mut world = World::default();
    let outcomes =
        [Outcome::Ok, Outcome::Ok, Outcome::Info, Outcome::Fail, Outcome::Ok, Outcome::Info, Outcome::Ok];
    let mut log: [Vec<(i64, u64)>; 2] = Default::default();
    let mut read: [Vec<(i64, u64)>; 2] = Default::default();
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let (time, at) = (1000 * (n as u64 + 1), n as i64 * 3);
        let joined = n % 2 == 1;
        // The second unknown one never committed.
        let survives = outcome != Outcome::Fail && n != 5;
        let value = |i: u64| n as u64 * 10 + i;
        let mut sends = vec![
            sent(0, value(1), at, time),
            sent(1, value(2), at, time + 10),
            sent(0, value(3), at + 1, time + 20),
        ];
        for send in &mut sends {
            send.survives = survives;
            if !joined {
                send.invoked = time;
            }
        }
        let polls = if joined {
            Vec::new()
        } else {
            vec![(0, std::mem::take(&mut read[0])), (1, std::mem::take(&mut read[1]))]
        };
        for send in sends.iter().filter(|_| survives) {
            log[send.key].push((send.at, send.value));
            read[send.key].push((send.at, send.value));
        }
        world.txns.push(Txn {
            process: if joined { 50 } else { 1 + n as u32 * 100 },
            joined,
            sends,
            polls: if outcome == Outcome::Ok { polls } else { Vec::new() },
            committed_reader: Some(true),
            invoked: time,
            completed: Some(time + 100),
            outcome,
            visible: false,
        });
    }
    let send = sent(1, 77, 40, 8500);
    log[1].push((40, 77));
    world.plain.push(Plain { process: 7, send, completed: 8600, outcome: Outcome::Ok });
    let both = || vec![(0, log[0].clone()), (1, log[1].clone())];
    let reader = |process, committed| Poll {
        process,
        committed_reader: committed,
        invoked: 9000,
        completed: 9100,
        records: both(),
    };
    world.polls = vec![reader(900, Some(true)), reader(901, Some(false)), reader(902, None)];
    // The offset after the last record of each log is a control record.
    let pass = |end: i64| Pass {
        start: 0,
        end,
        stable: end,
        position: end,
        asked: 20_000,
        committed_reader: Some(true),
    };
    world.pass = vec![pass(21), pass(42)];
    world
}

/// Kind to its count, findings that follow from another aside.
fn primary(verdict: &Verdict) -> BTreeMap<&str, u64> {
    let primary = |a: &store::verdict::Anomaly| a.count - a.consequence_of.values().sum::<u64>();
    verdict.anomalies.iter().map(|(kind, a)| (kind.as_str(), primary(a))).filter(|(_, n)| *n > 0).collect()
}

fn only(verdict: &Verdict, kind: &str) -> store::verdict::Example {
    assert_eq!(primary(verdict), BTreeMap::from([(kind, 1)]), "{:#?}", verdict.anomalies);
    let examples = &verdict.anomalies[kind].examples;
    examples.iter().find(|e| e.consequence_of.is_none()).expect("it is told").clone()
}

fn follows(verdict: &Verdict, kind: &str, from: &str) {
    let anomaly = verdict.anomalies.get(kind).unwrap_or_else(|| panic!("no {kind}: {:?}", verdict.anomalies));
    assert_eq!(anomaly.consequence_of, BTreeMap::from([(from.to_owned(), 1)]));
}

/// A transaction of the world by its number, and how one of its sends is named.
fn txn(world: &mut World, n: usize) -> &mut Txn {
    &mut world.txns[n]
}

#[test]
fn a_correct_history_is_silent() {
    let verdict = judge(&correct());
    assert!(verdict.anomalies.is_empty(), "{:#?}", verdict.anomalies);
    assert_eq!(verdict.validity, Validity::Valid, "{:?}", verdict.unknown_because);
    let names: Vec<&str> = verdict.checkers.iter().map(|c| c.name.as_str()).collect();
    for name in ["atomicity", "commits", "open transactions", "interleaving", "cycles"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

/// Takes one record out of the log, and out of what the live readers read.
fn lose(world: &mut World, value: u64, live: bool) {
    for send in world.txns.iter_mut().flat_map(|txn| &mut txn.sends).filter(|s| s.value == value) {
        send.survives = false;
    }
    if !live {
        let polls = world.polls.iter_mut().map(|poll| &mut poll.records);
        for (_, records) in polls.chain(world.txns.iter_mut().map(|txn| &mut txn.polls)).flatten() {
            records.retain(|(_, v)| *v != value);
        }
    }
}

#[test]
fn an_unknown_transaction_that_is_partly_there_is_torn() {
    let mut world = correct();
    lose(&mut world, 22, false);
    let verdict = judge(&world);
    assert_eq!(verdict.validity, Validity::Invalid);
    let example = only(&verdict, "torn-transaction");
    assert_eq!((example.key.as_deref(), example.value.as_deref()), (Some("t-1"), Some("22")));
    assert!(example.sentence.contains("of unknown outcome") && example.sentence.contains("because"));
    assert!(example.witness.iter().any(|w| w.role.contains("read by the pass")), "{:?}", example.witness);
}

#[test]
fn what_a_committed_transaction_misses_is_lost_and_torn_follows() {
    let mut world = correct();
    lose(&mut world, 12, false);
    let verdict = judge(&world);
    let example = only(&verdict, "lost-write");
    assert_eq!(example.value.as_deref(), Some("12"));
    follows(&verdict, "torn-transaction", "lost-write");
}

#[test]
fn what_is_there_of_an_aborted_one_is_g1a_and_torn_follows() {
    let mut world = correct();
    txn(&mut world, 3).sends[1].survives = true;
    // Whoever does not read committed records only sees it, too.
    for poll in world.polls.iter_mut().filter(|poll| poll.committed_reader != Some(true)) {
        poll.records[1].1.push((9, 32));
        poll.records[1].1.sort_unstable();
    }
    let verdict = judge(&world);
    let example = only(&verdict, "G1a");
    assert_eq!(example.value.as_deref(), Some("32"));
    follows(&verdict, "torn-transaction", "G1a");
    // Whoever reads everything sees what was aborted, and that is as it should be.
    world.pass.iter_mut().for_each(|pass| pass.committed_reader = Some(false));
    assert!(judge(&world).anomalies.is_empty());
}

#[test]
fn a_proved_commit_of_which_nothing_is_left_is_lost() {
    let mut world = correct();
    for value in [21, 22, 23] {
        lose(&mut world, value, true);
    }
    let verdict = judge(&world);
    assert_eq!(primary(&verdict), BTreeMap::from([("lost-write", 3)]), "{:#?}", verdict.anomalies);
    let example = &verdict.anomalies["lost-write"].examples[0];
    assert!(example.sentence.contains("the transaction committed"), "{}", example.sentence);
    // A reader of uncommitted records, or one that does not say, proves no commit.
    for reader in [None, Some(false)] {
        let mut world = world.clone();
        for poll in &mut world.polls {
            poll.committed_reader = reader;
        }
        world.txns.iter_mut().for_each(|txn| txn.committed_reader = reader);
        let verdict = judge(&world);
        assert!(!verdict.anomalies.contains_key("lost-write"), "{:?}", verdict.anomalies);
    }
}

#[test]
fn what_cannot_be_decided_is_unknown_and_no_anomaly() {
    let mut world = correct();
    lose(&mut world, 22, false);
    // The transaction ended after the pass had asked where the log ends.
    let txn = txn(&mut world, 2);
    txn.completed = Some(30_000);
    let verdict = judge(&world);
    assert!(verdict.anomalies.is_empty(), "{:?}", verdict.anomalies);
    assert_eq!(verdict.validity, Validity::Unknown);
    assert!(
        verdict.unknown_because.iter().any(|why| why.contains("may be torn")),
        "{:?}",
        verdict.unknown_because
    );
    // Where the pass did not come to the end, the coverage says so.
    let mut world = correct();
    lose(&mut world, 22, false);
    world.pass[1].position = 6;
    let verdict = judge(&world);
    assert!(!verdict.anomalies.contains_key("torn-transaction"));
    assert_eq!(verdict.validity, Validity::Unknown);
}

#[test]
fn a_transaction_that_polls_its_own_send_read_it_too_early() {
    let mut world = correct();
    txn(&mut world, 6).polls = vec![(1, vec![(18, 62)])];
    let verdict = judge(&world);
    let example = only(&verdict, "precommitted-read");
    assert_eq!(example.value.as_deref(), Some("62"));
    assert_eq!(verdict.validity, Validity::Invalid);
}

#[test]
fn a_committed_read_between_two_sends_of_a_transaction_is_too_early() {
    let mut world = correct();
    // The second transaction is made of sends at 2000, 2010 and 2020.
    world.polls.push(Poll {
        process: 905,
        committed_reader: Some(true),
        invoked: 2005,
        completed: 2015,
        records: vec![(0, vec![(3, 11)])],
    });
    let verdict = judge(&world);
    let example = only(&verdict, "precommitted-read");
    assert_eq!(example.value.as_deref(), Some("11"));
    assert!(example.sentence.contains("began its send of 13 only at"), "{}", example.sentence);
    world.polls.last_mut().expect("just pushed").committed_reader = Some(false);
    assert!(judge(&world).anomalies.is_empty(), "readers of uncommitted records may");
    world.polls.last_mut().expect("just pushed").committed_reader = None;
    assert!(judge(&world).anomalies.is_empty(), "one that does not say is taken for one");
}

#[test]
fn a_transaction_hangs_only_after_its_timeout() {
    let mut world = correct();
    world.pass[1].stable = 40;
    world.timeout_ms = Some(60_000);
    world.pass[1].asked = 70_000_000_000;
    let verdict = judge(&world);
    assert!(verdict.anomalies.is_empty() && verdict.validity == Validity::Unknown);
    world.pass[1].asked = 81_000_000_000;
    let example = only(&judge(&world), "hanging-transaction");
    assert_eq!((example.key.as_deref(), example.offset), (Some("t-1"), Some(40)));
    world.timeout_ms = None;
    let verdict = judge(&world);
    assert!(
        verdict.unknown_because.iter().any(|why| why.contains("no transaction timeout")),
        "{:?}",
        verdict.unknown_because
    );
}

#[test]
fn interleaved_writes_are_counted_and_allowed() {
    let together = [(1000, 2000), (1000, 2000)];
    let mut world = two([(0, -1), (1, -1)], [&[], &[]], together, 2);
    assert!(judge(&world).anomalies.is_empty());
    txn(&mut world, 0).sends.push(sent(0, 3, 2, 1000));
    let verdict = judge(&world);
    assert_eq!(primary(&verdict), BTreeMap::from([("G0", 1), ("int-send-skip", 1)]));
    let example = &verdict.anomalies["int-send-skip"].examples[0];
    assert!(
        example.sentence.contains("because 1 record of others stands between value 1 at t-0 offset 0"),
        "{}",
        example.sentence
    );
    assert_eq!(verdict.validity, Validity::Valid);
}

/// Two transactions at once, and nothing else.
fn two(
    places: [(i64, i64); 2],
    polls: [&[(usize, i64, u64)]; 2],
    times: [(u64, u64); 2],
    process: u32,
) -> World {
    let mut world = World::default();
    for n in 0..2 {
        let (a, b) = places[n];
        let (invoked, completed) = times[n];
        let value = n as u64 * 10;
        let polls = polls[n].iter().map(|(key, at, value)| (*key, vec![(*at, *value)])).collect();
        let sends = [(0, a, 1), (1, b, 2)].into_iter().filter(|(_, at, _)| *at >= 0);
        world.txns.push(Txn {
            process: if n == 0 { 1 } else { process },
            joined: false,
            sends: sends.map(|(key, at, v)| sent(key, value + v, at, invoked)).collect(),
            polls,
            committed_reader: None,
            invoked,
            completed: Some(completed),
            outcome: Outcome::Ok,
            visible: false,
        });
    }
    let pass =
        || Pass { start: 0, end: 9, stable: 9, position: 9, asked: 20_000, committed_reader: Some(true) };
    world.pass = vec![pass(), pass()];
    world
}

#[test]
fn each_kind_of_cycle_has_its_name_its_steps_and_its_proof() {
    let together = [(1000, 2000), (1000, 2000)];
    let none: &[(usize, i64, u64)] = &[];
    // Writes against each other in two logs.
    let verdict = judge(&two([(0, 3), (1, 2)], [none, none], together, 2));
    let example = only(&verdict, "G0");
    assert_eq!(example.cycle.iter().map(|s| s.edge).collect::<Vec<_>>(), [Edge::Ww, Edge::Ww]);
    assert_eq!(example.cycle.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["T1", "T2"]);
    assert!(
        example.sentence.starts_with("Let T1 = the transaction of process 1, committed")
            && example.sentence.contains(
                "T1's send of 1 stands at t-0 offset 0 and T2's send of 11 directly after it at offset 1"
            )
            && example.sentence.ends_with("a contradiction"),
        "{}",
        example.sentence
    );
    assert_eq!(verdict.validity, Validity::Valid, "Kafka isolates no writes");
    // One reads the other, which it wrote before.
    let read: &[(usize, i64, u64)] = &[(0, 1, 11)];
    let example = only(&judge(&two([(0, -1), (1, -1)], [read, none], together, 2)), "G1c");
    assert_eq!(example.cycle.iter().map(|s| s.edge).collect::<Vec<_>>(), [Edge::Ww, Edge::Wr]);
    // Each reads the other: of readers of committed records one read too early.
    let (a, b): (&[_], &[_]) = (&[(1, 2, 12)], &[(0, 0, 1)]);
    let mut world = two([(0, -1), (-1, 2)], [a, b], together, 2);
    only(&judge(&world), "G1c");
    world.txns.iter_mut().for_each(|txn| txn.committed_reader = Some(true));
    let verdict = judge(&world);
    only(&verdict, "precommitted-read");
    follows(&verdict, "G1c", "precommitted-read");
}

#[test]
fn what_time_alone_contradicts_in_one_log_follows_from_the_log() {
    let none: &[(usize, i64, u64)] = &[];
    let after = [(1000, 2000), (3000, 4000)];
    let verdict = judge(&two([(5, -1), (4, -1)], [none, none], after, 2));
    only(&verdict, "stale-append");
    follows(&verdict, "G0-realtime", "stale-append");
    let verdict = judge(&two([(5, -1), (4, -1)], [none, none], after, 1));
    only(&verdict, "nonmonotonic-send");
    follows(&verdict, "G0-process", "nonmonotonic-send");
}

#[test]
fn a_read_before_a_write_that_stands_before_it_is_a_cycle_in_real_time() {
    let none: &[(usize, i64, u64)] = &[];
    let mut world = two([(5, -1), (4, -1)], [none, none], [(1000, 9000), (3000, 4000)], 2);
    let read = |process| Poll {
        process,
        committed_reader: Some(true),
        invoked: 1100,
        completed: 1200,
        records: vec![(0, vec![(5, 1)])],
    };
    world.polls.push(read(9));
    only(&judge(&world), "G1c-realtime");
    world.polls[0] = read(2);
    let verdict = judge(&world);
    let example = only(&verdict, "G1c-process");
    assert_eq!(example.cycle.iter().map(|s| s.edge).collect::<Vec<_>>(), [Edge::Wr, Edge::Process, Edge::Ww]);
    assert!(example.sentence.contains("the same process performed both"), "{}", example.sentence);
}
