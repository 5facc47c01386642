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

/// What reads say of a string that only grows: every shorter one is a prefix of the longest, and who
/// read a length was placed before the string outgrew it.
#[derive(Debug)]
struct Goal {
    /// The hash of each prefix of the longest string, by length.
    prefixes: Vec<Hash>,
    /// The lengths that were read, ascending, each with the number of reads up to that length.
    reads: Vec<(u64, u32)>,
}

impl Goal {
    /// Whether the string may be this one once so many reads were placed.
    fn allows(&self, string: Hash, placed: u32) -> bool {
        let shorter = self.reads.partition_point(|&(len, _)| len < string.len);
        let due = shorter.checked_sub(1).map_or(0, |last| self.reads[last].1);
        placed >= due && self.prefixes.get(string.len as usize).is_none_or(|&prefix| prefix == string)
    }
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
    /// How many reads were placed.
    reads: u32,
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

    /// Without appends a key is a register. With nothing but appends, the reads direct the search.
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
        State { content: Content::Absent, reads: 0 }
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
                state.reads += u32::from(matches!(act, register::Act::Read(_)));
            }
            Act::Append(text) => {
                let hash = match before.content {
                    Content::Absent => self.piece(text).hash,
                    Content::Text(hash) => hash.append(self.piece(text)),
                    Content::Other(_) => return None,
                };
                if self.goal.as_ref().is_some_and(|goal| !goal.allows(hash, before.reads)) {
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
        let appends = |call: &Call<Act>| matches!(call.act, Act::Append(_));
        let sets_empty = |act: register::Act| act.sets().is_some_and(|to| self.is_empty_string(to));
        if calls.iter().any(|call| appends(call) || matches!(call.act, Act::Register(act) if sets_empty(act)))
        {
            return None;
        }
        let absent = |v| if self.is_empty_string(v) { Value::NULL } else { v };
        zones::judge(calls, self.tables, |act| match act {
            Act::Register(register::Act::Read(v)) => register::Act::Read(absent(v)),
            Act::Register(register::Act::Cas(from, to)) => register::Act::Cas(absent(from), to),
            Act::Register(write) => write,
            Act::Append(_) => unreachable!("no call appends"),
        })
    }
}

impl Kv<'_> {
    /// What the reads say, if nothing but appends changes the key.
    fn goal_of(&self, calls: &[Call<Act>]) -> Option<Goal> {
        let mut longest = Value::NULL;
        let mut lengths: Vec<u64> = Vec::new();
        for call in calls {
            match call.act {
                Act::Register(register::Act::Read(v)) if self.is_string(v) => {
                    let len = self.piece(v).hash.len;
                    if longest.is_null() || len > self.piece(longest).hash.len {
                        longest = v;
                    }
                    lengths.push(len);
                }
                Act::Register(register::Act::Read(_)) => lengths.push(0),
                Act::Append(_) => {}
                Act::Register(_) => return None,
            }
        }
        lengths.sort_unstable();
        let mut reads: Vec<(u64, u32)> = Vec::new();
        for (count, len) in (1..).zip(lengths) {
            match reads.last_mut() {
                Some(last) if last.0 == len => last.1 = count,
                _ => reads.push((len, count)),
            }
        }
        let text = self.tables.text(longest).and_then(inner).unwrap_or_default();
        let mut prefixes = vec![Hash::default()];
        for &byte in text.as_bytes() {
            prefixes.push(prefixes[prefixes.len() - 1].push(byte));
        }
        Some(Goal { prefixes, reads })
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
