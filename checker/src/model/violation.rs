//! A broken partition in full: where its history breaks, on which operation, and why.

use rayon::prelude::*;

use super::check::Check;
use super::explain;
use super::op::Effect;
use super::outcome::{Prefix, Violation};
use super::prefix::{self, Probe};
use super::search::fair::{self, Decision, Limits, Race};
use super::spec::{Call, Finding, Model, Proof};

impl<M: Model> Check<'_, M> {
    /// The first broken partitions, each with the proof of its monitor if it has one, in full; the
    /// earliest contradiction first.
    pub(super) fn explain(&self, mut broken: Vec<(usize, Option<Proof>)>, limits: &Limits) -> Vec<Violation> {
        broken.sort_unstable_by_key(|&(part, _)| part);
        broken.truncate(self.budget.examples);
        let explained =
            broken.into_par_iter().filter_map(|(part, proof)| self.violation(part, proof, limits));
        let mut violations: Vec<Violation> = explained.collect();
        violations.sort_by_key(|violation| (violation.returned, violation.returned_line));
        violations
    }

    fn violation(&self, part: usize, proof: Option<Proof>, limits: &Limits) -> Option<Violation> {
        let calls = self.partitions.calls(&self.model, part).ok()?;
        let order = prefix::completions(&calls);
        // A contradiction is complete, as a rule, when the last of its operations is.
        let within = |why: &Proof| {
            let ops = why.witness.iter().map(|&(op, _)| &self.history.ops[op as usize]);
            let known = ops.filter(|op| op.effect == Effect::Happened).map(|op| op.returned + 1);
            known.max().map_or(0, |time| prefix::completed(&calls, &order, time))
        };
        let probe = |count: usize| {
            let cut = prefix::cut(&self.model, &calls, &order, count);
            match self.decide(part, cut, limits) {
                Probe::Broken { why, .. } => Probe::Broken { within: within(&why), why },
                other => other,
            }
        };
        let first = match proof {
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
        let culprit = operation(found.broken - 1);
        let last_line = |last: usize| u64::from(self.history.ops[operation(last) as usize].returned_line);
        let mut proof = found.why;
        explain::failed_source(self.partitions, self.history, part, culprit, &mut proof);
        let prefix = Prefix {
            operations: found.sound as u64,
            line: found.sound.checked_sub(1).map_or(0, last_line),
            exact: found.sound + 1 == found.broken,
        };
        Some(self.sentence(part, culprit, proof, prefix))
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
