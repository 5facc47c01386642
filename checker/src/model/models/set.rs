//! `set`: elements are added and never taken out; a read returns all of them.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::monitor::snapshots;
use super::super::op::F;
use super::super::spec::{Call, Finding, Model, Operands, mix};
use super::super::value::{Tables, Value};
use super::foreign;

/// A grow-only set.
#[derive(Debug, Clone)]
pub struct Set<'h> {
    tables: &'h Tables,
    /// Representatives of lists that stand as elements.
    canonical: &'h [Value],
    /// Size and hash of the set that each read returned, by its list; filled by tuning.
    reads: Arc<FxHashMap<Value, (usize, u128)>>,
}

/// What an operation does to a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Added this element.
    Add(Value),
    /// Returned this list, in any order.
    Read(Value),
}

/// The elements that are in, and a hash of them.
#[derive(Debug, Default)]
pub struct State {
    elements: FxHashSet<Value>,
    hash: u128,
}

impl<'h> Set<'h> {
    /// The model for values of these tables; `canonical` as in [`Operands`].
    pub fn new(tables: &'h Tables, canonical: &'h [Value]) -> Set<'h> {
        Set { tables, canonical, reads: Arc::default() }
    }

    /// The elements of a read, each as one comparable word. May repeat.
    pub fn elements(&self, list: Value) -> impl Iterator<Item = Value> + '_ {
        let scalar =
            |v: Value| v.as_list().and_then(|l| self.canonical.get(l as usize).copied()).unwrap_or(v);
        self.tables.items(list).iter().map(move |&v| scalar(v))
    }

    /// What the elements are written in.
    pub fn tables(&self) -> &Tables {
        self.tables
    }
}

impl Model for Set<'_> {
    type Act = Act;
    type State = State;
    /// Whether the add was the element's first.
    type Undo = bool;

    fn act(&self, operation: &Operands<'_>) -> Result<Option<Act>, String> {
        match (operation.f, operation.out) {
            (F::Add, _) => Ok(Some(Act::Add(operation.scalar(operation.arg)))),
            (F::Read, None) => Ok(None),
            (F::Read, Some(list)) if list.as_list().is_some() => Ok(Some(Act::Read(list))),
            (F::Read, Some(other)) => {
                Err(format!("a set's read returns a list of elements, not {}", operation.tables.show(other)))
            }
            (f, _) => Err(foreign(f)),
        }
    }

    fn forget(&self, act: Act) -> Option<Act> {
        matches!(act, Act::Add(_)).then_some(act)
    }

    /// Drops unknown adds of elements that nobody read.
    fn tune(&self, calls: &mut Vec<Call<Act>>) -> Self {
        let mut reads = FxHashMap::default();
        let mut read: FxHashSet<Value> = FxHashSet::default();
        for call in calls.iter() {
            let Act::Read(list) = call.act else { continue };
            let elements: FxHashSet<Value> = self.elements(list).collect();
            let hash = elements.iter().fold(0, |hash, e| hash ^ mix(e.word(), 0));
            reads.insert(list, (elements.len(), hash));
            read.extend(elements);
        }
        calls.retain(|call| !call.unknown() || matches!(call.act, Act::Add(e) if read.contains(&e)));
        Set { reads: Arc::new(reads), ..*self }
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn apply(&self, state: &mut State, act: Act) -> Option<bool> {
        match act {
            Act::Add(element) => {
                let first = state.elements.insert(element);
                if first {
                    state.hash ^= mix(element.word(), 0);
                }
                Some(first)
            }
            Act::Read(list) => {
                let matches = self.reads.get(&list) == Some(&(state.elements.len(), state.hash));
                matches.then_some(false)
            }
        }
    }

    fn undo(&self, state: &mut State, act: Act, first: bool) {
        if let (Act::Add(element), true) = (act, first) {
            state.elements.remove(&element);
            state.hash ^= mix(element.word(), 0);
        }
    }

    fn fingerprint(&self, state: &State) -> u128 {
        state.hash
    }

    fn read_only(&self, act: Act) -> bool {
        matches!(act, Act::Read(_))
    }

    fn show(&self, state: &State) -> String {
        let mut elements: Vec<Value> = state.elements.iter().copied().collect();
        elements.sort_unstable();
        let shown: Vec<String> = elements.iter().take(12).map(|&e| self.tables.show(e)).collect();
        let more =
            if elements.len() > 12 { format!(",... ({} elements)", elements.len()) } else { String::new() };
        format!("{{{}{more}}}", shown.join(","))
    }

    fn monitor(&self, calls: &[Call<Act>]) -> Option<Finding> {
        snapshots::judge(calls, self)
    }
}
