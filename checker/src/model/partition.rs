//! One history to one list of calls a key.
//!
//! Linearizability is local (Herlihy & Wing 1990): a history is linearizable iff its part on each key
//! is, and small parts are searched exponentially faster (Horn & Kroening 2015, P-compositionality).
//! The key is the `key` field, or the first half of Jepsen's `[key value]` tuples.

use super::history::History;
use super::kind::ModelKind;
use super::monitor::numbering::Numbering;
use super::op::{Effect, F, Op};
use super::spec::{Call, Model, Operands};
use super::value::Value;

/// Operations copied together. A key's operations lie far apart, and memory answers many such requests at once,
/// but not while each operation is looked into first.
const BATCH: usize = 64;

/// The operations of a history by key.
pub(super) struct Partitions<'h> {
    history: &'h History,
    tuples: bool,
    canonical: Vec<Value>,
    /// Operations grouped by key, each group by invocation; empty where there is one key.
    order: Vec<u32>,
    /// Key, and the end of its group in `order`.
    parts: Vec<(Value, usize)>,
}

/// An operation that the model cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    pub op: u32,
    pub reason: String,
}

impl<'h> Partitions<'h> {
    pub(super) fn new(history: &'h History, kind: ModelKind) -> Partitions<'h> {
        let tuples = !history.traits.keyed && is_tuples(history, kind);
        let mut partitions =
            Partitions { history, tuples, canonical: Vec::new(), order: Vec::new(), parts: Vec::new() };
        if partitions.lists_as_scalars(kind) {
            partitions.canonical = history.tables.canonical_lists();
        }
        partitions.group();
        partitions
    }

    /// [`crate::model::value::Tables::canonical_lists`] where lists stand as scalars, else empty.
    pub(super) fn canonical(&self) -> &[Value] {
        &self.canonical
    }

    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The key of a partition, `None` in a history without keys.
    pub(super) fn key(&self, part: usize) -> Option<Value> {
        let keyed = self.tuples || self.parts.len() > 1 || !self.parts[part].0.is_null();
        keyed.then_some(self.parts[part].0)
    }

    /// The operations of a partition, failed ones included, by invocation.
    pub(super) fn ops(&self, part: usize) -> impl Iterator<Item = u32> + '_ {
        let start = part.checked_sub(1).map_or(0, |before| self.parts[before].1);
        (start..self.parts[part].1).map(|i| self.order.get(i).map_or(i as u32, |&op| op))
    }

    /// How many operations a partition has.
    pub(super) fn size(&self, part: usize) -> usize {
        self.parts[part].1 - part.checked_sub(1).map_or(0, |before| self.parts[before].1)
    }

    /// What an operation was asked and told, without its key.
    pub(super) fn operands(&self, op: &Op) -> Operands<'_> {
        let strip = |v| match self.history.tables.pair(v) {
            Some((_, value)) if self.tuples => value,
            _ => v,
        };
        Operands {
            f: op.f,
            arg: strip(op.arg),
            out: (op.effect == Effect::Happened).then(|| strip(op.out)),
            tables: &self.history.tables,
            canonical: &self.canonical,
        }
    }

    /// The calls of a partition, by invocation. Failed operations did not happen and are left out.
    pub(super) fn calls<M: Model>(&self, model: &M, part: usize) -> Result<Vec<Call<M::Act>>, Unfit> {
        let mut calls = Vec::with_capacity(self.size(part));
        let mut push = |number: u32, op: &Op| {
            if op.effect == Effect::Failed {
                return Ok(());
            }
            let act = model.act(&self.operands(op)).map_err(|reason| Unfit { op: number, reason })?;
            let unknown = op.effect == Effect::Unknown;
            let returned = if unknown { Call::<M::Act>::NEVER } else { self.history.returned(op) };
            calls.extend(act.map(|act| Call { invoked: op.invoked + 1, returned, act, op: number }));
            Ok(())
        };
        let ops = &self.history.ops;
        if self.order.is_empty() {
            self.ops(part).try_for_each(|number| push(number, &ops[number as usize]))?;
            return Ok(calls);
        }
        let mut numbers = self.ops(part);
        let mut batch: Vec<(u32, Op)> = Vec::with_capacity(BATCH);
        loop {
            batch.clear();
            batch.extend(numbers.by_ref().take(BATCH).map(|number| (number, ops[number as usize])));
            if batch.is_empty() {
                return Ok(calls);
            }
            batch.iter().try_for_each(|(number, op)| push(*number, op))?;
        }
    }

    fn key_of(&self, op: &Op) -> Value {
        if !self.tuples {
            return op.key;
        }
        self.history.tables.pair(op.arg).map_or(Value::NULL, |(key, _)| key)
    }

    fn group(&mut self) {
        let ops = &self.history.ops;
        if !self.tuples && !self.history.traits.keyed {
            self.parts.extend((!ops.is_empty()).then_some((Value::NULL, ops.len())));
            return;
        }
        let mut numbers = Numbering::for_values(ops.iter().map(|op| self.key_of(op)));
        let mut keys: Vec<(Value, usize)> = Vec::new();
        let mut group_of: Vec<u32> = Vec::new();
        let mut last: Option<(Value, u32)> = None;
        for (i, op) in ops.iter().enumerate() {
            let key = self.key_of(op);
            let group = match last {
                Some((before, group)) if before == key => group,
                _ => numbers.number(key) as u32,
            };
            if group as usize == keys.len() {
                keys.push((key, 0));
            }
            last = Some((key, group));
            keys[group as usize].1 += 1;
            // With one key so far there is nothing to write down.
            if keys.len() > 1 {
                group_of.resize(i, 0);
                group_of.push(group);
            }
        }
        let mut end = 0;
        let mut next: Vec<usize> = Vec::with_capacity(keys.len());
        for (_, size) in &mut keys {
            next.push(end);
            end += *size;
            *size = end;
        }
        if keys.len() > 1 {
            self.order = vec![0; ops.len()];
            for (i, &group) in group_of.iter().enumerate() {
                let slot = &mut next[group as usize];
                self.order[*slot] = i as u32;
                *slot += 1;
            }
        }
        self.parts = keys;
    }

    /// Whether somewhere a list stands where the model compares scalars.
    fn lists_as_scalars(&self, kind: ModelKind) -> bool {
        let tables = &self.history.tables;
        // Most histories have no list in a list, and then no list need be looked into.
        let any_nested = tables.nested();
        if !any_nested && !self.tuples {
            let traits = &self.history.traits;
            return F::ALL.into_iter().any(|f| match (f, kind) {
                (F::Cas, _) | (F::Read, ModelKind::Set | ModelKind::Log) => false,
                (F::Append, ModelKind::Log) => traits.asked_list(f),
                _ => traits.any_list(f),
            });
        }
        let nested = |v| any_nested && tables.items(v).iter().any(|item| item.as_list().is_some());
        self.history.ops.iter().any(|op| {
            let Operands { arg, out, .. } = self.operands(op);
            let out = out.unwrap_or(Value::NULL);
            match (op.f, kind) {
                (F::Cas, _) => nested(arg),
                (F::Read, ModelKind::Set | ModelKind::Log) => nested(out),
                (F::Append, ModelKind::Log) => arg.as_list().is_some() || nested(out),
                _ => arg.as_list().is_some() || out.as_list().is_some(),
            }
        })
    }
}

/// Whether every operation can be read as Jepsen's `[key value]` tuple, and none contradicts it.
fn is_tuples(history: &History, kind: ModelKind) -> bool {
    let tables = &history.tables;
    let scalar = |v: Value| v.as_list().is_none();
    let fits = |op: &Op| {
        let Some((key, arg)) = tables.pair(op.arg) else { return false };
        let inner = match op.f {
            F::Cas => tables.pair(arg).is_some(),
            F::Write | F::Add | F::Enqueue | F::Append => true,
            _ => arg.is_null() || kind == ModelKind::Log && op.f == F::Read,
        };
        let Some((out_key, out)) = tables.pair(op.out) else {
            return inner && scalar(key) && !key.is_null() && op.out.is_null();
        };
        let answer = match (op.f, kind) {
            (F::Read, ModelKind::Log) => tables.pair(out).is_some(),
            (F::Read, ModelKind::Set) => !scalar(out),
            _ => true,
        };
        inner && scalar(key) && !key.is_null() && out_key == key && answer
    };
    !history.ops.is_empty() && history.ops.iter().all(fits)
}
