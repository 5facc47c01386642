//! Records that a group processed more than once: read by several ok polls of its members.

use std::collections::BTreeMap;

use super::explain::Explain;
use super::runs::{Stretch, consumption};
use super::table::UNSURE;
use crate::checks::Bench;
use crate::found::Found;
use crate::kind::Kind;
use crate::tables::{Outcome, Session};

/// The group of a session, where it certainly has one.
pub(crate) fn group(session: &Session) -> Option<u32> {
    (session.group < UNSURE).then_some(session.group)
}

pub(super) fn check(bench: &Bench<'_, '_>, explain: &Explain<'_, '_>) -> Option<Found> {
    let view = bench.view;
    let mut count = 0;
    let mut examples = Vec::new();
    for (group, stretches) in consumption(view.tables, view.partition, group) {
        let repeated: Vec<&Stretch> = stretches.iter().filter(|stretch| stretch.times > 1).collect();
        count += repeated.iter().map(|stretch| stretch.records()).sum::<u64>();
        for stretch in repeated.into_iter().take(bench.keep.saturating_sub(examples.len())) {
            let polls = polls(bench, group, stretch);
            let line = polls.get(1).or(polls.first()).map_or(0, |poll| view.poll(*poll).line);
            examples.push((line, explain.redelivery(group, stretch, &polls)));
        }
    }
    (count > 0).then_some(Found { kind: Kind::Redelivery, count, consequences: BTreeMap::new(), examples })
}

/// The first few polls of a group that read a stretch's first record.
fn polls(bench: &Bench<'_, '_>, of: u32, stretch: &Stretch) -> Vec<u32> {
    let view = bench.view;
    let covers = view.partition.reads.iter().filter(|r| r.first <= stretch.first && stretch.first <= r.last);
    let polls = covers.map(|read| read.poll).filter(|poll| {
        let row = view.poll(*poll);
        row.outcome == Outcome::Ok && !row.final_pass && group(view.tables.session_of(*poll)) == Some(of)
    });
    polls.take(4).collect()
}
