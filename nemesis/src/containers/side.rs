//! Side containers: one script in the network namespace of another container, then gone.

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptions, LogsOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::{Instant, timeout_at};

use super::engine::{Engine, refused};
use super::{labels, netns};

/// A side container that is still to be made.
pub(super) struct Side {
    docker: Docker,
    config: ContainerCreateBody,
}

impl Side {
    pub(super) fn new(engine: &Engine, run_id: &str, image: &str, container: &str, script: &str) -> Side {
        let mut side_labels = labels::of_run(run_id, false);
        side_labels.insert(labels::ROLE.to_owned(), labels::PACKET_FILTER.to_owned());
        let config = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()]),
            cmd: Some(Vec::new()),
            user: Some("0".to_owned()),
            env: Some(vec![format!("PATH={}", netns::PATH)]),
            labels: Some(side_labels),
            host_config: Some(HostConfig {
                network_mode: Some(format!("container:{container}")),
                cap_add: Some(vec!["NET_ADMIN".to_owned(), "NET_RAW".to_owned()]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        Side { docker: engine.docker().clone(), config }
    }

    /// Makes it, runs it until the deadline at most, and removes it, whatever became of the script.
    pub(super) async fn run(self, deadline: Instant) -> Result<String, String> {
        let Side { docker, config } = self;
        let create = docker.create_container(None::<CreateContainerOptions>, config).await;
        let id = create.map_err(|e| refused("create a side container")(e).to_string())?.id;
        // Whoever waited has given up by then, and may have undone already what the script would do.
        let ran = if Instant::now() < deadline {
            timeout_at(deadline, script(&docker, &id)).await.map_err(|_| "it was not done in time".to_owned())
        } else {
            Err("it was not made in time".to_owned())
        };
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = docker.remove_container(&id, Some(options)).await;
        let (code, stdout, stderr) = ran?.map_err(|e| refused("run a side container")(e).to_string())?;
        removed.map_err(|e| refused("remove a side container")(e).to_string())?;
        if code == Some(0) {
            Ok(stdout)
        } else {
            Err(format!("exit code {}: {}", code.unwrap_or(-1), stderr.trim()))
        }
    }
}

/// Exit code, output and errors of a side container's script.
async fn script(docker: &Docker, id: &str) -> Result<(Option<i64>, String, String), bollard::errors::Error> {
    docker.start_container(id, None).await?;
    let ended = WaitContainerOptionsBuilder::default().condition("not-running").build();
    // A script that fails is an error of this stream; the exit code is read below in either case.
    let _ = docker.wait_container(id, Some(ended)).next().await;
    let code = docker.inspect_container(id, None).await?.state.and_then(|s| s.exit_code);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).build();
    let mut output = docker.logs(id, Some(options));
    while let Some(part) = output.try_next().await? {
        match part {
            bollard::container::LogOutput::StdErr { .. } => stderr.push_str(&part.to_string()),
            part => stdout.push_str(&part.to_string()),
        }
    }
    Ok((code, stdout, stderr))
}
