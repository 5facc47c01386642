//! Lines to tables: invocations meet their completions.

use std::time::Duration;

use rustc_hash::FxHashMap;
use store::batch::{Batch, Extra, F, Line};
use store::op::{OpType, Process};

use super::table::{Dequeue, Enqueue, Named, Queue, Queues, Taker, When};
use crate::load::{Clocks, Faults, Odd, TooLarge, function, set_skew};
use crate::tables::{NEVER, NONE, Other, Outcome};

/// Builds the tables of a history.
#[derive(Default)]
pub(super) struct Loader {
    all: Queues,
    by_key: FxHashMap<Option<String>, u32>,
    functions: FxHashMap<String, u32>,
    open: FxHashMap<u32, Open>,
    faults: Faults,
    clocks: Clocks,
    two_at_once: Odd,
    orphans: Odd,
    nameless: Odd,
    no_list: Odd,
    /// Elements that came out, for the estimate of memory.
    elements: usize,
}

/// What a process has in flight.
#[derive(Clone, Copy)]
struct Open {
    what: What,
    when: When,
    queue: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The row of its element; [`NONE`] where it has none.
    Enqueue(u32),
    Dequeue,
    Drain,
    Other,
}

impl What {
    fn same_function(self, other: What) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl Loader {
    /// Takes in the next lines.
    pub(super) fn add(&mut self, batch: &Batch) -> Result<(), TooLarge> {
        let last = batch.lines.last().map_or(batch.first_line, |line| batch.line_number(line));
        if last >= u64::from(NONE) {
            return Err(TooLarge(format!("the history has more than {NONE} lines")));
        }
        self.all.tables.counts.lines += batch.lines.len() as u64;
        self.clocks.see(batch);
        for line in &batch.lines {
            self.all.tables.end = self.all.tables.end.max(line.time.0);
            if line.process == Process::NEMESIS {
                self.clocks.aside += 1;
                self.faults.event(batch, line);
            } else if line.op_type == OpType::Invoke {
                self.invoke(batch, line);
            } else {
                self.complete(batch, line);
            }
        }
        Ok(())
    }

    /// The memory held, roughly, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        let others = self.all.tables.others.len() * (size_of::<Other>() + size_of::<Enqueue>());
        (others + self.elements * size_of::<Dequeue>() + self.all.values.bytes()) as u64
    }

    /// Lines taken in so far.
    pub(super) fn lines(&self) -> u64 {
        self.all.tables.counts.lines
    }

    /// The tables. What is still open stays unknown. Several clocks may be apart as far as somebody says, or else by
    /// any time.
    pub(super) fn finish(mut self, warnings: Vec<String>, uncertainty: Option<Duration>) -> Queues {
        let mut open: Vec<Open> = self.open.drain().map(|(_, open)| open).collect();
        open.sort_unstable_by_key(|open| open.when.invoke_line);
        for open in open {
            self.unknown(open);
        }
        let Loader { mut all, faults, clocks, two_at_once, orphans, nameless, no_list, .. } = self;
        all.tables.clocks = clocks.count(all.tables.counts.lines);
        set_skew(&mut all.tables, uncertainty);
        all.queues.iter_mut().for_each(|queue| queue.widen(all.tables.skew));
        all.tables.faults = faults.windows();
        all.tables.warnings.extend(two_at_once.sentence().into_iter().chain(orphans.sentence()));
        all.tables.warnings.extend(warnings);
        all.odd.extend(nameless.sentence().into_iter().chain(no_list.sentence()));
        all
    }

    fn invoke(&mut self, batch: &Batch, line: &Line) {
        self.all.tables.counts.operations += 1;
        let number = batch.line_number(line) as u32;
        let when = When {
            invoked: line.time.0,
            completed: NEVER,
            latest: NEVER,
            invoke_line: number,
            line: 0,
            process: line.process.0,
        };
        let queue = self.queue(batch, line);
        let what = match self.what(batch, line) {
            What::Enqueue(_) => What::Enqueue(self.enqueue(batch, line, when, queue)),
            what => what,
        };
        if let Some(before) = self.open.insert(line.process.0, Open { what, when, queue }) {
            self.two_at_once.see(|| {
                format!(
                    "process {} invoked at line {number} while its operation of line {} was open; the outcome of \
                     that one is taken as unknown",
                    line.process, before.when.invoke_line
                )
            });
            self.unknown(before);
        }
    }

    fn complete(&mut self, batch: &Batch, line: &Line) {
        let number = batch.line_number(line) as u32;
        let what = self.what(batch, line);
        let open = match self.open.remove(&line.process.0) {
            Some(open) if open.what.same_function(what) => open,
            other => {
                if let Some(before) = other {
                    self.unknown(before);
                }
                self.orphan(batch, line, what, number)
            }
        };
        let when = When { completed: line.time.0, line: number, ..open.when };
        self.other(batch, line, when.invoked);
        match open.what {
            What::Enqueue(row) => self.enqueued(batch, line, row, Open { when, ..open }),
            What::Dequeue => self.dequeued(batch, line, Open { when, ..open }),
            What::Drain => self.drained(batch, line, Open { when, ..open }),
            What::Other => {}
        }
    }

    /// It began at a time that nobody knows: before everything, as far as order goes.
    fn orphan(&mut self, batch: &Batch, line: &Line, what: What, number: u32) -> Open {
        self.orphans.see(|| {
            format!(
                "line {number} completes an operation that process {} never invoked; it is taken to have begun \
                 before everything else",
                line.process
            )
        });
        let when = When {
            invoked: 0,
            completed: NEVER,
            latest: NEVER,
            invoke_line: 0,
            line: 0,
            process: line.process.0,
        };
        let queue = self.queue(batch, line);
        let what = match what {
            What::Enqueue(_) => What::Enqueue(self.enqueue(batch, line, when, queue)),
            what => what,
        };
        Open { what, when, queue }
    }

    fn enqueue(&mut self, batch: &Batch, line: &Line, when: When, queue: u32) -> u32 {
        let Some(value) = batch.value_of(line).and_then(|json| self.all.values.id(json)) else { return NONE };
        let enqueues = &mut self.all.queues[queue as usize].enqueues;
        enqueues.push(Enqueue { value, when, outcome: Outcome::Info });
        enqueues.len() as u32 - 1
    }

    fn enqueued(&mut self, batch: &Batch, line: &Line, row: u32, open: Open) {
        // An invocation may leave its value to the completion.
        let row = if row == NONE { self.enqueue(batch, line, open.when, open.queue) } else { row };
        if row == NONE {
            self.nameless.see(|| {
                format!(
                    "line {} completes an enqueue that names no value, so that nobody can tell what went in",
                    open.when.line
                )
            });
            return;
        }
        let row = &mut self.all.queues[open.queue as usize].enqueues[row as usize];
        row.when = open.when;
        row.outcome = outcome(line.op_type);
    }

    fn dequeued(&mut self, batch: &Batch, line: &Line, open: Open) {
        let value = batch.value_of(line).and_then(|json| self.all.values.id(json));
        let queue = &mut self.all.queues[open.queue as usize];
        match (line.op_type, value) {
            (OpType::Ok, Some(value)) => {
                self.elements += 1;
                queue.dequeues.push(Dequeue { value, when: open.when, drained: line.final_pass });
            }
            (OpType::Ok, None) if line.final_pass => emptied(queue, open.when),
            (OpType::Ok, None) => {}
            (OpType::Fail, _) => queue.takers.push(Taker { when: open.when, drain: false, failed: true }),
            (_, Some(value)) => queue.named.push(Named { value, when: open.when }),
            (_, None) => queue.takers.push(Taker { when: open.when, drain: false, failed: false }),
        }
    }

    fn drained(&mut self, batch: &Batch, line: &Line, open: Open) {
        let values = batch.value_of(line).and_then(|json| self.all.values.ids(json));
        let queue = &mut self.all.queues[open.queue as usize];
        match (line.op_type, values) {
            (OpType::Ok, Some(values)) => {
                self.elements += values.len();
                let out = |value| Dequeue { value, when: open.when, drained: true };
                queue.dequeues.extend(values.into_iter().map(out));
                emptied(queue, open.when);
            }
            (OpType::Ok, None) => {
                self.no_list.see(|| {
                    format!("line {} completes a drain with no list of values, so that nobody can tell what came out", open.when.line)
                });
                queue.takers.push(Taker { when: open.when, drain: true, failed: false });
            }
            (OpType::Fail, _) => queue.takers.push(Taker { when: open.when, drain: true, failed: true }),
            _ => queue.takers.push(Taker { when: open.when, drain: true, failed: false }),
        }
    }

    /// An operation that nobody completed.
    fn unknown(&mut self, open: Open) {
        let drain = open.what == What::Drain;
        if drain || open.what == What::Dequeue {
            let taker = Taker { when: open.when, drain, failed: false };
            self.all.queues[open.queue as usize].takers.push(taker);
        }
    }

    fn what(&self, batch: &Batch, line: &Line) -> What {
        match line.f {
            F::Other(name) => match batch.name(name) {
                "enqueue" => What::Enqueue(NONE),
                "dequeue" => What::Dequeue,
                "drain" => What::Drain,
                _ => What::Other,
            },
            _ => What::Other,
        }
    }

    fn queue(&mut self, batch: &Batch, line: &Line) -> u32 {
        let key = batch.extra_of(line, Extra::Key).filter(|text| *text != "null");
        let key = key.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()));
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        let id = self.all.queues.len() as u32;
        self.all.queues.push(Queue { key: key.clone(), ..Queue::default() });
        self.by_key.insert(key, id);
        id
    }

    fn other(&mut self, batch: &Batch, line: &Line, invoked: u64) {
        let name = function(batch, line.f);
        let tables = &mut self.all.tables;
        let f = match self.functions.get(name) {
            Some(f) => *f,
            None => {
                let f = tables.functions.len() as u32;
                tables.functions.push(name.to_owned());
                self.functions.insert(name.to_owned(), f);
                f
            }
        };
        tables.others.push(Other { invoked, completed: line.time.0, f, outcome: outcome(line.op_type) });
    }
}

/// The queue was empty at some moment of this operation; the latest counts, of several the one that ended first.
fn emptied(queue: &mut Queue, when: When) {
    let rank = |when: &When| (when.invoked, std::cmp::Reverse(when.completed));
    if queue.emptied.is_none_or(|before| rank(&before) < rank(&when)) {
        queue.emptied = Some(when);
    }
}

fn outcome(op_type: OpType) -> Outcome {
    match op_type {
        OpType::Ok => Outcome::Ok,
        OpType::Fail => Outcome::Fail,
        OpType::Info | OpType::Invoke => Outcome::Info,
    }
}
