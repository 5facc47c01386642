//! The consume-all pass: fresh consumers read every partition from its first offset to its end.
//!
//! Each reader asks the leaders for the bounds of its partitions, reads until its position has reached every end, and
//! asks again: a partition is covered only once a second answer names no further end. What cannot be covered within
//! the time is reported, never passed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use store::cluster::Endpoints;
use store::op::{Isolation, LogBounds};
use store::progress::Progress;
use store::recorder::Recorder;
use store::settings::Settings;
use store::time::Clock;

use crate::client::{Halt, close_bounded};
use crate::consumer::{ASK, has_lost_its_place, new_place, share};
use crate::error::WorkloadError;
use crate::keys::Keys;
use crate::polls::{Polls, Who};
use crate::process::Processes;
use crate::reader::Reader;
use crate::resolve::Resolved;
use crate::watermarks::bounds;

/// Records of one poll at most: large, for speed, and still a line that can be read.
const BATCH: usize = 2000;
/// How long a poll waits for its first record.
const FIRST: Duration = Duration::from_millis(250);
/// How long a poll collects records after its first one.
const COLLECT: Duration = Duration::from_millis(5);
/// How long a reader rests before it asks again.
const REST: Duration = Duration::from_millis(300);

/// What the consume-all pass reached.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrainReport {
    /// Partitions there are.
    pub partitions: usize,
    /// Partitions read to a verified end.
    pub covered: usize,
    /// The others, by key.
    pub not_covered: Vec<NotCovered>,
    /// Records read.
    pub records: u64,
    /// Client incarnations beyond the first of each reader.
    pub restarts: u32,
    /// Clients that hung when they were closed, and were left behind.
    pub hung: u32,
    /// How long it took, seconds.
    pub seconds: f64,
}

/// A partition that the consume-all pass did not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCovered {
    /// `topic-partition`.
    pub key: String,
    /// The next offset it would have read, if it read anything.
    pub position: Option<i64>,
    /// The bounds as the leader told them last, if it did.
    pub bounds: Option<LogBounds>,
    /// Why.
    pub reason: String,
}

impl DrainReport {
    /// Whether every partition was read to its end.
    pub fn is_complete(&self) -> bool {
        self.covered == self.partitions
    }
}

/// Reads every partition of `topics` from its first offset to its end. Blocks; call it once a run, after
/// [`crate::run_queue`], from a thread that may block.
///
/// # Errors
/// If a client cannot be created or the history cannot be written. A partition that cannot be read is no error: it is in
/// the report.
pub fn consume_all(
    resolved: &Resolved,
    endpoints: &Endpoints,
    topics: &[String],
    recorder: &Recorder,
    progress: &Arc<Progress>,
    stop: &AtomicBool,
) -> Result<DrainReport, WorkloadError> {
    let began = Instant::now();
    let keys = Arc::new(Keys::new(topics, resolved.config.partitions));
    let halt = Halt::new(stop);
    let threads = resolved.config.drain_readers.min(keys.len() as u32);
    let outcomes: Vec<Result<DrainReport, WorkloadError>> = thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|number| {
                let who = Who {
                    process: Processes::new(resolved.concurrency()).first(resolved.drain_slot(number)),
                    client: resolved.config.producers + resolved.config.consumers + number,
                    incarnation: 0,
                    isolation: resolved.isolation,
                    final_pass: true,
                };
                let drain = Drain {
                    name: format!("tribunal-drain-{number}"),
                    resolved,
                    endpoints,
                    polls: Polls::new(
                        recorder.tape(),
                        Arc::clone(&keys),
                        Processes::new(resolved.concurrency()),
                        who,
                    ),
                    clock: recorder.clock(),
                    progress: Arc::clone(progress),
                    halt: &halt,
                    deadline: began + resolved.config.drain_timeout,
                    partitions: share(keys.len(), threads, number)
                        .into_iter()
                        .map(|key| (key, Partition::new(began)))
                        .collect(),
                    keys: Arc::clone(&keys),
                    report: DrainReport::default(),
                };
                let name = drain.name.clone();
                thread::Builder::new()
                    .name(name.clone())
                    .spawn_scoped(scope, || {
                        let outcome = drain.run();
                        if outcome.is_err() {
                            halt.break_off();
                        }
                        outcome
                    })
                    .map_err(|e| WorkloadError::Thread { client: name, reason: e.to_string() })
            })
            .collect();
        readers.into_iter().map(|r| r.and_then(|r| r.join().expect("a reader does not panic"))).collect()
    });
    let mut report = DrainReport { partitions: keys.len(), ..DrainReport::default() };
    for outcome in outcomes {
        let part = outcome?;
        report.covered += part.covered;
        report.not_covered.extend(part.not_covered);
        report.records += part.records;
        report.restarts += part.restarts;
        report.hung += part.hung;
    }
    report.not_covered.sort_by(|a, b| a.key.cmp(&b.key));
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

/// One partition on its way to its end.
#[derive(Debug)]
struct Partition {
    bounds: Option<LogBounds>,
    /// What was already counted as to be read.
    announced: i64,
    /// Read to the end of the last answer, and a second answer named no other.
    verified: bool,
    moved_at: Instant,
    trouble: Option<String>,
}

impl Partition {
    fn new(now: Instant) -> Partition {
        Partition { bounds: None, announced: 0, verified: false, moved_at: now, trouble: None }
    }

    fn has_reached(&self, position: Option<i64>) -> bool {
        self.bounds.is_some_and(|b| position.is_some_and(|p| p >= b.end))
    }

    /// Everything that readers may see now was read, and an open transaction holds back the rest.
    fn is_held_back(&self, position: Option<i64>) -> bool {
        let stable = self.bounds.and_then(|b| b.stable.filter(|stable| *stable < b.end));
        stable.is_some_and(|stable| position.is_some_and(|p| p >= stable))
    }
}

/// One reader of the pass.
struct Drain<'a> {
    name: String,
    resolved: &'a Resolved,
    endpoints: &'a Endpoints,
    keys: Arc<Keys>,
    polls: Polls,
    clock: Clock,
    progress: Arc<Progress>,
    halt: &'a Halt<'a>,
    deadline: Instant,
    partitions: BTreeMap<usize, Partition>,
    report: DrainReport,
}

/// The clients of one incarnation.
struct Clients {
    reader: Reader,
    /// Sees only what transactions left behind; for the last stable offset.
    committed: Option<Reader>,
}

impl Drain<'_> {
    fn run(mut self) -> Result<DrainReport, WorkloadError> {
        loop {
            let mut clients = self.open()?;
            let done = self.read_all(&mut clients)?;
            if !close_bounded(&self.name, move || drop(clients)) {
                self.report.hung += 1;
            }
            if done || self.is_out_of_time() {
                return Ok(self.sum_up());
            }
            self.report.restarts += 1;
            self.polls.restart();
        }
    }

    fn open(&self) -> Result<Clients, WorkloadError> {
        let open = |name: &str, settings: &Settings| {
            Reader::open(name, settings, self.endpoints, self.clock, Arc::clone(&self.keys))
        };
        let settings = &self.resolved.consumer_settings;
        let reader = open(&self.name, settings)?;
        if self.resolved.isolation == Isolation::ReadUncommitted {
            return Ok(Clients { reader, committed: None });
        }
        let mut everything = settings.clone();
        everything.insert("isolation.level".to_owned(), "read_uncommitted".to_owned());
        // The bounds need both views; the records are read by the committed one.
        Ok(Clients { reader, committed: Some(open(&format!("{}-bounds", self.name), &everything)?) })
    }

    /// Reads on until every partition is verified (true), or until the time is over or a new client is needed (false).
    fn read_all(&mut self, clients: &mut Clients) -> Result<bool, WorkloadError> {
        let mut assigned: BTreeMap<usize, ()> = BTreeMap::new();
        for partition in self.partitions.values_mut() {
            partition.moved_at = Instant::now();
        }
        let mut ask_at = Instant::now();
        loop {
            if self.partitions.values().all(|p| p.verified) {
                return Ok(true);
            }
            if self.is_out_of_time() {
                return Ok(false);
            }
            let waiting = self.keys_to_ask(&assigned);
            if !waiting.is_empty() && Instant::now() >= ask_at {
                self.ask(clients, &waiting)?;
                self.assign(&mut clients.reader, &mut assigned)?;
                ask_at = Instant::now() + REST;
                continue;
            }
            let lost = self.poll(&mut clients.reader)?;
            for key in lost {
                assigned.remove(&key);
            }
            let stall = self.resolved.config.drain_stall;
            let polls = &self.polls;
            if self.partitions.iter().any(|(key, p)| {
                !p.verified && !p.is_held_back(polls.position(*key)) && p.moved_at.elapsed() > stall
            }) {
                return Ok(false);
            }
        }
    }

    /// Partitions that are not assigned yet, that have reached the end they were given, or that a transaction holds.
    fn keys_to_ask(&self, assigned: &BTreeMap<usize, ()>) -> Vec<usize> {
        self.partitions
            .iter()
            .filter(|(key, p)| {
                let position = self.polls.position(**key);
                !p.verified
                    && (!assigned.contains_key(*key) || p.has_reached(position) || p.is_held_back(position))
            })
            .map(|(key, _)| *key)
            .collect()
    }

    /// Asks for bounds and records the answers. An end that was reached and has not moved since is verified.
    fn ask(&mut self, clients: &Clients, waiting: &[usize]) -> Result<(), WorkloadError> {
        self.polls.asking_bounds()?;
        let mut answers = BTreeMap::new();
        let mut trouble = None;
        for key in waiting {
            if self.is_out_of_time() {
                break;
            }
            let answer = match &clients.committed {
                None => bounds(clients.reader.client(), None, &self.keys, *key, ASK),
                Some(everything) => {
                    bounds(everything.client(), Some(clients.reader.client()), &self.keys, *key, ASK)
                }
            };
            let partition = self.partitions.get_mut(key).expect("it is this reader's");
            match answer {
                Ok(log) => {
                    let position = self.polls.position(*key);
                    partition.verified = partition.has_reached(position)
                        && partition.bounds.is_some_and(|before| before.end == log.end);
                    let more = (log.end - log.start - partition.announced).max(0);
                    partition.announced += more;
                    Progress::add(&self.progress.to_drain, more as u64);
                    partition.bounds = Some(log);
                    answers.insert(*key, log);
                }
                Err(why) => {
                    partition.trouble = Some(why.clone());
                    trouble = Some(why);
                }
            }
        }
        self.polls.bounds_answered(&answers, trouble.as_deref())?;
        Ok(())
    }

    /// Begins to read the partitions whose bounds are known, each where it was left.
    fn assign(
        &mut self,
        reader: &mut Reader,
        assigned: &mut BTreeMap<usize, ()>,
    ) -> Result<(), WorkloadError> {
        let mut places = Vec::new();
        for (key, partition) in &mut self.partitions {
            let Some(log) = partition.bounds.filter(|_| !assigned.contains_key(key) && !partition.verified)
            else {
                continue;
            };
            let from = match (self.polls.position(*key), &partition.trouble) {
                (None, _) => log.start,
                (Some(position), trouble) => {
                    new_place(position, log.start, log.end, trouble.as_deref().unwrap_or(""))
                }
            };
            match reader.start(*key, from) {
                Ok(()) => {
                    places.push((*key, from));
                    assigned.insert(*key, ());
                    partition.moved_at = Instant::now();
                }
                Err(why) => partition.trouble = Some(why),
            }
        }
        self.polls.assigned(&places)?;
        Ok(())
    }

    /// One poll; returns the partitions that must be assigned anew.
    fn poll(&mut self, reader: &mut Reader) -> Result<Vec<usize>, WorkloadError> {
        self.polls.invoke()?;
        reader.poll(BATCH, FIRST, COLLECT, |seen| self.polls.see(seen));
        let polled = self.polls.complete(reader.events().take_error())?;
        self.report.records += polled.records;
        Progress::add(&self.progress.drained, polled.records);
        for key in polled.moved {
            if let Some(partition) = self.partitions.get_mut(&key) {
                partition.moved_at = Instant::now();
                partition.trouble = None;
            }
        }
        let mut lost = Vec::new();
        for (key, code, text) in polled.broken {
            if let Some(partition) = self.partitions.get_mut(&key) {
                partition.trouble = Some(text);
                if has_lost_its_place(code) {
                    lost.push(key);
                }
            }
        }
        Ok(lost)
    }

    fn is_out_of_time(&self) -> bool {
        self.halt.now() || Instant::now() >= self.deadline
    }

    fn sum_up(mut self) -> DrainReport {
        for (key, partition) in &self.partitions {
            if partition.verified {
                self.report.covered += 1;
                continue;
            }
            let position = self.polls.position(*key);
            let reason = if self.halt.now() {
                "the pass was interrupted".to_owned()
            } else if partition.is_held_back(position) {
                "a transaction that is still open holds back the last records".to_owned()
            } else {
                let trouble =
                    partition.trouble.clone().unwrap_or_else(|| "no record came any more".to_owned());
                format!("the time of the pass was over: {trouble}")
            };
            self.report.not_covered.push(NotCovered {
                key: self.keys.name(*key).to_owned(),
                position,
                bounds: partition.bounds,
                reason,
            });
        }
        self.report
    }
}
