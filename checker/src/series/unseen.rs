//! Acknowledged records that no reader had seen, over time.

use store::series;

use super::Grid;
use crate::tables::NONE;
use crate::view::View;

/// Keys that are drawn by themselves.
const TOP: usize = 8;

/// The curves so far.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    total: Vec<u64>,
    /// Maximum, key, curve; the largest first.
    top: Vec<(u64, String, Vec<u64>)>,
}

/// The curve of one partition, `None` where nothing was ever acknowledged.
pub(super) fn curve(view: &View<'_>, grid: &Grid) -> Option<Vec<u64>> {
    let mut change = vec![0_i64; grid.steps + 1];
    let mut any = false;
    for (row, send) in view.partition.sends.iter().enumerate().filter(|(_, send)| send.acknowledged()) {
        any = true;
        let from = grid.step_of(send.completed);
        let to = match view.first_seen[row] {
            NONE => grid.steps,
            poll => grid.step_of(view.poll(poll).completed),
        };
        if from < to {
            change[from] += 1;
            change[to] -= 1;
        }
    }
    let mut now = 0;
    change.pop();
    any.then(|| {
        change
            .iter()
            .map(|change| {
                now += change;
                now as u64
            })
            .collect()
    })
}

impl Unseen {
    pub(super) fn add(&mut self, key: &str, curve: Vec<u64>) {
        self.total.resize(curve.len(), 0);
        self.total.iter_mut().zip(&curve).for_each(|(total, n)| *total += n);
        let max = curve.iter().copied().max().unwrap_or(0);
        self.top.push((max, key.to_owned(), curve));
        self.top.sort_by(|a, b| (std::cmp::Reverse(a.0), &a.1).cmp(&(std::cmp::Reverse(b.0), &b.1)));
        self.top.truncate(TOP);
    }

    pub(super) fn finish(mut self, steps: usize) -> series::Unseen {
        self.total.resize(steps, 0);
        series::Unseen {
            total: self.total,
            by_key: self.top.into_iter().map(|(_, key, curve)| (key, curve)).collect(),
        }
    }
}
