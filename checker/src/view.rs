//! One partition as the checks look at it: the surviving log, and where each send stands in it.
//!
//! The surviving log is what the consume-all pass read, and where several of its polls went over an offset one
//! after the other, what the last of them found there; without such a pass, what was read last at each offset.

use store::batch::ValueId;

use crate::contested::{Contested, contested};
use crate::coverage::gone_over;
use crate::index::ValueIndex;
use crate::latest::Latest;
use crate::reference::Run;
use crate::tables::{CORRUPT, NO_OFFSET, NONE, Outcome, Partition, Poll, Send, Tables};

/// What the checks of one partition share.
pub(crate) struct View<'t> {
    pub(crate) tables: &'t Tables,
    pub(crate) partition: &'t Partition,
    pub(crate) index: ValueIndex,
    pub(crate) contested: Vec<Contested>,
    /// What the consume-all pass went over; `None` where the history has no pass.
    pub(crate) pass: Option<Latest>,
    /// The offsets that it read and that stand, as sorted stretches; `None` where the history has no pass.
    pub(crate) covered: Option<Vec<(i64, i64)>>,
    /// The lowest offset of each send in the surviving log, [`NO_OFFSET`] where it is not there.
    pub(crate) at: Vec<i64>,
    /// Sends in the order in which they first stand in the surviving log.
    pub(crate) order: Vec<u32>,
    /// Sends that stand in it again, at these offsets.
    pub(crate) again: Vec<(u32, i64)>,
    /// The poll that first read each send, [`NONE`] where none did.
    pub(crate) first_seen: Vec<u32>,
    /// What was read and is no send of this partition, or none that can have happened.
    pub(crate) strangers: Vec<Stranger>,
}

/// A record that was read, with the poll that read it first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stranger {
    pub(crate) offset: i64,
    pub(crate) value: ValueId,
    pub(crate) poll: u32,
}

impl<'t> View<'t> {
    /// Of one partition. `pass` tells whether the history has a consume-all pass.
    pub(crate) fn new(tables: &'t Tables, id: u32, pass: bool) -> View<'t> {
        let partition = &tables.partitions[id as usize];
        let sends = partition.sends.len();
        let pass = pass.then(|| gone_over(tables, partition));
        let stands = |offset: i64, poll: u32| stands(tables, pass.as_ref(), offset, poll);
        let mut view = View {
            tables,
            partition,
            index: ValueIndex::new(&partition.sends),
            contested: contested(partition, pass.is_some(), stands),
            covered: pass.as_ref().map(|latest| covered(tables, partition, latest)),
            pass,
            at: vec![NO_OFFSET; sends],
            order: Vec::new(),
            again: Vec::new(),
            first_seen: vec![NONE; sends],
            strangers: Vec::new(),
        };
        let rows = view.see_all();
        view.stand_all(&rows);
        for (alias, row) in &view.index.aliases {
            view.at[*alias as usize] = view.at[*row as usize];
            view.first_seen[*alias as usize] = view.first_seen[*row as usize];
        }
        view
    }

    /// Who was seen, by whom first. Returns the send of each place of the reference's arena.
    fn see_all(&mut self) -> Vec<u32> {
        let reference = &self.partition.reference;
        let values = reference.values();
        let mut rows = Vec::with_capacity(values.len());
        let mut strange: Vec<(u32, u32)> = Vec::new();
        for (poll, places) in reference.births() {
            for place in places {
                let row = self.index.row(values[place as usize]).unwrap_or(NONE);
                rows.push(row);
                match self.first_seen.get_mut(row as usize) {
                    Some(seen) => *seen = poll.min(*seen),
                    None => strange.push((place, poll)),
                }
                if row != NONE && self.partition.sends[row as usize].outcome == Outcome::Fail {
                    strange.push((place, poll));
                }
            }
        }
        if !strange.is_empty() {
            let mut runs: Vec<Run> = reference.runs().collect();
            runs.sort_unstable_by_key(|run| run.at);
            self.strangers.extend(strange.into_iter().map(|(place, poll)| {
                let run = runs[runs.partition_point(|run| run.at <= place) - 1];
                let offset = run.first + i64::from(place - run.at);
                Stranger { offset, value: values[place as usize], poll }
            }));
        }
        for contested in &self.contested {
            for seen in &contested.values {
                let reference = reference.place(contested.offset).map(|place| values[place as usize]);
                if Some(seen.value) == reference {
                    continue;
                }
                let row = self.index.row(seen.value);
                if let Some(row) = row {
                    let first = &mut self.first_seen[row as usize];
                    *first = seen.first.min(*first);
                }
                if row.is_none_or(|row| self.partition.sends[row as usize].outcome == Outcome::Fail) {
                    let Contested { offset, .. } = *contested;
                    self.strangers.push(Stranger { offset, value: seen.value, poll: seen.first });
                }
            }
        }
        rows
    }

    /// Puts every send at its place in the surviving log.
    fn stand_all(&mut self, rows: &[u32]) {
        let mut order = Vec::with_capacity(self.partition.sends.len());
        let mut at = std::mem::take(&mut self.at);
        let mut again = Vec::new();
        self.for_each_survivor(rows, |offset, row| {
            let Some(before) = at.get_mut(row as usize) else { return };
            // One value below all offsets stands for "nowhere"; its neighbour is as good.
            let offset = offset.max(NO_OFFSET + 1);
            if *before == NO_OFFSET {
                *before = offset;
                order.push(row);
            } else if *before != offset {
                again.push((row, offset));
            }
        });
        self.at = at;
        self.order = order;
        self.again = again;
    }

    /// Every record of the surviving log, by offset; [`NONE`] for those that are no send.
    fn for_each_survivor(&self, rows: &[u32], mut each: impl FnMut(i64, u32)) {
        let all = [(i64::MIN, i64::MAX)];
        let covered = self.covered.as_deref().unwrap_or(&all);
        let (mut stretch, mut contested) = (0, 0);
        for run in self.partition.reference.runs() {
            while covered.get(stretch).is_some_and(|(_, last)| *last < run.first) {
                stretch += 1;
            }
            let mut here = stretch;
            while let Some((first, last)) = covered.get(here).filter(|(first, _)| *first <= run.last()) {
                let (first, last) = (run.first.max(*first), run.last().min(*last));
                let places = run.at as usize + (first - run.first) as usize..;
                for (offset, place) in (first..=last).zip(places) {
                    while self.contested.get(contested).is_some_and(|c| c.offset < offset) {
                        contested += 1;
                    }
                    match self.contested.get(contested).filter(|c| c.offset == offset) {
                        None => each(offset, rows[place]),
                        Some(c) => {
                            for seen in c.surviving() {
                                each(offset, self.index.row(seen.value).unwrap_or(NONE));
                            }
                        }
                    }
                }
                here += 1;
            }
        }
    }

    pub(crate) fn send(&self, row: u32) -> &'t Send {
        &self.partition.sends[row as usize]
    }

    pub(crate) fn poll(&self, poll: u32) -> &'t Poll {
        &self.tables.polls[poll as usize]
    }

    /// Whether a send stands in the surviving log.
    pub(crate) fn survives(&self, row: u32) -> bool {
        self.at[row as usize] != NO_OFFSET
    }

    /// The values at an offset of the surviving log: none, one, or several where even the pass disagrees.
    pub(crate) fn surviving_at(&self, offset: i64) -> Vec<ValueId> {
        if let Some(covered) = &self.covered {
            let stretch = covered.partition_point(|(_, last)| *last < offset);
            if covered.get(stretch).is_none_or(|(first, _)| *first > offset) {
                return Vec::new();
            }
        }
        if let Ok(i) = self.contested.binary_search_by_key(&offset, |c| c.offset) {
            return self.contested[i].surviving().map(|seen| seen.value).collect();
        }
        let place = self.partition.reference.place(offset);
        place.map(|place| self.partition.reference.values()[place as usize]).into_iter().collect()
    }

    /// All values that anybody ever read at an offset.
    pub(crate) fn read_at(&self, offset: i64) -> Vec<ValueId> {
        if let Ok(i) = self.contested.binary_search_by_key(&offset, |c| c.offset) {
            return self.contested[i].values.iter().map(|seen| seen.value).collect();
        }
        let place = self.partition.reference.place(offset);
        place.map(|place| self.partition.reference.values()[place as usize]).into_iter().collect()
    }

    /// The stretches of the surviving log that lie strictly between two offsets, ends included.
    pub(crate) fn survivors_between(&self, after: i64, before: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
        let (first, last) = (after.saturating_add(1), before.saturating_sub(1));
        let runs = self.partition.reference.runs_from(first).take_while(move |run| run.first <= last);
        runs.flat_map(move |run| {
            let (first, last) = (run.first.max(first), run.last().min(last));
            let all = self.covered.is_none().then_some((first, last));
            let covered = self.covered.as_deref().unwrap_or_default();
            let from = covered.partition_point(|(_, end)| *end < first);
            let inside = covered[from..].iter().take_while(move |(begin, _)| *begin <= last);
            let inside = inside.map(move |(begin, end)| (first.max(*begin), last.min(*end)));
            all.into_iter().chain(inside).filter(|(first, last)| first <= last)
        })
    }

    /// A poll that read an offset, by preference one of the consume-all pass and one that read `value` there.
    pub(crate) fn reader_of(&self, offset: i64, value: ValueId) -> Option<u32> {
        if let Ok(i) = self.contested.binary_search_by_key(&offset, |c| c.offset) {
            let seen = self.contested[i].values.iter().find(|seen| seen.value == value)?;
            return Some(if seen.by_final { seen.last } else { seen.first });
        }
        let holds = |poll: &u32| self.poll(*poll).final_pass;
        let reads = self.partition.reads.iter().filter(|r| r.first <= offset && offset <= r.last);
        let polls: Vec<u32> = reads.map(|r| r.poll).collect();
        polls.iter().copied().find(holds).or(polls.first().copied())
    }

    /// Whether a record is damaged rather than strange.
    pub(crate) fn is_corrupt(value: ValueId) -> bool {
        value == CORRUPT
    }
}

/// Whether what a poll read at an offset is part of the surviving log: it belongs to the pass, and no poll of the
/// pass that began afterwards went over that offset.
fn stands(tables: &Tables, pass: Option<&Latest>, offset: i64, poll: u32) -> bool {
    let poll = &tables.polls[poll as usize];
    let again = || pass.and_then(|latest| latest.at(offset));
    poll.final_pass && !again().is_some_and(|again| tables.precedes(poll.completed, again.time))
}

/// The offsets that the consume-all pass read, but for those that it went over again afterwards.
fn covered(tables: &Tables, partition: &Partition, latest: &Latest) -> Vec<(i64, i64)> {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for read in &partition.reads {
        let poll = &tables.polls[read.poll as usize];
        if !poll.final_pass {
            continue;
        }
        let over = latest.over(read.first, read.last);
        let stands = over.filter(|again| !tables.precedes(poll.completed, again.time));
        stretches.extend(stands.map(|piece| (piece.first.max(read.first), piece.last.min(read.last))));
    }
    stretches.sort_unstable();
    let mut covered: Vec<(i64, i64)> = Vec::new();
    for (first, last) in stretches {
        match covered.last_mut() {
            Some(before) if before.1 >= first || before.1.checked_add(1) == Some(first) => {
                before.1 = before.1.max(last);
            }
            _ => covered.push((first, last)),
        }
    }
    covered
}
