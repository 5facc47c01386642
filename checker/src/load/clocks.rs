//! How many clocks stamped a history, and what may then be said of before and after.

use std::time::Duration;

use rustc_hash::FxHashSet;
use store::batch::Batch;

use crate::tables::{NEVER, Tables};

/// The clocks that lines name, and how many lines do.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    names: FxHashSet<String>,
    named: u64,
    /// Lines of the nemesis, whose clock does not matter.
    pub(crate) aside: u64,
}

impl Clocks {
    pub(crate) fn see(&mut self, batch: &Batch) {
        self.named += u64::from(batch.clocked);
        for clock in &batch.clocks {
            if !self.names.contains(clock) {
                self.names.insert(clock.clone());
            }
        }
    }

    /// How many there were among so many lines: those without a name share one.
    pub(crate) fn count(&self, lines: u64) -> u32 {
        self.names.len() as u32 + u32::from(lines > self.named + self.aside)
    }
}

/// Why nothing is known of the order between processes.
pub(crate) const UNSTATED: &str = "its operations carry different clocks, and nobody said how far these may be apart; \
                                   --clock-uncertainty states it";

/// What a verdict leans on where somebody said how far the clocks may be apart.
pub(crate) fn stated(clocks: &str, apart: Duration) -> String {
    format!(
        "its operations carry {clocks} clocks; the verdict holds if no two of them were ever more than {apart:?} apart \
         (--clock-uncertainty)"
    )
}

/// In nanoseconds, as far as they count.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}

/// Notes how far the clocks of a history may be apart, by the word of whoever asked.
pub(crate) fn set_skew(tables: &mut Tables, uncertainty: Option<Duration>) {
    if tables.clocks <= 1 {
        return;
    }
    tables.skew = uncertainty.map_or(NEVER, nanos);
    let clocks = tables.clocks.to_string();
    tables.warnings.extend(uncertainty.map(|apart| stated(&clocks, apart)));
}
