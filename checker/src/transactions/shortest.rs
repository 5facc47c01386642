//! The shortest cycle in a strongly connected component that holds an arc of each wanted kind.
//!
//! Breadth first from each arc of the first wanted kind back to where it begins, on pairs of a node and whether the
//! second wanted kind was met. Steps over barriers cost nothing, so that length counts operations. The search has
//! a budget; what it has found when that is spent is a cycle, and perhaps not the shortest.

use std::collections::VecDeque;

use super::graph::Graph;
use crate::tables::NONE;

/// Arcs that a search may look at before it is content with what it has: at least, and for each node of its
/// component, so that all searches together stay linear.
const LEAST: u64 = 20_000;
const A_NODE: u64 = 64;

/// Which arcs a cycle may have, and which it must have: `first` and then `second` where it is not 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) mask: u8,
    pub(crate) first: u8,
    pub(crate) second: u8,
}

/// A node, and the kind of the arc that leads on from it.
pub(crate) type Step = (u32, u8);

/// Looks for cycles in one graph; keeps its memory from one search to the next.
pub(crate) struct Search<'g> {
    graph: &'g Graph,
    component: &'g [u32],
    /// By node and half: the round in which it was reached, from where, by which kind, at what distance.
    round: Vec<u32>,
    from: Vec<(u32, u8)>,
    distance: Vec<u32>,
    now: u32,
    /// Arcs that may still be looked at.
    budget: u64,
}

impl<'g> Search<'g> {
    /// In the components of `graph`.
    pub(crate) fn new(graph: &'g Graph, component: &'g [u32]) -> Search<'g> {
        let states = graph.len() * 2;
        Search {
            graph,
            component,
            round: vec![0; states],
            from: vec![(NONE, 0); states],
            distance: vec![0; states],
            now: 0,
            budget: 0,
        }
    }

    /// The shortest cycle among these nodes, all of one component.
    pub(crate) fn cycle(&mut self, nodes: &[u32], wanted: Wanted) -> Option<Vec<Step>> {
        let graph = self.graph;
        self.budget = LEAST + nodes.len() as u64 * A_NODE;
        let mut best: Option<(u32, Vec<Step>)> = None;
        for start in nodes.iter().copied().filter(|node| !graph.is_barrier(*node)) {
            for arc in graph.from(start) {
                if arc.kind & wanted.first == 0 || !self.inside(start, arc.to) {
                    continue;
                }
                // The first search always finds one, unless it needs a second kind.
                if self.budget == 0 && (best.is_some() || wanted.second != 0) {
                    return best.map(|(_, steps)| steps);
                }
                let limit = best.as_ref().map_or(u32::MAX, |(length, _)| *length);
                if let Some(length) = self.back(start, arc.to, 1, limit, wanted) {
                    let mut steps = vec![(start, arc.kind & wanted.first)];
                    steps.extend(self.path(arc.to, start, wanted));
                    if is_simple(&steps) {
                        best = Some((length, steps));
                    }
                }
                if best.as_ref().is_some_and(|(length, _)| *length <= 2) {
                    return best.map(|(_, steps)| steps);
                }
            }
        }
        best.map(|(_, steps)| steps)
    }

    fn inside(&self, from: u32, to: u32) -> bool {
        self.component[from as usize] == self.component[to as usize]
    }

    /// The least number of operations on a way from `from` to `to` that is shorter than `limit`, `length` of them
    /// behind it.
    fn back(&mut self, to: u32, from: u32, length: u32, limit: u32, wanted: Wanted) -> Option<u32> {
        self.now += 1;
        let goal = to * 2 + u32::from(wanted.second != 0);
        let mut queue = VecDeque::from([from * 2]);
        self.round[from as usize * 2] = self.now;
        self.distance[from as usize * 2] = length;
        self.from[from as usize * 2] = (NONE, 0);
        while let Some(state) = queue.pop_front() {
            let (node, half) = (state / 2, state % 2);
            let length = self.distance[state as usize];
            if state == goal {
                return Some(length);
            }
            let cost = u32::from(!self.graph.is_barrier(node));
            if length + cost >= limit {
                continue;
            }
            for arc in self.graph.from(node) {
                self.budget = self.budget.saturating_sub(1);
                if arc.kind & wanted.mask == 0 || !self.inside(node, arc.to) {
                    continue;
                }
                let met = half | u32::from(arc.kind & wanted.second != 0);
                let next = arc.to * 2 + met;
                let (seen, distance) = (self.round[next as usize], self.distance[next as usize]);
                if seen == self.now && distance <= length + cost {
                    continue;
                }
                self.round[next as usize] = self.now;
                self.distance[next as usize] = length + cost;
                self.from[next as usize] = (state, arc.kind & wanted.mask);
                if cost == 0 { queue.push_front(next) } else { queue.push_back(next) }
            }
        }
        None
    }

    /// The way that [`Search::back`] found.
    fn path(&self, from: u32, to: u32, wanted: Wanted) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut state = to * 2 + u32::from(wanted.second != 0);
        while state != from * 2 {
            let (before, kind) = self.from[state as usize];
            steps.push((before / 2, kind));
            state = before;
        }
        steps.reverse();
        steps
    }
}

/// Whether no node is there twice: a walk that meets one twice is several cycles, each of a more basic kind.
fn is_simple(steps: &[Step]) -> bool {
    let mut nodes: Vec<u32> = steps.iter().map(|(node, _)| *node).collect();
    nodes.sort_unstable();
    nodes.windows(2).all(|pair| pair[0] != pair[1])
}
