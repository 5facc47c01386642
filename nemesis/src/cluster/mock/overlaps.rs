//! What holds on the mock: faults overlap, and the end of one must not end another.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The delays and errors that faults want now.
#[derive(Debug, Default)]
pub(super) struct Overlaps(Mutex<Wanted>);

#[derive(Debug, Default)]
struct Wanted {
    /// By node, every delay that a fault wants.
    delays: BTreeMap<String, Vec<u64>>,
    /// Errors that were pushed: the number of the push, the error and how many.
    pushes: Vec<(u64, String, u32)>,
    last_push: u64,
}

impl Overlaps {
    /// A fault wants this delay; the delay to be set comes back. The longest is in force: it is what every
    /// fault asked for, and more.
    pub(super) fn slow(&self, node: &str, delay_ms: u64) -> u64 {
        self.with(|wanted| wanted.delays.entry(node.to_owned()).or_default().push(delay_ms));
        self.delay(node)
    }

    /// A fault wants it no longer; the delay that the others want comes back, 0 where there are none.
    pub(super) fn no_longer_slow(&self, node: &str, delay_ms: u64) -> u64 {
        self.with(|wanted| {
            let delays = wanted.delays.entry(node.to_owned()).or_default();
            if let Some(at) = delays.iter().position(|d| *d == delay_ms) {
                delays.remove(at);
            }
        });
        self.delay(node)
    }

    /// The delay in force.
    pub(super) fn delay(&self, node: &str) -> u64 {
        self.with(|wanted| wanted.delays.get(node).and_then(|d| d.iter().max().copied()).unwrap_or(0))
    }

    /// Errors are about to be pushed; the number of the push comes back.
    pub(super) fn push(&self, error: &str, count: u32) -> u64 {
        self.with(|wanted| {
            wanted.last_push += 1;
            wanted.pushes.push((wanted.last_push, error.to_owned(), count));
            wanted.last_push
        })
    }

    /// The number of the push of these errors, if they are wanted.
    pub(super) fn pushed(&self, error: &str, count: u32) -> Option<u64> {
        self.with(|wanted| {
            wanted.pushes.iter().find(|(_, e, c)| e == error && *c == count).map(|(push, ..)| *push)
        })
    }

    /// A fault wants the errors of this push no longer.
    pub(super) fn forget(&self, push: u64) {
        self.with(|wanted| wanted.pushes.retain(|(p, ..)| *p != push));
    }

    fn with<T>(&self, f: impl FnOnce(&mut Wanted) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_delay_is_in_force_until_its_fault_ends() {
        let overlaps = Overlaps::default();
        assert_eq!(overlaps.slow("a", 300), 300);
        assert_eq!(overlaps.slow("a", 200), 300);
        assert_eq!(overlaps.slow("b", 900), 900);
        assert_eq!(overlaps.no_longer_slow("a", 300), 200);
        assert_eq!(overlaps.no_longer_slow("a", 200), 0);
        assert_eq!(overlaps.no_longer_slow("a", 200), 0);
        assert_eq!(overlaps.delay("b"), 900);
    }
}
