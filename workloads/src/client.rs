//! What producers and consumers share: their addresses, what the client library tells them, and an end that is bounded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};
use store::cluster::Endpoints;
use store::settings::Settings;
use store::time::{Clock, Nanos};

use crate::classify;
use crate::resolve::client_config;

/// How long a client may take to close before it is left behind.
const CLOSE: Duration = Duration::from_secs(10);

/// A client's whole configuration: security first, then the pinned settings, the addresses last.
pub(crate) fn configure(settings: &Settings, endpoints: &Endpoints, client_id: &str) -> ClientConfig {
    let mut all = endpoints.security.clone();
    all.extend(settings.clone());
    let mut config = client_config(&all);
    config.set("bootstrap.servers", endpoints.bootstrap.join(","));
    config.set("client.id", client_id);
    // Below this level the lines that `classify::ambiguous_attempt` reads are not even made.
    config.set_log_level(if all.contains_key("debug") {
        RDKafkaLogLevel::Debug
    } else {
        RDKafkaLogLevel::Error
    });
    config
}

/// What one client's library said outside of reports and polls.
#[derive(Debug)]
pub(crate) struct Events {
    clock: Clock,
    /// When an answer last left a record's fate open, in ns of the run's clock, plus one; 0: never.
    ambiguous: AtomicU64,
    errors: Mutex<Errors>,
}

#[derive(Debug, Default)]
struct Errors {
    counts: BTreeMap<String, u64>,
    last: Option<String>,
}

impl Events {
    pub(crate) fn new(clock: Clock) -> Events {
        Events { clock, ambiguous: AtomicU64::new(0), errors: Mutex::default() }
    }

    /// Whether an answer since `then` may have left the fate of a record open that the library sends again.
    pub(crate) fn ambiguous_since(&self, then: Nanos) -> bool {
        self.ambiguous.load(Ordering::Acquire) > then.0
    }

    /// Counts an error that concerns the whole client.
    pub(crate) fn note(&self, name: String, text: String) {
        let mut errors = lock(&self.errors);
        *errors.counts.entry(name).or_default() += 1;
        errors.last = Some(text);
    }

    /// The last such error since this was last asked.
    pub(crate) fn take_error(&self) -> Option<String> {
        lock(&self.errors).last.take()
    }

    /// All such errors, counted by name.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.errors).counts.clone()
    }
}

impl ClientContext for Events {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, text: &str) {
        if classify::ambiguous_attempt(facility, text) {
            // The line is made before the record is queued again, and reaches this thread before its report does.
            self.ambiguous.fetch_max(self.clock.now().0 + 1, Ordering::AcqRel);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let name = error.rdkafka_error_code().map_or("an error without a code", classify::name);
        self.note(name.to_owned(), format!("{name}: {reason}"));
    }
}

/// What ends all loops of a workload early.
#[derive(Debug)]
pub(crate) struct Halt<'a> {
    /// The caller wants an end.
    stop: &'a AtomicBool,
    /// A part of the workload cannot go on.
    broken: AtomicBool,
}

impl<'a> Halt<'a> {
    pub(crate) fn new(stop: &'a AtomicBool) -> Halt<'a> {
        Halt { stop, broken: AtomicBool::new(false) }
    }

    /// Whether every loop must end now.
    pub(crate) fn now(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.broken.load(Ordering::Relaxed)
    }

    /// Ends every loop.
    pub(crate) fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Sleeps until `until`, or less if all must end: then false.
    pub(crate) fn sleep_until(&self, until: Instant) -> bool {
        const STEP: Duration = Duration::from_millis(50);
        loop {
            if self.now() {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(STEP));
        }
    }
}

/// Runs `close`, which may hang in the client library, and gives up on it after a while: then false.
pub(crate) fn close_bounded(name: &str, close: impl FnOnce() + Send + 'static) -> bool {
    let (done, closed) = mpsc::channel();
    let closing = thread::Builder::new().name(format!("close {name}")).spawn(move || {
        close();
        // The other side may have given up.
        let _ = done.send(());
    });
    match closing {
        Ok(thread) if closed.recv_timeout(CLOSE).is_ok() => thread.join().is_ok(),
        Ok(_) | Err(_) => false,
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ambiguous_answer_taints_what_was_invoked_before_it() {
        let clock = Clock::start();
        let events = Events::new(clock);
        let before = clock.now();
        assert!(!events.ambiguous_since(before));
        events.log(
            RDKafkaLogLevel::Debug,
            "BROKERUA",
            "t [0]: broker unavailable: produce: Broker: Not leader for partition",
        );
        assert!(events.ambiguous_since(before));
        thread::sleep(Duration::from_millis(2));
        assert!(!events.ambiguous_since(clock.now()), "what is sent afterwards is not concerned");
    }
}
