//! Where a consumer's sequence ends for one partition: a rebalance, a new assignment, a seek touched it.
//!
//! Anything that happened between the beginning of one poll and the end of a later one may have moved the consumer
//! between them, or within them. A rebalance that touched other partitions only moves nobody here.

use rustc_hash::FxHashMap;

use super::table::Break;
use crate::tables::{NONE, Partition, Session, Tables};

/// The breaks of one partition: its own, and those that concern all.
pub(crate) struct Breaks<'t> {
    own: ByReader,
    everywhere: &'t ByReader,
}

impl Breaks<'_> {
    /// `None` where there are none: nearly always.
    pub(crate) fn new<'t>(tables: &'t Tables, partition: &Partition) -> Option<Breaks<'t>> {
        let own = partition.groups.as_ref().map(|groups| groups.breaks.as_slice()).unwrap_or_default();
        let everywhere = &tables.groups.everywhere;
        let none = own.is_empty() && everywhere.by_process.is_empty();
        (!none).then(|| Breaks { own: ByReader::new(own.to_vec()), everywhere })
    }

    /// Whether their reader may have been moved between or within two polls, the earlier one first.
    pub(crate) fn between(&self, tables: &Tables, before: u32, after: u32) -> bool {
        let (from, to) = (tables.polls[before as usize].invoked, tables.polls[after as usize].completed);
        let of =
            |session: &Session| self.own.meet(session, from, to) || self.everywhere.meet(session, from, to);
        of(tables.session_of(before)) || of(tables.session_of(after))
    }
}

/// Breaks by whom they concern.
#[derive(Debug, Default)]
pub(crate) struct ByReader {
    by_client: FxHashMap<u32, Spans>,
    by_process: FxHashMap<u32, Spans>,
    all: Spans,
}

impl ByReader {
    pub(super) fn new(mut breaks: Vec<Break>) -> ByReader {
        breaks.sort_unstable_by_key(|b| (b.start, b.end, b.process));
        let mut by_reader = ByReader::default();
        for b in breaks {
            by_reader.all.push(b.start, b.end);
            by_reader.by_process.entry(b.process).or_default().push(b.start, b.end);
            if b.client != NONE {
                by_reader.by_client.entry(b.client).or_default().push(b.start, b.end);
            }
        }
        by_reader
    }

    fn meet(&self, session: &Session, from: u64, to: u64) -> bool {
        let within = |spans: Option<&Spans>| spans.is_some_and(|spans| spans.meet(from, to));
        within(self.by_process.get(&session.process)) || within(self.by_client.get(&session.client))
    }

    /// Whether any reader may have been moved then.
    pub(super) fn anybody(&self, from: u64, to: u64) -> bool {
        self.all.meet(from, to)
    }
}

/// Stretches of time, sorted by their starts, each with the latest end of all up to it.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<(u64, u64)>);

impl Spans {
    pub(super) fn new(all: impl Iterator<Item = (u64, u64)>) -> Spans {
        let mut sorted: Vec<(u64, u64)> = all.collect();
        sorted.sort_unstable();
        let mut spans = Spans::default();
        sorted.into_iter().for_each(|(start, end)| spans.push(start, end));
        spans
    }

    /// Adds one that starts no earlier than those before.
    fn push(&mut self, start: u64, end: u64) {
        let latest = self.0.last().map_or(0, |(_, end)| *end);
        self.0.push((start, end.max(latest)));
    }

    /// Whether any of them has an instant in common with this one, ends included.
    pub(super) fn meet(&self, from: u64, to: u64) -> bool {
        let begun = self.0.partition_point(|(start, _)| *start <= to);
        begun > 0 && self.0[begun - 1].1 >= from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_meet_as_their_definition_says() {
        let all = [(5, 9), (1, 20), (30, 31), (40, u64::MAX), (22, 22)];
        let spans = Spans::new(all.into_iter());
        for from in 0..45 {
            for to in from..45 {
                let expected = all.iter().any(|(start, end)| *start <= to && *end >= from);
                assert_eq!(spans.meet(from, to), expected, "{from}..{to}");
            }
        }
    }
}
