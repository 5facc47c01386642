//! Torn transactions, and losses that only a transaction proves.
//!
//! After a consume-all pass of committed records, a transaction is there as a whole or not at all. One poll proves
//! nothing of the kind: a reader may stand before the transaction's last record. What is missing of a committed
//! transaction is lost, and what is there of an aborted one is G1a: that it is torn follows. One of unknown outcome
//! that is partly there is torn by itself. One that a live reader of committed records proves to have committed,
//! and of which nothing is there, is lost.

use serde_json::Value;
use store::time::Nanos;
use store::verdict::{Example, Witness};

use super::bench::{Bench, Place, Proof};
use super::tell::in_order;
use crate::checks::Concluded;
use crate::coverage::Reach;
use crate::explain::at_line;
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::{Bounds, NO_OFFSET, Outcome};
use crate::words::{count, grouped_i64, value};

/// What the consume-all pass tells of one send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    There,
    Gone,
    /// Below the log's start, not covered, or sent too late for the pass.
    Unknown,
}

/// A transaction of which a part is there and a part is not.
struct Torn {
    txn: u32,
    there: Place,
    gone: Place,
}

pub(super) fn check(bench: &Bench<'_>) -> Concluded {
    let mut torn = Collector::new(Kind::TornTransaction, bench.keep);
    let mut lost = Collector::new(Kind::LostWrite, bench.keep);
    let mut undecided = 0;
    for txn in 0..bench.tables.transactions.len() as u32 {
        let row = bench.transaction(txn);
        let sends = bench.sends_of(txn);
        if row.visible || sends.is_empty() {
            continue;
        }
        let mut there = None;
        let mut gone = None;
        let mut unknown = false;
        for place in sends {
            match fate(bench, txn, *place) {
                Some(Fate::There) => there = there.or(Some(*place)),
                Some(Fate::Gone) => gone = gone.or(Some(*place)),
                Some(Fate::Unknown) => unknown = true,
                None => {}
            }
        }
        let primary = match row.outcome {
            Outcome::Ok => Some(Kind::LostWrite),
            Outcome::Fail => Some(Kind::G1a),
            Outcome::Info | Outcome::Superseded => None,
        };
        match (there, gone) {
            (Some(there), Some(gone)) => torn.push(row.line.max(1), primary, Torn { txn, there, gone }),
            (Some(_), None) => undecided += u64::from(unknown && row.outcome == Outcome::Info),
            (None, Some(_)) if row.outcome == Outcome::Info => {
                if let Some(proof) = bench.proofs[txn as usize] {
                    for place in sends.iter().filter(|place| proved_lost(bench, txn, **place, &proof)) {
                        lost.push(bench.send(*place).main_line(), None, (txn, *place, proof));
                    }
                }
            }
            _ => {}
        }
    }
    let mut concluded = Concluded::from(vec![
        torn.explain(|torn| tell_torn(bench, torn)),
        lost.explain(|(txn, place, proof)| tell_lost(bench, *txn, *place, proof)),
    ]);
    if undecided > 0 {
        concluded.undecided.push(format!(
            "{} of unknown outcome may be torn: a part is there, and the rest may have stood below the log's start, \
             or may have come after the consume-all pass had asked where the log ends",
            count(undecided, "transaction")
        ));
    }
    concluded
}

/// What became of a send that its transaction, committed as a whole or not, decides; `None` where it does not.
fn fate(bench: &Bench<'_>, txn: u32, place: Place) -> Option<Fate> {
    let send = bench.send(place);
    let row = bench.transaction(txn);
    let decided = match row.outcome {
        Outcome::Ok => send.acknowledged(),
        Outcome::Fail => send.aborted(),
        Outcome::Info | Outcome::Superseded => send.outcome != Outcome::Fail,
    };
    let standing = bench.standing(place.partition)?;
    if !decided || standing.unclear.contains(&place.row) {
        return None;
    }
    match &standing.reach {
        Reach::NoPass => None,
        // What a reader of uncommitted records sees may be of an aborted transaction; what it does not see is gone.
        _ if standing.survives(place.row) => {
            (row.outcome == Outcome::Ok || standing.pass_commits).then_some(Fate::There)
        }
        // That the pass did not get there is told by the coverage.
        Reach::NotThere(_) => None,
        Reach::There(bounds) => {
            let before = |completed| bench.tables.precedes(completed, bounds.asked);
            let late = !before(send.completed) || !before(row.completed);
            let below = bounds.start > 0 && (send.offset == NO_OFFSET || send.offset < bounds.start);
            Some(if late || below { Fate::Unknown } else { Fate::Gone })
        }
    }
}

/// Whether a send of a transaction that a live reader proved to have committed is certainly lost: the reader was
/// there before the pass asked where the log ends.
fn proved_lost(bench: &Bench<'_>, txn: u32, place: Place, proof: &Proof) -> bool {
    let read = bench.tables.polls[proof.poll as usize].completed;
    let asked = |bounds: &Bounds| bench.tables.precedes(read, bounds.asked);
    fate(bench, txn, place) == Some(Fate::Gone) && bounds(bench, place).is_some_and(asked)
}

fn bounds<'b>(bench: &'b Bench<'_>, place: Place) -> Option<&'b Bounds> {
    match &bench.standing(place.partition)?.reach {
        Reach::There(bounds) => Some(bounds),
        Reach::NotThere(_) | Reach::NoPass => None,
    }
}

/// `read all of t-1, offsets 0 to 9, and value 6 nowhere`, with the line that tells the bounds.
fn nowhere(bench: &Bench<'_>, place: Place) -> (String, Option<Witness>) {
    let bounds = bounds(bench, place);
    let range = bounds.map_or(String::new(), |bounds| {
        format!(", offsets {} to {},", grouped_i64(bounds.start), grouped_i64(bounds.end))
    });
    let witness = bounds.map(|bounds| {
        let role = format!("log from offset {} to {}", grouped_i64(bounds.start), grouped_i64(bounds.end));
        Witness { line: bounds.line.into(), role }
    });
    (
        format!("all of {}{range} and value {} nowhere", bench.key(place), value(bench.send(place).value)),
        witness,
    )
}

fn tell_torn(bench: &Bench<'_>, torn: &Torn) -> Example {
    let Torn { txn, there, gone } = *torn;
    let mut example = bench.about(gone);
    let (nowhere, bounds) = nowhere(bench, gone);
    example.sentence = format!(
        "{}: the consume-all pass read {}, and {nowhere}, so that the transaction is torn, because of one transaction \
         everything is there or nothing",
        bench.transaction_name(txn),
        bench.stands(there)
    );
    example.witness = bench.send_lines(there, "is there");
    example.witness.extend(bench.send_lines(gone, "is not there"));
    example.witness.extend(bench.pass_reader(there).map(|poll| bench.poll_line(poll, "read by the pass")));
    example.witness.extend(bounds);
    in_order(&mut example.witness);
    example
}

fn tell_lost(bench: &Bench<'_>, txn: u32, place: Place, proof: &Proof) -> Example {
    let mut example = bench.about(place);
    let (nowhere, bounds) = nowhere(bench, place);
    let poll = &bench.tables.polls[proof.poll as usize];
    example.sentence = format!(
        "{}: {} is lost, because the transaction committed ({}, a reader of committed records, read {} of it at {} \
         {}), and the consume-all pass read {nowhere}",
        bench.transaction_name(txn),
        bench.stands(place),
        bench.tables.session_of(proof.poll),
        bench.stands(proof.place),
        Nanos(poll.completed),
        at_line(poll.line)
    );
    example.witness = bench.send_lines(place, "");
    example.witness.push(bench.poll_line(proof.poll, "read of a part of the transaction: it committed"));
    example.witness.extend(bounds);
    in_order(&mut example.witness);
    example.details.insert("seen_before".into(), Value::Bool(proof.place == place));
    example
}
