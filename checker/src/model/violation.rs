//! A broken partition in full: where its history breaks, on which operation, and why.

use rayon::prelude::*;

use super::check::{Check, Contradiction};
use super::explain;
use super::op::Effect;
use super::outcome::{Prefix, Violation};
use super::prefix::{self, Moment, Probe};
use super::search::fair::{self, Decision, Limits, Race};
use super::spec::{Call, Finding, Model, Proof};

/// Where the history of a partition breaks.
struct Place {
    why: Proof,
    /// The operation whose completion breaks it.
    culprit: u32,
    prefix: Prefix,
}

impl<M: Model> Check<'_, M> {
    /// The first broken partitions, each with the proof of its monitor if it has one, in full; the
    /// earliest contradiction first.
    pub(super) fn explain(
        &self,
        mut broken: Vec<(usize, Option<Contradiction<M::Act>>)>,
        limits: &Limits,
    ) -> Vec<Violation> {
        broken.sort_unstable_by_key(|&(part, _)| part);
        broken.truncate(self.budget.examples);
        let explained =
            broken.into_par_iter().filter_map(|(part, found)| self.violation(part, found, limits));
        let mut violations: Vec<Violation> = explained.collect();
        violations.sort_by_key(|violation| (violation.returned, violation.returned_line));
        violations
    }

    fn violation(
        &self,
        part: usize,
        found: Option<Contradiction<M::Act>>,
        limits: &Limits,
    ) -> Option<Violation> {
        let (proof, calls) = found.map_or((None, None), |found| (Some(found.proof), found.calls));
        let calls = match calls {
            Some(calls) => calls,
            None => self.partitions.calls(&self.model, part).ok()?,
        };
        let near = proof.map(|why| self.near(part, &calls, why, limits));
        let Place { mut why, culprit, prefix } = match near {
            Some(Ok(place)) => place,
            Some(Err(why)) => self.far(part, &calls, Some(why), limits),
            None => self.far(part, &calls, None, limits),
        };
        explain::failed_source(self.partitions, self.history, part, culprit, &mut why);
        Some(self.sentence(part, culprit, why, prefix))
    }

    /// Tries the two prefixes that a lone contradiction makes likely: up to its last completion, and without it.
    /// Gives a proof back where there is more to it.
    fn near(&self, part: usize, calls: &[Call<M::Act>], why: Proof, limits: &Limits) -> Result<Place, Proof> {
        let Some(now) = self.complete(calls, &why) else { return Err(why) };
        let decide = |now| self.decide(part, prefix::cut(&self.model, calls, now), limits);
        let earlier = prefix::moments(calls).filter(|moment| *moment < now);
        let (operations, before) =
            earlier.fold((0, None), |(n, last), moment| (n + 1, last.max(Some(moment))));
        let (with, without) = rayon::join(|| decide(now), || before.map_or(Probe::Linearizable, decide));
        match (with, without) {
            (Probe::Broken { why, .. }, Probe::Linearizable) => {
                let line = before.map_or(0, |(_, call)| self.last_line(calls[call as usize].op));
                let prefix = Prefix { operations, line, exact: true };
                Ok(Place { why, culprit: calls[now.1 as usize].op, prefix })
            }
            (_, Probe::Broken { why, .. }) | (Probe::Broken { why, .. }, _) => Err(why),
            _ => Err(why),
        }
    }

    /// Narrows the place down, with or without a proof to begin with.
    fn far(&self, part: usize, calls: &[Call<M::Act>], why: Option<Proof>, limits: &Limits) -> Place {
        let order = prefix::completions(calls);
        let moment = |completion: usize| (calls[order[completion] as usize].returned, order[completion]);
        let within = |why: &Proof| {
            let complete = self.complete(calls, why);
            complete
                .map_or(0, |now| order.partition_point(|&call| (calls[call as usize].returned, call) <= now))
        };
        let probe = |count: usize| {
            let cut = match count.checked_sub(1) {
                Some(last) => prefix::cut(&self.model, calls, moment(last)),
                None => Vec::new(),
            };
            match self.decide(part, cut, limits) {
                Probe::Broken { why, .. } => Probe::Broken { within: within(&why), why },
                other => other,
            }
        };
        let first = match why {
            Some(why) => Probe::Broken { within: within(&why), why },
            None => probe(order.len()),
        };
        let (why, within) = match first {
            Probe::Broken { why, within } => (why, within),
            // The budget is spent: the contradiction stands, its place is not known.
            Probe::Linearizable | Probe::Undecided => {
                let because = "no order of all operations respects real time".to_owned();
                (Proof { because, witness: Vec::new() }, 0)
            }
        };
        let found = prefix::narrow(order.len(), why, within, probe);
        let operation = |completion: usize| calls[order[completion] as usize].op;
        let prefix = Prefix {
            operations: found.sound as u64,
            line: found.sound.checked_sub(1).map_or(0, |last| self.last_line(operation(last))),
            exact: found.sound + 1 == found.broken,
        };
        Place { why: found.why, culprit: operation(found.broken - 1), prefix }
    }

    /// The completion with which a contradiction is complete, as a rule: the last one of its operations.
    fn complete(&self, calls: &[Call<M::Act>], why: &Proof) -> Option<Moment> {
        let ops = why.witness.iter().map(|&(op, _)| &self.history.ops[op as usize]);
        let last =
            ops.filter(|op| op.effect == Effect::Happened).map(|op| self.history.returned(op)).max()?;
        prefix::moments(calls).filter(|moment| moment.0 <= last).max()
    }

    fn last_line(&self, op: u32) -> u64 {
        u64::from(self.history.ops[op as usize].returned_line)
    }

    /// Decides one list of calls alone, and says why if it is broken.
    fn decide(&self, part: usize, calls: Vec<Call<M::Act>>, limits: &Limits) -> Probe<Proof> {
        let monitored = if self.budget.monitors { self.model.monitor(&calls) } else { None };
        match monitored {
            Some(Finding::Linearizable) => return Probe::Linearizable,
            Some(Finding::Broken(why)) => return Probe::Broken { why, within: 0 },
            None => {}
        }
        let finish = fair::run(vec![Race::new(part, &self.model, calls, true)], limits, false).remove(0);
        match finish.decision {
            Decision::Linearizable => Probe::Linearizable,
            Decision::Broken(deepest) => {
                let stuck = deepest.call.map(|call| finish.race.operation(call));
                let witness = stuck.map(|op| (op, "cannot be placed".to_owned())).into_iter().collect();
                let why = Proof { because: explain::exhausted(&deepest), witness };
                Probe::Broken { why, within: 0 }
            }
            Decision::Undecided(_) => Probe::Undecided,
        }
    }

    fn sentence(&self, part: usize, culprit: u32, proof: Proof, prefix: Prefix) -> Violation {
        let op = &self.history.ops[culprit as usize];
        let key = self.partitions.key(part).map(|key| self.history.tables.show(key));
        let on = key.as_ref().map_or(String::new(), |key| format!(" on key {key}"));
        let witness = |number, role| explain::witness(self.partitions, self.history, number, role);
        let mut all = vec![witness(culprit, "cannot be placed".to_owned())];
        for (number, role) in proof.witness {
            if number == culprit {
                all[0].role = role;
            } else {
                all.push(witness(number, role));
            }
        }
        let others = explain::listed(&all[1..]);
        let until = explain::until(prefix, &on);
        let name = &all[0].operation;
        let sentence = format!(
            "{name}{on} ({}) cannot be placed in any order, because {}{others}{until}",
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
            witness: all,
        }
    }
}
