//! What tribunal has made on this host, found by its own label; and removing what one run made.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
};
use futures_util::future::join_all;

use super::engine::{Engine, is_absent, refused};
use super::labels;
use super::process::short;
use crate::error::NemesisError;

/// What one run has made and not removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owned {
    /// The run.
    pub run_id: String,
    /// Names of its containers, sorted.
    pub containers: Vec<String>,
    /// Names of its networks, sorted.
    pub networks: Vec<String>,
    /// Whether the run was told to leave them.
    pub kept: bool,
    /// Whether the process that made them still lives: then the run goes on, and nothing is left over.
    pub alive: bool,
    /// Whether that process is of another machine, boot or space of processes, so that nobody here can tell.
    pub elsewhere: bool,
}

impl Owned {
    /// The command that removes it without tribunal.
    pub fn removal(&self) -> String {
        let mut command = Vec::new();
        if !self.containers.is_empty() {
            command.push(format!("docker rm -fv {}", self.containers.join(" ")));
        }
        if !self.networks.is_empty() {
            command.push(format!("docker network rm {}", self.networks.join(" ")));
        }
        command.join(" && ")
    }
}

/// Everything that carries tribunal's label, by run, in order of the run ids.
///
/// # Errors
/// If Docker does not answer.
pub async fn list_owned() -> Result<Vec<Owned>, NemesisError> {
    list(&Engine::connect().await?, None).await
}

/// Removes the containers (with their volumes) and networks of one run, and nothing else.
///
/// Returns what it removed; nothing left to remove is no error.
///
/// # Errors
/// If Docker does not answer or refuses; the message names what is still there.
pub async fn remove_run(run_id: &str) -> Result<Owned, NemesisError> {
    labels::check_run_id(run_id)?;
    remove(&Engine::connect().await?, run_id).await
}

pub(crate) async fn list(engine: &Engine, run_id: Option<&str>) -> Result<Vec<Owned>, NemesisError> {
    let mut runs: BTreeMap<String, Owned> = BTreeMap::new();
    let mut note = |labels: &std::collections::HashMap<String, String>| {
        let run = labels.get(labels::RUN).cloned().unwrap_or_default();
        let owned = runs.entry(run.clone()).or_insert_with(|| Owned { run_id: run, ..Owned::default() });
        owned.kept |= labels.get(labels::KEEP).is_some_and(|v| v == "true");
        let maker = labels.get(labels::MAKER).map_or(labels::Maker::Died, |maker| labels::state_of(maker));
        owned.alive |= maker == labels::Maker::Lives;
        owned.elsewhere |= maker == labels::Maker::Elsewhere;
        owned.run_id.clone()
    };
    let mut found = Vec::new();
    for container in containers(engine, run_id).await? {
        found.push((note(&container.labels), true, container.name));
    }
    let options = ListNetworksOptionsBuilder::default().filters(&labels::filter(run_id)).build();
    let networks = engine.docker().list_networks(Some(options)).await.map_err(refused("list networks"))?;
    for network in networks {
        found.push((note(&network.labels.unwrap_or_default()), false, network.name.unwrap_or_default()));
    }
    for (run, is_container, name) in found {
        let owned = runs.get_mut(&run).expect("noted above");
        if is_container { owned.containers.push(name) } else { owned.networks.push(name) }
    }
    let mut runs = runs.into_values().collect::<Vec<_>>();
    for owned in &mut runs {
        owned.containers.sort();
        owned.networks.sort();
    }
    Ok(runs)
}

/// One container of tribunal's.
pub(crate) struct OwnedContainer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) labels: std::collections::HashMap<String, String>,
}

/// The containers of one run, or of all; in order of their names.
pub(crate) async fn containers(
    engine: &Engine,
    run_id: Option<&str>,
) -> Result<Vec<OwnedContainer>, NemesisError> {
    let options = ListContainersOptionsBuilder::default().all(true).filters(&labels::filter(run_id)).build();
    let listed = engine.docker().list_containers(Some(options)).await.map_err(refused("list containers"))?;
    let mut containers = listed
        .into_iter()
        .map(|c| {
            let id = c.id.unwrap_or_default();
            let name = c.names.and_then(|names| names.into_iter().next());
            let name = name.map_or_else(|| short(&id).to_owned(), |n| n.trim_start_matches('/').to_owned());
            OwnedContainer { id, name, labels: c.labels.unwrap_or_default() }
        })
        .collect::<Vec<_>>();
    containers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(containers)
}

pub(crate) async fn remove(engine: &Engine, run_id: &str) -> Result<Owned, NemesisError> {
    let mut removed = Owned { run_id: run_id.to_owned(), ..Owned::default() };
    let mut last_refusal = None;
    // More than once: a request that was under way when the run broke off may still make something.
    for _ in 0..4 {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let containers = containers(engine, Some(run_id)).await?;
        let removals =
            containers.iter().map(|c| engine.docker().remove_container(&c.id, Some(options.clone())));
        for (container, done) in containers.iter().zip(join_all(removals).await) {
            match done {
                Ok(()) => removed.containers.push(container.name.clone()),
                Err(e) if is_absent(&e) => {}
                Err(e) => {
                    last_refusal = Some(refused(format_args!("remove container {}", container.name))(e));
                }
            }
        }
        let networks = list(engine, Some(run_id)).await?.into_iter().flat_map(|o| o.networks);
        for network in networks {
            match engine.docker().remove_network(&network).await {
                Ok(()) => removed.networks.push(network),
                Err(e) if is_absent(&e) => {}
                Err(e) => last_refusal = Some(refused(format_args!("remove network {network}"))(e)),
            }
        }
        if list(engine, Some(run_id)).await?.is_empty() {
            return Ok(removed);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let left = list(engine, Some(run_id)).await?;
    let Some(left) = left.first() else { return Ok(removed) };
    let reason = last_refusal.map_or_else(|| "something makes them again".to_owned(), |e| e.to_string());
    Err(NemesisError::Other(format!(
        "run {run_id} left something behind ({reason}): remove it with `{}`",
        left.removal()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_removal_is_a_command_for_the_shell() {
        let owned = Owned {
            run_id: "r1".into(),
            containers: vec!["a".into(), "b".into()],
            networks: vec!["n".into()],
            ..Owned::default()
        };
        assert_eq!(owned.removal(), "docker rm -fv a b && docker network rm n");
    }
}
