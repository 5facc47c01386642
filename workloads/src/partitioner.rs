//! Who chooses a record's partition: tribunal, or one of the client library's deterministic partitioners.

use std::fmt;
use std::ptr;
use std::str::FromStr;

use rdkafka::bindings::{
    rd_kafka_msg_partitioner_consistent, rd_kafka_msg_partitioner_fnv1a, rd_kafka_msg_partitioner_murmur2,
};
use serde::{Deserialize, Serialize};

/// Who chooses a record's partition.
///
/// The invocation of a send names its partition, so only choices that can be known beforehand are offered: the
/// client library's own functions are called on the record's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Partitioner {
    /// tribunal: in turn, some sends each, from a place that the seed draws. Records have no key.
    #[default]
    Explicit,
    /// CRC32 of the key.
    Consistent,
    /// Murmur2 of the key, as Java's clients do.
    Murmur2,
    /// FNV-1a of the key, as Sarama does.
    Fnv1a,
}

impl Partitioner {
    /// librdkafka's name of it, the value of its setting `partitioner`.
    pub fn client_name(self) -> &'static str {
        match self {
            // Never asked, as every record names its partition.
            Partitioner::Explicit => "consistent_random",
            Partitioner::Consistent => "consistent",
            Partitioner::Murmur2 => "murmur2",
            Partitioner::Fnv1a => "fnv1a",
        }
    }

    /// The partition that librdkafka will choose for `key`; `None` where tribunal chooses.
    pub fn partition(self, key: &[u8], partitions: u32) -> Option<i32> {
        let function = match self {
            Partitioner::Explicit => return None,
            Partitioner::Consistent => rd_kafka_msg_partitioner_consistent,
            Partitioner::Murmur2 => rd_kafka_msg_partitioner_murmur2,
            Partitioner::Fnv1a => rd_kafka_msg_partitioner_fnv1a,
        };
        // SAFETY: the deterministic partitioners read the key's bytes and the count, and none of the other arguments
        // (librdkafka 2.12, rdkafka_msg.c); the test below would crash if that changed.
        let partition = unsafe {
            function(
                ptr::null(),
                key.as_ptr().cast(),
                key.len(),
                partitions as i32,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        Some(partition)
    }
}

impl fmt::Display for Partitioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Partitioner::Explicit => "explicit",
            other => other.client_name(),
        })
    }
}

impl FromStr for Partitioner {
    type Err = String;

    fn from_str(s: &str) -> Result<Partitioner, String> {
        [Partitioner::Explicit, Partitioner::Consistent, Partitioner::Murmur2, Partitioner::Fnv1a]
            .into_iter()
            .find(|p| p.to_string() == s)
            .ok_or_else(|| format!("partitioner = {s} is not one of explicit, consistent, murmur2, fnv1a"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `DefaultPartitioner.toPositive(Utils.murmur2(key)) % n`, from Kafka's Java client.
    fn java_murmur2(key: &[u8]) -> u32 {
        const M: u32 = 0x5bd1_e995;
        let mut h: u32 = 0x9747_b28c ^ key.len() as u32;
        let mut chunks = key.chunks_exact(4);
        for chunk in &mut chunks {
            let mut k = u32::from_le_bytes(chunk.try_into().expect("four bytes")).wrapping_mul(M);
            k = (k ^ (k >> 24)).wrapping_mul(M);
            h = h.wrapping_mul(M) ^ k;
        }
        let rest = chunks.remainder();
        for (i, byte) in rest.iter().enumerate().rev() {
            h ^= u32::from(*byte) << (8 * i);
            if i == 0 {
                h = h.wrapping_mul(M);
            }
        }
        h = (h ^ (h >> 13)).wrapping_mul(M);
        h ^ (h >> 15)
    }

    #[test]
    fn murmur2_agrees_with_javas() {
        for i in 0..1000 {
            let key = format!("{:x}", i64::from(i) * i64::from(i) * 7919);
            let expected = (java_murmur2(key.as_bytes()) & 0x7fff_ffff) % 17;
            assert_eq!(Partitioner::Murmur2.partition(key.as_bytes(), 17), Some(expected as i32), "{key}");
        }
    }

    #[test]
    fn every_partition_is_reached_and_none_beyond() {
        for partitioner in [Partitioner::Consistent, Partitioner::Murmur2, Partitioner::Fnv1a] {
            let mut hits = [0; 6];
            for i in 0..600 {
                let p = partitioner.partition(format!("c{i}").as_bytes(), 6).expect("it chooses");
                hits[usize::try_from(p).expect("no negative partition")] += 1;
            }
            assert!(hits.iter().all(|n| *n > 20), "{partitioner}: {hits:?}");
        }
        assert_eq!(Partitioner::Explicit.partition(b"k", 6), None);
    }

    #[test]
    fn names_are_read_back() {
        for name in ["explicit", "consistent", "murmur2", "fnv1a"] {
            assert_eq!(name.parse::<Partitioner>().expect("known").to_string(), name);
        }
        assert!("random".parse::<Partitioner>().is_err(), "a random partitioner cannot be foretold");
    }
}
