//! Workload `queue`: N producers and M consumers over T topics of P partitions, run to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use store::cluster::Endpoints;
use store::progress::Progress;
use store::recorder::Recorder;

use crate::client::Halt;
use crate::consumer::{self, ConsumerReport, ConsumerTask};
use crate::error::WorkloadError;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::pace::Pace;
use crate::polls::{Polls, Who};
use crate::process::Processes;
use crate::producer::{self, ProducerReport, ProducerTask};
use crate::resolve::Resolved;
use crate::transaction;

/// How often the rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(1);
/// How often the end of the producers is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// What the workload came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueReport {
    /// Sends invoked.
    pub invoked: u64,
    /// Sends completed with ok.
    pub ok: u64,
    /// Sends that certainly failed.
    pub fail: u64,
    /// Sends with an unknown outcome.
    pub info: u64,
    /// Records read by the live consumers.
    pub polled: u64,
    /// The most sends that completed with ok within one second.
    pub peak_rate: f64,
    /// Sends that the schedule of an open loop held and that were not made in time: the cluster, or this machine, is
    /// slower than the rate.
    pub unsent: u64,
    /// The longest time by which a send missed its schedule, milliseconds.
    pub lag_ms_max: f64,
    /// Client incarnations of producers and consumers beyond the first of each.
    pub restarts: u32,
    /// How often a consumer had lost its place in a partition and took it up at another offset.
    pub repositioned: u64,
    /// Clients that hung when they were closed, and were left behind.
    pub hung: u32,
    /// Errors that concerned whole clients (brokers down, authentication), by name.
    pub client_errors: BTreeMap<String, u64>,
    /// How long the producers took, the wait for their last reports included, seconds.
    pub seconds: f64,
}

/// Runs the workload to its end: the time limit, the count of sends, or `stop`. Blocks; call it once a run, from a thread
/// that may block.
///
/// Everything is recorded through `recorder`, whose clock stamps it.
///
/// # Errors
/// If clients cannot be created, or the history cannot be written. All other clients are ended before it returns.
pub fn run_queue(
    resolved: &Resolved,
    endpoints: &Endpoints,
    topics: &[String],
    recorder: &Recorder,
    progress: &Arc<Progress>,
    stop: &AtomicBool,
) -> Result<QueueReport, WorkloadError> {
    let expected = resolved.config.topics as usize;
    if topics.len() != expected {
        return Err(WorkloadError::Topics { expected, given: topics.len() });
    }
    let keys = Arc::new(Keys::new(topics, resolved.config.partitions));
    let halt = Halt::new(stop);
    let producers_done = AtomicBool::new(false);
    let began = Instant::now();
    let mut report = QueueReport::default();
    thread::scope(|scope| {
        let mut failure = None;
        let mut consumers = Vec::new();
        for number in 0..resolved.config.consumers {
            let processes = Processes::new(resolved.concurrency());
            let who = Who {
                process: processes.first(resolved.consumer_slot(number)),
                client: resolved.config.producers + number,
                incarnation: 0,
                isolation: resolved.isolation,
                final_pass: false,
            };
            let task = ConsumerTask {
                number,
                resolved,
                endpoints,
                keys: Arc::clone(&keys),
                progress: Arc::clone(progress),
                polls: Polls::new(recorder.tape(), Arc::clone(&keys), processes, who),
                halt: &halt,
                producers_done: &producers_done,
                clock: recorder.clock(),
            };
            let name = format!("consumer {number}");
            collect(
                start(scope, &name, &halt, move || consumer::run(task)),
                &mut consumers,
                &mut failure,
                &halt,
            );
        }
        let mut producers = Vec::new();
        let first_send = recorder.clock().now();
        for client in 0..resolved.config.producers {
            let config = &resolved.config;
            let lanes =
                Lanes::new(recorder.tape(), Arc::clone(&keys), Arc::clone(progress), client, resolved);
            let task = ProducerTask {
                client,
                resolved,
                endpoints,
                keys: Arc::clone(&keys),
                lanes: Arc::new(lanes),
                clock: recorder.clock(),
                pace: Pace::new(config.rate, client, config.producers, first_send, resolved.time_limit),
                halt: &halt,
            };
            let id = format!("{}-producer-{client}", topics[0]);
            let work = move || {
                if task.resolved.config.transactional {
                    transaction::run(&task, &id)
                } else {
                    producer::run(&task)
                }
            };
            let name = format!("producer {client}");
            collect(start(scope, &name, &halt, work), &mut producers, &mut failure, &halt);
        }
        report.peak_rate = watch(&producers, progress);
        for thread in producers {
            match join(thread) {
                Ok(one) => report.add_producer(&one),
                Err(error) => failure = failure.take().or(Some(error)),
            }
        }
        report.seconds = began.elapsed().as_secs_f64();
        producers_done.store(true, Ordering::Relaxed);
        for thread in consumers {
            match join(thread) {
                Ok(one) => report.add_consumer(&one),
                Err(error) => failure = failure.take().or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    })?;
    report.invoked = Progress::get(&progress.invoked);
    report.ok = Progress::get(&progress.ok);
    report.fail = Progress::get(&progress.fail);
    report.info = Progress::get(&progress.info);
    Ok(report)
}

type Worker<'scope, T> = ScopedJoinHandle<'scope, Result<T, WorkloadError>>;

/// Starts a client's thread. Its failure ends all others.
fn start<'scope, 'env, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, 'env>,
    name: &str,
    halt: &'scope Halt<'env>,
    work: impl FnOnce() -> Result<T, WorkloadError> + Send + 'scope,
) -> Result<Worker<'scope, T>, WorkloadError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, move || {
            let outcome = work();
            if outcome.is_err() {
                halt.break_off();
            }
            outcome
        })
        .map_err(|e| WorkloadError::Thread { client: name.to_owned(), reason: e.to_string() })
}

/// Keeps a thread that started; the first that did not ends the rest.
fn collect<T>(
    started: Result<T, WorkloadError>,
    into: &mut Vec<T>,
    failure: &mut Option<WorkloadError>,
    halt: &Halt<'_>,
) {
    match started {
        Ok(thread) => into.push(thread),
        Err(error) => {
            halt.break_off();
            failure.get_or_insert(error);
        }
    }
}

fn join<T>(thread: Worker<'_, T>) -> Result<T, WorkloadError> {
    thread.join().expect("a client's thread does not panic")
}

/// Measures the rate until the producers have ended; the highest of any window.
fn watch<T>(producers: &[Worker<'_, T>], progress: &Progress) -> f64 {
    let mut peak = 0.0_f64;
    let (mut since, mut before) = (Instant::now(), Progress::get(&progress.ok));
    loop {
        let ended = producers.iter().all(ScopedJoinHandle::is_finished);
        let window = since.elapsed();
        if window >= RATE_WINDOW || (ended && peak == 0.0) {
            let ok = Progress::get(&progress.ok);
            peak = peak.max((ok - before) as f64 / window.as_secs_f64().max(1e-3));
            (since, before) = (Instant::now(), ok);
        }
        if ended {
            return peak;
        }
        thread::sleep(LOOK);
    }
}

impl QueueReport {
    fn add_producer(&mut self, one: &ProducerReport) {
        self.unsent += one.unsent;
        self.lag_ms_max = self.lag_ms_max.max(one.lag_max.as_secs_f64() * 1e3);
        self.restarts += one.incarnations.saturating_sub(1);
        self.hung += u32::from(one.hung);
        self.add_errors(&one.errors);
    }

    fn add_consumer(&mut self, one: &ConsumerReport) {
        self.polled += one.records;
        self.repositioned += one.repositioned;
        self.restarts += one.incarnations.saturating_sub(1);
        self.hung += u32::from(one.hung);
        self.add_errors(&one.errors);
    }

    fn add_errors(&mut self, errors: &BTreeMap<String, u64>) {
        for (error, count) in errors {
            *self.client_errors.entry(error.clone()).or_default() += count;
        }
    }
}
