//! The queue monitors (Henzinger, Sezgin & Vafeiadis 2013; Lee & Mathur 2025), in O(n log n).
//!
//! If every element is put in once, a queue's history is wrong iff it shows one of four patterns: an
//! element taken out that was never put in, or before; one taken out twice; for a FIFO queue, x put in
//! before y and y taken out before x; or a dequeue that found nothing while the lives of elements,
//! each surely in from its enqueue's return until its dequeue's invocation, cover all of it.
//!
//! A dequeue that nobody was told of may have taken any element. Each element that must be gone by
//! some time is given one, earliest deadline first; that decides all but histories whose empty dequeues
//! depend on which of them took what.

use super::super::models::queue::Act;
use super::super::spec::{Call, Finding, Proof};
use super::super::value::{Tables, Value};
use super::numbering::Numbering;
use super::phantom;

const NEVER: u64 = u64::MAX;

/// What a queue promises of its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nothing: a bag.
    Any,
    /// First in, first out.
    Fifo,
}

/// The two calls of one element. Times of a dequeue that never was are [`NEVER`].
#[derive(Debug, Clone, Copy)]
struct Life {
    value: Value,
    enqueue: u32,
    dequeue: Option<u32>,
    put_invoked: u64,
    put_returned: u64,
    take_invoked: u64,
    take_returned: u64,
}

/// Decides a queue's calls; `None` where an element is put in twice, or where it depends on what
/// unknown dequeues took.
pub fn judge(calls: &[Call<Act>], order: Order, tables: &Tables) -> Option<Finding> {
    let put = |call: &Call<Act>| match call.act {
        Act::Enqueue(value) => Some(value),
        _ => None,
    };
    let mut numbers = Numbering::for_values(calls.iter().filter_map(put));
    let mut lives: Vec<Life> = Vec::new();
    let (mut empties, mut unknown) = (Vec::new(), Vec::new());
    for (i, call) in calls.iter().enumerate() {
        match call.act {
            Act::Enqueue(value) => {
                if numbers.number(value) < lives.len() {
                    return None;
                }
                lives.push(Life {
                    value,
                    enqueue: i as u32,
                    dequeue: None,
                    put_invoked: call.invoked,
                    put_returned: call.returned,
                    take_invoked: NEVER,
                    take_returned: NEVER,
                });
            }
            Act::Empty => empties.push(i),
            Act::Any => unknown.push(call.invoked),
            Act::Dequeue(_) => {}
        }
    }
    for (i, call) in calls.iter().enumerate() {
        let Act::Dequeue(value) = call.act else { continue };
        let Some(number) = numbers.get(value) else { return phantom(call, "enqueued") };
        let life = &mut lives[number];
        if let Some(other) = life.dequeue.replace(i as u32) {
            let because = format!("{} was enqueued once, and both took it out", tables.show(value));
            return Proof::found(
                because,
                [(calls[other as usize].op, "took it"), (call.op, "took it again")],
            );
        }
        (life.take_invoked, life.take_returned) = (call.invoked, call.returned);
        if call.returned < life.put_invoked {
            let because = format!("{} was taken out before its enqueue began", tables.show(value));
            let enqueue = calls[life.enqueue as usize].op;
            return Proof::found(because, [(call.op, "completed first"), (enqueue, "began afterwards")]);
        }
    }
    // An unknown enqueue that nobody saw need not have happened.
    lives.retain(|life| life.dequeue.is_some() || life.put_returned != NEVER);
    let taken = !unknown.is_empty();
    let enough = unknown.is_empty() || take_unknown(calls, &mut lives, unknown, &empties, order);
    if order == Order::Fifo
        && let Some(broken) = overtaken(calls, &lives, tables)
    {
        return Some(broken);
    }
    let Some(broken) = covered(calls, lives.iter(), &empties) else { return Some(Finding::Linearizable) };
    if enough && taken {
        // Another choice might uncover it, unless elements that known calls took cover it alone.
        let certain = lives.iter().filter(|life| life.dequeue.is_some());
        return covered(calls, certain, &empties);
    }
    Some(broken)
}

/// Lets unknown dequeues take the elements that must be gone by some time; whether there were enough.
///
/// x must be gone by the return of a dequeue of y that was put in afterwards (FIFO), and by the return
/// of a dequeue that began afterwards and found nothing.
fn take_unknown(
    calls: &[Call<Act>],
    lives: &mut [Life],
    mut unknown: Vec<u64>,
    empties: &[usize],
    order: Order,
) -> bool {
    let mut ends: Vec<(u64, u64)> = Vec::new();
    ends.extend(empties.iter().map(|&empty| (calls[empty].invoked, calls[empty].returned)));
    if order == Order::Fifo {
        ends.extend(lives.iter().map(|life| (life.put_invoked, life.take_returned)));
    }
    ends.sort_unstable();
    // The earliest return among all that began after a time, from the latest backwards.
    let mut earliest = NEVER;
    for end in ends.iter_mut().rev() {
        earliest = earliest.min(end.1);
        end.1 = earliest;
    }
    let mut deadlines: Vec<(u64, usize)> = Vec::new();
    for (i, life) in lives.iter().enumerate().filter(|(_, life)| life.dequeue.is_none()) {
        let after = ends.partition_point(|&(began, _)| began <= life.put_returned);
        if let Some(&(_, deadline)) = ends.get(after)
            && deadline != NEVER
        {
            deadlines.push((deadline, i));
        }
    }
    deadlines.sort_unstable();
    unknown.sort_unstable();
    let mut enough = deadlines.len() <= unknown.len();
    for ((deadline, life), invoked) in deadlines.into_iter().zip(unknown) {
        enough &= invoked <= deadline;
        lives[life].take_invoked = invoked;
    }
    enough
}

/// x was put in before y began, and y was taken out before x's dequeue began.
fn overtaken(calls: &[Call<Act>], lives: &[Life], tables: &Tables) -> Option<Finding> {
    let mut puts: Vec<(u64, u64, u32)> =
        (0_u32..).zip(lives).map(|(i, life)| (life.put_returned, life.take_invoked, i)).collect();
    puts.sort_by_key(|put| put.0);
    let mut puts = puts.into_iter().peekable();
    let mut latest: (u64, u32) = (0, 0);
    for y in lives {
        while let Some((_, taken, x)) = puts.next_if(|put| put.0 < y.put_invoked) {
            latest = latest.max((taken, x));
        }
        if y.take_returned < latest.0 {
            let x = &lives[latest.1 as usize];
            let (first, second) = (tables.show(x.value), tables.show(y.value));
            let because =
                format!("{first} had been put in before {second}, and {second} was taken out first");
            let op = |call: u32| calls[call as usize].op;
            let mut witness = vec![
                (op(x.enqueue), format!("put {first} in")),
                (op(y.enqueue), format!("put {second} in afterwards")),
            ];
            witness.extend(y.dequeue.map(|call| (op(call), format!("took {second} out"))));
            witness.extend(x.dequeue.map(|call| (op(call), format!("took {first} out afterwards"))));
            return Some(Finding::Broken(Proof { because, witness }));
        }
    }
    None
}

/// A dequeue found nothing although at every instant of it some element was in.
fn covered<'l>(
    calls: &[Call<Act>],
    lives: impl Iterator<Item = &'l Life>,
    empties: &[usize],
) -> Option<Finding> {
    if empties.is_empty() {
        return None;
    }
    // Open intervals: where one ends and the next begins at one instant, the queue may have been empty.
    let surely_in = lives.filter(|life| life.put_returned < life.take_invoked);
    let mut all: Vec<(u64, u64, u32)> =
        surely_in.map(|life| (life.put_returned, life.take_invoked, life.enqueue)).collect();
    all.sort_by_key(|life| life.0);
    let mut spans: Vec<(u64, u64, u32)> = Vec::new();
    for life in all {
        match spans.last_mut() {
            Some(span) if life.0 < span.1 => span.1 = span.1.max(life.1),
            _ => spans.push(life),
        }
    }
    for &empty in empties {
        let call = &calls[empty];
        let before = spans.partition_point(|span| span.0 < call.invoked);
        if let Some(span) = before.checked_sub(1).map(|i| spans[i])
            && call.returned < span.1
        {
            let because =
                "elements were in the queue at every instant of this dequeue, which found none".to_owned();
            let enqueue = calls[span.2 as usize].op;
            return Proof::found(because, [(enqueue, "put in the first of them"), (call.op, "found none")]);
        }
    }
    None
}
