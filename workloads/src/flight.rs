//! The words of a send in flight: what is sent, how the client library names it, what it reports, how its
//! transaction ends.

use rdkafka::types::RDKafkaErrorCode as Code;
use store::op::{PersistenceStatus, TxnOutcome};
use store::time::Nanos;

/// What shall be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Send {
    pub(crate) key: usize,
    pub(crate) value: u64,
    pub(crate) seq: u64,
    pub(crate) incarnation: u32,
    pub(crate) due: Option<Nanos>,
}

/// Names one send to the client library, which gives it back with the delivery report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) usize);

impl Ticket {
    pub(crate) fn new(slot: u32, turn: u32) -> Ticket {
        Ticket((turn as usize) << 32 | slot as usize)
    }

    pub(crate) fn slot(self) -> usize {
        self.0 & 0xffff_ffff
    }

    pub(crate) fn turn(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// A delivery report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) code: Option<Code>,
    pub(crate) status: PersistenceStatus,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) node: i32,
}

impl Report {
    /// Who served it, where the library knows.
    pub(crate) fn node(&self) -> Option<i32> {
        (self.node >= 0).then_some(self.node)
    }
}

/// How a transaction ended.
#[derive(Debug, Clone)]
pub(crate) enum TransactionEnd {
    /// Certainly committed.
    Committed,
    /// Certainly aborted, and aborted records are hidden from readers.
    Aborted,
    /// Its commit was never asked for, but its records may be seen, and why.
    Visible(String),
    /// Anything else, and why.
    Unknown(String),
}

impl TransactionEnd {
    /// What the history says of the transaction itself: without a request to commit it never will.
    pub(crate) fn outcome(&self) -> TxnOutcome {
        match self {
            TransactionEnd::Committed => TxnOutcome::Commit,
            TransactionEnd::Aborted | TransactionEnd::Visible(_) => TxnOutcome::Abort,
            TransactionEnd::Unknown(_) => TxnOutcome::Unknown,
        }
    }
}
