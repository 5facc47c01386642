//! Whole runs on real Kafka in Docker: what must be found, and what must not.
//!
//! The image is `TRIBUNAL_TEST_IMAGE`, else the official one (see `nemesis/images/build.sh`).

mod common;

use std::io::Write;
use std::process::Command;

use common::{Called, Store, count};
use serde_json::Value;

fn image() -> String {
    std::env::var("TRIBUNAL_TEST_IMAGE").unwrap_or_else(|_| "apache/kafka:4.3.0".into())
}

/// A run on a cluster of its own, which must end with one of these codes; what it told, and its verdict.
fn call_on_docker(store: &Store, args: &[&str], codes: &[i32]) -> (Called, Value) {
    let image = image();
    let judged = store.judged_as(&[&["run"], args, &["--image", &image]].concat(), codes);
    let logs = store.latest().join("nodes");
    let logs = std::fs::read_dir(&logs).expect("the brokers' logs are there").count();
    assert_eq!(logs, 3, "one log a broker");
    judged
}

/// A run on a cluster of its own; its verdict.
fn run_on_docker(store: &Store, args: &[&str], code: i32) -> Value {
    call_on_docker(store, args, &[code]).1
}

/// Runs in which nobody else came to lead before a test gives up: each takes two to three minutes.
const IN_VAIN: usize = 2;

/// A run on a cluster of its own in which another broker comes to lead. Where the controllers elect nobody for as long
/// as the fault waits, nothing was tried: tribunal must say UNKNOWN, and the run is made again.
fn run_until_another_leads(store: &Store, args: &[&str], code: i32) -> Value {
    for _ in 0..IN_VAIN {
        let (called, verdict) = call_on_docker(store, args, &[code, 2]);
        let unmet =
            verdict["faults"].as_array().expect("a list").iter().any(|fault| fault["unmet"].is_string());
        assert_eq!(unmet, verdict["validity"] == "unknown", "{}", called.out);
        assert_eq!(unmet, called.code == 2, "{}", called.out);
        if !unmet {
            return verdict;
        }
        // Not captured as print's words are: a test that passes after all should tell.
        let told = format!("nobody else led, once more:\n{}\n{}", called.out, elections(store));
        std::io::stderr().write_all(told.as_bytes()).expect("standard error is there");
    }
    run_on_docker(store, args, code)
}

/// What the controllers said of their elections in the latest run, the last lines of each.
fn elections(store: &Store) -> String {
    let mut told = String::new();
    for entry in std::fs::read_dir(store.latest().join("nodes")).into_iter().flatten().flatten() {
        let log = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = log
            .lines()
            .filter(|l| l.contains("RaftManager") || l.contains("controller activation"))
            .collect();
        told += &format!("{}\n", entry.path().display());
        for line in &lines[lines.len().saturating_sub(60)..] {
            told.extend(line.chars().take(240).chain(['\n']));
        }
    }
    told
}

/// The leader acknowledges by itself, however few have copied.
const LEADER_ALONE: [&str; 8] =
    ["--target", "docker", "--acks", "1", "--min-insync-replicas", "1", "--partitions", "3"];

fn faults_that_bit(verdict: &Value) -> u64 {
    verdict["exercised"]["faults_bit"].as_u64().expect("a number")
}

#[test]
#[ignore = "needs Docker"]
fn acks_1_loses_acknowledged_writes_when_the_leader_is_isolated() {
    let store = Store::new();
    // The scenario acks1-isolated-leader, option by option: without its expectation a broken promise is exit 1.
    let args = ["--idempotence", "false", "--rate", "1000", "--time-limit", "50s"];
    let fault = ["--fault", "isolate-leader@10s+until-new-leader+20s"];
    let args = [&LEADER_ALONE[..], &args, &fault].concat();
    let verdict = run_until_another_leads(&store, &args, 1);
    assert_eq!(verdict["validity"], "invalid");
    let lost = count(&verdict, "lost-write");
    assert!(lost >= 1000, "thousands were acknowledged by the isolated leader, {lost} found lost");
    assert_eq!(faults_that_bit(&verdict), 1);
    let example = &verdict["anomalies"]["lost-write"]["examples"][0];
    let sentence = example["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("because") && sentence.contains("told \"ok\""), "{sentence}");
    assert!(example["leadership"].is_string(), "leader and epoch were sampled: {example}");
    // The first ones may have been acknowledged just before the fault, and not yet copied.
    let start = verdict["faults"][0]["start"].as_u64().expect("it began");
    for example in verdict["anomalies"]["lost-write"]["examples"].as_array().expect("a list") {
        let under = example["time"].as_u64().expect("a time") >= start;
        assert_eq!(example["faults"][0] == 1, under, "the fault in force is named: {example}");
    }
    assert!(verdict["exercised"]["leader_changes"].as_u64() > Some(0));
}

/// For as long as a replica counts as in sync, a leader whose peers do not hear it leads on, and what it acknowledges
/// with acks=1 stands above the high watermark: not to be read yet, and not lost. The cut ends with the load.
#[test]
#[ignore = "needs Docker"]
fn what_followers_have_yet_to_copy_is_not_lost() {
    let store = Store::new();
    let args = ["--rate", "500", "--time-limit", "20s", "--fault", "isolate-leader@14s+6s"];
    // No new leader within the cut, on however slow a machine.
    let session = ["--broker-set", "broker.session.timeout.ms=60000"];
    let args = [&LEADER_ALONE[..], &args, &session].concat();
    let verdict = run_on_docker(&store, &args, 0);
    assert_eq!(verdict["validity"], "valid", "{verdict}");
    assert_eq!(verdict["anomalies"].as_object().map(serde_json::Map::len), Some(0), "{verdict}");
    let exercised = &verdict["exercised"];
    assert_eq!((faults_that_bit(&verdict), exercised["leader_changes"].as_u64()), (1, Some(0)), "{verdict}");
    // It was so: the leader's log went on above what readers saw.
    let samples = std::fs::read_to_string(store.latest().join("cluster.jsonl")).expect("is there");
    let lagged = |line: &str| {
        let sample: Value = serde_json::from_str(line).expect("JSON");
        let partitions = sample["partitions"].as_array().cloned().unwrap_or_default();
        partitions.iter().any(|p| p["log_end"].as_i64() > p["end"].as_i64().map(|end| end + 100))
    };
    assert!(samples.lines().any(lagged), "no follower lagged: the fault did not do what it is here for");
}

#[test]
#[ignore = "needs Docker"]
fn acks_all_with_idempotence_loses_nothing_when_the_leader_is_isolated() {
    let store = Store::new();
    let verdict = run_until_another_leads(&store, &["acks-all-isolated-leader"], 0);
    assert_eq!(verdict["validity"], "valid", "{verdict}");
    assert_eq!(verdict["expectation"]["state"], "met", "{verdict}");
    assert_eq!(verdict["anomalies"].as_object().map(serde_json::Map::len), Some(0), "{verdict}");
    assert_eq!(faults_that_bit(&verdict), 1, "the fault is proved to have happened: {verdict}");
    assert!(verdict["exercised"]["leader_changes"].as_u64() > Some(0), "{verdict}");
    assert!(verdict["exercised"]["acknowledged"].as_u64() > Some(5_000), "{verdict}");
}

#[test]
#[ignore = "needs Docker"]
fn acks_all_loses_nothing_when_the_leader_is_killed() {
    let store = Store::new();
    let verdict = run_until_another_leads(&store, &["acks-all-killed-leader"], 0);
    assert_eq!(verdict["validity"], "valid", "{verdict}");
    assert_eq!(verdict["expectation"]["state"], "met", "{verdict}");
    assert_eq!(faults_that_bit(&verdict), 1, "{verdict}");
    assert!(verdict["exercised"]["leader_changes"].as_u64() > Some(0), "{verdict}");
}

#[test]
#[ignore = "needs Docker"]
fn transactions_are_whole_when_the_leader_is_killed_in_the_middle_of_them() {
    let store = Store::new();
    let verdict = run_until_another_leads(&store, &["transactions-killed-leader"], 0);
    assert_eq!(verdict["validity"], "valid", "{verdict}");
    assert_eq!(verdict["expectation"]["state"], "met", "{verdict}");
    assert_eq!(faults_that_bit(&verdict), 1, "{verdict}");
    // How many depends on the machine; a hundred were enough to be broken in their middle.
    assert!(verdict["exercised"]["acknowledged"].as_u64() > Some(1_000), "{verdict}");
    let checkers = verdict["checkers"].as_array().expect("a list");
    for name in ["atomicity", "commits", "open transactions", "interleaving", "cycles"] {
        let report =
            checkers.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("{name}: {verdict}"));
        let covered = report["covered"].as_str().and_then(|c| c.strip_suffix(" transactions"));
        let covered: u64 = covered.expect("a count").replace(',', "").parse().expect("a number");
        assert!(covered >= 100, "{report}");
        assert_eq!(report["validity"], "valid", "{report}");
    }
}

/// A cluster that is left running is somebody else's to the next run: attached by a label, and reached by its
/// bootstrap servers alone.
#[test]
#[ignore = "needs Docker"]
fn a_kept_cluster_is_attached_to_and_reached_from_outside() {
    let store = Store::new();
    let image = image();
    let args =
        ["run", "--target", "docker", "--keep", "--no-faults", "--time-limit", "3s", "--image", &image];
    store.judged(&args, 0);
    let owner = store.latest();
    let id = owner.file_name().expect("a name").to_string_lossy().into_owned();
    let meta: Value =
        serde_json::from_slice(&std::fs::read(owner.join("run.json")).expect("is there")).expect("JSON");
    let servers: Vec<&str> = meta["target"]["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|n| n["address"].as_str().expect("an address"))
        .collect();

    let result = std::panic::catch_unwind(|| {
        let label = format!("label:tribunal.run={id}");
        let args = [
            "run",
            "--target",
            &label,
            "--time-limit",
            "12s",
            "--rate",
            "300",
            "--fault",
            "pause-leader@3s+4s",
        ];
        let verdict = store.judged(&args, 0);
        assert_eq!(
            (verdict["validity"].as_str(), faults_that_bit(&verdict)),
            (Some("valid"), 1),
            "{verdict}"
        );

        let servers = servers.join(",");
        let verdict = store.judged(&["run", "--target", &servers, "--time-limit", "4s", "--rate", "300"], 0);
        assert_eq!(verdict["validity"], "valid", "{verdict}");
        let refused = store.call(&["run", "--target", &servers, "--fault", "kill-leader@1s+1s"]);
        refused.fails(254, &["kill"]);
    });
    // What was kept on purpose is the user's to remove; heal leaves it alone and says so by its code.
    let healed = store.call(&["heal", &id]);
    remove_kept(&id);
    assert_eq!(healed.code, 0, "{}{}", healed.out, healed.err);
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Removes the containers and the network that one run of this test kept, by that run's own label.
fn remove_kept(id: &str) {
    let label = format!("label=tribunal.run={id}");
    for (list, remove) in [
        (["ps", "-aq", "--filter", &label], &["rm", "-fv"][..]),
        (["network", "ls", "-q", "--filter"], &["network", "rm"][..]),
    ] {
        let mut listing = Command::new("docker");
        listing.args(list);
        if list[0] == "network" {
            listing.arg(&label);
        }
        let listed = listing.output().expect("docker starts");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ids: Vec<&str> = listed.split_whitespace().collect();
        assert!(!ids.is_empty(), "{list:?} finds what was kept");
        let removed = Command::new("docker").args(remove).args(&ids).output().expect("docker starts");
        assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    }
}
