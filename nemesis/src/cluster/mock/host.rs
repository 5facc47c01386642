//! The mock's child process: it owns librdkafka's mock cluster and does what the control pipe says.
//!
//! It is a process of its own because the mock can crash, and a crash must cost the run's target, never
//! its history. It ends when its control pipe closes, however its parent went.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::ffi::RequestTracking;
use super::protocol::{Command, Hello, MockTopic, Ready, Reply};
use super::pushes::Pushes;

/// How long the child has to end in order once its pipe closed, before it ends itself by force.
const GRACE: Duration = Duration::from_secs(2);

/// Serves one mock cluster over standard input and output, until the input closes. The first line tells
/// how many brokers it has.
///
/// # Errors
/// In words, if the cluster cannot be made or the pipe breaks.
pub fn serve_child() -> Result<(), String> {
    let commands = read_commands();
    let hello = commands.recv().map_err(|_| "the control pipe closed before it said anything")?;
    let hello: Hello = serde_json::from_str(&hello).map_err(|e| {
        format!("this is a part of tribunal that it starts by itself, it reads no other input ({e})")
    })?;
    let host = Host::new(hello.brokers)?;
    let served = host.serve(&commands);
    // Destroying the cluster would wait for clients that may be gone; the process ends anyway.
    std::mem::forget(host.owner);
    served
}

/// A thread of its own reads, so that a closed pipe is seen even while a command hangs.
fn read_commands() -> Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    let forward = move |sender: &SyncSender<String>| {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    };
    thread::spawn(move || {
        forward(&sender);
        drop(sender);
        thread::sleep(GRACE);
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    });
    receiver
}

struct Host {
    /// The client that owns the mock cluster: the cluster lives as long as it does.
    owner: BaseProducer,
    brokers: i32,
}

impl Host {
    fn new(brokers: u32) -> Result<Host, String> {
        let brokers = i32::try_from(brokers).ok().filter(|n| (1..=100).contains(n));
        let brokers = brokers.ok_or("the mock has 1 to 100 brokers")?;
        let owner: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", brokers.to_string())
            .set("client.id", "tribunal-mock-owner")
            .create()
            .map_err(|e| format!("librdkafka cannot make a mock cluster: {e}"))?;
        Ok(Host { owner, brokers })
    }

    fn serve(&self, commands: &Receiver<String>) -> Result<(), String> {
        let cluster = self.owner.client().mock_cluster().ok_or("librdkafka made no mock cluster")?;
        let mut out = io::stdout().lock();
        let mut say = |line: String| {
            out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush())
        };
        let json = |e: serde_json::Error| e.to_string();
        say(serde_json::to_string(&Ready { bootstrap: cluster.bootstrap_servers() }).map_err(json)?)
            .map_err(|e| e.to_string())?;
        let tracking = RequestTracking::of(self.owner.client());
        let mut topics: HashMap<String, i32> = HashMap::new();
        let mut pushes = Pushes::new();
        loop {
            let line = match commands.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    follow(&tracking, &mut pushes);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let done = |r: Result<(), rdkafka::error::KafkaError>| match r {
                Ok(()) => Reply::Done(None),
                Err(e) => Reply::Failed(e.to_string()),
            };
            let reply = match serde_json::from_str::<Command>(&line) {
                Err(e) => Reply::Failed(format!("no such command: {e}")),
                Ok(Command::CreateTopic(topic)) => self.create_topic(topic, &mut topics),
                Ok(Command::BrokerDown { broker }) => done(cluster.broker_down(broker)),
                Ok(Command::BrokerUp { broker }) => done(cluster.broker_up(broker)),
                Ok(Command::RoundTrip { broker, delay_ms }) => {
                    done(cluster.broker_round_trip_time(broker, Duration::from_millis(delay_ms)))
                }
                Ok(Command::Leader { topic, partition, broker }) => {
                    // The library would make the topic, or leave the partition without a leader, which
                    // crashes the mock at the next request.
                    if topics.get(&topic).is_none_or(|n| !(0..*n).contains(&partition)) {
                        Reply::Failed(format!("there is no partition {topic}-{partition}"))
                    } else if !(1..=self.brokers).contains(&broker) {
                        Reply::Failed(format!("there is no broker {broker}"))
                    } else {
                        done(cluster.partition_leader(&topic, partition, Some(broker)))
                    }
                }
                Ok(Command::PushErrors { push, code, count }) => {
                    match RDKafkaRespErr::try_from(i32::from(code)) {
                        Ok(error) => {
                            // Always the cluster's own stack: a stack of one broker, once used, hides the
                            // cluster's for ever. Tracking first, so that no given-out error is missed.
                            follow(&tracking, &mut pushes);
                            if !pushes.are_open() {
                                tracking.start();
                                pushes.restart();
                            }
                            pushes.push(push, error, u64::from(count));
                            cluster.request_errors(RDKafkaApiKey::Produce, &vec![error; count as usize]);
                            Reply::Done(None)
                        }
                        Err(_) => Reply::Failed(format!("librdkafka knows no error {code}")),
                    }
                }
                Ok(Command::ErrorsUsed { push }) => {
                    follow(&tracking, &mut pushes);
                    Reply::Done(Some(pushes.used(push)))
                }
                Ok(Command::ClearErrors { push }) => {
                    // The mock has one queue: it is emptied, and what the other faults have left goes in again.
                    cluster.clear_request_errors(RDKafkaApiKey::Produce);
                    follow(&tracking, &mut pushes);
                    pushes.remove(push);
                    if pushes.are_open() {
                        tracking.start();
                        pushes.restart();
                        cluster.request_errors(RDKafkaApiKey::Produce, &pushes.rest());
                    } else {
                        tracking.stop();
                    }
                    Reply::Done(None)
                }
                Ok(Command::Shutdown) => {
                    say(serde_json::to_string(&Reply::Done(None)).map_err(json)?)
                        .map_err(|e| e.to_string())?;
                    return Ok(());
                }
            };
            say(serde_json::to_string(&reply).map_err(json)?).map_err(|e| e.to_string())?;
        }
    }

    fn create_topic(&self, topic: MockTopic, topics: &mut HashMap<String, i32>) -> Reply {
        let Some(cluster) = self.owner.client().mock_cluster() else {
            return Reply::Failed("the mock cluster is gone".into());
        };
        if let Err(e) = cluster.create_topic(&topic.name, topic.partitions, topic.replication_factor) {
            return Reply::Failed(e.to_string());
        }
        // The mock draws the first leaders itself; where every broker is a replica they are dealt out in
        // turn instead, so that equal runs start equal.
        if topic.replication_factor == self.brokers {
            for partition in 0..topic.partitions {
                let leader = partition % self.brokers + 1;
                if let Err(e) = cluster.partition_leader(&topic.name, partition, Some(leader)) {
                    return Reply::Failed(e.to_string());
                }
            }
        }
        topics.insert(topic.name, topic.partitions);
        Reply::Done(None)
    }
}

/// Counts the produce requests since errors were pushed: each took one, the first ones first. Once they are
/// all given out, the mock stops to remember requests.
fn follow(tracking: &RequestTracking<'_>, pushes: &mut Pushes<RDKafkaRespErr>) {
    if pushes.are_open() {
        pushes.credit(tracking.count(RDKafkaApiKey::Produce));
        if !pushes.are_open() {
            tracking.stop();
        }
    }
}
