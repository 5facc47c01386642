//! What a picture consists of, before anything is placed: panels of layers over one span of time.

use store::series::Series;
use store::time::Nanos;

use super::curve::{self, Pieces};
use super::palette::Ink;
use super::ticks::Axis;
use crate::text::number::grouped;

/// Where the latency of a send begins in an open loop: what waited to be sent waited too.
pub(crate) const DUE: &str = "A send's latency counts from when it was due, where the history says that, and not from when it was sent.";

/// The most panels a picture has.
const MOST_PANELS: usize = 4;

/// Functions worth a panel, in the order of the panels; functions not named here come after them.
const DATA_FUNCTIONS: [&str; 6] = ["send", "txn", "poll", "enqueue", "dequeue", "drain"];
/// Functions that have a panel only where there is nothing else: a handful of calls a run.
const CONTROL_FUNCTIONS: [&str; 7] =
    ["offsets", "assign", "subscribe", "seek", "crash", "commit", "rebalance"];

/// One picture.
#[derive(Debug, Default)]
pub(crate) struct Figure {
    /// What it shows.
    pub(crate) title: String,
    /// The words beside its colours.
    pub(crate) legend: Vec<Key>,
    /// From top to bottom; at least one.
    pub(crate) panels: Vec<Panel>,
    /// What a reader must know to not be misled.
    pub(crate) footnotes: Vec<String>,
    /// How many operations its dots stand for.
    pub(crate) operations: u64,
    /// How large the cells are of which the series keep one operation each.
    pub(crate) thinning: Option<String>,
}

/// One entry of the legend.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) mark: Mark,
    pub(crate) ink: Ink,
    pub(crate) label: String,
}

/// How a key's data is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mark {
    Dot,
    Line,
}

/// One set of axes.
#[derive(Debug)]
pub(crate) struct Panel {
    /// The function, or what the panel shows of it; may be empty.
    pub(crate) name: String,
    /// What the vertical axis measures, with its unit.
    pub(crate) measure: String,
    /// The vertical axis.
    pub(crate) axis: Axis,
    /// From back to front, in the axis' unit.
    pub(crate) layers: Vec<Layer>,
    /// What to say where there is nothing to draw.
    pub(crate) empty: Option<String>,
}

/// Data of one colour.
#[derive(Debug)]
pub(crate) enum Layer {
    /// Dots at (seconds, axis unit).
    Dots { points: Vec<(f64, f64)>, ink: Ink, radius: i32 },
    /// A line of this width in drawing units, with the area under it where `area`.
    Line { pieces: Pieces, ink: Ink, width: u32, area: bool },
}

/// What part of a series is drawn, and how finely.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) series: &'a Series,
    /// Seconds.
    pub(crate) span: (f64, f64),
    /// Dots in the whole picture at most.
    pub(crate) dots: usize,
    /// Buckets a curve at most.
    pub(crate) buckets: usize,
}

impl View<'_> {
    /// The seconds that the series are of.
    pub(crate) fn reduced(&self) -> (f64, f64) {
        let (first, last) = self.series.window.unwrap_or((Nanos(0), self.series.end));
        (first.as_secs_f64(), last.as_secs_f64())
    }

    /// Whether only a part of what the series are of is drawn: it was reduced for a longer time.
    pub(crate) fn cut(&self) -> bool {
        let (first, last) = self.reduced();
        last > first && (self.span.0 > first || self.span.1 < last)
    }

    /// Whether the history has any time in it.
    pub(crate) fn timeless(&self) -> bool {
        self.series.end == Nanos(0)
    }

    /// Seconds at which step `i` begins.
    fn step_start(&self, i: usize) -> f64 {
        self.reduced().0 + i as f64 * self.series.step.as_secs_f64()
    }

    /// Seconds at the middle of step `i`, or of the part of it that the series cover.
    pub(crate) fn middle(&self, i: usize) -> f64 {
        (self.step_start(i) + self.covered(i) / 2.0).min(self.reduced().1)
    }

    /// Seconds at the end of step `i`, or of what the series cover.
    pub(crate) fn step_end(&self, i: usize) -> f64 {
        // Within the history, or its last sample would lie outside the picture.
        (self.step_start(i) + self.covered(i)).min(self.reduced().1)
    }

    /// Seconds of step `i` that the series cover. Never less than half a step, so that a sliver at the
    /// end makes no peak in a rate.
    pub(crate) fn covered(&self, i: usize) -> f64 {
        let step = self.series.step.as_secs_f64();
        (self.reduced().1 - self.step_start(i)).clamp(step / 2.0, step)
    }

    /// The width of a step, in words: `0.2 s`.
    pub(crate) fn step(&self) -> String {
        width(self.series.step.as_secs_f64())
    }

    /// What a sample of the unseen records and of the lags is: `highest in each 50 s`.
    pub(crate) fn sample(&self) -> String {
        if self.series.schema < 2 {
            format!("at the end of each {}", self.step())
        } else {
            format!("highest in each {}", self.step())
        }
    }

    /// Why there is nothing to draw: `otherwise`, unless the window lies between two steps.
    pub(crate) fn nothing(&self, otherwise: &str) -> String {
        if self.cut() && self.span.1 - self.span.0 < 2.0 * self.series.step.as_secs_f64() {
            format!("the window is finer than the series' step of {}", self.step())
        } else {
            otherwise.to_owned()
        }
    }

    /// What must be said where only a part of the series is drawn.
    pub(crate) fn coarse(&self) -> Option<String> {
        self.cut().then(|| {
            format!(
                "A part of the whole run's series: nothing finer than their step of {} is told apart, and counts are \
                 approximate.",
                self.step()
            )
        })
    }

    /// A count, which is approximate where only a part of the series is drawn.
    pub(crate) fn count(&self, n: u64) -> String {
        format!("{}{}", if self.cut() { "about " } else { "" }, grouped(n))
    }

    /// How many steps of a vector this long can be drawn.
    pub(crate) fn steps(&self, len: usize) -> usize {
        if self.series.step == Nanos(0) { 0 } else { len.min(self.series.steps) }
    }

    /// A vector of the series as a curve.
    pub(crate) fn curve(
        &self,
        len: usize,
        time: impl Fn(usize) -> f64,
        value: impl Fn(usize) -> Option<f64>,
    ) -> Pieces {
        curve::reduce(self.steps(len), self.buckets, self.span, time, value)
    }

    /// Whether the history holds any acknowledged write.
    pub(crate) fn anything_acknowledged(&self) -> bool {
        self.series.rates.iter().any(|r| {
            r.op_type == store::op::OpType::Ok
                && !["poll", "dequeue", "drain"].contains(&r.f.as_str())
                && !CONTROL_FUNCTIONS.contains(&r.f.as_str())
                && r.count.iter().any(|n| *n > 0)
        })
    }

    /// Whether this many seconds lie in the span.
    pub(crate) fn sees(&self, seconds: f64) -> bool {
        (self.span.0..=self.span.1).contains(&seconds)
    }
}

/// A width in seconds, in words, with three figures.
pub(crate) fn width(seconds: f64) -> String {
    let (value, unit) = if seconds < 0.01 { (seconds * 1e3, "ms") } else { (seconds, "s") };
    let decimals = if value > 0.0 { (2.0 - value.log10().floor()).clamp(0.0, 9.0) as i32 } else { 0 };
    let scale = 10f64.powi(decimals);
    format!("{} {unit}", (value * scale).round() / scale)
}

/// The functions that get a panel, in order, and those that do not.
pub(crate) fn split_functions<'a>(names: impl Iterator<Item = &'a str>) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut names: Vec<&str> = names.collect();
    let rank = |name: &str| {
        let control = CONTROL_FUNCTIONS.contains(&name);
        (control, DATA_FUNCTIONS.iter().position(|f| *f == name).unwrap_or(DATA_FUNCTIONS.len()))
    };
    names.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.cmp(b)));
    names.dedup();
    let data = names.iter().filter(|name| !rank(name).0).count();
    let drawn = if data == 0 { names.len() } else { data }.min(MOST_PANELS);
    let left = names.split_off(drawn);
    (names, left)
}

/// A footnote for functions without a panel; `None` where all have one.
pub(crate) fn not_drawn(left: &[&str]) -> Option<String> {
    if left.is_empty() {
        return None;
    }
    let (shown, more) = left.split_at(left.len().min(8));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    Some(format!("Not drawn: {}{more}.", shown.join(", ")))
}

/// The greatest value of some curves, zero where there is none.
pub(crate) fn greatest<'p>(curves: impl IntoIterator<Item = &'p Pieces>) -> f64 {
    curves.into_iter().flatten().flatten().map(|(_, v)| *v).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_come_first_and_control_calls_go_to_a_footnote() {
        let (drawn, left) = split_functions(["poll", "offsets", "send", "assign", "send"].into_iter());
        assert_eq!(drawn, ["send", "poll"]);
        assert_eq!(not_drawn(&left).unwrap(), "Not drawn: assign, offsets.");
        assert_eq!(split_functions(["offsets"].into_iter()).0, ["offsets"]);
        assert_eq!(not_drawn(&[]), None);
    }

    #[test]
    fn a_sliver_at_the_end_counts_as_half_a_step() {
        let series =
            Series { step: Nanos(1_000_000_000), steps: 3, end: Nanos(2_010_000_000), ..Series::default() };
        let view = View { series: &series, span: (0.0, 2.01), dots: 10, buckets: 10 };
        assert!(!view.cut() && View { span: (0.5, 2.01), ..view }.cut());
        assert_eq!(view.covered(0), 1.0);
        assert_eq!(view.covered(2), 0.5);
        assert_eq!(view.steps(100), 3);
        assert_eq!((view.step_end(1), view.step_end(2), view.middle(2)), (2.0, 2.01, 2.01));
        let last = view.curve(3, |i| view.step_end(i), |i| Some(i as f64));
        assert_eq!(last, [vec![(1.0, 0.0), (2.0, 1.0), (2.01, 2.0)]], "the last sample is drawn");
    }

    #[test]
    fn series_of_a_window_lie_where_the_window_does() {
        let second = 1_000_000_000;
        let window = Some((Nanos(300 * second), Nanos(302 * second)));
        let step = Nanos(second / 2);
        let series = Series { step, steps: 5, end: Nanos(2000 * second), window, ..Series::default() };
        let view = View { series: &series, span: (300.0, 302.0), dots: 10, buckets: 10 };
        assert_eq!((view.middle(0), view.step_end(1), view.step_end(4)), (300.25, 301.0, 302.0));
        assert!(!view.cut(), "all that was reduced is drawn");
    }

    #[test]
    fn widths_are_told_in_few_figures() {
        let told = [1e-6, 0.001, 0.007_831_6, 0.15, 0.200_000_001, 50.0, 1000.0].map(width);
        assert_eq!(told, ["0.001 ms", "1 ms", "7.83 ms", "0.15 s", "0.2 s", "50 s", "1000 s"]);
    }
}
