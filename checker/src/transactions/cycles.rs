//! Cycles of transactions, by kind, as Elle names them.
//!
//! First everything together: what is in no strongly connected component is in no cycle. In each component then
//! kind by kind, the most basic first: only writes (G0), writes and reads (G1c), each then with the order within
//! processes and with real time. Of each component of each kind's arcs one cycle is told, the shortest. Its most
//! basic kind is the finding; the others follow from it.
//!
//! A cycle of reads alone, all by readers of committed records, proves more: each transaction read another before
//! it had itself committed, and had committed before that one did. One of them read what was not committed.
//!
//! Kafka isolates no writes, so that a correct one shows G0, and with it G1c (`T1 <ww T2 <wr T1`), whenever
//! transactions overlap: as in `jepsen.tests.kafka` with ww edges, they are counted and allowed.

use super::bench::Bench;
use super::graph::{COMMITTED, Graph, PROCESS, REALTIME, WR, WW, graph};
use super::prose::{Cycle, tell};
use super::scc::{components, groups};
use super::shortest::{Search, Wanted};
use crate::checks::Concluded;
use crate::found::Collector;
use crate::kind::Kind;
use crate::tables::NONE;

/// The kinds, the most basic first.
const LEVELS: [(Kind, Wanted); 7] = [
    (Kind::PrecommittedRead, Wanted { mask: COMMITTED, first: COMMITTED, second: 0 }),
    (Kind::G0, Wanted { mask: WW, first: WW, second: 0 }),
    (Kind::G1c, Wanted { mask: WW | WR, first: WR, second: 0 }),
    (Kind::G0Process, Wanted { mask: WW | PROCESS, first: PROCESS, second: 0 }),
    (Kind::G1cProcess, Wanted { mask: WW | WR | PROCESS, first: WR, second: PROCESS }),
    (Kind::G0Realtime, Wanted { mask: WW | PROCESS | REALTIME, first: REALTIME, second: 0 }),
    (Kind::G1cRealtime, Wanted { mask: WW | WR | PROCESS | REALTIME, first: WR, second: REALTIME }),
];

/// No kind was found in a node's component yet.
const UNTOUCHED: u8 = u8::MAX;

pub(super) fn check(bench: &Bench<'_>) -> Concluded {
    let Some(graph) = graph(bench) else { return Concluded::default() };
    let mut found = LEVELS.map(|(kind, _)| Collector::new(kind, bench.keep));
    let all = WW | WR | PROCESS | REALTIME;
    let (component, n) = components(&graph, all);
    let mut numbers = vec![NONE; graph.len()];
    for nodes in groups(&component, n) {
        let part = part(&graph, &nodes, &mut numbers);
        for (level, cycle, after) in cycles(&part) {
            let cycle = Cycle::new(bench, &part, &cycle);
            let after = after.or_else(|| cycle.follows(bench, LEVELS[level].0));
            found[level].push(cycle.line(bench), after, cycle);
        }
    }
    let explained = found.map(|collector| collector.explain(|cycle| tell(bench, cycle)));
    Concluded::from(Vec::from(explained))
}

/// One component by itself, its nodes numbered from 0.
fn part(graph: &Graph, nodes: &[u32], numbers: &mut [u32]) -> Graph {
    for (number, node) in nodes.iter().enumerate() {
        numbers[*node as usize] = number as u32;
    }
    let mut pairs = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        for arc in graph.from(*node).iter().filter(|arc| numbers[arc.to as usize] != NONE) {
            pairs.push((number as u32, numbers[arc.to as usize], arc.kind));
        }
    }
    let names = nodes.iter().map(|node| graph.names[*node as usize]).collect();
    for node in nodes {
        numbers[*node as usize] = NONE;
    }
    Graph::new(names, &pairs)
}

/// The cycles of a graph that is one component: the place of their kind in [`LEVELS`], their steps, and the kind
/// that they follow from.
pub(crate) fn cycles(graph: &Graph) -> Vec<(usize, Vec<super::shortest::Step>, Option<Kind>)> {
    let mut all = Vec::new();
    let mut basic = vec![UNTOUCHED; graph.len()];
    let kinds = (0..graph.len() as u32).flat_map(|node| graph.from(node)).fold(0, |all, arc| all | arc.kind);
    for (level, (_, wanted)) in LEVELS.iter().enumerate() {
        if kinds & wanted.first == 0 || (wanted.second != 0 && kinds & wanted.second == 0) {
            continue;
        }
        let (component, n) = components(graph, wanted.mask);
        let groups = groups(&component, n);
        if groups.is_empty() {
            continue;
        }
        let mut search = Search::new(graph, &component);
        for nodes in groups {
            let Some(cycle) = search.cycle(&nodes, *wanted) else { continue };
            let before = nodes.iter().map(|node| basic[*node as usize]).min().unwrap_or(UNTOUCHED);
            let after = (before != UNTOUCHED).then(|| LEVELS[usize::from(before)].0);
            for node in nodes {
                let basic = &mut basic[node as usize];
                *basic = (*basic).min(level as u8);
            }
            all.push((level, cycle, after));
        }
    }
    all
}
