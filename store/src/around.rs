//! The neighbourhood of one offset, as a history tells it: what was acknowledged there, what was read there, and
//! by whom.

use crate::fault::FaultWindow;
use crate::op::OpType;
use crate::time::Nanos;

/// A stretch of one partition's offsets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Around {
    /// The partition.
    pub key: String,
    /// The offset that was asked for.
    pub offset: i64,
    /// The highest offset that anything was acknowledged or read at, in the whole history.
    pub highest: Option<i64>,
    /// Every offset of the stretch at which something was acknowledged or read, ascending.
    pub places: Vec<Place>,
    /// Readers that went from one side of an offset of the stretch to the other without reading it, by line.
    pub leaps: Vec<Leap>,
    /// How many leaps there were beyond those kept.
    pub more_leaps: u64,
    /// Faults in force between the first and the last event told here.
    pub faults: Vec<FaultWindow>,
    /// Who led then, where the run sampled it: at the first event, and at the last where that differs.
    pub leadership: Vec<(Nanos, String)>,
}

/// One offset.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// The offset.
    pub offset: i64,
    /// The values that somebody acknowledged or read there, those that were read first.
    pub values: Vec<Held>,
}

/// One value at one offset.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The value, for people.
    pub value: String,
    /// Whether an acknowledgement named this offset for it.
    pub acknowledged_here: bool,
    /// Polls of live consumers that read it here.
    pub polls: u64,
    /// The first of them.
    pub first: Option<Moment>,
    /// The first poll of the consume-all pass that read it here.
    pub pass: Option<Moment>,
    /// Everybody who sent this value to this partition.
    pub sends: Vec<Sent>,
}

/// An event: who, when, and its line from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// `client 4` or `process 17`.
    pub who: String,
    /// When it completed.
    pub time: Nanos,
    /// Its line in the history.
    pub line: u64,
}

/// One send.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its invocation.
    pub invoked: Moment,
    /// Its completion, `None` while open.
    pub completed: Option<Completion>,
}

/// How a send ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// ok, fail or info.
    pub outcome: OpType,
    /// When.
    pub time: Nanos,
    /// The line.
    pub line: u64,
    /// The acknowledged offset.
    pub offset: Option<i64>,
    /// The broker that answered, for people.
    pub node: Option<String>,
    /// Why, where it is not ok.
    pub error: Option<String>,
}

/// A reader that passed an offset by.
#[derive(Debug, Clone, PartialEq)]
pub struct Leap {
    /// The reader and the poll in which it read the later of both offsets.
    pub at: Moment,
    /// The last offset that it read before.
    pub from: i64,
    /// The next that it read.
    pub to: i64,
    /// Whether it was of the consume-all pass.
    pub pass: bool,
}
