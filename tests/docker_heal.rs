//! What a run leaves in Docker that died: `tribunal heal` finds it by its label, wherever its directory lies.
//!
//! The image is `TRIBUNAL_TEST_IMAGE`, else the official one (see `nemesis/images/build.sh`).

mod common;

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::Store;

/// The containers of a run, by its label.
fn containers(id: &str) -> usize {
    let label = format!("label=tribunal.run={id}");
    let listed =
        Command::new("docker").args(["ps", "-aq", "--filter", &label]).output().expect("docker starts");
    String::from_utf8_lossy(&listed.stdout).split_whitespace().count()
}

#[test]
#[ignore = "needs Docker"]
fn heal_without_a_name_removes_what_a_crashed_run_of_another_store_left() {
    let (theirs, mine) = (Store::new(), Store::new());
    let image = std::env::var("TRIBUNAL_TEST_IMAGE").unwrap_or_else(|_| "apache/kafka:4.3.0".into());
    let args = ["run", "--target", "docker", "--no-faults", "--time-limit", "5m", "--image", &image];
    let mut run = theirs.command();
    let mut run = run.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let began = Instant::now();
    while !theirs.root().join("current/history.jsonl.zst").exists() {
        assert!(began.elapsed() < Duration::from_secs(180), "the load never began");
        sleep(Duration::from_millis(200));
    }
    let dir = std::fs::canonicalize(theirs.root().join("current")).expect("it was begun");
    let id = dir.file_name().expect("a name").to_string_lossy().into_owned();

    let alive = mine.call(&["heal"]);
    assert_eq!(alive.code, 0, "{}{}", alive.out, alive.err);
    assert!(!alive.out.contains(&id), "a run that goes on is left alone: {}", alive.out);
    mine.call(&["heal", &id]).fails(255, &[&id, "goes on"]);
    assert_eq!(containers(&id), 3);

    run.kill().expect("is alive");
    run.wait().expect("ends");
    mine.judged(&["run", "--time-limit", "2s", "--rate", "100", "--no-faults"], 0);
    let doctor = mine.call(&["doctor"]).out;
    assert!(doctor.contains(&format!("tribunal heal {id}")), "{doctor}");
    let healed = mine.call(&["heal"]);
    assert_eq!(healed.code, 0, "{}{}", healed.out, healed.err);
    assert!(healed.out.contains("nothing remains"), "the mock's run is the current one: {}", healed.out);
    assert!(
        healed.out.contains(&format!("removed 3 containers and 1 network of run {id}")),
        "{}",
        healed.out
    );
    assert_eq!(containers(&id), 0);
}
