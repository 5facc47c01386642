//! A cluster to test on, a small producer and a small reader.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nemesis::admin::TopicSpec;
use nemesis::cluster::mock::protocol::MockTopic;
use nemesis::cluster::mock::{MockCluster, MockSpec};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

pub(crate) const TOPIC: &str = "t";

/// Three brokers, one topic of three partitions.
pub(crate) async fn cluster() -> MockCluster {
    let topic = MockTopic { name: TOPIC.into(), partitions: 3, replication_factor: 3 };
    let spec = MockSpec { brokers: 3, topics: vec![topic] };
    MockCluster::spawn(&crate::program(), &spec).await.unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn topics() -> Vec<TopicSpec> {
    vec![TopicSpec { name: TOPIC.into(), partitions: 3, replication_factor: 3, config: Default::default() }]
}

/// Remembers which values were acknowledged.
#[derive(Clone, Default)]
pub(crate) struct Acknowledged(pub(crate) Arc<Mutex<BTreeSet<u64>>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, value: Box<u64>) {
        if result.is_ok() {
            self.0.lock().unwrap().insert(*value);
        }
    }
}

/// Sends values, about one a millisecond, until `until`; what was acknowledged comes back.
pub(crate) fn produce(bootstrap: &str, settings: &[(&str, &str)], until: Instant) -> BTreeSet<u64> {
    let acknowledged = Acknowledged::default();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("acks", "all").set("linger.ms", "0");
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "100");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    let producer: ThreadedProducer<Acknowledged> = config.create_with_context(acknowledged.clone()).unwrap();
    let mut value = 0;
    while Instant::now() < until {
        let (payload, opaque) = (value.to_string(), Box::new(value));
        let record = BaseRecord::<(), String, Box<u64>>::with_opaque_to(TOPIC, opaque)
            .payload(&payload)
            .partition((value % 3) as i32);
        if producer.send(record).is_ok() {
            value += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    producer.flush(Duration::from_secs(20)).unwrap_or_else(|e| panic!("what was sent does not arrive: {e}"));
    drop(producer);
    let acknowledged = acknowledged.0.lock().unwrap();
    acknowledged.clone()
}

/// Reads all three partitions to their ends: values in the order of their offsets, a partition a list.
pub(crate) fn consume(bootstrap: &str) -> Vec<Vec<u64>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "20")
        .create()
        .unwrap();
    let wait = Duration::from_secs(10);
    let mut assignment = TopicPartitionList::new();
    let mut left = 0;
    for p in 0..3 {
        assignment.add_partition_offset(TOPIC, p, Offset::Offset(0)).unwrap();
        let (low, high) = consumer.fetch_watermarks(TOPIC, p, wait).unwrap();
        assert_eq!(low, 0, "the mock dropped records");
        left += high;
    }
    consumer.assign(&assignment).unwrap();
    let mut read = vec![Vec::new(); 3];
    while left > 0 {
        let message = consumer.poll(wait).expect("a record before the end").unwrap();
        let value = std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap();
        read[message.partition() as usize].push(value);
        left -= 1;
    }
    read
}
