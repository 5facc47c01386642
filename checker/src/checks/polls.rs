//! Consumers that went back or jumped, with nothing between two reads that allowed them to move.
//!
//! A jump counts only over records that exist: they are in the surviving log, and what the consumer read after
//! the jump is in that same log (a log that was cut back may have had other records there).

use std::cell::OnceCell;

use rustc_hash::FxHashMap;
use store::batch::ValueId;
use store::op::Isolation;
use store::time::Nanos;
use store::verdict::Example;

use super::{Bench, Concluded};
use crate::explain::{Explain, at_line, poll_witness};
use crate::found::Collector;
use crate::groups::Breaks;
use crate::kind::Kind;
use crate::tables::{NONE, Outcome, Read};
use crate::view::View;
use crate::words::{count, grouped_i64, value};

/// Two reads of one session, one after the other.
#[derive(Debug, Clone, Copy)]
struct Step {
    before: Read,
    after: Read,
}

/// A jump and the first record that it passed over.
#[derive(Debug, Clone, Copy)]
struct Jump {
    step: Step,
    first: i64,
}

pub(super) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let view = bench.view;
    let mut back = [Kind::NonmonotonicPoll, Kind::IntNonmonotonicPoll].map(|k| Collector::new(k, bench.keep));
    let mut skip = [Kind::PollSkip, Kind::IntPollSkip].map(|k| Collector::new(k, bench.keep));
    let values = ReadValues { view, exceptions: OnceCell::new() };
    let visible = Visible { view, to_committed: OnceCell::new(), to_silent: OnceCell::new() };
    let mut last: FxHashMap<u32, Read> = FxHashMap::default();
    let breaks = Breaks::new(view.tables, view.partition);
    let mut moved_alone = false;
    for read in &view.partition.reads {
        let Some(before) = last.insert(view.tables.session_of(read.poll).sequence, *read) else { continue };
        let step = Step { before, after: *read };
        let internal = usize::from(before.poll == read.poll);
        if let Some(breaks) = &breaks
            && (read.first <= before.last || read.first - 1 > before.last)
            && breaks.between(view.tables, before.poll, read.poll)
        {
            continue;
        }
        let line = view.poll(read.poll).line;
        let alone = internal == 0 && view.tables.session_of(read.poll).group == NONE;
        if read.first <= before.last {
            moved_alone |= alone;
            back[internal].push(line, truncated(bench, &values, &step), step);
        } else if read.first - 1 > before.last
            && let Some(first) = jumped_over(view, &values, &visible, &step)
        {
            moved_alone |= alone;
            skip[internal].push(line, None, Jump { step, first });
        }
    }
    let explain = bench.explain();
    let back = back.map(|found| found.explain(|step| went_back(&explain, *step)));
    let skip = skip.map(|found| found.explain(|jump| jumped(&explain, *jump)));
    let concluded = Concluded::from(back.into_iter().chain(skip).collect::<Vec<_>>());
    Concluded { moved_alone, ..concluded }
}

/// What a poll read at a contested offset.
struct ReadValues<'v, 't> {
    view: &'v View<'t>,
    exceptions: OnceCell<FxHashMap<(i64, u32), ValueId>>,
}

impl ReadValues<'_, '_> {
    fn at(&self, offset: i64, poll: u32) -> Option<ValueId> {
        let partition = self.view.partition;
        let all = self
            .exceptions
            .get_or_init(|| partition.exceptions.iter().map(|e| ((e.offset, e.poll), e.value)).collect());
        all.get(&(offset, poll)).copied().or_else(|| {
            let place = partition.reference.place(offset)?;
            Some(partition.reference.values()[place as usize])
        })
    }

    /// Whether what a poll read there is in the surviving log.
    fn survives(&self, offset: i64, poll: u32) -> bool {
        self.at(offset, poll).is_some_and(|value| self.view.surviving_at(offset).contains(&value))
    }
}

/// Why a consumer went back, where the log under it was cut back: a write that it had read is reported lost, or
/// reads disagree about an offset that it read again.
fn truncated(bench: &Bench<'_, '_>, values: &ReadValues<'_, '_>, step: &Step) -> Option<Kind> {
    let Step { before, after } = step;
    let view = bench.view;
    if values.survives(before.last, before.poll) {
        return None;
    }
    let row = values.at(before.last, before.poll).and_then(|value| view.index.row(value));
    if row.and_then(|row| bench.gone(row)) == Some(Kind::LostWrite) {
        return Some(Kind::LostWrite);
    }
    let from = view.contested.partition_point(|contested| contested.offset < after.first);
    let contested = view.contested.get(from).is_some_and(|contested| contested.offset <= before.last);
    contested.then_some(Kind::InconsistentOffsets)
}

/// The first record that a jump passed over, if it passed over any that its reader could see.
fn jumped_over(
    view: &View<'_>,
    values: &ReadValues<'_, '_>,
    visible: &Visible<'_, '_>,
    step: &Step,
) -> Option<i64> {
    let (first, _) = view.survivors_between(from(view, step), step.after.first).next()?;
    if !values.survives(step.after.first, step.after.poll) {
        return None;
    }
    let reader = view.tables.session_of(step.after.poll);
    let silent = reader.isolation.is_none();
    if reader.isolation == Some(Isolation::ReadUncommitted) || silent && view.tables.transactions.is_empty() {
        return Some(first);
    }
    let visible = visible.to(silent);
    let next = visible.partition_point(|offset| *offset < first);
    visible.get(next).copied().filter(|offset| *offset < step.after.first)
}

/// The offsets of the surviving log that readers must see, ascending. Others may have seen records of aborted
/// transactions; an acknowledged write is visible to all. Who does not say what it reads may leave out what was sent in
/// a transaction.
struct Visible<'v, 't> {
    view: &'v View<'t>,
    to_committed: OnceCell<Vec<i64>>,
    to_silent: OnceCell<Vec<i64>>,
}

impl Visible<'_, '_> {
    fn to(&self, silent: bool) -> &[i64] {
        let view = self.view;
        let seen = |offset: &i64| {
            let alone = |row: u32| silent && view.partition.transaction(row).is_none();
            let surviving = view.surviving_at(*offset);
            let mut rows = surviving.iter().filter_map(|value| view.index.row(*value));
            rows.any(|row| view.send(row).outcome == Outcome::Ok || alone(row))
        };
        let all = || {
            let stretches = view.survivors_between(i64::MIN, i64::MAX);
            stretches.flat_map(|(first, last)| first..=last).filter(seen).collect()
        };
        if silent { self.to_silent.get_or_init(all) } else { self.to_committed.get_or_init(all) }
    }
}

/// The offset from which on a step leaves records out: below a log's start there are none any more.
fn from(view: &View<'_>, step: &Step) -> i64 {
    step.before.last.max(view.partition.start.saturating_sub(1))
}

fn went_back(explain: &Explain<'_, '_>, step: Step) -> Example {
    let Step { before, after } = step;
    let mut example = explain.about_poll(after.poll, after.first, |poll| {
        let under = explain.under(poll.completed).map(|u| format!(": {u}")).unwrap_or_default();
        let within = if before.poll == after.poll { " in the same poll" } else { "" };
        format!(
            "{} read offset {} at {} {} after offset {} {}{within}: it went back, because no assignment, seek or \
             rebalance came between{under}",
            explain.reader(after.poll),
            grouped_i64(after.first),
            Nanos(poll.completed),
            at_line(poll.line),
            grouped_i64(before.last),
            at_line(explain.view.poll(before.poll).line)
        )
    });
    witness(explain, step, &mut example);
    example
}

fn jumped(explain: &Explain<'_, '_>, jump: Jump) -> Example {
    let Jump { step: Step { before, after }, first } = jump;
    let view = explain.view;
    let skipped: u64 = view
        .survivors_between(from(view, &jump.step), after.first)
        .map(|(first, last)| last.abs_diff(first).saturating_add(1))
        .sum();
    let carries = match view.surviving_at(first).first() {
        Some(carried) => {
            format!(", the first at offset {} with value {}", grouped_i64(first), value(*carried))
        }
        None => String::new(),
    };
    let mut example = explain.about_poll(after.poll, after.first, |poll| {
        let under = explain.under(poll.completed).map(|u| format!(": {u}")).unwrap_or_default();
        let within = if before.poll == after.poll { " in the same poll" } else { "" };
        format!(
            "{} read offset {} at {} {} right after offset {} {}{within} and jumped over {}{carries}, because no \
             assignment, seek or rebalance came between{under}",
            explain.reader(after.poll),
            grouped_i64(after.first),
            Nanos(poll.completed),
            at_line(poll.line),
            grouped_i64(before.last),
            at_line(view.poll(before.poll).line),
            count(skipped, "record")
        )
    });
    witness(explain, jump.step, &mut example);
    if let Some(value) = view.surviving_at(first).first()
        && let Some(reader) = view.reader_of(first, *value)
    {
        let role = format!("read at {} by {}", grouped_i64(first), explain.reader(reader));
        example.witness.push(poll_witness(view.poll(reader), role));
    }
    example.details.insert("skipped".into(), skipped.into());
    example
}

fn witness(explain: &Explain<'_, '_>, step: Step, example: &mut Example) {
    let Step { before, after } = step;
    let view = explain.view;
    if before.poll != after.poll {
        let role = format!("read up to {}", grouped_i64(before.last));
        example.witness.push(poll_witness(view.poll(before.poll), role));
    }
    let role = format!("read {} next", grouped_i64(after.first));
    example.witness.push(poll_witness(view.poll(after.poll), role));
}
