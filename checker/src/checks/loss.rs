//! Lost and unseen writes: what [`crate::losses`] decided, in words.

use serde_json::Value;
use store::time::Nanos;
use store::verdict::{Example, Witness};

use super::{Bench, Concluded};
use crate::coverage::Reach;
use crate::explain::{Explain, at_line, poll_witness, send_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::losses::{Losses, Proof, Unseen};
use crate::tables::{Bounds, CORRUPT, NO_OFFSET, NONE, Send};
use crate::words::{count, grouped_i64, value};

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let (view, keep, losses) = (bench.view, bench.keep, bench.losses());
    let mut lost = Collector::new(Kind::LostWrite, keep);
    let mut unacked = Collector::new(Kind::LostUnacked, keep);
    let mut unseen = Collector::new(Kind::Unseen, keep);
    for (row, proof) in &losses.lost {
        let send = view.send(*row);
        // Damaged where it should stand, it is there after all, and of no use.
        let damaged = matches!(proof, Proof::Pass)
            && send.offset != NO_OFFSET
            && view.surviving_at(send.offset).contains(&CORRUPT);
        lost.push(send.line, damaged.then_some(Kind::Corrupt), (*row, *proof));
    }
    for row in &losses.unacked {
        unacked.push(view.send(*row).line, None, *row);
    }
    for (row, why) in &losses.unseen {
        unseen.push(view.send(*row).line, None, (*row, *why));
    }
    let explain = bench.explain();
    let mut concluded = Concluded::from(vec![
        lost.explain(|(row, proof)| match (proof, bench.reach) {
            (Proof::Pass, Reach::There(bounds)) => lost_to_pass(&explain, *row, bounds),
            (Proof::Gone { at, poll }, _) => gone(&explain, *row, *at, *poll),
            (Proof::Passed { first, last, poll, after }, _) => {
                passed_over(&explain, *row, (*first, *last), *poll, *after)
            }
            (Proof::Pass, _) => explain.about_send(*row, |send| explain.told(send)),
        }),
        unacked.explain(|row| lost_unacked(&explain, *row)),
        unseen.explain(|(row, why)| not_seen(&explain, *row, bench.reach, *why)),
    ]);
    concluded.undecided = undecided(bench, losses);
    concluded
}

/// What could not be decided, and why.
fn undecided(bench: &Bench<'_, '_>, losses: &Losses) -> Vec<String> {
    let partition = bench.view.partition;
    let start = grouped_i64(partition.start);
    let below =
        format!("may have stood below the log's start (offset {start}), where retention removes records");
    let all = [
        (losses.below, below.as_str()),
        (
            losses.unplaced,
            "may be lost: no reader found the value, and nothing certain tells where in the log it should stand",
        ),
        (
            losses.hidden,
            "may be lost, or may stand above the end that readers saw when the consume-all pass began, and nothing tells \
             its offset",
        ),
        (
            losses.unordered,
            "may be lost, or came too late for those who read past: the clocks do not tell which was first",
        ),
        (
            losses.vanished,
            "may be lost: one poll read the value and another did not, and nothing tells which of them read last",
        ),
        (
            losses.ambiguous,
            "may be lost: several operations sent one value, and fewer copies of it survive than were acknowledged; \
             give every operation its own value",
        ),
    ];
    let told = all.into_iter().filter(|(n, _)| *n > 0);
    told.map(|(n, why)| format!("{}: {} {why}", partition.key, count(n, "acknowledged write"))).collect()
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
    example.witness.push(Witness { line, role });
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
    let nowhere = "and this value nowhere";
    match (before, after) {
        (Some(before), Some(after)) => (
            format!(
                "the consume-all pass read offsets {} and {} and never this value",
                grouped_i64(before),
                grouped_i64(after)
            ),
            "no record stands between them any more".to_owned(),
        ),
        (None, Some(after)) => (
            format!(
                "the consume-all pass began at offset {}, read offset {} first {nowhere}",
                grouped_i64(bounds.start),
                grouped_i64(after)
            ),
            "no record stands before that one any more".to_owned(),
        ),
        (_, None) if offset >= bounds.end => (
            format!(
                "the consume-all pass found the log's end at offset {} {nowhere} before it",
                grouped_i64(bounds.end)
            ),
            "the log no longer reaches so far".to_owned(),
        ),
        (Some(before), None) => (
            format!(
                "the consume-all pass read offset {} last, came to the log's end at offset {} {nowhere}",
                grouped_i64(before),
                grouped_i64(bounds.end)
            ),
            "no record stands between them any more".to_owned(),
        ),
        (None, None) => (
            format!(
                "the consume-all pass went from offset {} to the log's end at {} and read nothing",
                grouped_i64(bounds.start),
                grouped_i64(bounds.end)
            ),
            "no record stands there any more".to_owned(),
        ),
    }
}

/// It was read, and gone when a later poll went over its place.
fn gone(explain: &Explain<'_, '_>, row: u32, at: i64, poll: u32) -> Example {
    let view = explain.view;
    let later = view.poll(poll);
    let own = view.send(row).value;
    let other = view.read_at(at).into_iter().find(|value| *value != own);
    let mut example = explain.about_send(row, |send| {
        let there = match other {
            Some(other) => format!("value {} was read there", value(other)),
            None => "no record was there any more".to_owned(),
        };
        let under = explain.under(send.completed).map(|u| format!(": {u}")).unwrap_or_default();
        format!(
            "{}, but {} went over offset {}, where it had been read, at {} {}, in a poll that began after that \
             reading and after the acknowledgement, and it is gone, because {there}{under}. ",
            explain.told(send),
            explain.reader(poll),
            grouped_i64(at),
            Nanos(later.completed),
            at_line(later.line)
        )
    });
    example.witness.push(poll_witness(later, "went over its place without it"));
    tell_whether_seen(explain, row, &mut example);
    example
}

/// Nobody read it, although everything was gone over where it must stand.
fn passed_over(
    explain: &Explain<'_, '_>,
    row: u32,
    (first, last): (i64, i64),
    poll: u32,
    after: u32,
) -> Example {
    let view = explain.view;
    let later = (poll != NONE).then(|| view.poll(poll));
    let mut example = explain.about_send(row, |send| {
        let place = match last.checked_sub(first) {
            Some(0) => format!("at offset {}", grouped_i64(first)),
            Some(1..) => format!("within offsets {} to {}", grouped_i64(first), grouped_i64(last)),
            _ => format!("between offsets {} and {}", grouped_i64(last), grouped_i64(first)),
        };
        let bound = match after {
            NONE => "the log ended there when it was asked for afterwards".to_owned(),
            after => format!(
                "value {}, which was sent only after that acknowledgement {}, stands at offset {}",
                value(view.send(after).value),
                at_line(view.send(after).main_line()),
                grouped_i64(view.at[after as usize])
            ),
        };
        let by = later.map(|later| {
            let when = format!("at {} {}", Nanos(later.completed), at_line(later.line));
            format!("although {} read past it {when}, in a poll that began after the acknowledgement, ", explain.reader(poll))
        });
        let under = explain.under(send.completed).map(|u| format!(": {u}")).unwrap_or_default();
        format!(
            "{}, but nobody ever read it, {}because it must stand {place}, since {bound}, and no record there \
             carries it{under}. ",
            explain.told(send),
            by.unwrap_or_default()
        )
    });
    if let Some(later) = later {
        example.witness.push(poll_witness(later, "read past it without it"));
    }
    if after != NONE {
        example.witness.extend(send_witness(view.send(after), "sent afterwards, stands above"));
    }
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

fn not_seen(explain: &Explain<'_, '_>, row: u32, reach: &Reach, why: Unseen) -> Example {
    let no_loss = "that is no loss";
    explain.about_send(row, |send| {
        let (why, so) = match (why, reach) {
            (Unseen::Late, _) => {
                ("it was acknowledged after the consume-all pass had begun to read the log", no_loss)
            }
            (Unseen::Unordered, _) => (
                "the clocks do not tell whether it was acknowledged before those began to read who read past it",
                "whether it is lost is not known",
            ),
            (Unseen::Unplaced, _) => (
                "nothing certain tells where in the log it stands, only an offset that a client library may have \
                 made up",
                "whether it is lost is not known",
            ),
            (Unseen::Below, _) => (
                "it may have stood below the log's start, where retention removes records",
                "whether it is lost is not known",
            ),
            (Unseen::Hidden, _) => (
                "it may stand above the end that readers saw when the consume-all pass began",
                "whether it is lost is not known",
            ),
            (Unseen::NotReached, Reach::NotThere(why)) => (why.as_str(), "whether it is lost is not known"),
            (Unseen::NotReached, _) => (
                "the history has no consume-all pass and no reader is known to have gone past it afterwards",
                no_loss,
            ),
        };
        format!("{}, and nobody read it, because {why}; {so}", explain.told(send))
    })
}
