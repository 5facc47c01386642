//! From lines to operations: chunks of text are parsed in parallel, then paired in order.
//!
//! [`map_lines`] is a pure function of one chunk, for [`store::chunks::map_chunks`] to drive;
//! [`Builder::push`] takes the chunks in the file's order and joins each completion to the invocation of
//! its process.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use store::convert::ConvertError;
use store::op::OpType;
use store::parse::LineError;
use store::reader::ReadError;

use super::history::{Foreign, History, Traits};
use super::line::{self, Row};
use super::op::{Effect, F, Op};
use super::value::{Tables, Value};
use crate::words::count;

/// Why a history cannot be judged by a model. Lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read, or a line is no event.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An EDN history cannot be read.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// An operation of an EDN history is no event.
    #[error("operation {line}: {reason}")]
    Operation {
        /// Which one, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Lines are counted in 32 bits.
    #[error("the history has more than {} lines; split it by key", u32::MAX)]
    TooLong,
    /// A process invoked while its last operation was open.
    #[error(
        "line {line}: process {process} invokes, but its operation of line {open} has not completed; \
             a process has one operation at a time"
    )]
    Overlap {
        /// The second invocation.
        line: u32,
        /// Whose.
        process: u32,
        /// The first invocation.
        open: u32,
    },
    /// A completion without an invocation.
    #[error(
        "line {line}: process {process} completes {f}, but no invocation of it is open; \
             is the history's beginning missing?"
    )]
    Orphan {
        /// The completion.
        line: u32,
        /// Whose.
        process: u32,
        /// Of which function.
        f: String,
    },
    /// A completion of another function than the invocation's.
    #[error("line {line}: process {process} completes {f}, but invoked {invoked} at line {open}")]
    Mismatch {
        /// The completion.
        line: u32,
        /// Whose.
        process: u32,
        /// Its function.
        f: String,
        /// The invocation's function.
        invoked: String,
        /// The invocation.
        open: u32,
    },
    /// Time runs backwards within one operation.
    #[error(
        "line {line}: process {process} completes at {returned} ns, before its invocation of line {open} at {invoked} ns"
    )]
    Backwards {
        /// The completion.
        line: u32,
        /// Whose.
        process: u32,
        /// Nanoseconds.
        returned: u64,
        /// The invocation.
        open: u32,
        /// Nanoseconds.
        invoked: u64,
    },
}

/// The rows of one chunk of lines; their lines count from 0.
#[derive(Debug, Default)]
pub struct Chunk {
    rows: Vec<Row>,
    tables: Tables,
    lines: u64,
}

/// Parses a chunk of whole lines. Blank lines are passed over.
///
/// # Errors
/// The first damaged line, by its number in the chunk.
pub fn map_lines(text: &[u8]) -> Result<Chunk, LineError> {
    let mut chunk = Chunk::default();
    for (number, bytes) in (0..).zip(text.split_inclusive(|&b| b == b'\n')) {
        chunk.lines += 1;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match line::parse(bytes.trim_ascii(), number, &mut chunk.tables) {
            Ok(row) => chunk.rows.push(row),
            Err(reason) => {
                let (reason, byte) = place(reason);
                return Err(LineError { line: u64::from(number), byte, reason });
            }
        }
    }
    Ok(chunk)
}

/// Where `serde_json` says that something is wrong, which knows one line only: the reason without it, and the byte from 0.
fn place(reason: String) -> (String, u64) {
    let split = reason
        .rsplit_once(" at line 1 column ")
        .and_then(|(why, column)| Some((why, column.parse::<u64>().ok()?)));
    match split {
        Some((why, column)) => (why.to_owned(), column.saturating_sub(1)),
        None => (reason, 0),
    }
}

/// Joins chunks to a [`History`].
#[derive(Debug, Default)]
pub struct Builder {
    ops: Vec<Op>,
    tables: Tables,
    open: FxHashMap<u32, Open>,
    foreign: BTreeMap<String, Foreign>,
    lines: u64,
    untimed: bool,
    clocks: Vec<Value>,
    traits: Traits,
    /// How many operations began at the very time at which their process' last one ended, and the first one's line.
    ties: u64,
    tied: Option<u32>,
}

/// What a process has in flight.
#[derive(Debug, Clone, Copy)]
enum Open {
    /// Nothing: its last operation ended at this time.
    Nothing(u64),
    Known(u32),
    Foreign {
        name: Value,
        line: u32,
    },
}

impl Builder {
    /// Appends the chunk that follows the last one; its first line has number `first_line`, from 1.
    ///
    /// # Errors
    /// A completion that fits no invocation.
    pub fn push(&mut self, chunk: Chunk, first_line: u64) -> Result<(), LoadError> {
        self.lines += chunk.lines;
        let end = first_line + chunk.lines;
        u32::try_from(end).map_err(|_| LoadError::TooLong)?;
        let translation = self.tables.absorb(chunk.tables);
        for mut row in chunk.rows {
            row.line += first_line as u32;
            row.value = translation.apply(row.value);
            row.key = translation.apply(row.key);
            row.clock = translation.apply(row.clock);
            self.row(row)?;
        }
        Ok(())
    }

    fn row(&mut self, row: Row) -> Result<(), LoadError> {
        let Some(process) = row.process else { return Ok(()) };
        self.untimed |= row.time == Row::NO_TIME;
        if !self.clocks.contains(&row.clock) && self.clocks.len() < 2 {
            self.clocks.push(row.clock);
        }
        if row.op_type == OpType::Invoke {
            return self.invoke(row, process);
        }
        let slot = self.open.get_mut(&process);
        let open = slot.map_or(Open::Nothing(0), |open| std::mem::replace(open, Open::Nothing(row.time)));
        if row.op_type == OpType::Info {
            // Its process does not come back, and with many such the map would grow without end.
            self.open.remove(&process);
        }
        let op = match open {
            Open::Nothing(_) => {
                return Err(LoadError::Orphan { line: row.line, process, f: self.name(&row) });
            }
            Open::Foreign { name, .. } if row.f.is_none() && row.value == name => return Ok(()),
            Open::Known(op) if row.f == Some(self.ops[op as usize].f) => &mut self.ops[op as usize],
            _ => return Err(self.mismatch(&row, process, open)),
        };
        if op.invoked != Row::NO_TIME && row.time < op.invoked {
            return Err(LoadError::Backwards {
                line: row.line,
                process,
                returned: row.time,
                open: op.line,
                invoked: op.invoked,
            });
        }
        op.returned_line = row.line;
        match row.op_type {
            OpType::Ok => {
                (op.returned, op.out, op.effect) = (row.time, row.value, Effect::Happened);
                self.traits.answer(op.f, op.out);
                let updates = !matches!(op.f, F::Read | F::Dequeue | F::End);
                if updates && op.arg.is_null() {
                    op.arg = row.value;
                    self.traits.ask(op.f, op.key, op.arg);
                }
            }
            OpType::Fail => (op.returned, op.effect) = (row.time, Effect::Failed),
            OpType::Info | OpType::Invoke => {}
        }
        Ok(())
    }

    fn invoke(&mut self, row: Row, process: u32) -> Result<(), LoadError> {
        let open = match row.f {
            Some(f) => {
                self.traits.ask(f, row.key, row.value);
                self.ops.push(Op {
                    invoked: row.time,
                    returned: Op::NEVER,
                    key: row.key,
                    arg: row.value,
                    out: Value::NULL,
                    line: row.line,
                    returned_line: 0,
                    process,
                    f,
                    effect: Effect::Unknown,
                });
                Open::Known(self.ops.len() as u32 - 1)
            }
            None => {
                let name = self.name(&row);
                self.foreign.entry(name).or_insert(Foreign { count: 0, line: row.line }).count += 1;
                Open::Foreign { name: row.value, line: row.line }
            }
        };
        match self.open.insert(process, open) {
            None => Ok(()),
            Some(Open::Nothing(ended)) => {
                if ended == row.time && row.time != Row::NO_TIME {
                    self.tied.get_or_insert(row.line);
                    self.ties += 1;
                }
                Ok(())
            }
            Some(before) => Err(LoadError::Overlap { line: row.line, process, open: self.line_of(before) }),
        }
    }

    fn line_of(&self, open: Open) -> u32 {
        match open {
            Open::Nothing(_) => 0,
            Open::Known(op) => self.ops[op as usize].line,
            Open::Foreign { line, .. } => line,
        }
    }

    fn name(&self, row: &Row) -> String {
        match row.f {
            Some(f) => f.to_string(),
            None => self.tables.text(row.value).unwrap_or_default().trim_matches('"').to_owned(),
        }
    }

    fn mismatch(&self, row: &Row, process: u32, open: Open) -> LoadError {
        let invoked = match open {
            Open::Nothing(_) => String::new(),
            Open::Known(op) => self.ops[op as usize].f.to_string(),
            Open::Foreign { name, .. } => {
                self.tables.text(name).unwrap_or_default().trim_matches('"').to_owned()
            }
        };
        LoadError::Mismatch { line: row.line, process, f: self.name(row), invoked, open: self.line_of(open) }
    }

    /// The history: operations still open are unknown, and all are sorted by invocation. `warnings` are
    /// the reader's.
    pub fn finish(self, mut warnings: Vec<String>) -> History {
        if let Some(line) = self.tied.filter(|_| !self.untimed) {
            warnings.push(format!(
                "{} began at the very time at which their process' last operation had ended (the first at line {line}): \
                 operations of equal times count as concurrent, so that a coarse clock may hide what went wrong; \
                 without `time` the lines are the order",
                count(self.ties, "operation")
            ));
        }
        let mut ops = self.ops;
        if self.untimed {
            for op in &mut ops {
                op.invoked = u64::from(op.line);
                if op.effect != Effect::Unknown {
                    op.returned = u64::from(op.returned_line);
                }
            }
        }
        // Recorders may write lines slightly out of time order.
        if !ops.is_sorted_by_key(|op| op.invoked) {
            ops.sort_by_key(|op| op.invoked);
        }
        History {
            ops,
            tables: self.tables,
            foreign: self.foreign,
            lines: self.lines,
            timed: !self.untimed,
            clocks: self.clocks.len() as u32,
            apart: None,
            warnings,
            traits: self.traits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &str = r#"{"process":0,"type":"invoke","f":"write","value":1,"time":10}
{"process":1,"type":"invoke","f":"read","value":null,"time":5}
{"process":"nemesis","type":"info","f":"kill","value":"n1","time":6}

{"process":1,"type":"ok","f":"read","value":"x","time":20}
{"process":2,"type":"invoke","f":"sync","time":21}
{"process":2,"type":"ok","f":"sync","time":22}
{"process":0,"type":"info","f":"write","value":1,"time":30}
{"process":0,"type":"invoke","f":"write","value":2,"time":31}
"#;

    /// What a history says, line by line.
    fn digest(history: &History) -> Vec<String> {
        let show = |v| history.tables().show(v);
        let line = |op: &Op| {
            format!(
                "{} {} {}->{} {:?} {}-{}",
                op.process,
                op.f,
                show(op.arg),
                show(op.out),
                op.effect,
                op.line,
                op.returned_line
            )
        };
        history.ops().iter().map(line).collect()
    }

    #[test]
    fn completions_join_their_invocations() {
        let history = History::from_json_lines(HISTORY).unwrap();
        assert_eq!(
            digest(&history),
            ["1 read null->\"x\" Happened 2-5", "0 write 1->null Unknown 1-8", "0 write 2->null Unknown 9-0"]
        );
        assert_eq!(history.foreign()["sync"], Foreign { count: 1, line: 6 });
        assert_eq!((history.lines(), history.timed()), (9, true));
    }

    #[test]
    fn chunks_of_any_size_give_the_same_history() {
        let whole = digest(&History::from_json_lines(HISTORY).unwrap());
        let lines: Vec<&str> = HISTORY.split_inclusive('\n').collect();
        for size in 1..lines.len() {
            let mut builder = Builder::default();
            for (i, chunk) in lines.chunks(size).enumerate() {
                let mapped = map_lines(chunk.concat().as_bytes()).unwrap();
                builder.push(mapped, (i * size) as u64 + 1).unwrap();
            }
            assert_eq!(digest(&builder.finish(Vec::new())), whole);
        }
    }

    #[test]
    fn without_times_the_lines_are_the_order() {
        let history = History::from_json_lines(&HISTORY.replace(",\"time\":22", "")).unwrap();
        assert!(!history.timed());
        assert_eq!(history.ops().iter().map(|op| op.invoked).collect::<Vec<_>>(), [1, 2, 9]);
        assert_eq!(history.ops()[1].returned, 5);
    }

    #[test]
    fn what_cannot_be_paired_is_refused_with_its_line() {
        let invoke = r#"{"process":0,"type":"invoke","f":"write","value":1,"time":10}"#;
        for (second, message) in [
            (invoke, "line 2: process 0 invokes, but its operation of line 1"),
            (
                r#"{"process":1,"type":"ok","f":"read","time":11}"#,
                "line 2: process 1 completes read, but no invocation",
            ),
            (
                r#"{"process":0,"type":"ok","f":"read","time":11}"#,
                "completes read, but invoked write at line 1",
            ),
            (
                r#"{"process":0,"type":"ok","f":"sync","time":11}"#,
                "completes sync, but invoked write at line 1",
            ),
            (r#"{"process":0,"type":"ok","f":"write","time":9}"#, "completes at 9 ns, before its invocation"),
            ("{\"process\":0}", "line 2, byte 1: no field \"type\""),
            ("{\"process\":x}", "line 2, byte 12: no JSON object: expected value;"),
        ] {
            let error = History::from_json_lines(&format!("{invoke}\n{second}\n")).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
