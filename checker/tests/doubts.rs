//! What the state of the cluster before the consume-all pass leaves open: each verdict beside its twin on a cluster that
//! was healthy.

mod support;

use std::collections::BTreeMap;

use checker::Context;
use store::run_meta::{Doubts, Terms};
use support::notation::ops;
use support::observe::{judge, told};

fn under(doubts: Doubts, notation: &str) -> String {
    told(&ops(notation), &Context { terms: Terms { doubts, ..Terms::default() }, ..Context::default() })
}

fn of(key: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), "for this reason".to_owned())])
}

/// Readers see the log up to here, and its leader may hold more.
fn open_tail() -> Doubts {
    Doubts { tails: of("t-0"), ..Doubts::default() }
}

fn disputed() -> Doubts {
    Doubts { leaders: of("t-0"), ..Doubts::default() }
}

#[test]
fn what_was_acknowledged_above_a_high_watermark_that_lags_is_not_known_to_be_lost() {
    let cut_short = "p1 s1@0; p1 s2@1; p1 s3@2; end 0..1; f9 r0:1";
    assert_eq!(under(open_tail(), cut_short), "UNKNOWN unseen[2 3]");
    assert_eq!(judge(cut_short), "INVALID lost-write[2 3]");
    let without_offset = "p1 s1@0; p1 s2; end 0..1; f9 r0:1";
    assert_eq!(under(open_tail(), without_offset), "UNKNOWN unseen[2]");
    assert_eq!(judge(without_offset), "INVALID lost-write[2]");
}

#[test]
fn an_open_tail_excuses_nothing_below_it() {
    let elsewhere = Doubts { tails: of("t-1"), ..Doubts::default() };
    assert_eq!(under(elsewhere, "p1 s1@0; p1 s2@1; end 0..1; f9 r0:1"), "INVALID lost-write[2]");
    assert_eq!(
        under(open_tail(), "p1 s1@0; p1 s2@1; p1 s3@2; end 0..3; f9 r0:1 r2:3"),
        "INVALID lost-write[2]",
        "its place was gone over"
    );
    assert_eq!(
        under(open_tail(), "p1 s1@0; p1 s2@1; p2 s3@1; end 0..2; f9 r0:1,3"),
        "INVALID lost-write[2]",
        "another record stands there"
    );
    assert_eq!(under(open_tail(), "p1 s1@0; p1 s2@1; end 0..2; f9 r0:1,2"), "VALID", "everything was read");
    assert_eq!(under(open_tail(), "p1 s1@0; p1 s2?; end 0..1; f9 r0:1"), "VALID", "info may be absent");
    assert_eq!(
        under(open_tail(), "p1 s1@0; p1 s2~; end 0..1; f9 r0:1"),
        "VALID",
        "what acks=0 lost is not known either"
    );
}

#[test]
fn who_reads_from_a_leader_that_may_be_none_proves_no_loss() {
    for notation in ["p1 s1@0; p1 s2@1; end 0..1; f9 r0:1", "p1 s1@0; p1 s2@1; end 0..0; c7 r0:1"] {
        let told = under(disputed(), notation);
        assert!(told.starts_with("UNKNOWN") && !told.contains("lost-write"), "{notation}: {told}");
    }
    assert_eq!(under(disputed(), "p1 s1@0; end 0..1; f9 r0:1"), "UNKNOWN", "nor that nothing is lost");
    assert_eq!(judge("p1 s1@0; end 0..1; f9 r0:1"), "VALID");
}

#[test]
fn a_cluster_that_is_not_healthy_is_judged_valid_by_no_pass() {
    let sick = || Doubts { unhealthy: vec!["t-0: 2 of 3 replicas in sync".into()], ..Doubts::default() };
    assert_eq!(under(sick(), "p1 s1@0; end 0..1; f9 r0:1"), "UNKNOWN");
    assert_eq!(under(sick(), "p1 s1@0; p1 s2@1; p1 s3@2; end 0..3; f9 r0:1 r2:3"), "INVALID lost-write[2]");
}

fn asked(faults: u32) -> Terms {
    Terms { faults_asked: Some(faults), ..Terms::default() }
}

/// The validity of a history that begins with these lines of the nemesis and loses nothing, and why it is unknown.
fn under_faults(nemesis: String, terms: Terms) -> (String, String) {
    let text = nemesis + &support::history::text(&ops("p1 s1@0; end 0..1; f9 r0:1"));
    let context = Context { terms, ..Context::default() };
    let source = store::reader::Source::bytes(text.into_bytes());
    let analysis = checker::analyze(source, &context, &checker::Options::default()).expect("a history");
    (analysis.verdict.validity.to_string(), analysis.verdict.unknown_because.join("; "))
}

#[test]
fn a_run_whose_faults_did_not_all_bite_is_not_the_one_that_was_asked_for() {
    let fault = |number: u32, bit: bool| {
        let told = format!(r#"{{"label":"kill","nodes":["kafka-1"],"bit":{bit},"evidence":""}}"#);
        format!(
            "{{\"time\":{number},\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"kill\",\"value\":{told},\"fault\":{number}}}\n"
        )
    };
    let judged = |bits: &[bool], terms: Terms| {
        under_faults((1..).zip(bits).map(|(number, bit)| fault(number, *bit)).collect(), terms)
    };
    assert_eq!(judged(&[true, true], asked(2)).0, "VALID");
    let (validity, why) = judged(&[true, false], asked(2));
    assert!(validity == "UNKNOWN" && why.contains("2 faults and 1 of them"), "{why}");
    assert_eq!(judged(&[true], asked(2)).0, "UNKNOWN", "one never struck");
    assert_eq!(judged(&[true, false], Terms { faults_drawn: true, ..asked(2) }).0, "VALID");
    assert_eq!(judged(&[false, false], Terms { faults_drawn: true, ..asked(2) }).0, "UNKNOWN");
    assert_eq!(judged(&[true, false], Terms::default()).0, "VALID", "an import asked for nothing");
}

#[test]
fn a_fault_that_waited_in_vain_did_not_try_what_it_was_for() {
    let judged = |unmet: &str| {
        let told =
            format!(r#"{{"label":"isolate t-0","nodes":["b"],"bit":true,"evidence":"12 packets"{unmet}}}"#);
        let heal = format!(
            "{{\"time\":9,\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"heal\",\"value\":{told},\"fault\":1}}\n"
        );
        under_faults(heal, asked(1))
    };
    assert_eq!(judged("").0, "VALID");
    let (validity, why) = judged(r#","unmet":"nobody else led t-0 within 120 s""#);
    assert!(validity == "UNKNOWN" && why.contains("nobody else led t-0 within 120 s"), "{why}");
}

#[test]
fn a_history_that_is_shorter_than_what_was_recorded_is_unknown() {
    let judged = |lines| {
        let terms = Terms { lines: Some(lines), ..Terms::default() };
        told(&ops("p1 s1@0; end 0..1; f9 r0:1"), &Context { terms, ..Context::default() })
    };
    let lines = support::history::text(&ops("p1 s1@0; end 0..1; f9 r0:1")).lines().count() as u64;
    assert_eq!(judged(lines), "VALID");
    assert_eq!(judged(lines + 2), "UNKNOWN");
}

#[test]
fn sends_that_were_never_made_are_told() {
    let notes = |unsent| {
        let terms = Terms { unsent: Some(unsent), ..Terms::default() };
        let context = Context { terms, ..Context::default() };
        support::observe::analysis(&ops("p1 s1@0; end 0..1; f9 r0:1"), &context).verdict.notes.join("; ")
    };
    assert!(notes(7).contains("7 sends of the schedule were never made"), "{}", notes(7));
    assert!(!notes(0).contains("schedule"), "{}", notes(0));
}
