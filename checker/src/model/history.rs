//! A history as the models see it: operations in the order of their invocations, and their values.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use store::chunks::map_chunks;
use store::convert::{Notation, convert, is_edn};
use store::reader::Source;

use super::load::{Builder, LoadError, map_lines};
use super::op::{F, Op};
use super::value::{Tables, Value};
use crate::load::{nanos, stated};

/// Operations sorted by invocation. About 60 bytes an operation, values in [`Tables`] apart.
#[derive(Debug, Default, Clone)]
pub struct History {
    pub(super) ops: Vec<Op>,
    pub(super) tables: Tables,
    pub(super) foreign: BTreeMap<String, Foreign>,
    pub(super) lines: u64,
    pub(super) timed: bool,
    /// One, or more than one.
    pub(super) clocks: u32,
    /// How far these may be apart, ns; `None` where nobody said.
    pub(super) apart: Option<u64>,
    pub(super) warnings: Vec<String>,
    pub(super) traits: Traits,
}

/// What was noted of all operations while they were read, so that nobody need go over them for it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Traits {
    /// How many happened.
    pub(super) happened: u64,
    /// Whether any has a key.
    pub(super) keyed: bool,
    /// The functions, as bits, that were ever asked with a list, and answered with one.
    asked_lists: u16,
    answered_lists: u16,
}

impl Traits {
    /// Notes what an operation was asked.
    pub(super) fn ask(&mut self, f: F, key: Value, arg: Value) {
        self.keyed |= !key.is_null();
        self.asked_lists |= u16::from(arg.as_list().is_some()) << f as u8;
    }

    /// Notes what an operation that happened was answered.
    pub(super) fn answer(&mut self, f: F, out: Value) {
        self.happened += 1;
        self.answered_lists |= u16::from(out.as_list().is_some()) << f as u8;
    }

    /// Whether this function was ever asked with a list.
    pub(super) fn asked_list(&self, f: F) -> bool {
        self.asked_lists >> f as u8 & 1 == 1
    }

    /// Whether this function was ever asked with a list or answered with one.
    pub(super) fn any_list(&self, f: F) -> bool {
        (self.asked_lists | self.answered_lists) >> f as u8 & 1 == 1
    }
}

/// Operations of a function that no model knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// How many invocations.
    pub count: u64,
    /// The line of the first one.
    pub line: u32,
}

impl History {
    /// Reads a history on `threads` threads: JSON lines, compressed or not, or Jepsen's EDN.
    ///
    /// # Errors
    /// Damage with its line; a completion that fits no invocation.
    pub fn read(mut source: Source, threads: usize) -> Result<History, LoadError> {
        let mut builder = Builder::default();
        let warnings = if is_edn(&mut source)? {
            let mut lines = Lines { builder, text: Vec::new(), next: 1, failed: None };
            let converted = convert(source, threads, Notation::JsonLines, &mut lines, io::sink(), "memory");
            lines.take_rest();
            if let Some(error) = lines.failed {
                return Err(error);
            }
            builder = lines.builder;
            converted?.warnings
        } else {
            map_chunks(source, threads, map_lines, |chunk| builder.push(chunk.item, chunk.first_line))?
                .warnings
        };
        Ok(builder.finish(warnings))
    }

    /// Reads JSON lines that are in memory.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn from_json_lines(text: &str) -> Result<History, LoadError> {
        History::read(Source::bytes(text.as_bytes().to_vec()), 1)
    }

    /// States how far two of its clocks are ever apart: one operation came before another only if the gap between them
    /// is larger. A history of one clock stays as it is.
    #[must_use]
    pub fn with_clocks_apart(mut self, apart: Duration) -> History {
        if self.clocks > 1 && self.timed {
            self.apart = Some(nanos(apart));
            self.warnings.push(stated("several", apart));
        }
        self
    }

    /// The instant, in the count of [`super::spec::Call`], by which an operation that happened had returned by every
    /// clock.
    pub(super) fn returned(&self, op: &Op) -> u64 {
        let latest = op.returned.saturating_add(self.apart.unwrap_or(0));
        // One less than never.
        latest.saturating_add(1).min(u64::MAX - 1)
    }

    /// What a reader of the verdict must know of the file: a torn end that was dropped.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The operations, by invocation.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// What the operations' values refer to.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Operations that no model knows, by function.
    pub fn foreign(&self) -> &BTreeMap<String, Foreign> {
        &self.foreign
    }

    /// Lines read, the nemesis' included.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether every line carried a time; without, the order of the lines is the order in time.
    pub fn timed(&self) -> bool {
        self.timed
    }

    /// The first operation of each function that occurs.
    pub(super) fn functions(&self) -> BTreeMap<F, &Op> {
        let mut first = [None; F::ALL.len()];
        for op in &self.ops {
            first[op.f as usize].get_or_insert(op);
        }
        F::ALL.into_iter().filter_map(|f| first[f as usize].map(|op| (f, op))).collect()
    }
}

/// Converted lines on their way into a builder, about a megabyte at a time.
struct Lines {
    builder: Builder,
    text: Vec<u8>,
    /// The number of the first line in `text`.
    next: u64,
    failed: Option<LoadError>,
}

impl Lines {
    const CHUNK: usize = 1 << 20;

    /// Hands over the first `end` bytes, which are whole lines.
    fn take(&mut self, end: usize) -> Result<(), LoadError> {
        let rest = self.text.split_off(end);
        let text = std::mem::replace(&mut self.text, rest);
        let chunk = map_lines(&text)
            .map_err(|error| LoadError::Operation { line: self.next + error.line, reason: error.reason })?;
        let first = self.next;
        self.next += text.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.builder.push(chunk, first)
    }

    fn take_rest(&mut self) {
        if self.failed.is_none() {
            self.failed = self.take(self.text.len()).err();
        }
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if self.text.len() > Lines::CHUNK
            && let Some(last) = self.text.iter().rposition(|&byte| byte == b'\n')
            && let Err(error) = self.take(last + 1)
        {
            self.failed = Some(error);
            return Err(io::Error::other("the history is refused"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jepsens_notation_gives_the_same_operations() {
        let edn = "{:index 0, :time 10, :type :invoke, :process 0, :f :cas, :value [1 2]}\n\
                   {:index 1, :time 12, :type :invoke, :process 1, :f :read, :value nil}\n\
                   {:index 2, :time 15, :type :ok, :process 0, :f :cas, :value [1 2]}\n\
                   {:index 3, :time 16, :type :info, :process 1, :f :read, :value nil, :error :timeout}\n";
        let json = "{\"time\":10,\"type\":\"invoke\",\"process\":0,\"f\":\"cas\",\"value\":[1,2]}\n\
                    {\"time\":12,\"type\":\"invoke\",\"process\":1,\"f\":\"read\",\"value\":null}\n\
                    {\"time\":15,\"type\":\"ok\",\"process\":0,\"f\":\"cas\",\"value\":[1,2]}\n\
                    {\"time\":16,\"type\":\"info\",\"process\":1,\"f\":\"read\",\"value\":null}\n";
        let read = |text: &str| {
            let history = History::read(Source::bytes(text.as_bytes().to_vec()), 2).unwrap();
            let tables = &history.tables;
            let ops = history.ops.iter().map(|op| {
                let Op { f, effect, line, returned_line, .. } = op;
                format!("{f} {} {effect:?} {line}-{returned_line} {}", tables.show(op.arg), op.invoked)
            });
            ops.collect::<Vec<_>>()
        };
        assert_eq!(read(edn), read(json));
        assert_eq!(read(edn)[0], "cas [1,2] Happened 1-3 10");
    }
}
