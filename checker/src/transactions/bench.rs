//! All that the checks of transactions share.

use store::run_meta::Terms;

use super::standing::{Standing, reads_committed};
use crate::partitions::Bounds;
use crate::tables::{NONE, Outcome, Send, Tables, Transaction};

/// A send: partition and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) partition: u32,
    pub(crate) row: u32,
}

/// Where an unknown transaction is proved to have committed: the poll that read this send of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof {
    pub(crate) poll: u32,
    pub(crate) place: Place,
}

/// The transactions of a history, and what its partitions tell about them.
pub(crate) struct Bench<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) terms: &'a Terms,
    /// By partition; `None` where a partition could not be looked at.
    pub(crate) standings: Vec<Option<Standing>>,
    /// How many examples to keep.
    pub(crate) keep: usize,
    /// Where each transaction's sends begin in `places`, and where the last one's end.
    starts: Vec<u32>,
    places: Vec<Place>,
    /// Of each transaction of unknown outcome, a live read that proves its commit.
    pub(crate) proofs: Vec<Option<Proof>>,
    /// Of each transaction of unknown outcome, whether the consume-all pass proves its commit.
    survived: Vec<bool>,
    /// The number of the first node of each partition's sends, and of the polls.
    bases: Vec<u32>,
}

impl<'a> Bench<'a> {
    /// Puts together what the partitions told.
    ///
    /// # Errors
    /// If there are more operations than 32 bits number, in words.
    pub(crate) fn new(
        tables: &'a Tables,
        standings: Vec<(u32, Standing)>,
        bounds: &Bounds<'a>,
    ) -> Result<Bench<'a>, String> {
        let n = tables.transactions.len();
        let (starts, places) = places(tables);
        let mut by_partition: Vec<Option<Standing>> = tables.partitions.iter().map(|_| None).collect();
        for (id, standing) in standings {
            by_partition[id as usize] = Some(standing);
        }
        let mut bases = Vec::with_capacity(tables.partitions.len() + 1);
        let mut base = n as u64;
        for partition in &tables.partitions {
            bases.push(base as u32);
            base += partition.sends.len() as u64;
        }
        bases.push(base as u32);
        // Barriers may treble the number of nodes.
        if (base + tables.polls.len() as u64) * 3 >= u64::from(NONE) {
            return Err("there are more operations than one graph can number".to_owned());
        }
        let mut bench = Bench {
            tables,
            terms: bounds.terms,
            standings: by_partition,
            keep: bounds.examples,
            starts,
            places,
            proofs: vec![None; n],
            survived: vec![false; n],
            bases,
        };
        bench.prove();
        Ok(bench)
    }

    /// Finds the unknown transactions of which a reader of committed records read a part.
    fn prove(&mut self) {
        let tables = self.tables;
        let (proofs, survived) = (&mut self.proofs, &mut self.survived);
        let unknown = |txn: u32| {
            let row = &tables.transactions[txn as usize];
            row.outcome == Outcome::Info && !row.visible
        };
        for (id, standing) in self.standings.iter().enumerate() {
            let Some(standing) = standing else { continue };
            let partition = &tables.partitions[id];
            for (poll, row) in &standing.readings {
                let Some(txn) = partition.transaction(*row).filter(|txn| unknown(*txn)) else { continue };
                if reads_committed(tables.session_of(*poll), self.terms) {
                    let place = Place { partition: id as u32, row: *row };
                    let proof = Proof { poll: *poll, place };
                    // The read that ended first proves most.
                    let ended = |proof: &Proof| tables.polls[proof.poll as usize].completed;
                    let best = &mut proofs[txn as usize];
                    if best.as_ref().is_none_or(|best| ended(&proof) < ended(best)) {
                        *best = Some(proof);
                    }
                }
            }
            if !matches!(standing.reach, crate::coverage::Reach::NoPass) && standing.pass_commits {
                for row in &standing.order {
                    if let Some(txn) = partition.transaction(*row).filter(|txn| unknown(*txn)) {
                        survived[txn as usize] = true;
                    }
                }
            }
        }
    }

    pub(crate) fn transaction(&self, txn: u32) -> &'a Transaction {
        &self.tables.transactions[txn as usize]
    }

    pub(crate) fn send(&self, place: Place) -> &'a Send {
        &self.tables.partitions[place.partition as usize].sends[place.row as usize]
    }

    /// A transaction's sends, by partition and row.
    pub(crate) fn sends_of(&self, txn: u32) -> &[Place] {
        &self.places[self.starts[txn as usize] as usize..self.starts[txn as usize + 1] as usize]
    }

    pub(crate) fn standing(&self, partition: u32) -> Option<&Standing> {
        self.standings[partition as usize].as_ref()
    }

    /// Whether a poll reads committed records only.
    pub(crate) fn reads_committed(&self, poll: u32) -> bool {
        reads_committed(self.tables.session_of(poll), self.terms)
    }

    /// Whether a transaction certainly committed.
    pub(crate) fn committed(&self, txn: u32) -> bool {
        match self.transaction(txn).outcome {
            Outcome::Ok => true,
            Outcome::Info => self.proofs[txn as usize].is_some() || self.survived[txn as usize],
            Outcome::Fail | Outcome::Superseded => false,
        }
    }

    /// How many numbers transactions, sends and polls take.
    pub(crate) fn nodes(&self) -> u32 {
        self.first_poll() + self.tables.polls.len() as u32
    }

    /// The number of the first poll.
    pub(crate) fn first_poll(&self) -> u32 {
        self.bases.last().copied().unwrap_or(0)
    }

    /// The node that a send belongs to: its transaction, or itself.
    pub(crate) fn node_of_send(&self, place: Place) -> u32 {
        let txn = self.tables.partitions[place.partition as usize].transaction(place.row);
        txn.unwrap_or(self.bases[place.partition as usize] + place.row)
    }

    /// The node that a poll belongs to: its transaction, or itself.
    pub(crate) fn node_of_poll(&self, poll: u32) -> u32 {
        match self.tables.polls[poll as usize].txn {
            NONE => self.first_poll() + poll,
            txn => txn,
        }
    }

    /// What a node is.
    pub(crate) fn node(&self, node: u32) -> Node {
        let transactions = self.tables.transactions.len() as u32;
        if node < transactions {
            return Node::Transaction(node);
        }
        if node >= self.first_poll() {
            return Node::Poll(node - self.first_poll());
        }
        let partition = self.bases.partition_point(|base| *base <= node) - 1;
        Node::Send(Place { partition: partition as u32, row: node - self.bases[partition] })
    }
}

/// A transaction, or an operation outside of one: it is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    Transaction(u32),
    Send(Place),
    Poll(u32),
}

/// The sends of each transaction, side by side.
fn places(tables: &Tables) -> (Vec<u32>, Vec<Place>) {
    let members = || {
        tables.partitions.iter().enumerate().flat_map(|(id, partition)| {
            let real = |row: &usize| partition.sends[*row].outcome != Outcome::Superseded;
            (0..partition.members.len()).filter(real).filter_map(move |row| {
                let place = Place { partition: id as u32, row: row as u32 };
                Some((partition.transaction(row as u32)?, place))
            })
        })
    };
    let mut starts = vec![0_u32; tables.transactions.len() + 1];
    for (txn, _) in members() {
        starts[txn as usize + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut next = starts.clone();
    let total = starts.last().copied().unwrap_or(0) as usize;
    let mut places = vec![Place { partition: 0, row: 0 }; total];
    for (txn, place) in members() {
        places[next[txn as usize] as usize] = place;
        next[txn as usize] += 1;
    }
    (starts, places)
}
