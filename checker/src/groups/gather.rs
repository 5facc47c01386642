//! Lines to rows: the loader calls this for the few lines that speak of groups.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use store::batch::{Batch, Extra, F, Line};
use store::op::OpType;

use super::breaks::ByReader;
use super::parse::{self, Who};
use super::table::{Break, Change, Commit, Member, NO_GENERATION, UNSURE};
use crate::load::Reader;
use crate::tables::{NONE, Tables};

/// What is known of groups while a history goes by.
#[derive(Default)]
pub(crate) struct Gather {
    groups: FxHashMap<String, u32>,
    members: FxHashMap<Member, u32>,
    /// The group of each reader: [`NONE`] after it assigned itself.
    modes: FxHashMap<Reader, u32>,
    /// What is in flight, by process: its value, which a completion may leave out, and what it may move.
    open: FxHashMap<u32, Open>,
    /// Moments at which a reader may have been moved in any partition.
    everywhere: Vec<Break>,
    /// Commits that hold no offsets.
    pub(crate) odd: crate::load::Odd,
}

/// A commit, rebalance or seek without its completion.
struct Open {
    value: Option<String>,
    /// `None` for a commit, which moves nobody.
    moves: Option<Break>,
}

impl Gather {
    /// A reader joins a group, once it is told so.
    pub(crate) fn subscribed(&mut self, tables: &mut Tables, batch: &Batch, line: &Line) {
        let mode = match line.op_type {
            OpType::Ok => self.group(tables, batch, line, None),
            OpType::Fail => return,
            OpType::Info | OpType::Invoke => UNSURE,
        };
        self.modes.insert(Reader::of(line), mode);
    }

    /// A reader takes partitions by itself.
    pub(crate) fn assigned(&mut self, line: &Line) {
        if line.op_type == OpType::Ok {
            self.modes.insert(Reader::of(line), NONE);
        }
    }

    /// A reader's client is gone, and with it what it had joined.
    pub(crate) fn crashed(&mut self, line: &Line) {
        self.modes.remove(&Reader::of(line));
    }

    /// The group of a poll's reader.
    pub(crate) fn group_of(&self, line: &Line) -> u32 {
        self.modes.get(&Reader::of(line)).copied().unwrap_or(UNSURE)
    }

    /// A poll whose outcome is unknown: it may have read anything.
    pub(crate) fn blind(tables: &mut Tables, group: u32, invoked: u64) {
        let groups = &mut tables.groups;
        let slot = match group {
            NONE | UNSURE => &mut groups.blind,
            group => &mut groups.blind_in[group as usize],
        };
        *slot = Some(slot.map_or(invoked, |before| before.min(invoked)));
    }

    /// A commit, a rebalance or a seek begins.
    pub(crate) fn begins(&mut self, batch: &Batch, line: &Line) {
        let moves = (line.f != F::Commit).then(|| broken(line, line.time.0, u64::MAX));
        let open = Open { value: batch.value_of(line).map(str::to_owned), moves };
        if let Some(Open { moves: Some(lost), .. }) = self.open.insert(line.process.0, open) {
            self.everywhere.push(lost);
        }
    }

    /// The value of what completes now: its own, or its invocation's.
    fn value(&mut self, batch: &Batch, line: &Line) -> Option<String> {
        let begun = self.open.remove(&line.process.0);
        batch.value_of(line).map(str::to_owned).or_else(|| begun?.value)
    }

    /// A commit completes; only what the coordinator accepted counts.
    pub(crate) fn committed(&mut self, tables: &mut Tables, batch: &Batch, line: &Line, invoked: u64) {
        let json = self.value(batch, line);
        if line.op_type != OpType::Ok {
            return;
        }
        let number = batch.line_number(line) as u32;
        let Some(value) = json.as_deref().and_then(parse::commit) else {
            self.odd.see(|| format!("line {number} completes a commit that holds no offsets"));
            return;
        };
        let group = self.group(tables, batch, line, Some(&value.who));
        let member = self.member(tables, line, &value.who);
        for (key, offset) in value.offsets {
            let id = tables.partition(&key);
            tables.partitions[id as usize].groups_mut().commits.push(Commit {
                offset,
                generation: value.who.generation.unwrap_or(NO_GENERATION),
                invoked,
                completed: line.time.0,
                group,
                member,
                client: line.client().unwrap_or(NONE),
                process: line.process.0,
                line: number,
            });
        }
    }

    /// A rebalance completes. Returns whether it named all partitions that it may have touched: the first of a reader
    /// that nobody saw subscribe may have touched any.
    pub(crate) fn rebalanced(
        &mut self,
        tables: &mut Tables,
        batch: &Batch,
        line: &Line,
        invoked: Option<u64>,
    ) -> bool {
        let json = self.value(batch, line);
        let Some(value) = json.as_deref().and_then(parse::rebalance) else { return false };
        // A callback may be written without an invocation: it happened when it was written.
        let (start, end) = (invoked.unwrap_or(line.time.0), line.time.0);
        touch(tables, line, value.assigned.iter().chain(&value.taken), start, end);
        if line.op_type != OpType::Ok && line.op_type != OpType::Info {
            return true;
        }
        let group = self.group(tables, batch, line, Some(&value.who));
        let member = self.member(tables, line, &value.who);
        let assigned = value.assigned.iter().map(|key| (key, true));
        for (key, gained) in assigned.chain(value.taken.iter().map(|key| (key, false))) {
            let id = tables.partition(key);
            tables.partitions[id as usize].groups_mut().changes.push(Change {
                generation: value.who.generation.unwrap_or(NO_GENERATION),
                invoked: start,
                completed: end,
                group,
                member,
                client: line.client().unwrap_or(NONE),
                line: batch.line_number(line) as u32,
                gained,
            });
        }
        match self.modes.entry(Reader::of(line)) {
            Entry::Vacant(unseen) => {
                unseen.insert(group);
                false
            }
            Entry::Occupied(_) => true,
        }
    }

    /// A poll or transaction tells of rebalances meanwhile, as Jepsen's clients do.
    pub(crate) fn rebalance_log(&mut self, tables: &mut Tables, batch: &Batch, line: &Line, invoked: u64) {
        let Some(json) = batch.extra_of(line, Extra::RebalanceLog).filter(|json| *json != "null") else {
            return;
        };
        match parse::rebalance_log(json) {
            Some(keys) => touch(tables, line, keys.iter(), invoked, line.time.0),
            None => self.everywhere.push(broken(line, invoked, line.time.0)),
        }
    }

    /// A consumer moves itself. Returns whether the partitions are known.
    pub(crate) fn sought(&mut self, tables: &mut Tables, batch: &Batch, line: &Line, invoked: u64) -> bool {
        let json = self.value(batch, line);
        // One of unknown outcome may move its reader later.
        let end = if line.op_type == OpType::Info { u64::MAX } else { line.time.0 };
        let Some(keys) = json.as_deref().and_then(parse::keys_of_map) else {
            self.everywhere.push(broken(line, invoked, end));
            return false;
        };
        touch(tables, line, keys.iter(), invoked, end);
        for key in &keys {
            let id = tables.partition(key);
            tables.partitions[id as usize].groups_mut().seeks.push((invoked, end));
        }
        true
    }

    /// The end of the history: what is still open may have moved its reader from then on.
    pub(crate) fn finish(self, tables: &mut Tables) {
        let mut everywhere = self.everywhere;
        everywhere.extend(self.open.into_values().filter_map(|open| open.moves));
        tables.groups.everywhere = ByReader::new(everywhere);
        tables.warnings.extend(self.odd.sentence());
    }

    /// The group that a line names in its value or its field, or the one that its reader joined, or the one without
    /// a name.
    fn group(&mut self, tables: &mut Tables, batch: &Batch, line: &Line, who: Option<&Who>) -> u32 {
        let field = || batch.extra_of(line, Extra::Group).and_then(parse::name);
        let named = who.and_then(|who| who.group.clone()).or_else(field);
        let joined = self.modes.get(&Reader::of(line)).filter(|mode| **mode < UNSURE);
        if let (None, Some(joined)) = (&named, joined) {
            return *joined;
        }
        let name = named.unwrap_or_default();
        let groups = &mut tables.groups;
        *self.groups.entry(name.clone()).or_insert_with(|| {
            groups.names.push(name);
            groups.blind_in.push(None);
            groups.names.len() as u32 - 1
        })
    }

    fn member(&mut self, tables: &mut Tables, line: &Line, who: &Who) -> u32 {
        let member = match (&who.member, line.client()) {
            (Some(member), _) => Member { name: format!("member {member}"), lasting: true },
            (None, Some(client)) => Member { name: format!("client {client}"), lasting: true },
            (None, None) => Member { name: format!("process {}", line.process), lasting: false },
        };
        let members = &mut tables.groups.members;
        *self.members.entry(member.clone()).or_insert_with(|| {
            members.push(member);
            members.len() as u32 - 1
        })
    }
}

fn broken(line: &Line, start: u64, end: u64) -> Break {
    Break { client: line.client().unwrap_or(NONE), process: line.process.0, start, end }
}

/// Ends the sequences of a line's reader in these partitions.
fn touch<'k>(tables: &mut Tables, line: &Line, keys: impl Iterator<Item = &'k String>, start: u64, end: u64) {
    for key in keys {
        let id = tables.partition(key);
        tables.partitions[id as usize].groups_mut().breaks.push(broken(line, start, end));
    }
}
