//! Records that came to another partition than the one that they were sent to.
//!
//! Such a record is a lost write of the one and an unexpected value of the other: one fault. The loss is the primary
//! finding, as it is one whether or not the record turns up elsewhere, and the unexpected value follows from it.

use rustc_hash::FxHashSet;
use store::batch::ValueId;

use crate::checks::Bench;
use crate::found::Found;
use crate::kind::Kind;
use crate::strangers::id;
use crate::view::View;

/// What one partition lost, and what it holds that nobody sent there.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    lost: Vec<ValueId>,
    strange: Vec<ValueId>,
}

impl Strays {
    /// Of the partition of a bench.
    pub(crate) fn new(bench: &Bench<'_, '_>) -> Strays {
        let view = bench.view;
        let strange = view.strangers.iter().map(|stranger| stranger.value);
        let strange = strange.filter(|value| !View::is_corrupt(*value) && view.index.row(*value).is_none());
        Strays {
            lost: bench.losses().lost.iter().map(|(row, _)| view.send(*row).value).collect(),
            strange: strange.collect(),
        }
    }
}

/// The values that partitions lost and that others hold.
#[derive(Debug)]
pub(crate) struct Misrouted(FxHashSet<ValueId>);

impl Misrouted {
    /// Of all partitions. A value is strange only where nobody sent it, so never where it was lost.
    pub(crate) fn new(all: &[Strays]) -> Misrouted {
        let strange: FxHashSet<ValueId> = all.iter().flat_map(|strays| &strays.strange).copied().collect();
        if strange.is_empty() {
            return Misrouted(strange);
        }
        let lost = all.iter().flat_map(|strays| &strays.lost);
        Misrouted(lost.copied().filter(|value| strange.contains(value)).collect())
    }

    /// Marks the unexpected values of one partition that another one lost.
    pub(crate) fn follow<'f>(&self, strays: &Strays, found: impl Iterator<Item = &'f mut Found>) {
        let n = strays.strange.iter().filter(|value| self.0.contains(value)).count() as u64;
        if n == 0 {
            return;
        }
        for found in found.filter(|found| found.kind == Kind::Unexpected) {
            *found.consequences.entry(Kind::LostWrite).or_default() += n;
            for (_, example) in &mut found.examples {
                if example.value.as_deref().and_then(id).is_some_and(|value| self.0.contains(&value)) {
                    example.consequence_of = Some(Kind::LostWrite.name().to_owned());
                }
            }
        }
    }
}
