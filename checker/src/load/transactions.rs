//! Transactions as the lines go by: an operation of function `txn` is one, and so are all sends that name one.
//!
//! A history without transactions pays one look at an empty list a completion.

use rustc_hash::FxHashMap;
use store::batch::{Batch, F, Line};
use store::op::{PersistenceStatus, TxnOutcome};

use super::complete::outcome;
use super::oddities::Oddities;
use super::{Loader, Place};
use crate::tables::{NEVER, NONE, Outcome, Transaction};

/// What the loader must remember of transactions.
#[derive(Default)]
pub(super) struct Transactions {
    /// Operations of function `txn` that are open, by process.
    open: FxHashMap<u32, u32>,
    named: FxHashMap<Box<str>, Named>,
    /// Sends that are marked as aborted unless their transactions committed.
    perhaps: Vec<(u32, Place)>,
}

/// What the sends of a transaction say of it, as bits.
#[derive(Clone, Copy)]
struct Named {
    txn: u32,
    said: u8,
}

const OK: u8 = 1;
const INFO: u8 = 2;
const ABORTED: u8 = 4;
const SAID_COMMIT: u8 = 8;
const SAID_ABORT: u8 = 16;
const SAID_UNKNOWN: u8 = 32;

/// Whether a send that failed did so with its transaction, so that its record may be in the log, hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aborted {
    No,
    Yes,
    /// It does not say what became of the transaction: so unless that committed.
    Perhaps,
}

impl Aborted {
    pub(super) fn of(batch: &Batch, line: &Line) -> Aborted {
        let Some(txn) = batch.txn_of(line) else { return Aborted::No };
        match txn.outcome {
            _ if line.status() == Some(PersistenceStatus::NotPersisted) => Aborted::No,
            Some(TxnOutcome::Abort) => Aborted::Yes,
            Some(TxnOutcome::Commit | TxnOutcome::Unknown) => Aborted::No,
            None => Aborted::Perhaps,
        }
    }
}

impl Loader {
    /// A `txn` operation begins.
    pub(super) fn begin_transaction(&mut self, line: &Line, number: u32) -> u32 {
        let txn = self.new_transaction(line.process.0, line.time.0, number);
        self.transactions.open.insert(line.process.0, txn);
        txn
    }

    fn new_transaction(&mut self, process: u32, invoked: u64, invoke_line: u32) -> u32 {
        self.tables.transactions.push(Transaction {
            invoked,
            last_invoked: invoked,
            completed: NEVER,
            invoke_line,
            line: 0,
            process,
            poll: NONE,
            outcome: Outcome::Info,
            visible: false,
            id: None,
        });
        self.tables.transactions.len() as u32 - 1
    }

    /// The transaction that a completion ends, or that it says it belongs to.
    pub(super) fn transaction_of(
        &mut self,
        batch: &Batch,
        line: &Line,
        number: u32,
        invoked: u64,
    ) -> Option<u32> {
        if line.f == F::Txn {
            let open = self.transactions.open.remove(&line.process.0);
            let txn = open.unwrap_or_else(|| self.new_transaction(line.process.0, invoked, 0));
            let row = &mut self.tables.transactions[txn as usize];
            row.completed = line.time.0;
            row.line = number;
            row.outcome = outcome(line.op_type);
            return Some(txn);
        }
        let named = batch.txn_of(line)?;
        if line.f != F::Send {
            return None;
        }
        let id = batch.txn_ids[named.id as usize].as_str();
        let txn = match self.transactions.named.get(id) {
            Some(named) => named.txn,
            None => {
                let txn = self.new_transaction(NONE, invoked, NONE);
                self.transactions.named.insert(id.into(), Named { txn, said: 0 });
                txn
            }
        };
        let mut said = match outcome(line.op_type) {
            Outcome::Ok => OK,
            Outcome::Info => INFO,
            _ if Aborted::of(batch, line) == Aborted::Yes => ABORTED,
            // Refused by itself: it tells nothing of the others.
            _ => 0,
        };
        said |= match named.outcome {
            Some(TxnOutcome::Commit) => SAID_COMMIT,
            Some(TxnOutcome::Abort) => SAID_ABORT,
            Some(TxnOutcome::Unknown) => SAID_UNKNOWN,
            None => 0,
        };
        if let Some(named) = self.transactions.named.get_mut(id) {
            named.said |= said;
        }
        let row = &mut self.tables.transactions[txn as usize];
        row.invoked = row.invoked.min(invoked);
        row.last_invoked = row.last_invoked.max(invoked);
        row.completed = if row.line == 0 { line.time.0 } else { row.completed.max(line.time.0) };
        row.line = row.line.max(number);
        Some(txn)
    }

    /// A send of a transaction failed and says no more.
    pub(super) fn perhaps_aborted(&mut self, txn: u32, place: Place) {
        if self.rows.stay(place.partition) {
            self.row(place).set_aborted(true);
            self.transactions.perhaps.push((txn, place));
        }
    }

    /// Those of transactions that committed were refused by themselves.
    pub(super) fn settle_aborted(&mut self, perhaps: &[(u32, Place)]) {
        for (txn, place) in perhaps {
            if self.tables.transactions[*txn as usize].outcome == Outcome::Ok {
                self.row(*place).set_aborted(false);
            }
        }
    }

    /// A send belongs to a transaction.
    pub(super) fn join(&mut self, txn: u32, place: Place) {
        if !self.rows.stay(place.partition) {
            return;
        }
        let partition = &mut self.tables.partitions[place.partition as usize];
        let row = place.row as usize;
        if partition.members.len() <= row {
            partition.members.resize(row + 1, NONE);
        }
        partition.members[row] = txn;
        let line = partition.sends[row].invoke_line;
        let transaction = &mut self.tables.transactions[txn as usize];
        transaction.invoke_line = transaction.invoke_line.min(line);
    }
}

impl Transactions {
    /// Concludes what became of the transactions that sends name; the sends that are perhaps aborted.
    pub(super) fn finish(self, rows: &mut [Transaction], oddities: &mut Oddities) -> Vec<(u32, Place)> {
        let mut torn: Vec<(u32, Box<str>)> = Vec::new();
        for (id, Named { txn, said }) in self.named {
            let row = &mut rows[txn as usize];
            row.invoke_line = if row.invoke_line == NONE { 0 } else { row.invoke_line };
            (row.outcome, row.visible) = match concluded(said) {
                Some(conclusion) => conclusion,
                None => {
                    torn.push((row.line, id.clone()));
                    // Whatever became of it, nothing follows from it.
                    (Outcome::Info, true)
                }
            };
            row.id = Some(id);
        }
        torn.sort_unstable();
        for (line, id) in torn {
            oddities.transaction(&id, line);
        }
        self.perhaps
    }
}

/// The outcome, and whether aborted records may be seen; `None` for a contradiction.
fn concluded(said: u8) -> Option<(Outcome, bool)> {
    let has = |bits: u8| said & bits != 0;
    match said & (SAID_COMMIT | SAID_ABORT | SAID_UNKNOWN) {
        SAID_COMMIT if !has(ABORTED) => Some((Outcome::Ok, false)),
        SAID_ABORT if has(OK) => None,
        SAID_ABORT if has(INFO) => Some((Outcome::Info, true)),
        SAID_ABORT => Some((Outcome::Fail, false)),
        SAID_UNKNOWN if !has(OK | ABORTED) => Some((Outcome::Info, false)),
        0 if has(OK) && !has(ABORTED) => Some((Outcome::Ok, false)),
        0 if !has(OK | INFO) => Some((Outcome::Fail, false)),
        0 if !has(OK | ABORTED) => Some((Outcome::Info, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_what_the_sends_agree_on() {
        assert_eq!(concluded(OK), Some((Outcome::Ok, false)));
        assert_eq!(concluded(OK | INFO | SAID_COMMIT), Some((Outcome::Ok, false)));
        assert_eq!(concluded(ABORTED | SAID_ABORT), Some((Outcome::Fail, false)));
        assert_eq!(concluded(INFO | ABORTED | SAID_ABORT), Some((Outcome::Info, true)));
        assert_eq!(concluded(INFO), Some((Outcome::Info, false)));
        assert_eq!(concluded(0), Some((Outcome::Fail, false)), "every send was refused");
        for contradiction in [OK | ABORTED, OK | SAID_ABORT, OK | SAID_UNKNOWN, ABORTED | SAID_COMMIT] {
            assert_eq!(concluded(contradiction), None);
        }
        assert_eq!(concluded(OK | SAID_COMMIT | SAID_ABORT), None);
    }
}
