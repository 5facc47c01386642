//! Which runs the mock can be trusted with. What it would falsify is refused before it starts.

use crate::fault::{FaultKind, FaultSpec};

/// The mock keeps at most this much of a partition, then silently drops its oldest batches.
pub const RETENTION_BYTES: u64 = 5 << 20;
/// And at most so many batches.
pub const RETENTION_BATCHES: u64 = 100_000;
/// What is planned may fill this part of the retention: retries and an uneven partitioner need the rest.
const USABLE: f64 = 0.8;
/// Bytes that a record costs beside its payload, key and headers, in a batch of its own (61 for the batch,
/// up to 21 for the record's lengths and deltas).
pub const RECORD_OVERHEAD_BYTES: u64 = 82;

/// What a run plans to do on the mock.
#[derive(Debug, Clone)]
pub struct MockPlan<'a> {
    /// Producers are idempotent.
    pub idempotent: bool,
    /// Producers have a transactional id.
    pub transactional: bool,
    /// Requests in flight a connection.
    pub max_in_flight: Option<u32>,
    /// The planned faults.
    pub faults: &'a [FaultSpec],
    /// Bytes that one partition will get, batches included ([`RECORD_OVERHEAD_BYTES`]); `None`: not known
    /// beforehand, then only the low watermark tells afterwards.
    pub bytes_per_partition: Option<u64>,
    /// Batches that one partition will get, at most its records.
    pub batches_per_partition: Option<u64>,
}

/// Whether the mock can be trusted with it.
///
/// # Errors
/// With every reason, the figures and what to change.
pub fn admit(plan: &MockPlan<'_>) -> Result<(), String> {
    let mut reasons = Vec::new();
    reasons.extend(retention(plan));
    reasons.extend(idempotence(plan));
    if reasons.is_empty() { Ok(()) } else { Err(reasons.join("\n")) }
}

fn retention(plan: &MockPlan<'_>) -> Option<String> {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    if let Some(bytes) = plan.bytes_per_partition.filter(|b| *b as f64 > RETENTION_BYTES as f64 * USABLE) {
        return Some(format!(
            "the run would write about {:.1} MiB to a partition, but the mock silently drops a partition's oldest records \
             beyond {:.0} MiB ({:.0} MiB with a margin for retries): use more --partitions, a lower --rate, a shorter \
             --time-limit, fewer --sends or a smaller --record-size, or --target docker",
            mib(bytes),
            mib(RETENTION_BYTES),
            mib(RETENTION_BYTES) * USABLE
        ));
    }
    let batches = plan.batches_per_partition.filter(|b| *b as f64 > RETENTION_BATCHES as f64 * USABLE)?;
    Some(format!(
        "the run may write {batches} batches to a partition, but the mock silently drops a partition's oldest beyond \
         {RETENTION_BATCHES} ({:.0} with a margin for retries): use more --partitions, a lower --rate, a shorter \
         --time-limit or fewer --sends, or --target docker",
        RETENTION_BATCHES as f64 * USABLE
    ))
}

/// The mock checks sequence numbers only of transactional producers, and even then with a window that goes
/// wrong when more than one request is in flight. What it does to the others looks like a bug of Kafka.
/// Broker-down stays: a connection that closes under load may double a batch of such a producer, but loses none.
fn idempotence(plan: &MockPlan<'_>) -> Option<String> {
    let dirty: Vec<String> = plan
        .faults
        .iter()
        .filter(|f| matches!(f.kind, FaultKind::SlowBroker { .. } | FaultKind::RequestErrors { .. }))
        .map(|f| format!("`{f}`"))
        .collect();
    if dirty.is_empty() {
        return None;
    }
    if plan.transactional && plan.max_in_flight != Some(1) {
        return Some(format!(
            "under {} the mock appends retried batches of a transactional producer twice unless one request is in flight: \
             add --max-in-flight 1, leave these faults out, or use --target docker",
            dirty.join(", ")
        ));
    }
    (plan.idempotent && !plan.transactional).then(|| {
        format!(
            "the mock ignores an idempotent producer's sequence numbers unless it has a transactional id, so under {} it \
             would lose and duplicate records as no Kafka does: turn --idempotence off, leave these faults out \
             (broker-down and leader-move may stay, they lose nothing), or use --target docker",
            dirty.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(
        idempotent: bool,
        transactional: bool,
        in_flight: Option<u32>,
        faults: &[&str],
    ) -> Option<String> {
        let faults: Vec<FaultSpec> = faults.iter().map(|f| f.parse().unwrap()).collect();
        let plan = MockPlan {
            idempotent,
            transactional,
            max_in_flight: in_flight,
            faults: &faults,
            bytes_per_partition: None,
            batches_per_partition: None,
        };
        admit(&plan).err()
    }

    #[test]
    fn idempotence_only_where_the_mock_keeps_clean() {
        let clean = ["broker-down@1s+1s", "leader-move@2s"];
        let slow = ["slow-broker:200ms@1s+1s"];
        let errors = ["request-errors:NOT_ENOUGH_REPLICAS*3@1s+1s", "leader-move@2s"];
        assert_eq!(refusal(true, false, None, &clean), None);
        assert!(refusal(true, false, None, &slow).unwrap().contains("slow-broker"));
        assert!(refusal(true, false, Some(1), &errors).unwrap().contains("request-errors"));
        assert_eq!(refusal(false, false, None, &slow), None, "duplicates are what it should show");
        assert_eq!(refusal(true, true, Some(1), &slow), None);
        assert!(refusal(true, true, Some(5), &slow).unwrap().contains("add --max-in-flight 1"));
        assert_eq!(refusal(true, true, Some(5), &clean), None);
    }

    #[test]
    fn a_run_that_would_pass_the_retention_is_refused_with_figures() {
        let plan = |bytes, batches| MockPlan {
            idempotent: false,
            transactional: false,
            max_in_flight: None,
            faults: &[],
            bytes_per_partition: Some(bytes),
            batches_per_partition: Some(batches),
        };
        assert_eq!(admit(&plan(4 << 20, 80_000)), Ok(()));
        let refused = admit(&plan(20 << 20, 10)).unwrap_err();
        assert!(refused.contains("20.0 MiB") && refused.contains("5 MiB"), "{refused}");
        let refused = admit(&plan(1 << 20, 90_000)).unwrap_err();
        assert!(refused.contains("90000") && refused.contains("100000"), "{refused}");
    }
}
