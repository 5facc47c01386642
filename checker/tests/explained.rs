//! What a reader is told: sentences, witnesses, faults and leadership.

mod support;

use checker::{Context, Options, analyze};
use store::cluster::{ClusterSample, Node, PartitionView};
use store::reader::Source;
use store::run_meta::Terms;
use store::time::Nanos;
use store::verdict::{ExpectationState, Validity, Verdict};

/// A producer is acknowledged by a deposed leader while the leader is isolated; another overwrites what it wrote.
const HISTORY: &str = r#"{"time":1000000000,"process":"nemesis","type":"invoke","f":"isolate-leader","value":{"leader-of":"t-0"},"fault":1}
{"time":1100000000,"process":"nemesis","type":"info","f":"isolate-leader","value":{"label":"isolate leader of t-0 (kafka-2)","nodes":["kafka-2"],"bit":true,"evidence":"12 packets dropped"},"fault":1}
{"time":4000000000,"process":3,"type":"invoke","f":"send","value":[["send","t-0",42]],"client":4,"incarnation":0,"seq":7}
{"time":4200000000,"process":3,"type":"ok","f":"send","value":[["send","t-0",[17,42]]],"client":4,"incarnation":0,"seq":7,"node":2}
{"time":5000000000,"process":5,"type":"invoke","f":"send","value":[["send","t-0",43]],"client":6,"seq":1}
{"time":5100000000,"process":5,"type":"ok","f":"send","value":[["send","t-0",[17,43]]],"client":6,"seq":1,"node":1}
{"time":8000000000,"process":"nemesis","type":"invoke","f":"heal","value":null,"fault":1}
{"time":8100000000,"process":"nemesis","type":"info","f":"heal","value":{"label":"heal","nodes":[],"bit":null,"evidence":""},"fault":1}
{"time":8900000000,"process":9,"type":"invoke","f":"assign","value":["t-0"],"final":true}
{"time":8950000000,"process":9,"type":"ok","f":"assign","value":["t-0"],"final":true,"position":{"t-0":0}}
{"time":9000000000,"process":9,"type":"invoke","f":"offsets","value":null,"final":true}
{"time":9100000000,"process":9,"type":"ok","f":"offsets","value":{"t-0":{"start":0,"end":18}},"final":true}
{"time":9200000000,"process":9,"type":"invoke","f":"poll","value":[["poll"]],"final":true}
{"time":9300000000,"process":9,"type":"ok","f":"poll","value":[["poll",{"t-0":[[17,43]]}]],"final":true,"position":{"t-0":18}}
"#;

fn sample(at: u64, asked: i32, leader: i32, epoch: i32) -> ClusterSample {
    let view = PartitionView {
        key: "t-0".into(),
        leader: Some(leader),
        epoch: Some(epoch),
        isr: vec![1, 3],
        replicas: vec![1, 2, 3],
        end: None,
        log_end: None,
    };
    ClusterSample {
        time: Nanos(at * 1_000_000),
        asked,
        error: None,
        controller: None,
        partitions: vec![view],
    }
}

fn context(samples: Vec<ClusterSample>) -> Context {
    let nodes = (1..=3).map(|id| Node { id, name: format!("kafka-{id}"), address: None }).collect();
    Context { cluster: samples, nodes, caveat: Some("it was a rehearsal".into()), ..Context::default() }
}

fn verdict(history: &str, context: &Context) -> Verdict {
    let source = Source::bytes(history.as_bytes().to_vec());
    analyze(source, context, &Options::default()).expect("a well-formed history").verdict
}

#[test]
fn a_loss_names_the_deposed_leader_where_the_samples_prove_it() {
    let proof =
        vec![sample(500, 1, 2, 5), sample(2500, 1, 1, 6), sample(2600, 2, 2, 5), sample(4500, 1, 1, 6)];
    let verdict = verdict(HISTORY, &context(proof));
    assert_eq!(verdict.validity, Validity::Invalid);
    let lost = &verdict.anomalies["lost-write"];
    assert_eq!((lost.count, lost.allowed), (1, false));
    let example = &lost.examples[0];
    assert_eq!(
        example.sentence,
        "t-0: client 4 was told \"ok\" for value 42 (offset 17) at 00:04.200 (line 4), but the consume-all pass \
         read value 43 of client 6 at that offset and this value nowhere, because kafka-2 acknowledged it in \
         epoch 5 after kafka-1 led in epoch 6; 3.2 s into \"isolate leader of t-0 (kafka-2)\". No live reader had \
         seen it."
    );
    assert_eq!(example.key.as_deref(), Some("t-0"));
    assert_eq!((example.value.as_deref(), example.offset), (Some("42"), Some(17)));
    assert_eq!((example.time, example.faults.as_slice()), (Some(Nanos(4_200_000_000)), [1].as_slice()));
    let told = "kafka-1 in epoch 6, in sync kafka-1, kafka-3 (said kafka-1); \
                kafka-2 in epoch 5, in sync kafka-1, kafka-3 (said kafka-2)";
    assert_eq!(example.leadership.as_deref(), Some(told));
    let witness: Vec<_> = example.witness.iter().map(|w| (w.line, w.role.as_str())).collect();
    assert_eq!(
        witness,
        [
            (3, "invoked"),
            (4, "acknowledged at offset 17"),
            (12, "log from offset 0 to 18"),
            (14, "read by the consume-all pass where it should be"),
        ]
    );
    assert_eq!(verdict.exercised.leader_changes, Some(1));
}

#[test]
fn a_loss_names_the_leader_that_came_after() {
    let samples = vec![sample(500, 1, 2, 5), sample(4100, 2, 2, 5), sample(4600, 1, 1, 6)];
    let verdict = verdict(HISTORY, &context(samples));
    let sentence = &verdict.anomalies["lost-write"].examples[0].sentence;
    let told = "because the log that survived holds another record where this one was acknowledged: kafka-2 \
                acknowledged it as leader in epoch 5, and kafka-1 led in epoch 6 afterwards (seen at 00:04.600); \
                3.2 s into";
    assert!(sentence.contains(told), "{sentence}");
}

#[test]
fn without_that_proof_the_evidence_speaks() {
    let verdict = verdict(HISTORY, &Context::default());
    let example = &verdict.anomalies["lost-write"].examples[0];
    assert!(
        example.sentence.contains(
            "because the log that survived holds another record where this one was acknowledged; 3.2 s into"
        ),
        "{}",
        example.sentence
    );
    assert_eq!(example.leadership, None);
    assert_eq!(verdict.exercised.leader_changes, None);
}

#[test]
fn faults_become_windows() {
    let verdict = verdict(HISTORY, &context(Vec::new()));
    let [fault] = verdict.faults.as_slice() else { panic!("one fault: {:?}", verdict.faults) };
    assert_eq!((fault.fault, fault.name.as_str()), (1, "isolate-leader"));
    assert_eq!(fault.label, "isolate leader of t-0 (kafka-2)");
    assert_eq!((fault.start, fault.end), (Nanos(1_000_000_000), Some(Nanos(8_100_000_000))));
    assert_eq!((fault.bit, fault.evidence.as_str()), (Some(true), "12 packets dropped"));
    assert_eq!(fault.nodes, ["kafka-2"]);
    assert_eq!((verdict.exercised.faults_asked, verdict.exercised.faults_bit), (1, 1));
    assert_eq!(verdict.notes, ["it was a rehearsal"]);
}

#[test]
fn a_fault_that_never_healed_goes_on_and_one_that_did_not_bite_is_told() {
    let open: String =
        HISTORY.lines().filter(|line| !line.contains("heal")).map(|l| format!("{l}\n")).collect();
    assert_eq!(verdict(&open, &Context::default()).faults[0].end, None);
    let blunt = HISTORY.replace(r#""bit":true"#, r#""bit":false"#);
    let verdict = verdict(&blunt, &Context::default());
    assert_eq!(verdict.faults[0].bit, Some(false));
    assert!(verdict.unknown_because.iter().any(|why| why.contains("none was seen to take effect")));
    let sentence = &verdict.anomalies["lost-write"].examples[0].sentence;
    assert!(!sentence.contains("into"), "a fault without effect explains nothing: {sentence}");
}

#[test]
fn expectations_stand_beside_the_validity() {
    let expect = [("lost-write".to_owned(), ">0".to_owned())].into_iter().collect();
    let context = Context { terms: Terms { expect, ..Terms::default() }, ..Context::default() };
    let verdict = verdict(HISTORY, &context);
    let expectation = verdict.expectation.as_ref().expect("something was expected");
    assert_eq!(expectation.state, ExpectationState::Met);
    assert_eq!(expectation.observed["lost-write"], "1");
    assert_eq!((verdict.validity, verdict.exit_code()), (Validity::Invalid, 0));
}

#[test]
fn an_allowed_kind_does_not_break_the_guarantee() {
    let options = Options { guarantee: Some("none".into()), ..Options::default() };
    let source = Source::bytes(HISTORY.as_bytes().to_vec());
    let verdict = analyze(source, &Context::default(), &options).expect("reads").verdict;
    assert_eq!(verdict.validity, Validity::Valid);
    assert!(verdict.anomalies["lost-write"].allowed);
    assert_eq!(verdict.guarantee.name, "none");
    assert!(verdict.checkers.iter().all(|checker| checker.validity == Validity::Valid));
}

#[test]
fn examples_are_few_and_counts_exact() {
    let mut history = String::new();
    for n in 0..100 {
        let (from, to) = (n * 10, n * 10 + 5);
        history += &format!(
            "{{\"time\":{from},\"process\":1,\"type\":\"invoke\",\"f\":\"send\",\"value\":[[\"send\",\"t-{}\",{n}]]}}\n\
             {{\"time\":{to},\"process\":1,\"type\":\"ok\",\"f\":\"send\",\"value\":[[\"send\",\"t-{}\",[{},{n}]]]}}\n",
            n % 4,
            n % 4,
            n / 4
        );
    }
    history += concat!(
        r#"{"time":2000,"process":9,"type":"invoke","f":"offsets","value":null,"final":true}"#,
        "\n",
        r#"{"time":2001,"process":9,"type":"ok","f":"offsets","value":{"t-0":{"start":0,"end":0},"t-1":{"start":0,"end":0},"t-2":{"start":0,"end":0},"t-3":{"start":0,"end":0}},"final":true}"#,
        "\n"
    );
    for keep in [0, 1, 8, 1000] {
        let options = Options { examples: keep, ..Options::default() };
        let source = Source::bytes(history.clone().into_bytes());
        let verdict = analyze(source, &Context::default(), &options).expect("reads").verdict;
        let lost = &verdict.anomalies["lost-write"];
        assert_eq!((lost.count, lost.examples.len()), (100, keep.min(100)));
        let lines: Vec<u64> = lost.examples.iter().map(|e| e.witness[1].line).collect();
        let first: Vec<u64> = (1..=keep.min(100) as u64).map(|n| n * 2).collect();
        assert_eq!(lines, first, "the first of all partitions");
    }
}

/// While the leader is isolated, one send waits five seconds.
const STALLED: &str = r#"{"time":1000000000,"process":3,"type":"invoke","f":"send","value":[["send","t-0",1]]}
{"time":1010000000,"process":3,"type":"ok","f":"send","value":[["send","t-0",[0,1]]]}
{"time":1500000000,"process":"nemesis","type":"invoke","f":"isolate-leader","value":null,"fault":1}
{"time":1600000000,"process":"nemesis","type":"info","f":"isolate-leader","value":{"label":"isolate leader of t-0 (kafka-2)","nodes":["kafka-2"],"bit":true,"evidence":""},"fault":1}
{"time":2000000000,"process":3,"type":"invoke","f":"send","value":[["send","t-0",2]]}
{"time":7000000000,"process":3,"type":"ok","f":"send","value":[["send","t-0",[1,2]]]}
{"time":8000000000,"process":9,"type":"invoke","f":"offsets","value":null,"final":true}
{"time":8100000000,"process":9,"type":"ok","f":"offsets","value":{"t-0":{"start":0,"end":2}},"final":true}
{"time":8200000000,"process":9,"type":"invoke","f":"poll","value":[["poll"]],"final":true}
{"time":8300000000,"process":9,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,1],[1,2]]}]],"final":true,"position":{"t-0":2}}
"#;

#[test]
fn a_stall_is_measured_always_and_forbidden_where_a_limit_is_stated() {
    let free = verdict(STALLED, &Context::default());
    assert_eq!(free.validity, Validity::Valid);
    let longest = free.exercised.longest_stall.as_ref().expect("five seconds of waiting");
    assert_eq!((longest.key.as_str(), longest.from), ("t-0", Nanos(2_000_000_000)));
    assert!((4.9..=5.0).contains(&longest.seconds), "{longest:?}");
    let limited = |ms| {
        let terms = Terms { max_stall_ms: Some(ms), ..Terms::default() };
        verdict(STALLED, &Context { terms, ..Context::default() })
    };
    assert_eq!(limited(5_000).validity, Validity::Valid);
    let broken = limited(3_000);
    assert_eq!(broken.validity, Validity::Invalid);
    let example = &broken.anomalies["stalled"].examples[0];
    assert_eq!(
        example.sentence,
        "t-0: no send was acknowledged from 00:02.000 to 00:07.000, while 1 send waited; this is a stall because it \
         lasted 5.0 s and 3.0 s are allowed: it began 500 ms into \"isolate leader of t-0 (kafka-2)\""
    );
    let lines: Vec<u64> = example.witness.iter().map(|w| w.line).collect();
    assert_eq!((lines, example.faults.as_slice()), (vec![5, 6], &[1][..]));
}

/// Value 2 began 5 ms after value 1 was acknowledged, by another machine's clock, and stands before it.
const CLOCKS: &str = r#"{"time":1000000,"process":1,"type":"invoke","f":"send","value":[["send","t-0",1]],"clock":"a"}
{"time":2000000,"process":1,"type":"ok","f":"send","value":[["send","t-0",[1,1]]],"clock":"a"}
{"time":7000000,"process":2,"type":"invoke","f":"send","value":[["send","t-0",2]],"clock":"b"}
{"time":8000000,"process":2,"type":"ok","f":"send","value":[["send","t-0",[0,2]]],"clock":"b"}
{"time":50000000,"process":9,"type":"invoke","f":"offsets","value":null,"final":true,"clock":"b"}
{"time":51000000,"process":9,"type":"ok","f":"offsets","value":{"t-0":{"start":0,"end":2}},"final":true,"clock":"b"}
{"time":52000000,"process":9,"type":"invoke","f":"poll","value":[["poll"]],"final":true,"clock":"b"}
{"time":53000000,"process":9,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,2],[1,1]]}]],"final":true,"position":{"t-0":2},"clock":"b"}
"#;

#[test]
fn two_clocks_order_only_what_lies_further_apart_than_they_may() {
    let judged = |history: &str, apart: Option<u64>| {
        let clock_uncertainty = apart.map(std::time::Duration::from_millis);
        let options = Options { clock_uncertainty, ..Options::default() };
        let source = Source::bytes(history.as_bytes().to_vec());
        analyze(source, &Context::default(), &options).expect("a well-formed history").verdict
    };
    assert!(judged(CLOCKS, Some(4)).anomalies.contains_key("stale-append"));
    assert_eq!(judged(CLOCKS, Some(5)).validity, Validity::Valid, "they may have been concurrent");
    let unknown = judged(CLOCKS, None);
    assert_eq!((unknown.validity, unknown.anomalies.len()), (Validity::Unknown, 0));
    assert!(unknown.unknown_because[0].contains("--clock-uncertainty"), "{:?}", unknown.unknown_because);
    let one = CLOCKS.replace("\"clock\":\"b\"", "\"clock\":\"a\"");
    assert!(judged(&one, None).anomalies.contains_key("stale-append"), "one clock, whatever its name");
    let mixed = CLOCKS.replace(",\"clock\":\"b\"", "");
    assert_eq!(judged(&mixed, None).validity, Validity::Unknown, "lines without a name share one more");
}
