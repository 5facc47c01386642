//! Verdicts and series for people: pictures and text.
//!
//! In the order that data meets them:
//!
//! - pictures: [`plot`] draws a [`store::series::Series`] as SVG files, or the [`plot::window`] of it that was asked for
//! - text: [`text::report`] tells a [`store::verdict::Verdict`], [`text::ls`] lists runs, [`text::show`] tells one run
//!   or one anomaly; [`text::kinds`] is the glossary of anomalies
//!
//! **Invariant:** this crate judges nothing and reads no history: whatever the run's size, it costs as much as the
//! verdict and the series are long.
//!
//! **Invariant:** no text out of a history reaches a picture or a terminal unescaped.

pub mod plot;
pub mod text;

pub use plot::window::Window;
pub use plot::{RenderError, RenderOptions, render, render_cycles};
pub use text::around::around_text;
pub use text::guarantee::guarantee_text;
pub use text::ls::{RunRow, ls_text, status_word};
pub use text::report::{next_text, verdict_text};
pub use text::show::{RunFile, anomaly_text, run_text, witness_lines};
pub use text::style::ReportStyle;
