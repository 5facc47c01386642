//! The bounds of a partition's log, by the leader's own word.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use store::op::LogBounds;

use crate::classify;
use crate::client::Events;
use crate::keys::Keys;

/// Asks for a partition's bounds. `reader` sees everything up to the high watermark, `committed` (where there is
/// one) only what transactions have left behind.
pub(crate) fn bounds(
    reader: &BaseConsumer<Events>,
    committed: Option<&BaseConsumer<Events>>,
    keys: &Keys,
    key: usize,
    timeout: Duration,
) -> Result<LogBounds, String> {
    let (topic, partition) = keys.place(key);
    let ask = |client: &BaseConsumer<Events>| {
        client.fetch_watermarks(&keys.topics()[topic], partition, timeout).map_err(|e| match e {
            KafkaError::MetadataFetch(code) => format!("{}: {}", keys.name(key), classify::name(code)),
            other => format!("{}: {other}", keys.name(key)),
        })
    };
    // The stable end first: it is never above the end that is asked for afterwards.
    let stable = committed.map(|client| ask(client).map(|(_, stable)| stable)).transpose()?;
    let (start, end) = ask(reader)?;
    Ok(LogBounds { start, stable, end, epoch: None })
}
