//! `unseen.svg`: acknowledged records that no reader had seen yet, in all and by partition.

use super::curve::Pieces;
use super::figure::{Figure, Key, Layer, Mark, Panel, View, greatest};
use super::natural::natural;
use super::palette::{Ink, LINES, TEXT};
use super::ticks::linear_axis;
use crate::text::number::grouped;

pub(crate) fn figure(view: &View<'_>) -> Figure {
    let unseen = &view.series.unseen;
    let curve = |values: &[u64]| view.curve(values.len(), |i| view.step_end(i), |i| Some(values[i] as f64));
    let total = curve(&unseen.total);
    let mut by_key: Vec<(&str, Pieces)> = unseen
        .by_key
        .iter()
        .filter(|(_, values)| values.iter().any(|n| *n > 0))
        .take(LINES.len())
        .map(|(key, values)| (key.as_str(), curve(values)))
        .collect();
    by_key.sort_by(|(a, _), (b, _)| natural(a, b));
    let acknowledged = view.anything_acknowledged() || unseen.total.iter().any(|n| *n > 0);
    let mut legend = Vec::new();
    let mut layers = Vec::new();
    let mut footnotes = Vec::new();
    let mut empty = None;
    let axis = linear_axis(greatest(by_key.iter().map(|(_, p)| p).chain([&total])));
    if !acknowledged {
        empty = Some("no acknowledged send".to_owned());
    } else if total.is_empty() {
        empty = Some(view.nothing("nothing recorded here"));
    } else if greatest([&total]) == 0.0 {
        empty = Some("no acknowledged record was unread here".to_owned());
    } else {
        let last = || unseen.total.iter().take(view.steps(unseen.total.len())).next_back().copied();
        footnotes.push(match unseen.at_end.or_else(last).unwrap_or(0) {
            0 => "At the end of the history every acknowledged record had been read.".to_owned(),
            1 => "1 acknowledged record had not been read at the end of the history.".to_owned(),
            n => format!("{} acknowledged records had not been read at the end of the history.", grouped(n)),
        });
        let ink = Ink::plain(TEXT);
        legend.push(Key { mark: Mark::Line, ink, label: "all partitions".into() });
        for (i, (key, pieces)) in by_key.into_iter().enumerate() {
            let ink = Ink::plain(LINES[i]);
            legend.push(Key { mark: Mark::Line, ink, label: key.to_owned() });
            layers.push(Layer::Line { pieces, ink, width: 3, area: false });
        }
        if unseen.keys > layers.len() as u64 {
            footnotes.push(format!(
                "{} of {} partitions with unseen records drawn: those with the most.",
                layers.len(),
                grouped(unseen.keys)
            ));
        }
        layers.push(Layer::Line { pieces: total, ink, width: 4, area: false });
    }
    footnotes.extend(view.coarse());
    let sample = if empty.is_some() { String::new() } else { format!(", {}", view.sample()) };
    let measure = format!("records acknowledged and not yet read{sample}");
    Figure {
        title: "Acknowledged but unseen".into(),
        legend,
        panels: vec![Panel { name: String::new(), measure, axis, layers, empty }],
        footnotes,
        ..Figure::default()
    }
}
