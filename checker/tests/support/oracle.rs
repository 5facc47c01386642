//! The slow, obvious judge: plain loops over plain operations, written from the definitions and from nothing of
//! the checker's code. Quadratic and worse.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Op, Outcome, What};
use super::observe::Finding;

/// One record that was read.
#[derive(Debug, Clone)]
struct Seen {
    poll: usize,
    session: (u32, usize),
    offset: i64,
    value: Option<u64>,
    final_pass: bool,
    invoked: u64,
    completed: u64,
}

/// One send of a partition, with everything that the definitions ask for.
#[derive(Debug, Clone)]
struct Sent {
    value: u64,
    offset: Option<i64>,
    ok: bool,
    acknowledged: bool,
    failed: bool,
    invoked: u64,
    completed: u64,
    producer: (bool, u32),
    order: u64,
}

/// All findings, with how often each was made.
pub fn findings(ops: &[Op]) -> BTreeMap<Finding, usize> {
    let mut all = BTreeMap::new();
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for op in ops {
        match &op.what {
            What::Send(key, ..) => drop(keys.insert(key.clone())),
            What::Poll(read) => keys.extend(read.iter().map(|(key, _)| key.clone())),
            What::Offsets(bounds) => keys.extend(bounds.keys().cloned()),
            What::Move(_) => {}
        }
    }
    let pass = ops.iter().any(|op| op.final_pass);
    for key in keys {
        let mut find = |kind: &str, name: String| {
            *all.entry((kind.to_owned(), key.clone(), name)).or_default() += 1;
        };
        judge(&sent(ops, &key), &seen(ops, &key), pass, end(ops, &key), &mut find);
    }
    all
}

/// The end of the log, when it was asked for, and the position reached.
fn end(ops: &[Op], key: &str) -> (Option<(i64, i64, u64)>, Option<i64>) {
    let mut bounds: Option<(i64, i64, u64)> = None;
    let mut position = None;
    for op in in_order(ops).into_iter().map(|i| &ops[i]).filter(|op| op.final_pass) {
        if let What::Offsets(all) = &op.what
            && let Some((start, end)) = all.get(key)
        {
            let before = bounds.unwrap_or((*start, *end, 0));
            bounds = Some((before.0.max(*start), before.1.max(*end), op.invoked));
        }
        position = position.max(op.position.get(key).copied());
        if let What::Poll(read) = &op.what {
            let last =
                read.iter().filter(|(k, _)| k == key).flat_map(|(_, records)| records).map(|(o, _)| o + 1);
            position = position.max(last.max());
        }
    }
    (bounds, position)
}

/// Completed operations in the order of their completions' lines.
fn in_order(ops: &[Op]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ops.len()).filter(|i| ops[*i].completed.is_some()).collect();
    order.sort_by_key(|i| (ops[*i].completed, *i));
    order
}

fn seen(ops: &[Op], key: &str) -> Vec<Seen> {
    let mut all = Vec::new();
    // A reader may stand anywhere after these.
    let mut cuts: BTreeMap<u32, usize> = BTreeMap::new();
    for (order, i) in in_order(ops).into_iter().enumerate() {
        let op = &ops[i];
        let cut = cuts.entry(op.process).or_default();
        if let What::Move(_) = op.what {
            *cut += 1;
        }
        let What::Poll(read) = &op.what else { continue };
        for (offset, value) in read.iter().filter(|(k, _)| k == key).flat_map(|(_, records)| records) {
            all.push(Seen {
                poll: order,
                session: (op.process, *cut),
                offset: *offset,
                value: *value,
                final_pass: op.final_pass,
                invoked: op.invoked,
                completed: op.completed.expect("in order are completed ones"),
            });
        }
        if op.outcome != Outcome::Ok {
            *cut += 1;
        }
    }
    all
}

fn sent(ops: &[Op], key: &str) -> Vec<Sent> {
    let mut all = Vec::new();
    let mut invocations: Vec<usize> = (0..ops.len()).collect();
    invocations.sort_by_key(|i| (ops[*i].invoked, *i));
    for (line, i) in invocations.into_iter().enumerate() {
        let op = &ops[i];
        let What::Send(k, value, offset) = &op.what else { continue };
        if k != key {
            continue;
        }
        let ok = op.outcome == Outcome::Ok && op.completed.is_some();
        all.push(Sent {
            value: *value,
            offset: offset.filter(|offset| ok && *offset >= 0),
            ok,
            acknowledged: ok && !op.unacked,
            failed: op.outcome == Outcome::Fail && op.completed.is_some(),
            invoked: op.invoked,
            completed: op.completed.unwrap_or(u64::MAX),
            producer: match (op.client, op.seq) {
                (Some(client), Some(_)) => (true, client),
                _ => (false, op.process),
            },
            order: op.seq.unwrap_or(line as u64),
        });
    }
    all
}

fn judge(
    sent: &[Sent],
    seen: &[Seen],
    pass: bool,
    (bounds, position): (Option<(i64, i64, u64)>, Option<i64>),
    find: &mut dyn FnMut(&str, String),
) {
    // The surviving log: what the pass read, or what was read last.
    let mut log: BTreeMap<i64, BTreeSet<Option<u64>>> = BTreeMap::new();
    for record in seen {
        let last = seen.iter().filter(|r| r.offset == record.offset).map(|r| r.poll).max();
        if if pass { record.final_pass } else { Some(record.poll) == last } {
            log.entry(record.offset).or_default().insert(record.value);
        }
    }
    let lowest = |value: u64| log.iter().find(|(_, values)| values.contains(&Some(value))).map(|(o, _)| *o);
    let was_read = |value: u64| seen.iter().any(|r| r.value == Some(value));

    for send in sent.iter().filter(|send| send.ok && lowest(send.value).is_none()) {
        let covered = bounds.filter(|(start, end, _)| end <= start || position.is_some_and(|p| p >= *end));
        let name = send.value.to_string();
        match covered {
            _ if !pass => {
                if send.acknowledged && !was_read(send.value) {
                    find(if passed_by(send, seen, &log) { "lost-write" } else { "unseen" }, name);
                }
            }
            Some((start, _, asked)) if send.completed < asked => {
                let perhaps_removed = start > 0 && send.offset.is_none_or(|offset| offset < start);
                if !perhaps_removed {
                    find(if send.acknowledged { "lost-write" } else { "lost-unacked" }, name);
                }
            }
            _ => {
                if send.acknowledged && !was_read(send.value) {
                    find("unseen", name);
                }
            }
        }
    }
    for send in sent {
        if log.values().filter(|values| values.contains(&Some(send.value))).count() > 1 {
            find("duplicate", send.value.to_string());
        }
    }
    let mut read_at: BTreeMap<i64, BTreeSet<Option<u64>>> = BTreeMap::new();
    for record in seen {
        read_at.entry(record.offset).or_default().insert(record.value);
    }
    for (offset, values) in &read_at {
        if values.len() > 1 {
            find("inconsistent-offsets", offset.to_string());
        }
        for value in values {
            match value {
                None => find("corrupt", offset.to_string()),
                Some(value) => match sent.iter().find(|send| send.value == *value) {
                    None => find("unexpected", value.to_string()),
                    Some(send) if send.failed => find("resurrected", value.to_string()),
                    Some(_) => {}
                },
            }
        }
    }
    for send in sent.iter().filter(|send| !send.failed) {
        let first = seen.iter().filter(|r| r.value == Some(send.value)).min_by_key(|r| r.poll);
        if first.is_some_and(|first| first.completed < send.invoked) {
            find("unexpected", send.value.to_string());
        }
        let stale = |other: &Sent| {
            other.acknowledged
                && other.completed < send.invoked
                && lowest(other.value).is_some_and(|at| lowest(send.value).is_some_and(|mine| at > mine))
        };
        if sent.iter().any(stale) {
            find("stale-append", send.value.to_string());
        }
        let others = sent.iter().filter(|other| other.producer == send.producer && other.order < send.order);
        let overtaken = others.clone().filter(|other| !other.failed).any(|other| {
            lowest(other.value).is_some_and(|at| lowest(send.value).is_some_and(|mine| at > mine))
        });
        if overtaken {
            find("nonmonotonic-send", send.value.to_string());
        }
        if let Some(offset) = send.offset.filter(|_| send.acknowledged) {
            let steps_back = |other: &Sent| other.acknowledged && other.offset.is_some_and(|o| o >= offset);
            if others.clone().any(steps_back) {
                find("ack-regression", send.value.to_string());
            }
            let there = read_at.get(&offset).is_some_and(|values| values.contains(&Some(send.value)));
            if lowest(send.value).is_some_and(|at| at != offset) && !there {
                find("ack-offset-mismatch", send.value.to_string());
            }
        }
    }
    for (before, after) in steps(seen) {
        let inside = if before.poll == after.poll { "int-" } else { "" };
        if after.offset <= before.offset {
            find(&format!("{inside}nonmonotonic-poll"), after.offset.to_string());
        } else if log.range(before.offset + 1..after.offset).next().is_some()
            && log.get(&after.offset).is_some_and(|values| values.contains(&after.value))
        {
            find(&format!("{inside}poll-skip"), after.offset.to_string());
        }
    }
}

/// Records that a session read one right after the other.
fn steps(seen: &[Seen]) -> Vec<(&Seen, &Seen)> {
    let mut steps = Vec::new();
    for (i, after) in seen.iter().enumerate() {
        if let Some(before) = seen[..i].iter().rev().find(|before| before.session == after.session) {
            steps.push((before, after));
        }
    }
    steps
}

/// Whether a reader went past a write's offset in a poll that began after its acknowledgement.
fn passed_by(send: &Sent, seen: &[Seen], log: &BTreeMap<i64, BTreeSet<Option<u64>>>) -> bool {
    let Some(offset) = send.offset else { return false };
    let reads_it = seen.iter().any(|r| r.offset == offset && r.invoked > send.completed);
    let passes_it = steps(seen).into_iter().any(|(before, after)| {
        before.offset < offset
            && offset < after.offset
            && log.range(before.offset + 1..after.offset).next().is_none()
            && after.invoked > send.completed
    });
    reads_it || passes_it
}
