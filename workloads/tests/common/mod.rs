//! A mock cluster, a run on it, and its history read back through the real reader.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};
use store::batch::F;
use store::cluster::Endpoints;
use store::op::{OpType, PersistenceStatus, Process, Record, TxnOutcome};
use store::progress::Progress;
use store::reader::{ReadError, Source, read};
use store::recorder::Recorder;
use store::time::{Clock, Nanos};
use workloads::{DrainReport, QueueConfig, QueueReport, Resolved, WorkloadError, consume_all, run_queue};

pub const SEED: u64 = 7;

/// A mock cluster of three brokers, owned by a client of its own.
pub struct Lab {
    owner: BaseProducer,
}

impl Lab {
    pub fn start() -> Lab {
        let owner = ClientConfig::new().set("test.mock.num.brokers", "3").create().expect("a mock cluster");
        Lab { owner }
    }

    pub fn mock(&self) -> MockCluster<'_, DefaultProducerContext> {
        self.owner.client().mock_cluster().expect("the client has a mock cluster")
    }

    pub fn endpoints(&self) -> Endpoints {
        let bootstrap = self.mock().bootstrap_servers().split(',').map(str::to_owned).collect();
        Endpoints { bootstrap, ..Endpoints::default() }
    }

    /// Runs the workload and the consume-all pass; `faults` runs beside the workload.
    pub fn run(
        &self,
        config: &QueueConfig,
        faults: impl FnOnce(&Lab, &Arc<Progress>, &AtomicBool) + Send,
    ) -> Run {
        let resolved = config.resolve("mock", SEED).expect("a good configuration");
        self.run_resolved(&resolved, faults)
    }

    pub fn run_resolved(
        &self,
        resolved: &Resolved,
        faults: impl FnOnce(&Lab, &Arc<Progress>, &AtomicBool) + Send,
    ) -> Run {
        let topics: Vec<String> = (0..resolved.config.topics).map(|n| format!("t{n}")).collect();
        for topic in &topics {
            self.mock().create_topic(topic, resolved.config.partitions as i32, 3).expect("a topic");
        }
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("history.jsonl.zst");
        let recorder = Recorder::create(&path, Clock::start()).expect("a history");
        let progress = Arc::new(Progress::default());
        let stop = AtomicBool::new(false);
        let endpoints = self.endpoints();
        let queue = std::thread::scope(|scope| {
            let beside = scope.spawn(|| faults(self, &progress, &stop));
            let queue = run_queue(resolved, &endpoints, &topics, &recorder, &progress, &stop);
            beside.join().expect("the faults do not panic");
            queue
        });
        let never = AtomicBool::new(false);
        let drain = consume_all(resolved, &endpoints, &topics, &recorder, &progress, &never).expect("a pass");
        let summary = recorder.finish().expect("a whole history");
        let history = History::read(&path);
        assert_eq!(history.rows.len() as u64, summary.lines);
        Run { queue, drain, history, progress }
    }
}

pub struct Run {
    pub queue: Result<QueueReport, WorkloadError>,
    pub drain: DrainReport,
    pub history: History,
    pub progress: Arc<Progress>,
}

impl Run {
    pub fn report(&self) -> &QueueReport {
        self.queue.as_ref().expect("the workload ran to its end")
    }
}

/// A history line, with names instead of numbers.
#[derive(Debug, Clone)]
pub struct Row {
    pub time: Nanos,
    pub process: Process,
    pub op_type: OpType,
    pub f: F,
    pub client: Option<u32>,
    pub incarnation: Option<u32>,
    pub seq: Option<u64>,
    pub due: Option<Nanos>,
    pub node: Option<i32>,
    pub error: Option<String>,
    pub status: Option<PersistenceStatus>,
    pub unacked: bool,
    pub final_pass: bool,
    /// The transaction's id and outcome.
    pub txn: Option<(String, Option<TxnOutcome>)>,
    pub value: Option<String>,
    pub send: Option<(String, u64, Option<i64>)>,
    pub records: BTreeMap<String, Vec<Record>>,
    pub positions: BTreeMap<String, i64>,
}

pub struct History {
    pub rows: Vec<Row>,
}

impl History {
    fn read(path: &std::path::Path) -> History {
        let mut rows = Vec::new();
        read::<ReadError>(Source::open(path).expect("it is there"), 1, |batch| {
            for line in &batch.lines {
                let mops = batch.mops_of(line);
                let send = (line.f == F::Send)
                    .then(|| (batch.key(mops[0].key).to_owned(), mops[0].value, mops[0].offset));
                let records = mops
                    .iter()
                    .filter(|_| line.f == F::Poll)
                    .map(|mop| (batch.key(mop.key).to_owned(), batch.records_of(mop).to_vec()))
                    .collect();
                rows.push(Row {
                    time: line.time,
                    process: line.process,
                    op_type: line.op_type,
                    f: line.f,
                    client: line.client(),
                    incarnation: line.incarnation(),
                    seq: line.seq(),
                    due: line.due(),
                    node: line.node(),
                    error: line.error().map(|id| batch.name(id).to_owned()),
                    status: line.status(),
                    unacked: line.unacked,
                    final_pass: line.final_pass,
                    txn: batch.txn_of(line).map(|txn| (batch.txn_ids[txn.id as usize].clone(), txn.outcome)),
                    value: batch.value_of(line).map(str::to_owned),
                    send,
                    records,
                    positions: batch.positions[line.positions.range()]
                        .iter()
                        .map(|(key, at)| (batch.key(*key).to_owned(), *at))
                        .collect(),
                });
            }
            Ok(())
        })
        .expect("a history that can be read");
        let history = History { rows };
        history.assert_well_formed();
        history
    }

    /// What must be true of every history: one operation a process at a time, one completion an invocation, a
    /// process that is never used after an unknown outcome, unique values, an unbroken order of sends.
    fn assert_well_formed(&self) {
        let mut open: BTreeMap<Process, &Row> = BTreeMap::new();
        let mut retired = BTreeSet::new();
        let mut values = BTreeSet::new();
        let mut next_seq: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for row in &self.rows {
            if row.op_type == OpType::Invoke {
                assert!(!retired.contains(&row.process), "a retired process goes on: {row:?}");
                assert!(open.insert(row.process, row).is_none(), "two operations at once: {row:?}");
                if let Some((_, value, _)) = &row.send {
                    assert!(values.insert(*value), "a value twice: {row:?}");
                    let client = (row.client.expect("a client"), row.incarnation.expect("an incarnation"));
                    let next = next_seq.entry(client).or_default();
                    assert_eq!(row.seq, Some(*next), "the order of sends: {row:?}");
                    *next += 1;
                }
                continue;
            }
            let invocation = open.remove(&row.process).unwrap_or_else(|| panic!("not invoked: {row:?}"));
            assert_eq!((invocation.f, invocation.client), (row.f, row.client), "{row:?}");
            assert!(invocation.time <= row.time, "{row:?}");
            if row.op_type == OpType::Info {
                assert!(row.error.is_some(), "unknown, and no reason: {row:?}");
                retired.insert(row.process);
            }
            if let (Some(a), Some(b)) = (&invocation.send, &row.send) {
                assert_eq!((&a.0, a.1, invocation.seq), (&b.0, b.1, row.seq));
                assert!(row.op_type == OpType::Ok || row.error.is_some(), "{row:?}");
            }
        }
        assert!(open.is_empty(), "{} operations were never completed", open.len());
    }

    /// Completed sends of one kind.
    pub fn sends(&self, op_type: OpType) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.f == F::Send && row.op_type == op_type)
    }

    /// The completed sends of each transaction, by its id.
    pub fn transactions(&self) -> BTreeMap<String, Vec<&Row>> {
        let mut all: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in &self.rows {
            if let Some((id, _)) = &row.txn {
                all.entry(id.clone()).or_default().push(row);
            }
        }
        all
    }

    /// What the consume-all pass (or the live consumers) read, by key, in order of reading.
    pub fn log(&self, final_pass: bool) -> BTreeMap<String, Vec<Record>> {
        let mut log: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.final_pass == final_pass) {
            for (key, records) in &row.records {
                log.entry(key.clone()).or_default().extend(records);
            }
        }
        log
    }

    /// Values of the consume-all pass with how often each was read, by key.
    pub fn read_values(&self) -> BTreeMap<(String, u64), usize> {
        let mut counts = BTreeMap::new();
        for (key, records) in self.log(true) {
            for value in records.iter().filter_map(|r| r.value) {
                *counts.entry((key.clone(), value)).or_default() += 1;
            }
        }
        counts
    }

    /// Acknowledged sends that the consume-all pass did not read.
    pub fn lost(&self) -> Vec<&Row> {
        let read = self.read_values();
        self.sends(OpType::Ok)
            .filter(|row| {
                let (key, value, _) = row.send.as_ref().expect("a send");
                !read.contains_key(&(key.clone(), *value))
            })
            .collect()
    }

    /// Values that were read more than once.
    pub fn duplicates(&self) -> usize {
        self.read_values().values().filter(|n| **n > 1).count()
    }

    /// Certainly failed sends that were read all the same: there must never be one.
    pub fn resurrected(&self) -> Vec<&Row> {
        let read = self.read_values();
        self.sends(OpType::Fail)
            .filter(|row| {
                let (key, value, _) = row.send.as_ref().expect("a send");
                read.contains_key(&(key.clone(), *value))
            })
            .collect()
    }

    /// The last answer to the question for bounds, by key.
    pub fn bounds(&self) -> BTreeMap<String, store::op::LogBounds> {
        let mut all = BTreeMap::new();
        for row in self.rows.iter().filter(|r| r.f == F::Offsets && r.op_type == OpType::Ok) {
            let answer: BTreeMap<String, store::op::LogBounds> =
                serde_json::from_str(row.value.as_deref().expect("bounds")).expect("JSON bounds");
            all.extend(answer);
        }
        all
    }
}

/// Waits for something that must come.
pub fn until(condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A small, quick run.
pub fn small() -> QueueConfig {
    QueueConfig {
        producers: 3,
        consumers: 2,
        partitions: 4,
        rate: 0.0,
        sends: Some(300),
        delivery_timeout: Duration::from_secs(10),
        ..QueueConfig::default()
    }
}
