//! `tribunal show RUN --around KEY OFFSET`: one offset and its neighbours, as the history tells of them.

use std::path::Path;

use anyhow::{Result, bail};
use checker::{Context, Options};
use store::reader::Source;
use store::run_dir::Runs;

use super::run_judged::context;
use super::which_run;
use crate::exit::usage;
use crate::out;

/// Keys that an error lists.
const KEYS: usize = 12;

/// Shows the neighbourhood of an offset in a run, or in a history alone.
pub fn show(runs: &Runs, name: &str, (key, offset): (&str, &str), span: u32) -> Result<u8> {
    let offset: i64 = offset.replace(',', "").parse().map_err(|_| {
        usage(format!("--around {key} {offset}: an offset is a whole number; write --around KEY OFFSET"))
    })?;
    let path = Path::new(name);
    let (history, context) = if path.is_file() {
        (path.to_owned(), Context::default())
    } else if path.exists() && !path.is_dir() {
        return Err(usage(format!(
            "{name}: --around reads a history twice, and a pipe can be read once only"
        )));
    } else {
        let run = runs.find(name)?;
        let meta = run.read_meta()?;
        if let Some(why) = which_run::without_history(&run, &meta) {
            bail!(why);
        }
        (run.history(), context(&run, &meta).0)
    };
    let threads = Options::default().threads;
    match checker::around(|| Source::open(&history), &context, (key, offset), span, threads)? {
        Ok(around) => {
            out::print(&results::around_text(&around, &out::style()))?;
            Ok(0)
        }
        Err(keys) => Err(usage(no_such(key, &keys))),
    }
}

fn no_such(key: &str, keys: &[String]) -> String {
    if keys.is_empty() {
        return format!("--around {key}: this history names no partition at all");
    }
    let told = keys.iter().take(KEYS).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = keys.len().saturating_sub(KEYS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("--around {key}: the history has no such partition; it has {told}{more}")
}
