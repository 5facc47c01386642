//! One history against one model: every partition by its monitor, or else by a fair search.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::explain;
use super::history::History;
use super::kind::ModelKind;
use super::outcome::{Budget, Coverage, Outcome};
use super::partition::{Partitions, Unfit};
use super::search::fair::{self, Decision, Limits, Race, Shortage};
use super::search::memo::Allowance;
use super::spec::{Call, Finding, Model, Proof};

/// What the first pass over a partition gives.
enum First<M: Model> {
    Unfit(Unfit),
    Linearizable,
    Broken(Contradiction<M::Act>),
    Search(Race<M>),
}

/// A partition that its monitor found broken.
pub(super) struct Contradiction<A> {
    pub proof: Proof,
    /// Its calls, where there are few such lists to keep.
    pub calls: Option<Vec<Call<A>>>,
}

/// How long an explanation may take, in relation to the decision.
fn patience(start: Instant) -> Duration {
    Duration::from_secs(2) + 4 * start.elapsed()
}

/// A check in progress.
pub(super) struct Check<'h, M> {
    pub history: &'h History,
    pub kind: ModelKind,
    pub partitions: &'h Partitions<'h>,
    pub model: M,
    pub budget: &'h Budget,
}

impl<M: Model> Check<'_, M> {
    /// Judges the history.
    pub(super) fn run(&self) -> Outcome {
        let start = Instant::now();
        let limits = Limits {
            deadline: start + self.budget.time,
            allowance: Allowance::new(self.budget.memory_bytes),
        };
        let mut coverage = Coverage {
            operations: self.history.ops.len() as u64,
            partitions: self.partitions.len() as u64,
            happened: self.history.traits.happened,
            ..Coverage::default()
        };
        let first: Vec<First<M>> =
            (0..self.partitions.len()).into_par_iter().map(|part| self.first(part)).collect();
        let mut broken = Vec::new();
        let mut races = Vec::new();
        let mut unfit: Option<Unfit> = None;
        let mut unread = 0;
        for (part, first) in first.into_iter().enumerate() {
            match first {
                First::Unfit(other) => {
                    coverage.undecided += 1;
                    unread += self.partitions.size(part) as u64;
                    unfit = Some(unfit.filter(|unfit| unfit.op < other.op).unwrap_or(other));
                }
                First::Linearizable => coverage.by_monitor += 1,
                First::Broken(contradiction) => {
                    coverage.by_monitor += 1;
                    broken.push((part, Some(contradiction)));
                }
                First::Search(race) => races.push(race),
            }
        }
        let mut shortages: Vec<(Shortage, usize)> = Vec::new();
        for finish in fair::run(races, &limits, !broken.is_empty()) {
            coverage.configurations += finish.configurations;
            match finish.decision {
                Decision::Linearizable => {}
                Decision::Broken(_) => broken.push((finish.race.part, None)),
                Decision::Undecided(shortage) => shortages.push((shortage, finish.race.part)),
            }
        }
        coverage.undecided += shortages.len() as u64;
        coverage.broken = broken.len() as u64;
        coverage.linearizable = coverage.partitions - coverage.undecided - coverage.broken;
        let undecided: usize = shortages.iter().map(|&(_, part)| self.partitions.size(part)).sum();
        coverage.operations_decided = coverage.operations - unread - undecided as u64;
        if !broken.is_empty() {
            let limits = Limits { deadline: limits.deadline.min(Instant::now() + patience(start)), ..limits };
            let violations = self.explain(broken, &limits);
            return Outcome::Invalid { violations, coverage };
        }
        match (unfit, shortages.iter().min()) {
            (Some(unfit), _) => Outcome::Unknown { reason: self.unfit(&unfit), coverage },
            (None, Some(&(shortage, part))) => {
                Outcome::Unknown { reason: self.short(shortage, part, shortages.len()), coverage }
            }
            (None, None) => Outcome::Valid(coverage),
        }
    }

    /// Decides a partition by its monitor, or prepares its search.
    fn first(&self, part: usize) -> First<M> {
        let calls = match self.partitions.calls(&self.model, part) {
            Ok(calls) => calls,
            Err(unfit) => return First::Unfit(unfit),
        };
        let monitored = if self.budget.monitors { self.model.monitor(&calls) } else { None };
        match monitored {
            Some(Finding::Linearizable) => First::Linearizable,
            Some(Finding::Broken(proof)) => {
                let calls = (self.partitions.len() <= self.budget.examples).then_some(calls);
                First::Broken(Contradiction { proof, calls })
            }
            None => First::Search(Race::new(part, &self.model, calls, false)),
        }
    }

    fn unfit(&self, unfit: &Unfit) -> String {
        let op = &self.history.ops[unfit.op as usize];
        format!("{} ({}) is no operation of {}: {}", op.f, explain::lines(op), self.kind, unfit.reason)
    }

    fn short(&self, shortage: Shortage, part: usize, count: usize) -> String {
        let key = match self.partitions.key(part) {
            Some(key) => format!("key {}", self.history.tables.show(key)),
            None => "the history".to_owned(),
        };
        let others = if count > 1 { format!(" and {} more keys", count - 1) } else { String::new() };
        match shortage {
            Shortage::Time => format!(
                "the time limit of {:?} ended before every order was tried on {key}{others}; allow more with --time-limit",
                self.budget.time
            ),
            Shortage::Memory => format!(
                "{} MiB did not hold all configurations of {key}{others}; allow more with --memory",
                self.budget.memory_bytes >> 20
            ),
            Shortage::Settled => unreachable!("without a broken partition no search is cut short"),
        }
    }
}
