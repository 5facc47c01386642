//! The schedule: which faults strike when, all times fixed before the run starts.

use std::time::Duration;

use super::FaultSpec;
use super::random::RandomSpec;
use super::when::{Hold, UNTIL_BOUND};

/// How long a planned fault holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedHold {
    /// It is over at once.
    Instant,
    /// So long.
    For(Duration),
    /// Until another broker leads the partition, at most [`UNTIL_BOUND`], then so much longer.
    UntilNewLeader {
        /// How much longer.
        then: Duration,
    },
}

impl PlannedHold {
    /// The longest that it can hold.
    pub fn at_most(self) -> Duration {
        match self {
            PlannedHold::Instant => Duration::ZERO,
            PlannedHold::For(d) => d,
            PlannedHold::UntilNewLeader { then } => UNTIL_BOUND + then,
        }
    }

    /// The shortest that it can hold.
    pub fn at_least(self) -> Duration {
        match self {
            PlannedHold::Instant => Duration::ZERO,
            PlannedHold::For(d) | PlannedHold::UntilNewLeader { then: d } => d,
        }
    }
}

/// One fault with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its number in the run, from 1, in order of their starts.
    pub number: u32,
    /// When it strikes, after the load began.
    pub at: Duration,
    /// How long it holds.
    pub hold: PlannedHold,
    /// What was asked for.
    pub spec: FaultSpec,
}

/// All faults of a run, in order of their starts; they may overlap.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schedule {
    /// The faults.
    pub faults: Vec<Planned>,
    /// What the user should know before the run starts.
    pub warnings: Vec<String>,
}

/// Why no schedule can be made of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A fraction of a load whose length is not known.
    #[error(
        "`{fault}` is given as a part of the load, but the load has no time limit: give --time-limit, \
         or the fault's times in seconds"
    )]
    NoTimeLimit {
        /// The fault.
        fault: String,
    },
    /// It would never strike.
    #[error(
        "`{fault}` would strike at {at:?}, after the load ended ({load:?}): start it earlier, or raise --time-limit"
    )]
    TooLate {
        /// The fault.
        fault: String,
        /// Its start.
        at: Duration,
        /// The load's length.
        load: Duration,
    },
    /// Random faults need to know when to stop.
    #[error("random faults need a load with a time limit: give --time-limit, or an explicit --fault")]
    RandomNeedsTimeLimit,
    /// The load is too short for even one.
    #[error(
        "no random fault fits into a load of {load:?} with an interval of {interval:?} and {quiet:?} of quiet before \
         its end: raise --time-limit, or shorten the interval"
    )]
    NoRoom {
        /// The load's length.
        load: Duration,
        /// The mean time between starts.
        interval: Duration,
        /// The quiet time at the end.
        quiet: Duration,
    },
}

impl Schedule {
    /// Fixes the times of explicit faults and of random ones beside them.
    ///
    /// `load` is how long the clients will write, `None` where that is not known beforehand. Everything
    /// random is drawn from `seed`.
    ///
    /// # Errors
    /// If a fault cannot happen while the load lasts.
    pub fn plan(
        specs: &[FaultSpec],
        random: Option<&RandomSpec>,
        load: Option<Duration>,
        seed: u64,
    ) -> Result<Schedule, PlanError> {
        let mut all = specs.to_vec();
        if let Some(random) = random {
            all.extend(random.draw(load.ok_or(PlanError::RandomNeedsTimeLimit)?, seed)?);
        }
        let mut faults = Vec::with_capacity(all.len());
        let mut warnings = Vec::new();
        for spec in all {
            let no_limit = || PlanError::NoTimeLimit { fault: spec.to_string() };
            let at = spec.start.resolve(load).ok_or_else(no_limit)?;
            let hold = match spec.hold {
                None => PlannedHold::Instant,
                Some(Hold::For(length)) => PlannedHold::For(length.resolve(load).ok_or_else(no_limit)?),
                Some(Hold::UntilNewLeader { then }) => PlannedHold::UntilNewLeader { then },
            };
            if let Some(load) = load {
                if at >= load {
                    return Err(PlanError::TooLate { fault: spec.to_string(), at, load });
                }
                if at + hold.at_least() > load {
                    warnings.push(format!(
                        "`{spec}` is healed early, when the load ends at {load:?} ({:?} after it strikes)",
                        load - at
                    ));
                }
            }
            faults.push(Planned { number: 0, at, hold, spec });
        }
        faults.sort_by_key(|f| f.at);
        for (number, fault) in (1..).zip(&mut faults) {
            fault.number = number;
        }
        Ok(Schedule { faults, warnings })
    }

    /// Whether it holds no fault.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// The specs, in order.
    pub fn specs(&self) -> Vec<FaultSpec> {
        self.faults.iter().map(|f| f.spec.clone()).collect()
    }

    /// When the last fault has healed at the latest, after the load began: a load that should see every
    /// fault to its end lasts so long.
    pub fn ends_at_most(&self) -> Duration {
        self.faults.iter().map(|f| f.at + f.hold.at_most()).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(faults: &[&str], load: Option<u64>) -> Result<Schedule, PlanError> {
        let specs: Vec<FaultSpec> = faults.iter().map(|f| f.parse().unwrap()).collect();
        Schedule::plan(&specs, None, load.map(Duration::from_secs), 1)
    }

    #[test]
    fn faults_are_numbered_in_order_of_their_starts() {
        let s = plan(&["leader-move@60%", "broker-down@0.2+20%", "pause-all@1s+1s"], Some(30)).unwrap();
        let order: Vec<_> = s.faults.iter().map(|f| (f.number, f.spec.name(), f.at.as_secs())).collect();
        assert_eq!(
            order,
            [(1, "pause-all".into(), 1), (2, "broker-down-random".into(), 6), (3, "leader-move".into(), 18)]
        );
        assert_eq!(s.faults[1].hold, PlannedHold::For(Duration::from_secs(6)));
        assert_eq!(s.ends_at_most(), Duration::from_secs(18));
    }

    #[test]
    fn what_cannot_happen_is_refused_and_what_is_cut_short_is_said() {
        assert!(matches!(plan(&["kill-leader@30s+1s"], Some(30)), Err(PlanError::TooLate { .. })));
        assert!(matches!(plan(&["kill-leader@10%+1s"], None), Err(PlanError::NoTimeLimit { .. })));
        let s = plan(&["kill-leader@25s+15s"], Some(30)).unwrap();
        assert!(s.warnings[0].contains("healed early"), "{:?}", s.warnings);
        assert!(plan(&["kill-leader@25s+5s"], Some(30)).unwrap().warnings.is_empty());
        assert!(plan(&["kill-leader@25s+15s"], None).unwrap().warnings.is_empty());
    }
}
