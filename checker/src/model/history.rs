//! A history as the models see it: operations in the order of their invocations, and their values.

use std::collections::BTreeMap;

use super::load::{Builder, LoadError, map_lines};
use super::op::{F, Op};
use super::value::Tables;

/// Operations sorted by invocation. About 60 bytes an operation, values in [`Tables`] apart.
#[derive(Debug, Default, Clone)]
pub struct History {
    pub(super) ops: Vec<Op>,
    pub(super) tables: Tables,
    pub(super) foreign: BTreeMap<String, Foreign>,
    pub(super) lines: u64,
    pub(super) timed: bool,
    pub(super) clocks: u32,
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
    /// Loads JSON Lines that are already in memory; large files go through [`map_lines`] in parallel.
    pub fn from_json_lines(text: &str) -> Result<History, LoadError> {
        let mut builder = Builder::default();
        builder.push(map_lines(text.as_bytes(), 1))?;
        Ok(builder.finish())
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
