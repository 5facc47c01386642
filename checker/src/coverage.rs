//! How far the consume-all pass came in each partition. Only what it covered can be called lost.
//!
//! It covered a partition if it went over every offset between the log's bounds. The highest position alone proves
//! nothing: a reader that began in the middle, was moved, or whose poll had an unknown outcome left a part out.

use store::run_meta::Terms;
use store::verdict::ConsumeAll;

use crate::explain::at_line;
use crate::latest::{Latest, Stretch};
use crate::summary::Summary;
use crate::tables::{Bounds, Partition, Read, Tables};
use crate::view::View;
use crate::words::{count, grouped_i64};

/// What the consume-all pass knows of one partition.
#[derive(Debug, Clone)]
pub(crate) enum Reach {
    /// The history has no such pass.
    NoPass,
    /// It did not get to the end, for this reason.
    NotThere(String),
    /// It went over everything within these bounds, and all of it after `asked`.
    There(Bounds),
}

/// Whether the history has a consume-all pass at all.
pub(crate) fn has_pass(tables: &Tables) -> bool {
    tables.final_pass.is_some() || tables.partitions.iter().any(|p| p.final_pass)
}

/// Whether a partition takes part: somebody sent to it, or the pass meant to read it.
pub(crate) fn takes_part(partition: &Partition) -> bool {
    !partition.sends.is_empty() || partition.final_pass
}

/// The offset up to which it is known where each send stands first: retention may have taken an earlier copy, the
/// consume-all pass may have left it out, and without such a pass nobody may have read it. What others read where the
/// pass did not does not count: a copy there stands nowhere in the surviving log. Who is idempotent or never tries
/// again makes no copies.
pub(crate) fn known_from_the_start(view: &View<'_>, reach: &Reach, terms: &Terms) -> i64 {
    if terms.idempotent == Some(true) || terms.retries == Some(0) {
        return i64::MAX;
    }
    if matches!(reach, Reach::There(bounds) if bounds.start <= 0) {
        return i64::MAX;
    }
    let until = |stretches: &mut dyn Iterator<Item = (i64, i64)>| {
        let mut next = 0;
        for (first, last) in stretches {
            if first > next {
                break;
            }
            next = last.saturating_add(1).max(next);
        }
        next - 1
    };
    match &view.covered {
        Some(covered) => until(&mut covered.iter().copied()),
        None => until(&mut view.partition.reference.runs().map(|run| (run.first, run.last()))),
    }
}

/// All offsets that the polls of the pass went over: with a record, or without one from where a reader stood.
pub(crate) fn gone_over(tables: &Tables, partition: &Partition) -> Latest {
    let reads = partition.reads.iter().filter(|read| tables.polls[read.poll as usize].final_pass);
    let stretches = reads.chain(&partition.gaps).map(|read| stretch(tables, read));
    Latest::new(stretches.collect())
}

/// What a poll read, as offsets that it went over.
pub(crate) fn stretch(tables: &Tables, read: &Read) -> Stretch {
    let Read { first, last, poll } = *read;
    Stretch { first, last, time: tables.polls[poll as usize].invoked, poll }
}

/// How far the pass came in one partition; `latest` is what it went over there.
///
/// The end of a log is the one that readers see. Where its leader may hold more than that (acks=1, and replicas in
/// sync that have no copy yet), a pass that should have met what was acknowledged above came to no end.
pub(crate) fn reach(tables: &Tables, partition: &Partition, latest: Option<&Latest>, terms: &Terms) -> Reach {
    let Some(latest) = latest else { return Reach::NoPass };
    if let Some(why) = terms.doubts.leaders.get(&partition.key) {
        return Reach::NotThere(format!(
            "the consume-all pass may have read it from a leader that is none any more: {why}"
        ));
    }
    let Some(mut bounds) = partition.bounds else {
        return Reach::NotThere("the consume-all pass never learned where its log ends".into());
    };
    bounds.start = partition.start;
    if let Some(furthest) = partition.furthest.filter(|furthest| furthest.end > bounds.end) {
        if tables.precedes(furthest.answered, bounds.asked) {
            return Reach::NotThere(format!(
                "the log's end stepped back from offset {} {} to {} {} while the consume-all pass went on, so that \
                 nobody can tell which of them is its end",
                grouped_i64(furthest.end),
                at_line(furthest.line),
                grouped_i64(bounds.end),
                at_line(bounds.line)
            ));
        }
        // Asked for at once: both ends were true.
        bounds.end = furthest.end;
    }
    if let Some(why) = terms.doubts.tails.get(&partition.key) {
        let above = partition.sends.iter().filter(|send| send.acknowledged() && send.offset >= bounds.end);
        match above.count() as u64 {
            0 => {}
            n => {
                return Reach::NotThere(format!(
                    "{} named offset {} or one above, where the consume-all pass saw the log end, and the log may go \
                     on ({why})",
                    count(n, "acknowledgement"),
                    grouped_i64(bounds.end)
                ));
            }
        }
    }
    if bounds.end <= bounds.start {
        return Reach::There(bounds);
    }
    let (start, last) = (bounds.start, bounds.end - 1);
    let Some((from, to)) = latest.hole(start, last) else {
        // What was acknowledged after it went over an offset may be there all the same.
        bounds.asked = bounds.asked.min(latest.least(start, last).unwrap_or(0));
        return Reach::There(bounds);
    };
    let end = grouped_i64(bounds.end);
    let claims = partition.reached.filter(|reached| reached.position > from);
    Reach::NotThere(match (from == start, to == last, claims) {
        (true, true, None) => {
            format!("the consume-all pass read nothing of its log, which ends at offset {end}")
        }
        (false, true, None) => {
            let open = match bounds.stable {
                Some(stable) if stable < bounds.end => format!(
                    "; its last stable offset is {}: a transaction was still open",
                    grouped_i64(stable)
                ),
                _ => String::new(),
            };
            let line = partition.reached.map(|r| format!(" {}", at_line(r.line))).unwrap_or_default();
            format!("the consume-all pass came to offset {}{line} of {end}{open}", grouped_i64(from))
        }
        (..) => format!(
            "nothing proves that the consume-all pass went over {} of a log from offset {} to {end}: its readers say \
             neither where they began nor that they stood there before they read on",
            offsets(from, to),
            grouped_i64(start)
        ),
    })
}

/// `offset 7` or `offsets 7 to 9`.
fn offsets(first: i64, last: i64) -> String {
    match first == last {
        true => format!("offset {}", grouped_i64(first)),
        false => format!("offsets {} to {}", grouped_i64(first), grouped_i64(last)),
    }
}

/// The account of the whole pass.
pub(crate) fn account(tables: &Tables, summaries: &[Summary], pass: bool) -> Option<ConsumeAll> {
    if !pass {
        return None;
    }
    let mut account = ConsumeAll::default();
    let partitions = tables.partitions.iter().zip(summaries);
    for (partition, summary) in partitions.filter(|(_, summary)| summary.takes_part) {
        account.of += 1;
        match &summary.reach {
            Reach::There(_) => account.covered += 1,
            Reach::NotThere(why) => {
                account.not_covered.insert(partition.key.clone(), why.clone());
            }
            Reach::NoPass => {}
        }
    }
    Some(account)
}
