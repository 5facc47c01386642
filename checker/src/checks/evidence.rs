//! Loss without a consume-all pass: a reader that went past an offset and did not find the write there.
//!
//! It counts only if its poll began after the acknowledgement (an earlier one may have read a log that was
//! truncated since), and if it did not jump over records that others read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::tables::NO_OFFSET;
use crate::view::View;

/// A poll that went past a write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) poll: u32,
}

/// Of each of these sends, none of which anybody read, the latest poll that should have.
pub(super) fn passed_over(view: &View<'_>, unread: &[u32]) -> Vec<(u32, Option<Evidence>)> {
    if unread.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<u32> = unread.to_vec();
    rows.sort_by_key(|row| view.send(*row).offset);
    let mut stretches = stretches(view);
    stretches.sort_unstable_by_key(|(first, ..)| *first);
    let mut stretches = stretches.into_iter().peekable();
    // Stretches that began at or before the offset at hand, the latest poll first.
    let mut reached: BinaryHeap<(u64, Reverse<u32>, i64)> = BinaryHeap::new();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let send = view.send(row);
        if send.offset == NO_OFFSET {
            all.push((row, None));
            continue;
        }
        while let Some((_, last, poll)) = stretches.next_if(|(first, ..)| *first <= send.offset) {
            reached.push((view.poll(poll).invoked, Reverse(poll), last));
        }
        while reached.peek().is_some_and(|(_, _, last)| *last < send.offset) {
            reached.pop();
        }
        let latest = reached.peek().filter(|(invoked, ..)| *invoked > send.completed);
        all.push((row, latest.map(|(_, Reverse(poll), _)| Evidence { poll: *poll })));
    }
    all.sort_unstable_by_key(|(row, _)| *row);
    all
}

/// All offsets that a poll went over: those that it read, and holes in which nobody ever read anything.
fn stretches(view: &View<'_>) -> Vec<(i64, i64, u32)> {
    let mut stretches = Vec::new();
    let mut last_of: FxHashMap<u32, i64> = FxHashMap::default();
    for read in &view.partition.reads {
        stretches.push((read.first, read.last, read.poll));
        let session = view.poll(read.poll).session;
        if let Some(before) = last_of.insert(session, read.last)
            && before.checked_add(1).is_some_and(|next| next < read.first)
            && view.survivors_between(before, read.first).next().is_none()
        {
            stretches.push((before + 1, read.first - 1, read.poll));
        }
    }
    stretches
}
