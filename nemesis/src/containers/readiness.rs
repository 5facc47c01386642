//! When a new cluster is ready: every container runs, and every broker, asked by itself, names them all.

use std::time::Duration;

use futures_util::future::join_all;
use store::settings::Settings;
use tokio::time::Instant;

use super::engine::Engine;
use super::fleet::Member;
use super::metadata::{Brokers, MetadataClient};
use super::process::{self, State};
use super::{logs, metadata};
use crate::error::NemesisError;

const ASK_WITHIN: Duration = Duration::from_secs(3);
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How much of a broker's log goes into the error.
const LOG_LINES: usize = 15;

/// Why a cluster is not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// A broker's container has ended.
    #[error("{node} ended with exit code {code} instead of running")]
    Exited {
        /// The node.
        node: String,
        /// Its exit code.
        code: i64,
    },
    /// A broker runs, but does not answer Kafka's protocol.
    #[error("{node} runs, but does not answer at {address} ({reason})")]
    NoAnswer {
        /// The node.
        node: String,
        /// Where it was asked.
        address: String,
        /// What came instead.
        reason: String,
    },
    /// A broker answers, but does not name the brokers that there are.
    #[error("{node} names {seen}, not all of {wanted}")]
    Incomplete {
        /// The node.
        node: String,
        /// What it names.
        seen: String,
        /// What there is.
        wanted: String,
    },
}

/// Waits until the cluster is ready.
///
/// # Errors
/// If a container ends, or the bound is reached first: why, with the last lines of that broker's log.
pub(crate) async fn wait(
    engine: &Engine,
    members: &[Member],
    wanted: &Brokers,
    security: &Settings,
    within: Duration,
) -> Result<(), NemesisError> {
    let deadline = Instant::now() + within;
    let clients = members
        .iter()
        .map(|m| MetadataClient::new(m.address.as_deref().unwrap_or_default(), security))
        .collect::<Result<Vec<_>, _>>()
        .map_err(NemesisError::Other)?;
    loop {
        let states = members.iter().zip(&clients).map(|(m, client)| is_ready(engine, m, client, wanted));
        let states = join_all(states).await.into_iter().collect::<Result<Vec<_>, NemesisError>>()?;
        let unready = states.into_iter().zip(members).find_map(|(state, member)| Some((state?, member)));
        let Some((reason, member)) = unready else { return Ok(()) };
        let hopeless = matches!(reason, NotReady::Exited { .. });
        if hopeless || Instant::now() >= deadline {
            let log = logs::last_lines(engine, &member.container, LOG_LINES).await;
            return Err(NemesisError::NotReady {
                within_s: within.as_secs(),
                reason: Box::new(reason),
                node: member.name.clone(),
                log,
            });
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn is_ready(
    engine: &Engine,
    member: &Member,
    client: &metadata::MetadataClient,
    wanted: &Brokers,
) -> Result<Option<NotReady>, NemesisError> {
    let node = member.name.clone();
    if let State::Exited(code) = process::look(engine, &member.container).await?.state {
        return Ok(Some(NotReady::Exited { node, code }));
    }
    Ok(match client.brokers(ASK_WITHIN).await {
        Ok(seen) if seen == *wanted => None,
        Ok(seen) => Some(NotReady::Incomplete { node, seen: listed(&seen), wanted: listed(wanted) }),
        Err(reason) => {
            Some(NotReady::NoAnswer { node, address: member.address.clone().unwrap_or_default(), reason })
        }
    })
}

/// `1 at 127.0.0.1:20001, 2 at 127.0.0.1:20002`
pub(crate) fn listed(brokers: &Brokers) -> String {
    if brokers.is_empty() {
        return "no broker".to_owned();
    }
    brokers.iter().map(|(id, address)| format!("{id} at {address}")).collect::<Vec<_>>().join(", ")
}
