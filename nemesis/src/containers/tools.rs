//! The tools image: a shell and iptables, for side containers. Built once on a host, from the recipe below.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::TryStreamExt;

use super::engine::{Engine, refused};
use super::images::{self, Progress};
use super::{archive, labels};
use crate::error::NemesisError;

/// The image's name. Its tag is the recipe's version: another recipe needs another tag.
pub const IMAGE: &str = "tribunal/tools:1";
/// The environment variable that names the image to build upon instead of [`BASE`]: one that holds iptables
/// already, or a package manager that can install it.
pub const BASE_VARIABLE: &str = "TRIBUNAL_TOOLS_BASE";
/// The image to build upon: the smallest well-kept one with a package manager.
pub const BASE: &str = "alpine:3.22";

const PULL_WITHIN: Duration = Duration::from_secs(60);
const BUILD_WITHIN: Duration = Duration::from_secs(180);

const RECIPE: &str = "\
ARG BASE
FROM ${BASE}
USER 0
RUN command -v iptables >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/sbin command -v iptables >/dev/null 2>&1 || \\
    apk add --no-cache iptables || \\
    { apt-get update && apt-get install -y --no-install-recommends iptables && rm -rf /var/lib/apt/lists/*; }
";

/// Makes sure that the tools image is here; builds it where it is not.
///
/// `base` is what to build upon. Where it is not given: [`BASE`], and without a registry that has it the
/// brokers' own image.
///
/// # Errors
/// Why each base failed, and how to name another.
pub(crate) async fn ensure(
    engine: &Engine,
    base: Option<&str>,
    broker_image: Option<&str>,
    progress: &Progress,
) -> Result<String, NemesisError> {
    if images::find(engine, IMAGE).await?.is_some() {
        return Ok(IMAGE.to_owned());
    }
    let bases = match base {
        Some(base) => vec![base],
        None => [Some(BASE), broker_image].into_iter().flatten().collect(),
    };
    let mut reasons = Vec::new();
    for base in bases {
        match build(engine, base, progress).await {
            Ok(()) => return Ok(IMAGE.to_owned()),
            Err(e) => reasons.push(format!("from {base}: {e}")),
        }
    }
    Err(NemesisError::Other(format!(
        "the tools image {IMAGE} is missing and cannot be built ({}): name an image that holds iptables with \
         --tools-image, or in {BASE_VARIABLE}",
        reasons.join("; ")
    )))
}

async fn build(engine: &Engine, base: &str, progress: &Progress) -> Result<(), NemesisError> {
    images::ensure(engine, base, PULL_WITHIN, progress).await.map_err(|e| match e {
        // Its next step speaks of broker images.
        NemesisError::Image { reason, .. } => NemesisError::Other(format!("cannot be pulled: {reason}")),
        e => e,
    })?;
    progress(&format!("building the tools image {IMAGE} from {base}, once on this host"));
    let options = BuildImageOptionsBuilder::default()
        .t(IMAGE)
        .rm(true)
        .forcerm(true)
        .buildargs(&HashMap::from([("BASE", base)]))
        .labels(&HashMap::from([(labels::OWNER, labels::OWNER_VALUE)]))
        .build();
    let context = archive::pack(&[archive::Entry { path: "Dockerfile", content: Some(RECIPE) }]);
    let docker = engine.docker_within(BUILD_WITHIN);
    let building =
        docker.build_image(options, None, Some(bollard::body_full(context))).try_for_each(async |_| Ok(()));
    match tokio::time::timeout(BUILD_WITHIN, building).await {
        Ok(built) => built.map_err(refused(format_args!("build {IMAGE}"))),
        Err(_) => Err(NemesisError::DockerRefused {
            what: format!("build {IMAGE}"),
            reason: format!("not done within {} s", BUILD_WITHIN.as_secs()),
        }),
    }
}
