//! The slow, obvious judge: every order, no memory, models written a second time on plain values.

use std::collections::BTreeSet;

use checker::model::ModelKind;

use crate::generate::{Case, Effect, Op, Val};

/// The state of any model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Cell(Val),
    /// `Null` until the first write.
    Key(Val),
    Set(BTreeSet<i64>),
    Bag(Vec<Val>),
    Fifo(Vec<Val>),
    Log(Vec<Val>),
    Mutex(bool),
}

impl State {
    pub(crate) fn initial(kind: ModelKind) -> State {
        match kind {
            ModelKind::Register | ModelKind::CasRegister => State::Cell(Val::Null),
            ModelKind::Kv => State::Key(Val::Null),
            ModelKind::Set => State::Set(BTreeSet::new()),
            ModelKind::Queue => State::Bag(Vec::new()),
            ModelKind::Fifo => State::Fifo(Vec::new()),
            ModelKind::Log => State::Log(Vec::new()),
            ModelKind::Mutex => State::Mutex(false),
        }
    }
}

/// What a correct system would answer now; `None` if it would refuse.
pub(crate) fn answer(state: &State, f: &str, arg: &Val) -> Option<Val> {
    match (state, f, arg) {
        (State::Cell(v) | State::Key(v), "read", _) => Some(v.clone()),
        (State::Cell(_) | State::Key(_), "write", _) => Some(arg.clone()),
        (State::Cell(v), "cas", Val::Pair(from, _)) => (**from == *v).then(|| arg.clone()),
        (State::Key(v), "cas", Val::Pair(from, _)) => {
            (**from == *v || *v == Val::Null && **from == Val::Str(String::new())).then(|| arg.clone())
        }
        (State::Key(_), "append", _) => Some(arg.clone()),
        (State::Set(items), "read", _) => Some(Val::List(items.iter().copied().collect())),
        (State::Set(_), "add", _) | (State::Bag(_) | State::Fifo(_), "enqueue", _) => Some(arg.clone()),
        (State::Bag(items), "dequeue", _) => Some(items.last().cloned().unwrap_or(Val::Null)),
        (State::Fifo(items), "dequeue", _) => Some(items.first().cloned().unwrap_or(Val::Null)),
        (State::Log(values), "append", _) => Some(Val::pair(Val::Int(values.len() as i64), arg.clone())),
        (State::Log(values), "read", Val::Pair(offset, _)) => {
            let Val::Int(at) = **offset else { return None };
            let found = usize::try_from(at).ok().and_then(|at| values.get(at).cloned());
            Some(Val::pair((**offset).clone(), found.unwrap_or(Val::Null)))
        }
        (State::Log(values), "end", _) => Some(Val::Int(values.len() as i64)),
        (State::Mutex(held), "acquire", _) => (!held).then_some(Val::Null),
        (State::Mutex(held), "release", _) => held.then_some(Val::Null),
        other => panic!("no such operation: {other:?}"),
    }
}

/// The state after an operation that [`answer`]s.
pub(crate) fn perform(state: &State, f: &str, arg: &Val) -> State {
    let mut state = state.clone();
    match (&mut state, f, arg) {
        (State::Cell(v) | State::Key(v), "write", _) => *v = arg.clone(),
        (State::Cell(v) | State::Key(v), "cas", Val::Pair(_, to)) => *v = (**to).clone(),
        (State::Key(v), "append", Val::Str(tail)) => {
            let head = if let Val::Str(head) = &*v { head.clone() } else { String::new() };
            *v = Val::Str(head + tail);
        }
        (State::Set(items), "add", Val::Int(i)) => {
            items.insert(*i);
        }
        (State::Bag(items) | State::Fifo(items) | State::Log(items), "enqueue" | "append", _) => {
            items.push(arg.clone());
        }
        (State::Bag(items), "dequeue", _) => {
            items.pop();
        }
        (State::Fifo(items), "dequeue", _) if !items.is_empty() => {
            items.remove(0);
        }
        (State::Mutex(held), ..) => *held = !*held,
        _ => {}
    }
    state
}

/// The states that an operation may lead to, with its answer if it is known; none if it is illegal.
fn outcomes(state: &State, op: &Op, known: bool) -> Vec<State> {
    if let (State::Bag(items), "dequeue") = (state, op.f) {
        // Any element may come out.
        let take = |i: usize| {
            let mut rest = items.clone();
            rest.remove(i);
            State::Bag(rest)
        };
        return match (&op.out, known) {
            (Val::Null, true) if items.is_empty() => vec![state.clone()],
            (out, true) => items.iter().position(|v| v == out).map(take).into_iter().collect(),
            (_, false) => (0..items.len()).map(take).collect(),
        };
    }
    let Some(told) = answer(state, op.f, &op.arg) else { return Vec::new() };
    let matches = match (op.f, &told, &op.out) {
        ("read", Val::List(a), Val::List(b)) => a.iter().collect::<BTreeSet<_>>() == b.iter().collect(),
        ("read", told, out) if matches!(state, State::Key(Val::Null)) => {
            told == out || *out == Val::Str(String::new())
        }
        // The offset that was read is the one in the answer.
        ("read", _, Val::Pair(offset, value)) if matches!(state, State::Log(_)) => {
            answer(state, "read", &op.out)
                .is_some_and(|told| told == Val::Pair(offset.clone(), value.clone()))
        }
        ("read" | "dequeue" | "end", told, out) => told == out,
        ("append", told @ Val::Pair(..), out) => told == out,
        _ => true,
    };
    if known && !matches { Vec::new() } else { vec![perform(state, op.f, &op.arg)] }
}

/// An operation as one judge of a prefix sees it.
#[derive(Clone, Copy)]
struct Seen<'c> {
    op: &'c Op,
    known: bool,
}

/// Whether some order explains the whole case.
pub(crate) fn linearizable(case: &Case) -> bool {
    let seen = |op| Seen { op, known: op_known(op) };
    judge(case.kind, case.ops.iter().filter(|op| op.effect != Effect::Fail).map(seen).collect())
}

fn op_known(op: &Op) -> bool {
    op.effect == Effect::Ok
}

/// How many completions the longest prefix with an order has.
pub(crate) fn longest_prefix(case: &Case) -> u64 {
    let mut completed: Vec<&Op> = case.ops.iter().filter(|op| op_known(op)).collect();
    // Ties as the checker breaks them: by invocation, then by place in the file.
    completed.sort_by_key(|op| op.invoked);
    completed.sort_by_key(|op| op.returned);
    for count in 1..=completed.len() {
        let now = completed[count - 1].returned;
        let seen = |op: &&Op| op.effect != Effect::Fail && op.invoked <= now;
        let within = |op: &Op| completed[..count].iter().any(|other| std::ptr::eq(*other, op));
        let ops = case.ops.iter().filter(seen).map(|op| Seen { op, known: within(op) }).collect();
        if !judge(case.kind, ops) {
            return count as u64 - 1;
        }
    }
    completed.len() as u64
}

fn judge(kind: ModelKind, mut ops: Vec<Seen<'_>>) -> bool {
    // An answer that nobody got constrains nothing.
    ops.retain(|seen| seen.known || !matches!(seen.op.f, "read" | "end"));
    place(&ops, 0, &State::initial(kind))
}

fn place(ops: &[Seen<'_>], done: u32, state: &State) -> bool {
    let open = |i: usize| done & 1 << i == 0;
    if (0..ops.len()).all(|i| !open(i) || !ops[i].known) {
        return true;
    }
    (0..ops.len()).filter(|&i| open(i)).any(|i| {
        let first = ops[i].op.invoked;
        let enabled = (0..ops.len()).all(|j| !open(j) || !ops[j].known || ops[j].op.returned >= first);
        enabled && outcomes(state, ops[i].op, ops[i].known).iter().any(|next| place(ops, done | 1 << i, next))
    })
}
