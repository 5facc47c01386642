//! Arbitrary histories, and batches said again in JSON, for the tests that compare notations.

// Each test file uses its part of this.
#![allow(dead_code)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use store::batch::{Batch, F, HASHED, MopKind};

/// Any JSON value of bounded size.
pub(crate) fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<u64>().prop_map(|n| json!(n)),
        (-1e6f64..1e6).prop_map(|n| json!(n)),
        Just(json!(1.5e300)),
        ".{0,12}".prop_map(|s| json!(s)),
        Just(json!(":keyword; \"#_\" {} \\ \u{1f600} \u{7f} \n\t\u{1}")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z0-9 :\"/-]{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn arbitrary_mops() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just(json!("t-0")),
        Just(json!("häß \"q\"-1")),
        Just(json!(7)),
        Just(json!("7")),
        Just(json!("-0"))
    ];
    let value = prop_oneof![
        any::<u32>().prop_map(|v| json!(v)),
        any::<u64>().prop_map(|v| json!(v)),
        Just(json!(-5)),
        Just(json!("text")),
    ];
    let offset = prop_oneof![any::<i64>(), 0i64..100].prop_map(|o| json!(o));
    let send = (key, value.clone(), proptest::option::of(proptest::option::of(offset.clone()))).prop_map(
        |(key, value, offset)| match offset {
            None => json!(["send", key, value]),
            Some(offset) => json!(["send", key, [offset, value]]),
        },
    );
    let record = (offset, proptest::option::of(value), any::<bool>())
        .prop_map(|(o, v, epoch)| if epoch { json!([o, v, 3]) } else { json!([o, v]) });
    let poll =
        proptest::collection::vec((0..3, proptest::collection::vec(record, 0..4)), 0..3).prop_map(|keys| {
            let keys: Map<String, Value> = keys
                .into_iter()
                .map(|(k, r)| (["t-0", "5", "a b"][k as usize].to_owned(), Value::Array(r)))
                .collect();
            json!(["poll", keys])
        });
    proptest::collection::vec(prop_oneof![send, poll, Just(json!(["poll"]))], 0..3).prop_map(Value::Array)
}

/// What a send may say of its transaction; members that the format does not name included.
pub(crate) fn arbitrary_txn() -> impl Strategy<Value = Value> {
    let id = prop_oneof![
        (0..100_i64).prop_map(|n| json!(n)),
        Just(json!(-7)),
        Just(json!("0.1.7")),
        Just(json!("a \"b\"\\"))
    ];
    let outcome = prop_oneof![Just("commit"), Just("abort"), Just("unknown")];
    (
        id,
        proptest::option::of(any::<i64>()),
        proptest::option::of(any::<i32>()),
        proptest::option::of(outcome),
        any::<bool>(),
    )
        .prop_map(|(id, producer_id, epoch, outcome, more)| {
            let mut txn = json!({"id": id, "producer_id": producer_id, "epoch": epoch, "outcome": outcome});
            if more {
                txn["coordinator"] = json!({"node": 3});
            }
            txn
        })
}

fn arbitrary_event() -> impl Strategy<Value = Value> {
    let body = prop_oneof![
        (prop_oneof![Just("send"), Just("poll"), Just("txn")], arbitrary_mops()),
        (
            prop_oneof![
                Just("offsets"),
                Just("kill"),
                Just("isolate leader!"),
                Just("debug-topic-partitions")
            ],
            arbitrary_json()
        ),
    ];
    let who = prop_oneof![(0..u32::MAX).prop_map(|p| json!(p)), Just(json!("nemesis"))];
    let optional = (
        proptest::option::of(0..u32::MAX),
        proptest::option::of(any::<u64>().prop_filter("the sentinel", |n| *n != u64::MAX)),
        proptest::option::of(any::<i32>().prop_filter("the sentinel", |n| *n != i32::MIN)),
        proptest::option::of(prop_oneof![
            ".{0,20}".prop_map(|s| json!(s)),
            Just(json!(["timeout", {"a": 1}]))
        ]),
        proptest::option::of(prop_oneof![
            Just("persisted"),
            Just("not-persisted"),
            Just("possibly-persisted")
        ]),
        proptest::option::of(prop_oneof![Just("read-committed"), Just("read-uncommitted")]),
        (any::<bool>(), any::<bool>(), any::<bool>()),
        (proptest::option::of(arbitrary_json()), proptest::option::of(arbitrary_txn())),
    );
    (body, who, 0..4usize, optional).prop_map(|((f, value), process, op_type, optional)| {
        let (client, seq, node, error, status, isolation, (last, ends, unacked), (more, txn)) = optional;
        let op_type = ["invoke", "ok", "fail", "info"][op_type];
        let mut event = json!({
            "time": 0, "process": process, "type": op_type, "f": f, "value": value,
            "client": client, "incarnation": client, "seq": seq, "due": seq, "node": node, "status": status,
            "isolation": isolation, "fault": client,
        });
        if let Some(error) = error {
            event["error"] = error;
        }
        if last {
            event["final"] = json!(true);
        }
        if unacked {
            event["unacked"] = json!(true);
        }
        if ends {
            event["eof"] = json!(["t-1", 5, "8"]);
            event["position"] = json!({"t-1": 4, "5": -1});
        }
        if let Some(txn) = txn {
            event["txn"] = txn;
        }
        if let Some(more) = more {
            event["more"] = more;
            event["a b \"c\""] = json!({"nested": [null, {"x": 1.25}]});
        }
        event
    })
}

/// Events at rising times.
pub(crate) fn arbitrary_history() -> impl Strategy<Value = Vec<Value>> {
    (proptest::collection::vec((arbitrary_event(), 0u64..1000), 0..8)).prop_map(|events| {
        let mut time = 0;
        let stamped = events.into_iter().map(|(mut event, later)| {
            time += later;
            event["time"] = json!(time);
            event
        });
        stamped.collect()
    })
}

/// A line each.
pub(crate) fn lines_of(history: &[Value]) -> Vec<u8> {
    history.iter().flat_map(|event| format!("{event}\n").into_bytes()).collect()
}

/// A batch without its numbering, keys and names resolved.
pub(crate) fn said_again(batch: &Batch) -> Vec<Value> {
    let value = |v: u64| if v & HASHED == 0 { json!(v) } else { json!(format!("hash {v:x}")) };
    let lines = batch.lines.iter().map(|line| {
        let mops: Vec<Value> = batch
            .mops_of(line)
            .iter()
            .map(|mop| match mop.kind {
                MopKind::Send => json!(["send", batch.key(mop.key), mop.offset, value(mop.value)]),
                MopKind::Poll => {
                    let records = batch.records_of(mop).iter().map(|r| json!([r.offset, r.value.map(value)]));
                    json!(["poll", batch.key(mop.key), records.collect::<Vec<_>>()])
                }
            })
            .collect();
        let f = match line.f {
            F::Other(name) => batch.name(name).to_owned(),
            known => format!("{known:?}"),
        };
        let positions: Vec<Value> =
            batch.positions[line.positions.range()].iter().map(|(k, o)| json!([batch.key(*k), o])).collect();
        let eofs: Vec<&str> = batch.eofs[line.eofs.range()].iter().map(|k| batch.key(*k)).collect();
        json!({
            "time": line.time.0, "process": line.process.to_string(), "type": line.op_type.as_str(), "f": f,
            "mops": mops, "value": batch.value_of(line).map(|v| serde_json::from_str::<Value>(v).expect("JSON")),
            "client": line.client(), "incarnation": line.incarnation(), "seq": line.seq(),
            "due": line.due().map(|t| t.0), "node": line.node(), "status": line.status().map(|s| s.as_str()),
            "isolation": line.isolation().map(|s| s.as_str()), "error": line.error().map(|e| batch.name(e)),
            "unacked": line.unacked, "final": line.final_pass, "fault": line.fault(),
            "positions": positions, "eofs": eofs,
            "txn": batch.txn_of(line).map(|txn| json!({
                "id": batch.txn_ids[txn.id as usize], "producer_id": txn.producer_id, "epoch": txn.epoch,
                "outcome": txn.outcome.map(|outcome| outcome.as_str()),
            })),
        })
    });
    lines.collect()
}
