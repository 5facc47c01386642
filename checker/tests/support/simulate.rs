//! A log that keeps its promises, and the history of clients that used it.

use std::collections::BTreeMap;

use super::history::{Op, Outcome, What};
use super::rng::Rng;

/// The shape of a simulated run.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub seed: u64,
    pub partitions: u64,
    pub producers: u64,
    /// Sends in flight a producer. One is a closed loop.
    pub in_flight: u64,
    pub sends: u64,
    pub consumers: u64,
    /// Percent of sends whose outcome stays unknown, and that fail.
    pub unknown: u64,
    pub fail: u64,
    /// Percent of records after which the log has a hole.
    pub holes: u64,
    pub pass: bool,
}

impl Shape {
    pub fn small(seed: u64) -> Shape {
        Shape {
            seed,
            partitions: 2,
            producers: 3,
            in_flight: 1,
            sends: 60,
            consumers: 2,
            unknown: 10,
            fail: 5,
            holes: 0,
            pass: true,
        }
    }
}

/// A record in a log, and when it got there.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    pub offset: i64,
    pub value: u64,
    pub at: u64,
}

/// A simulated run.
pub struct Run {
    pub ops: Vec<Op>,
    pub logs: BTreeMap<String, Vec<Stored>>,
}

/// Simulates. Sends are appended at some instant between their invocation and their acknowledgement, in the
/// order of their producer's calls; unknown ones perhaps, and perhaps after they were given up; consumers read
/// what is there; the pass reads everything.
pub fn run(shape: Shape) -> Run {
    let mut rng = Rng(shape.seed);
    let keys: Vec<String> = (0..shape.partitions).map(|p| format!("t-{p}")).collect();
    let mut ops = Vec::new();
    // Who is appended when: (instant, key, value, index of its operation).
    let mut appends: Vec<(u64, String, u64, Option<usize>)> = Vec::new();
    let mut process = 0;
    for producer in 0..shape.producers {
        let client = 100 + producer as u32;
        let mut free: Vec<u64> = (0..shape.in_flight).map(|_| rng.below(50)).collect();
        let mut slots: Vec<u32> = free.iter().map(|_| next(&mut process)).collect();
        let mut called = 0;
        let mut appended = 0;
        for seq in 0..shape.sends / shape.producers {
            let slot = (0..free.len()).min_by_key(|slot| free[*slot]).expect("at least one");
            called = free[slot].max(called) + 1 + rng.below(20);
            let value = seq * shape.producers + producer + 1;
            let key = keys[rng.below(shape.partitions) as usize].clone();
            let sum = shape.unknown + shape.fail;
            let fate = rng.below(100);
            let outcome = match fate {
                f if f < shape.unknown => Outcome::Info,
                f if f < sum => Outcome::Fail,
                _ => Outcome::Ok,
            };
            // One producer's appends follow its calls.
            appended = called.max(appended) + 1 + rng.below(10);
            let done = appended + 1 + rng.below(30);
            match outcome {
                Outcome::Ok => appends.push((appended, key.clone(), value, Some(ops.len()))),
                // An unknown send blocks nobody behind it: it goes to the log at once, or never.
                Outcome::Info if rng.chance(50) => appends.push((appended, key.clone(), value, None)),
                _ => {}
            }
            let mut op = Op::new(slots[slot], What::Send(key, value, None), called, done, outcome);
            (op.client, op.seq) = (Some(client), Some(seq));
            if outcome == Outcome::Info && rng.chance(30) {
                op.completed = None;
            }
            ops.push(op);
            free[slot] = done + 1;
            if outcome == Outcome::Info {
                slots[slot] = next(&mut process);
            }
        }
    }
    // Instants are made unique, so that nothing depends on the order of equals.
    appends.sort();
    let mut logs: BTreeMap<String, Vec<Stored>> = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
    for (at, key, value, op) in appends {
        let log = logs.get_mut(&key).expect("a key of ours");
        let hole = i64::from(rng.chance(shape.holes));
        let offset = log.last().map_or(0, |last: &Stored| last.offset + 1 + hole);
        log.push(Stored { offset, value, at });
        if let Some(op) = op
            && let What::Send(_, _, acknowledged) = &mut ops[op].what
        {
            *acknowledged = Some(offset);
        }
    }
    let end = ops.iter().filter_map(|op| op.completed).max().unwrap_or(0) + 100;
    consume(&shape, &mut rng, &keys, &logs, end, &mut process, &mut ops);
    if shape.pass {
        pass(&mut rng, &logs, end + 1000, &mut process, &mut ops);
    }
    for op in &mut ops {
        // Nanoseconds, and room between instants for mutations.
        op.invoked *= 1000;
        op.completed = op.completed.map(|at| at * 1000);
    }
    Run { ops, logs }
}

fn next(process: &mut u32) -> u32 {
    *process += 1;
    *process
}

/// Consumers that each read all partitions, batch by batch.
fn consume(
    shape: &Shape,
    rng: &mut Rng,
    keys: &[String],
    logs: &BTreeMap<String, Vec<Stored>>,
    end: u64,
    process: &mut u32,
    ops: &mut Vec<Op>,
) {
    for _ in 0..shape.consumers {
        let me = next(process);
        let mut now = rng.below(60);
        let mut read: BTreeMap<&String, usize> = keys.iter().map(|key| (key, 0)).collect();
        while now < end {
            let done = now + 5 + rng.below(60);
            let mut records = Vec::new();
            for (key, read) in &mut read {
                let log = &logs[*key];
                let there = log.iter().take_while(|stored| stored.at < done).count();
                let take = (there - *read).min(1 + rng.below(9) as usize);
                let batch: Vec<_> =
                    log[*read..*read + take].iter().map(|s| (s.offset, Some(s.value))).collect();
                *read += take;
                if !batch.is_empty() {
                    records.push(((*key).clone(), batch));
                }
            }
            ops.push(Op::new(me, What::Poll(records), now, done, Outcome::Ok));
            now = done + 1 + rng.below(30);
        }
    }
}

/// The consume-all pass: bounds first, then everything up to them.
fn pass(
    rng: &mut Rng,
    logs: &BTreeMap<String, Vec<Stored>>,
    mut now: u64,
    process: &mut u32,
    ops: &mut Vec<Op>,
) {
    let end = |log: &Vec<Stored>| log.last().map_or(0, |last| last.offset + 1);
    let me = next(process);
    let mut assign = Op::new(me, What::Move("assign"), now - 10, now - 5, Outcome::Ok);
    assign.final_pass = true;
    assign.position = logs.keys().map(|key| (key.clone(), 0)).collect();
    ops.push(assign);
    let bounds = logs.iter().map(|(key, log)| (key.clone(), (0, end(log)))).collect();
    let mut op = Op::new(me, What::Offsets(bounds), now, now + 5, Outcome::Ok);
    op.final_pass = true;
    ops.push(op);
    for (key, log) in logs {
        let mut rest = log.as_slice();
        while !rest.is_empty() {
            now += 10;
            let take = rest.len().min(1 + rng.below(20) as usize);
            let records = rest[..take].iter().map(|s| (s.offset, Some(s.value))).collect();
            rest = &rest[take..];
            let mut op = Op::new(me, What::Poll(vec![(key.clone(), records)]), now, now + 5, Outcome::Ok);
            op.final_pass = true;
            let position = rest.first().map_or(end(log), |next| next.offset);
            op.position = BTreeMap::from([(key.clone(), position)]);
            ops.push(op);
        }
    }
}
