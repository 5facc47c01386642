//! Transactions: the checker beside the obvious judge, and one planted anomaly of each kind.
//!
//! `TRIBUNAL_ORACLE_CASES` sets how many histories are tried (3,000 by default).

#![allow(missing_docs, unreachable_pub, reason = "a test's own modules")]

mod agree;
mod oracle;
mod planted;
mod world;

use checker::{Context, Options, analyze};
use store::reader::Source;
use store::run_meta::Terms;
use store::verdict::Verdict;

/// The verdict on a history, every example kept.
fn judge(world: &world::World) -> Verdict {
    let terms = Terms { transaction_timeout_ms: world.timeout_ms, ..Terms::default() };
    let context = Context { terms, ..Context::default() };
    let options = Options { threads: 1, examples: 1_000_000, ..Options::default() };
    let text = world.text();
    let source = Source::bytes(text.clone().into_bytes());
    analyze(source, &context, &options).unwrap_or_else(|e| panic!("{e}\n{text}")).verdict
}

/// The kinds that are about transactions, and whose findings the obvious judge knows.
const KINDS: [&str; 10] = [
    "torn-transaction",
    "precommitted-read",
    "hanging-transaction",
    "int-send-skip",
    "G0",
    "G0-process",
    "G0-realtime",
    "G1c",
    "G1c-process",
    "G1c-realtime",
];
