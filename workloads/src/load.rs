//! How much a run will write, for targets that cannot hold any amount.

use std::time::Duration;

use crate::partitioner::Partitioner;
use crate::resolve::Resolved;

/// Bytes of a record batch's header in a log (Kafka's record format v2).
const BATCH_HEADER: u64 = 61;
/// Bytes of a record beside its payload: lengths, offset and time deltas, and room for a key.
const RECORD_OVERHEAD: u64 = 16;
/// What a closed loop is taken to reach on a loopback mock, sends a second over all producers: with one send in flight
/// a producer, and with so many that batches fill (measured: 30,000 and 320,000 on two cores).
const CLOSED_LOOP_RATE: f64 = 60_000.0;
const DEEP_CLOSED_LOOP_RATE: f64 = 600_000.0;

/// What one partition's log will hold at the end, for targets that cannot hold any amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionLoad {
    /// Records.
    pub records: u64,
    /// Bytes, if every record had a batch of its own and none were compressed.
    pub bytes: u64,
    /// Batches, likewise.
    pub batches: u64,
    /// Whether this follows from `rate` or `sends`; else it is what a closed loop may reach.
    pub bounded: bool,
}

impl Resolved {
    /// What one partition will hold after `sending` of sends, at most.
    pub fn partition_load(&self, sending: Duration) -> PartitionLoad {
        let by_count = self.config.sends.map(|n| n as f64 * f64::from(self.config.producers));
        let by_rate = (self.config.rate > 0.0).then_some(self.config.rate * sending.as_secs_f64());
        let (total, bounded) = match (by_count, by_rate) {
            (Some(a), Some(b)) => (a.min(b), true),
            (Some(n), None) | (None, Some(n)) => (n, true),
            (None, None) if self.in_flight > 1 => (DEEP_CLOSED_LOOP_RATE * sending.as_secs_f64(), false),
            (None, None) => (CLOSED_LOOP_RATE * sending.as_secs_f64(), false),
        };
        // Turns are even; a hash of the keys is not quite.
        let slack = if self.config.partitioner == Partitioner::Explicit { 1.0 } else { 1.2 };
        let uneven = u64::from(self.config.producers) * u64::from(self.stickiness());
        // However unevenly: one partition holds no more than there is.
        let records =
            ((total * slack / f64::from(self.keys())).ceil() as u64 + uneven).min(total.ceil() as u64);
        let bytes = records * (BATCH_HEADER + RECORD_OVERHEAD + u64::from(self.config.record_size));
        PartitionLoad { records, bytes, batches: records, bounded }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::QueueConfig;

    #[test]
    fn the_load_of_a_partition_is_estimated() {
        let resolved = QueueConfig::default().resolve("mock", 1).expect("accepted");
        let load = resolved.partition_load(resolved.time_limit);
        assert_eq!((load.records, load.batches, load.bounded), (15_200, 15_200, true));
        assert_eq!(load.bytes, 15_200 * (61 + 16 + 100));
        let closed =
            QueueConfig { rate: 0.0, ..QueueConfig::default() }.resolve("mock", 1).expect("accepted");
        let shallow = closed.partition_load(closed.time_limit);
        assert!(!shallow.bounded);
        let deep = QueueConfig { rate: 0.0, in_flight: Some(1000), ..QueueConfig::default() };
        let deep = deep.resolve("mock", 1).expect("accepted");
        assert!(deep.partition_load(deep.time_limit).records > 5 * shallow.records);
        let one = QueueConfig { sends: Some(1), producers: 1, ..QueueConfig::default() };
        let one = one.resolve("mock", 1).expect("accepted");
        assert_eq!(one.partition_load(one.time_limit).records, 1);
    }
}
