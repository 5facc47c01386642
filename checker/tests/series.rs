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
}

#[test]
fn the_pass_and_an_empty_history_have_their_places() {
    let run = run(Shape::small(2));
    let first = run.ops.iter().filter(|op| op.final_pass).map(|op| op.invoked).min();
    assert_eq!(series(&run.ops).final_pass, first.map(Nanos));
    let empty = series(&[]);
    assert_eq!((empty.steps, empty.rates.len(), empty.unseen.total.as_slice()), (1, 0, [0].as_slice()));
}
