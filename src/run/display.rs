//! What a run shows while it goes on: one line that is rewritten on a terminal, a line every 10 s elsewhere.

mod line;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use nemesis::runner::ActiveFaults;
pub use results::text::number::grouped;
use store::progress::Progress;
use store::time::{Clock, Nanos};
use tokio::task::JoinHandle;

use self::line::{Holding, Moment};

/// What the run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Clients write and read.
    Load,
    /// Waiting for a healthy cluster.
    Settle,
    /// The consume-all pass.
    Drain,
}

/// The display of one run.
pub struct Display {
    phase: Arc<AtomicU8>,
    task: JoinHandle<()>,
    terminal: bool,
}

/// Everything that is shown.
struct Shown {
    progress: Arc<Progress>,
    active: ActiveFaults,
    clock: Clock,
    limit: Option<Duration>,
    phase: Arc<AtomicU8>,
    terminal: bool,
    /// Sends completed and when, at the last line.
    before: (u64, Instant),
}

impl Display {
    /// Starts to show.
    pub fn start(
        progress: Arc<Progress>,
        active: ActiveFaults,
        clock: Clock,
        limit: Option<Duration>,
    ) -> Display {
        let terminal = crate::out::stderr_is_terminal();
        let phase = Arc::new(AtomicU8::new(Phase::Load as u8));
        let before = (0, Instant::now());
        let mut shown = Shown { progress, active, clock, limit, phase: Arc::clone(&phase), terminal, before };
        let every = if terminal { Duration::from_millis(250) } else { Duration::from_secs(10) };
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                shown.line();
            }
        });
        Display { phase, task, terminal }
    }

    /// Says what the run does now.
    pub fn phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Ends it; the line goes.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Shown {
    fn line(&mut self) {
        let phase = self.phase.load(Ordering::Relaxed);
        let text = if phase == Phase::Load as u8 {
            self.load()
        } else if phase == Phase::Settle as u8 {
            "waiting for every replica to be in sync".to_owned()
        } else {
            self.drain()
        };
        let text = if self.terminal {
            let cut: String = format!("  {text}").chars().take(room()).collect();
            format!("\r\x1b[K{cut}")
        } else {
            format!("  {text}\n")
        };
        let _ = io::stderr().write_all(text.as_bytes());
    }

    fn load(&mut self) -> String {
        let at = self.clock.now();
        let get = |counter| Progress::get(counter);
        let (ok, info, fail) = (get(&self.progress.ok), get(&self.progress.info), get(&self.progress.fail));
        let done = ok + info + fail;
        let elapsed = self.before.1.elapsed().as_secs_f64().max(0.001);
        let rate = (done - self.before.0) as f64 / elapsed;
        self.before = (done, Instant::now());
        let left = |until: Nanos| until.since(at).as_secs_f64().ceil() as u64;
        let faults = self.active.now().into_iter();
        let moment = Moment {
            elapsed: Duration::from_nanos(at.0),
            limit: self.limit,
            rate: rate.round() as u64,
            in_flight: get(&self.progress.invoked).saturating_sub(done),
            ok,
            info,
            fail,
            read: get(&self.progress.polled),
            faults: faults.map(|f| Holding { label: f.label, left: f.until.map(left) }).collect(),
        };
        moment.line(if self.terminal { room().saturating_sub(2) } else { usize::MAX })
    }

    fn drain(&self) -> String {
        format!(
            "consume-all: read {} of {} records",
            grouped(Progress::get(&self.progress.drained)),
            grouped(Progress::get(&self.progress.to_drain))
        )
    }
}

/// Columns for the line: a terminal that is written to its last one may begin a new line.
fn room() -> usize {
    crate::out::stderr_width().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_204_311, "1,204,311")] {
            assert_eq!(grouped(n), text);
        }
    }
}
