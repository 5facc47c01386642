//! Reading: the whole history at once, or, where its tables would pass the memory budget, once for what belongs
//! to no partition and then again for each group of partitions whose rows fit.
//!
//! A reading costs what decompressing and parsing cost, and nothing is written anywhere. Every reading numbers
//! polls, sessions and producers alike, and the checks look at one partition at a time, so that the verdict is
//! the same. Standard input cannot be read again: there the budget makes the verdict unknown, with the reason.

use std::time::{Duration, Instant};

use rayon::ThreadPool;
use store::reader::{ReadError, Source};
use store::series::Series;
use store::verdict::Consumed;

use crate::context::{CheckError, Context, Options};
use crate::coverage::has_pass;
use crate::groups::consumed::consumed;
use crate::kind::Kind;
use crate::leadership::Leadership;
use crate::load::{Loaded, Loader, Rows, TooLarge, nanos, set_skew};
use crate::partitions::{self, Answers, Bounds, Checked, answers, check, conclude, unanswered};
use crate::series::PerPartition;
use crate::strangers::{Origin, name_their_origin, origins, wanted};
use crate::summary::Summary;
use crate::tables::Tables;
use crate::words::{count, grouped};

/// A history that was read and checked.
pub(crate) struct Judged {
    /// Without the rows of partitions, where these were too many.
    pub(crate) tables: Tables,
    pub(crate) summaries: Vec<Summary>,
    pub(crate) checked: Checked,
    pub(crate) series: Series,
    /// Whether the history has a consume-all pass.
    pub(crate) pass: bool,
    /// Why the history was not read to its end.
    pub(crate) stopped: Option<String>,
    /// How often records were consumed, where readers subscribed.
    pub(crate) consumed: Option<Consumed>,
    pub(crate) notes: Vec<String>,
}

/// What all readings share.
pub(crate) struct Reading<'a> {
    pub(crate) options: &'a Options,
    pub(crate) context: &'a Context,
    pub(crate) leadership: &'a Leadership,
    pub(crate) pool: &'a ThreadPool,
    pub(crate) deadline: Option<Instant>,
}

/// Why reading ended early.
enum Stop {
    Read(ReadError),
    /// The tables would be larger than the budget.
    Memory(String),
    Budget(String),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Stop {
        Stop::Read(error)
    }
}

impl From<TooLarge> for Stop {
    fn from(TooLarge(what): TooLarge) -> Stop {
        Stop::Budget(format!("{what}, which is more than one analysis can number"))
    }
}

impl Reading<'_> {
    /// Reads and checks everything, in as many readings as the budget asks for.
    pub(crate) fn judge(&self, source: Source) -> Result<Judged, CheckError> {
        let again = source.again();
        let (loaded, stopped) = self.read(source, Loader::default())?;
        match (stopped, again) {
            (Some(Stop::Memory(_)), Some(source)) => {
                drop(loaded);
                self.by_groups(&source)
            }
            (stopped, _) => Ok(self.whole(loaded.tables, stopped.map(Stop::why))),
        }
    }

    /// As much of a history as the budget allows, and why no more.
    fn read(&self, source: Source, mut loader: Loader) -> Result<(Loaded, Option<Stop>), CheckError> {
        let read = store::reader::read(source, self.options.threads.max(1), |batch| {
            loader.add(batch)?;
            if let Some(limit) = self.options.memory
                && loader.bytes() > limit
            {
                return Err(Stop::Memory(format!(
                    "the memory budget of {} MiB was reached after {} lines; raise --memory, or give the history \
                     as a file, which can be read again for each group of partitions",
                    limit >> 20,
                    grouped(loader.lines())
                )));
            }
            if self.late() {
                let limit = self.options.time_limit.unwrap_or(Duration::ZERO);
                return Err(Stop::Budget(format!(
                    "the time limit of {} s was reached after reading {} lines; raise --time-limit",
                    limit.as_secs_f64(),
                    grouped(loader.lines())
                )));
            }
            Ok::<(), Stop>(())
        });
        match read {
            Ok(summary) => {
                let mut loaded = loader.finish();
                loaded.tables.warnings.extend(summary.warnings);
                set_skew(&mut loaded.tables, self.options.clock_uncertainty);
                Ok((loaded, None))
            }
            Err(Stop::Read(error)) => Err(error.into()),
            Err(stop) => Ok((loader.finish(), Some(stop))),
        }
    }

    fn late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() > deadline)
    }

    fn bounds(&self, pass: bool) -> Bounds<'_> {
        let examples = self.options.examples;
        Bounds {
            leadership: self.leadership,
            pass,
            examples,
            deadline: self.deadline,
            max_stall: self.max_stall(),
            terms: &self.context.terms,
        }
    }

    /// How long a partition may go without an acknowledgement, ns.
    pub(crate) fn max_stall(&self) -> Option<u64> {
        let stated = self.context.terms.max_stall_ms.map(Duration::from_millis);
        self.options.max_stall.or(stated).map(nanos)
    }

    fn whole(&self, tables: Tables, stopped: Option<String>) -> Judged {
        let pass = has_pass(&tables);
        let (summaries, checked, (series, flaw), consumed) = self.pool.install(|| {
            let series = PerPartition::new(&tables);
            // Half a history has losses and strangers that the other half explains.
            let (mut checked, summaries) = match &stopped {
                None => check(&tables, &self.bounds(pass), &series),
                Some(_) => (Checked::default(), Summary::all(&tables, pass, &self.context.terms)),
            };
            if let Some(unexpected) = checked.anomalies.get_mut(Kind::Unexpected.name()) {
                let wanted = wanted(unexpected);
                name_their_origin(unexpected, origins(&tables, &wanted), &tables);
            }
            series.count(&tables, true);
            let consumed = consumed(&tables, self.options.examples);
            (summaries, checked, series.finish(&tables, &self.context.title), consumed)
        });
        let notes = flaw.into_iter().collect();
        Judged { tables, summaries, checked, series, pass, stopped, consumed, notes }
    }

    fn by_groups(&self, source: &Source) -> Result<Judged, CheckError> {
        let (survey, stopped) = self.read(again(source), Loader::keeping(Rows::of(Vec::new())))?;
        let (tables, weights) = (survey.tables, survey.weights);
        if let Some(stop) = stopped {
            return Ok(self.whole(tables, Some(stop.why())));
        }
        let limit = self.options.memory.unwrap_or(u64::MAX);
        let (groups, oversize) = plan(&weights, limit.saturating_sub(tables.bytes()));
        let pass = has_pass(&tables);
        let series = PerPartition::new(&tables);
        let mut summaries: Vec<Option<Summary>> = vec![None; weights.len()];
        let mut all: Answers = Vec::new();
        for id in &oversize {
            let reason = format!(
                "its rows alone take up to {} MiB, more than the memory budget of {} MiB leaves; raise --memory",
                weights[*id as usize] >> 20,
                limit >> 20
            );
            all.extend(unanswered([*id], &reason));
        }
        let mut readings = 2;
        for (number, group) in groups.iter().enumerate() {
            let mut chosen = vec![false; weights.len()];
            group.iter().for_each(|id| chosen[*id as usize] = true);
            let (loaded, stopped) = self.read(again(source), Loader::keeping(Rows::of(chosen)))?;
            readings += 1;
            let part = loaded.tables;
            let changed = || "the history changed while it was read".to_owned();
            let same = part.counts.lines == tables.counts.lines && part.end == tables.end;
            if let Some(why) = stopped.map(Stop::why).or_else(|| (!same).then(changed)) {
                all.extend(unanswered(group.iter().copied(), &why));
                continue;
            }
            let mut answers = self.pool.install(|| {
                series.count(&part, number == 0);
                answers(&part, group.clone(), &self.bounds(pass), &series)
            });
            let counted = partitions::summaries(&part, group, &mut answers, &self.bounds(pass));
            for (id, summary) in group.iter().zip(counted) {
                summaries[*id as usize] = Some(summary);
            }
            all.extend(answers);
        }
        let crossing =
            "the memory budget kept its partitions apart, and transactions cross them; raise --memory";
        let mut checked = conclude(&tables, all, self.options.examples, crossing);
        if let Some(unexpected) = checked.anomalies.get_mut(Kind::Unexpected.name()) {
            let wanted = wanted(unexpected);
            if !wanted.is_empty() {
                let (loaded, _) = self.read(again(source), Loader::keeping(Rows::wanted(wanted)))?;
                readings += 1;
                let origins = loaded.met.iter().map(|(partition, send)| Origin::new(*partition, send));
                name_their_origin(unexpected, origins.collect(), &tables);
            }
        }
        let (series, flaw) = series.finish(&tables, &self.context.title);
        let mut notes: Vec<String> = flaw.into_iter().collect();
        notes.push(format!(
            "the history was read {} times, by {} of partitions, because its tables would have passed the memory \
             budget of {} MiB",
            readings,
            count(groups.len() as u64, "group"),
            limit >> 20
        ));
        let summaries = summaries.into_iter().map(|s| s.unwrap_or_else(|| Summary::unread(pass))).collect();
        if tables.subscribed {
            notes.push(
                "how often records were consumed was not counted: the partitions were kept apart".to_owned(),
            );
        }
        Ok(Judged { tables, summaries, checked, series, pass, stopped: None, consumed: None, notes })
    }
}

impl Stop {
    fn why(self) -> String {
        match self {
            Stop::Read(error) => error.to_string(),
            Stop::Memory(why) | Stop::Budget(why) => why,
        }
    }
}

fn again(source: &Source) -> Source {
    source.again().expect("what was read again once is no stream")
}

/// Groups of partitions that fit, by their ids, and the partitions that fit nowhere.
fn plan(weights: &[u64], room: u64) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut oversize = Vec::new();
    let mut left = 0;
    for (id, weight) in (0..).zip(weights) {
        if *weight > room {
            oversize.push(id);
            continue;
        }
        match groups.last_mut() {
            Some(group) if *weight <= left => group.push(id),
            _ => {
                groups.push(vec![id]);
                left = room;
            }
        }
        left -= weight;
    }
    (groups, oversize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_fit_and_hold_every_partition_once() {
        assert_eq!(plan(&[], 10), (vec![], vec![]));
        assert_eq!(plan(&[4, 6, 0, 1, 11, 9], 10), (vec![vec![0, 1, 2], vec![3, 5]], vec![4]));
        assert_eq!(plan(&[0, 0, 5], 0), (vec![vec![0, 1]], vec![2]));
    }
}
