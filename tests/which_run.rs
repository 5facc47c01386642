//! Which run a verb speaks of, and what becomes of its verdict.

mod common;

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Called, Store, called};
use serde_json::Value;

/// A run that takes seconds.
const SHORT: [&str; 7] = ["run", "queue", "--time-limit", "2s", "--rate", "200", "--no-faults"];

/// A shell that knows the program by its name, with this store.
fn shell(store: &Store, script: &str) -> Called {
    let function = format!("tribunal() {{ '{}' \"$@\"; }}", env!("CARGO_BIN_EXE_tribunal"));
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("{function}\n{script}")])
        .current_dir(store.root().parent().expect("a directory"));
    command.env("TRIBUNAL_STORE", store.root()).env("NO_COLOR", "1").env_remove("RUST_BACKTRACE");
    called(&command.output().expect("starts"))
}

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
    store.call(&["analyze", "02c1"]).fails(255, &["has no history", "crashed", "tribunal run"]);
    let too_far = store.call(&["show", tail, "--anomaly", "50"]);
    too_far.fails(254, &["no findings"]);
}

/// The commands that a text names, one a line.
fn commands(text: &str) -> Vec<String> {
    let line =
        |line: &str| line.find("tribunal ").map(|at| line[at..].split("   ").next().unwrap_or("").to_owned());
    text.lines().filter_map(line).collect()
}

#[test]
fn commands_that_are_printed_work_as_typed_with_any_store() {
    let store = Store::new();
    let ran = store.call(&[&SHORT[..], &["--store", "other runs"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let elsewhere = store.call(&["analyze", "--store", "other runs"]).out;
    let shown = store.call(&["show", "--store", "other runs"]).out;
    for text in [&ran.out, &elsewhere, &shown] {
        let commands = commands(text);
        let table = commands.iter().find(|c| c.contains("--guarantee")).expect(text);
        let done = shell(&store, table);
        assert!(done.code == 0 && done.out.contains("forbidden"), "{table}: {}{}", done.err, done.out);
        let again = commands.iter().find(|c| c.contains("scenario.toml")).expect(text);
        assert!(again.ends_with("/scenario.toml' --store 'other runs'"), "{again}");
    }
    let own = store.call(&SHORT);
    let named = commands(&own.out).into_iter().find(|c| c.contains("--guarantee")).expect("a next step");
    let id = store.latest().file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(named, format!("tribunal show {id} --guarantee"), "where the id is enough, it is the name");
    assert_eq!(shell(&store, &named).code, 0);
}

/// A limit on the size of files stands for a full disk, a directory for a place that cannot be written.
#[test]
fn a_verdict_is_told_whatever_cannot_be_saved_beside_it() {
    let store = Store::new();
    fs::create_dir_all(store.root().join("latest/in-the-way")).expect("creates");
    let ran = shell(&store, &format!("trap '' XFSZ; ulimit -f 80; tribunal {}", SHORT.join(" ")));
    assert!(ran.out.starts_with("VALID"), "{}{}", ran.out, ran.err);
    ran.fails(
        255,
        &[
            "series.json",
            "File too large",
            "latest` does not name this run",
            "when that is mended: tribunal analyze",
        ],
    );
    assert_eq!(ran.err.matches("File too large").count(), 1, "a cause is told once: {}", ran.err);
    let run = fs::canonicalize(store.root().join("current")).expect("is there");
    assert!(run.join("verdict.json").is_file() && !run.join("series.json").exists());

    fs::create_dir_all(run.join("series.json/in-the-way")).expect("creates");
    let again = store.call(&["analyze", "current", "--json"]);
    let verdict: Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(verdict["validity"], "valid");
    again.fails(255, &["cannot write", "series.json", "tribunal analyze"]);
    let told = store.call(&["analyze", "current"]);
    assert!(told.code == 255 && told.out.contains("VALID"), "{}{}", told.out, told.err);
}

#[test]
fn a_run_that_cannot_say_how_it_ended_is_judged() {
    let store = Store::new();
    let mut command = store.command();
    let mut run = command.args(SHORT).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let current = store.root().join("current");
    let began = Instant::now();
    while !current.join("history.jsonl.zst").exists() {
        assert!(
            began.elapsed() < Duration::from_secs(60) && run.try_wait().is_ok_and(|ended| ended.is_none())
        );
        sleep(Duration::from_millis(10));
    }
    fs::remove_file(current.join("run.json")).expect("is there");
    fs::create_dir_all(current.join("run.json/in-the-way")).expect("creates");
    let ran = called(&run.wait_with_output().expect("ends"));
    assert!(ran.out.starts_with("VALID"), "{}{}", ran.out, ran.err);
    ran.fails(255, &["run.json still says that the run goes on", "cannot write"]);
    assert!(current.join("verdict.json").is_file());
}

#[test]
fn a_run_with_damaged_files_says_what_is_left_and_what_to_do() {
    let store = Store::new();
    assert_eq!(store.call(&SHORT).code, 0);
    let run = store.latest();
    let id = run.file_name().expect("a name").to_string_lossy().into_owned();
    let shown = store.call(&["show"]).out;
    assert!(
        shown.lines().any(|line| line.contains("plots ") && line.ends_with("bytes in 5 files")),
        "{shown}"
    );

    let samples = run.join("cluster.jsonl");
    let mut bytes = fs::read(&samples).expect("is there");
    bytes[3] ^= 0x80;
    bytes.extend(b"{\"time\xff");
    fs::write(&samples, bytes).expect("writes");
    let judged = store.call(&["analyze", "--json"]);
    let verdict: Value = serde_json::from_str(&judged.out).expect("JSON");
    assert_eq!((judged.code, verdict["validity"].as_str()), (0, Some("valid")), "{}", judged.err);
    let notes = verdict["notes"].to_string();
    assert!(notes.contains("cluster.jsonl: line 1 is damaged and was left out"), "{notes}");

    for (file, args) in [("verdict.json", &["show"][..]), ("series.json", &["render"])] {
        let (path, whole) = (run.join(file), fs::read(run.join(file)).expect("is there"));
        fs::write(&path, "").expect("writes");
        let again = format!("`tribunal analyze {id}` makes it again");
        store.call(args).fails(255, &[&format!("{file} is empty"), &again]);
        fs::write(&path, whole).expect("writes");
    }

    fs::rename(run.join("history.jsonl.zst"), run.join("aside")).expect("moves");
    for args in [&["analyze"][..], &["show", "--anomaly", "1"], &["show", "--around", "t-0", "1"]] {
        store.call(args).fails(255, &["no history that could be judged", "is gone since", "tribunal run"]);
    }
    fs::rename(run.join("aside"), run.join("history.jsonl.zst")).expect("moves");

    fs::remove_file(run.join("run.json")).expect("is there");
    let lost = store.call(&["analyze"]);
    lost.fails(255, &["run.json is missing", "`tribunal analyze ", "history.jsonl.zst`"]);
    let hint = lost.err.split('`').nth(1).expect("a command");
    assert!(shell(&store, hint).out.contains("operations"), "{hint}");
    let listed = store.call(&["ls"]).out;
    assert!(listed.contains(&id) && listed.contains("damaged: run.json is missing"), "{listed}");
}
