//! Random faults with quiet periods between them, every choice drawn from the run's seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::schedule::PlanError;
use super::when::{Hold, When};
use super::{Aim, FaultKind, FaultSpec};

/// Which random faults are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomSpec {
    /// The kinds to draw from, by [`RANDOM_KINDS`]' words.
    pub kinds: Vec<String>,
    /// The mean time from one start to the next.
    pub interval: Duration,
    /// The mean time that a fault holds; drawn between half of it and one and a half.
    pub hold: Duration,
    /// No fault holds in this last part of the load, so that the cluster's recovery is seen under load.
    pub quiet: Duration,
}

/// The kinds that random faults are drawn from, with what they are.
pub const RANDOM_KINDS: &[(&str, &str)] = &[
    ("kill", "kill a leader or a random node"),
    ("stop", "stop a leader or a random node"),
    ("pause", "pause a leader or a random node"),
    ("partition", "isolate a leader or a random node"),
    ("link", "cut one link of a leader"),
    ("broker-down", "mock: take a broker down"),
    ("slow", "mock: slow a broker down"),
    ("leader-move", "mock: move a partition's leader"),
    ("errors", "mock: refuse produce requests"),
];

/// What the same things are called where a fault is given by itself: either word does.
const ALIASES: &[(&str, &str)] =
    &[("isolate", "partition"), ("cut-link", "link"), ("slow-broker", "slow"), ("request-errors", "errors")];

impl RandomSpec {
    /// Reads `kill,pause,partition` with the default times: one fault every 20 s on average, held for
    /// 10 s, the last 10 s quiet.
    ///
    /// # Errors
    /// If a kind is unknown, with the list of those that there are.
    pub fn parse(kinds: &str) -> Result<RandomSpec, String> {
        let own_word = |kind| ALIASES.iter().find(|(alias, _)| *alias == kind).map_or(kind, |(_, own)| *own);
        let kinds: Vec<String> = kinds.split(',').map(|k| own_word(k.trim()).to_owned()).collect();
        for kind in &kinds {
            if !RANDOM_KINDS.iter().any(|(name, _)| name == kind) {
                let names: Vec<_> = RANDOM_KINDS.iter().map(|(name, _)| *name).collect();
                return Err(format!("unknown kind of random fault `{kind}`; there are {}", names.join(", ")));
            }
        }
        let (interval, ten) = (Duration::from_secs(20), Duration::from_secs(10));
        Ok(RandomSpec { kinds, interval, hold: ten, quiet: ten })
    }

    /// Draws the faults of a load of this length. Equal seeds draw equal faults. They never overlap:
    /// each start lies behind the heal before it by a quiet period of at least a quarter of the interval.
    ///
    /// # Errors
    /// If not even one fits.
    pub fn draw(&self, load: Duration, seed: u64) -> Result<Vec<FaultSpec>, PlanError> {
        let no_room = || PlanError::NoRoom { load, interval: self.interval, quiet: self.quiet };
        let mut rng = StdRng::seed_from_u64(seed ^ 0x7363_6865_6475_6c65);
        let end = load.saturating_sub(self.quiet);
        let interval = self.interval.max(Duration::from_secs(1));
        let mut at = interval.mul_f64(rng.random_range(0.25..0.75));
        let mut faults = Vec::new();
        while at < end {
            let hold = self.hold.mul_f64(rng.random_range(0.5..1.5)).max(Duration::from_millis(100));
            let kind = self.kinds.choose(&mut rng).ok_or_else(no_room)?;
            let (kind, aim) = draw_kind(kind, &mut rng);
            let hold = if kind.is_instant() { Duration::ZERO } else { hold };
            if at + hold > end {
                break;
            }
            faults.push(FaultSpec {
                start: When::Time(at),
                hold: (!kind.is_instant()).then_some(Hold::For(When::Time(hold))),
                kind,
                aim,
            });
            let pause = interval.saturating_sub(self.hold).max(interval / 4);
            at += hold + pause.mul_f64(rng.random_range(0.5..1.5)).max(interval / 4);
        }
        if faults.is_empty() { Err(no_room()) } else { Ok(faults) }
    }
}

fn draw_kind(kind: &str, rng: &mut StdRng) -> (FaultKind, Aim) {
    let aim = if rng.random_bool(0.5) { Aim::Leader(None) } else { Aim::Random };
    match kind {
        "kill" => (FaultKind::Kill, aim),
        "stop" => (FaultKind::Stop, aim),
        "pause" => (FaultKind::Pause, aim),
        "partition" => (FaultKind::Isolate, aim),
        "link" => (
            FaultKind::CutLink { to: Aim::Follower(None), both_ways: rng.random_bool(0.5) },
            Aim::Leader(None),
        ),
        "broker-down" => (FaultKind::BrokerDown, aim),
        "slow" => {
            let delay = Duration::from_millis(rng.random_range(20..500));
            (FaultKind::SlowBroker { delay }, aim)
        }
        "leader-move" => (FaultKind::LeaderMove { to: None }, Aim::Leader(None)),
        _ => {
            let error = ["NOT_ENOUGH_REPLICAS", "REQUEST_TIMED_OUT", "NOT_LEADER_OR_FOLLOWER"];
            let error = (*error.choose(rng).unwrap_or(&error[0])).to_owned();
            (FaultKind::RequestErrors { error, count: rng.random_range(1..6) }, Aim::All)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_may_be_called_as_the_fault_is() {
        let spec = RandomSpec::parse("kill, isolate,slow-broker").unwrap();
        assert_eq!(spec.kinds, ["kill", "partition", "slow"]);
        assert!(
            RandomSpec::parse("isolated").unwrap_err().contains("there are kill, stop, pause, partition")
        );
        let own = ALIASES.iter().all(|(_, own)| RANDOM_KINDS.iter().any(|(kind, _)| kind == own));
        assert!(own, "every alias stands for a kind");
    }
}
