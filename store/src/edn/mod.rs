//! Jepsen's histories: EDN maps, read into the same batches as JSON lines, and written for Jepsen's own
//! checkers.
//!
//! In the order that text meets them: [`detect`] (is it EDN, and how is it laid out), [`forms`] (text to
//! operations) over [`operation`] (one map), [`to_json`] (any value) and [`token`], then [`join`] (chunks in
//! order, whatever they were cut through). [`from_json`] goes the other way.
//!
//! An operation's map is spelled as the history line it stands for, and that line is read by the same
//! [`crate::parse`] as any other: the two notations cannot come to mean different things.
//!
//! What EDN has and JSON has not: keywords, symbols and characters become strings (`:a/b` is `"a/b"`),
//! lists and sets become arrays, `#inst` and `#uuid` their strings, every other tag and record
//! `{"tag":"name","value":...}`, ratios and `##NaN` strings, `1N` and `1.5M` numbers. A map's key that is
//! neither keyword, symbol nor string becomes the string of its JSON text: `{5 ...}` is `{"5":...}`.
//!
//! The tokens are read by hand because a history is cut into chunks at arbitrary bytes, read in parallel and
//! without a tree: that needs a reader which tells "more text is needed" from "this is wrong" and has a bound on
//! its depth. The crates that read EDN (`clojure-reader`) build a tree of a whole document; tests hold this
//! reader against that one.

mod detect;
mod forms;
mod from_json;
mod join;
mod operation;
mod to_json;
mod token;

pub(crate) use self::detect::detect;
pub(crate) use self::forms::Ops;
pub(crate) use self::from_json::map as write_map;
pub(crate) use self::join::read_ops;
