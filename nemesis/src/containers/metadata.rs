//! Asking brokers who the brokers are, through the client library: with whatever security clients use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use store::settings::Settings;

/// The brokers that a broker knows to be alive: id to advertised `host:port`.
pub(crate) type Brokers = BTreeMap<i32, String>;

/// A client that asks one set of bootstrap servers. Cheap to clone; the connection is kept.
#[derive(Clone)]
pub(crate) struct MetadataClient {
    consumer: Arc<BaseConsumer<LastError>>,
}

impl MetadataClient {
    /// A client for these bootstrap servers; connects when asked.
    ///
    /// # Errors
    /// If the client library refuses the settings, in its words (which never hold their values).
    pub(crate) fn new(bootstrap: &str, security: &Settings) -> Result<MetadataClient, String> {
        let mut config = ClientConfig::new();
        for (name, value) in security {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", bootstrap)
            .set("client.id", "tribunal-metadata")
            // A broker that comes up is found soon.
            .set("reconnect.backoff.max.ms", "500")
            .set("log.connection.close", "false")
            .set_log_level(RDKafkaLogLevel::Error);
        let consumer = config.create_with_context(LastError::default()).map_err(|e| refusal(&e))?;
        Ok(MetadataClient { consumer: Arc::new(consumer) })
    }

    /// The brokers as the bootstrap servers know them.
    ///
    /// # Errors
    /// If none answers within the bound: the last thing that went wrong.
    pub(crate) async fn brokers(&self, within: Duration) -> Result<Brokers, String> {
        let consumer = Arc::clone(&self.consumer);
        let asking = tokio::task::spawn_blocking(move || {
            let answer = consumer.fetch_metadata(None, within);
            // Connection errors wait in the client's queue until it is polled.
            let _ = consumer.poll(Duration::ZERO);
            match answer {
                Ok(metadata) => Ok(metadata
                    .brokers()
                    .iter()
                    .map(|b| (b.id(), format!("{}:{}", b.host(), b.port())))
                    .collect()),
                Err(e) => Err(consumer.context().take().unwrap_or_else(|| refusal(&e))),
            }
        });
        asking.await.map_err(|e| e.to_string())?
    }
}

/// The client library's reason without the name of the call that failed.
fn refusal(e: &KafkaError) -> String {
    match e {
        KafkaError::ClientCreation(reason) => reason.clone(),
        KafkaError::ClientConfig(_, reason, name, _) => format!("{name}: {reason}"),
        KafkaError::MetadataFetch(code) => code.to_string(),
        e => e.to_string(),
    }
}

/// Keeps the most telling of the errors that the client library reports beside its answers.
#[derive(Default)]
struct LastError(Mutex<Option<String>>);

impl LastError {
    fn take(&self) -> Option<String> {
        self.0.lock().ok()?.take()
    }

    fn keep(&self, reason: &str) {
        // "All broker connections are down" follows every reason and tells less.
        if !reason.contains("brokers are down")
            && let Ok(mut last) = self.0.lock()
        {
            *last = Some(reason.to_owned());
        }
    }
}

impl ClientContext for LastError {
    fn log(&self, level: RDKafkaLogLevel, _facility: &str, message: &str) {
        if level as i32 <= RDKafkaLogLevel::Error as i32 {
            self.keep(message);
        }
    }

    fn error(&self, _error: KafkaError, reason: &str) {
        self.keep(reason);
    }
}

impl ConsumerContext for LastError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_address_is_named_with_the_reason() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let client = MetadataClient::new(&address, &Settings::new()).unwrap();
        let reason = client.brokers(Duration::from_secs(5)).await.unwrap_err();
        assert!(reason.contains("Connection refused") && reason.contains(&address), "{reason}");
    }
}
