//! The strip above the panels: one lane a fault name, its windows as bars, each with what it did to whom.
//!
//! The name stands at the left of its lane, so that every fault is named even where a label does not fit; labels
//! are cut or left out before they touch one another.

use plotters::style::RGBColor;
use store::fault::FaultWindow;
use store::series::Series;
use store::time::Nanos;

use super::palette;
use super::type_width::{fit, text_width};

/// Font size of the labels, drawing units.
pub(crate) const LABEL_SIZE: f64 = 22.0;
/// Hatched bars in a lane at most.
const MOST_HATCHED: usize = 40;
/// The narrowest bar that can still be seen, drawing units.
const NARROWEST: i32 = 3;

/// One fault name and its windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lane {
    /// The fault's name, or `other faults`.
    pub(crate) name: String,
    /// Its colour.
    pub(crate) color: RGBColor,
    /// Its windows, from left to right.
    pub(crate) bars: Vec<Bar>,
    /// Words on the bars: where they begin, and what they say.
    pub(crate) labels: Vec<(i32, String)>,
}

/// One window, or several that no pixel tells apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    /// Left edge, drawing units.
    pub(crate) x0: i32,
    /// Right edge, above `x0`.
    pub(crate) x1: i32,
    /// A probe saw that the fault did not take effect.
    pub(crate) no_effect: bool,
}

impl Lane {
    /// The bars of one look, so that they are drawn one after another.
    pub(crate) fn bars(&self, no_effect: bool) -> impl Iterator<Item = Bar> {
        self.bars.iter().copied().filter(move |bar| bar.no_effect == no_effect)
    }

    /// Whether hatching can be told from a plain pale colour, and costs no more than it tells.
    pub(crate) fn hatched(&self, bar: Bar) -> bool {
        bar.x1 - bar.x0 >= 12 && self.bars(true).count() <= MOST_HATCHED
    }
}

/// Lays out the fault windows that touch the span. `x` maps seconds to drawing units.
pub(crate) fn layout(series: &Series, (lo, hi): (f64, f64), x: impl Fn(f64) -> i32) -> Vec<Lane> {
    let edges = (x(lo), x(hi));
    let mut names: Vec<&str> = Vec::new();
    for fault in &series.faults {
        if !names.contains(&fault.name.as_str()) {
            names.push(&fault.name);
        }
    }
    let mut lanes: Vec<(usize, Vec<&FaultWindow>)> = Vec::new();
    for fault in &series.faults {
        let end = fault.end.unwrap_or(Nanos::MAX).as_secs_f64();
        if fault.start.as_secs_f64() > hi || end < lo {
            continue;
        }
        let nth = names.iter().position(|n| *n == fault.name).unwrap_or(0);
        // The last colour is shared by all the names that have none of their own.
        let nth =
            if names.len() > palette::FAULT_COLOURS { nth.min(palette::FAULT_COLOURS - 1) } else { nth };
        match lanes.iter_mut().find(|(lane, _)| *lane == nth) {
            Some((_, windows)) => windows.push(fault),
            None => lanes.push((nth, vec![fault])),
        }
    }
    lanes.sort_by_key(|(nth, _)| *nth);
    lanes
        .into_iter()
        .map(|(nth, mut windows)| {
            windows.sort_by_key(|w| (w.start, w.fault));
            let shared = names.len() > palette::FAULT_COLOURS && nth == palette::FAULT_COLOURS - 1;
            let name = if shared { "other faults" } else { names[nth] };
            let at = |w: &FaultWindow| {
                let x0 = x(w.start.as_secs_f64().max(lo));
                let x1 = w.end.map_or(edges.1, |end| x(end.as_secs_f64().min(hi)));
                (x0, x1.max(x0 + NARROWEST))
            };
            let bars = bars(windows.iter().map(|w| (at(w), w.bit == Some(false))));
            let labels = labels(windows.iter().map(|w| (at(w), label(w))), edges);
            Lane { name: name.to_owned(), color: palette::fault(nth), bars, labels }
        })
        .collect()
}

/// What a window's label says: the fault, and apart from it what must not be cut off.
fn label(window: &FaultWindow) -> (String, String) {
    let what = if window.label.is_empty() { &window.name } else { &window.label };
    let effect = if window.bit == Some(false) { " (no effect)" } else { "" };
    let open = if window.end.is_none() { " (no heal recorded)" } else { "" };
    (what.clone(), format!("{effect}{open}"))
}

/// Windows of one kind that overlap or touch within a pixel become one bar: their number is bounded by the
/// picture's width.
fn bars(windows: impl Iterator<Item = ((i32, i32), bool)>) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    let mut last: [Option<usize>; 2] = [None, None];
    for ((x0, x1), no_effect) in windows {
        let slot = &mut last[usize::from(no_effect)];
        match *slot {
            Some(i) if bars[i].x1 + 1 >= x0 => bars[i].x1 = bars[i].x1.max(x1),
            _ => {
                *slot = Some(bars.len());
                bars.push(Bar { x0, x1, no_effect });
            }
        }
    }
    bars
}

/// Places each label in its bar, else after it, else before it, else cut: never over another label.
fn labels(
    windows: impl Iterator<Item = ((i32, i32), (String, String))>,
    (left_edge, right_edge): (i32, i32),
) -> Vec<(i32, String)> {
    const GAP: i32 = 8;
    let width = |text: &str| text_width(text, LABEL_SIZE).ceil() as i32;
    let windows: Vec<_> = windows.collect();
    let mut placed: Vec<(i32, String)> = Vec::new();
    let mut taken = left_edge;
    for (i, ((x0, x1), (what, remark))) in windows.iter().enumerate() {
        let next = windows.get(i + 1).map_or(right_edge, |((next, _), _)| (*next).min(right_edge));
        let wanted = width(what) + width(remark);
        let inside = (x0 + GAP, (*x1).min(next));
        let after = (x1 + GAP, next);
        let before = (x0 - GAP - wanted, *x0);
        let fits = |(from, to): &(i32, i32)| *from >= taken && from + wanted + GAP <= *to;
        let room = f64::from(next - GAP - inside.0 - width(remark));
        let (left, text) = match [inside, after, before].into_iter().find(fits) {
            Some((left, _)) => (left, format!("{what}{remark}")),
            None if inside.0 < taken => continue,
            None => match fit(what, LABEL_SIZE, room) {
                Some(what) => (inside.0, format!("{what}{remark}")),
                None => continue,
            },
        };
        taken = left + width(&text) + 2 * GAP;
        placed.push((left, text));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(fault: u32, name: &str, start: u64, end: Option<u64>, bit: Option<bool>) -> FaultWindow {
        let s = |s: u64| Nanos(s * 1_000_000_000);
        FaultWindow {
            fault,
            name: name.into(),
            label: format!("{name} of kafka-{fault}"),
            start: s(start),
            end: end.map(s),
            bit,
            evidence: String::new(),
            nodes: vec![],
        }
    }

    fn lanes(faults: Vec<FaultWindow>) -> Vec<Lane> {
        let series = Series { faults, ..Series::default() };
        layout(&series, (0.0, 60.0), |t| (t * 30.0) as i32)
    }

    #[test]
    fn each_name_has_its_lane_and_an_open_window_runs_to_the_edge() {
        let lanes = lanes(vec![
            window(1, "kill", 5, Some(10), Some(true)),
            window(2, "pause", 8, Some(12), Some(false)),
            window(3, "kill", 50, None, None),
        ]);
        assert_eq!(lanes.len(), 2);
        assert_ne!(lanes[0].color, lanes[1].color);
        assert_eq!(lanes[0].bars.last().unwrap().x1, 1800);
        assert_eq!(lanes[0].labels[1].1, "kill of kafka-3 (no heal recorded)");
        assert!(lanes[1].bars[0].no_effect);
        assert_eq!(lanes[1].labels[0].1, "pause of kafka-2 (no effect)");
    }

    #[test]
    fn labels_never_touch_whatever_the_crowd() {
        let faults = (0..500).map(|i| window(i, "kill", u64::from(i) % 60, Some(60), Some(true))).collect();
        let lanes = lanes(faults);
        for pair in lanes[0].labels.windows(2) {
            let end = pair[0].0 + text_width(&pair[0].1, LABEL_SIZE) as i32;
            assert!(end < pair[1].0, "{pair:?}");
        }
        assert_eq!(lanes[0].bars.len(), 1, "bars that no pixel tells apart are one");
    }

    #[test]
    fn names_beyond_the_palette_share_a_lane() {
        let faults = (0..20).map(|i| window(i, &format!("fault-{i}"), 1, Some(2), Some(true))).collect();
        let lanes = lanes(faults);
        assert_eq!(lanes.len(), palette::FAULT_COLOURS);
        assert_eq!(lanes.last().unwrap().name, "other faults");
    }
}
