//! `tribunal convert`: notations by name and by option, nothing overwritten, nothing left behind.

mod common;

use std::process::Stdio;

use common::{Store, called};

const USAGE: i32 = 254;
const FAILED: i32 = 255;

const JSON: &str = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"send","value":[["send","t-0",0]]}
{"index":1,"time":2,"process":0,"type":"ok","f":"send","value":[["send","t-0",[0,0]]]}
{"index":2,"time":3,"process":1,"type":"invoke","f":"poll","value":[["poll"]]}
{"index":3,"time":4,"process":1,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,0]]}]],"position":{"t-0":1}}
"#;
const EDN: &str = r#"{:index 0, :time 1, :type :invoke, :process 0, :f :send, :value [[:send "t-0" 0]]}
{:index 1, :time 2, :type :ok, :process 0, :f :send, :value [[:send "t-0" [0 0]]]}
{:index 2, :time 3, :type :invoke, :process 1, :f :poll, :value [[:poll]]}
{:index 3, :time 4, :type :ok, :process 1, :f :poll, :value [[:poll {"t-0" [[0 0]]}]], :position {"t-0" 1}}
"#;

/// A store whose directory holds `in.jsonl`.
fn store() -> Store {
    let store = Store::new();
    std::fs::write(here(&store).join("in.jsonl"), JSON).expect("writes");
    store
}

fn here(store: &Store) -> std::path::PathBuf {
    store.root().parent().expect("it is in a directory").to_owned()
}

fn names(store: &Store) -> Vec<String> {
    let entries = std::fs::read_dir(here(store)).expect("lists");
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn names_tell_the_notation_and_the_way_back_ends_where_it_began() {
    let store = store();
    for (from, to) in [("in.jsonl", "a.edn"), ("a.edn", "b.jsonl.zst"), ("b.jsonl.zst", "c.jsonl")] {
        let called = store.call(&["convert", from, to]);
        assert_eq!(called.code, 0, "{}", called.err);
        assert!(called.err.contains(&format!("4 lines written to {to}")), "{}", called.err);
        assert_eq!(called.out, "");
    }
    let read = |name: &str| std::fs::read_to_string(here(&store).join(name)).expect("is there");
    assert_eq!(read("a.edn"), EDN);
    assert_eq!(read("c.jsonl"), JSON);
    assert!(read("b.idx").contains("\"lines\":4"));
    assert_eq!(names(&store), ["a.edn", "b.idx", "b.jsonl.zst", "c.jsonl", "in.jsonl"]);
    // All of them are judged alike.
    for name in ["in.jsonl", "a.edn", "b.jsonl.zst", "c.jsonl"] {
        let called = store.call(&["analyze", name, "--json"]);
        assert!(called.out.contains("\"operations\": 2"), "{name}: {}{}", called.out, called.err);
    }
}

#[test]
fn standard_streams_need_the_option() {
    let store = store();
    let converted = store.fed(&["convert", "-", "-", "--to", "edn"], JSON);
    assert_eq!((converted.code, converted.out.as_str(), converted.err.as_str()), (0, EDN, ""));
    store.call(&["convert", "in.jsonl", "-"]).fails(USAGE, &["standard output", "--to edn"]);
}

#[test]
fn a_file_is_replaced_only_when_asked() {
    let store = store();
    let path = here(&store).join("there.edn");
    std::fs::write(&path, "precious").expect("writes");
    store.call(&["convert", "in.jsonl", "there.edn"]).fails(USAGE, &["there.edn", "--force"]);
    assert_eq!(std::fs::read_to_string(&path).expect("is there"), "precious");
    assert_eq!(store.call(&["convert", "in.jsonl", "there.edn", "--force"]).code, 0);
    assert_eq!(std::fs::read_to_string(&path).expect("is there"), EDN);
    // Onto itself: it is read before it is replaced.
    assert_eq!(store.call(&["convert", "there.edn", "there.edn", "--force"]).code, 0);
    assert_eq!(std::fs::read_to_string(&path).expect("is there"), EDN);
    // The index is in the way as the history would be.
    std::fs::write(here(&store).join("x.idx"), "precious").expect("writes");
    store.call(&["convert", "in.jsonl", "x.jsonl.zst"]).fails(USAGE, &["x.idx", "--force"]);
    assert_eq!(names(&store), ["in.jsonl", "there.edn", "x.idx"]);
}

#[test]
fn what_cannot_be_converted_leaves_nothing() {
    let store = store();
    let damaged = EDN.replace(":type :ok, :process 1", ":type :okay, :process 1");
    std::fs::write(here(&store).join("damaged.edn"), damaged).expect("writes");
    std::fs::write(here(&store).join("words.txt"), "hello\n").expect("writes");
    let before = names(&store);
    store
        .call(&["convert", "damaged.edn", "out.jsonl"])
        .fails(FAILED, &["damaged.edn", "line 4, byte 27", "okay"]);
    // A conversion that numbered lines anew would hide that some are missing.
    let cut: String = JSON.split_inclusive('\n').filter(|line| !line.contains("\"index\":2,")).collect();
    std::fs::write(here(&store).join("words.txt"), cut).expect("writes");
    store.call(&["convert", "words.txt", "out.jsonl"]).fails(FAILED, &["words.txt: line 3", "index is 3"]);
    std::fs::write(here(&store).join("words.txt"), "hello\n").expect("writes");
    store.call(&["convert", "words.txt", "out.jsonl.zst"]).fails(FAILED, &["words.txt", "line 1"]);
    store.call(&["convert", "nosuch.edn", "out.jsonl"]).fails(FAILED, &["nosuch.edn"]);
    store.call(&["convert", "in.jsonl", "out.txt"]).fails(USAGE, &["out.txt", ".jsonl.zst", "--to"]);
    store.call(&["convert", "in.jsonl", "out.edn", "--to", "xml"]).fails(USAGE, &["xml", "jsonl"]);
    store.call(&["convert", "in.jsonl", "nosuch/out.edn"]).fails(FAILED, &["nosuch/out.edn", "No such file"]);
    store.call(&["convert", "in.jsonl", "/dev/full", "--to", "edn"]).fails(USAGE, &["/dev/full", "exists"]);
    assert_eq!(names(&store), before);
}

#[test]
fn a_torn_end_is_a_warning() {
    let store = store();
    std::fs::write(here(&store).join("torn.edn"), &EDN[..EDN.len() - 30]).expect("writes");
    let called = store.call(&["convert", "torn.edn", "out.jsonl"]);
    assert_eq!(called.code, 0, "{}", called.err);
    assert!(called.err.contains("warning: torn.edn: the last operation (line 4"), "{}", called.err);
    assert!(called.err.contains("3 lines written"), "{}", called.err);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let store = store();
    let bare: String = (0..4).fold(JSON.to_owned(), |json, n| json.replace(&format!("\"index\":{n},"), ""));
    std::fs::write(here(&store).join("long.jsonl"), bare.repeat(20_000)).expect("writes");
    let mut child = store
        .command()
        .args(["convert", "long.jsonl", "-", "--to", "edn"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let ended = called(&child.wait_with_output().expect("it ends"));
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

/// A device that is asked for by name is not turned into a file.
#[test]
fn what_is_no_file_is_not_replaced() {
    let store = store();
    let pipe = here(&store).join("pipe.jsonl");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts");
    assert!(made.success());
    for args in
        [&["convert", "in.jsonl", "pipe.jsonl"][..], &["convert", "in.jsonl", "pipe.jsonl", "--force"]]
    {
        store.call(args).fails(USAGE, &["pipe.jsonl", "not replaced"]);
    }
    assert!(!pipe.metadata().expect("is there").is_file());

    // A link goes on naming the file that it names.
    std::fs::write(here(&store).join("old.jsonl"), "").expect("writes");
    std::os::unix::fs::symlink("old.jsonl", here(&store).join("link.jsonl")).expect("links");
    assert_eq!(store.call(&["convert", "in.jsonl", "link.jsonl", "--force"]).code, 0);
    assert!(here(&store).join("link.jsonl").is_symlink());
    assert_eq!(std::fs::read_to_string(here(&store).join("old.jsonl")).expect("is there"), JSON);
}
