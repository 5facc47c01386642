//! The configurations that were visited, sixteen bytes each, under a memory limit that all share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The memory that all searches of one check may use together, bytes.
#[derive(Debug, Clone)]
pub struct Allowance {
    used: Arc<AtomicU64>,
    limit: u64,
}

impl Allowance {
    /// At most this many bytes.
    pub fn new(limit: u64) -> Allowance {
        Allowance { used: Arc::default(), limit }
    }

    fn take(&self, bytes: u64) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= self.limit;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// It was not there before.
    New,
    /// It was.
    Known,
    /// It was not there, and there is no memory for it.
    Full,
}

/// A set of 128-bit keys that are hashes already.
///
/// Tables grow by half at a load of 15/16, so that an entry costs 17 to 26 bytes. A large set is cut
/// into shards that grow one at a time: while one grows, only that one is there twice.
#[derive(Debug)]
pub struct Memo {
    shards: Vec<Shard>,
    len: usize,
    allowance: Allowance,
}

/// Linear probing; 0 is an empty slot (a key of 0 is stored as 1).
#[derive(Debug, Default)]
struct Shard {
    slots: Vec<u128>,
    len: usize,
}

const SLOT: u64 = size_of::<u128>() as u64;
const FIRST_SLOTS: usize = 64;
/// Beyond this many entries there are [`SHARDS`] shards.
const ONE_SHARD: usize = 1 << 15;
const SHARDS: usize = 64;

impl Memo {
    /// An empty set that takes its memory from `allowance`.
    pub fn new(allowance: Allowance) -> Memo {
        Memo { shards: vec![Shard::default()], len: 0, allowance }
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that it occupies.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.slots.len() as u64 * SLOT).sum()
    }

    /// Adds a key.
    pub fn insert(&mut self, key: u128) -> Insertion {
        let key = key.max(1);
        if self.len == ONE_SHARD && self.shards.len() == 1 && !self.cut() {
            return Insertion::Full;
        }
        // The shard is chosen by low bits, the slot within by the high half.
        let number = if self.shards.len() == 1 { 0 } else { key as usize % SHARDS };
        let shard = &mut self.shards[number];
        if let Some(slot) = shard.find(key) {
            if shard.slots[slot] == key {
                return Insertion::Known;
            }
            if shard.len < shard.slots.len() / 16 * 15 {
                shard.slots[slot] = key;
                shard.len += 1;
                self.len += 1;
                return Insertion::New;
            }
        }
        let grown = (shard.slots.len() + shard.slots.len() / 2).max(FIRST_SLOTS).next_multiple_of(16);
        if !self.allowance.take(grown as u64 * SLOT) {
            return Insertion::Full;
        }
        let before = shard.grow(grown);
        self.allowance.give_back(before as u64 * SLOT);
        self.insert(key)
    }

    /// Distributes the one shard's keys over many.
    fn cut(&mut self) -> bool {
        let slots = (ONE_SHARD / SHARDS * 2).next_multiple_of(16);
        if !self.allowance.take((slots * SHARDS) as u64 * SLOT) {
            return false;
        }
        let whole = std::mem::take(&mut self.shards).remove(0);
        self.shards = (0..SHARDS).map(|_| Shard { slots: vec![0; slots], len: 0 }).collect();
        for &key in whole.slots.iter().filter(|&&key| key != 0) {
            let shard = &mut self.shards[key as usize % SHARDS];
            let slot = shard.find(key).expect("half of the slots are free");
            shard.slots[slot] = key;
            shard.len += 1;
        }
        self.allowance.give_back(whole.slots.len() as u64 * SLOT);
        true
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        self.allowance.give_back(self.bytes());
    }
}

impl Shard {
    /// The slot that holds the key, or the free one where it belongs; `None` without slots.
    fn find(&self, key: u128) -> Option<usize> {
        let len = self.slots.len();
        if len == 0 {
            return None;
        }
        let mut slot = (((key >> 64) * len as u128) >> 64) as usize;
        loop {
            if self.slots[slot] == key || self.slots[slot] == 0 {
                return Some(slot);
            }
            slot = if slot + 1 == len { 0 } else { slot + 1 };
        }
    }

    /// Moves to this many slots; the number before.
    fn grow(&mut self, slots: usize) -> usize {
        let before = std::mem::replace(&mut self.slots, vec![0; slots]);
        for &key in before.iter().filter(|&&key| key != 0) {
            let slot = self.find(key).expect("there are slots");
            self.slots[slot] = key;
        }
        before.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::spec::mix;
    use super::*;

    #[test]
    fn holds_what_went_in_within_32_bytes_each() {
        let mut memo = Memo::new(Allowance::new(1 << 30));
        let mut model = std::collections::HashSet::new();
        for i in 0..300_000_u64 {
            let key = mix(i % 200_000, 7);
            let expected = if model.insert(key) { Insertion::New } else { Insertion::Known };
            assert_eq!(memo.insert(key), expected);
            if i > 100_000 {
                assert!(memo.bytes() <= 32 * memo.len() as u64, "{} for {}", memo.bytes(), memo.len());
            }
        }
        assert_eq!(memo.len(), model.len());
        assert_eq!((memo.insert(0), memo.insert(1)), (Insertion::New, Insertion::Known));
    }

    #[test]
    fn a_full_allowance_is_said_and_given_back() {
        let allowance = Allowance::new(1 << 20);
        let mut memo = Memo::new(allowance.clone());
        let full = (0..1 << 20).find(|&i| memo.insert(mix(i, 0)) == Insertion::Full);
        assert!(full.is_some_and(|i| i > 20_000));
        assert!(memo.bytes() <= 1 << 20);
        drop(memo);
        assert_eq!(allowance.used.load(Ordering::Relaxed), 0);
    }
}
