//! Readers' sessions: between two of them a reader may stand anywhere.
//!
//! A session is a reader's polls between the moments that allow it to move everywhere: assign, subscribe, crash, a
//! restart, a poll whose outcome is unknown; a seek or a rebalance that does not say which partitions it touches (where
//! it does, [`crate::groups`] ends the sequences of these alone); anything else of unknown outcome, after which a client
//! may be another; a poll that began while another of the same client was in flight. Cutting too often can only hide a
//! step back or a jump, never invent one.

use rustc_hash::FxHashMap;
use store::batch::Line;
use store::op::Isolation;

use crate::tables::{NONE, Session};

/// The sessions so far, and which of them goes on.
#[derive(Default)]
pub(crate) struct Sessions {
    rows: Vec<Session>,
    current: FxHashMap<Reader, Current>,
    /// How often a client's readers were moved, by client.
    moves: FxHashMap<u32, u32>,
    /// Polls in flight, by client.
    polling: FxHashMap<u32, u32>,
    /// Whether any poll began without naming its client.
    nameless: bool,
}

/// Who reads: a client, or a process where the history names no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reader {
    Client(u32),
    Process(u32),
}

impl Reader {
    pub(crate) fn of(line: &Line) -> Reader {
        line.client().map_or(Reader::Process(line.process.0), Reader::Client)
    }
}

/// A reader's session, and its last poll.
struct Current {
    session: u32,
    sequence: u32,
    process: u32,
    completed: u64,
    state: State,
}

/// What is the same all through a session.
#[derive(PartialEq, Eq, Clone, Copy)]
struct State {
    incarnation: u32,
    moves: u32,
    final_pass: bool,
    isolation: Option<Isolation>,
}

impl Sessions {
    /// A poll begins.
    pub(crate) fn polls(&mut self, line: &Line) {
        let Some(client) = line.client() else {
            self.nameless = true;
            return;
        };
        let in_flight = self.polling.entry(client).or_default();
        *in_flight += 1;
        if *in_flight > 1 {
            *self.moves.entry(client).or_default() += 1;
        }
    }

    /// The session that a poll belongs to, which ended; `group` tells the reader's group where it is a new one.
    pub(crate) fn of(
        &mut self,
        line: &Line,
        invoked: u64,
        isolation: Option<Isolation>,
        group: impl FnOnce() -> u32,
    ) -> u32 {
        let (process, client) = (line.process.0, line.client().unwrap_or(NONE));
        let state = State {
            incarnation: line.incarnation().unwrap_or(NONE),
            moves: self.moves.get(&client).copied().unwrap_or(0),
            final_pass: line.final_pass,
            isolation,
        };
        if let Some(in_flight) = self.polling.get_mut(&client) {
            *in_flight = in_flight.saturating_sub(1);
        }
        let reader = Reader::of(line);
        let session = self.rows.len() as u32;
        let mut sequence = session;
        if let Some(before) = self.current.get_mut(&reader).filter(|before| before.state == state) {
            if before.process == process {
                before.completed = line.time.0;
                return before.session;
            }
            // Another process goes on where the one before stood only if that one certainly polls no more.
            if !self.nameless && before.completed < invoked {
                sequence = before.sequence;
            }
        }
        self.rows.push(Session { process, client, isolation, group: group(), sequence });
        self.current.insert(reader, Current { session, sequence, process, completed: line.time.0, state });
        session
    }

    /// An operation after which the readers of its client, or its process, may stand anywhere.
    pub(crate) fn reader_moves(&mut self, line: &Line) {
        self.forget(line);
        if let Some(client) = line.client() {
            *self.moves.entry(client).or_default() += 1;
        }
    }

    /// After this, the next poll of the line's reader begins a session, and so does that of its process by itself.
    pub(crate) fn forget(&mut self, line: &Line) {
        self.current.remove(&Reader::of(line));
        self.current.remove(&Reader::Process(line.process.0));
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
