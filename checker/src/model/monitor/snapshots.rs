//! The set monitor: reads of a grow-only set are snapshots that must form a chain. Linear in the input.
//!
//! Equal reads form a class, classes are ordered by size, and each must contain the one before. An
//! element is added between the last class without it and the first class with it. So all calls stand
//! in one forced order of groups: additions that the first class shows, reads of the first class,
//! additions that the second class shows, and so on; completed additions that no read shows come last.

use rustc_hash::FxHashSet;

use super::super::models::set::{Act, Set};
use super::super::spec::{Call, Finding, Proof};
use super::super::value::Value;
use super::numbering::Numbering;
use super::{Sweep, phantom};

/// A read as the monitor compares it.
struct Read {
    call: u32,
    list: Value,
    /// Different elements.
    size: u32,
}

/// Decides a set's calls; `None` where an element is added twice.
pub fn judge(calls: &[Call<Act>], set: &Set<'_>) -> Option<Finding> {
    let added = |call: &Call<Act>| match call.act {
        Act::Add(element) => Some(element),
        Act::Read(_) => None,
    };
    let mut numbers = Numbering::for_values(calls.iter().filter_map(added));
    let mut adds: Vec<u32> = Vec::new();
    for (i, call) in calls.iter().enumerate() {
        let Some(element) = added(call) else { continue };
        if numbers.number(element) < adds.len() {
            return None;
        }
        adds.push(i as u32);
    }
    let mut seen_by = vec![u32::MAX; adds.len()];
    let mut reads = Vec::new();
    for (i, call) in calls.iter().enumerate() {
        let Act::Read(list) = call.act else { continue };
        let mut read = Read { call: i as u32, list, size: 0 };
        for element in set.elements(list) {
            let Some(number) = numbers.get(element) else { return phantom(call, "added") };
            if std::mem::replace(&mut seen_by[number], i as u32) != i as u32 {
                read.size += 1;
            }
        }
        reads.push(read);
    }
    reads.sort_by_key(|read| read.size);
    let mut groups = Groups { calls, sweep: Sweep::default() };
    let mut classes = Classes { shown: vec![false; adds.len()], stamp: vec![u32::MAX; adds.len()] };
    let mut before: Option<&Read> = None;
    for (class, reads) in reads.chunk_by(|a, b| a.size == b.size).enumerate() {
        let head = &reads[0];
        let elements = set.elements(head.list).filter_map(|element| numbers.get(element));
        let (new, kept) = classes.show(class as u32, elements);
        if let Some(before) = before.filter(|before| kept != before.size) {
            return unordered(calls, set, before, head);
        }
        // Reads of one size are equal iff each element of one is in the other.
        let shown =
            |element| numbers.get(element).is_some_and(|number| classes.stamp[number] == class as u32);
        if let Some(other) = reads[1..].iter().find(|read| !set.elements(read.list).all(shown)) {
            return unordered(calls, set, other, head);
        }
        before = Some(head);
        let new = new.into_iter().map(|number| adds[number] as usize);
        let late = groups.place(new).or_else(|| groups.place(reads.iter().map(|read| read.call as usize)));
        if late.is_some() {
            return late;
        }
    }
    let unread = (0..adds.len()).filter(|&number| !classes.shown[number]).map(|number| adds[number] as usize);
    let unread = unread.filter(|&add| !calls[add].unknown());
    groups.place(unread).or(Some(Finding::Linearizable))
}

/// Which elements the classes so far show.
struct Classes {
    shown: Vec<bool>,
    /// The last class that an element was counted for.
    stamp: Vec<u32>,
}

impl Classes {
    /// Counts the elements of the next class: those shown for the first time, and how many were before.
    fn show(&mut self, class: u32, elements: impl Iterator<Item = usize>) -> (Vec<usize>, u32) {
        let (mut new, mut kept) = (Vec::new(), 0);
        for number in elements {
            if std::mem::replace(&mut self.stamp[number], class) == class {
                continue;
            }
            if std::mem::replace(&mut self.shown[number], true) {
                kept += 1;
            } else {
                new.push(number);
            }
        }
        (new, kept)
    }
}

/// The forced order of groups; the calls of one group may stand in any order.
struct Groups<'c> {
    calls: &'c [Call<Act>],
    sweep: Sweep,
}

impl Groups<'_> {
    /// Places the next group; a finding where one of its calls had returned before a call of an
    /// earlier group began.
    fn place(&mut self, group: impl Iterator<Item = usize> + Clone) -> Option<Finding> {
        for early in group.clone() {
            if let Some(late) = self.sweep.contradicts(self.calls[early].returned) {
                return contradiction(&self.calls[late], &self.calls[early]);
            }
        }
        for call in group {
            self.sweep.place(self.calls[call].invoked, call);
        }
        None
    }
}

/// `early` completed before `late` began, and yet the snapshots put it afterwards.
fn contradiction(late: &Call<Act>, early: &Call<Act>) -> Option<Finding> {
    let because = match (late.act, early.act) {
        (Act::Read(_), Act::Add(_)) => {
            "the element had been added before this read began, and the read misses it"
        }
        (Act::Add(_), Act::Read(_)) => "a read showed the element before its add began",
        (Act::Read(_), Act::Read(_)) => "an earlier read had shown an element that this later one misses",
        (Act::Add(_), Act::Add(_)) => {
            "a read shows the element whose add began later, and misses the one that had been added before"
        }
    };
    Proof::found(because.to_owned(), [(early.op, "completed first"), (late.op, "began afterwards")])
}

/// Two reads of which neither contains the other.
fn unordered(calls: &[Call<Act>], set: &Set<'_>, smaller: &Read, larger: &Read) -> Option<Finding> {
    let in_larger: FxHashSet<Value> = set.elements(larger.list).collect();
    let missing = set.elements(smaller.list).find(|element| !in_larger.contains(element));
    let because = match missing {
        Some(element) => format!(
            "one read shows {} and the other does not, though it shows at least as many elements",
            set.tables().show(element)
        ),
        None => "two reads show different elements".to_owned(),
    };
    let op = |read: &Read| calls[read.call as usize].op;
    Proof::found(because, [(op(smaller), "shows it"), (op(larger), "does not")])
}
