//! Who led a partition when: what the sampler heard from each broker, put in order.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use store::cluster::{ClusterSample, Node};
use store::time::Nanos;

/// The samples by partition.
#[derive(Debug, Default)]
pub(crate) struct Leadership {
    views: FxHashMap<String, Vec<View>>,
    names: BTreeMap<i32, String>,
    sampled: bool,
}

/// One broker's word on one partition.
#[derive(Debug, Clone, PartialEq)]
struct View {
    time: Nanos,
    asked: i32,
    leader: Option<i32>,
    epoch: Option<i32>,
    isr: Vec<i32>,
}

/// A proof that a broker acknowledged a write although another led already.
#[derive(Debug, PartialEq)]
pub(crate) struct Deposed {
    /// The epoch in which the broker had led, where it was sampled.
    pub(crate) own_epoch: Option<i32>,
    pub(crate) leader: i32,
    pub(crate) epoch: i32,
}

/// The leadership passed on after an acknowledgement.
#[derive(Debug, PartialEq)]
pub(crate) struct Succession {
    pub(crate) own_epoch: i32,
    pub(crate) leader: i32,
    pub(crate) epoch: i32,
    /// When the new leader was first heard of.
    pub(crate) seen: Nanos,
}

impl Leadership {
    /// Puts samples in order.
    pub(crate) fn new(samples: &[ClusterSample], nodes: &[Node]) -> Leadership {
        let mut views: FxHashMap<String, Vec<View>> = FxHashMap::default();
        for sample in samples {
            for p in &sample.partitions {
                let view = View {
                    time: sample.time,
                    asked: sample.asked,
                    leader: p.leader,
                    epoch: p.epoch,
                    isr: p.isr.clone(),
                };
                views.entry(p.key.clone()).or_default().push(view);
            }
        }
        for views in views.values_mut() {
            views.sort_by_key(|view| view.time);
        }
        let names = nodes.iter().map(|node| (node.id, node.name.clone())).collect();
        Leadership { views, names, sampled: !samples.is_empty() }
    }

    /// What people call a broker.
    pub(crate) fn name(&self, node: i32) -> String {
        self.names.get(&node).cloned().unwrap_or_else(|| format!("broker {node}"))
    }

    /// Who led at `time`, by the last word of each broker asked until then.
    pub(crate) fn at(&self, key: &str, time: Nanos) -> Option<String> {
        let views = self.views.get(key)?;
        let mut last: BTreeMap<i32, &View> = BTreeMap::new();
        for view in views.iter().take_while(|view| view.time <= time) {
            last.insert(view.asked, view);
        }
        // The same word of several brokers is told once; the newest epoch first.
        let mut words: Vec<(&View, Vec<String>)> = Vec::new();
        for (asked, view) in last {
            let same = |(other, _): &&mut (&View, _)| {
                (other.leader, other.epoch, &other.isr) == (view.leader, view.epoch, &view.isr)
            };
            match words.iter_mut().find(same) {
                Some((_, askers)) => askers.push(self.name(asked)),
                None => words.push((view, vec![self.name(asked)])),
            }
        }
        words.sort_by_key(|(view, _)| std::cmp::Reverse(view.epoch));
        let told: Vec<String> = words.iter().map(|(view, askers)| self.word(view, askers)).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    fn word(&self, view: &View, askers: &[String]) -> String {
        let leader = view.leader.map_or_else(|| "no leader".to_owned(), |leader| self.name(leader));
        let epoch = view.epoch.map(|epoch| format!(" in epoch {epoch}")).unwrap_or_default();
        let isr: Vec<String> = view.isr.iter().map(|node| self.name(*node)).collect();
        let isr = if isr.is_empty() { String::new() } else { format!(", in sync {}", isr.join(", ")) };
        format!("{leader}{epoch}{isr} (said {})", askers.join(", "))
    }

    /// Whether the samples prove that `node`, which acknowledged a write at `acknowledged`, was no longer the
    /// leader: another led in some epoch before the write began, and in that same epoch after it ended.
    pub(crate) fn deposed(&self, key: &str, node: i32, began: Nanos, acknowledged: Nanos) -> Option<Deposed> {
        let views = self.views.get(key)?;
        let newest = |views: &mut dyn Iterator<Item = &View>| {
            views.filter_map(|v| Some((v.epoch?, v.leader?))).max_by_key(|(epoch, _)| *epoch)
        };
        let before = newest(&mut views.iter().take_while(|v| v.time < began))?;
        let mut after = views.iter().skip_while(|v| v.time <= acknowledged);
        // The first word after the acknowledgement that is not older than what was known before it.
        let next = after.find_map(|v| Some((v.epoch?, v.leader?)).filter(|next| next.0 >= before.0))?;
        if before.1 == node || next != before {
            return None;
        }
        let own = views.iter().filter(|v| v.leader == Some(node)).filter_map(|v| v.epoch);
        let own_epoch = own.filter(|epoch| *epoch < before.0).max();
        Some(Deposed { own_epoch, leader: before.1, epoch: before.0 })
    }

    /// Who led next after `node`, which acknowledged a write as the leader of its time; `None` where the samples
    /// do not show both.
    pub(crate) fn succession(&self, key: &str, node: i32, acknowledged: Nanos) -> Option<Succession> {
        let views = self.views.get(key)?;
        let led = views.iter().take_while(|v| v.time <= acknowledged);
        let (own_epoch, leader) =
            led.filter_map(|v| Some((v.epoch?, v.leader?))).max_by_key(|(epoch, _)| *epoch)?;
        if leader != node {
            return None;
        }
        let after = views.iter().skip_while(|v| v.time <= acknowledged);
        let mut after = after.filter_map(|v| Some((v.epoch?, v.leader?, v.time)));
        let (epoch, leader, seen) = after.find(|(epoch, ..)| *epoch > own_epoch)?;
        (leader != node).then_some(Succession { own_epoch, leader, epoch, seen })
    }

    /// How often a partition got another leader, over all partitions, at least; `None` where nothing was sampled.
    ///
    /// Where brokers tell no epochs (over TLS and SASL the client library asks them, and passes none on), nobody can
    /// tell a new leader from an old one that does not know better: each leader that was named counts once.
    pub(crate) fn changes(&self) -> Option<u64> {
        let changes = |views: &Vec<View>| {
            let by_epoch: BTreeMap<i32, i32> =
                views.iter().filter_map(|v| Some((v.epoch?, v.leader?))).collect();
            if by_epoch.is_empty() {
                let named: BTreeSet<i32> = views.iter().filter_map(|v| v.leader).collect();
                return (named.len() as u64).saturating_sub(1);
            }
            let leaders: Vec<i32> = by_epoch.into_values().collect();
            leaders.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64
        };
        self.sampled.then(|| self.views.values().map(changes).sum())
    }
}

#[cfg(test)]
mod tests {
    use store::cluster::PartitionView;

    use super::*;

    /// `time asked leader epoch` a word, all of `t-0`.
    fn leadership(words: &[(u64, i32, i32, i32)]) -> Leadership {
        let samples: Vec<ClusterSample> = words
            .iter()
            .map(|(time, asked, leader, epoch)| ClusterSample {
                time: Nanos(*time),
                asked: *asked,
                error: None,
                controller: None,
                partitions: vec![PartitionView {
                    key: "t-0".into(),
                    leader: Some(*leader),
                    epoch: Some(*epoch),
                    isr: vec![*leader],
                    replicas: vec![1, 2, 3],
                    end: None,
                    log_end: None,
                }],
            })
            .collect();
        let nodes: Vec<Node> =
            (1..=3).map(|id| Node { id, name: format!("kafka-{id}"), address: None }).collect();
        Leadership::new(&samples, &nodes)
    }

    #[test]
    fn leaders_without_epochs_count_once_each() {
        let mut leadership = leadership(&[(10, 1, 2, 5), (20, 1, 1, 6), (30, 2, 2, 5), (40, 1, 1, 6)]);
        assert_eq!(leadership.changes(), Some(1));
        leadership.views.values_mut().flatten().for_each(|view| view.epoch = None);
        assert_eq!(leadership.changes(), Some(1), "one of them is an old word, and nobody can tell which");
    }

    #[test]
    fn each_brokers_last_word_counts() {
        let leadership = leadership(&[(10, 1, 2, 5), (10, 2, 2, 5), (20, 1, 1, 6), (30, 2, 1, 6)]);
        let told = leadership.at("t-0", Nanos(25)).expect("two words");
        assert_eq!(
            told,
            "kafka-1 in epoch 6, in sync kafka-1 (said kafka-1); kafka-2 in epoch 5, in sync kafka-2 (said kafka-2)"
        );
        assert_eq!(leadership.at("t-0", Nanos(9)), None);
        assert_eq!(leadership.at("t-1", Nanos(25)), None);
        assert_eq!(leadership.changes(), Some(1));
    }

    #[test]
    fn a_deposed_leader_is_proved_only_from_both_sides() {
        let words = [(10, 1, 2, 5), (20, 1, 1, 6), (40, 2, 2, 5), (50, 1, 1, 6)];
        let all = leadership(&words);
        assert_eq!(
            all.deposed("t-0", 2, Nanos(25), Nanos(30)),
            Some(Deposed { own_epoch: Some(5), leader: 1, epoch: 6 })
        );
        assert_eq!(all.deposed("t-0", 1, Nanos(25), Nanos(30)), None, "the leader itself");
        assert_eq!(all.deposed("t-0", 2, Nanos(15), Nanos(30)), None, "it may have led when the write began");
        assert_eq!(leadership(&words[..3]).deposed("t-0", 2, Nanos(25), Nanos(30)), None, "nothing after");
        assert_eq!(
            all.succession("t-0", 2, Nanos(15)),
            Some(Succession { own_epoch: 5, leader: 1, epoch: 6, seen: Nanos(20) })
        );
        assert_eq!(all.succession("t-0", 2, Nanos(25)), None, "it led no more");
        assert_eq!(all.succession("t-0", 1, Nanos(25)), None, "nobody came after");
        let again = leadership(&[(10, 1, 2, 5), (20, 1, 1, 6), (50, 1, 1, 8)]);
        assert_eq!(again.deposed("t-0", 2, Nanos(25), Nanos(30)), None, "it may have led in epoch 7");
    }
}
