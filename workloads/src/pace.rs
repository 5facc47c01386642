//! When the next send is due.
//!
//! A closed loop sends as soon as a slot is free. An open loop has a schedule that the cluster cannot slow down: a
//! send that finds no free slot keeps its intended time, and its latency counts from there (no coordinated omission).

use std::time::Duration;

use store::time::Nanos;

/// The schedule of one producer.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    start: Nanos,
    end: Nanos,
    /// Nanoseconds between two sends; 0: closed loop.
    interval_ns: f64,
    /// The first send's place in the interval, so that producers do not send all at once.
    phase_ns: f64,
    sent: u64,
}

impl Pace {
    /// The schedule of producer `client` of `producers`, which together send `rate` messages a second from `start`
    /// for `time_limit`.
    pub(crate) fn new(rate: f64, client: u32, producers: u32, start: Nanos, time_limit: Duration) -> Pace {
        let between_all = if rate > 0.0 { 1e9 / rate } else { 0.0 };
        Pace {
            start,
            end: Nanos(start.0.saturating_add(Nanos::from(time_limit).0)),
            interval_ns: between_all * f64::from(producers),
            phase_ns: between_all * f64::from(client),
            sent: 0,
        }
    }

    /// When the next send is due; `None` in a closed loop.
    pub(crate) fn due(&self) -> Option<Nanos> {
        self.is_open().then(|| {
            Nanos(self.start.0 + (self.phase_ns + self.interval_ns * self.sent as f64).round() as u64)
        })
    }

    /// Whether nothing more may be sent at `now`: the time is over, or the schedule is done.
    pub(crate) fn is_over(&self, now: Nanos) -> bool {
        now >= self.end || self.due().is_some_and(|due| due >= self.end)
    }

    /// When sending ends.
    pub(crate) fn end(&self) -> Nanos {
        self.end
    }

    /// One more was sent.
    pub(crate) fn advance(&mut self) {
        self.sent += 1;
    }

    /// Sends that were due before `until` and were not made.
    pub(crate) fn unsent(&self, until: Nanos) -> u64 {
        match self.due() {
            Some(due) if due < until => ((until.0 - due.0) as f64 / self.interval_ns).ceil() as u64,
            _ => 0,
        }
    }

    fn is_open(&self) -> bool {
        self.interval_ns > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_share_the_rate_and_take_turns() {
        let second = Duration::from_secs(1);
        let mut dues = Vec::new();
        for client in 0..4 {
            let mut pace = Pace::new(100.0, client, 4, Nanos(5), second);
            while !pace.is_over(Nanos(5)) {
                dues.push(pace.due().expect("open loop").0);
                pace.advance();
            }
        }
        dues.sort_unstable();
        assert_eq!(dues.len(), 100);
        assert!(dues.windows(2).all(|w| w[1] - w[0] == 10_000_000), "evenly");
    }

    #[test]
    fn the_schedule_holds_exactly_the_rate() {
        for (rate, producers) in [(3000.0, 10), (1000.0, 3), (7.0, 1), (333.3, 7)] {
            let mut sent = 0_u64;
            for client in 0..producers {
                let mut pace = Pace::new(rate, client, producers, Nanos(17), Duration::from_secs(30));
                while !pace.is_over(Nanos(17)) {
                    pace.advance();
                    sent += 1;
                }
                assert_eq!(pace.unsent(pace.end()), 0);
            }
            assert_eq!(sent, (rate * 30.0) as u64, "{rate} by {producers}");
        }
    }

    #[test]
    fn what_was_not_sent_in_time_is_counted() {
        let mut pace = Pace::new(10.0, 0, 1, Nanos(0), Duration::from_secs(1));
        assert_eq!(pace.unsent(pace.end()), 10);
        for _ in 0..4 {
            pace.advance();
        }
        assert_eq!(pace.unsent(pace.end()), 6);
        assert!(!pace.is_over(Nanos(999_999_999)));
        assert!(pace.is_over(Nanos(1_000_000_000)));
    }

    #[test]
    fn a_closed_loop_has_no_schedule() {
        let pace = Pace::new(0.0, 0, 1, Nanos(0), Duration::from_secs(1));
        assert_eq!((pace.due(), pace.unsent(Nanos::MAX)), (None, 0));
        assert!(pace.is_over(pace.end()));
    }
}
