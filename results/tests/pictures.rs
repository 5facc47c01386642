//! The pictures as files: what they hold, how large they are, and that no series breaks them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use results::plot::{LARGEST_PICTURE, PICTURES};
use results::{RenderError, RenderOptions, Window, render, render_cycles};
use store::fault::FaultWindow;
use store::op::OpType;
use store::series::{Lag, LatencyCells, Quantiles, Rate, SERIES_SCHEMA, Series, Unseen};
use store::time::Nanos;
use store::verdict::{Anomaly, CycleStep, Edge, Example, Verdict};

const MS: u64 = 1_000_000;

#[track_caller]
fn pictures(series: &Series, options: &RenderOptions) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let paths = render(series, dir.path(), options).unwrap();
    assert_eq!(paths, PICTURES.map(|name| dir.path().join(name)));
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    paths.iter().map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), read(p))).collect()
}

fn fault(fault: u32, name: &str, label: &str, end: Option<u64>, bit: Option<bool>) -> FaultWindow {
    FaultWindow {
        fault,
        name: name.into(),
        label: label.into(),
        start: Nanos(u64::from(fault) * 1000 * MS),
        end: end.map(|ms| Nanos(ms * MS)),
        bit,
        evidence: String::new(),
        nodes: vec!["kafka-1".into()],
        unmet: None,
    }
}

/// Ten seconds of ten steps with every outcome.
fn plain() -> Series {
    let cells = |op_type, latency: u64| LatencyCells {
        f: "send".into(),
        op_type,
        cells: (0..10).map(|i| [i * 1000 * MS + MS, latency, 1]).collect(),
        thinned: false,
    };
    let rate = |f: &str, op_type| Rate { f: f.into(), op_type, count: vec![5; 10] };
    Series {
        schema: SERIES_SCHEMA,
        title: "queue 20261121T092400Z-7f3a".into(),
        step: Nanos(1000 * MS),
        steps: 10,
        end: Nanos(10_000 * MS),
        final_pass: Some(Nanos(9_000 * MS)),
        faults: vec![
            fault(1, "isolate-leader", "isolate leader of t-3 (kafka-2)", Some(4000), Some(true)),
            fault(2, "pause", "pause kafka-1", Some(3000), Some(false)),
            fault(6, "kill", "kill kafka-3", None, None),
        ],
        rates: vec![
            rate("send", OpType::Ok),
            rate("send", OpType::Info),
            rate("send", OpType::Fail),
            rate("poll", OpType::Ok),
        ],
        quantiles: vec![Quantiles {
            f: "send".into(),
            by_quantile: ["0.5", "0.95", "0.99", "0.999", "1"]
                .iter()
                .zip(1..)
                .map(|(q, i)| ((*q).to_owned(), vec![Some(i * MS); 10]))
                .collect(),
        }],
        latencies: vec![
            cells(OpType::Ok, 4 * MS),
            cells(OpType::Info, 1000 * MS),
            cells(OpType::Fail, 40 * MS),
        ],
        unseen: Unseen {
            total: (0..10).rev().collect(),
            by_key: vec![("t-3".into(), (0..10).rev().collect())],
            keys: 1,
            at_end: Some(0),
        },
        lag: vec![Lag { reader: "client 12".into(), lag: vec![Some(300 * MS); 10] }],
        cell: Nanos(25 * MS),
        cells_an_octave: 16,
        due: false,
        window: None,
    }
}

#[test]
fn every_picture_names_the_run_its_axes_and_its_faults() {
    for (name, svg) in pictures(&plain(), &RenderOptions::default()) {
        for words in [
            "queue 20261121T092400Z-7f3a",
            "time since the run began (s)",
            "isolate leader of t-3 (kafka-2)",
            ">isolate-leader</text>",
            "pause kafka-1 (no effect)",
            "hatched: a fault that had no effect",
            "kill kafka-3 (no heal recorded)",
            "consume-all pass begins",
            "role=\"img\"",
        ] {
            assert!(svg.contains(words), "{name} lacks {words:?}");
        }
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{name}");
    }
}

#[test]
fn outcomes_have_the_field_s_colours_and_their_words() {
    let pictures = pictures(&plain(), &RenderOptions::default());
    for name in ["latency-raw.svg", "rate.svg"] {
        for (color, word) in [("#6DB6FE", ">ok "), ("#FFAA26", ">info "), ("#FEB5DA", ">fail ")] {
            let svg = &pictures[name];
            assert!(svg.contains(color) && svg.contains(word), "{name}: {color} {word}");
        }
    }
    // Ten dots each: one path a colour, and a rim under the two pale ones.
    let dots: usize = pictures["latency-raw.svg"].lines().map(|line| line.matches("h0").count()).sum();
    assert_eq!(dots, 30 + 20 + 5, "thirty operations, twenty rims, five in the legend");
    assert!(!pictures["latency-raw.svg"].contains("operations drawn"), "nothing was thinned");
    for words in ["10 ms", "100 ms", "latency (log scale)"] {
        assert!(pictures["latency-raw.svg"].contains(words), "{words}");
    }
    assert!(pictures["rate.svg"].contains("completions/s"));
    assert!(pictures["realtime-lag.svg"].contains("(ms)"), "a lag under a second is told in ms");
}

#[test]
fn all_five_quantiles_are_drawn_and_named() {
    let svg = &pictures(&plain(), &RenderOptions::default())["latency-quantiles.svg"];
    for word in [">median<", ">p95<", ">p99<", ">p99.9<", ">maximum<"] {
        assert!(svg.contains(word), "{word}");
    }
}

#[test]
fn nothing_to_draw_is_said_in_words() {
    let series = Series { step: Nanos(MS), steps: 100, end: Nanos(100 * MS), ..Series::default() };
    let pictures = pictures(&series, &RenderOptions::default());
    assert!(pictures["latency-raw.svg"].contains("no operation completed"));
    assert!(pictures["rate.svg"].contains("no operation completed"));
    for name in ["latency-quantiles.svg", "unseen.svg", "realtime-lag.svg"] {
        assert!(pictures[name].contains("no acknowledged send"), "{name}");
    }
}

#[test]
fn a_curve_that_is_zero_throughout_is_said_in_words() {
    let series =
        Series { unseen: Unseen { total: vec![0; 10], by_key: vec![], ..Unseen::default() }, ..plain() };
    let unseen = &pictures(&series, &RenderOptions::default())["unseen.svg"];
    assert!(unseen.contains("no acknowledged record was unread"));
}

#[test]
fn a_window_shows_its_part_only() {
    let window: Window = "2s..5s".parse().unwrap();
    let pictures = pictures(&plain(), &RenderOptions { window });
    assert!(pictures["latency-raw.svg"].contains("2 s to 5 s of 10 s"));
    assert!(pictures["latency-raw.svg"].contains(">ok about 3<"), "the operations at 2, 3 and 4 s");
    for (name, svg) in &pictures {
        assert!(svg.contains("nothing finer than their step of 1 s is told apart"), "{name}");
    }
    assert!(!pictures["latency-raw.svg"].contains("kill kafka-3"));
    assert!(!pictures["rate.svg"].contains("consume-all"));
}

#[test]
fn a_window_finer_than_the_series_says_so_and_nothing_false() {
    let window: Window = "2100ms..2200ms".parse().unwrap();
    let all = pictures(&plain(), &RenderOptions { window });
    for (name, svg) in &all {
        assert!(svg.contains("the window is finer than the series&#39; step of 1 s"), "{name}");
        assert!(
            !svg.contains("no completion") && !svg.contains("no operation") && !svg.contains("no reader"),
            "{name}"
        );
    }
}

#[test]
fn series_that_were_reduced_for_a_window_show_it_exactly() {
    let window = Some((Nanos(2000 * MS), Nanos(12_000 * MS)));
    let mut series = Series { window, end: Nanos(100_000 * MS), ..plain() };
    series.latencies.iter_mut().flat_map(|l| &mut l.cells).for_each(|cell| cell[0] += 2000 * MS);
    let pictures = pictures(&series, &RenderOptions { window: "2s..12s".parse().unwrap() });
    assert!(pictures["latency-raw.svg"].contains(">ok 10<"));
    assert!(pictures["latency-raw.svg"].contains("2 s to 12 s of 100 s"));
    assert!(pictures["rate.svg"].contains(">ok 100<"), "fifty sends and fifty polls");
    for (name, svg) in &pictures {
        assert!(!svg.contains("finer"), "{name}");
    }
}

#[test]
fn the_window_is_told_as_the_axis_tells_time() {
    let s = 1000 * MS;
    let series = Series { step: Nanos(50 * s), steps: 217, end: Nanos(10_800_111 * MS), ..plain() };
    let window: Window = "4800s..5400s".parse().unwrap();
    let svg = &pictures(&series, &RenderOptions { window })["rate.svg"];
    assert!(svg.contains("(min:s); 80:00 to 90:00 of 180:00.111"));
}

#[test]
fn over_what_each_number_is_taken_is_said() {
    let mut series = plain();
    let pictures_of = |series: &Series| pictures(series, &RenderOptions::default());
    let all = pictures_of(&series);
    assert!(all["latency-quantiles.svg"].contains("latency (log scale), over 1 s each"));
    assert!(all["unseen.svg"].contains("records acknowledged and not yet read, highest in each 1 s"));
    assert!(all["realtime-lag.svg"].contains("(ms), highest in each 1 s"));
    assert!(!all["unseen.svg"].contains("partitions with unseen records"), "all of them are drawn");
    assert!(all.values().all(|svg| !svg.contains("was due")));
    (series.due, series.schema) = (true, 1);
    let all = pictures_of(&series);
    for name in ["latency-raw.svg", "latency-quantiles.svg"] {
        assert!(all[name].contains("counts from when it was due"), "{name}");
    }
    assert!(all["unseen.svg"].contains("at the end of each 1 s"), "an older tribunal took one sample");
}

#[test]
fn a_dot_that_stands_for_several_says_of_what_cell() {
    let mut series = plain();
    series.latencies[0].cells[0][2] = 90;
    let svg = &pictures(&series, &RenderOptions::default())["latency-raw.svg"];
    assert!(svg.contains(
        "30 of 119 operations drawn: one of each 0.025 s by 4 % of latency; every outlier is kept."
    ));
}

#[test]
fn where_every_send_failed_there_is_no_lag_and_no_quantile() {
    let mut series = plain();
    series.rates.retain(|rate| rate.f == "poll" || rate.op_type != OpType::Ok);
    series.quantiles[0].f = "poll".into();
    let all = pictures(&series, &RenderOptions::default());
    assert!(all["latency-quantiles.svg"].contains(">send</text>"));
    assert!(all["latency-quantiles.svg"].contains("no completion with ok here"));
    assert!(all["realtime-lag.svg"].contains("no acknowledged send: nothing to lag behind"));
    assert!(!all["realtime-lag.svg"].contains("client 12"));
}

#[test]
fn readers_that_read_nothing_have_no_lag_of_zero() {
    let series = Series { lag: vec![Lag { reader: "client 12".into(), lag: vec![Some(0); 10] }], ..plain() };
    let svg = &pictures(&series, &RenderOptions::default())["realtime-lag.svg"];
    assert!(svg.contains("no lag is known: no reader was seen behind an acknowledged record"));
    assert!(!svg.contains("client 12") && !svg.contains(">0.5</text>"));
}

#[test]
fn a_history_without_time_has_no_times() {
    for (name, svg) in
        pictures(&Series { step: Nanos(MS), steps: 1, ..Series::default() }, &RenderOptions::default())
    {
        assert!(svg.contains("no time passed in this history"), "{name}");
        assert!(!svg.contains(">0.5</text>") && !svg.contains("each"), "{name}");
    }
}

#[test]
fn the_longest_name_of_a_fault_has_room() {
    let mut series = plain();
    series.faults = ["broker-down-follower", "broker-down-followers"]
        .iter()
        .zip(1..)
        .map(|(name, i)| fault(i, name, "broker 2 down", Some(5000), Some(true)))
        .collect();
    for (name, svg) in pictures(&series, &RenderOptions::default()) {
        assert!(svg.contains(">broker-down-follower</text>"), "{name}");
        assert!(svg.contains(">broker-down-followers</text>"), "{name}");
    }
}

#[test]
fn a_window_beside_the_run_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let options = RenderOptions { window: "20s..".parse().unwrap() };
    let error = render(&plain(), dir.path(), &options).unwrap_err();
    assert!(matches!(error, RenderError::WindowOutside { .. }));
    assert!(error.to_string().contains("ends at 00:10.000"), "{error}");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plots");
    fs::write(&file, "not a directory").unwrap();
    let error = render(&plain(), &file, &RenderOptions::default()).unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

/// Every cell of a fine grid is occupied, for six functions and three outcomes; long noisy curves; a crowd of faults.
fn worst_case() -> Series {
    let fs = ["send", "poll", "txn", "enqueue", "dequeue", "drain"];
    let types = [OpType::Ok, OpType::Info, OpType::Fail];
    let steps = 20_000usize;
    let noise = |i: usize| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let names =
        ["kill", "stop", "pause", "isolate-leader", "isolate-random", "one-link", "slow", "loss", "skew"];
    Series {
        step: Nanos(MS),
        steps,
        end: Nanos(steps as u64 * MS),
        latencies: fs
            .iter()
            .flat_map(|f| types.map(|op_type| (f, op_type)))
            .map(|(f, op_type)| LatencyCells {
                f: (*f).into(),
                op_type,
                cells: (0..300)
                    .flat_map(|t| {
                        (0..100u32)
                            .map(move |l| [t * 66 * MS, (1000.0 * 1.2f64.powf(f64::from(l))) as u64, 9])
                    })
                    .collect(),
                thinned: true,
            })
            .collect(),
        rates: fs
            .iter()
            .flat_map(|f| types.map(|op_type| (f, op_type)))
            .map(|(f, op_type)| Rate { f: (*f).into(), op_type, count: (0..steps).map(noise).collect() })
            .collect(),
        quantiles: fs
            .iter()
            .map(|f| Quantiles {
                f: (*f).into(),
                by_quantile: ["0.5", "0.95", "0.99", "0.999", "1"]
                    .map(|q| (q.to_owned(), (0..steps).map(|i| Some(noise(i) * 100 + 1)).collect()))
                    .into(),
            })
            .collect(),
        unseen: Unseen {
            total: (0..steps).map(noise).collect(),
            by_key: (0..8).map(|k| (format!("t-{k}"), (0..steps).map(|i| noise(i + k)).collect())).collect(),
            keys: 100,
            at_end: Some(7),
        },
        lag: (0..50)
            .map(|r| Lag {
                reader: format!("client {r}"),
                lag: (0..steps).map(|i| Some(noise(i + r))).collect(),
            })
            .collect(),
        faults: (0..6000u32)
            .map(|i| {
                let start = u64::from(i) * 3 * MS;
                let name = names[i as usize % 9];
                FaultWindow {
                    start: Nanos(start),
                    end: Some(Nanos(start + 7 * MS)),
                    ..fault(i, name, name, None, Some(i % 2 > 0))
                }
            })
            .collect(),
        ..plain()
    }
}

#[test]
fn no_picture_exceeds_its_size_and_thinning_is_admitted() {
    let pictures = pictures(&worst_case(), &RenderOptions::default());
    for (name, svg) in &pictures {
        assert!(svg.len() <= LARGEST_PICTURE, "{name}: {} bytes", svg.len());
    }
    assert!(pictures["latency-raw.svg"].contains("operations drawn"));
    assert!(pictures["latency-raw.svg"].contains("every outlier is kept"));
    assert!(pictures["unseen.svg"].contains("8 of 100 partitions with unseen records drawn"));
    assert!(pictures["latency-raw.svg"].contains("Not drawn: dequeue, drain."));
    assert!(pictures["realtime-lag.svg"].contains("8 of 50 readers drawn"));
}

#[test]
fn no_name_becomes_markup() {
    let evil = "<script>alert(1)</script>\"'&";
    let mut series = plain();
    series.title = evil.into();
    series.rates[0].f = evil.into();
    series.latencies[0].f = evil.into();
    series.quantiles[0].f = evil.into();
    series.unseen.by_key[0].0 = evil.into();
    series.lag[0].reader = evil.into();
    series.faults[0].name = evil.into();
    series.faults[0].label = evil.into();
    for (name, svg) in pictures(&series, &RenderOptions::default()) {
        assert!(!svg.contains("<script"), "{name}");
        assert!(svg.contains("&lt;script&gt;"), "{name}");
    }
}

fn arbitrary_series() -> impl Strategy<Value = Series> {
    let time = || prop_oneof![Just(0u64), 0..20_000 * MS, any::<u64>()].prop_map(Nanos);
    let op_type =
        || prop_oneof![Just(OpType::Ok), Just(OpType::Info), Just(OpType::Fail), Just(OpType::Invoke)];
    let f = || prop_oneof![Just("send".to_owned()), Just("poll".to_owned()), ".{0,12}"];
    let value = || prop_oneof![Just(0u64), 0..1000u64, any::<u64>()];
    let values = move || prop::collection::vec(value(), 0..12);
    let options = move || prop::collection::vec(prop::option::of(value()), 0..12);
    let window = (any::<u32>(), ".{0,20}", time(), prop::option::of(time()), prop::option::of(any::<bool>()))
        .prop_map(|(number, name, start, end, bit)| FaultWindow {
            start,
            end,
            bit,
            ..fault(number % 10, &name, &name, None, None)
        });
    let curves =
        (
            prop::collection::vec(
                (f(), op_type(), values()).prop_map(|(f, op_type, count)| Rate { f, op_type, count }),
                0..5,
            ),
            prop::collection::vec(
                (f(), prop::collection::btree_map("(0\\.5|1|0\\.99|[a-z]{0,3})", options(), 0..4))
                    .prop_map(|(f, by_quantile)| Quantiles { f, by_quantile }),
                0..3,
            ),
            prop::collection::vec(
                (f(), op_type(), prop::collection::vec(prop::array::uniform3(value()), 0..12), any::<bool>())
                    .prop_map(|(f, op_type, cells, thinned)| LatencyCells { f, op_type, cells, thinned }),
                0..5,
            ),
            (values(), prop::collection::vec((".{0,8}", values()), 0..10))
                .prop_map(|(total, by_key)| Unseen { total, by_key, keys: 9, at_end: None }),
            prop::collection::vec((".{0,8}", options()).prop_map(|(reader, lag)| Lag { reader, lag }), 0..11),
        );
    let frame = (".{0,30}", time(), prop_oneof![Just(0usize), 0..20usize, Just(usize::MAX)], time());
    (frame, prop::option::of(time()), prop::collection::vec(window, 0..6), curves).prop_map(
        |((title, step, steps, end), final_pass, faults, (rates, quantiles, latencies, unseen, lag))| {
            Series {
                schema: SERIES_SCHEMA,
                title,
                step,
                steps,
                end,
                final_pass,
                faults,
                rates,
                quantiles,
                latencies,
                unseen,
                lag,
                ..Series::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_series_has_its_five_small_pictures(series in arbitrary_series(), from in any::<u64>()) {
        let dir = tempfile::tempdir().unwrap();
        for path in render(&series, dir.path(), &RenderOptions::default()).unwrap() {
            let svg = fs::read_to_string(&path).unwrap();
            prop_assert!(svg.len() <= LARGEST_PICTURE);
            prop_assert!(svg.ends_with("</svg>\n"));
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf "));
        }
        let window = Window { from: Some(Nanos(from % series.end.0.max(1))), to: None };
        match render(&series, dir.path(), &RenderOptions { window }) {
            Ok(paths) => prop_assert_eq!(paths.len(), 5),
            Err(e) => prop_assert!(matches!(e, RenderError::WindowOutside { .. }), "{}", e),
        }
    }
}

fn step(name: &str, edge: Edge, because: &str) -> CycleStep {
    CycleStep {
        name: name.into(),
        transaction: format!("client 4's transaction {name}.0.17 (committed) <&>"),
        lines: vec![1_204, 1_311],
        edge,
        because: because.into(),
    }
}

#[test]
fn a_cycle_is_drawn_with_every_transaction_and_reason() {
    let cycle = vec![
        step(
            "T1",
            Edge::Ww,
            "T1's send of 5 stands at t-0 offset 3, and T2's send of 7 directly after it at offset 4",
        ),
        step("T2", Edge::Wr, "T2 sent 9 to t-1, and T3's poll read it at offset 12"),
        step("T3", Edge::Realtime, "T3 had completed at 00:12.204 before T1 began at 00:12.309"),
    ];
    let example = |cycle| Example { sentence: "because".into(), cycle, ..Example::default() };
    let anomaly = Anomaly { count: 2, examples: vec![example(vec![]), example(cycle)], ..Anomaly::default() };
    let mut verdict = Verdict::default();
    verdict.anomalies.insert("G1c-realtime".into(), anomaly);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("cycle-7.svg"), "of an earlier verdict").unwrap();
    fs::write(dir.path().join("cycle-of-mine.svg"), "not ours").unwrap();
    let paths = render_cycles("queue 7f3a", &verdict, dir.path()).unwrap();
    assert_eq!(paths, [dir.path().join("cycle-2.svg")], "numbered as in the report");
    assert!(!dir.path().join("cycle-7.svg").exists() && dir.path().join("cycle-of-mine.svg").exists());
    let svg = fs::read_to_string(&paths[0]).unwrap();
    for words in [
        "queue 7f3a</text>",
        "#2  G1c-realtime: a cycle of 3 transactions",
        "(committed) &lt;&amp;&gt;",
        "back to T1",
        "wr)",
    ] {
        assert!(svg.contains(words), "{words}: {svg}");
    }
    assert!(svg.contains("T3 comes before T1, because T3 had completed"), "told to screen readers: {svg}");
}

#[test]
fn a_cycle_of_any_length_is_drawn() {
    for n in [1, 2, 39, 40, 41, 5000] {
        let cycle = (0..n).map(|i| step(&format!("T{i}"), Edge::Process, "of its place")).collect();
        let anomaly = Anomaly {
            count: 1,
            examples: vec![Example { cycle, ..Example::default() }],
            ..Anomaly::default()
        };
        let verdict = Verdict { anomalies: BTreeMap::from([("G0".into(), anomaly)]), ..Verdict::default() };
        let dir = tempfile::tempdir().unwrap();
        let path = &render_cycles("", &verdict, dir.path()).unwrap()[0];
        let svg = fs::read_to_string(path).unwrap();
        assert!(svg.len() < LARGEST_PICTURE && svg.ends_with("</svg>\n"));
        assert_eq!(svg.contains("more steps"), n > 40);
    }
}
