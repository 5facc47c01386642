//! A container's processes: whether they run, and making them not run, with the inverse of each.
//!
//! Every function looks at the state first, so doing again what is done already is no error.

use std::net::IpAddr;
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerState};
use bollard::query_parameters::{KillContainerOptionsBuilder, StopContainerOptionsBuilder};

use super::engine::{Engine, refused};
use crate::error::NemesisError;

/// How long a clean shutdown may take before Docker kills the processes. A broker moves its leaders first.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// How long a container may take to reach a state that Docker has accepted.
const SETTLE_WITHIN: Duration = Duration::from_secs(15);
const POLL_EVERY: Duration = Duration::from_millis(50);

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its processes run.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Its processes are gone; with their exit code.
    Exited(i64),
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            State::Running => f.write_str("running"),
            State::Paused => f.write_str("paused"),
            State::Exited(code) => write!(f, "exited ({code})"),
        }
    }
}

/// What is known of a container at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// What it is doing.
    pub(crate) state: State,
    /// Its main process on the host; `None` where it has none.
    pub(crate) pid: Option<u32>,
    /// Its addresses on its networks; empty while it does not run.
    pub(crate) addresses: Vec<IpAddr>,
}

/// Asks Docker.
///
/// # Errors
/// If the container is gone or Docker does not answer.
pub(crate) async fn look(engine: &Engine, id: &str) -> Result<Snapshot, NemesisError> {
    let inspected = engine
        .docker()
        .inspect_container(id, None)
        .await
        .map_err(refused(format_args!("look at container {}", short(id))))?;
    Ok(snapshot(&inspected))
}

/// Whether a container of this network mode has no network namespace of its own: then a rule would hit others.
pub(crate) fn shares_network(mode: &str) -> bool {
    mode == "host" || mode.starts_with("container:")
}

/// Reads Docker's answer.
pub(crate) fn snapshot(inspected: &ContainerInspectResponse) -> Snapshot {
    let none = ContainerState::default();
    let s = inspected.state.as_ref().unwrap_or(&none);
    let state = match (s.running.unwrap_or(false), s.paused.unwrap_or(false)) {
        (true, true) => State::Paused,
        (true, false) => State::Running,
        (false, _) => State::Exited(s.exit_code.unwrap_or_default()),
    };
    let networks = inspected.network_settings.as_ref().and_then(|n| n.networks.as_ref());
    let mut addresses = networks
        .into_iter()
        .flat_map(|networks| networks.values())
        .flat_map(|n| [n.ip_address.as_deref(), n.global_ipv6_address.as_deref()])
        .filter_map(|text| text?.parse().ok())
        .collect::<Vec<IpAddr>>();
    addresses.sort_unstable();
    let pid = s.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    Snapshot { state, pid, addresses }
}

/// SIGKILL, and waits until the processes are gone.
pub(crate) async fn kill(engine: &Engine, id: &str) -> Result<State, NemesisError> {
    if let State::Exited(code) = look(engine, id).await?.state {
        return Ok(State::Exited(code));
    }
    let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
    let killed = engine.docker().kill_container(id, Some(options)).await;
    if let Err(e) = killed
        // It may have ended by itself in between.
        && !matches!(look(engine, id).await?.state, State::Exited(_))
    {
        return Err(refused(format_args!("kill container {}", short(id)))(e));
    }
    wait_for(engine, id, |s| matches!(s, State::Exited(_))).await
}

/// A clean shutdown: SIGTERM (or the image's own stop signal), and SIGKILL after 30 s.
pub(crate) async fn stop(engine: &Engine, id: &str) -> Result<State, NemesisError> {
    if let State::Exited(code) = look(engine, id).await?.state {
        return Ok(State::Exited(code));
    }
    let options = StopContainerOptionsBuilder::default().t(STOP_WITHIN.as_secs() as i32).build();
    let docker = engine.docker_within(STOP_WITHIN + SETTLE_WITHIN);
    docker
        .stop_container(id, Some(options))
        .await
        .map_err(refused(format_args!("stop container {}", short(id))))?;
    wait_for(engine, id, |s| matches!(s, State::Exited(_))).await
}

/// Freezes the processes. A container that does not run stays as it is.
pub(crate) async fn pause(engine: &Engine, id: &str) -> Result<State, NemesisError> {
    let state = look(engine, id).await?.state;
    if state != State::Running {
        return Ok(state);
    }
    let paused = engine.docker().pause_container(id).await;
    settled(engine, id, paused, "pause", |s| s != State::Running).await
}

/// Thaws the processes. A container that is not frozen stays as it is.
pub(crate) async fn unpause(engine: &Engine, id: &str) -> Result<State, NemesisError> {
    let state = look(engine, id).await?.state;
    if state != State::Paused {
        return Ok(state);
    }
    let thawed = engine.docker().unpause_container(id).await;
    settled(engine, id, thawed, "unpause", |s| s != State::Paused).await
}

/// Starts the processes of a container that has none.
pub(crate) async fn start(engine: &Engine, id: &str) -> Result<State, NemesisError> {
    let state = look(engine, id).await?.state;
    if !matches!(state, State::Exited(_)) {
        return Ok(state);
    }
    let started = engine.docker().start_container(id, None).await;
    settled(engine, id, started, "start", |s| !matches!(s, State::Exited(_))).await
}

/// The state after an act: an act that was refused because somebody else was quicker has succeeded.
async fn settled(
    engine: &Engine,
    id: &str,
    acted: Result<(), bollard::errors::Error>,
    verb: &str,
    wanted: impl Fn(State) -> bool,
) -> Result<State, NemesisError> {
    match acted {
        Ok(()) => wait_for(engine, id, wanted).await,
        Err(e) => {
            let state = look(engine, id).await?.state;
            if wanted(state) {
                return Ok(state);
            }
            Err(refused(format_args!("{verb} container {}", short(id)))(e))
        }
    }
}

async fn wait_for(engine: &Engine, id: &str, wanted: impl Fn(State) -> bool) -> Result<State, NemesisError> {
    let deadline = tokio::time::Instant::now() + SETTLE_WITHIN;
    loop {
        let state = look(engine, id).await?.state;
        if wanted(state) {
            return Ok(state);
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(NemesisError::Other(format!(
                "container {} is still {state} {} s after Docker agreed to change that: see `docker inspect {}`",
                short(id),
                SETTLE_WITHIN.as_secs(),
                short(id)
            )));
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// A container id as Docker prints it; names pass unchanged.
pub(crate) fn short(id: &str) -> &str {
    let is_id = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { &id[..12] } else { id }
}
