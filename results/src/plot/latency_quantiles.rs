//! `latency-quantiles.svg`: the latency of acknowledged operations over time, from the median to the maximum.

use super::curve::Pieces;
use super::figure::{DUE, Figure, Key, Layer, Mark, Panel, View, greatest, not_drawn, split_functions};
use super::palette::{Ink, LINES, QUANTILES};
use super::ticks::log_axis;

/// The quantiles of the series and what to call them.
const NAMES: [(&str, &str); 5] =
    [("0.5", "median"), ("0.95", "p95"), ("0.99", "p99"), ("0.999", "p99.9"), ("1", "maximum")];

pub(crate) fn figure(view: &View<'_>) -> Figure {
    let mut curves: Vec<(&str, Vec<(&str, Pieces)>)> = Vec::new();
    for quantiles in &view.series.quantiles {
        let of_f: Vec<(&str, Pieces)> = quantiles
            .by_quantile
            .iter()
            .map(|(q, values)| {
                let seconds = |i: usize| values[i].map(|ns| ns.max(1) as f64 / 1e9);
                (q.as_str(), view.curve(values.len(), |i| view.middle(i), seconds))
            })
            .filter(|(_, pieces)| !pieces.is_empty())
            .collect();
        if !of_f.is_empty() {
            curves.push((&quantiles.f, of_f));
        }
    }
    // A function whose completions all failed has no quantiles, and a panel that says so.
    let rates = view.series.rates.iter().filter(|rate| rate.count.iter().any(|n| *n > 0));
    let (drawn, left) =
        split_functions(curves.iter().map(|(f, _)| *f).chain(rates.map(|rate| rate.f.as_str())));
    let mut used: Vec<&str> = Vec::new();
    let mut panels = Vec::new();
    for f in &drawn {
        let Some((_, lines)) = curves.iter().find(|(name, _)| name == f) else {
            let why = Some(view.nothing("no completion with ok here"));
            panels.push(Panel { empty: why, ..panel(view, f, &[]) });
            continue;
        };
        for (q, _) in lines {
            if !used.contains(q) {
                used.push(q);
            }
        }
        panels.push(panel(view, f, lines));
    }
    if panels.is_empty() {
        let why =
            if view.anything_acknowledged() { "no completion with ok here" } else { "no acknowledged send" };
        panels.push(Panel { empty: Some(view.nothing(why)), ..panel(view, "", &[]) });
    }
    used.sort_by(|a, b| number(a).total_cmp(&number(b)));
    let legend = used.iter().map(|q| Key { mark: Mark::Line, ink: ink(q), label: name(q) }).collect();
    let mut footnotes = vec![
        "Completions with ok only; higher quantiles are drawn wider, so that where lines coincide all are seen."
            .to_owned(),
    ];
    if view.series.due && drawn.contains(&"send") {
        footnotes.push(DUE.into());
    }
    footnotes.extend(view.coarse());
    footnotes.extend(not_drawn(&left));
    Figure { title: "Latency quantiles".into(), legend, panels, footnotes, ..Figure::default() }
}

fn panel(view: &View<'_>, f: &str, lines: &[(&str, Pieces)]) -> Panel {
    let least =
        lines.iter().flat_map(|(_, p)| p.iter().flatten()).map(|(_, v)| *v).fold(f64::INFINITY, f64::min);
    let most = greatest(lines.iter().map(|(_, pieces)| pieces));
    let axis = if most > 0.0 { log_axis(least, most) } else { log_axis(0.001, 1.0) };
    let mut layers: Vec<(&str, Layer)> = lines
        .iter()
        .map(|(q, pieces)| {
            let pieces = pieces.iter().map(|p| p.iter().map(|(t, v)| (*t, v.log10())).collect()).collect();
            (*q, Layer::Line { pieces, ink: ink(q), width: width(q), area: false })
        })
        .collect();
    // The median in front, the widest line behind.
    layers.sort_by(|(a, _), (b, _)| number(b).total_cmp(&number(a)));
    let layers = layers.into_iter().map(|(_, layer)| layer).collect();
    let over = if lines.is_empty() { String::new() } else { format!(", over {} each", view.step()) };
    Panel { name: f.to_owned(), measure: format!("latency (log scale){over}"), axis, layers, empty: None }
}

/// Drawing units. The maximum is behind all others: where they coincide it must stand out on both sides.
fn width(quantile: &str) -> u32 {
    match NAMES.iter().position(|(q, _)| *q == quantile) {
        Some(4) => 11,
        Some(3) => 7,
        _ => 3,
    }
}

fn number(quantile: &str) -> f64 {
    quantile.parse().unwrap_or(f64::INFINITY)
}

fn name(quantile: &str) -> String {
    NAMES
        .iter()
        .find(|(q, _)| *q == quantile)
        .map_or_else(|| quantile.to_owned(), |(_, name)| (*name).to_owned())
}

fn ink(quantile: &str) -> Ink {
    let known = NAMES.iter().position(|(q, _)| *q == quantile);
    Ink::plain(known.map_or(LINES[6], |i| QUANTILES[i]))
}
