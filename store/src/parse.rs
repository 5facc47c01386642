//! Text of a history to a [`Batch`]: the hot path of every analysis.
//!
//! Lines are JSON objects with fields in any order; tribunal's own order is the quickest. A field that is not
//! known is passed over, so that other harnesses may add theirs.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHasher};

use crate::batch::{
    Batch, Extra, ExtraField, F, HASHED, KeyId, Line, MopKind, MopRow, NameId, Record, Span, TxnRow, ValueId,
};
use crate::frames::FRAME_LINES;
use crate::json::{Cursor, JsonError, JsonResult};
use crate::op::{Isolation, OpType, PersistenceStatus, Process, TxnOutcome};
use crate::time::Nanos;

/// Why a chunk could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line in the chunk, from 0.
    pub line: u64,
    /// The byte in that line, from 0.
    pub byte: u64,
    /// What is wrong there.
    pub reason: String,
}

/// Parses complete lines.
///
/// # Errors
/// At the first line that is not a history event, with its line and byte.
pub fn parse_lines(text: &[u8]) -> Result<Batch, LineError> {
    parse_into(text, Batch::default())
}

/// [`parse_lines`] into the memory of a batch that nobody needs any more.
///
/// # Errors
/// As [`parse_lines`].
pub(crate) fn parse_into(text: &[u8], mut used: Batch) -> Result<Batch, LineError> {
    used.clear();
    let mut parser = Parser { batch: used, ..Parser::default() };
    // A line of a history is rarely under 90 bytes, and most text is a frame.
    parser.batch.lines.reserve((text.len() / 90 + 1).min(FRAME_LINES as usize));
    let mut start = 0;
    let mut number = 0;
    while start < text.len() {
        let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |n| start + n);
        parser.line(&text[start..end], number).map_err(|JsonError { at, reason }| LineError {
            line: u64::from(number),
            byte: at as u64,
            reason,
        })?;
        start = end + 1;
        number += 1;
    }
    Ok(parser.batch)
}

#[derive(Default)]
struct Parser {
    batch: Batch,
    keys: Interner,
    names: Interner,
    txns: Interner,
    clocks: Interner,
}

/// Text to a small number. Most look-ups ask for what was just asked for.
#[derive(Default)]
struct Interner {
    ids: FxHashMap<Box<str>, u32>,
    recent: Vec<(Box<str>, u32)>,
}

impl Interner {
    #[inline]
    fn id(&mut self, text: &str, all: &mut Vec<String>) -> u32 {
        if let Some((_, id)) = self.recent.iter().find(|(t, _)| **t == *text) {
            return *id;
        }
        self.slow_id(text, all)
    }

    fn slow_id(&mut self, text: &str, all: &mut Vec<String>) -> u32 {
        let id = match self.ids.get(text) {
            Some(id) => *id,
            None => {
                let id = all.len() as u32;
                all.push(text.to_owned());
                self.ids.insert(text.into(), id);
                id
            }
        };
        // A handful of keys is usual; with more of them the map is quicker than a walk.
        if self.recent.len() < 8 {
            self.recent.push((text.into(), id));
        }
        id
    }
}

/// The fields of a line.
#[derive(Debug, Clone, Copy)]
enum Field {
    Index,
    Time,
    Process,
    Type,
    F,
    Value,
    Client,
    Incarnation,
    Seq,
    Due,
    Node,
    Status,
    Error,
    Isolation,
    Unacked,
    Final,
    Txn,
    Clock,
    Fault,
    Position,
    Eof,
    Extra(Extra),
    Unknown,
}

/// Takes one of these names if it comes next, and returns its field.
macro_rules! take_one {
    ($cursor:expr, $($name:literal => $field:expr),+) => {{
        $(if $cursor.literal(concat!("\"", $name, "\"").as_bytes()) {
            return Some($field);
        })+
    }};
}

/// A field whose name comes next as it is known, without escapes. The first letter says what it can be.
#[inline]
fn plain_field(cursor: &mut Cursor<'_>) -> Option<Field> {
    cursor.peek();
    match cursor.second()? {
        b'c' => take_one!(cursor, "client" => Field::Client, "clock" => Field::Clock),
        b'd' => take_one!(cursor, "due" => Field::Due),
        b'e' => take_one!(cursor, "error" => Field::Error, "eof" => Field::Eof),
        b'f' => take_one!(cursor, "f" => Field::F, "final" => Field::Final, "fault" => Field::Fault),
        b'g' => take_one!(cursor, "group" => Field::Extra(Extra::Group)),
        b'i' => take_one!(
            cursor, "index" => Field::Index, "incarnation" => Field::Incarnation, "isolation" => Field::Isolation
        ),
        b'k' => take_one!(cursor, "key" => Field::Extra(Extra::Key)),
        b'n' => take_one!(cursor, "node" => Field::Node),
        b'p' => take_one!(cursor, "process" => Field::Process, "position" => Field::Position),
        b'r' => take_one!(cursor, "rebalance-log" => Field::Extra(Extra::RebalanceLog)),
        b's' => take_one!(cursor, "seq" => Field::Seq, "status" => Field::Status),
        b't' => take_one!(cursor, "time" => Field::Time, "type" => Field::Type, "txn" => Field::Txn),
        b'u' => take_one!(cursor, "unacked" => Field::Unacked),
        b'v' => take_one!(cursor, "value" => Field::Value),
        _ => {}
    }
    None
}

/// A field's name.
#[inline]
fn field(cursor: &mut Cursor<'_>) -> JsonResult<Field> {
    if let Some(field) = plain_field(cursor) {
        return Ok(field);
    }
    Ok(match cursor.string()? {
        // Escapes may spell a name that is known.
        Cow::Owned(name) => {
            plain_field(&mut Cursor::new(format!("\"{name}\"").as_bytes())).unwrap_or(Field::Unknown)
        }
        Cow::Borrowed(_) => Field::Unknown,
    })
}

/// What a line's object has named so far.
#[derive(Default)]
struct Seen<'a> {
    time: bool,
    process: bool,
    op_type: bool,
    f: bool,
    index: Option<u64>,
    /// The value's text and place, where it came before `f`.
    value: Option<(&'a str, usize)>,
}

impl Parser {
    fn line(&mut self, text: &[u8], number: u32) -> JsonResult<()> {
        let mut cursor = Cursor::new(text);
        if cursor.peek().is_none() {
            return Ok(());
        }
        cursor.expect(b'{')?;
        let mut line = Line { number, ..Line::EMPTY };
        let mut seen = Seen::default();
        if !cursor.take(b'}') {
            loop {
                let field = field(&mut cursor)?;
                cursor.expect(b':')?;
                self.field(field, &mut cursor, &mut line, &mut seen)?;
                if !cursor.more(b'}')? {
                    break;
                }
            }
        }
        cursor.end()?;
        for (present, name) in
            [(seen.time, "time"), (seen.process, "process"), (seen.op_type, "type"), (seen.f, "f")]
        {
            if !present {
                return cursor.error(format!("the event has no \"{name}\""));
            }
        }
        if let Some((raw, at)) = seen.value {
            let mut value = Cursor::new(raw.as_bytes());
            self.value(&mut value, &mut line).map_err(|e| JsonError { at: e.at + at, ..e })?;
        }
        let is_first = self.batch.lines.is_empty();
        if let Err(reason) = self.batch.numbering.next(seen.index, is_first) {
            return Err(JsonError { at: 0, reason });
        }
        self.batch.lines.push(line);
        Ok(())
    }

    #[inline]
    fn field<'a>(
        &mut self,
        field: Field,
        cursor: &mut Cursor<'a>,
        line: &mut Line,
        seen: &mut Seen<'a>,
    ) -> JsonResult<()> {
        match field {
            Field::Index if cursor.null() => {}
            Field::Index => seen.index = Some(cursor.u64()?),
            Field::Time => {
                line.time = Nanos(cursor.u64()?);
                seen.time = true;
            }
            Field::Process => {
                line.process = process(cursor)?;
                seen.process = true;
            }
            Field::Type => {
                line.op_type = op_type(cursor)?;
                seen.op_type = true;
            }
            Field::F => {
                line.f = self.function(cursor)?;
                seen.f = true;
            }
            Field::Value if seen.f => self.value(cursor, line)?,
            Field::Value => {
                cursor.peek();
                let at = cursor.position();
                seen.value = Some((cursor.raw()?, at));
            }
            Field::Unknown => {
                cursor.raw()?;
            }
            _ if cursor.null() => {}
            Field::Extra(extra) => {
                let text = cursor.raw()?.to_owned();
                self.batch.extras.push(ExtraField { number: line.number, extra, text });
            }
            Field::Client => line.client = small(cursor)?,
            Field::Incarnation => line.incarnation = small(cursor)?,
            Field::Fault => line.fault = small(cursor)?,
            Field::Seq => line.seq = cursor.u64()?,
            Field::Due => line.due = cursor.u64()?,
            Field::Node => {
                let node = cursor.i64()?;
                let Ok(node) = i32::try_from(node) else {
                    return cursor.error(format!("node {node} is no broker id"));
                };
                line.node = node;
            }
            Field::Error => {
                let text = match cursor.peek() {
                    Some(b'"') => cursor.string()?,
                    _ => Cow::Borrowed(cursor.raw()?),
                };
                line.error = self.names.id(&text, &mut self.batch.names);
            }
            Field::Status => line.status = Some(status(cursor)?),
            Field::Isolation => line.isolation = Some(isolation(cursor)?),
            Field::Unacked => line.unacked = cursor.boolean()?,
            Field::Final => line.final_pass = cursor.boolean()?,
            Field::Txn => self.txn(cursor, line)?,
            Field::Clock => {
                let name = clock(cursor)?;
                self.clocks.id(&name, &mut self.batch.clocks);
                self.batch.clocked += 1;
            }
            Field::Position => self.positions(cursor, line)?,
            Field::Eof => self.eofs(cursor, line)?,
        }
        Ok(())
    }

    #[inline]
    fn function(&mut self, cursor: &mut Cursor<'_>) -> JsonResult<F> {
        // These two are nearly every line.
        if cursor.literal(b"\"send\"") {
            return Ok(F::Send);
        }
        if cursor.literal(b"\"poll\"") {
            return Ok(F::Poll);
        }
        Ok(match &*cursor.string()? {
            "send" => F::Send,
            "poll" => F::Poll,
            "txn" => F::Txn,
            "offsets" => F::Offsets,
            "assign" => F::Assign,
            "subscribe" => F::Subscribe,
            "seek" => F::Seek,
            "crash" => F::Crash,
            "commit" => F::Commit,
            "rebalance" => F::Rebalance,
            other => F::Other(NameId(self.names.id(other, &mut self.batch.names))),
        })
    }

    #[inline]
    fn key(&mut self, cursor: &mut Cursor<'_>) -> JsonResult<KeyId> {
        let text = match cursor.peek() {
            Some(b'"') => cursor.string()?,
            Some(b'0'..=b'9' | b'-') => Cow::Owned(cursor.i64()?.to_string()),
            _ => return cursor.error("a key is a string or a whole number"),
        };
        Ok(KeyId(self.keys.id(&text, &mut self.batch.keys)))
    }

    #[inline]
    fn value(&mut self, cursor: &mut Cursor<'_>, line: &mut Line) -> JsonResult<()> {
        if cursor.null() {
            return Ok(());
        }
        if matches!(line.f, F::Send | F::Poll | F::Txn) {
            return self.mops(cursor, line);
        }
        line.value = self.batch.values.len() as u32;
        let raw = cursor.raw()?;
        self.batch.values.push(raw.to_owned());
        Ok(())
    }

    fn mops(&mut self, cursor: &mut Cursor<'_>, line: &mut Line) -> JsonResult<()> {
        let start = self.batch.mops.len() as u32;
        cursor.expect(b'[')?;
        if !cursor.take(b']') {
            loop {
                self.mop(cursor)?;
                if !cursor.more(b']')? {
                    break;
                }
            }
        }
        line.mops = Span { start, end: self.batch.mops.len() as u32 };
        Ok(())
    }

    fn mop(&mut self, cursor: &mut Cursor<'_>) -> JsonResult<()> {
        cursor.expect(b'[')?;
        let send = cursor.literal(b"\"send\"")
            || word(cursor, "the micro-operation", "send or poll", |word| match word {
                "send" => Some(true),
                "poll" => Some(false),
                _ => None,
            })?;
        match send {
            true => {
                cursor.expect(b',')?;
                let key = self.key(cursor)?;
                cursor.expect(b',')?;
                let (offset, value) = if cursor.take(b'[') {
                    let offset = if cursor.null() { None } else { Some(cursor.i64()?) };
                    cursor.expect(b',')?;
                    let value = value_id(cursor)?;
                    cursor.expect(b']')?;
                    (offset, value)
                } else {
                    (None, value_id(cursor)?)
                };
                let records = Span::default();
                self.batch.mops.push(MopRow { kind: MopKind::Send, key, value, offset, records });
            }
            false => {
                if cursor.take(b',') && !cursor.null() {
                    self.polled(cursor)?;
                }
            }
        }
        cursor.expect(b']')
    }

    fn polled(&mut self, cursor: &mut Cursor<'_>) -> JsonResult<()> {
        cursor.expect(b'{')?;
        if cursor.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key(cursor)?;
            cursor.expect(b':')?;
            cursor.expect(b'[')?;
            let start = self.batch.records.len() as u32;
            if !cursor.take(b']') {
                loop {
                    cursor.expect(b'[')?;
                    let offset = cursor.i64()?;
                    cursor.expect(b',')?;
                    let value = if cursor.null() { None } else { Some(value_id(cursor)?) };
                    if cursor.take(b',') && !cursor.null() {
                        cursor.i64()?;
                    }
                    cursor.expect(b']')?;
                    self.batch.records.push(Record { offset, value });
                    if !cursor.more(b']')? {
                        break;
                    }
                }
            }
            let records = Span { start, end: self.batch.records.len() as u32 };
            self.batch.mops.push(MopRow { kind: MopKind::Poll, key, value: 0, offset: None, records });
            if !cursor.more(b'}')? {
                return Ok(());
            }
        }
    }

    #[cold]
    fn txn(&mut self, cursor: &mut Cursor<'_>, line: &Line) -> JsonResult<()> {
        let (id, rest) = txn(cursor)?;
        let id = self.txns.id(&id, &mut self.batch.txn_ids);
        // A field that stands twice in its line counts as it stands last.
        self.batch.txns.pop_if(|before| before.line == line.number);
        self.batch.txns.push(TxnRow { line: line.number, id, ..rest });
        Ok(())
    }

    fn positions(&mut self, cursor: &mut Cursor<'_>, line: &mut Line) -> JsonResult<()> {
        let start = self.batch.positions.len() as u32;
        cursor.expect(b'{')?;
        if !cursor.take(b'}') {
            loop {
                let key = self.key(cursor)?;
                cursor.expect(b':')?;
                let offset = cursor.i64()?;
                self.batch.positions.push((key, offset));
                if !cursor.more(b'}')? {
                    break;
                }
            }
        }
        line.positions = Span { start, end: self.batch.positions.len() as u32 };
        Ok(())
    }

    fn eofs(&mut self, cursor: &mut Cursor<'_>, line: &mut Line) -> JsonResult<()> {
        let start = self.batch.eofs.len() as u32;
        cursor.expect(b'[')?;
        if !cursor.take(b']') {
            loop {
                let key = self.key(cursor)?;
                self.batch.eofs.push(key);
                if !cursor.more(b']')? {
                    break;
                }
            }
        }
        line.eofs = Span { start, end: self.batch.eofs.len() as u32 };
        Ok(())
    }
}

#[inline]
fn value_id(cursor: &mut Cursor<'_>) -> JsonResult<ValueId> {
    if matches!(cursor.peek(), Some(b'0'..=b'9')) {
        let at = cursor.position();
        match cursor.u64() {
            Ok(n) if n < HASHED => return Ok(n),
            _ => cursor.go_to(at),
        }
    }
    let raw = cursor.raw()?;
    let same = match raw.as_bytes().first() {
        Some(b'"') if !raw.contains('\\') => None,
        // Digits say more than a floating-point number holds.
        Some(b'0'..=b'9' | b'-') if raw[1..].bytes().all(|b| b.is_ascii_digit()) => None,
        // What another serializer writes otherwise is the same value.
        _ => serde_json::from_str::<serde_json::Value>(raw).ok(),
    };
    Ok(same.map_or_else(|| hash_value(raw), |value| hash_value(&value.to_string())))
}

/// Equal texts, equal ids.
fn hash_value(text: &str) -> ValueId {
    let mut hasher: FxHasher = FxBuildHasher.build_hasher();
    hasher.write(text.as_bytes());
    let first = hasher.finish();
    // Fx alone mixes its last word weakly.
    hasher.write_u64(first.rotate_left(29) ^ 0x9e37_79b9_7f4a_7c15);
    hasher.finish() | HASHED
}

/// The name of a clock. A whole number and its text are the same.
pub(crate) fn clock<'a>(cursor: &mut Cursor<'a>) -> JsonResult<Cow<'a, str>> {
    match cursor.peek() {
        Some(b'"') => cursor.string(),
        Some(b'0'..=b'9' | b'-') => Ok(Cow::Owned(cursor.i64()?.to_string())),
        _ => cursor.error("a clock is named by a string or a whole number"),
    }
}

/// What a process may be.
const PROCESS: &str = "a whole number from 0 to 4294967294, or \"nemesis\"";

fn process(cursor: &mut Cursor<'_>) -> JsonResult<Process> {
    if cursor.peek() == Some(b'"') {
        return word(cursor, "process", PROCESS, |word| (word == "nemesis").then_some(Process::NEMESIS));
    }
    let n = cursor.u64()?;
    match u32::try_from(n) {
        Ok(n) if Process(n) != Process::NEMESIS => Ok(Process(n)),
        _ => cursor.error(format!("process is {n}; it must be {PROCESS}")),
    }
}

fn op_type(cursor: &mut Cursor<'_>) -> JsonResult<OpType> {
    if cursor.literal(b"\"invoke\"") {
        return Ok(OpType::Invoke);
    }
    if cursor.literal(b"\"ok\"") {
        return Ok(OpType::Ok);
    }
    word(cursor, "type", "invoke, ok, fail or info", |word| {
        Some(match word {
            "invoke" => OpType::Invoke,
            "ok" => OpType::Ok,
            "fail" => OpType::Fail,
            "info" => OpType::Info,
            _ => return None,
        })
    })
}

/// One of a few words; `field` is what errors call it.
#[inline]
fn word<T>(
    cursor: &mut Cursor<'_>,
    field: &str,
    allowed: &str,
    known: impl Fn(&str) -> Option<T>,
) -> JsonResult<T> {
    cursor.peek();
    let at = cursor.position();
    let text = cursor.string()?;
    match known(&text) {
        Some(word) => Ok(word),
        None => {
            cursor.go_to(at);
            cursor.error(format!("{field} is \"{text}\"; it must be {allowed}"))
        }
    }
}

fn status(cursor: &mut Cursor<'_>) -> JsonResult<PersistenceStatus> {
    word(cursor, "status", "not-persisted, possibly-persisted or persisted", |word| {
        Some(match word {
            "not-persisted" => PersistenceStatus::NotPersisted,
            "possibly-persisted" => PersistenceStatus::PossiblyPersisted,
            "persisted" => PersistenceStatus::Persisted,
            _ => return None,
        })
    })
}

fn isolation(cursor: &mut Cursor<'_>) -> JsonResult<Isolation> {
    word(cursor, "isolation", "read-uncommitted or read-committed", |word| {
        Some(match word {
            "read-uncommitted" => Isolation::ReadUncommitted,
            "read-committed" => Isolation::ReadCommitted,
            _ => return None,
        })
    })
}

/// A transaction's id, and the rest of what its object says. Members of other names are passed over.
pub(crate) fn txn<'a>(cursor: &mut Cursor<'a>) -> JsonResult<(Cow<'a, str>, TxnRow)> {
    let mut id = None;
    let mut row = TxnRow { line: 0, id: 0, producer_id: None, epoch: None, outcome: None };
    cursor.peek();
    let at = cursor.position();
    cursor.expect(b'{')?;
    if !cursor.take(b'}') {
        loop {
            let name = cursor.string()?;
            cursor.expect(b':')?;
            match &*name {
                "id" => {
                    id = Some(match cursor.peek() {
                        Some(b'"') => cursor.string()?,
                        Some(b'0'..=b'9' | b'-') => Cow::Owned(cursor.i64()?.to_string()),
                        _ => return cursor.error("a transaction's id is a string or a whole number"),
                    });
                }
                "producer_id" | "epoch" | "outcome" if cursor.null() => {}
                "producer_id" => row.producer_id = Some(cursor.i64()?),
                "epoch" => {
                    let epoch = cursor.i64()?;
                    let Ok(epoch) = i32::try_from(epoch) else {
                        return cursor.error(format!("{epoch} is no producer epoch"));
                    };
                    row.epoch = Some(epoch);
                }
                "outcome" => {
                    let allowed = "commit, abort or unknown";
                    row.outcome = Some(word(cursor, "a transaction's outcome", allowed, TxnOutcome::of)?);
                }
                _ => {
                    cursor.raw()?;
                }
            }
            if !cursor.more(b'}')? {
                break;
            }
        }
    }
    match id {
        Some(id) => Ok((id, row)),
        None => {
            cursor.go_to(at);
            cursor.error("the transaction has no \"id\"")
        }
    }
}

/// A number below the sentinel.
fn small(cursor: &mut Cursor<'_>) -> JsonResult<u32> {
    let n = cursor.u64()?;
    match u32::try_from(n) {
        Ok(n) if n != crate::batch::NONE => Ok(n),
        _ => cursor.error(format!("{n} is too large")),
    }
}
