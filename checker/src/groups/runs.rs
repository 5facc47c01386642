//! How often the records of a partition were read by each of several consumers: arithmetic on runs of offsets.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use store::batch::ValueId;

use crate::tables::{Outcome, Partition, Read, Session, Tables};

/// Records side by side that one consumer read equally often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) times: u64,
    /// At an offset where readers saw several values: this one.
    pub(super) value: Option<ValueId>,
}

impl Stretch {
    pub(super) fn records(&self) -> u64 {
        self.last.abs_diff(self.first).saturating_add(1)
    }
}

/// How often each consumer read each record, by ok polls of live readers; `of` names the consumer of a session.
///
/// A record is an offset and, where a log was rewritten under its readers, the value there.
pub(super) fn consumption(
    tables: &Tables,
    partition: &Partition,
    of: impl Fn(&Session) -> Option<u32>,
) -> BTreeMap<u32, Vec<Stretch>> {
    let mut reads: BTreeMap<u32, Vec<Read>> = BTreeMap::new();
    for read in &partition.reads {
        let poll = &tables.polls[read.poll as usize];
        if poll.outcome == Outcome::Ok
            && !poll.final_pass
            && let Some(consumer) = of(&tables.sessions[poll.session as usize])
        {
            reads.entry(consumer).or_default().push(*read);
        }
    }
    let contested = Contested::new(partition);
    reads.into_iter().map(|(consumer, reads)| (consumer, stretches(&contested, &reads))).collect()
}

/// Offsets where readers saw several values.
struct Contested<'p> {
    partition: &'p Partition,
    offsets: Vec<i64>,
    values: FxHashMap<(i64, u32), ValueId>,
}

impl Contested<'_> {
    fn new(partition: &Partition) -> Contested<'_> {
        let mut offsets: Vec<i64> = partition.exceptions.iter().map(|e| e.offset).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let values = partition.exceptions.iter().map(|e| ((e.offset, e.poll), e.value)).collect();
        Contested { partition, offsets, values }
    }

    fn within(&self, read: &Read) -> &[i64] {
        let from = self.offsets.partition_point(|offset| *offset < read.first);
        let to = self.offsets.partition_point(|offset| *offset <= read.last);
        &self.offsets[from..to]
    }

    fn value(&self, offset: i64, poll: u32) -> Option<ValueId> {
        let reference = || {
            let place = self.partition.reference.place(offset)?;
            Some(self.partition.reference.values()[place as usize])
        };
        self.values.get(&(offset, poll)).copied().or_else(reference)
    }
}

fn stretches(contested: &Contested<'_>, reads: &[Read]) -> Vec<Stretch> {
    // Where the depth changes; beyond the last offset there is one place more than offsets.
    let mut steps: Vec<(i128, i64)> = Vec::with_capacity(reads.len() * 2);
    let mut apart: BTreeMap<(i64, ValueId), u64> = BTreeMap::new();
    for read in reads {
        let mut first = i128::from(read.first);
        for offset in contested.within(read) {
            if let Some(value) = contested.value(*offset, read.poll) {
                *apart.entry((*offset, value)).or_default() += 1;
            }
            run(&mut steps, first, i128::from(*offset));
            first = i128::from(*offset) + 1;
        }
        run(&mut steps, first, i128::from(read.last) + 1);
    }
    steps.sort_unstable();
    let mut all: Vec<Stretch> = Vec::new();
    let (mut at, mut depth) = (0_i128, 0_i64);
    for (place, change) in steps {
        if depth > 0 && place > at {
            let (first, last) = (at as i64, (place - 1) as i64);
            match all.last_mut() {
                Some(before) if before.times == depth as u64 && i128::from(before.last) + 1 == at => {
                    before.last = last;
                }
                _ => all.push(Stretch { first, last, times: depth as u64, value: None }),
            }
        }
        (at, depth) = (place, depth + change);
    }
    let single =
        |((offset, value), times)| Stretch { first: offset, last: offset, times, value: Some(value) };
    all.extend(apart.into_iter().map(single));
    all.sort_by_key(|stretch| (stretch.first, stretch.value));
    all
}

/// From an offset up to, and without, another.
fn run(steps: &mut Vec<(i128, i64)>, first: i128, end: i128) {
    if first < end {
        steps.extend([(first, 1), (end, -1)]);
    }
}
