//! A group that keeps its promises: members come and go, partitions are handed on by generation, offsets are committed.

use super::history::{Op, What, value_at};
use super::rng::Rng;

const MEMBERS: usize = 3;

/// Simulates: records first, then members that poll, commit and rebalance (only the partitions that move), and a
/// consume-all pass. The effect of each operation lies between its lines; effects follow one another.
pub fn run(seed: u64, steps: u64) -> Vec<Op> {
    let mut sim = Sim { rng: Rng(seed), ops: Vec::new(), now: 0, free: vec![0; 40] };
    let ends = [20 + sim.rng.below(30) as i64, 20 + sim.rng.below(30) as i64];
    for (key, end) in ends.iter().enumerate() {
        for offset in 0..*end {
            sim.act(30 + key as u32, What::Send(key, value_at(key, offset), offset), None);
        }
    }
    for member in 0..MEMBERS as u32 {
        sim.act(member, What::Subscribe, None);
    }
    let mut generation = 1;
    let mut owner = [0_usize, 1];
    let mut position = [0_i64; 2];
    let mut committed = [0_i64; 2];
    for (key, owner) in owner.iter().enumerate() {
        sim.act(*owner as u32, What::Rebalance(vec![key], Vec::new()), Some(generation));
    }
    for _ in 0..steps {
        let key = sim.rng.below(2) as usize;
        let member = owner[key] as u32;
        match sim.rng.below(10) {
            0 => {
                let next = sim.rng.below(MEMBERS as u64) as usize;
                if next == owner[key] {
                    continue;
                }
                generation += 1;
                sim.act(member, What::Rebalance(Vec::new(), vec![key]), Some(generation));
                generation += 1;
                sim.act(next as u32, What::Rebalance(vec![key], Vec::new()), Some(generation));
                // What was polled and not committed comes again.
                (owner[key], position[key]) = (next, committed[key]);
            }
            1..=3 => {
                committed[key] = position[key];
                sim.act(member, What::Commit(key, position[key]), Some(generation));
            }
            _ => {
                let n = (1 + sim.rng.below(4) as i64).min(ends[key] - position[key]);
                let read = (position[key]..position[key] + n).collect();
                position[key] += n;
                sim.act(member, What::Poll(vec![(key, read)]), None);
            }
        }
    }
    sim.now += 1_000;
    for what in [What::Assign, What::Ends(ends.to_vec())] {
        sim.act(39, what, None);
    }
    let all = ends.iter().enumerate().map(|(key, end)| (key, (0..*end).collect())).collect();
    sim.act(39, What::Poll(all), None);
    for op in sim.ops.iter_mut().filter(|op| op.client == 39) {
        op.final_pass = true;
    }
    sim.ops
}

struct Sim {
    rng: Rng,
    ops: Vec<Op>,
    now: u64,
    /// When each client may begin again.
    free: Vec<u64>,
}

impl Sim {
    fn act(&mut self, client: u32, what: What, generation: Option<i64>) {
        let free = self.free[client as usize];
        self.now = (self.now + 10).max(free + 1);
        let invoked = free.max(self.now - self.rng.below(10));
        let completed = self.now + 1 + self.rng.below(25);
        self.free[client as usize] = completed + 1;
        let mut op = Op::new(what, client, invoked, completed);
        op.generation = generation;
        self.ops.push(op);
    }
}
