//! A history in one line, for tests.
//!
//! Operations stand one after the other, separated by `;`, each after the one before it has returned:
//!
//! - `p1 s5@10`: process 1 sends value 5 and is told offset 10; `s5` is told none, `s5?` does not know,
//!   `s5!` certainly failed, `s5~` asked for no acknowledgement, `s5...` never returned
//! - `p1 s5(` begins and `p1 )@10`, `p1 )?` ... ends later
//! - `c7 r0:5,6,7`: process 7 polls values 5, 6 and 7 from offset 0 on; `r0:5 r3:6` jumps within the poll;
//!   `x` is a damaged record; `r` reads nothing
//! - `c7 assign`, `c7 seek` ...
//! - `end 0..3`: the consume-all pass learns the log's bounds; `f9 r0:5,6,7` polls for it, at position 3;
//!   `pos=9` names another position, and that of an `assign` or a `seek`; `log 2..3`: somebody else asks for bounds
//! - a word `t-1:` in front moves an operation to another partition than `t-0`; `#4.17` gives client and call

use std::collections::{BTreeMap, HashMap};

use super::history::{Op, Outcome, What};

/// Operations from the notation.
///
/// # Panics
/// If it cannot be understood: a test is wrong.
pub fn ops(text: &str) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut open: HashMap<u32, usize> = HashMap::new();
    let mut now = 0;
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        now += 1_000_000;
        let mut words: Vec<&str> = part.split_whitespace().collect();
        let mut key = "t-0".to_owned();
        if let Some(word) = words[0].strip_suffix(':') {
            key = word.to_owned();
            words.remove(0);
        }
        if words[0] == "end" || words[0] == "log" {
            let (start, end) = words[1].split_once("..").unwrap_or_else(|| panic!("no bounds: {part}"));
            let bounds = BTreeMap::from([(key, (number(start), number(end)))]);
            let mut op = Op::new(900, What::Offsets(bounds), now, now + 500_000, Outcome::Ok);
            op.final_pass = words[0] == "end";
            ops.push(op);
            continue;
        }
        let (role, process) = words[0].split_at(1);
        let process = process.parse().unwrap_or_else(|_| panic!("no process: {part}"));
        if let Some(end) = words[1].strip_prefix(')') {
            let op: &mut Op = &mut ops[open.remove(&process).unwrap_or_else(|| panic!("not open: {part}"))];
            op.completed = Some(now);
            outcome(op, end);
            continue;
        }
        let mut op = Op::new(process, What::Move("assign"), now, now + 500_000, Outcome::Ok);
        op.final_pass = role == "f";
        if let Some(word) = words.iter().position(|w| w.starts_with('#')) {
            let (client, seq) = words.remove(word)[1..].split_once('.').expect("client and call");
            (op.client, op.seq) = (Some(number(client) as u32), Some(number(seq) as u64));
        }
        if !words[1].starts_with('r')
            && let Some(at) = words.last().and_then(|word| word.strip_prefix("pos="))
        {
            op.position.insert(key.clone(), number(at));
        }
        match words[1] {
            "assign" => op.what = What::Move("assign"),
            "seek" => op.what = What::Move("seek"),
            "subscribe" => op.what = What::Move("subscribe"),
            "rebalance" => op.what = What::Move("rebalance"),
            word if word.starts_with('r') => poll(&mut op, &key, &words[1..]),
            word => {
                let word = word.strip_prefix('s').unwrap_or_else(|| panic!("what is {word}? {part}"));
                let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
                op.what = What::Send(key, number(&word[..digits]) as u64, None);
                match &word[digits..] {
                    "(" => {
                        op.completed = None;
                        op.outcome = Outcome::Info;
                        open.insert(process, ops.len());
                    }
                    end => outcome(&mut op, end),
                }
            }
        }
        ops.push(op);
    }
    ops
}

fn outcome(op: &mut Op, end: &str) {
    op.outcome = Outcome::Ok;
    match end {
        "" => {}
        "?" => op.outcome = Outcome::Info,
        "!" => op.outcome = Outcome::Fail,
        "~" => op.unacked = true,
        "..." => {
            op.outcome = Outcome::Info;
            op.completed = None;
        }
        offset => {
            let offset = number(offset.strip_prefix('@').unwrap_or_else(|| panic!("what is {offset}?")));
            let What::Send(_, _, at) = &mut op.what else { panic!("only a send has an offset") };
            *at = Some(offset);
        }
    }
}

fn poll(op: &mut Op, key: &str, words: &[&str]) {
    let mut records = Vec::new();
    let mut position = None;
    for word in words {
        if let Some(at) = word.strip_prefix("pos=") {
            position = Some(number(at));
            continue;
        }
        if *word == "?" {
            op.outcome = Outcome::Info;
            continue;
        }
        let word = word.strip_prefix('r').unwrap_or_else(|| panic!("what is {word}?"));
        let Some((first, values)) = word.split_once(':') else { continue };
        for (i, value) in values.split(',').enumerate() {
            records.push((number(first) + i as i64, (value != "x").then(|| number(value) as u64)));
        }
    }
    if op.final_pass {
        let read = records.iter().map(|(offset, _)| offset.saturating_add(1)).max();
        op.position.extend(position.or(read).map(|position| (key.to_owned(), position)));
    }
    op.what = What::Poll(vec![(key.to_owned(), records)]);
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}
