//! What a model is: a sequential data type, stepped and unstepped in place.
//!
//! A model sees typed acts, not JSON. It says which acts are legal in a state, so that the search can
//! try orders; it may know more of its theory, and then decides some histories by itself.

use std::hash::Hash;

use super::op::F;
use super::value::{Tables, Value};

/// A sequential specification. The state changes in place and is undone in place, so that a step of
/// the search costs what the operation costs, whatever the state's size.
pub trait Model: Clone + Send + Sync {
    /// What an operation does, its result included.
    type Act: Copy + Eq + Hash + Send + Sync;
    /// The data type's state.
    type State: Send;
    /// What `undo` needs beyond the act.
    type Undo: Copy + Send;

    /// The act of an operation that happened or may have; `None` where it constrains nothing (a read
    /// that never returned).
    ///
    /// # Errors
    /// A fragment that says what the operation's value should look like.
    fn act(&self, operation: &Operands<'_>) -> Result<Option<Self::Act>, String>;

    /// What is left of an act when its result is not known.
    fn forget(&self, act: Self::Act) -> Option<Self::Act>;

    /// The model tuned to these calls: it may drop unknown calls that cannot matter, rewrite them to
    /// something simpler, and remember hints for [`Model::apply`].
    ///
    /// Tuning never changes whether the calls are linearizable.
    fn tune(&self, calls: &mut Vec<Call<Self::Act>>) -> Self;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// Performs the act; `None`, with the state untouched, where it is illegal.
    fn apply(&self, state: &mut Self::State, act: Self::Act) -> Option<Self::Undo>;

    /// Takes the last applied act back.
    fn undo(&self, state: &mut Self::State, act: Self::Act, undo: Self::Undo);

    /// A 128-bit hash of the state; equal for equal states.
    fn fingerprint(&self, state: &Self::State) -> u128;

    /// Whether the act, where legal, leaves every state as it is.
    fn read_only(&self, act: Self::Act) -> bool;

    /// The acts that an unknown act may stand for; one of them is performed.
    fn variants(&self, act: Self::Act) -> Vec<Self::Act> {
        vec![act]
    }

    /// The state, for people.
    fn show(&self, state: &Self::State) -> String;

    /// Decides calls whose values determine the answer; `None` where they do not.
    fn monitor(&self, calls: &[Call<Self::Act>]) -> Option<Finding> {
        let _ = calls;
        None
    }
}

/// An act between two instants. One call A precedes another B iff `A.returned < B.invoked`.
#[derive(Debug, Clone, Copy)]
pub struct Call<A> {
    /// From 1, so that 0 is before everything.
    pub invoked: u64,
    /// [`Call::NEVER`] where the effect is unknown.
    pub returned: u64,
    /// What it does.
    pub act: A,
    /// Its operation in the history.
    pub op: u32,
}

impl<A> Call<A> {
    /// The return of a call whose effect is unknown: it may be placed late, or nowhere.
    pub const NEVER: u64 = u64::MAX;

    /// Whether it may never have happened.
    pub fn unknown(&self) -> bool {
        self.returned == Self::NEVER
    }
}

/// The operands of one operation, its key already taken off.
#[derive(Debug, Clone, Copy)]
pub struct Operands<'h> {
    /// The function.
    pub f: F,
    /// What was asked.
    pub arg: Value,
    /// What was answered; `None` where the effect is unknown.
    pub out: Option<Value>,
    /// What the values refer to.
    pub tables: &'h Tables,
    /// [`Tables::canonical_lists`] where the history has lists in place of scalars, else empty.
    pub canonical: &'h [Value],
}

impl Operands<'_> {
    /// A value as one that can be compared: equal lists become one word.
    pub fn scalar(&self, value: Value) -> Value {
        let list = value.as_list().and_then(|list| self.canonical.get(list as usize));
        list.copied().unwrap_or(value)
    }

    /// A list of two scalars.
    pub fn scalars(&self, value: Value) -> Option<(Value, Value)> {
        let (a, b) = self.tables.pair(value)?;
        Some((self.scalar(a), self.scalar(b)))
    }
}

/// What a monitor decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// An order exists.
    Linearizable,
    /// None exists, and this proves it.
    Broken(Proof),
}

/// Why no order exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// A clause that fits "because ...".
    pub because: String,
    /// The operations of the contradiction, by number in the history, each with its part in it.
    pub witness: Vec<(u32, String)>,
}

impl Proof {
    /// A finding with this proof.
    pub fn found<const N: usize>(because: String, witness: [(u32, &str); N]) -> Option<Finding> {
        let witness = witness.into_iter().map(|(op, part)| (op, part.to_owned())).collect();
        Some(Finding::Broken(Proof { because, witness }))
    }
}

/// A hash of a word, at a place, over 128 bits: two rounds of folded multiplication with a
/// finalizer each (the constants are those of wyhash).
pub fn mix(word: u64, place: u64) -> u128 {
    let lane = |a: u64, b: u64| {
        let product = u128::from(word ^ a).wrapping_mul(u128::from(place.wrapping_mul(b) ^ b));
        let folded = (product as u64) ^ (product >> 64) as u64 ^ word.rotate_left(32) ^ place;
        finalize(folded ^ b)
    };
    let high = lane(0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db);
    let low = lane(0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3);
    u128::from(high) << 64 | u128::from(finalize(low ^ high))
}

/// The finalizer of `SplitMix64`.
fn finalize(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::mix;

    #[test]
    fn neighbouring_words_and_places_hash_apart() {
        let mut seen = std::collections::HashSet::new();
        for word in 0..300 {
            for place in 0..300 {
                let hash = mix(word, place);
                // Both halves alone must tell them apart: table indexes use one of them.
                assert!(seen.insert(hash as u64) && seen.insert((hash >> 64) as u64));
            }
        }
    }
}
