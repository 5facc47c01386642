//! What a correct cluster and its clients may do, line by line, and a verdict once called an anomaly. Each stands beside
//! a twin that is one.

use checker::{Context, Options, analyze};
use store::reader::Source;
use store::run_meta::Terms;
use store::verdict::Verdict;

/// Values 1, 2 and 3, acknowledged one after the other at offsets 0, 1 and 2.
const SENT: [&str; 6] = [
    r#"{"time":1,"process":0,"type":"invoke","f":"send","value":[["send","t-0",1]]}"#,
    r#"{"time":2,"process":0,"type":"ok","f":"send","value":[["send","t-0",[0,1]]]}"#,
    r#"{"time":3,"process":0,"type":"invoke","f":"send","value":[["send","t-0",2]]}"#,
    r#"{"time":4,"process":0,"type":"ok","f":"send","value":[["send","t-0",[1,2]]]}"#,
    r#"{"time":5,"process":0,"type":"invoke","f":"send","value":[["send","t-0",3]]}"#,
    r#"{"time":6,"process":0,"type":"ok","f":"send","value":[["send","t-0",[2,3]]]}"#,
];

/// A history that goes on from time 10, a line a step.
#[derive(Clone)]
struct History {
    lines: Vec<String>,
    time: u64,
}

impl History {
    fn new(begin: &[&str]) -> History {
        History { lines: begin.iter().map(|line| (*line).to_owned()).collect(), time: 10 }
    }

    /// An operation whose ends differ in their values, with the same further fields.
    fn op(mut self, process: u32, f: &str, asked: &str, ended: &str, told: &str, more: &str) -> History {
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        for (word, value) in [("invoke", asked), (ended, told)] {
            let time = self.time;
            self.lines.push(format!(
                r#"{{"time":{time},"process":{process},"type":"{word}","f":"{f}","value":{value}{more}}}"#
            ));
            self.time += 1;
        }
        self
    }

    fn poll(self, process: u32, records: &str, more: &str) -> History {
        let read = format!(r#"[["poll",{{"t-0":{records}}}]]"#);
        self.op(process, "poll", r#"[["poll"]]"#, "ok", &read, more)
    }

    fn did(self, process: u32, f: &str, value: &str, more: &str) -> History {
        self.op(process, f, value, "ok", value, more)
    }

    fn verdict(&self, terms: Terms) -> Verdict {
        let source = Source::bytes(format!("{}\n", self.lines.join("\n")).into_bytes());
        let context = Context { terms, ..Context::default() };
        analyze(source, &context, &Options::default()).expect("a well-formed history").verdict
    }

    /// The forbidden kinds that were found, or else the verdict.
    fn judged(&self) -> String {
        let verdict = self.verdict(Terms::default());
        let found = verdict.anomalies.iter().filter(|(_, a)| !a.allowed && a.count > 0);
        let kinds: Vec<&str> = found.map(|(kind, _)| kind.as_str()).collect();
        if kinds.is_empty() { verdict.validity.to_string() } else { kinds.join(" ") }
    }
}

#[test]
fn who_was_moved_over_a_place_did_not_go_over_it() {
    let begun = History::new(&SENT).poll(5, "[[0,1]]", "");
    let revoked = r#"{"revoked":["t-0"],"assigned":["t-0"]}"#;
    for (f, value) in [("seek", r#"{"t-0":2}"#), ("rebalance", revoked), ("seek", "null")] {
        let moved = begun.clone().did(5, f, value, "").poll(5, "[[2,3]]", "");
        assert_eq!(moved.judged(), "UNKNOWN", "{f} {value}: nobody read value 2, and nobody looked");
    }
    let log = r#""rebalance-log":[{"keys":["t-0"]}]"#;
    assert_eq!(begun.clone().poll(5, "[[2,3]]", log).judged(), "UNKNOWN");
    let elsewhere = begun.clone().did(5, "seek", r#"{"t-1":2}"#, "").poll(5, "[[2,3]]", "");
    for skipped in [begun.poll(5, "[[2,3]]", ""), elsewhere] {
        assert_eq!(skipped.judged(), "lost-write");
    }
}

#[test]
fn a_copy_that_was_read_may_not_be_the_first() {
    let send = |history: History, value: u32, offset: &str| {
        let asked = format!(r#"[["send","t-0",{value}]]"#);
        let told = format!(r#"[["send","t-0",[{offset},{value}]]]"#);
        history.op(0, "send", &asked, "ok", &told, "")
    };
    let sent = send(send(send(History::new(&[]), 1, "0"), 2, "null"), 3, "3");
    // The log is 1, 2, 1 again, 3: the copy at offset 2 says nothing of what came before it.
    let from_two = sent.clone().poll(5, "[[2,1],[3,3]]", "");
    assert_eq!(from_two.judged(), "UNKNOWN");
    let idempotent = Terms { idempotent: Some(true), ..Terms::default() };
    assert_eq!(from_two.verdict(idempotent).anomalies["lost-write"].count, 1, "there are no copies");
    let from_zero = sent.poll(5, "[[0,1],[1,3]]", "");
    assert_eq!(from_zero.judged(), "lost-write");
}

#[test]
fn a_copy_below_the_surviving_log_is_the_first_one() {
    let begin = [
        SENT[0],
        SENT[1],
        r#"{"time":3,"process":1,"type":"invoke","f":"send","value":[["send","t-0",5]]}"#,
        r#"{"time":4,"process":1,"type":"ok","f":"send","value":[["send","t-0",[1,5]]]}"#,
    ];
    let end = |history: History, start: u32, position: &str, records: &str| {
        let bounds = format!(r#"{{"t-0":{{"start":{start},"end":3}}}}"#);
        let asked = history.op(9, "offsets", "null", "ok", &bounds, r#""final":true"#);
        let assigned = format!(r#""final":true,"position":{{"t-0":{position}}}"#);
        let assigned = asked.did(9, "assign", r#"["t-0"]"#, &assigned);
        assigned.poll(9, records, r#""final":true,"position":{"t-0":3}"#)
    };
    let copied = History::new(&begin).poll(5, "[[0,1],[1,5],[2,1]]", "");
    let removed = end(copied.clone(), 1, "1", "[[1,5],[2,1]]");
    assert!(
        !removed.verdict(Terms::default()).anomalies.contains_key("stale-append"),
        "retention took the first"
    );
    let left_out = end(copied, 0, "1", "[[1,5],[2,1]]");
    assert!(
        !left_out.verdict(Terms::default()).anomalies.contains_key("stale-append"),
        "the pass left it out"
    );
    let swapped = end(History::new(&begin), 0, "0", "[[1,5],[2,1]]");
    assert_eq!(swapped.judged(), "stale-append");
}

#[test]
fn a_client_is_one_reader_whoever_polls_it() {
    let client = r#""client":9"#;
    let begun = History::new(&SENT).poll(5, "[[0,1]]", client);
    let whole = begun.clone().poll(6, "[[1,2]]", client).poll(5, "[[2,3]]", client);
    assert_eq!(whole.judged(), "VALID");
    let skips = begun.poll(6, "[[2,3]]", client).poll(7, "[[1,2]]", "");
    assert_eq!(skips.judged(), "poll-skip");
    // Two polls of one client at once: nobody knows which came first.
    let both = |line: &str| line.replace("TIME", "\"time\":30");
    let mut at_once = History::new(&SENT);
    for line in [
        r#"{TIME,"process":5,"client":9,"type":"invoke","f":"poll","value":[["poll"]]}"#,
        r#"{TIME,"process":6,"client":9,"type":"invoke","f":"poll","value":[["poll"]]}"#,
        r#"{TIME,"process":5,"client":9,"type":"ok","f":"poll","value":[["poll",{"t-0":[[2,3]]}]]}"#,
        r#"{TIME,"process":6,"client":9,"type":"ok","f":"poll","value":[["poll",{"t-0":[[0,1],[1,2]]}]]}"#,
    ] {
        at_once.lines.push(both(line));
    }
    assert_eq!(at_once.judged(), "VALID");
}

#[test]
fn a_send_that_failed_with_its_transaction_may_be_seen_by_who_reads_uncommitted() {
    let history = |fail: &str, other: &str, isolation: &str| {
        let txn = |outcome: &str| format!(r#""txn":{{"id":"a"{outcome}}}"#);
        let value = r#"[["send","t-0",1]]"#;
        let begun = History::new(&[]).op(0, "send", value, "fail", value, &txn(fail));
        let begun = match other {
            "" => begun,
            outcome => {
                let told =
                    if outcome == "ok" { r#"[["send","t-0",[1,4]]]"# } else { r#"[["send","t-0",4]]"# };
                begun.op(1, "send", r#"[["send","t-0",4]]"#, outcome, told, &txn(""))
            }
        };
        let sent = begun.op(0, "send", r#"[["send","t-0",2]]"#, "ok", r#"[["send","t-0",[2,2]]]"#, "");
        let fourth = if other == "ok" { ",[1,4]" } else { "" };
        let records = format!("[[0,1]{fourth},[2,2]]");
        sent.poll(5, &records, &format!(r#""isolation":"{isolation}""#)).judged()
    };
    for outcome in ["", r#","outcome":"abort""#] {
        assert_eq!(history(outcome, "", "read-uncommitted"), "VALID", "{outcome}");
        assert_eq!(history(outcome, "", "read-committed"), "G1a", "{outcome}");
    }
    assert_eq!(history("", "fail", "read-uncommitted"), "VALID");
    assert_eq!(history("", "ok", "read-uncommitted"), "resurrected", "refused, while the rest committed");
}

#[test]
fn who_may_be_in_a_group_excuses_and_does_not_accuse() {
    let observer = r#""client":7"#;
    let member = r#""client":5"#;
    let joined = |history: History| history.did(5, "subscribe", r#"["t"]"#, r#""client":5,"group":"g""#);
    let commits =
        |history: History| history.poll(5, "[[2,3]]", member).did(5, "commit", r#"{"t-0":3}"#, member);
    let read_by_all = |history: History| history.poll(7, "[[1,2],[2,3]]", observer);
    let observed = read_by_all(commits(joined(History::new(&SENT).poll(7, "[[0,1]]", observer))));
    assert_eq!(observed.judged(), "VALID", "the group began at the end");
    let began = read_by_all(commits(joined(History::new(&SENT)).poll(5, "[[0,1]]", member).did(
        5,
        "seek",
        r#"{"t-1":0}"#,
        member,
    )));
    assert!(began.judged().contains("group-skip"), "{}", began.judged());
}

#[test]
fn who_is_perhaps_in_a_group_is_not_alone() {
    let subscribe = |history: History, client: u32, ended: &str| {
        history.op(
            client,
            "subscribe",
            r#"["t"]"#,
            ended,
            r#"["t"]"#,
            &format!(r#""client":{client},"group":"g""#),
        )
    };
    let polls = |history: History| {
        let first = history.poll(105, "[[0,1]]", r#""client":5"#);
        first.poll(6, "[[1,2]]", r#""client":6"#).poll(105, "[[2,3]]", r#""client":5"#)
    };
    for ended in ["ok", "info"] {
        let history = subscribe(subscribe(History::new(&SENT), 5, ended), 6, "ok");
        assert_eq!(polls(history).judged(), "VALID", "{ended}");
    }
    let assigned = subscribe(History::new(&SENT), 6, "ok").did(105, "assign", r#"["t-0"]"#, r#""client":5"#);
    assert_eq!(polls(assigned).judged(), "poll-skip", "it is in none");
}
