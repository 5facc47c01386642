//! The hall of tribunal: the field's words, and how they lie on disk.
//!
//! In the order that data meets them:
//!
//! - words: [`time`], [`op`] (a history's lines), [`cluster`] and [`fault`] (what the nemesis knows),
//!   [`settings`], [`run_meta`] (`run.json`), [`progress`], [`verdict`] (`verdict.json`), [`series`] (`series.json`),
//!   [`around`] (the neighbourhood of one offset)
//! - writing a history: [`recorder`] (tapes, the writer thread), [`frames`] (zstd frames and their index)
//! - reading it back: [`reader`] over [`chunks`] (whole lines, in parallel, in order), [`parse`] (text to columns),
//!   [`batch`] (the columns); Jepsen's EDN comes in through `edn`, by way of the same lines (`fields`);
//!   [`reader::functions_at_start`] looks ahead, to tell what kind of history it is
//! - from one notation to the other: [`convert`]
//! - around both: [`run_dir`] (the directory of a run, and finding one by name), [`whole_file`] (files that a crash cannot
//!   leave half written)
//!
//! **Invariant:** this crate knows no cluster, no client library, no anomaly's definition and no picture;
//! every other crate imports it and it imports none of them.

pub mod around;
pub mod batch;
mod beginning;
pub mod chunks;
pub mod cluster;
pub mod convert;
mod edn;
mod encode;
pub mod fault;
mod fields;
mod frame_scan;
pub mod frames;
mod json;
pub mod op;
pub mod parse;
pub mod progress;
pub mod reader;
pub mod recorder;
pub mod run_dir;
pub mod run_meta;
pub mod series;
pub mod settings;
mod source;
pub mod time;
pub mod verdict;
pub mod whole_file;
