//! Bad input ends with a message that names the value, the place and the next step, and with 254 or 255.

mod common;

use std::process::Command;

use common::{Store, called, history};

const USAGE: i32 = 254;
const FAILED: i32 = 255;

const SEND: &str =
    r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"send","value":[["send","t-0",0]]}"#;
const SENT: &str =
    r#"{"index":1,"time":2,"process":0,"type":"ok","f":"send","value":[["send","t-0",[0,0]]]}"#;
const POLL: &str = r#"{"index":2,"time":3,"process":1,"type":"invoke","f":"poll","value":[["poll"]]}"#;
const POLLED: &str = r#"{"index":3,"time":4,"process":1,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,0]]}]],"position":{"t-0":1}}"#;

#[test]
fn wrong_options_are_usage_errors() {
    let store = Store::new();
    for (args, words) in [
        (&["run", "--targget", "mock"][..], &["--targget", "--target"][..]),
        (&["run", "--acks", "2"], &["--acks 2", "0, 1, all"]),
        (&["run", "--time-limit", "soon"], &["soon", "30s"]),
        (&["run", "--producers", "0"], &["producers"]),
        (&["run", "--target", "podman"], &["podman", "HOST:PORT"]),
        (&["run", "nosuch"], &["nosuch", "mock-duplicates"]),
        (&["run", "--fault", "isolate-leadr@3s+2s"], &["isolate-leadr"]),
        (&["run", "--fault", "broker-down@99s+1s"], &["broker-down", "time-limit"]),
        (&["run", "--guarantee", "exactly-twice"], &["exactly-twice", "exactly-once"]),
        (&["run", "--client-set", "no.such.setting=1"], &["no.such.setting"]),
        (&["run", "--idempotence", "true", "--acks", "1"], &["acks = 1", "idempotence = true"]),
        (&["run", "--rate", "0"], &["mock", "MiB", "--sends"]),
        (&["run", "--idempotence", "true", "--fault", "slow-broker:200ms@3s+2s"], &["mock", "idempoten"]),
        (&["run", "--rate", "50", "--brokers", "0"], &["--brokers 0", "1 to 100"]),
        (&["run", "--rate", "50", "--replication-factor", "5"], &["--replication-factor 5", "brokers (3)"]),
        (&["run", "--rate", "50", "--time-limit", "0s"], &["--time-limit 0s"]),
        (
            &["run", "--time-limit", "60"],
            &["--time-limit 60: this is no duration; write it as 500ms, 30s or 1m30s"],
        ),
        (&["analyze", "--model", "regster"], &["regster", "docs/models.md"]),
        (&["frobnicate"], &["frobnicate"]),
        (&["rnu"], &["rnu", "similar subcommand exists: 'run'"]),
        (&["run", "--rate", "-5"], &["'-5'", "messages a second", "0 for a closed loop"]),
        (&["run", "--rate", "abc"], &["'abc'", "messages a second", "0 for a closed loop"]),
        (&["run", "--producers", "-1"], &["'-1'", "a whole number is wanted"]),
        (&["run", "--json", "--no-analyze"], &["--json", "--no-analyze"]),
        (&["run", "--nemesis-interval", "5s"], &["--nemesis-interval 5s", "--nemesis"]),
        (&["run", "--fault", "broker-down:7@3s+1s", "--rate", "50"], &["broker `7`", "mock-1 to mock-3"]),
        (
            &["run", "--fault", "broker-down-leader:t-9@3s+1s", "--rate", "50"],
            &["no partition `t-9`", "t-0 to t-5"],
        ),
        (&["render", "--window", "9s..3s"], &["9s..3s"]),
    ] {
        store.call(args).fails(USAGE, words);
    }
    assert!(!store.root().exists(), "nothing was begun");
}

#[test]
fn what_this_target_cannot_do_is_refused_before_anything_starts() {
    let store = Store::new();
    let two = ["--fault", "kill-leader@3s+2s", "--fault", "isolate-leader@9s+2s"];
    for (args, words) in [
        (&two[..], &["`kill-leader@3s+2s`, `isolate-leader@9s+2s`", "the mock's brokers", "leader-move"][..]),
        (&["--fault", "broker-down-controller@3s+2s"], &["the mock has no controller"]),
        (&["--nemesis", "kill,slow"], &["random `kill`", "its kinds are broker-down, slow"]),
        (&["--target", "docker", "--fault", "broker-down@3s+2s"], &["only the mock", "it knows kill, stop"]),
        (&["--target", "compose:x", "--fault", "leader-move@3s"], &["only the mock", "isolate"]),
        (&["--target", "127.0.0.1:1", "--fault", "kill-leader@3s+2s"], &["out of reach", "compose:PROJECT"]),
        (&["--fault", "leader-move@3s", "--replication-factor", "1"], &["one replica"]),
    ] {
        let called = store.call(&[&["run"], args].concat());
        called.fails(USAGE, words);
        assert!(called.err.contains("cannot be done on the target"), "{}", called.err);
    }
    assert!(!store.root().exists(), "nothing was begun");
}

/// The default faults are those that the cluster can have.
#[test]
fn a_single_broker_without_replicas_runs_as_it_is() {
    let store = Store::new();
    let small = ["run", "--brokers", "1", "--replication-factor", "1", "--time-limit", "4s", "--rate", "100"];
    let called = store.call(&small);
    assert_eq!(called.code, 0, "{}{}", called.err, called.out);
    assert!(called.err.contains("faults: 1"), "{}", called.err);
}

#[test]
fn without_a_verb_the_help_is_no_error_s_text() {
    let called = Store::new().call(&[]);
    assert_eq!((called.code, called.out.as_str()), (USAGE, ""));
    assert!(called.err.starts_with("Does your Kafka lose data?"), "{}", called.err);
    assert!(called.err.contains("Usage: tribunal <COMMAND>"), "{}", called.err);
}

#[test]
fn the_help_names_true_kinds_and_defaults() {
    let help = Store::new().call(&["run", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "e.g. kill,pause,partition",
        "one random fault to the next [default: 20s]",
        "mock: broker-down, slow, leader-move, errors",
        "kill, stop, pause, partition, link",
    ] {
        assert!(help.contains(words), "\"{words}\" is not in: {help}");
    }
    assert!(!help.contains("slow-broker-controller"), "the mock has none: {help}");
}

#[test]
fn completions_offer_nothing_that_nobody_types() {
    let script = Store::new().call(&["completions", "bash"]).out;
    assert!(script.contains("doctor") && !script.contains("mock-host"), "{script}");
}

/// A scenario whose options change what happens is told so, and its expectation decides nothing.
#[test]
fn other_faults_than_the_scenario_s_need_not_meet_what_it_expects() {
    let store = Store::new();
    let args = ["run", "mock-duplicates", "--fault", "broker-down@1s+500ms", "--time-limit", "3s"];
    let called = store.call(&args);
    assert_eq!(called.code, 0, "{}{}", called.err, called.out);
    let said: Vec<&str> = called.err.lines().filter(|line| line.contains("does not apply")).collect();
    let [said] = said.as_slice() else { panic!("one line: {}", called.err) };
    assert!(said.contains("duplicate >0, lost-write =0") && said.contains("--fault, --time-limit"), "{said}");
    assert!(!called.out.contains("as expected"), "{}", called.out);
}

#[test]
fn no_such_run_names_the_newest_or_the_way_to_one() {
    let store = Store::new();
    for verb in ["analyze", "render", "show", "heal"] {
        store.call(&[verb, "20990101"]).fails(USAGE, &["20990101", "tribunal run"]);
    }
    store.call(&["analyze"]).fails(USAGE, &["latest"]);
}

#[test]
fn what_is_no_run_is_said_for_what_it_is() {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let path = history(&store.root(), "h.jsonl", &[SEND, SENT, POLL, POLLED]);
    let (file, dir) = (path.display().to_string(), store.root().display().to_string());
    for verb in ["show", "render", "heal"] {
        store.call(&[verb, &file]).fails(USAGE, &["is a file, not a run", "tribunal analyze"]);
    }
    store.call(&["analyze", "nosuch.jsonl"]).fails(USAGE, &["nosuch.jsonl", "no such file"]);
    store.call(&["analyze", &dir]).fails(USAGE, &["is a directory without a run"]);
    let around = store.call(&["show", &file, "--around", "t-0", "99999999"]);
    assert!(around.out.contains("the highest offset that the history knows of t-0 is 0"), "{}", around.out);
}

#[test]
fn an_error_names_its_history_and_its_place_once() {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let one = history(&store.root(), "one.jsonl", &[SEND, "{\"time\":x}"]).display().to_string();
    let orphan = r#"{"process":0,"type":"ok","f":"write","value":1}"#;
    let two = history(&store.root(), "two.jsonl", &[orphan, "{\"process\":x}"]).display().to_string();
    let three = history(&store.root(), "three.jsonl", &["{\"process\":x}", ""]).display().to_string();
    let both = store.call(&["analyze", &one, &two]);
    assert_eq!((both.code, both.err.matches("one.jsonl").count()), (FAILED, 1), "{}", both.err);
    let good = history(&store.root(), "good.jsonl", &[SEND, SENT, POLL, POLLED]).display().to_string();
    let listed = store.call(&["analyze", &good, &one, &good, "--json"]);
    let plain = listed.out.split_whitespace().collect::<String>();
    assert!(
        plain.contains(r#","verdict":{"schema":1,"validity":"valid""#),
        "in the order of verdict.json: {plain}"
    );
    let listed: serde_json::Value = serde_json::from_str(&listed.out).expect("JSON");
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|e| e["history"].as_str()).collect();
    assert_eq!(names, [Some(&*good), Some(&*one), Some(&*good)], "in the order of the arguments: {listed}");
    assert!(listed[1]["error"].as_str().expect("an error").contains("line 2"), "{listed}");
    assert!(listed[1]["verdict"].is_null() && listed[2]["verdict"]["validity"] == "valid", "{listed}");
    store.call(&["analyze", "--model", "register", &two]).fails(FAILED, &["two.jsonl", "line 1"]);
    let damaged = store.call(&["analyze", "--model", "register", &three]);
    damaged.fails(FAILED, &["three.jsonl: line 1, byte 12"]);
    assert!(!damaged.err.contains("column"), "{}", damaged.err);
}

#[test]
fn devices_and_pipes_are_read_like_files() {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let empty = store.call(&["analyze", "/dev/null"]);
    assert_eq!(empty.code, 2, "{}{}", empty.out, empty.err);
    let path = history(&store.root(), "h.jsonl", &[SEND, SENT, POLL, POLLED]);
    let script = format!("{} analyze <(cat {})", env!("CARGO_BIN_EXE_tribunal"), path.display());
    let called = called(&Command::new("bash").args(["-c", &script]).output().expect("starts"));
    assert_eq!(called.code, 0, "{}{}", called.out, called.err);
}

#[test]
fn help_of_help_is_help() {
    let called = Store::new().call(&["help", "--help"]);
    assert_eq!(called.code, 0, "{}", called.err);
    assert!(called.out.contains("Usage: tribunal <COMMAND>"), "{}", called.out);
}

#[test]
fn unreachable_servers_are_named() {
    // Port 1 of loopback: nothing listens there.
    let called = Store::new().call(&["run", "--target", "127.0.0.1:1"]);
    called.fails(FAILED, &["127.0.0.1:1"]);
}

/// The last run is on the mock; what crashed before it in containers is looked for all the same, and its absence is no
/// failure where there is no Docker.
#[test]
fn heal_without_a_name_says_that_it_could_not_look_for_containers() {
    let store = Store::new();
    let without_docker = |args: &[&str]| {
        let mut command = store.command();
        command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").args(args);
        called(&command.output().expect("starts"))
    };
    let healed = without_docker(&["heal"]);
    assert_eq!(healed.code, 0, "{}{}", healed.out, healed.err);
    assert!(healed.out.contains("were not looked for: Docker does not answer"), "{}", healed.out);
    without_docker(&["heal", "20990101"]).fails(USAGE, &["20990101", "tribunal run"]);
    let doctor = without_docker(&["doctor"]);
    assert_eq!(doctor.code, 0, "the default run can be made: {}", doctor.out);
    assert!(doctor.out.contains("Docker does not answer"), "{}", doctor.out);
    assert!(!doctor.out.contains("tribunal doctor") && !doctor.out.contains("delay"), "{}", doctor.out);
    let nowhere = without_docker(&["doctor", "--store", "/proc/tribunal"]);
    assert_eq!(nowhere.code, FAILED, "no run can be made: {}", nowhere.out);
}

#[test]
fn without_docker_the_docker_target_says_what_to_do() {
    let store = Store::new();
    let output = store
        .command()
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .args(["run", "--target", "docker"])
        .output()
        .expect("starts");
    called(&output).fails(FAILED, &["Docker", "tribunal doctor"]);
}

#[cfg(not(feature = "ssl"))]
#[test]
fn tls_without_the_feature_names_the_feature() {
    let args = ["run", "--target", "127.0.0.1:1", "--client-set", "security.protocol=ssl"];
    let called = Store::new().call(&args);
    assert!([USAGE, FAILED].contains(&called.code), "{}", called.err);
    assert!(called.err.contains("--features ssl"), "{}", called.err);
}

#[test]
fn a_truncated_history_is_judged_up_to_its_last_whole_line() {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let path = store.root().join("torn.jsonl");
    let whole = [SEND, SENT, POLL, POLLED].join("\n");
    std::fs::write(&path, format!("{whole}\n{}", &SEND[..40])).expect("writes");
    let called = store.call(&["analyze", path.to_str().expect("UTF-8")]);
    assert!([0, 2].contains(&called.code), "{}{}", called.err, called.out);
    assert!(called.out.contains("incomplete") && called.out.contains("dropped"), "{}", called.out);
}

#[test]
fn damage_in_the_middle_is_refused_with_line_and_byte() {
    let store = Store::new();
    std::fs::create_dir_all(store.root()).expect("creates");
    let path = history(&store.root(), "damaged.jsonl", &[SEND, "{\"time\":x}", SENT]);
    store
        .call(&["analyze", path.to_str().expect("UTF-8")])
        .fails(FAILED, &["damaged.jsonl", "line 2", "byte 9"]);

    let mut compressed = zstd::bulk::compress(format!("{SEND}\n{SENT}\n").as_bytes(), 3).expect("compresses");
    let middle = compressed.len() / 2;
    compressed[middle..middle + 8].fill(0xff);
    let path = store.root().join("damaged.jsonl.zst");
    std::fs::write(&path, compressed).expect("writes");
    store
        .call(&["analyze", path.to_str().expect("UTF-8")])
        .fails(FAILED, &["damaged.jsonl.zst", "damaged at byte"]);
}

#[test]
fn a_history_from_standard_input_is_judged() {
    let store = Store::new();
    let called = store.fed(&["analyze", "-", "--json"], &[SEND, SENT, POLL, POLLED].join("\n"));
    let verdict: serde_json::Value = serde_json::from_str(&called.out).expect("JSON");
    assert_eq!(verdict["validity"], "valid", "{verdict}");
    assert_eq!(verdict["exercised"]["acknowledged"], 1);
    assert_eq!(called.code, 0);
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    let store = Store::new();
    store.call(&["run", "--store", "/proc/tribunal"]).fails(FAILED, &["/proc/tribunal", "--store"]);
    std::fs::create_dir_all(store.root()).expect("creates");
    std::fs::write(store.root().join("afile"), "").expect("writes");
    let file = store.root().join("afile").display().to_string();
    for verb in ["ls", "show", "analyze", "render", "heal", "run"] {
        store.call(&[verb, "--store", &file]).fails(USAGE, &["afile is a file", "--store or TRIBUNAL_STORE"]);
    }
}

/// A limit on the size of files stands for a full disk: every write beyond it is refused.
#[test]
fn a_full_disk_ends_the_run_and_keeps_what_was_written() {
    let store = Store::new();
    let program = env!("CARGO_BIN_EXE_tribunal");
    let script = format!(
        "trap '' XFSZ; ulimit -f 400; exec {program} run --time-limit 20s --no-faults --rate 20000 --partitions 40"
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script]).env("TRIBUNAL_STORE", store.root()).env_remove("RUST_BACKTRACE");
    let called = called(&command.output().expect("starts"));
    called.fails(FAILED, &["history.jsonl.zst", "File too large", "kept", "next: tribunal analyze "]);
    let run = std::fs::canonicalize(store.root().join("current")).expect("the run is there");
    let meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(run.join("run.json")).expect("is there")).expect("JSON");
    assert_eq!(meta["status"]["state"], "failed", "{meta}");
    assert!(meta["status"]["reason"].as_str().is_some_and(|why| why.contains("File too large")), "{meta}");
    let log = std::fs::read_to_string(run.join("tribunal.log")).expect("is there");
    assert!(log.contains("error: cannot write the history") && log.contains("tribunal analyze "), "{log}");
    let verdict = store.call(&["analyze", "current", "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&verdict.out).expect("what was written is judged");
    assert_eq!(verdict["validity"], "unknown", "it never came to the consume-all pass");
    assert!(verdict["exercised"]["lines"].as_u64().expect("a number") > 1000);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let store = Store::new();
    let program = env!("CARGO_BIN_EXE_tribunal");
    let script = format!("set -o pipefail; {program} completions bash | head -n 1");
    let output = Command::new("bash").args(["-c", &script]).env("TRIBUNAL_STORE", store.root()).output();
    let called = called(&output.expect("starts"));
    assert_eq!((called.code, called.err.as_str()), (0, ""));
}
