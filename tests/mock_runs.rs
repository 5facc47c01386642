//! Whole runs on the embedded mock: what must be found, and what must not.

mod common;

use common::{Store, count};

#[test]
fn a_clean_run_is_valid_and_leaves_everything_behind() {
    let store = Store::new();
    let called = store.call(&["run", "--time-limit", "8s", "--seed", "7f"]);
    assert_eq!(called.code, 0, "{}\n{}", called.err, called.out);
    assert!(
        called.out.contains("VALID") && called.out.contains("tribunal run mock-duplicates"),
        "{}",
        called.out
    );
    assert!(called.out.contains("nothing about Kafka's replication"), "{}", called.out);
    let verdict = store.verdict("latest");
    assert_eq!(verdict["validity"], "valid");
    let exercised = &verdict["exercised"];
    assert_eq!(
        (exercised["faults_asked"].as_u64(), exercised["faults_bit"].as_u64()),
        (Some(2), Some(2)),
        "{verdict}"
    );
    assert!(exercised["acknowledged"].as_u64() > Some(15_000), "{exercised}");
    assert_eq!(exercised["consume_all"]["covered"], 6, "{exercised}");
    let run = store.latest();
    for file in [
        "run.json",
        "scenario.toml",
        "history.jsonl.zst",
        "history.idx",
        "cluster.jsonl",
        "nemesis.journal",
        "verdict.json",
        "series.json",
        "tribunal.log",
    ] {
        let length = std::fs::metadata(run.join(file)).unwrap_or_else(|e| panic!("{file}: {e}")).len();
        assert!(length > 0, "{file} is empty");
    }
    for picture in ["latency-raw", "latency-quantiles", "rate", "unseen", "realtime-lag"] {
        let text = std::fs::read_to_string(run.join(format!("plots/{picture}.svg"))).expect(picture);
        assert!(text.contains("<svg") && text.contains("broker-down"), "{picture} draws the fault's window");
        assert!(text.len() < 1_000_000, "{picture}");
    }
    // A part is drawn beside the whole, which stays.
    let whole = std::fs::read(run.join("plots/rate.svg")).expect("is there");
    let part = store.call(&["render", "--window", "2s..4s"]);
    assert!(part.code == 0 && part.out.contains("plots/2s..4s/rate.svg"), "{}{}", part.err, part.out);
    assert_eq!(std::fs::read(run.join("plots/rate.svg")).expect("is there"), whole);
    // The other verbs find it.
    let listed = store.call(&["ls"]);
    assert!(listed.out.contains("queue") && listed.out.contains("VALID"), "{}", listed.out);
    assert_eq!(store.call(&["show"]).code, 0);
    let healed = store.call(&["heal", "current"]);
    assert!(healed.code == 0 && healed.out.contains("nothing remains"), "{}{}", healed.out, healed.err);
    // Judged again, from the files alone, by either name: the same.
    for name in ["latest", run.join("history.jsonl.zst").to_str().expect("UTF-8")] {
        let again = store.call(&["analyze", name, "--json"]);
        let again: serde_json::Value = serde_json::from_str(&again.out).expect("JSON");
        assert_eq!(again["exercised"]["acknowledged"], exercised["acknowledged"]);
        assert_eq!(again["validity"], "valid");
    }
    let several = store.call(&["analyze", "latest", "latest"]);
    assert_eq!((several.code, several.out.matches("VALID").count() >= 2), (0, true), "{}", several.out);
}

#[test]
fn duplicates_of_a_producer_whose_answers_come_late_are_found_and_explained() {
    let store = Store::new();
    let called = store.call(&["run", "mock-duplicates"]);
    assert_eq!(called.code, 0, "the scenario expects them\n{}\n{}", called.err, called.out);
    assert!(called.out.contains("INVALID") && called.out.contains("because"), "{}", called.out);
    let verdict = store.verdict("latest");
    assert_eq!(
        (verdict["validity"].as_str(), verdict["expectation"]["state"].as_str()),
        (Some("invalid"), Some("met"))
    );
    assert!(count(&verdict, "duplicate") > 0);
    assert_eq!(count(&verdict, "lost-write"), 0);
    let shown = store.call(&["show", "--anomaly", "1"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.contains("\"f\":\"poll\""), "the witness lines are shown: {}", shown.out);
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(longest(&shown.out) < 1500, "polls are cut down to what matters: {}", shown.out);
    let full = store.call(&["show", "--anomaly", "1", "--full"]);
    assert!(longest(&full.out) > longest(&shown.out) && !full.out.contains('…'), "{}", full.out);
    // Where the value stands a second time, the neighbourhood names the send that made both.
    let example = &verdict["anomalies"]["duplicate"]["examples"][0];
    let (key, value) = (example["key"].as_str().expect("a key"), example["value"].as_str().expect("a value"));
    for offset in example["details"]["offsets"].as_array().expect("two offsets") {
        let around = store.call(&["show", "--around", key, &offset.to_string()]);
        let here =
            around.out.lines().find(|line| line.starts_with('>')).expect("the offset that was asked for");
        assert!(here.contains(&format!("value {value} ")) && here.contains("consume-all"), "{}", around.out);
    }
    store.call(&["show", "--around", "nowhere-0", "1"]).fails(254, &["nowhere-0", "it has", key]);
}

#[test]
fn reordering_of_a_producer_with_several_requests_in_flight_is_found() {
    let store = Store::new();
    let verdict = store.judged(&["run", "mock-reordering"], 0);
    assert!(count(&verdict, "nonmonotonic-send") > 0, "{verdict}");
    assert_eq!(verdict["expectation"]["state"], "met");
}

#[test]
fn losses_with_acks_0_are_counted_and_are_no_lost_acknowledged_writes() {
    let store = Store::new();
    let verdict = store.judged(&["run", "mock-acks0-loss"], 0);
    assert!(count(&verdict, "lost-unacked") > 100, "{verdict}");
    assert_eq!(verdict["anomalies"]["lost-unacked"]["allowed"], true);
    assert_eq!(count(&verdict, "lost-write"), 0);
}

/// Broker bounces and leader moves alone lose, double and reorder nothing.
#[test]
fn bounces_and_leader_moves_alone_show_nothing() {
    let store = Store::new();
    let args = [
        "run",
        "--time-limit",
        "10s",
        "--acks",
        "1",
        "--fault",
        "broker-down@2s+1s",
        "--fault",
        "leader-move@4s",
        "--fault",
        "broker-down@5s+500ms",
        "--fault",
        "leader-move@7s",
    ];
    let verdict = store.judged(&args, 0);
    assert_eq!(verdict["anomalies"].as_object().map(serde_json::Map::len), Some(0), "{verdict}");
    assert_eq!(verdict["exercised"]["faults_bit"], 4, "{verdict}");
}

/// The faults of `mock-duplicates`, under a transactional producer with one request in flight: nothing.
#[test]
fn a_transactional_producer_with_one_request_in_flight_shows_nothing_under_late_answers() {
    let store = Store::new();
    let args = ["run", "mock-duplicates", "--transactional", "--idempotence", "auto", "--max-in-flight", "1"];
    let verdict = store.judged(&args, 0);
    assert_eq!(verdict["validity"], "valid", "{verdict}");
    // Kafka isolates no writes: transactions of several producers interleave, which is counted and allowed.
    let interleaved =
        |kind: &String| kind.starts_with("G0") || kind.starts_with("G1c") || kind == "int-send-skip";
    let anomalies = verdict["anomalies"].as_object().expect("a map");
    assert!(anomalies.iter().all(|(kind, a)| interleaved(kind) && a["allowed"] == true), "{verdict}");
    assert!(verdict["exercised"]["acknowledged"].as_u64() > Some(1000), "{verdict}");
}
