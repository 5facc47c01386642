//! Duplicates: one value at two offsets of the surviving log.

use store::verdict::Example;

use super::{Bench, Concluded};
use crate::explain::{Explain, at_line, poll_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::words::{grouped_i64, value};

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let view = bench.view;
    let mut found = Collector::new(Kind::Duplicate, bench.keep);
    let mut undecided = 0;
    let mut before = None;
    let mut again = view.again.clone();
    again.sort_unstable();
    for (row, offset) in again {
        // A value counts once, however often it stands there.
        if before.replace(row) == Some(row) {
            continue;
        }
        if view.index.ambiguous(row) {
            undecided += 1;
        } else {
            found.push(view.send(row).main_line(), None, (row, offset));
        }
    }
    let explain = bench.explain();
    let mut concluded = Concluded::from(vec![found.explain(|(row, _)| duplicate(&explain, *row))]);
    if undecided > 0 {
        concluded.undecided.push(format!(
            "{}: {undecided} values stand at several offsets, but several operations sent them; \
             give every operation its own value",
            view.partition.key
        ));
    }
    concluded
}

fn duplicate(explain: &Explain<'_, '_>, row: u32) -> Example {
    let view = explain.view;
    let mut offsets: Vec<i64> = view.again.iter().filter(|(r, _)| *r == row).map(|(_, o)| *o).collect();
    offsets.insert(0, view.at[row as usize]);
    let told: Vec<String> = offsets.iter().map(|offset| grouped_i64(*offset)).collect();
    let (last, first) =
        told.split_last().map(|(last, rest)| (last.clone(), rest.join(", "))).unwrap_or_default();
    let mut example = explain.about_send(row, |send| {
        let under = explain.under(send.invoked).map(|u| format!(": {u}")).unwrap_or_default();
        format!(
            "value {} of {} stands at offsets {first} and {last} of one log, because {} appended it once {} and \
             it was written again{under}",
            value(send.value),
            explain.producer(send),
            explain.producer(send),
            at_line(send.main_line()),
        )
    });
    example.offset = offsets.first().copied();
    for offset in &offsets {
        if let Some(poll) = view.reader_of(*offset, view.send(row).value) {
            let role = format!("read at {} by {}", grouped_i64(*offset), explain.reader(poll));
            example.witness.push(poll_witness(view.poll(poll), role));
        }
    }
    example.details.insert("offsets".into(), offsets.into());
    example
}
