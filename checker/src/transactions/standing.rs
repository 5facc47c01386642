//! What one partition tells about transactions, taken from its view before that is dropped.

use rustc_hash::FxHashSet;
use store::op::Isolation;
use store::run_meta::Terms;

use crate::coverage::Reach;
use crate::tables::{NO_OFFSET, NONE, Outcome, Session};
use crate::view::View;

/// Where a partition's sends stand, and who read them.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The lowest offset of each send in the surviving log, [`NO_OFFSET`] where it is not there.
    pub(crate) at: Vec<i64>,
    /// Sends in the order of that log, those left out whose place is not certain: duplicates, values that several
    /// operations sent, offsets at which even the pass disagrees with itself.
    pub(crate) order: Vec<u32>,
    /// Which live poll read which send: of consecutive ones of one transaction the first. By poll, ascending.
    pub(crate) readings: Vec<(u32, u32)>,
    /// Sends whose value several operations sent, or that stand twice.
    pub(crate) unclear: FxHashSet<u32>,
    pub(crate) reach: Reach,
    /// Whether all readers of the consume-all pass here read committed records only.
    pub(crate) pass_commits: bool,
}

/// Whether a reader reads committed records only. One that does not say is not taken for one, unless the terms
/// say so; and where everybody is shown everything, nobody is.
pub(crate) fn reads_committed(session: &Session, terms: &Terms) -> bool {
    match terms.hides_aborted {
        Some(false) => false,
        Some(true) => session.isolation != Some(Isolation::ReadUncommitted),
        None => session.isolation == Some(Isolation::ReadCommitted),
    }
}

impl Standing {
    /// Of the partition that `view` looks at.
    pub(crate) fn new(view: &View<'_>, reach: &Reach, terms: &Terms) -> Standing {
        let mut unclear: FxHashSet<u32> = view.again.iter().map(|(row, _)| *row).collect();
        unclear.extend((0..view.at.len() as u32).filter(|row| view.index.ambiguous(*row)));
        let mut order: Vec<u32> = Vec::with_capacity(view.order.len());
        for (i, row) in view.order.iter().enumerate() {
            let at = view.at[*row as usize];
            let shared = |other: Option<&u32>| other.is_some_and(|other| view.at[*other as usize] == at);
            let alone = !shared(i.checked_sub(1).and_then(|before| view.order.get(before)))
                && !shared(view.order.get(i + 1));
            if alone && !unclear.contains(row) && view.send(*row).outcome != Outcome::Fail {
                order.push(*row);
            }
        }
        let mut finals = view.partition.reads.iter().filter(|read| view.poll(read.poll).final_pass);
        let pass_commits = finals.all(|read| reads_committed(view.tables.session_of(read.poll), terms));
        let readings = readings(view);
        Standing { at: view.at.clone(), order, readings, unclear, reach: reach.clone(), pass_commits }
    }

    /// Whether a send stands in the surviving log.
    pub(crate) fn survives(&self, row: u32) -> bool {
        self.at[row as usize] != NO_OFFSET
    }

    /// The place of a send in [`Standing::order`].
    pub(crate) fn place(&self, row: u32) -> Option<usize> {
        let at = self.at[row as usize];
        let place = self.order.partition_point(|other| self.at[*other as usize] < at);
        (self.order.get(place) == Some(&row)).then_some(place)
    }

    /// What a poll read here.
    pub(crate) fn read_by(&self, poll: u32) -> &[(u32, u32)] {
        let from = self.readings.partition_point(|(reader, _)| *reader < poll);
        let to = self.readings.partition_point(|(reader, _)| *reader <= poll);
        &self.readings[from..to]
    }
}

/// Who read whom. Offsets at which reads disagree are left out.
fn readings(view: &View<'_>) -> Vec<(u32, u32)> {
    let partition = view.partition;
    let values = partition.reference.values();
    let mut all: Vec<(u32, u32)> = Vec::new();
    let mut last = (NONE, NONE);
    for read in &partition.reads {
        let poll = view.poll(read.poll);
        if poll.final_pass || poll.outcome != Outcome::Ok {
            continue;
        }
        for run in partition.reference.runs_from(read.first).take_while(|run| run.first <= read.last) {
            let (first, to) = (run.first.max(read.first), run.last().min(read.last));
            let place = run.at as usize + (first - run.first) as usize;
            for (offset, value) in (first..=to).zip(&values[place..]) {
                let Some(row) = view.index.row(*value) else { continue };
                if !view.contested.is_empty()
                    && view.contested.binary_search_by_key(&offset, |c| c.offset).is_ok()
                {
                    continue;
                }
                // Read before it was sent, it is unexpected, and proves nothing else.
                if view.index.ambiguous(row) || view.tables.precedes(poll.completed, view.send(row).invoked) {
                    continue;
                }
                let txn = partition.transaction(row);
                if txn.is_some() && last == (read.poll, txn.unwrap_or(NONE)) {
                    continue;
                }
                last = (read.poll, txn.unwrap_or(NONE));
                all.push((read.poll, row));
            }
        }
    }
    all
}
