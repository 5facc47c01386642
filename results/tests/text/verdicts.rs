//! Verdicts made by hand.

use std::collections::BTreeMap;

use store::fault::FaultWindow;
use store::run_meta::{RunMeta, RunStatus, Settle, TargetMeta};
use store::time::Nanos;
use store::verdict::{
    Anomaly, ConsumeAll, Example, Exercised, Expectation, ExpectationState, Guarantee, VERDICT_SCHEMA,
    Validity, Verdict, Witness,
};

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Nothing found.
pub(crate) fn valid() -> Verdict {
    Verdict {
        schema: VERDICT_SCHEMA,
        validity: Validity::Valid,
        guarantee: Guarantee {
            name: "default".into(),
            sentence: "no acknowledged write lost, per-producer order, no duplicates".into(),
            forbids: strings(&[
                ("lost-write", "an acknowledged write must survive"),
                ("inconsistent-offsets", "an offset holds one record for ever"),
            ]),
        },
        exercised: Exercised {
            lines: 2_410_000,
            operations: 1_204_311,
            acknowledged: 1_190_002,
            failed: 87,
            indeterminate: 1_204,
            records_polled: 1_180_000,
            records_final: 1_190_500,
            partitions: 6,
            faults_asked: 6,
            faults_bit: 6,
            leader_changes: Some(9),
            consume_all: Some(ConsumeAll { covered: 6, of: 6, not_covered: BTreeMap::new() }),
            ..Exercised::default()
        },
        seconds: 1.94,
        ..Verdict::default()
    }
}

fn lost(value: u64, offset: i64) -> Example {
    Example {
        sentence: format!(
            "t-3: client 4 was told \"ok\" for value {value} (offset {offset}) at 00:39.204 (line 402,118), but the \
             consume-all pass read offsets 8811 and 8813 and never this value, because kafka-2 acknowledged it in \
             epoch 5 after kafka-1 led in epoch 6: 1.2 s into \"isolate leader of t-3 (kafka-2)\". No live reader \
             had seen it."
        ),
        key: Some("t-3".into()),
        value: Some(value.to_string()),
        offset: Some(offset),
        time: Some(Nanos(39_204_000_000)),
        witness: vec![
            Witness { line: 402_118, role: "acknowledged".into() },
            Witness { line: 1_204_300, role: "the consume-all pass read past it".into() },
        ],
        faults: vec![3],
        leadership: Some("kafka-1 in epoch 6 since 00:38.9".into()),
        details: BTreeMap::from([("seen_before".to_owned(), serde_json::json!(false))]),
        ..Example::default()
    }
}

/// Two kinds that the guarantee forbids, one of them partly a consequence, and one that it allows.
pub(crate) fn invalid() -> Verdict {
    let rewritten = |sentence: &str, cause: Option<&str>| Example {
        sentence: sentence.into(),
        key: Some("t-3".into()),
        consequence_of: cause.map(str::to_owned),
        ..Example::default()
    };
    let mut verdict = Verdict { validity: Validity::Invalid, ..valid() };
    verdict.faults = vec![FaultWindow {
        fault: 3,
        name: "isolate-leader".into(),
        label: "isolate leader of t-3 (kafka-2)".into(),
        start: Nanos(38_000_000_000),
        end: Some(Nanos(46_000_000_000)),
        bit: Some(true),
        evidence: "1,204 packets dropped".into(),
        nodes: vec!["kafka-2".into()],
        unmet: None,
    }];
    verdict.anomalies = BTreeMap::from([
        (
            "lost-write".to_owned(),
            Anomaly {
                count: 2_114,
                examples: vec![lost(55_102, 8_812), lost(55_103, 8_814)],
                ..Anomaly::default()
            },
        ),
        (
            "inconsistent-offsets".to_owned(),
            Anomaly {
                count: 3,
                consequence_of: BTreeMap::from([("lost-write".to_owned(), 2)]),
                examples: vec![rewritten(
                    "t-3: offset 8812 was read as 55102 and later as 60001, because the log was truncated.",
                    Some("lost-write"),
                )],
                ..Anomaly::default()
            },
        ),
        ("duplicate".to_owned(), Anomaly { count: 12, allowed: true, ..Anomaly::default() }),
    ]);
    verdict
}

/// The consume-all pass did not get everywhere.
pub(crate) fn unknown() -> Verdict {
    let mut verdict = Verdict {
        validity: Validity::Unknown,
        unknown_because: vec![
            "the consume-all pass did not reach the end of t-5, so a loss there cannot be ruled out".into(),
        ],
        ..valid()
    };
    verdict.anomalies.insert("unseen".into(), Anomaly { count: 41, ..Anomaly::default() });
    verdict.exercised.consume_all = Some(ConsumeAll {
        covered: 5,
        of: 6,
        not_covered: strings(&[("t-5", "stopped at 8,120 of 9,000: no leader for 60 s")]),
    });
    verdict.exercised.faults_bit = 5;
    verdict
}

/// Nothing happened at all.
pub(crate) fn vacuous() -> Verdict {
    let mut verdict = Verdict {
        validity: Validity::Unknown,
        unknown_because: vec!["nothing was acknowledged, so nothing could be lost".into()],
        ..valid()
    };
    verdict.exercised = Exercised { operations: 1, faults_asked: 1, ..Exercised::default() };
    verdict.anomalies.insert("vacuous".into(), Anomaly { count: 1, ..Anomaly::default() });
    verdict.seconds = 0.0;
    verdict
}

/// A scenario on the mock that expects duplicates.
pub(crate) fn expected(met: bool) -> Verdict {
    let mut verdict = Verdict {
        expectation: Some(Expectation {
            state: if met { ExpectationState::Met } else { ExpectationState::Unmet },
            expected: strings(&[("duplicate", ">0"), ("validity", "valid")]),
            observed: strings(&[("duplicate", if met { "12" } else { "0" }), ("validity", "valid")]),
        }),
        notes: vec!["The target was the mock cluster: this tells nothing about Kafka's replication.".into()],
        ..valid()
    };
    if met {
        verdict
            .anomalies
            .insert("duplicate".into(), Anomaly { count: 12, allowed: true, ..Anomaly::default() });
    }
    verdict
}

/// A run that was recorded.
pub(crate) fn run() -> RunMeta {
    RunMeta {
        tribunal: "0.1.0".into(),
        id: "20261121T092400Z-7f3a".into(),
        test: "queue".into(),
        seed: 0x7f_3a19,
        started: "2026-11-21T09:24:00Z".into(),
        status: RunStatus::Recorded,
        target: TargetMeta {
            kind: "docker".into(),
            description: "docker apache/kafka:4.3.0 x3".into(),
            ..TargetMeta::default()
        },
        topics: vec!["tribunal-7f3a-1".into()],
        producer: strings(&[("acks", "all"), ("enable.idempotence", "true")]),
        settle: Some(Settle { seconds: 4.2, bound_seconds: 60.0, healthy: true, missing: vec![] }),
        ..RunMeta::default()
    }
}
