//! A history in memory, as the checkers read it: one row a send, a poll, and a run of offsets that a poll read.
//!
//! Sizes matter here. A send is two history lines and one row of 64 bytes; a polled record costs 8 bytes the
//! first time it is read and a share of a 24-byte run ever after.

use rustc_hash::FxHashMap;
use store::batch::ValueId;
use store::fault::FaultWindow;
use store::op::Isolation;

use crate::groups::{Groups, OfPartition};
use crate::reference::Reference;

/// Stands for "no number" in the 32-bit columns.
pub(crate) const NONE: u32 = u32::MAX;

/// Stands for an instant that never came.
pub(crate) const NEVER: u64 = u64::MAX;

/// Stands for an offset that nobody knows.
pub(crate) const NO_OFFSET: i64 = i64::MIN;

/// The value of a record whose payload was damaged.
pub(crate) const CORRUPT: ValueId = u64::MAX;

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Fail,
    /// Unknown: an info completion, or none.
    Info,
    /// The completion named another partition or value, and has a row of its own.
    Superseded,
}

/// One record that a client tried to append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Send {
    pub(crate) value: ValueId,
    pub(crate) invoked: u64,
    /// [`NEVER`] while open.
    pub(crate) completed: u64,
    /// When it was meant to begin; its invocation where the history does not say.
    pub(crate) due: u64,
    /// The acknowledged offset, [`NO_OFFSET`] where there is none.
    pub(crate) offset: i64,
    /// The order of its client's produce calls; the order of lines where the history has none.
    pub(crate) seq: u64,
    /// Line of the invocation, from 1; 0 where there is none.
    pub(crate) invoke_line: u32,
    /// Line of the completion; 0 where there is none.
    pub(crate) line: u32,
    /// Index in [`Tables::producers`].
    pub(crate) producer: u32,
    /// The broker that acknowledged it, -1 where unknown.
    pub(crate) node: i16,
    pub(crate) outcome: Outcome,
    flags: u8,
}

impl Send {
    const UNACKED: u8 = 1;
    const HEAD: u8 = 2;
    const ABORTED: u8 = 4;

    #[inline(always)]
    pub(crate) fn invoke(value: ValueId, at: u64, due: u64, line: u32, producer: u32, seq: u64) -> Send {
        Send {
            value,
            invoked: at,
            completed: NEVER,
            due,
            offset: NO_OFFSET,
            seq,
            invoke_line: line,
            line: 0,
            producer,
            node: -1,
            outcome: Outcome::Info,
            flags: 0,
        }
    }

    /// "ok" said only that it left the client (acks=0).
    pub(crate) fn unacked(&self) -> bool {
        self.flags & Send::UNACKED != 0
    }

    pub(crate) fn set_unacked(&mut self, unacked: bool) {
        self.flags = self.flags & !Send::UNACKED | if unacked { Send::UNACKED } else { 0 };
    }

    /// It failed with its transaction: the record may be in the log, hidden from readers of committed records.
    pub(crate) fn aborted(&self) -> bool {
        self.flags & Send::ABORTED != 0
    }

    pub(crate) fn set_aborted(&mut self, aborted: bool) {
        self.flags = self.flags & !Send::ABORTED | if aborted { Send::ABORTED } else { 0 };
    }

    /// The first record of a `send` operation: it stands for the operation in rates and latencies.
    pub(crate) fn head(&self) -> bool {
        self.flags & Send::HEAD != 0
    }

    pub(crate) fn set_head(&mut self) {
        self.flags |= Send::HEAD;
    }

    /// A broker said that it is in the log.
    pub(crate) fn acknowledged(&self) -> bool {
        self.outcome == Outcome::Ok && !self.unacked()
    }

    /// The line that tells most: its completion, or its invocation where it has none.
    pub(crate) fn main_line(&self) -> u32 {
        if self.line != 0 { self.line } else { self.invoke_line }
    }
}

/// Who appends: one incarnation of a client, or a process where the history names no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Producer {
    /// The client, or the process.
    pub(crate) id: u32,
    pub(crate) incarnation: u32,
    pub(crate) is_client: bool,
}

impl std::fmt::Display for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = if self.is_client { "client" } else { "process" };
        write!(f, "{word} {}", self.id)?;
        if self.incarnation > 0 && self.incarnation != NONE {
            write!(f, " (restart {})", self.incarnation)?;
        }
        Ok(())
    }
}

/// One transaction: an operation of function `txn`, or all sends that name it.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    /// When its first micro-operation, and the last of its sends, was invoked.
    pub(crate) invoked: u64,
    pub(crate) last_invoked: u64,
    /// When all of it had completed; [`NEVER`] while any of it is open.
    pub(crate) completed: u64,
    /// Lines of its first invocation and its last completion; 0 where there is none.
    pub(crate) invoke_line: u32,
    pub(crate) line: u32,
    /// Its process; [`NONE`] where its sends have processes of their own.
    pub(crate) process: u32,
    /// Its row in [`Tables::polls`], [`NONE`] where it polled nothing.
    pub(crate) poll: u32,
    /// Ok: committed. Fail: aborted, and hidden from readers of committed records.
    pub(crate) outcome: Outcome,
    /// It never commits, but may be seen: nothing about it can be judged.
    pub(crate) visible: bool,
    /// What its sends call it.
    pub(crate) id: Option<Box<str>>,
}

/// One completed operation with reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Poll {
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    pub(crate) line: u32,
    /// Index in [`Tables::sessions`].
    pub(crate) session: u32,
    pub(crate) outcome: Outcome,
    /// Part of the consume-all pass.
    pub(crate) final_pass: bool,
    /// An operation of function `poll`, for rates and latencies.
    pub(crate) head: bool,
    /// Its transaction, in [`Tables::transactions`]; [`NONE`] outside of one.
    pub(crate) txn: u32,
}

/// A reader's life between two moments at which it may move: assign, seek, rebalance, restart, unknown poll.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    pub(crate) process: u32,
    /// [`NONE`] where the history names no client.
    pub(crate) client: u32,
    pub(crate) isolation: Option<Isolation>,
    /// Index in [`Groups::names`]; [`NONE`] where it is in none, one less where nobody knows.
    pub(crate) group: u32,
    /// The first session of this reader, by whatever process, that it goes on from without having been moved.
    pub(crate) sequence: u32,
}

impl std::fmt::Display for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.client {
            NONE => write!(f, "process {}", self.process),
            client => write!(f, "client {client}"),
        }
    }
}

/// Offsets that one poll read one after the other, ends included.
///
/// Their values are the reference's, but for those in [`Partition::exceptions`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Index in [`Tables::polls`].
    pub(crate) poll: u32,
}

/// A record whose value was not the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exception {
    pub(crate) offset: i64,
    pub(crate) poll: u32,
    pub(crate) value: ValueId,
}

/// Bounds of a log, as the consume-all pass asked for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) stable: Option<i64>,
    /// The end that the same answer as `stable` gave.
    pub(crate) stable_end: i64,
    /// When they were asked for: what was acknowledged before lies within them.
    pub(crate) asked: u64,
    /// When the answer came.
    pub(crate) answered: u64,
    pub(crate) line: u32,
}

/// How far a consume-all reader came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    pub(crate) position: i64,
    pub(crate) line: u32,
}

/// Everything about one partition.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) key: String,
    /// In order of their invocations' lines.
    pub(crate) sends: Vec<Send>,
    /// The transaction of each send; shorter than `sends` where the rest have none.
    pub(crate) members: Vec<u32>,
    /// What was read first at each offset.
    pub(crate) reference: Reference,
    /// In order of their polls' lines.
    pub(crate) reads: Vec<Read>,
    pub(crate) exceptions: Vec<Exception>,
    /// Offsets that a poll of the consume-all pass went over without a record, from where its reader stood.
    pub(crate) gaps: Vec<Read>,
    /// Where the log starts, as the highest of all answers has it, whoever asked; 0 where nobody did.
    pub(crate) start: i64,
    /// The bounds that the consume-all pass asked for last.
    pub(crate) bounds: Option<Bounds>,
    /// Those with the highest end, of equal ones the first.
    pub(crate) furthest: Option<Bounds>,
    pub(crate) reached: Option<Reached>,
    /// Whether the consume-all pass touched it at all.
    pub(crate) final_pass: bool,
    /// What groups did with it.
    pub(crate) groups: Option<Box<OfPartition>>,
}

impl Partition {
    pub(crate) fn groups_mut(&mut self) -> &mut OfPartition {
        self.groups.get_or_insert_default()
    }
}

impl Partition {
    /// The transaction of a send.
    pub(crate) fn transaction(&self, row: u32) -> Option<u32> {
        self.members.get(row as usize).copied().filter(|txn| *txn != NONE)
    }
}

/// An operation that is neither `send` nor `poll`, for rates and latencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Other {
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    /// Index in [`Tables::functions`].
    pub(crate) f: u32,
    pub(crate) outcome: Outcome,
}

/// Plain counts over the whole history.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) operations: u64,
    pub(crate) polled: u64,
    pub(crate) drained: u64,
}

/// A whole history.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// In order of their first appearance.
    pub(crate) partitions: Vec<Partition>,
    pub(crate) producers: Vec<Producer>,
    pub(crate) polls: Vec<Poll>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) others: Vec<Other>,
    pub(crate) functions: Vec<String>,
    pub(crate) faults: Vec<FaultWindow>,
    pub(crate) counts: Counts,
    /// The last time of the history.
    pub(crate) end: u64,
    /// When the consume-all pass began.
    pub(crate) final_pass: Option<u64>,
    /// How many clocks stamped its operations.
    pub(crate) clocks: u32,
    /// How far two clocks of the history may be apart, ns: 0 with one clock, [`NEVER`] where nobody knows.
    pub(crate) skew: u64,
    /// Whether any reader was in a group (`subscribe`).
    pub(crate) subscribed: bool,
    /// What a reader of the verdict must know of the history's form.
    pub(crate) warnings: Vec<String>,
    pub(crate) partition_ids: FxHashMap<String, u32>,
    pub(crate) groups: Groups,
}

impl Tables {
    /// An estimate of the memory held, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let partitions: usize = self
            .partitions
            .iter()
            .map(|p| {
                p.key.len() * 2
                    + size_of::<Partition>()
                    + p.sends.len() * size_of::<Send>()
                    + p.members.len() * size_of::<u32>()
                    + (p.reads.len() + p.gaps.len()) * size_of::<Read>()
                    + p.exceptions.len() * size_of::<Exception>()
                    + p.reference.bytes()
            })
            .sum();
        let rest = self.polls.len() * size_of::<Poll>()
            + self.sessions.len() * size_of::<Session>()
            + self.producers.len() * size_of::<Producer>()
            + self.transactions.len() * (size_of::<Transaction>() + 24)
            + self.others.len() * size_of::<Other>();
        (partitions + rest) as u64
    }

    /// The index of a partition, made where it is new.
    pub(crate) fn partition(&mut self, key: &str) -> u32 {
        if let Some(id) = self.partition_ids.get(key) {
            return *id;
        }
        let id = self.partitions.len() as u32;
        self.partitions.push(Partition { key: key.to_owned(), ..Partition::default() });
        self.partition_ids.insert(key.to_owned(), id);
        id
    }

    /// Whether what completed at one time came before what was invoked at another, whatever their clocks.
    pub(crate) fn precedes(&self, completed: u64, invoked: u64) -> bool {
        completed.saturating_add(self.skew) < invoked
    }

    /// The session of a poll.
    pub(crate) fn session_of(&self, poll: u32) -> &Session {
        &self.sessions[self.polls[poll as usize].session as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_promised_sizes() {
        assert_eq!(size_of::<Send>(), 64);
        assert_eq!(size_of::<Read>(), 24);
        assert!(size_of::<Poll>() <= 32);
    }
}
