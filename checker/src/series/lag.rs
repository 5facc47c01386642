//! Realtime lag: for how long the oldest acknowledged record ahead of a consumer had been acknowledged, at most, in
//! each step. Between two polls it only grows: the longest is just before one, or at the end of a step.
//!
//! A record that a consumer stepped over is behind it and does not count: that is a skip, or a loss, and no lag.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rustc_hash::FxHashMap;
use store::series::Lag;

use super::Grid;
use crate::tables::{NEVER, NO_OFFSET, NONE, Tables};
use crate::view::View;

/// Consumers that are drawn: those that polled most often.
const CONSUMERS: usize = 16;

/// A consumer: client, or process where the history names no client.
type Consumer = (bool, u32);

/// The lags so far.
pub(super) struct Lags {
    grid: Grid,
    /// When the first and the last poll of each consumer drawn completed.
    lives: BTreeMap<Consumer, (u64, u64)>,
    lags: Mutex<BTreeMap<Consumer, Vec<Option<u64>>>>,
}

fn consumer(tables: &Tables, session: u32) -> Consumer {
    let session = &tables.sessions[session as usize];
    match session.client {
        NONE => (false, session.process),
        client => (true, client),
    }
}

impl Lags {
    pub(super) fn new(tables: &Tables, grid: Grid) -> Lags {
        let mut polls: FxHashMap<Consumer, (u64, u64, u64)> = FxHashMap::default();
        for poll in tables.polls.iter().filter(|poll| !poll.final_pass && poll.completed != NEVER) {
            let life = polls.entry(consumer(tables, poll.session)).or_insert((0, u64::MAX, 0));
            *life = (life.0 + 1, life.1.min(poll.completed), life.2.max(poll.completed));
        }
        let mut polls: Vec<_> = polls.into_iter().collect();
        polls.sort_by_key(|(consumer, life)| (std::cmp::Reverse(life.0), *consumer));
        polls.truncate(CONSUMERS);
        let lives: BTreeMap<_, _> =
            polls.into_iter().map(|(consumer, (_, first, last))| (consumer, (first, last))).collect();
        let empty = |(first, last): &(u64, u64)| {
            let lives = |step| {
                grid.step_of(*first) <= step
                    && step <= grid.step_of(*last)
                    && *first <= grid.until
                    && *last >= grid.from
            };
            (0..grid.steps).map(|step| lives(step).then_some(0)).collect()
        };
        let lags = lives.iter().map(|(consumer, life)| (*consumer, empty(life))).collect();
        Lags { grid, lives, lags: Mutex::new(lags) }
    }

    /// The lags on one partition, the worst of which counts.
    pub(super) fn add(&self, view: &View<'_>) {
        let frontiers = self.frontiers(view);
        if frontiers.is_empty() {
            return;
        }
        // Acknowledged records by offset, each with the earliest acknowledgement from it on. What nobody read
        // is where its acknowledgement says.
        let sends = view.partition.sends.iter().zip(&view.at).filter(|(send, _)| send.acknowledged());
        let places =
            sends.map(|(send, at)| (if *at == NO_OFFSET { send.offset } else { *at }, send.completed));
        let mut acknowledged: Vec<(i64, u64)> = places.filter(|(at, _)| *at != NO_OFFSET).collect();
        acknowledged.sort_unstable();
        let mut earliest = u64::MAX;
        for (_, completed) in acknowledged.iter_mut().rev() {
            earliest = earliest.min(*completed);
            *completed = earliest;
        }
        for (consumer, frontier) in frontiers {
            let (_, last) = self.lives[&consumer];
            let end = self.grid.end_of(self.grid.step_of(last));
            let mut lags = vec![None; self.grid.steps];
            let mut unread = 0;
            for (i, (from, next)) in frontier.iter().enumerate() {
                while acknowledged.get(unread).is_some_and(|(offset, _)| offset < next) {
                    unread += 1;
                }
                // Until just before it came further.
                let until = frontier.get(i + 1).map_or(end, |(time, _)| (time - 1).min(end));
                let oldest = acknowledged.get(unread).map(|(_, completed)| *completed);
                self.stretch(&mut lags, (*from, until), oldest);
            }
            let mut all = self.lags.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(worst) = all.get_mut(&consumer) {
                for (worst, lag) in worst.iter_mut().zip(&lags).filter(|(worst, _)| worst.is_some()) {
                    *worst = (*worst).max(*lag);
                }
            }
        }
    }

    /// The lag while a consumer stood at one place.
    fn stretch(&self, lags: &mut [Option<u64>], (from, until): (u64, u64), oldest: Option<u64>) {
        let Grid { from: first, until: last, .. } = self.grid;
        if until < from || until < first || from > last {
            return;
        }
        let steps = self.grid.step_of(from)..=self.grid.step_of(until);
        for (step, longest) in steps.clone().zip(&mut lags[steps]) {
            let now = self.grid.end_of(step).min(until);
            let lag = oldest.map_or(0, |oldest| now.saturating_sub(oldest));
            *longest = (*longest).max(Some(lag));
        }
    }

    /// By consumer: when it came how far, as the next offset to read. It begins with the consumer's life at the first
    /// offset that it will read: what waits there waits for it.
    fn frontiers(&self, view: &View<'_>) -> BTreeMap<Consumer, Vec<(u64, i64)>> {
        let mut frontiers: BTreeMap<Consumer, Vec<(u64, i64)>> = BTreeMap::new();
        for read in &view.partition.reads {
            let poll = view.poll(read.poll);
            if poll.final_pass {
                continue;
            }
            let consumer = consumer(view.tables, poll.session);
            if !self.lives.contains_key(&consumer) {
                continue;
            }
            let (born, _) = self.lives[&consumer];
            let frontier = frontiers.entry(consumer).or_insert_with(|| vec![(born, read.first)]);
            let (time, next) = (poll.completed, read.last.saturating_add(1));
            match frontier.last_mut() {
                Some(last) if last.1 >= next => {}
                Some(last) if last.0 >= time => last.1 = next,
                _ => frontier.push((time, next)),
            }
        }
        frontiers
    }

    pub(super) fn finish(self) -> Vec<Lag> {
        let lags = self.lags.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        lags.into_iter()
            .map(|((is_client, id), lag)| Lag {
                reader: format!("{} {id}", if is_client { "client" } else { "process" }),
                lag,
            })
            .collect()
    }
}
