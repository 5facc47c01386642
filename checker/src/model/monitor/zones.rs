//! The register monitor: zones of values (Gibbons & Korach 1997), in O(n log n).
//!
//! If each value is written once, the operations on a value stand together in every linearization: its
//! write, then its reads. The latest invocation and the earliest return of such a cluster say when the
//! register must hold it: from the earliest return `f` until the latest invocation `s` if `f < s` (a
//! forward zone), else only at some instant of `[s, f]` (a backward zone). An order exists iff forward
//! zones are disjoint and no backward zone lies inside a forward one.
//!
//! A cas(a, b) stands right after the cluster of a and begins that of b, so values linked by cas form
//! a chain that stands together as one longer cluster, its inner order forced.

use super::super::models::register::Act;
use super::super::spec::{Call, Finding, Proof};
use super::super::value::{Tables, Value};
use super::numbering::Numbering;
use super::{Greatest, Least, Sweep, phantom};

const NONE: u32 = u32::MAX;

/// What is known of one value.
#[derive(Debug, Clone, Copy)]
struct Cluster {
    /// The call that sets it; `NONE` for the initial value and for phantoms.
    setter: u32,
    /// Of its reads.
    read_invoked: Greatest,
    read_returned: Least,
    /// The cas that finds it and counts.
    next: u32,
    /// Whether it must have been set.
    needed: bool,
}

/// The time a chain of values holds the register.
#[derive(Debug, Clone, Copy)]
struct Zone {
    first_return: Least,
    last_invocation: Greatest,
}

/// Two calls of one chain: the values put `late` first, the clock puts `early` first.
struct Late<'c, A> {
    early: &'c Call<A>,
    late: &'c Call<A>,
}

/// Calls, and what each does to a register.
struct Zones<'c, A, F> {
    calls: &'c [Call<A>],
    act: F,
    tables: &'c Tables,
}

/// Decides calls by what each does to a register; `None` where a value is set twice.
pub fn judge<A: Copy>(calls: &[Call<A>], tables: &Tables, act: impl Fn(A) -> Act) -> Option<Finding> {
    Zones { calls, act, tables }.judge()
}

impl<'c, A: Copy, F: Fn(A) -> Act> Zones<'c, A, F> {
    fn act(&self, call: &Call<A>) -> Act {
        (self.act)(call.act)
    }

    fn judge(&self) -> Option<Finding> {
        let calls = self.calls;
        let mut numbers = Numbering::for_values(calls.iter().filter_map(|c| self.act(c).sets()));
        let empty = Cluster {
            setter: NONE,
            read_invoked: Greatest::NONE,
            read_returned: Least::NONE,
            next: NONE,
            needed: false,
        };
        let initial = numbers.number(Value::NULL);
        let mut clusters = Vec::with_capacity(calls.len() / 2);
        clusters.push(Cluster { needed: true, ..empty });
        for (i, call) in calls.iter().enumerate() {
            let Some(value) = self.act(call).sets() else { continue };
            let number = numbers.number(value);
            if number < clusters.len() {
                return None;
            }
            clusters.push(Cluster { setter: i as u32, ..empty });
            clusters[number].needed = !call.unknown();
        }
        let mut any_cas = false;
        for (i, call) in calls.iter().enumerate() {
            let act = self.act(call);
            let Some(value) = act.finds() else { continue };
            let is_cas = matches!(act, Act::Cas(..));
            any_cas |= is_cas;
            if is_cas && call.unknown() {
                continue;
            }
            let Some(number) = numbers.get(value) else { return phantom(call, "wrote") };
            clusters[number].needed = true;
            if !is_cas {
                clusters[number].read_invoked.take(call.invoked, i);
                clusters[number].read_returned.take(call.returned, i);
            }
        }
        if any_cas && let Err(broken) = self.link(&numbers, &mut clusters) {
            return broken;
        }
        let mut forward: Vec<Zone> = Vec::new();
        let mut backward: Vec<Zone> = Vec::new();
        let mut reached = vec![false; if any_cas { clusters.len() } else { 0 }];
        for start in 0..clusters.len() {
            let writes = || matches!(self.act(&calls[clusters[start].setter as usize]), Act::Write(_));
            let root = start == initial || writes();
            if !(root && clusters[start].needed) {
                continue;
            }
            match self.walk(&clusters, start, &mut reached) {
                Err(late) => return self.late(&late),
                Ok(zone) if zone.first_return.0 < zone.last_invocation.0 => forward.push(zone),
                Ok(zone) => backward.push(zone),
            }
        }
        if let Some(lost) = (0..reached.len()).find(|&c| clusters[c].needed && !reached[c]) {
            let op = calls[clusters[lost].setter as usize].op;
            let because =
                "the value that it found was set only by a cas that needs this one's value".to_owned();
            return Proof::found(because, [(op, "set the value of a circle of cas")]);
        }
        Some(self.compare(forward, &backward))
    }

    /// Marks the values that must have been set because a needed cas found them, and links the chains.
    fn link(&self, numbers: &Numbering, clusters: &mut [Cluster]) -> Result<(), Option<Finding>> {
        let Zones { calls, tables, .. } = *self;
        let mut open: Vec<usize> = (0..clusters.len()).filter(|&c| clusters[c].needed).collect();
        while let Some(number) = open.pop() {
            let Some(setter) = calls.get(clusters[number].setter as usize) else { continue };
            let Act::Cas(from, _) = self.act(setter) else { continue };
            let Some(from_number) = numbers.get(from) else { return Err(phantom(setter, "wrote")) };
            let found = &mut clusters[from_number];
            if !std::mem::replace(&mut found.needed, true) {
                open.push(from_number);
            }
            let other = std::mem::replace(&mut found.next, number as u32);
            if other != NONE && other != number as u32 {
                let rival = &calls[clusters[other as usize].setter as usize];
                let because = format!(
                    "both found {}, which was set only once, and each replaced it",
                    tables.show(from)
                );
                return Err(Proof::found(
                    because,
                    [(rival.op, "replaced it"), (setter.op, "replaced it too")],
                ));
            }
        }
        Ok(())
    }

    /// Follows a chain from its first value, checks its inner order, and gives its zone.
    fn walk(&self, clusters: &[Cluster], start: usize, reached: &mut [bool]) -> Result<Zone, Late<'c, A>> {
        let calls = self.calls;
        let mut sweep = Sweep::default();
        // The initial value was written before everything.
        let mut first_return = if clusters[start].setter == NONE { Least(0, NONE) } else { Least::NONE };
        let mut number = start;
        while let Some(cluster) = clusters.get(number) {
            if let Some(reached) = reached.get_mut(number) {
                *reached = true;
            }
            let reads = cluster.read_invoked.0;
            for (call, invoked) in [(cluster.setter, 0), (cluster.read_returned.1, reads)] {
                let Some(early) = calls.get(call as usize) else { continue };
                if let Some(late) = sweep.contradicts(early.returned) {
                    return Err(Late { early, late: &calls[late] });
                }
                first_return.take(early.returned, call as usize);
                match invoked {
                    0 => sweep.place(early.invoked, call as usize),
                    _ => sweep.place(invoked, cluster.read_invoked.1 as usize),
                }
            }
            number = cluster.next as usize;
        }
        let (invoked, call) = sweep.latest();
        Ok(Zone { first_return, last_invocation: Greatest(invoked, call as u32) })
    }

    /// A chain whose inner order contradicts the clock.
    fn late(&self, Late { early, late }: &Late<'_, A>) -> Option<Finding> {
        let because = match self.act(late) {
            Act::Read(v) => format!("{} had been replaced before this read of it began", self.tables.show(v)),
            Act::Write(v) | Act::Cas(_, v) => {
                format!("{} had been found before the operation that set it began", self.tables.show(v))
            }
        };
        Proof::found(because, [(early.op, "completed first"), (late.op, "began afterwards")])
    }

    /// Zones against each other.
    fn compare(&self, mut forward: Vec<Zone>, backward: &[Zone]) -> Finding {
        forward.sort_by_key(|zone| zone.first_return.0);
        let overlap = forward.windows(2).find(|pair| pair[1].first_return.0 < pair[0].last_invocation.0);
        if let Some(pair) = overlap {
            return Finding::Broken(self.conflict(pair[0], pair[1]));
        }
        for zone in backward {
            let (from, until) = (zone.last_invocation.0, zone.first_return.0);
            let before = forward.partition_point(|f| f.first_return.0 < from);
            if let Some(held) = before.checked_sub(1).map(|i| forward[i])
                && until < held.last_invocation.0
            {
                return Finding::Broken(self.conflict(held, *zone));
            }
        }
        Finding::Linearizable
    }

    /// The proof that two chains need the register at once: something of `other` came after a call of `held`, and
    /// something of it before another one.
    fn conflict(&self, held: Zone, other: Zone) -> Proof {
        let Zones { calls, tables, .. } = *self;
        let value = |call: u32| match calls.get(call as usize).map(|c| self.act(c)) {
            Some(act) => act.sets().or(act.finds()).unwrap_or(Value::NULL),
            None => Value::NULL,
        };
        let (first, last) = (value(held.first_return.1), value(held.last_invocation.1));
        let (after, before) = (value(other.last_invocation.1), value(other.first_return.1));
        let [a, z, b, c] = [first, last, after, before].map(|value| tables.show(value));
        let initial = held.first_return.1 == NONE;
        let because = match (initial, first == last) {
            (true, true) => {
                format!(
                    "{c} had been in place before {z}, the initial value, was found, and nothing wrote {z} again"
                )
            }
            (true, false) => {
                format!(
                    "{c} has to come before {z}, and cas alone led from the initial value to {z}, without a break"
                )
            }
            (false, true) if b == c => {
                format!("{b} has to come after {a} and before {a} too, and each was written only once")
            }
            (false, true) => format!(
                "{b} has to come after {a}, and {c} before {a}, and {a} was written only once, as was what cas made \
                 of {b} and {c}"
            ),
            (false, false) => {
                let both = if b == c { " and".to_owned() } else { format!(", and {c}") };
                format!(
                    "{b} has to come after {a}{both} before {z}, and cas alone led from {a} to {z}, without a break"
                )
            }
        };
        let mut witness: Vec<(u32, String)> = Vec::new();
        let mut push = |call: u32, part: String| {
            let Some(call) = calls.get(call as usize) else { return };
            match witness.iter_mut().find(|(op, _)| *op == call.op) {
                Some((_, parts)) => *parts = format!("{parts}, and {part}"),
                None => witness.push((call.op, part)),
            }
        };
        push(held.first_return.1, format!("completed with {a} in place"));
        if !initial {
            push(other.last_invocation.1, format!("began after that, on {b}"));
        }
        push(other.first_return.1, format!("completed with {c} in place"));
        push(held.last_invocation.1, format!("began after that, on {z}"));
        Proof { because, witness }
    }
}
