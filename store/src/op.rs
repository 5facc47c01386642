//! The field's words: operation, process, micro-operation, as they are recorded.
//!
//! An [`Event`] is one line of a history and borrows all that it holds, so that recording one
//! allocates nothing. What comes back from disk is a [`crate::batch::Batch`] of columns instead.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// Who performs an operation: a logical thread with at most one operation in flight.
///
/// After an `info` completion a process is retired and its slot goes on under a new number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Process(pub u32);

impl Process {
    /// The nemesis, written `"nemesis"` on disk.
    pub const NEMESIS: Process = Process(u32::MAX);
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Process::NEMESIS { f.write_str("nemesis") } else { write!(f, "{}", self.0) }
    }
}

/// What an event says of its operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum OpType {
    /// The operation begins.
    Invoke,
    /// It happened.
    Ok,
    /// It certainly did not happen, and never will.
    Fail,
    /// It may or may not have happened, or may still happen.
    Info,
}

impl OpType {
    /// The word on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            OpType::Invoke => "invoke",
            OpType::Ok => "ok",
            OpType::Fail => "fail",
            OpType::Info => "info",
        }
    }
}

/// How much the client library knows of a message that it reports on: librdkafka's
/// `rd_kafka_message_status`, recorded beside every completion of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersistenceStatus {
    /// Never transmitted, or refused by the broker before the append.
    NotPersisted,
    /// Transmitted, and no answer tells what became of it.
    PossiblyPersisted,
    /// The broker acknowledged it.
    Persisted,
}

impl PersistenceStatus {
    /// The word on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            PersistenceStatus::NotPersisted => "not-persisted",
            PersistenceStatus::PossiblyPersisted => "possibly-persisted",
            PersistenceStatus::Persisted => "persisted",
        }
    }
}

/// Which records a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// All records up to the high watermark.
    ReadUncommitted,
    /// Records of committed transactions, up to the last stable offset.
    ReadCommitted,
}

impl Isolation {
    /// The word on disk, and the client library's value of `isolation.level` with `_` for `-`.
    pub fn as_str(self) -> &'static str {
        match self {
            Isolation::ReadUncommitted => "read-uncommitted",
            Isolation::ReadCommitted => "read-committed",
        }
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TxnOutcome {
    /// It certainly committed.
    Commit,
    /// It certainly did not commit, and never will.
    Abort,
    /// Nobody knows.
    Unknown,
}

impl TxnOutcome {
    /// The word on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            TxnOutcome::Commit => "commit",
            TxnOutcome::Abort => "abort",
            TxnOutcome::Unknown => "unknown",
        }
    }

    /// The outcome of this word.
    pub(crate) fn of(word: &str) -> Option<TxnOutcome> {
        Some(match word {
            "commit" => TxnOutcome::Commit,
            "abort" => TxnOutcome::Abort,
            "unknown" => TxnOutcome::Unknown,
            _ => return None,
        })
    }
}

/// The transaction that a send belongs to, where every send is an operation of its own.
#[derive(Debug, Clone, Copy)]
pub struct Txn<'a> {
    /// Names the transaction: all sends with this id are one transaction.
    pub id: &'a str,
    /// The producer id that the coordinator gave.
    pub producer_id: Option<i64>,
    /// The producer epoch.
    pub epoch: Option<i32>,
    /// What became of it, where the client had asked for its end.
    pub outcome: Option<TxnOutcome>,
}

/// One record as a poll saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its offset in the partition.
    pub offset: i64,
    /// The value in its payload; `None` if the payload's checksum or form was wrong.
    pub value: Option<u64>,
}

/// One micro-operation of a send, poll or transaction. Keys are `<topic>-<partition>`.
#[derive(Debug, Clone, Copy)]
pub enum Mop<'a> {
    /// `["send", key, value]`, completed as `["send", key, [offset, value]]`.
    Send {
        /// The partition.
        key: &'a str,
        /// The value, unique in its key.
        value: u64,
        /// The acknowledged offset. `Some(None)` writes `[null, value]`: acknowledged, offset unknown.
        offset: Option<Option<i64>>,
    },
    /// `["poll"]`, completed as `["poll", {key: [[offset, value], ...]}]`.
    Poll(Option<&'a [(&'a str, &'a [Record])]>),
}

/// What an event carries under `"value"`.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// `null`.
    None,
    /// A list of micro-operations.
    Mops(&'a [Mop<'a>]),
    /// Any other value, already JSON (one line, no line break inside).
    Json(&'a str),
}

/// The start and end of a partition's log, as an `offsets` operation completes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBounds {
    /// The first readable offset (low watermark).
    pub start: i64,
    /// One past the last readable record (last stable offset), where the client learned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<i64>,
    /// One past the last record (high watermark).
    pub end: i64,
    /// The leader epoch that answered, where the client learned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i32>,
}

/// One line of a history, ready to be recorded. [`Event::new`] fills the optional fields with nothing.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Before the client call for an invocation, after its completion for everything else.
    pub time: Nanos,
    /// Who.
    pub process: Process,
    /// Invocation or kind of completion.
    pub op_type: OpType,
    /// The function: `send`, `poll`, `offsets`, or a fault's name for the nemesis.
    pub f: &'a str,
    /// The arguments, or the result.
    pub value: Payload<'a>,
    /// Optional fields.
    pub more: More<'a>,
}

/// The optional fields of a history line; absent ones are not written.
#[derive(Debug, Clone, Copy, Default)]
pub struct More<'a> {
    /// The client connection that several processes share.
    pub client: Option<u32>,
    /// How often that client was restarted.
    pub incarnation: Option<u32>,
    /// The order of the client's produce calls, counted a client incarnation.
    pub seq: Option<u64>,
    /// The intended time of an open-loop send.
    pub due: Option<Nanos>,
    /// The broker that served it.
    pub node: Option<i32>,
    /// Why it did not complete with ok.
    pub error: Option<&'a str>,
    /// The client library's persistence status.
    pub status: Option<PersistenceStatus>,
    /// The reader's isolation level.
    pub isolation: Option<Isolation>,
    /// An acks=0 send: "ok" says only that it left the client.
    pub unacked: bool,
    /// Part of the consume-all pass.
    pub final_pass: bool,
    /// The transaction that the send belongs to.
    pub txn: Option<Txn<'a>>,
    /// Joins a fault's start and its heal.
    pub fault: Option<u32>,
    /// Where the consumer stands after a poll: the next offset it will read, by key.
    pub position: &'a [(&'a str, i64)],
    /// Keys whose end the poll reached.
    pub eof: &'a [&'a str],
}

impl<'a> Event<'a> {
    /// An event with no optional field.
    pub fn new(time: Nanos, process: Process, op_type: OpType, f: &'a str, value: Payload<'a>) -> Event<'a> {
        Event { time, process, op_type, f, value, more: More::default() }
    }

    /// The same event with these optional fields.
    pub fn with(self, more: More<'a>) -> Event<'a> {
        Event { more, ..self }
    }
}

/// `topic-partition`, the key of a partition in histories and reports.
pub fn key(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

/// Splits a key at its last hyphen into topic and partition; `None` where it is no such key.
pub fn split_key(key: &str) -> Option<(&str, i32)> {
    let (topic, partition) = key.rsplit_once('-')?;
    if topic.is_empty() || !partition.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((topic, partition.parse().ok()?))
}
