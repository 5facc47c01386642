//! Classic histories with known answers, one line each, and what is said of the invalid ones.

mod model_notation;

use std::time::{Duration, Instant};

use checker::model::{Budget, History, ModelKind, Outcome, Violation, check, infer};
use model_notation::history;

/// `valid`, `unknown: reason`, or `invalid at LINE after COMPLETIONS`, the same by monitor and search.
#[track_caller]
fn expect(kind: &str, notation: &str, expected: &str) {
    let history = history(notation);
    for monitors in [true, false] {
        let outcome = judge(&history, kind, monitors);
        let said = match &outcome {
            Outcome::Valid(_) => "valid".to_owned(),
            Outcome::Unknown { reason, .. } => format!("unknown: {reason}"),
            Outcome::Invalid { violations, .. } => {
                let Violation { line, prefix, .. } = &violations[0];
                assert!(prefix.exact);
                format!("invalid at {line} after {}", prefix.operations)
            }
        };
        assert_eq!(said, expected, "{kind}, monitors: {monitors}: {outcome:?}");
    }
}

fn judge(history: &History, kind: &str, monitors: bool) -> Outcome {
    check(history, kind.parse().unwrap(), &Budget { monitors, ..Budget::default() })
}

/// The sentence on the first violation.
#[track_caller]
fn sentence(kind: &str, notation: &str) -> String {
    match judge(&history(notation), kind, true) {
        Outcome::Invalid { violations, .. } => violations[0].sentence.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn herlihy_and_wing_registers() {
    // Herlihy & Wing 1990, figure 2: H5 is linearizable, H6 reads an overwritten value.
    expect("register", "0:write=0 0:ok 1:write=1 0:read 0:ok=1 2:write=0 2:ok 2:read 2:ok=0 1:ok", "valid");
    expect("register", "0:write=0 1:write=1 0:ok 0:read 0:ok=1 2:read 2:ok=0 1:ok", "invalid at 6 after 2");
    expect("register", "0:write=1 1:read 1:ok=1 2:read 2:ok=null 0:ok", "invalid at 4 after 1");
}

#[test]
fn herlihy_and_wing_queues() {
    // Figure 1: (a) y leaves first, which concurrent enqueues allow; (b) x was in before y began.
    expect("fifo", "0:enqueue=1 1:enqueue=2 0:ok 1:ok 0:dequeue 0:ok=2 1:dequeue 1:ok=1", "valid");
    expect("fifo", "0:enqueue=1 0:ok 1:enqueue=2 0:dequeue 1:ok 0:ok=2", "invalid at 4 after 2");
    // (d) one element leaves twice.
    expect("fifo", "0:enqueue=1 0:ok 0:dequeue 1:dequeue 0:ok=1 1:ok=1", "invalid at 4 after 2");
    expect("queue", "0:enqueue=1 0:ok 1:enqueue=2 0:dequeue 1:ok 0:ok=2", "valid");
    expect("queue", "0:enqueue=1 0:ok 1:dequeue 1:ok=null", "invalid at 3 after 1");
}

#[test]
fn a_stale_read_after_a_fresh_one() {
    expect("register", "0:write=1 0:ok 0:write=2 1:read 1:ok=2 1:read 1:ok=1 0:ok", "invalid at 6 after 2");
}

#[test]
fn cas_register() {
    expect("cas-register", "0:write=1 0:ok 0:cas=[1,2] 0:ok 1:read 1:ok=2", "valid");
    expect("cas-register", "0:write=1 0:ok 0:cas=[1,2] 1:cas=[1,3] 0:ok 1:ok", "invalid at 4 after 2");
    expect("cas-register", "0:write=1 0:ok 0:cas=[1,2] 0:info 1:read 1:ok=1 1:read 1:ok=2", "valid");
}

#[test]
fn unknown_operations_may_happen_late_or_never() {
    expect("register", "0:write=1 0:info 1:read 1:ok=null 1:read 1:ok=1", "valid");
    expect("register", "0:write=1 0:info 1:read 1:ok=1 1:read 1:ok=null", "invalid at 5 after 1");
    // Never returned: the same as info.
    expect("register", "0:write=1 1:read 1:ok=null 1:read 1:ok=1", "valid");
    // A read that failed or never returned constrains nothing.
    expect("register", "0:read 0:info 1:read 1:fail 2:write=1 2:ok", "valid");
}

#[test]
fn a_failed_write_must_not_be_read() {
    expect("register", "0:write=7 0:fail 1:read 1:ok=7", "invalid at 3 after 0");
    let said = sentence("register", "0:write=7 0:fail 1:read 1:ok=7");
    assert!(said.contains("process 0's write of 7 (lines 1-2) failed, and was seen"), "{said}");
}

#[test]
fn kv_appends_and_keys() {
    expect("kv", r#"0:append="a" 1:append="b" 0:ok 1:ok 0:read 0:ok="ba""#, "valid");
    expect("kv", r#"0:append="a" 0:ok 1:append="b" 1:ok 0:read 0:ok="ba""#, "invalid at 5 after 2");
    expect("kv", r#"0:read 0:ok="" 0:append="a" 0:ok 0:read 0:ok="a""#, "valid");
    expect("kv", r#"0:write@x=1 0:ok 1:write@y=2 1:ok 0:read@x 0:ok=1 1:read@y 1:ok=2"#, "valid");
    expect("kv", r#"0:write@x=1 0:ok 1:write@y=2 1:ok 0:read@x 0:ok=2"#, "invalid at 5 after 1");
    expect(
        "kv",
        "0:append=5 0:ok",
        "unknown: append (lines 1-2) is no operation of kv: kv appends strings, not 5",
    );
}

#[test]
fn jepsens_tuples_are_keys() {
    let mixed = "0:write=[1,5] 0:ok=[1,5] 1:write=[2,6] 1:ok=[2,6] 0:read=[1,null] 0:ok=[1,5] 0:cas=[2,[6,7]] 0:ok=[2,[6,7]]";
    expect("kv", mixed, "valid");
    expect("cas-register", mixed, "valid");
    expect(
        "kv",
        "0:write=[1,5] 0:ok=[1,5] 1:write=[2,6] 1:ok=[2,6] 0:read=[1,null] 0:ok=[1,6]",
        "invalid at 5 after 1",
    );
    expect(
        "log",
        "0:append=[7,1] 0:ok=[7,[0,1]] 1:append=[8,2] 1:ok=[8,[0,2]] 0:read=[7,null] 0:ok=[7,[0,1]]",
        "valid",
    );
    // Without a key in every operation they are plain lists.
    expect("register", "0:write=[1,5] 0:ok 0:read 0:ok=[1,5]", "valid");
    expect("register", "0:write=[1,5] 0:ok 0:read 0:ok=[1,6]", "invalid at 3 after 1");
}

#[test]
fn sets() {
    expect("set", "0:add=1 0:ok 1:add=2 0:read 0:ok=[2,1] 1:ok", "valid");
    expect("set", "0:add=1 0:ok 0:read 0:ok=[]", "invalid at 3 after 1");
    expect("set", "0:add=1 0:ok 0:read 0:ok=[1,9]", "invalid at 3 after 1");
    expect("set", "0:add=1 1:add=2 2:read 2:ok=[1] 3:read 3:ok=[2] 0:ok 1:ok", "invalid at 5 after 1");
    expect("set", "0:add=1 0:info 1:read 1:ok=[1] 1:read 1:ok=[]", "invalid at 5 after 1");
}

#[test]
fn logs() {
    expect(
        "log",
        "0:append=1 1:append=2 0:ok=[1,1] 1:ok=[0,2] 0:read=[1,null] 0:ok=[1,1] 0:end 0:ok=2",
        "valid",
    );
    // A stale append: acknowledged first, yet behind one that began later.
    expect("log", "0:append=1 0:ok=[1,1] 1:append=2 1:ok=[0,2]", "invalid at 1 after 0");
    expect("log", "0:append=1 0:ok=[0,1] 0:end 0:ok=0", "invalid at 3 after 1");
    expect("log", "0:append=1 0:ok=[0,1] 0:read=[0,null] 0:ok=[0,null]", "invalid at 3 after 1");
    // A hole below a record is filled by an append of unknown outcome, or by nothing.
    expect("log", "0:append=1 0:info 1:append=2 1:ok=[1,2]", "valid");
    expect("log", "1:append=2 1:ok=[1,2]", "invalid at 1 after 0");
    // Two operations at an offset of five million cost what two operations cost.
    expect("log", "1:append=2 1:ok=[5000000,2]", "invalid at 1 after 0");
}

#[test]
fn mutexes() {
    expect("mutex", "0:acquire 0:ok 1:acquire 0:release 1:ok 0:ok", "valid");
    expect("mutex", "0:acquire 0:ok 1:acquire 1:ok", "invalid at 3 after 1");
    expect("mutex", "0:acquire 0:ok 1:release 1:info 2:acquire 2:ok", "valid");
}

#[test]
fn a_sentence_names_operations_lines_and_the_reason() {
    let said = sentence("register", "0:write=1 0:ok 0:write=2 0:ok 1:read 1:ok=1");
    assert_eq!(
        said,
        "process 1's read of 1 (lines 5-6) cannot be placed in any order, because 2 has to come after 1 \
         and before 1 too, and each was written only once [process 0's write of 1 (lines 1-2) completed with 1 in \
         place; process 0's write of 2 (lines 3-4) began after that, on 2, and completed with 2 in place]; the 2 operations that completed by line 4 have an order"
    );
    let initial = sentence("register", "0:write=7 0:ok 1:read 1:ok=null");
    assert!(
        initial.contains(
            "because 7 had been in place before null, the initial value, was found, and nothing wrote null again \
             [process 0's write of 7 (lines 1-2) completed with 7 in place]"
        ),
        "{initial}"
    );
    let chained = sentence("cas-register", "0:write=1 0:ok 0:cas=[1,2] 1:write=3 1:ok 0:ok 1:read 1:ok=2");
    assert!(
        chained.contains(
            "because 3 has to come after 1 and before 2, and cas alone led from 1 to 2, without a break"
        ),
        "{chained}"
    );
    let searched = sentence("mutex", "0:acquire 0:ok 1:acquire 1:ok");
    assert_eq!(
        searched,
        "process 1's acquire (lines 3-4) cannot be placed in any order, because every order of the other \
         operations that respects real time leaves the state at held by then; the one operation that completed \
         before, at line 2, has an order"
    );
}

#[test]
fn what_a_model_cannot_read_is_unknown() {
    let unknown = |kind: &str, notation: &str| match judge(&history(notation), kind, true) {
        Outcome::Unknown { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        unknown("register", ""),
        "the history holds no operation of a client; the model register knows read, write"
    );
    assert_eq!(
        unknown("register", "0:write=1 0:ok 0:cas=[1,2] 0:ok"),
        "\"cas\" (line 3) is no function of the model register, which knows read, write; the history's functions are write, cas"
    );
    assert!(unknown("register", "0:write=1 0:ok 0:sync 0:ok").contains("\"sync\" (line 3)"));
    assert!(unknown("cas-register", "0:cas=5 0:ok").contains("a cas has the value [from, to], not 5"));
}

/// A read that misses a write which had returned 10 ns before by another clock.
#[test]
fn several_clocks_count_as_far_as_they_are_known() {
    let lines = |time: &str| {
        let line = |clock: &str, time: &str, rest: &str| format!("{{{rest},{time}\"clock\":\"{clock}\"}}\n");
        let at = |ns: u64| if time.is_empty() { String::new() } else { format!("\"time\":{ns},") };
        [
            line("a", &at(10), r#""process":0,"type":"invoke","f":"write","value":1"#),
            line("a", &at(20), r#""process":0,"type":"ok","f":"write","value":1"#),
            line("b", &at(30), r#""process":1,"type":"invoke","f":"read","value":null"#),
            line("b", &at(40), r#""process":1,"type":"ok","f":"read","value":null"#),
        ]
        .concat()
    };
    let judged = |apart: Option<u64>, time: &str| {
        let history = History::from_json_lines(&lines(time)).unwrap();
        let history = match apart {
            Some(ns) => history.with_clocks_apart(Duration::from_nanos(ns)),
            None => history,
        };
        (check(&history, ModelKind::Register, &Budget::default()), history.warnings().len())
    };
    let because = |outcome: &Outcome| match outcome {
        Outcome::Unknown { reason, .. } => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert!(because(&judged(None, "timed").0).contains("--clock-uncertainty states it"));
    assert!(because(&judged(Some(1), "").0).contains("no times"));
    assert!(matches!(judged(Some(9), "timed"), (Outcome::Invalid { .. }, 1)));
    assert!(matches!(judged(Some(10), "timed"), (Outcome::Valid(_), 1)));
    let (never, _) = judged(Some(u64::MAX), "timed");
    assert!(matches!(never, Outcome::Valid(_)), "{never:?}");
}

/// Forty concurrent writes and a read that nothing explains: every order must be tried.
fn adversarial() -> History {
    let mut notation = String::new();
    for process in 0..40 {
        notation += &format!("{process}:write={} ", process / 2);
    }
    for process in 0..40 {
        notation += &format!("{process}:ok ");
    }
    history(&(notation + "0:read 0:ok=999"))
}

#[test]
fn budgets_end_a_search_with_a_reason() {
    let history = adversarial();
    let start = Instant::now();
    let budget = Budget { time: Duration::from_millis(200), ..Budget::default() };
    let outcome = check(&history, ModelKind::Register, &budget);
    assert!(
        matches!(&outcome, Outcome::Unknown { reason, .. } if reason.contains("time limit")),
        "{outcome:?}"
    );
    assert_eq!((outcome.coverage().undecided, outcome.coverage().operations_decided), (1, 0));
    // Far above the budget, far below the search's natural end.
    assert!(start.elapsed() < Duration::from_secs(60));
    let budget = Budget { memory_bytes: 1 << 20, ..Budget::default() };
    let outcome = check(&history, ModelKind::Register, &budget);
    assert!(
        matches!(&outcome, Outcome::Unknown { reason, .. } if reason.contains("--memory")),
        "{outcome:?}"
    );
}

#[test]
fn a_hard_key_does_not_hide_a_broken_one() {
    let mut notation = String::new();
    for process in 0..40 {
        notation += &format!("{process}:write@hard={} ", process / 2);
    }
    for process in 0..40 {
        notation += &format!("{process}:ok ");
    }
    notation += "0:read@hard 0:ok=999 1:write@bad=1 1:ok 1:write@bad=1 1:ok 1:read@bad 1:ok=2";
    match check(&history(&notation), ModelKind::Kv, &Budget::default()) {
        Outcome::Invalid { violations, coverage } => {
            assert_eq!(violations[0].key.as_deref(), Some("\"bad\""));
            assert_eq!((coverage.broken, coverage.undecided), (1, 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_long_history_needs_no_deep_stack() {
    let mut notation = String::new();
    for i in 0..50_000 {
        notation += &format!("0:write={} 1:read 0:ok 1:ok={} ", i % 3, i % 3);
    }
    let history = history(&notation);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(128 << 10).build().unwrap();
    let outcome = pool.install(|| judge(&history, "register", false));
    assert!(matches!(outcome, Outcome::Valid(_)));
}

#[test]
fn a_history_tells_its_model() {
    assert_eq!(infer(&history("0:acquire 0:ok")), Ok(ModelKind::Mutex));
    assert!(infer(&history("0:enqueue=1 0:ok")).unwrap_err().to_string().contains("queue, fifo"));
}

#[test]
fn digits_beyond_64_bits_tell_values_apart() {
    let read = |value: &str| {
        let lines = [
            r#"{"process":0,"type":"invoke","f":"write","value":100000000000000000000001}"#.to_owned(),
            r#"{"process":0,"type":"ok","f":"write","value":100000000000000000000001}"#.to_owned(),
            r#"{"process":0,"type":"invoke","f":"read","value":null}"#.to_owned(),
            format!(r#"{{"process":0,"type":"ok","f":"read","value":{value}}}"#),
        ];
        History::from_json_lines(&format!("{}\n", lines.join("\n")))
    };
    let valid = |value: &str| {
        let history = read(value).expect("a history");
        check(&history, ModelKind::Register, &Budget::default()).linearizable()
    };
    assert_eq!(valid("100000000000000000000001"), Some(true));
    assert_eq!(valid("100000000000000000000002"), Some(false));
    // Where digits were lost in parsing, nobody guesses.
    let error = read("[1.5,100000000000000000000001]").expect_err("not to be told apart").to_string();
    assert!(error.contains("line 4") && error.contains("write it as a string"), "{error}");
}

#[test]
fn a_key_may_be_a_list_and_null_is_none() {
    let judged = |lines: [&str; 4], kind| {
        let history = History::from_json_lines(&lines.join("\n")).expect("a history");
        check(&history, kind, &Budget::default()).linearizable()
    };
    let reads = |last| {
        judged(
            [
                r#"{"process":0,"type":"invoke","f":"write","key":["a",1],"value":1}"#,
                r#"{"process":0,"type":"ok","f":"write","key":["a",1],"value":1}"#,
                r#"{"process":0,"type":"invoke","f":"read","key":[ "a", 1],"value":null}"#,
                last,
            ],
            ModelKind::Kv,
        )
    };
    assert_eq!(reads(r#"{"process":0,"type":"ok","f":"read","key":["a",1],"value":1}"#), Some(true));
    assert_eq!(reads(r#"{"process":0,"type":"ok","f":"read","key":["a",1],"value":null}"#), Some(false));
    let cas = [
        r#"{"process":0,"type":"invoke","f":"cas","value":[null,[1,2]]}"#,
        r#"{"process":0,"type":"ok","f":"cas","value":[null,[1,2]]}"#,
        r#"{"process":0,"type":"invoke","f":"cas","value":[[1,2],[3,4]]}"#,
        r#"{"process":0,"type":"ok","f":"cas","value":[[1,2],[3,4]]}"#,
    ];
    assert_eq!(judged(cas, ModelKind::CasRegister), Some(true));
}

#[test]
fn a_clock_too_coarse_for_its_processes_is_told() {
    let text = |time: &str| {
        [("invoke", "write", "1"), ("ok", "write", "1"), ("invoke", "read", "null"), ("ok", "read", "null")]
            .map(|(op_type, f, value)| {
                format!("{{\"process\":0,\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}{time}}}\n")
            })
            .concat()
    };
    let judged = |time| {
        let history = History::from_json_lines(&text(time)).expect("a history");
        let told = history.warnings().iter().any(|warning| warning.contains("1 operation began"));
        (check(&history, ModelKind::Register, &Budget::default()).linearizable(), told)
    };
    assert_eq!(judged(",\"time\":0"), (Some(true), true));
    assert_eq!(judged(""), (Some(false), false));
}
