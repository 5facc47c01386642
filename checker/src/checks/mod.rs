//! The checks of one partition. Each is a function from a [`View`] to what it found, and runs caught: one that
//! panics costs its own answer, not the others'.

mod duplicate;
mod loss;
mod offsets;
mod order;
mod polls;
mod stale;
pub(crate) mod stall;
pub(crate) mod values;

use std::sync::OnceLock;

use store::run_meta::Terms;

pub(crate) use self::stall::Stall;
use crate::coverage::Reach;
use crate::explain::Explain;
use crate::found::Found;
use crate::kind::Kind;
use crate::leadership::Leadership;
use crate::losses::Losses;
use crate::view::View;

/// What every check is given.
pub(crate) struct Bench<'a, 't> {
    pub(crate) view: &'a View<'t>,
    pub(crate) reach: &'a Reach,
    pub(crate) leadership: &'a Leadership,
    /// How many examples to keep.
    pub(crate) keep: usize,
    /// How long a partition may go without an acknowledgement, ns.
    pub(crate) max_stall: Option<u64>,
    pub(crate) terms: &'a Terms,
    /// See [`Bench::losses`].
    pub(crate) losses: OnceLock<Losses>,
}

impl<'a, 't> Bench<'a, 't> {
    /// What was lost. Whichever check asks first works it out.
    pub(crate) fn losses(&self) -> &Losses {
        self.losses.get_or_init(|| Losses::new(self.view, self.reach, self.terms))
    }

    /// The kind under which a write is reported as gone, if it is: other findings may follow from that one.
    pub(crate) fn gone(&self, row: u32) -> Option<Kind> {
        self.losses().kind_of(row)
    }

    pub(crate) fn explain(&self) -> Explain<'a, 't> {
        Explain { view: self.view, leadership: self.leadership }
    }
}

/// What a check of one partition concluded.
#[derive(Debug, Default)]
pub(crate) struct Concluded {
    pub(crate) found: Vec<Found>,
    /// What it could not decide, and why.
    pub(crate) undecided: Vec<String>,
    /// The longest time without an acknowledgement, by the check of availability.
    pub(crate) longest_stall: Option<Stall>,
    /// Whether a consumer went back or jumped that was in no group, and that no rebalance can have moved.
    pub(crate) moved_alone: bool,
}

impl From<Vec<Option<Found>>> for Concluded {
    fn from(found: Vec<Option<Found>>) -> Concluded {
        Concluded { found: found.into_iter().flatten().collect(), ..Concluded::default() }
    }
}

/// One check: its name, the kinds that it finds, and the function.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [Kind],
    pub(crate) run: fn(&Bench<'_, '_>) -> Concluded,
}

/// All checks, in the order of their importance.
pub(crate) const ALL: [Check; 9] = [
    Check { name: "loss", kinds: &[Kind::LostWrite, Kind::LostUnacked, Kind::Unseen], run: loss::check },
    Check { name: "duplicates", kinds: &[Kind::Duplicate], run: duplicate::check },
    Check {
        name: "order",
        kinds: &[Kind::NonmonotonicSend, Kind::IntNonmonotonicSend, Kind::AckRegression],
        run: order::check,
    },
    Check { name: "real time", kinds: &[Kind::StaleAppend], run: stale::check },
    Check {
        name: "offsets",
        kinds: &[Kind::InconsistentOffsets, Kind::AckOffsetMismatch],
        run: offsets::check,
    },
    Check {
        name: "polls",
        kinds: &[Kind::NonmonotonicPoll, Kind::IntNonmonotonicPoll, Kind::PollSkip, Kind::IntPollSkip],
        run: polls::check,
    },
    Check {
        name: "values",
        kinds: &[Kind::Unexpected, Kind::Corrupt, Kind::Resurrected],
        run: values::check,
    },
    Check { name: "availability", kinds: &[Kind::Stalled], run: stall::check },
    Check {
        name: "groups",
        kinds: &[Kind::Redelivery, Kind::GroupSkip, Kind::OwnershipOverlap, Kind::CommitRegression],
        run: crate::groups::check::check,
    },
];
