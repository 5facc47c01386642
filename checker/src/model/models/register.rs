//! `register` and `cas-register`: one value, `null` before the first write.

use rustc_hash::FxHashSet;

use super::super::monitor::zones;
use super::super::op::F;
use super::super::spec::{Call, Finding, Model, Operands, mix};
use super::super::value::{Tables, Value};
use super::foreign;

/// A register over the values of these tables.
#[derive(Debug, Clone, Copy)]
pub struct Register<'h> {
    /// For showing values.
    pub tables: &'h Tables,
}

/// What an operation does to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Returned this value.
    Read(Value),
    /// Set this value.
    Write(Value),
    /// Found the first value and set the second.
    Cas(Value, Value),
}

impl Act {
    /// The value that the act leaves behind.
    pub fn sets(self) -> Option<Value> {
        match self {
            Act::Read(_) => None,
            Act::Write(to) | Act::Cas(_, to) => Some(to),
        }
    }

    /// The value that the act must find.
    pub fn finds(self) -> Option<Value> {
        match self {
            Act::Write(_) => None,
            Act::Read(from) | Act::Cas(from, _) => Some(from),
        }
    }
}

impl Model for Register<'_> {
    type Act = Act;
    type State = Value;
    type Undo = Value;

    fn act(&self, operation: &Operands<'_>) -> Result<Option<Act>, String> {
        match operation.f {
            F::Read => Ok(operation.out.map(|v| Act::Read(operation.scalar(v)))),
            F::Write => Ok(Some(Act::Write(operation.scalar(operation.arg)))),
            F::Cas => match operation.scalars(operation.arg) {
                Some((from, to)) => Ok(Some(Act::Cas(from, to))),
                None => Err(format!(
                    "a cas has the value [from, to], not {}",
                    operation.tables.show(operation.arg)
                )),
            },
            f => Err(foreign(f)),
        }
    }

    fn forget(&self, act: Act) -> Option<Act> {
        (!matches!(act, Act::Read(_))).then_some(act)
    }

    /// Drops unknown updates to values that nothing ever finds: what follows one overwrites it.
    fn tune(&self, calls: &mut Vec<Call<Act>>) -> Self {
        drop_unobserved(calls);
        *self
    }

    fn initial(&self) -> Value {
        Value::NULL
    }

    fn apply(&self, state: &mut Value, act: Act) -> Option<Value> {
        if act.finds().is_some_and(|from| from != *state) {
            return None;
        }
        let before = *state;
        *state = act.sets().unwrap_or(before);
        Some(before)
    }

    fn undo(&self, state: &mut Value, _: Act, before: Value) {
        *state = before;
    }

    fn fingerprint(&self, state: &Value) -> u128 {
        mix(state.word(), 0)
    }

    fn read_only(&self, act: Act) -> bool {
        matches!(act, Act::Read(_))
    }

    fn show(&self, state: &Value) -> String {
        self.tables.show(*state)
    }

    fn monitor(&self, calls: &[Call<Act>]) -> Option<Finding> {
        zones::judge(calls, self.tables, |act| act)
    }
}

/// Drops unknown updates whose value no other call finds, until none is left to drop.
pub(super) fn drop_unobserved(calls: &mut Vec<Call<Act>>) {
    loop {
        let before = calls.len();
        if !calls.iter().any(Call::unknown) {
            return;
        }
        let found: FxHashSet<Value> = calls.iter().filter_map(|call| call.act.finds()).collect();
        calls.retain(|call| !call.unknown() || call.act.sets().is_some_and(|to| found.contains(&to)));
        if calls.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cas_needs_its_value_and_undo_restores_it() {
        let tables = Tables::default();
        let (model, [one, two]) = (Register { tables: &tables }, [1, 2].map(|i| Value::int(i).unwrap()));
        let mut state = model.initial();
        assert!(model.apply(&mut state, Act::Read(Value::NULL)).is_some());
        assert!(model.apply(&mut state, Act::Cas(one, two)).is_none());
        let undo = model.apply(&mut state, Act::Cas(Value::NULL, two)).unwrap();
        assert_eq!(state, two);
        model.undo(&mut state, Act::Cas(Value::NULL, two), undo);
        assert_eq!(state, Value::NULL);
    }

    #[test]
    fn an_unknown_chain_that_nobody_sees_is_dropped_whole() {
        let value = |i| Value::int(i).unwrap();
        let call = |returned, act| Call { invoked: 1, returned, act, op: 0 };
        let never = Call::<Act>::NEVER;
        let mut calls = vec![
            call(never, Act::Write(value(1))),
            call(never, Act::Cas(value(1), value(2))),
            call(never, Act::Write(value(3))),
            call(5, Act::Read(value(3))),
        ];
        drop_unobserved(&mut calls);
        assert_eq!(
            calls.iter().map(|c| c.act).collect::<Vec<_>>(),
            [Act::Write(value(3)), Act::Read(value(3))]
        );
    }
}
