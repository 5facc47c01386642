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
        judge(&sent(ops, &key), &seen(ops, &key), pass, told(ops, &key), &mut find);
    }
    all
}

/// What was answered about a log's bounds.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// The highest start, whoever asked.
    start: i64,
    /// The end that the pass asked for last, when it asked, and whether it is known for the log's end.
    end: Option<(i64, u64, bool)>,
    /// The highest end.
    highest: i64,
}

fn told(ops: &[Op], key: &str) -> Told {
    let mut told = Told::default();
    let mut furthest: Option<(i64, u64)> = None;
    for op in in_order(ops).into_iter().map(|i| &ops[i]) {
        let What::Offsets(all) = &op.what else { continue };
        let Some((start, end)) = all.get(key).filter(|(start, end)| *start >= 0 && end >= start) else {
            continue;
        };
        told.start = told.start.max(*start);
        if !op.final_pass {
            continue;
        }
        if told.end.is_none_or(|(_, asked, _)| asked <= op.invoked) {
            told.end = Some((*end, op.invoked, true));
        }
        if furthest.is_none_or(|(highest, _)| highest < *end) {
            furthest = Some((*end, op.completed.expect("in order are completed ones")));
        }
    }
    if let (Some((end, asked, known)), Some((highest, answered))) = (&mut told.end, furthest) {
        *known = highest <= *end || answered >= *asked;
        told.highest = highest;
    }
    told
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

fn judge(sent: &[Sent], seen: &[Seen], pass: bool, told: Told, find: &mut dyn FnMut(&str, String)) {
    // The surviving log: what the pass read and did not find gone afterwards, or what was read last.
    let by_pass = gone_over(seen, true);
    let mut log: BTreeMap<i64, BTreeSet<Option<u64>>> = BTreeMap::new();
    for record in seen {
        let last = seen.iter().filter(|r| r.offset == record.offset).map(|r| r.poll).max();
        let again = by_pass.iter().any(|(o, at)| *o == record.offset && *at > record.completed);
        if if pass { record.final_pass && !again } else { Some(record.poll) == last } {
            log.entry(record.offset).or_default().insert(record.value);
        }
    }
    let lowest = |value: u64| log.iter().find(|(_, values)| values.contains(&Some(value))).map(|(o, _)| *o);
    let was_read = |value: u64| seen.iter().any(|r| r.value == Some(value));

    let latest = |over: &[(i64, u64)], x: i64| over.iter().filter(|(o, _)| *o == x).map(|(_, at)| *at).max();
    // Since when everything that was acknowledged before should have been read by the pass.
    let since = told.end.filter(|(.., known)| pass && *known).and_then(|(_, asked, _)| {
        let least: Option<Vec<u64>> = (told.start..told.highest).map(|x| latest(&by_pass, x)).collect();
        Some(asked.min(least?.into_iter().min().unwrap_or(asked)))
    });
    let all = gone_over(seen, false);
    // Up to where it is known that a write stands first: an earlier copy may be gone with the log's beginning.
    let known = match since.is_some() && told.start <= 0 {
        true => i64::MAX,
        false => (0..).find(|x| !log.contains_key(x)).map_or(i64::MAX, |x: i64| x - 1),
    };
    for send in sent.iter().filter(|send| send.ok && lowest(send.value).is_none()) {
        let name = send.value.to_string();
        if since.is_some_and(|since| send.completed < since) {
            let places: Vec<i64> =
                seen.iter().filter(|r| r.value == Some(send.value)).map(|r| r.offset).collect();
            let below = match places.is_empty() {
                true => told.start > 0 && send.offset.is_none_or(|offset| offset < told.start),
                false => places.iter().any(|at| *at < told.start),
            };
            if !below {
                find(if send.acknowledged { "lost-write" } else { "lost-unacked" }, name);
            }
        } else if send.acknowledged {
            if was_read(send.value) {
                let gone = |at: i64| {
                    let reads = seen.iter().filter(|r| r.value == Some(send.value) && r.offset == at);
                    let last = reads.max_by_key(|r| r.poll).map_or(0, |r| r.completed).max(send.completed);
                    at >= told.start && latest(&all, at).is_some_and(|over| over > last)
                };
                if seen.iter().filter(|r| r.value == Some(send.value)).all(|r| gone(r.offset)) {
                    find("lost-write", name);
                }
            } else {
                let lost = passed_by(send, sent, &lowest, known, told, &|x| latest(&all, x));
                find(if lost { "lost-write" } else { "unseen" }, name);
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
                && lowest(other.value)
                    .is_some_and(|at| at <= known && lowest(send.value).is_some_and(|mine| at > mine))
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

/// Offsets that polls went over, with when they began: those of the pass, or of all.
fn gone_over(seen: &[Seen], pass: bool) -> Vec<(i64, u64)> {
    let mut over: Vec<(i64, u64)> =
        seen.iter().filter(|r| r.final_pass || !pass).map(|r| (r.offset, r.invoked)).collect();
    for (before, after) in steps(seen) {
        let between = before.offset + 1..after.offset;
        // The pass is trusted from where it stood, others only where nobody ever read anything.
        if after.final_pass || (!pass && !seen.iter().any(|r| between.contains(&r.offset))) {
            over.extend(between.map(|offset| (offset, after.invoked)));
        }
    }
    over
}

/// Whether a write that nobody read must stand where polls that began after its acknowledgement went over.
fn passed_by(
    send: &Sent,
    sent: &[Sent],
    lowest: &dyn Fn(u64) -> Option<i64>,
    known: i64,
    told: Told,
    latest: &dyn Fn(i64) -> Option<u64>,
) -> bool {
    let standing = || sent.iter().filter(|s| !s.failed).filter_map(|s| Some((s, lowest(s.value)?)));
    // A copy that was read may not be the first.
    let before = standing().filter(|(s, at)| s.acknowledged && s.completed < send.invoked && *at <= known);
    let lower = before.map(|(_, at)| at).max();
    let after = standing().filter(|(s, _)| s.invoked > send.completed).map(|(_, at)| at);
    let end = told.end.filter(|(end, asked, _)| *end == told.highest && send.completed < *asked);
    let Some(upper) = after.chain(end.map(|(end, ..)| end)).min() else { return false };
    if lower.is_some_and(|lower| lower >= upper) {
        return false;
    }
    let first = lower.map_or(told.start, |lower| lower + 1);
    let mut from = first.min(send.offset.unwrap_or(first));
    if let Some(lower) = lower.filter(|lower| send.offset.is_none() || lower + 1 == upper) {
        from = from.min(lower);
    }
    let certain = told.start == 0 || (lower.is_some() && first >= told.start);
    certain && from < upper && (from..upper).all(|x| latest(x).is_some_and(|over| over > send.completed))
}
