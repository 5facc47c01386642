//! From options to a run that can be carried out: defaults that depend on one another, and every refusal,
//! before anything is started.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;
use store::cluster::Endpoints;
use store::op::Isolation;
use store::run_meta::Terms;
use store::settings::{Settings, redact};

use crate::config::{Acks, Idempotence, QueueConfig};
use crate::error::ConfigError;
use crate::payload::MIN_RECORD_SIZE;
use crate::settings::{self, Decided, Side};

/// The most processes at once: beyond that, the numbers of retired processes might not last.
const MAX_PROCESSES: u64 = 1_000_000;

/// A configuration that was checked, with everything decided.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// As it was asked for.
    pub config: QueueConfig,
    /// Draws where producers begin.
    pub seed: u64,
    /// Whether the target is the mock, where an aborted transaction hides nothing.
    pub mock: bool,
    /// Whether producers are idempotent.
    pub idempotent: bool,
    /// Sends in flight a producer: its slots.
    pub in_flight: u32,
    /// Produce requests in flight a connection.
    pub max_in_flight: u32,
    /// How long producers send.
    pub time_limit: Duration,
    /// What consumers see, the consume-all pass too.
    pub isolation: Isolation,
    /// Replicas that must be in sync for `acks = all`.
    pub min_insync_replicas: u32,
    /// Producers' settings, without addresses and security; secrets are in it.
    pub producer_settings: Settings,
    /// Consumers' settings, without addresses and security; secrets are in it.
    pub consumer_settings: Settings,
    /// Topic settings, `min.insync.replicas` among them.
    pub topic_settings: Settings,
}

impl QueueConfig {
    /// Decides what is open and refuses what cannot be. `target_kind` is `mock`, `docker`, `attach` or
    /// `external`.
    ///
    /// # Errors
    /// [`ConfigError`], which names the options and what to do.
    pub fn resolve(&self, target_kind: &str, seed: u64) -> Result<Resolved, ConfigError> {
        let mock = target_kind == "mock";
        self.check_ranges()?;
        settings::refuse_reserved(&self.client_set)?;
        let idempotent = self.decide_idempotence(mock)?;
        let in_flight = self.decide_in_flight()?;
        let min_insync_replicas = self.decide_min_insync()?;
        let isolation = self.isolation.unwrap_or(if self.transactional {
            Isolation::ReadCommitted
        } else {
            Isolation::ReadUncommitted
        });
        let time_limit = self.time_limit.unwrap_or(Duration::from_secs(match self.sends {
            Some(_) => 3600,
            None => 30,
        }));
        let max_in_flight = self.max_in_flight.unwrap_or(if idempotent { 1 } else { 5 });
        let linger = self.linger.unwrap_or(Duration::from_millis(match (self.rate > 0.0, mock) {
            (false, _) => 0,
            (true, false) => 5,
            (true, true) => 20,
        }));
        let mut topic_settings = self.topic_set.clone();
        topic_settings.insert("min.insync.replicas".to_owned(), min_insync_replicas.to_string());
        let resolved = Resolved {
            config: self.clone(),
            seed,
            mock,
            idempotent,
            in_flight,
            max_in_flight,
            time_limit,
            isolation,
            min_insync_replicas,
            producer_settings: settings::producer(
                self,
                &Decided { idempotent, max_in_flight, slots: in_flight, linger },
            ),
            consumer_settings: settings::consumer(self, isolation),
            topic_settings,
        };
        resolved.try_clients()?;
        Ok(resolved)
    }

    fn check_ranges(&self) -> Result<(), ConfigError> {
        let out =
            |option, value: String, allowed: String| Err(ConfigError::OutOfRange { option, value, allowed });
        for (option, value, most) in [
            ("producers", self.producers, 10_000),
            ("topics", self.topics, 1_000),
            ("partitions", self.partitions, 10_000),
            ("replication_factor", self.replication_factor, 100),
            ("drain_readers", self.drain_readers, 64),
            ("poll_records", self.poll_records, 100_000),
            ("transaction_sends", self.transaction_sends, 100_000),
            ("max_in_flight", self.max_in_flight.unwrap_or(1), 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                return out(option, value.to_string(), format!("it must be from 1 to {most}"));
            }
        }
        if self.consumers > 10_000 {
            return out("consumers", self.consumers.to_string(), "it must be from 0 to 10000".to_owned());
        }
        if !(self.rate >= 0.0 && self.rate <= 1e7) {
            return out(
                "rate",
                self.rate.to_string(),
                "messages a second, or 0 for a closed loop".to_owned(),
            );
        }
        if self.sends == Some(0) {
            return out("sends", "0".to_owned(), "leave it out to send until the time limit".to_owned());
        }
        if self.record_size < MIN_RECORD_SIZE || self.record_size > 100_000_000 {
            return out(
                "record_size",
                self.record_size.to_string(),
                format!(
                    "from {MIN_RECORD_SIZE} bytes (value, producer, sequence and checksum take that) to 100,000,000"
                ),
            );
        }
        for (option, value) in [
            ("delivery_timeout", self.delivery_timeout),
            ("request_timeout", self.request_timeout),
            ("socket_timeout", self.socket_timeout),
            ("transaction_timeout", self.transaction_timeout),
            ("drain_timeout", self.drain_timeout),
            ("drain_stall", self.drain_stall),
            ("poll_idle", self.poll_idle),
            ("metadata_refresh", self.metadata_refresh),
        ] {
            if value < Duration::from_millis(10) || value > Duration::from_secs(86_400) {
                return out(option, format!("{value:?}"), "it must be from 10ms to 24h".to_owned());
            }
        }
        Ok(())
    }

    fn decide_idempotence(&self, mock: bool) -> Result<bool, ConfigError> {
        let asked = match self.idempotence {
            Idempotence::Auto => {
                // A choice that was not asked for must not make other options wrong.
                let fits = self.retries > 0 && self.max_in_flight.is_none_or(|n| n <= 5);
                self.transactional || (self.acks == Acks::All && !mock && fits)
            }
            Idempotence::On => true,
            Idempotence::Off => false,
        };
        let who = if self.transactional { "transactional = true" } else { "idempotence = true" };
        let conflict = |one: String, why: &str, remedy: String| {
            Err(ConfigError::Conflict { one, other: who.to_owned(), why: why.to_owned(), remedy })
        };
        if self.transactional && !asked {
            return conflict(
                "idempotence = false".to_owned(),
                "transactions are built on idempotence",
                "set idempotence = auto".to_owned(),
            );
        }
        if !asked {
            return Ok(false);
        }
        let or_off = if self.transactional { "transactional = false" } else { "idempotence = false" };
        if self.acks != Acks::All {
            return conflict(
                format!("acks = {}", self.acks),
                "an idempotent producer needs every in-sync replica's acknowledgement",
                format!("set acks = all or {or_off}"),
            );
        }
        if self.retries == 0 {
            return conflict(
                "retries = 0".to_owned(),
                "idempotence exists to make retries safe, and the client library refuses it without them",
                format!("set retries to 1 or more, or {or_off}"),
            );
        }
        if let Some(n) = self.max_in_flight.filter(|n| *n > 5) {
            return conflict(
                format!("max_in_flight = {n}"),
                "brokers remember the last 5 batches of a producer",
                format!("set max_in_flight to 5 or less, or {or_off}"),
            );
        }
        Ok(true)
    }

    fn decide_in_flight(&self) -> Result<u32, ConfigError> {
        let slots = match (self.in_flight, self.transactional) {
            (Some(n), true) if n < self.transaction_sends => {
                return Err(ConfigError::Conflict {
                    one: format!("in_flight = {n}"),
                    other: format!("transaction_sends = {}", self.transaction_sends),
                    why: "every send of a transaction is in flight until it commits".to_owned(),
                    remedy: "leave in_flight out, or lower transaction_sends".to_owned(),
                });
            }
            (Some(n), _) => n,
            (None, true) => self.transaction_sends,
            (None, false) if self.rate > 0.0 => 1000,
            (None, false) => 1,
        };
        let all = u64::from(slots) * u64::from(self.producers);
        if slots == 0 || all > MAX_PROCESSES {
            return Err(ConfigError::OutOfRange {
                option: "in_flight",
                value: slots.to_string(),
                allowed: format!(
                    "from 1 to {}, so that {} producers have at most {MAX_PROCESSES} sends in flight",
                    MAX_PROCESSES / u64::from(self.producers),
                    self.producers
                ),
            });
        }
        Ok(slots)
    }

    fn decide_min_insync(&self) -> Result<u32, ConfigError> {
        let value = self.min_insync_replicas.unwrap_or(self.replication_factor.min(2));
        if value == 0 || value > self.replication_factor {
            return Err(ConfigError::Conflict {
                one: format!("min_insync_replicas = {value}"),
                other: format!("replication_factor = {}", self.replication_factor),
                why: "no partition could ever have so many replicas in sync".to_owned(),
                remedy: format!("set it from 1 to {}", self.replication_factor),
            });
        }
        if self.topic_set.contains_key("min.insync.replicas") {
            return Err(ConfigError::Reserved {
                key: "min.insync.replicas".to_owned(),
                why: "it has an option of its own, min_insync_replicas".to_owned(),
            });
        }
        Ok(value)
    }
}

impl Resolved {
    /// Creates and drops one client of each kind without an address: the client library's own checks, at
    /// second 0.
    fn try_clients(&self) -> Result<(), ConfigError> {
        let mut producer = client_config(&self.producer_settings);
        if self.config.transactional {
            producer.set("transactional.id", "check");
        }
        let refused = |side, error| match error {
            KafkaError::ClientConfig(_, reason, key, value) => {
                settings::refused_by_client(side, &key, &value, &reason)
            }
            KafkaError::ClientCreation(reason) => {
                ConfigError::ClientSettings { side: side.name(), reason: reason.trim().to_owned() }
            }
            other => ConfigError::ClientSettings { side: side.name(), reason: other.to_string() },
        };
        producer.create::<BaseProducer>().map_err(|e| refused(Side::Producer, e))?;
        client_config(&self.consumer_settings)
            .create::<BaseConsumer>()
            .map_err(|e| refused(Side::Consumer, e))?;
        Ok(())
    }

    /// Fills in what judging depends on and this crate knows.
    pub fn terms(&self, terms: &mut Terms) {
        terms.acks = Some(self.config.acks.to_string());
        // The mock keeps no sequence numbers without a transactional id: what it doubles says nothing of the producer.
        terms.idempotent = Some(self.idempotent && (!self.mock || self.config.transactional));
        terms.max_in_flight = Some(self.max_in_flight);
        terms.retries = Some(self.config.retries);
        if self.config.transactional {
            let timeout = self.config.transaction_timeout.as_millis();
            terms.transaction_timeout_ms = Some(u64::try_from(timeout).unwrap_or(u64::MAX));
            terms.hides_aborted = Some(self.hides_aborted());
        }
    }

    /// The settings of producers or consumers as they are stored with the run: security included, secrets
    /// redacted.
    pub fn recorded_settings(&self, side: Side, endpoints: &Endpoints) -> Settings {
        let mut all = endpoints.security.clone();
        all.extend(match side {
            Side::Producer => self.producer_settings.clone(),
            Side::Consumer => self.consumer_settings.clone(),
        });
        all.insert("bootstrap.servers".to_owned(), endpoints.bootstrap.join(","));
        if side == Side::Producer && self.config.transactional {
            all.insert("transactional.id".to_owned(), "<first topic>-producer-<n>".to_owned());
        }
        redact(&all)
    }

    /// Whether readers never see a record whose transaction was aborted: the mock shows them all.
    pub(crate) fn hides_aborted(&self) -> bool {
        !self.mock && self.isolation == Isolation::ReadCommitted
    }

    /// Keys of the whole run.
    pub fn keys(&self) -> u32 {
        self.config.topics * self.config.partitions
    }

    /// How many sends in a row go to one partition before the next one has its turn, so that batches fill: as
    /// Kafka's own sticky partitioner does (KIP-480). A transaction still touches every partition.
    pub(crate) fn stickiness(&self) -> u32 {
        const STICKY: u32 = 20;
        if self.config.transactional {
            (self.config.transaction_sends / (2 * self.keys())).clamp(1, STICKY)
        } else {
            STICKY
        }
    }

    /// Slots of all processes of the run: producers' sends, consumers, the readers of the consume-all pass.
    pub(crate) fn concurrency(&self) -> u32 {
        self.config.producers * self.in_flight + self.config.consumers + self.config.drain_readers
    }

    /// The first slot of producer `client`.
    pub(crate) fn producer_slot(&self, client: u32) -> u32 {
        client * self.in_flight
    }

    /// The slot of live consumer `n`.
    pub(crate) fn consumer_slot(&self, n: u32) -> u32 {
        self.config.producers * self.in_flight + n
    }

    /// The slot of the consume-all pass' reader `n`.
    pub(crate) fn drain_slot(&self, n: u32) -> u32 {
        self.config.producers * self.in_flight + self.config.consumers + n
    }
}

/// These settings as the client library takes them.
pub(crate) fn client_config(settings: &Settings) -> ClientConfig {
    settings.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(config: &QueueConfig, target: &str) -> String {
        config.resolve(target, 1).expect_err("it must be refused").to_string()
    }

    #[test]
    fn the_first_run_is_accepted_everywhere() {
        let config = QueueConfig::default();
        let mock = config.resolve("mock", 1).expect("the default run");
        assert!(!mock.idempotent, "the mock keeps no sequence numbers");
        let docker = config.resolve("docker", 1).expect("the default run");
        assert!(docker.idempotent);
        assert_eq!((docker.max_in_flight, mock.max_in_flight), (1, 5));
        assert_eq!((docker.in_flight, docker.min_insync_replicas), (1000, 2));
        assert_eq!(docker.time_limit, Duration::from_secs(30));
        assert_eq!(docker.isolation, Isolation::ReadUncommitted);
        let mut terms = Terms::default();
        docker.terms(&mut terms);
        assert_eq!((terms.acks.as_deref(), terms.idempotent), (Some("all"), Some(true)));
    }

    #[test]
    fn contradictions_name_both_options_and_a_way_out() {
        let on = QueueConfig { idempotence: Idempotence::On, ..QueueConfig::default() };
        for (config, words) in [
            (QueueConfig { acks: Acks::One, ..on.clone() }, ["acks = 1", "idempotence = true", "acks = all"]),
            (
                QueueConfig { retries: 0, ..on.clone() },
                ["retries = 0", "idempotence = true", "idempotence = false"],
            ),
            (
                QueueConfig { max_in_flight: Some(6), ..on.clone() },
                ["max_in_flight = 6", "idempotence", "5 or less"],
            ),
            (
                QueueConfig { transactional: true, idempotence: Idempotence::Off, ..on.clone() },
                ["idempotence = false", "transactional = true", "auto"],
            ),
            (
                QueueConfig { min_insync_replicas: Some(4), ..on.clone() },
                ["min_insync_replicas = 4", "replication_factor = 3", "1 to 3"],
            ),
            (
                QueueConfig { transactional: true, in_flight: Some(5), ..on.clone() },
                ["in_flight = 5", "transaction_sends", "lower"],
            ),
        ] {
            let error = error(&config, "docker");
            assert!(words.iter().all(|w| error.contains(w)), "{error}");
        }
    }

    #[test]
    fn idempotence_by_itself_never_makes_another_option_wrong() {
        for config in [
            QueueConfig { retries: 0, ..QueueConfig::default() },
            QueueConfig { max_in_flight: Some(100), ..QueueConfig::default() },
            QueueConfig { acks: Acks::One, ..QueueConfig::default() },
        ] {
            assert!(!config.resolve("docker", 1).expect("accepted").idempotent);
        }
    }

    #[test]
    fn the_client_librarys_refusals_name_the_setting() {
        let with = |k: &str, v: &str| QueueConfig {
            client_set: Settings::from([(k.to_owned(), v.to_owned())]),
            ..QueueConfig::default()
        };
        let unknown = error(&with("producer.lingerms", "5"), "mock");
        assert!(unknown.contains("producer") && unknown.contains("lingerms"), "{unknown}");
        let value = error(&with("consumer.queued.min.messages", "many"), "mock");
        assert!(value.contains("consumer") && value.contains("queued.min.messages = many"), "{value}");
        let secret = error(&with("ssl.key.password.x", "hunter2"), "mock");
        assert!(!secret.contains("hunter2"), "{secret}");
        let codec = error(&QueueConfig { compression: "rot13".to_owned(), ..QueueConfig::default() }, "mock");
        assert!(codec.contains("compression.type = rot13"), "{codec}");
    }

    #[test]
    fn values_out_of_range_say_what_is_allowed() {
        for (config, word) in [
            (QueueConfig { record_size: 10, ..QueueConfig::default() }, "80"),
            (QueueConfig { partitions: 0, ..QueueConfig::default() }, "partitions = 0"),
            (QueueConfig { rate: -1.0, ..QueueConfig::default() }, "closed loop"),
            (QueueConfig { rate: f64::NAN, ..QueueConfig::default() }, "closed loop"),
            (QueueConfig { in_flight: Some(0), ..QueueConfig::default() }, "in_flight = 0"),
            (QueueConfig { sends: Some(0), ..QueueConfig::default() }, "sends = 0"),
        ] {
            let error = error(&config, "mock");
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_recorded() {
        let resolved = QueueConfig::default().resolve("external", 1).expect("accepted");
        let endpoints = Endpoints {
            bootstrap: vec!["a:1".to_owned(), "b:2".to_owned()],
            security: Settings::from([("sasl.password".to_owned(), "hunter2".to_owned())]),
            ..Endpoints::default()
        };
        for side in [Side::Producer, Side::Consumer] {
            let recorded = resolved.recorded_settings(side, &endpoints);
            assert!(!format!("{recorded:?}").contains("hunter2"));
            assert_eq!(recorded["bootstrap.servers"], "a:1,b:2");
        }
    }
}
