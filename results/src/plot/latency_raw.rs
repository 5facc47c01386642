//! `latency-raw.svg`: a dot a completion, by function and outcome.

use store::op::OpType;
use store::series::LatencyCells;
use store::time::Nanos;

use super::figure::{Figure, Key, Layer, Mark, Panel, View, not_drawn, split_functions};
use super::palette;
use super::ticks::log_axis;
use crate::text::number::grouped;

/// From back to front: the rare and telling ones stay on top.
const ORDER: [OpType; 3] = [OpType::Ok, OpType::Fail, OpType::Info];

pub(crate) fn figure(view: &View<'_>) -> Figure {
    let seen = |cells: &LatencyCells| cells.cells.iter().any(|c| view.sees(Nanos(c[0]).as_secs_f64()));
    let all: Vec<&LatencyCells> =
        view.series.latencies.iter().filter(|c| ORDER.contains(&c.op_type) && seen(c)).collect();
    let (drawn, left) = split_functions(all.iter().map(|c| c.f.as_str()));
    let mut operations = [0u64; 3];
    let mut panels: Vec<Panel> = drawn
        .iter()
        .map(|f| {
            let mut layers = Vec::new();
            for (i, op_type) in ORDER.into_iter().enumerate() {
                let mut points = Vec::new();
                for cells in all.iter().filter(|c| c.f == *f && c.op_type == op_type) {
                    for [time, latency, count] in &cells.cells {
                        let t = Nanos(*time).as_secs_f64();
                        if view.sees(t) {
                            points.push((t, (*latency).max(1) as f64 / 1e9));
                            operations[i] = operations[i].saturating_add((*count).max(1));
                        }
                    }
                }
                layers.push((op_type, points));
            }
            panel(f, layers)
        })
        .collect();
    if panels.is_empty() {
        panels.push(Panel { empty: Some("no operation completed".into()), ..panel("", Vec::new()) });
    }
    let mut footnotes: Vec<String> = not_drawn(&left).into_iter().collect();
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
            label: format!("{} {}", op_type.as_str(), grouped(n)),
        })
        .collect();
    Figure {
        title: "Latency of every completion".into(),
        legend,
        panels,
        footnotes,
        operations: operations.iter().fold(0, |sum, n| sum.saturating_add(*n)),
    }
}

/// A panel of one function; latencies in seconds.
fn panel(f: &str, layers: Vec<(OpType, Vec<(f64, f64)>)>) -> Panel {
    let latencies = || layers.iter().flat_map(|(_, points)| points.iter().map(|(_, latency)| *latency));
    let least = latencies().fold(f64::INFINITY, f64::min);
    let greatest = latencies().fold(0.0, f64::max);
    let axis = if greatest > 0.0 { log_axis(least, greatest) } else { log_axis(0.001, 1.0) };
    let layers = layers
        .into_iter()
        .map(|(op_type, points)| Layer::Dots {
            points: points.into_iter().map(|(t, latency)| (t, latency.log10())).collect(),
            ink: palette::outcome(op_type),
            radius: 3,
        })
        .collect();
    Panel { name: f.to_owned(), measure: "latency (log scale)".into(), axis, layers, empty: None }
}
