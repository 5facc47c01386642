//! The slow, obvious judge of transactions: from the definitions, over plain structs, by trying everything.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Outcome, Records, Sent, World, key};

/// What is expected of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub count: u64,
    pub consequences: BTreeMap<&'static str, u64>,
    /// For each finding, the keys and values that its example may name; cycles have none.
    pub names: Vec<BTreeSet<(String, String)>>,
    /// The length of each cycle.
    pub lengths: Vec<usize>,
}

pub type Findings = BTreeMap<&'static str, Expected>;

/// Far more than any history's end.
const NEVER: u64 = u64::MAX;

fn add<'a>(all: &'a mut Findings, kind: &'static str, after: Option<&'static str>) -> &'a mut Expected {
    let expected = all.entry(kind).or_default();
    expected.count += 1;
    if let Some(after) = after {
        *expected.consequences.entry(after).or_default() += 1;
    }
    expected
}

fn name(send: &Sent) -> (String, String) {
    (key(send.key), send.value.to_string())
}

/// A poll, alone or of a transaction, that returned.
struct Read<'w> {
    txn: Option<usize>,
    poll: usize,
    committed: Option<bool>,
    completed: u64,
    records: &'w Records,
}

fn reads(world: &World) -> Vec<Read<'_>> {
    let mut all = Vec::new();
    for (n, txn) in world.txns.iter().enumerate() {
        if !txn.joined && txn.outcome == Outcome::Ok {
            let completed = txn.completed.expect("ok");
            let committed = txn.committed_reader;
            all.push(Read { txn: Some(n), poll: 0, committed, completed, records: &txn.polls });
        }
    }
    for (poll, p) in world.polls.iter().enumerate() {
        let (committed, completed) = (p.committed_reader, p.completed);
        all.push(Read { txn: None, poll, committed, completed, records: &p.records });
    }
    all
}

impl Read<'_> {
    /// Whether it read a record, after that was sent.
    fn has(&self, send: &Sent) -> bool {
        self.completed >= send.invoked
            && self.records.iter().any(|(k, r)| *k == send.key && r.iter().any(|(_, v)| *v == send.value))
    }
}

/// Everything about transactions in a history.
pub fn findings(world: &World) -> Findings {
    let mut all = Findings::new();
    let reads = reads(world);
    let is_there = |send: &Sent| world.surviving(send.key).iter().any(|s| s.value == send.value);
    let pass_commits =
        |k: usize| world.pass[k].committed_reader == Some(true) || world.surviving(k).is_empty();
    let committed: Vec<bool> = world
        .txns
        .iter()
        .map(|txn| match txn.outcome {
            Outcome::Ok => true,
            Outcome::Fail => false,
            Outcome::Info => {
                let read = |s: &Sent| reads.iter().any(|r| r.committed == Some(true) && r.has(s));
                let passed = |s: &Sent| !world.pass.is_empty() && pass_commits(s.key) && is_there(s);
                !txn.visible && txn.sends.iter().any(|s| read(s) || passed(s))
            }
        })
        .collect();

    for txn in &world.txns {
        atomic(world, txn, &reads, &mut all);
    }
    for (n, txn) in world.txns.iter().enumerate() {
        let own = reads.iter().find(|r| r.txn == Some(n)).filter(|r| r.committed == Some(true));
        let own: BTreeSet<_> = txn.sends.iter().filter(|s| own.is_some_and(|r| r.has(s))).map(name).collect();
        if !own.is_empty() {
            add(&mut all, "precommitted-read", None).names.push(own);
        }
        let last = txn.sends.iter().map(|s| s.invoked).max().unwrap_or(0);
        let others =
            reads.iter().filter(|r| r.txn != Some(n) && r.committed == Some(true) && r.completed < last);
        let mut early = BTreeSet::new();
        for read in others {
            early.extend(txn.sends.iter().filter(|s| read.has(s)).map(name));
        }
        if !early.is_empty() && txn.outcome != Outcome::Fail && !txn.visible {
            add(&mut all, "precommitted-read", None).names.push(early);
        }
    }
    hanging(world, &mut all);
    skips(world, &committed, &mut all);
    cycles(world, &reads, &committed, &mut all);
    all
}

fn atomic(world: &World, txn: &super::world::Txn, reads: &[Read<'_>], all: &mut Findings) {
    if world.pass.is_empty() || txn.visible {
        return;
    }
    let mut there = false;
    let mut gone: Vec<&Sent> = Vec::new();
    for send in &txn.sends {
        let pass = &world.pass[send.key];
        let surviving = world.surviving(send.key);
        if surviving.iter().any(|s| s.value == send.value) {
            there |= txn.outcome == Outcome::Ok || pass.committed_reader == Some(true);
            continue;
        }
        let covered = pass.position >= pass.end || pass.end <= pass.start;
        let in_time = txn.completed.is_some_and(|completed| completed < pass.asked);
        let told = txn.outcome == Outcome::Ok;
        let below = pass.start > 0 && (!told || send.at < pass.start);
        if covered && in_time && !below {
            gone.push(send);
        }
    }
    let names = |gone: &[&Sent]| gone.iter().map(|s| name(s)).collect();
    if there && !gone.is_empty() {
        let after = match txn.outcome {
            Outcome::Ok => Some("lost-write"),
            Outcome::Fail => Some("G1a"),
            Outcome::Info => None,
        };
        add(all, "torn-transaction", after).names.push(names(&gone));
    }
    if !there && txn.outcome == Outcome::Info {
        let proofs = reads.iter().filter(|r| r.committed == Some(true));
        let proof = proofs.filter(|r| txn.sends.iter().any(|s| r.has(s))).map(|r| r.completed).min();
        for send in gone.iter().filter(|s| proof.is_some_and(|at| at < world.pass[s.key].asked)) {
            add(all, "lost-write", None).names.push(names(&[*send]));
        }
    }
}

fn hanging(world: &World, all: &mut Findings) {
    let ends = world.txns.iter().filter(|t| !t.sends.is_empty()).filter_map(|t| t.completed);
    let ends = ends.chain(world.plain.iter().map(|p| p.completed)).chain(world.sends().map(|s| s.invoked));
    let last = ends.max().unwrap_or(0);
    for pass in &world.pass {
        let Some(timeout) = world.timeout_ms else { continue };
        if pass.stable < pass.end && pass.asked > last + timeout * 1_000_000 + 20_000_000_000 {
            add(all, "hanging-transaction", None).names.push(BTreeSet::new());
        }
    }
}

fn keys(world: &World) -> BTreeSet<usize> {
    world.sends().map(|s| s.key).collect()
}

/// The records of a key's surviving log whose transaction, or that by themselves, certainly happened or not.
fn log(world: &World, key: usize) -> Vec<(Node, &Sent, bool)> {
    let writers = world.writers();
    let surviving = world.surviving(key).into_iter();
    surviving
        .map(|send| match writers.get(&(key, send.value)) {
            Some(n) => (Node::Txn(*n), send, world.txns[*n].outcome != Outcome::Fail),
            None => {
                let n = world.plain.iter().position(|p| p.send.key == key && p.send.value == send.value);
                let n = n.expect("somebody sent it");
                (Node::Plain(n), send, world.plain[n].outcome != Outcome::Fail)
            }
        })
        .collect()
}

fn skips(world: &World, committed: &[bool], all: &mut Findings) {
    for key in keys(world) {
        let log: Vec<_> = log(world, key).into_iter().filter(|(.., real)| *real).collect();
        for (n, _) in world.txns.iter().enumerate().filter(|(n, _)| committed[*n]) {
            let places: Vec<usize> = (0..log.len()).filter(|i| log[*i].0 == Node::Txn(n)).collect();
            for pair in places.windows(2).filter(|pair| pair[0] + 1 < pair[1]) {
                add(all, "int-send-skip", None).names.push(BTreeSet::from([name(log[pair[1]].1)]));
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Txn(usize),
    Plain(usize),
    Poll(usize),
}

const WW: u8 = 1;
const WR: u8 = 2;
const PROCESS: u8 = 4;
const REALTIME: u8 = 8;
const COMMITTED: u8 = 16;

struct Arrow {
    from: Node,
    to: Node,
    kind: u8,
    key: Option<usize>,
}

fn cycles(world: &World, reads: &[Read<'_>], committed: &[bool], all: &mut Findings) {
    // Without transactions there is nothing that the checks of single logs do not tell.
    if world.txns.is_empty() {
        return;
    }
    let mut arrows: Vec<Arrow> = Vec::new();
    for key in keys(world) {
        let certain = |(node, _, real): &(Node, &Sent, bool)| match node {
            Node::Txn(n) => *real && committed[*n],
            _ => *real,
        };
        let log: Vec<_> = log(world, key).into_iter().filter(certain).collect();
        for pair in log.windows(2).filter(|pair| pair[0].0 != pair[1].0) {
            arrows.push(Arrow { from: pair[0].0, to: pair[1].0, kind: WW, key: Some(key) });
        }
    }
    for read in reads {
        let to = read.txn.map_or(Node::Poll(read.poll), Node::Txn);
        let kind = if read.committed == Some(true) { WR | COMMITTED } else { WR };
        let wrote = world
            .txns
            .iter()
            .enumerate()
            .filter(|(n, t)| committed[*n] && t.sends.iter().any(|s| read.has(s)));
        let mut from: Vec<Node> = wrote.map(|(n, _)| Node::Txn(n)).collect();
        let plain =
            world.plain.iter().enumerate().filter(|(_, p)| p.outcome != Outcome::Fail && read.has(&p.send));
        from.extend(plain.map(|(n, _)| Node::Plain(n)));
        for from in from.into_iter().filter(|from| *from != to) {
            arrows.push(Arrow { from, to, kind, key: None });
        }
    }
    let nodes: BTreeSet<Node> = arrows.iter().flat_map(|a| [a.from, a.to]).collect();
    for a in &nodes {
        for b in nodes.iter().filter(|b| *b != a) {
            let ((_, ended, who), (began, _, other)) = (span(world, *a), span(world, *b));
            if ended < began {
                arrows.push(Arrow { from: *a, to: *b, kind: REALTIME, key: None });
                if who == other {
                    arrows.push(Arrow { from: *a, to: *b, kind: PROCESS, key: None });
                }
            }
        }
    }
    let levels = [
        ("precommitted-read", COMMITTED, COMMITTED, 0),
        ("G0", WW, WW, 0),
        ("G1c", WW | WR, WR, 0),
        ("G0-process", WW | PROCESS, PROCESS, 0),
        ("G1c-process", WW | WR | PROCESS, WR, PROCESS),
        ("G0-realtime", WW | PROCESS | REALTIME, REALTIME, 0),
        ("G1c-realtime", WW | WR | PROCESS | REALTIME, WR, REALTIME),
    ];
    let mut basic: BTreeMap<Node, usize> = BTreeMap::new();
    for (level, (kind, mask, first, second)) in levels.into_iter().enumerate() {
        for group in groups(&nodes, &arrows, mask) {
            let Some((length, single)) = shortest(&group, &arrows, mask, first, second) else { continue };
            let before = group.iter().filter_map(|node| basic.get(node)).min().map(|level| levels[*level].0);
            let after = before.or(match kind {
                "G0-process" if single => Some("nonmonotonic-send"),
                "G0-realtime" if single => Some("stale-append"),
                _ => None,
            });
            add(all, kind, after).lengths.push(length);
            for node in group {
                basic.entry(node).or_insert(level);
            }
        }
    }
}

/// When a node began and ended, and who performed it.
fn span(world: &World, node: Node) -> (u64, u64, (bool, u32)) {
    match node {
        Node::Txn(n) => {
            let txn = &world.txns[n];
            let ended = if txn.outcome == Outcome::Ok { txn.completed } else { None };
            let began = if txn.joined { txn.sends.iter().map(|s| s.invoked).min() } else { None };
            (began.unwrap_or(txn.invoked), ended.unwrap_or(NEVER), (txn.joined, txn.process))
        }
        Node::Plain(n) => {
            let plain = &world.plain[n];
            let ended = if plain.outcome == Outcome::Ok { plain.completed } else { NEVER };
            (plain.send.invoked, ended, (false, plain.process))
        }
        Node::Poll(n) => {
            let poll = &world.polls[n];
            (poll.invoked, poll.completed, (false, poll.process))
        }
    }
}

/// Strongly connected groups of several, by who reaches whom.
fn groups(nodes: &BTreeSet<Node>, arrows: &[Arrow], mask: u8) -> Vec<Vec<Node>> {
    let mut reach: BTreeSet<(Node, Node)> =
        arrows.iter().filter(|a| a.kind & mask != 0).map(|a| (a.from, a.to)).collect();
    for via in nodes {
        for from in nodes {
            for to in nodes {
                if reach.contains(&(*from, *via)) && reach.contains(&(*via, *to)) {
                    reach.insert((*from, *to));
                }
            }
        }
    }
    let mut groups: Vec<Vec<Node>> = Vec::new();
    for node in nodes {
        let same = |other: &Node| reach.contains(&(*node, *other)) && reach.contains(&(*other, *node));
        match groups.iter_mut().find(|group| same(&group[0])) {
            Some(group) => group.push(*node),
            None => groups.push(vec![*node]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// The length of the shortest cycle that has the wanted kinds, by walking all; and whether one of that length has
/// all its writes in one key.
fn shortest(group: &[Node], arrows: &[Arrow], mask: u8, first: u8, second: u8) -> Option<(usize, bool)> {
    let inside: Vec<&Arrow> = arrows
        .iter()
        .filter(|a| a.kind & mask != 0 && group.contains(&a.from) && group.contains(&a.to))
        .collect();
    let mut best: Option<(usize, bool)> = None;
    for start in group {
        let mut path = Vec::new();
        walk(*start, *start, &inside, &mut path, &mut |path: &[&Arrow]| {
            let one = (0..path.len()).any(|i| {
                let rest = || path.iter().enumerate().filter(move |(j, _)| *j != i);
                path[i].kind & first != 0 && (second == 0 || rest().any(|(_, a)| a.kind & second != 0))
            });
            if one {
                let keys: BTreeSet<usize> =
                    path.iter().filter(|a| a.kind == WW).filter_map(|a| a.key).collect();
                let found = (path.len(), keys.len() == 1);
                best = Some(match best {
                    Some((length, single)) if length == found.0 => (length, single || found.1),
                    Some(before) if before.0 < found.0 => before,
                    _ => found,
                });
            }
            best.map_or(usize::MAX, |(length, _)| length)
        });
    }
    best
}

/// Every simple cycle from `at` back to `start` that is no longer than what `see` still wants.
fn walk<'a>(
    at: Node,
    start: Node,
    arrows: &[&'a Arrow],
    path: &mut Vec<&'a Arrow>,
    see: &mut impl FnMut(&[&Arrow]) -> usize,
) -> usize {
    let mut limit = see(&[]);
    for arrow in arrows.iter().filter(|a| a.from == at) {
        if path.len() + 1 > limit || path.iter().any(|before| before.from == arrow.to && arrow.to != start) {
            continue;
        }
        path.push(arrow);
        limit = if arrow.to == start { see(path) } else { walk(arrow.to, start, arrows, path, see) };
        path.pop();
    }
    limit
}
