//! Hanging transactions: one that nobody ends holds the last stable offset back, and with it every reader of
//! committed records.
//!
//! The coordinator aborts what is older than the transaction timeout. It is certain only if the last stable offset
//! lies below the log's end for longer than that after the last send of the history (and after the interval in
//! which the coordinator looks); until then somebody may still end it.

use store::time::Nanos;
use store::verdict::{Example, Witness};

use super::bench::Bench;
use crate::checks::Concluded;
use crate::coverage::takes_part;
use crate::explain::at_line;
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::{Bounds, NEVER, Outcome};
use crate::words::{duration, grouped_i64};

/// How often a coordinator looks for transactions that are too old
/// (`transaction.abort.timed.out.transaction.cleanup.interval.ms`), and as much again for its markers.
const LOOKS: u64 = 2 * 10_000_000_000;

pub(super) fn check(bench: &Bench<'_>) -> Concluded {
    let mut hanging = Collector::new(Kind::HangingTransaction, bench.keep);
    let mut concluded = Concluded::default();
    let mut last = None;
    for (id, partition) in bench.tables.partitions.iter().enumerate() {
        let Some(bounds) = partition.bounds.filter(|_| takes_part(partition)) else { continue };
        let Some(stable) = bounds.stable.filter(|stable| *stable < bounds.stable_end) else { continue };
        let last = *last.get_or_insert_with(|| last_activity(bench));
        let since = bounds.asked.saturating_sub(last);
        let held = format!(
            "{}: {} after the last send its last stable offset is {} of {} {}",
            partition.key,
            duration(since),
            grouped_i64(stable),
            grouped_i64(bounds.stable_end),
            at_line(bounds.line)
        );
        match bench.terms.transaction_timeout_ms {
            None => concluded.undecided.push(format!(
                "{held}: a transaction is open, and nobody knows for how long it may be (the terms have no \
                 transaction timeout)"
            )),
            Some(timeout) if since <= timeout.saturating_mul(1_000_000).saturating_add(LOOKS) => concluded
                .undecided
                .push(format!("{held}: a transaction is open, and may be for {timeout} ms")),
            Some(timeout) => hanging.push(bounds.line, None, (id, bounds, stable, timeout, since)),
        }
    }
    let found = hanging
        .explain(|(id, bounds, stable, timeout, since)| tell(bench, *id, bounds, *stable, *timeout, *since));
    concluded.found.extend(found);
    concluded
}

/// The last moment at which any client sent, or heard of a send.
fn last_activity(bench: &Bench<'_>) -> u64 {
    let sends = bench.tables.partitions.iter().flat_map(|partition| &partition.sends);
    let sends = sends.filter(|send| send.outcome != Outcome::Superseded);
    let ended = |completed: u64| if completed == NEVER { 0 } else { completed };
    sends.map(|send| send.invoked.max(ended(send.completed))).max().unwrap_or(0)
}

fn tell(bench: &Bench<'_>, id: usize, bounds: &Bounds, stable: i64, timeout: u64, since: u64) -> Example {
    let key = &bench.tables.partitions[id].key;
    let mut example = bench.example(bounds.asked, bounds.asked);
    example.key = Some(key.clone());
    example.offset = Some(stable);
    example.time = Some(Nanos(bounds.asked));
    example.sentence = format!(
        "{key}: {} after the last send of the run, its last stable offset was {} of {} {}: a transaction hangs there, \
         because a transaction may stay open for {timeout} ms and readers of committed records still cannot pass it",
        duration(since),
        grouped_i64(stable),
        grouped_i64(bounds.stable_end),
        at_line(bounds.line)
    );
    let role = format!("last stable offset {} of {}", grouped_i64(stable), grouped_i64(bounds.stable_end));
    example.witness = vec![Witness { line: bounds.line.into(), role }];
    example
}
