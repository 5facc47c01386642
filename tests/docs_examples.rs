//! The emitters in docs/examples run, and what they write is a valid history, the one that is kept beside them; the
//! examples in docs/models.md are judged as the page says.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::Store;
use serde_json::Value;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples")
}

/// The lines of a history without their times.
fn timeless(text: &str) -> Vec<Value> {
    let events = text.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).expect("a line of JSON");
        event["time"] = Value::Null;
        event
    });
    events.collect()
}

#[test]
fn the_kept_histories_are_judged_valid() {
    let store = Store::new();
    for name in ["emit.py.jsonl", "emit.go.jsonl", "Emit.java.jsonl"] {
        let path = examples().join(name);
        let called = store.call(&["analyze", path.to_str().expect("UTF-8")]);
        assert_eq!(called.code, 0, "{name}\n{}{}", called.out, called.err);
        assert!(called.out.contains("consume-all complete"), "{}", called.out);
    }
}

/// The sections of docs/models.md: model, history, verdict.
fn models() -> Vec<(String, String, String)> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models.md"))
        .expect("is there");
    let sections = page.split("\n## ").skip(1).map(|section| {
        let (model, rest) = section.split_once('\n').expect("a heading");
        let (history, rest) =
            rest.split_once("```jsonl\n").and_then(|(_, rest)| rest.split_once("```\n")).expect("a history");
        let (_, verdict) = rest.split_once(&format!("--model {model} FILE`: **")).expect("the command");
        let (verdict, _) = verdict.split_once("**").expect("a verdict");
        (model.to_owned(), history.to_owned(), verdict.to_owned())
    });
    sections.collect()
}

#[test]
fn the_page_of_models_tells_the_truth() {
    let store = Store::new();
    let models = models();
    let names: Vec<&str> = models.iter().map(|(model, ..)| model.as_str()).collect();
    assert_eq!(names, ["register", "cas-register", "kv", "set", "queue", "fifo", "log", "mutex"]);
    std::fs::create_dir_all(store.root()).expect("creates");
    for (model, history, verdict) in &models {
        assert!((4..=6).contains(&history.lines().count()), "{model}");
        let path = store.root().join(format!("{model}.jsonl"));
        std::fs::write(&path, history).expect("writes");
        let called = store.call(&["analyze", "--model", model, path.to_str().expect("UTF-8")]);
        let code = if verdict == "VALID" { 0 } else { 1 };
        assert_eq!(called.code, code, "{model}: {}{}", called.out, called.err);
        assert!(called.out.starts_with(verdict), "{model}: {}", called.out);
        assert!(
            !called.out.contains("acknowledged") && !called.out.contains("consume-all"),
            "{}",
            called.out
        );
    }
}

#[test]
#[ignore = "needs java, go and python"]
fn the_emitters_write_the_kept_histories() {
    let store = Store::new();
    let cache = tempfile::tempdir().expect("a directory");
    for (program, args, kept) in [
        ("python3", &["emit.py"][..], "emit.py.jsonl"),
        ("go", &["run", "emit.go"], "emit.go.jsonl"),
        ("java", &["Emit.java"], "Emit.java.jsonl"),
    ] {
        let output = Command::new(program)
            .args(args)
            .current_dir(examples())
            .env("GOCACHE", cache.path())
            .output()
            .unwrap_or_else(|e| panic!("{program}: {e}"));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        let kept = std::fs::read_to_string(examples().join(kept)).expect("is there");
        assert_eq!(timeless(&text), timeless(&kept), "{program}");
        let path = cache.path().join("history.jsonl");
        std::fs::write(&path, &text).expect("writes");
        let called = store.call(&["analyze", path.to_str().expect("UTF-8")]);
        assert_eq!(called.code, 0, "{program}\n{}{}", called.out, called.err);
    }
}
