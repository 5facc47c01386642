//! From a fault and the cluster as it is now to the nodes and actions: looked up at the moment of the
//! strike, because by then the leader is somebody else than when the run was planned.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use store::cluster::{Node, PartitionView};
use store::op::{key, split_key};

use crate::action::{Action, Direction, Link};
use crate::admin::TopicSpec;
use crate::cluster::Cluster;
use crate::fault::{Aim, FaultKind, FaultSpec};
use crate::view;

/// How long the brokers have for one question about leader or controller.
const ASK: Duration = Duration::from_secs(2);

/// What a fault comes to at the moment of its strike.
#[derive(Debug, Clone, PartialEq)]
pub struct Strike {
    /// What is done to whom, for people: `isolate leader of t-3 (kafka-2)`.
    pub label: String,
    /// The nodes touched, by name.
    pub nodes: Vec<String>,
    /// What to do.
    pub actions: Vec<Action>,
    /// The partition as it stood, where the fault is aimed at a leader.
    pub before: Option<PartitionView>,
}

/// The key of the partition that a fault speaks of: `topic-3` with one of the run's topics, else `3` or
/// `t-3` for its first topic, `t1-3` for its second. Without one: partition 0 of the first topic.
///
/// # Errors
/// If there is no such partition, with what there is.
pub fn partition_key(partition: Option<&str>, topics: &[TopicSpec]) -> Result<String, String> {
    let wanted = partition.unwrap_or("0");
    let found = match split_key(wanted) {
        Some((name, p)) => topics
            .iter()
            .find(|t| t.name == name)
            .or_else(|| {
                let nth = name.strip_prefix('t')?;
                topics.get(if nth.is_empty() { 0 } else { nth.parse().ok()? })
            })
            .map(|t| (t, p)),
        None => topics.first().zip(wanted.parse().ok()),
    };
    match found {
        Some((topic, p)) if (0..topic.partitions).contains(&p) => Ok(key(&topic.name, p)),
        _ => {
            let there: Vec<_> =
                topics.iter().map(|t| format!("{}-0 to {}-{}", t.name, t.name, t.partitions - 1)).collect();
            Err(format!("there is no partition `{wanted}`; there are {}", there.join(", ")))
        }
    }
}

/// Looks up whom the fault strikes now.
///
/// # Errors
/// If the target cannot be found, in words that fit "the fault found no target: ...".
pub async fn resolve(
    spec: &FaultSpec,
    cluster: &Cluster,
    topics: &[TopicSpec],
    rng: &mut StdRng,
) -> Result<Strike, String> {
    let key = partition_key(spec.aim.partition(), topics)?;
    let mut scene = Scene { cluster, key: &key, view: None, rng };
    let struck = scene.nodes(&spec.aim).await?;
    let all = cluster.nodes();
    let role = spec.aim.role(&key);
    let names = |nodes: &[Node]| nodes.iter().map(|n| n.name.clone()).collect::<Vec<_>>();
    let mut nodes = names(&struck);
    let (actions, label) = match &spec.kind {
        FaultKind::CutLink { to, both_ways } => {
            let receivers: Vec<Node> =
                scene.nodes(to).await?.into_iter().filter(|n| !nodes.contains(&n.name)).collect();
            if receivers.is_empty() {
                return Err(format!("{to} is the same node as {}", spec.aim));
            }
            let receivers = names(&receivers);
            let mut links = Vec::new();
            for (from, to) in nodes.iter().flat_map(|from| receivers.iter().map(move |to| (from, to))) {
                links.push(link(to, from, Direction::From));
                if *both_ways {
                    links.push(link(to, from, Direction::To));
                }
            }
            let arrow = if *both_ways { "<>" } else { ">" };
            let label = format!("cut {} {arrow} {}", nodes.join(", "), receivers.join(", "));
            nodes.extend(receivers);
            (vec![Action::Cut { links }], label)
        }
        FaultKind::LeaderMove { to } => {
            let view = scene.partition().await?;
            let to = match to {
                Some(name) => scene.named(name)?,
                None => {
                    let others: Vec<i32> =
                        view.isr.iter().copied().filter(|id| Some(*id) != view.leader).collect();
                    let id = others
                        .choose(scene.rng)
                        .ok_or_else(|| format!("{key} has no other in-sync replica that could lead it"))?;
                    scene.by_id(*id)?
                }
            };
            let label = format!("move {role} ({} to {})", nodes.join(", "), to.name);
            nodes.push(to.name.clone());
            (vec![Action::MoveLeader { key: key.clone(), node: to.name }], label)
        }
        FaultKind::RequestErrors { error, count } => {
            let label = format!("answer {count} produce requests with {error}");
            (vec![Action::RequestErrors { error: error.clone(), count: *count }], label)
        }
        kind => {
            let all = names(all);
            let actions = node_actions(kind, &nodes, &all);
            if actions.is_empty() {
                return Err("there is no peer to cut it from".into());
            }
            let verb = match kind {
                FaultKind::SlowBroker { delay } => format!("slow down by {} ms:", delay.as_millis()),
                FaultKind::BrokerDown => "take down".to_owned(),
                kind => kind.name().to_owned(),
            };
            let named = matches!(spec.aim, Aim::Named(_));
            let label = if named {
                format!("{verb} {role}")
            } else {
                format!("{verb} {role} ({})", nodes.join(", "))
            };
            (actions, label)
        }
    };
    nodes.dedup();
    let before = if matches!(spec.aim, Aim::Leader(_)) { scene.view.take() } else { None };
    Ok(Strike { label, nodes, actions, before })
}

/// Kind and nodes to actions, for the kinds that do the same to each node.
fn node_actions(kind: &FaultKind, nodes: &[String], all: &[String]) -> Vec<Action> {
    if *kind == FaultKind::Isolate {
        let links = isolating(nodes, all);
        return if links.is_empty() { Vec::new() } else { vec![Action::Cut { links }] };
    }
    let each = |node: &String| {
        let node = node.clone();
        match kind {
            FaultKind::Kill => Action::Kill { node },
            FaultKind::Stop => Action::Stop { node },
            FaultKind::Pause => Action::Pause { node },
            FaultKind::SlowBroker { delay } => Action::Slow { node, delay_ms: delay.as_millis() as u64 },
            _ => Action::BrokerDown { node },
        }
    };
    nodes.iter().map(each).collect()
}

/// The links that cut these nodes off from all others, both ways; the rules stand at the isolated nodes.
/// Where every node is to be isolated, each is cut off from each.
fn isolating(nodes: &[String], all: &[String]) -> Vec<Link> {
    let everyone = all.iter().all(|n| nodes.contains(n));
    let mut links = Vec::new();
    for at in nodes {
        for peer in all.iter().filter(|p| *p != at && (everyone || !nodes.contains(p))) {
            links.push(link(at, peer, Direction::From));
            links.push(link(at, peer, Direction::To));
        }
    }
    links
}

fn link(at: &str, peer: &str, direction: Direction) -> Link {
    Link { at: at.to_owned(), peer: peer.to_owned(), direction }
}

/// Actions like those that the fault will come to, on nodes that stand for its target: enough to ask the
/// cluster beforehand whether it can do such things.
pub fn examples(spec: &FaultSpec, nodes: &[Node]) -> Vec<Action> {
    let first = match &spec.aim {
        Aim::Named(name) => name.clone(),
        _ => nodes.first().map_or_else(String::new, |n| n.name.clone()),
    };
    let first = nodes.iter().find(|n| n.id.to_string() == first).map_or(first, |n| n.name.clone());
    let peer = nodes.iter().find(|n| n.name != first).map_or_else(String::new, |n| n.name.clone());
    match &spec.kind {
        FaultKind::CutLink { to, .. } => {
            let peer = if let Aim::Named(name) = to { name.clone() } else { peer };
            vec![Action::Cut { links: vec![link(&peer, &first, Direction::From)] }]
        }
        FaultKind::LeaderMove { to } => {
            vec![Action::MoveLeader { key: String::new(), node: to.clone().unwrap_or(peer) }]
        }
        FaultKind::RequestErrors { error, count } => {
            vec![Action::RequestErrors { error: error.clone(), count: *count }]
        }
        kind => node_actions(kind, std::slice::from_ref(&first), &[first.clone(), peer]),
    }
}

/// The nodes that a fault names and that do not exist, each with the names that do.
pub fn unknown_nodes(spec: &FaultSpec, nodes: &[Node]) -> Vec<String> {
    fn name_of(aim: &Aim) -> Option<&String> {
        if let Aim::Named(name) = aim { Some(name) } else { None }
    }
    let other = match &spec.kind {
        FaultKind::CutLink { to, .. } => name_of(to),
        FaultKind::LeaderMove { to } => to.as_ref(),
        _ => None,
    };
    let named = name_of(&spec.aim).into_iter().chain(other);
    named.filter_map(|name| node_named(nodes, name).err()).collect()
}

/// A node by its name or its id.
fn node_named(all: &[Node], name: &str) -> Result<Node, String> {
    let found = all.iter().find(|n| n.name == name || n.id.to_string() == name);
    found.cloned().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|n| n.name.as_str()).collect();
        format!("there is no node `{name}`; there are {}", names.join(", "))
    })
}

/// The cluster at the moment of one strike; the partition is asked for once.
struct Scene<'a> {
    cluster: &'a Cluster,
    key: &'a str,
    view: Option<PartitionView>,
    rng: &'a mut StdRng,
}

impl Scene<'_> {
    async fn partition(&mut self) -> Result<PartitionView, String> {
        if let Some(view) = &self.view {
            return Ok(view.clone());
        }
        let view =
            view::leader_of(self.cluster.endpoints(), self.key, ASK).await.map_err(|e| e.to_string())?;
        self.view = Some(view.clone());
        Ok(view)
    }

    async fn nodes(&mut self, aim: &Aim) -> Result<Vec<Node>, String> {
        let all = self.cluster.nodes();
        let some = |mut nodes: Vec<Node>, count: usize, rng: &mut StdRng| {
            nodes.shuffle(rng);
            nodes.truncate(count);
            nodes.sort_by_key(|n| n.id);
            if nodes.is_empty() { Err(format!("{} nodes have no {aim}", all.len())) } else { Ok(nodes) }
        };
        match aim {
            Aim::Leader(_) => {
                let id = self.partition().await?.leader.ok_or("the partition has no leader")?;
                Ok(vec![self.by_id(id)?])
            }
            Aim::Followers(_) | Aim::Follower(_) => {
                let view = self.partition().await?;
                let ids: Vec<i32> =
                    view.replicas.iter().copied().filter(|id| Some(*id) != view.leader).collect();
                // One follower is drawn from those in sync, where there are such: the others are lost already.
                let in_sync: Vec<i32> = ids.iter().copied().filter(|id| view.isr.contains(id)).collect();
                let one = matches!(aim, Aim::Follower(_));
                let ids = if one && !in_sync.is_empty() { in_sync } else { ids };
                let nodes = ids.into_iter().map(|id| self.by_id(id)).collect::<Result<Vec<_>, _>>()?;
                let count = if one { 1 } else { nodes.len() };
                some(nodes, count, self.rng).map_err(|_| format!("{} has no followers", self.key))
            }
            Aim::Controller => {
                let id = view::controller_of(self.cluster.endpoints(), ASK).await;
                Ok(vec![self.by_id(id.ok_or("no broker tells who the controller is")?)?])
            }
            Aim::Random => some(all.to_vec(), 1, self.rng),
            Aim::Minority => some(all.to_vec(), all.len().saturating_sub(1) / 2, self.rng),
            Aim::Majority => some(all.to_vec(), all.len() / 2 + 1, self.rng),
            Aim::All => some(all.to_vec(), all.len(), self.rng),
            Aim::Named(name) => Ok(vec![self.named(name)?]),
        }
    }

    fn named(&self, name: &str) -> Result<Node, String> {
        node_named(self.cluster.nodes(), name)
    }

    fn by_id(&self, id: i32) -> Result<Node, String> {
        self.named(&id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, partitions: i32) -> TopicSpec {
        TopicSpec { name: name.into(), partitions, replication_factor: 3, config: Default::default() }
    }

    #[test]
    fn a_partition_is_named_in_full_or_by_its_place() {
        let topics = [topic("run-7f3a-0", 6), topic("run-7f3a-1", 2)];
        for (given, want) in [
            (None, "run-7f3a-0-0"),
            (Some("3"), "run-7f3a-0-3"),
            (Some("t-3"), "run-7f3a-0-3"),
            (Some("t1-1"), "run-7f3a-1-1"),
            (Some("run-7f3a-1-0"), "run-7f3a-1-0"),
        ] {
            assert_eq!(partition_key(given, &topics).as_deref(), Ok(want), "{given:?}");
        }
        for given in ["6", "t1-2", "t9-0", "other-0"] {
            assert!(partition_key(Some(given), &topics).unwrap_err().contains("there are run-7f3a-0-0"));
        }
        assert!(partition_key(None, &[]).is_err());
    }

    #[test]
    fn nodes_that_do_not_exist_are_named_before_anything_is_done() {
        let node = |id| Node { id, name: format!("kafka-{id}"), address: None };
        let nodes = [node(1), node(2)];
        let unknown = |fault: &str| unknown_nodes(&fault.parse().unwrap(), &nodes);
        for known in ["kill:kafka-1@1s+1s", "pause:2@1s+1s", "cut-link:kafka-1>2@1s+1s", "kill-leader@1s+1s"]
        {
            assert_eq!(unknown(known), [""; 0], "{known}");
        }
        assert_eq!(unknown("kill:kafka-9@1s+1s"), ["there is no node `kafka-9`; there are kafka-1, kafka-2"]);
        assert!(unknown("cut-link:kafka-1>kafka-3@1s+1s")[0].contains("`kafka-3`"));
        assert!(unknown("cut-link:7>kafka-2@1s+1s")[0].contains("`7`"));
    }

    #[test]
    fn isolation_cuts_both_ways_and_spares_those_inside() {
        let all: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let one = isolating(&all[..1], &all);
        assert_eq!(one.len(), 4);
        assert!(one.iter().all(|l| l.at == "a" && l.peer != "a"));
        let two = isolating(&all[..2], &all);
        assert!(two.iter().all(|l| l.peer == "c"), "a and b still see each other");
        assert_eq!(isolating(&all, &all).len(), 12, "everybody alone");
        assert!(isolating(&all[..1], &all[..1]).is_empty());
    }
}
