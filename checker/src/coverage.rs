//! How far the consume-all pass came in each partition. Only what it covered can be called lost.

use store::verdict::ConsumeAll;

use crate::summary::Summary;
use crate::tables::{Bounds, Partition, Tables};
use crate::words::grouped_i64;

/// What the consume-all pass knows of one partition.
#[derive(Debug, Clone)]
pub(crate) enum Reach {
    /// The history has no such pass.
    NoPass,
    /// It did not get to the end, for this reason.
    NotThere(String),
    /// It read everything within these bounds.
    There(Bounds),
}

/// Whether the history has a consume-all pass at all.
pub(crate) fn has_pass(tables: &Tables) -> bool {
    tables.final_pass.is_some() || tables.partitions.iter().any(|p| p.final_pass)
}

/// Whether a partition takes part: somebody sent to it, or the pass meant to read it.
pub(crate) fn takes_part(partition: &Partition) -> bool {
    !partition.sends.is_empty() || partition.final_pass
}

/// How far the pass came in one partition.
pub(crate) fn reach(tables: &Tables, partition: &Partition, pass: bool) -> Reach {
    if !pass {
        return Reach::NoPass;
    }
    let Some(bounds) = partition.bounds else {
        return Reach::NotThere("the consume-all pass never learned where its log ends".into());
    };
    if bounds.end <= bounds.start {
        return Reach::There(bounds);
    }
    let reads = partition.reads.iter().filter(|read| tables.polls[read.poll as usize].final_pass);
    let read = reads.map(|read| read.last.saturating_add(1)).max();
    let position = partition.reached.map(|reached| reached.position).max(read);
    match position {
        Some(position) if position >= bounds.end => Reach::There(bounds),
        Some(position) => {
            let open = match bounds.stable {
                Some(stable) if stable < bounds.end => format!(
                    "; its last stable offset is {}: a transaction was still open",
                    grouped_i64(stable)
                ),
                _ => String::new(),
            };
            let line = partition.reached.map(|r| format!(" (line {})", r.line)).unwrap_or_default();
            Reach::NotThere(format!(
                "the consume-all pass came to offset {}{line} of {}{open}",
                grouped_i64(position),
                grouped_i64(bounds.end)
            ))
        }
        None => Reach::NotThere(format!(
            "the consume-all pass read nothing of its log, which ends at offset {}",
            grouped_i64(bounds.end)
        )),
    }
}

/// The account of the whole pass.
pub(crate) fn account(tables: &Tables, summaries: &[Summary], pass: bool) -> Option<ConsumeAll> {
    if !pass {
        return None;
    }
    let mut account = ConsumeAll::default();
    let partitions = tables.partitions.iter().zip(summaries);
    for (partition, summary) in partitions.filter(|(_, summary)| summary.takes_part) {
        account.of += 1;
        match &summary.reach {
            Reach::There(_) => account.covered += 1,
            Reach::NotThere(why) => {
                account.not_covered.insert(partition.key.clone(), why.clone());
            }
            Reach::NoPass => {}
        }
    }
    Some(account)
}
