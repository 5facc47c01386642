//! One chunk of a history in memory: parsed lines in columns, transitory, interned chunk by chunk.

use crate::op::{Isolation, OpType, PersistenceStatus, Process, TxnOutcome};
use crate::time::Nanos;

pub use crate::op::Record;

/// A chunk of consecutive history lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The number of the chunk's first line in the history, from 1.
    pub first_line: u64,
    /// What the lines say of their own numbers.
    pub numbering: Numbering,
    /// One element a line (blank lines have none).
    pub lines: Vec<Line>,
    /// Micro-operations of all lines.
    pub mops: Vec<MopRow>,
    /// Polled records of all micro-operations.
    pub records: Vec<Record>,
    /// Consumer positions of all lines: the next offset, by key.
    pub positions: Vec<(KeyId, i64)>,
    /// Keys whose end a poll reached, of all lines.
    pub eofs: Vec<KeyId>,
    /// The keys of this chunk; [`KeyId`] indexes it.
    pub keys: Vec<String>,
    /// Names of functions and error texts of this chunk; [`NameId`] indexes it.
    pub names: Vec<String>,
    /// Values that are no micro-operations, as JSON text; [`Line::value`] indexes it.
    pub values: Vec<String>,
    /// The transactions that lines name, in the order of these lines: few histories have any.
    pub txns: Vec<TxnRow>,
    /// The ids of this chunk's transactions; [`TxnRow::id`] indexes it.
    pub txn_ids: Vec<String>,
    /// The clocks that lines name.
    pub clocks: Vec<String>,
    /// How many lines name one.
    pub clocked: u32,
    /// Fields that few lines have, in the order of the lines.
    pub extras: Vec<ExtraField>,
}

/// The numbers (`index`) that a chunk's first and last lines give themselves, where they do. Between them none is
/// missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbering {
    /// Of the first line.
    pub first: Option<u64>,
    /// Of the last line.
    pub last: Option<u64>,
}

impl Numbering {
    /// Takes the next line's.
    ///
    /// # Errors
    /// If it does not follow: what is wrong.
    pub(crate) fn next(&mut self, index: Option<u64>, is_first: bool) -> Result<(), String> {
        if is_first {
            self.first = index;
        } else {
            follows(self.last, index)?;
        }
        self.last = index;
        Ok(())
    }
}

/// Whether one line's `index` may stand behind another's. A history that was cut and joined reads like a whole one, and
/// would be judged by what is left of it.
///
/// # Errors
/// If it may not: what is wrong, and what to do where that is on purpose.
pub(crate) fn follows(before: Option<u64>, after: Option<u64>) -> Result<(), String> {
    match (before, after) {
        (Some(before), Some(after)) if after != before + 1 => Err(format!(
            "its index is {after}, and that of the line before is {before}: lines are missing, doubled or out of order; \
             a history that was cut on purpose leaves \"index\" out"
        )),
        _ => Ok(()),
    }
}

/// The transaction that a line names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnRow {
    /// [`Line::number`] of the line.
    pub line: u32,
    /// Its id, in [`Batch::txn_ids`]. A whole number and its text are the same id.
    pub id: u32,
    /// The producer id that the coordinator gave.
    pub producer_id: Option<i64>,
    /// The producer epoch.
    pub epoch: Option<i32>,
    /// What became of it.
    pub outcome: Option<TxnOutcome>,
}

/// A field that few lines have, so that no line has room for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraField {
    /// [`Line::number`] of its line.
    pub number: u32,
    /// Which field.
    pub extra: Extra,
    /// Its value as JSON text, never `null`.
    pub text: String,
}

/// Which field that few lines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extra {
    /// `key`: which queue, register, ... an operation is about.
    Key,
    /// `group`: the consumer group.
    Group,
    /// `rebalance-log`: rebalances during a poll or a transaction, in the words of Jepsen's Kafka clients.
    RebalanceLog,
}

/// Index of a key in [`Batch::keys`]: good in its own batch only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// Index of a name in [`Batch::names`]: good in its own batch only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub u32);

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum F {
    /// Appends records.
    Send,
    /// Reads records.
    Poll,
    /// Several micro-operations in one transaction.
    Txn,
    /// Asks for the bounds of logs; completes with `{key: {start, end, ...}}`.
    Offsets,
    /// A consumer takes partitions by itself.
    Assign,
    /// A consumer joins a group.
    Subscribe,
    /// A consumer moves.
    Seek,
    /// A client dies.
    Crash,
    /// A consumer commits offsets.
    Commit,
    /// A group gives and takes partitions.
    Rebalance,
    /// Anything else: a fault of the nemesis, or another test's function.
    Other(NameId),
}

impl F {
    /// Its word in a history; `None` for [`F::Other`].
    pub fn as_str(self) -> Option<&'static str> {
        Some(match self {
            F::Send => "send",
            F::Poll => "poll",
            F::Txn => "txn",
            F::Offsets => "offsets",
            F::Assign => "assign",
            F::Subscribe => "subscribe",
            F::Seek => "seek",
            F::Crash => "crash",
            F::Commit => "commit",
            F::Rebalance => "rebalance",
            F::Other(_) => return None,
        })
    }
}

/// A value of a record: itself where it is a whole number below 2^63, else a hash with the top bit set.
///
/// Values of histories are unique numbers in practice; whatever else another harness wrote (strings,
/// negative numbers, lists) only needs to be told apart.
pub type ValueId = u64;

/// The bit that marks a hashed value.
pub const HASHED: u64 = 1 << 63;

/// One micro-operation: a send, or one key of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MopRow {
    /// Send or poll.
    pub kind: MopKind,
    /// The partition.
    pub key: KeyId,
    /// The value sent; meaningless for polls.
    pub value: ValueId,
    /// The acknowledged offset of a send, where the completion names one.
    pub offset: Option<i64>,
    /// A poll's records of this key, in [`Batch::records`].
    pub records: Span,
}

/// The kind of a micro-operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MopKind {
    /// An append.
    Send,
    /// A read.
    Poll,
}

/// A range of elements of one of the batch's columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub start: u32,
    /// One past the last.
    pub end: u32,
}

impl Span {
    /// For indexing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// How many.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One history line. Optional fields are packed with sentinels; the methods give them as options.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// When.
    pub time: Nanos,
    pub(crate) due: u64,
    pub(crate) seq: u64,
    /// Who.
    pub process: Process,
    /// The line's number less the batch's `first_line`.
    pub number: u32,
    pub(crate) client: u32,
    pub(crate) incarnation: u32,
    pub(crate) node: i32,
    pub(crate) fault: u32,
    pub(crate) error: u32,
    pub(crate) value: u32,
    /// Micro-operations, in [`Batch::mops`].
    pub mops: Span,
    /// Positions, in [`Batch::positions`].
    pub positions: Span,
    /// Ends reached, in [`Batch::eofs`].
    pub eofs: Span,
    /// What it does.
    pub f: F,
    /// Invocation or kind of completion.
    pub op_type: OpType,
    pub(crate) status: Option<PersistenceStatus>,
    pub(crate) isolation: Option<Isolation>,
    /// An acks=0 send.
    pub unacked: bool,
    /// Part of the consume-all pass.
    pub final_pass: bool,
}

pub(crate) const NONE: u32 = u32::MAX;

impl Line {
    pub(crate) const EMPTY: Line = Line {
        time: Nanos(0),
        due: u64::MAX,
        seq: u64::MAX,
        process: Process(0),
        number: 0,
        client: NONE,
        incarnation: NONE,
        node: i32::MIN,
        fault: NONE,
        error: NONE,
        value: NONE,
        mops: Span { start: 0, end: 0 },
        positions: Span { start: 0, end: 0 },
        eofs: Span { start: 0, end: 0 },
        f: F::Send,
        op_type: OpType::Invoke,
        status: None,
        isolation: None,
        unacked: false,
        final_pass: false,
    };

    /// The intended time of an open-loop send.
    pub fn due(&self) -> Option<Nanos> {
        (self.due != u64::MAX).then_some(Nanos(self.due))
    }

    /// The order of its client's produce calls.
    pub fn seq(&self) -> Option<u64> {
        (self.seq != u64::MAX).then_some(self.seq)
    }

    /// The client that its process shares.
    pub fn client(&self) -> Option<u32> {
        (self.client != NONE).then_some(self.client)
    }

    /// The client's restart.
    pub fn incarnation(&self) -> Option<u32> {
        (self.incarnation != NONE).then_some(self.incarnation)
    }

    /// The broker that served it.
    pub fn node(&self) -> Option<i32> {
        (self.node != i32::MIN).then_some(self.node)
    }

    /// The fault it begins or heals.
    pub fn fault(&self) -> Option<u32> {
        (self.fault != NONE).then_some(self.fault)
    }

    /// Its error's text, in [`Batch::names`].
    pub fn error(&self) -> Option<NameId> {
        (self.error != NONE).then_some(NameId(self.error))
    }

    /// Its value where that is no list of micro-operations, in [`Batch::values`]; `null` is none.
    pub fn value(&self) -> Option<usize> {
        (self.value != NONE).then_some(self.value as usize)
    }

    /// The client library's persistence status.
    pub fn status(&self) -> Option<PersistenceStatus> {
        self.status
    }

    /// The reader's isolation level.
    pub fn isolation(&self) -> Option<Isolation> {
        self.isolation
    }
}

impl Batch {
    /// Forgets the content and keeps the memory.
    pub(crate) fn clear(&mut self) {
        let Batch {
            first_line,
            numbering,
            lines,
            mops,
            records,
            positions,
            eofs,
            keys,
            names,
            values,
            txns,
            txn_ids,
            clocks,
            clocked,
            extras,
        } = self;
        (*first_line, *clocked) = (0, 0);
        *numbering = Numbering::default();
        lines.clear();
        mops.clear();
        records.clear();
        positions.clear();
        eofs.clear();
        keys.clear();
        names.clear();
        values.clear();
        txns.clear();
        txn_ids.clear();
        clocks.clear();
        extras.clear();
    }

    /// The text of a key.
    pub fn key(&self, id: KeyId) -> &str {
        &self.keys[id.0 as usize]
    }

    /// The text of a name.
    pub fn name(&self, id: NameId) -> &str {
        &self.names[id.0 as usize]
    }

    /// The number of a line in the history, from 1.
    pub fn line_number(&self, line: &Line) -> u64 {
        self.first_line + u64::from(line.number)
    }

    /// A line's value where it is no list of micro-operations, as JSON text.
    pub fn value_of(&self, line: &Line) -> Option<&str> {
        line.value().map(|i| self.values[i].as_str())
    }

    /// A field that few lines have, as JSON text.
    #[inline]
    pub fn extra_of(&self, line: &Line, extra: Extra) -> Option<&str> {
        if self.extras.is_empty() {
            return None;
        }
        let first = self.extras.partition_point(|field| field.number < line.number);
        let own = self.extras[first..].iter().take_while(|field| field.number == line.number);
        own.filter(|field| field.extra == extra).map(|field| field.text.as_str()).last()
    }

    /// A line's micro-operations.
    pub fn mops_of(&self, line: &Line) -> &[MopRow] {
        &self.mops[line.mops.range()]
    }

    /// The transaction that a line names, if it names one.
    #[inline]
    pub fn txn_of(&self, line: &Line) -> Option<&TxnRow> {
        if self.txns.is_empty() {
            return None;
        }
        let at = self.txns.binary_search_by_key(&line.number, |txn| txn.line).ok()?;
        Some(&self.txns[at])
    }

    /// A poll's records of one key.
    pub fn records_of(&self, mop: &MopRow) -> &[Record] {
        &self.records[mop.records.range()]
    }
}
