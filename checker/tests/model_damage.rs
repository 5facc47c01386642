//! Damaged histories: an error or an outcome, never a panic and never a hang.

mod model_notation;

use std::time::Duration;

use checker::model::{Budget, History, ModelKind, check, infer};
use proptest::prelude::*;

/// Histories with something for every model.
const HISTORIES: [&str; 6] = [
    r#"0:write=1 1:cas=[1,2] 0:ok 1:info 2:read 2:ok=2 0:append="x" 0:ok 2:read 2:ok=null"#,
    "0:add=1 1:add=2 0:ok 2:read 1:fail 2:ok=[1,2,[3]] 0:read 0:ok=[]",
    "0:enqueue=1 0:ok 1:dequeue 2:dequeue 1:ok=1 2:ok=null 0:dequeue 0:info",
    "0:append=1 1:append=2 0:ok=[0,1] 1:info 2:read=[1,null] 2:ok=[1,2] 0:end 0:ok=2",
    "0:acquire 0:ok 1:acquire 0:release 1:ok 0:info",
    "0:write=[1,5] 0:ok=[1,5] 1:read=[2,null] 1:ok=[2,null] 0:cas=[1,[5,6]] 0:ok=[1,[5,6]]",
];

fn cases() -> u32 {
    std::env::var("TRIBUNAL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500)
}

/// Reads it, and judges whatever was read by every model.
fn survive(text: &str) {
    let Ok(history) = History::from_json_lines(text) else { return };
    let _ = infer(&history);
    let budget = Budget { time: Duration::from_millis(100), memory_bytes: 1 << 22, ..Budget::default() };
    for kind in ModelKind::ALL {
        let outcome = check(&history, kind, &budget);
        let _ = (outcome.anomaly(), outcome.report(kind, 0.0));
    }
}

#[test]
fn undamaged_they_load() {
    for notation in HISTORIES {
        assert!(!model_notation::history(notation).ops().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_are_changed_lost_and_doubled(
        which in 0..HISTORIES.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 0..6),
    ) {
        let mut text = model_notation::json_lines(HISTORIES[which]).into_bytes();
        for (place, kind, byte) in damage {
            let place = place.index(text.len());
            match kind {
                0 => text[place] = byte % 128,
                1 => drop(text.remove(place)),
                _ => text.insert(place, text[place]),
            }
        }
        survive(&String::from_utf8_lossy(&text));
    }

    #[test]
    fn lines_and_words_are_swapped(
        which in 0..HISTORIES.len(),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
    ) {
        // Words: values go to functions that expect others, completions to other invocations.
        let text = model_notation::json_lines(HISTORIES[which]);
        let mut values: Vec<String> = text.lines().map(str::to_owned).collect();
        for (a, b) in swaps {
            let (a, b) = (a.index(values.len()), b.index(values.len()));
            let value = |line: &str| line.split_once("\"value\":").map(|(head, tail)| (head.to_owned(), tail.to_owned()));
            if let (Some((head_a, tail_a)), Some((head_b, tail_b))) = (value(&values[a]), value(&values[b])) {
                values[a] = format!("{head_a}\"value\":{tail_b}");
                values[b] = format!("{head_b}\"value\":{tail_a}");
            }
        }
        survive(&values.join("\n"));
    }
}

#[test]
fn numbers_at_the_edges() {
    for value in
        ["9223372036854775807", "-9223372036854775808", "1e400", "[9223372036854775807,1]", "[-1,1]", "-0"]
    {
        for f in ["append", "read", "end", "write", "dequeue", "enqueue"] {
            let line = |op_type, value| {
                format!("{{\"process\":0,\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}}}\n")
            };
            survive(&(line("invoke", "1") + &line("ok", value)));
            survive(&(line("invoke", value) + &line("ok", value)));
        }
    }
    let times = "{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"time\":18446744073709551614}\n\
                 {\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":1,\"time\":18446744073709551614}\n";
    survive(times);
}

/// The outcome as a register, or why the history is refused.
fn judged(text: &str) -> Result<String, String> {
    let history = History::from_json_lines(text).map_err(|e| e.to_string())?;
    let outcome = check(&history, ModelKind::Register, &Budget::default());
    Ok(if outcome.anomaly().is_some() { "INVALID" } else { "VALID" }.to_owned())
}

/// What is not known to be the nemesis is an operation, and an operation that is passed over may be the one that counts.
#[test]
fn a_process_is_a_number_or_the_nemesis() {
    let history = |process: &str| {
        format!(
            "{{\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"value\":1}}\n\
             {{\"process\":0,\"type\":\"ok\",\"f\":\"write\",\"value\":1}}\n\
             {{\"process\":{process},\"type\":\"invoke\",\"f\":\"read\",\"value\":null}}\n\
             {{\"process\":{process},\"type\":\"ok\",\"f\":\"read\",\"value\":99}}\n"
        )
    };
    assert_eq!(judged(&history("1")), Ok("INVALID".to_owned()));
    assert_eq!(judged(&history("\"nemesis\"")), Ok("VALID".to_owned()));
    for process in ["\"p1\"", "\"1\"", "\":client-1\"", "null", "true", "[1]", "-1", "1.5", "4294967296"] {
        let why = judged(&history(process)).expect_err(process);
        assert!(why.contains("line 3") && why.contains("\"process\""), "{process}: {why}");
    }
}
