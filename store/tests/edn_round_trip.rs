//! The same history in both notations is the same history: read as JSON and as EDN, and converted there and back.

use std::io::{Write, sink};

use proptest::prelude::*;
use serde_json::{Value, json};
use store::batch::Batch;
use store::convert::{ConvertError, Notation, convert};
use store::frames::FrameWriter;
use store::reader::{ReadError, Source, read};
use store::time::Nanos;

mod events;

use events::{arbitrary_history, lines_of, said_again};

fn batches(text: &[u8], threads: usize) -> Result<Vec<Batch>, ReadError> {
    let mut batches = Vec::new();
    read(Source::bytes(text.to_vec()), threads, |batch| {
        batches.push(batch.clone());
        Ok::<(), ReadError>(())
    })?;
    Ok(batches)
}

fn converted(text: &[u8], to: Notation) -> Result<Vec<u8>, ConvertError> {
    let mut out = Vec::new();
    convert(Source::bytes(text.to_vec()), 2, to, &mut out, sink(), "memory")?;
    Ok(out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_notations_are_read_alike(history in arbitrary_history()) {
        let json = lines_of(&history);
        let edn = converted(&json, Notation::Edn).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let from_json: Vec<Value> = batches(&json, 1).expect("JSON").iter().flat_map(said_again).collect();
        let text = String::from_utf8(edn.clone()).expect("EDN is UTF-8");
        let from_edn: Vec<Value> =
            batches(&edn, 2).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?.iter().flat_map(said_again).collect();
        prop_assert_eq!(from_edn, from_json, "{}", text);
    }

    #[test]
    fn a_history_comes_back_from_edn(history in arbitrary_history()) {
        let json = lines_of(&history);
        let there = converted(&json, Notation::Edn).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let back = converted(&there, Notation::JsonLines).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let back: Vec<Value> =
            back.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).expect("JSON")).collect();
        prop_assert_eq!(back.len(), history.len());
        for (i, (back, event)) in back.iter().zip(&history).enumerate() {
            let mut expected = event.clone();
            expected["index"] = json!(i);
            // Absent and null are the same, but for the value.
            let fields = expected.as_object_mut().expect("an object");
            fields.retain(|name, value| !value.is_null() || name == "value" || name == "more");
            prop_assert_eq!(canonical(back), canonical(&expected), "{}", String::from_utf8_lossy(&there));
        }
        // And a second time: what is in EDN already stays as it is.
        let again = converted(&there, Notation::Edn).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(again, there);
    }
}

/// Keys of records that are whole numbers may be written as numbers or as strings.
fn canonical(event: &Value) -> Value {
    let mut event = event.clone();
    let key = |key: &mut Value| {
        if let Some(n) = key.as_i64() {
            *key = json!(n.to_string());
        }
    };
    if matches!(event["f"].as_str(), Some("send" | "poll" | "txn")) {
        for mop in event["value"].as_array_mut().into_iter().flatten() {
            if let Some(k) = mop.get_mut(1) {
                key(k);
            }
        }
    }
    event.get_mut("eof").and_then(Value::as_array_mut).into_iter().flatten().for_each(key);
    event
}

#[test]
fn what_a_run_records_and_what_convert_writes_is_one_layout() {
    let mut file = Vec::new();
    let mut frames = FrameWriter::new(&mut file, sink()).expect("starts");
    let mut plain = Vec::new();
    for n in 0..40_000u64 {
        let line = format!(
            "{{\"index\":{n},\"time\":{},\"process\":{},\"type\":\"invoke\",\"f\":\"send\",\"value\":[[\"send\",\"t-{}\",{n}]],\"client\":1,\"seq\":{n}}}\n",
            n * 1000,
            n % 7,
            n % 3
        );
        frames.write_line(line.as_bytes(), Nanos(n * 1000)).expect("writes");
        plain.write_all(line.as_bytes()).expect("writes");
    }
    frames.finish().expect("ends");
    // zst to jsonl, jsonl to edn, edn to zst: each is what it was, to the byte.
    let jsonl = converted(&file, Notation::JsonLines).expect("converts");
    assert!(jsonl == plain);
    let edn = converted(&jsonl, Notation::Edn).expect("converts");
    let mut index = Vec::new();
    let mut zst = Vec::new();
    let done =
        convert(Source::bytes(edn), 2, Notation::Zst, &mut zst, &mut index, "memory").expect("converts");
    assert!(zst == file);
    assert_eq!((done.lines, done.warnings.len()), (40_000, 0));
    let frames: Vec<Value> = index
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).expect("JSON"))
        .collect();
    assert_eq!(frames.iter().map(|f| f["lines"].as_u64().expect("a number")).sum::<u64>(), 40_000);
    assert_eq!(frames[1]["from"], json!(16_384_000));
}

#[test]
fn edn_is_written_in_the_order_of_time() {
    let line = |time: u64, process: u64| {
        format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"invoke\",\"f\":\"poll\",\"value\":null}}\n"
        )
    };
    let text: String = [(5, 0), (3, 1), (9, 2), (3, 3), (1, 4)].map(|(t, p)| line(t, p)).concat();
    let edn = String::from_utf8(converted(text.as_bytes(), Notation::Edn).expect("converts")).expect("UTF-8");
    let order: Vec<&str> = edn.lines().map(|l| l.split(", :type").next().expect("a head")).collect();
    assert_eq!(
        order,
        [
            "{:index 0, :time 1",
            "{:index 1, :time 3",
            "{:index 2, :time 3",
            "{:index 3, :time 5",
            "{:index 4, :time 9"
        ]
    );
    assert!(edn.find(":process 1").expect("is there") < edn.find(":process 3").expect("is there"));
}

#[test]
fn a_history_that_cannot_be_read_is_not_converted() {
    for text in ["{\"time\":1}\n", "{:time 1 :process 0}\n", "hello\n"] {
        for to in [Notation::Edn, Notation::JsonLines, Notation::Zst] {
            let error = converted(text.as_bytes(), to).expect_err(text);
            assert!(matches!(error, ConvertError::Read(_)), "{error}");
        }
    }
}
