//! Which faults a kind of target knows: told from what was asked for alone, before anything is started. What depends
//! on the host (ways to cut links, frozen processes) only the cluster itself can tell, see
//! [`crate::cluster::Cluster::can`].

use super::parse::all_names;
use super::random::RANDOM_KINDS;
use super::when::Hold;
use super::{Aim, BASE_NAMES, FaultKind, FaultSpec};

/// What is known of a target before it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terrain {
    /// `mock`, `docker`, `attach` or `external`.
    pub kind: String,
    /// How many brokers it will have, where tribunal creates it; they are then called `mock-1` or `kafka-1` and so on.
    pub brokers: Option<u32>,
    /// Replicas of each partition of the run.
    pub replicas: u32,
}

impl Terrain {
    fn is_mock(&self) -> bool {
        self.kind == "mock"
    }

    /// The base names that this kind of target knows, none where no node is in reach.
    pub fn base_names(&self) -> Vec<&'static str> {
        let of_mock = |base: &str| BASE_NAMES.iter().any(|(name, about)| *name == base && is_of_mock(about));
        let names = BASE_NAMES.iter().map(|(base, _)| *base);
        names.filter(|base| !self.is_out_of_reach() && of_mock(base) == self.is_mock()).collect()
    }

    /// Every name that `--fault` takes on this kind of target.
    pub fn names(&self) -> Vec<String> {
        let known = |name: &String| {
            // A name alone is no fault: with a hold, or without one where it is over at once.
            let spec = [format!("{name}@1s+1s"), format!("{name}@1s")].iter().find_map(|f| f.parse().ok());
            spec.is_some_and(|spec| self.refuses(&spec).is_none())
        };
        all_names().into_iter().filter(known).collect()
    }

    /// The kinds of random faults that this kind of target knows.
    pub fn random_kinds(&self) -> Vec<&'static str> {
        let known = RANDOM_KINDS.iter().filter(|(_, about)| is_of_mock(about) == self.is_mock());
        known.map(|(kind, _)| *kind).filter(|_| !self.is_out_of_reach()).collect()
    }

    /// Of bootstrap servers alone, neither processes nor links are known.
    fn is_out_of_reach(&self) -> bool {
        self.kind == "external"
    }

    /// Why a fault cannot happen there; `None`: nothing that is known yet speaks against it.
    pub fn refuses(&self, spec: &FaultSpec) -> Option<String> {
        self.refuses_kind(spec.kind.name()).or_else(|| self.refuses_aim(spec))
    }

    /// Why a kind of random fault cannot happen there.
    pub fn refuses_random(&self, kind: &str) -> Option<String> {
        if self.random_kinds().contains(&kind) {
            return (kind == "leader-move" && self.replicas < 2).then(|| ONE_REPLICA.to_owned());
        }
        if self.is_out_of_reach() {
            return Some(OUT_OF_REACH.to_owned());
        }
        Some(format!("{}; its kinds are {}", self.not_here(), self.random_kinds().join(", ")))
    }

    fn refuses_kind(&self, base: &str) -> Option<String> {
        if self.is_out_of_reach() {
            return Some(OUT_OF_REACH.to_owned());
        }
        let known = self.base_names();
        (!known.contains(&base)).then(|| format!("{}; it knows {}", self.not_here(), known.join(", ")))
    }

    fn not_here(&self) -> &'static str {
        if self.is_mock() {
            "the mock's brokers share one process and have no links to cut (for such faults: --target docker)"
        } else {
            "only the mock cluster does that, this target is made of containers"
        }
    }

    fn refuses_aim(&self, spec: &FaultSpec) -> Option<String> {
        let receiver = if let FaultKind::CutLink { to, .. } = &spec.kind { Some(to) } else { None };
        let aims = || [Some(&spec.aim), receiver].into_iter().flatten();
        if self.is_mock() && aims().any(|aim| *aim == Aim::Controller) {
            return Some(
                "the mock has no controller: aim it at leader, random or a broker's name".to_owned(),
            );
        }
        if self.is_mock() && matches!(spec.hold, Some(Hold::UntilNewLeader { .. })) {
            return Some("no leader changes by itself on the mock: give a duration".to_owned());
        }
        if self.replicas < 2 {
            if matches!(spec.kind, FaultKind::LeaderMove { .. }) {
                return Some(ONE_REPLICA.to_owned());
            }
            if aims().any(|aim| matches!(aim, Aim::Follower(_) | Aim::Followers(_))) {
                return Some(
                    "a partition with one replica has no follower: --replication-factor 2 or more".to_owned(),
                );
            }
        }
        let brokers = self.brokers?;
        if brokers < 2 && matches!(spec.kind, FaultKind::Isolate | FaultKind::CutLink { .. }) {
            return Some(
                "the cluster has a single broker, there is no peer to cut it from: --brokers 2 or more"
                    .to_owned(),
            );
        }
        if brokers < 3 && aims().any(|aim| *aim == Aim::Minority) {
            return Some(format!("no minority of {brokers} brokers holds one: --brokers 3 or more"));
        }
        let target = if let FaultKind::LeaderMove { to } = &spec.kind { to.as_deref() } else { None };
        let named =
            aims().filter_map(|aim| if let Aim::Named(name) = aim { Some(name.as_str()) } else { None });
        let prefix = if self.is_mock() { "mock" } else { "kafka" };
        let exists = |name: &str| {
            let id = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).unwrap_or(name);
            id.parse::<u32>().is_ok_and(|id| (1..=brokers).contains(&id))
        };
        let missing = named.chain(target).find(|name| !exists(name))?;
        let last = if brokers > 1 { format!(" to {prefix}-{brokers}") } else { String::new() };
        Some(format!("there is no broker `{missing}`; there are {prefix}-1{last}"))
    }
}

const ONE_REPLICA: &str = "a partition with one replica has no other broker to lead it: --replication-factor 2 or more, or leave it out";
const OUT_OF_REACH: &str = "only its addresses are known, so its processes and its network are out of reach and no fault \
                            can be done: name its containers with --target compose:PROJECT or label:KEY=VALUE";

/// What the tables of names say of the mock's own.
fn is_of_mock(about: &str) -> bool {
    about.starts_with("mock:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terrain(kind: &str, brokers: u32, replicas: u32) -> Terrain {
        let own = ["mock", "docker"].contains(&kind);
        Terrain { kind: kind.into(), brokers: own.then_some(brokers), replicas }
    }

    fn refused(terrain: &Terrain, fault: &str) -> String {
        terrain.refuses(&fault.parse().unwrap()).unwrap_or_default()
    }

    #[test]
    fn each_kind_of_target_knows_its_own_faults_and_names_them() {
        let (mock, docker) = (terrain("mock", 3, 3), terrain("docker", 3, 3));
        for fault in ["broker-down@1s+1s", "slow-broker-all@1s+1s", "leader-move:2:>mock-3@1s"] {
            assert_eq!(refused(&mock, fault), "");
            let why = refused(&docker, fault);
            assert!(why.contains("only the mock") && why.contains("isolate"), "{fault}: {why}");
            assert!(refused(&terrain("external", 0, 3), fault).contains("compose:PROJECT"));
        }
        for fault in ["kill-leader@1s+1s", "isolate-controller@1s+1s", "cut-link:1>kafka-3@1s+1s"] {
            assert_eq!(refused(&docker, fault), "");
            assert_eq!(refused(&terrain("attach", 0, 3), fault), "");
            let why = refused(&mock, fault);
            assert!(why.contains("broker-down, slow-broker, leader-move, request-errors"), "{fault}: {why}");
        }
        assert_eq!(mock.random_kinds(), ["broker-down", "slow", "leader-move", "errors"]);
        assert!(mock.refuses_random("kill").unwrap().contains("broker-down, slow"));
        assert!(docker.refuses_random("slow").unwrap().contains("kill, stop, pause, partition, link"));
        assert_eq!(docker.refuses_random("partition"), None);
    }

    #[test]
    fn the_mock_has_no_controller_and_no_new_leader_by_itself() {
        let mock = terrain("mock", 3, 3);
        assert!(refused(&mock, "broker-down-controller@1s+1s").contains("no controller"));
        assert!(refused(&mock, "broker-down-leader@1s+until-new-leader").contains("give a duration"));
        assert!(!mock.names().iter().any(|name| name.ends_with("controller")), "{:?}", mock.names());
        assert!(terrain("attach", 0, 3).names().contains(&"kill-controller".to_owned()));
    }

    #[test]
    fn what_the_cluster_will_be_too_small_for_is_refused() {
        let small = terrain("mock", 1, 1);
        assert!(refused(&small, "leader-move@1s").contains("one replica"));
        assert!(refused(&small, "slow-broker-follower@1s+1s").contains("no follower"));
        assert!(refused(&small, "broker-down-minority@1s+1s").contains("minority"));
        assert_eq!(refused(&small, "broker-down-leader@1s+1s"), "");
        assert!(refused(&terrain("docker", 1, 1), "isolate-leader@1s+1s").contains("single broker"));
        assert!(small.refuses_random("leader-move").unwrap().contains("one replica"));
        let three = terrain("docker", 3, 3);
        assert_eq!(refused(&three, "kill:kafka-3@1s+1s"), "");
        assert_eq!(refused(&three, "kill:4@1s+1s"), "there is no broker `4`; there are kafka-1 to kafka-3");
        assert!(refused(&terrain("mock", 3, 3), "leader-move:>kafka-1@1s").contains("mock-1 to mock-3"));
    }
}
