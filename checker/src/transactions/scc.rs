//! Strongly connected components, without recursion: Tarjan's algorithm (SIAM J. Comput. 1972) with its call stack
//! as data. O(nodes + arcs).

use super::graph::Graph;
use crate::tables::NONE;

/// A node's place on the call stack, and its next arc.
struct Call {
    node: u32,
    arc: u32,
}

/// The component of each node by the arcs of `mask`, numbered from 0, and how many there are.
pub(crate) fn components(graph: &Graph, mask: u8) -> (Vec<u32>, u32) {
    let n = graph.len();
    let mut index = vec![NONE; n];
    let mut low = vec![0_u32; n];
    let mut component = vec![NONE; n];
    let mut path: Vec<u32> = Vec::new();
    let mut calls: Vec<Call> = Vec::new();
    let (mut next, mut found) = (0, 0);
    for root in 0..n as u32 {
        if index[root as usize] != NONE {
            continue;
        }
        calls.push(Call { node: root, arc: 0 });
        while let Some(call) = calls.last_mut() {
            let node = call.node as usize;
            if call.arc == 0 && index[node] == NONE {
                index[node] = next;
                low[node] = next;
                next += 1;
                path.push(call.node);
            }
            let arcs = graph.from(call.node);
            let mut down = None;
            while let Some(arc) = arcs.get(call.arc as usize) {
                call.arc += 1;
                let to = arc.to as usize;
                if arc.kind & mask == 0 {
                    continue;
                }
                if index[to] == NONE {
                    down = Some(arc.to);
                    break;
                }
                if component[to] == NONE {
                    low[node] = low[node].min(index[to]);
                }
            }
            if let Some(down) = down {
                calls.push(Call { node: down, arc: 0 });
                continue;
            }
            if low[node] == index[node] {
                while let Some(member) = path.pop() {
                    component[member as usize] = found;
                    if member as usize == node {
                        break;
                    }
                }
                found += 1;
            }
            calls.pop();
            if let Some(caller) = calls.last() {
                let caller = caller.node as usize;
                low[caller] = low[caller].min(low[node]);
            }
        }
    }
    (component, found)
}

/// The nodes of every component with more than one, each ascending, in the order of their first node.
pub(crate) fn groups(component: &[u32], found: u32) -> Vec<Vec<u32>> {
    let mut sizes = vec![0_u32; found as usize];
    for c in component {
        sizes[*c as usize] += 1;
    }
    let mut group_of = vec![NONE; found as usize];
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (node, c) in component.iter().enumerate().filter(|(_, c)| sizes[**c as usize] > 1) {
        let group = &mut group_of[*c as usize];
        if *group == NONE {
            *group = groups.len() as u32;
            groups.push(Vec::with_capacity(sizes[*c as usize] as usize));
        }
        groups[*group as usize].push(node as u32);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::graph::{WR, WW};

    #[test]
    fn a_long_chain_needs_no_stack_and_its_closing_arc_makes_it_one() {
        let n = 300_000_u32;
        let names: Vec<u32> = (0..n).collect();
        let mut pairs: Vec<_> = (1..n).map(|i| (i - 1, i, WW)).collect();
        let (component, found) = components(&Graph::new(names.clone(), &pairs), WW);
        assert_eq!((found, groups(&component, found).len()), (n, 0));
        pairs.push((n - 1, 0, WR));
        let graph = Graph::new(names, &pairs);
        assert_eq!(components(&graph, WW).1, n);
        let (component, found) = components(&graph, WW | WR);
        assert_eq!((found, groups(&component, found)[0].len()), (1, n as usize));
    }
}
