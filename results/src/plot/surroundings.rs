//! What stands around the panels: title, legend, fault lanes and the shading that belongs to them, footnotes.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::draw::{Canvas, DrawError, LANE, LINE, RIGHT, TEXT_SIZE};
use super::figure::{Figure, Mark, View};
use super::lanes::{Bar, LABEL_SIZE, Lane};
use super::palette::{FINAL_PASS, Ink, MUTED, TEXT};
use super::type_width::{fit, text_width};
use crate::text::number::grouped;
use crate::text::wrap::wrap_by;

const TITLE_SIZE: f64 = 34.0;
/// Font size of the footnotes.
pub(super) const NOTE_SIZE: f64 = 21.0;

/// A text's size, colour and anchor.
pub(super) fn style(size: f64, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    let plain = TextStyle::from(("sans-serif", size).into_font());
    TextStyle { color: color.to_backend_color(), ..plain }.pos(Pos::new(h, v))
}

/// The least and the most room left of the panels, drawing units.
const LEFT: (i32, i32) = (270, 480);

/// Where the panels begin, so that the longest name of a fault has room beside its lane.
pub(super) fn left<'n>(names: impl Iterator<Item = &'n str>) -> i32 {
    let longest = names.map(|name| text_width(name, LABEL_SIZE).ceil() as i32).max().unwrap_or(0);
    (longest + NAME_GAPS).clamp(LEFT.0, LEFT.1)
}

/// Beside a lane's name, on both sides.
const NAME_GAPS: i32 = 30;

pub(super) fn draw_head(root: &Canvas<'_>, figure: &Figure, run: &str, left: i32) -> Result<(), DrawError> {
    let title = style(TITLE_SIZE, TEXT, HPos::Left, VPos::Center);
    let title = TextStyle { font: title.font.style(FontStyle::Bold), ..title };
    root.draw_text(&figure.title, &title, (left, 46))?;
    let used = left + (text_width(&figure.title, TITLE_SIZE) * 1.08) as i32 + 40;
    if let Some(run) = fit(run, TEXT_SIZE, f64::from(RIGHT - used)) {
        root.draw_text(&run, &style(TEXT_SIZE, MUTED, HPos::Right, VPos::Center), (RIGHT, 46))?;
    }
    Ok(())
}

/// One placed entry of the legend.
pub(super) struct Placed {
    pub(super) row: i32,
    x: i32,
    /// `None`: the hatching of faults without effect.
    mark: Option<(Mark, Ink)>,
    text: String,
}

pub(super) fn place_legend(figure: &Figure, lanes: &[Lane], left: i32) -> Vec<Placed> {
    let keys = figure.legend.iter().map(|key| (Some((key.mark, key.ink)), key.label.as_str()));
    let hatched = lanes.iter().any(|lane| lane.bars(true).any(|bar| lane.hatched(bar)));
    let hatch = hatched.then_some((None, "hatched: a fault that had no effect"));
    let (mut row, mut x) = (0, left);
    keys.chain(hatch)
        .map(|(mark, label)| {
            let text = fit(label, TEXT_SIZE, 700.0).unwrap_or_default();
            let width = 48 + text_width(&text, TEXT_SIZE) as i32 + 36;
            if x > left && x + width > RIGHT {
                (row, x) = (row + 1, left);
            }
            let placed = Placed { row, x, mark, text };
            x += width;
            placed
        })
        .collect()
}

pub(super) fn draw_legend(root: &Canvas<'_>, legend: &[Placed], top: i32) -> Result<(), DrawError> {
    for Placed { row, x, mark, text } in legend {
        let y = top + row * LINE + LINE / 2;
        match mark {
            Some((Mark::Dot, ink)) => {
                if let Some(rim) = ink.rim {
                    root.draw(&Circle::new((x + 20, y), 9, rim.filled()))?;
                }
                root.draw(&Circle::new(
                    (x + 20, y),
                    if ink.rim.is_some() { 7 } else { 8 },
                    ink.fill.filled(),
                ))?;
            }
            Some((Mark::Line, ink)) => {
                let line = vec![(*x, y), (x + 38, y)];
                if let Some(rim) = ink.rim {
                    root.draw(&PathElement::new(line.clone(), rim.stroke_width(8)))?;
                }
                root.draw(&PathElement::new(line, ink.fill.stroke_width(5)))?;
            }
            None => {
                let bar = (*x, x + 38);
                hatch(root, bar, (y - 10, y + 10), MUTED.mix(0.6))?;
                root.draw(&Rectangle::new([(bar.0, y - 10), (bar.1, y + 10)], MUTED.mix(0.6)))?;
            }
        }
        root.draw_text(text, &style(TEXT_SIZE, TEXT, HPos::Left, VPos::Center), (x + 48, y))?;
    }
    Ok(())
}

pub(super) fn draw_lanes(
    root: &Canvas<'_>,
    lanes: &[Lane],
    (left, top): (i32, i32),
) -> Result<(), DrawError> {
    for (i, lane) in lanes.iter().enumerate() {
        let (y0, y1) = (top + i as i32 * LANE + 3, top + (i as i32 + 1) * LANE - 3);
        for Bar { x0, x1, .. } in lane.bars(false) {
            root.draw(&Rectangle::new([(x0, y0), (x1, y1)], lane.color.mix(0.42).filled()))?;
        }
        for bar in lane.bars(true).filter(|bar| lane.hatched(*bar)) {
            hatch(root, (bar.x0, bar.x1), (y0, y1), lane.color.mix(0.55))?;
        }
        for Bar { x0, x1, .. } in lane.bars(true) {
            root.draw(&Rectangle::new([(x0, y0), (x1, y1)], lane.color.mix(0.8)))?;
        }
        draw_lane_name(root, &lane.name, (left, (y0 + y1) / 2))?;
        for (x, text) in &lane.labels {
            // Words do not stand on hatching.
            if lane.bars.iter().any(|b| b.no_effect && b.x0 <= *x && *x < b.x1) {
                let right = x + text_width(text, LABEL_SIZE) as i32 + 4;
                root.draw(&Rectangle::new([(x - 4, y0 + 1), (right, y1 - 1)], WHITE.mix(0.85).filled()))?;
            }
            root.draw_text(text, &style(LABEL_SIZE, TEXT, HPos::Left, VPos::Center), (*x, (y0 + y1) / 2))?;
        }
    }
    Ok(())
}

fn draw_lane_name(root: &Canvas<'_>, name: &str, (left, y): (i32, i32)) -> Result<(), DrawError> {
    let name = fit(name, LABEL_SIZE, f64::from(left - NAME_GAPS)).unwrap_or_default();
    root.draw_text(&name, &style(LABEL_SIZE, TEXT, HPos::Right, VPos::Center), (left - 16, y))
}

pub(super) fn draw_final_pass_lane(
    root: &Canvas<'_>,
    x: i32,
    (left, top): (i32, i32),
) -> Result<(), DrawError> {
    let (y0, y1) = (top + 3, top + LANE - 3);
    root.draw(&Rectangle::new([(x, y0), (RIGHT.max(x + 3), y1)], FINAL_PASS.mix(0.16).filled()))?;
    draw_lane_name(root, "consume-all", (left, (y0 + y1) / 2))?;
    // The pass is often short and last: its words stand on the side that has room.
    let text = "consume-all pass begins";
    let wanted = text_width(text, LABEL_SIZE) as i32 + 16;
    let (anchor, at) = if x + wanted < RIGHT { (HPos::Left, x + 8) } else { (HPos::Right, x - 8) };
    root.draw_text(text, &style(LABEL_SIZE, TEXT, anchor, VPos::Center), (at, (y0 + y1) / 2))?;
    dashes(root, x, (y0, y1 + 3))
}

pub(super) fn dashes(root: &Canvas<'_>, x: i32, (top, bottom): (i32, i32)) -> Result<(), DrawError> {
    for y in (top..bottom).step_by(14) {
        root.draw(&PathElement::new(vec![(x, y), (x, (y + 8).min(bottom))], FINAL_PASS.stroke_width(3)))?;
    }
    Ok(())
}

/// Colours a panel's background while a fault held.
pub(super) fn shade(root: &Canvas<'_>, lane: &Lane, (top, bottom): (i32, i32)) -> Result<(), DrawError> {
    for narrow in [false, true] {
        // A moment, such as a leader move, would vanish in a pale colour.
        let color = lane.color.mix(if narrow { 0.6 } else { 0.15 });
        for Bar { x0, x1, .. } in lane.bars(false).filter(|bar| (bar.x1 - bar.x0 <= 6) == narrow) {
            root.draw(&Rectangle::new([(x0, top), (x1, bottom)], color.filled()))?;
        }
    }
    for Bar { x0, x1, .. } in lane.bars(true).filter(|bar| !lane.hatched(*bar)) {
        root.draw(&Rectangle::new([(x0, top), (x1, bottom)], lane.color.mix(0.05).filled()))?;
    }
    for Bar { x0, x1, .. } in lane.bars(true).filter(|bar| lane.hatched(*bar)) {
        hatch(root, (x0, x1), (top, bottom), lane.color.mix(0.16))?;
    }
    Ok(())
}

fn hatch(
    root: &Canvas<'_>,
    (x0, x1): (i32, i32),
    (y0, y1): (i32, i32),
    color: RGBAColor,
) -> Result<(), DrawError> {
    for c in ((x0 + y0 + 10)..(x1 + y1)).step_by(20) {
        let from = (x0.max(c - y1), y1.min(c - x0));
        let to = (x1.min(c - y0), y0.max(c - x1));
        root.draw(&PathElement::new(vec![from, to], color.stroke_width(3)))?;
    }
    Ok(())
}

/// What must be said below the panels, wrapped.
pub(super) fn footnotes(
    figure: &Figure,
    view: &View<'_>,
    (drawn, side): (u64, i32),
    left: i32,
) -> Vec<String> {
    let thinned = (drawn < figure.operations).then(|| {
        // Dots of a few drawing units cover one another anyway.
        let rule = match &figure.thinning {
            _ if side > 6 => format!("the slowest in each square of {} pixels", side as u32 / 2),
            Some(cell) => format!("one of each {cell}"),
            None => "one where several lie close together".to_owned(),
        };
        let (drawn, all) = (grouped(drawn), view.count(figure.operations));
        format!("{drawn} of {all} operations drawn: {rule}; every outlier is kept.")
    });
    let room = f64::from(RIGHT - left);
    let notes = thinned.iter().chain(&figure.footnotes);
    notes.flat_map(|note| wrap_by(note, |line| text_width(line, NOTE_SIZE) <= room)).take(6).collect()
}

/// The picture in words, for those who cannot see it.
pub(super) fn describe(figure: &Figure, lanes: &[Lane]) -> String {
    let keys: Vec<&str> = figure.legend.iter().map(|key| key.label.as_str()).collect();
    let faults: Vec<&str> =
        lanes.iter().flat_map(|l| l.labels.iter().map(|(_, text)| text.as_str())).collect();
    let empty: Vec<&str> = figure.panels.iter().filter_map(|p| p.empty.as_deref()).collect();
    let list = |name: &str, words: &[&str]| {
        if words.is_empty() { String::new() } else { format!("{name}: {}. ", words.join("; ")) }
    };
    (list("Drawn", &keys) + &list("Empty", &empty) + &list("Faults", &faults)).trim_end().to_owned()
}
