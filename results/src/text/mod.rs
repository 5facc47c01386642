//! Text for terminals: pure functions from plain data.
//!
//! [`report`] (the end of a run), [`guarantee`] (its table), [`ls`], [`show`] and [`around`] (one offset and its
//! neighbours) are made of [`kinds`] (the glossary), [`number`], `fault` (when it held), and [`style`] (colour, width, wrapping); `raw_line`
//! cuts a history's line down to what matters.

pub mod around;
mod fault;
pub mod guarantee;
pub mod kinds;
pub mod ls;
pub mod number;
mod raw_line;
pub mod report;
pub mod show;
pub mod style;
pub(crate) mod wrap;
