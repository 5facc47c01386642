//! A finding in full with its history lines, of a history that is no run: judged as asked, and looked into again.

mod common;

use common::{Store, history};

/// Value 3 was never sent; value 2 was read by nobody.
const LOG: [&str; 6] = [
    r#"{"process":0,"type":"invoke","f":"send","value":[["send","t-0",1]],"time":1}"#,
    r#"{"process":0,"type":"ok","f":"send","value":[["send","t-0",[0,1]]],"time":2}"#,
    r#"{"process":0,"type":"invoke","f":"send","value":[["send","t-0",2]],"time":3}"#,
    r#"{"process":0,"type":"ok","f":"send","value":[["send","t-0",[1,2]]],"time":4}"#,
    r#"{"process":1,"type":"invoke","f":"poll","value":[["poll"]],"time":5}"#,
    r#"{"process":1,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,1],[2,3]]}]],"time":6}"#,
];

/// A register that forgets.
const REGISTER: [&str; 4] = [
    r#"{"process":0,"type":"invoke","f":"write","value":7,"time":1}"#,
    r#"{"process":0,"type":"ok","f":"write","value":7,"time":2}"#,
    r#"{"process":0,"type":"invoke","f":"read","value":null,"time":3}"#,
    r#"{"process":0,"type":"ok","f":"read","value":null,"time":4}"#,
];

/// A store with a history in it, and the history's path.
fn with(name: &str, lines: &[&str]) -> (Store, String) {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let path = history(&store.root(), name, lines).to_str().expect("UTF-8").to_owned();
    (store, path)
}

#[test]
fn a_finding_of_a_file_is_shown_with_its_lines() {
    let (store, path) = with("log.jsonl", &LOG);
    let shown = store.call(&["show", &path, "--anomaly", "1"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.starts_with("#1 unexpected") && shown.out.contains(LOG[5]), "{}", shown.out);
    let edn = path.replace(".jsonl", ".edn");
    assert_eq!(store.call(&["convert", &path, &edn]).code, 0);
    let shown = store.call(&["show", &edn, "--anomaly", "1"]);
    assert!(shown.out.starts_with("#1 unexpected") && shown.out.contains("[2 3]"), "{}", shown.out);
    let table = store.call(&["show", &path, "--guarantee"]);
    assert!(table.code == 0 && table.out.contains("forbidden"), "{}{}", table.err, table.out);
}

#[test]
fn the_command_that_a_report_names_shows_the_finding_as_it_was_judged() {
    let (store, path) = with("log.jsonl", &LOG);
    let report = store.call(&["analyze", &path, "--allow", "unexpected"]);
    assert_eq!(report.code, 2, "{}{}", report.err, report.out);
    assert!(report.out.contains("not judged by: unexpected (--allow)"), "{}", report.out);
    let next = report.out.lines().find(|line| line.contains("next ")).expect("a next step");
    let command = next.split_once("tribunal ").expect("a command").1.split("  ").next().expect("words");
    let again = store.call(&command.split_whitespace().collect::<Vec<_>>());
    assert_eq!(again.code, 2, "as the verdict: {}", again.err);
    assert!(again.out.starts_with("#1 unseen") && again.out.contains(LOG[3]), "{}", again.out);
}

#[test]
fn a_model_s_finding_is_shown_too() {
    let (store, path) = with("register.jsonl", &REGISTER);
    let shown = store.call(&["analyze", &path, "--model", "register", "--anomaly", "1"]);
    assert_eq!(shown.code, 1, "{}", shown.err);
    assert!(shown.out.starts_with("#1 nonlinearizable") && shown.out.contains(REGISTER[3]), "{}", shown.out);
}

#[test]
fn what_cannot_be_shown_is_refused_with_the_reason() {
    let (store, path) = with("log.jsonl", &LOG);
    store.call(&["show", &path, "--anomaly", "9"]).fails(254, &["no finding 9", "1 to 2"]);
    store.call(&["analyze", &path, &path, "--anomaly", "1"]).fails(254, &["one history", "2 were named"]);
    store.fed(&["analyze", "-", "--anomaly", "1"], &LOG.join("\n")).fails(254, &["standard input", "once"]);
    store.call(&["show", &path]).fails(254, &["is a file, not a run", "--anomaly N"]);
    store.call(&["show", "nothing"]).fails(254, &["no run \"nothing\""]);
    let unknown = store.call(&["analyze", &path, "--allow", "foo"]);
    unknown.fails(254, &["\"foo\" in --allow or --forbid", "the kinds are", "lost-write"]);
}
