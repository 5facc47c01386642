//! What holds on the containers of one cluster, counted: faults overlap, and each takes back its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Direction, Link};

/// Everything that holds.
///
/// Links are counted one by one, not by the action that cut them: where two cuts overlap, what ends with
/// the first of them is a part of its links, and may be links of both.
#[derive(Debug, Default)]
pub(crate) struct Held {
    links: BTreeMap<Link, u32>,
    others: Vec<Action>,
}

impl Held {
    pub(crate) fn hold(&mut self, action: &Action) {
        match action {
            Action::Cut { links } => {
                for link in links {
                    *self.links.entry(link.clone()).or_default() += 1;
                }
            }
            other => self.others.push(other.clone()),
        }
    }

    /// Takes back one hold of it; what is not held stays as it is.
    pub(crate) fn release(&mut self, action: &Action) {
        match action {
            Action::Cut { links } => {
                for link in links {
                    if let Some(count) = self.links.get_mut(link) {
                        *count -= 1;
                        if *count == 0 {
                            self.links.remove(link);
                        }
                    }
                }
            }
            other => {
                if let Some(at) = self.others.iter().position(|a| a == other) {
                    self.others.remove(at);
                }
            }
        }
    }

    /// Whether something other than a cut holds that is wanted.
    pub(crate) fn any(&self, wanted: impl Fn(&Action) -> bool) -> bool {
        self.others.iter().any(wanted)
    }

    /// Every link that is cut, each once.
    pub(crate) fn links(&self) -> BTreeSet<Link> {
        self.links.keys().cloned().collect()
    }
}

/// A broker that is cut both ways from every other broker is meant to be alone: controllers of their own
/// are peers too, though no node of the run. The links are those of all cuts together: which of them cut
/// the last link does not matter.
pub(super) fn with_companions(
    mut links: BTreeSet<Link>,
    nodes: &[&str],
    companions: &[&str],
) -> BTreeSet<Link> {
    for at in places(&links) {
        let link = |peer: &str, direction| Link { at: at.clone(), peer: peer.to_owned(), direction };
        let is_cut =
            |peer: &str| [Direction::From, Direction::To].iter().all(|d| links.contains(&link(peer, *d)));
        if nodes.iter().filter(|node| **node != at).all(|node| is_cut(node)) {
            for peer in companions {
                links.extend([link(peer, Direction::From), link(peer, Direction::To)]);
            }
        }
    }
    links
}

/// The nodes in whose namespaces the rules of these links stand.
pub(super) fn places<'a>(links: impl IntoIterator<Item = &'a Link>) -> BTreeSet<String> {
    links.into_iter().map(|link| link.at.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(at: &str, peer: &str) -> Vec<Link> {
        let link = |direction| Link { at: at.to_owned(), peer: peer.to_owned(), direction };
        vec![link(Direction::From), link(Direction::To)]
    }

    fn set(links: &[Vec<Link>]) -> BTreeSet<Link> {
        links.concat().into_iter().collect()
    }

    #[test]
    fn links_are_taken_back_one_by_one_whichever_cut_they_came_with() {
        let cut = |links: &[Vec<Link>]| Action::Cut { links: links.concat() };
        let mut held = Held::default();
        held.hold(&cut(&[both("a", "b"), both("a", "c")]));
        // A part of a cut: the other part is another fault's too, and goes on.
        held.release(&cut(&[both("a", "c")]));
        assert_eq!(held.links(), set(&[both("a", "b")]));
        held.hold(&cut(&[both("a", "b"), both("a", "d")]));
        held.release(&cut(&[both("a", "b")]));
        assert_eq!(held.links(), set(&[both("a", "b"), both("a", "d")]), "it was held twice");
        // Links of two cuts at once.
        held.release(&cut(&[both("a", "d"), both("a", "b")]));
        assert_eq!(held.links(), BTreeSet::new());
        held.release(&cut(&[both("a", "b")]));
        held.hold(&cut(&[both("a", "b")]));
        assert_eq!(held.links(), set(&[both("a", "b")]), "what was not held is not owed");
    }

    #[test]
    fn who_is_cut_from_every_broker_is_cut_from_the_controllers_too() {
        let alone = set(&[both("a", "b"), both("a", "c")]);
        let widened = with_companions(alone.clone(), &["a", "b", "c"], &["quorum"]);
        assert_eq!(widened, set(&[both("a", "b"), both("a", "c"), both("a", "quorum")]));
        let one_link = set(&[both("a", "b")]);
        assert_eq!(with_companions(one_link.clone(), &["a", "b", "c"], &["quorum"]), one_link);
        let one_way = BTreeSet::from([both("a", "b")[0].clone()]);
        assert_eq!(with_companions(one_way.clone(), &["a", "b"], &["quorum"]), one_way);
    }

    #[test]
    fn an_isolation_that_found_one_link_cut_already_reaches_the_controllers() {
        let mut held = Held::default();
        held.hold(&Action::Cut { links: vec![both("a", "b")[0].clone()] });
        held.hold(&Action::Cut { links: [vec![both("a", "b")[1].clone()], both("a", "c")].concat() });
        let widened = with_companions(held.links(), &["a", "b", "c"], &["quorum"]);
        assert_eq!(widened, set(&[both("a", "b"), both("a", "c"), both("a", "quorum")]));
    }

    #[test]
    fn rules_stand_at_each_place_once() {
        let link =
            |at: &str, peer: &str| Link { at: at.into(), peer: peer.into(), direction: Direction::From };
        assert_eq!(
            places(&[link("a", "b"), link("a", "c"), link("b", "c")]),
            BTreeSet::from(["a".into(), "b".into()])
        );
    }
}
