//! What a history says of each queue: a row an element that went in, and one an element that came out.

use store::batch::ValueId;

use super::values::Values;
use crate::tables::{Outcome, Tables};

/// An operation's two lines and its instants.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    /// 0 where nobody invoked it: before everything.
    pub(super) invoked: u64,
    /// [`crate::tables::NEVER`] while open.
    pub(super) completed: u64,
    /// The latest that it can have been by the clock that is furthest behind: what follows from instants follows
    /// from this one, and sentences tell the other.
    pub(super) latest: u64,
    /// From 1; 0 where there is none.
    pub(super) invoke_line: u32,
    /// The same of the completion.
    pub(super) line: u32,
    pub(super) process: u32,
}

impl When {
    /// The line that tells most.
    pub(super) fn main_line(&self) -> u32 {
        if self.line != 0 { self.line } else { self.invoke_line }
    }
}

/// An element that somebody tried to put in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Enqueue {
    pub(super) value: ValueId,
    pub(super) when: When,
    pub(super) outcome: Outcome,
}

/// An element that certainly came out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dequeue {
    pub(super) value: ValueId,
    pub(super) when: When,
    pub(super) drained: bool,
}

/// A dequeue or drain of which nobody knows what it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taker {
    pub(super) when: When,
    /// It may have taken any number of elements.
    pub(super) drain: bool,
    /// It certainly failed, but may have held elements until it did.
    pub(super) failed: bool,
}

/// An element that a dequeue of unknown outcome names: it may have taken that one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) value: ValueId,
    pub(super) when: When,
}

/// Everything about one queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// As the history writes it; `None` where it names none.
    pub(super) key: Option<String>,
    pub(super) enqueues: Vec<Enqueue>,
    pub(super) dequeues: Vec<Dequeue>,
    pub(super) takers: Vec<Taker>,
    pub(super) named: Vec<Named>,
    /// The last time that the queue was found empty by somebody who had drained it.
    pub(super) emptied: Option<When>,
}

impl Queue {
    /// Says how far clocks may be apart, ns.
    pub(super) fn widen(&mut self, skew: u64) {
        let whens = self.enqueues.iter_mut().map(|row| &mut row.when);
        let whens = whens.chain(self.dequeues.iter_mut().map(|row| &mut row.when));
        let whens = whens.chain(self.takers.iter_mut().map(|row| &mut row.when));
        let whens = whens.chain(self.named.iter_mut().map(|row| &mut row.when)).chain(&mut self.emptied);
        whens.for_each(|when| when.latest = when.completed.saturating_add(skew));
    }

    /// What a list calls it.
    pub(super) fn name(&self) -> &str {
        self.key.as_deref().unwrap_or("the queue")
    }

    /// What begins a sentence about it: nothing where there is one queue only, without a name.
    pub(super) fn prefix(&self) -> String {
        self.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default()
    }
}

/// A whole history of queues.
#[derive(Debug, Default)]
pub(super) struct Queues {
    pub(super) queues: Vec<Queue>,
    pub(super) values: Values,
    /// Operations for the series, faults, counts, warnings.
    pub(super) tables: Tables,
    /// What of the history cannot be understood: nothing is certain then.
    pub(super) odd: Vec<String>,
}
