//! Readers' sessions: between two of them a reader may stand anywhere.
//!
//! A session is one process' polls between the moments that allow it to move everywhere: assign, subscribe, crash, a
//! restart of its client, a poll whose outcome is unknown; a seek or a rebalance that does not say which partitions
//! it touches (where it does, [`crate::groups`] ends the sequences of these alone). Cutting too often can only hide a
//! step back or a jump, never invent one.

use rustc_hash::FxHashMap;
use store::batch::Line;
use store::op::{Isolation, Process};

use crate::tables::{NONE, Session};

/// The sessions so far, and which of them goes on.
#[derive(Default)]
pub(crate) struct Sessions {
    rows: Vec<Session>,
    /// By process.
    current: FxHashMap<u32, Current>,
    /// How often a client's readers were moved, by client.
    moves: FxHashMap<u32, u32>,
}

#[derive(PartialEq, Eq, Clone, Copy)]
struct Current {
    session: u32,
    client: u32,
    incarnation: u32,
    moves: u32,
    final_pass: bool,
    isolation: Option<Isolation>,
}

impl Sessions {
    /// The session that a poll belongs to; `group` tells the reader's group where it is a new one.
    pub(crate) fn of(
        &mut self,
        line: &Line,
        isolation: Option<Isolation>,
        group: impl FnOnce() -> u32,
    ) -> u32 {
        let client = line.client().unwrap_or(NONE);
        let now = Current {
            session: self.rows.len() as u32,
            client,
            incarnation: line.incarnation().unwrap_or(NONE),
            moves: self.moves.get(&client).copied().unwrap_or(0),
            final_pass: line.final_pass,
            isolation,
        };
        let current = self.current.entry(line.process.0).or_insert(now);
        if (Current { session: current.session, ..now }) != *current {
            *current = now;
        }
        if current.session == now.session {
            self.rows.push(Session { process: line.process.0, client, isolation, group: group() });
        }
        current.session
    }

    /// An operation after which the readers of its client, or its process, may stand anywhere.
    pub(crate) fn reader_moves(&mut self, line: &Line) {
        self.forget(line.process);
        if let Some(client) = line.client() {
            *self.moves.entry(client).or_default() += 1;
        }
    }

    /// After this, the process' next poll begins a session.
    pub(crate) fn forget(&mut self, process: Process) {
        self.current.remove(&process.0);
    }

    /// How many readers there are now.
    pub(crate) fn len(&self) -> usize {
        self.current.len()
    }

    /// All sessions.
    pub(crate) fn into_rows(self) -> Vec<Session> {
        self.rows
    }
}
