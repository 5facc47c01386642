//! Lost and unseen writes.
//!
//! An acknowledged write is lost if the consume-all pass covered its partition and did not read it. Without such
//! a pass it is lost only if a reader went past its offset without it ([`super::evidence`]). What may lie below
//! the log's start was perhaps removed by retention: undecided, never lost.

use serde_json::Value;
use store::time::Nanos;
use store::verdict::Example;

use super::evidence::{Evidence, passed_over};
use super::{Bench, Concluded};
use crate::coverage::Reach;
use crate::explain::{Explain, at_line, poll_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::{Bounds, CORRUPT, NO_OFFSET, NONE, Outcome, Send};
use crate::words::{count, grouped_i64, value};

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let (view, keep) = (bench.view, bench.keep);
    let mut lost = Collector::new(Kind::LostWrite, keep);
    let mut unacked = Collector::new(Kind::LostUnacked, keep);
    let mut unseen = Collector::new(Kind::Unseen, keep);
    let mut below_start = 0;
    let mut unread = Vec::new();
    for (row, send) in view.partition.sends.iter().enumerate() {
        let row = row as u32;
        if send.outcome != Outcome::Ok || view.survives(row) {
            continue;
        }
        let seen = view.first_seen[row as usize] != NONE;
        match bench.reach {
            // Acknowledged after the pass asked for the end: it need not have read so far.
            Reach::There(bounds) if !view.tables.precedes(send.completed, bounds.asked) => {
                if send.acknowledged() && !seen {
                    unseen.push(send.line, None, row);
                }
            }
            Reach::There(bounds) if below(send, bounds) => below_start += u64::from(send.acknowledged()),
            Reach::There(_) if send.acknowledged() => {
                // Damaged where it should stand, it is there after all, and of no use.
                let damaged = send.offset != NO_OFFSET && view.surviving_at(send.offset).contains(&CORRUPT);
                lost.push(send.line, damaged.then_some(Kind::Corrupt), (row, None));
            }
            Reach::There(_) => unacked.push(send.line, None, row),
            Reach::NotThere(_) if send.acknowledged() && !seen => unseen.push(send.line, None, row),
            Reach::NoPass if send.acknowledged() && !seen => unread.push(row),
            Reach::NotThere(_) | Reach::NoPass => {}
        }
    }
    for (row, evidence) in passed_over(view, &unread) {
        let line = view.send(row).line;
        match evidence {
            Some(evidence) => lost.push(line, None, (row, Some(evidence))),
            None => unseen.push(line, None, row),
        }
    }
    let explain = bench.explain();
    let mut concluded = Concluded::from(vec![
        lost.explain(|(row, evidence)| match (evidence, bench.reach) {
            (None, Reach::There(bounds)) => lost_to_pass(&explain, *row, bounds),
            (Some(evidence), _) => lost_to_reader(&explain, *row, evidence),
            (None, _) => explain.about_send(*row, |send| explain.told(send)),
        }),
        unacked.explain(|row| lost_unacked(&explain, *row)),
        unseen.explain(|row| not_seen(&explain, *row, bench.reach)),
    ]);
    if below_start > 0
        && let Reach::There(bounds) = bench.reach
    {
        concluded.undecided.push(format!(
            "{}: {} may have stood below the log's start (offset {}), where retention removes records",
            view.partition.key,
            count(below_start, "acknowledged write"),
            grouped_i64(bounds.start)
        ));
    }
    concluded
}

/// Whether a write may have stood below the log's start.
fn below(send: &Send, bounds: &Bounds) -> bool {
    bounds.start > 0 && (send.offset == NO_OFFSET || send.offset < bounds.start)
}

fn lost_to_pass(explain: &Explain<'_, '_>, row: u32, bounds: &Bounds) -> Example {
    let view = explain.view;
    let mut readers = Vec::new();
    let mut example = explain.about_send(row, |send| {
        let (but, because) = missing(explain, send, bounds, &mut readers);
        let because = leaders(explain, send, &because).unwrap_or(because);
        let under = explain.under(send.completed).map(|u| format!("; {u}")).unwrap_or_default();
        format!("{}, but {but}, because {because}{under}. ", explain.told(send))
    });
    for poll in readers {
        let poll = view.poll(poll);
        example.witness.push(poll_witness(poll, "read by the consume-all pass where it should be"));
    }
    let line = u64::from(bounds.line);
    let role = format!("log from offset {} to {}", grouped_i64(bounds.start), grouped_i64(bounds.end));
    example.witness.push(store::verdict::Witness { line, role });
    tell_whether_seen(explain, row, &mut example);
    example
}

/// What the samples of the cluster add: a leader that was none any more, or one that was followed by another.
fn leaders(explain: &Explain<'_, '_>, send: &Send, because: &str) -> Option<String> {
    let (leadership, key) = (explain.leadership, explain.key());
    let node = i32::from(send.node);
    if node < 0 {
        return None;
    }
    let (began, ended) = (Nanos(send.invoked), Nanos(send.completed));
    let name = |node: i32| leadership.name(node);
    if let Some(deposed) = leadership.deposed(key, node, began, ended) {
        let own = deposed.own_epoch.map(|e| format!(" in epoch {e}")).unwrap_or_default();
        let (leader, epoch) = (name(deposed.leader), deposed.epoch);
        return Some(format!("{} acknowledged it{own} after {leader} led in epoch {epoch}", name(node)));
    }
    let next = leadership.succession(key, node, ended)?;
    Some(format!(
        "{because}: {} acknowledged it as leader in epoch {}, and {} led in epoch {} afterwards (seen at {})",
        name(node),
        next.own_epoch,
        name(next.leader),
        next.epoch,
        next.seen
    ))
}

/// What the pass read instead of a write, and why that shows the loss.
fn missing(
    explain: &Explain<'_, '_>,
    send: &Send,
    bounds: &Bounds,
    readers: &mut Vec<u32>,
) -> (String, String) {
    let view = explain.view;
    let offset = send.offset;
    if offset == NO_OFFSET {
        return (
            format!(
                "the consume-all pass read the whole log, offsets {} to {}, and this value nowhere",
                grouped_i64(bounds.start),
                grouped_i64(bounds.end)
            ),
            "no record that survived carries it".to_owned(),
        );
    }
    if let Some(other) = view.surviving_at(offset).first() {
        readers.extend(view.reader_of(offset, *other));
        let owner = view.index.row(*other).map(|row| format!(" of {}", explain.producer(view.send(row))));
        return (
            format!(
                "the consume-all pass read value {}{} at that offset and this value nowhere",
                value(*other),
                owner.unwrap_or_default()
            ),
            "the log that survived holds another record where this one was acknowledged".to_owned(),
        );
    }
    let before = view.survivors_between(i64::MIN, offset).last().map(|(_, last)| last);
    let after = view.survivors_between(offset, i64::MAX).next().map(|(first, _)| first);
    for neighbour in [before, after].into_iter().flatten() {
        if let Some(value) = view.surviving_at(neighbour).first() {
            readers.extend(view.reader_of(neighbour, *value));
        }
    }
    readers.dedup();
    match (before, after) {
        (Some(before), Some(after)) => (
            format!(
                "the consume-all pass read offsets {} and {} and never this value",
                grouped_i64(before),
                grouped_i64(after)
            ),
            "no record stands between them any more".to_owned(),
        ),
        _ => (
            format!(
                "the consume-all pass found the log's end at offset {} and this value nowhere before it",
                grouped_i64(bounds.end)
            ),
            "the log no longer reaches so far".to_owned(),
        ),
    }
}

fn lost_to_reader(explain: &Explain<'_, '_>, row: u32, evidence: &Evidence) -> Example {
    let view = explain.view;
    let poll = view.poll(evidence.poll);
    let mut example = explain.about_send(row, |send| {
        let there = match view.read_at(send.offset).first() {
            Some(other) => format!("value {} was read at that offset", value(*other)),
            None => "no record was there".to_owned(),
        };
        let under = explain.under(send.completed).map(|u| format!(": {u}")).unwrap_or_default();
        format!(
            "{}, but nobody ever read it, although {} read past that offset at {} {}, in a poll that began after \
             the acknowledgement and without a jump, because {there}{under}. ",
            explain.told(send),
            explain.reader(evidence.poll),
            Nanos(poll.completed),
            at_line(poll.line)
        )
    });
    example.witness.push(poll_witness(poll, "read past its offset without it"));
    tell_whether_seen(explain, row, &mut example);
    example
}

/// Ends the sentence with what live readers saw.
fn tell_whether_seen(explain: &Explain<'_, '_>, row: u32, example: &mut Example) {
    let view = explain.view;
    let poll = view.first_seen[row as usize];
    let seen = poll != NONE;
    example.details.insert("seen_before".into(), Value::Bool(seen));
    if seen {
        let who = explain.reader(poll);
        let poll = view.poll(poll);
        let at = format!("{} {}", Nanos(poll.completed), at_line(poll.line));
        example.sentence.push_str(&format!("A live reader, {who}, had read it at {at}."));
        example.witness.push(poll_witness(poll, "read it while it was there"));
    } else {
        example.sentence.push_str("No live reader had seen it.");
    }
    example.witness.sort_by_key(|w| w.line);
    example.witness.dedup_by_key(|w| w.line);
}

fn lost_unacked(explain: &Explain<'_, '_>, row: u32) -> Example {
    let mut example = explain.about_send(row, |send| {
        let under = explain.under(send.completed).map(|u| format!(": {u}")).unwrap_or_default();
        format!(
            "{} sent value {} without asking for an acknowledgement (acks=0) at {} {}, and the consume-all pass \
             read the whole log and this value nowhere, because nobody waited to hear whether it arrived{under}. ",
            explain.producer(send),
            value(send.value),
            Nanos(send.completed),
            at_line(send.line)
        )
    });
    tell_whether_seen(explain, row, &mut example);
    example
}

fn not_seen(explain: &Explain<'_, '_>, row: u32, reach: &Reach) -> Example {
    explain.about_send(row, |send| {
        let why = match reach {
            Reach::NotThere(why) => why.as_str(),
            Reach::There(_) => "it was acknowledged after the consume-all pass had asked for the log's end",
            Reach::NoPass => "the history has no consume-all pass and no reader went past it",
        };
        format!("{}, and no read reached it, because {why}; that is no loss", explain.told(send))
    })
}
