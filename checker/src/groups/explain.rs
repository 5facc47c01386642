//! The sentences of groups' findings.

use store::time::Nanos;
use store::verdict::{Example, Witness};

use super::runs::Stretch;
use super::table::{Change, Commit, Groups};
use crate::explain::{Explain as Shared, at_line, poll_witness, send_witness};
use crate::words::{count, grouped, grouped_i64};

/// Turns findings of one partition into examples.
pub(super) struct Explain<'a, 't> {
    pub(super) explain: Shared<'a, 't>,
    pub(super) groups: &'a Groups,
}

impl Explain<'_, '_> {
    pub(super) fn redelivery(&self, group: u32, stretch: &Stretch, polls: &[u32]) -> Example {
        let shared = &self.explain;
        let group = self.groups.show(group);
        let records = match stretch.records() {
            1 => format!("the record at offset {}", grouped_i64(stretch.first)),
            n => format!(
                "the {} from offset {} to {}",
                count(n, "record"),
                grouped_i64(stretch.first),
                grouped_i64(stretch.last)
            ),
        };
        let times = |poll: &u32| {
            let row = shared.view.poll(*poll);
            format!("{} at {} {}", shared.reader(*poll), Nanos(row.completed), at_line(row.line))
        };
        let who: Vec<String> = polls.iter().take(2).map(times).collect();
        let heart = polls.get(1).or(polls.first()).copied().unwrap_or(0);
        let mut example = shared.about_poll(heart, stretch.first, |_| {
            format!(
                "{group} processed {records} {}, because {} read the first of them",
                if stretch.times == 2 {
                    "twice".to_owned()
                } else {
                    format!("{} times", grouped(stretch.times))
                },
                who.join(", then ")
            )
        });
        for poll in polls {
            let role = format!("read {}", grouped_i64(stretch.first));
            example.witness.push(poll_witness(shared.view.poll(*poll), role));
        }
        example.details.insert("times".into(), stretch.times.into());
        example.details.insert("records".into(), stretch.records().into());
        example
    }

    pub(super) fn skip(&self, commit: &Commit, first: i64, records: u64) -> Example {
        let shared = &self.explain;
        let record = match records {
            1 => format!("the record at offset {}", grouped_i64(first)),
            n => format!("{}, the first at offset {}", count(n, "record"), grouped_i64(first)),
        };
        let mut example = self.about(commit.invoked, commit.completed, || {
            format!(
                "{} of {} committed offset {} at {} {} and with it passed {record}, because nobody who may be in the \
                 group had polled that before the commit completed, and it is in the log",
                self.groups.member(commit.member).name,
                self.groups.show(commit.group),
                grouped_i64(commit.offset),
                Nanos(commit.completed),
                at_line(commit.line)
            )
        });
        example.offset = Some(first);
        example.witness.push(commit_witness(commit, "accepted"));
        let rows = shared.view.surviving_at(first).into_iter().filter_map(|v| shared.view.index.row(v));
        for row in rows.take(1) {
            example.value = Some(crate::words::value(shared.view.send(row).value));
            example.witness.extend(send_witness(shared.view.send(row), "passed"));
        }
        example.details.insert("records".into(), records.into());
        example
    }

    pub(super) fn regression(&self, earlier: &Commit, later: &Commit) -> Example {
        let mut example = self.about(later.invoked, later.completed, || {
            format!(
                "{} stepped back from offset {} to {}, because the commit of {} at {} {} was accepted before {} \
                 began to commit the lower offset, which was accepted at {} {}",
                self.groups.show(later.group),
                grouped_i64(earlier.offset),
                grouped_i64(later.offset),
                self.groups.member(earlier.member).name,
                Nanos(earlier.completed),
                at_line(earlier.line),
                self.groups.member(later.member).name,
                Nanos(later.completed),
                at_line(later.line)
            )
        });
        example.offset = Some(later.offset);
        example.witness.push(commit_witness(earlier, "accepted first"));
        example.witness.push(commit_witness(later, "accepted, lower"));
        example
    }

    pub(super) fn owners(&self, first: &Change, second: &Change) -> Example {
        let mut example = self.about(second.invoked, second.completed, || {
            format!(
                "{} had two owners in generation {}, because {} was given the partition at {} {} and {} at {} {}, \
                 and neither had given it up",
                self.groups.show(second.group),
                second.generation,
                self.groups.member(first.member).name,
                Nanos(first.completed),
                at_line(first.line),
                self.groups.member(second.member).name,
                Nanos(second.completed),
                at_line(second.line)
            )
        });
        for change in [first, second] {
            let role = format!("{} was given it", self.groups.member(change.member).name);
            example.witness.push(Witness { line: change.line.into(), role });
        }
        example.details.insert("generation".into(), second.generation.into());
        example
    }

    pub(super) fn fenced(&self, change: &Change, commit: &Commit) -> Example {
        let mut example = self.about(commit.invoked, commit.completed, || {
            format!(
                "{} of {} committed offset {} in generation {} at {} {} and was accepted, although it was no longer the \
                 owner, because {} had been given the partition in generation {} before that {}",
                self.groups.member(commit.member).name,
                self.groups.show(commit.group),
                grouped_i64(commit.offset),
                commit.generation,
                Nanos(commit.completed),
                at_line(commit.line),
                self.groups.member(change.member).name,
                change.generation,
                at_line(change.line)
            )
        });
        example.offset = Some(commit.offset);
        let role = format!("{} was given it", self.groups.member(change.member).name);
        example.witness.push(Witness { line: change.line.into(), role });
        example.witness.push(commit_witness(commit, "accepted"));
        example
    }

    fn about(&self, from: u64, to: u64, because: impl FnOnce() -> String) -> Example {
        let mut example = self.explain.at_time(from, to);
        let under = self.explain.under(to).map(|under| format!(": {under}")).unwrap_or_default();
        example.sentence = format!("{}: {}{under}", self.explain.key(), because());
        example
    }
}

fn commit_witness(commit: &Commit, how: &str) -> Witness {
    let role = format!("commit of {} {how}", grouped_i64(commit.offset));
    Witness { line: commit.line.into(), role }
}
