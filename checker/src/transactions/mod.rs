//! Transactions: what no partition shows by itself.
//!
//! In the order that data meets them:
//!
//! - `standing`: what each partition tells (where sends stand, who read whom), taken while its view is there
//! - `bench`: all of it together: whose sends are whose, which unknown transactions did commit
//! - `atomic` (torn transactions, lost writes of proved commits), `early` (read before the commit), `hanging`,
//!   `interleaved` (somebody else's records between two of a transaction's)
//! - `graph`: who comes before whom, as compact adjacency; `order` adds processes and real time to it;
//!   `scc` finds what is strongly connected, `shortest` the shortest cycle in it, `cycles` names the kinds
//! - `tell`: transactions in words; `prose`: cycles in words
//!
//! **Invariant:** only what certainly happened makes an edge: sends of committed transactions (those of unknown
//! outcome of which a reader of committed records read a part included), sends outside of transactions that were
//! acknowledged or read, and polls that returned.

mod atomic;
mod bench;
mod cycles;
mod early;
mod graph;
mod hanging;
mod interleaved;
mod order;
mod prose;
mod scc;
mod shortest;
mod standing;
mod tell;

pub(crate) use self::bench::Bench;
pub(crate) use self::standing::Standing;

use crate::checks::Concluded;
use crate::kind::Kind;
use crate::partitions::Crossing;
use crate::words::count;

/// One check of transactions: its name, the kinds that it finds, and the function.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [Kind],
    pub(crate) run: fn(&Bench<'_>) -> Concluded,
}

impl Check {
    /// How the report names it after it looked at so many transactions.
    pub(crate) fn crossing(&self, transactions: usize) -> Crossing {
        Crossing { name: self.name, covered: count(transactions as u64, "transaction") }
    }
}

/// All checks of transactions.
pub(crate) const ALL: [Check; 5] = [
    Check { name: "atomicity", kinds: &[Kind::TornTransaction, Kind::LostWrite], run: atomic::check },
    Check { name: "commits", kinds: &[Kind::PrecommittedRead], run: early::check },
    Check { name: "open transactions", kinds: &[Kind::HangingTransaction], run: hanging::check },
    Check { name: "interleaving", kinds: &[Kind::IntSendSkip], run: interleaved::check },
    Check {
        name: "cycles",
        kinds: &[
            Kind::PrecommittedRead,
            Kind::G0,
            Kind::G0Process,
            Kind::G0Realtime,
            Kind::G1c,
            Kind::G1cProcess,
            Kind::G1cRealtime,
        ],
        run: cycles::check,
    },
];
