//! Where the readers of the consume-all pass stand, as far as the history proves it.
//!
//! What a reader went over is known only if it is known where it began: an `assign` that says its `position`, a
//! `seek`, or its own last record. A poll whose outcome is unknown, a new incarnation and whatever else moves a
//! reader ends that knowledge, until a line says a position again.

use rustc_hash::FxHashMap;
use serde_json::Value;
use store::batch::{Batch, F, Line};
use store::op::OpType;

use crate::tables::{NONE, Partition, Read};

/// All readers of the pass.
#[derive(Default)]
pub(super) struct Places {
    /// By client, or by process where the history names no client.
    readers: FxHashMap<(bool, u32), Reader>,
}

#[derive(Default)]
struct Reader {
    incarnation: u32,
    /// The process whose poll is open.
    polling: Option<u32>,
    /// The next offset that it reads, by partition.
    at: FxHashMap<u32, i64>,
}

impl Places {
    fn known(&mut self, line: &Line) -> Option<&mut Reader> {
        if self.readers.is_empty() {
            return None;
        }
        self.readers.get_mut(&name(line))
    }

    fn reader(&mut self, line: &Line) -> &mut Reader {
        let incarnation = line.incarnation().unwrap_or(NONE);
        let reader = self.readers.entry(name(line)).or_default();
        if reader.incarnation != incarnation {
            *reader = Reader { incarnation, ..Reader::default() };
        }
        reader
    }

    /// A poll begins. What another process of the same client still waits for may move it.
    pub(super) fn polls(&mut self, line: &Line) {
        if !line.final_pass {
            return;
        }
        let reader = self.reader(line);
        if reader.polling.replace(line.process.0).is_some_and(|before| before != line.process.0) {
            reader.at.clear();
        }
    }

    /// A poll ended that is not part of the pass: its reader went somewhere.
    pub(super) fn polled_aside(&mut self, line: &Line) {
        if let Some(reader) = self.known(line) {
            reader.at.clear();
        }
    }

    /// A poll of the pass ended: `reads` tells, for each partition that it read, where its reads begin in that
    /// partition. Notes the offsets that it went over without a record.
    pub(super) fn polled(
        &mut self,
        line: &Line,
        poll: u32,
        reads: &[(u32, usize)],
        positions: impl Iterator<Item = (u32, i64)>,
        partitions: &mut [Partition],
    ) {
        let reader = self.reader(line);
        if reader.polling == Some(line.process.0) {
            reader.polling = None;
        }
        if line.op_type != OpType::Ok {
            reader.at.clear();
            reader.at.extend(positions);
            return;
        }
        for (id, from) in reads {
            let Partition { reads, gaps, .. } = &mut partitions[*id as usize];
            let mut at = reader.at.get(id).copied();
            for read in &reads[*from..] {
                if let Some(at) = at.filter(|at| *at < read.first) {
                    gaps.push(Read { first: at, last: read.first - 1, poll });
                }
                at = read.last.checked_add(1);
            }
            match at {
                Some(at) => drop(reader.at.insert(*id, at)),
                None => drop(reader.at.remove(id)),
            }
        }
        for (id, position) in positions {
            if let Some(at) = reader.at.insert(id, position).filter(|at| *at < position) {
                partitions[id as usize].gaps.push(Read { first: at, last: position - 1, poll });
            }
        }
    }

    /// An operation begins, or ended, that moves its reader.
    pub(super) fn moves(
        &mut self,
        batch: &Batch,
        line: &Line,
        positions: impl Iterator<Item = (u32, i64)>,
        id: impl Fn(&str) -> Option<u32>,
    ) {
        if !line.final_pass && self.known(line).is_none() {
            return;
        }
        let reader = self.reader(line);
        let value = batch.value_of(line).and_then(|text| serde_json::from_str(text).ok());
        match (line.f, value) {
            // Partitions that it does not name stay where they are, if they are read on at all.
            (F::Assign, Some(Value::Array(keys))) => {
                let named = |key: &Value| key.as_str().map_or_else(|| id(&key.to_string()), &id);
                for id in keys.iter().filter_map(named) {
                    reader.at.remove(&id);
                }
            }
            (F::Seek, Some(Value::Object(keys))) => {
                for (key, to) in keys {
                    let Some(id) = id(&key) else { continue };
                    match to.as_i64().filter(|_| line.op_type == OpType::Ok) {
                        Some(to) => drop(reader.at.insert(id, to)),
                        None => drop(reader.at.remove(&id)),
                    }
                }
            }
            _ => reader.at.clear(),
        }
        if line.op_type == OpType::Ok {
            reader.at.extend(positions);
        }
    }
}

fn name(line: &Line) -> (bool, u32) {
    line.client().map_or((false, line.process.0), |client| (true, client))
}
