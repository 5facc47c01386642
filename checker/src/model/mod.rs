//! Linearizability of any history against a sequential data type (Herlihy & Wing 1990).
//!
//! In the order that data meets them:
//!
//! - a history: [`value`] (values in eight bytes), [`op`], `line` (one line's typed parse), [`load`]
//!   (chunks of lines to operations), [`history`]
//! - what to judge it by: [`kind`] (names, vocabularies, the guess), [`spec`] (the trait), [`models`]
//!   (one file each)
//! - judging: `partition` (one list of calls a key), [`monitor`] (where values decide), [`search`] (where
//!   they do not), `check` (which of the two, and for how long)
//! - answering: `violation` (one broken key in full), `prefix` (how much of its history still has an
//!   order), `explain` (words), [`outcome`], [`report`] (in a verdict)
//!
//! **Invariant:** Valid and Invalid are proofs. Whatever is not read, not understood or not finished
//! gives Unknown with its reason.
//! **Invariant:** what a failed operation asked for did not happen; what an unknown one asked for may
//! happen at any later time, or never.

mod check;
mod explain;
pub mod history;
pub mod kind;
mod line;
pub mod load;
pub mod models;
pub mod monitor;
pub mod op;
pub mod outcome;
mod partition;
mod prefix;
pub mod report;
pub mod search;
pub mod spec;
pub mod value;
mod violation;

pub use self::history::History;
pub use self::kind::{ModelKind, infer};
pub use self::op::Op;
pub use self::outcome::{Budget, Coverage, Outcome, Violation};

use crate::load::UNSTATED;

use self::check::Check;
use self::models::{fifo::Fifo, kv::Kv, log::Log, mutex::Mutex, queue::Queue, register::Register, set::Set};
use self::partition::Partitions;

/// Judges a history against a model, on the threads of the current rayon pool. What each model takes and gives is
/// told, with examples, in `docs/models.md`.
pub fn check(history: &History, kind: ModelKind, budget: &Budget) -> Outcome {
    if let Some(reason) = unreadable(history, kind) {
        let operations = history.ops.len() as u64;
        return Outcome::Unknown { reason, coverage: Coverage { operations, ..Coverage::default() } };
    }
    let partitions = &Partitions::new(history, kind);
    let tables = &history.tables;
    macro_rules! run {
        ($model:expr) => {
            Check { history, kind, partitions, model: $model, budget }.run()
        };
    }
    match kind {
        ModelKind::Register | ModelKind::CasRegister => run!(Register { tables }),
        ModelKind::Kv => run!(Kv::new(tables)),
        ModelKind::Set => run!(Set::new(tables, partitions.canonical())),
        ModelKind::Queue => run!(Queue::new(tables)),
        ModelKind::Fifo => run!(Fifo { tables }),
        ModelKind::Log => run!(Log { tables }),
        ModelKind::Mutex => run!(Mutex),
    }
}

/// Why the model cannot read the history at all.
fn unreadable(history: &History, kind: ModelKind) -> Option<String> {
    let known = kind.vocabulary().iter().map(|f| f.as_str()).collect::<Vec<_>>().join(", ");
    if history.ops.is_empty() && history.foreign().is_empty() {
        return Some(format!("the history holds no operation of a client; the model {kind} knows {known}"));
    }
    if history.clocks > 1 && history.apart.is_none() {
        let untimed = "its operations carry different clocks, and no times that could be compared";
        return Some(if history.timed { UNSTATED } else { untimed }.to_owned());
    }
    let foreign = history.foreign().iter().map(|(f, foreign)| (f.as_str(), foreign.line));
    let outside = history.functions().into_iter().filter(|(f, _)| !kind.vocabulary().contains(f));
    let outside = outside.map(|(f, op)| (f.as_str(), op.line));
    let (f, line) = foreign.chain(outside).min_by_key(|&(_, line)| line)?;
    Some(format!(
        "\"{f}\" (line {line}) is no function of the model {kind}, which knows {known}; the history's functions are {}",
        functions(history)
    ))
}

/// The functions of a history, those that no model knows last.
fn functions(history: &History) -> String {
    const TOLD: usize = 12;
    let known = history.functions().into_keys().map(|f| f.to_string());
    let names: Vec<String> = known.chain(history.foreign().keys().cloned()).collect();
    let more = names.len().saturating_sub(TOLD);
    let told = names[..names.len() - more].join(", ");
    if more > 0 { format!("{told} and {more} more") } else { told }
}
