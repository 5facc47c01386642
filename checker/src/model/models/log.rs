//! `log`: an append returns its offset, a read asks for one offset, `end` returns the length.
//!
//! A read of `[offset, null]` says that nothing was there: the log ended at or before that offset.
//! (A Kafka consumer's empty poll says no such thing; histories of Kafka have a checker of their own.)

use rustc_hash::FxHashSet;

use super::super::monitor::offsets;
use super::super::op::F;
use super::super::spec::{Call, Finding, Model, Operands, mix};
use super::super::value::{Tables, Value};
use super::foreign;

/// An append-only log.
#[derive(Debug, Clone, Copy)]
pub struct Log<'h> {
    /// For showing values.
    pub tables: &'h Tables,
}

/// What an operation does to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Appended a value, at this offset where somebody was told.
    Append(Value, Option<i64>),
    /// Appended something that nobody read.
    Filler,
    /// Found this value at this offset.
    Read(i64, Value),
    /// Found nothing at this offset.
    Beyond(i64),
    /// Found this length.
    End(i64),
}

/// The values, and a hash of them. A filler is `None`.
#[derive(Debug, Default)]
pub struct State {
    values: Vec<Option<Value>>,
    hash: u128,
}

impl State {
    fn place(value: Option<Value>, offset: usize) -> u128 {
        value.map_or_else(|| mix(0, !(offset as u64)), |v| mix(v.word(), offset as u64))
    }

    fn push(&mut self, value: Option<Value>) {
        self.hash ^= State::place(value, self.values.len());
        self.values.push(value);
    }
}

impl Model for Log<'_> {
    type Act = Act;
    type State = State;
    type Undo = ();

    fn act(&self, operation: &Operands<'_>) -> Result<Option<Act>, String> {
        let shown = |v| operation.tables.show(v);
        let offset =
            |v: Value| v.as_int().ok_or_else(|| format!("an offset is an integer, not {}", shown(v)));
        match (operation.f, operation.out) {
            (F::Append, out) => {
                let value = operation.scalar(operation.arg);
                let Some((at, said)) = out.and_then(|out| operation.scalars(out)) else {
                    return Ok(Some(Act::Append(value, None)));
                };
                if said != value {
                    return Err(format!("an append of {} completed as one of {}", shown(value), shown(said)));
                }
                let at = if at.is_null() { None } else { Some(offset(at)?) };
                Ok(Some(Act::Append(value, at)))
            }
            (F::Read | F::End, None) => Ok(None),
            (F::Read, Some(out)) => match operation.scalars(out) {
                Some((at, value)) if value.is_null() => Ok(Some(Act::Beyond(offset(at)?))),
                Some((at, value)) => Ok(Some(Act::Read(offset(at)?, value))),
                None => Err(format!("a log's read returns [offset, value], not {}", shown(out))),
            },
            (F::End, Some(out)) => match out.as_int() {
                Some(length) => Ok(Some(Act::End(length))),
                None => Err(format!("a log's end is an integer, not {}", shown(out))),
            },
            (f, _) => Err(foreign(f)),
        }
    }

    fn forget(&self, act: Act) -> Option<Act> {
        match act {
            Act::Append(value, _) => Some(Act::Append(value, None)),
            Act::Filler => Some(Act::Filler),
            Act::Read(..) | Act::Beyond(_) | Act::End(_) => None,
        }
    }

    /// Unknown appends that nobody read are all alike: any of them may fill a hole.
    fn tune(&self, calls: &mut Vec<Call<Act>>) -> Self {
        let read = |call: &Call<Act>| match call.act {
            Act::Read(_, value) => Some(value),
            _ => None,
        };
        let read: FxHashSet<Value> = calls.iter().filter_map(read).collect();
        for call in calls {
            if call.unknown() && matches!(call.act, Act::Append(value, _) if !read.contains(&value)) {
                call.act = Act::Filler;
            }
        }
        *self
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn apply(&self, state: &mut State, act: Act) -> Option<()> {
        let length = state.values.len() as i64;
        match act {
            Act::Append(value, at) => {
                if at.is_some_and(|at| at != length) {
                    return None;
                }
                state.push(Some(value));
                Some(())
            }
            Act::Filler => {
                state.push(None);
                Some(())
            }
            Act::Read(at, value) => {
                let found = usize::try_from(at).ok().and_then(|at| state.values.get(at).copied());
                (found == Some(Some(value))).then_some(())
            }
            Act::Beyond(at) => (length <= at).then_some(()),
            Act::End(at) => (length == at).then_some(()),
        }
    }

    fn undo(&self, state: &mut State, act: Act, (): ()) {
        if matches!(act, Act::Append(..) | Act::Filler) {
            let value = state.values.pop().expect("the value that was appended is last");
            state.hash ^= State::place(value, state.values.len());
        }
    }

    fn fingerprint(&self, state: &State) -> u128 {
        state.hash
    }

    fn read_only(&self, act: Act) -> bool {
        matches!(act, Act::Read(..) | Act::Beyond(_) | Act::End(_))
    }

    fn show(&self, state: &State) -> String {
        let shown = |v: &Option<Value>| v.map_or_else(|| "?".to_owned(), |v| self.tables.show(v));
        let cut = state.values.len().saturating_sub(12);
        let last: Vec<String> = state.values[cut..].iter().map(shown).collect();
        let more = if cut > 0 { "...," } else { "" };
        format!("[{more}{}] (length {})", last.join(","), state.values.len())
    }

    fn monitor(&self, calls: &[Call<Act>]) -> Option<Finding> {
        offsets::judge(calls, self.tables)
    }
}
