//! `rate.svg`: completions a second, by function and outcome.

use store::op::OpType;

use super::curve::Pieces;
use super::figure::{Figure, Key, Layer, Mark, Panel, View, greatest, not_drawn, split_functions};
use super::palette;
use super::ticks::linear_axis;
use crate::text::number::grouped;

const ORDER: [OpType; 3] = [OpType::Ok, OpType::Fail, OpType::Info];

pub(crate) fn figure(view: &View<'_>) -> Figure {
    let rates = || view.series.rates.iter().filter(|r| ORDER.contains(&r.op_type));
    let in_view = |count: &[u64]| -> u64 {
        let steps = view.steps(count.len());
        let seen = count.iter().take(steps).enumerate().filter(|(i, _)| view.sees(view.middle(*i)));
        seen.fold(0, |sum, (_, n)| sum.saturating_add(*n))
    };
    let (drawn, left) = split_functions(rates().filter(|r| in_view(&r.count) > 0).map(|r| r.f.as_str()));
    let mut totals = [0u64; 3];
    let mut panels = Vec::new();
    for f in &drawn {
        let mut lines = Vec::new();
        for (i, op_type) in ORDER.into_iter().enumerate() {
            for rate in rates().filter(|r| r.f == *f && r.op_type == op_type) {
                totals[i] = totals[i].saturating_add(in_view(&rate.count));
                lines.push((op_type, curve(view, &rate.count, op_type)));
            }
        }
        panels.push(panel(f, lines));
    }
    if panels.is_empty() {
        panels.push(Panel { empty: Some("no operation completed".into()), ..panel("", Vec::new()) });
    }
    let legend = ORDER
        .into_iter()
        .zip(totals)
        .filter(|(_, n)| *n > 0)
        .map(|(op_type, n)| Key {
            mark: Mark::Line,
            ink: palette::outcome(op_type),
            label: format!("{} {}", op_type.as_str(), grouped(n)),
        })
        .collect();
    let footnotes = not_drawn(&left).into_iter().collect();
    Figure { title: "Rate of completions".into(), legend, panels, footnotes, operations: 0 }
}

/// Completions a second. A rare outcome is drawn only around the steps that have it, so that a line along zero
/// does not hide that there are any.
fn curve(view: &View<'_>, count: &[u64], op_type: OpType) -> Pieces {
    let near = |i: usize| {
        let neighbours = &count[i.saturating_sub(1)..(i + 2).min(count.len())];
        op_type == OpType::Ok || neighbours.iter().any(|n| *n > 0)
    };
    view.curve(count.len(), |i| view.middle(i), |i| near(i).then(|| count[i] as f64 / view.covered(i)))
}

fn panel(f: &str, lines: Vec<(OpType, Pieces)>) -> Panel {
    let axis = linear_axis(greatest(lines.iter().map(|(_, pieces)| pieces)));
    let layers = lines
        .into_iter()
        .map(|(op_type, pieces)| Layer::Line {
            pieces,
            ink: palette::outcome(op_type),
            width: 3,
            area: op_type == OpType::Ok,
        })
        .collect();
    Panel { name: f.to_owned(), measure: "completions/s".into(), axis, layers, empty: None }
}
