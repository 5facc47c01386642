//! What the workload has done so far, shared with the progress display and with the nemesis' triggers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a running workload. All relaxed: they are for people and for triggers, never for a verdict.
#[derive(Debug, Default)]
pub struct Progress {
    /// Sends invoked.
    pub invoked: AtomicU64,
    /// Sends completed with ok.
    pub ok: AtomicU64,
    /// Sends that certainly failed.
    pub fail: AtomicU64,
    /// Sends with an unknown outcome.
    pub info: AtomicU64,
    /// Records read by live consumers.
    pub polled: AtomicU64,
    /// Records read by the consume-all pass.
    pub drained: AtomicU64,
    /// Records that the consume-all pass will read, once it knows.
    pub to_drain: AtomicU64,
}

impl Progress {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// Reads a counter.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
