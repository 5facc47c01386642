//! `queue`: a bag. A dequeue takes any element, and returns `null` when there is none.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::monitor::queues;
use super::super::op::F;
use super::super::spec::{Call, Finding, Model, Operands, mix};
use super::super::value::{Tables, Value};
use super::foreign;

/// A bag of elements.
#[derive(Debug, Clone)]
pub struct Queue<'h> {
    tables: &'h Tables,
    /// Elements that more calls put in than known calls take out; filled by tuning.
    surplus: Arc<Vec<Value>>,
}

/// What an operation does to a queue, ordered or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Put this element in.
    Enqueue(Value),
    /// Took this element out.
    Dequeue(Value),
    /// Found nothing.
    Empty,
    /// Took something out, or found nothing; nobody was told.
    Any,
}

/// How many there are of each element, and a hash of that.
#[derive(Debug, Default)]
pub struct State {
    counts: FxHashMap<Value, u32>,
    len: usize,
    hash: u128,
}

impl State {
    fn put(&mut self, element: Value) {
        let count = self.counts.entry(element).or_default();
        *count += 1;
        self.len += 1;
        self.hash ^= mix(element.word(), u64::from(*count));
    }

    fn take(&mut self, element: Value) -> Option<()> {
        let count = self.counts.get_mut(&element).filter(|count| **count > 0)?;
        self.hash ^= mix(element.word(), u64::from(*count));
        *count -= 1;
        self.len -= 1;
        if *count == 0 {
            self.counts.remove(&element);
        }
        Some(())
    }
}

/// The act of a queue's operation.
pub(super) fn act(operation: &Operands<'_>) -> Result<Option<Act>, String> {
    Ok(Some(match (operation.f, operation.out) {
        (F::Enqueue, _) if operation.arg.is_null() => {
            return Err("a queue's element is not null, which stands for an empty queue".to_owned());
        }
        (F::Enqueue, _) => Act::Enqueue(operation.scalar(operation.arg)),
        (F::Dequeue, None) => Act::Any,
        (F::Dequeue, Some(v)) if v.is_null() => Act::Empty,
        (F::Dequeue, Some(v)) => Act::Dequeue(operation.scalar(v)),
        (f, _) => return Err(foreign(f)),
    }))
}

/// An act whose result is not known.
pub(super) fn forget(act: Act) -> Option<Act> {
    match act {
        Act::Enqueue(_) => Some(act),
        Act::Dequeue(_) | Act::Empty | Act::Any => Some(Act::Any),
    }
}

/// Drops unknown enqueues of elements that no known call takes out.
pub(super) fn drop_unobserved(calls: &mut Vec<Call<Act>>) {
    let taken = |call: &Call<Act>| match call.act {
        Act::Dequeue(v) => Some(v),
        _ => None,
    };
    let taken: rustc_hash::FxHashSet<Value> = calls.iter().filter_map(taken).collect();
    calls.retain(|call| !call.unknown() || !matches!(call.act, Act::Enqueue(v) if !taken.contains(&v)));
}

impl<'h> Queue<'h> {
    /// The model for values of these tables.
    pub fn new(tables: &'h Tables) -> Queue<'h> {
        Queue { tables, surplus: Arc::default() }
    }
}

impl Model for Queue<'_> {
    type Act = Act;
    type State = State;
    type Undo = ();

    fn act(&self, operation: &Operands<'_>) -> Result<Option<Act>, String> {
        act(operation)
    }

    fn forget(&self, act: Act) -> Option<Act> {
        forget(act)
    }

    /// An unknown dequeue helps only a call that found nothing, by taking what no known call takes.
    fn tune(&self, calls: &mut Vec<Call<Act>>) -> Self {
        drop_unobserved(calls);
        let mut balance: FxHashMap<Value, i64> = FxHashMap::default();
        let mut empties = false;
        for call in calls.iter() {
            match call.act {
                Act::Enqueue(v) => *balance.entry(v).or_default() += 1,
                Act::Dequeue(v) => *balance.entry(v).or_default() -= 1,
                Act::Empty => empties = true,
                Act::Any => {}
            }
        }
        if !empties {
            calls.retain(|call| call.act != Act::Any);
        }
        let mut surplus: Vec<Value> = balance.into_iter().filter(|&(_, n)| n > 0).map(|(v, _)| v).collect();
        surplus.sort_unstable();
        Queue { tables: self.tables, surplus: Arc::new(surplus) }
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn apply(&self, state: &mut State, act: Act) -> Option<()> {
        match act {
            Act::Enqueue(v) => {
                state.put(v);
                Some(())
            }
            Act::Dequeue(v) => state.take(v),
            Act::Empty => (state.len == 0).then_some(()),
            // Always one of its variants.
            Act::Any => None,
        }
    }

    fn undo(&self, state: &mut State, act: Act, (): ()) {
        match act {
            Act::Enqueue(v) => state.take(v).expect("the element that was put in is there"),
            Act::Dequeue(v) => state.put(v),
            Act::Empty | Act::Any => {}
        }
    }

    fn fingerprint(&self, state: &State) -> u128 {
        state.hash
    }

    fn read_only(&self, act: Act) -> bool {
        act == Act::Empty
    }

    fn variants(&self, act: Act) -> Vec<Act> {
        match act {
            Act::Any => self.surplus.iter().map(|&v| Act::Dequeue(v)).collect(),
            act => vec![act],
        }
    }

    fn show(&self, state: &State) -> String {
        let mut elements: Vec<Value> = state.counts.keys().copied().collect();
        elements.sort_unstable();
        let shown: Vec<String> = elements.iter().take(12).map(|&e| self.tables.show(e)).collect();
        let more = if elements.len() > 12 { ",..." } else { "" };
        format!("{{{}{more}}} ({} elements)", shown.join(","), state.len)
    }

    fn monitor(&self, calls: &[Call<Act>]) -> Option<Finding> {
        queues::judge(calls, queues::Order::Any, self.tables)
    }
}
