//! A consumer of assigned partitions, in batches, and in no group.
//!
//! The library's partition queues are used directly: they need no group coordinator (whose internal topic would be one
//! more thing to break), close at once, and hand over a whole batch in one call.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_consume_start_queue, rd_kafka_consume_stop, rd_kafka_last_error,
    rd_kafka_message_broker_id, rd_kafka_message_destroy, rd_kafka_message_errstr, rd_kafka_message_t,
    rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_t, rd_kafka_resp_err_t,
    rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t,
};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaErrorCode as Code;
use store::cluster::Endpoints;
use store::settings::Settings;
use store::time::Clock;

use crate::classify;
use crate::client::{Events, configure};
use crate::error::WorkloadError;
use crate::keys::Keys;

/// Events of the whole client that one poll looks at, at most.
const EVENTS_A_POLL: usize = 100;

impl ConsumerContext for Events {}

/// One thing that a poll found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen<'a> {
    /// A record.
    Record { key: usize, offset: i64, payload: &'a [u8], node: i32 },
    /// The end of a partition: the next record will have this offset.
    End { key: usize, offset: i64 },
    /// A partition cannot be read, at least for now.
    Broken { key: usize, code: Code, text: String },
}

/// A consumer client and the partitions that it reads.
pub(crate) struct Reader {
    // Dropped last: the pointers below live in it.
    consumer: BaseConsumer<Events>,
    keys: Arc<Keys>,
    queue: *mut rd_kafka_queue_t,
    topics: Vec<*mut rd_kafka_topic_t>,
    started: BTreeSet<usize>,
    batch: Vec<*mut rd_kafka_message_t>,
}

// SAFETY: librdkafka's handles may be used from any thread; a `Reader` is used by one at a time.
unsafe impl Send for Reader {}

impl Reader {
    /// Connects a consumer that reads nothing yet.
    pub(crate) fn open(
        name: &str,
        settings: &Settings,
        endpoints: &Endpoints,
        clock: Clock,
        keys: Arc<Keys>,
    ) -> Result<Reader, WorkloadError> {
        let failed = |reason: String| WorkloadError::Client { client: name.to_owned(), reason };
        let config = configure(settings, endpoints, name);
        let consumer: BaseConsumer<Events> =
            BaseConsumer::from_config_and_context(&config, Events::new(clock))
                .map_err(|e| failed(e.to_string()))?;
        let client = consumer.client().native_ptr();
        // SAFETY: the client is alive; the queue and the topics are destroyed before it.
        let queue = unsafe { rd_kafka_queue_new(client) };
        let mut reader =
            Reader { consumer, keys, queue, topics: Vec::new(), started: BTreeSet::new(), batch: Vec::new() };
        for topic in reader.keys.topics() {
            let text = CString::new(topic.as_str()).map_err(|e| failed(format!("topic {topic:?}: {e}")))?;
            // SAFETY: the name is a C string, and null stands for the client's own topic settings.
            let handle = unsafe { rd_kafka_topic_new(client, text.as_ptr(), ptr::null_mut()) };
            if handle.is_null() {
                return Err(failed(format!("topic {topic}: {}", last_error())));
            }
            reader.topics.push(handle);
        }
        Ok(reader)
    }

    /// The client, for metadata and watermarks.
    pub(crate) fn client(&self) -> &BaseConsumer<Events> {
        &self.consumer
    }

    /// What the library said beside its records.
    pub(crate) fn events(&self) -> &Events {
        self.consumer.client().context()
    }

    /// Reads a partition from an offset, instead of where it was read before.
    pub(crate) fn start(&mut self, key: usize, offset: i64) -> Result<(), String> {
        self.stop(key);
        let (topic, partition) = self.keys.place(key);
        // SAFETY: topic and queue are alive.
        let refused =
            unsafe { rd_kafka_consume_start_queue(self.topics[topic], partition, offset, self.queue) } == -1;
        if refused {
            return Err(last_error());
        }
        self.started.insert(key);
        Ok(())
    }

    fn stop(&mut self, key: usize) {
        if self.started.remove(&key) {
            let (topic, partition) = self.keys.place(key);
            // SAFETY: the topic is alive. The call waits for the library's own thread, not for a broker. What it
            // returns -1 for (no such partition being read) changes nothing here.
            unsafe { rd_kafka_consume_stop(self.topics[topic], partition) };
        }
    }

    /// Waits up to `first` for something, then collects up to `limit` things for `collect`, and shows each to `see`.
    /// Returns how many there were.
    pub(crate) fn poll(
        &mut self,
        limit: usize,
        first: Duration,
        collect: Duration,
        mut see: impl FnMut(Seen<'_>),
    ) -> usize {
        for _ in 0..EVENTS_A_POLL {
            match self.consumer.poll(Duration::ZERO) {
                // The library has told the context of it already.
                Some(_) => {}
                None => break,
            }
        }
        self.batch.resize(limit.max(1), ptr::null_mut());
        let mut found = self.take(0, 1, first);
        if found == 1 {
            found += self.take(1, self.batch.len() - 1, collect);
        }
        for i in 0..found {
            let message = self.batch[i];
            // SAFETY: the library handed over `found` messages, each of which is destroyed here and nowhere else;
            // payloads are only borrowed until then.
            unsafe {
                if let Some(seen) = self.understand(&*message) {
                    see(seen);
                }
                rd_kafka_message_destroy(message);
            }
        }
        found
    }

    /// Takes up to `count` messages into the batch from `at` on.
    fn take(&mut self, at: usize, count: usize, wait: Duration) -> usize {
        if count == 0 {
            return 0;
        }
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let room = &mut self.batch[at..at + count];
        // SAFETY: the queue is alive, and there is room for `count` pointers.
        let taken = unsafe { rd_kafka_consume_batch_queue(self.queue, wait_ms, room.as_mut_ptr(), count) };
        usize::try_from(taken).unwrap_or(0)
    }

    /// # Safety
    /// The message is one that the library handed over and that is not destroyed yet.
    unsafe fn understand<'m>(&self, message: &'m rd_kafka_message_t) -> Option<Seen<'m>> {
        let topic = self.topics.iter().position(|topic| *topic == message.rkt)?;
        let key = self.keys.index(topic, message.partition);
        Some(match message.err {
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {
                let payload = if message.payload.is_null() {
                    &[][..]
                } else {
                    // SAFETY: the library owns `len` bytes there as long as the message.
                    unsafe { std::slice::from_raw_parts(message.payload.cast(), message.len) }
                };
                // SAFETY: see above.
                let node = unsafe { rd_kafka_message_broker_id(message) };
                Seen::Record { key, offset: message.offset, payload, node }
            }
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Seen::End { key, offset: message.offset }
            }
            code => {
                let code = Code::from(code);
                // SAFETY: the text is the message's own, or a static one.
                let text = unsafe { CStr::from_ptr(rd_kafka_message_errstr(message)) };
                let text =
                    format!("{}: {}: {}", self.keys.name(key), classify::name(code), text.to_string_lossy());
                Seen::Broken { key, code, text }
            }
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for key in self.started.clone() {
            self.stop(key);
        }
        // SAFETY: nothing reads into the queue any more; each handle is destroyed once, before the client.
        unsafe {
            rd_kafka_queue_destroy(self.queue);
            for topic in &self.topics {
                rd_kafka_topic_destroy(*topic);
            }
        }
    }
}

fn last_error() -> String {
    // SAFETY: reads this thread's last error.
    Code::from(unsafe { rd_kafka_last_error() }).to_string()
}
