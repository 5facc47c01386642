//! Acknowledged records that no reader had seen, over time: the most in each step.
//!
//! Each step is looked at [`MOMENTS`] times, for all partitions at the same moments: the most of all partitions
//! together is not the sum of what each had at most.

use store::series;

use super::Grid;
use crate::tables::{NEVER, NONE};
use crate::view::View;

/// Keys that are drawn by themselves.
const TOP: usize = 8;
/// How often a step is looked at. Every step is a multiple of a millisecond, and so of this.
const MOMENTS: usize = 500;

/// The curves so far.
#[derive(Debug)]
pub(super) struct Unseen {
    steps: usize,
    /// By moment.
    total: Vec<i64>,
    /// Maximum, key, curve; the largest first.
    top: Vec<(u64, String, Vec<u64>)>,
    /// How many keys had any.
    keys: u64,
    at_end: u64,
}

/// What one partition has more or fewer of at each moment.
pub(super) struct Changes {
    by_moment: Vec<i32>,
    at_end: u64,
}

/// Of one partition; `None` where nothing was ever acknowledged.
pub(super) fn changes(view: &View<'_>, grid: &Grid) -> Option<Changes> {
    let moments = grid.steps * MOMENTS;
    let width = grid.step / MOMENTS as u64;
    let moment = |time: u64| match time {
        time if time > grid.until => moments,
        time => (time.saturating_sub(grid.from) / width) as usize,
    };
    let sends = view.partition.sends.iter().zip(&view.first_seen);
    let mut acknowledged = sends.filter(|(send, _)| send.acknowledged()).peekable();
    acknowledged.peek()?;
    // What changes after the last moment goes where nobody looks.
    let mut changes = Changes { by_moment: vec![0; moments + 1], at_end: 0 };
    for (send, seen) in acknowledged {
        let seen = if *seen == NONE { NEVER } else { view.poll(*seen).completed };
        changes.at_end += u64::from(seen == NEVER);
        let (from, to) = (moment(send.completed), moment(seen));
        if from < to {
            changes.by_moment[from] += 1;
            changes.by_moment[to] -= 1;
        }
    }
    Some(changes)
}

/// The highest in each step.
pub(super) fn highest(changes: &Changes, steps: usize) -> Vec<u64> {
    most(changes.by_moment.iter().map(|change| i64::from(*change)), steps)
}

fn most(mut changes: impl Iterator<Item = i64>, steps: usize) -> Vec<u64> {
    let mut now = 0;
    let step = |_| {
        let moments = changes.by_ref().take(MOMENTS).map(|change| {
            now += change;
            now
        });
        moments.max().unwrap_or(0) as u64
    };
    (0..steps).map(step).collect()
}

impl Unseen {
    pub(super) fn new(grid: &Grid) -> Unseen {
        let total = vec![0; grid.steps * MOMENTS];
        Unseen { steps: grid.steps, total, top: Vec::new(), keys: 0, at_end: 0 }
    }

    /// Takes in one partition, with its curve.
    pub(super) fn add(&mut self, key: &str, curve: Vec<u64>, changes: &Changes) {
        self.total.iter_mut().zip(&changes.by_moment).for_each(|(total, n)| *total += i64::from(*n));
        self.at_end += changes.at_end;
        let max = curve.iter().copied().max().unwrap_or(0);
        self.keys += u64::from(max > 0);
        self.top.push((max, key.to_owned(), curve));
        self.top.sort_by(|a, b| (std::cmp::Reverse(a.0), &a.1).cmp(&(std::cmp::Reverse(b.0), &b.1)));
        self.top.truncate(TOP);
    }

    pub(super) fn finish(self) -> series::Unseen {
        series::Unseen {
            total: most(self.total.into_iter(), self.steps),
            by_key: self.top.into_iter().map(|(_, key, curve)| (key, curve)).collect(),
            keys: self.keys,
            at_end: Some(self.at_end),
        }
    }
}
