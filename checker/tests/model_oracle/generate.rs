//! Small histories: correct ones by simulation, some then damaged.

use checker::model::ModelKind;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle::{State, answer, perform};

/// A value, as small as the models need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Val {
    Null,
    Int(i64),
    Str(String),
    Pair(Box<Val>, Box<Val>),
    List(Vec<i64>),
}

impl Val {
    pub(crate) fn pair(a: Val, b: Val) -> Val {
        Val::Pair(Box::new(a), Box::new(b))
    }

    fn json(&self) -> String {
        match self {
            Val::Null => "null".to_owned(),
            Val::Int(i) => i.to_string(),
            Val::Str(s) => format!("\"{s}\""),
            Val::Pair(a, b) => format!("[{},{}]", a.json(), b.json()),
            Val::List(items) => format!("{items:?}").replace(' ', ""),
        }
    }
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Ok,
    Fail,
    Info,
}

/// One operation of a case. Each is a process of its own.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) f: &'static str,
    pub(crate) arg: Val,
    pub(crate) out: Val,
    pub(crate) invoked: u64,
    pub(crate) returned: u64,
    pub(crate) effect: Effect,
}

/// One history for one model.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) kind: ModelKind,
    pub(crate) ops: Vec<Op>,
}

impl Case {
    /// As a recorder writes it, lines in the order of time.
    pub(crate) fn json_lines(&self) -> String {
        let mut lines: Vec<(u64, bool, String)> = Vec::new();
        for (process, op) in self.ops.iter().enumerate() {
            let line = |time, op_type, value: &Val| {
                format!(
                    "{{\"time\":{time},\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{}\",\"value\":{}}}\n",
                    op.f,
                    value.json()
                )
            };
            lines.push((op.invoked, false, line(op.invoked, "invoke", &op.arg)));
            let (op_type, value) = match op.effect {
                Effect::Ok => ("ok", &op.out),
                Effect::Fail => ("fail", &op.arg),
                Effect::Info => ("info", &op.arg),
            };
            lines.push((op.returned, true, line(op.returned, op_type, value)));
        }
        lines.sort_by_key(|(time, completion, _)| (*time, *completion));
        lines.into_iter().map(|(.., line)| line).collect()
    }
}

/// The dice of one operation.
type Dice = (u8, u8, u8, u8, u8, u8, u8);

/// Histories of up to `longest` operations, this share of them unknown.
pub(crate) fn case(kind: ModelKind, unknown_percent: u8, longest: u8) -> impl Strategy<Value = Case> {
    let die = |sides: u8| 0..sides;
    let op = (die(12), die(4), die(longest.saturating_mul(3)), die(10), die(10), die(100), die(100));
    // Distinct values bring the monitors in; in a third of the cases values repeat.
    (vec(op, 1..=usize::from(longest)), die(3))
        .prop_map(move |(dice, repeat)| build(kind, unknown_percent, &dice, repeat == 0))
}

fn build(kind: ModelKind, unknown_percent: u8, dice: &[Dice], repeat: bool) -> Case {
    let mut order: Vec<usize> = (0..dice.len()).collect();
    order.sort_by_key(|&i| dice[i].2);
    let mut state = State::initial(kind);
    let mut ops: Vec<Option<Op>> = vec![None; dice.len()];
    for i in order {
        let (pick, value, at, before, after, fate, noise) = dice[i];
        let value = if repeat { i64::from(value) } else { i as i64 + 10 };
        let (f, arg) = request(kind, pick, value, &state, dice.len());
        let effect = match fate {
            fate if fate < unknown_percent => Effect::Info,
            fate if fate >= 96 => Effect::Fail,
            _ => Effect::Ok,
        };
        // Of the unknown ones, half happen.
        let happens = effect == Effect::Ok || effect == Effect::Info && noise % 2 == 0;
        let mut out = Val::Null;
        if happens {
            match answer(&state, f, &arg) {
                Some(told) => {
                    out = told;
                    state = perform(&state, f, &arg);
                }
                // What cannot be done now is what a client sees fail, unless noise says that it was told ok.
                None => {
                    let refused = if noise < 10 { effect } else { Effect::Fail };
                    let op = Op { f, out: arg.clone(), arg, invoked: 0, returned: 0, effect: refused };
                    ops[i] = Some(place(op, at, before, after));
                    continue;
                }
            }
        }
        if noise < 12 {
            out = damaged(kind, f, &arg, &out, i64::from(pick));
        }
        ops[i] = Some(place(Op { f, arg, out, invoked: 0, returned: 0, effect }, at, before, after));
    }
    Case { kind, ops: ops.into_iter().flatten().collect() }
}

/// Coarse times, so that many are equal.
fn place(op: Op, at: u8, before: u8, after: u8) -> Op {
    let at = u64::from(at) + 10;
    Op { invoked: at - u64::from(before), returned: at + u64::from(after), ..op }
}

fn request(kind: ModelKind, pick: u8, value: i64, state: &State, size: usize) -> (&'static str, Val) {
    let other = i64::from(pick) % size as i64 + 10;
    let text =
        |v: i64| Val::Str(if v < 10 { ["", "a", "b", "ab"][v as usize].to_owned() } else { format!("{v}.") });
    match (kind, pick) {
        (ModelKind::Register, 0..=5) => ("read", Val::Null),
        (ModelKind::Register, _) => ("write", Val::Int(value)),
        (ModelKind::CasRegister, 0..=4) => ("read", Val::Null),
        (ModelKind::CasRegister, 5..=7) => ("write", Val::Int(value)),
        (ModelKind::CasRegister, _) => {
            let from = match (state, pick) {
                (State::Cell(current), 8..=10) => current.clone(),
                _ if value < 10 => Val::Int(other % 4),
                _ => Val::Int(other),
            };
            ("cas", Val::pair(from, Val::Int(value)))
        }
        (ModelKind::Kv, 0..=4) => ("read", Val::Null),
        (ModelKind::Kv, 5) => ("write", text(value)),
        // A history of reads and appends alone, or of reads and writes alone, is a case of its own.
        (ModelKind::Kv, 6) => ("cas", Val::pair(text(other), text(value))),
        (ModelKind::Kv, _) if size.is_multiple_of(3) => ("write", text(value)),
        (ModelKind::Kv, _) => ("append", text(value)),
        (ModelKind::Set, 0..=5) => ("read", Val::Null),
        (ModelKind::Set, _) => ("add", Val::Int(value)),
        (ModelKind::Queue | ModelKind::Fifo, 0..=5) => ("dequeue", Val::Null),
        (ModelKind::Queue | ModelKind::Fifo, _) => ("enqueue", Val::Int(value)),
        (ModelKind::Log, 0..=2) => ("read", Val::pair(Val::Int(i64::from(pick)), Val::Null)),
        (ModelKind::Log, 3..=4) => ("end", Val::Null),
        (ModelKind::Log, _) => ("append", Val::Int(value)),
        (ModelKind::Mutex, 0..=5) => ("acquire", Val::Null),
        (ModelKind::Mutex, _) => ("release", Val::Null),
    }
}

/// Another answer than the right one, mostly.
fn damaged(kind: ModelKind, f: &str, arg: &Val, out: &Val, die: i64) -> Val {
    let value = Val::Int(die + 7);
    match (kind, f, out) {
        (ModelKind::Log, "read", Val::Pair(offset, _)) => Val::pair((**offset).clone(), value),
        (ModelKind::Log, "append", _) => Val::pair(Val::Int(die % 4), arg.clone()),
        (ModelKind::Log, "end", _) => Val::Int(die % 5),
        (ModelKind::Log, "read", _) => Val::pair(Val::Int(die % 3), value),
        (ModelKind::Set, "read", Val::List(items)) => {
            let mut items = items.clone();
            if items.pop().is_none() || die < 2 {
                items.push(die + 7);
            }
            Val::List(items)
        }
        (ModelKind::Set, "read", _) => Val::List(vec![die + 7]),
        (ModelKind::Kv, "read", Val::Str(text)) if die > 3 => Val::Str(text[..text.len() / 2].to_owned()),
        (ModelKind::Kv, "read", _) => Val::Str("a".to_owned()),
        (_, "read" | "dequeue", _) => value,
        (_, _, out) => out.clone(),
    }
}
