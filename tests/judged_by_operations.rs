//! Without `--model`, a history is judged by what its operations are: as a log, as a queue, or against a model.

mod common;

use common::{Called, Store, count, history};
use serde_json::Value;

const USAGE: i32 = 254;

/// JSON lines of operations, `f=arg>out` each, one after the other; every one by a process of its own.
fn lines(ops: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (process, op) in ops.split_whitespace().enumerate() {
        let (call, out) = op.split_once('>').unwrap_or((op, "null"));
        let (f, arg) = call.split_once('=').unwrap_or((call, "null"));
        for (i, (op_type, value)) in [("invoke", arg), ("ok", out)].into_iter().enumerate() {
            let time = process * 10 + i * 5;
            lines.push(format!(
                r#"{{"time":{time},"process":{process},"type":"{op_type}","f":"{f}","value":{value}}}"#
            ));
        }
    }
    lines
}

/// The same as Jepsen prints it.
fn edn(ops: &str) -> String {
    let all: Vec<String> = lines(ops)
        .iter()
        .map(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            let value = event["value"].to_string().replace("null", "nil").replace(',', " ");
            let (time, process) = (&event["time"], &event["process"]);
            let word = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            format!(
                "{{:type :{}, :f :{}, :value {value}, :time {time}, :process {process}}}\n",
                word("type"),
                word("f")
            )
        })
        .collect();
    all.concat()
}

fn analyze(ops: &str, more: &[&str]) -> Called {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let lines = lines(ops);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let path = history(&store.root(), "some.jsonl", &lines);
    store.call(&[&["analyze", path.to_str().expect("UTF-8"), "--json"], more].concat())
}

fn verdict(called: &Called) -> Value {
    serde_json::from_str(&called.out).unwrap_or_else(|e| panic!("{e}: {}{}", called.out, called.err))
}

#[test]
fn operations_tell_the_judge() {
    for (ops, guarantee) in [
        (r#"send=[["send",1,5]]>[["send",1,[0,5]]] poll=[["poll"]]>[["poll",{"1":[[0,5]]}]]"#, "default"),
        ("enqueue=1>1 dequeue>1", "default"),
        ("enqueue=1>1 drain>[1]", "default"),
        ("write=1>1 read>1", "linearizable register"),
        ("write=1>1 cas=[1,2]>[1,2]", "linearizable cas-register"),
        ("write=[\"a\",\"w\"]>[\"a\",\"w\"] append=[\"a\",\"x\"]>[\"a\",\"x\"]", "linearizable kv"),
        ("acquire release", "linearizable mutex"),
        ("add=1>1 read>[1]", "linearizable set"),
        ("append=7>[0,7] read>[0,7]", "linearizable log"),
    ] {
        let of_lines = verdict(&analyze(ops, &[]));
        assert_eq!(of_lines["guarantee"]["name"], guarantee, "{ops}");
        assert_eq!(of_lines["validity"], "valid", "{ops}: {of_lines}");
        if ops.contains('{') {
            continue;
        }
        let store = Store::new();
        std::fs::create_dir_all(store.root()).expect("creates");
        let path = store.root().join("some.edn");
        std::fs::write(&path, edn(ops)).expect("writes");
        let of_edn = verdict(&store.call(&["analyze", path.to_str().expect("UTF-8"), "--json"]));
        assert_eq!(of_edn["guarantee"]["name"], guarantee, "{ops}");
        assert_eq!(of_edn["validity"], "valid", "{ops}: {of_edn}");
    }
}

#[test]
fn what_is_not_clear_names_the_functions_and_the_models() {
    for (ops, words) in [
        ("jump=3 skip", ["jump, skip", "cas-register"]),
        ("read>1", ["a history of read", "--model"]),
        ("append=\"x\"", ["append", "log"]),
        ("add=1 acquire", ["add, acquire", "no judge"]),
    ] {
        analyze(ops, &[]).fails(USAGE, &words);
    }
    assert_eq!(analyze("read>null", &["--model", "register"]).code, 0, "the model can be named");
}

#[test]
fn what_one_judge_leaves_aside_is_told() {
    let log = r#"send=[["send",1,5]]>[["send",1,[0,5]]] poll=[["poll"]]>[["poll",{"1":[[0,5]]}]]"#;
    let debug = verdict(&analyze(&format!("{log} debug=1"), &[]));
    assert_eq!(debug["validity"], "valid");
    assert!(debug["notes"].to_string().contains("debug"), "{}", debug["notes"]);
    let mixed = analyze(&format!("{log} enqueue=1>1"), &[]);
    assert_eq!(mixed.code, 2);
    assert!(verdict(&mixed)["unknown_because"].to_string().contains("enqueue"), "{}", mixed.out);
}

#[test]
fn standard_input_is_read_once_whatever_it_holds() {
    for (text, code, kind) in [
        (lines("enqueue=1>1 enqueue=2>2 dequeue>2 drain>[]").join("\n"), 1, "lost"),
        (edn("write=1>1 read>2"), 1, "nonlinearizable"),
        (String::new(), 2, "none"),
    ] {
        let store = Store::new();
        let called = store.fed(&["analyze", "-", "--json"], &text);
        assert_eq!(called.code, code, "{}{}", called.out, called.err);
        assert_eq!(count(&verdict(&called), kind), u64::from(kind != "none"));
    }
}

#[test]
fn kinds_can_be_allowed_and_forbidden() {
    let ops = "enqueue=1>1 dequeue>1 drain>[1]";
    assert_eq!(analyze(ops, &[]).code, 0);
    assert_eq!(analyze(ops, &["--forbid", "duplicated"]).code, 1);
    let lost = "enqueue=1>1 enqueue=2>2 dequeue>2 drain>[]";
    assert_eq!(analyze(lost, &[]).code, 1);
    assert_eq!(analyze(lost, &["--allow", "lost"]).code, 0);
    analyze(lost, &["--allow", "lsot"]).fails(USAGE, &["lsot", "did you mean \"lost\"?"]);
    analyze(lost, &["--allow", "lost", "--forbid", "lost"]).fails(USAGE, &["lost", "both"]);
}

#[test]
fn a_queue_is_told_like_any_other_history() {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let lines = lines("enqueue=1>1 enqueue=2>2 dequeue>2 drain>[]");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let path = history(&store.root(), "queue.jsonl", &lines);
    let called = store.call(&["analyze", path.to_str().expect("UTF-8")]);
    assert_eq!(called.code, 1);
    for word in ["INVALID", "lost", "because", "acknowledged elements", "contradicted by"] {
        assert!(called.out.contains(word), "\"{word}\" is not in: {}", called.out);
    }
}
