//! How far in time a search got, and in which states: what an explanation is made of.

/// The configurations that satisfied the most returns.
#[derive(Debug, Default, Clone)]
pub struct Deepest {
    /// The place among all events of the first return that they lack.
    place: u32,
    /// The call of that return, by number among the known ones; `None` before the first step.
    pub call: Option<u32>,
    /// Their states, for people, at most [`Deepest::STATES`] different ones.
    pub states: Vec<String>,
    /// Whether there were more.
    pub more: bool,
    seen: Vec<u128>,
}

impl Deepest {
    /// How many states are kept.
    pub const STATES: usize = 5;

    /// A configuration that lacks the return of `due`, at `place`; its state's fingerprint and text
    /// where states are kept.
    pub fn note(&mut self, place: u32, due: u32, state: Option<(u128, impl FnOnce() -> String)>) {
        if place < self.place {
            return;
        }
        if place > self.place {
            *self = Deepest { place, call: Some(due), ..Deepest::default() };
        }
        let Some((fingerprint, show)) = state else { return };
        if self.seen.contains(&fingerprint) {
            return;
        }
        if self.states.len() == Deepest::STATES {
            self.more = true;
            return;
        }
        self.seen.push(fingerprint);
        self.states.push(show());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deeper_configuration_replaces_and_an_equal_one_joins() {
        let mut deepest = Deepest::default();
        for (place, state) in [(1, 10), (3, 11), (3, 11), (3, 12), (2, 13)] {
            deepest.note(place, place, Some((state, || state.to_string())));
        }
        assert_eq!((deepest.call, deepest.states), (Some(3), vec!["11".to_owned(), "12".to_owned()]));
    }
}
