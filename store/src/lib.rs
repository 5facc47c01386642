//! The hall of tribunal: the field's words, and how they lie on disk.
//!
//! In the order that data meets them:
//!
//! - words: [`time`], [`op`] (a history's lines), [`cluster`] and [`fault`] (what the nemesis knows),
//!   [`settings`], [`run_meta`] (`run.json`), [`progress`], [`verdict`] (`verdict.json`), [`series`] (`series.json`)
//! - writing a history: [`recorder`] (tapes, the writer thread), [`frames`] (zstd frames and their index)
//!
//! **Invariant:** this crate knows no cluster, no client library, no anomaly's definition and no picture;
//! every other crate imports it and it imports none of them.

pub mod cluster;
mod encode;
pub mod fault;
pub mod frames;
pub mod op;
pub mod progress;
pub mod recorder;
pub mod run_meta;
pub mod series;
pub mod settings;
pub mod time;
pub mod verdict;
