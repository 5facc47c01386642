//! Monitors: where each value is written once, values say which operation saw which, and a sort
//! decides what a search would explore. One file a family of models.
//!
//! Each returns `None` where its conditions do not hold; the search judges those histories.

pub mod numbering;
pub mod offsets;
pub mod queues;
pub mod snapshots;
pub mod zones;

use super::spec::{Call, Finding, Proof};

/// Calls in an order that is forced: each must be placed at or after every one before it.
///
/// The earliest placement is the running maximum of the invocations, so an order exists iff no call
/// returned before an earlier one of the order was invoked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sweep {
    /// The latest invocation so far, and the call it belongs to.
    latest: (u64, usize),
}

impl Sweep {
    /// The call (invoked after `returned`) that contradicts a call placed here, if any.
    pub(super) fn contradicts(&self, returned: u64) -> Option<usize> {
        (returned < self.latest.0).then_some(self.latest.1)
    }

    /// Places a call.
    pub(super) fn place(&mut self, invoked: u64, call: usize) {
        if invoked > self.latest.0 {
            self.latest = (invoked, call);
        }
    }

    /// The latest invocation so far, and its call.
    pub(super) fn latest(&self) -> (u64, usize) {
        self.latest
    }
}

/// The finding for a value that was seen though nothing that happened wrote it.
fn phantom<A>(seen: &Call<A>, what: &str) -> Option<Finding> {
    Proof::found(format!("no operation that happened {what} that value"), [(seen.op, "saw it")])
}

/// The least `u64` of some calls, and which call has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least(pub u64, pub u32);

impl Least {
    /// Of no call.
    pub(super) const NONE: Least = Least(u64::MAX, u32::MAX);

    pub(super) fn take(&mut self, time: u64, call: usize) {
        if time < self.0 {
            *self = Least(time, call as u32);
        }
    }
}

/// The greatest `u64` of some calls, and which call has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Greatest(pub u64, pub u32);

impl Greatest {
    /// Of no call; times of calls begin at 1.
    pub(super) const NONE: Greatest = Greatest(0, u32::MAX);

    pub(super) fn take(&mut self, time: u64, call: usize) {
        if time > self.0 {
            *self = Greatest(time, call as u32);
        }
    }
}
