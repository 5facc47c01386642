//! The sampler: every half second it asks each broker by itself who leads what, and writes the answers to
//! `cluster.jsonl`. A broker that is dead, frozen or cut off is a line too.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::cluster::{ClusterSample, Endpoints, Node, PartitionView};
use store::time::Clock;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::NemesisError;
use crate::view;
use crate::wire::ask::{controller, fill_ends, metadata};
use crate::wire::{Connection, WireError};

/// How often every broker is asked.
pub const EVERY: Duration = Duration::from_millis(500);
/// How long a broker has for one round.
pub const BOUND: Duration = Duration::from_millis(400);

/// What was sampled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SamplerSummary {
    /// Lines written.
    pub samples: u64,
    /// Lines of brokers that did not answer.
    pub unanswered: u64,
}

/// A running sampler.
#[derive(Debug)]
pub struct Sampler {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<SamplerSummary, NemesisError>>,
}

impl Sampler {
    /// Creates the file and starts to sample these topics.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn start(
        endpoints: &Endpoints,
        topics: &[String],
        clock: Clock,
        path: &Path,
    ) -> Result<Sampler, NemesisError> {
        let io = |source| NemesisError::Io { what: "create", path: path.to_owned(), source };
        let file = BufWriter::new(File::create(path).map_err(io)?);
        let (stop, stopped) = watch::channel(false);
        let sampling = Sampling {
            endpoints: endpoints.clone(),
            topics: topics.to_vec(),
            clock,
            out: file,
            path: path.to_owned(),
            summary: SamplerSummary::default(),
        };
        Ok(Sampler { stop, task: tokio::spawn(sampling.run(stopped)) })
    }

    /// Stops after the round that is under way.
    ///
    /// # Errors
    /// If the file could not be written, now or earlier.
    pub async fn stop(self) -> Result<SamplerSummary, NemesisError> {
        self.stop.send_replace(true);
        self.task.await.map_err(|e| NemesisError::Other(format!("the sampler ended unexpectedly: {e}")))?
    }
}

struct Sampling {
    endpoints: Endpoints,
    topics: Vec<String>,
    clock: Clock,
    out: BufWriter<File>,
    path: PathBuf,
    summary: SamplerSummary,
}

impl Sampling {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) -> Result<SamplerSummary, NemesisError> {
        // A question through the client library costs a client, its threads and a handshake.
        let mut tick = interval(if self.endpoints.security.is_empty() { EVERY } else { EVERY * 4 });
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watched: Vec<Watched> = Vec::new();
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                // An error means that the handle was dropped: nobody will ask for the samples.
                _ = stopped.wait_for(|stop| *stop) => return Ok(self.summary),
            }
            let samples = if self.endpoints.security.is_empty() {
                // Brokers that are only known by an address are looked up again until they have an id.
                if watched.iter().all(|broker| broker.node.id < 0) {
                    let nodes = view::nodes(&self.endpoints, BOUND).await;
                    watched = nodes.into_iter().map(Watched::new).collect();
                }
                self.round(&mut watched).await
            } else {
                self.ask_library().await
            };
            self.write(&samples).map_err(|source| NemesisError::Io {
                what: "write",
                path: self.path.clone(),
                source,
            })?;
        }
    }

    async fn round(&self, watched: &mut Vec<Watched>) -> Vec<ClusterSample> {
        let mut asking = JoinSet::new();
        for mut broker in watched.drain(..) {
            let (topics, clock) = (self.topics.clone(), self.clock);
            asking.spawn(async move {
                let sample = broker.sample(&topics, clock).await;
                (broker, sample)
            });
        }
        let mut answers = asking.join_all().await;
        answers.sort_by_key(|(broker, _)| broker.node.id);
        let mut samples = Vec::with_capacity(answers.len());
        for (broker, sample) in answers {
            watched.push(broker);
            samples.push(sample);
        }
        // The file is in order of time; a round ends before the next begins.
        samples.sort_by_key(|sample| sample.time);
        samples
    }

    /// Every broker through the client library, which tells less.
    async fn ask_library(&self) -> Vec<ClusterSample> {
        let answers = view::ask_each(&self.endpoints, &self.topics, BOUND * 4).await;
        let time = self.clock.now();
        let sample = |answer: view::Answer| {
            let (partitions, error) = match answer.view {
                Ok(view) => (view.partitions, None),
                Err(e) => (Vec::new(), Some(e)),
            };
            ClusterSample { time, asked: answer.node.id, error, controller: None, partitions }
        };
        answers.into_iter().map(sample).collect()
    }

    fn write(&mut self, samples: &[ClusterSample]) -> std::io::Result<()> {
        for sample in samples {
            serde_json::to_writer(&mut self.out, sample)?;
            self.out.write_all(b"\n")?;
            self.summary.samples += 1;
            self.summary.unanswered += u64::from(sample.error.is_some());
        }
        self.out.flush()
    }
}

/// One broker with the connections that are kept to it.
struct Watched {
    node: Node,
    /// For what the broker answers from its own knowledge.
    own: Option<Connection>,
    /// For what it passes on to the controller, which may hang.
    passed_on: Option<Connection>,
}

impl Watched {
    fn new(node: Node) -> Watched {
        Watched { node, own: None, passed_on: None }
    }

    async fn sample(&mut self, topics: &[String], clock: Clock) -> ClusterSample {
        let Watched { node, own, passed_on } = self;
        let address = node.address.as_deref().unwrap_or(&node.name);
        let (partitions, controller) =
            tokio::join!(ask_own(own, address, node.id, topics), ask_controller(passed_on, address));
        let (partitions, error) = match partitions {
            Ok(partitions) => (partitions, None),
            Err(e) => (Vec::new(), Some(e.to_string())),
        };
        let controller = if error.is_some() { None } else { controller };
        ClusterSample { time: clock.now(), asked: node.id, error, controller, partitions }
    }
}

async fn ask_own(
    slot: &mut Option<Connection>,
    address: &str,
    broker: i32,
    topics: &[String],
) -> Result<Vec<PartitionView>, WireError> {
    // A connection leaves its slot while it is used: whatever fails or takes too long drops it.
    let mut kept = slot.take();
    let asked = timeout(BOUND, async {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(address, BOUND).await?,
        };
        let mut partitions = metadata(&mut connection, topics).await?.partitions;
        fill_ends(&mut connection, broker, &mut partitions).await?;
        Ok((connection, partitions))
    });
    let (connection, partitions) = asked
        .await
        .unwrap_or_else(|_| Err(WireError::TimedOut { address: address.to_owned(), bound: BOUND }))?;
    *slot = Some(connection);
    Ok(partitions)
}

async fn ask_controller(slot: &mut Option<Connection>, address: &str) -> Option<i32> {
    let mut kept = slot.take();
    let asked = timeout(BOUND, async {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(address, BOUND).await?,
        };
        let controller = controller(&mut connection).await?;
        Ok::<_, WireError>((connection, controller))
    });
    let (connection, controller) = asked.await.ok()?.ok()?;
    *slot = Some(connection);
    controller.map(|(id, _)| id)
}
