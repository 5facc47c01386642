//! Time in a history: nanoseconds on one monotonic clock that starts with the run.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// Nanoseconds since the run began, on the run's monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The latest instant that can be written; stands for "never" in comparisons.
    pub const MAX: Nanos = Nanos(u64::MAX);

    /// Whole and fractional seconds, for people and for plots.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    pub fn since(self, earlier: Nanos) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Nanos {
    fn from(d: Duration) -> Self {
        Nanos(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// `MM:SS.mmm`, hours in front where there are any: how a time stands in every report.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0 / 1_000_000;
        let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        if h > 0 { write!(f, "{h}:{m:02}:{s:02}.{ms:03}") } else { write!(f, "{m:02}:{s:02}.{ms:03}") }
    }
}

/// The clock of one run. Every event of the run is stamped by a copy of the same clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts the clock: this instant is zero.
    pub fn start() -> Clock {
        Clock { origin: Instant::now(), wall: SystemTime::now() }
    }

    /// Nanoseconds since the start.
    pub fn now(&self) -> Nanos {
        self.origin.elapsed().into()
    }

    /// The instant at which the clock reads `at`.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.origin + Duration::from_nanos(at.0)
    }

    /// What the wall clock read when this clock read zero.
    pub fn wall_start(&self) -> SystemTime {
        self.wall
    }
}

/// A wall time as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(wall: SystemTime) -> String {
    match jiff::Timestamp::try_from(wall) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        Err(_) => "unknown".to_owned(),
    }
}
