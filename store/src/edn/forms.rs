//! A chunk of EDN text to operations, as far as the chunk holds them whole.

use crate::batch::Batch;
use crate::fields::Fields;
use crate::parse::parse_lines;

use super::detect::Layout;
use super::operation::operation;
use super::token::{Cursor, Stop};

/// Where in the text the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// Before the bracket that opens the history.
    Before,
    /// Between operations.
    Inside,
    /// Behind the bracket that closes it.
    After,
}

impl Stand {
    pub(super) fn at_start(layout: Layout) -> Stand {
        if layout.closer.is_some() { Stand::Before } else { Stand::Inside }
    }
}

/// Operations in a row.
#[derive(Debug, Default)]
pub(crate) struct Ops {
    /// Their columns. Numbers count from the first line of the chunk.
    pub(crate) batch: Batch,
    /// The same as history lines, and where in each `"process"` begins; empty unless they were asked for.
    pub(crate) json: Vec<u8>,
    /// See `json`.
    pub(crate) tails: Vec<usize>,
    /// How many of them have no time.
    pub(crate) timeless: usize,
}

/// What was wrong, and where in the chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The line, from 0.
    pub(super) line: u64,
    /// The byte in that line, from 0.
    pub(super) byte: u64,
    /// In words.
    pub(super) reason: String,
}

/// What a chunk holds.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) ops: Ops,
    /// Where the form begins that the chunk's end cuts; the chunk's length where it cuts none.
    pub(super) rest: usize,
    /// The line of `rest`, from 0.
    pub(super) rest_line: u64,
    pub(super) stand: Stand,
}

/// Reads whole operations from a place between two of them.
pub(super) fn forms(text: &[u8], layout: Layout, stand: Stand, keep_json: bool) -> Result<Reading, Wrong> {
    let mut reader = Reader {
        cursor: Cursor::new(text),
        fields: Fields::default(),
        json: Vec::with_capacity(text.len() + text.len() / 8),
        marks: Vec::with_capacity(text.len() / 80 + 1),
        timeless: 0,
        layout,
        stand,
    };
    let mut rest = 0;
    let stopped = loop {
        match reader.step() {
            Ok(true) => rest = reader.cursor.at,
            Ok(false) => {
                rest = text.len();
                break None;
            }
            Err(Stop::Incomplete) => break None,
            Err(Stop::Wrong(fault)) => break Some((fault.at, fault.reason)),
        }
    };
    let mut batch = parse_lines(&reader.json).map_err(|e| {
        let mark = reader.marks[e.line as usize].at;
        wrong_at(text, reader.locate(mark, e.byte as usize), e.reason)
    })?;
    if let Some((at, reason)) = stopped {
        return Err(wrong_at(text, at, reason));
    }
    let mut last = None;
    let (mut at, mut line) = (0, 0);
    for (row, mark) in batch.lines.iter_mut().zip(&reader.marks) {
        line += memchr::memchr_iter(b'\n', &text[at..mark.at]).count() as u32;
        at = mark.at;
        // Operations that share a line are numbered on from it: a number names one operation.
        row.number = line.max(last.map_or(0, |last: u32| last + 1));
        last = Some(row.number);
    }
    let rest_line = u64::from(line) + memchr::memchr_iter(b'\n', &text[at..rest]).count() as u64;
    let Reader { json, marks, timeless, stand, .. } = reader;
    let ops = if keep_json {
        Ops { batch, json, tails: marks.iter().map(|m| m.tail).collect(), timeless }
    } else {
        Ops { batch, timeless, ..Ops::default() }
    };
    Ok(Reading { ops, rest, rest_line, stand })
}

fn wrong_at(text: &[u8], at: usize, reason: String) -> Wrong {
    let before = &text[..at.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() as u64;
    let start = memchr::memrchr(b'\n', before).map_or(0, |n| n + 1);
    Wrong { line, byte: (before.len() - start) as u64, reason }
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    fields: Fields,
    json: Vec<u8>,
    marks: Vec<Mark>,
    timeless: usize,
    layout: Layout,
    stand: Stand,
}

/// One operation's places.
struct Mark {
    /// In the text.
    at: usize,
    /// Of `"process"` in its JSON.
    tail: usize,
}

impl Reader<'_> {
    /// One operation or bracket; `false` at the end of the text.
    fn step(&mut self) -> Result<bool, Stop> {
        let Some(b) = self.cursor.skip()? else { return Ok(false) };
        match self.stand {
            Stand::Before => {
                self.cursor.at += 1;
                self.stand = Stand::Inside;
            }
            Stand::Inside if Some(b) == self.layout.closer => {
                self.cursor.at += 1;
                self.stand = Stand::After;
            }
            Stand::Inside => {
                let at = self.cursor.at;
                operation(&mut self.cursor, &mut self.fields)?;
                self.timeless += usize::from(self.fields.get(crate::fields::Field::Time).is_none());
                let tail = self.fields.write_line(&mut self.json, None);
                self.marks.push(Mark { at, tail });
            }
            Stand::After => {
                return self.cursor.wrong("the history goes on behind the bracket that closes it");
            }
        }
        Ok(true)
    }

    /// The place in the text of a byte of an operation's JSON line: reads it once more, taking notes.
    fn locate(&mut self, mark: usize, byte: usize) -> usize {
        let mut cursor = Cursor { at: mark, trace: Some(Vec::new()), ..Cursor::new(self.cursor.text) };
        if operation(&mut cursor, &mut self.fields).is_err() {
            return mark;
        }
        let (mut line, mut places) = (Vec::new(), Vec::new());
        self.fields.write_line(&mut line, Some(&mut places));
        let Some(&(in_line, in_fields)) = places.iter().rfind(|(in_line, _)| *in_line <= byte) else {
            return mark;
        };
        if byte + 2 >= line.len() {
            // It is about the whole line: something is missing.
            return mark;
        }
        let wanted = in_fields + (byte - in_line);
        let trace = cursor.trace.unwrap_or_default();
        trace.iter().rfind(|(out, _)| *out <= wanted).map_or(mark, |(_, at)| *at)
    }
}
