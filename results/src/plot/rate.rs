//! `rate.svg`: completions a second, by function and outcome.

use store::op::OpType;

use super::curve::{Pieces, reduce};
use super::figure::{Figure, Key, Layer, Mark, Panel, View, greatest, not_drawn, split_functions, width};
use super::palette;
use super::ticks::linear_axis;

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
        panels.push(panel(view, f, lines));
    }
    if panels.is_empty() {
        let (why, measure) = (Some(view.nothing("no operation completed")), "completions/s".to_owned());
        panels.push(Panel { empty: why, measure, ..panel(view, "", Vec::new()) });
    }
    let legend = ORDER
        .into_iter()
        .zip(totals)
        .filter(|(_, n)| *n > 0)
        .map(|(op_type, n)| Key {
            mark: Mark::Line,
            ink: palette::outcome(op_type),
            label: format!("{} {}", op_type.as_str(), view.count(n)),
        })
        .collect();
    let footnotes = view.coarse().into_iter().chain(not_drawn(&left)).collect();
    Figure { title: "Rate of completions".into(), legend, panels, footnotes, ..Figure::default() }
}

/// How many steps of the series are one step of the picture. A rate over less than half a second shows how answers
/// come in batches, not how fast they come. Over a second, as the peak that a run tells, it stays below that peak: the
/// run's second may begin at any moment, the picture's only where a step does. Only what is too short for either is
/// drawn more finely.
fn together(view: &View<'_>) -> usize {
    let (step, (first, last)) = (view.series.step.as_secs_f64(), view.reduced());
    let least = if last - first >= 20.0 { 1.0 } else { f64::min(0.5, (last - first) / 10.0) };
    if step > 0.0 { (least / step - 1e-9).ceil().max(1.0) as usize } else { 1 }
}

/// Completions a second, over several steps of the series where they are short. A rare outcome is drawn only around the
/// steps that have it, so that a line along zero does not hide that there are any.
fn curve(view: &View<'_>, count: &[u64], op_type: OpType) -> Pieces {
    let (step, (first, end), n) = (view.series.step.as_secs_f64(), view.reduced(), together(view));
    let width = step * n as f64;
    let mut counts: Vec<u64> = count[..view.steps(count.len())]
        .chunks(n)
        .map(|steps| steps.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)))
        .collect();
    // Never less than half a step, so that a sliver at the end of the history makes no peak.
    let start = |i: usize| first + i as f64 * width;
    // What completed in the very last instant, where a step would begin, is no rate by itself.
    while counts.len() > 1 && start(counts.len() - 1) > end - width * 1e-6 {
        let last = counts.pop().unwrap_or(0);
        if let Some(before) = counts.last_mut() {
            *before = before.saturating_add(last);
        }
    }
    let covered = |i: usize| (end - start(i)).clamp(width / 2.0, width);
    let middle = |i: usize| (start(i) + covered(i) / 2.0).min(end);
    let near = |i: usize| {
        let neighbours = &counts[i.saturating_sub(1)..(i + 2).min(counts.len())];
        op_type == OpType::Ok || neighbours.iter().any(|n| *n > 0)
    };
    reduce(counts.len(), view.buckets, view.span, middle, |i| near(i).then(|| counts[i] as f64 / covered(i)))
}

fn panel(view: &View<'_>, f: &str, lines: Vec<(OpType, Pieces)>) -> Panel {
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
    let over = width(view.series.step.as_secs_f64() * together(view) as f64);
    let measure = format!("completions/s, over {over} each");
    Panel { name: f.to_owned(), measure, axis, layers, empty: None }
}

#[cfg(test)]
mod tests {
    use store::series::{Rate, Series};
    use store::time::Nanos;

    use super::*;

    #[test]
    fn one_flush_is_no_peak_and_the_last_completions_are_drawn() {
        // Steps of 50 ms: a thousand answers in one of them, ten in each other one.
        let mut count = vec![10; 101];
        count[7] = 1000;
        let series = Series {
            step: Nanos(50_000_000),
            steps: count.len(),
            end: Nanos(5_010_000_000),
            rates: vec![Rate { f: "send".into(), op_type: OpType::Ok, count }],
            ..Series::default()
        };
        let view = View { series: &series, span: (0.0, 5.01), dots: 10, buckets: 100 };
        let figure = figure(&view);
        assert_eq!(figure.panels[0].measure, "completions/s, over 0.5 s each");
        let Layer::Line { pieces, .. } = &figure.panels[0].layers[0] else { panic!("a line") };
        assert_eq!(pieces[0].len(), 11);
        assert_eq!(pieces[0][0], (0.25, 2180.0));
        assert_eq!(pieces[0][1], (0.75, 200.0));
        assert_eq!(pieces[0][10], (5.01, 40.0), "a sliver counts as half a step");
    }

    #[test]
    fn the_last_instant_is_no_drop_to_zero() {
        // Two seconds of a longer run, in steps of 10 ms, and the instant at their end.
        let window = Some((Nanos(20_000_000_000), Nanos(22_000_000_000)));
        let mut count = vec![10; 201];
        count[200] = 1;
        let series = Series {
            step: Nanos(10_000_000),
            steps: count.len(),
            end: Nanos(60_000_000_000),
            window,
            rates: vec![Rate { f: "send".into(), op_type: OpType::Ok, count }],
            ..Series::default()
        };
        let view = View { series: &series, span: (20.0, 22.0), dots: 10, buckets: 100 };
        let figure = figure(&view);
        let Layer::Line { pieces, .. } = &figure.panels[0].layers[0] else { panic!("a line") };
        assert_eq!(pieces[0].len(), 10);
        let (time, rate) = pieces[0][9];
        assert!((time - 21.9).abs() < 1e-6 && (rate - 1005.0).abs() < 1e-6, "{time} {rate}");
    }
}
