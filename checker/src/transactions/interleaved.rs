//! Somebody else's records between two sends of one transaction to one partition (Jepsen's int-send-skip).
//!
//! Kafka promises nothing of the kind: the writes of transactions interleave all the time. It is counted because
//! it tells how much.

use rustc_hash::FxHashMap;
use store::verdict::Example;

use super::bench::{Bench, Place};
use super::tell::in_order;
use crate::checks::Concluded;
use crate::found::Collector;
use crate::kind::Kind;
use crate::words::count;

/// Two sends of a transaction, the one that stands after the other, and what stands between them.
#[derive(Debug, Clone, Copy)]
struct Skip {
    txn: u32,
    before: Place,
    after: Place,
    between: u64,
}

pub(super) fn check(bench: &Bench<'_>) -> Concluded {
    let mut skips = Collector::new(Kind::IntSendSkip, bench.keep);
    for (id, standing) in bench.standings.iter().enumerate() {
        let Some(standing) = standing else { continue };
        let partition = &bench.tables.partitions[id];
        let mut last: FxHashMap<u32, usize> = FxHashMap::default();
        for (i, row) in standing.order.iter().enumerate() {
            let Some(txn) = partition.transaction(*row).filter(|txn| bench.committed(*txn)) else { continue };
            if let Some(before) = last.insert(txn, i)
                && before + 1 < i
            {
                let place = |row| Place { partition: id as u32, row };
                let (before, between) = (standing.order[before], (i - before - 1) as u64);
                let skip = Skip { txn, before: place(before), after: place(*row), between };
                skips.push(bench.send(skip.after).main_line(), None, skip);
            }
        }
    }
    Concluded::from(vec![skips.explain(|skip| tell(bench, skip))])
}

fn tell(bench: &Bench<'_>, skip: &Skip) -> Example {
    let Skip { txn, before, after, between } = *skip;
    let mut example = bench.about(after);
    example.sentence = format!(
        "{}: its sends do not stand together, because {} of others {} between {} and {}",
        bench.transaction_name(txn),
        count(between, "record"),
        if between == 1 { "stands" } else { "stand" },
        bench.stands(before),
        bench.stands(after)
    );
    example.witness = bench.send_lines(before, "stands first");
    example.witness.extend(bench.send_lines(after, "stands later"));
    in_order(&mut example.witness);
    example
}
