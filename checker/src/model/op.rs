//! An operation of a client: what it asked, what it was told, and between which two instants.

use std::fmt;

use super::value::Value;

/// The functions that the models speak of, in Jepsen's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum F {
    /// Reads a register, a key, a whole set, or one place of a log.
    Read,
    /// Overwrites.
    Write,
    /// Compares and sets: `[from, to]`.
    Cas,
    /// Appends to a string (kv) or to a log.
    Append,
    /// Adds to a set.
    Add,
    /// Puts into a queue.
    Enqueue,
    /// Takes out of a queue; `null` when it was empty.
    Dequeue,
    /// Asks a log's length.
    End,
    /// Takes a mutex.
    Acquire,
    /// Gives a mutex back.
    Release,
}

impl F {
    /// Every function.
    pub const ALL: [F; 10] = [
        F::Read,
        F::Write,
        F::Cas,
        F::Append,
        F::Add,
        F::Enqueue,
        F::Dequeue,
        F::End,
        F::Acquire,
        F::Release,
    ];

    /// The word in a history.
    pub fn as_str(self) -> &'static str {
        match self {
            F::Read => "read",
            F::Write => "write",
            F::Cas => "cas",
            F::Append => "append",
            F::Add => "add",
            F::Enqueue => "enqueue",
            F::Dequeue => "dequeue",
            F::End => "end",
            F::Acquire => "acquire",
            F::Release => "release",
        }
    }

    /// The function with this word.
    pub fn parse(word: &[u8]) -> Option<F> {
        F::ALL.into_iter().find(|f| f.as_str().as_bytes() == word)
    }
}

impl fmt::Display for F {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is known of an operation's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Effect {
    /// It happened, between its two instants.
    Happened,
    /// It certainly did not happen.
    Failed,
    /// It may have happened, may happen at any later time, or never.
    Unknown,
}

/// One operation: an invocation and what became of it.
#[derive(Debug, Clone, Copy)]
pub struct Op {
    /// Nanoseconds, or the line's number in a history without times.
    pub invoked: u64,
    /// The same for the completion; [`Op::NEVER`] where none came.
    pub returned: u64,
    /// The `key` field, `null` without one.
    pub key: Value,
    /// The invocation's value.
    pub arg: Value,
    /// The completion's value; `null` where the effect is unknown.
    pub out: Value,
    /// The invocation's line, from 1.
    pub line: u32,
    /// The completion's line, 0 where none came.
    pub returned_line: u32,
    /// Who.
    pub process: u32,
    /// What it asked.
    pub f: F,
    /// What became of it.
    pub effect: Effect,
}

impl Op {
    /// The completion of an operation that never returned.
    pub const NEVER: u64 = u64::MAX;
}
