//! Speed of the checks of transactions: 1 M transactions of four micro-operations, clean and with 1 % of them in
//! cycles, beside the target of 5 s. `cargo bench -p checker --bench transactions [-- N]` takes N transactions.

use std::fmt::Write;
use std::time::Instant;

use checker::{Context, Options, analyze};
use store::reader::Source;
use store::verdict::Verdict;

const KEYS: usize = 64;
const PROCESSES: usize = 32;
/// Every so many transactions, one pair of them is in a cycle: 1 %.
const CYCLE_EVERY: usize = 200;
/// The checks of transactions, as a verdict names them.
const CHECKS: [&str; 5] = ["atomicity", "commits", "open transactions", "interleaving", "cycles"];

fn main() {
    let n = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    println!("{:10} {:>12} {:>10} {:>10} {:>10}   target", "", "transactions", "checks", "all", "cycles");
    for (name, cyclic) in [("clean", false), ("1 % cyclic", true)] {
        let text = history(n, cyclic);
        let began = Instant::now();
        let source = Source::bytes(text);
        let verdict =
            analyze(source, &Context::default(), &Options::default()).expect("a good history").verdict;
        let all = began.elapsed().as_secs_f64();
        let checks: f64 =
            verdict.checkers.iter().filter(|c| CHECKS.contains(&c.name.as_str())).map(|c| c.seconds).sum();
        let found = verdict.anomalies.get("G0").map_or(0, |anomaly| anomaly.count);
        expect(&verdict, found, if cyclic { n.div_ceil(CYCLE_EVERY) as u64 } else { 0 });
        println!("{name:10} {n:>12} {checks:>8.2} s {all:>8.2} s {found:>10}   checks within 5 s for 1 M");
    }
}

/// A benchmark of a wrong answer is worth nothing.
fn expect(verdict: &Verdict, found: u64, planted: u64) {
    // A pair that the end cuts off is none.
    assert!(
        found == planted || found + 1 == planted,
        "{found} cycles of {planted}: {:?}",
        verdict.anomalies.keys()
    );
    let forbidden: Vec<_> =
        verdict.anomalies.iter().filter(|(_, a)| !a.allowed).map(|(kind, _)| kind).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
}

/// Transactions of two sends and two polls, one begun every 10 ns and each 300 ns long; each process reads two keys,
/// up to what was committed long before. In the end a consume-all pass of committed records.
fn history(n: usize, cyclic: bool) -> Vec<u8> {
    let mut logs: Vec<Vec<usize>> = vec![Vec::new(); KEYS];
    // The offsets of each transaction's two sends.
    let mut at = vec![[0_usize; 2]; n];
    let keys = |i: usize| {
        let i = if cyclic && i % CYCLE_EVERY == 1 { i - 1 } else { i };
        [i % KEYS, (i * 7 + 1 + (i % 2) * 31) % KEYS]
    };
    let append = |logs: &mut Vec<Vec<usize>>, i: usize, send: usize| {
        let log = &mut logs[keys(i)[send]];
        log.push(i * 2 + send);
        log.len() - 1
    };
    let mut i = 0;
    while i < n {
        let pair = cyclic && i % CYCLE_EVERY == 0 && i + 1 < n;
        if pair {
            at[i][0] = append(&mut logs, i, 0);
            at[i + 1] = [append(&mut logs, i + 1, 0), append(&mut logs, i + 1, 1)];
            at[i][1] = append(&mut logs, i, 1);
            i += 2;
        } else {
            at[i] = [append(&mut logs, i, 0), append(&mut logs, i, 1)];
            i += 1;
        }
    }
    let mut text = String::new();
    let mut read = [0_usize; KEYS];
    // What was there 40 transactions ago, by key.
    let mut there = [0_usize; KEYS];
    for step in 0..n + 31 {
        if step >= 40 && step - 40 < n {
            for (send, key) in keys(step - 40).into_iter().enumerate() {
                there[key] = there[key].max(at[step - 40][send] + 1);
            }
        }
        if step >= 30 && step - 30 < n {
            let i = step - 30;
            let [a, b] = keys(i);
            let process = i % PROCESSES;
            let _ = write!(
                text,
                r#"{{"time":{},"process":{process},"type":"ok","f":"txn","value":[["send","t-{a}",[{},{}]],["send","t-{b}",[{},{}]]"#,
                step * 10,
                at[i][0],
                i * 2,
                at[i][1],
                i * 2 + 1
            );
            for key in [process * 2, process * 2 + 1] {
                let records = &logs[key][read[key]..there[key].max(read[key])];
                let _ = write!(text, r#",["poll",{{"t-{key}":{}}}]"#, pairs(read[key], records));
                read[key] += records.len();
            }
            text.push_str("],\"isolation\":\"read-committed\"}\n");
        }
        if step < n {
            let [a, b] = keys(step);
            let process = step % PROCESSES;
            let _ = writeln!(
                text,
                r#"{{"time":{},"process":{process},"type":"invoke","f":"txn","value":[["send","t-{a}",{}],["send","t-{b}",{}],["poll"],["poll"]]}}"#,
                step * 10 + 1,
                step * 2,
                step * 2 + 1
            );
        }
    }
    pass(&mut text, &logs, (n + 100) * 10);
    text.into_bytes()
}

fn pairs(first: usize, values: &[usize]) -> String {
    let all: Vec<String> = values.iter().enumerate().map(|(i, v)| format!("[{},{v}]", first + i)).collect();
    format!("[{}]", all.join(","))
}

fn pass(text: &mut String, logs: &[Vec<usize>], mut time: usize) {
    let mut event = |op: &str, f: &str, value: String, more: &str| {
        time += 10;
        let _ = writeln!(
            text,
            r#"{{"time":{time},"process":1000,"type":"{op}","f":"{f}","value":{value},"isolation":"read-committed","final":true{more}}}"#
        );
    };
    let bounds: Vec<String> = logs
        .iter()
        .enumerate()
        .map(|(k, log)| format!(r#""t-{k}":{{"start":0,"end":{}}}"#, log.len()))
        .collect();
    event("invoke", "offsets", "null".into(), "");
    event("ok", "offsets", format!("{{{}}}", bounds.join(",")), "");
    for (key, log) in logs.iter().enumerate() {
        for (n, part) in log.chunks(1000).enumerate() {
            event("invoke", "poll", r#"[["poll"]]"#.into(), "");
            let records = pairs(n * 1000, part);
            let position = format!(r#","position":{{"t-{key}":{}}}"#, n * 1000 + part.len());
            event("ok", "poll", format!(r#"[["poll",{{"t-{key}":{records}}}]]"#), &position);
        }
    }
}
