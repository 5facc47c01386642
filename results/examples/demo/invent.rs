//! Invented series that look like runs.

use std::collections::BTreeMap;

use store::fault::FaultWindow;
use store::op::OpType;
use store::series::{Lag, LatencyCells, Quantiles, Rate, SERIES_SCHEMA, Series, Unseen};
use store::time::Nanos;

const SECOND: f64 = 1e9;

/// A small generator of its own (SplitMix64), so that the pictures are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Log-normal around `median`.
    fn latency(&mut self, median: f64, spread: f64) -> f64 {
        let normal = (0..12).map(|_| self.roll()).sum::<f64>() - 6.0;
        median * (normal * spread).exp()
    }
}

fn fault(
    n: u32,
    name: &str,
    label: &str,
    (start, end): (f64, Option<f64>),
    bit: Option<bool>,
) -> FaultWindow {
    FaultWindow {
        fault: n,
        name: name.into(),
        label: label.into(),
        start: Nanos((start * SECOND) as u64),
        end: end.map(|end| Nanos((end * SECOND) as u64)),
        bit,
        evidence: String::new(),
        nodes: vec!["kafka-2".into()],
        unmet: None,
    }
}

/// A run of `seconds` at `rate` sends a second, slow and failing while a fault bites.
fn run(
    title: &str,
    seconds: f64,
    steps: usize,
    rate: f64,
    faults: Vec<FaultWindow>,
    readers: usize,
) -> Series {
    let mut dice = Dice(7);
    let step = seconds / steps as f64;
    let hurt = |t: f64| {
        faults.iter().any(|f| {
            f.bit != Some(false)
                && t >= f.start.as_secs_f64()
                && t < f.end.map_or(seconds, |e| e.as_secs_f64().min(f.start.as_secs_f64() + seconds * 0.12))
        })
    };
    let types = [OpType::Ok, OpType::Info, OpType::Fail];
    let mut counts: BTreeMap<(&str, OpType), Vec<u64>> = BTreeMap::new();
    let mut cells: BTreeMap<(&str, OpType), Vec<[u64; 3]>> = BTreeMap::new();
    let mut quantiles: BTreeMap<&str, BTreeMap<String, Vec<Option<u64>>>> = BTreeMap::new();
    let mut unseen = vec![0u64; steps];
    let mut by_key = vec![vec![0u64; steps]; 6];
    let mut lag: Vec<Vec<Option<u64>>> = vec![vec![None; steps]; readers];
    let mut held = 0.0;
    let per_step = (60_000.0 / steps as f64).ceil() as usize;
    for i in 0..steps {
        let t = (i as f64 + 0.5) * step;
        let down = hurt(t);
        let load = if down { 0.35 } else { 1.0 } * (0.94 + 0.12 * dice.roll());
        for (f, median, spread, share) in [("send", 0.004, 0.45, 1.0), ("poll", 0.06, 0.5, 0.06)] {
            let mut values = Vec::new();
            for _ in 0..((per_step as f64 * load * share).round() as usize).max(1) {
                let mut latency = dice.latency(if down { median * 12.0 } else { median }, spread);
                let op_type = match dice.roll() {
                    p if down && f == "send" && p < 0.05 => OpType::Info,
                    p if down && f == "send" && p < 0.075 => OpType::Fail,
                    _ => OpType::Ok,
                };
                if op_type == OpType::Info {
                    latency = 1.0 + dice.roll() * 0.4;
                }
                let at = (i as f64 + dice.roll()) * step;
                let stands_for = (rate * step * load / per_step as f64).max(1.0) as u64;
                cells.entry((f, op_type)).or_default().push([
                    (at * SECOND) as u64,
                    (latency * SECOND) as u64,
                    stands_for,
                ]);
                counts.entry((f, op_type)).or_insert_with(|| vec![0; steps])[i] += stands_for;
                if op_type == OpType::Ok {
                    values.push((latency * SECOND) as u64);
                }
            }
            values.sort_unstable();
            for q in ["0.5", "0.95", "0.99", "0.999", "1"] {
                let at = (q.parse::<f64>().unwrap_or(1.0) * values.len() as f64).ceil() as usize;
                let value = values.get(at.max(1) - 1).copied();
                quantiles.entry(f).or_default().entry(q.into()).or_insert_with(|| vec![None; steps])[i] =
                    value;
            }
        }
        held = if down { held + rate * step * 0.2 } else { held * 0.5 };
        unseen[i] = (held + rate * 0.06 * dice.roll()) as u64;
        let mut left = unseen[i] as f64;
        for key in &mut by_key {
            let part = left * (0.3 + 0.3 * dice.roll());
            key[i] = part as u64;
            left -= part;
        }
        for (r, reader) in lag.iter_mut().enumerate() {
            if t > step * 2.0 {
                let behind =
                    if down { held / rate * (1.0 + 0.2 * r as f64) } else { 0.05 + 0.1 * dice.roll() };
                reader[i] = Some((behind * SECOND) as u64);
            }
        }
    }
    let fs = ["send", "poll"];
    Series {
        schema: SERIES_SCHEMA,
        title: title.into(),
        step: Nanos((step * SECOND) as u64),
        steps,
        end: Nanos((seconds * SECOND) as u64),
        final_pass: Some(Nanos((seconds * 0.955 * SECOND) as u64)),
        rates: fs
            .iter()
            .flat_map(|f| types.map(|t| (f, t)))
            .filter_map(|(f, op_type)| {
                counts.get(&(*f, op_type)).map(|count| Rate { f: (*f).into(), op_type, count: count.clone() })
            })
            .collect(),
        quantiles: quantiles
            .into_iter()
            .map(|(f, by_quantile)| Quantiles { f: f.into(), by_quantile })
            .collect(),
        latencies: cells
            .into_iter()
            .map(|((f, op_type), cells)| LatencyCells { f: f.into(), op_type, cells, thinned: true })
            .collect(),
        unseen: Unseen {
            total: unseen,
            by_key: by_key.into_iter().enumerate().map(|(i, v)| (format!("t-{i}"), v)).collect(),
            ..Unseen::default()
        },
        lag: lag
            .into_iter()
            .enumerate()
            .map(|(i, lag)| Lag { reader: format!("client {}", i + 10), lag })
            .collect(),
        faults,
        ..Series::default()
    }
}

/// A minute with three faults, one of which did not bite and one of which was never healed.
pub(crate) fn minute() -> Series {
    let faults = vec![
        fault(1, "isolate-leader", "isolate leader of t-3 (kafka-2)", (11.0, Some(23.0)), Some(true)),
        fault(2, "pause", "pause kafka-1", (19.0, Some(27.0)), Some(false)),
        fault(3, "kill", "kill leader of t-0 (kafka-3)", (44.0, None), Some(true)),
    ];
    run("queue 20261121T092400Z-7f3a", 62.0, 600, 5000.0, faults, 2)
}

/// Six hours with a fault every half an hour.
pub(crate) fn hours() -> Series {
    let faults = (0..12)
        .map(|i| {
            let name = ["kill", "pause", "isolate-leader", "slow"][i % 4];
            let start = 900.0 + i as f64 * 1750.0;
            let label = format!("{name} kafka-{}", i % 3 + 1);
            fault(i as u32 + 1, name, &label, (start, Some(start + 240.0)), Some(i != 5))
        })
        .collect();
    run("soak 20261121T030000Z-91cc", 21_600.0, 2000, 20_000.0, faults, 12)
}

/// Two seconds, hardly begun.
pub(crate) fn seconds() -> Series {
    let faults = vec![fault(1, "leader-move", "move leader of t-0 to mock-2", (0.8, Some(0.9)), None)];
    Series { final_pass: None, ..run("smoke 20261121T092400Z-0a1b", 2.0, 100, 400.0, faults, 1) }
}

/// A run in which nothing was acknowledged and nothing read.
pub(crate) fn nothing() -> Series {
    Series {
        schema: SERIES_SCHEMA,
        title: "queue 20261121T092400Z-dead".into(),
        step: Nanos(100_000_000),
        steps: 300,
        end: Nanos(30_000_000_000),
        faults: vec![fault(1, "broker-down", "mock-1 down", (5.0, Some(12.0)), Some(true))],
        ..Series::default()
    }
}

/// Sixty faults under nine names, most of them overlapping.
pub(crate) fn crowd() -> Series {
    let names = [
        "kill",
        "stop",
        "pause",
        "isolate-leader",
        "isolate-random",
        "one-link",
        "slow",
        "clock-skew",
        "disk-full",
        "loss",
    ];
    let faults = (0..60)
        .map(|i| {
            let name = names[i * 7 % names.len()];
            let label = format!("{name} kafka-{} for {} s", i % 3 + 1, i % 5 + 1);
            let start = i as f64;
            fault(i as u32 + 1, name, &label, (start, Some(start + (i % 5 + 1) as f64)), Some(i % 11 != 3))
        })
        .collect();
    run("crowded-schedule-with-a-rather-long-name 20261121T092400Z-c0de", 62.0, 600, 5000.0, faults, 3)
}

/// Every cell of a fine grid occupied, for four functions and three outcomes.
pub(crate) fn worst_case() -> Series {
    let mut series = minute();
    series.title = "worst-case 20261121T092400Z-ffff".into();
    series.latencies.clear();
    for f in ["send", "poll", "txn", "enqueue"] {
        for op_type in [OpType::Ok, OpType::Info, OpType::Fail] {
            let cells = (0..600u64)
                .flat_map(|t| {
                    (0..200u64).map(move |l| [t * 103_000_000, (1e3 * 1.09f64.powi(l as i32)) as u64, 14])
                })
                .collect();
            series.latencies.push(LatencyCells { f: f.into(), op_type, cells, thinned: true });
        }
    }
    series
}
