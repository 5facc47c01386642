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
use crate::tables::{Send, Tables};
use crate::words::value;

/// A send of a wanted value.
pub(crate) struct Origin {
    value: ValueId,
    partition: u32,
    line: u32,
}

impl Origin {
    pub(crate) fn new(partition: u32, send: &Send) -> Origin {
        Origin { value: send.value, partition, line: send.invoke_line }
    }
}

/// The values whose origin the examples of `unexpected` lack.
pub(crate) fn wanted(unexpected: &Anomaly) -> FxHashSet<ValueId> {
    let examples = unexpected.examples.iter().filter(|e| e.sentence.ends_with(NOBODY));
    examples.filter_map(|e| id(e.value.as_ref()?)).collect()
}

/// All sends of these values.
pub(crate) fn origins(tables: &Tables, wanted: &FxHashSet<ValueId>) -> Vec<Origin> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let partitions = tables.partitions.par_iter().zip(0..tables.partitions.len() as u32);
    let origins = partitions.flat_map_iter(|(partition, id)| {
        let sends = partition.sends.iter().filter(|send| wanted.contains(&send.value));
        sends.map(move |send| Origin::new(id, send))
    });
    origins.collect()
}

/// Completes the examples of `unexpected`.
pub(crate) fn name_their_origin(unexpected: &mut Anomaly, mut origins: Vec<Origin>, tables: &Tables) {
    origins.sort_by_key(|origin| (origin.line, origin.partition));
    let origins: Vec<(String, &str, u32)> = origins
        .into_iter()
        .map(|o| (value(o.value), tables.partitions[o.partition as usize].key.as_str(), o.line))
        .collect();
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
