//! Batches of lines to [`Tables`]: invocations meet their completions, line by line as the history goes by.
//!
//! This runs on one thread beside the parsers, so it does no more than it must: everything that can wait is
//! left to the checks, which run on all of them.

mod clocks;
mod complete;
mod faults;
mod oddities;
mod places;
mod rows;
mod sessions;
mod transactions;

use rustc_hash::FxHashMap;
use store::batch::{Batch, F, Line, MopKind, MopRow};
use store::op::{Isolation, OpType, Process};

pub(crate) use self::faults::{Faults, function, in_force};
pub(crate) use self::oddities::Odd;
pub(crate) use self::rows::Rows;

pub(crate) use self::clocks::{Clocks, UNSTATED, nanos, set_skew, stated};
use self::oddities::Oddities;
use self::places::Places;
pub(crate) use self::sessions::Reader;
use self::sessions::Sessions;
use self::transactions::Transactions;
use crate::groups::Gather;
use crate::tables::{NONE, Producer, Send, Tables};

/// Lines whose rows are looked at together.
const AHEAD: usize = 16;

/// Builds the tables of a history.
#[derive(Default)]
pub(crate) struct Loader {
    tables: Tables,
    /// What each process has in flight. Retired processes leave it.
    open: FxHashMap<u32, Open>,
    /// The sends of operations with several, while these are open.
    groups: Vec<Vec<Place>>,
    free_groups: Vec<u32>,
    producers: FxHashMap<Producer, u32>,
    sessions: Sessions,
    places: Places,
    transactions: Transactions,
    functions: FxHashMap<String, u32>,
    faults: Faults,
    oddities: Oddities,
    clocks: Clocks,
    rows: Rows,
    gather: Gather,
    /// This batch's keys as partitions.
    keys: Vec<u32>,
}

/// What a loader made of a history.
pub(crate) struct Loaded {
    pub(crate) tables: Tables,
    /// What the rows that did not stay would have taken, bytes, at most, by partition.
    pub(crate) weights: Vec<u64>,
    /// The wanted sends among them, with their partitions.
    pub(crate) met: Vec<(u32, Send)>,
}

/// An operation without its completion.
#[derive(Clone, Copy)]
struct Open {
    invoked: u64,
    line: u32,
    sends: Sends,
    /// What its invocation says of it; the completion's word goes first.
    isolation: Option<Isolation>,
}

/// The rows of an operation's sends.
#[derive(Clone, Copy)]
enum Sends {
    None,
    One(Place),
    /// Index in [`Loader::groups`].
    Many(u32),
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
struct Place {
    partition: u32,
    row: u32,
}

/// The history is larger than the columns can number; what exactly is too many.
#[derive(Debug)]
pub(crate) struct TooLarge(pub(crate) String);

impl Loader {
    /// Keeps these rows only.
    pub(crate) fn keeping(rows: Rows) -> Loader {
        Loader { rows, ..Loader::default() }
    }

    /// Takes in the next lines.
    pub(crate) fn add(&mut self, batch: &Batch) -> Result<(), TooLarge> {
        let last = batch.lines.last().map_or(batch.first_line, |line| batch.line_number(line));
        if last >= u64::from(NONE) {
            return Err(TooLarge(format!("the history has more than {NONE} lines")));
        }
        self.keys.clear();
        for key in &batch.keys {
            let id = self.tables.partition(key);
            self.keys.push(id);
        }
        self.tables.counts.lines += batch.lines.len() as u64;
        self.clocks.see(batch);
        for lines in batch.lines.chunks(AHEAD) {
            self.touch(batch, lines);
            for line in lines {
                self.tables.end = self.tables.end.max(line.time.0);
                if line.process == Process::NEMESIS {
                    self.clocks.aside += 1;
                    self.faults.event(batch, line);
                } else if line.op_type == OpType::Invoke {
                    self.invoke(batch, line);
                } else {
                    self.complete(batch, line)?;
                }
            }
        }
        Ok(())
    }

    /// Looks at the rows that the next lines will write. With many partitions they lie far apart: memory answers
    /// many such requests at once, but one after the other while each line is worked on first.
    fn touch(&self, batch: &Batch, lines: &[Line]) {
        let mut seen = 0;
        for line in lines {
            let row = if line.op_type == OpType::Invoke {
                let mop = batch.mops_of(line).first().filter(|mop| mop.kind == MopKind::Send);
                mop.and_then(|mop| {
                    self.tables.partitions[self.keys[mop.key.0 as usize] as usize].sends.last()
                })
            } else {
                match self.open.get(&line.process.0).map(|open| open.sends) {
                    Some(Sends::One(at)) => {
                        self.tables.partitions[at.partition as usize].sends.get(at.row as usize)
                    }
                    _ => None,
                }
            };
            seen ^= row.map_or(0, |row| row.line);
        }
        std::hint::black_box(seen);
    }

    /// The memory held, roughly, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.tables.bytes() + (self.open.len() * 48 + self.sessions.len() * 32) as u64
    }

    /// Lines taken in so far.
    pub(crate) fn lines(&self) -> u64 {
        self.tables.counts.lines
    }

    /// The tables. What is still open stays unknown.
    pub(crate) fn finish(mut self) -> Loaded {
        let (weights, met) = self.settle();
        let transactions = std::mem::take(&mut self.transactions);
        let perhaps = transactions.finish(&mut self.tables.transactions, &mut self.oddities);
        self.settle_aborted(&perhaps);
        let mut tables = self.tables;
        tables.clocks = self.clocks.count(tables.counts.lines);
        for open in self.open.values().filter(|open| matches!(open.sends, Sends::None)) {
            // It may be a poll, of anybody.
            Gather::blind(&mut tables, NONE, open.invoked);
        }
        self.gather.finish(&mut tables);
        tables.sessions = self.sessions.into_rows();
        tables.faults = self.faults.windows();
        tables.warnings.extend(self.oddities.sentences());
        Loaded { tables, weights, met }
    }

    fn invoke(&mut self, batch: &Batch, line: &Line) {
        self.tables.counts.operations += 1;
        let number = batch.line_number(line) as u32;
        let mut sends = Sends::None;
        if matches!(line.f, F::Poll | F::Txn) {
            self.places.polls(line);
            self.sessions.polls(line);
        }
        match line.f {
            F::Send | F::Txn => {
                let txn = (line.f == F::Txn).then(|| self.begin_transaction(line, number));
                for mop in batch.mops_of(line).iter().filter(|m| m.kind == MopKind::Send) {
                    let place = self.new_send(line, number, mop);
                    if let Some(txn) = txn {
                        self.join(txn, place);
                    }
                    sends = match sends {
                        Sends::None => {
                            if line.f == F::Send {
                                self.row(place).set_head();
                            }
                            Sends::One(place)
                        }
                        Sends::One(first) => Sends::Many(self.new_group(vec![first, place])),
                        Sends::Many(group) => {
                            self.groups[group as usize].push(place);
                            Sends::Many(group)
                        }
                    };
                }
            }
            F::Assign | F::Subscribe | F::Crash => {
                self.tables.subscribed |= line.f == F::Subscribe;
                self.reader_moves(batch, line);
            }
            F::Commit => self.gather.begins(batch, line),
            F::Rebalance | F::Seek => {
                self.gather.begins(batch, line);
                self.place_moves(batch, line);
            }
            _ => {}
        }
        if line.final_pass {
            let began = self.tables.final_pass.get_or_insert(line.time.0);
            *began = line.time.0.min(*began);
        }
        let open = Open { invoked: line.time.0, line: number, sends, isolation: line.isolation() };
        if let Some(before) = self.open.insert(line.process.0, open) {
            self.oddities.two_at_once(line.process, before.line, number);
        }
    }

    /// A reader may go on anywhere, but for what the line says.
    fn reader_moves(&mut self, batch: &Batch, line: &Line) {
        self.sessions.reader_moves(line);
        self.place_moves(batch, line);
    }

    /// A reader of the consume-all pass stands somewhere else.
    fn place_moves(&mut self, batch: &Batch, line: &Line) {
        let positions = batch.positions[line.positions.range()].iter();
        let positions = positions.map(|(key, at)| (self.keys[key.0 as usize], *at));
        let ids = &self.tables.partition_ids;
        self.places.moves(batch, line, positions, |key| ids.get(key).copied());
    }

    /// A new row for one record sent.
    fn new_send(&mut self, line: &Line, number: u32, mop: &MopRow) -> Place {
        let producer = self.producer(line);
        // Without numbers, only the order of one process' lines is an order of calls.
        let seq = line.seq().unwrap_or(u64::from(number));
        let due = line.due().unwrap_or(line.time).0;
        let partition = self.keys[mop.key.0 as usize];
        self.push(partition, Send::invoke(mop.value, line.time.0, due, number, producer, seq))
    }

    fn new_group(&mut self, places: Vec<Place>) -> u32 {
        if let Some(free) = self.free_groups.pop() {
            self.groups[free as usize] = places;
            return free;
        }
        self.groups.push(places);
        self.groups.len() as u32 - 1
    }

    fn row(&mut self, place: Place) -> &mut Send {
        &mut self.tables.partitions[place.partition as usize].sends[place.row as usize]
    }

    fn producer(&mut self, line: &Line) -> u32 {
        let incarnation = line.incarnation().unwrap_or(NONE);
        let producer = match line.client() {
            Some(id) if line.seq().is_some() => Producer { id, incarnation, is_client: true },
            _ => Producer { id: line.process.0, incarnation, is_client: false },
        };
        *self.producers.entry(producer).or_insert_with(|| {
            self.tables.producers.push(producer);
            self.tables.producers.len() as u32 - 1
        })
    }
}
