//! Which rows stay: those of all partitions, or of some while memory would not hold all of them.
//!
//! The rows of the other partitions are there while their operations are open, because completions speak of
//! them; then their places are used again. Everything that is not a row of a partition is read as always, so
//! that polls, sessions and producers have the same numbers however often a history is read.

use rustc_hash::FxHashSet;
use store::batch::{Record, ValueId};

use super::{Loader, Place};
use crate::tables::{Read, Send};

/// Bytes of a stretch of offsets in the reference, at most: a run with its entry by offset, and a birth.
const STRETCH: u64 = 56;

/// What a loader keeps.
#[derive(Default)]
pub(crate) struct Rows {
    /// Whether a partition's rows stay, by its id; all of them where nobody chose.
    chosen: Option<Vec<bool>>,
    /// Places of closed rows, by partition.
    free: Vec<Vec<u32>>,
    /// Values whose sends somebody looks for.
    wanted: FxHashSet<ValueId>,
    /// The sends of those values that did not stay.
    pub(crate) met: Vec<(u32, Send)>,
    /// What the rows of each partition would take, bytes, at most.
    weights: Vec<u64>,
}

impl Rows {
    /// Only those of these partitions, by their ids.
    pub(crate) fn of(chosen: Vec<bool>) -> Rows {
        Rows { chosen: Some(chosen), ..Rows::default() }
    }

    /// None, but for the sends of these values.
    pub(crate) fn wanted(wanted: FxHashSet<ValueId>) -> Rows {
        Rows { chosen: Some(Vec::new()), wanted, ..Rows::default() }
    }

    #[inline]
    pub(super) fn stay(&self, partition: u32) -> bool {
        match &self.chosen {
            None => true,
            Some(chosen) => chosen.get(partition as usize).copied().unwrap_or(false),
        }
    }

    fn weigh(&mut self, partition: u32, bytes: u64) {
        if self.weights.len() <= partition as usize {
            self.weights.resize(partition as usize + 1, 0);
        }
        self.weights[partition as usize] += bytes;
    }

    /// Records that were read and are not kept.
    pub(super) fn passed_over(&mut self, partition: u32, records: &[Record]) {
        let breaks =
            records.windows(2).filter(|two| two[0].offset.checked_add(1) != Some(two[1].offset)).count();
        let stretches = if records.is_empty() { 0 } else { breaks as u64 + 1 };
        let bytes = stretches * (STRETCH + size_of::<Read>() as u64) + 8 * records.len() as u64;
        self.weigh(partition, bytes);
    }
}

impl Loader {
    /// A new row.
    // Inlined, the row is made where it stays: a copy would wait until the row before has left the CPU.
    #[inline(always)]
    pub(super) fn push(&mut self, partition: u32, send: Send) -> Place {
        let sends = &mut self.tables.partitions[partition as usize].sends;
        if !self.rows.stay(partition) {
            self.rows.weigh(partition, size_of::<Send>() as u64);
            if let Some(row) = self.rows.free.get_mut(partition as usize).and_then(Vec::pop) {
                sends[row as usize] = send;
                return Place { partition, row };
            }
        }
        sends.push(send);
        Place { partition, row: sends.len() as u32 - 1 }
    }

    /// A row whose operation is over.
    #[inline]
    pub(super) fn close(&mut self, place: Place) {
        if self.rows.stay(place.partition) {
            return;
        }
        let send = *self.row(place);
        self.look_at(place.partition, send);
        let free = &mut self.rows.free;
        if free.len() <= place.partition as usize {
            free.resize(place.partition as usize + 1, Vec::new());
        }
        free[place.partition as usize].push(place.row);
    }

    fn look_at(&mut self, partition: u32, send: Send) {
        if self.rows.wanted.contains(&send.value) {
            self.rows.met.push((partition, send));
        }
    }

    /// Lets the rows go that do not stay; what the partitions' rows would weigh, and the wanted sends.
    pub(super) fn settle(&mut self) -> (Vec<u64>, Vec<(u32, Send)>) {
        for id in 0..self.tables.partitions.len() as u32 {
            if self.rows.stay(id) {
                continue;
            }
            let mut open = std::mem::take(&mut self.tables.partitions[id as usize].sends);
            let mut closed = self.rows.free.get(id as usize).cloned().unwrap_or_default();
            closed.sort_unstable();
            if !self.rows.wanted.is_empty() {
                for (row, send) in (0..).zip(open.drain(..)) {
                    if closed.binary_search(&row).is_err() {
                        self.look_at(id, send);
                    }
                }
            }
        }
        let mut weights = std::mem::take(&mut self.rows.weights);
        weights.resize(self.tables.partitions.len(), 0);
        (weights, std::mem::take(&mut self.rows.met))
    }
}
