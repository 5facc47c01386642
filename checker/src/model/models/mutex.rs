//! `mutex`: acquired when free, released when held, by whomever, as Jepsen's mutex.

use super::super::op::F;
use super::super::spec::{Call, Model, Operands};
use super::foreign;

/// A lock without an owner.
#[derive(Debug, Clone, Copy)]
pub struct Mutex;

/// What an operation does to a mutex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Took it.
    Acquire,
    /// Gave it back.
    Release,
}

impl Model for Mutex {
    type Act = Act;
    /// Whether it is held.
    type State = bool;
    type Undo = ();

    fn act(&self, operation: &Operands<'_>) -> Result<Option<Act>, String> {
        match operation.f {
            F::Acquire => Ok(Some(Act::Acquire)),
            F::Release => Ok(Some(Act::Release)),
            f => Err(foreign(f)),
        }
    }

    fn forget(&self, act: Act) -> Option<Act> {
        Some(act)
    }

    fn tune(&self, _: &mut Vec<Call<Act>>) -> Self {
        *self
    }

    fn initial(&self) -> bool {
        false
    }

    fn apply(&self, held: &mut bool, act: Act) -> Option<()> {
        let legal = *held == (act == Act::Release);
        legal.then(|| *held = !*held)
    }

    fn undo(&self, held: &mut bool, _: Act, (): ()) {
        *held = !*held;
    }

    fn fingerprint(&self, held: &bool) -> u128 {
        u128::from(*held) + 1
    }

    fn read_only(&self, _: Act) -> bool {
        false
    }

    fn show(&self, held: &bool) -> String {
        if *held { "held" } else { "free" }.to_owned()
    }
}
