//! Who comes before whom, as adjacency in two arrays.
//!
//! As `jepsen.tests.kafka` builds it for Elle (Kingsbury & Alvaro, VLDB 2020): of two sends that follow one another
//! in the surviving log of a partition, the first's transaction comes before the second's (ww); whoever polls a
//! record comes after its writer (wr). Operations outside of transactions are transactions of their own, there and
//! here: a single send is appended as a whole, and what a poll read had been written.

use super::bench::{Bench, Place};
use super::order;
use crate::tables::{NONE, Outcome};

/// Why one node comes before another, as bits of a mask.
pub(crate) const WW: u8 = 1;
pub(crate) const WR: u8 = 2;
pub(crate) const PROCESS: u8 = 4;
pub(crate) const REALTIME: u8 = 8;
/// Beside [`WR`]: the reader reads committed records only.
pub(crate) const COMMITTED: u8 = 16;

/// From a node to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arc {
    pub(crate) to: u32,
    pub(crate) kind: u8,
}

/// Nodes and arcs; nodes without arcs are not in it.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// What each node is ([`Bench::node`]); [`NONE`] for a barrier of real time.
    pub(crate) names: Vec<u32>,
    starts: Vec<u32>,
    arcs: Vec<Arc>,
}

/// An arc before its graph is there.
pub(crate) type Pair = (u32, u32, u8);

impl Graph {
    /// Of nodes with these names and these arcs between their numbers.
    pub(crate) fn new(names: Vec<u32>, pairs: &[Pair]) -> Graph {
        let mut starts = vec![0_u32; names.len() + 1];
        for (from, ..) in pairs {
            starts[*from as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut arcs = vec![Arc { to: 0, kind: 0 }; pairs.len()];
        for (from, to, kind) in pairs {
            let at = &mut next[*from as usize];
            arcs[*at as usize] = Arc { to: *to, kind: *kind };
            *at += 1;
        }
        Graph { names, starts, arcs }
    }

    /// How many nodes it has.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether a node stands for a moment instead of an operation.
    pub(crate) fn is_barrier(&self, node: u32) -> bool {
        self.names[node as usize] == NONE
    }

    /// The arcs that leave a node.
    pub(crate) fn from(&self, node: u32) -> &[Arc] {
        &self.arcs[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }
}

/// The graph of a history. `None` where nothing depends on anything.
pub(crate) fn graph(bench: &Bench<'_>) -> Option<Graph> {
    let mut pairs = Vec::new();
    for id in 0..bench.standings.len() as u32 {
        ww(bench, id, &mut pairs);
        wr(bench, id, &mut pairs);
    }
    if pairs.is_empty() {
        return None;
    }
    // Only what depends on data can be in a cycle of any kind.
    let mut numbers = vec![NONE; bench.nodes() as usize];
    for (from, to, _) in &pairs {
        numbers[*from as usize] = 0;
        numbers[*to as usize] = 0;
    }
    let mut names = Vec::new();
    for (name, number) in numbers.iter_mut().enumerate().filter(|(_, number)| **number == 0) {
        *number = names.len() as u32;
        names.push(name as u32);
    }
    for (from, to, _) in &mut pairs {
        *from = numbers[*from as usize];
        *to = numbers[*to as usize];
    }
    drop(numbers);
    order::add(bench, &mut names, &mut pairs);
    Some(Graph::new(names, &pairs))
}

/// Whether a send certainly happened, its transaction as a whole.
pub(crate) fn happened(bench: &Bench<'_>, place: Place) -> bool {
    match bench.tables.partitions[place.partition as usize].transaction(place.row) {
        Some(txn) => bench.committed(txn) && bench.send(place).outcome != Outcome::Fail,
        // It stands in the log.
        None => bench.send(place).outcome != Outcome::Fail,
    }
}

/// The next send in the log whose transaction happened.
pub(crate) fn next(bench: &Bench<'_>, place: Place) -> Option<Place> {
    let standing = bench.standing(place.partition)?;
    let from = standing.place(place.row)?;
    let rows = standing.order[from + 1..].iter();
    rows.map(|row| Place { row: *row, ..place }).find(|place| happened(bench, *place))
}

fn ww(bench: &Bench<'_>, id: u32, pairs: &mut Vec<Pair>) {
    let Some(standing) = bench.standing(id) else { return };
    let mut before = NONE;
    for row in &standing.order {
        let place = Place { partition: id, row: *row };
        if !happened(bench, place) {
            continue;
        }
        let node = bench.node_of_send(place);
        if before != NONE && before != node {
            pairs.push((before, node, WW));
        }
        before = node;
    }
}

fn wr(bench: &Bench<'_>, id: u32, pairs: &mut Vec<Pair>) {
    let Some(standing) = bench.standing(id) else { return };
    for (poll, row) in &standing.readings {
        let place = Place { partition: id, row: *row };
        if !happened(bench, place) {
            continue;
        }
        let (writer, reader) = (bench.node_of_send(place), bench.node_of_poll(*poll));
        if writer != reader {
            let committed = if bench.reads_committed(*poll) { COMMITTED } else { 0 };
            pairs.push((writer, reader, WR | committed));
        }
    }
}
