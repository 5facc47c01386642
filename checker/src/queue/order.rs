//! First in, first out: an element that was there before another began to be put in must not leave after it.
//!
//! `x` is overtaken by `y` if x was acknowledged before y's enqueue began, and y's dequeue returned before x's was
//! called (the pattern "VOrd" of Lee & Mathur, OOPSLA 2025). Where several y overtook one x, that is one finding. A
//! lost x is overtaken by everything behind it, which is a consequence. One sweep after sorting.

use super::explain::Explain;
use super::table::{Dequeue, Enqueue, Queue, Queues};
use super::total::{Group, Ledger, Sorted, Takers};
use crate::found::{Collector, Found};
use crate::kind::Kind;
use crate::tables::{NEVER, Outcome};
use crate::words::count;

/// An element that went in once, at most.
#[derive(Debug, Clone, Copy)]
struct Element {
    enqueue: Enqueue,
    /// Its first dequeue by completion.
    out: Option<Dequeue>,
    /// The earliest call that may have taken it; [`NEVER`] where it is certainly lost.
    called: u64,
}

/// Elements that were overtaken, and why some could not be judged.
pub(super) fn check(
    queues: &Queues,
    queue: &Queue,
    ledger: &Ledger,
    keep: usize,
) -> (Option<Found>, Option<(Kind, String)>) {
    let sorted = Sorted::new(queue);
    let mut elements = Vec::new();
    let mut repeated = 0;
    for group in sorted.groups() {
        match group.enqueues {
            [one] if one.outcome != Outcome::Fail => elements.extend(element(&group, one, ledger)),
            [] | [_] => {}
            _ => repeated += 1,
        }
    }
    let mut overtaken = Collector::new(Kind::Overtaken, keep);
    let mut latecomers: Vec<(&Element, Dequeue)> =
        elements.iter().filter_map(|y| Some((y, y.out?))).collect();
    latecomers.sort_unstable_by_key(|(y, _)| (y.enqueue.when.invoked, y.enqueue.value));
    let mut waiting: Vec<&Element> =
        elements.iter().filter(|x| x.enqueue.outcome == Outcome::Ok && x.called != 0).collect();
    waiting.sort_unstable_by_key(|x| (x.enqueue.when.latest, x.enqueue.value));
    // From the last element that went in back to the first: who, of all behind it, left first?
    let mut first: Option<(&Element, Dequeue)> = None;
    for x in waiting.into_iter().rev() {
        while let Some((y, out)) =
            latecomers.last().filter(|(y, _)| y.enqueue.when.invoked > x.enqueue.when.latest)
        {
            if first.is_none_or(|(_, before)| out.when.latest < before.when.latest) {
                first = Some((y, *out));
            }
            latecomers.pop();
        }
        if let Some((y, out)) = first.filter(|(_, out)| out.when.latest < x.called) {
            let lost = x.out.is_none().then_some(Kind::Lost);
            overtaken.push(x.enqueue.when.line, lost, (*x, *y, out));
        }
    }
    let explain = Explain { queues, queue };
    let found =
        overtaken.explain(|(x, y, out)| explain.overtaken(&x.enqueue, x.out.as_ref(), &y.enqueue, out));
    let reason = (repeated > 0).then(|| {
        format!(
            "{}the order of {} could not be judged, because elements with equal values cannot be told apart",
            queue.prefix(),
            count(repeated, "value")
        )
    });
    (found, reason.map(|reason| (Kind::Overtaken, reason)))
}

/// The element, unless nothing about its place in the order is certain.
fn element(group: &Group<'_>, enqueue: &Enqueue, ledger: &Ledger) -> Option<Element> {
    let out = group.dequeues.first().copied();
    // What came out before it went in stands in no order; that is told as unexpected.
    if out.is_some_and(|out| out.when.latest < enqueue.when.invoked) {
        return None;
    }
    let calls = group.dequeues.iter().map(|row| row.when.invoked);
    let called = calls.chain(group.named.iter().map(|row| row.when.invoked)).min();
    let lost = ledger.takers == Takers::AtMost(0)
        && enqueue.outcome == Outcome::Ok
        && ledger.emptied.is_some_and(|at| enqueue.when.latest < at);
    let called = called.or(lost.then_some(NEVER));
    // 0 stands for a call that nobody can place: it overtakes perhaps, and is overtaken by nobody.
    Some(Element { enqueue: *enqueue, out, called: called.unwrap_or(0) })
}
