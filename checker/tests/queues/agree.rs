//! The checker and the obvious judge agree on small histories of every kind, and what is called overtaken is no
//! FIFO queue by the general search either.
//!
//! `TRIBUNAL_ORACLE_CASES` sets how many are tried (5,000 by default).

use checker::model::{Budget, History, ModelKind, Outcome as Judged, check};
use proptest::prelude::*;

use super::history::{Op, Outcome, What, counts, text, verdict};
use super::oracle;

fn op() -> impl Strategy<Value = Op> {
    let what = prop_oneof![
        5 => (0..6_u64).prop_map(What::Enqueue),
        4 => prop::option::weighted(0.8, 0..7_u64).prop_map(What::Dequeue),
        1 => prop::collection::vec(0..7_u64, 0..4).prop_map(What::Drain),
    ];
    (what, 0..24_u64, 1..9_u64, 0..12_u8).prop_map(|(what, invoked, takes, fate)| {
        let mut op = Op::new(what, invoked, invoked + takes);
        match fate {
            0 => op.outcome = Outcome::Fail,
            1 => op.outcome = Outcome::Info,
            2 => (op.outcome, op.completed) = (Outcome::Info, None),
            _ => {}
        }
        op
    })
}

/// Distinct values: the third of a value's enqueues is another value, and so on.
fn distinct(mut ops: Vec<Op>) -> Vec<Op> {
    let mut seen = std::collections::BTreeSet::new();
    ops.retain(|op| !matches!(op.what, What::Enqueue(value) if !seen.insert(value)));
    ops
}

fn cases() -> u32 {
    std::env::var("TRIBUNAL_ORACLE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000)
}

fn agree(ops: &[Op]) {
    let (text, _) = text(ops);
    let verdict = verdict(&text, "exactly-once");
    let found = counts(&verdict);
    let primary = found.iter().map(|(kind, (count, after))| (kind.as_str(), count - after));
    let primary: std::collections::BTreeMap<&str, u64> = primary.filter(|(_, n)| *n > 0).collect();
    let mut expected = oracle::judge(ops);
    expected.retain(|_, n| *n > 0);
    assert_eq!(primary, expected, "{text}\n{verdict:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_checker_and_the_oracle_agree(ops in prop::collection::vec(op(), 0..12)) {
        agree(&ops);
        agree(&distinct(ops));
    }

    #[test]
    fn who_is_overtaken_is_in_no_fifo_queue(ops in prop::collection::vec(op(), 0..9)) {
        let mut ops = distinct(ops);
        ops.retain(|op| !matches!(op.what, What::Drain(_) | What::Dequeue(None)));
        ops.retain(|op| op.outcome != Outcome::Info || matches!(op.what, What::Enqueue(_)));
        let text = text(&ops).0;
        let verdict = verdict(&text, "exactly-once");
        let history = History::from_json_lines(&text).expect("a well-formed history");
        let judged = check(&history, ModelKind::Fifo, &Budget::default());
        if !verdict.anomalies.keys().all(|kind| kind == "recovered") {
            prop_assert!(matches!(judged, Judged::Invalid { .. }) || ops.is_empty(), "{text}\n{verdict:#?}");
        }
    }
}
