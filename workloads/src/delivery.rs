//! Delivery reports, from the client library to the lanes; and the client that makes them, with its polling thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings::{rd_kafka_message_broker_id, rd_kafka_message_status, rd_kafka_msg_status_t};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, ProducerContext};
use store::cluster::Endpoints;
use store::op::PersistenceStatus;
use store::settings::Settings;
use store::time::Clock;

use crate::client::{Events, close_bounded, configure};
use crate::error::WorkloadError;
use crate::lanes::{Lanes, Report, Ticket};

/// How long the polling thread waits for reports before it looks whether it shall end. Reports end the wait at once.
const POLL: Duration = Duration::from_millis(100);

/// Hears the client library's reports.
pub(crate) struct Deliveries {
    lanes: Arc<Lanes>,
    pub(crate) events: Events,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.events.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let (code, message) = match result {
            Ok(message) => (None, message),
            Err((error, message)) => (
                Some(error.rdkafka_error_code().unwrap_or(rdkafka::types::RDKafkaErrorCode::Unknown)),
                message,
            ),
        };
        // SAFETY: the message is the library's own and lives as long as this call.
        let (status, node) =
            unsafe { (rd_kafka_message_status(message.ptr()), rd_kafka_message_broker_id(message.ptr())) };
        let report = Report {
            code,
            status: match status {
                rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => PersistenceStatus::NotPersisted,
                rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_PERSISTED => PersistenceStatus::Persisted,
                rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => {
                    PersistenceStatus::PossiblyPersisted
                }
            },
            partition: message.partition(),
            offset: message.offset(),
            node,
        };
        self.lanes.delivered(Ticket(ticket), report, |then| self.events.ambiguous_since(then));
    }
}

/// A producer client, and the thread that takes its reports.
pub(crate) struct LiveProducer {
    pub(crate) producer: Arc<BaseProducer<Deliveries>>,
    name: String,
    done: Arc<AtomicBool>,
    polling: JoinHandle<()>,
}

impl LiveProducer {
    /// Connects a producer whose reports go to `lanes`.
    pub(crate) fn open(
        name: &str,
        settings: &Settings,
        endpoints: &Endpoints,
        clock: Clock,
        lanes: Arc<Lanes>,
    ) -> Result<LiveProducer, WorkloadError> {
        let context = Deliveries { lanes, events: Events::new(clock) };
        let failed = |reason: String| WorkloadError::Client { client: name.to_owned(), reason };
        let producer: BaseProducer<Deliveries> =
            BaseProducer::from_config_and_context(&configure(settings, endpoints, name), context)
                .map_err(|e| failed(e.to_string()))?;
        let producer = Arc::new(producer);
        let done = Arc::new(AtomicBool::new(false));
        let (polled, ended) = (Arc::clone(&producer), Arc::clone(&done));
        let polling = thread::Builder::new()
            .name(format!("{name} reports"))
            .spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    polled.poll(POLL);
                }
            })
            .map_err(|e| WorkloadError::Thread { client: name.to_owned(), reason: e.to_string() })?;
        Ok(LiveProducer { producer, name: name.to_owned(), done, polling })
    }

    /// What the library said beside its reports.
    pub(crate) fn events(&self) -> &Events {
        use rdkafka::producer::Producer;
        &self.producer.client().context().events
    }

    /// Purges what is left, takes its reports, and disconnects; false if the library hung and was left behind.
    pub(crate) fn close(self) -> bool {
        self.done.store(true, Ordering::Relaxed);
        // Dropping the last handle purges and waits up to half a second for the reports of that.
        close_bounded(&self.name, move || {
            let polled = self.polling.join();
            drop(self.producer);
            debug_assert!(polled.is_ok(), "the polling thread does not panic");
        })
    }
}
