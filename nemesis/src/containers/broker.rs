//! One broker's container: created, filled with its files, started on a port that is free.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, NetworkingConfig, PortBinding,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};

use super::engine::{Engine, refused};
use super::kafka::{self, BrokerPlan, EXTERNAL_PORT};
use super::{archive, labels, ports};
use crate::error::NemesisError;

/// A port that was free when it was drawn may be taken when Docker publishes it.
const PORT_ATTEMPTS: usize = 5;

/// What the brokers of one cluster have in common.
pub(crate) struct Recipe<'a> {
    pub(crate) run_id: &'a str,
    pub(crate) image: &'a str,
    pub(crate) network: &'a str,
    pub(crate) cluster_id: &'a str,
    pub(crate) brokers: u16,
    pub(crate) heap_mib: u32,
    pub(crate) keep: bool,
    pub(crate) overrides: &'a BTreeMap<String, String>,
    pub(crate) labels: &'a BTreeMap<String, String>,
}

/// A broker's container that has been started.
pub(crate) struct Started {
    pub(crate) id: u16,
    pub(crate) container: String,
    pub(crate) address: String,
}

/// The name of the container of a run's broker.
pub(crate) fn container_name(run_id: &str, id: u16) -> String {
    format!("tribunal-{run_id}-{}", kafka::node_name(id))
}

/// Creates and starts broker `id`; draws another port as long as Docker finds the drawn one taken.
///
/// # Errors
/// If Docker refuses, with the name of the container.
pub(crate) async fn start(engine: &Engine, recipe: &Recipe<'_>, id: u16) -> Result<Started, NemesisError> {
    let name = container_name(recipe.run_id, id);
    let mut taken = None;
    for _ in 0..PORT_ATTEMPTS {
        let port = ports::free(1)?[0];
        let container = create(engine, recipe, id, &name, port).await?;
        fill(engine, recipe, id, &container, port).await?;
        match engine.docker().start_container(&container, None).await {
            Ok(()) => return Ok(Started { id, container, address: format!("127.0.0.1:{port}") }),
            Err(e) if ports::is_taken(&e.to_string()) => {
                taken = Some(refused(format_args!("publish {name} on 127.0.0.1:{port}"))(e));
                let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
                let removed = engine.docker().remove_container(&container, Some(options)).await;
                removed.map_err(refused(format_args!("remove container {name}")))?;
            }
            Err(e) => return Err(refused(format_args!("start container {name}"))(e)),
        }
    }
    Err(taken.expect("at least one attempt was made"))
}

async fn create(
    engine: &Engine,
    recipe: &Recipe<'_>,
    id: u16,
    name: &str,
    port: u16,
) -> Result<String, NemesisError> {
    let node = kafka::node_name(id);
    let mut container_labels =
        recipe.labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<HashMap<_, _>>();
    container_labels.extend(labels::of_run(recipe.run_id, recipe.keep));
    container_labels.insert(labels::NODE.to_owned(), id.to_string());
    container_labels.insert(labels::NODE_NAME.to_owned(), node.clone());
    let inside = format!("{EXTERNAL_PORT}/tcp");
    let outside = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(port.to_string()) };
    // Peers find each other by these names, on this network only.
    let endpoint = EndpointSettings { aliases: Some(vec![node.clone()]), ..EndpointSettings::default() };
    let config = ContainerCreateBody {
        hostname: Some(node),
        image: Some(recipe.image.to_owned()),
        entrypoint: Some(kafka::command()),
        cmd: Some(Vec::new()),
        env: Some(kafka::environment(recipe.cluster_id, recipe.heap_mib)),
        labels: Some(container_labels),
        exposed_ports: Some(vec![inside.clone()]),
        stop_signal: Some("SIGTERM".to_owned()),
        host_config: Some(HostConfig {
            network_mode: Some(recipe.network.to_owned()),
            port_bindings: Some(HashMap::from([(inside, Some(vec![outside]))])),
            // Readable through the API whatever this Docker's default is, and bounded on disk.
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([
                    ("max-size".to_owned(), "32m".to_owned()),
                    ("max-file".to_owned(), "2".to_owned()),
                ])),
            }),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(recipe.network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let created = engine.docker().create_container(Some(options), config).await;
    Ok(created.map_err(refused(format_args!("create container {name}")))?.id)
}

async fn fill(
    engine: &Engine,
    recipe: &Recipe<'_>,
    id: u16,
    container: &str,
    port: u16,
) -> Result<(), NemesisError> {
    let plan = BrokerPlan { id, brokers: recipe.brokers, port, overrides: recipe.overrides };
    let properties = kafka::properties(&plan);
    let packed = archive::pack(&kafka::files(&properties));
    let options = UploadToContainerOptionsBuilder::default().path("/tmp").build();
    engine
        .docker()
        .upload_to_container(container, Some(options), bollard::body_full(packed))
        .await
        .map_err(refused(format_args!("upload the settings of {}", kafka::node_name(id))))
}
