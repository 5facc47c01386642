//! Undoing after a crash, when nothing is known but the run's id and what its journal holds.

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
    let (mut members, mut gone) = (Vec::new(), Vec::new());
    for name in names {
        let mine = own.iter().find(|c| c.labels.get(labels::NODE_NAME).is_some_and(|n| n == name));
        let wanted = mine.map_or(name, |c| c.id.as_str());
        match engine.docker().inspect_container(wanted, None).await {
            Ok(found) => members.push(Member::new(name.to_owned(), found.id.unwrap_or_default(), None)),
            Err(e) if is_absent(&e) => gone.push(name),
            Err(e) => return Err(refused(format_args!("look at container {wanted}"))(e)),
        }
    }
    let cuts = actions.iter().any(|a| matches!(a, Action::Cut { .. }));
    let way = if cuts { find_way(&engine, run_id, &members).await } else { Err("not needed".to_owned()) };
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

/// Deletes every rule that carries a run's tag, in all containers that tribunal made for the run.
///
/// Returns what was deleted, a line a container. A container that does not run has no rules.
///
/// # Errors
/// If Docker does not answer, or rules cannot be read or deleted here.
pub async fn heal_tagged(run_id: &str) -> Result<Vec<String>, NemesisError> {
    labels::check_run_id(run_id)?;
    let engine = Engine::connect().await?;
    let mut running = Vec::new();
    for container in owned::containers(&engine, Some(run_id)).await? {
        let is_node = container.labels.contains_key(labels::NODE);
        if is_node && !matches!(process::look(&engine, &container.id).await?.state, State::Exited(_)) {
            running.push(container);
        }
    }
    let Some(first) = running.first() else { return Ok(Vec::new()) };
    let way = Way::find(&engine, run_id, &first.id, &CutOptions::from_env(), None, &silent())
        .await
        .map_err(NemesisError::Other)?;
    let mut done = Vec::new();
    for container in &running {
        let listing = way.run(&engine, run_id, &container.id, rules::LIST).await?;
        let standing = rules::parse(&listing, &rules::tag_prefix(run_id)).into_iter().map(|c| c.rule);
        let standing = standing.collect::<Vec<_>>();
        if !standing.is_empty() {
            way.run(&engine, run_id, &container.id, &rules::change(&standing, &[])).await?;
            done.push(format!("{}: {} rules deleted", container.name, standing.len()));
        }
    }
    Ok(done)
}

async fn find_way(engine: &Engine, run_id: &str, members: &[Member]) -> Result<Way, String> {
    for member in members {
        let state = process::look(engine, &member.container).await.map_err(|e| e.to_string())?.state;
        if !matches!(state, State::Exited(_)) {
            return Way::find(engine, run_id, &member.container, &CutOptions::from_env(), None, &silent())
                .await;
        }
    }
    Err("none of the containers runs".to_owned())
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
