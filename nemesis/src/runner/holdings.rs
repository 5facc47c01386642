//! What is in force, and for how many faults: where two faults want the same thing of the same node, it is
//! done once and undone when the last of them heals.

use std::collections::BTreeMap;

use crate::action::{Action, Link};

/// The smallest thing that can be in force by itself: one link, or one whole action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Link(Link),
    Whole(String),
}

#[derive(Debug)]
struct Held {
    faults: u32,
    act: u64,
    action: Action,
}

/// Everything in force, by unit.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    held: BTreeMap<Unit, Held>,
}

/// What a release comes to.
#[derive(Debug, PartialEq)]
pub(super) struct Release {
    /// What to undo now, with the number of the act that did it.
    pub(super) undo: Vec<(u64, Action)>,
    /// Acts of which nothing is left once that is undone.
    pub(super) over: Vec<u64>,
}

impl Holdings {
    /// The part of this action that is not in force yet; `None`: all of it is.
    pub(super) fn missing(&self, action: &Action) -> Option<Action> {
        let missing = units(action).into_iter().filter(|u| !self.held.contains_key(u));
        whole(action, missing.collect())
    }

    /// One more fault holds this action; what was not in force before was done by `act`.
    pub(super) fn hold(&mut self, action: &Action, act: u64) {
        for unit in units(action) {
            let single = whole(action, vec![unit.clone()]).unwrap_or_else(|| action.clone());
            self.held.entry(unit).or_insert(Held { faults: 0, act, action: single }).faults += 1;
        }
    }

    /// One fault less holds it: what nobody else holds is to be undone.
    pub(super) fn release(&mut self, action: &Action) -> Release {
        let mut undo: BTreeMap<u64, Vec<Unit>> = BTreeMap::new();
        for unit in units(action) {
            let Some(held) = self.held.get_mut(&unit) else { continue };
            held.faults -= 1;
            if held.faults == 0 {
                undo.entry(held.act).or_default().push(unit.clone());
                self.held.remove(&unit);
            }
        }
        let over = undo.keys().copied().filter(|act| self.held.values().all(|h| h.act != *act)).collect();
        let undo = undo.into_iter().filter_map(|(act, units)| Some((act, whole(action, units)?))).collect();
        Release { undo, over }
    }

    /// Everything that is still in force, forgotten here: for the end of a run.
    pub(super) fn take_all(&mut self) -> Vec<(u64, Action)> {
        std::mem::take(&mut self.held).into_values().map(|h| (h.act, h.action)).collect()
    }
}

fn units(action: &Action) -> Vec<Unit> {
    match action {
        Action::Cut { links } => links.iter().cloned().map(Unit::Link).collect(),
        other => vec![Unit::Whole(format!("{other:?}"))],
    }
}

fn whole(action: &Action, units: Vec<Unit>) -> Option<Action> {
    if units.is_empty() {
        return None;
    }
    let links = units.into_iter().filter_map(|u| if let Unit::Link(link) = u { Some(link) } else { None });
    match action {
        Action::Cut { .. } => Some(Action::Cut { links: links.collect() }),
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::action::Direction;
    use crate::containers::held::Held;

    fn cut(peers: &[&str]) -> Action {
        let link = |peer: &&str| Link { at: "a".into(), peer: (*peer).into(), direction: Direction::From };
        Action::Cut { links: peers.iter().map(link).collect() }
    }

    #[test]
    fn what_two_faults_share_is_done_once_and_undone_last() {
        let mut holdings = Holdings::default();
        let pause = Action::Pause { node: "a".into() };
        assert_eq!(holdings.missing(&pause), Some(pause.clone()));
        holdings.hold(&pause, 1);
        assert_eq!(holdings.missing(&pause), None);
        holdings.hold(&pause, 0);
        assert_eq!(holdings.release(&pause), Release { undo: vec![], over: vec![] });
        assert_eq!(holdings.release(&pause), Release { undo: vec![(1, pause.clone())], over: vec![1] });
        assert_eq!(holdings.release(&pause), Release { undo: vec![], over: vec![] });
    }

    #[test]
    fn cuts_are_shared_link_by_link() {
        let mut holdings = Holdings::default();
        holdings.hold(&cut(&["b", "c"]), 1);
        assert_eq!(holdings.missing(&cut(&["c", "d"])), Some(cut(&["d"])));
        holdings.hold(&cut(&["c", "d"]), 2);
        let first = holdings.release(&cut(&["b", "c"]));
        assert_eq!(first, Release { undo: vec![(1, cut(&["b"]))], over: vec![] });
        let second = holdings.release(&cut(&["c", "d"]));
        assert_eq!(second, Release { undo: vec![(1, cut(&["c"])), (2, cut(&["d"]))], over: vec![1, 2] });
        assert!(holdings.take_all().is_empty());
    }
    /// What the cluster holds, told only what is missing and what is to be undone.
    fn play(cuts: &[Action], order: &[usize]) -> Held {
        let (mut holdings, mut held, mut active) = (Holdings::default(), Held::default(), BTreeSet::new());
        for (step, cut) in order.iter().enumerate() {
            let action = &cuts[*cut];
            if active.insert(*cut) {
                if let Some(missing) = holdings.missing(action) {
                    held.hold(&missing);
                }
                holdings.hold(action, step as u64);
            } else {
                active.remove(cut);
                for (_, undo) in holdings.release(action).undo {
                    held.release(&undo);
                }
            }
            let links = |cut: &usize| match &cuts[*cut] {
                Action::Cut { links } => links.clone(),
                _ => vec![],
            };
            assert_eq!(held.links(), active.iter().flat_map(links).collect(), "after {:?}", &order[..=step]);
        }
        held
    }

    #[test]
    fn the_wider_of_two_cuts_may_end_first_or_last() {
        let cuts = [cut(&["b", "c"]), cut(&["b"])];
        for order in [[0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0]] {
            assert!(play(&cuts, &order).links().is_empty(), "{order:?}");
        }
    }

    proptest::proptest! {
        /// However cuts overlap, the cluster holds exactly the links of those that hold.
        #[test]
        fn the_cluster_cuts_what_the_faults_want(
            cuts in proptest::collection::vec(proptest::sample::subsequence(vec!["b", "c", "d", "e"], 1..=4), 4),
            order in proptest::collection::vec(0..4usize, 0..20),
        ) {
            play(&cuts.iter().map(|peers| cut(peers)).collect::<Vec<_>>(), &order);
        }
    }
}
