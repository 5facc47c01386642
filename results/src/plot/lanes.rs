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
/// Width of the mark of a fault that found no target.
const MARK: i32 = 8;
/// A label that is cut to less than this says nothing.
const LEGIBLE: f64 = 160.0;

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
        let end = if aimless(fault) { fault.start } else { fault.end.unwrap_or(Nanos::MAX) }.as_secs_f64();
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
                if aimless(w) {
                    return (x0, x0 + MARK);
                }
                let x1 = w.end.map_or(edges.1, |end| x(end.as_secs_f64().min(hi)));
                (x0, x1.max(x0 + NARROWEST))
            };
            let bars = bars(windows.iter().map(|w| (at(w), w.bit == Some(false))));
            let labels = labels(windows.iter().map(|w| (at(w), label(w))), edges);
            Lane { name: name.to_owned(), color: palette::fault(nth), bars, labels }
        })
        .collect()
}

/// Whether a fault acted on nobody: it found no target, and held for no time at all, whenever it was called healed.
fn aimless(window: &FaultWindow) -> bool {
    window.bit == Some(false) && window.nodes.is_empty()
}

/// What a window's label says.
struct Label {
    /// The fault, as it is called.
    what: String,
    /// Whom it was done to, where there is no room for more: the lane says what.
    whom: String,
    /// What must not be cut off.
    remark: String,
}

fn label(window: &FaultWindow) -> Label {
    let what = if window.label.is_empty() { &window.name } else { &window.label };
    let effect = match window.bit {
        Some(false) if aimless(window) => " (no target)",
        Some(false) => " (no effect)",
        // It was for what then did not come, mostly another leader.
        _ if window.unmet.is_some() => " (in vain)",
        _ => "",
    };
    let open = if window.end.is_none() && !aimless(window) { " (no heal recorded)" } else { "" };
    let all = || window.nodes.iter().map(String::as_str);
    let named: Vec<&str> = all().filter(|node| what.contains(node)).collect();
    let whom = if named.is_empty() { all().collect() } else { named }.join(", ");
    Label { what: what.clone(), whom, remark: format!("{effect}{open}") }
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

/// Places each label in its bar, else after it, else before it, else shortened: never over another label.
fn labels(
    windows: impl Iterator<Item = ((i32, i32), Label)>,
    (left_edge, right_edge): (i32, i32),
) -> Vec<(i32, String)> {
    const GAP: i32 = 8;
    let width = |text: &str| text_width(text, LABEL_SIZE).ceil() as i32;
    let windows: Vec<_> = windows.collect();
    let mut placed: Vec<(i32, String)> = Vec::new();
    let mut taken = left_edge;
    for (i, ((x0, x1), Label { what, whom, remark })) in windows.iter().enumerate() {
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
            None => match shortened(what, whom, room) {
                Some(short) => (inside.0, format!("{short}{remark}")),
                None => continue,
            },
        };
        taken = left + width(&text) + 2 * GAP;
        placed.push((left, text));
    }
    placed
}

/// A label that is too long, so that it still says whom: `isolate leader of t-… (kafka-2)`, else `kafka-2`.
fn shortened(what: &str, whom: &str, room: f64) -> Option<String> {
    if whom.is_empty() {
        return fit(what, LABEL_SIZE, room).filter(|_| room >= LEGIBLE);
    }
    let end = format!(" ({whom})");
    let left = room - text_width(&end, LABEL_SIZE);
    let start = fit(what, LABEL_SIZE, left).filter(|_| left >= LEGIBLE);
    let whole = || (text_width(whom, LABEL_SIZE) <= room).then(|| whom.to_owned());
    start.map(|start| format!("{start}{end}")).or_else(whole)
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
            nodes: vec![format!("kafka-{fault}")],
            unmet: None,
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
    fn a_fault_that_waited_in_vain_says_so() {
        let vain =
            |bit| FaultWindow { unmet: Some("nobody".into()), ..window(1, "isolate", 5, Some(40), bit) };
        let words = |fault| lanes(vec![fault])[0].labels[0].1.clone();
        assert_eq!(words(vain(Some(true))), "isolate of kafka-1 (in vain)");
        assert_eq!(words(vain(Some(false))), "isolate of kafka-1 (no effect)");
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
    fn where_little_room_is_a_label_says_whom() {
        let crowd =
            (0..8).map(|i| window(i, "kill", u64::from(i) * 6, Some(u64::from(i) * 6 + 4), Some(true)));
        let lanes = lanes(crowd.collect());
        let words: Vec<&str> = lanes[0].labels.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(words[0], "kafka-0");
        assert_eq!(words.len(), 8, "{words:?}");
    }

    #[test]
    fn a_shortened_label_keeps_its_node() {
        let what = "isolate leader of orders-of-europe-0 (kafka-2)";
        let short = |room| shortened(what, "kafka-2", room);
        assert_eq!(short(400.0).expect("fits"), "isolate leader of order… (kafka-2)");
        assert_eq!(short(120.0).expect("fits"), "kafka-2");
        assert_eq!(short(40.0), None);
        assert_eq!(shortened(what, "", 100.0), None, "cut to nothing that tells");
    }

    #[test]
    fn a_fault_without_a_target_is_a_mark_at_its_start() {
        let nobody = FaultWindow { nodes: vec![], ..window(1, "pause", 8, Some(23), Some(false)) };
        let all = lanes(vec![nobody.clone()]);
        assert_eq!(all[0].bars, [Bar { x0: 240, x1: 240 + MARK, no_effect: true }]);
        assert!(!all[0].hatched(all[0].bars[0]));
        assert_eq!(all[0].labels[0].1, "pause of kafka-1 (no target)");
        let series = Series { faults: vec![nobody], ..Series::default() };
        assert!(layout(&series, (10.0, 60.0), |t| t as i32).is_empty(), "nothing held then");
    }

    #[test]
    fn names_beyond_the_palette_share_a_lane() {
        let faults = (0..20).map(|i| window(i, &format!("fault-{i}"), 1, Some(2), Some(true))).collect();
        let lanes = lanes(faults);
        assert_eq!(lanes.len(), palette::FAULT_COLOURS);
        assert_eq!(lanes.last().unwrap().name, "other faults");
    }
}
