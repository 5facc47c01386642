//! What makes a container a Kafka broker: its `server.properties`, its log settings and its start script.
//!
//! The files are uploaded into the container before it starts, and Kafka's own classes are started directly,
//! so that every image with a Java runtime and Kafka's jars in `/opt/kafka/libs` works the same way.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::archive::Entry;

/// The port of the EXTERNAL listener inside the container; outside it is published on a free one.
pub(crate) const EXTERNAL_PORT: u16 = 19092;
const INTERNAL_PORT: u16 = 9092;
const CONTROLLER_PORT: u16 = 9093;

const HOME: &str = "/tmp/tribunal";

/// Formats the storage once (a broker that was killed keeps its log) and becomes the broker, so that
/// Docker's signals reach it. An archive of classes, where the image has one, fits this class path only.
///
/// The quick compiler alone: a broker of a test lives for minutes, and the optimizing one would take the CPU
/// from the peers' elections and from the clients while it starts.
const START: &str = "\
set -e
cd /tmp/tribunal
CLASSPATH=$(printf '%s:' /opt/kafka/libs/*.jar); CLASSPATH=${CLASSPATH%:}; export CLASSPATH
options='-XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=file:/tmp/tribunal/log4j2.properties'
if test -r /opt/kafka/classes.jsa; then options=\"$options -XX:SharedArchiveFile=/opt/kafka/classes.jsa\"; fi
if test ! -f formatted; then
  java -Xmx128m $options kafka.tools.StorageTool format --ignore-formatted \\
    --cluster-id \"$TRIBUNAL_CLUSTER_ID\" --config server.properties
  touch formatted
fi
exec java -Xms\"$TRIBUNAL_HEAP\" -Xmx\"$TRIBUNAL_HEAP\" -XX:+ExitOnOutOfMemoryError $options \\
  kafka.Kafka server.properties
";

const LOG4J: &str = "\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
";

/// One broker, before it is a container.
#[derive(Debug, Clone)]
pub(crate) struct BrokerPlan<'a> {
    /// Its id, from 1.
    pub(crate) id: u16,
    /// How many brokers the cluster has; every one of them is a controller too.
    pub(crate) brokers: u16,
    /// The port on 127.0.0.1 that clients reach it by.
    pub(crate) port: u16,
    /// Broker settings of the user, which win over everything here.
    pub(crate) overrides: &'a BTreeMap<String, String>,
}

/// What a broker is called, by people and by its peers.
pub(crate) fn node_name(id: u16) -> String {
    format!("kafka-{id}")
}

/// The command that a container of a broker runs.
pub(crate) fn command() -> Vec<String> {
    vec!["/bin/sh".to_owned(), format!("{HOME}/start.sh")]
}

/// The environment that [`command`] reads.
pub(crate) fn environment(cluster_id: &str, heap_mib: u32) -> Vec<String> {
    vec![format!("TRIBUNAL_CLUSTER_ID={cluster_id}"), format!("TRIBUNAL_HEAP={heap_mib}m")]
}

/// The files of a broker, to be unpacked at `/tmp`.
pub(crate) fn files(properties: &str) -> [Entry<'_>; 4] {
    [
        Entry { path: "tribunal", content: None },
        Entry { path: "tribunal/start.sh", content: Some(START) },
        Entry { path: "tribunal/log4j2.properties", content: Some(LOG4J) },
        Entry { path: "tribunal/server.properties", content: Some(properties) },
    ]
}

/// `server.properties` of a broker.
///
/// What decides about losses (session and fetch timeouts, unclean election, flushing, in-sync minimum of
/// user topics) stays as Kafka ships it; what is set here makes small clusters possible and groups quick.
pub(crate) fn properties(plan: &BrokerPlan<'_>) -> String {
    let BrokerPlan { id, brokers, port, overrides } = plan;
    let name = node_name(*id);
    let voters = (1..=*brokers)
        .map(|n| format!("{n}@{}:{CONTROLLER_PORT}", node_name(n)))
        .collect::<Vec<_>>()
        .join(",");
    let replicas = (*brokers).min(3).to_string();
    let in_sync = (*brokers).min(2).to_string();
    let mut settings: BTreeMap<&str, String> = BTreeMap::from([
        ("node.id", id.to_string()),
        ("process.roles", "broker,controller".to_owned()),
        ("controller.quorum.voters", voters),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "listeners",
            format!(
                "INTERNAL://:{INTERNAL_PORT},CONTROLLER://:{CONTROLLER_PORT},EXTERNAL://:{EXTERNAL_PORT}"
            ),
        ),
        ("advertised.listeners", format!("INTERNAL://{name}:{INTERNAL_PORT},EXTERNAL://127.0.0.1:{port}")),
        (
            "listener.security.protocol.map",
            "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:PLAINTEXT".to_owned(),
        ),
        ("inter.broker.listener.name", "INTERNAL".to_owned()),
        ("log.dirs", format!("{HOME}/data")),
        ("auto.create.topics.enable", "false".to_owned()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
        ("offsets.topic.replication.factor", replicas.clone()),
        ("transaction.state.log.replication.factor", replicas.clone()),
        ("transaction.state.log.min.isr", in_sync.clone()),
        ("share.coordinator.state.topic.replication.factor", replicas),
        ("share.coordinator.state.topic.min.isr", in_sync),
    ]);
    for (name, value) in *overrides {
        settings.insert(name, value.clone());
    }
    settings.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name}={value}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(overrides: &BTreeMap<String, String>) -> BrokerPlan<'_> {
        BrokerPlan { id: 2, brokers: 3, port: 20001, overrides }
    }

    fn has(text: &str, line: &str) -> bool {
        text.lines().any(|l| l == line)
    }

    #[test]
    fn peers_use_names_and_clients_use_loopback() {
        let text = properties(&plan(&BTreeMap::new()));
        for line in [
            "node.id=2",
            "advertised.listeners=INTERNAL://kafka-2:9092,EXTERNAL://127.0.0.1:20001",
            "controller.quorum.voters=1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093",
        ] {
            assert!(has(&text, line), "{line}:\n{text}");
        }
    }

    #[test]
    fn what_decides_about_losses_is_left_to_kafka() {
        let text = properties(&plan(&BTreeMap::new()));
        for name in ["min.insync.replicas=", "unclean.leader", "session.timeout", "replica.lag", "flush"] {
            let set = text.lines().any(|line| line.starts_with(name));
            assert!(!set, "{name} is set:\n{text}");
        }
    }

    #[test]
    fn overrides_win() {
        let overrides = BTreeMap::from([
            ("log.dirs".to_owned(), "/data".to_owned()),
            ("broker.session.timeout.ms".to_owned(), "6000".to_owned()),
        ]);
        let text = properties(&plan(&overrides));
        assert!(has(&text, "log.dirs=/data") && !text.contains("/tmp/tribunal/data"), "{text}");
        assert!(has(&text, "broker.session.timeout.ms=6000"), "{text}");
    }
}
