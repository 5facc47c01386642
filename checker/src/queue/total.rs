//! What went in must come out: lost, unexpected, resurrected, duplicated and recovered elements.
//!
//! After `checker/total-queue` of Jepsen, which compares bags; here the instants count too, and operations of
//! unknown outcome excuse what they may explain. Values may repeat: of equal elements only numbers are compared.

use super::explain::Explain;
use super::table::{Dequeue, Enqueue, Named, Queue, Queues};
use crate::found::{Collector, Found};
use crate::kind::Kind;
use crate::tables::{NEVER, Outcome};
use crate::words::{count, grouped};

/// Who may have taken what never came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takers {
    /// At most so many elements.
    AtMost(u64),
    /// A drain of unknown outcome, at this line: any number of them.
    Any(u32),
}

/// What is known of a queue's elements as a whole.
pub(super) struct Ledger {
    /// When the queue was last emptied; [`None`] where it was not.
    pub(super) emptied: Option<u64>,
    pub(super) takers: Takers,
}

/// All operations with one value.
pub(super) struct Group<'q> {
    /// Sorted by invocation.
    pub(super) enqueues: &'q [Enqueue],
    /// Sorted by completion.
    pub(super) dequeues: &'q [Dequeue],
    pub(super) named: &'q [Named],
}

/// A queue's rows, sorted by value.
pub(super) struct Sorted {
    enqueues: Vec<Enqueue>,
    dequeues: Vec<Dequeue>,
    named: Vec<Named>,
}

impl Sorted {
    pub(super) fn new(queue: &Queue) -> Sorted {
        let (mut enqueues, mut dequeues, mut named) =
            (queue.enqueues.clone(), queue.dequeues.clone(), queue.named.clone());
        enqueues.sort_unstable_by_key(|row| (row.value, row.when.invoked, row.when.main_line()));
        dequeues.sort_by_key(|row| (row.value, row.when.latest, row.when.line));
        named.sort_unstable_by_key(|row| (row.value, row.when.line));
        Sorted { enqueues, dequeues, named }
    }

    /// Every value that went in or certainly came out, ascending.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let (mut enqueues, mut dequeues, mut named) =
            (self.enqueues.as_slice(), self.dequeues.as_slice(), self.named.as_slice());
        std::iter::from_fn(move || {
            let values = [enqueues.first().map(|r| r.value), dequeues.first().map(|r| r.value)];
            let value = values.into_iter().flatten().min()?;
            named = &named[named.partition_point(|row| row.value < value)..];
            Some(Group {
                enqueues: take(&mut enqueues, |row| row.value == value),
                dequeues: take(&mut dequeues, |row| row.value == value),
                named: take(&mut named, |row| row.value == value),
            })
        })
    }
}

fn take<'q, T>(rows: &mut &'q [T], holds: impl Fn(&T) -> bool) -> &'q [T] {
    let n = rows.iter().take_while(|row| holds(row)).count();
    let (taken, rest) = rows.split_at(n);
    *rows = rest;
    taken
}

/// Findings by kind, each with the rows that prove it.
struct Collectors {
    lost: Collector<Enqueue>,
    /// With an enqueue that began only later.
    unexpected: Collector<(Dequeue, Option<Enqueue>)>,
    resurrected: Collector<(Dequeue, Enqueue)>,
    /// With the first dequeue, and how often the value can have gone in.
    duplicated: Collector<(Dequeue, Dequeue, u64)>,
    recovered: Collector<(Enqueue, Dequeue)>,
}

impl Collectors {
    fn new(keep: usize) -> Collectors {
        Collectors {
            lost: Collector::new(Kind::Lost, keep),
            unexpected: Collector::new(Kind::Unexpected, keep),
            resurrected: Collector::new(Kind::Resurrected, keep),
            duplicated: Collector::new(Kind::Duplicated, keep),
            recovered: Collector::new(Kind::Recovered, keep),
        }
    }

    /// Gives each dequeue an enqueue that had begun by then, in the order of time; who gets none is a finding.
    /// Returns how many got one.
    fn came_out(&mut self, group: &Group<'_>) -> usize {
        let (mut begun, mut possible, mut matched) = (0, 0, 0);
        let mut failed: Option<&Enqueue> = None;
        for dequeue in group.dequeues {
            while let Some(row) =
                group.enqueues.get(begun).filter(|row| row.when.invoked <= dequeue.when.latest)
            {
                begun += 1;
                match row.outcome {
                    Outcome::Fail => failed = failed.or(Some(row)),
                    _ => possible += 1,
                }
            }
            let line = dequeue.when.line;
            match (possible, failed) {
                _ if matched < possible => matched += 1,
                (0, None) => self.unexpected.push(line, None, (*dequeue, group.enqueues.first().copied())),
                (0, Some(failed)) => self.resurrected.push(line, None, (*dequeue, *failed)),
                _ => self.duplicated.push(line, None, (*dequeue, group.dequeues[0], possible as u64)),
            }
        }
        matched
    }
}

/// The parts of a queue's report, and what the check of its order needs.
pub(super) fn check(
    queues: &Queues,
    queue: &Queue,
    keep: usize,
) -> (Ledger, Vec<Found>, Vec<(Kind, String)>) {
    let ledger = ledger(queue);
    let mut all = Collectors::new(keep);
    let mut missing: Vec<Enqueue> = Vec::new();
    let mut waiting = 0_u64;
    for group in Sorted::new(queue).groups() {
        let matched = all.came_out(&group);
        let of = |outcome| group.enqueues.iter().filter(move |row| row.outcome == outcome);
        let acknowledged = of(Outcome::Ok).count();
        // As many of those that came out as were not acknowledged were put in without an answer.
        let found_again = group.dequeues.iter().take(matched).skip(acknowledged);
        for (enqueue, dequeue) in of(Outcome::Info).zip(found_again) {
            all.recovered.push(dequeue.when.line, None, (*enqueue, *dequeue));
        }
        let out = group.dequeues.len() + group.named.len();
        let in_time: Vec<&Enqueue> =
            of(Outcome::Ok).filter(|row| ledger.emptied.is_some_and(|at| row.when.latest < at)).collect();
        let gone = in_time.len().saturating_sub(out);
        missing.extend(in_time.into_iter().rev().take(gone));
        waiting += acknowledged.saturating_sub(out + gone) as u64;
    }
    let mut undecided = Vec::new();
    missing.sort_unstable_by_key(|row| row.when.line);
    let of = missing.len() as u64;
    let certain = match ledger.takers {
        Takers::AtMost(takers) => of.saturating_sub(takers),
        Takers::Any(_) => 0,
    };
    for row in missing.iter().take(certain as usize) {
        all.lost.push(row.when.line, None, *row);
    }
    if certain < of {
        undecided.push((Kind::Lost, excused(queue, of, ledger.takers)));
    }
    if waiting > 0 {
        undecided.push((Kind::Lost, not_drained(queue, waiting)));
    }
    let explain = Explain { queues, queue };
    let found = [
        all.lost.explain(|row| explain.lost(row, of, ledger.takers)),
        all.unexpected.explain(|(dequeue, later)| explain.unexpected(dequeue, later.as_ref())),
        all.resurrected.explain(|(dequeue, failed)| explain.resurrected(dequeue, failed)),
        all.duplicated.explain(|(dequeue, before, times)| explain.duplicated(dequeue, before, *times)),
        all.recovered.explain(|(enqueue, dequeue)| explain.recovered(enqueue, dequeue)),
    ];
    (ledger, found.into_iter().flatten().collect(), undecided)
}

fn ledger(queue: &Queue) -> Ledger {
    let Some(emptied) = queue.emptied else { return Ledger { emptied: None, takers: Takers::AtMost(0) } };
    let mut takers = 0;
    for taker in queue.takers.iter().filter(|taker| taker.when.invoked <= emptied.latest) {
        // One that failed while the queue was emptied may have held elements then, and given them back later.
        let ended = if taker.failed { taker.when.latest } else { NEVER };
        if ended < emptied.invoked {
            continue;
        }
        if taker.drain {
            return Ledger { emptied: Some(emptied.invoked), takers: Takers::Any(taker.when.main_line()) };
        }
        takers += 1;
    }
    Ledger { emptied: Some(emptied.invoked), takers: Takers::AtMost(takers) }
}

fn excused(queue: &Queue, of: u64, takers: Takers) -> String {
    let who = match takers {
        Takers::Any(line) => format!(
            "the drain at line {}, whose outcome is unknown, may have taken any of them; only a history whose drains \
             all complete can tell",
            grouped(line.into())
        ),
        Takers::AtMost(n) => format!(
            "{} whose outcome is unknown, or that failed while the queue was drained, may have taken {}",
            count(n, "dequeue"),
            if n >= of { "them".to_owned() } else { format!("{n} of them") }
        ),
    };
    format!("{}{} never came out, but {who}", queue.prefix(), count(of, "acknowledged element"))
}

fn not_drained(queue: &Queue, waiting: u64) -> String {
    let why = match queue.emptied {
        None => "the queue was never drained".to_owned(),
        Some(when) => format!(
            "the queue was not drained after they went in (the last drain is at line {})",
            grouped(when.line.into())
        ),
    };
    format!(
        "{}{} never came out, but {why}; end the history with a drain, or with \
         dequeues marked \"final\":true until one finds nothing",
        queue.prefix(),
        count(waiting, "acknowledged element")
    )
}
