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
    let mut known: Vec<u32> = (0..calls.len() as u32).filter(|&i| !calls[i as usize].unknown()).collect();
    known.sort_by_key(|&i| calls[i as usize].returned);
    known
}

/// The calls as they were known when the first `count` had completed.
pub(super) fn cut<M: Model>(
    model: &M,
    calls: &[Call<M::Act>],
    order: &[u32],
    count: usize,
) -> Vec<Call<M::Act>> {
    let Some(&last) = count.checked_sub(1).and_then(|i| order.get(i)) else { return Vec::new() };
    let now = calls[last as usize].returned;
    let mut complete = vec![false; calls.len()];
    for &call in &order[..count] {
        complete[call as usize] = true;
    }
    let seen = |(call, complete): (&Call<M::Act>, bool)| {
        if call.invoked > now {
            return None;
        }
        if complete {
            return Some(*call);
        }
        let act = model.forget(call.act)?;
        Some(Call { act, returned: Call::<M::Act>::NEVER, ..*call })
    };
    calls.iter().zip(complete).filter_map(seen).collect()
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
