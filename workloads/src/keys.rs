//! The partitions a run writes to, and the unique values it writes.
//!
//! Key `k` of `K` gets the values `k`, `k + K`, `k + 2K` ...: dense, unique in the whole run and not only in the key, so a
//! record that turns up in another partition than it was sent to is seen to be a stranger there.

use std::sync::atomic::{AtomicU64, Ordering};

use store::op::key;

/// Every partition of the run's topics, in order of topic and partition.
#[derive(Debug)]
pub struct Keys {
    topics: Vec<String>,
    partitions: u32,
    names: Vec<String>,
    next: Vec<AtomicU64>,
}

impl Keys {
    /// The keys of these topics, each with so many partitions.
    pub fn new(topics: &[String], partitions: u32) -> Keys {
        let names: Vec<String> =
            topics.iter().flat_map(|topic| (0..partitions).map(move |p| key(topic, p as i32))).collect();
        let next = names.iter().map(|_| AtomicU64::new(0)).collect();
        Keys { topics: topics.to_vec(), partitions, names, next }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// `topic-partition` of key `index`.
    pub fn name(&self, index: usize) -> &str {
        &self.names[index]
    }

    /// The topic's index and the partition of key `index`.
    pub fn place(&self, index: usize) -> (usize, i32) {
        (index / self.partitions as usize, (index % self.partitions as usize) as i32)
    }

    /// The index of a topic's partition.
    pub fn index(&self, topic: usize, partition: i32) -> usize {
        topic * self.partitions as usize + partition as usize
    }

    /// The topics, in order.
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// Partitions a topic.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// A value for key `index` that nobody has had before.
    pub fn next_value(&self, index: usize) -> u64 {
        let n = self.next[index].fetch_add(1, Ordering::Relaxed);
        n * self.names.len() as u64 + index as u64
    }

    /// The key that a value was made for.
    pub fn key_of_value(&self, value: u64) -> usize {
        (value % self.names.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn values_are_unique_everywhere_and_name_their_key() {
        let keys = Keys::new(&["a".to_owned(), "b".to_owned()], 3);
        let mut seen = BTreeSet::new();
        for round in 0..10 {
            for index in 0..keys.len() {
                let value = keys.next_value(index);
                assert!(seen.insert(value));
                assert_eq!(keys.key_of_value(value), index);
                assert_eq!(value / 6, round, "dense");
            }
        }
    }

    #[test]
    fn places_and_names_agree() {
        let keys = Keys::new(&["a".to_owned(), "b-1".to_owned()], 2);
        assert_eq!((0..4).map(|i| keys.name(i)).collect::<Vec<_>>(), ["a-0", "a-1", "b-1-0", "b-1-1"]);
        for index in 0..4 {
            let (topic, partition) = keys.place(index);
            assert_eq!(keys.index(topic, partition), index);
        }
    }
}
