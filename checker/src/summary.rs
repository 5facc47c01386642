//! What the verdict counts of each partition. It outlives the partition's rows, which may be too many to keep.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;
use store::run_meta::Terms;

use crate::coverage::{Reach, gone_over, reach, takes_part};
use crate::tables::{Outcome, Partition, Tables};

/// One partition, counted.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    /// Whether anybody sent to it.
    pub(crate) sent_to: bool,
    pub(crate) takes_part: bool,
    /// How far the consume-all pass came.
    pub(crate) reach: Reach,
    pub(crate) acknowledged: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) failed: u64,
    pub(crate) indeterminate: u64,
}

impl Summary {
    /// Of one partition, and how far the consume-all pass came in it.
    pub(crate) fn new(partition: &Partition, reach: Reach) -> Summary {
        let mut summary = Summary {
            sent_to: !partition.sends.is_empty(),
            takes_part: takes_part(partition),
            reach,
            acknowledged: 0,
            unacknowledged: 0,
            failed: 0,
            indeterminate: 0,
        };
        for send in &partition.sends {
            match send.outcome {
                Outcome::Ok if send.unacked() => summary.unacknowledged += 1,
                Outcome::Ok => summary.acknowledged += 1,
                Outcome::Fail => summary.failed += 1,
                Outcome::Info => summary.indeterminate += 1,
                Outcome::Superseded => {}
            }
        }
        summary
    }

    /// Of a partition whose rows nobody could keep.
    pub(crate) fn unread(pass: bool) -> Summary {
        Summary {
            sent_to: true,
            takes_part: true,
            reach: unread(pass),
            acknowledged: 0,
            unacknowledged: 0,
            failed: 0,
            indeterminate: 0,
        }
    }

    /// Of one partition that no check looked at. `pass` tells whether the history has a consume-all pass.
    pub(crate) fn counted(tables: &Tables, id: u32, pass: bool, terms: &Terms) -> Summary {
        let partition = &tables.partitions[id as usize];
        let reach = || reach(tables, partition, pass.then(|| gone_over(tables, partition)).as_ref(), terms);
        let reach = catch_unwind(AssertUnwindSafe(reach));
        Summary::new(partition, reach.unwrap_or_else(|_| unread(pass)))
    }

    /// Of all partitions, by their ids, where none was checked.
    pub(crate) fn all(tables: &Tables, pass: bool, terms: &Terms) -> Vec<Summary> {
        (0..tables.partitions.len() as u32)
            .into_par_iter()
            .map(|id| Summary::counted(tables, id, pass, terms))
            .collect()
    }
}

fn unread(pass: bool) -> Reach {
    if pass { Reach::NotThere("its rows were not read".into()) } else { Reach::NoPass }
}
