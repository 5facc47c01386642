//! Unexpected values that are somebody's: sent to one partition, read from another.
//!
//! Each partition is checked by itself and knows only its own sends. For the few examples that a verdict tells
//! in full, this looks through all of them, once.

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use store::batch::{HASHED, ValueId};
use store::verdict::{Anomaly, Witness};

use crate::checks::values::NOBODY;
use crate::explain::at_line;
use crate::tables::Tables;
use crate::words::value;

/// Completes the examples of `unexpected`.
pub(crate) fn name_their_origin(unexpected: &mut Anomaly, tables: &Tables) {
    let wanted: FxHashSet<ValueId> = unexpected
        .examples
        .iter()
        .filter(|e| e.sentence.ends_with(NOBODY))
        .filter_map(|e| id(e.value.as_ref()?))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let mut origins: Vec<(String, &str, u32)> = tables
        .partitions
        .par_iter()
        .flat_map_iter(|partition| {
            let sends = partition.sends.iter().filter(|send| wanted.contains(&send.value));
            sends.map(|send| (value(send.value), partition.key.as_str(), send.invoke_line))
        })
        .collect();
    origins.sort_by_key(|(_, _, line)| *line);
    for example in &mut unexpected.examples {
        let Some(told) = example.sentence.strip_suffix(NOBODY) else { continue };
        let Some((_, key, line)) = origins.iter().find(|(v, ..)| Some(v) == example.value.as_ref()) else {
            continue;
        };
        example.sentence = format!("{told}it was sent to {key} {} and never here", at_line(*line));
        example.details.insert("sent_to".into(), (*key).into());
        example.witness.insert(0, Witness { line: (*line).into(), role: "sent elsewhere".into() });
    }
}

/// A value from its words.
pub(crate) fn id(text: &str) -> Option<ValueId> {
    match text.strip_prefix('#') {
        Some(hash) => ValueId::from_str_radix(hash, 16).ok().map(|hash| hash | HASHED),
        None => text.parse().ok(),
    }
}
