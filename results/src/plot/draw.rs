//! Places a figure on the page and draws it: title, legend, fault lanes, panels, time axis, footnotes.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::dots::{Dot, thin};
use super::figure::{Figure, Layer, Panel, View};
use super::lanes;
use super::palette::{AXIS, Ink, MESH, MUTED, TEXT};
use super::scale::Scale;
use super::surroundings::{
    NOTE_SIZE, dashes, describe, draw_final_pass_lane, draw_head, draw_lanes, draw_legend, footnotes, left,
    place_legend, shade, style,
};
use super::svg::Svg;
use super::ticks::{Axis, instant, time_axis};
use super::type_width::{fit, text_width};

// The page, in drawing units: two to a pixel.
const WIDTH: i32 = 2400;
pub(super) const RIGHT: i32 = WIDTH - 60;
pub(super) const TEXT_SIZE: f64 = 24.0;
pub(super) const LINE: i32 = 36;
pub(super) const LANE: i32 = 36;
const PANEL_HEAD: i32 = 52;
/// Height of the plotting areas by the number of panels.
const PANEL_HEIGHTS: [i32; 4] = [720, 420, 320, 270];

/// The page.
pub(super) type Canvas<'a> = DrawingArea<Svg<'a>, Shift>;
type Axes = Cartesian2d<Scale, Scale>;
/// What plotters can fail with here: nothing, the canvas is a string.
pub(crate) type DrawError = DrawingAreaErrorKind<std::convert::Infallible>;

/// The figure as an SVG document.
pub(crate) fn draw(figure: &Figure, view: &View<'_>) -> Result<String, DrawError> {
    let (lo, hi) = view.span;
    // The same for all pictures of a run, whatever part of it they show: all of its faults' names count.
    let left = left(view.series.faults.iter().map(|fault| fault.name.as_str()));
    let x = |t: f64| left + ((t - lo) / (hi - lo) * f64::from(RIGHT - left)).round() as i32;
    let lanes = lanes::layout(view.series, view.span, x);
    let final_pass = view.series.final_pass.map(|t| t.as_secs_f64()).filter(|t| view.sees(*t));

    let legend = place_legend(figure, &lanes, left);
    let legend_rows = legend.last().map_or(0, |item| item.row + 1);
    let legend_top = 88;
    let lanes_top = legend_top + legend_rows * LINE + 12;
    let lane_count = lanes.len() as i32 + i32::from(final_pass.is_some());
    let panels_top = lanes_top + lane_count * LANE;
    let height = PANEL_HEIGHTS[figure.panels.len().clamp(1, 4) - 1];
    let tops: Vec<i32> = (0..figure.panels.len() as i32)
        .map(|i| panels_top + PANEL_HEAD + i * (height + PANEL_HEAD))
        .collect();
    let bottom = tops.last().copied().unwrap_or(panels_top) + height;

    let (kept, side) = thin(dots(figure, x, height), view.dots);
    let notes = footnotes(figure, view, (kept.len() as u64, side), left);
    let page = (WIDTH, bottom + 118 + notes.len() as i32 * 30);

    let mut out = String::new();
    let svg = Svg::new(
        &mut out,
        (page.0 as u32, page.1 as u32),
        &format!("{} — {}", figure.title, view.series.title),
        &describe(figure, &lanes),
    );
    let root = svg.into_drawing_area();
    root.fill(&WHITE)?;
    draw_head(&root, figure, &view.series.title, left)?;
    draw_legend(&root, &legend, legend_top)?;
    draw_lanes(&root, &lanes, (left, lanes_top))?;
    if let Some(at) = final_pass {
        let top = lanes_top + lanes.len() as i32 * LANE;
        draw_final_pass_lane(&root, x(at), (left, top))?;
    }
    let (mut time, unit) = time_axis(lo, hi, 12);
    if view.timeless() {
        time.ticks.clear();
    }
    for (i, (panel, top)) in figure.panels.iter().zip(&tops).enumerate() {
        let frame = (*top, *top + height);
        for lane in &lanes {
            shade(&root, lane, frame)?;
        }
        let last = i + 1 == figure.panels.len();
        draw_panel(
            &root,
            panel,
            &time,
            (left, frame),
            last,
            kept.iter().filter(|d| d.set / MOST_LAYERS == i),
        )?;
        if let Some(at) = final_pass {
            dashes(&root, x(at), frame)?;
        }
    }
    let caption = match zoom(view) {
        _ if view.timeless() => "no time passed in this history".to_owned(),
        Some(zoom) => format!("time since the run began ({unit}); {zoom}"),
        None => format!("time since the run began ({unit})"),
    };
    root.draw_text(
        &caption,
        &style(TEXT_SIZE, MUTED, HPos::Center, VPos::Top),
        ((left + RIGHT) / 2, bottom + 54),
    )?;
    for (i, note) in notes.iter().enumerate() {
        let at = (left, bottom + 98 + i as i32 * 30);
        root.draw_text(note, &style(NOTE_SIZE, MUTED, HPos::Left, VPos::Top), at)?;
    }
    root.present()?;
    drop(root);
    Ok(out)
}

fn zoom(view: &View<'_>) -> Option<String> {
    let end = view.series.end.as_secs_f64();
    let (lo, hi) = view.span;
    let whole = lo <= 0.0 && hi >= end;
    (!whole).then(|| format!("{} to {} of {}", instant(lo, hi), instant(hi, hi), instant(end, hi)))
}

/// Layers of a panel at most, for numbering sets of dots.
const MOST_LAYERS: usize = 64;

fn dots(figure: &Figure, x: impl Fn(f64) -> i32, height: i32) -> Vec<Dot> {
    let mut all = Vec::new();
    for (i, panel) in figure.panels.iter().enumerate() {
        let Axis { lo, hi, .. } = panel.axis;
        for (j, layer) in panel.layers.iter().take(MOST_LAYERS).enumerate() {
            let Layer::Dots { points, .. } = layer else { continue };
            all.extend(points.iter().map(|at| Dot {
                set: i * MOST_LAYERS + j,
                x: x(at.0),
                // Upwards within the panel, so that the highest dot is the slowest operation.
                y: ((at.1 - lo) / (hi - lo) * f64::from(height)).round() as i32,
                at: *at,
            }));
        }
    }
    all
}

fn draw_panel<'d>(
    root: &Canvas<'_>,
    panel: &Panel,
    time: &Axis,
    (left, (top, bottom)): (i32, (i32, i32)),
    with_time: bool,
    dots: impl Iterator<Item = &'d Dot>,
) -> Result<(), DrawError> {
    let name = style(TEXT_SIZE, TEXT, HPos::Left, VPos::Bottom);
    let name = TextStyle { font: name.font.style(FontStyle::Bold), ..name };
    let words = fit(&panel.name, TEXT_SIZE, 600.0).unwrap_or_default();
    root.draw_text(&words, &name, (left, top - 10))?;
    let after = if words.is_empty() { 0 } else { (text_width(&words, TEXT_SIZE) * 1.08) as i32 + 16 };
    root.draw_text(
        &panel.measure,
        &style(TEXT_SIZE, MUTED, HPos::Left, VPos::Bottom),
        (left + after, top - 10),
    )?;

    // plotters takes the label areas off the area it is given; what stays is exactly the frame.
    let area = root.clone().shrink((0, top), (RIGHT, bottom - top + if with_time { 50 } else { 0 }));
    // Where there is nothing to draw, numbers would only pretend.
    let values = if panel.empty.is_some() {
        Axis { ticks: Vec::new(), light: Vec::new(), ..panel.axis.clone() }
    } else {
        panel.axis.clone()
    };
    let mut chart = ChartBuilder::on(&area)
        .set_label_area_size(LabelAreaPosition::Left, left)
        .set_label_area_size(LabelAreaPosition::Bottom, if with_time { 50 } else { 0 })
        .build_cartesian_2d(Scale(time.clone()), Scale(values))?;
    chart
        .configure_mesh()
        .bold_line_style(MESH.stroke_width(2))
        .light_line_style(MESH.mix(0.6).stroke_width(1))
        .axis_style(AXIS.stroke_width(2))
        .set_all_tick_mark_size(7)
        .label_style(style(TEXT_SIZE, MUTED, HPos::Center, VPos::Top))
        .draw()?;
    for layer in &panel.layers {
        if let Layer::Line { pieces, ink, width, area } = layer {
            draw_line(&mut chart, pieces, *ink, *width, *area)?;
        }
    }
    draw_dots(&mut chart, panel, dots)?;
    if let Some(empty) = &panel.empty {
        let at = ((left + RIGHT) / 2, (top + bottom) / 2);
        root.draw_text(empty, &style(28.0, MUTED, HPos::Center, VPos::Center), at)?;
    }
    Ok(())
}

fn draw_line(
    chart: &mut ChartContext<'_, Svg<'_>, Axes>,
    pieces: &[Vec<(f64, f64)>],
    ink: Ink,
    width: u32,
    area: bool,
) -> Result<(), DrawError> {
    if area {
        for piece in pieces.iter().filter(|p| p.len() > 1) {
            chart.draw_series(AreaSeries::new(piece.iter().copied(), 0.0, ink.fill.mix(0.22)))?;
        }
    }
    let layers = ink.rim.map(|rim| (rim, width + 2)).into_iter().chain([(ink.fill, width)]);
    for (color, width) in layers {
        for piece in pieces {
            match piece.as_slice() {
                // A point between two gaps would be a line of no length.
                [point] => {
                    chart.draw_series([Circle::new(*point, (width / 2 + 2) as i32, color.filled())])?
                }
                _ => chart.draw_series(LineSeries::new(piece.iter().copied(), color.stroke_width(width)))?,
            };
        }
    }
    Ok(())
}

fn draw_dots<'d>(
    chart: &mut ChartContext<'_, Svg<'_>, Axes>,
    panel: &Panel,
    dots: impl Iterator<Item = &'d Dot>,
) -> Result<(), DrawError> {
    let dots: Vec<&Dot> = dots.collect();
    for (j, layer) in panel.layers.iter().enumerate() {
        let Layer::Dots { ink, radius, .. } = layer else { continue };
        let rims = ink.rim.map(|rim| (rim, radius + 2)).into_iter();
        for (color, radius) in rims.chain([(ink.fill, *radius)]) {
            let of_layer = dots.iter().filter(|d| d.set % MOST_LAYERS == j);
            chart.draw_series(of_layer.map(|d| Circle::new(d.at, radius, color.filled())))?;
        }
    }
    Ok(())
}
