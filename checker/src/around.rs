//! The neighbourhood of one offset: two passes over a history, the first for what was acknowledged and read there,
//! the second for the sends of those values. Memory follows the stretch, not the history.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use store::around::{Around, Completion, Held, Leap, Moment, Place, Sent};
use store::batch::{Batch, F, Line, MopKind, MopRow, ValueId};
use store::op::{OpType, Process};
use store::reader::{ReadError, Source, read};
use store::time::Nanos;

use crate::context::{CheckError, Context};
use crate::leadership::Leadership;
use crate::load::{Faults, in_force};
use crate::words::value as word;

/// Leaps that are told one by one.
const LEAPS: usize = 8;

/// The neighbourhood, or the partitions that the history has where `key` is none of them.
pub type Found = Result<Around, Vec<String>>;

/// What a history tells of the offsets within `span` of `offset` in the partition `key`. `open` opens the history,
/// twice.
///
/// # Errors
/// If the history cannot be read.
pub fn around(
    open: impl Fn() -> Result<Source, ReadError>,
    context: &Context,
    (key, offset): (&str, i64),
    span: u32,
    threads: usize,
) -> Result<Found, CheckError> {
    let leadership = Leadership::new(&context.cluster, &context.nodes);
    let (first, last) = (offset.saturating_sub(span.into()), offset.saturating_add(span.into()));
    let mut gather = Gather { key, first, last, ..Gather::default() };
    read(open()?, threads, |batch| {
        gather.add(batch);
        Ok::<(), ReadError>(())
    })?;
    if !gather.keys.contains(key) {
        let mut keys: Vec<String> = gather.keys.into_iter().collect();
        keys.sort();
        return Ok(Err(keys));
    }
    let mut sends =
        Sends { key, wanted: gather.held.keys().map(|(_, value)| *value).collect(), ..Sends::default() };
    read(open()?, threads, |batch| {
        sends.add(batch, &leadership);
        Ok::<(), ReadError>(())
    })?;
    let faults = std::mem::take(&mut gather.faults).windows();
    let mut around = gather.finish(offset, &sends.of);
    let times = || times(&around);
    if let (Some(from), Some(to)) = (times().min(), times().max()) {
        around.leadership = told(&leadership, key, from, to);
        around.faults = in_force(&faults, from.0, to.0).cloned().collect();
    }
    Ok(Ok(around))
}

/// Every moment that is told.
fn times(around: &Around) -> impl Iterator<Item = Nanos> + '_ {
    around.places.iter().flat_map(|place| &place.values).flat_map(|held| {
        let sends = held.sends.iter().flat_map(|sent| {
            let completed = sent.completed.iter().map(|completion| completion.time);
            std::iter::once(sent.invoked.time).chain(completed)
        });
        held.first.iter().map(|moment| moment.time).chain(sends)
    })
}

fn told(leadership: &Leadership, key: &str, from: Nanos, to: Nanos) -> Vec<(Nanos, String)> {
    let mut told: Vec<(Nanos, String)> =
        [from, to].into_iter().filter_map(|time| Some((time, leadership.at(key, time)?))).collect();
    told.dedup_by(|later, earlier| later.1 == earlier.1);
    told
}

/// Who acts on a line.
fn who(line: &Line) -> String {
    match line.client() {
        Some(client) => format!("client {client}"),
        None => format!("process {}", line.process.0),
    }
}

fn moment(batch: &Batch, line: &Line) -> Moment {
    Moment { who: who(line), time: line.time, line: batch.line_number(line) }
}

/// The first pass.
#[derive(Default)]
struct Gather<'k> {
    key: &'k str,
    first: i64,
    last: i64,
    /// The highest offset of the whole partition.
    highest: Option<i64>,
    held: BTreeMap<(i64, ValueId), Held>,
    /// The last offset that each reader read.
    stands: FxHashMap<u32, i64>,
    leaps: Vec<Leap>,
    more_leaps: u64,
    keys: FxHashSet<String>,
    faults: Faults,
}

impl Gather<'_> {
    fn add(&mut self, batch: &Batch) {
        let key = self.key;
        for key in &batch.keys {
            if !self.keys.contains(key) {
                self.keys.insert(key.clone());
            }
        }
        for line in &batch.lines {
            if line.process == Process::NEMESIS {
                self.faults.event(batch, line);
                continue;
            }
            if line.op_type == OpType::Invoke {
                continue;
            }
            if matches!(line.f, F::Assign | F::Subscribe | F::Seek | F::Crash | F::Rebalance) {
                // It may go on anywhere now.
                self.stands.remove(&line.process.0);
            }
            for mop in batch.mops_of(line).iter().filter(|mop| batch.key(mop.key) == key) {
                match mop.kind {
                    MopKind::Send => self.acknowledged(mop),
                    MopKind::Poll => self.polled(batch, line, mop),
                }
            }
        }
    }

    fn near(&self, offset: i64) -> bool {
        (self.first..=self.last).contains(&offset)
    }

    fn held(&mut self, offset: i64, value: ValueId) -> &mut Held {
        self.held.entry((offset, value)).or_insert_with(|| Held {
            value: word(value),
            acknowledged_here: false,
            polls: 0,
            first: None,
            pass: None,
            sends: Vec::new(),
        })
    }

    fn acknowledged(&mut self, mop: &MopRow) {
        self.highest = self.highest.max(mop.offset);
        if let Some(offset) = mop.offset.filter(|offset| self.near(*offset)) {
            self.held(offset, mop.value).acknowledged_here = true;
        }
    }

    fn polled(&mut self, batch: &Batch, line: &Line, mop: &MopRow) {
        for record in batch.records_of(mop) {
            self.highest = self.highest.max(Some(record.offset));
            if let Some(from) = self.stands.insert(line.process.0, record.offset)
                && (from + 1).max(self.first) <= (record.offset - 1).min(self.last)
            {
                if self.leaps.len() < LEAPS {
                    let at = moment(batch, line);
                    self.leaps.push(Leap { at, from, to: record.offset, pass: line.final_pass });
                } else {
                    self.more_leaps += 1;
                }
            }
            if !self.near(record.offset) {
                continue;
            }
            let held = self.held(record.offset, record.value.unwrap_or(crate::tables::CORRUPT));
            if line.final_pass {
                held.pass.get_or_insert_with(|| moment(batch, line));
            } else {
                held.polls += 1;
                held.first.get_or_insert_with(|| moment(batch, line));
            }
        }
    }

    fn finish(self, offset: i64, sends: &FxHashMap<ValueId, Vec<Sent>>) -> Around {
        let mut places: Vec<Place> = Vec::new();
        for ((offset, value), mut held) in self.held {
            held.sends = sends.get(&value).cloned().unwrap_or_default();
            match places.last_mut().filter(|place| place.offset == offset) {
                Some(place) => place.values.push(held),
                None => places.push(Place { offset, values: vec![held] }),
            }
        }
        for place in &mut places {
            place.values.sort_by_key(|held| (held.pass.is_none(), held.polls == 0));
        }
        Around {
            key: self.key.to_owned(),
            offset,
            highest: self.highest,
            places,
            leaps: self.leaps,
            more_leaps: self.more_leaps,
            ..Around::default()
        }
    }
}

/// The second pass: the sends of some values.
#[derive(Default)]
struct Sends<'k> {
    key: &'k str,
    wanted: FxHashSet<ValueId>,
    of: FxHashMap<ValueId, Vec<Sent>>,
    /// What each process has open: the value, and its place among that value's sends.
    open: FxHashMap<u32, Vec<(ValueId, usize)>>,
}

impl Sends<'_> {
    fn add(&mut self, batch: &Batch, leadership: &Leadership) {
        for line in batch.lines.iter().filter(|line| line.process != Process::NEMESIS) {
            let mops = batch.mops_of(line).iter().filter(|mop| mop.kind == MopKind::Send);
            let mops = mops.filter(|mop| self.wanted.contains(&mop.value) && batch.key(mop.key) == self.key);
            if line.op_type == OpType::Invoke {
                for mop in mops {
                    let sends = self.of.entry(mop.value).or_default();
                    self.open.entry(line.process.0).or_default().push((mop.value, sends.len()));
                    sends.push(Sent { invoked: moment(batch, line), completed: None });
                }
                continue;
            }
            let Some(open) = self.open.remove(&line.process.0) else { continue };
            let offsets: Vec<(ValueId, Option<i64>)> = mops.map(|mop| (mop.value, mop.offset)).collect();
            for (value, at) in open {
                let offset =
                    offsets.iter().find(|(other, _)| *other == value).and_then(|(_, offset)| *offset);
                let completion = Completion {
                    outcome: line.op_type,
                    time: line.time,
                    line: batch.line_number(line),
                    offset,
                    node: line.node().map(|node| leadership.name(node)),
                    error: line.error().map(|error| batch.name(error).to_owned()),
                };
                if let Some(sent) = self.of.get_mut(&value).and_then(|sends| sends.get_mut(at)) {
                    sent.completed = Some(completion);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &str = r#"{"time":1,"process":0,"type":"invoke","f":"send","value":[["send","t-0",41]],"client":4}
{"time":2,"process":0,"type":"ok","f":"send","value":[["send","t-0",[16,41]]],"client":4,"node":2}
{"time":3,"process":0,"type":"invoke","f":"send","value":[["send","t-0",42]],"client":4}
{"time":4,"process":0,"type":"ok","f":"send","value":[["send","t-0",[17,42]]],"client":4,"node":2}
{"time":5,"process":1,"type":"invoke","f":"send","value":[["send","t-0",43]],"client":5}
{"time":6,"process":1,"type":"info","f":"send","value":[["send","t-0",43]],"client":5,"error":"timed out"}
{"time":6,"process":2,"type":"invoke","f":"send","value":[["send","t-1",42]],"client":5}
{"time":7,"process":7,"type":"invoke","f":"poll","value":[["poll"]]}
{"time":8,"process":7,"type":"ok","f":"poll","value":[["poll",{"t-0":[[16,41],[18,43],[99,50]]}]]}
{"time":9,"process":8,"type":"invoke","f":"poll","value":[["poll"]],"final":true}
{"time":10,"process":8,"type":"ok","f":"poll","value":[["poll",{"t-0":[[16,41],[18,43],[99,50]]}]],"final":true}
"#;

    fn of(key: &str, offset: i64, span: u32) -> Found {
        let open = || Ok(Source::bytes(HISTORY.as_bytes().to_vec()));
        around(open, &Context::default(), (key, offset), span, 1).expect("a sound history")
    }

    #[test]
    fn what_was_acknowledged_and_what_was_read_stand_side_by_side() {
        let around = of("t-0", 17, 1).expect("a partition of it");
        let places: Vec<_> = around
            .places
            .iter()
            .map(|p| {
                (
                    p.offset,
                    p.values.iter().map(|h| (h.value.as_str(), h.acknowledged_here, h.polls)).collect(),
                )
            })
            .collect::<Vec<(_, Vec<_>)>>();
        assert_eq!(
            places,
            [(16, vec![("41", true, 1)]), (17, vec![("42", true, 0)]), (18, vec![("43", false, 1)])]
        );
        let lost = &around.places[1].values[0];
        assert_eq!(
            (lost.pass.clone(), lost.sends.len()),
            (None, 1),
            "the other partition's 42 is none of its"
        );
        let sent = lost.sends[0].completed.as_ref().expect("acknowledged");
        assert_eq!((sent.line, sent.offset, sent.node.as_deref()), (4, Some(17), Some("broker 2")));
        let unknown = around.places[2].values[0].sends[0].completed.as_ref().expect("info");
        assert_eq!((unknown.outcome, unknown.error.as_deref()), (OpType::Info, Some("timed out")));
        let leaps: Vec<_> =
            around.leaps.iter().map(|leap| (leap.from, leap.to, leap.pass, leap.at.line)).collect();
        assert_eq!(leaps, [(16, 18, false, 9), (16, 18, true, 11)]);
    }

    #[test]
    fn a_partition_that_is_not_there_is_told() {
        assert_eq!(of("t-9", 17, 1), Err(vec!["t-0".to_owned(), "t-1".to_owned()]));
        assert!(of("t-0", i64::MAX, 5).expect("a partition of it").places.is_empty());
    }
}
