//! Real time: of two sends, one acknowledged before the other began must stand first.
//!
//! Each send counts at its lowest offset in the surviving log. Walking that log from its end, it is enough to
//! know the earliest acknowledgement among what stands later: appends are linearizable in the order of the log
//! if and only if no send began after it (section A1 of Lee & Mathur's monitors, OOPSLA 2025, for a log whose
//! reads tell offsets). O(n) after the log is in order.

use store::time::Nanos;
use store::verdict::Example;

use super::order::reordered_rows;
use super::{Bench, Concluded};
use crate::coverage::known_from_the_start;
use crate::explain::{Explain, at_line, send_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::load::UNSTATED;
use crate::tables::{NEVER, NO_OFFSET, Outcome};
use crate::words::{count, duration, grouped_i64, value};

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let view = bench.view;
    let mut stale = Vec::new();
    // The earliest acknowledgement of what stands later in the log, without and with this offset: where even the
    // pass read two values at one offset, neither stands before the other.
    let mut later: Option<(u64, u32)> = None;
    let mut here = None;
    let mut offset = NO_OFFSET;
    // The same among sends of which an earlier copy may have stood where nobody could read it.
    let known = known_from_the_start(view, bench.reach, bench.terms);
    let (mut later_unsure, mut here_unsure, mut unsure): (Option<u64>, Option<u64>, u64) = (None, None, 0);
    for row in view.order.iter().rev().copied() {
        let send = view.send(row);
        if send.outcome == Outcome::Fail || view.index.ambiguous(row) {
            continue;
        }
        if view.at[row as usize] != offset {
            offset = view.at[row as usize];
            (later, later_unsure) = (here, here_unsure);
        }
        if let Some((completed, after)) = later
            && view.tables.precedes(completed, send.invoked)
        {
            stale.push((row, after));
        } else if later_unsure.is_some_and(|completed| view.tables.precedes(completed, send.invoked)) {
            unsure += 1;
        }
        if !send.acknowledged() {
            continue;
        }
        if offset > known {
            here_unsure = Some(here_unsure.map_or(send.completed, |before| before.min(send.completed)));
        } else if here.is_none_or(|(completed, _)| send.completed < completed) {
            here = Some((send.completed, row));
        }
    }
    let mut found = Collector::new(Kind::StaleAppend, bench.keep);
    if !stale.is_empty() {
        let reordered = reordered_rows(view, bench.terms);
        for (row, after) in stale {
            let consequence = reordered.contains(&row).then_some(Kind::NonmonotonicSend);
            found.push(view.send(row).main_line(), consequence, (row, after));
        }
    }
    let explain = bench.explain();
    let mut concluded =
        Concluded::from(vec![found.explain(|(row, after)| stale_append(&explain, *row, *after))]);
    if unsure > 0 {
        concluded.undecided.push(format!(
            "{}: {} may stand before others that had been acknowledged before, unless those had stood earlier too, \
             below what could be read (a producer that is not idempotent may append a record twice)",
            view.partition.key,
            count(unsure, "send")
        ));
    }
    if view.tables.skew == NEVER && !view.order.is_empty() {
        concluded.undecided.push(format!("{}: {UNSTATED}", view.partition.key));
    }
    concluded
}

fn stale_append(explain: &Explain<'_, '_>, row: u32, after: u32) -> Example {
    let view = explain.view;
    let acknowledged = view.send(after);
    let mut example = explain.about_send(row, |send| {
        let under = explain.under(send.invoked).map(|u| format!(": {u}")).unwrap_or_default();
        format!(
            "{} began to send value {} at {} {} and it stands at offset {}, before value {} at offset {}, a \
             contradiction because {} had been told \"ok\" for that one {} earlier {}{under}",
            explain.producer(send),
            value(send.value),
            Nanos(send.invoked),
            at_line(send.invoke_line),
            grouped_i64(view.at[row as usize]),
            value(acknowledged.value),
            grouped_i64(view.at[after as usize]),
            explain.producer(acknowledged),
            duration(send.invoked - acknowledged.completed),
            at_line(acknowledged.line)
        )
    });
    example.offset = Some(view.at[row as usize]);
    let mut witness = send_witness(acknowledged, "the one that stands later");
    witness.append(&mut example.witness);
    witness.sort_by_key(|w| w.line);
    example.witness = witness;
    example
}
