//! The order within processes, and real time.
//!
//! Either is an order of intervals with up to n^2 pairs. Barriers make it O(n): one stands between some completions
//! and the next invocations; everything that had completed points to it, it points to everything that began next,
//! and to the next barrier. Steps over barriers have no length, so that a shortest cycle is one of operations.

use super::bench::{Bench, Node};
use super::graph::{PROCESS, Pair, REALTIME};
use crate::tables::{NEVER, NONE, Outcome};

/// When a node was there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) invoked: u64,
    /// [`NEVER`] where nothing can be said to come after it.
    pub(crate) completed: u64,
    pub(crate) invoke_line: u32,
    pub(crate) line: u32,
}

/// Whether it is a client, its number, its incarnation.
type Performer = (bool, u32, u32);

impl Bench<'_> {
    /// When a node was there. What has an unknown outcome may happen at any time later.
    pub(crate) fn span(&self, node: u32) -> Span {
        let known = |outcome: Outcome, completed: u64| if outcome == Outcome::Ok { completed } else { NEVER };
        match self.node(node) {
            Node::Transaction(txn) => {
                let row = self.transaction(txn);
                let completed = known(row.outcome, row.completed);
                Span { invoked: row.invoked, completed, invoke_line: row.invoke_line, line: row.line }
            }
            Node::Send(place) => {
                let send = self.send(place);
                let completed = if send.acknowledged() { known(send.outcome, send.completed) } else { NEVER };
                Span { invoked: send.invoked, completed, invoke_line: send.invoke_line, line: send.line }
            }
            Node::Poll(poll) => {
                let poll = &self.tables.polls[poll as usize];
                // Its invocation's line is not kept; it came before its completion, and that is enough.
                Span { invoked: poll.invoked, completed: poll.completed, invoke_line: 0, line: poll.line }
            }
        }
    }

    /// Who performs a node, one after the other: a process, or an incarnation of a client whose transactions are
    /// made of many processes' sends.
    fn performer(&self, node: u32) -> Option<Performer> {
        let of_producer = |producer: u32| {
            let producer = self.tables.producers[producer as usize];
            (producer.is_client, producer.id, if producer.is_client { producer.incarnation } else { 0 })
        };
        Some(match self.node(node) {
            Node::Transaction(txn) => match self.process(txn) {
                Some(process) => (false, process, 0),
                None => of_producer(self.send(*self.sends_of(txn).first()?).producer),
            },
            Node::Send(place) => of_producer(self.send(place).producer),
            Node::Poll(poll) => (false, self.tables.session_of(poll).process, 0),
        })
    }
}

/// A node's number with when it began and ended.
type Timed = (u64, u64, u32);

/// Adds the order within each process and real time: barriers to `names`, and arcs to and from them.
pub(crate) fn add(bench: &Bench<'_>, names: &mut Vec<u32>, pairs: &mut Vec<Pair>) {
    let timed = |(number, name): (usize, &u32)| {
        let span = bench.span(*name);
        (span.invoked, span.completed, number as u32)
    };
    let mut nodes: Vec<Timed> = names.iter().enumerate().map(timed).collect();
    let performers: Vec<Option<Performer>> = names.iter().map(|name| bench.performer(*name)).collect();
    let performer = |node: &Timed| performers[node.2 as usize];
    nodes.sort_unstable_by_key(|node| (performer(node), *node));
    for nodes in nodes.chunk_by(|a, b| performer(a) == performer(b)) {
        if nodes.len() > 1 && performer(&nodes[0]).is_some() {
            barriers(nodes, PROCESS, names, pairs);
        }
    }
    // A process has one clock; across processes what ended may have done so later, by another clock.
    for (_, completed, _) in &mut nodes {
        *completed = completed.saturating_add(bench.tables.skew);
    }
    nodes.sort_unstable();
    barriers(&nodes, REALTIME, names, pairs);
}

/// The barriers of nodes that are sorted by their begin.
fn barriers(begun: &[Timed], kind: u8, names: &mut Vec<u32>, pairs: &mut Vec<Pair>) {
    // A damaged history may complete before it invokes; such a node precedes nothing.
    let ends = |(invoked, completed, _): &&Timed| *completed != NEVER && completed >= invoked;
    let mut ended: Vec<(u64, u32)> = begun.iter().filter(ends).map(|node| (node.1, node.2)).collect();
    ended.sort_unstable();
    let mut ended = ended.into_iter().peekable();
    let mut barrier = NONE;
    for (invoked, _, node) in begun.iter().copied() {
        let mut fresh = NONE;
        while let Some((_, done)) = ended.next_if(|(completed, _)| *completed < invoked) {
            if fresh == NONE {
                fresh = names.len() as u32;
                names.push(NONE);
                if barrier != NONE {
                    pairs.push((barrier, fresh, kind));
                }
            }
            pairs.push((done, fresh, kind));
        }
        if fresh != NONE {
            barrier = fresh;
        }
        if barrier != NONE {
            pairs.push((barrier, node, kind));
        }
    }
}
