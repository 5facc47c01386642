//! One producer's sends, one after the other: when, to which partition, with which value.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseRecord;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::delivery::LiveProducer;
use crate::error::WorkloadError;
use crate::flight::Send;
use crate::keys::Keys;
use crate::pace::Pace;
use crate::partitioner::Partitioner;
use crate::payload::{self, Header, topic_hash};
use crate::producer::{ProducerReport, ProducerTask};

/// How long the wait for a free slot lasts before the sender looks whether it shall end.
const SLOT_WAIT: Duration = Duration::from_millis(50);

/// What became of an attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is in the client's queue.
    Yes,
    /// The client refused it; it is recorded as failed.
    Refused(Code),
    /// Nothing was sent: the time, the count, or the caller's patience is over.
    Over,
}

/// The state of one producer's sends.
pub(crate) struct Sender {
    client: u32,
    pace: Pace,
    partitioner: Partitioner,
    topic_hashes: Vec<u32>,
    incarnation: u32,
    seq: u64,
    /// Sends that may still be made.
    left: u64,
    /// The place in the round over partitions (or topics, where a hash chooses the partition).
    turn: usize,
    /// Sends that the present place still gets.
    turn_left: u32,
    stickiness: u32,
    /// Numbers record keys, over all incarnations.
    keys_made: u64,
    lag_max: Duration,
    payload: Vec<u8>,
    record_key: String,
}

impl Sender {
    pub(crate) fn new(task: &ProducerTask<'_>) -> Sender {
        let resolved = task.resolved;
        let mut rng =
            StdRng::seed_from_u64(resolved.seed ^ u64::from(task.client).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Sender {
            client: task.client,
            pace: task.pace.clone(),
            partitioner: resolved.config.partitioner,
            topic_hashes: task.keys.topics().iter().map(|topic| topic_hash(topic)).collect(),
            incarnation: 0,
            seq: 0,
            left: resolved.config.sends.unwrap_or(u64::MAX),
            turn: rng.random_range(0..task.keys.len()),
            turn_left: resolved.stickiness(),
            stickiness: resolved.stickiness(),
            keys_made: 0,
            lag_max: Duration::ZERO,
            payload: Vec::with_capacity(resolved.config.record_size as usize),
            record_key: String::new(),
        }
    }

    /// Whether nothing more may be sent.
    pub(crate) fn is_over(&self, task: &ProducerTask<'_>) -> bool {
        self.left == 0 || task.halt.now() || self.pace.is_over(task.clock.now())
    }

    /// How often the client was restarted.
    pub(crate) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// The client begins anew: its order of sends does, too.
    pub(crate) fn restart(&mut self) {
        self.incarnation += 1;
        self.seq = 0;
    }

    /// Waits until a send is due and a slot free, and sends.
    pub(crate) fn send_next(
        &mut self,
        task: &ProducerTask<'_>,
        live: &LiveProducer,
    ) -> Result<Sent, WorkloadError> {
        if self.is_over(task) {
            return Ok(Sent::Over);
        }
        let due = self.pace.due();
        if due.is_some_and(|due| !task.halt.sleep_until(task.clock.instant(due))) {
            return Ok(Sent::Over);
        }
        let Some(slot) = self.wait_slot(task)? else { return Ok(Sent::Over) };
        let key = self.choose(&task.keys);
        let (topic, partition) = task.keys.place(key);
        let send =
            Send { key, value: task.keys.next_value(key), seq: self.seq, incarnation: self.incarnation, due };
        let header = Header {
            value: send.value,
            client: task.client,
            incarnation: self.incarnation,
            seq: self.seq,
            partition,
            topic: self.topic_hashes[topic],
        };
        payload::encode(&header, task.resolved.config.record_size, &mut self.payload);
        let (ticket, invoked) = task.lanes.begin(slot, &send)?;
        if let Some(due) = due {
            self.lag_max = self.lag_max.max(invoked.since(due));
        }
        let mut record: BaseRecord<'_, str, [u8], usize> =
            BaseRecord::with_opaque_to(&task.keys.topics()[topic], ticket.0).payload(&self.payload);
        record = match self.partitioner {
            Partitioner::Explicit => record.partition(partition),
            _ => record.key(&self.record_key),
        };
        let answer = live.client().send(record);
        self.seq += 1;
        self.left -= 1;
        self.pace.advance();
        match answer {
            Ok(()) => Ok(Sent::Yes),
            Err((error, _)) => {
                let code = match error {
                    KafkaError::MessageProduction(code) => code,
                    _ => Code::InvalidArgument,
                };
                task.lanes.refused(ticket, code);
                Ok(Sent::Refused(code))
            }
        }
    }

    /// What the whole of it came to.
    pub(crate) fn sum_up(&self, task: &ProducerTask<'_>, report: &mut ProducerReport) {
        report.lag_max = self.lag_max;
        if !task.halt.now() {
            report.unsent = self.pace.unsent(self.pace.end()).min(self.left);
        }
    }

    fn wait_slot(&self, task: &ProducerTask<'_>) -> Result<Option<u32>, WorkloadError> {
        loop {
            if let Some(slot) = task.lanes.take(Instant::now() + SLOT_WAIT) {
                if !self.pace.is_closed(task.clock.now()) {
                    return Ok(Some(slot));
                }
                task.lanes.put_back(slot);
                return Ok(None);
            }
            if let Some(failure) = task.lanes.failure() {
                return Err(failure.into());
            }
            if self.is_over_now(task) || task.lanes.is_exhausted() {
                return Ok(None);
            }
        }
    }

    /// Like [`Sender::is_over`], for a send whose turn has come.
    fn is_over_now(&self, task: &ProducerTask<'_>) -> bool {
        task.halt.now() || self.pace.is_closed(task.clock.now())
    }

    /// The next record's partition. Where a hash chooses it, the record's key is made first.
    fn choose(&mut self, keys: &Keys) -> usize {
        use std::fmt::Write;
        let turn = self.turn;
        self.turn_left -= 1;
        if self.turn_left == 0 {
            self.turn = (self.turn + 1) % keys.len();
            self.turn_left = self.stickiness;
        }
        if self.partitioner == Partitioner::Explicit {
            return turn;
        }
        let topic = turn % keys.topics().len();
        self.record_key.clear();
        write!(self.record_key, "c{}-{}", self.client, self.keys_made)
            .expect("writing to memory does not fail");
        self.keys_made += 1;
        let partition = self
            .partitioner
            .partition(self.record_key.as_bytes(), keys.partitions())
            .expect("a hash chooses a partition");
        keys.index(topic, partition)
    }
}
