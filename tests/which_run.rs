//! Which run a verb speaks of, and what becomes of its verdict.

mod common;

use common::Store;

/// A directory as a run leaves it that was killed while its cluster came up.
fn crashed_after(store: &Store, id: &str) {
    let dir = store.root().join("queue").join(id);
    let meta = std::fs::read_to_string(store.latest().join("run.json")).expect("is there");
    let mut meta: serde_json::Value = serde_json::from_str(&meta).expect("JSON");
    meta["id"] = id.into();
    meta["status"] = serde_json::json!({"state": "running"});
    std::fs::create_dir_all(&dir).expect("creates");
    std::fs::write(dir.join("run.json"), meta.to_string()).expect("writes");
    std::fs::write(dir.join("tribunal.log"), "tribunal\n").expect("writes");
    let current = store.root().join("current");
    std::fs::remove_file(&current).expect("is there");
    std::os::unix::fs::symlink(format!("queue/{id}"), current).expect("links");
}

#[test]
fn a_verdict_names_its_run_and_a_what_if_is_not_stored() {
    let store = Store::new();
    let ran = store.call(&["run", "queue", "--time-limit", "2s", "--rate", "200", "--no-faults"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let id = store.latest().file_name().expect("a name").to_string_lossy().into_owned();
    let tail = &id[id.len() - 4..];

    let own = store.call(&["analyze"]);
    assert!(own.out.starts_with(&format!("queue/{id}  recorded  ")), "{}", own.out);
    assert!(!own.out.contains("newer run") && !own.out.contains("not stored"), "{}", own.out);
    let stored = store.verdict("latest");

    let what_if = store.call(&["analyze", "--guarantee", "none", "--allow", "duplicate"]);
    assert_eq!(what_if.code, 0, "{}", what_if.err);
    let note = what_if.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        note.contains("not stored: --guarantee, --allow made this verdict; without these options"),
        "{note}"
    );
    assert_eq!(store.verdict("latest"), stored, "the run's own verdict stays");

    let newer = "29991231T235959Z-02c1";
    crashed_after(&store, newer);
    let latest = store.call(&["analyze"]);
    assert!(latest.out.starts_with(&format!("queue/{id}  recorded")), "{}", latest.out);
    assert!(
        latest.out.contains(&format!("a newer run was begun, queue/{newer} (crashed)")),
        "{}",
        latest.out
    );
    let ls = store.call(&["ls"]).out;
    assert!(ls.lines().any(|line| line.starts_with(newer) && line.contains("crashed")), "{ls}");
    for name in ["02c1", "current", "queue"] {
        let shown = store.call(&["show", name]).out;
        assert!(shown.contains(newer) && shown.contains("crashed"), "{name}: {shown}");
        assert!(shown.contains("no history") && !shown.contains("tribunal analyze"), "{name}: {shown}");
    }
    assert!(store.call(&["show", tail]).out.contains(&id));
    store.call(&["analyze", "02c1"]).fails(255, &["recorded no history", "crashed", "tribunal run"]);
    let too_far = store.call(&["show", tail, "--anomaly", "50"]);
    too_far.fails(254, &["no findings"]);
}
