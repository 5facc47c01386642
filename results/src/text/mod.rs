//! Text for terminals: pure functions from plain data.
//!
//! [`report`] (the end of a run), [`guarantee`] (its table), [`ls`] and [`show`] are made of [`kinds`] (the glossary), [`number`], and
//! [`style`] (colour, width, wrapping).

pub mod guarantee;
pub mod kinds;
pub mod ls;
pub mod number;
pub mod report;
pub mod show;
pub mod style;
pub(crate) mod wrap;
