//! One finding in full, with the lines of the history that prove it: of a run, or of a history alone.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use store::chunks::map_chunks;
use store::reader::{ReadError, Source};
use store::verdict::Verdict;

use crate::exit::usage;
use crate::out;

/// A verdict, and what it is on.
pub struct Judged<'a> {
    /// What a reader calls it.
    pub name: &'a str,
    /// Its history.
    pub history: &'a Path,
    /// What was found.
    pub verdict: &'a Verdict,
    /// What `--examples` belongs to, for more findings kept in full.
    pub again: &'a str,
}

impl Judged<'_> {
    /// Prints a finding; examples are numbered through all kinds, in the order of the report. `full`: its lines whole.
    ///
    /// # Errors
    /// As a usage error, if there is none of that number; if the history cannot be read.
    pub fn print(&self, number: usize, full: bool) -> Result<()> {
        let lines = lines_of(self.history, &results::witness_lines(self.verdict, number))?;
        let Some(text) = results::anomaly_text(self.verdict, number, &lines, full, &out::style()) else {
            return Err(usage(self.nothing(number)));
        };
        out::print(&text)
    }

    /// Why there is nothing under this number: examples are numbered, and not all findings are kept as such.
    fn nothing(&self, number: usize) -> String {
        let anomalies = || self.verdict.anomalies.values();
        let all = anomalies().fold(0_u64, |sum, a| sum.saturating_add(a.count));
        let kept: usize = anomalies().map(|a| a.examples.len()).sum();
        let name = self.name;
        if kept == 0 {
            return format!("{name} has no findings to show");
        }
        if kept as u64 >= all {
            return format!("there is no finding {number}: {name} has 1 to {kept}");
        }
        format!(
            "there is no finding {number}: of the {} findings of {name}, {kept} are kept in full, 1 to {kept}; to keep \
             more of each kind: {} --examples {}",
            results::text::number::grouped(all),
            self.again,
            number.max(kept)
        )
    }
}

/// The raw lines of a history with these numbers.
fn lines_of(history: &Path, wanted: &[u64]) -> Result<BTreeMap<u64, String>> {
    let mut lines = BTreeMap::new();
    // Chunks do not know their number until they are joined: their text is looked at then.
    map_chunks(
        Source::open(history)?,
        1,
        |text| Ok(text.to_vec()),
        |chunk| {
            let last = chunk.first_line + chunk.lines;
            if wanted.iter().any(|n| (chunk.first_line..last).contains(n)) {
                for (number, line) in (chunk.first_line..).zip(chunk.item.split(|b| *b == b'\n')) {
                    if wanted.contains(&number) {
                        lines.insert(number, String::from_utf8_lossy(line).into_owned());
                    }
                }
            }
            Ok::<(), ReadError>(())
        },
    )?;
    Ok(lines)
}
