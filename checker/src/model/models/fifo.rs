//! `fifo`: a queue that returns its elements in the order in which they went in.

use std::collections::VecDeque;

use super::super::monitor::queues;
use super::super::spec::{Call, Finding, Model, Operands, mix};
use super::super::value::{Tables, Value};
use super::queue::{self, Act};

/// A first-in, first-out queue.
#[derive(Debug, Clone, Copy)]
pub struct Fifo<'h> {
    /// For showing elements.
    pub tables: &'h Tables,
}

/// The elements, the place of the first one among all that ever went in, and a hash of both.
#[derive(Debug, Default)]
pub struct State {
    elements: VecDeque<Value>,
    first: u64,
    hash: u128,
}

impl State {
    fn place(&self, element: Value, index: usize) -> u128 {
        mix(element.word(), self.first + index as u64)
    }

    fn pop(&mut self) -> Option<Value> {
        let element = self.elements.pop_front()?;
        self.hash ^= self.place(element, 0);
        self.first += 1;
        Some(element)
    }
}

impl Model for Fifo<'_> {
    type Act = Act;
    type State = State;
    /// The element that was taken out.
    type Undo = Option<Value>;

    fn act(&self, operation: &Operands<'_>) -> Result<Option<Act>, String> {
        queue::act(operation)
    }

    fn forget(&self, act: Act) -> Option<Act> {
        queue::forget(act)
    }

    fn tune(&self, calls: &mut Vec<Call<Act>>) -> Self {
        queue::drop_unobserved(calls);
        *self
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn apply(&self, state: &mut State, act: Act) -> Option<Option<Value>> {
        match act {
            Act::Enqueue(v) => {
                state.hash ^= state.place(v, state.elements.len());
                state.elements.push_back(v);
                Some(None)
            }
            Act::Dequeue(v) if state.elements.front() == Some(&v) => Some(state.pop()),
            Act::Dequeue(_) => None,
            Act::Empty => state.elements.is_empty().then_some(None),
            Act::Any => Some(state.pop()),
        }
    }

    fn undo(&self, state: &mut State, act: Act, taken: Option<Value>) {
        if let Act::Enqueue(_) = act {
            let element = state.elements.pop_back().expect("the element that was put in is last");
            state.hash ^= state.place(element, state.elements.len());
        } else if let Some(element) = taken {
            state.first -= 1;
            state.elements.push_front(element);
            state.hash ^= state.place(element, 0);
        }
    }

    fn fingerprint(&self, state: &State) -> u128 {
        state.hash ^ mix(state.first, u64::MAX)
    }

    fn read_only(&self, act: Act) -> bool {
        act == Act::Empty
    }

    fn show(&self, state: &State) -> String {
        let shown: Vec<String> = state.elements.iter().take(12).map(|&e| self.tables.show(e)).collect();
        let more = if state.elements.len() > 12 { ",..." } else { "" };
        format!("[{}{more}] ({} elements)", shown.join(","), state.elements.len())
    }

    fn monitor(&self, calls: &[Call<Act>]) -> Option<Finding> {
        queues::judge(calls, queues::Order::Fifo, self.tables)
    }
}
