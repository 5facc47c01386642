//! The reduced series of small histories, figure by figure.

mod support;

use checker::{Analysis, Context};
use store::op::OpType;
use store::series::Series;
use store::time::Nanos;
use support::history::{Op, Outcome, What};
use support::observe::analysis;
use support::simulate::{Shape, run};

const MS: u64 = 1_000_000;

fn series(ops: &[Op]) -> Series {
    let context = Context { title: "queue 7f3a".into(), ..Context::default() };
    let Analysis { series, .. } = analysis(ops, &context);
    series
}

fn send(process: u32, value: u64, offset: i64, from: u64, to: u64) -> Op {
    Op::new(process, What::Send("t-0".into(), value, Some(offset)), from * MS, to * MS, Outcome::Ok)
}

fn poll(process: u32, records: &[(i64, u64)], from: u64, to: u64) -> Op {
    let records = records.iter().map(|(o, v)| (*o, Some(*v))).collect();
    Op::new(process, What::Poll(vec![("t-0".into(), records)]), from * MS, to * MS, Outcome::Ok)
}

/// Sends acknowledged at 10, 20 and 30 ms; the reader comes at 15 ms for the first and at 50 ms for the second.
fn few() -> Vec<Op> {
    vec![
        send(1, 1, 0, 5, 10),
        send(1, 2, 1, 12, 20),
        send(1, 3, 2, 22, 30),
        poll(7, &[(0, 1)], 14, 15),
        poll(7, &[(1, 2)], 45, 50),
        poll(7, &[], 290, 299),
    ]
}

#[test]
fn the_unseen_curve_counts_what_was_acknowledged_and_not_read() {
    let series = series(&few());
    assert_eq!((series.step, series.steps, series.end), (Nanos(MS), 300, Nanos(299 * MS)));
    assert_eq!(series.title, "queue 7f3a");
    for (step, unseen) in
        [(9, 0), (10, 1), (14, 1), (15, 0), (20, 1), (29, 1), (30, 2), (49, 2), (50, 1), (299, 1)]
    {
        assert_eq!(series.unseen.total[step], unseen, "at {step} ms");
    }
    assert_eq!(series.unseen.by_key, [("t-0".to_owned(), series.unseen.total.clone())]);
}

#[test]
fn lag_is_the_age_of_the_oldest_unread_acknowledgement() {
    let series = series(&few());
    assert_eq!(series.lag.len(), 1);
    let lag = &series.lag[0];
    assert_eq!(lag.reader, "process 7");
    let ms = |step: usize| lag.lag[step].map(|lag| (lag as f64 / MS as f64).round() as u64);
    assert_eq!(ms(14), None, "before its first poll");
    assert_eq!(ms(15), Some(0), "it has read all there is");
    assert_eq!(ms(29), Some(10), "value 2 was acknowledged at 20");
    assert_eq!(ms(49), Some(30));
    assert_eq!(ms(50), Some(21), "now value 3 is the oldest, acknowledged at 30");
    assert_eq!(ms(299), Some(269));
}

#[test]
fn lag_begins_with_the_reader_and_not_with_its_first_record() {
    let ops = vec![
        send(1, 1, 0, 5, 10),
        send(1, 2, 1, 12, 20),
        send(1, 3, 2, 22, 30),
        poll(7, &[], 38, 40),
        poll(7, &[(1, 2), (2, 3)], 95, 100),
        poll(7, &[], 290, 299),
    ];
    let series = series(&ops);
    let ms = |step: usize| series.lag[0].lag[step].map(|lag| (lag as f64 / MS as f64).round() as u64);
    assert_eq!(ms(39), None, "before its first poll");
    assert_eq!(ms(40), Some(21), "it will begin at offset 1, acknowledged at 20 and waiting");
    assert_eq!(ms(99), Some(80));
    assert_eq!((ms(100), ms(299)), (Some(0), Some(0)), "the record before its first one is not ahead of it");
}

/// An hour of one send a second, read half a second after it was acknowledged; the reader stands still for ten
/// seconds in the middle of a step of twenty.
fn stalled() -> Vec<Op> {
    let mut ops = Vec::new();
    for i in 0..3600 {
        let t = i * 1000;
        ops.push(send(1, i, i as i64, t, t + 100));
        let stands = (1805..1815).contains(&i);
        let read = if stands { vec![] } else { vec![(i as i64, i)] };
        let late = |n: u64| (n as i64, n);
        let read = if i == 1815 { (1805..=1815).map(late).collect() } else { read };
        ops.push(poll(7, &read, t + 590, t + 600));
    }
    ops
}

#[test]
fn a_stall_within_a_step_is_seen() {
    let series = series(&stalled());
    assert_eq!(series.step, Nanos(20_000 * MS));
    assert_eq!(series.unseen.total[90], 11, "1800 s to 1820 s");
    assert_eq!((series.unseen.total[89], series.unseen.total[91]), (1, 1));
    assert_eq!((series.unseen.keys, series.unseen.at_end), (1, Some(0)));
    let lag = |step: usize| series.lag[0].lag[step].expect("it lives").div_ceil(MS);
    assert_eq!(lag(90), 10_500, "from 1805.1 s to 1815.6 s");
    assert_eq!((lag(89), lag(91)), (500, 500));
}

#[test]
fn the_most_of_all_partitions_is_no_sum_of_what_each_had_at_most() {
    let sent = |key: &str, value, from: u64| {
        let what = What::Send(key.into(), value, Some(0));
        Op::new(value as u32, what, from * MS, (from + 1) * MS, Outcome::Ok)
    };
    let read = |key: &str, value, at: u64| {
        let what = What::Poll(vec![(key.into(), vec![(0, Some(value))])]);
        Op::new(7, what, (at - 1) * MS, at * MS, Outcome::Ok)
    };
    // One after the other, within a step of 20 s.
    let ops = vec![
        sent("t-0", 1, 1000),
        read("t-0", 1, 3000),
        sent("t-1", 2, 5000),
        read("t-1", 2, 7000),
        send(3, 9, 5, 0, 3_600_000),
    ];
    let unseen = series(&ops).unseen;
    assert_eq!((unseen.total[0], unseen.by_key[0].1[0], unseen.by_key[1].1[0]), (1, 1, 1));
    assert_eq!((unseen.keys, unseen.at_end), (2, Some(1)), "and one that nobody ever read");
}

/// The series of a part of a history.
fn window(ops: &[Op], from: u64, to: u64) -> Series {
    let source = store::reader::Source::bytes(support::history::text(ops).into_bytes());
    let window = (Nanos(from * MS), Nanos(to * MS));
    checker::reduce(source, "queue 7f3a", &checker::Options::default(), window)
        .expect("reads")
        .expect("has something")
}

#[test]
fn a_window_is_reduced_as_finely_as_a_run_and_counts_exactly_what_lies_in_it() {
    let ops = stalled();
    let part = window(&ops, 1_800_000, 1_820_000);
    assert_eq!(part.window, Some((Nanos(1_800_000 * MS), Nanos(1_820_000 * MS))));
    assert_eq!((part.step, part.steps), (Nanos(100 * MS), 201));
    let sends = part.rates.iter().find(|rate| rate.f == "send").expect("sends");
    assert_eq!(sends.count.iter().sum::<u64>(), 20);
    assert_eq!(part.latencies.iter().flat_map(|l| &l.cells).map(|c| c[2]).sum::<u64>(), 40, "and 20 polls");
    assert!(part.latencies.iter().all(|l| !l.thinned));
    // 10.5 s after the first of them was acknowledged all are read at once.
    assert_eq!((part.unseen.total[0], part.unseen.total[155], part.unseen.total[157]), (0, 11, 0));
    assert_eq!(part.lag[0].lag[155].expect("it lives").div_ceil(MS), 10_500);
    assert_eq!(part.end, series(&ops).end, "where the history ends");
}

#[test]
fn a_window_of_the_whole_is_the_whole() {
    let run = run(Shape { sends: 500, unknown: 20, fail: 10, ..Shape::small(5) });
    let whole = series(&run.ops);
    assert_eq!(window(&run.ops, 0, u64::MAX / MS), whole);
    let source = || store::reader::Source::bytes(support::history::text(&run.ops).into_bytes());
    let options = checker::Options { memory: Some(1), ..checker::Options::default() };
    let parts = |window| checker::reduce(source(), "", &options, window).expect("reads");
    assert_eq!(parts((Nanos(0), Nanos(u64::MAX))), None, "more than the memory budget");
    let options = checker::Options::default();
    let beside = (whole.end, Nanos(u64::MAX));
    assert_eq!(checker::reduce(source(), "", &options, beside).expect("reads"), None);
}

#[test]
fn a_window_of_a_queue_is_reduced_too() {
    let line = |time: u64, op_type: &str, f: &str| {
        format!("{{\"time\":{time},\"process\":1,\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":1}}\n")
    };
    let pair = |f: &str, at: u64| line(at * MS, "invoke", f) + &line((at + 2) * MS, "ok", f);
    let text = pair("enqueue", 10) + &pair("enqueue", 20) + &pair("dequeue", 30);
    let source = || store::reader::Source::bytes(text.clone().into_bytes());
    let (context, options) = (Context::default(), checker::Options::default());
    let reduced = |to| checker::reduce(source(), "", &options, (Nanos(0), to)).expect("reads");
    let whole = checker::queue::analyze(source(), &context, &options).expect("reads").series;
    assert_eq!(reduced(Nanos::MAX), Some(whole));
    let part = reduced(Nanos(25 * MS)).expect("something");
    assert_eq!(
        part.rates.iter().map(|rate| (rate.f.as_str(), rate.count.iter().sum())).collect::<Vec<_>>(),
        [("enqueue", 2)]
    );
}

#[test]
fn rates_and_latencies_count_every_completion() {
    let run = run(Shape { sends: 500, unknown: 20, fail: 10, ..Shape::small(5) });
    let series = series(&run.ops);
    for (f, is) in [("send", true), ("poll", false)] {
        for (op_type, outcome) in
            [(OpType::Ok, Outcome::Ok), (OpType::Fail, Outcome::Fail), (OpType::Info, Outcome::Info)]
        {
            let expected = run.ops.iter().filter(|op| {
                let right = match op.what {
                    What::Send(..) => is,
                    What::Poll(_) => !is,
                    _ => false,
                };
                right && op.outcome == outcome && op.completed.is_some()
            });
            let expected = expected.count() as u64;
            let rate = series.rates.iter().find(|rate| rate.f == f && rate.op_type == op_type);
            assert_eq!(rate.map_or(0, |rate| rate.count.iter().sum()), expected, "{f} {op_type:?}");
            let cells = series.latencies.iter().find(|cells| cells.f == f && cells.op_type == op_type);
            let counted: u64 = cells.map_or(0, |cells| cells.cells.iter().map(|cell| cell[2]).sum());
            assert_eq!(counted, expected, "{f} {op_type:?}");
        }
    }
    assert!(series.rates.iter().all(|rate| rate.count.len() == series.steps));
    let quantiles = series.quantiles.iter().find(|q| q.f == "send").expect("sends");
    let slowest = run.ops.iter().filter(|op| op.outcome == Outcome::Ok && matches!(op.what, What::Send(..)));
    let slowest = slowest.map(|op| op.completed.expect("ok") - op.invoked).max();
    assert_eq!(quantiles.by_quantile["1"].iter().flatten().max().copied(), slowest);
}

#[test]
fn open_loop_latency_counts_from_the_intended_time() {
    let history = r#"{"time":9000000,"process":1,"type":"invoke","f":"send","value":[["send","t-0",1]],"due":2000000}
{"time":10000000,"process":1,"type":"ok","f":"send","value":[["send","t-0",[0,1]]]}
"#;
    let source = store::reader::Source::bytes(history.as_bytes().to_vec());
    let analysis =
        checker::analyze(source, &Context::default(), &checker::Options::default()).expect("reads");
    assert_eq!(analysis.series.latencies[0].cells, [[10 * MS, 8 * MS, 1]]);
    assert!(analysis.series.due && !series(&few()).due, "and it is said");
}

#[test]
fn the_pass_and_an_empty_history_have_their_places() {
    let run = run(Shape::small(2));
    let first = run.ops.iter().filter(|op| op.final_pass).map(|op| op.invoked).min();
    assert_eq!(series(&run.ops).final_pass, first.map(Nanos));
    let empty = series(&[]);
    assert_eq!((empty.steps, empty.rates.len(), empty.unseen.total.as_slice()), (1, 0, [0].as_slice()));
}
