//! A partition's reference log: the value that was read first at each offset.
//!
//! Later reads are compared with it as they come, and cost a run of offsets instead of their records. What it
//! costs itself follows the number of records, never the offsets: stretches without gaps share one run, and
//! their values lie in one arena in the order of their first reading.

use std::collections::BTreeMap;

use store::batch::{Record, ValueId};

use crate::tables::{CORRUPT, Exception, Read};

/// Values by offset.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    /// In order of their first reading.
    values: Vec<ValueId>,
    /// Which poll first read the values from this place of the arena on, up to the next birth.
    births: Vec<Birth>,
    runs: Vec<Run>,
    /// First offset to index in `runs`.
    by_offset: BTreeMap<i64, u32>,
    /// The run that was last of use.
    recent: u32,
}

#[derive(Debug, Clone, Copy)]
struct Birth {
    at: u32,
    poll: u32,
}

/// Consecutive offsets whose values lie side by side in the arena.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) first: i64,
    /// Place of the first value in the arena.
    pub(crate) at: u32,
    pub(crate) len: u32,
}

impl Run {
    pub(crate) fn last(&self) -> i64 {
        // `len` is at least 1 and the offsets were all seen, so this cannot overflow.
        self.first + i64::from(self.len - 1)
    }

    fn holds(&self, offset: i64) -> bool {
        self.first <= offset && offset <= self.last()
    }
}

/// More distinct records in one partition than the columns can number.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Reference {
    /// Takes in the records that `poll` read, in the order in which it read them.
    pub(crate) fn read(
        &mut self,
        records: &[Record],
        poll: u32,
        reads: &mut Vec<Read>,
        exceptions: &mut Vec<Exception>,
    ) -> Result<(), TooMany> {
        if self.values.len() + records.len() >= u32::MAX as usize {
            return Err(TooMany);
        }
        let mut rest = records;
        while let Some(first) = rest.first() {
            let mut n = 1;
            while n < rest.len() && rest[n - 1].offset.checked_add(1) == Some(rest[n].offset) {
                n += 1;
            }
            self.stretch(&rest[..n], poll, exceptions);
            reads.push(Read { first: first.offset, last: rest[n - 1].offset, poll });
            rest = &rest[n..];
        }
        Ok(())
    }

    /// Records without a gap between them.
    fn stretch(&mut self, mut records: &[Record], poll: u32, exceptions: &mut Vec<Exception>) {
        while let Some(first) = records.first() {
            let offset = first.offset;
            let n = match self.find(offset) {
                Some(index) => {
                    let run = self.runs[index as usize];
                    let skip = (offset - run.first) as usize;
                    let known = &self.values[run.at as usize + skip..(run.at + run.len) as usize];
                    let n = known.len().min(records.len());
                    for (known, record) in known[..n].iter().zip(records) {
                        let value = record.value.unwrap_or(CORRUPT);
                        if *known != value {
                            exceptions.push(Exception { offset: record.offset, poll, value });
                        }
                    }
                    n
                }
                None => {
                    let room = match self.by_offset.range(offset..).next() {
                        Some((next, _)) => next.abs_diff(offset).min(records.len() as u64) as usize,
                        None => records.len(),
                    };
                    self.append(&records[..room], poll);
                    room
                }
            };
            records = &records[n..];
        }
    }

    /// The run that holds `offset`.
    fn find(&mut self, offset: i64) -> Option<u32> {
        if self.runs.get(self.recent as usize).is_some_and(|run| run.holds(offset)) {
            return Some(self.recent);
        }
        let index = *self.by_offset.range(..=offset).next_back()?.1;
        self.recent = index;
        self.runs[index as usize].holds(offset).then_some(index)
    }

    /// Records at offsets that nobody has read before.
    fn append(&mut self, records: &[Record], poll: u32) {
        let at = self.values.len() as u32;
        if self.births.last().is_none_or(|birth| birth.poll != poll) {
            self.births.push(Birth { at, poll });
        }
        self.values.extend(records.iter().map(|r| r.value.unwrap_or(CORRUPT)));
        let len = records.len() as u32;
        // `find` left the run before this offset in `recent`.
        if let Some(run) = self.runs.get_mut(self.recent as usize)
            && run.at + run.len == at
            && run.last().checked_add(1) == Some(records[0].offset)
        {
            run.len += len;
            return;
        }
        self.recent = self.runs.len() as u32;
        self.by_offset.insert(records[0].offset, self.recent);
        self.runs.push(Run { first: records[0].offset, at, len });
    }

    /// All runs, by offset.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.by_offset.values().map(|index| self.runs[*index as usize])
    }

    /// The runs that hold offsets from `first` on, by offset.
    pub(crate) fn runs_from(&self, first: i64) -> impl Iterator<Item = Run> + '_ {
        let before = self.by_offset.range(..first).next_back().map(|(_, index)| *index);
        let before = before.filter(|index| self.runs[*index as usize].last() >= first);
        before
            .into_iter()
            .chain(self.by_offset.range(first..).map(|(_, index)| *index))
            .map(|index| self.runs[index as usize])
    }

    /// The place in the arena of the value at `offset`.
    pub(crate) fn place(&self, offset: i64) -> Option<u32> {
        let run = self.runs_from(offset).next().filter(|run| run.holds(offset))?;
        Some(run.at + (offset - run.first) as u32)
    }

    /// The values, in the order of the arena.
    pub(crate) fn values(&self) -> &[ValueId] {
        &self.values
    }

    /// Each poll that read values first, with the places of the arena that it filled.
    pub(crate) fn births(&self) -> impl Iterator<Item = (u32, std::ops::Range<u32>)> + '_ {
        self.births.iter().enumerate().map(|(i, birth)| {
            let end = self.births.get(i + 1).map_or(self.values.len() as u32, |next| next.at);
            (birth.poll, birth.at..end)
        })
    }

    /// The poll that first read the value at this place of the arena.
    pub(crate) fn birth(&self, place: u32) -> Option<u32> {
        let after = self.births.partition_point(|birth| birth.at <= place);
        Some(self.births[after.checked_sub(1)?].poll)
    }

    /// An estimate of the memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.values.len() * 8 + self.births.len() * 8 + self.runs.len() * (size_of::<Run>() + 24)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(offsets: impl IntoIterator<Item = (i64, u64)>) -> Vec<Record> {
        offsets.into_iter().map(|(offset, value)| Record { offset, value: Some(value) }).collect()
    }

    /// What the reference holds, offset by offset.
    fn content(reference: &Reference) -> Vec<(i64, u64)> {
        let mut all = Vec::new();
        for run in reference.runs() {
            for i in 0..run.len {
                all.push((run.first + i64::from(i), reference.values()[(run.at + i) as usize]));
            }
        }
        all
    }

    #[test]
    fn a_second_reading_costs_a_run() {
        let mut reference = Reference::default();
        let (mut reads, mut exceptions) = (Vec::new(), Vec::new());
        for poll in 0..2 {
            let all = records((0..100).map(|i| (i, i as u64 + 7)));
            for part in all.chunks(30) {
                reference.read(part, poll, &mut reads, &mut exceptions).expect("few records");
            }
        }
        assert!(exceptions.is_empty());
        assert_eq!(reads.len(), 8);
        assert_eq!(reference.runs().count(), 1);
        assert_eq!(reference.births().collect::<Vec<_>>(), [(0, 0..100)]);
    }

    #[test]
    fn holes_are_filled_between_runs() {
        let mut reference = Reference::default();
        let (mut reads, mut exceptions) = (Vec::new(), Vec::new());
        let mut read = |offsets: &[(i64, u64)], poll| {
            reference
                .read(&records(offsets.iter().copied()), poll, &mut reads, &mut exceptions)
                .expect("few");
        };
        read(&[(5, 50), (6, 60)], 0);
        read(&[(9, 90)], 0);
        read(&[(4, 40), (5, 50), (6, 61), (7, 70), (8, 80), (9, 90), (10, 100)], 1);
        assert_eq!(exceptions, [Exception { offset: 6, poll: 1, value: 61 }]);
        let expected: Vec<_> = (4..=10).map(|o| (o, o as u64 * 10)).collect();
        assert_eq!(content(&reference), expected);
        assert_eq!(reference.place(6).map(|p| reference.values()[p as usize]), Some(60));
        assert_eq!(reference.place(3), None);
        assert_eq!(reference.place(11), None);
    }

    #[test]
    fn the_ends_of_the_offsets_are_as_good_as_any() {
        let mut reference = Reference::default();
        let (mut reads, mut exceptions) = (Vec::new(), Vec::new());
        let ends =
            records([(i64::MAX - 1, 1), (i64::MAX, 2), (i64::MIN, 3), (i64::MIN + 1, 4), (-1, 5), (0, 6)]);
        for _ in 0..2 {
            reference.read(&ends, 0, &mut reads, &mut exceptions).expect("few");
        }
        assert!(exceptions.is_empty());
        assert_eq!(content(&reference).len(), 6);
        assert_eq!(reference.runs_from(i64::MAX).count(), 1);
    }
}
