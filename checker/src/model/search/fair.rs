//! Many searches under one budget: every partition gets a small share before any gets a large one, so
//! that a hard but sound partition does not hide a broken one.
//!
//! What the first round does not decide is searched in two orders at once; the first to finish decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::deepest::Deepest;
use super::memo::Allowance;
use super::{Order, Progress, Search};
use crate::model::spec::{Call, Model};

/// Steps of each search in the first round; each round has four times those of the one before.
const FIRST_ROUND: u64 = 20_000;
/// Steps between two looks at the clock.
const SLICE: u64 = 512;

/// What all searches of one check share.
#[derive(Debug, Clone)]
pub struct Limits {
    /// When to stop.
    pub deadline: Instant,
    /// How much to remember.
    pub allowance: Allowance,
}

/// Why a partition was not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    /// The time limit came first.
    Time,
    /// The memory limit did.
    Memory,
    /// Another partition was found to be broken, which settles the history.
    Settled,
}

/// What a partition's search came to.
#[derive(Debug, Clone)]
pub enum Decision {
    /// An order exists.
    Linearizable,
    /// None does; how far orders got.
    Broken(Deepest),
    /// Not known.
    Undecided(Shortage),
}

/// The searches of one partition.
pub struct Race<M: Model> {
    /// The partition's number.
    pub part: usize,
    model: M,
    calls: Vec<Call<M::Act>>,
    runners: [Runner<M>; 2],
    explain: bool,
}

/// One search of a race.
enum Runner<M: Model> {
    Waiting(Order),
    Running(Box<Search<M>>),
    Done { decision: Decision, configurations: u64 },
}

impl<M: Model> Race<M> {
    /// A race over these calls; `explain` as for [`Search::run`].
    pub fn new(part: usize, model: &M, mut calls: Vec<Call<M::Act>>, explain: bool) -> Race<M> {
        let model = model.tune(&mut calls);
        let runners = [Runner::Waiting(Order::Return), Runner::Waiting(Order::Invocation)];
        Race { part, model, calls, runners, explain }
    }

    /// The operation of a call by its number among the known ones.
    pub fn operation(&self, known: u32) -> u32 {
        let mut calls = self.calls.iter().filter(|call| !call.unknown());
        calls.nth(known as usize).expect("a known call has this number").op
    }

    /// Goes on for at most this many steps: with the first search alone, or with both.
    fn advance(&mut self, steps: u64, both: bool, limits: &Limits) {
        let over = AtomicBool::new(false);
        let (model, calls, explain) = (&self.model, &self.calls, self.explain);
        let go = |runner: &mut Runner<M>| runner.advance(model, calls, steps, limits, explain, &over);
        let [first, second] = &mut self.runners;
        match both {
            true => {
                rayon::join(|| go(first), || go(second));
            }
            false => go(first),
        }
    }

    /// The decision, if one search came to one or none can go on.
    fn decision(&self) -> Option<Decision> {
        let done = |runner: &Runner<M>| match runner {
            Runner::Done { decision, .. } => Some(decision.clone()),
            _ => None,
        };
        let decided = |decision: &Decision| !matches!(decision, Decision::Undecided(_));
        let decisions = [done(&self.runners[0]), done(&self.runners[1])];
        let first = decisions.iter().flatten().find(|decision| decided(decision)).cloned();
        first.or_else(|| decisions.iter().all(Option::is_some).then(|| decisions[0].clone()).flatten())
    }

    fn configurations(&self) -> u64 {
        let count = |runner: &Runner<M>| match runner {
            Runner::Waiting(_) => 0,
            Runner::Running(search) => search.configurations(),
            Runner::Done { configurations, .. } => *configurations,
        };
        self.runners.iter().map(count).sum()
    }
}

impl<M: Model> Runner<M> {
    fn advance(
        &mut self,
        model: &M,
        calls: &[Call<M::Act>],
        steps: u64,
        limits: &Limits,
        explain: bool,
        over: &AtomicBool,
    ) {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if let Runner::Waiting(order) = *self {
            let search = Search::new(model.clone(), calls, order, limits.allowance.clone());
            *self = Runner::Running(Box::new(search));
        }
        let Runner::Running(search) = self else { return };
        let mut left = steps;
        while left > 0 && !over.load(Ordering::Relaxed) && Instant::now() < limits.deadline {
            let slice = left.min(SLICE);
            left -= slice;
            let decision = match search.run(slice, explain) {
                Progress::Paused => continue,
                Progress::Linearizable => Decision::Linearizable,
                Progress::NotLinearizable => Decision::Broken(search.deepest().clone()),
                Progress::OutOfMemory => Decision::Undecided(Shortage::Memory),
            };
            // Out of memory, the other order may still get there.
            over.store(!matches!(decision, Decision::Undecided(_)), Ordering::Relaxed);
            *self = Runner::Done { decision, configurations: search.configurations() };
            return;
        }
    }
}

/// What came of one race.
pub struct Finish<M: Model> {
    /// The race, for its calls.
    pub race: Race<M>,
    /// Its decision.
    pub decision: Decision,
    /// Configurations that both searches visited.
    pub configurations: u64,
}

/// Runs all races round by round, until all are decided, one is broken, or the budget is spent.
/// With `settled`, a broken partition is known already and one round is all that is tried.
pub fn run<M: Model>(mut races: Vec<Race<M>>, limits: &Limits, mut settled: bool) -> Vec<Finish<M>> {
    let mut results = Vec::with_capacity(races.len());
    let mut steps = FIRST_ROUND;
    // Small ones first: they are the likeliest to be done soon.
    races.sort_by_key(|race| race.calls.len());
    while !races.is_empty() {
        let round: Vec<(Race<M>, Option<Decision>)> = races
            .into_par_iter()
            .map(|mut race| {
                race.advance(steps, steps > FIRST_ROUND, limits);
                let decision = race.decision();
                (race, decision)
            })
            .collect();
        settled |= round.iter().any(|(_, decision)| matches!(decision, Some(Decision::Broken(_))));
        let late = Instant::now() >= limits.deadline;
        races = Vec::new();
        for (race, decision) in round {
            let stopped = match (settled, late) {
                (true, _) => Some(Decision::Undecided(Shortage::Settled)),
                (_, true) => Some(Decision::Undecided(Shortage::Time)),
                _ => None,
            };
            match decision.or(stopped) {
                Some(decision) => {
                    let configurations = race.configurations();
                    results.push(Finish { race, decision, configurations });
                }
                None => races.push(race),
            }
        }
        steps = steps.saturating_mul(4);
    }
    results.sort_by_key(|result| result.race.part);
    results
}
