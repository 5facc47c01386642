//! Values that should not be there: never sent, sent elsewhere, damaged, or certainly failed.
//!
//! What was aborted with its transaction is in the log all the same: only a reader of committed records must not
//! see it (Adya's G1a).

use store::op::Isolation;
use store::time::Nanos;
use store::verdict::Example;

use super::{Bench, Concluded};
use crate::explain::{Explain, at_line, poll_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::{NONE, Outcome};
use crate::view::{Stranger, View};
use crate::words::{duration, grouped_i64, value};

/// Why a record is unexpected.
#[derive(Clone, Copy)]
enum Why {
    /// Nobody sent it here.
    Stranger(Stranger),
    /// It was read before its send began.
    TooEarly { row: u32, poll: u32 },
}

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let view = bench.view;
    let mut unexpected = Collector::new(Kind::Unexpected, bench.keep);
    let mut corrupt = Collector::new(Kind::Corrupt, bench.keep);
    let mut resurrected = Collector::new(Kind::Resurrected, bench.keep);
    let mut aborted = Vec::new();
    for stranger in &view.strangers {
        let line = view.poll(stranger.poll).line;
        if View::is_corrupt(stranger.value) {
            corrupt.push(line, None, *stranger);
        } else if let Some(row) = view.index.row(stranger.value) {
            if view.send(row).aborted() {
                aborted.push((*stranger, row));
                continue;
            }
            resurrected.push(line, None, (*stranger, row));
        } else {
            unexpected.push(line, None, Why::Stranger(*stranger));
        }
    }
    let mut g1a = Collector::new(Kind::G1a, bench.keep);
    for (stranger, row) in read_committed(view, aborted) {
        g1a.push(view.poll(stranger.poll).line, None, (stranger, row));
    }
    for (row, poll) in view.first_seen.iter().enumerate().filter(|(_, poll)| **poll != NONE) {
        let send = &view.partition.sends[row];
        let read = view.poll(*poll);
        if view.tables.precedes(read.completed, send.invoked)
            && send.outcome != Outcome::Fail
            && !view.index.ambiguous(row as u32)
        {
            unexpected.push(read.line, None, Why::TooEarly { row: row as u32, poll: *poll });
        }
    }
    let explain = bench.explain();
    Concluded::from(vec![
        unexpected.explain(|why| match why {
            Why::Stranger(stranger) => strange(&explain, stranger),
            Why::TooEarly { row, poll } => too_early(&explain, *row, *poll),
        }),
        corrupt.explain(|stranger| damaged(&explain, stranger)),
        resurrected.explain(|(stranger, row)| risen(&explain, stranger, *row)),
        g1a.explain(|(stranger, row)| risen(&explain, stranger, *row)),
    ])
}

/// How the sentence of a stranger ends unless [`crate::strangers`] finds that another partition got it.
pub(crate) const NOBODY: &str = "no operation of the history ever sent it";

/// Those of these records that a reader of committed records read, with the first such poll.
fn read_committed(view: &View<'_>, mut aborted: Vec<(Stranger, u32)>) -> Vec<(Stranger, u32)> {
    if aborted.is_empty() {
        return aborted;
    }
    aborted.sort_unstable_by_key(|(stranger, row)| (stranger.offset, *row));
    let mut by: Vec<Option<u32>> = vec![None; aborted.len()];
    for read in &view.partition.reads {
        if view.tables.session_of(read.poll).isolation != Some(Isolation::ReadCommitted) {
            continue;
        }
        let from = aborted.partition_point(|(stranger, _)| stranger.offset < read.first);
        for ((stranger, _), by) in aborted[from..].iter().zip(&mut by[from..]) {
            if stranger.offset > read.last {
                break;
            }
            // Where reads disagree about an offset, this one may have read the other value.
            if by.is_none() && (read.poll == stranger.poll || view.read_at(stranger.offset).len() == 1) {
                *by = Some(read.poll);
            }
        }
    }
    let read = aborted.into_iter().zip(by);
    read.filter_map(|((stranger, row), poll)| Some((Stranger { poll: poll?, ..stranger }, row))).collect()
}

fn strange(explain: &Explain<'_, '_>, stranger: &Stranger) -> Example {
    let Stranger { offset, value: wanted, poll } = *stranger;
    let mut example = explain.about_poll(poll, offset, |read| {
        format!(
            "{} read value {} at offset {} at {} {}, which is unexpected because {NOBODY}",
            explain.reader(poll),
            value(wanted),
            grouped_i64(offset),
            Nanos(read.completed),
            at_line(read.line)
        )
    });
    example.value = Some(value(wanted));
    example.witness.push(poll_witness(explain.view.poll(poll), "read here"));
    example
}

fn too_early(explain: &Explain<'_, '_>, row: u32, poll: u32) -> Example {
    let read = explain.view.poll(poll);
    let mut example = explain.about_send(row, |send| {
        format!(
            "{} read value {} at {} {}, which is unexpected because {} began to send it only {} later {}",
            explain.reader(poll),
            value(send.value),
            Nanos(read.completed),
            at_line(read.line),
            explain.producer(send),
            duration(send.invoked - read.completed),
            at_line(send.invoke_line)
        )
    });
    example.witness.insert(0, poll_witness(read, "read before it was sent"));
    example
}

fn damaged(explain: &Explain<'_, '_>, stranger: &Stranger) -> Example {
    let Stranger { offset, poll, .. } = *stranger;
    let mut example = explain.about_poll(poll, offset, |read| {
        format!(
            "{} read a damaged record at offset {} at {} {}: it is corrupt because its payload's checksum or form \
             is wrong",
            explain.reader(poll),
            grouped_i64(offset),
            Nanos(read.completed),
            at_line(read.line)
        )
    });
    example.witness.push(poll_witness(explain.view.poll(poll), "read here"));
    example
}

fn risen(explain: &Explain<'_, '_>, stranger: &Stranger, row: u32) -> Example {
    let Stranger { offset, poll, .. } = *stranger;
    let read = explain.view.poll(poll);
    let mut example = explain.about_send(row, |send| {
        format!(
            "{} read value {} at offset {} at {} {}, although {}, because {} was told so at {} {}",
            explain.reader(poll),
            value(send.value),
            grouped_i64(offset),
            Nanos(read.completed),
            at_line(read.line),
            if send.aborted() { "its transaction was aborted" } else { "its send certainly failed" },
            explain.producer(send),
            Nanos(send.completed),
            at_line(send.line)
        )
    });
    example.offset = Some(offset);
    example.witness.push(poll_witness(read, format!("read at {}", grouped_i64(offset))));
    example
}
