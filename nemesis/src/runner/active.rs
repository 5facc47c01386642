//! The faults that hold at this moment, for the progress display.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::time::Nanos;

/// A fault that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveFault {
    /// Its number in the run.
    pub number: u32,
    /// What it does to whom.
    pub label: String,
    /// Since when.
    pub since: Nanos,
    /// When it will heal; `None` while that depends on a condition.
    pub until: Option<Nanos>,
}

/// A shared view of the faults that hold. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct ActiveFaults(Arc<Mutex<BTreeMap<u32, ActiveFault>>>);

impl ActiveFaults {
    /// The faults that hold now, by number.
    pub fn now(&self) -> Vec<ActiveFault> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn begin(&self, fault: ActiveFault) {
        self.lock().insert(fault.number, fault);
    }

    pub(super) fn until(&self, number: u32, until: Nanos) {
        if let Some(fault) = self.lock().get_mut(&number) {
            fault.until = Some(until);
        }
    }

    pub(super) fn end(&self, number: u32) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, ActiveFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
