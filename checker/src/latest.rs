//! When each offset was last gone over, as a function of the offset: constant between the ends of stretches.
//!
//! Built in one sweep over the stretches, O(n log n) of their number whatever the offsets; asked for one offset,
//! or for the least over a range (a segment tree), in O(log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Offsets that one poll went over, ends included: records that it read, or places where it found none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// When the poll began.
    pub(crate) time: u64,
    pub(crate) poll: u32,
}

/// The latest stretch over each offset.
#[derive(Debug, Default)]
pub(crate) struct Latest {
    /// Disjoint, by offset.
    pieces: Vec<Stretch>,
    /// For each piece, how many of those up to it do not begin right after the one before.
    breaks: Vec<u32>,
    /// Least times: leaves from `pieces.len()` on.
    least: Vec<u64>,
}

impl Latest {
    pub(crate) fn new(mut stretches: Vec<Stretch>) -> Latest {
        stretches.sort_unstable_by_key(|s| (s.first, s.last, s.time, s.poll));
        let apart = stretches.windows(2).all(|pair| pair[0].last < pair[1].first);
        let pieces = if apart { stretches } else { sweep(stretches) };
        let mut breaks = Vec::with_capacity(pieces.len());
        let mut count = 0;
        for (i, piece) in pieces.iter().enumerate() {
            count += u32::from(i > 0 && pieces[i - 1].last.checked_add(1) != Some(piece.first));
            breaks.push(count);
        }
        let n = pieces.len();
        let mut least = vec![u64::MAX; 2 * n];
        for (leaf, piece) in least[n..].iter_mut().zip(&pieces) {
            *leaf = piece.time;
        }
        for node in (1..n).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Latest { pieces, breaks, least }
    }

    fn index(&self, offset: i64) -> Option<usize> {
        let i = self.pieces.partition_point(|piece| piece.last < offset);
        (self.pieces.get(i)?.first <= offset).then_some(i)
    }

    /// The latest stretch over an offset.
    pub(crate) fn at(&self, offset: i64) -> Option<&Stretch> {
        self.index(offset).map(|i| &self.pieces[i])
    }

    /// The pieces that touch a range.
    pub(crate) fn over(&self, first: i64, last: i64) -> impl Iterator<Item = &Stretch> {
        let from = self.pieces.partition_point(|piece| piece.last < first);
        self.pieces[from..].iter().take_while(move |piece| piece.first <= last)
    }

    /// The first offsets of a range that nothing went over, ends included.
    pub(crate) fn hole(&self, first: i64, last: i64) -> Option<(i64, i64)> {
        let mut next = first;
        for piece in self.over(first, last) {
            if piece.first > next {
                return Some((next, piece.first - 1));
            }
            if piece.last >= last {
                return None;
            }
            next = piece.last + 1;
        }
        Some((next, last))
    }

    /// The earliest of the times over a range, if all of it was gone over. The range is not empty.
    pub(crate) fn least(&self, first: i64, last: i64) -> Option<u64> {
        let (from, to) = (self.index(first)?, self.index(last)?);
        if self.breaks[from] != self.breaks[to] {
            return None;
        }
        let n = self.pieces.len();
        let (mut from, mut to, mut least) = (from + n, to + n + 1, u64::MAX);
        while from < to {
            if from % 2 == 1 {
                least = least.min(self.least[from]);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                least = least.min(self.least[to]);
            }
            (from, to) = (from / 2, to / 2);
        }
        Some(least)
    }
}

/// Stretches, by their first offsets, to disjoint pieces: at each offset the latest, of equal ones the first poll.
fn sweep(stretches: Vec<Stretch>) -> Vec<Stretch> {
    // One past the last offset there is needs more than 64 bits.
    let mut cuts: Vec<i128> = Vec::with_capacity(2 * stretches.len());
    cuts.extend(stretches.iter().flat_map(|s| [i128::from(s.first), i128::from(s.last) + 1]));
    cuts.sort_unstable();
    cuts.dedup();
    let mut stretches = stretches.into_iter().peekable();
    let mut open: BinaryHeap<(u64, Reverse<u32>, i64)> = BinaryHeap::new();
    let mut pieces: Vec<Stretch> = Vec::new();
    for pair in cuts.windows(2) {
        let (first, last) = (pair[0] as i64, (pair[1] - 1) as i64);
        while let Some(s) = stretches.next_if(|s| s.first <= first) {
            open.push((s.time, Reverse(s.poll), s.last));
        }
        while open.peek().is_some_and(|(_, _, last)| *last < first) {
            open.pop();
        }
        let Some((time, Reverse(poll), _)) = open.peek().copied() else { continue };
        match pieces.last_mut() {
            Some(before) if before.poll == poll && before.last.checked_add(1) == Some(first) => {
                before.last = last;
            }
            _ => pieces.push(Stretch { first, last, time, poll }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_looking_at_every_stretch(
            all in prop::collection::vec((-3..12_i64, 0..5_i64, 0..6_u64), 0..9),
            (first, length) in (-4..14_i64, 0..8_i64),
        ) {
            let stretches: Vec<Stretch> = all
                .iter()
                .enumerate()
                .map(|(i, (first, n, time))| Stretch { first: *first, last: first + n, time: *time, poll: i as u32 })
                .collect();
            let slow = |offset: i64| {
                let over = stretches.iter().filter(|s| s.first <= offset && offset <= s.last);
                over.map(|s| s.time).max()
            };
            let latest = Latest::new(stretches.clone());
            for offset in -5..20 {
                prop_assert_eq!(latest.at(offset).map(|s| s.time), slow(offset));
            }
            let last = first + length;
            let times: Option<Vec<u64>> = (first..=last).map(slow).collect();
            prop_assert_eq!(latest.least(first, last), times.and_then(|t| t.into_iter().min()));
            let hole = (first..=last).find(|offset| slow(*offset).is_none());
            prop_assert_eq!(latest.hole(first, last).map(|(from, _)| from), hole);
            if let Some((from, to)) = latest.hole(first, last) {
                prop_assert!((from..=to).all(|offset| slow(offset).is_none()));
                prop_assert!(to == last || slow(to + 1).is_some());
            }
        }
    }

    #[test]
    fn the_ends_of_the_offsets_are_as_good_as_any() {
        let all = |poll| Stretch { first: i64::MIN, last: i64::MAX, time: 5 + u64::from(poll), poll };
        let latest = Latest::new(vec![all(0), all(1)]);
        assert_eq!(latest.least(i64::MIN, i64::MAX), Some(6));
        assert_eq!(latest.hole(i64::MIN, i64::MAX), None);
    }
}
