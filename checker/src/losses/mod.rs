//! What one partition lost: decided once, for the check that reports it and for those whose findings follow.
//!
//! An acknowledged write is lost if the consume-all pass went over the whole log after its acknowledgement and did
//! not read it. Whatever that does not decide (no such pass, one that left a part out, a write that was acknowledged
//! while it read) is lost only by [`evidence`]. What may lie below the log's start was perhaps removed by retention:
//! undecided, never lost.

mod evidence;

use rustc_hash::FxHashMap;
use store::run_meta::Terms;

pub(crate) use self::evidence::Proof;
use self::evidence::{Decided, Evidence, places};
use crate::coverage::{Reach, known_from_the_start};
use crate::kind::Kind;
use crate::tables::{NO_OFFSET, NONE, Outcome, Send};
use crate::view::View;

/// Why an acknowledged write that nobody read is no loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// The pass did not cover the partition, or there is none.
    NotReached,
    /// It was acknowledged after the pass had begun to read the log.
    Late,
    /// Clocks do not tell whether it was.
    Unordered,
    /// Somebody read past it, but its place is not certain enough.
    Unplaced,
    /// It may have stood below the log's start.
    Below,
    /// It may stand above the end that readers see.
    Hidden,
}

/// The writes of a partition that do not stand in its surviving log.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Acknowledged writes that are certainly lost, by row.
    pub(crate) lost: Vec<(u32, Proof)>,
    /// acks=0 writes that are gone, by row.
    pub(crate) unacked: Vec<u32>,
    /// Acknowledged writes that nobody read, by row.
    pub(crate) unseen: Vec<(u32, Unseen)>,
    /// Acknowledged writes that may have stood below the log's start.
    pub(crate) below: u64,
    /// Acknowledged writes that a reader should have read, were their places certain.
    pub(crate) unplaced: u64,
    /// Acknowledged writes without an offset that may stand above the end that readers see.
    pub(crate) hidden: u64,
    /// Acknowledged writes of which clocks do not tell whether a reader should have read them.
    pub(crate) unordered: u64,
    /// Acknowledged writes that were read and perhaps were gone afterwards.
    pub(crate) vanished: u64,
    /// How many more writes of some value were acknowledged than copies of it survive.
    pub(crate) ambiguous: u64,
}

impl Losses {
    /// Of the partition that `view` looks at.
    pub(crate) fn new(view: &View<'_>, reach: &Reach, terms: &Terms) -> Losses {
        let mut losses = Losses { ambiguous: missing_copies(view), ..Losses::default() };
        let (mut missing, mut open) = (Vec::new(), Vec::new());
        // Above the end that the pass came to, there may be more: what tells no offset may stand there.
        let ends = ends_where_readers_see(view, terms);
        for (row, send) in view.partition.sends.iter().enumerate() {
            if send.outcome != Outcome::Ok || view.survives(row as u32) {
                continue;
            }
            match reach {
                Reach::There(bounds)
                    if view.tables.precedes(send.completed, bounds.asked)
                        && (ends || send.offset != NO_OFFSET) =>
                {
                    missing.push(row as u32);
                }
                _ if send.acknowledged() => open.push(row as u32),
                _ => {}
            }
        }
        losses.by_the_pass(view, &missing);
        losses.by_evidence(view, reach, terms, &open);
        losses.lost.sort_unstable_by_key(|(row, _)| *row);
        losses
    }

    /// The kind under which a write is reported as gone.
    pub(crate) fn kind_of(&self, row: u32) -> Option<Kind> {
        if self.lost.binary_search_by_key(&row, |(row, _)| *row).is_ok() {
            return Some(Kind::LostWrite);
        }
        self.unacked.binary_search(&row).is_ok().then_some(Kind::LostUnacked)
    }

    /// Writes that the pass should have read. One may have stood below the log's start: where it was read, if it
    /// was, or else where its acknowledgement says.
    fn by_the_pass(&mut self, view: &View<'_>, missing: &[u32]) {
        let start = view.partition.start;
        let places = if start > 0 { places(view, missing) } else { FxHashMap::default() };
        for row in missing {
            let send = view.send(*row);
            let below = match places.get(row) {
                Some(places) => places.iter().any(|at| *at < start),
                None => start > 0 && send.offset < start,
            };
            match (below, send.acknowledged()) {
                (true, acknowledged) => self.below += u64::from(acknowledged),
                (false, true) => self.lost.push((*row, Proof::Pass)),
                (false, false) => self.unacked.push(*row),
            }
        }
    }

    /// Decides acknowledged writes that the pass as a whole does not.
    fn by_evidence(&mut self, view: &View<'_>, reach: &Reach, terms: &Terms, open: &[u32]) {
        if open.is_empty() {
            return;
        }
        let ends = ends_where_readers_see(view, terms);
        let evidence = Evidence::new(view, open, known_from_the_start(view, reach, terms), ends);
        for row in open {
            let seen = view.first_seen[*row as usize] != NONE;
            let decided = if seen { evidence.of_seen(*row) } else { evidence.of_unread(*row) };
            let unseen = match decided {
                Decided::Lost(proof) => {
                    self.lost.push((*row, proof));
                    continue;
                }
                Decided::Below => {
                    self.below += 1;
                    Unseen::Below
                }
                Decided::Unclear if seen => {
                    self.vanished += 1;
                    continue;
                }
                Decided::Unclear => {
                    self.unplaced += 1;
                    Unseen::Unplaced
                }
                Decided::Unordered => {
                    self.unordered += 1;
                    Unseen::Unordered
                }
                Decided::Nothing => self.untouched(view, reach, view.send(*row), seen, ends),
            };
            if !seen {
                self.unseen.push((*row, unseen));
            }
        }
    }

    /// No reader tells anything of a write: why that is so.
    fn untouched(&mut self, view: &View<'_>, reach: &Reach, send: &Send, seen: bool, ends: bool) -> Unseen {
        let Reach::There(bounds) = reach else { return Unseen::NotReached };
        if !ends && view.tables.precedes(send.completed, bounds.asked) {
            self.hidden += u64::from(!seen);
            return Unseen::Hidden;
        }
        if view.tables.skew > 0 && !view.tables.precedes(bounds.asked, send.completed) {
            self.unordered += u64::from(!seen);
            return Unseen::Unordered;
        }
        Unseen::Late
    }
}

/// Whether it is certain that the log ends where readers see its end.
fn ends_where_readers_see(view: &View<'_>, terms: &Terms) -> bool {
    let key = &view.partition.key;
    !terms.doubts.tails.contains_key(key) && !terms.doubts.leaders.contains_key(key)
}

/// Several operations sent one value: nobody can tell whose copy is missing, only how many are.
fn missing_copies(view: &View<'_>) -> u64 {
    if view.index.aliases.is_empty() {
        return 0;
    }
    let mut acknowledged: FxHashMap<u32, u64> = FxHashMap::default();
    for (alias, row) in &view.index.aliases {
        let own = || u64::from(view.send(*row).acknowledged());
        *acknowledged.entry(*row).or_insert_with(own) += u64::from(view.send(*alias).acknowledged());
    }
    let mut copies: FxHashMap<u32, u64> = FxHashMap::default();
    for (row, _) in view.again.iter().filter(|(row, _)| acknowledged.contains_key(row)) {
        *copies.entry(*row).or_default() += 1;
    }
    // Where no copy survives, each of the sends is judged by itself.
    let standing = acknowledged.iter().filter(|(row, _)| view.survives(**row));
    standing.map(|(row, n)| n.saturating_sub(1 + copies.get(row).copied().unwrap_or(0))).sum()
}
