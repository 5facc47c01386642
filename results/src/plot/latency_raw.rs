//! `latency-raw.svg`: a dot a completion, by function and outcome.

use store::op::OpType;
use store::series::LatencyCells;
use store::time::Nanos;

use super::figure::{DUE, Figure, Key, Layer, Mark, Panel, View, not_drawn, split_functions, width};
use super::palette;
use super::ticks::log_axis;
use crate::text::number::{counted, seconds};

/// From back to front: the rare and telling ones stay on top.
const ORDER: [OpType; 3] = [OpType::Ok, OpType::Fail, OpType::Info];

pub(crate) fn figure(view: &View<'_>) -> Figure {
    let seen = |cells: &LatencyCells| cells.cells.iter().any(|c| view.sees(Nanos(c[0]).as_secs_f64()));
    let all: Vec<&LatencyCells> =
        view.series.latencies.iter().filter(|c| ORDER.contains(&c.op_type) && seen(c)).collect();
    let (drawn, left) = split_functions(all.iter().map(|c| c.f.as_str()));
    let mut operations = [0u64; 3];
    let mut clipped = Vec::new();
    let mut panels: Vec<Panel> = drawn
        .iter()
        .map(|f| {
            let (mut layers, mut latencies) = (Vec::new(), Vec::new());
            for (i, op_type) in ORDER.into_iter().enumerate() {
                let mut points = Vec::new();
                for cells in all.iter().filter(|c| c.f == *f && c.op_type == op_type) {
                    for [time, latency, count] in &cells.cells {
                        let t = Nanos(*time).as_secs_f64();
                        if view.sees(t) {
                            points.push((t, (*latency).max(1) as f64 / 1e9));
                            latencies.push(((*latency).max(1), (*count).max(1)));
                            operations[i] = operations[i].saturating_add((*count).max(1));
                        }
                    }
                }
                layers.push((op_type, points));
            }
            let floor = floor(latencies);
            if let Some((least, n)) = floor {
                let (n, are) = (counted(n, "operation", "operations"), if n == 1 { "is" } else { "are" });
                clipped.push(format!(
                    "{n} of {f} faster than {} {are} drawn at the lower edge.",
                    duration(least)
                ));
            }
            panel(f, layers, floor.map(|(least, _)| least as f64 / 1e9))
        })
        .collect();
    if panels.is_empty() {
        let why = Some(view.nothing("no operation completed"));
        panels.push(Panel { empty: why, ..panel("", Vec::new(), None) });
    }
    let mut footnotes = clipped;
    footnotes.extend(view.coarse());
    if view.series.due && drawn.contains(&"send") {
        footnotes.push(DUE.into());
    }
    footnotes.extend(not_drawn(&left));
    if !view.anything_acknowledged() && view.series.rates.iter().any(|r| r.f == "send") {
        footnotes.push("No acknowledged send in the whole history.".into());
    }
    let legend = ORDER
        .into_iter()
        .zip(operations)
        .filter(|(_, n)| *n > 0)
        .map(|(op_type, n)| Key {
            mark: Mark::Dot,
            ink: palette::outcome(op_type),
            label: format!("{} {}", op_type.as_str(), view.count(n)),
        })
        .collect();
    Figure {
        title: "Latency of every completion".into(),
        legend,
        panels,
        footnotes,
        operations: operations.iter().fold(0, |sum, n| sum.saturating_add(*n)),
        thinning: cell(view),
    }
}

/// What one dot stands for, where it stands for several operations: `0.15 s by 4.3 % of latency`.
fn cell(view: &View<'_>) -> Option<String> {
    let rows = view.series.cells_an_octave;
    (rows > 0).then(|| {
        let ratio = (2f64.powf(1.0 / f64::from(rows)) - 1.0) * 100.0;
        format!("{} by {ratio:.0} % of latency", width(view.series.cell.as_secs_f64()))
    })
}

/// Where the axis may begin so that a few odd operations do not stretch it by a decade or more: nanoseconds, and how
/// many operations are below. Of latencies and how many operations each stands for.
fn floor(mut latencies: Vec<(u64, u64)>) -> Option<(u64, u64)> {
    latencies.sort_unstable();
    let all: u64 = latencies.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n));
    // Of a few, one may be odd; of many, three or one in two hundred.
    let spare = if all >= 100 { (all / 200).max(3) } else { u64::from(all >= 20) };
    let least = latencies.first().map_or(0, |(least, _)| *least);
    // The axis begins after the widest gap: what lies before it is odd, and not merely the fastest of the usual.
    let (mut widest, mut floor, mut below) = (1.0, None, 0);
    for pair in latencies.windows(2) {
        below += pair[0].1;
        if below > spare {
            break;
        }
        let gap = pair[1].0 as f64 / pair[0].0.max(1) as f64;
        if gap > widest {
            (widest, floor) = (gap, Some((pair[1].0, below)));
        }
    }
    floor.filter(|(floor, _)| least.saturating_mul(10) <= *floor)
}

fn duration(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{:.1} µs", ns as f64 / 1e3),
        10_000..1_000_000 => format!("{} µs", ns / 1000),
        1_000_000..10_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => seconds(ns as f64 / 1e9),
    }
}

/// A panel of one function; latencies in seconds. What is below `floor` is drawn there.
fn panel(f: &str, layers: Vec<(OpType, Vec<(f64, f64)>)>, floor: Option<f64>) -> Panel {
    let floor = floor.unwrap_or(0.0);
    let latencies = || layers.iter().flat_map(|(_, points)| points.iter().map(|(_, latency)| *latency));
    let least = latencies().fold(f64::INFINITY, f64::min).max(floor);
    let greatest = latencies().fold(0.0, f64::max);
    let axis = if greatest > 0.0 { log_axis(least, greatest) } else { log_axis(0.001, 1.0) };
    let layers = layers
        .into_iter()
        .map(|(op_type, points)| Layer::Dots {
            points: points.into_iter().map(|(t, latency)| (t, latency.max(floor).log10())).collect(),
            ink: palette::outcome(op_type),
            radius: 3,
        })
        .collect();
    Panel { name: f.to_owned(), measure: "latency (log scale)".into(), axis, layers, empty: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_odd_operations_do_not_stretch_the_axis() {
        let usual = |n: u64| (0..n).map(|i| (1_000_000 + i, 1));
        let with = |odd: &[(u64, u64)], n: u64| floor(usual(n).chain(odd.iter().copied()).collect());
        assert_eq!(with(&[(1_000, 1)], 500), Some((1_000_000, 1)));
        assert_eq!(with(&[(1_000, 1)], 30), Some((1_000_000, 1)));
        assert_eq!(with(&[(1_000, 1)], 5), None, "one of six is no outlier");
        assert_eq!(with(&[(1_000, 40)], 500), None, "so many are no outliers");
        assert_eq!(with(&[(800, 1), (810, 1)], 400), Some((1_000_000, 2)), "two odd polls of some hundred");
        assert_eq!(with(&[(300_000, 1)], 500), None, "less than a decade is not worth it");
        assert_eq!(floor(Vec::new()), None);
    }
}
