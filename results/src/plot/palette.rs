//! The colours: the field's own for outcomes, soft ones for faults, ordered ones for quantiles.

use plotters::style::RGBColor;
use store::op::OpType;

/// Text.
pub(crate) const TEXT: RGBColor = RGBColor(0x1F, 0x29, 0x33);
/// Secondary text; 5.9 to 1 on white.
pub(crate) const MUTED: RGBColor = RGBColor(0x5A, 0x65, 0x70);
/// Axes.
pub(crate) const AXIS: RGBColor = RGBColor(0x8A, 0x94, 0x9E);
/// Mesh lines.
pub(crate) const MESH: RGBColor = RGBColor(0xE6, 0xE9, 0xEC);
/// The consume-all pass.
pub(crate) const FINAL_PASS: RGBColor = RGBColor(0x5A, 0x65, 0x70);

/// A colour, and the darker rim that lets a pale colour be seen on white.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ink {
    /// The colour itself.
    pub(crate) fill: RGBColor,
    /// Drawn under it, a little wider.
    pub(crate) rim: Option<RGBColor>,
}

impl Ink {
    /// A colour dark enough by itself.
    pub(crate) const fn plain(fill: RGBColor) -> Ink {
        Ink { fill, rim: None }
    }
}

/// Jepsen's colours of the outcomes.
pub(crate) fn outcome(op_type: OpType) -> Ink {
    match op_type {
        OpType::Ok => Ink::plain(RGBColor(0x6D, 0xB6, 0xFE)),
        OpType::Info => Ink { fill: RGBColor(0xFF, 0xAA, 0x26), rim: Some(RGBColor(0x9C, 0x5B, 0x00)) },
        OpType::Fail => Ink { fill: RGBColor(0xFE, 0xB5, 0xDA), rim: Some(RGBColor(0xAD, 0x2F, 0x74)) },
        OpType::Invoke => Ink::plain(AXIS),
    }
}

/// Lines that must be told apart: keys, readers. Distinct under the usual colour blindnesses
/// (Okabe and Ito, "Color Universal Design", darkened to 3 to 1 on white).
pub(crate) const LINES: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x8F, 0x68),
    RGBColor(0xB8, 0x5A, 0x94),
    RGBColor(0x2F, 0x94, 0xC6),
    RGBColor(0xA6, 0x7C, 0x00),
    RGBColor(0x6A, 0x51, 0xA3),
    RGBColor(0x6B, 0x4B, 0x3A),
];

/// From the median to the maximum, cold to hot.
pub(crate) const QUANTILES: [RGBColor; 5] = [
    RGBColor(0x2B, 0x83, 0xBA),
    RGBColor(0x1A, 0x96, 0x41),
    RGBColor(0xC0, 0x8A, 0x00),
    RGBColor(0xE0, 0x5A, 0x1C),
    RGBColor(0xA5, 0x0F, 0x3C),
];

/// One colour a fault name; drawn pale behind the data, stronger in the lane that names it. No blue,
/// orange or pink: those are outcomes.
const FAULTS: [RGBColor; 8] = [
    RGBColor(0x8E, 0x6B, 0xBF),
    RGBColor(0x3A, 0xA6, 0x76),
    RGBColor(0xB5, 0xA0, 0x1E),
    RGBColor(0xC2, 0x4D, 0x4D),
    RGBColor(0x1F, 0x8F, 0x9E),
    RGBColor(0x8A, 0x66, 0x45),
    RGBColor(0x7A, 0x8B, 0x2E),
    RGBColor(0x64, 0x74, 0x86),
];

/// How many fault names have a colour of their own.
pub(crate) const FAULT_COLOURS: usize = FAULTS.len();

/// The colour of the fault name that appears `nth` in the run; beyond the palette all share the last one.
pub(crate) fn fault(nth: usize) -> RGBColor {
    FAULTS[nth.min(FAULTS.len() - 1)]
}
