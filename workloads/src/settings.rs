//! Every client setting that changes what a run means, pinned: nothing is left to the client library's
//! defaults, and everything is stored with the run.

use std::time::Duration;

use store::op::Isolation;
use store::settings::{REDACTED, Settings, is_secret};

use crate::config::QueueConfig;
use crate::error::ConfigError;

/// Which of the two kinds of client a setting is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Producers.
    Producer,
    /// Consumers, those of the consume-all pass too.
    Consumer,
}

impl Side {
    /// `producer` or `consumer`.
    pub fn name(self) -> &'static str {
        match self {
            Side::Producer => "producer",
            Side::Consumer => "consumer",
        }
    }
}

/// Settings that have an option of their own: setting them past it would make the run's terms a lie.
const HAVE_AN_OPTION: &[(&str, &str)] = &[
    ("acks", "acks"),
    ("request.required.acks", "acks"),
    ("enable.idempotence", "idempotence"),
    ("retries", "retries"),
    ("message.send.max.retries", "retries"),
    ("max.in.flight", "max_in_flight"),
    ("max.in.flight.requests.per.connection", "max_in_flight"),
    ("message.timeout.ms", "delivery_timeout"),
    ("delivery.timeout.ms", "delivery_timeout"),
    ("request.timeout.ms", "request_timeout"),
    ("socket.timeout.ms", "socket_timeout"),
    ("linger.ms", "linger"),
    ("queue.buffering.max.ms", "linger"),
    ("batch.size", "batch_size"),
    ("batch.num.messages", "batch_messages"),
    ("compression.type", "compression"),
    ("compression.codec", "compression"),
    ("partitioner", "partitioner"),
    ("retry.backoff.ms", "retry_backoff"),
    ("retry.backoff.max.ms", "retry_backoff_max"),
    ("reconnect.backoff.ms", "reconnect_backoff"),
    ("reconnect.backoff.max.ms", "reconnect_backoff_max"),
    ("topic.metadata.refresh.interval.ms", "metadata_refresh"),
    ("transactional.id", "transactional"),
    ("transaction.timeout.ms", "transaction_timeout"),
    ("isolation.level", "isolation"),
    ("fetch.wait.max.ms", "fetch_wait_max"),
    ("fetch.min.bytes", "fetch_min_bytes"),
    ("fetch.max.bytes", "fetch_max_bytes"),
    ("fetch.message.max.bytes", "partition_fetch_max_bytes"),
    ("max.partition.fetch.bytes", "partition_fetch_max_bytes"),
];

/// Settings that the harness itself lives on.
const HARNESS: &[(&str, &str)] = &[
    ("bootstrap.servers", "the target says where the brokers are: use --target"),
    ("metadata.broker.list", "the target says where the brokers are: use --target"),
    ("client.id", "tribunal names its clients, so that broker logs tell them apart"),
    ("group.id", "consumers are assigned their partitions and are in no group"),
    ("group.instance.id", "consumers are assigned their partitions and are in no group"),
    ("group.protocol", "consumers are assigned their partitions and are in no group"),
    ("auto.offset.reset", "a consumer that loses its place must say so, never jump"),
    ("enable.partition.eof", "the end of a partition proves what was read"),
    ("enable.auto.commit", "consumers are in no group and commit nothing"),
    ("enable.auto.offset.store", "consumers are in no group and commit nothing"),
    ("check.crcs", "a damaged batch must be seen"),
    ("debug", "tribunal reads the producers' debug log to tell certain failures from possible ones"),
    ("log.queue", "tribunal reads the clients' logs"),
    ("log_level", "tribunal reads the clients' logs"),
    ("delivery.report.only.error", "every send needs its delivery report"),
    ("enable.gapless.guarantee", "it turns single failures into the client's end"),
    ("queuing.strategy", "a producer's order is judged, and `lifo` gives it up"),
    ("auto.commit.enable", "consumers are in no group and commit nothing"),
    ("statistics.interval.ms", "nobody reads the statistics"),
    ("test.mock.num.brokers", "use --target mock"),
    ("plugin.library.paths", "plugins would come between the client and what is measured"),
];

/// What was decided for producers where the options leave it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// Whether they are idempotent.
    pub idempotent: bool,
    /// Produce requests in flight a connection.
    pub max_in_flight: u32,
    /// Sends in flight a producer.
    pub slots: u32,
    /// How long they wait for a batch to fill.
    pub linger: Duration,
}

/// The producers' settings, without addresses, security and ids.
pub fn producer(config: &QueueConfig, decided: &Decided) -> Settings {
    let mut s = common(config);
    let mut set = |name: &str, value: String| s.insert(name.to_owned(), value);
    set("acks", config.acks.to_string());
    set("enable.idempotence", decided.idempotent.to_string());
    set("retries", config.retries.to_string());
    set("max.in.flight.requests.per.connection", decided.max_in_flight.to_string());
    set("message.timeout.ms", ms(config.delivery_timeout));
    set("request.timeout.ms", ms(config.request_timeout));
    // Fractions of a millisecond are the library's to take.
    set("linger.ms", (decided.linger.as_secs_f64() * 1e3).to_string());
    set("batch.size", config.batch_size.to_string());
    set("batch.num.messages", config.batch_messages.to_string());
    set("compression.type", config.compression.clone());
    set("partitioner", config.partitioner.client_name().to_owned());
    set("queuing.strategy", "fifo".to_owned());
    set("enable.gapless.guarantee", "false".to_owned());
    set("delivery.report.only.error", "false".to_owned());
    set("queue.buffering.max.messages", decided.slots.saturating_mul(2).max(100_000).to_string());
    set("queue.buffering.max.kbytes", (1 << 20).to_string());
    set("message.max.bytes", config.record_size.saturating_add(1024).max(1_000_000).to_string());
    set("transaction.timeout.ms", ms(config.transaction_timeout));
    set("debug", "topic".to_owned());
    if !config.transactional {
        s.remove("transaction.timeout.ms");
    }
    with_others(s, config, Side::Producer)
}

/// The consumers' settings, without addresses, security and ids.
pub fn consumer(config: &QueueConfig, isolation: Isolation) -> Settings {
    let mut s = common(config);
    let mut set = |name: &str, value: String| s.insert(name.to_owned(), value);
    set("isolation.level", isolation.as_str().replace('-', "_"));
    set("auto.offset.reset", "error".to_owned());
    set("enable.auto.commit", "false".to_owned());
    set("enable.auto.offset.store", "false".to_owned());
    set("enable.partition.eof", "true".to_owned());
    set("check.crcs", "true".to_owned());
    set("fetch.wait.max.ms", ms(config.fetch_wait_max));
    set("fetch.min.bytes", config.fetch_min_bytes.to_string());
    set("fetch.max.bytes", config.fetch_max_bytes.to_string());
    set("fetch.message.max.bytes", config.partition_fetch_max_bytes.to_string());
    set("fetch.error.backoff.ms", "100".to_owned());
    set("fetch.queue.backoff.ms", "10".to_owned());
    set("queued.min.messages", "100000".to_owned());
    set("queued.max.messages.kbytes", "65536".to_owned());
    set("allow.auto.create.topics", "false".to_owned());
    with_others(s, config, Side::Consumer)
}

fn common(config: &QueueConfig) -> Settings {
    [
        ("socket.timeout.ms", ms(config.socket_timeout)),
        ("socket.keepalive.enable", "true".to_owned()),
        ("socket.nagle.disable", "true".to_owned()),
        ("socket.connection.setup.timeout.ms", ms(config.socket_timeout.max(Duration::from_secs(1)))),
        ("retry.backoff.ms", ms(config.retry_backoff)),
        ("retry.backoff.max.ms", ms(config.retry_backoff_max)),
        ("reconnect.backoff.ms", ms(config.reconnect_backoff)),
        ("reconnect.backoff.max.ms", ms(config.reconnect_backoff_max)),
        ("topic.metadata.refresh.interval.ms", ms(config.metadata_refresh)),
        ("topic.metadata.refresh.fast.interval.ms", "100".to_owned()),
        ("metadata.max.age.ms", ms(config.metadata_refresh * 3)),
        ("statistics.interval.ms", "0".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The user's other settings come last, those that are aimed at one side after those for both.
fn with_others(mut settings: Settings, config: &QueueConfig, side: Side) -> Settings {
    for wanted in [None, Some(side)] {
        for (name, value) in &config.client_set {
            let (aim, bare) = aim(name);
            if aim == wanted {
                settings.insert(bare.to_owned(), value.clone());
            }
        }
    }
    settings
}

/// Splits `producer.linger.ms` into the side it is aimed at and the library's name.
fn aim(name: &str) -> (Option<Side>, &str) {
    if let Some(bare) = name.strip_prefix("producer.") {
        (Some(Side::Producer), bare)
    } else if let Some(bare) = name.strip_prefix("consumer.") {
        (Some(Side::Consumer), bare)
    } else {
        (None, name)
    }
}

/// Refuses settings that have their own option, and those that the harness lives on.
///
/// # Errors
/// [`ConfigError::Reserved`], which names what to use instead.
pub fn refuse_reserved(client_set: &Settings) -> Result<(), ConfigError> {
    for name in client_set.keys() {
        let (_, bare) = aim(name);
        let reserved = |why: String| Err(ConfigError::Reserved { key: name.clone(), why });
        // The client library takes every topic setting under this prefix too; some global ones begin with it.
        let bare = match bare.strip_prefix("topic.") {
            Some(rest) if !bare.starts_with("topic.metadata.") => rest,
            _ => bare,
        };
        if let Some((_, option)) = HAVE_AN_OPTION.iter().find(|(key, _)| *key == bare) {
            return reserved(format!("it has an option of its own, {option}"));
        }
        if let Some((_, why)) = HARNESS.iter().find(|(key, _)| *key == bare) {
            return reserved((*why).to_owned());
        }
        if bare.ends_with("_cb") || bare == "opaque" {
            return reserved("callbacks are tribunal's own".to_owned());
        }
    }
    Ok(())
}

/// What the client library says of one setting, with secrets kept out.
pub(crate) fn refused_by_client(side: Side, key: &str, value: &str, reason: &str) -> ConfigError {
    let mut reason = reason.trim().to_owned();
    let lacks_ssl = key.starts_with("ssl.") || reason.contains("OpenSSL");
    if lacks_ssl && reason.contains("not available") {
        reason.push_str("; build tribunal with --features ssl");
    }
    // A misspelt name says nothing of what stands behind it.
    let hidden = is_secret(key) || key.starts_with("sasl.") || key.starts_with("ssl.");
    ConfigError::ClientSetting {
        side: side.name(),
        key: key.to_owned(),
        value: if hidden { REDACTED.to_owned() } else { value.to_owned() },
        reason,
    }
}

fn ms(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIDED: Decided =
        Decided { idempotent: true, max_in_flight: 5, slots: 10, linger: Duration::from_micros(1500) };

    #[test]
    fn what_an_option_says_is_what_the_client_gets() {
        let config = QueueConfig { retries: 7, ..QueueConfig::default() };
        let settings = producer(&config, &DECIDED);
        for (name, value) in [
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("retries", "7"),
            ("max.in.flight.requests.per.connection", "5"),
            ("message.timeout.ms", "60000"),
            ("linger.ms", "1.5"),
            ("partitioner", "consistent_random"),
        ] {
            assert_eq!(settings[name], value, "{name}");
        }
        assert_eq!(consumer(&config, Isolation::ReadCommitted)["isolation.level"], "read_committed");
        assert_eq!(consumer(&config, Isolation::ReadUncommitted)["auto.offset.reset"], "error");
    }

    #[test]
    fn other_settings_go_where_they_are_aimed() {
        let client_set = [
            ("producer.socket.nagle.disable", "false"),
            ("socket.nagle.disable", "true"),
            ("broker.address.family", "v4"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        let config = QueueConfig { client_set, ..QueueConfig::default() };
        let (p, c) = (producer(&config, &DECIDED), consumer(&config, Isolation::ReadUncommitted));
        assert_eq!(
            (p["socket.nagle.disable"].as_str(), c["socket.nagle.disable"].as_str()),
            ("false", "true")
        );
        assert_eq!((p["broker.address.family"].as_str(), c["broker.address.family"].as_str()), ("v4", "v4"));
    }

    #[test]
    fn settings_with_an_option_and_settings_of_the_harness_are_refused() {
        for (key, word) in [
            ("acks", "acks"),
            ("producer.linger.ms", "linger"),
            ("consumer.group.id", "group"),
            ("bootstrap.servers", "--target"),
            ("dr_msg_cb", "callbacks"),
            ("topic.acks", "acks"),
            ("producer.topic.message.timeout.ms", "delivery_timeout"),
            ("topic.auto.offset.reset", "loses its place"),
            ("topic.metadata.refresh.interval.ms", "metadata_refresh"),
            ("queuing.strategy", "lifo"),
        ] {
            let set = Settings::from([(key.to_owned(), "1".to_owned())]);
            let error = refuse_reserved(&set).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains(word), "{error}");
        }
        refuse_reserved(&Settings::from([("socket.send.buffer.bytes".to_owned(), "0".to_owned())]))
            .expect("allowed");
    }
}
