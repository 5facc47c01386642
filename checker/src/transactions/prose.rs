//! Cycles in words: "Let T1 = ..., T2 = .... Then T1 < T2, because ... However T2 < T1, because ...: a
//! contradiction."

use store::time::Nanos;
use store::verdict::{CycleStep, Edge, Example, Witness};

use super::bench::{Bench, Node, Place};
use super::graph::{COMMITTED, Graph, PROCESS, REALTIME, WR, WW, next};
use super::shortest::Step;
use super::tell::in_order;
use crate::explain::at_line;
use crate::kind::Kind;
use crate::words::{grouped_i64, value};

/// A cycle of nodes, barriers left out; each with why it comes before the next.
#[derive(Debug, Clone)]
pub(crate) struct Cycle {
    steps: Vec<(u32, Edge)>,
}

impl Cycle {
    /// Of the steps that a search found in `graph`; it begins with the node that began first.
    pub(crate) fn new(bench: &Bench<'_>, graph: &Graph, found: &[Step]) -> Cycle {
        let mut steps = Vec::new();
        for (node, kind) in found.iter().filter(|(node, _)| !graph.is_barrier(*node)) {
            let edge = match *kind {
                kind if kind & WW != 0 => Edge::Ww,
                kind if kind & (WR | COMMITTED) != 0 => Edge::Wr,
                kind if kind & PROCESS != 0 => Edge::Process,
                kind => {
                    debug_assert!(kind & REALTIME != 0, "an arc of no kind");
                    Edge::Realtime
                }
            };
            steps.push((graph.names[*node as usize], edge));
        }
        let first = (0..steps.len()).min_by_key(|i| (bench.span(steps[*i].0).invoked, steps[*i].0));
        steps.rotate_left(first.unwrap_or(0));
        Cycle { steps }
    }

    /// The line that decides its place among others.
    pub(crate) fn line(&self, bench: &Bench<'_>) -> u32 {
        self.steps.iter().flat_map(|(node, _)| bench.lines(*node)).max().unwrap_or(0) as u32
    }

    fn pairs(&self) -> impl Iterator<Item = (u32, u32, Edge)> + '_ {
        let next = |i: usize| self.steps[(i + 1) % self.steps.len()].0;
        self.steps.iter().enumerate().map(move |(i, (node, edge))| (*node, next(i), *edge))
    }

    /// What a cycle of writes follows from: in a single log, two of its sends stand against their order in time.
    pub(crate) fn follows(&self, bench: &Bench<'_>, kind: Kind) -> Option<Kind> {
        let after = match kind {
            Kind::G0Process => Kind::NonmonotonicSend,
            Kind::G0Realtime => Kind::StaleAppend,
            _ => return None,
        };
        let mut partition = None;
        for (from, to, edge) in self.pairs().filter(|(.., edge)| *edge == Edge::Ww) {
            debug_assert_eq!(edge, Edge::Ww);
            let (place, _) = written(bench, from, to)?;
            if partition.is_some_and(|partition| partition != place.partition) {
                return None;
            }
            partition = Some(place.partition);
        }
        partition.map(|_| after)
    }
}

/// The sends of a node.
fn sends(bench: &Bench<'_>, node: u32) -> Vec<Place> {
    match bench.node(node) {
        Node::Transaction(txn) => bench.sends_of(txn).to_vec(),
        Node::Send(place) => vec![place],
        Node::Poll(_) => Vec::new(),
    }
}

/// Two sends that follow one another in a log, of these nodes.
fn written(bench: &Bench<'_>, from: u32, to: u32) -> Option<(Place, Place)> {
    sends(bench, from).into_iter().find_map(|place| {
        let next = next(bench, place)?;
        (bench.node_of_send(next) == to).then_some((place, next))
    })
}

/// A send of the one that the other polled, and that poll.
fn polled(bench: &Bench<'_>, from: u32, to: u32) -> Option<(Place, u32)> {
    let poll = match bench.node(to) {
        Node::Transaction(txn) => bench.transaction(txn).poll,
        Node::Poll(poll) => poll,
        Node::Send(_) => return None,
    };
    (0..bench.standings.len() as u32).find_map(|partition| {
        let read = bench.standing(partition)?.read_by(poll).iter();
        let mut read = read.map(|(_, row)| Place { partition, row: *row });
        read.find(|place| bench.node_of_send(*place) == from).map(|place| (place, poll))
    })
}

/// Why one comes before the other; `a` and `b` are their names.
fn because(bench: &Bench<'_>, from: u32, to: u32, edge: Edge, [a, b]: [&str; 2]) -> (String, Vec<Witness>) {
    let (before, after) = (bench.span(from), bench.span(to));
    match edge {
        Edge::Ww => match written(bench, from, to) {
            Some((place, next)) => {
                let at = |place: Place| {
                    bench.standing(place.partition).map_or(0, |standing| standing.at[place.row as usize])
                };
                let directly =
                    if at(place).checked_add(1) == Some(at(next)) { "directly after it " } else { "" };
                let text = format!(
                    "{a}'s send of {} stands at {} offset {} and {b}'s send of {} {directly}at offset {}",
                    value(bench.send(place).value),
                    bench.key(place),
                    grouped_i64(at(place)),
                    value(bench.send(next).value),
                    grouped_i64(at(next))
                );
                let mut witness = bench.send_lines(place, a);
                witness.extend(bench.send_lines(next, b));
                (text, witness)
            }
            None => (format!("{a}'s record stands before {b}'s"), Vec::new()),
        },
        Edge::Wr => match polled(bench, from, to) {
            Some((place, poll)) => {
                let text = format!(
                    "{b} polled value {} of {}, which {a} had sent",
                    value(bench.send(place).value),
                    bench.key(place)
                );
                let mut witness = bench.send_lines(place, a);
                witness.push(bench.poll_line(poll, format!("{b} polled it")));
                (text, witness)
            }
            None => (format!("{b} polled what {a} had sent"), Vec::new()),
        },
        Edge::Process | Edge::Realtime => {
            let who = if edge == Edge::Process { "the same process performed both, and " } else { "" };
            let began = if after.invoke_line == 0 { after.line } else { after.invoke_line };
            let text = format!(
                "{who}{a} had completed at {} {} when {b} began at {} {}",
                Nanos(before.completed),
                at_line(before.line),
                Nanos(after.invoked),
                at_line(began)
            );
            let witness = vec![
                Witness { line: before.line.into(), role: format!("{a} completed") },
                Witness { line: began.into(), role: format!("{b} began") },
            ];
            (text, witness)
        }
    }
}

/// A cycle as an example.
pub(crate) fn tell(bench: &Bench<'_>, cycle: &Cycle) -> Example {
    let names: Vec<String> = (1..=cycle.steps.len()).map(|n| format!("T{n}")).collect();
    let spans = cycle.steps.iter().map(|(node, _)| bench.span(*node));
    let (from, to) =
        spans.fold((u64::MAX, 0), |(from, to), span| (from.min(span.invoked), to.max(span.invoked)));
    let mut example = bench.example(from, to);
    let mut parts = Vec::new();
    for (i, (from, to, edge)) in cycle.pairs().enumerate() {
        let (a, b) = (&names[i], &names[(i + 1) % names.len()]);
        let (text, witness) = because(bench, from, to, edge, [a, b]);
        parts.push(format!("{a} < {b}, because {text}"));
        example.witness.extend(witness);
        example.cycle.push(CycleStep {
            name: a.clone(),
            transaction: bench.node_name(from),
            lines: bench.lines(from),
            edge,
            because: text,
        });
    }
    let closing = parts.pop().unwrap_or_default();
    let who: Vec<String> =
        example.cycle.iter().map(|step| format!("{} = {}", step.name, step.transaction)).collect();
    example.sentence =
        format!("Let {}. Then {}. However {closing}: a contradiction", who.join(", "), parts.join("; "));
    in_order(&mut example.witness);
    example
}
