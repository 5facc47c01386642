//! Plant and find: correct histories are silent; with one anomaly planted, exactly that one is reported, with
//! its operations.

mod support;

use std::collections::BTreeMap;

use checker::Context;
use store::run_meta::Terms;
use store::verdict::{Validity, Verdict};
use support::history::{Op, Outcome, Records, What, text};
use support::observe::analysis;
use support::rng::Rng;
use support::simulate::{Run, Shape, run};

/// Everything is promised, so that nothing goes by as allowed.
fn strict() -> Context {
    let terms = Terms {
        guarantee: Some("exactly-once".into()),
        idempotent: Some(true),
        consume_all: Some(true),
        ..Terms::default()
    };
    Context { terms, ..Context::default() }
}

fn verdict(ops: &[Op]) -> Verdict {
    analysis(ops, &strict()).verdict
}

/// The findings that do not follow from another: kind, partition, value, offset.
fn primary(verdict: &Verdict) -> Vec<(String, String, Option<String>, Option<i64>)> {
    let mut all = Vec::new();
    for (kind, anomaly) in &verdict.anomalies {
        for example in anomaly.examples.iter().filter(|e| e.consequence_of.is_none()) {
            let key = example.key.clone().unwrap_or_default();
            all.push((kind.clone(), key, example.value.clone(), example.offset));
        }
    }
    all
}

/// The line numbers of an operation's two lines, from 1.
fn lines_of(ops: &[Op], op: &Op) -> Vec<u64> {
    let process = format!(r#""process":{},"#, op.process);
    let times = [Some(op.invoked), op.completed].map(|t| t.map(|t| format!(r#"{{"time":{t},"#)));
    let text = text(ops);
    let all = text.lines().enumerate().filter(|(_, line)| line.contains(&process));
    let ours = all.filter(|(_, line)| times.iter().flatten().any(|time| line.starts_with(time)));
    ours.map(|(i, _)| i as u64 + 1).collect()
}

/// One planted anomaly.
struct Planted {
    kind: &'static str,
    key: String,
    /// The value (for writes) or the offset (for polls) at its heart.
    value: Option<u64>,
    offset: Option<i64>,
    /// Operations that must be among the witnesses.
    witnesses: Vec<usize>,
}

/// Plants with `plant` into many simulated runs; the twin without it must be valid, and the planted one must be
/// reported as that kind, with those operations, and nothing else as primary.
fn plant_and_find(shape: impl Fn(u64) -> Shape, plant: impl Fn(&mut Run, &mut Rng) -> Option<Planted>) {
    let mut found = 0;
    for seed in 0..40 {
        let mut run = run(shape(seed));
        let twin = verdict(&run.ops);
        assert_eq!(twin.validity, Validity::Valid, "seed {seed}: {:?}", twin.anomalies);
        assert!(twin.anomalies.is_empty(), "seed {seed}: {:?}", twin.anomalies);
        let mut rng = Rng(seed ^ 0xa0_0a);
        let Some(planted) = plant(&mut run, &mut rng) else { continue };
        found += 1;
        let verdict = verdict(&run.ops);
        let primary = primary(&verdict);
        assert_eq!(primary.len(), 1, "seed {seed}: {primary:?}\n{}", text(&run.ops));
        let (kind, key, value, offset) = &primary[0];
        assert_eq!((kind.as_str(), key), (planted.kind, &planted.key), "seed {seed}");
        if let Some(expected) = planted.value {
            assert_eq!(value.as_deref(), Some(expected.to_string().as_str()), "seed {seed} {kind}");
        }
        if let Some(expected) = planted.offset {
            assert_eq!(*offset, Some(expected), "seed {seed} {kind}");
        }
        let example = verdict.anomalies[kind].examples.iter().find(|e| e.consequence_of.is_none());
        let witness: Vec<u64> = example.expect("one is primary").witness.iter().map(|w| w.line).collect();
        for op in planted.witnesses {
            let lines = lines_of(&run.ops, &run.ops[op]);
            assert!(
                lines.iter().any(|line| witness.contains(line)),
                "seed {seed} {kind}: {lines:?} {witness:?}"
            );
        }
        if kind != "lost-unacked" && kind != "ack-offset-mismatch" {
            assert_eq!(verdict.validity, Validity::Invalid, "seed {seed} {kind}");
        }
    }
    assert!(found >= 20, "only {found} of 40 runs had a place for it");
}

/// Polls of one key, by index of their operation.
fn polls(ops: &[Op], key: &str, final_pass: bool) -> Vec<usize> {
    let holds = |op: &Op| {
        op.final_pass == final_pass
            && matches!(&op.what, What::Poll(read) if read.iter().any(|(k, records)| k == key && !records.is_empty()))
    };
    (0..ops.len()).filter(|i| holds(&ops[*i])).collect()
}

/// The records that a poll read of one key.
fn records<'o>(op: &'o mut Op, key: &str) -> &'o mut Records {
    let What::Poll(read) = &mut op.what else { panic!("no poll") };
    &mut read.iter_mut().find(|(k, _)| k == key).expect("a poll of this key").1
}

/// A record whose send was acknowledged: partition, place in its log, its send's index.
fn acknowledged(run: &Run, rng: &mut Rng) -> Option<(String, usize, usize)> {
    let sends: Vec<usize> = (0..run.ops.len())
        .filter(
            |i| matches!(&run.ops[*i].what, What::Send(_, _, Some(_)) if run.ops[*i].outcome == Outcome::Ok),
        )
        .collect();
    let send = *sends.get(rng.below(sends.len().max(1) as u64) as usize)?;
    let What::Send(key, value, _) = &run.ops[send].what else { return None };
    let place = run.logs[key].iter().position(|stored| stored.value == *value)?;
    Some((key.clone(), place, send))
}

/// Applies `change` to what every poll of a kind read of one key.
fn reread(run: &mut Run, key: &str, final_pass: bool, change: impl Fn(&mut Records)) {
    for poll in polls(&run.ops, key, final_pass) {
        change(records(&mut run.ops[poll], key));
    }
}

/// One more record at the log's end, read by the pass.
fn append(run: &mut Run, key: &str, value: Option<u64>) -> Option<(i64, usize)> {
    let poll = *polls(&run.ops, key, true).last()?;
    let records = records(&mut run.ops[poll], key);
    let offset = records.last()?.0 + 1;
    records.push((offset, value));
    run.ops[poll].position = BTreeMap::from([(key.to_owned(), offset + 1)]);
    for op in &mut run.ops {
        if let What::Offsets(bounds) = &mut op.what {
            bounds.get_mut(key)?.1 = offset + 1;
        }
    }
    Some((offset, poll))
}

#[test]
fn correct_histories_of_every_shape_are_silent() {
    for seed in 0..60 {
        let mut rng = Rng(seed);
        let shape = Shape {
            seed,
            partitions: 1 + rng.below(4),
            producers: 1 + rng.below(5),
            in_flight: 1 + rng.below(5),
            sends: 1 + rng.below(200),
            consumers: rng.below(4),
            unknown: rng.below(30),
            fail: rng.below(20),
            holes: rng.below(30),
            pass: true,
        };
        let run = run(shape);
        let verdict = verdict(&run.ops);
        assert!(verdict.anomalies.is_empty(), "{shape:?}: {:?}", verdict.anomalies);
        let read: u64 = run.logs.values().map(|log| log.len() as u64).sum();
        assert_eq!(verdict.exercised.records_final, read);
        let acknowledged = verdict.exercised.acknowledged > 0;
        let expected = if acknowledged { Validity::Valid } else { Validity::Unknown };
        assert_eq!(verdict.validity, expected, "{shape:?}: {:?}", verdict.unknown_because);
    }
}

#[test]
fn a_record_that_vanishes_after_live_reads() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, send) = acknowledged(run, rng)?;
        let stored = run.logs[&key][place];
        reread(run, &key, true, |records| records.retain(|(offset, _)| *offset != stored.offset));
        let value = Some(stored.value);
        Some(Planted { kind: "lost-write", key, value, offset: Some(stored.offset), witnesses: vec![send] })
    });
}

#[test]
fn a_record_that_nobody_ever_reads() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, send) = acknowledged(run, rng)?;
        let stored = run.logs[&key][place];
        for final_pass in [false, true] {
            reread(run, &key, final_pass, |records| records.retain(|(offset, _)| *offset != stored.offset));
        }
        let value = Some(stored.value);
        Some(Planted { kind: "lost-write", key, value, offset: None, witnesses: vec![send] })
    });
}

#[test]
fn a_record_that_was_written_over() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, send) = acknowledged(run, rng)?;
        let stored = run.logs[&key][place];
        // Another process' unknown send took its place in the log that survived.
        let other = Op::new(5000, What::Send(key.clone(), 9_999_999, None), 1, 2, Outcome::Info);
        run.ops.push(other);
        reread(run, &key, true, |records| {
            records
                .iter_mut()
                .filter(|(offset, _)| *offset == stored.offset)
                .for_each(|r| r.1 = Some(9_999_999));
        });
        let value = Some(stored.value);
        Some(Planted { kind: "lost-write", key, value, offset: Some(stored.offset), witnesses: vec![send] })
    });
}

#[test]
fn a_record_without_an_acknowledgement_that_vanishes() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, send) = acknowledged(run, rng)?;
        let stored = run.logs[&key][place];
        run.ops[send].unacked = true;
        let What::Send(_, _, offset) = &mut run.ops[send].what else { return None };
        *offset = None;
        for final_pass in [false, true] {
            reread(run, &key, final_pass, |records| records.retain(|(offset, _)| *offset != stored.offset));
        }
        let value = Some(stored.value);
        Some(Planted { kind: "lost-unacked", key, value, offset: None, witnesses: vec![send] })
    });
}

#[test]
fn a_record_that_is_written_twice() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, send) = acknowledged(run, rng)?;
        let stored = run.logs[&key][place];
        let (_, poll) = append(run, &key, Some(stored.value))?;
        let value = Some(stored.value);
        Some(Planted { kind: "duplicate", key, value, offset: None, witnesses: vec![send, poll] })
    });
}

#[test]
fn a_value_that_nobody_sent() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, ..) = acknowledged(run, rng)?;
        let (offset, poll) = append(run, &key, Some(77_777_777))?;
        let offset = Some(offset);
        Some(Planted { kind: "unexpected", key, value: Some(77_777_777), offset, witnesses: vec![poll] })
    });
}

#[test]
fn a_value_that_was_sent_elsewhere() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, send) = acknowledged(run, rng)?;
        let value = run.logs[&key][place].value;
        let other = run.logs.keys().find(|k| **k != key)?.clone();
        let (offset, poll) = append(run, &other, Some(value))?;
        let witnesses = vec![poll, send];
        Some(Planted { kind: "unexpected", key: other, value: Some(value), offset: Some(offset), witnesses })
    });
}

#[test]
fn a_damaged_record() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, ..) = acknowledged(run, rng)?;
        let (offset, poll) = append(run, &key, None)?;
        Some(Planted { kind: "corrupt", key, value: None, offset: Some(offset), witnesses: vec![poll] })
    });
}

#[test]
fn an_acknowledged_record_that_is_damaged_later() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, _) = acknowledged(run, rng)?;
        let stored = run.logs[&key][place];
        reread(run, &key, true, |records| {
            records.iter_mut().filter(|(offset, _)| *offset == stored.offset).for_each(|r| r.1 = None);
        });
        Some(Planted { kind: "corrupt", key, value: None, offset: Some(stored.offset), witnesses: vec![] })
    });
}

#[test]
fn a_failed_write_that_is_read() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, ..) = acknowledged(run, rng)?;
        let failed =
            |op: &Op| op.outcome == Outcome::Fail && matches!(&op.what, What::Send(k, ..) if *k == key);
        let send = run.ops.iter().position(failed)?;
        let What::Send(_, value, _) = run.ops[send].what else { return None };
        let (offset, poll) = append(run, &key, Some(value))?;
        let witnesses = vec![poll, send];
        Some(Planted { kind: "resurrected", key, value: Some(value), offset: Some(offset), witnesses })
    });
}

#[test]
fn an_offset_with_two_values() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, ..) = acknowledged(run, rng)?;
        // A live consumer saw an unknown send where the others saw a record that survived.
        let live = polls(&run.ops, &key, false);
        let poll = *live.get(rng.below(live.len().max(1) as u64) as usize)?;
        let records = records(&mut run.ops[poll], &key);
        let place = rng.below(records.len() as u64) as usize;
        records[place].1 = Some(9_999_999);
        let offset = Some(records[place].0);
        run.ops.push(Op::new(5000, What::Send(key.clone(), 9_999_999, None), 1, 2, Outcome::Info));
        // It needs a second reading to be seen: the pass has one.
        let kind = "inconsistent-offsets";
        Some(Planted { kind, key, value: None, offset, witnesses: vec![poll] })
    });
}

/// Two neighbours in one log change places, acknowledgements included.
fn swap(run: &mut Run, key: &str, place: usize) {
    let (a, b) = (run.logs[key][place], run.logs[key][place + 1]);
    for op in &mut run.ops {
        match &mut op.what {
            What::Send(k, value, Some(offset)) if k == key => {
                if *value == a.value {
                    *offset = b.offset;
                } else if *value == b.value {
                    *offset = a.offset;
                }
            }
            What::Poll(read) => {
                for (offset, value) in read.iter_mut().filter(|(k, _)| k == key).flat_map(|(_, r)| r) {
                    if *offset == a.offset {
                        *value = Some(b.value);
                    } else if *offset == b.offset {
                        *value = Some(a.value);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Neighbours in some log whose acknowledged sends fulfil a condition: partition, place, both sends' indexes.
fn neighbours(run: &Run, holds: impl Fn(&Op, &Op) -> bool) -> Option<(String, usize, usize, usize)> {
    let send = |key: &str, value: u64| {
        run.ops.iter().position(|op| {
            matches!(&op.what, What::Send(k, v, Some(_)) if k == key && *v == value && op.outcome == Outcome::Ok)
        })
    };
    run.logs.iter().find_map(|(key, log)| {
        (1..log.len()).rev().find_map(|place| {
            let (a, b) = (send(key, log[place - 1].value)?, send(key, log[place].value)?);
            holds(&run.ops[a], &run.ops[b]).then(|| (key.clone(), place - 1, a, b))
        })
    })
}

#[test]
fn a_producers_records_in_the_wrong_order() {
    let shape = |seed| Shape { in_flight: 4, consumers: 0, producers: 2, sends: 120, ..Shape::small(seed) };
    plant_and_find(shape, |run, _| {
        let in_flight = |a: &Op, b: &Op| a.client == b.client && a.completed >= Some(b.invoked);
        let (key, place, a, b) = neighbours(run, in_flight)?;
        let value = Some(run.logs[&key][place + 1].value);
        swap(run, &key, place);
        Some(Planted { kind: "nonmonotonic-send", key, value, offset: None, witnesses: vec![a, b] })
    });
}

#[test]
fn a_record_that_stands_before_an_older_one() {
    let shape = |seed| Shape { consumers: 0, sends: 200, ..Shape::small(seed) };
    plant_and_find(shape, |run, _| {
        let (key, place, a, b) =
            neighbours(run, |a, b| a.client != b.client && a.completed < Some(b.invoked))?;
        let value = Some(run.logs[&key][place + 1].value);
        swap(run, &key, place);
        Some(Planted { kind: "stale-append", key, value, offset: None, witnesses: vec![a, b] })
    });
}

/// A live poll of some key that is not its reader's first, with at least `n` records of it, and the one before.
fn later_poll(run: &Run, rng: &mut Rng, n: usize) -> Option<(String, usize, usize)> {
    let mut all = Vec::new();
    for key in run.logs.keys() {
        let live = polls(&run.ops, key, false);
        for (i, poll) in live.iter().enumerate() {
            let What::Poll(read) = &run.ops[*poll].what else { continue };
            let enough = read.iter().any(|(k, records)| k == key && records.len() >= n);
            let before = live[..i].iter().rev().find(|b| run.ops[**b].process == run.ops[*poll].process);
            if let Some(before) = before.filter(|_| enough) {
                all.push((key.clone(), *before, *poll));
            }
        }
    }
    let any = rng.below(all.len().max(1) as u64) as usize;
    (any < all.len()).then(|| all.swap_remove(any))
}

#[test]
fn a_consumer_that_goes_back() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, before, poll) = later_poll(run, rng, 1)?;
        let last = *records(&mut run.ops[before], &key).last()?;
        records(&mut run.ops[poll], &key).insert(0, last);
        let witnesses = vec![before, poll];
        Some(Planted { kind: "nonmonotonic-poll", key, value: None, offset: Some(last.0), witnesses })
    });
}

#[test]
fn a_consumer_that_jumps() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, before, poll) = later_poll(run, rng, 2)?;
        let records = records(&mut run.ops[poll], &key);
        records.remove(0);
        let offset = Some(records[0].0);
        Some(Planted { kind: "poll-skip", key, value: None, offset, witnesses: vec![before, poll] })
    });
}

#[test]
fn a_poll_that_leaves_a_record_out() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, _, poll) = later_poll(run, rng, 3)?;
        let records = records(&mut run.ops[poll], &key);
        records.remove(1);
        let offset = Some(records[1].0);
        Some(Planted { kind: "int-poll-skip", key, value: None, offset, witnesses: vec![poll] })
    });
}

#[test]
fn a_poll_that_repeats_a_record() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, _, poll) = later_poll(run, rng, 2)?;
        let records = records(&mut run.ops[poll], &key);
        let first = records[0];
        records.insert(1, first);
        let offset = Some(first.0);
        Some(Planted { kind: "int-nonmonotonic-poll", key, value: None, offset, witnesses: vec![poll] })
    });
}

#[test]
fn an_acknowledgement_with_an_invented_offset() {
    plant_and_find(Shape::small, |run, rng| {
        let (key, place, send) = acknowledged(run, rng)?;
        let stored = run.logs[&key][place];
        let What::Send(_, _, offset) = &mut run.ops[send].what else { return None };
        *offset = Some(stored.offset + 1000);
        let value = Some(stored.value);
        Some(Planted { kind: "ack-offset-mismatch", key, value, offset: None, witnesses: vec![send] })
    });
}
