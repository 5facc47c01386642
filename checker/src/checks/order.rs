//! Order within a producer: of two sends of one client incarnation to one partition, the later by `seq` must
//! not stand first. And what the producer itself saw of it: acknowledged offsets that step back.

use rustc_hash::{FxHashMap, FxHashSet};
use store::run_meta::Terms;
use store::verdict::Example;

use super::{Bench, Concluded};
use crate::coverage::Reach;
use crate::explain::{Explain, at_line, send_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::{NO_OFFSET, Outcome, Send};
use crate::view::View;
use crate::words::{grouped, grouped_i64, value};

/// Two sends of one producer, the earlier call first.
#[derive(Debug, Clone, Copy)]
struct Pair {
    earlier: u32,
    later: u32,
}

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let view = bench.view;
    let mut external = Collector::new(Kind::NonmonotonicSend, bench.keep);
    let mut internal = Collector::new(Kind::IntNonmonotonicSend, bench.keep);
    let mut regressions = Collector::new(Kind::AckRegression, bench.keep);
    let calls = calls(view);
    for pair in reordered(view, &calls, bench.terms) {
        let collector = if together(view, pair) { &mut internal } else { &mut external };
        collector.push(view.send(pair.later).main_line(), None, pair);
    }
    for pair in stepped_back(view, &calls) {
        let after = follows(bench, pair);
        regressions.push(view.send(pair.later).line, after, (pair, after));
    }
    let explain = bench.explain();
    Concluded::from(vec![
        external.explain(|pair| out_of_order(&explain, *pair)),
        internal.explain(|pair| out_of_order(&explain, *pair)),
        regressions.explain(|(pair, after)| regression(&explain, *pair, *after)),
    ])
}

/// What a producer sees of something else: a loss, a reordering, an offset that its library made up.
fn follows(bench: &Bench<'_, '_>, pair: Pair) -> Option<Kind> {
    let view = bench.view;
    let both = [pair.earlier, pair.later];
    if both.iter().any(|row| !view.survives(*row)) {
        return matches!(bench.reach, Reach::There(_)).then_some(Kind::LostWrite);
    }
    if both.iter().any(|row| view.at[*row as usize] != view.send(*row).offset) {
        return Some(Kind::AckOffsetMismatch);
    }
    Some(if together(view, pair) { Kind::IntNonmonotonicSend } else { Kind::NonmonotonicSend })
}

/// Whether both belong to one operation, or to one transaction.
fn together(view: &View<'_>, pair: Pair) -> bool {
    let txn = view.partition.transaction(pair.later);
    if txn.is_some() {
        return view.partition.transaction(pair.earlier) == txn;
    }
    let (earlier, later) = (view.send(pair.earlier), view.send(pair.later));
    earlier.invoke_line == later.invoke_line && later.invoke_line != 0
}

/// The rows of later sends that stand before an earlier one of their producer.
pub(super) fn reordered_rows(view: &View<'_>, terms: &Terms) -> FxHashSet<u32> {
    reordered(view, &calls(view), terms).map(|pair| pair.later).collect()
}

/// The order of each producer's calls: `None` where the rows have it already.
fn calls(view: &View<'_>) -> Option<Vec<u32>> {
    let sends = &view.partition.sends;
    let mut last: FxHashMap<u32, u64> = FxHashMap::default();
    let sorted = sends.iter().all(|send| {
        let before = last.insert(send.producer, send.seq);
        before.is_none_or(|before| before <= send.seq)
    });
    (!sorted).then(|| {
        let mut rows: Vec<u32> = (0..sends.len() as u32).collect();
        rows.sort_by_key(|row| (view.send(*row).seq, *row));
        rows
    })
}

/// Sends in the order of calls, producers mixed.
fn rows<'v>(view: &'v View<'_>, calls: &'v Option<Vec<u32>>) -> impl Iterator<Item = u32> + 'v {
    (0..view.partition.sends.len()).map(move |i| calls.as_ref().map_or(i as u32, |calls| calls[i]))
}

fn reordered<'v>(
    view: &'v View<'_>,
    calls: &'v Option<Vec<u32>>,
    terms: &Terms,
) -> impl Iterator<Item = Pair> + 'v {
    let unordered = terms.idempotent == Some(false);
    let mut highest: FxHashMap<u32, (i64, u32)> = FxHashMap::default();
    rows(view, calls).filter_map(move |row| {
        let send = view.send(row);
        let at = view.at[row as usize];
        let judged = matches!(send.outcome, Outcome::Ok | Outcome::Info);
        if at == NO_OFFSET || !judged || view.index.ambiguous(row) {
            return None;
        }
        if let Some((high, earlier)) = highest.get(&send.producer)
            && at < *high
        {
            return Some(Pair { earlier: *earlier, later: row });
        }
        // A request that timed out may still be carried out after the next one, unless brokers put a producer's
        // requests in order.
        if !(unordered && send.outcome == Outcome::Info) {
            highest.insert(send.producer, (at, row));
        }
        None
    })
}

fn stepped_back<'v>(view: &'v View<'_>, calls: &'v Option<Vec<u32>>) -> impl Iterator<Item = Pair> + 'v {
    let mut highest: FxHashMap<u32, (i64, u32)> = FxHashMap::default();
    rows(view, calls).filter_map(move |row| {
        let send = view.send(row);
        if !send.acknowledged() || send.offset == NO_OFFSET {
            return None;
        }
        match highest.get_mut(&send.producer) {
            Some((high, earlier)) if send.offset <= *high => Some(Pair { earlier: *earlier, later: row }),
            Some(best) => {
                *best = (send.offset, row);
                None
            }
            None => {
                highest.insert(send.producer, (send.offset, row));
                None
            }
        }
    })
}

fn example(explain: &Explain<'_, '_>, pair: Pair, sentence: impl FnOnce(&Send, &Send) -> String) -> Example {
    let earlier = explain.view.send(pair.earlier);
    let mut example = explain.about_send(pair.later, |later| sentence(earlier, later));
    example.witness = send_witness(earlier, "called first");
    example.witness.extend(send_witness(explain.view.send(pair.later), "called later"));
    example.witness.sort_by_key(|w| w.line);
    example
}

fn out_of_order(explain: &Explain<'_, '_>, pair: Pair) -> Example {
    let at = |row: u32| grouped_i64(explain.view.at[row as usize]);
    let mut example = example(explain, pair, |earlier, later| {
        let counted = explain.view.tables.producers[later.producer as usize].is_client;
        let how = if counted && later.seq != earlier.seq {
            format!("its calls {} and {}", grouped(earlier.seq), grouped(later.seq))
        } else {
            "by its invocations".to_owned()
        };
        let under = explain.under(later.invoked).map(|u| format!(": {u}")).unwrap_or_default();
        format!(
            "{} sent value {} {} before value {} {}, {how}, yet the later stands first, because offset {} holds \
             value {} and offset {} holds value {}{under}",
            explain.producer(later),
            value(earlier.value),
            at_line(earlier.invoke_line),
            value(later.value),
            at_line(later.invoke_line),
            at(pair.later),
            value(later.value),
            at(pair.earlier),
            value(earlier.value)
        )
    });
    example.offset = Some(explain.view.at[pair.later as usize]);
    example
}

fn regression(explain: &Explain<'_, '_>, pair: Pair, after: Option<Kind>) -> Example {
    let gone = |row: u32, which: &str| {
        (!explain.view.survives(row)).then(|| format!("the log was cut back and the {which} one is gone"))
    };
    let because = match after {
        Some(Kind::LostWrite) => gone(pair.earlier, "earlier").or_else(|| gone(pair.later, "later")),
        Some(Kind::AckOffsetMismatch) => {
            Some("one of these offsets is not where its value stands".to_owned())
        }
        Some(_) => Some("the log holds them in that order".to_owned()),
        None => None,
    };
    let because = because.unwrap_or_else(|| "perhaps the log was cut back between them".to_owned());
    example(explain, pair, |earlier, later| {
        let under = explain.under(later.completed).map(|u| format!("; {u}")).unwrap_or_default();
        format!(
            "{}, although its earlier call for value {} was acknowledged at offset {} {}: offsets step back, because \
             {because}{under}",
            explain.told(later),
            value(earlier.value),
            grouped_i64(earlier.offset),
            at_line(earlier.line)
        )
    })
}
