//! Images: what a name means, whether the image is here, and fetching it in bounded time.

use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;

use super::engine::{Engine, is_absent, refused};
use crate::error::NemesisError;

/// Hears what is being done while it takes long, a line at a time.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// The image of brokers unless another is named.
pub const DEFAULT_IMAGE: &str = "apache/kafka:4.3.0";

/// An image that is on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As it was asked for.
    pub name: String,
    /// Its id here.
    pub id: String,
    /// The registry's digest, where it came from one.
    pub digest: Option<String>,
}

/// Makes sure that the image is here, by pulling it where it is not.
///
/// # Errors
/// If it cannot be pulled within the bound; the message names the recipe that builds one.
pub async fn ensure(
    engine: &Engine,
    name: &str,
    pull_within: Duration,
    progress: &Progress,
) -> Result<Image, NemesisError> {
    if let Some(image) = find(engine, name).await? {
        return Ok(image);
    }
    progress(&format!("pulling image {name} (at most {} s)", pull_within.as_secs()));
    let unavailable = |reason: String| NemesisError::Image { image: name.to_owned(), reason };
    let (repository, tag) = split(name);
    let options = CreateImageOptionsBuilder::default().from_image(repository).tag(tag).build();
    let docker = engine.docker_within(pull_within);
    let pulling = docker.create_image(Some(options), None, None).try_for_each(async |_| Ok(()));
    match tokio::time::timeout(pull_within, pulling).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => return Err(unavailable(e.to_string())),
        Err(_) => return Err(unavailable(format!("not pulled within {} s", pull_within.as_secs()))),
    }
    find(engine, name).await?.ok_or_else(|| unavailable("pulled, but still not here".to_owned()))
}

/// The image if it is on this host.
///
/// # Errors
/// If Docker does not answer.
pub async fn find(engine: &Engine, name: &str) -> Result<Option<Image>, NemesisError> {
    match engine.docker().inspect_image(name).await {
        Ok(image) => Ok(Some(Image {
            name: name.to_owned(),
            id: image.id.unwrap_or_default(),
            digest: image.repo_digests.unwrap_or_default().into_iter().next(),
        })),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(refused(format_args!("look for image {name}"))(e)),
    }
}

/// Refuses images that cannot run the brokers of this target.
///
/// # Errors
/// If the image is the native one: it has no Java, so it runs by its own entry point only.
pub fn check_name(name: &str) -> Result<(), NemesisError> {
    let (repository, _) = split(name);
    if repository.ends_with("kafka-native") {
        return Err(NemesisError::Other(format!(
            "image {name:?} cannot be used: it is Kafka compiled ahead of time and has no Java virtual machine \
             to start brokers and format their storage with; use {DEFAULT_IMAGE}"
        )));
    }
    Ok(())
}

/// Repository and tag (or digest). A name without a tag means `latest`: asked without one, Docker's API
/// would pull every tag.
fn split(name: &str) -> (&str, &str) {
    if let Some((repository, digest)) = name.split_once('@') {
        return (repository, digest);
    }
    match name.rsplit_once(':') {
        // A colon before the last slash is a registry's port.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_like_dockers() {
        assert_eq!(split("apache/kafka:4.3.0"), ("apache/kafka", "4.3.0"));
        assert_eq!(split("apache/kafka"), ("apache/kafka", "latest"));
        assert_eq!(split("localhost:5000/kafka"), ("localhost:5000/kafka", "latest"));
        assert_eq!(split("localhost:5000/kafka:4.1"), ("localhost:5000/kafka", "4.1"));
        assert_eq!(split("kafka@sha256:abc"), ("kafka", "sha256:abc"));
    }

    #[test]
    fn the_native_image_is_refused_with_the_reason() {
        let error = check_name("apache/kafka-native:4.3.0").unwrap_err().to_string();
        assert!(error.contains("no Java"), "{error}");
        check_name("apache/kafka:4.3.0").unwrap();
    }
}
