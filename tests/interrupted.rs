//! A run that is stopped, or dies: faults heal, the history is kept, nothing goes on running.

mod common;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::Store;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// A run on the mock with a fault that holds for long.
fn begin(store: &Store) -> Child {
    store
        .command()
        .args(["run", "--time-limit", "5m", "--rate", "300", "--fault", "broker-down@1s+4m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// Waits for something that must come; its absence is a failure, not slowness.
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what} never came");
        sleep(Duration::from_millis(50));
    }
}

fn fault_holds(store: &Store) -> bool {
    std::fs::read_to_string(store.root().join("current/nemesis.journal"))
        .is_ok_and(|text| text.contains("broker-down"))
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// The mock's process, a child of the run.
fn mock_host(run: u32) -> Option<i32> {
    let children = std::fs::read_to_string(format!("/proc/{run}/task/{run}/children")).ok()?;
    let all_tasks = std::fs::read_dir(format!("/proc/{run}/task")).ok()?;
    let mut pids: Vec<i32> = children.split_whitespace().filter_map(|p| p.parse().ok()).collect();
    for task in all_tasks.flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        pids.extend(text.split_whitespace().filter_map(|p| p.parse::<i32>().ok()));
    }
    pids.into_iter().find(|p| {
        std::fs::read_to_string(format!("/proc/{p}/cmdline")).is_ok_and(|line| line.contains("mock-host"))
    })
}

fn gone(pid: i32) -> bool {
    let alive = Path::new(&format!("/proc/{pid}/exe")).exists();
    !alive || test_kill_process(Pid::from_raw(pid).expect("a pid")).is_err()
}

#[test]
fn ctrl_c_heals_keeps_the_history_and_exits_130() {
    let store = Store::new();
    let mut child = begin(&store);
    wait_for("the fault", || fault_holds(&store));
    let mock = mock_host(child.id()).expect("the mock is a child of the run");
    sleep(Duration::from_millis(1500));
    let so_far = store.call(&["analyze", "current"]);
    assert!(
        so_far.out.contains("the run has not ended") && !so_far.out.contains("cut off"),
        "{}",
        so_far.out
    );
    let reserved = store.root().join("current/.reserve");
    assert_eq!(std::fs::metadata(&reserved).expect("room is kept").len(), 64 << 10);
    kill_process(pid(&child), Signal::INT).expect("is alive");
    let status = child.wait().expect("ends");
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!(status.code(), Some(130), "{err}");
    assert!(err.contains("tribunal analyze"), "{err}");
    assert!(!reserved.exists(), "the room is given back");
    wait_for("the mock's end", || gone(mock));
    let healed = store.call(&["heal", "latest"]);
    assert!(healed.out.contains("nothing remains"), "{}{}", healed.out, healed.err);
    let verdict = store.call(&["analyze", "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&verdict.out).expect("JSON");
    assert_eq!(verdict["validity"], "unknown", "without a consume-all pass nothing is certain: {verdict}");
    assert!(verdict["exercised"]["acknowledged"].as_u64() > Some(100), "{verdict}");
    assert!(verdict["faults"][0]["end"].is_u64(), "the fault was healed: {verdict}");
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_heal_still_works() {
    let store = Store::new();
    let mut child = begin(&store);
    wait_for("the fault", || fault_holds(&store));
    let mock = mock_host(child.id()).expect("the mock is a child of the run");
    kill_process(pid(&child), Signal::INT).expect("is alive");
    kill_process(pid(&child), Signal::TERM).expect("is alive");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    let run = std::fs::canonicalize(store.root().join("current")).expect("it was begun");
    let id = run.file_name().expect("a name").to_string_lossy();
    assert!(err.contains(&format!("`tribunal heal {id}`")), "{err}");
    wait_for("the mock's end", || gone(mock));
    let healed = store.call(&["heal", "current"]);
    assert_eq!(healed.code, 0, "{}{}", healed.out, healed.err);
}

#[test]
fn a_killed_run_leaves_no_process_and_a_history_that_can_be_judged() {
    let store = Store::new();
    let mut child = begin(&store);
    wait_for("the fault", || fault_holds(&store));
    let mock = mock_host(child.id()).expect("the mock is a child of the run");
    // Flushed at least once a second.
    sleep(Duration::from_millis(1500));
    kill_process(pid(&child), Signal::KILL).expect("is alive");
    child.wait().expect("ends");
    wait_for("the mock's end", || gone(mock));
    let called = store.call(&["analyze", "current", "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&called.out).expect("JSON");
    assert_eq!(verdict["validity"], "unknown", "{verdict}");
    assert!(verdict["exercised"]["acknowledged"].as_u64() > Some(100), "{verdict}");
    assert_eq!(store.call(&["heal", "current"]).code, 0);
}

#[test]
fn a_run_whose_target_dies_ends_at_once_and_says_so_once() {
    let store = Store::new();
    let mut child = begin(&store);
    wait_for("the fault", || fault_holds(&store));
    let mock = mock_host(child.id()).expect("the mock is a child of the run");
    let killed = Instant::now();
    kill_process(Pid::from_raw(mock).expect("a pid"), Signal::KILL).expect("is alive");
    let status = child.wait().expect("ends");
    assert!(killed.elapsed() < Duration::from_secs(30), "of a load of five minutes");
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!(status.code(), Some(255), "{err}");
    let last = err.lines().find(|line| line.starts_with("tribunal: error: ")).expect("an error");
    assert!(last.contains("signal 9") && last.contains("run the test again"), "{err}");
    assert_eq!(err.matches("run the test again").count(), 1, "{err}");
    assert!(err.lines().all(|line| line.matches("signal 9").count() <= 1), "{err}");
    let log = std::fs::read_to_string(store.root().join("current/tribunal.log")).expect("is there");
    assert!(log.contains("error: the mock broker process died (signal 9"), "{log}");
    assert!(store.call(&["ls"]).out.contains("failed: the mock broker process died"));
}
