//! The sentences of a queue's findings, with their operations and the faults in force.

use store::time::Nanos;
use store::verdict::{Example, Witness};

use super::table::{Dequeue, Enqueue, Queue, Queues, When};
use super::total::Takers;
use crate::load::in_force;
use crate::tables::{NEVER, Outcome};
use crate::words::{count, grouped};

/// Turns findings of one queue into examples.
pub(super) struct Explain<'q> {
    pub(super) queues: &'q Queues,
    pub(super) queue: &'q Queue,
}

impl Explain<'_> {
    pub(super) fn lost(&self, row: &Enqueue, of: u64, takers: Takers) -> Example {
        let drained = match self.queue.emptied {
            Some(when) => format!("the queue was drained to its end afterwards ({})", line(&when)),
            None => "the queue was drained".to_owned(),
        };
        let never = match takers {
            Takers::AtMost(n) if n > 0 => format!(
                "at most {} of unknown outcome can have taken any of the {} that never came out, of which this \
                 is one",
                count(n, "dequeue"),
                count(of, "element")
            ),
            _ => "nobody ever dequeued it".to_owned(),
        };
        let mut example = self.example(&row.when, row.value, |value| {
            format!(
                "{} was told \"ok\" for the enqueue of {value}, which is lost, because {drained} and {never}",
                at(&row.when)
            )
        });
        example.witness = enqueue_witness(row, "");
        if let Some(when) = self.queue.emptied {
            let role = "found the queue empty".to_owned();
            example.witness.push(Witness { line: when.line.into(), role });
        }
        example
    }

    pub(super) fn unexpected(&self, row: &Dequeue, later: Option<&Enqueue>) -> Example {
        let why = match later {
            None => "nobody ever tried to enqueue it there".to_owned(),
            Some(later) => format!("its enqueue began only afterwards ({})", line(&later.when)),
        };
        let mut example = self.example(&row.when, row.value, |value| {
            format!("{} dequeued {value}, which was not in the queue, because {why}", at(&row.when))
        });
        example.witness.push(dequeue_witness(row, ""));
        example.witness.extend(later.into_iter().flat_map(|later| enqueue_witness(later, "")));
        example
    }

    pub(super) fn resurrected(&self, row: &Dequeue, failed: &Enqueue) -> Example {
        let mut example = self.example(&row.when, row.value, |value| {
            format!(
                "{} dequeued {value}, which must not be there, because its enqueue had certainly failed ({})",
                at(&row.when),
                line(&failed.when)
            )
        });
        example.witness = enqueue_witness(failed, "");
        example.witness.push(dequeue_witness(row, ""));
        example
    }

    pub(super) fn duplicated(&self, row: &Dequeue, before: &Dequeue, times: u64) -> Example {
        let mut example = self.example(&row.when, row.value, |value| {
            format!(
                "{} dequeued {value} once too often, because {} had dequeued it before and it can have gone in {} \
                 only",
                at(&row.when),
                at(&before.when),
                if times == 1 { "once".to_owned() } else { format!("{} times", grouped(times)) }
            )
        });
        let value = |enqueue: &&Enqueue| enqueue.value == row.value && enqueue.outcome != Outcome::Fail;
        example.witness =
            self.queue.enqueues.iter().filter(value).take(4).flat_map(|e| enqueue_witness(e, "")).collect();
        if before.when.line != row.when.line {
            example.witness.push(dequeue_witness(before, "first"));
        }
        example.witness.push(dequeue_witness(row, "again"));
        example
    }

    pub(super) fn recovered(&self, enqueue: &Enqueue, out: &Dequeue) -> Example {
        let mut example = self.example(&out.when, out.value, |value| {
            format!(
                "{} dequeued {value}, so that its enqueue, whose outcome was unknown ({}), did happen, because \
                 nobody else put it in",
                at(&out.when),
                line(&enqueue.when)
            )
        });
        example.witness = enqueue_witness(enqueue, "");
        example.witness.push(dequeue_witness(out, ""));
        example
    }

    pub(super) fn overtaken(
        &self,
        x: &Enqueue,
        x_out: Option<&Dequeue>,
        y: &Enqueue,
        y_out: &Dequeue,
    ) -> Example {
        let other = self.queues.values.show(y.value);
        let late = match x_out {
            Some(out) => format!("the dequeue that took it was called only afterwards ({})", line(&out.when)),
            None => "nobody ever dequeued it".to_owned(),
        };
        let when = x_out.map_or(y_out.when, |out| out.when);
        let mut example = self.example(&when, x.value, |value| {
            format!(
                "{value} was overtaken by {other}, because {value} was acknowledged ({}) before the enqueue of \
                 {other} began ({}), and {} dequeued {other}, while {late}",
                line(&x.when),
                line(&y.when),
                at(&y_out.when)
            )
        });
        example.witness = enqueue_witness(x, "the earlier element");
        example.witness.extend(enqueue_witness(y, "the later element"));
        example.witness.push(dequeue_witness(y_out, "the later element"));
        example.witness.extend(x_out.map(|out| dequeue_witness(out, "the earlier element")));
        example
    }

    fn example(&self, when: &When, value: u64, because: impl FnOnce(&str) -> String) -> Example {
        let time = if when.completed == NEVER { when.invoked } else { when.completed };
        let value = self.queues.values.show(value);
        Example {
            sentence: format!("{}{}", self.queue.prefix(), because(&format!("value {value}"))),
            key: self.queue.key.clone(),
            value: Some(value),
            time: Some(Nanos(time)),
            faults: in_force(&self.queues.tables.faults, when.invoked, time).map(|w| w.fault).collect(),
            ..Example::default()
        }
    }
}

/// `process 3 at 00:01.204 (line 8)`.
fn at(when: &When) -> String {
    let time = if when.completed == NEVER { when.invoked } else { when.completed };
    format!("process {} at {} ({})", when.process, Nanos(time), line(when))
}

fn line(when: &When) -> String {
    format!("line {}", grouped(when.main_line().into()))
}

fn which(which: &str) -> String {
    if which.is_empty() { String::new() } else { format!(" ({which})") }
}

fn enqueue_witness(row: &Enqueue, of: &str) -> Vec<Witness> {
    let mut witness = Vec::new();
    if row.when.invoke_line != 0 {
        let role = format!("enqueue invoked{}", which(of));
        witness.push(Witness { line: row.when.invoke_line.into(), role });
    }
    if row.when.line != 0 {
        let outcome = match row.outcome {
            Outcome::Ok => "acknowledged",
            Outcome::Fail => "failed",
            Outcome::Info | Outcome::Superseded => "outcome unknown",
        };
        witness.push(Witness { line: row.when.line.into(), role: format!("enqueue {outcome}{}", which(of)) });
    }
    witness
}

fn dequeue_witness(row: &Dequeue, of: &str) -> Witness {
    let word = if row.drained { "drained" } else { "dequeued" };
    Witness { line: row.when.line.into(), role: format!("{word}{}", which(of)) }
}
