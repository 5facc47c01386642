//! `kv`: one key's value, with `append` to strings. Keys are partitions, so a model sees one.
//!
//! A key that was never written reads as `null` or as the empty string, as services do it.

use std::sync::Arc;

use super::super::monitor::zones;
use super::super::op::F;
use super::super::spec::{Call, Finding, Model, Operands, mix};
use super::super::value::{Tables, Value};
use super::register::{self, Register};
use super::rolling::{Hash, Piece};

/// One key of a key-value store.
#[derive(Debug, Clone)]
pub struct Kv<'h> {
    tables: &'h Tables,
    /// Every text of the history, by number.
    pieces: Arc<Vec<Piece>>,
    goal: Option<Arc<Goal>>,
}

/// The longest string that is read, where strings only grow: every shorter one must be a prefix of it.
#[derive(Debug)]
struct Goal {
    /// The hash of each prefix, by length.
    prefixes: Vec<Hash>,
    /// How many reads returned it.
    reads: u32,
}

/// What an operation does to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// As on a register.
    Register(register::Act),
    /// Appended this text.
    Append(Value),
}

/// The value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    content: Content,
    /// How many reads of the longest string were placed.
    goal_reads: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Absent,
    Text(Hash),
    Other(Value),
}

impl<'h> Kv<'h> {
    /// The model for values of these tables.
    pub fn new(tables: &'h Tables) -> Kv<'h> {
        let pieces = tables.texts().map(|text| Piece::new(inner(text).unwrap_or(text).as_bytes())).collect();
        Kv { tables, pieces: Arc::new(pieces), goal: None }
    }

    fn is_string(&self, value: Value) -> bool {
        self.tables.text(value).is_some_and(|text| inner(text).is_some())
    }

    fn is_empty_string(&self, value: Value) -> bool {
        self.tables.text(value) == Some("\"\"")
    }

    fn piece(&self, text: Value) -> &Piece {
        &self.pieces[text.as_text().expect("a string is text") as usize]
    }

    fn content(&self, value: Value) -> Content {
        if self.is_string(value) { Content::Text(self.piece(value).hash) } else { Content::Other(value) }
    }

    fn holds(&self, content: Content, value: Value) -> bool {
        match content {
            Content::Absent => value.is_null() || self.is_empty_string(value),
            content => content == self.content(value),
        }
    }
}

/// A JSON string's content. Texts are canonical, so that contents with escapes concatenate too.
fn inner(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

impl Model for Kv<'_> {
    type Act = Act;
    type State = State;
    type Undo = State;

    fn act(&self, operation: &Operands<'_>) -> Result<Option<Act>, String> {
        if operation.f != F::Append {
            return Ok(Register { tables: self.tables }.act(operation)?.map(Act::Register));
        }
        match self.is_string(operation.arg) {
            true => Ok(Some(Act::Append(operation.arg))),
            false => Err(format!("kv appends strings, not {}", self.tables.show(operation.arg))),
        }
    }

    fn forget(&self, act: Act) -> Option<Act> {
        (!self.read_only(act)).then_some(act)
    }

    /// Without appends a key is a register. With nothing else, the longest read directs the search.
    fn tune(&self, calls: &mut Vec<Call<Act>>) -> Self {
        if let Some(mut plain) = registers(calls) {
            register::drop_unobserved(&mut plain);
            let wrap = |c: Call<register::Act>| Call {
                invoked: c.invoked,
                returned: c.returned,
                act: Act::Register(c.act),
                op: c.op,
            };
            *calls = plain.into_iter().map(wrap).collect();
            return self.clone();
        }
        Kv { goal: self.goal_of(calls).map(Arc::new), ..self.clone() }
    }

    fn initial(&self) -> State {
        State { content: Content::Absent, goal_reads: 0 }
    }

    fn apply(&self, state: &mut State, act: Act) -> Option<State> {
        let before = *state;
        match act {
            Act::Register(act) => {
                if act.finds().is_some_and(|from| !self.holds(before.content, from)) {
                    return None;
                }
                if let Some(to) = act.sets() {
                    state.content = self.content(to);
                }
                let longest = self.goal.as_ref().map(|goal| goal.prefixes.len() as u64 - 1);
                if matches!(before.content, Content::Text(hash) if Some(hash.len) == longest) {
                    state.goal_reads += 1;
                }
            }
            Act::Append(text) => {
                let hash = match before.content {
                    Content::Absent => self.piece(text).hash,
                    Content::Text(hash) => hash.append(self.piece(text)),
                    Content::Other(_) => return None,
                };
                if let Some(goal) = &self.goal
                    && goal
                        .prefixes
                        .get(hash.len as usize)
                        .map_or(before.goal_reads < goal.reads, |&p| p != hash)
                {
                    return None;
                }
                state.content = Content::Text(hash);
            }
        }
        Some(before)
    }

    fn undo(&self, state: &mut State, _: Act, before: State) {
        *state = before;
    }

    fn fingerprint(&self, state: &State) -> u128 {
        match state.content {
            Content::Absent => 1,
            Content::Text(hash) => hash.word() ^ mix(hash.len, 1),
            Content::Other(value) => mix(value.word(), 0),
        }
    }

    fn read_only(&self, act: Act) -> bool {
        matches!(act, Act::Register(register::Act::Read(_)))
    }

    fn show(&self, state: &State) -> String {
        match state.content {
            Content::Absent => "null".to_owned(),
            Content::Text(hash) => format!("a string of {} bytes", hash.len),
            Content::Other(value) => self.tables.show(value),
        }
    }

    /// Without appends, the register's monitor; an empty string is then one more name of `null`,
    /// unless it was written.
    fn monitor(&self, calls: &[Call<Act>]) -> Option<Finding> {
        let mut plain = registers(calls)?;
        for call in &mut plain {
            if call.act.sets().is_some_and(|to| self.is_empty_string(to)) {
                return None;
            }
            let absent = |v| if self.is_empty_string(v) { Value::NULL } else { v };
            call.act = match call.act {
                register::Act::Read(v) => register::Act::Read(absent(v)),
                register::Act::Cas(from, to) => register::Act::Cas(absent(from), to),
                write @ register::Act::Write(_) => write,
            };
        }
        zones::judge(&plain, self.tables)
    }
}

impl Kv<'_> {
    /// The longest string read, if nothing but appends changes the key.
    fn goal_of(&self, calls: &[Call<Act>]) -> Option<Goal> {
        let mut longest = Value::NULL;
        for call in calls {
            match call.act {
                Act::Register(register::Act::Read(v)) if self.is_string(v) => {
                    if longest.is_null() || self.piece(v).hash.len > self.piece(longest).hash.len {
                        longest = v;
                    }
                }
                Act::Register(register::Act::Read(_)) | Act::Append(_) => {}
                Act::Register(_) => return None,
            }
        }
        // The empty string is also what a key that was never written reads as: it directs nothing.
        let text = inner(self.tables.text(longest)?).filter(|text| !text.is_empty())?;
        let mut prefixes = vec![Hash::default()];
        for &byte in text.as_bytes() {
            prefixes.push(prefixes[prefixes.len() - 1].push(byte));
        }
        let returned = |call: &&Call<Act>| call.act == Act::Register(register::Act::Read(longest));
        Some(Goal { prefixes, reads: calls.iter().filter(returned).count() as u32 })
    }
}

/// The calls as a register's, if none appends.
fn registers(calls: &[Call<Act>]) -> Option<Vec<Call<register::Act>>> {
    let plain = |call: &Call<Act>| match call.act {
        Act::Register(act) => Some(Call { invoked: call.invoked, returned: call.returned, act, op: call.op }),
        Act::Append(_) => None,
    };
    calls.iter().map(plain).collect()
}
