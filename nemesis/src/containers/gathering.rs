//! Waiting until somebody else's containers are one whole cluster: a broker that is still registering is not
//! in the answers of the others yet, and a run would take the rest for all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use store::settings::Settings;
use tokio::time::{Instant, sleep};

use super::engine::Engine;
use super::found::{self, Candidate, Seen, Selector};
use super::images::Progress;
use crate::error::NemesisError;

/// How long brokers may take to answer and to register.
const REGISTER_WITHIN: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(500);

/// The containers that a selector means, and the cluster in them. Where a container that seems to be a broker
/// is none yet, or servers disagree, it waits; what stays so is told through `progress`, and left out. Where no broker
/// is of use yet, as right after a start, it waits as well.
///
/// # Errors
/// Those of [`found`], for the first answer that can be used; a later one that cannot leaves the one before it.
pub(crate) async fn whole_cluster(
    engine: &Engine,
    selector: &Selector,
    bootstrap: Option<&[String]>,
    security: &Settings,
    progress: &Progress,
) -> Result<(Vec<Candidate>, Seen), NemesisError> {
    let deadline = Instant::now() + REGISTER_WITHIN;
    let look = async || {
        let candidates = found::containers(engine, selector).await?;
        let seen = found::cluster(&candidates, bootstrap, security).await?;
        let open = open_questions(&candidates, &found::assign(&candidates, &seen.brokers)?, &seen);
        Ok::<_, NemesisError>((candidates, seen, open))
    };
    let waiting = |why: &[String]| {
        progress(&format!("waiting at most {} s: {}", REGISTER_WITHIN.as_secs(), why.join("; ")));
    };
    let mut first = look().await;
    if let Err(NemesisError::NoListener { reasons }) = &first {
        waiting(reasons);
    }
    while matches!(first, Err(NemesisError::NoListener { .. })) && Instant::now() < deadline {
        sleep(ASK_EVERY).await;
        first = look().await;
    }
    let (mut candidates, mut seen, mut open) = first?;
    if !open.is_empty() {
        waiting(&open);
    }
    while !open.is_empty() && Instant::now() < deadline {
        sleep(ASK_EVERY).await;
        if let Ok(newer) = look().await {
            (candidates, seen, open) = newer;
        }
    }
    if !open.is_empty() {
        progress(&format!(
            "warning: going on with {} brokers, though {}",
            seen.brokers.len(),
            open.join("; ")
        ));
    }
    Ok((candidates, seen))
}

/// What speaks against these brokers being the whole cluster.
fn open_questions(
    candidates: &[Candidate],
    assigned: &BTreeMap<i32, &Candidate>,
    seen: &Seen,
) -> Vec<String> {
    let is_broker = |c: &Candidate| assigned.values().any(|b| b.id == c.id);
    let like_one = |c: &Candidate| assigned.values().any(|b| b.image == c.image) && !c.only_controls;
    let left_out = candidates.iter().filter(|c| !is_broker(c) && like_one(c));
    let left_out = left_out
        .map(|c| format!("container {} runs the brokers' image, but is no broker of the cluster", c.name));
    left_out.chain(seen.otherwise.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_runs_the_brokers_image_and_is_no_broker_is_waited_for() {
        let container = |name: &str, image: &str| Candidate {
            id: format!("id-{name}"),
            name: name.to_owned(),
            image: image.to_owned(),
            ..Candidate::default()
        };
        let quorum = Candidate { only_controls: true, ..container("quorum", "kafka") };
        let all = [container("a", "kafka"), container("b", "kafka"), container("ui", "ui"), quorum];
        let seen = |otherwise: &[&str]| Seen {
            bootstrap: vec![],
            brokers: BTreeMap::new(),
            otherwise: otherwise.iter().map(|s| (*s).to_owned()).collect(),
        };
        let both = BTreeMap::from([(1, &all[0]), (2, &all[1])]);
        assert_eq!(open_questions(&all, &both, &seen(&[])), [""; 0]);
        assert_eq!(open_questions(&all, &both, &seen(&["x names 1"])), ["x names 1"]);
        let one = BTreeMap::from([(1, &all[0])]);
        let open = open_questions(&all, &one, &seen(&[]));
        assert_eq!(open, ["container b runs the brokers' image, but is no broker of the cluster"]);
    }
}
