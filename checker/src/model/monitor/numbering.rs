//! Dense numbers for values, so that monitors index arrays instead of hashing.

use rustc_hash::FxHashMap;

use super::super::value::Value;

/// Numbers values from 0 in the order in which they are first seen.
///
/// Integers from a range not much larger than their number are looked up in an array; others are hashed.
#[derive(Debug)]
pub struct Numbering {
    lowest: i64,
    /// Number + 1 by distance from `lowest`.
    direct: Vec<u32>,
    hashed: FxHashMap<Value, u32>,
    len: u32,
}

impl Numbering {
    /// A numbering for values such as these.
    pub fn for_values(values: impl Iterator<Item = Value>) -> Numbering {
        let (mut lowest, mut highest, mut ints) = (i64::MAX, i64::MIN, 0_i64);
        for i in values.filter_map(Value::as_int) {
            (lowest, highest, ints) = (lowest.min(i), highest.max(i), ints + 1);
        }
        let width = highest.saturating_sub(lowest).saturating_add(1);
        let direct = if ints > 0 && width <= ints * 4 + 64 { vec![0; width as usize] } else { Vec::new() };
        Numbering { lowest, direct, hashed: FxHashMap::default(), len: 0 }
    }

    fn slot(&self, value: Value) -> Option<usize> {
        let distance = value.as_int()?.checked_sub(self.lowest)?;
        usize::try_from(distance).ok().filter(|&slot| slot < self.direct.len())
    }

    /// The value's number; a new one where it was not seen before.
    pub fn number(&mut self, value: Value) -> usize {
        let number = match self.slot(value) {
            Some(slot) => {
                if self.direct[slot] == 0 {
                    self.len += 1;
                    self.direct[slot] = self.len;
                }
                return self.direct[slot] as usize - 1;
            }
            None => *self.hashed.entry(value).or_insert(self.len),
        };
        self.len = self.len.max(number + 1);
        number as usize
    }

    /// The value's number, if it has one.
    pub fn get(&self, value: Value) -> Option<usize> {
        match self.slot(value) {
            Some(slot) => (self.direct[slot] as usize).checked_sub(1),
            None => self.hashed.get(&value).map(|&number| number as usize),
        }
    }

    /// How many numbers were given.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far_values_share_one_sequence() {
        let int = |i| Value::int(i).unwrap();
        let near = (100..200).map(int);
        let mut numbers = Numbering::for_values(near);
        let values = [int(150), Value::NULL, int(-7), int(100), int(1 << 60)];
        for round in 0..2 {
            for (expected, &value) in values.iter().enumerate() {
                assert_eq!(numbers.number(value), expected, "round {round}");
            }
        }
        assert_eq!((numbers.len(), numbers.get(int(101)), numbers.get(int(100))), (5, None, Some(3)));
    }

    #[test]
    fn sparse_integers_cost_no_array() {
        let numbers = Numbering::for_values([0, 1 << 60].into_iter().filter_map(Value::int));
        assert!(numbers.direct.is_empty());
    }
}
