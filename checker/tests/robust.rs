//! Histories that no client should write, budgets that run out, input that is damaged: an error or a verdict,
//! and no more cost than the operations are worth.

mod support;

use std::time::Duration;

use checker::{CheckError, Context, Options, analyze};
use proptest::prelude::*;
use store::reader::Source;
use store::run_meta::Terms;
use store::verdict::{Validity, Verdict};
use support::history::text;
use support::observe::judge;
use support::simulate::{Shape, run};

fn check(text: &str, options: &Options) -> Result<Verdict, CheckError> {
    analyze(Source::bytes(text.as_bytes().to_vec()), &Context::default(), options).map(|a| a.verdict)
}

fn verdict(text: &str) -> Verdict {
    check(text, &Options { threads: 2, ..Options::default() }).expect("a well-formed history")
}

#[test]
fn offsets_may_lie_anywhere() {
    let max = i64::MAX;
    assert_eq!(
        judge(&format!("p1 s1@0; p1 s2@{}; p1 s3@{max}; c7 r0:1 r{}:2,3", max - 1, max - 1)),
        "VALID",
        "two ends of one log"
    );
    assert_eq!(judge(&format!("p1 s1@{max}; end 0..{max}; f9 assign pos=0; f9 r{max}:1")), "VALID");
    assert_eq!(
        judge("p1 s1@0; p1 s2@5000000000000; p1 s3@7; c7 r0:1 r5000000000000:2"),
        "UNKNOWN ack-regression[3] unseen[3]",
        "an offset alone may be made up"
    );
    assert_eq!(
        judge("p1 s1; c7 r-5:1; end -9..-4; f9 r-5:1"),
        "UNKNOWN",
        "negative bounds were never learned"
    );
    let min = i64::MIN;
    assert_eq!(judge(&format!("p1 s1; c7 r{min}:1; end {min}..0; f9 r{min}:1 pos=0")), "UNKNOWN");
}

#[test]
fn a_history_need_not_be_well_formed() {
    let lines = [
        // A completion without an invocation.
        r#"{"time":5,"process":1,"type":"ok","f":"send","value":[["send","t-0",[0,1]]]}"#,
        // Two invocations at once.
        r#"{"time":6,"process":2,"type":"invoke","f":"send","value":[["send","t-0",2]]}"#,
        r#"{"time":7,"process":2,"type":"invoke","f":"send","value":[["send","t-0",3]]}"#,
        r#"{"time":8,"process":2,"type":"ok","f":"send","value":[["send","t-0",[2,3]]]}"#,
        // A completion that names another partition.
        r#"{"time":9,"process":3,"type":"invoke","f":"send","value":[["send","t-0",4]]}"#,
        r#"{"time":10,"process":3,"type":"ok","f":"send","value":[["send","t-1",[0,4]]]}"#,
        // Bounds that are none, a fault that is none, a function that nobody knows.
        r#"{"time":11,"process":4,"type":"invoke","f":"offsets","value":null,"final":true}"#,
        r#"{"time":12,"process":4,"type":"ok","f":"offsets","value":["no","bounds"],"final":true}"#,
        r#"{"time":13,"process":"nemesis","type":"info","f":"start","value":"what?","fault":1}"#,
        r#"{"time":14,"process":5,"type":"invoke","f":"dance","value":{"how":"well"}}"#,
        r#"{"time":15,"process":6,"type":"invoke","f":"poll","value":[["poll"]]}"#,
        r#"{"time":16,"process":6,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,1],[1,2],[2,3]],"t-1":[[0,4]]}]]}"#,
    ];
    let verdict = verdict(&lines.join("\n"));
    assert!(verdict.anomalies.is_empty(), "{:?}", verdict.anomalies);
    assert_eq!(verdict.validity, Validity::Unknown);
    for odd in ["never invoked", "while its operation", "another partition or value", "no log bounds"] {
        assert!(verdict.notes.iter().any(|note| note.contains(odd)), "{odd}: {:?}", verdict.notes);
    }
    assert_eq!((verdict.exercised.acknowledged, verdict.exercised.indeterminate), (3, 1));
}

#[test]
fn sparse_offsets_and_many_keys_cost_what_their_operations_cost() {
    let mut text = String::new();
    for n in 0..40_000_u64 {
        let (key, offset) = (n % 5_000, n / 5_000 * 1_000_000_000_000);
        let time = n * 10;
        let process = n;
        text.push_str(&format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"invoke\",\"f\":\"send\",\"value\":[[\"send\",\"t-{key}\",{n}]]}}\n\
             {{\"time\":{},\"process\":{process},\"type\":\"ok\",\"f\":\"send\",\"value\":[[\"send\",\"t-{key}\",[{offset},{n}]]]}}\n\
             {{\"time\":{},\"process\":{},\"type\":\"invoke\",\"f\":\"poll\",\"value\":[[\"poll\"]]}}\n\
             {{\"time\":{},\"process\":{},\"type\":\"info\",\"f\":\"poll\",\"value\":[[\"poll\",{{\"t-{key}\":[[{offset},{n}]]}}]]}}\n",
            time + 1,
            time + 2,
            process + 1_000_000,
            time + 3,
            process + 1_000_000,
        ));
    }
    // Tables of 40,000 sends and as many reads, wherever they lie: a few megabytes.
    let options = Options { threads: 2, memory: Some(16 << 20), ..Options::default() };
    let verdict = check(&text, &options).expect("well formed");
    assert_eq!(verdict.validity, Validity::Valid, "{:?}", verdict.unknown_because);
    assert_eq!(verdict.exercised.partitions, 5_000);
}

#[test]
fn a_budget_that_runs_out_is_unknown() {
    let text = text(&run(Shape { sends: 3000, ..Shape::small(1) }).ops);
    let small = Options { memory: Some(1000), threads: 1, ..Options::default() };
    let verdict = check(&text, &small).expect("well formed");
    assert_eq!(verdict.validity, Validity::Unknown);
    assert!(verdict.unknown_because[0].contains("memory budget"), "{:?}", verdict.unknown_because);
    assert!(verdict.anomalies.is_empty(), "half a history proves nothing");
    let hasty = Options { time_limit: Some(Duration::ZERO), threads: 1, ..Options::default() };
    let verdict = check(&text, &hasty).expect("well formed");
    assert_eq!(verdict.validity, Validity::Unknown);
    assert!(verdict.unknown_because[0].contains("time limit"), "{:?}", verdict.unknown_because);
}

#[test]
fn options_that_mean_nothing_are_refused_before_the_history_is_read() {
    let refused = |options: Options, terms: Terms| {
        let context = Context { terms, ..Context::default() };
        let damaged = Source::bytes(b"this is no history\nnor is this\n".to_vec());
        analyze(damaged, &context, &options).expect_err("refused").to_string()
    };
    let guarantee = Options { guarantee: Some("best-effort".into()), ..Options::default() };
    assert!(refused(guarantee, Terms::default()).contains("none, at-least-once, default, exactly-once"));
    let mut allow = Options::default();
    allow.allow.insert("duplicates".into(), true);
    assert!(refused(allow, Terms::default()).contains("did you mean \"duplicate\"?"));
    let expect = [("lost-write".to_owned(), "some".to_owned())].into_iter().collect();
    assert!(
        refused(Options::default(), Terms { expect, ..Terms::default() }).contains("lost-write = \"some\"")
    );
    assert!(refused(Options::default(), Terms::default()).contains("line 1"));
}

#[test]
fn any_number_of_threads_gives_the_same_verdict() {
    let mut ops = run(Shape { sends: 2000, partitions: 7, ..Shape::small(3) }).ops;
    ops.retain(|op| !op.final_pass || op.invoked % 3 != 0);
    let text = text(&ops);
    let with = |threads| {
        let options = Options { threads, ..Options::default() };
        let source = Source::bytes(text.clone().into_bytes());
        let mut analysis = analyze(source, &Context::default(), &options).expect("well formed");
        analysis.verdict.seconds = 0.0;
        analysis.verdict.checkers.iter_mut().for_each(|c| c.seconds = 0.0);
        analysis
    };
    let one = with(1);
    assert!(!one.verdict.anomalies.is_empty());
    for threads in [2, 3, 8] {
        assert!(with(threads) == one, "{threads} threads");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes changed at random: an error or a verdict, and it comes back.
    #[test]
    fn damage_never_panics(seed in 0..50_u64, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = text(&run(Shape { sends: 20, ..Shape::small(seed) }).ops).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let options = Options { threads: 1, ..Options::default() };
        if let Ok(analysis) = analyze(Source::bytes(bytes), &Context::default(), &options) {
            let told = analysis.verdict.unknown_because.join(" ");
            prop_assert!(!told.contains("bug of tribunal"), "{told}");
        }
    }

    /// Digits changed at random: always a verdict.
    #[test]
    fn other_numbers_never_panic(seed in 0..50_u64, changes in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 1..40)) {
        let mut bytes = text(&run(Shape { sends: 20, ..Shape::small(seed) }).ops).into_bytes();
        let digits: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit() && bytes[i - 1].is_ascii_digit()).collect();
        for (at, digit) in changes {
            bytes[digits[at.index(digits.len())]] = digit;
        }
        let options = Options { threads: 1, ..Options::default() };
        let analysis = analyze(Source::bytes(bytes), &Context::default(), &options).expect("still well formed");
        let told = analysis.verdict.unknown_because.join(" ");
        prop_assert!(!told.contains("bug of tribunal"), "{told}");
    }
}
