//! Running a script in a container's network namespace, in one of two ways: from the host by `nsenter`
//! (needs root), or in a side container that shares the namespace.
//!
//! The namespace is checked before every entry: a rule must never land in the host's own.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::Engine;
use super::images::Progress;
use super::process::{self, short};
use super::side::Side;
use super::{rules, tools};
use crate::error::NemesisError;

/// The environment variable that forces one of the two ways: `nsenter` or `side-container`.
pub const FORCE: &str = "TRIBUNAL_PACKET_FILTER";

/// How links may be cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CutOptions {
    /// `nsenter` or `side-container`; `None` takes the first that works.
    pub way: Option<String>,
    /// The image to build the tools image upon.
    pub tools_base: Option<String>,
}

impl CutOptions {
    /// What the environment says: [`FORCE`] and [`tools::BASE_VARIABLE`].
    pub fn from_env() -> CutOptions {
        let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        CutOptions { way: read(FORCE), tools_base: read(tools::BASE_VARIABLE) }
    }
}

const SCRIPT_WITHIN: Duration = Duration::from_secs(20);
/// iptables lies here, and a user's PATH may not name it.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A way into network namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// `nsenter` and the host's own iptables.
    Nsenter,
    /// A side container of this image.
    SideContainer(String),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Nsenter => f.write_str("nsenter"),
            Way::SideContainer(image) => write!(f, "side container of {image}"),
        }
    }
}

impl Way {
    /// Finds a way that works, and proves it: a rule that concerns nobody is added in this container's
    /// namespace, seen, and deleted again.
    ///
    /// # Errors
    /// Why none works, in words that fit "links cannot be cut, because ...".
    pub(crate) async fn find(
        engine: &Engine,
        run_id: &str,
        container: &str,
        options: &CutOptions,
        broker_image: Option<&str>,
        progress: &Progress,
    ) -> Result<Way, String> {
        let forced = options.way.as_deref();
        if !matches!(forced, None | Some("nsenter" | "side-container")) {
            return Err(format!(
                "{FORCE} is {:?}: it takes nsenter or side-container",
                forced.unwrap_or_default()
            ));
        }
        let mut reasons = Vec::new();
        if forced != Some("side-container") {
            let found = match nsenter_is_here() {
                Ok(()) => Way::Nsenter.prove(engine, run_id, container).await,
                Err(reason) => Err(reason),
            };
            match found {
                Ok(()) => return Ok(Way::Nsenter),
                Err(reason) => reasons.push(format!("nsenter: {reason}")),
            }
        }
        if forced != Some("nsenter") {
            let base = options.tools_base.as_deref();
            let found = match tools::ensure(engine, base, broker_image, progress).await {
                Ok(image) => {
                    let way = Way::SideContainer(image);
                    way.prove(engine, run_id, container).await.map(|()| way)
                }
                Err(e) => Err(e.to_string()),
            };
            match found {
                Ok(way) => return Ok(way),
                Err(reason) => reasons.push(format!("side container: {reason}")),
            }
        }
        Err(reasons.join("; "))
    }

    async fn prove(&self, engine: &Engine, run_id: &str, container: &str) -> Result<(), String> {
        use crate::action::Direction::From;
        // 192.0.2.0/24 is reserved for documentation: nobody sends from it.
        let peer = std::net::IpAddr::from([192, 0, 2, 1]);
        let rule = rules::Rule { direction: From, peer, tag: rules::tag(run_id, From, "proof") };
        let script = rules::trial(&rule);
        let listing = self.run(engine, run_id, container, &script).await.map_err(|e| e.to_string())?;
        let seen = rules::parse(&listing, &rules::tag_prefix(run_id)).iter().any(|c| c.rule == rule);
        if seen { Ok(()) } else { Err("a rule that iptables accepted is not in its listing".to_owned()) }
    }

    /// Runs a shell script in the network namespace of a running container; returns what it printed.
    ///
    /// # Errors
    /// If the container does not run or has no network namespace of its own, or the script fails.
    pub(crate) async fn run(
        &self,
        engine: &Engine,
        run_id: &str,
        container: &str,
        script: &str,
    ) -> Result<String, NemesisError> {
        let failed =
            |reason: String| NemesisError::PacketFilter { container: short(container).to_owned(), reason };
        let deadline = Instant::now() + SCRIPT_WITHIN;
        let run = async {
            match self {
                Way::Nsenter => nsenter(engine, container, script).await,
                Way::SideContainer(image) => {
                    let side = Side::new(engine, run_id, image, container, script);
                    // A task of its own: it removes its container also when nobody waits for it any more.
                    let ran = tokio::spawn(side.run(deadline)).await;
                    ran.unwrap_or_else(|e| Err(format!("its task ended ({e})")))
                }
            }
        };
        match tokio::time::timeout_at(deadline, run).await {
            Ok(done) => done.map_err(failed),
            Err(_) => Err(failed(format!("{self} did not end within {} s", SCRIPT_WITHIN.as_secs()))),
        }
    }
}

/// Whether this process may enter namespaces and has the programs for it.
pub(crate) fn nsenter_is_here() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("needs root".to_owned());
    }
    for program in ["nsenter", "iptables"] {
        if find_program(program).is_none() {
            return Err(format!("{program} is not installed"));
        }
    }
    Ok(())
}

fn find_program(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

async fn nsenter(engine: &Engine, container: &str, script: &str) -> Result<String, String> {
    let pid = process::look(engine, container).await.map_err(|e| e.to_string())?.pid;
    let pid = pid.ok_or("the container does not run")?;
    let namespace = namespace_of(pid, container)?;
    let ran = tokio::process::Command::new("nsenter")
        .arg(format!("--net={}", namespace.display()))
        .args(["--", "sh", "-c", script])
        .env("PATH", PATH)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| format!("cannot run nsenter: {e}"))?;
    if ran.status.success() {
        return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
    }
    Err(format!("{}: {}", ran.status, String::from_utf8_lossy(&ran.stderr).trim()))
}

/// The file of the container's network namespace, if that is certainly the container's own.
fn namespace_of(pid: u32, container: &str) -> Result<PathBuf, String> {
    let cgroups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"))
        .map_err(|e| format!("Docker's process {pid} is not in this process space ({e})"))?;
    if container.len() == 64 && !cgroups.contains(container) {
        return Err(format!("process {pid} is not the container's: Docker counts processes elsewhere"));
    }
    let path = PathBuf::from(format!("/proc/{pid}/ns/net"));
    let inode = |path: &Path| {
        std::fs::metadata(path).map(|m| m.ino()).map_err(|e| format!("{}: {e}", path.display()))
    };
    if inode(&path)? == inode(Path::new("/proc/self/ns/net"))? {
        return Err("the container shares the host's network: a rule there would hit the host".to_owned());
    }
    Ok(path)
}
