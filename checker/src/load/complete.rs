//! Completions: what became of a send, what a poll read, where a log ends.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use store::batch::{Batch, F, Line, MopKind};
use store::op::{LogBounds, OpType};

use super::faults::function;
use super::transactions::Aborted;
use super::{Loader, Open, Place, Sends, TooLarge};
use crate::groups::Gather;
use crate::tables::{Bounds, NO_OFFSET, NONE, Other, Outcome, Poll, Reached};

impl Loader {
    pub(super) fn complete(&mut self, batch: &Batch, line: &Line) -> Result<(), TooLarge> {
        let number = batch.line_number(line) as u32;
        let known = self.open.remove(&line.process.0);
        if known.is_none() {
            // Perhaps a line that is there twice: it goes on from nothing.
            self.sessions.forget(line);
        }
        let open = known.unwrap_or_else(|| {
            // It began at a time that nobody knows: before everything, as far as order goes.
            // A callback may be written without one.
            if line.f != F::Rebalance {
                self.oddities.orphan(line.process, number);
            }
            Open { invoked: 0, line: 0, sends: Sends::None, isolation: None }
        });
        let txn = self.transaction_of(batch, line, number, open.invoked);
        if matches!(line.f, F::Send | F::Txn) {
            self.complete_sends(batch, line, number, open, txn);
        }
        if matches!(line.f, F::Poll | F::Txn) {
            self.complete_polls(batch, line, number, open, txn)?;
        }
        match line.f {
            F::Send | F::Poll => {}
            F::Offsets if line.op_type == OpType::Ok => {
                self.bounds(batch, line, number, open.invoked);
                self.other(batch, line, open.invoked);
            }
            F::Assign | F::Subscribe | F::Seek | F::Crash | F::Rebalance | F::Commit => {
                self.of_groups(batch, line, open);
                self.other(batch, line, open.invoked);
            }
            _ => self.other(batch, line, open.invoked),
        }
        // Where nobody knows what became of it, nobody knows where its reader stands now.
        let lost_track = match line.f {
            F::Send => false,
            F::Poll | F::Txn => line.op_type != OpType::Ok,
            _ => line.op_type == OpType::Info,
        };
        if lost_track {
            self.sessions.forget(line);
        }
        Ok(())
    }

    /// What moves readers, and what their groups accepted.
    fn of_groups(&mut self, batch: &Batch, line: &Line, open: Open) {
        let tables = &mut self.tables;
        let begun = (open.line != 0).then_some(open.invoked);
        let named = match line.f {
            F::Commit => {
                self.gather.committed(tables, batch, line, open.invoked);
                true
            }
            F::Rebalance => self.gather.rebalanced(tables, batch, line, begun),
            F::Seek => self.gather.sought(tables, batch, line, open.invoked),
            F::Subscribe => {
                self.gather.subscribed(tables, batch, line);
                false
            }
            F::Assign => {
                self.gather.assigned(line);
                false
            }
            _ => {
                self.gather.crashed(line);
                false
            }
        };
        match line.f {
            F::Commit => {}
            _ if named => self.place_moves(batch, line),
            _ => self.reader_moves(batch, line),
        }
    }

    fn complete_sends(&mut self, batch: &Batch, line: &Line, number: u32, open: Open, txn: Option<u32>) {
        let outcome = outcome(line.op_type);
        let aborted = match (outcome, line.f) {
            (Outcome::Fail, F::Txn) => Aborted::Yes,
            (Outcome::Fail, _) => Aborted::of(batch, line),
            _ => Aborted::No,
        };
        let mut mops = batch.mops_of(line).iter().filter(|mop| mop.kind == MopKind::Send);
        let many;
        let places: &[Place] = match &open.sends {
            Sends::None => &[],
            Sends::One(place) => std::slice::from_ref(place),
            Sends::Many(group) => {
                self.free_groups.push(*group);
                many = std::mem::take(&mut self.groups[*group as usize]);
                &many
            }
        };
        let rows = places.len();
        for mut place in places.iter().copied() {
            let mop = mops.next();
            if let Some(mop) = mop {
                let partition = self.keys[mop.key.0 as usize];
                let row = self.row(place);
                let other = partition != place.partition || mop.value != row.value;
                // What did not certainly happen is told by its invocation.
                if other && outcome == Outcome::Ok {
                    place = self.supersede(place, partition, mop.value, number);
                }
            }
            let told = mop.filter(|mop| {
                let row = self.row(place);
                row.value == mop.value
            });
            let row = self.row(place);
            row.outcome = outcome;
            row.completed = line.time.0;
            row.line = number;
            row.set_unacked(line.unacked);
            row.set_aborted(aborted == Aborted::Yes);
            row.node = line.node().and_then(|node| i16::try_from(node).ok()).unwrap_or(-1);
            if let Some(offset) = told.and_then(|mop| mop.offset) {
                // Client libraries invent negative offsets where they know none.
                row.offset = if offset < 0 { NO_OFFSET } else { offset };
            }
            if let Some(txn) = txn {
                self.join(txn, place);
                if aborted == Aborted::Perhaps {
                    self.perhaps_aborted(txn, place);
                }
            }
            self.close(place);
        }
        // Sends that no invocation announced.
        for (i, mop) in mops.enumerate() {
            let place = self.new_send(line, 0, mop);
            let head = i == 0 && rows == 0 && line.f == F::Send;
            let row = self.row(place);
            row.invoked = open.invoked;
            row.invoke_line = open.line;
            row.completed = line.time.0;
            row.line = number;
            row.seq = line.seq().unwrap_or(u64::from(number));
            row.outcome = outcome;
            row.set_unacked(line.unacked);
            row.offset = mop.offset.filter(|offset| *offset >= 0).unwrap_or(NO_OFFSET);
            if head {
                row.set_head();
            }
            row.set_aborted(aborted == Aborted::Yes);
            if let Some(txn) = txn {
                self.join(txn, place);
                if aborted == Aborted::Perhaps {
                    self.perhaps_aborted(txn, place);
                }
            }
            self.close(place);
        }
    }

    /// The completion speaks of another record than the invocation: what the client library did counts.
    fn supersede(&mut self, place: Place, partition: u32, value: u64, number: u32) -> Place {
        let row = self.row(place);
        let copy = *row;
        row.outcome = Outcome::Superseded;
        row.line = number;
        self.oddities.other_record(copy.invoke_line, number);
        self.close(place);
        let mut new = copy;
        new.value = value;
        self.push(partition, new)
    }

    fn complete_polls(
        &mut self,
        batch: &Batch,
        line: &Line,
        number: u32,
        open: Open,
        txn: Option<u32>,
    ) -> Result<(), TooLarge> {
        let poll = self.tables.polls.len() as u32;
        let session = self
            .sessions
            .of(line, open.invoked, line.isolation().or(open.isolation), || self.gather.group_of(line));
        if !batch.extras.is_empty() {
            self.gather.rebalance_log(&mut self.tables, batch, line, open.invoked);
        }
        self.tables.polls.push(Poll {
            invoked: open.invoked,
            completed: line.time.0,
            line: number,
            session,
            outcome: outcome(line.op_type),
            final_pass: line.final_pass,
            head: line.f == F::Poll,
            txn: txn.filter(|_| line.f == F::Txn).unwrap_or(NONE),
        });
        if let Some(txn) = txn.filter(|_| line.f == F::Txn) {
            self.tables.transactions[txn as usize].poll = poll;
        }
        let mut records = 0;
        let mut reads: Vec<(u32, usize)> = Vec::new();
        for mop in batch.mops_of(line).iter().filter(|mop| mop.kind == MopKind::Poll) {
            let id = self.keys[mop.key.0 as usize];
            let partition = &mut self.tables.partitions[id as usize];
            if line.final_pass {
                reads.push((id, partition.reads.len()));
            }
            let read = batch.records_of(mop);
            records += read.len() as u64;
            partition.final_pass |= line.final_pass;
            if !self.rows.stay(id) {
                self.rows.passed_over(id, read);
                continue;
            }
            partition.reference.read(read, poll, &mut partition.reads, &mut partition.exceptions).map_err(
                |_| TooLarge(format!("partition {} has more than {} records", partition.key, u32::MAX)),
            )?;
        }
        if line.final_pass {
            self.tables.counts.drained += records;
            let keys = &self.keys;
            let positions = &batch.positions[line.positions.range()];
            let places = positions.iter().map(|(key, position)| (keys[key.0 as usize], *position));
            self.places.polled(line, poll, &reads, places.clone(), &mut self.tables.partitions);
            for (id, position) in places {
                let partition = &mut self.tables.partitions[id as usize];
                partition.final_pass = true;
                if partition.reached.is_none_or(|before| before.position < position) {
                    partition.reached = Some(Reached { position, line: number });
                }
            }
        } else {
            self.places.polled_aside(line);
            self.tables.counts.polled += records;
        }
        if line.op_type != OpType::Ok {
            // What an aborted transaction had read may be written as it was invoked.
            let untold = line.op_type == OpType::Info || line.f == F::Txn && records == 0;
            if untold && !line.final_pass {
                let group = self.gather.group_of(line);
                Gather::blind(&mut self.tables, group, open.invoked);
            }
        }
        Ok(())
    }

    /// The bounds of logs: where they end counts only as the consume-all pass asked for it, where they start
    /// whoever asked.
    fn bounds(&mut self, batch: &Batch, line: &Line, number: u32, asked: u64) {
        let text = batch.value_of(line).unwrap_or("null");
        let answers: BTreeMap<String, Value> = match serde_json::from_str(text) {
            Ok(answers) => answers,
            Err(error) => {
                if line.final_pass {
                    self.oddities.offsets(number, &format!("({error})"));
                }
                return;
            }
        };
        for (key, answer) in answers {
            let id = self.tables.partition(&key);
            let partition = &mut self.tables.partitions[id as usize];
            partition.final_pass |= line.final_pass;
            if answer.is_null() {
                continue;
            }
            let Ok(new) = LogBounds::deserialize(&answer) else {
                if line.final_pass {
                    let found: String = answer.to_string().chars().take(40).collect();
                    let reason = format!("of {key}; they are {{\"start\": N, \"end\": N}}, not {found}");
                    self.oddities.offsets(number, &reason);
                }
                continue;
            };
            // Such bounds are a client library's word for "not known".
            if new.start < 0 || new.end < new.start {
                continue;
            }
            partition.start = partition.start.max(new.start);
            if !line.final_pass {
                continue;
            }
            let bounds = Bounds {
                start: new.start,
                end: new.end,
                stable: new.stable,
                stable_end: new.end,
                asked,
                answered: line.time.0,
                line: number,
            };
            if partition.bounds.is_none_or(|before| before.asked <= asked) {
                partition.bounds = Some(bounds);
            }
            if partition.furthest.is_none_or(|before| before.end < new.end) {
                partition.furthest = Some(bounds);
            }
        }
    }

    fn other(&mut self, batch: &Batch, line: &Line, invoked: u64) {
        let name = function(batch, line.f);
        let f = match self.functions.get(name) {
            Some(f) => *f,
            None => {
                let f = self.tables.functions.len() as u32;
                self.tables.functions.push(name.to_owned());
                self.functions.insert(name.to_owned(), f);
                f
            }
        };
        let outcome = outcome(line.op_type);
        self.tables.others.push(Other { invoked, completed: line.time.0, f, outcome });
    }
}

pub(super) fn outcome(op_type: OpType) -> Outcome {
    match op_type {
        OpType::Ok => Outcome::Ok,
        OpType::Fail => Outcome::Fail,
        OpType::Info | OpType::Invoke => Outcome::Info,
    }
}
