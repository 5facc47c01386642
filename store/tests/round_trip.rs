//! What is recorded is what is read back: recorder to file to batches, beside serde_json as the slow oracle.

use std::path::Path;
use std::thread;

use proptest::prelude::*;
use serde_json::{Value, json};
use store::batch::{Batch, F, HASHED, MopKind};
use store::op::{Event, Mop, More, OpType, Payload, Process, Record};
use store::parse::parse_lines;
use store::reader::{ReadError, Source, read};
use store::recorder::Recorder;
use store::time::Clock;

#[test]
fn many_threads_record_and_every_line_comes_back_in_order() {
    const THREADS: u32 = 6;
    const OPS: u64 = 20_000;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("history.jsonl.zst");
    let clock = Clock::start();
    let recorder = Recorder::create(&path, clock).expect("creates");
    thread::scope(|scope| {
        for process in 0..THREADS {
            let tape = recorder.tape();
            scope.spawn(move || {
                for value in 0..OPS {
                    for (op_type, offset) in [(OpType::Invoke, None), (OpType::Ok, Some(Some(value as i64)))]
                    {
                        let mops = [Mop::Send { key: "t-0", value, offset }];
                        let event =
                            Event::new(clock.now(), Process(process), op_type, "send", Payload::Mops(&mops))
                                .with(More { seq: Some(value), client: Some(process), ..More::default() });
                        tape.record(&event).expect("records");
                    }
                }
            });
        }
    });
    let summary = recorder.finish().expect("finishes");
    assert_eq!(summary.lines, u64::from(THREADS) * OPS * 2);
    assert_eq!(summary.bytes, std::fs::metadata(&path).expect("is there").len());

    let mut next = vec![(OpType::Invoke, 0u64); THREADS as usize];
    let mut lines = 0;
    let read_summary = read(Source::open(&path).expect("opens"), 2, |batch: &Batch| {
        for line in &batch.lines {
            lines += 1;
            assert_eq!(batch.line_number(line), lines);
            let mop = batch.mops_of(line)[0];
            let process = line.process.0 as usize;
            // A process' lines are in its own order, each exactly once.
            assert_eq!((line.op_type, mop.value), next[process]);
            assert_eq!(mop.offset, (line.op_type == OpType::Ok).then_some(mop.value as i64));
            assert_eq!((line.seq(), line.client()), (Some(mop.value), Some(process as u32)));
            next[process] = match line.op_type {
                OpType::Invoke => (OpType::Ok, mop.value),
                _ => (OpType::Invoke, mop.value + 1),
            };
        }
        Ok::<(), ReadError>(())
    })
    .expect("reads");
    assert_eq!((read_summary.lines, lines), (summary.lines, summary.lines));
    assert!(read_summary.warnings.is_empty());
    let index = std::fs::read_to_string(dir.path().join("history.idx")).expect("the index is there");
    let frames: Vec<Value> = index.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(frames.iter().map(|f| f["lines"].as_u64().expect("a number")).sum::<u64>(), lines);
}

#[test]
fn an_existing_history_is_never_overwritten() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("history.jsonl.zst");
    std::fs::write(&path, "precious").expect("writes");
    let error = Recorder::create(&path, Clock::start()).expect_err("it is there already");
    assert!(error.to_string().contains("history.jsonl.zst"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("is there"), "precious");
}

#[test]
fn what_is_recorded_after_the_end_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let recorder = Recorder::create(&dir.path().join("history.jsonl.zst"), Clock::start()).expect("creates");
    let tape = recorder.tape();
    recorder.finish().expect("finishes");
    let event = Event::new(tape.clock().now(), Process(0), OpType::Invoke, "poll", Payload::None);
    assert!(tape.record(&event).is_err());
}

/// `/dev/full` refuses every byte, as a full disk does.
#[test]
fn a_full_disk_stops_the_clients_with_an_error_that_names_it() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
    let path = Path::new("runs/x/history.jsonl.zst");
    let recorder =
        Recorder::onto(Box::new(full), Box::new(std::io::sink()), path, Clock::start()).expect("starts");
    let tape = recorder.tape();
    let event = Event::new(tape.clock().now(), Process(0), OpType::Invoke, "poll", Payload::None);
    // Far more than the tape holds: were it not refused, this would wait for ever.
    let error = (0..10_000_000).find_map(|_| tape.record(&event).err()).expect("the disk is full");
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert!(error.to_string().contains("runs/x/history.jsonl.zst"), "{error}");
    assert!(recorder.failure().is_some());
    assert!(recorder.finish().is_err());
}

fn arbitrary_event() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just(json!("t-0")),
        Just(json!("häßlich \"q\"-1")),
        Just(json!(7)),
        Just(json!("a\\b\n-2"))
    ];
    let value = prop_oneof![
        any::<u32>().prop_map(|v| json!(v)),
        Just(json!(u64::MAX >> 1)),
        Just(json!(-5)),
        Just(json!("text")),
        Just(json!([1, {"a": null}])),
    ];
    let offset = prop_oneof![any::<i64>().prop_map(|o| json!(o)), (0i64..100).prop_map(|o| json!(o))];
    let send = (key.clone(), value.clone(), proptest::option::of(proptest::option::of(offset.clone())))
        .prop_map(|(key, value, offset)| match offset {
            None if value.is_array() => json!(["send", key, [null, value]]),
            None => json!(["send", key, value]),
            Some(offset) => json!(["send", key, [offset, value]]),
        });
    let record = (offset.clone(), proptest::option::of(value), any::<bool>())
        .prop_map(|(o, v, epoch)| if epoch { json!([o, v, 3]) } else { json!([o, v]) });
    let poll =
        proptest::collection::vec((0..3, proptest::collection::vec(record, 0..4)), 0..3).prop_map(|keys| {
            let keys: serde_json::Map<String, Value> =
                keys.into_iter().map(|(k, r)| (format!("t-{k}"), Value::Array(r))).collect();
            json!(["poll", keys])
        });
    let mops = proptest::collection::vec(prop_oneof![send, poll, Just(json!(["poll"]))], 0..3);
    (
        any::<u64>(),
        prop_oneof![(0..u32::MAX).prop_map(|p| json!(p)), Just(json!("nemesis"))],
        0..4usize,
        prop_oneof![mops.prop_map(|m| ("txn", Value::Array(m))), Just(("kill", json!({"a": [1.5e3, "x"]})))],
        proptest::option::of(any::<i32>().prop_filter("the sentinel", |n| *n != i32::MIN)),
        proptest::option::of(".*"),
        any::<bool>(),
    )
        .prop_map(|(time, process, op_type, (f, value), node, error, last)| {
            let op_type = ["invoke", "ok", "fail", "info"][op_type];
            let mut event = json!({
                "time": time, "process": process, "type": op_type, "f": f,
                "value": value, "something-else": {"deep": [[], {}]}, "position": {"t-1": 4},
            });
            if let Some(node) = node {
                event["node"] = json!(node);
            }
            if let Some(error) = error {
                event["error"] = json!(error);
            }
            if last {
                event["final"] = json!(true);
                event["eof"] = json!(["t-1"]);
            }
            event
        })
}

/// A parsed batch, said again in JSON; hashed values become "hashed".
fn said_again(batch: &Batch) -> Vec<Value> {
    let value = |v: u64| if v & HASHED == 0 { json!(v) } else { json!("hashed") };
    let lines = batch.lines.iter().map(|line| {
        let mops: Vec<Value> = batch
            .mops_of(line)
            .iter()
            .map(|mop| match mop.kind {
                MopKind::Send => json!([batch.key(mop.key), mop.offset, value(mop.value)]),
                MopKind::Poll => {
                    let records = batch.records_of(mop).iter().map(|r| json!([r.offset, r.value.map(value)]));
                    json!([batch.key(mop.key), records.collect::<Vec<_>>()])
                }
            })
            .collect();
        let f = match line.f {
            F::Txn => "txn",
            F::Other(name) => batch.name(name),
            other => panic!("{other:?} is not generated"),
        };
        json!([
            line.time.0,
            line.process.to_string(),
            line.op_type.as_str(),
            f,
            mops,
            batch.value_of(line).map(|v| serde_json::from_str::<Value>(v).expect("JSON")),
            line.node(),
            line.error().map(|e| batch.name(e)),
            line.final_pass,
            line.eofs.len(),
        ])
    });
    lines.collect()
}

/// The same from serde_json's reading of the same line.
fn expected(event: &Value) -> Value {
    let value = |v: &Value| match v.as_u64() {
        Some(n) if n & HASHED == 0 => json!(n),
        _ => json!("hashed"),
    };
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let txn = event["f"] == "txn";
    let mut mops = Vec::new();
    for mop in event["value"].as_array().into_iter().flatten().filter(|_| txn) {
        if mop[0] == "send" {
            let pair = mop[2].as_array().filter(|p| p.len() == 2);
            mops.push(match pair {
                Some(p) => json!([text(&mop[1]), p[0], value(&p[1])]),
                None => json!([text(&mop[1]), null, value(&mop[2])]),
            });
        }
        for (key, records) in mop[1].as_object().into_iter().flatten() {
            let records = records
                .as_array()
                .expect("a list")
                .iter()
                .map(|r| json!([r[0], if r[1].is_null() { Value::Null } else { value(&r[1]) }]));
            mops.push(json!([key, records.collect::<Vec<_>>()]));
        }
    }
    json!([
        event["time"],
        text(&event["process"]),
        event["type"],
        event["f"],
        mops,
        if txn { Value::Null } else { event["value"].clone() },
        event["node"],
        event["error"],
        event["final"] == true,
        event["eof"].as_array().map_or(0, Vec::len),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any event, however its JSON is laid out, is read as serde_json reads it.
    #[test]
    fn parsing_agrees_with_serde_json(
        events in proptest::collection::vec(arbitrary_event(), 0..6),
        reversed in any::<bool>(),
        spaced in any::<bool>(),
    ) {
        let mut text = String::new();
        for event in &events {
            // serde_json's maps are sorted, so `value` comes after `f`; reversed it comes before.
            let fields: Vec<(String, Value)> = event.as_object().expect("an object").clone().into_iter().collect();
            let mut fields: Vec<String> =
                fields.into_iter().map(|(k, v)| format!("{}{}:{v}", json!(k), if spaced { " \t" } else { "" })).collect();
            if reversed {
                fields.reverse();
            }
            text.push_str(&format!("{{{}}}\n", fields.join(if spaced { " , " } else { "," })));
        }
        let batch = parse_lines(text.as_bytes()).map_err(|e| TestCaseError::fail(format!("{e:?}\n{text}")))?;
        prop_assert_eq!(said_again(&batch), events.iter().map(expected).collect::<Vec<_>>());
    }

    /// Damaged text is an error or a batch, never a panic; an error names a place inside the text.
    #[test]
    fn damage_never_panics(
        events in proptest::collection::vec(arbitrary_event(), 1..4),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut text: Vec<u8> = events.iter().flat_map(|e| format!("{e}\n").into_bytes()).collect();
        for (at, byte) in cuts {
            let at = at.index(text.len());
            text[at] = byte;
        }
        if let Err(e) = parse_lines(&text) {
            let line = text.split(|b| *b == b'\n').nth(e.line as usize).expect("the line is there");
            prop_assert!(e.byte <= line.len() as u64, "{:?}", e);
        }
    }
}

#[test]
fn values_are_told_apart() {
    let record = |values: &str| {
        let text = format!(
            r#"{{"time":1,"process":0,"type":"ok","f":"poll","value":[["poll",{{"t-0":[{values}]}}]]}}"#
        );
        parse_lines(text.as_bytes()).expect("parses").records
    };
    let records = record(r#"[0,"a"],[1,"b"],[2,-1],[3,1],[4,9223372036854775808],[5,[1]],[6,"a"],[7,null]"#);
    let values: Vec<Option<u64>> = records.iter().map(|Record { value, .. }| *value).collect();
    assert_eq!(values[0], values[6]);
    assert_eq!(values[3], Some(1));
    assert_eq!(values[7], None);
    let distinct: std::collections::BTreeSet<_> = values[..6].iter().collect();
    assert_eq!(distinct.len(), 6, "{values:?}");
}

#[test]
fn errors_name_the_line_the_byte_and_the_reason() {
    for (line, byte, reason) in [
        (r#"{"time":1,"process":0,"type":"ok","f":"send"} x"#, 46, "unexpected 'x'"),
        (
            r#"{"time":1,"process":0,"type":"okay","f":"send"}"#,
            29,
            "type is \"okay\"; it must be invoke, ok, fail or info",
        ),
        (
            r#"{"time":1,"process":"w1","type":"ok","f":"send"}"#,
            20,
            "process is \"w1\"; it must be a whole number",
        ),
        (r#"{"time":-1,"process":0,"type":"ok","f":"send"}"#, 8, "whole number"),
        (r#"{"time":1,"process":0,"f":"send"}"#, 33, "no \"type\""),
        (
            r#"{"time":1,"process":0,"type":"ok","f":"send","value":[["write","t-0",1]]}"#,
            55,
            "micro-operation is \"write\"; it must be send or poll",
        ),
        (r#"{"time":1,"process":0,"type":"ok","f":"send","value":[["send","t-0"]]}"#, 67, "expected ','"),
        (r#"[1,2]"#, 0, "expected '{'"),
        (r#"{"time":1,"process":0,"type":"ok","f":"send","txn":7}"#, 51, "expected '{'"),
        (r#"{"time":1,"process":0,"type":"ok","f":"send","txn":{"epoch":1}}"#, 51, "has no \"id\""),
        (r#"{"time":1,"process":0,"type":"ok","f":"send","txn":{"id":[1]}}"#, 57, "string or a whole number"),
        (
            r#"{"time":1,"process":0,"type":"ok","f":"send","txn":{"id":1,"epoch":2147483648}}"#,
            77,
            "no producer epoch",
        ),
        (
            r#"{"time":1,"process":0,"type":"ok","f":"send","txn":{"id":1,"outcome":"committed"}}"#,
            69,
            "a transaction's outcome is \"committed\"; it must be",
        ),
        (r#"{"time":1,"process":0,"type":"ok","f":"se"#, 38, "no end"),
    ] {
        let text = format!("{{\"time\":0,\"process\":1,\"type\":\"invoke\",\"f\":\"poll\"}}\n\n{line}\n");
        let error = parse_lines(text.as_bytes()).expect_err(line);
        assert_eq!((error.line, error.byte), (2, byte), "{line}: {error:?}");
        assert!(error.reason.contains(reason), "{line}: {error:?}");
    }
}
