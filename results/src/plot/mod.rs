//! From a reduced series to pictures: [`render`] writes them, everything else places and draws.
//!
//! In the order that data meets them: [`window`] (what part), one module a picture (`latency_raw`,
//! `latency_quantiles`, `rate`, `unseen`, `realtime_lag`) that makes a `figure` of panels, curves (`curve`) and
//! axes (`ticks`); `draw` places it with `lanes` of faults, thins its `dots`, and makes `svg`; `natural`
//! puts names in order. From a verdict, [`render_cycles`] draws each `cycle` of transactions that it
//! tells.

mod curve;
mod cycle;
mod dots;
mod draw;
mod figure;
mod lanes;
mod latency_quantiles;
mod latency_raw;
mod natural;
mod palette;
mod rate;
mod realtime_lag;
mod scale;
mod surroundings;
mod svg;
mod ticks;
mod type_width;
mod unseen;
pub mod window;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use store::series::Series;
use store::time::Nanos;
use store::verdict::Verdict;
use store::whole_file;

use figure::{Figure, View};
use window::Window;

use crate::text::number::counted;
use crate::text::report::numbered_examples;

/// No picture is larger than this, whatever the run. Bytes.
pub const LARGEST_PICTURE: usize = 1_000_000;

/// The pictures' file names, in the order [`render`] returns them.
pub const PICTURES: [&str; 5] =
    ["latency-raw.svg", "latency-quantiles.svg", "rate.svg", "unseen.svg", "realtime-lag.svg"];

/// What to draw of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct RenderOptions {
    /// The part of the run's time; by default all of it.
    pub window: Window,
}

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The directory could not be made.
    #[error("cannot make the directory {path} for the pictures: is the run's directory writable?")]
    CreateDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write the picture {path}: is there space, and is the directory writable?")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The window shows nothing of the run.
    #[error(
        "window {window} holds nothing of this run, whose history ends at {end}: choose a window before that"
    )]
    WindowOutside {
        /// The window that was asked for.
        window: Window,
        /// The last time of the history.
        end: Nanos,
    },
    /// The window ends before it begins.
    #[error("window {0} ends before it begins: the earlier time comes first")]
    WindowBackwards(Window),
    /// A picture could not be laid out: a defect.
    #[error("cannot draw {picture}: {reason}; please report this with the run's series.json")]
    Draw {
        /// The picture.
        picture: &'static str,
        /// What plotters says.
        reason: String,
    },
}

/// Draws every picture of a run into `dir`, which is made where it is missing, and returns the files' paths.
///
/// Costs as much as the series is long, not as the history was, and no file exceeds [`LARGEST_PICTURE`]. A part of
/// the run is drawn as finely as the series are: the pictures say so, and that counts are approximate then. Series that
/// were reduced for that part alone show it all.
///
/// # Errors
/// A window with nothing of the run in it; a directory or file that cannot be written.
pub fn render(series: &Series, dir: &Path, options: &RenderOptions) -> Result<Vec<PathBuf>, RenderError> {
    let span = span(series, options.window)?;
    fs::create_dir_all(dir).map_err(|source| RenderError::CreateDir { path: dir.to_owned(), source })?;
    let figures: [fn(&View<'_>) -> Figure; 5] =
        [latency_raw::figure, latency_quantiles::figure, rate::figure, unseen::figure, realtime_lag::figure];
    let mut paths = Vec::with_capacity(PICTURES.len());
    for (picture, figure) in PICTURES.into_iter().zip(figures) {
        let svg = document(series, span, picture, figure)?;
        let path = dir.join(picture);
        write(&path, &svg)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Writes a picture, whole or not at all.
fn write(path: &Path, svg: &str) -> Result<(), RenderError> {
    whole_file::write(path, |file| file.write_all(svg.as_bytes()))
        .map_err(|source| cannot_write(path, source))
}

fn cannot_write(path: &Path, source: io::Error) -> RenderError {
    RenderError::Write { path: path.to_owned(), source }
}

/// Draws every cycle of transactions that the verdict tells in full, as `cycle-N.svg` where N is the finding's number
/// in the report, and returns the files' paths. `run` is the run's name for the pictures. Such pictures of an earlier
/// verdict are removed.
///
/// # Errors
/// A directory or file that cannot be written.
pub fn render_cycles(run: &str, verdict: &Verdict, dir: &Path) -> Result<Vec<PathBuf>, RenderError> {
    fs::create_dir_all(dir).map_err(|source| RenderError::CreateDir { path: dir.to_owned(), source })?;
    for entry in fs::read_dir(dir).map_err(|source| cannot_write(dir, source))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix("cycle-").and_then(|rest| rest.strip_suffix(".svg"));
        if number.is_some_and(|number| number.parse::<u64>().is_ok()) {
            fs::remove_file(entry.path()).map_err(|source| cannot_write(&entry.path(), source))?;
        }
    }
    let mut paths = Vec::new();
    for (number, kind, example) in numbered_examples(verdict) {
        if example.cycle.is_empty() {
            continue;
        }
        let transactions = counted(example.cycle.len() as u64, "transaction", "transactions");
        let title = format!("#{number}  {kind}: a cycle of {transactions}");
        let svg = cycle::draw(run, &title, &example.cycle)
            .map_err(|e| RenderError::Draw { picture: "a cycle", reason: e.to_string() })?;
        let path = dir.join(format!("cycle-{number}.svg"));
        write(&path, &svg)?;
        paths.push(path);
    }
    Ok(paths)
}

/// The span of time to draw, in seconds.
fn span(series: &Series, window: Window) -> Result<(f64, f64), RenderError> {
    if let Window { from: Some(from), to: Some(to) } = window
        && to <= from
    {
        return Err(RenderError::WindowBackwards(window));
    }
    let (first, last) = series.window.unwrap_or((Nanos(0), series.end));
    let lo = window.from.unwrap_or(Nanos(0)).max(first).as_secs_f64();
    let hi = window.to.unwrap_or(Nanos::MAX).min(last).as_secs_f64();
    if hi > lo {
        return Ok((lo, hi));
    }
    if window != Window::default() {
        return Err(RenderError::WindowOutside { window, end: series.end });
    }
    // A history without time still gets its (empty) pictures.
    Ok((0.0, 1.0))
}

/// Draws one picture, with ever fewer details until it is small enough.
fn document(
    series: &Series,
    span: (f64, f64),
    picture: &'static str,
    figure: fn(&View<'_>) -> Figure,
) -> Result<String, RenderError> {
    let mut view = View { series, span, dots: 60_000, buckets: curve::BUCKETS };
    loop {
        let svg = draw::draw(&figure(&view), &view)
            .map_err(|e| RenderError::Draw { picture, reason: e.to_string() })?;
        if svg.len() <= LARGEST_PICTURE {
            return Ok(svg);
        }
        if view.dots < 100 {
            let reason = format!("it takes {} bytes without any detail", svg.len());
            return Err(RenderError::Draw { picture, reason });
        }
        (view.dots, view.buckets) = (view.dots / 2, view.buckets / 2);
    }
}
