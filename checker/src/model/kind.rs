//! Which model judges a history: its name, its vocabulary, and the guess where nobody said.

use std::fmt;
use std::str::FromStr;

use super::history::History;
use super::op::{F, Op};

/// The sequential data types that a history can be judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelKind {
    /// One value: `read`, `write`. Reads `null` before the first write.
    Register,
    /// A register with `cas` `[from, to]`.
    CasRegister,
    /// A register a key, with `append` to strings.
    Kv,
    /// `add`, and `read` of the whole set.
    Set,
    /// A bag: `enqueue`, `dequeue` of any element, `null` when empty.
    Queue,
    /// A queue in first-in, first-out order.
    Fifo,
    /// `append` completes with `[offset, value]`, `read` of `[offset, value]`, `end` (the length).
    Log,
    /// `acquire`, `release`; not re-entrant.
    Mutex,
}

impl ModelKind {
    /// Every model.
    pub const ALL: [ModelKind; 8] = [
        ModelKind::Register,
        ModelKind::CasRegister,
        ModelKind::Kv,
        ModelKind::Set,
        ModelKind::Queue,
        ModelKind::Fifo,
        ModelKind::Log,
        ModelKind::Mutex,
    ];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            ModelKind::Register => "register",
            ModelKind::CasRegister => "cas-register",
            ModelKind::Kv => "kv",
            ModelKind::Set => "set",
            ModelKind::Queue => "queue",
            ModelKind::Fifo => "fifo",
            ModelKind::Log => "log",
            ModelKind::Mutex => "mutex",
        }
    }

    /// The functions that it knows.
    pub fn vocabulary(self) -> &'static [F] {
        match self {
            ModelKind::Register => &[F::Read, F::Write],
            ModelKind::CasRegister => &[F::Read, F::Write, F::Cas],
            ModelKind::Kv => &[F::Read, F::Write, F::Cas, F::Append],
            ModelKind::Set => &[F::Read, F::Add],
            ModelKind::Queue | ModelKind::Fifo => &[F::Enqueue, F::Dequeue],
            ModelKind::Log => &[F::Read, F::Append, F::End],
            ModelKind::Mutex => &[F::Acquire, F::Release],
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where the models are told.
const PAGE: &str = "docs/models.md tells what each takes";

/// A name that is no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown model \"{name}\"; the models are {} ({PAGE})", list(&ModelKind::ALL))]
pub struct UnknownModel {
    /// What was asked for.
    pub name: String,
}

impl FromStr for ModelKind {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<ModelKind, UnknownModel> {
        let found = ModelKind::ALL.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| UnknownModel { name: name.to_owned() })
    }
}

/// Why a history does not tell its model. Every message lists the models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// Several models know all of its functions, and they would judge differently.
    #[error("a history of {functions} could be any of {}; choose one with --model ({}); {PAGE}",
            list(candidates), list(&ModelKind::ALL))]
    Ambiguous {
        /// The functions that occur.
        functions: String,
        /// The models that know them all.
        candidates: Vec<ModelKind>,
    },
    /// No model knows all of its functions.
    #[error("no judge knows a history of {functions}: it is no log (send, poll, txn), no queue (enqueue, dequeue, \
             drain), and no model knows all of them; the models are {}; choose one with --model ({PAGE})",
            list(&ModelKind::ALL))]
    NoModel {
        /// The functions that occur.
        functions: String,
    },
}

fn list(kinds: &[ModelKind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

/// The model that a history's operations speak of.
///
/// # Errors
/// The functions fit no model, or several that would judge differently: `enqueue` and `dequeue` do not
/// tell a bag from a FIFO queue, nor `append` and `read` a string from a log unless a completion does.
pub fn infer(history: &History) -> Result<ModelKind, InferError> {
    let functions = history.functions();
    let mut names: Vec<String> = functions.keys().map(F::to_string).collect();
    names.extend(history.foreign().keys().cloned());
    let names = if names.is_empty() { "no client operations".to_owned() } else { names.join(", ") };
    let knows = |kind: &ModelKind| functions.keys().all(|f| kind.vocabulary().contains(f));
    let candidates: Vec<ModelKind> = ModelKind::ALL.into_iter().filter(knows).collect();
    if functions.is_empty() || !history.foreign().is_empty() || candidates.is_empty() {
        return Err(InferError::NoModel { functions: names });
    }
    let has = |f| functions.contains_key(&f);
    if has(F::Append) && !has(F::End) && candidates.contains(&ModelKind::Log) {
        // A log's append is told its offset, a string's is told nothing new.
        let pair = |v| history.tables().pair(v);
        let mut appends = history.ops().iter().filter(|op| op.f == F::Append);
        let offset = |op: &Op| {
            // Under a [key, value] tuple the completion is [key, [offset, value]].
            let told = if pair(op.arg).is_some() { pair(op.out).map(|(_, told)| told) } else { Some(op.out) };
            told.and_then(pair).is_some_and(|(offset, _)| offset.as_int().is_some())
        };
        return match appends.any(offset) {
            true => Ok(ModelKind::Log),
            false if has(F::Read) => Ok(ModelKind::Kv),
            false => Err(InferError::Ambiguous { functions: names, candidates }),
        };
    }
    if has(F::Write) || has(F::Cas) {
        // These three agree on reads and writes; the smallest vocabulary says what was meant.
        let keyed = history.ops().iter().any(|op| !op.key.is_null());
        return Ok(if keyed { ModelKind::Kv } else { candidates[0] });
    }
    match candidates[..] {
        [only] => Ok(only),
        _ => Err(InferError::Ambiguous { functions: names, candidates }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history that only names functions, `f=arg>out` each.
    fn inferred(ops: &str) -> String {
        let mut text = String::new();
        for (process, op) in ops.split_whitespace().enumerate() {
            let (call, out) = op.split_once('>').unwrap_or((op, "null"));
            let (f, arg) = call.split_once('=').unwrap_or((call, "null"));
            for (op_type, value) in [("invoke", arg), ("ok", out)] {
                text += &format!(
                    "{{\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}}}\n"
                );
            }
        }
        match infer(&History::from_json_lines(&text).unwrap()) {
            Ok(kind) => kind.to_string(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn operations_tell_their_model() {
        for (ops, kind) in [
            ("read write=1", "register"),
            ("read cas=[1,2]", "cas-register"),
            ("read append=\"x\" write=\"y\"", "kv"),
            ("append=\"x\" read>\"x\"", "kv"),
            ("append=1>[0,1] read", "log"),
            ("append=1 end>1", "log"),
            ("append=[7,1]>[7,[0,1]] read", "log"),
            ("append=[7,\"x\"]>[7,\"x\"] read", "kv"),
            ("add=1 read>[1]", "set"),
            ("acquire release", "mutex"),
        ] {
            assert_eq!(inferred(ops), kind, "{ops}");
        }
    }

    #[test]
    fn what_is_not_clear_lists_the_models() {
        let all = "register, cas-register, kv, set, queue, fifo, log, mutex";
        for ops in ["enqueue=1 dequeue>1", "read", "add=1 enqueue=2", "append=1", "jump", ""] {
            let message = inferred(ops);
            assert!(message.contains(all), "{ops}: {message}");
        }
        assert!(inferred("enqueue=1").contains("any of queue, fifo;"));
        let error = "quue".parse::<ModelKind>().unwrap_err().to_string();
        assert_eq!(error, format!("unknown model \"quue\"; the models are {all} ({PAGE})"));
        assert_eq!("fifo".parse(), Ok(ModelKind::Fifo));
    }
}
