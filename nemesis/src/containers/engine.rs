//! The connection to Docker: where it listens, how long it may take, and how its refusals read.

use std::fmt;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::SystemInfoCgroupDriverEnum;

use crate::error::NemesisError;

/// Bound on one request that Docker answers at once. A stop or a pull has bounds of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Bound on the first contact: a daemon that is there answers in milliseconds.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Docker on this host, connected and of a known version.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    /// Docker's own version, e.g. `27.3.1`.
    pub version: String,
    /// Whether containers can be frozen here (rootless Docker may have no cgroups).
    pub can_freeze: bool,
}

impl Engine {
    /// Connects to the local Docker: `DOCKER_HOST` where that names a socket, else the usual socket.
    ///
    /// # Errors
    /// If Docker does not answer, or if `DOCKER_HOST` names another machine: faults stay on this one.
    pub async fn connect() -> Result<Engine, NemesisError> {
        if let Ok(host) = std::env::var("DOCKER_HOST")
            && !host.is_empty()
            && !host.starts_with("unix://")
        {
            return Err(NemesisError::Docker {
                reason: format!(
                    "DOCKER_HOST is {host}, but clusters are made and broken on this machine only: unset it or \
                     name a unix:// socket"
                ),
            });
        }
        let unreachable = |e: DockerError| NemesisError::Docker { reason: root_cause(&e) };
        let asking = async {
            let docker = Docker::connect_with_unix_defaults()?.with_timeout(ANSWER_WITHIN);
            let docker = docker.negotiate_version().await?;
            let version = docker.version().await?.version.unwrap_or_else(|| "unknown".to_owned());
            let can_freeze = docker.info().await?.cgroup_driver != Some(SystemInfoCgroupDriverEnum::NONE);
            Ok(Engine { docker, version, can_freeze })
        };
        match tokio::time::timeout(CONNECT_WITHIN, asking).await {
            Ok(connected) => connected.map_err(unreachable),
            Err(_) => Err(NemesisError::Docker {
                reason: format!("no answer within {} s", CONNECT_WITHIN.as_secs()),
            }),
        }
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The same connection with another bound on each answer.
    pub(crate) fn docker_within(&self, bound: Duration) -> Docker {
        self.docker.clone().with_timeout(bound)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.version)
    }
}

/// What Docker said, as an error of the act that it refused (`start container kafka-1`).
pub(crate) fn refused(what: impl fmt::Display) -> impl FnOnce(DockerError) -> NemesisError {
    move |e| match e {
        DockerError::DockerResponseServerError { message, .. } => {
            NemesisError::DockerRefused { what: what.to_string(), reason: message }
        }
        DockerError::RequestTimeoutError => {
            NemesisError::DockerRefused { what: what.to_string(), reason: "no answer in time".to_owned() }
        }
        e => NemesisError::DockerRefused { what: what.to_string(), reason: root_cause(&e) },
    }
}

/// Whether Docker says that the thing is not there (any more).
pub(crate) fn is_absent(e: &DockerError) -> bool {
    matches!(e, DockerError::DockerResponseServerError { status_code: 404, .. })
}

/// The innermost reason: the outer ones say only that a request failed.
fn root_cause(e: &dyn std::error::Error) -> String {
    let mut cause = e;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    if text.contains("Permission denied") {
        return format!(
            "{text}: this user may not use Docker's socket, join the group docker or run as root"
        );
    }
    text
}
