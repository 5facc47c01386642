//! Undoing after a crash, when nothing is known but the run's id and what its journal holds.

use std::collections::BTreeSet;

use bollard::query_parameters::RemoveContainerOptionsBuilder;

use super::engine::{Engine, is_absent, refused};
use super::fleet::{Fleet, Member};
use super::netns::{CutOptions, Way};
use super::process::{self, State};
use super::{labels, owned, rules};
use crate::action::Action;
use crate::error::NemesisError;

/// Undoes actions of a run that crashed, on containers that tribunal made for it or that it was attached to.
///
/// Nodes are found by the run's label, else by their names, which are the containers' own where a run is
/// attached. Returns what was done, a sentence an action. Undoing what does not hold is no error.
///
/// # Errors
/// If Docker does not answer, or the first undo that failed; the others have been tried.
pub async fn undo_after_crash(run_id: &str, actions: &[Action]) -> Result<Vec<String>, NemesisError> {
    labels::check_run_id(run_id)?;
    let engine = Engine::connect().await?;
    let mut names = actions.iter().flat_map(nodes_of).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    let own = owned::containers(&engine, Some(run_id)).await?;
    let (mut found, mut gone) = (Vec::new(), Vec::new());
    for name in names {
        let mine = own.iter().find(|c| c.labels.get(labels::NODE_NAME).is_some_and(|n| n == name));
        match find(&engine, name, mine.map_or(name, |c| c.id.as_str())).await? {
            Some(container) => found.push(container),
            None => gone.push(name),
        }
    }
    let cuts = actions.iter().any(|a| matches!(a, Action::Cut { .. }));
    let way = match found.iter().find(|c| c.may_have_rules) {
        _ if !cuts => Err("not needed".to_owned()),
        Some(container) => find_way(&engine, run_id, container).await,
        None => Err("none of the containers runs".to_owned()),
    };
    let members = found.into_iter().map(|c| Member::new(c.name, c.id, None)).collect();
    let fleet = Fleet::new(engine, run_id.to_owned(), members, way);
    let (mut done, mut failed) = (Vec::new(), None);
    for action in actions {
        let missing = nodes_of(action).into_iter().filter(|n| gone.contains(n)).collect::<Vec<_>>();
        if let Some(reason) = nothing_to_undo(action, &missing) {
            done.push(reason);
            continue;
        }
        match fleet.undo(&without(action, &missing)).await {
            Ok(()) => done.push(format!("undone: {}", describe(action))),
            Err(e) => failed = failed.or(Some(e)),
        }
    }
    failed.map_or(Ok(done), Err)
}

/// Deletes every rule that carries a run's tag, in all containers that tribunal made for the run; otherwise
/// as [`sweep`].
///
/// # Errors
/// As [`sweep`].
pub async fn heal_tagged(run_id: &str) -> Result<Vec<String>, NemesisError> {
    sweep(run_id, &[]).await
}

/// Removes what a run that is over may have left in containers, whatever its journal says: its side
/// containers, and every rule that carries its tag, in the containers that tribunal made for it and in those
/// of these names, which it was attached to.
///
/// Returns what was done, a line a container. A container that does not run has no rules.
///
/// # Errors
/// If Docker does not answer, or rules cannot be read or deleted here.
pub async fn sweep(run_id: &str, attached: &[String]) -> Result<Vec<String>, NemesisError> {
    labels::check_run_id(run_id)?;
    let engine = Engine::connect().await?;
    let (mut done, mut places) = (Vec::new(), Vec::new());
    for container in owned::containers(&engine, Some(run_id)).await? {
        let label = |name| container.labels.get(name).map_or("", String::as_str);
        if label(labels::ROLE) == labels::PACKET_FILTER {
            if labels::state_of(label(labels::MAKER)) == labels::Maker::Died {
                remove_side(&engine, &container).await?;
                done.push(format!("{}: side container removed", container.name));
            }
        } else if container.labels.contains_key(labels::NODE) {
            places.extend(find(&engine, &container.name, &container.id).await?);
        }
    }
    for name in attached {
        places.extend(find(&engine, name, name).await?);
    }
    places.retain(|place| place.may_have_rules);
    let Some(first) = places.first() else { return Ok(done) };
    let way = find_way(&engine, run_id, first).await.map_err(NemesisError::Other)?;
    for place in &places {
        let listing = way.run(&engine, run_id, &place.id, rules::LIST).await?;
        let standing = rules::parse(&listing, &rules::tag_prefix(run_id));
        let (delete, _) = rules::difference(&standing, &BTreeSet::new());
        if !delete.is_empty() {
            way.run(&engine, run_id, &place.id, &rules::change(&delete, &[])).await?;
            done.push(format!("{}: {} rules deleted", place.name, delete.len()));
        }
    }
    Ok(done)
}

async fn remove_side(engine: &Engine, side: &owned::OwnedContainer) -> Result<(), NemesisError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match engine.docker().remove_container(&side.id, Some(options)).await {
        Err(e) if !is_absent(&e) => Err(refused(format_args!("remove container {}", side.name))(e)),
        _ => Ok(()),
    }
}

/// A container as it is found after a crash.
struct Found {
    name: String,
    id: String,
    image: Option<String>,
    /// Whether it runs, in a network namespace of its own: rules are nowhere else.
    may_have_rules: bool,
}

/// Looks for a container by its id or name; `None`: it is gone.
async fn find(engine: &Engine, name: &str, wanted: &str) -> Result<Option<Found>, NemesisError> {
    let inspected = match engine.docker().inspect_container(wanted, None).await {
        Ok(inspected) => inspected,
        Err(e) if is_absent(&e) => return Ok(None),
        Err(e) => return Err(refused(format_args!("look at container {wanted}"))(e)),
    };
    let runs = !matches!(process::snapshot(&inspected).state, State::Exited(_));
    let mode = inspected.host_config.and_then(|host| host.network_mode).unwrap_or_default();
    Ok(Some(Found {
        name: name.to_owned(),
        id: inspected.id.unwrap_or_default(),
        image: inspected.config.and_then(|config| config.image),
        may_have_rules: runs && !process::shares_network(&mode),
    }))
}

async fn find_way(engine: &Engine, run_id: &str, container: &Found) -> Result<Way, String> {
    let image = container.image.as_deref();
    Way::find(engine, run_id, &container.id, &CutOptions::from_env(), image, &silent()).await
}

fn silent() -> super::images::Progress {
    std::sync::Arc::new(|_| {})
}

fn nodes_of(action: &Action) -> Vec<&str> {
    match action {
        Action::Kill { node } | Action::Stop { node } | Action::Pause { node } => vec![node],
        Action::Cut { links } => links.iter().map(|link| link.at.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// Why there is nothing to undo, where that is so.
fn nothing_to_undo(action: &Action, missing: &[&str]) -> Option<String> {
    let nodes = nodes_of(action);
    if nodes.is_empty() {
        return Some(format!("nothing to undo on containers: {}", describe(action)));
    }
    let all = nodes.iter().all(|n| missing.contains(n));
    all.then(|| format!("nothing to undo, the container is gone: {}", describe(action)))
}

/// The action without the links whose containers are gone.
fn without(action: &Action, missing: &[&str]) -> Action {
    match action {
        Action::Cut { links } => {
            let links = links.iter().filter(|link| !missing.contains(&link.at.as_str()));
            Action::Cut { links: links.cloned().collect() }
        }
        action => action.clone(),
    }
}

fn describe(action: &Action) -> String {
    match action {
        Action::Kill { node } => format!("kill of {node}"),
        Action::Stop { node } => format!("stop of {node}"),
        Action::Pause { node } => format!("pause of {node}"),
        Action::Cut { links } => format!("cut of {} links", links.len()),
        action => format!("{action:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Direction, Link};

    fn cut(places: &[&str]) -> Action {
        let link = |at: &&str| Link { at: (*at).into(), peer: "z".into(), direction: Direction::To };
        Action::Cut { links: places.iter().map(link).collect() }
    }

    #[test]
    fn containers_that_are_gone_need_no_undo() {
        let kill = Action::Kill { node: "a".into() };
        assert!(nothing_to_undo(&kill, &["a"]).is_some());
        assert!(nothing_to_undo(&kill, &[]).is_none());
        assert!(nothing_to_undo(&cut(&["a", "b"]), &["a"]).is_none());
        assert_eq!(without(&cut(&["a", "b"]), &["a"]), cut(&["b"]));
    }
}
