//! Records that were read before their transaction could have committed.
//!
//! As in `jepsen.tests.kafka`, where its reader says that it reads committed records: no transaction sees its own
//! sends. And as certain: a transaction asks for its commit
//! after all its sends, so that whoever reads committed records and had read one of them before the last was even
//! begun, read it too early. What was aborted is G1a, and not told here again.

use rustc_hash::FxHashMap;
use store::time::Nanos;
use store::verdict::Example;

use super::bench::{Bench, Place};
use super::tell::in_order;
use crate::checks::Concluded;
use crate::explain::at_line;
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::Outcome;
use crate::words::value;

/// One read of a transaction that had not committed.
#[derive(Debug, Clone, Copy)]
struct Early {
    txn: u32,
    place: Place,
    poll: u32,
}

pub(super) fn check(bench: &Bench<'_>) -> Concluded {
    let mut own: FxHashMap<u32, Early> = FxHashMap::default();
    let mut early: FxHashMap<u32, Early> = FxHashMap::default();
    for (id, standing) in bench.standings.iter().enumerate() {
        let Some(standing) = standing else { continue };
        let partition = &bench.tables.partitions[id];
        for (poll, row) in &standing.readings {
            let Some(txn) = partition.transaction(*row) else { continue };
            let transaction = bench.transaction(txn);
            let read = &bench.tables.polls[*poll as usize];
            let found = Early { txn, place: Place { partition: id as u32, row: *row }, poll: *poll };
            if read.txn == txn {
                if bench.reads_committed(*poll) {
                    own.entry(txn).or_insert(found);
                }
            } else if bench.tables.precedes(read.completed, transaction.last_invoked)
                && transaction.outcome != Outcome::Fail
                && !transaction.visible
                && bench.reads_committed(*poll)
            {
                let first = early.entry(txn).or_insert(found);
                if (*poll, found.place) < (first.poll, first.place) {
                    *first = found;
                }
            }
        }
    }
    let mut collector = Collector::new(Kind::PrecommittedRead, bench.keep);
    let mut all: Vec<Early> = own.into_values().chain(early.into_values()).collect();
    all.sort_unstable_by_key(|early| (early.poll, early.txn));
    for early in all {
        collector.push(bench.tables.polls[early.poll as usize].line, None, early);
    }
    Concluded::from(vec![collector.explain(|early| tell(bench, early))])
}

fn tell(bench: &Bench<'_>, early: &Early) -> Example {
    let Early { txn, place, poll } = *early;
    let read = &bench.tables.polls[poll as usize];
    let mut example = bench.about(place);
    example.time = Some(Nanos(read.completed));
    let name = bench.transaction_name(txn);
    let sent = value(bench.send(place).value);
    let key = bench.key(place);
    if read.txn == txn {
        example.sentence = format!(
            "{name}: it polled value {sent} from {key}, which it had sent itself: a precommitted read, because its \
             own commit came only after that"
        );
        example.witness = bench.send_lines(place, "sent and polled");
    } else {
        let last = bench.sends_of(txn).iter().copied().max_by_key(|place| bench.send(*place).invoked);
        let last = last.unwrap_or(place);
        let later = bench.send(last);
        example.sentence = format!(
            "{name}: {}, a reader of committed records, had read its value {sent} from {key} at {} {}: a precommitted \
             read, because the transaction began its send of {} only at {} {} and cannot have asked for its commit \
             before",
            bench.tables.session_of(poll),
            Nanos(read.completed),
            at_line(read.line),
            value(later.value),
            Nanos(later.invoked),
            at_line(later.invoke_line)
        );
        example.witness = bench.send_lines(place, "read");
        example.witness.extend(bench.send_lines(last, "the last of the transaction"));
        example.witness.push(bench.poll_line(poll, "read before the commit"));
    }
    in_order(&mut example.witness);
    example
}
