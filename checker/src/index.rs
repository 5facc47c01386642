//! From a value to the send that appended it.
//!
//! Values of one partition usually count up, often with a stride (a counter shared by several partitions): then
//! a plain array answers. Whatever else they are, a hash map does.

use rustc_hash::{FxHashMap, FxHashSet};
use store::batch::{HASHED, ValueId};

use crate::tables::{NONE, Outcome, Send};

/// The rows of a partition by value.
#[derive(Debug)]
pub(crate) struct ValueIndex {
    by_value: ByValue,
    /// Values that several operations sent, all of which may have happened: each row and the row that stands
    /// for it in the index.
    pub(crate) aliases: Vec<(u32, u32)>,
    ambiguous: FxHashSet<u32>,
}

#[derive(Debug)]
enum ByValue {
    Dense { min: ValueId, stride: ValueId, rows: Vec<u32> },
    Hashed(FxHashMap<ValueId, u32>),
}

impl ValueIndex {
    /// Indexes a partition's sends.
    pub(crate) fn new(sends: &[Send]) -> ValueIndex {
        let mut index = ValueIndex {
            by_value: ByValue::for_values(sends),
            aliases: Vec::new(),
            ambiguous: FxHashSet::default(),
        };
        for (row, send) in sends.iter().enumerate() {
            if send.outcome != Outcome::Superseded {
                index.insert(send.value, row as u32, sends);
            }
        }
        index
    }

    fn insert(&mut self, value: ValueId, row: u32, sends: &[Send]) {
        let slot = self.by_value.slot(value);
        let before = *slot;
        if before == NONE {
            *slot = row;
            return;
        }
        // A send that certainly failed explains nothing: a second attempt with its value replaces it.
        let failed = |row: u32| sends[row as usize].outcome == Outcome::Fail;
        if failed(before) {
            *slot = row;
        } else if !failed(row) {
            self.aliases.push((row, before));
            self.ambiguous.extend([row, before]);
        }
    }

    /// The row of a value.
    #[inline]
    pub(crate) fn row(&self, value: ValueId) -> Option<u32> {
        let row = match &self.by_value {
            ByValue::Dense { min, stride, rows } => {
                let distance = value.checked_sub(*min)?;
                let (slot, rest) =
                    if *stride == 1 { (distance, 0) } else { (distance / stride, distance % stride) };
                if rest != 0 {
                    return None;
                }
                *rows.get(usize::try_from(slot).ok()?)?
            }
            ByValue::Hashed(rows) => *rows.get(&value)?,
        };
        (row != NONE).then_some(row)
    }

    /// Whether several operations may have appended this row's value.
    pub(crate) fn ambiguous(&self, row: u32) -> bool {
        !self.ambiguous.is_empty() && self.ambiguous.contains(&row)
    }
}

impl ByValue {
    /// The cheaper form for these values.
    fn for_values(sends: &[Send]) -> ByValue {
        let mut values = sends.iter().filter(|s| s.outcome != Outcome::Superseded).map(|s| s.value);
        let Some(first) = values.next() else { return ByValue::Hashed(FxHashMap::default()) };
        let (mut min, mut max, mut stride) = (first, first, 0);
        for value in values {
            let difference = value.abs_diff(first);
            if stride == 0 {
                stride = difference;
            } else if stride != 1 && !difference.is_multiple_of(stride) {
                stride = gcd(stride, difference);
            }
            min = min.min(value);
            max = max.max(value);
        }
        let stride = stride.max(1);
        let slots = ((max - min) / stride).saturating_add(1);
        if max < HASHED && slots <= 2 * sends.len() as u64 + 1024 {
            return ByValue::Dense { min, stride, rows: vec![NONE; slots as usize] };
        }
        ByValue::Hashed(FxHashMap::with_capacity_and_hasher(sends.len(), Default::default()))
    }

    fn slot(&mut self, value: ValueId) -> &mut u32 {
        match self {
            ByValue::Dense { min, stride, rows } => &mut rows[((value - *min) / *stride) as usize],
            ByValue::Hashed(rows) => rows.entry(value).or_insert(NONE),
        }
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(values: &[u64]) -> Vec<Send> {
        values.iter().enumerate().map(|(i, v)| Send::invoke(*v, 0, 0, i as u32 + 1, 0, 0)).collect()
    }

    #[test]
    fn counters_with_a_stride_are_dense() {
        let values: Vec<u64> = (0..5000).map(|n| n * 6 + 5).collect();
        let sends = sends(&values);
        let index = ValueIndex::new(&sends);
        assert!(matches!(&index.by_value, ByValue::Dense { stride: 6, rows, .. } if rows.len() == 5000));
        for (row, value) in values.iter().enumerate() {
            assert_eq!(index.row(*value), Some(row as u32));
            assert_eq!(index.row(*value + 1), None);
        }
        assert_eq!(index.row(0), None);
        assert_eq!(index.row(u64::MAX), None);
    }

    #[test]
    fn scattered_values_are_hashed() {
        let values = [7, u64::MAX - 1, 1 << 40, HASHED | 5, 3];
        let sends = sends(&values);
        let index = ValueIndex::new(&sends);
        assert!(matches!(index.by_value, ByValue::Hashed(_)));
        for (row, value) in values.iter().enumerate() {
            assert_eq!(index.row(*value), Some(row as u32));
        }
        assert_eq!(index.row(4), None);
    }

    #[test]
    fn a_value_sent_twice_is_ambiguous_unless_the_first_failed() {
        let mut rows = sends(&[1, 2, 1, 2]);
        rows[0].outcome = Outcome::Fail;
        let index = ValueIndex::new(&rows);
        assert_eq!(index.row(1), Some(2));
        assert_eq!(index.aliases, [(3, 1)]);
        assert!(index.ambiguous(1) && index.ambiguous(3) && !index.ambiguous(0) && !index.ambiguous(2));
    }
}
