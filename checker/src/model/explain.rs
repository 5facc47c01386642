//! Operations and contradictions in words.

use super::history::History;
use super::op::{Effect, F, Op};
use super::outcome::{Prefix, WitnessOp};
use super::partition::Partitions;
use super::search::deepest::Deepest;
use super::spec::Proof;

/// `process 3's read of 5`.
pub(super) fn operation(partitions: &Partitions<'_>, history: &History, number: u32) -> String {
    let op = &history.ops[number as usize];
    let operands = partitions.operands(op);
    let show = |v| history.tables.show(v);
    let what = match (op.f, operands.out) {
        (F::Acquire | F::Release, _) => op.f.to_string(),
        (F::Dequeue, Some(out)) if out.is_null() => "dequeue that found nothing".to_owned(),
        (F::Read | F::Dequeue | F::End, Some(out)) => format!("{} of {}", op.f, show(out)),
        (F::Read | F::Dequeue | F::End, None) => op.f.to_string(),
        (F::Append, Some(out)) if out != operands.arg && !out.is_null() => {
            format!("append of {}, told {}", show(operands.arg), show(out))
        }
        _ => format!("{} of {}", op.f, show(operands.arg)),
    };
    format!("process {}'s {what}", op.process)
}

/// `line 12` or `lines 12-14`.
pub(super) fn lines(op: &Op) -> String {
    match op.returned_line {
        0 => format!("line {}", op.line),
        returned => format!("lines {}-{returned}", op.line),
    }
}

/// One operation with its part.
pub(super) fn witness(
    partitions: &Partitions<'_>,
    history: &History,
    number: u32,
    role: String,
) -> WitnessOp {
    let op = &history.ops[number as usize];
    WitnessOp {
        line: u64::from(op.line),
        returned_line: (op.returned_line != 0).then_some(u64::from(op.returned_line)),
        operation: operation(partitions, history, number),
        role,
    }
}

/// ` [process 1's write of 2 (lines 3-4) completed first; ...]`, empty where there are none.
pub(super) fn listed(operations: &[WitnessOp]) -> String {
    let one = |op: &WitnessOp| match op.returned_line {
        Some(returned) => format!("{} (lines {}-{returned}) {}", op.operation, op.line, op.role),
        None => format!("{} (line {}) {}", op.operation, op.line, op.role),
    };
    let all: Vec<String> = operations.iter().map(one).collect();
    if all.is_empty() { String::new() } else { format!(" [{}]", all.join("; ")) }
}

/// How far an order exists.
pub(super) fn until(prefix: Prefix, on: &str) -> String {
    let Prefix { operations, line, exact } = prefix;
    let at_least = if exact { "" } else { "at least " };
    match operations {
        0 => String::new(),
        1 => format!("; {at_least}the one operation{on} that completed before, at line {line}, has an order"),
        _ => {
            format!("; {at_least}the {operations} operations{on} that completed by line {line} have an order")
        }
    }
}

/// The clause after "because" for a search that tried every order.
pub(super) fn exhausted(deepest: &Deepest) -> String {
    let states = match &deepest.states[..] {
        [] => return "no order of the operations up to there respects real time".to_owned(),
        [only] => only.clone(),
        many => format!("{}{}", many.join(" or "), if deepest.more { " or others" } else { "" }),
    };
    format!(
        "every order of the other operations that respects real time leaves the state at {states} by then"
    )
}

/// The failed update whose value the culprit saw, if no other operation can have brought that value.
pub(super) fn failed_source(
    partitions: &Partitions<'_>,
    history: &History,
    part: usize,
    culprit: u32,
    proof: &mut Proof,
) {
    let op = &history.ops[culprit as usize];
    let operands = partitions.operands(op);
    let saw = match op.f {
        F::Cas => operands.scalars(operands.arg).map(|(from, _)| from),
        F::Read => {
            operands.out.map(|out| operands.scalars(out).map_or(operands.scalar(out), |(_, value)| value))
        }
        F::Dequeue => operands.out.map(|out| operands.scalar(out)),
        _ => None,
    };
    let Some(saw) = saw.filter(|saw| !saw.is_null()) else { return };
    let brings = |number: &u32| {
        let operands = partitions.operands(&history.ops[*number as usize]);
        let value = match operands.f {
            F::Cas => operands.scalars(operands.arg).map(|(_, to)| to),
            F::Write | F::Add | F::Enqueue | F::Append => Some(operands.scalar(operands.arg)),
            _ => None,
        };
        value == Some(saw)
    };
    let sources: Vec<u32> = partitions.ops(part).filter(brings).collect();
    let failed = |number: &u32| history.ops[*number as usize].effect == Effect::Failed;
    if let Some(&first) = sources.first()
        && sources.iter().all(failed)
    {
        proof.because +=
            ": the only one that asked for it failed, and a failed operation must not take effect";
        proof.witness.push((first, "failed, and was seen".to_owned()));
    }
}
