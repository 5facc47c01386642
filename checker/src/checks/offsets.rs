//! Offsets that tell two stories: two values read at one, or an acknowledgement that names another.

use store::time::Nanos;
use store::verdict::Example;

use super::{Bench, Concluded};
use crate::contested::Contested;
use crate::explain::{Explain, at_line, poll_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::{NO_OFFSET, NONE};
use crate::view::View;
use crate::words::{grouped_i64, value};

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let view = bench.view;
    let mut inconsistent = Collector::new(Kind::InconsistentOffsets, bench.keep);
    for (i, contested) in view.contested.iter().enumerate() {
        let second = contested.values.iter().map(|seen| seen.first).max().unwrap_or(0);
        inconsistent.push(view.poll(second).line, follows(bench, contested), i);
    }
    let mut mismatch = Collector::new(Kind::AckOffsetMismatch, bench.keep);
    for (row, send) in view.partition.sends.iter().enumerate() {
        let acknowledged = send.acknowledged() && send.offset != NO_OFFSET;
        if acknowledged
            && view.at[row] != send.offset
            && view.survives(row as u32)
            && view.first_seen[row] != NONE
            && !view.read_at(send.offset).contains(&send.value)
        {
            mismatch.push(send.line, None, row as u32);
        }
    }
    let explain = bench.explain();
    Concluded::from(vec![
        inconsistent.explain(|i| two_values(&explain, &view.contested[*i])),
        mismatch.explain(|row| elsewhere(&explain, *row)),
    ])
}

/// A log that was cut back and written anew loses writes, and a damaged record was something else before: that
/// reads disagree follows from it, if that is reported.
fn follows(bench: &Bench<'_, '_>, contested: &Contested) -> Option<Kind> {
    if contested.values.iter().any(|seen| View::is_corrupt(seen.value)) {
        return Some(Kind::Corrupt);
    }
    let rows = contested.values.iter().filter_map(|seen| bench.view.index.row(seen.value));
    // `lost-write` comes before `lost-unacked`.
    rows.filter_map(|row| bench.gone(row)).min()
}

fn two_values(explain: &Explain<'_, '_>, contested: &Contested) -> Example {
    let view = explain.view;
    let [first, second] = [contested.values.first(), contested.values.last()];
    let (Some(first), Some(second)) = (first, second) else { return Example::default() };
    let (before, after) = (view.poll(first.first), view.poll(second.first));
    let mut example = explain.about_poll(second.first, contested.offset, |_| {
        let under = explain.under(after.completed).map(|u| format!(": {u}")).unwrap_or_default();
        let offset = grouped_i64(contested.offset);
        format!(
            "offset {offset} holds two values, because {} read value {} there at {} {} and {} read value {} at {} \
             {}{under}",
            explain.reader(first.first),
            value(first.value),
            Nanos(before.completed),
            at_line(before.line),
            explain.reader(second.first),
            value(second.value),
            Nanos(after.completed),
            at_line(after.line)
        )
    });
    let values: Vec<String> = contested.values.iter().map(|seen| value(seen.value)).collect();
    for seen in &contested.values {
        let role = format!("read value {} by {}", value(seen.value), explain.reader(seen.first));
        example.witness.push(poll_witness(view.poll(seen.first), role));
    }
    example.witness.sort_by_key(|w| w.line);
    example.value = values.last().cloned();
    example.details.insert("values".into(), values.into());
    example
}

fn elsewhere(explain: &Explain<'_, '_>, row: u32) -> Example {
    let view = explain.view;
    let at = view.at[row as usize];
    let mut example = explain.about_send(row, |send| {
        let there = match view.read_at(send.offset).first() {
            Some(other) => format!("value {} was read", value(*other)),
            None => "nothing was ever read".to_owned(),
        };
        format!(
            "{}, but that offset may be the client library's invention, because the value stands at offset {} and \
             {there} at offset {}",
            explain.told(send),
            grouped_i64(at),
            grouped_i64(send.offset)
        )
    });
    if let Some(poll) = view.reader_of(at, view.send(row).value) {
        let role = format!("read at {} by {}", grouped_i64(at), explain.reader(poll));
        example.witness.push(poll_witness(view.poll(poll), role));
    }
    example.details.insert("read_at".into(), at.into());
    example
}
