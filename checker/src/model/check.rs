//! One history against one model: every partition by its monitor, or else by a fair search; then the
//! broken ones explained.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::explain;
use super::history::History;
use super::kind::ModelKind;
use super::outcome::{Budget, Coverage, Outcome, Prefix, Violation};
use super::partition::{Partitions, Unfit};
use super::prefix::{self, Probe};
use super::search::fair::{self, Decision, Limits, Race, Shortage};
use super::search::memo::Allowance;
use super::spec::{Call, Finding, Model, Proof};

/// What the first pass over a partition gives.
enum First<M: Model> {
    Unfit(Unfit),
    Linearizable,
    Broken(Proof),
    Search(Race<M>),
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
                First::Broken(proof) => {
                    coverage.by_monitor += 1;
                    broken.push((part, Some(proof)));
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
            Some(Finding::Broken(proof)) => First::Broken(proof),
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

    /// The first broken partitions in full, the earliest contradiction first.
    fn explain(&self, mut broken: Vec<(usize, Option<Proof>)>, limits: &Limits) -> Vec<Violation> {
        broken.sort_unstable_by_key(|&(part, _)| part);
        broken.truncate(self.budget.examples);
        let explained =
            broken.into_par_iter().filter_map(|(part, proof)| self.violation(part, proof, limits));
        let mut violations: Vec<Violation> = explained.collect();
        violations.sort_by_key(|violation| (violation.returned, violation.returned_line));
        violations
    }

    /// One broken partition in full; `proof` as its monitor gave it.
    fn violation(&self, part: usize, proof: Option<Proof>, limits: &Limits) -> Option<Violation> {
        let calls = self.partitions.calls(&self.model, part).ok()?;
        let order = prefix::completions(&calls);
        let rank =
            |op: u32| order.iter().position(|&call| calls[call as usize].op == op).map_or(0, |rank| rank + 1);
        let within = |why: &Proof| why.witness.iter().map(|&(op, _)| rank(op)).max().unwrap_or(0);
        let probe = |count: usize| {
            let cut = prefix::cut(&self.model, &calls, &order, count);
            match self.decide(part, cut, limits) {
                Probe::Broken { why, .. } => Probe::Broken { within: within(&why), why },
                other => other,
            }
        };
        let why = proof.map(|why| Probe::Broken { within: within(&why), why });
        let (why, within) = match why.unwrap_or_else(|| probe(order.len())) {
            Probe::Broken { why, within } => (why, within),
            // The budget is spent: the contradiction stands, its place is not known.
            _ => (
                Proof {
                    because: "no order of all operations respects real time".to_owned(),
                    witness: Vec::new(),
                },
                0,
            ),
        };
        let found = prefix::narrow(order.len(), why, within, probe);
        let culprit = calls[order[found.broken - 1] as usize].op;
        let mut proof = found.why;
        explain::failed_source(self.partitions, self.history, part, culprit, &mut proof);
        Some(self.sentence(
            part,
            culprit,
            proof,
            Prefix {
                operations: found.sound as u64,
                line: found.sound.checked_sub(1).map_or(0, |last| {
                    u64::from(self.history.ops[calls[order[last] as usize].op as usize].returned_line)
                }),
                exact: found.sound + 1 == found.broken,
            },
        ))
    }

    /// Decides one list of calls alone, and says why if it is broken.
    fn decide(&self, part: usize, calls: Vec<Call<M::Act>>, limits: &Limits) -> Probe<Proof> {
        if self.budget.monitors {
            match self.model.monitor(&calls) {
                Some(Finding::Linearizable) => return Probe::Linearizable,
                Some(Finding::Broken(why)) => return Probe::Broken { why, within: 0 },
                None => {}
            }
        }
        let finish = fair::run(vec![Race::new(part, &self.model, calls, true)], limits, false).remove(0);
        match finish.decision {
            Decision::Linearizable => Probe::Linearizable,
            Decision::Broken(deepest) => {
                let witness =
                    deepest.call.map(|call| (finish.race.operation(call), "cannot be placed".to_owned()));
                let why =
                    Proof { because: explain::exhausted(&deepest), witness: witness.into_iter().collect() };
                Probe::Broken { why, within: 0 }
            }
            Decision::Undecided(_) => Probe::Undecided,
        }
    }

    fn sentence(&self, part: usize, culprit: u32, proof: Proof, prefix: Prefix) -> Violation {
        let op = &self.history.ops[culprit as usize];
        let key = self.partitions.key(part).map(|key| self.history.tables.show(key));
        let on = key.as_ref().map_or(String::new(), |key| format!(" on key {key}"));
        let name = explain::operation(self.partitions, self.history, culprit);
        let before = match prefix {
            Prefix { operations: 0, .. } => String::new(),
            Prefix { operations, line, exact: true } => {
                format!("; the {operations} operations{on} completed by line {line} have an order")
            }
            Prefix { operations, line, exact: false } => {
                format!("; at least the {operations} operations{on} completed by line {line} have an order")
            }
        };
        let mut witness =
            vec![explain::witness(self.partitions, self.history, culprit, "cannot be placed".to_owned())];
        for (number, role) in proof.witness {
            match number == culprit {
                true => witness[0].role = role,
                false => witness.push(explain::witness(self.partitions, self.history, number, role)),
            }
        }
        let others: Vec<String> = witness[1..]
            .iter()
            .map(|other| match other.returned_line {
                Some(returned) => {
                    format!("{} (lines {}-{returned}) {}", other.operation, other.line, other.role)
                }
                None => format!("{} (line {}) {}", other.operation, other.line, other.role),
            })
            .collect();
        let others = if others.is_empty() { String::new() } else { format!(" [{}]", others.join("; ")) };
        let sentence = format!(
            "{name}{on} ({}) cannot be placed in any order, because {}{others}{before}",
            explain::lines(op),
            proof.because
        );
        Violation {
            key,
            sentence,
            line: u64::from(op.line),
            returned_line: u64::from(op.returned_line),
            returned: self.history.timed.then_some(op.returned),
            prefix,
            witness,
        }
    }
}
