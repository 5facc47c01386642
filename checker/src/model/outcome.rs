//! What a check is given and what it answers: budget, outcome, and the account of what was covered.

use std::fmt;
use std::time::Duration;

/// What a check may spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Wall time for everything, explanation included.
    pub time: Duration,
    /// Bytes that searches may remember configurations in; the history itself is not counted.
    pub memory_bytes: u64,
    /// Broken partitions that are explained in full; all are counted.
    pub examples: usize,
    /// Whether monitors may decide. Without, everything is searched: a cross-check.
    pub monitors: bool,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { time: Duration::from_secs(60), memory_bytes: 1 << 30, examples: 10, monitors: true }
    }
}

/// Whether a history is linearizable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An order of all operations exists on every key.
    Valid(Coverage),
    /// On some key none does.
    Invalid {
        /// Why, for at most [`Budget::examples`] keys, the earliest contradiction first.
        violations: Vec<Violation>,
        /// What was looked at.
        coverage: Coverage,
    },
    /// It could not be decided.
    Unknown {
        /// Why not.
        reason: String,
        /// What was looked at.
        coverage: Coverage,
    },
}

impl Outcome {
    /// What was looked at.
    pub fn coverage(&self) -> &Coverage {
        match self {
            Outcome::Valid(coverage) => coverage,
            Outcome::Invalid { coverage, .. } | Outcome::Unknown { coverage, .. } => coverage,
        }
    }

    /// Whether an order exists; `None` where that is not known.
    pub fn linearizable(&self) -> Option<bool> {
        match self {
            Outcome::Valid(_) => Some(true),
            Outcome::Invalid { .. } => Some(false),
            Outcome::Unknown { .. } => None,
        }
    }
}

/// What a check looked at. Partitions are keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Operations of the history, failed ones included.
    pub operations: u64,
    /// All partitions.
    pub partitions: u64,
    /// Those with an order.
    pub linearizable: u64,
    /// Those without.
    pub broken: u64,
    /// Those that were not decided.
    pub undecided: u64,
    /// Operations that are known to have happened. Without any, nothing was confirmed.
    pub happened: u64,
    /// Operations in partitions that were decided.
    pub operations_decided: u64,
    /// Partitions that a monitor decided; the others were searched.
    pub by_monitor: u64,
    /// Configurations that searches visited.
    pub configurations: u64,
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coverage { operations, operations_decided, partitions, undecided, .. } = self;
        write!(
            f,
            "{operations_decided} of {operations} operations, {} of {partitions} keys",
            partitions - undecided
        )?;
        write!(f, "; {} keys by their values alone", self.by_monitor)?;
        if self.configurations > 0 {
            write!(f, ", the others by {} configurations", self.configurations)?;
        }
        Ok(())
    }
}

/// Why the operations on one key have no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key as JSON; `None` in a history without keys.
    pub key: Option<String>,
    /// The operation that cannot be placed, and why, in one sentence with "because".
    pub sentence: String,
    /// The operation that cannot be placed: its invocation's line.
    pub line: u64,
    /// Its completion's line.
    pub returned_line: u64,
    /// When it completed, nanoseconds; `None` in a history without times.
    pub returned: Option<u64>,
    /// The longest prefix of this key's history that still has an order.
    pub prefix: Prefix,
    /// The operations of the contradiction, the unplaceable one first.
    pub witness: Vec<WitnessOp>,
}

/// A prefix of one key's history, as far as it is linearizable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// How many operations complete in it.
    pub operations: u64,
    /// The line of its last completion; 0 if there is none.
    pub line: u64,
    /// Whether one more completion breaks it. False where the budget ended before that was settled:
    /// the true prefix is then at least this long.
    pub exact: bool,
}

/// One operation of a contradiction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessOp {
    /// Its invocation's line.
    pub line: u64,
    /// Its completion's line, if it has one.
    pub returned_line: Option<u64>,
    /// What it did, e.g. `process 3's read of 5`.
    pub operation: String,
    /// Its part in the contradiction.
    pub role: String,
}
