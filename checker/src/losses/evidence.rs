//! Loss without a pass that covers everything: a reader that went over the place of a write and did not find it.
//!
//! A poll counts only if it began after the acknowledgement (an earlier one may have read a log that was cut back
//! since), and only over offsets that it read, or passed in one step where nobody ever read anything.
//!
//! The place of a write that was read is known. That of one that nobody read is not: client libraries make up
//! offsets for batches that a broker had already. But appends stand in the order of real time (or that is a
//! finding by itself): above every write that was acknowledged before it began, and below every write that began
//! after it was acknowledged and below the log's end as asked for afterwards. If all offsets between these, and
//! the acknowledged one where it lies below, were gone over without it, it is lost.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::coverage::stretch;
use crate::groups::Breaks;
use crate::latest::{Latest, Stretch};
use crate::tables::{NO_OFFSET, NONE, Outcome, Read};
use crate::view::View;

/// What shows that a write is lost.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    /// The consume-all pass went over the whole log.
    Pass,
    /// It was read at `at`, and `poll` went over that offset afterwards.
    Gone { at: i64, poll: u32 },
    /// Its place is within these offsets, ends included (none where `last` is below `first`), and `poll` is one of
    /// those that went over them. `after` is a later write that stands right above, [`NONE`] where the log ends there.
    Passed { first: i64, last: i64, poll: u32, after: u32 },
}

/// What the readers tell of a write.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Decided {
    Lost(Proof),
    /// It is gone, or was below the log's start.
    Below,
    /// It should perhaps have been read.
    Unclear,
    /// A poll went past it, and the clocks do not tell whether it began after the acknowledgement.
    Unordered,
    Nothing,
}

type Before = Vec<(u64, i64)>;
type After = Vec<(u64, i64, u32)>;

/// What one partition's readers went over, and which order its writes must have.
pub(crate) struct Evidence<'v, 't> {
    view: &'v View<'t>,
    /// The polls that began last over each offset.
    over: Latest,
    /// The polls that read something there and ended last.
    read: Latest,
    /// Where writes stand that were read, by row.
    places: FxHashMap<u32, Vec<i64>>,
    /// Acknowledged writes by when they completed, with the highest offset up to here.
    before: Before,
    /// Writes by when they were invoked, with the lowest offset from here on and whose it is.
    after: After,
    /// The log's end and when the pass asked for it, where that is certain.
    end: Option<(i64, u64)>,
}

impl<'v, 't> Evidence<'v, 't> {
    /// For judging these rows. Up to `known` it is certain where each write stands first; `ends` tells whether the
    /// log ends where readers see its end.
    pub(crate) fn new(view: &'v View<'t>, rows: &[u32], known: i64, ends: bool) -> Evidence<'v, 't> {
        let partition = view.partition;
        let seen: Vec<u32> =
            rows.iter().copied().filter(|row| view.first_seen[*row as usize] != NONE).collect();
        let ended =
            |read: &Read| Stretch { time: view.poll(read.poll).completed, ..stretch(view.tables, read) };
        let read = if seen.is_empty() { Vec::new() } else { partition.reads.iter().map(ended).collect() };
        let furthest = partition.furthest.map(|furthest| furthest.end);
        let end = partition.bounds.filter(|bounds| ends && furthest == Some(bounds.end));
        let (before, after) = order(view, known);
        Evidence {
            view,
            over: Latest::new(stretches(view)),
            read: Latest::new(read),
            places: places(view, &seen),
            before,
            after,
            end: end.map(|bounds| (bounds.end, bounds.asked)),
        }
    }

    /// Of an acknowledged write that was read and does not survive.
    pub(crate) fn of_seen(&self, row: u32) -> Decided {
        let view = self.view;
        if view.index.ambiguous(row) {
            return Decided::Unclear;
        }
        let places = self.places.get(&row).map(Vec::as_slice).unwrap_or_default();
        if places.iter().any(|at| *at < view.partition.start) {
            return Decided::Below;
        }
        let later = |at: &i64| {
            let over = self.over.at(*at)?;
            let known = view.send(row).completed.max(self.last_read(row, *at));
            view.tables.precedes(known, over.time).then_some(over.poll)
        };
        let polls: Option<Vec<u32>> = places.iter().map(later).collect();
        match (polls.as_deref(), places) {
            (Some([poll, ..]), [at, ..]) => Decided::Lost(Proof::Gone { at: *at, poll: *poll }),
            _ => {
                let looked = |at: &i64| view.pass.as_ref().is_none_or(|pass| pass.at(*at).is_some());
                if places.iter().any(looked) { Decided::Unclear } else { Decided::Nothing }
            }
        }
    }

    /// When a poll that read a write at an offset ended last.
    fn last_read(&self, row: u32, at: i64) -> u64 {
        let view = self.view;
        if let Ok(i) = view.contested.binary_search_by_key(&at, |c| c.offset) {
            let values = &view.contested[i].values;
            let own = values.iter().find(|seen| seen.value == view.send(row).value);
            return own.map_or(u64::MAX, |seen| view.poll(seen.last).completed);
        }
        self.read.at(at).map_or(u64::MAX, |read| read.time)
    }

    /// Of an acknowledged write that nobody read.
    pub(crate) fn of_unread(&self, row: u32) -> Decided {
        let (view, tables) = (self.view, self.view.tables);
        let send = view.send(row);
        let start = view.partition.start;
        let acknowledged = (send.offset != NO_OFFSET).then_some(send.offset);
        let passed =
            |offset: i64| self.over.at(offset).is_some_and(|over| tables.precedes(send.completed, over.time));
        let perhaps = |offset: i64| {
            self.over.at(offset).is_some_and(|over| !tables.precedes(over.time, send.completed))
        };
        let ended = self.end.filter(|(_, asked)| tables.precedes(send.completed, *asked));
        let unclear = if ended.is_some() || acknowledged.is_some_and(passed) {
            if acknowledged.is_some_and(|offset| offset < start) { Decided::Below } else { Decided::Unclear }
        } else if tables.skew > 0 && acknowledged.is_some_and(perhaps) {
            Decided::Unordered
        } else {
            Decided::Nothing
        };
        let earlier = self.before.partition_point(|(done, _)| tables.precedes(*done, send.invoked));
        let lower = earlier.checked_sub(1).map(|i| self.before[i].1);
        let later = self.after.partition_point(|(began, ..)| !tables.precedes(send.completed, *began));
        let upper = self.after.get(later).map(|(_, at, row)| (*at, *row));
        let ended = ended.map(|(end, _)| (end, NONE));
        let Some((upper, after)) = [upper, ended].into_iter().flatten().min_by_key(|(at, _)| *at) else {
            return unclear;
        };
        if lower.is_some_and(|lower| lower >= upper) {
            return unclear;
        }
        let first = lower.map_or(start, |lower| lower.saturating_add(1));
        let last = upper.saturating_sub(1);
        // Its acknowledged offset counts where it lies below; without one, the write below it must still be there.
        let mut from = first.min(acknowledged.unwrap_or(first));
        if let Some(lower) = lower.filter(|lower| acknowledged.is_none() || *lower == last) {
            from = from.min(lower);
        }
        if from > last
            || !self.over.least(from, last).is_some_and(|time| tables.precedes(send.completed, time))
        {
            return unclear;
        }
        if start > 0 && lower.is_none_or(|_| first < start) {
            return Decided::Below;
        }
        let cited = acknowledged.filter(|offset| first <= *offset && *offset <= last).unwrap_or(from);
        let poll = self.over.at(cited).map_or(NONE, |over| over.poll);
        Decided::Lost(Proof::Passed { first, last, poll, after })
    }
}

/// All offsets that polls went over: what they read; holes in which nobody ever read anything, where a session read
/// on without having been moved; and what the readers of the consume-all pass went over from where they stood.
fn stretches(view: &View<'_>) -> Vec<Stretch> {
    let partition = view.partition;
    let mut stretches = Vec::with_capacity(partition.reads.len());
    let mut last_of: FxHashMap<u32, Read> = FxHashMap::default();
    let breaks = Breaks::new(view.tables, partition);
    let moved = |before: &Read, after: &Read| {
        breaks.as_ref().is_some_and(|breaks| breaks.between(view.tables, before.poll, after.poll))
    };
    for read in partition.reads.iter().chain(&partition.gaps) {
        stretches.push(stretch(view.tables, read));
    }
    for read in partition.reads.iter().filter(|read| !view.poll(read.poll).final_pass) {
        let sequence = view.tables.session_of(read.poll).sequence;
        if let Some(before) = last_of.insert(sequence, *read)
            && let Some(next) = before.last.checked_add(1).filter(|next| *next < read.first)
            && !moved(&before, read)
            && partition.reference.runs_from(next).next().is_none_or(|run| run.first >= read.first)
        {
            stretches.push(stretch(view.tables, &Read { first: next, last: read.first - 1, ..*read }));
        }
    }
    stretches
}

/// Where these rows were read, whether they survive or not.
pub(crate) fn places(view: &View<'_>, rows: &[u32]) -> FxHashMap<u32, Vec<i64>> {
    let mut places: FxHashMap<u32, Vec<i64>> = FxHashMap::default();
    if rows.is_empty() {
        return places;
    }
    let rows: FxHashSet<u32> = rows.iter().copied().collect();
    let reference = &view.partition.reference;
    let wanted = |value| view.index.row(value).filter(|row| rows.contains(row));
    for run in reference.runs() {
        let values = &reference.values()[run.at as usize..(run.at + run.len) as usize];
        for (offset, value) in (run.first..).zip(values) {
            if let Some(row) = wanted(*value) {
                places.entry(row).or_default().push(offset);
            }
        }
    }
    for contested in &view.contested {
        for row in contested.values.iter().filter_map(|seen| wanted(seen.value)) {
            let all = places.entry(row).or_default();
            if !all.contains(&contested.offset) {
                all.push(contested.offset);
            }
        }
    }
    places
}

/// Writes that stand in the log, in the orders that [`Evidence`] asks for. What began after an acknowledgement stands
/// above the first copy of what was acknowledged, and its own copies, all of them, above that.
fn order(view: &View<'_>, known: i64) -> (Before, After) {
    let certain = |row: &&u32| !view.index.ambiguous(**row) && view.send(**row).outcome != Outcome::Fail;
    let standing = || view.order.iter().filter(certain);
    let first = |row: &&u32| view.at[**row as usize] <= known;
    let acknowledged = standing().filter(|row| view.send(**row).acknowledged()).filter(first);
    let mut before: Before =
        acknowledged.map(|row| (view.send(*row).completed, view.at[*row as usize])).collect();
    before.sort_unstable();
    let mut highest = i64::MIN;
    for (_, at) in &mut before {
        highest = highest.max(*at);
        *at = highest;
    }
    let mut after: After =
        standing().map(|row| (view.send(*row).invoked, view.at[*row as usize], *row)).collect();
    after.sort_unstable();
    let mut lowest = (i64::MAX, NONE);
    for (_, at, row) in after.iter_mut().rev() {
        lowest = lowest.min((*at, *row));
        (*at, *row) = lowest;
    }
    (before, after)
}
