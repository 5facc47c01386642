//! The external target: bootstrap servers alone. Clients reach it, with TLS or SASL where it asks for them;
//! its processes and links are out of reach.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use store::cluster::{Endpoints, Node};
use store::run_meta::TargetMeta;
use store::settings::{Settings, redact};

use crate::action::{Action, Bite};
use crate::containers::metadata::MetadataClient;
use crate::error::NemesisError;
use crate::security;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A cluster that is known by its addresses only.
pub struct ExternalCluster {
    endpoints: Endpoints,
}

impl ExternalCluster {
    /// A cluster that does nothing that it is told to, for tests of whoever tells it.
    #[cfg(test)]
    pub(crate) fn deaf() -> ExternalCluster {
        ExternalCluster { endpoints: Endpoints::default() }
    }

    /// Asks the bootstrap servers who the brokers are.
    ///
    /// `security` holds client settings by the client library's names: `security.protocol`, `ssl.*`, `sasl.*`.
    ///
    /// # Errors
    /// If an address is no `host:port`, if this build cannot speak the security protocol, or if no server
    /// answers within 10 s. No message holds the value of a setting.
    pub async fn open(bootstrap: &str, security: Settings) -> Result<ExternalCluster, NemesisError> {
        let bootstrap = parse_bootstrap(bootstrap)?;
        security::check(&security)?;
        let servers = bootstrap.join(",");
        let unreachable = |reason: String| {
            NemesisError::Other(format!(
                "no Kafka broker answers at {servers} ({reason}): check the address, that the cluster runs, and its \
                 security settings"
            ))
        };
        let client = MetadataClient::new(&servers, &security).map_err(unreachable)?;
        let brokers = client.brokers(ANSWER_WITHIN).await.map_err(unreachable)?;
        let nodes = brokers
            .into_iter()
            .map(|(id, address)| Node { id, name: address.clone(), address: Some(address) })
            .collect();
        Ok(ExternalCluster { endpoints: Endpoints { bootstrap, nodes, security } })
    }

    /// Where clients find it.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// What `run.json` says of it.
    pub fn meta(&self) -> TargetMeta {
        TargetMeta {
            kind: "external".to_owned(),
            description: format!(
                "{} ({} brokers{})",
                self.endpoints.bootstrap.join(","),
                self.endpoints.nodes.len(),
                security::describe(&self.endpoints.security)
            ),
            nodes: self.endpoints.nodes.clone(),
            ..TargetMeta::default()
        }
    }

    /// Nothing can be done to it.
    pub fn can(&self, _action: &Action) -> Result<(), String> {
        Err(REASON.to_owned())
    }

    /// Nothing can be done to it.
    ///
    /// # Errors
    /// Always.
    pub async fn apply(&self, _action: &Action) -> Result<Bite, NemesisError> {
        Err(NemesisError::Other(REASON.to_owned()))
    }

    /// Nothing holds.
    ///
    /// # Errors
    /// Never.
    pub async fn probe(&self, _action: &Action) -> Result<Bite, NemesisError> {
        Ok(Bite { bit: Some(false), evidence: REASON.to_owned() })
    }

    /// Nothing holds.
    ///
    /// # Errors
    /// Never.
    pub async fn undo(&self, _action: &Action) -> Result<(), NemesisError> {
        Ok(())
    }

    /// Its logs are out of reach.
    ///
    /// # Errors
    /// Never.
    pub async fn collect_logs(&self, _dir: &Path) -> Result<(), NemesisError> {
        Ok(())
    }

    /// Leaves it as it is.
    ///
    /// # Errors
    /// Never.
    pub async fn remove(self) -> Result<(), NemesisError> {
        Ok(())
    }
}

const REASON: &str = "only its addresses are known, so its processes and its network are out of reach: name its \
                      containers with --target compose:PROJECT or label:KEY=VALUE";

impl fmt::Debug for ExternalCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalCluster")
            .field("bootstrap", &self.endpoints.bootstrap)
            .field("nodes", &self.endpoints.nodes)
            .field("security", &redact(&self.endpoints.security))
            .finish()
    }
}

/// `host:port[,host:port...]`
pub(crate) fn parse_bootstrap(text: &str) -> Result<Vec<String>, NemesisError> {
    let servers =
        text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    if servers.is_empty() {
        return Err(NemesisError::Other(
            "no bootstrap server is named: give HOST:PORT[,HOST:PORT...]".to_owned(),
        ));
    }
    for server in &servers {
        let port = server.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
            return Err(NemesisError::Other(format!("bootstrap server {server:?} is not HOST:PORT")));
        }
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootstrap_servers_are_hosts_with_ports() {
        assert_eq!(parse_bootstrap("a:9092, [::1]:9093,").unwrap(), ["a:9092", "[::1]:9093"]);
        for bad in ["", ",", "a", "a:", "a:x", ":9092", "a:0", "a:70000"] {
            assert!(parse_bootstrap(bad).is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_cluster_is_named_and_no_secret_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let security = Settings::from(
            [
                ("security.protocol", "sasl_plaintext"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", "alice"),
                ("sasl.password", "hunter2"),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        let error = ExternalCluster::open(&address, security).await.unwrap_err().to_string();
        assert!(error.contains(&address) && error.contains("Connection refused"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let security = Settings::from([("sasl.password".to_owned(), "hunter2".to_owned())]);
        let cluster = ExternalCluster { endpoints: Endpoints { security, ..Endpoints::default() } };
        let shown = format!("{cluster:?}");
        assert!(shown.contains("[redacted]") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn faults_are_refused_with_the_way_out() {
        let cluster = ExternalCluster { endpoints: Endpoints::default() };
        let reason = cluster.can(&Action::Kill { node: "a".into() }).unwrap_err();
        assert!(reason.contains("compose:PROJECT"), "{reason}");
    }
}
