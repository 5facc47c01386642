//! Finding somebody else's containers, and telling which of them is which broker.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::future::join_all;
use store::settings::Settings;
use tokio::net::TcpStream;

use super::engine::{Engine, refused};
use super::metadata::{Brokers, MetadataClient};
use super::process;
use super::readiness::listed;
use crate::error::NemesisError;

const COMPOSE_PROJECT: &str = "com.docker.compose.project";
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Settings that carry a broker's id into the images in use.
const ID_VARIABLES: [&str; 4] =
    ["KAFKA_NODE_ID", "KAFKA_BROKER_ID", "KAFKA_CFG_NODE_ID", "KAFKA_CFG_BROKER_ID"];

/// Settings that carry a node's roles into these images.
const ROLE_VARIABLES: [&str; 2] = ["KAFKA_PROCESS_ROLES", "KAFKA_CFG_PROCESS_ROLES"];

/// Which containers are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Those of a Compose project.
    Compose(String),
    /// Those that carry a label with this value.
    Label(String, String),
}

impl Selector {
    /// Reads `compose:PROJECT` or `label:KEY=VALUE`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Selector, NemesisError> {
        let selector = match text.split_once(':') {
            Some(("compose", project)) if !project.is_empty() => Some(Selector::Compose(project.to_owned())),
            Some(("label", label)) => label
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .map(|(key, value)| Selector::Label(key.to_owned(), value.to_owned())),
            _ => None,
        };
        selector.ok_or_else(|| {
            NemesisError::Other(format!(
                "target {text:?} names no containers: write compose:PROJECT or label:KEY=VALUE"
            ))
        })
    }

    fn label(&self) -> String {
        match self {
            Selector::Compose(project) => format!("{COMPOSE_PROJECT}={project}"),
            Selector::Label(key, value) => format!("{key}={value}"),
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Selector::Compose(project) => write!(f, "compose:{project}"),
            Selector::Label(key, value) => write!(f, "label:{key}={value}"),
        }
    }
}

/// A container that may be a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: String,
    /// Published TCP ports: where this host reaches them.
    pub(crate) published: Vec<(IpAddr, u16)>,
    pub(crate) addresses: Vec<IpAddr>,
    /// Names by which others on its networks know it.
    pub(crate) aliases: BTreeSet<String>,
    /// The broker id that its environment states.
    pub(crate) stated_id: Option<i32>,
    /// Whether Docker removes it as soon as it ends (`--rm`).
    pub(crate) removed_at_end: bool,
    /// Whether it has no network namespace of its own.
    pub(crate) shares_network: bool,
    /// Whether its environment says that it is a controller and no broker.
    pub(crate) only_controls: bool,
}

/// The running containers that a selector means, in order of their names.
///
/// # Errors
/// If there are none; the message names the Compose projects that there are.
pub(crate) async fn containers(engine: &Engine, selector: &Selector) -> Result<Vec<Candidate>, NemesisError> {
    let filter = HashMap::from([("label".to_owned(), vec![selector.label()])]);
    let options = ListContainersOptionsBuilder::default().filters(&filter).build();
    let listed = engine.docker().list_containers(Some(options)).await.map_err(refused("list containers"))?;
    if listed.is_empty() {
        return Err(NemesisError::Other(format!(
            "no running container carries the label {}: start them first{}",
            selector.label(),
            projects(engine).await
        )));
    }
    let mut found = Vec::new();
    for container in listed {
        let id = container.id.unwrap_or_default();
        let inspected = engine.docker().inspect_container(&id, None).await;
        found.push(candidate(inspected.map_err(refused(format_args!("look at container {id}")))?));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

async fn projects(engine: &Engine) -> String {
    let options = ListContainersOptionsBuilder::default().build();
    let Ok(all) = engine.docker().list_containers(Some(options)).await else { return String::new() };
    let projects = all.into_iter().filter_map(|c| c.labels?.remove(COMPOSE_PROJECT)).collect::<BTreeSet<_>>();
    if projects.is_empty() {
        return String::new();
    }
    format!(" (running Compose projects: {})", projects.into_iter().collect::<Vec<_>>().join(", "))
}

fn candidate(inspected: ContainerInspectResponse) -> Candidate {
    let addresses = process::snapshot(&inspected).addresses;
    let name = inspected.name.unwrap_or_default().trim_start_matches('/').to_owned();
    let config = inspected.config.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let network = inspected.network_settings.unwrap_or_default();
    let mut aliases = BTreeSet::from([name.clone()]);
    aliases.extend(config.hostname);
    for endpoint in network.networks.unwrap_or_default().into_values() {
        aliases.extend(endpoint.aliases.unwrap_or_default());
        aliases.extend(endpoint.dns_names.unwrap_or_default());
    }
    let mut published = Vec::new();
    for (inside, bindings) in network.ports.unwrap_or_default() {
        for binding in bindings.unwrap_or_default() {
            let port = binding.host_port.and_then(|p| p.parse().ok());
            if let (true, Some(port)) = (inside.ends_with("/tcp"), port) {
                published.push((reachable(binding.host_ip.as_deref()), port));
            }
        }
    }
    published.sort_unstable();
    published.dedup();
    let env = config.env.unwrap_or_default();
    let stated_id = ID_VARIABLES.iter().find_map(|variable| {
        env.iter().find_map(|line| line.strip_prefix(variable)?.strip_prefix('=')?.parse().ok())
    });
    let only_controls = ROLE_VARIABLES.iter().any(|variable| {
        let roles = env.iter().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
        roles.is_some_and(|roles| !roles.split(',').any(|role| role.trim() == "broker"))
    });
    let mode = host.network_mode.unwrap_or_default();
    Candidate {
        id: inspected.id.unwrap_or_default(),
        name,
        image: config.image.unwrap_or_default(),
        published,
        addresses,
        aliases,
        stated_id,
        removed_at_end: host.auto_remove.unwrap_or(false),
        only_controls,
        shares_network: process::shares_network(&mode),
    }
}

/// A port published on all addresses is reached on loopback.
fn reachable(host_ip: Option<&str>) -> IpAddr {
    let ip = host_ip.and_then(|ip| ip.parse::<IpAddr>().ok()).filter(|ip| !ip.is_unspecified());
    ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The cluster as clients on this host see it.
pub(crate) struct Seen {
    pub(crate) bootstrap: Vec<String>,
    pub(crate) brokers: Brokers,
    /// Servers that know of other brokers than these, and which.
    pub(crate) otherwise: Vec<String>,
}

/// Asks the given bootstrap servers, or every published port, and takes the answer whose brokers can all be
/// connected to: a listener that is meant for peers advertises addresses that only peers reach.
///
/// # Errors
/// If nobody answers, or no answer can be used from here.
pub(crate) async fn cluster(
    candidates: &[Candidate],
    bootstrap: Option<&[String]>,
    security: &Settings,
) -> Result<Seen, NemesisError> {
    let asked = match bootstrap {
        Some(servers) => servers.to_vec(),
        None => candidates
            .iter()
            .flat_map(|c| &c.published)
            .map(|(ip, port)| std::net::SocketAddr::new(*ip, *port).to_string())
            .collect::<Vec<_>>(),
    };
    if asked.is_empty() {
        let names = candidates.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(NemesisError::Other(format!(
            "none of the containers ({names}) publishes a port: publish a client listener of each broker, or name \
             the address with --bootstrap"
        )));
    }
    let answers = join_all(
        asked
            .iter()
            .map(|server| async { MetadataClient::new(server, security)?.brokers(ANSWER_WITHIN).await }),
    )
    .await;
    let mut usable: Option<Seen> = None;
    let (mut reasons, mut known) = (Vec::new(), Vec::new());
    for (server, answer) in asked.iter().zip(answers) {
        match answer {
            Err(reason) => reasons.push(format!("{server}: {reason}")),
            Ok(brokers) => {
                known.push((server, brokers.clone()));
                match &mut usable {
                    Some(seen) if seen.brokers == brokers => seen.bootstrap.push(server.clone()),
                    _ => match unreachable(&brokers).await {
                        // Who knows of more brokers is not behind.
                        None if usable.as_ref().is_none_or(|seen| seen.brokers.len() < brokers.len()) => {
                            usable = Some(Seen {
                                bootstrap: vec![server.clone()],
                                brokers,
                                otherwise: Vec::new(),
                            });
                        }
                        None => reasons.push(format!("{server}: names other brokers ({})", listed(&brokers))),
                        Some(why) => reasons.push(format!("{server}: {why}")),
                    },
                }
            }
        }
    }
    if let Some(seen) = &mut usable {
        // The same brokers at other addresses are a listener for somebody else.
        let differs = known.iter().filter(|(_, brokers)| !brokers.keys().eq(seen.brokers.keys()));
        seen.otherwise = differs.map(|(server, b)| format!("{server} names {}", listed(b))).collect();
    }
    usable.ok_or(NemesisError::NoListener { reasons })
}

/// Why a set of advertised addresses is of no use here.
async fn unreachable(brokers: &Brokers) -> Option<String> {
    if brokers.is_empty() {
        return Some("names no brokers".to_owned());
    }
    let tries = brokers.iter().map(|(id, address)| async move {
        match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(_)) => None,
            Ok(Err(e)) => Some(format!("broker {id} advertises {address}, which cannot be reached ({e})")),
            Err(_) => Some(format!("broker {id} advertises {address}, which does not answer")),
        }
    });
    join_all(tries).await.into_iter().flatten().next()
}

/// Which container is which broker: by the published port that the broker advertises, by an address or name
/// of the container, else by the id that its environment states. Each container is one broker at most.
///
/// # Errors
/// If a broker has no container, or two containers could be the same one.
pub(crate) fn assign<'a>(
    candidates: &'a [Candidate],
    brokers: &Brokers,
) -> Result<BTreeMap<i32, &'a Candidate>, NemesisError> {
    let mut assigned: BTreeMap<i32, &Candidate> = BTreeMap::new();
    for (id, address) in brokers {
        let ways: [&dyn Fn(&Candidate) -> bool; 3] =
            [&|c| publishes(c, address), &|c| is_called(c, address), &|c| c.stated_id == Some(*id)];
        let matching = ways.iter().find_map(|way| {
            let matching = candidates.iter().filter(|c| way(c)).collect::<Vec<_>>();
            (!matching.is_empty()).then_some(matching)
        });
        match matching.as_deref() {
            Some([one]) => {
                if let Some((other, _)) = assigned.iter().find(|(_, c)| c.id == one.id) {
                    return Err(NemesisError::Other(format!(
                        "container {} would be both broker {other} and broker {id}: let each broker advertise a port \
                         that its own container publishes",
                        one.name
                    )));
                }
                assigned.insert(*id, one);
            }
            matching => {
                let found = matching.unwrap_or_default().iter().map(|c| c.name.as_str()).collect::<Vec<_>>();
                let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
                let all = candidates.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(NemesisError::Other(format!(
                    "cannot tell which container broker {id} at {address} is (candidates: {found}; containers: \
                     {all}): let it advertise a published port, or state its id in KAFKA_NODE_ID"
                )));
            }
        }
    }
    Ok(assigned)
}

fn publishes(candidate: &Candidate, address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let Ok(port) = port.parse::<u16>() else { return false };
    candidate.published.iter().any(|(_, published)| *published == port) && is_this_host(host)
}

/// Whether a name means this host: an address can be bound here only if it is one of this host's.
fn is_this_host(host: &str) -> bool {
    let Ok(addresses) = (host.trim_matches(['[', ']']), 0).to_socket_addrs() else { return false };
    addresses.into_iter().any(|address| UdpSocket::bind(address).is_ok())
}

fn is_called(candidate: &Candidate, address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    candidate.aliases.contains(host)
        || host.parse::<IpAddr>().is_ok_and(|ip| candidate.addresses.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, port: Option<u16>, stated_id: Option<i32>) -> Candidate {
        Candidate {
            id: format!("id-{name}"),
            name: name.to_owned(),
            published: port.map(|p| (IpAddr::V4(Ipv4Addr::LOCALHOST), p)).into_iter().collect(),
            aliases: BTreeSet::from([name.to_owned()]),
            stated_id,
            ..Candidate::default()
        }
    }

    fn brokers(of: &[(i32, &str)]) -> Brokers {
        of.iter().map(|(id, address)| (*id, (*address).to_owned())).collect()
    }

    fn names(assigned: BTreeMap<i32, &Candidate>) -> Vec<(i32, String)> {
        assigned.into_iter().map(|(id, c)| (id, c.name.clone())).collect()
    }

    #[test]
    fn selectors_are_read_and_written_alike() {
        for text in ["compose:shop", "label:team=a=b"] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), text);
        }
        for bad in ["compose:", "label:x", "label:=x", "docker", "kafka:9092"] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn published_ports_tell_brokers_apart_first() {
        // The stated ids are wrong on purpose: what a broker advertises wins.
        let all = [
            container("a", Some(9101), Some(2)),
            container("b", Some(9102), Some(1)),
            container("ui", Some(80), None),
        ];
        let assigned = assign(&all, &brokers(&[(1, "127.0.0.1:9101"), (2, "localhost:9102")])).unwrap();
        assert_eq!(names(assigned), [(1, "a".to_owned()), (2, "b".to_owned())]);
    }

    #[test]
    fn names_then_stated_ids_tell_the_rest() {
        let all = [container("a", None, Some(7)), container("b", None, None)];
        let assigned = assign(&all, &brokers(&[(3, "b:9092"), (7, "192.0.2.7:9092")])).unwrap();
        assert_eq!(names(assigned), [(3, "b".to_owned()), (7, "a".to_owned())]);
    }

    #[test]
    fn a_broker_without_its_container_is_named() {
        let all = [container("a", Some(9101), None)];
        let error = assign(&all, &brokers(&[(5, "192.0.2.7:9101")])).unwrap_err().to_string();
        assert!(error.contains("broker 5 at 192.0.2.7:9101") && error.contains("containers: a"), "{error}");
    }

    #[test]
    fn one_container_is_not_two_brokers() {
        let all = [container("a", Some(9101), None)];
        let error = assign(&all, &brokers(&[(1, "127.0.0.1:9101"), (2, "a:9092")])).unwrap_err().to_string();
        assert!(error.contains("both broker 1 and broker 2"), "{error}");
    }
}
