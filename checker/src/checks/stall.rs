//! Availability: how long sends to a partition waited without one being acknowledged.
//!
//! Time is cut into buckets (10 ms, or more in long histories), so that this costs O(sends) whatever their order. A
//! bucket belongs to a stall if a send was open all through it or began or ended in it, and none was acknowledged
//! in it: a stall is never told longer than it was.

use store::time::Nanos;
use store::verdict::Example;

use super::{Bench, Concluded};
use crate::explain::{Explain, send_witness};
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::{NEVER, Outcome, Send};
use crate::words::{count, duration};

/// The finest bucket, ns.
const FINEST: u64 = 10_000_000;
/// Buckets of a partition at most.
const BUCKETS: u64 = 1 << 16;
/// Between two attempts a client may rest so long, ns, and its partition still counts as asked.
const REST: u64 = 1_000_000_000;

/// A stretch of time without progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Stall {
    pub(crate) fn length(&self) -> u64 {
        self.to - self.from
    }
}

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let stalls = stalls(&bench.view.partition.sends);
    let mut found = Collector::new(Kind::Stalled, bench.keep);
    let allowed = bench.max_stall.unwrap_or(u64::MAX);
    for stall in stalls.iter().filter(|stall| stall.length() > allowed) {
        found.push(first_waiting(bench, stall).map_or(0, |send| send.invoke_line), None, *stall);
    }
    let explain = bench.explain();
    let mut concluded =
        Concluded::from(vec![found.explain(|stall| stalled(bench, &explain, stall, allowed))]);
    concluded.longest_stall = stalls.into_iter().max_by_key(Stall::length);
    concluded
}

/// The stalls of one partition, in order of time. None where nothing was ever acknowledged by a broker's word
/// (acks=0).
fn stalls(sends: &[Send]) -> Vec<Stall> {
    let judged =
        |send: &&Send| send.outcome != Outcome::Superseded && !send.unacked() && send.completed != NEVER;
    let (mut start, mut end) = (u64::MAX, 0);
    for send in sends.iter().filter(judged) {
        // Where clocks went back, a completion may bear the earlier time.
        start = start.min(send.invoked).min(send.completed);
        end = end.max(send.completed);
    }
    if start >= end {
        return Vec::new();
    }
    let width = FINEST.max((end - start).div_ceil(BUCKETS));
    let buckets = ((end - start) / width + 1) as usize;
    let at = |time: u64| ((time - start) / width) as usize;
    // How many sends more are open from this bucket on, and whether one was acknowledged in it.
    let mut opened = vec![0_i32; buckets + 1];
    let mut progress = vec![false; buckets];
    for send in sends.iter().filter(judged) {
        let (first, last) = (at(send.invoked.min(send.completed)), at(send.completed));
        opened[first] += 1;
        opened[last + 1] -= 1;
        progress[last] |= send.outcome == Outcome::Ok;
    }
    let mut stalls = Vec::new();
    let mut stall: Option<Stall> = None;
    let mut open = 0_i32;
    for bucket in 0..buckets {
        open += opened[bucket];
        let from = start.saturating_add((bucket as u64).saturating_mul(width));
        let to = from.saturating_add(width);
        if progress[bucket] {
            stalls.extend(stall.take());
        } else if open > 0 {
            match &mut stall {
                Some(stall) if from - stall.to <= REST => stall.to = to,
                _ => stalls.extend(stall.replace(Stall { from, to })),
            }
        }
    }
    stalls.extend(stall);
    stalls
}

/// The first send that was open in a stall.
fn first_waiting<'t>(bench: &Bench<'_, 't>, stall: &Stall) -> Option<&'t Send> {
    let sends = bench.view.partition.sends.iter();
    let mut waiting = sends.filter(|s| s.invoked < stall.to && s.completed > stall.from && !s.unacked());
    waiting.next()
}

fn stalled(bench: &Bench<'_, '_>, explain: &Explain<'_, '_>, stall: &Stall, allowed: u64) -> Example {
    let sends = &bench.view.partition.sends;
    let waited = sends.iter().filter(|s| s.invoked < stall.to && s.completed > stall.from).count();
    let mut example = explain.about_window(stall.from, stall.to, || {
        let under = explain.under(stall.from).map(|u| format!(": it began {u}")).unwrap_or_default();
        format!(
            "no send was acknowledged from {} to {}, while {} waited; this is a stall because it lasted {} and {} \
             are allowed{under}",
            Nanos(stall.from),
            Nanos(stall.to),
            count(waited as u64, "send"),
            duration(stall.length()),
            duration(allowed)
        )
    });
    if let Some(first) = first_waiting(bench, stall) {
        example.witness = send_witness(first, "one that waited");
    }
    let after = sends.iter().filter(|s| s.acknowledged() && s.completed >= stall.to);
    match after.min_by_key(|send| send.completed) {
        Some(next) => {
            let next = send_witness(next, "the next that was acknowledged");
            let told = example.witness.last().map(|w| w.line);
            let ends = next.into_iter().filter(|w| !w.role.starts_with("invoked"));
            example.witness.extend(ends.filter(|w| Some(w.line) != told));
        }
        None => example.sentence.push_str("; nothing was acknowledged there afterwards"),
    }
    example.details.insert("seconds".into(), (stall.length() as f64 / 1e9).into());
    example
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn send(invoked: u64, completed: u64, outcome: Outcome) -> Send {
        let mut send = Send::invoke(1, invoked * MS, invoked * MS, 1, 0, 0);
        send.completed = if completed == NEVER { NEVER } else { completed * MS };
        send.outcome = outcome;
        send
    }

    /// Stalls in milliseconds, from the first send on.
    fn of(sends: &[Send]) -> Vec<(u64, u64)> {
        stalls(sends).iter().map(|s| (s.from / MS, s.to / MS)).collect()
    }

    #[test]
    fn waiting_without_an_answer_is_a_stall() {
        let mut sends: Vec<Send> = (0..100).map(|n| send(n * 10, n * 10 + 1, Outcome::Ok)).collect();
        assert_eq!(of(&sends), []);
        sends.push(send(1000, 9000, Outcome::Ok));
        assert_eq!(of(&sends), [(1000, 9000)], "as long as it waited");
        sends.push(send(4000, 4500, Outcome::Info));
        sends.push(send(5000, 5001, Outcome::Fail));
        assert_eq!(of(&sends), [(1000, 9000)], "failures are no progress");
        sends.push(send(4996, 5005, Outcome::Ok));
        assert_eq!(of(&sends), [(1000, 5000), (5010, 9000)]);
    }

    #[test]
    fn nobody_waits_where_nobody_asks() {
        let sends = [send(0, 1, Outcome::Ok), send(60_000, 60_001, Outcome::Ok)];
        assert_eq!(of(&sends), []);
        // One attempt failed at once; the client came back a minute later.
        let sends = [send(0, 1, Outcome::Ok), send(20, 21, Outcome::Fail), send(60_000, 60_001, Outcome::Ok)];
        assert_eq!(of(&sends), [(20, 30)]);
        // It tried again and again, with short rests.
        let mut sends: Vec<Send> = (0..20).map(|n| send(20 + n * 500, 21 + n * 500, Outcome::Fail)).collect();
        assert_eq!(of(&sends), [(20, 9530)]);
        sends.push(send(3, 4, Outcome::Superseded));
        sends.push(send(10, NEVER, Outcome::Info));
        assert_eq!(of(&sends), [(20, 9530)], "an open send's end is not known");
    }

    #[test]
    fn a_clock_that_went_back_costs_nothing() {
        let sends = [send(50, 20, Outcome::Ok), send(60, 200, Outcome::Ok)];
        assert_eq!(of(&sends), [(60, 200)]);
    }

    #[test]
    fn long_histories_have_wider_buckets() {
        let hour = 3_600_000;
        let sends = [
            send(0, 1, Outcome::Ok),
            send(hour, 5 * hour, Outcome::Info),
            send(9 * hour, 9 * hour + 1, Outcome::Ok),
        ];
        let [stall] = stalls(&sends)[..] else { panic!("one stall") };
        let length = stall.length();
        assert!((4 * hour * MS).abs_diff(length) <= 2 * (9 * hour * MS / BUCKETS + 1), "{length}");
    }
}
