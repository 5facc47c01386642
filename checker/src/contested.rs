//! Offsets at which reads disagree: a log that was truncated and written anew.

use rustc_hash::{FxHashMap, FxHashSet};
use store::batch::ValueId;

use crate::tables::{Exception, Partition};

/// One offset with several values.
#[derive(Debug)]
pub(crate) struct Contested {
    pub(crate) offset: i64,
    /// In order of their first reading.
    pub(crate) values: Vec<Seen>,
    /// Those that are in the surviving log, as places among them.
    surviving: Vec<u32>,
}

/// One value at a contested offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) value: ValueId,
    /// The first and the last poll that read it.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Whether the consume-all pass read it, and did not find it gone afterwards.
    pub(crate) by_final: bool,
}

/// Where each value of each contested offset is among its values.
type Places = FxHashMap<(i64, ValueId), usize>;

impl Contested {
    fn see(&mut self, places: &mut Places, value: ValueId, poll: u32, by_final: bool) {
        let place = *places.entry((self.offset, value)).or_insert(self.values.len());
        match self.values.get_mut(place) {
            Some(seen) => {
                seen.first = seen.first.min(poll);
                seen.last = seen.last.max(poll);
                seen.by_final |= by_final;
            }
            None => self.values.push(Seen { value, first: poll, last: poll, by_final }),
        }
    }

    /// The values that are in the surviving log: what the consume-all pass read, else what was read last.
    pub(crate) fn surviving(&self) -> impl Iterator<Item = &Seen> {
        self.surviving.iter().map(|place| &self.values[*place as usize])
    }

    fn settle(&mut self, pass: bool) {
        self.values.sort_by_key(|seen| (seen.first, seen.last));
        let last = self.values.iter().map(|seen| seen.last).max();
        let stands = |seen: &Seen| if pass { seen.by_final } else { Some(seen.last) == last };
        self.surviving = (0..).zip(&self.values).filter(|(_, seen)| stands(seen)).map(|(i, _)| i).collect();
    }
}

/// All contested offsets of a partition, in order; `stands` tells whether what a poll read at an offset is the
/// word of the consume-all pass, where there is a `pass`. Costs nothing where no read ever disagreed.
pub(crate) fn contested(
    partition: &Partition,
    pass: bool,
    stands: impl Fn(i64, u32) -> bool,
) -> Vec<Contested> {
    if partition.exceptions.is_empty() {
        return Vec::new();
    }
    let mut exceptions = partition.exceptions.clone();
    exceptions.sort_unstable();
    exceptions.dedup();
    let mut contested: Vec<Contested> = Vec::new();
    let mut places = Places::default();
    let reference = &partition.reference;
    for Exception { offset, poll, value } in &exceptions {
        if contested.last().is_none_or(|c| c.offset != *offset) {
            let mut new = Contested { offset: *offset, values: Vec::new(), surviving: Vec::new() };
            // An exception is one to something that was read before.
            if let Some(place) = reference.place(*offset)
                && let Some(birth) = reference.birth(place)
            {
                new.see(&mut places, reference.values()[place as usize], birth, stands(*offset, birth));
            }
            contested.push(new);
        }
        if let Some(last) = contested.last_mut() {
            last.see(&mut places, *value, *poll, stands(*offset, *poll));
        }
    }
    // Every read that went over such an offset without an exception saw the reference's value.
    let excepted: FxHashSet<(i64, u32)> = exceptions.iter().map(|e| (e.offset, e.poll)).collect();
    for read in &partition.reads {
        let from = contested.partition_point(|c| c.offset < read.first);
        for c in contested[from..].iter_mut().take_while(|c| c.offset <= read.last) {
            if !excepted.contains(&(c.offset, read.poll)) {
                let reference = c.values[0].value;
                c.see(&mut places, reference, read.poll, stands(c.offset, read.poll));
            }
        }
    }
    contested.iter_mut().for_each(|contested| contested.settle(pass));
    contested
}
