//! The containers of one cluster, and the faults that can be done to them.
//!
//! What holds is remembered, because faults overlap: undoing one of two kills of a broker leaves it down,
//! and a broker that comes back while it is cut off is cut off again (its rules went with its namespace,
//! and its address may be another one).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;

use super::engine::Engine;
use super::held::{Held, places, with_companions};
use super::netns::Way;
use super::process::{self, State};
use super::{logs, rules};
use crate::action::{Action, Bite, Link};
use crate::error::NemesisError;

/// The exit code of processes that SIGKILL ended.
const SIGKILLED: i64 = 128 + 9;

/// One broker's container.
#[derive(Debug)]
pub(crate) struct Member {
    /// The node's name.
    pub(crate) name: String,
    /// The container's id.
    pub(crate) container: String,
    /// Where clients reach it.
    pub(crate) address: Option<String>,
    /// Why its processes must not be ended, where that is so.
    pub(crate) not_to_end: Option<String>,
    /// Why its links must not be cut, where that is so.
    pub(crate) not_to_cut: Option<String>,
    /// Its addresses on its networks, as last seen: a container that is down has none.
    addresses: Mutex<Vec<IpAddr>>,
    /// Held while something is done to it, so that overlapping faults do not interleave.
    gate: tokio::sync::Mutex<()>,
}

impl Member {
    pub(crate) fn new(name: String, container: String, address: Option<String>) -> Member {
        Member {
            name,
            container,
            address,
            not_to_end: None,
            not_to_cut: None,
            addresses: Mutex::default(),
            gate: tokio::sync::Mutex::default(),
        }
    }
}

/// The containers of one cluster.
#[derive(Debug)]
pub(crate) struct Fleet {
    engine: Engine,
    run_id: String,
    members: Vec<Member>,
    /// Controllers that are no brokers: a broker that is cut from every other one is cut from them too.
    companions: Vec<Member>,
    /// How links are cut; or why they cannot be.
    way: Result<Way, String>,
    held: Mutex<Held>,
}

impl Fleet {
    pub(crate) fn new(
        engine: Engine,
        run_id: String,
        members: Vec<Member>,
        way: Result<Way, String>,
    ) -> Fleet {
        Fleet { engine, run_id, members, companions: Vec::new(), way, held: Mutex::default() }
    }

    /// The same with containers that are no nodes, but peers of every node.
    pub(crate) fn with_companions(mut self, companions: Vec<Member>) -> Fleet {
        self.companions = companions;
        self
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// How links are cut here, for people; or why they cannot be.
    pub(crate) fn way(&self) -> Result<String, String> {
        self.way.as_ref().map(Way::to_string).map_err(Clone::clone)
    }

    /// See [`crate::cluster::Cluster::can`]. A node that is not known yet may be any of them.
    pub(crate) fn can(&self, action: &Action) -> Result<(), String> {
        let first_reason = |names: &[&str], reason: fn(&Member) -> Option<&String>| {
            let known = self.members.iter().any(|m| names.contains(&m.name.as_str()));
            let concerned = self.members.iter().filter(|m| !known || names.contains(&m.name.as_str()));
            concerned.filter_map(reason).next().cloned().map_or(Ok(()), Err)
        };
        match action {
            Action::Kill { node } | Action::Stop { node } => first_reason(&[node], |m| m.not_to_end.as_ref()),
            Action::Pause { .. } if !self.engine.can_freeze => {
                Err("this Docker has no control groups to freeze processes with (rootless?)".to_owned())
            }
            Action::Pause { .. } => Ok(()),
            Action::Cut { links } => {
                self.way.as_ref().map_err(|reason| format!("links cannot be cut here: {reason}"))?;
                let at = links.iter().map(|l| l.at.as_str()).collect::<Vec<_>>();
                first_reason(&at, |m| m.not_to_cut.as_ref())
            }
            Action::BrokerDown { .. } | Action::Slow { .. } | Action::RequestErrors { .. } => {
                Err("only the mock cluster does that; kill, stop, pause or isolate a broker here".to_owned())
            }
            Action::MoveLeader { .. } => {
                Err("leader moves are the mock cluster's; kill, stop or isolate a leader here".to_owned())
            }
        }
    }

    /// See [`crate::cluster::Cluster::apply`].
    pub(crate) async fn apply(&self, action: &Action) -> Result<Bite, NemesisError> {
        self.can(action).map_err(NemesisError::Other)?;
        self.hold(action);
        let done = self.act(action).await;
        if done.is_err() {
            self.release(action);
            if let Action::Cut { links } = action {
                // Some of its rules may stand; what keeps them from going is the error already at hand.
                let _ = self.settle_rules(&places(links)).await;
            }
        }
        done
    }

    async fn act(&self, action: &Action) -> Result<Bite, NemesisError> {
        match action {
            Action::Kill { node } => {
                let member = self.member(node)?;
                let _gate = member.gate.lock().await;
                process::kill(&self.engine, &member.container).await?;
            }
            Action::Stop { node } => {
                let member = self.member(node)?;
                let _gate = member.gate.lock().await;
                process::stop(&self.engine, &member.container).await?;
            }
            Action::Pause { node } => {
                let member = self.member(node)?;
                let _gate = member.gate.lock().await;
                process::pause(&self.engine, &member.container).await?;
            }
            Action::Cut { links } => {
                self.settle_rules(&places(links)).await?;
                let bite = self.count(links).await?;
                // No packet yet proves nothing: peers may be between two requests.
                return Ok(Bite { bit: bite.bit.filter(|bit| *bit), ..bite });
            }
            _ => {}
        }
        self.probe(action).await
    }

    /// See [`crate::cluster::Cluster::probe`].
    pub(crate) async fn probe(&self, action: &Action) -> Result<Bite, NemesisError> {
        match action {
            Action::Kill { node } | Action::Stop { node } => {
                let member = self.member(node)?;
                let state = process::look(&self.engine, &member.container).await?.state;
                let gone = matches!(state, State::Exited(_));
                let (open, port) = match &member.address {
                    Some(address) if is_open(address).await => (true, format!(", {address} still accepts")),
                    Some(address) => (false, format!(", {address} refuses connections")),
                    None => (false, String::new()),
                };
                let killed = matches!(action, Action::Stop { .. }) && state == State::Exited(SIGKILLED);
                let unclean = if killed { ", not by a clean shutdown" } else { "" };
                let evidence = format!("{node}: container state: {state}{port}{unclean}");
                Ok(Bite { bit: Some(gone && !open), evidence })
            }
            Action::Pause { node } => {
                let member = self.member(node)?;
                let state = process::look(&self.engine, &member.container).await?.state;
                Ok(Bite {
                    bit: Some(state == State::Paused),
                    evidence: format!("{node}: container state: {state}"),
                })
            }
            Action::Cut { links } => self.count(links).await,
            _ => Ok(Bite { bit: None, evidence: "not an action on containers".to_owned() }),
        }
    }

    /// See [`crate::cluster::Cluster::undo`].
    pub(crate) async fn undo(&self, action: &Action) -> Result<(), NemesisError> {
        self.release(action);
        match action {
            Action::Kill { node } | Action::Stop { node } => {
                if self.holds(
                    |held| matches!(held, Action::Kill { node: n } | Action::Stop { node: n } if n == node),
                ) {
                    return Ok(());
                }
                let member = self.member(node)?;
                {
                    let _gate = member.gate.lock().await;
                    // A frozen container counts as running; whoever froze it thaws it.
                    process::start(&self.engine, &member.container).await?;
                    if self.holds(|held| matches!(held, Action::Pause { node: n } if n == node)) {
                        process::pause(&self.engine, &member.container).await?;
                    }
                }
                self.cut_again(node).await
            }
            Action::Pause { node } => {
                if self.holds(|held| matches!(held, Action::Pause { node: n } if n == node)) {
                    return Ok(());
                }
                let member = self.member(node)?;
                let _gate = member.gate.lock().await;
                process::unpause(&self.engine, &member.container).await.map(drop)
            }
            Action::Cut { links } => self.settle_rules(&places(links)).await,
            _ => Ok(()),
        }
    }

    /// Writes `dir/<node>.log` for every node; goes on after an error and returns the first.
    pub(crate) async fn collect_logs(&self, dir: &Path) -> Result<(), NemesisError> {
        std::fs::create_dir_all(dir).map_err(|source| NemesisError::Io {
            what: "create",
            path: dir.to_owned(),
            source,
        })?;
        let saving = self.members.iter().map(|member| async {
            logs::save(&self.engine, &member.container, &dir.join(format!("{}.log", member.name))).await
        });
        join_all(saving).await.into_iter().collect()
    }

    /// Puts the rules right again around a node that has come back.
    async fn cut_again(&self, node: &str) -> Result<(), NemesisError> {
        let concerned = self
            .held_links()
            .into_iter()
            .filter(|link| link.at == node || link.peer == node)
            .map(|link| link.at)
            .collect::<BTreeSet<_>>();
        self.settle_rules(&concerned).await
    }

    /// Makes the run's rules in these nodes' namespaces exactly those of the cuts that hold, and reads them
    /// back: a rule that was to go and still stands is an error.
    async fn settle_rules(&self, places: &BTreeSet<String>) -> Result<(), NemesisError> {
        let settling = places.iter().map(|at| self.settle_rules_at(at));
        join_all(settling).await.into_iter().collect()
    }

    async fn settle_rules_at(&self, at: &str) -> Result<(), NemesisError> {
        let member = self.member(at)?;
        let _gate = member.gate.lock().await;
        let state = process::look(&self.engine, &member.container).await?.state;
        if matches!(state, State::Exited(_)) {
            // It has no namespace: rules that it had are gone, rules that it needs go in when it is started.
            return Ok(());
        }
        let way = self.way.as_ref().map_err(|reason| NemesisError::Other(reason.clone()))?;
        let links = self.held_links().into_iter().filter(|link| link.at == at);
        let mut wanted = BTreeSet::new();
        for link in links {
            for peer in self.addresses_of(&link.peer).await? {
                let tag = rules::tag(&self.run_id, link.direction, &link.peer);
                wanted.insert(rules::Rule { direction: link.direction, peer, tag });
            }
        }
        let listing = way.run(&self.engine, &self.run_id, &member.container, rules::LIST).await?;
        let prefix = rules::tag_prefix(&self.run_id);
        let (delete, add) = rules::difference(&rules::parse(&listing, &prefix), &wanted);
        if delete.is_empty() && add.is_empty() {
            return Ok(());
        }
        let script = format!("{}{}", rules::change(&delete, &add), rules::LIST);
        let listing = way.run(&self.engine, &self.run_id, &member.container, &script).await?;
        let (still, missing) = rules::difference(&rules::parse(&listing, &prefix), &wanted);
        if still.is_empty() && missing.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "iptables reported no error, but {} rules that were deleted still stand and {} that were added do not",
            still.len(),
            missing.len()
        );
        Err(NemesisError::PacketFilter { container: at.to_owned(), reason })
    }

    /// A peer's addresses now, or the last ones where it is down.
    async fn addresses_of(&self, node: &str) -> Result<Vec<IpAddr>, NemesisError> {
        let companion = self.companions.iter().find(|m| m.name == node);
        let member = companion.map_or_else(|| self.member(node), Ok)?;
        let fresh = process::look(&self.engine, &member.container).await?.addresses;
        let mut known = member.addresses.lock().expect("no holder panics");
        if !fresh.is_empty() {
            known.clone_from(&fresh);
        }
        Ok(known.clone())
    }

    /// Reads the addresses of all nodes, so that they are known when one is down.
    pub(crate) async fn learn_addresses(&self) -> Result<(), NemesisError> {
        let all = self.members.iter().chain(&self.companions);
        join_all(all.map(|m| self.addresses_of(&m.name))).await.into_iter().try_for_each(|a| a.map(drop))
    }

    /// What the rules of these links have dropped.
    async fn count(&self, links: &[Link]) -> Result<Bite, NemesisError> {
        let way = self.way.as_ref().map_err(|reason| NemesisError::Other(reason.clone()))?;
        let (mut packets, mut standing, mut down) = (0, 0, Vec::new());
        for at in places(links) {
            let member = self.member(&at)?;
            let state = process::look(&self.engine, &member.container).await?.state;
            if matches!(state, State::Exited(_)) {
                down.push(at);
                continue;
            }
            let listing = way.run(&self.engine, &self.run_id, &member.container, rules::LIST).await?;
            let tags = links
                .iter()
                .filter(|link| link.at == at)
                .map(|link| rules::tag(&self.run_id, link.direction, &link.peer))
                .collect::<BTreeSet<_>>();
            for counted in rules::parse(&listing, &rules::tag_prefix(&self.run_id)) {
                if tags.contains(&counted.rule.tag) {
                    standing += 1;
                    packets += counted.packets;
                }
            }
        }
        let mut evidence = format!("{} packets dropped by {standing} rules", thousands(packets));
        if !down.is_empty() {
            evidence += &format!("; not running: {}", down.join(", "));
        }
        // Where every place is down nothing could be counted.
        let bit = (packets > 0 || standing > 0 || down.is_empty()).then_some(packets > 0);
        Ok(Bite { bit, evidence })
    }

    fn member(&self, node: &str) -> Result<&Member, NemesisError> {
        self.members.iter().find(|m| m.name == node).ok_or_else(|| {
            let names = self.members.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
            NemesisError::Other(format!("no node is called {node:?} in this cluster: it has {names}"))
        })
    }

    fn hold(&self, action: &Action) {
        self.held.lock().expect("no holder panics").hold(action);
    }

    fn release(&self, action: &Action) {
        self.held.lock().expect("no holder panics").release(action);
    }

    fn holds(&self, wanted: impl Fn(&Action) -> bool) -> bool {
        self.held.lock().expect("no holder panics").any(wanted)
    }

    fn held_links(&self) -> BTreeSet<Link> {
        let links = self.held.lock().expect("no holder panics").links();
        let nodes = self.members.iter().map(|m| m.name.as_str()).collect::<Vec<_>>();
        let companions = self.companions.iter().map(|m| m.name.as_str()).collect::<Vec<_>>();
        with_companions(links, &nodes, &companions)
    }
}

async fn is_open(address: &str) -> bool {
    matches!(tokio::time::timeout(Duration::from_secs(2), TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// `1,204`: as every figure for people is written.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped() {
        assert_eq!([0, 7, 999, 1204, 1_234_567].map(thousands), ["0", "7", "999", "1,204", "1,234,567"]);
    }
}
