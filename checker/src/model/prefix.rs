//! The longest linearizable prefix of a broken partition, by probing.
//!
//! A prefix ends with a completion. What was invoked by then and completes later is cut to what was
//! known at that moment: an update may or may not have happened, a read tells nothing yet. Prefixes of
//! a linearizable history are linearizable, so the first broken one is found by narrowing down.

use super::spec::{Call, Model};

/// What deciding one prefix gives.
pub(super) enum Probe<W> {
    /// It has an order.
    Linearizable,
    /// It has none. `within`: how many completions seem to suffice for the contradiction; a guess.
    Broken { why: W, within: usize },
    /// The budget ended.
    Undecided,
}

/// Where the history breaks.
pub(super) struct Break<W> {
    /// Completions in the longest prefix known to have an order.
    pub sound: usize,
    /// Completions in the shortest prefix known to have none.
    pub broken: usize,
    /// Why that one has none.
    pub why: W,
}

/// The completions of calls, in time; ties by invocation.
pub(super) fn completions<A>(calls: &[Call<A>]) -> Vec<u32> {
    // Beside its key, a call need not be looked up at every comparison.
    let mut known: Vec<Moment> = moments(calls).collect();
    known.sort_unstable();
    known.into_iter().map(|(_, i)| i).collect()
}

/// A completion: its time, and the number of its call, which orders those of one time.
pub(super) type Moment = (u64, u32);

/// The completions of calls, in no order.
pub(super) fn moments<A>(calls: &[Call<A>]) -> impl Iterator<Item = Moment> + '_ {
    let known = (0..).zip(calls).filter(|(_, call)| !call.unknown());
    known.map(|(i, call)| (call.returned, i))
}

/// The calls as they were known at a moment, this completion included.
pub(super) fn cut<M: Model>(model: &M, calls: &[Call<M::Act>], now: Moment) -> Vec<Call<M::Act>> {
    let begun = calls.partition_point(|call| call.invoked <= now.0);
    let seen = |(number, call): (u32, &Call<M::Act>)| {
        if (call.returned, number) <= now {
            return Some(*call);
        }
        let act = model.forget(call.act)?;
        Some(Call { act, returned: Call::<M::Act>::NEVER, ..*call })
    };
    (0..).zip(&calls[..begun]).filter_map(seen).collect()
}

/// Narrows down where `total` completions break, for the reason `why`; `probe` decides a prefix.
pub(super) fn narrow<W>(total: usize, why: W, within: usize, probe: impl Fn(usize) -> Probe<W>) -> Break<W> {
    let mut found = Break { sound: 0, broken: total, why };
    let mut guess = Some(within);
    let mut halve = false;
    while found.sound + 1 < found.broken {
        // A guess that holds, then the prefix just below it, finds a lone contradiction in two probes;
        // halving in between bounds the number of probes where contradictions abound.
        let inside = |count: &usize| found.sound < *count && *count < found.broken;
        let count = guess.take().filter(inside).unwrap_or_else(|| {
            halve = !halve;
            if halve { found.broken - 1 } else { found.sound.midpoint(found.broken) }
        });
        match probe(count) {
            Probe::Linearizable => found.sound = count,
            Probe::Broken { why, within } => {
                (found.broken, found.why) = (count, why);
                guess = Some(within);
            }
            Probe::Undecided => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Narrows a history whose prefixes break from `first` on; contradictions name `within`.
    fn narrowed(total: usize, first: usize, within: usize) -> (usize, usize, u32) {
        let probes = Cell::new(0);
        let found = narrow(total, total, within, |count| {
            probes.set(probes.get() + 1);
            if count < first { Probe::Linearizable } else { Probe::Broken { why: count, within } }
        });
        assert_eq!(found.why, found.broken);
        (found.sound, found.broken, probes.get())
    }

    #[test]
    fn a_good_guess_needs_two_probes_and_a_bad_one_few() {
        assert_eq!(narrowed(1_000_000, 500_000, 500_000), (499_999, 500_000, 2));
        for (first, within) in [(1, 0), (1, 1_000_000), (777_777, 3), (1_000_000, 1_000_000), (2, 999_999)] {
            let (sound, broken, probes) = narrowed(1_000_000, first, within);
            assert_eq!((sound, broken), (first - 1, first));
            assert!(probes <= 42, "{probes} probes for {first}");
        }
    }

    #[test]
    fn without_an_answer_the_bounds_stand() {
        let found = narrow(10, "all", 4, |_| Probe::Undecided);
        assert_eq!((found.sound, found.broken, found.why), (0, 10, "all"));
    }
}
