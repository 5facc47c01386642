//! `realtime-lag.svg`: for how long the oldest acknowledged record ahead of a reader had been acknowledged.

use super::curve::Pieces;
use super::figure::{Figure, Key, Layer, Mark, Panel, View, greatest};
use super::natural::natural;
use super::palette::{Ink, LINES, TEXT};
use super::ticks::linear_axis;

pub(crate) fn figure(view: &View<'_>) -> Figure {
    let lags = &view.series.lag;
    let mut curves: Vec<(&str, Pieces)> = lags
        .iter()
        .map(|reader| {
            let lag = &reader.lag;
            let seconds = |i: usize| lag[i].map(|ns| ns as f64 / 1e9);
            (reader.reader.as_str(), view.curve(lag.len(), |i| view.step_end(i), seconds))
        })
        .filter(|(_, pieces)| !pieces.is_empty())
        .collect();
    let readers = curves.len();
    let most = greatest(curves.iter().map(|(_, pieces)| pieces));
    let (unit, scale) = if most > 0.0 && most < 1.0 { ("ms", 1e3) } else { ("s", 1.0) };
    let axis = linear_axis(most * scale);
    let mut legend = Vec::new();
    let mut layers = Vec::new();
    let mut footnotes = Vec::new();
    if readers > LINES.len() {
        // Those who lag most are what one looks for; the worst of all stands for the rest.
        let worst = worst_of_all(view);
        curves.sort_by(|a, b| greatest([&b.1]).total_cmp(&greatest([&a.1])).then(a.0.cmp(b.0)));
        curves.truncate(LINES.len());
        curves.sort_by(|a, b| natural(a.0, b.0));
        let ink = Ink::plain(TEXT);
        legend.push(Key { mark: Mark::Line, ink, label: "worst of all readers".into() });
        layers.push(Layer::Line { pieces: scaled(worst, scale), ink, width: 7, area: false });
        footnotes.push(format!("{} of {readers} readers drawn: those that lagged most.", LINES.len()));
    }
    let inks = LINES.map(Ink::plain);
    legend.extend(curves.iter().zip(inks).map(|((reader, _), ink)| Key {
        mark: Mark::Line,
        ink,
        label: (*reader).into(),
    }));
    // The first of the legend on top.
    layers.extend(curves.into_iter().zip(inks).rev().map(|((_, pieces), ink)| Layer::Line {
        pieces: scaled(pieces, scale),
        ink,
        width: 3,
        area: false,
    }));
    let empty = match (readers, view.anything_acknowledged()) {
        (_, false) => Some("no acknowledged send: nothing to lag behind".to_owned()),
        (0, true) => Some(view.nothing("no reader polled here")),
        // The longest in a step is just before a poll that brought something: zero throughout means that none did, or
        // a first one everything.
        _ if most == 0.0 && view.series.schema >= 2 => {
            Some("no lag is known: no reader was seen behind an acknowledged record".to_owned())
        }
        _ if most == 0.0 => Some("no lag at the end of any step".to_owned()),
        _ => None,
    };
    if empty.is_some() {
        (legend, layers, footnotes) = Default::default();
    }
    footnotes.extend(view.coarse());
    let sample = if empty.is_some() { String::new() } else { format!(", {}", view.sample()) };
    let measure = format!("age of the oldest acknowledged record ahead of the reader ({unit}){sample}");
    Figure {
        title: "Realtime lag of the readers".into(),
        legend,
        panels: vec![Panel { name: String::new(), measure, axis, layers, empty }],
        footnotes,
        ..Figure::default()
    }
}

fn worst_of_all(view: &View<'_>) -> Pieces {
    let lags = &view.series.lag;
    let len = lags.iter().map(|r| r.lag.len()).max().unwrap_or(0);
    let worst = |i: usize| lags.iter().filter_map(|r| r.lag.get(i).copied().flatten()).max();
    view.curve(len, |i| view.step_end(i), |i| worst(i).map(|ns| ns as f64 / 1e9))
}

fn scaled(pieces: Pieces, scale: f64) -> Pieces {
    pieces.into_iter().map(|piece| piece.into_iter().map(|(t, v)| (t, v * scale)).collect()).collect()
}
