//! How often records were consumed, for the verdict: by group, and by process as Jepsen's `consume-counts` has it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use store::verdict::Consumed;

use super::redelivery::group;
use super::runs::{Stretch, consumption};
use crate::tables::{Partition, Tables};
use crate::words::value;

/// The counts over ok polls of subscribed readers; `None` where no reader subscribed. At most `keep` repeated values
/// of each partition are named.
pub(crate) fn consumed(tables: &Tables, keep: usize) -> Option<Consumed> {
    if !tables.sessions.iter().any(|session| group(session).is_some()) {
        return None;
    }
    let ids: Vec<&Partition> = tables.partitions.iter().filter(|p| !p.reads.is_empty()).collect();
    let all: Vec<Consumed> = ids.into_par_iter().map(|partition| one(tables, partition, keep)).collect();
    let mut sum = Consumed::default();
    for consumed in all {
        for (group, times) in consumed.groups {
            let of = sum.groups.entry(group).or_default();
            times.into_iter().for_each(|(times, n)| *of.entry(times).or_default() += n);
        }
        consumed.processes.into_iter().for_each(|(times, n)| *sum.processes.entry(times).or_default() += n);
        sum.repeated.extend(consumed.repeated);
    }
    Some(sum)
}

fn one(tables: &Tables, partition: &Partition, keep: usize) -> Consumed {
    let mut consumed = Consumed::default();
    for (group, stretches) in consumption(tables, partition, group) {
        let name = tables.groups.names[group as usize].clone();
        add(consumed.groups.entry(name).or_default(), &stretches);
    }
    let mut repeated: BTreeMap<String, u64> = BTreeMap::new();
    for stretches in consumption(tables, partition, |s| group(s).map(|_| s.process)).into_values() {
        add(&mut consumed.processes, &stretches);
        for stretch in stretches.iter().filter(|stretch| stretch.times > 1) {
            for offset in stretch.first..=stretch.last {
                if repeated.len() >= keep {
                    break;
                }
                let place = partition.reference.place(offset);
                let read = stretch.value.or(place.map(|p| partition.reference.values()[p as usize]));
                if let Some(read) = read {
                    let times = repeated.entry(value(read)).or_default();
                    *times = stretch.times.max(*times);
                }
            }
        }
    }
    if !repeated.is_empty() {
        consumed.repeated.insert(partition.key.clone(), repeated);
    }
    consumed
}

fn add(distribution: &mut BTreeMap<u64, u64>, stretches: &[Stretch]) {
    for stretch in stretches {
        *distribution.entry(stretch.times).or_default() += stretch.records();
    }
}
