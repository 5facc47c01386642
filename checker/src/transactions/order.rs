//! The order within processes, and real time.
//!
//! Real time is an order of intervals with up to n^2 pairs. Barriers make it O(n): one stands between some
//! completions and the next invocations; everything that had completed points to it, it points to everything that
//! began next, and to the next barrier.

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
    fn performer(&self, node: u32) -> Option<(bool, u32, u32)> {
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

/// Adds the order within each process: of nodes that do not overlap, each to the next.
pub(crate) fn processes(bench: &Bench<'_>, names: &[u32], pairs: &mut Vec<Pair>) {
    let mut nodes: Vec<((bool, u32, u32), u64, u32)> = Vec::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        if let Some(performer) = bench.performer(*name) {
            nodes.push((performer, bench.span(*name).invoked, number as u32));
        }
    }
    nodes.sort_unstable();
    let mut last: Option<((bool, u32, u32), u64, u32)> = None;
    for (performer, invoked, number) in nodes {
        let completed = bench.span(names[number as usize]).completed;
        match last {
            Some((before, ended, from)) if before == performer => {
                if ended >= invoked {
                    // Overlapping, or of unknown outcome: nothing is known to come after that one.
                    if ended == NEVER || completed < ended {
                        last = Some((performer, completed, number));
                    }
                    continue;
                }
                pairs.push((from, number, PROCESS));
            }
            _ => {}
        }
        last = Some((performer, completed, number));
    }
}

/// Adds real time: barriers to `names`, and arcs to and from them.
pub(crate) fn realtime(bench: &Bench<'_>, names: &mut Vec<u32>, pairs: &mut Vec<Pair>) {
    let spans: Vec<Span> = names.iter().map(|name| bench.span(*name)).collect();
    // A damaged history may complete before it invokes; such a node precedes nothing.
    let ends = |node: &u32| {
        let span = &spans[*node as usize];
        span.completed != NEVER && span.completed >= span.invoked
    };
    let mut begun: Vec<u32> = (0..spans.len() as u32).collect();
    let mut ended: Vec<u32> = begun.iter().copied().filter(ends).collect();
    begun.sort_unstable_by_key(|node| (spans[*node as usize].invoked, *node));
    ended.sort_unstable_by_key(|node| (spans[*node as usize].completed, *node));
    let mut ended = ended.into_iter().peekable();
    let mut barrier = NONE;
    for node in begun {
        let invoked = spans[node as usize].invoked;
        let mut fresh = NONE;
        while let Some(done) = ended.next_if(|done| spans[*done as usize].completed < invoked) {
            if fresh == NONE {
                fresh = names.len() as u32;
                names.push(NONE);
                if barrier != NONE {
                    pairs.push((barrier, fresh, REALTIME));
                }
            }
            pairs.push((done, fresh, REALTIME));
        }
        if fresh != NONE {
            barrier = fresh;
        }
        if barrier != NONE {
            pairs.push((barrier, node, REALTIME));
        }
    }
}
