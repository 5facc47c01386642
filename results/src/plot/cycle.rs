//! A cycle of transactions as a picture: each comes before the one below it, and the last before the first.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use store::verdict::{CycleStep, Edge};

use super::draw::{Canvas, DrawError};
use super::palette::{AXIS, MUTED, TEXT};
use super::surroundings::style;
use super::svg::Svg;
use super::type_width::{fit, text_width};
use crate::text::number::grouped;
use crate::text::wrap::wrap_by;

// The page, in drawing units: two to a pixel.
const WIDTH: i32 = 1920;
const LEFT: i32 = 190;
const RIGHT: i32 = WIDTH - 60;
const HEAD: i32 = 120;
const BOX: i32 = 100;
const SIZE: f64 = 26.0;
const LINE: i32 = 36;
/// Where arrows between boxes run, and where the one back to the first does.
const DOWN: i32 = LEFT + 60;
const BACK: i32 = 80;
/// Steps that are drawn; shortest cycles are rarely longer than four.
const STEPS: usize = 40;

/// The colour of an edge, and its word.
fn edge(edge: Edge) -> (RGBColor, &'static str) {
    match edge {
        Edge::Ww => (RGBColor(0xC2, 0x4D, 0x4D), "write then write (ww)"),
        Edge::Wr => (RGBColor(0x00, 0x72, 0xB2), "write then read (wr)"),
        Edge::Process => (RGBColor(0x00, 0x8F, 0x68), "order in the process"),
        Edge::Realtime => (RGBColor(0x8E, 0x6B, 0xBF), "real time"),
    }
}

/// The cycle as an SVG document. `title` says which finding of the run it is.
pub(crate) fn draw(run: &str, title: &str, steps: &[CycleStep]) -> Result<String, DrawError> {
    let drawn = &steps[..steps.len().min(STEPS)];
    let texts: Vec<Vec<String>> = drawn.iter().map(because).collect();
    // The last one's words stand below its box, as all others' do.
    let gaps: Vec<i32> = texts.iter().map(|lines| 66 + LINE * lines.len() as i32).collect();
    let left_out = steps.len() - drawn.len();
    let height = HEAD + gaps.iter().map(|gap| gap + BOX).sum::<i32>() + 60 + 40 * i32::from(left_out > 0);
    let mut out = String::new();
    let named = if run.is_empty() { title.to_owned() } else { format!("{title} — {run}") };
    let svg = Svg::new(&mut out, (WIDTH as u32, height as u32), &named, &describe(drawn));
    let root = svg.into_drawing_area();
    root.fill(&WHITE)?;
    let left = |size: f64, color: RGBColor| style(size, color, HPos::Left, VPos::Center);
    root.draw_text(title, &left(36.0, TEXT), (60, 46))?;
    root.draw_text(run, &left(24.0, MUTED), (60, 90))?;
    let mut top = HEAD;
    let mut middles = Vec::new();
    for (i, (step, lines)) in drawn.iter().zip(&texts).enumerate() {
        boxed(&root, step, top)?;
        middles.push(top + BOX / 2);
        let (color, word) = edge(step.edge);
        let below = top + BOX;
        let last = i + 1 == drawn.len();
        if !last {
            let to = below + gaps[i];
            root.draw(&PathElement::new(vec![(DOWN, below), (DOWN, to - 14)], color.stroke_width(4)))?;
            head(&root, (DOWN, to), (0, 1), color)?;
        }
        let word = if last { format!("{word}, back to {}", drawn[0].name) } else { word.to_owned() };
        root.draw_text(&word, &left(SIZE, color), (DOWN + 36, below + 34))?;
        for (n, line) in lines.iter().enumerate() {
            root.draw_text(line, &left(SIZE, TEXT), (DOWN + 36, below + 34 + LINE * (n as i32 + 1)))?;
        }
        top = below + gaps[i];
    }
    if left_out > 0 {
        let text = format!("… and {} more steps, which are in verdict.json", grouped(left_out as u64));
        root.draw_text(&text, &left(SIZE, MUTED), (LEFT, top + 10))?;
    }
    if let (Some(first), Some(last), Some(step)) = (middles.first(), middles.last(), drawn.last()) {
        let (color, _) = edge(step.edge);
        let path = vec![(LEFT, *last), (BACK, *last), (BACK, *first), (LEFT - 14, *first)];
        root.draw(&PathElement::new(path, color.stroke_width(4)))?;
        head(&root, (LEFT, *first), (1, 0), color)?;
    }
    root.present()?;
    drop(root);
    Ok(out)
}

/// The words under a box.
fn because(step: &CycleStep) -> Vec<String> {
    let room = f64::from(RIGHT - DOWN - 36);
    let text = format!("because {}", step.because);
    wrap_by(&text, |line| text_width(line, SIZE) <= room)
}

/// A transaction: its name, what it is, its lines.
fn boxed(root: &Canvas<'_>, step: &CycleStep, top: i32) -> Result<(), DrawError> {
    let frame = [(LEFT, top), (RIGHT, top + BOX)];
    root.draw(&Rectangle::new(frame, RGBColor(0xF5, 0xF7, 0xF9).filled()))?;
    root.draw(&Rectangle::new(frame, AXIS.stroke_width(3)))?;
    let left = |size: f64, color: RGBColor| style(size, color, HPos::Left, VPos::Center);
    root.draw_text(&step.name, &left(36.0, TEXT), (LEFT + 28, top + BOX / 2))?;
    let beside = LEFT + 60 + text_width(&step.name, 36.0) as i32;
    let room = f64::from(RIGHT - beside - 20);
    let lines: Vec<String> = step.lines.iter().map(|line| grouped(*line)).collect();
    let word = if lines.len() == 1 { "line" } else { "lines" };
    for (text, y, color) in [
        (step.transaction.clone(), top + 32, TEXT),
        (format!("{word} {} of the history", lines.join(", ")), top + 70, MUTED),
    ] {
        if let Some(text) = fit(&text, SIZE, room) {
            root.draw_text(&text, &left(SIZE, color), (beside, y))?;
        }
    }
    Ok(())
}

/// An arrow's head with its tip at `at`.
fn head(root: &Canvas<'_>, at: (i32, i32), (dx, dy): (i32, i32), color: RGBColor) -> Result<(), DrawError> {
    let (x, y) = at;
    let back = (x - 20 * dx, y - 20 * dy);
    let corners = vec![at, (back.0 + 11 * dy, back.1 + 11 * dx), (back.0 - 11 * dy, back.1 - 11 * dx)];
    root.draw(&Polygon::new(corners, color.filled()))
}

/// For those who cannot see it.
fn describe(steps: &[CycleStep]) -> String {
    let one = |(i, step): (usize, &CycleStep)| {
        let next = &steps[(i + 1) % steps.len()].name;
        format!("{} comes before {next}, because {}.", step.name, step.because)
    };
    steps.iter().enumerate().map(one).collect::<Vec<_>>().join(" ")
}
