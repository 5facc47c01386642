//! Whole texts against golden files in `tests/golden/`. `UPDATE_GOLDEN=1 cargo test -p results` writes them anew;
//! read the difference before committing it.

#[path = "text/verdicts.rs"]
mod verdicts;

use std::collections::BTreeMap;
use std::path::PathBuf;

use results::{
    ReportStyle, RunFile, RunRow, anomaly_text, guarantee_text, ls_text, run_text, verdict_text,
    witness_lines,
};
use store::verdict::Verdict;

#[track_caller]
fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs from what is printed now", path.display());
}

fn next() -> Vec<(String, String)> {
    vec![
        ("tribunal serve --open".into(), "the timeline opens at line 402,118".into()),
        ("tribunal run runs/latest/scenario.toml --seed 7f3a19".into(), String::new()),
    ]
}

fn report(verdict: &Verdict) -> String {
    verdict_text(verdict, &ReportStyle::default(), &next())
}

#[test]
fn a_valid_verdict() {
    golden("valid.txt", &report(&verdicts::valid()));
}

#[test]
fn an_invalid_verdict_of_two_kinds_with_a_consequence_and_an_allowed_kind() {
    golden("invalid.txt", &report(&verdicts::invalid()));
}

#[test]
fn the_same_on_a_narrow_terminal_with_colour() {
    let style = ReportStyle { color: true, width: 60, max_examples: 1, ..ReportStyle::default() };
    golden("invalid-narrow-colour.txt", &verdict_text(&verdicts::invalid(), &style, &next()));
}

#[test]
fn an_unknown_verdict_says_why_and_what_was_not_covered() {
    golden("unknown.txt", &report(&verdicts::unknown()));
}

#[test]
fn a_vacuous_verdict() {
    golden("vacuous.txt", &report(&verdicts::vacuous()));
}

#[test]
fn expectations_met_and_unmet_and_the_mock_s_caveat() {
    golden("expectation-met.txt", &report(&verdicts::expected(true)));
    golden("expectation-unmet.txt", &report(&verdicts::expected(false)));
}

#[test]
fn the_guarantee_as_a_table() {
    golden("guarantee.txt", &guarantee_text(&verdicts::invalid(), &ReportStyle::default()));
}

#[test]
fn what_a_group_consumed_is_told() {
    let mut verdict = verdicts::valid();
    let times = [(1, 1_200), (2, 3), (5, 1)].into();
    let groups = [("billing".to_owned(), times)].into();
    verdict.consumed = Some(store::verdict::Consumed { groups, ..Default::default() });
    let told = "by group \"billing\": 1,200 records once, 3 records twice, 1 record 5 times";
    assert!(report(&verdict).contains(told), "{}", report(&verdict));
}

#[test]
fn runs_in_a_table() {
    let mut rows = vec![
        RunRow::new(&verdicts::run(), Some(&verdicts::invalid())),
        RunRow::new(&verdicts::run(), Some(&verdicts::expected(true))),
        RunRow::new(&verdicts::run(), Some(&verdicts::valid())),
    ];
    rows.push(RunRow {
        id: "20261121T101500Z-beef".into(),
        status: "unreadable".into(),
        ..RunRow::default()
    });
    golden("ls.txt", &ls_text(&rows, &ReportStyle::default()));
    assert_eq!(ls_text(&[], &ReportStyle::default()), "no runs yet: tribunal run makes one\n");
}

#[test]
fn one_run_in_full() {
    let file = |name: &str, files, bytes| RunFile { name: name.to_owned(), files, bytes };
    let files = [
        file("history.jsonl.zst", None, 48_211_904),
        file("verdict.json", None, 9120),
        file("plots", Some(5), 312_400),
    ];
    let style = ReportStyle::default();
    golden("show.txt", &run_text(&verdicts::run(), Some(&verdicts::valid()), &files, &style, &next()));
    golden("show-not-analyzed.txt", &run_text(&verdicts::run(), None, &[], &style, &next()));
}

#[test]
fn one_anomaly_in_full_with_the_lines_of_the_history() {
    let verdict = verdicts::invalid();
    assert_eq!(witness_lines(&verdict, 1), [402_118, 1_204_300]);
    let lines = BTreeMap::from([(
        402_118,
        r#"{"index":402117,"time":39204000000,"process":4,"type":"ok","f":"send","value":[["send","t-3",[8812,55102]]]}"#
            .to_owned(),
    )]);
    let text = anomaly_text(&verdict, 1, &lines, false, &ReportStyle::default()).unwrap();
    golden("show-anomaly.txt", &text);
    for number in [0, 99] {
        assert_eq!(anomaly_text(&verdict, number, &lines, false, &ReportStyle::default()), None);
        assert!(witness_lines(&verdict, number).is_empty());
    }
}

#[test]
fn the_numbers_in_the_report_are_those_that_show_takes() {
    let verdict = verdicts::invalid();
    let report = report(&verdict);
    for number in 1..=3 {
        let shown = anomaly_text(&verdict, number, &BTreeMap::new(), false, &ReportStyle::default()).unwrap();
        let sentence = shown.lines().nth(1).unwrap().trim();
        let words: Vec<&str> = sentence.split(' ').take(5).collect();
        assert!(
            report.contains(&format!("#{number} {}", words.join(" "))),
            "#{number}: {sentence}\n{report}"
        );
    }
}

#[test]
fn a_history_cannot_command_the_terminal() {
    let mut verdict = verdicts::invalid();
    verdict.anomalies.get_mut("lost-write").unwrap().examples[0].sentence = "\x1b]0;owned\x07 \x1b[2J".into();
    verdict.notes.push("note\x1b[31m".into());
    verdict.anomalies.insert("bad\x1b[0m".into(), verdict.anomalies["lost-write"].clone());
    assert!(!report(&verdict).contains(['\x1b', '\x07']));
    let run = store::run_meta::RunMeta { test: "\x1b[2Jqueue".into(), ..verdicts::run() };
    assert!(!ls_text(&[RunRow::new(&run, None)], &ReportStyle::default()).contains('\x1b'));
    assert!(!run_text(&run, None, &[], &ReportStyle::default(), &[]).contains('\x1b'));
}

#[test]
fn secrets_never_reach_the_text() {
    let mut run = verdicts::run();
    run.producer.insert("sasl.password".into(), "hunter2".into());
    let text = run_text(&run, None, &[], &ReportStyle::default(), &[]);
    assert!(!text.contains("hunter2") && text.contains("[redacted]"), "{text}");
}
