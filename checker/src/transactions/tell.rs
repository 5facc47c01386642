//! Transactions, and operations outside of one, in words.

use store::time::Nanos;
use store::verdict::{Example, Witness};

use super::bench::{Bench, Node, Place};
use crate::explain::{at_line, poll_witness};
use crate::load::in_force;
use crate::tables::{NEVER, NO_OFFSET, NONE, Outcome};
use crate::words::{grouped_i64, value};

impl Bench<'_> {
    /// The key of a send's partition.
    pub(crate) fn key(&self, place: Place) -> &str {
        &self.tables.partitions[place.partition as usize].key
    }

    /// `transaction 0.1.7 of client 0 (committed, lines 10 to 34)`.
    pub(crate) fn transaction_name(&self, txn: u32) -> String {
        let row = self.transaction(txn);
        let outcome = match row.outcome {
            Outcome::Ok => "committed",
            Outcome::Fail => "aborted",
            Outcome::Info | Outcome::Superseded => "of unknown outcome",
        };
        let lines = match (row.invoke_line, row.line) {
            (0, line) | (line, 0) => at_line(line),
            (first, last) => format!("({} to {})", at_line(first).replace(['(', ')'], ""), u64::from(last)),
        };
        match &row.id {
            Some(id) => {
                let producer = self.sends_of(txn).first().map(|place| {
                    let producer = self.tables.producers[self.send(*place).producer as usize];
                    format!(" of {producer}")
                });
                format!("transaction {id}{}, {outcome} {lines}", producer.unwrap_or_default())
            }
            None => format!("the transaction of process {}, {outcome} {lines}", row.process),
        }
    }

    /// What a node is, for people.
    pub(crate) fn node_name(&self, node: u32) -> String {
        match self.node(node) {
            Node::Transaction(txn) => self.transaction_name(txn),
            Node::Send(place) => {
                let send = self.send(place);
                let producer = self.tables.producers[send.producer as usize];
                format!(
                    "the send of {} to {} by {producer} {}",
                    value(send.value),
                    self.key(place),
                    at_line(send.main_line())
                )
            }
            Node::Poll(poll) => {
                let row = &self.tables.polls[poll as usize];
                format!("the poll of {} {}", self.tables.session_of(poll), at_line(row.line))
            }
        }
    }

    /// First and last line of a node; one of them where it has no other.
    pub(crate) fn lines(&self, node: u32) -> Vec<u64> {
        let (first, last) = match self.node(node) {
            Node::Transaction(txn) => (self.transaction(txn).invoke_line, self.transaction(txn).line),
            Node::Send(place) => (self.send(place).invoke_line, self.send(place).line),
            Node::Poll(poll) => (0, self.tables.polls[poll as usize].line),
        };
        let mut lines: Vec<u64> = [first, last].iter().filter(|l| **l != 0).map(|l| u64::from(*l)).collect();
        lines.dedup();
        lines
    }

    /// An example about a span of time, with the faults in force then.
    pub(crate) fn example(&self, from: u64, to: u64) -> Example {
        let to = if to == NEVER { from } else { to };
        Example {
            time: Some(Nanos(to)),
            faults: in_force(&self.tables.faults, from, to).map(|window| window.fault).collect(),
            ..Example::default()
        }
    }

    /// An example about one send, as one of its transaction's.
    pub(crate) fn about(&self, place: Place) -> Example {
        let send = self.send(place);
        let mut example = self.example(send.invoked, send.completed);
        example.key = Some(self.key(place).to_owned());
        example.value = Some(value(send.value));
        let at = self.standing(place.partition).map_or(NO_OFFSET, |standing| standing.at[place.row as usize]);
        let offset = if at == NO_OFFSET { send.offset } else { at };
        example.offset = (offset != NO_OFFSET).then_some(offset);
        example
    }

    /// `value 5 at t-0 offset 3`.
    pub(crate) fn stands(&self, place: Place) -> String {
        let at = self.standing(place.partition).map_or(NO_OFFSET, |standing| standing.at[place.row as usize]);
        let at = if at == NO_OFFSET { String::new() } else { format!(" offset {}", grouped_i64(at)) };
        format!("value {} at {}{at}", value(self.send(place).value), self.key(place))
    }

    /// The lines of a send.
    pub(crate) fn send_lines(&self, place: Place, which: &str) -> Vec<Witness> {
        crate::explain::send_witness(self.send(place), which)
    }

    /// The line of a poll.
    pub(crate) fn poll_line(&self, poll: u32, role: impl Into<String>) -> Witness {
        poll_witness(&self.tables.polls[poll as usize], role)
    }

    /// The poll of the consume-all pass that read what stands at an offset.
    pub(crate) fn pass_reader(&self, place: Place) -> Option<u32> {
        let at = self.standing(place.partition)?.at[place.row as usize];
        let partition = &self.tables.partitions[place.partition as usize];
        let final_pass = |poll: u32| self.tables.polls[poll as usize].final_pass;
        let mut reads = partition.reads.iter().filter(|read| read.first <= at && at <= read.last);
        reads.find(|read| final_pass(read.poll)).map(|read| read.poll)
    }

    /// The process of a transaction, where it has one.
    pub(crate) fn process(&self, txn: u32) -> Option<u32> {
        Some(self.transaction(txn).process).filter(|process| *process != NONE)
    }
}

/// Lines in order, each once.
pub(crate) fn in_order(witness: &mut Vec<Witness>) {
    witness.sort_by_key(|w| w.line);
    witness.dedup_by_key(|w| w.line);
}
