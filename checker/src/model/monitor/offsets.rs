//! The log monitor: offsets name the order of appends, so real time is all that is left to check.
//!
//! Let T(k) be the instant at which the log's length reaches k. Every call bounds it from one side: an
//! append at o lies at T(o+1); who saw a length of at least a returned after T(a); who saw a length of
//! at most b began before T(b+1). Setting each T(k) to the greatest lower bound so far, an order exists
//! iff that never passes an upper bound. Offsets index an array once they are known to lie below the number of
//! appends, so that all of it is linear, and nothing depends on how high offsets are.

use super::super::models::log::Act;
use super::super::spec::{Call, Finding, Proof};
use super::super::value::{Tables, Value};
use super::numbering::Numbering;
use super::{Greatest, Least, Sweep, phantom};

const NOWHERE: i64 = -1;

/// An appended value: who appended it, and where it lies.
#[derive(Clone, Copy)]
struct Entry {
    append: u32,
    offset: i64,
    /// Who said so.
    told: u32,
}

/// What lies at one offset.
#[derive(Clone, Copy)]
struct Slot {
    append: u32,
    /// Who said so.
    told: u32,
}

impl Slot {
    /// Nobody said what.
    const HOLE: Slot = Slot { append: u32::MAX, told: u32::MAX };

    fn is_hole(self) -> bool {
        self.append == u32::MAX
    }
}

/// Decides a log's calls; `None` where a value is appended twice, or an acknowledged one lies nowhere.
pub fn judge(calls: &[Call<Act>], tables: &Tables) -> Option<Finding> {
    let appended = |call: &Call<Act>| match call.act {
        Act::Append(value, _) => Some(value),
        _ => None,
    };
    let mut numbers = Numbering::for_values(calls.iter().filter_map(appended));
    let mut entries: Vec<Entry> = Vec::new();
    let mut fillers: Vec<u32> = Vec::new();
    let mut longest = Greatest::NONE;
    for (i, call) in calls.iter().enumerate() {
        match call.act {
            Act::Append(value, at) => {
                if numbers.number(value) < entries.len() {
                    return None;
                }
                entries.push(Entry { append: i as u32, offset: at.unwrap_or(NOWHERE), told: i as u32 });
            }
            Act::Filler => fillers.push(i as u32),
            Act::End(end) => longest.take(end.max(0) as u64, i),
            Act::Read(..) | Act::Beyond(_) => {}
        }
    }
    let appends = entries.len() + fillers.len();
    if let Some(broken) = bind(calls, &numbers, &mut entries, tables) {
        return Some(broken);
    }
    for entry in &entries {
        match entry.offset {
            NOWHERE if !calls[entry.append as usize].unknown() => return None,
            NOWHERE => fillers.push(entry.append),
            offset => longest.take(offset as u64 + 1, entry.told as usize),
        }
    }
    if longest.0 > appends as u64 {
        let because = format!(
            "the log had {} records then, and no more than {appends} can have been appended",
            longest.0
        );
        return Proof::found(because, [(calls[longest.1 as usize].op, "saw that length")]);
    }
    let mut placed = vec![Slot::HOLE; longest.0 as usize];
    for entry in entries.iter().filter(|entry| entry.offset != NOWHERE) {
        let slot = &mut placed[entry.offset as usize];
        if !slot.is_hole() {
            let (one, other) = (calls[slot.told as usize].op, calls[entry.told as usize].op);
            let because = format!("offset {} holds one value, and they name two", entry.offset);
            return Proof::found(because, [(one, "names one"), (other, "names the other")]);
        }
        *slot = Slot { append: entry.append, told: entry.told };
    }
    if let Some(broken) = fill(calls, &mut placed, fillers) {
        return Some(broken);
    }
    Some(sweep(calls, &placed))
}

/// Gives values the offsets at which they were read.
fn bind(calls: &[Call<Act>], numbers: &Numbering, entries: &mut [Entry], tables: &Tables) -> Option<Finding> {
    for (i, call) in calls.iter().enumerate() {
        let (offset, value) = match call.act {
            Act::Read(offset, value) => (offset, value),
            Act::Append(value, Some(offset)) if offset < 0 => (offset, value),
            Act::Beyond(offset) | Act::End(offset) if offset < 0 => (offset, Value::NULL),
            _ => continue,
        };
        if offset < 0 {
            return Proof::found(
                format!("offset {offset} is below the log's start"),
                [(call.op, "names it")],
            );
        }
        let Some(number) = numbers.get(value) else { return phantom(call, "appended") };
        let entry = &mut entries[number];
        if entry.offset == NOWHERE {
            (entry.offset, entry.told) = (offset, i as u32);
        } else if entry.offset != offset {
            let because = format!(
                "{} was appended once, and they name two offsets, {} and {offset}",
                tables.show(value),
                entry.offset
            );
            let other = calls[entry.told as usize].op;
            return Proof::found(because, [(other, "names one offset"), (call.op, "names another")]);
        }
    }
    None
}

/// Puts unknown appends that nobody read into the holes, the earliest begun into the lowest: later
/// holes have later deadlines, and such an append has none.
fn fill(calls: &[Call<Act>], placed: &mut [Slot], mut fillers: Vec<u32>) -> Option<Finding> {
    fillers.sort_by_key(|&call| calls[call as usize].invoked);
    let mut fillers = fillers.into_iter();
    for offset in 0..placed.len() {
        if !placed[offset].is_hole() {
            continue;
        }
        if let Some(append) = fillers.next() {
            placed[offset] = Slot { append, told: append };
            continue;
        }
        let because = format!("nothing that may have been appended can lie at offset {offset}, below it");
        let above = placed[offset..].iter().find(|slot| !slot.is_hole()).map(|slot| slot.told);
        let ends = || calls.iter().position(|call| matches!(call.act, Act::End(end) if end > offset as i64));
        let witness = above.or_else(|| ends().map(|i| i as u32)).unwrap_or(0);
        return Proof::found(because, [(calls[witness as usize].op, "shows that the log was longer")]);
    }
    None
}

/// Bounds of T(k) for each length k, and the sweep over them.
fn sweep(calls: &[Call<Act>], placed: &[Slot]) -> Finding {
    let mut lower = vec![Greatest::NONE; placed.len() + 1];
    let mut upper = vec![Least::NONE; placed.len() + 1];
    for (k, entry) in (1..).zip(placed) {
        let append = &calls[entry.append as usize];
        lower[k].take(append.invoked, entry.append as usize);
        upper[k].take(append.returned, entry.append as usize);
    }
    for (i, call) in calls.iter().enumerate() {
        let (at_least, at_most) = match call.act {
            Act::Read(offset, _) => (offset + 1, i64::MAX),
            Act::Beyond(offset) => (0, offset),
            Act::End(length) => (length, length),
            Act::Append(..) | Act::Filler => continue,
        };
        if at_least > 0 {
            upper[at_least as usize].take(call.returned, i);
        }
        if at_most < placed.len() as i64 {
            lower[at_most as usize + 1].take(call.invoked, i);
        }
    }
    let mut order = Sweep::default();
    for k in 1..=placed.len() {
        order.place(lower[k].0, lower[k].1 as usize);
        if let Some(late) = order.contradicts(upper[k].0) {
            return contradiction(&calls[late], &calls[upper[k].1 as usize], k);
        }
    }
    Finding::Linearizable
}

/// `early` completed before `late` began, and saw a log of `length` records.
fn contradiction(late: &Call<Act>, early: &Call<Act>, length: usize) -> Finding {
    let highest = length - 1;
    let seen = match early.act {
        Act::Append(..) | Act::Filler => format!("a record had been appended at offset {highest}"),
        Act::Read(..) => format!("offset {highest} had been read"),
        Act::Beyond(_) | Act::End(_) => format!("the log had had {length} records"),
    };
    let broken = match late.act {
        Act::Append(..) | Act::Filler if length == 1 => "the append of its first record began".to_owned(),
        Act::Append(..) | Act::Filler => {
            format!("the append of a record at or below offset {highest} began")
        }
        Act::Read(..) => "a read began".to_owned(),
        Act::Beyond(offset) => format!("an operation began that found nothing at offset {offset}"),
        Act::End(end) => format!("an operation began that found only {end} records"),
    };
    let because = format!("{seen} before {broken}");
    let witness = vec![(early.op, "completed first".to_owned()), (late.op, "began afterwards".to_owned())];
    Finding::Broken(Proof { because, witness })
}
