//! A queue that keeps its promises, and the history of clients that used it.

use std::collections::VecDeque;

use super::history::{Op, Outcome, What};
use super::rng::Rng;

/// Simulates: elements go in and out at some instant of their operations, in the order of these instants; enqueues
/// may stay unknown, and a drain ends it. Processes are many; none has two operations at once.
pub fn run(seed: u64, operations: u64, unknown: u64) -> Vec<Op> {
    let mut rng = Rng(seed);
    let mut queue: VecDeque<u64> = VecDeque::new();
    let mut ops = Vec::new();
    let mut now = 0;
    for value in 1..=operations {
        // Effects follow one another; operations overlap by what is around their effects.
        now += 10;
        let around = |rng: &mut Rng| rng.below(40);
        let invoked = now - around(&mut rng).min(now);
        let completed = now + 1 + around(&mut rng);
        if rng.below(100) < 60 {
            let mut op = Op::new(What::Enqueue(value), invoked, completed);
            let fate = rng.below(100);
            if fate < unknown {
                op.outcome = Outcome::Info;
                if rng.below(2) == 0 {
                    op.completed = None;
                }
                if rng.below(2) == 0 {
                    queue.push_back(value);
                }
            } else if fate < unknown + 5 {
                op.outcome = Outcome::Fail;
            } else {
                queue.push_back(value);
            }
            ops.push(op);
        } else {
            ops.push(Op::new(What::Dequeue(queue.pop_front()), invoked, completed));
        }
    }
    let end = ops.iter().filter_map(|op| op.completed).max().unwrap_or(0) + 10;
    ops.push(Op::new(What::Drain(queue.into_iter().collect()), end, end + 10));
    ops
}
