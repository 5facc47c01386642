//! An [`Axis`] as plotters wants it: it places values, and knows its ticks and their words.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::ticks::Axis;

/// A linear scale with exactly the axis' ticks (the axis of a logarithmic scale is linear in the exponent).
pub(crate) struct Scale(pub(crate) Axis);

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let Axis { lo, hi, .. } = self.0;
        from + ((value - lo) / (hi - lo) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            self.0.light.clone()
        } else {
            self.0.ticks.iter().map(|(value, _)| *value).collect()
        }
    }

    fn range(&self) -> Range<f64> {
        self.0.lo..self.0.hi
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        self.0
            .ticks
            .iter()
            .find(|(tick, _)| tick == value)
            .map(|(_, label)| label.clone())
            .unwrap_or_default()
    }
}
