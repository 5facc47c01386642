//! A memory budget changes how a history is read, never what is said about it.

mod support;

use checker::{Analysis, Context, Options, analyze};
use proptest::prelude::*;
use store::reader::Source;
use store::verdict::Verdict;
use support::history::{Op, What, text};
use support::rng::Rng;
use support::simulate::{Shape, run};

fn analysis(text: &str, memory: Option<u64>) -> Analysis {
    let options = Options { threads: 2, memory, ..Options::default() };
    analyze(Source::bytes(text.as_bytes().to_vec()), &Context::default(), &options).expect("well-formed")
}

/// How often the history was read, if more than once.
fn readings(verdict: &Verdict) -> Option<&String> {
    verdict.notes.iter().find(|note| note.starts_with("the history was read "))
}

/// Without what may differ: times, and how it was read.
fn essence(mut analysis: Analysis) -> (serde_json::Value, serde_json::Value) {
    analysis.verdict.seconds = 0.0;
    for report in &mut analysis.verdict.checkers {
        report.seconds = 0.0;
    }
    analysis.verdict.notes.retain(|note| !note.starts_with("the history was read "));
    let verdict = serde_json::to_value(&analysis.verdict).expect("JSON");
    (verdict, serde_json::to_value(&analysis.series).expect("JSON"))
}

/// Lost, moved, doubled, foreign and misrouted records.
fn damage(ops: &mut [Op], rng: &mut Rng) {
    for op in ops.iter_mut() {
        let What::Poll(polled) = &mut op.what else { continue };
        for (_, records) in polled.iter_mut() {
            if records.is_empty() || !rng.chance(20) {
                continue;
            }
            let place = rng.below(records.len() as u64) as usize;
            let sent: u64 = rng.below(100);
            match rng.below(5) {
                0 => drop(records.remove(place)),
                1 => records[place].1 = records[0].1,
                2 => records[place].1 = Some(900_000 + sent),
                3 => records[place].1 = None,
                // Most likely one of another partition.
                _ => records[place].1 = Some(sent),
            }
        }
    }
}

/// Judges within several budgets; how many of them made groups that covered everything.
fn same_within_any_budget(text: &str) -> usize {
    let whole = analysis(text, None);
    assert_eq!(readings(&whole.verdict), None);
    let whole = essence(whole);
    let mut grouped = 0;
    for budget in (10..20).flat_map(|power| [1_u64 << power, 3 << (power - 1)]) {
        let bounded = analysis(text, Some(budget));
        let Some(note) = readings(&bounded.verdict) else { continue };
        if bounded.verdict.unknown_because.iter().any(|why| why.contains("memory budget")) {
            continue;
        }
        grouped += usize::from(!note.contains("1 group "));
        assert_eq!(essence(bounded), whole, "with {budget} bytes");
    }
    grouped
}

fn cases() -> u32 {
    std::env::var("TRIBUNAL_ORACLE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn groups_say_what_the_whole_says(seed in any::<u64>(), partitions in 2_u64..9, damaged in any::<bool>()) {
        let shape = Shape { partitions, sends: 120, ..Shape::small(seed) };
        let mut ops = run(shape).ops;
        if damaged {
            damage(&mut ops, &mut Rng(seed | 1));
        }
        same_within_any_budget(&text(&ops));
    }
}

#[test]
fn a_budget_makes_groups_and_names_where_a_misrouted_value_came_from() {
    let mut grouped = 0;
    let mut misrouted = 0;
    for seed in 1..40 {
        let shape = Shape { partitions: 6, sends: 200, ..Shape::small(seed) };
        let mut ops = run(shape).ops;
        damage(&mut ops, &mut Rng(seed));
        let text = text(&ops);
        grouped += same_within_any_budget(&text);
        let verdict = analysis(&text, None).verdict;
        let examples = verdict.anomalies.get("unexpected").map(|a| a.examples.as_slice()).unwrap_or_default();
        misrouted += examples.iter().filter(|e| e.details.contains_key("sent_to")).count();
    }
    assert!(grouped > 20, "only {grouped} of the budgets made several groups");
    assert!(misrouted > 10, "only {misrouted} values were misrouted");
}

#[test]
fn completions_that_speak_of_other_partitions_survive_groups() {
    let mut lines = Vec::new();
    for n in 0..400 {
        let (process, key, other) = (n % 7, n % 5, (n + n / 9) % 5);
        lines.push(format!(
            r#"{{"time":{},"process":{process},"type":"invoke","f":"send","value":[["send","t-{key}",{n}]]}}"#,
            10 * n
        ));
        if n % 11 == 0 {
            // Its outcome stays open; the process goes on all the same.
            continue;
        }
        lines.push(format!(
            r#"{{"time":{},"process":{process},"type":"ok","f":"send","value":[["send","t-{other}",[{n},{n}]]]}}"#,
            10 * n + 5
        ));
    }
    assert!(same_within_any_budget(&lines.join("\n")) > 0);
}

#[test]
fn a_partition_that_fits_nowhere_is_named() {
    let mut text = String::new();
    for n in 0..3000 {
        let key = if n % 100 == 0 { 1 } else { 0 };
        for (op_type, value) in [("invoke", format!("{n}")), ("ok", format!("[{n},{n}]"))] {
            text += &format!(
                "{{\"time\":{n},\"process\":1,\"type\":\"{op_type}\",\"f\":\"send\",\"value\":[[\"send\",\"t-{key}\",{value}]]}}\n"
            );
        }
    }
    let verdict = analysis(&text, Some(20_000)).verdict;
    let why = verdict.unknown_because.join("; ");
    assert!(why.contains("t-0: its rows alone take up to") && !why.contains("t-1:"), "{why}");
}
