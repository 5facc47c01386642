//! The written format, `docs/history.md` and its JSON Schema, against what tribunal writes and reads.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use store::op::{
    Event, Isolation, LogBounds, Mop, More, OpType, Payload, PersistenceStatus, Process, Record, Txn,
    TxnOutcome,
};
use store::parse::parse_lines;
use store::reader::{ReadError, Source, read};
use store::recorder::Recorder;
use store::time::{Clock, Nanos};

mod events;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn schema() -> Validator {
    let text = std::fs::read_to_string(docs().join("history.schema.json")).expect("the schema is there");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    jsonschema::draft202012::meta::validate(&schema)
        .unwrap_or_else(|e| panic!("the schema is no schema: {e}"));
    jsonschema::draft202012::new(&schema).unwrap_or_else(|e| panic!("{e}"))
}

fn check(schema: &Validator, line: &str) -> Value {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    if let Err(e) = schema.validate(&event) {
        panic!("{line}\n{e} at {}", e.instance_path());
    }
    event
}

#[test]
fn what_is_recorded_is_what_the_schema_describes() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("history.jsonl.zst");
    let clock = Clock::start();
    let recorder = Recorder::create(&path, clock).expect("creates");
    let tape = recorder.tape();
    let record = |process, op_type, f: &str, value: Payload<'_>, more: More<'_>| {
        tape.record(&Event::new(clock.now(), process, op_type, f, value).with(more)).expect("records");
    };
    let who = More { client: Some(1), incarnation: Some(0), seq: Some(7), ..More::default() };
    let send = |offset| [Mop::Send { key: "t-0", value: 42, offset }];
    record(
        Process(3),
        OpType::Invoke,
        "send",
        Payload::Mops(&send(None)),
        More { due: Some(Nanos(5)), ..who },
    );
    record(
        Process(3),
        OpType::Ok,
        "send",
        Payload::Mops(&send(Some(Some(17)))),
        More { node: Some(2), status: Some(PersistenceStatus::Persisted), ..who },
    );
    let txn = Txn { id: "1.0.4", producer_id: Some(7), epoch: Some(0), outcome: Some(TxnOutcome::Unknown) };
    record(Process(4), OpType::Info, "send", Payload::Mops(&send(None)), More { txn: Some(txn), ..who });
    record(Process(3), OpType::Ok, "send", Payload::Mops(&send(Some(None))), More { unacked: true, ..who });
    let error = Some("timed out \"late\"\n");
    let status = Some(PersistenceStatus::PossiblyPersisted);
    record(Process(3), OpType::Info, "send", Payload::Mops(&send(None)), More { error, status, ..who });
    record(Process(7), OpType::Invoke, "poll", Payload::Mops(&[Mop::Poll(None)]), More::default());
    let records = [Record { offset: 16, value: Some(41) }, Record { offset: 17, value: None }];
    record(
        Process(7),
        OpType::Ok,
        "poll",
        Payload::Mops(&[Mop::Poll(Some(&[("t-0", &records)]))]),
        More {
            position: &[("t-0", 18)],
            eof: &["t-0"],
            final_pass: true,
            isolation: Some(Isolation::ReadCommitted),
            ..More::default()
        },
    );
    record(Process(8), OpType::Invoke, "offsets", Payload::None, More::default());
    let bounds =
        json!({"t-0": LogBounds { start: 0, stable: Some(18), end: 18, epoch: Some(3) }}).to_string();
    record(
        Process(8),
        OpType::Ok,
        "offsets",
        Payload::Json(&bounds),
        More { final_pass: true, ..More::default() },
    );
    let outcome = store::fault::FaultOutcome {
        label: "kill b".into(),
        unmet: Some("nobody else led t-0".into()),
        ..Default::default()
    };
    let outcome = serde_json::to_string(&outcome).expect("JSON");
    let fault = More { fault: Some(1), ..More::default() };
    record(Process::NEMESIS, OpType::Invoke, "kill", Payload::Json("{\"node\":\"b\"}"), fault);
    record(Process::NEMESIS, OpType::Info, "kill", Payload::Json(&outcome), fault);
    recorder.finish().expect("finishes");

    let text = zstd::decode_all(std::fs::File::open(&path).expect("opens")).expect("decompresses");
    let text = String::from_utf8(text).expect("UTF-8");
    let schema = schema();
    let events: Vec<Value> = text.lines().map(|line| check(&schema, line)).collect();
    assert_eq!(events.len(), 11);
    // The schema names every field that was written.
    let names = std::fs::read_to_string(docs().join("history.schema.json")).expect("the schema is there");
    let names: Value = serde_json::from_str(&names).expect("JSON");
    for name in events.iter().flat_map(|event| event.as_object().expect("an object").keys()) {
        assert!(names["properties"].get(name).is_some(), "the schema does not name {name}");
    }
}

#[test]
fn the_examples_are_valid_histories_and_all_three_the_same() {
    let schema = schema();
    let mut timeless: Vec<Vec<Value>> = Vec::new();
    for name in ["emit.py.jsonl", "emit.go.jsonl", "Emit.java.jsonl"] {
        let path = docs().join("examples").join(name);
        let text = std::fs::read_to_string(&path).expect("the example is there");
        let mut before = 0;
        let events = text.lines().enumerate().map(|(i, line)| {
            let mut event = check(&schema, line);
            assert_eq!(event["index"], json!(i), "{name}");
            let time = event["time"].as_u64().expect("a number");
            assert!(time >= before, "{name}: line {}", i + 1);
            before = time;
            event["time"] = json!(0);
            event
        });
        timeless.push(events.collect());
        let summary =
            read(Source::open(&path).expect("opens"), 1, |_| Ok::<(), ReadError>(())).expect("reads");
        assert_eq!(summary.lines, 36);
        assert!(summary.warnings.is_empty());
    }
    assert_eq!(timeless[0], timeless[1]);
    assert_eq!(timeless[0], timeless[2]);
}

/// Every JSON and EDN line in the written format is what it says.
#[test]
fn the_lines_of_the_written_format_are_valid() {
    let text = std::fs::read_to_string(docs().join("history.md")).expect("the page is there");
    let schema = schema();
    let mut lines = 0;
    for block in text.split("```").skip(1).step_by(2) {
        let events: Vec<&str> = block.lines().filter(|line| line.starts_with('{')).collect();
        events.iter().filter(|line| !line.starts_with("{:")).for_each(|line| drop(check(&schema, line)));
        read(Source::bytes(events.join("\n").into()), 1, |batch| {
            lines += batch.lines.len();
            Ok::<(), ReadError>(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
    }
    assert_eq!(lines, 11);
}

#[test]
fn groups_and_queues_have_their_values() {
    let schema = schema();
    let line = |f: &str, value: &str, more: &str| {
        format!("{{\"time\":1,\"process\":0,\"type\":\"ok\",\"f\":\"{f}\",\"value\":{value}{more}}}")
    };
    for (f, value, more) in [
        ("commit", r#"{"t-0":18,"member":"m-1","generation":7}"#, r#","group":"g""#),
        ("commit", r#"{"offsets":{"t-0":18},"group":"g"}"#, ""),
        ("rebalance", r#"{"assigned":["t-0",5],"revoked":[],"lost":[],"member":"m-1","generation":7}"#, ""),
        ("poll", "null", r#","rebalance-log":[{"type":"revoked","keys":[5]}]"#),
        ("poll", "null", r#","rebalance-log":{"before":[{"keys":["t-0"]}],"during":[]}"#),
        ("drain", "[1,\"x\",null]", r#","key":"jobs""#),
        ("dequeue", "null", ""),
    ] {
        let line = line(f, value, more);
        check(&schema, &line);
        parse_lines(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e:?}"));
    }
    for (f, value, more) in [
        ("commit", r#"{"t-0":"x"}"#, ""),
        ("commit", "[1]", ""),
        ("rebalance", r#"{"assigned":"t-0"}"#, ""),
        ("rebalance", r#"{"generation":"x"}"#, ""),
        ("drain", "7", ""),
        ("poll", "null", r#","rebalance-log":7"#),
        ("poll", "null", r#","group":[1]"#),
    ] {
        let line = line(f, value, more);
        assert!(!schema.is_valid(&serde_json::from_str(&line).expect("JSON")), "{line}");
    }
}

#[test]
fn what_the_reader_refuses_the_schema_refuses() {
    let schema = schema();
    for line in [
        r#"[1]"#,
        r#"{"process":0,"type":"ok","f":"poll","value":null}"#,
        r#"{"time":1,"type":"ok","f":"poll","value":null}"#,
        r#"{"time":1,"process":0,"f":"poll","value":null}"#,
        r#"{"time":1,"process":0,"type":"ok","value":null}"#,
        r#"{"time":-1,"process":0,"type":"ok","f":"poll"}"#,
        r#"{"time":1.5,"process":0,"type":"ok","f":"poll"}"#,
        r#"{"time":1,"process":"w1","type":"ok","f":"poll"}"#,
        r#"{"time":1,"process":4294967295,"type":"ok","f":"poll"}"#,
        r#"{"time":1,"process":0,"type":"okay","f":"poll"}"#,
        r#"{"time":1,"process":0,"type":"ok","f":7}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"send","value":7}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"send","value":[["send","t-0"]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"send","value":[["write","t-0",1]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"send","value":[["send",1.5,1]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"send","value":[["send","t-0",[1]]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"send","value":[["send","t-0",["1",2]]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"poll","value":[["poll",[1]]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"poll","value":[["poll",{"t-0":[[null,1]]}]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"poll","value":[["poll",{"t-0":[1]}]]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","client":"c"}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","client":4294967295}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","seq":-1}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","node":"n1"}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","status":"lost"}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","isolation":"serializable"}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","final":"yes"}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","position":[18]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","eof":[1.5]}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","txn":"0.1"}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","txn":{}}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","txn":{"id":1.5}}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","txn":{"id":1,"producer_id":"p"}}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","txn":{"id":1,"epoch":2147483648}}"#,
        r#"{"time":1,"process":0,"type":"ok","f":"x","txn":{"id":1,"outcome":"committed"}}"#,
    ] {
        parse_lines(line.as_bytes()).expect_err(line);
        let event: Value = serde_json::from_str(line).expect("JSON");
        assert!(!schema.is_valid(&event), "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the reader takes of generated histories, the schema describes.
    #[test]
    fn what_the_reader_takes_the_schema_takes(history in events::arbitrary_history()) {
        // Values of `offsets`, of groups and of the nemesis are the schema's own to judge, as is that a send holds
        // sends only: no reader of lines looks at that.
        let own = ["offsets", "commit", "rebalance", "drain"];
        let history = history.into_iter().filter(|e| own.iter().all(|f| e["f"] != *f) && e["process"] != "nemesis");
        let history = history.map(|mut e| {
            if e["f"] == "send" || e["f"] == "poll" {
                e["f"] = json!("txn");
            }
            e
        });
        let schema = schema();
        for event in history {
            parse_lines(event.to_string().as_bytes()).expect("a line");
            prop_assert!(schema.is_valid(&event), "{}", event);
        }
    }
}
