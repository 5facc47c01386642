//! What could not be saved beside a verdict. A verdict is what somebody waited for: a full disk, or a store that
//! cannot be written, costs the files, and they are told of after it.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::Error;
use checker::Analysis;
use results::RenderError;
use store::run_dir::{RunDir, RunError};

use crate::exit::{FAILED, complain, in_words, is_of_a_full_disk};

/// What could not be saved of one run.
#[derive(Debug)]
pub struct Unsaved {
    run: RunDir,
    failures: Vec<String>,
    /// The commands that make it again.
    again: Vec<&'static str>,
    full: bool,
    /// Whether all of it failed because the store may not be written.
    forbidden: bool,
}

impl Unsaved {
    /// Nothing yet.
    pub fn of(run: RunDir) -> Unsaved {
        Unsaved { run, failures: Vec::new(), again: Vec::new(), full: false, forbidden: true }
    }

    /// Saves the verdict and the reduced series.
    pub fn save(&mut self, analysis: &Analysis) {
        let (run, verdict, series) = (self.run.clone(), &analysis.verdict, &analysis.series);
        for written in [run.write_verdict(verdict), run.write_series(series)] {
            if let Err(error) = written {
                self.note(&plainly(error), Some("analyze"));
            }
        }
    }

    /// Draws the pictures; where they are.
    pub fn draw(&mut self, analysis: &Analysis) -> Vec<PathBuf> {
        let plots = self.run.plots();
        let mut drawn = Vec::new();
        let series = results::render(&analysis.series, &plots, &results::RenderOptions::default());
        for pictures in [series, results::render_cycles(&analysis.series.title, &analysis.verdict, &plots)] {
            match pictures {
                Ok(pictures) => drawn.extend(pictures),
                Err(error) => self.note(&of_a_picture(error), Some("render")),
            }
        }
        drawn
    }

    /// `run.json`, whose last version could not be written.
    pub fn status(&mut self, error: RunError) {
        let kept = "run.json still says that the run goes on: `tribunal ls` will call it crashed";
        self.note(&plainly(error).context(kept), None);
    }

    /// The link `latest`, which could not be set to this run.
    pub fn latest(&mut self, error: RunError) {
        let kept = format!("`latest` does not name this run; it is {}", self.run.as_typed());
        self.note(&plainly(error).context(kept), None);
    }

    /// Anything else.
    pub fn other(&mut self, error: &Error) {
        self.note(error, None);
    }

    fn note(&mut self, error: &Error, again: Option<&'static str>) {
        self.full |= is_of_a_full_disk(error);
        self.forbidden &= error.chain().any(|cause| cause.downcast_ref().is_some_and(is_forbidden));
        self.failures.push(in_words(error));
        if let Some(verb) = again.filter(|verb| !self.again.contains(verb)) {
            self.again.push(verb);
        }
    }

    /// Whether all was saved.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    /// The exit code of `run`: that something failed before what the verdict says.
    pub fn code(&self, verdict: u8) -> u8 {
        if self.is_empty() { verdict } else { FAILED }
    }

    /// The exit code of `analyze`, to which a store that may only be read is none the worse for it.
    pub fn code_of_reader(&self, verdict: u8) -> u8 {
        if self.forbidden { verdict } else { self.code(verdict) }
    }

    /// Says it on standard error, with what to do.
    pub fn say(&self) {
        if !self.is_empty() {
            complain(&format!("error: not everything could be saved:\n{}", self.list()));
        }
    }

    /// The same, to somebody who only asked for a verdict.
    pub fn say_to_reader(&self) {
        if self.forbidden && !self.is_empty() {
            let why = self.failures.join("; ");
            complain(&format!("warning: the verdict was told and not stored: {why}"));
        } else {
            self.say();
        }
    }

    fn list(&self) -> String {
        let mut lines: Vec<String> = self.failures.iter().map(|failure| format!("  {failure}")).collect();
        let run = self.run.as_typed();
        // One after the other, whatever the first ends with: a verdict of 1 is no failure to analyze.
        let again: Vec<String> = self.again.iter().map(|verb| format!("tribunal {verb} {run}")).collect();
        match (again.is_empty(), self.full) {
            (true, _) => {}
            (false, true) => lines.push(format!("  next: free space, then: {}", again.join("; "))),
            (false, false) => lines.push(format!("  next: when that is mended: {}", again.join("; "))),
        }
        lines.join("\n")
    }
}

/// What happened to a file, its cause still there to be asked, without a next step: there is one for all.
fn plainly(error: RunError) -> Error {
    let words = error.plainly();
    match error {
        RunError::Io { source, .. } => Error::new(source).context(words),
        _ => Error::msg(words),
    }
}

fn of_a_picture(error: RenderError) -> Error {
    match error {
        RenderError::Write { path, source } => {
            Error::new(source).context(format!("cannot write the picture {}", path.display()))
        }
        RenderError::CreateDir { path, source } => {
            Error::new(source).context(format!("cannot create {}", path.display()))
        }
        other => Error::new(other),
    }
}

/// A store that may be read and not written.
fn is_forbidden(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn failing(kinds: &[ErrorKind]) -> Unsaved {
        let mut unsaved = Unsaved::of(RunDir::at("my runs/queue/20261129T000000Z-beef"));
        for kind in kinds {
            let source = io::Error::from(*kind);
            let path = unsaved.run.verdict();
            unsaved.note(
                &plainly(RunError::Io { what: "write", path, source, hint: "; a hint" }),
                Some("analyze"),
            );
        }
        unsaved
    }

    #[test]
    fn a_store_that_may_only_be_read_costs_a_reader_nothing() {
        for (kinds, run, analyze) in [
            (&[][..], 1, 1),
            (&[ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied], FAILED, 1),
            (&[ErrorKind::StorageFull], FAILED, FAILED),
            (&[ErrorKind::PermissionDenied, ErrorKind::StorageFull], FAILED, FAILED),
        ] {
            let unsaved = failing(kinds);
            assert_eq!((unsaved.code(1), unsaved.code_of_reader(1)), (run, analyze), "{kinds:?}");
        }
    }

    #[test]
    fn the_next_step_frees_space_first_where_there_is_none() {
        let said = failing(&[ErrorKind::StorageFull, ErrorKind::IsADirectory]).list();
        let next = "next: free space, then: tribunal analyze 'my runs/queue/20261129T000000Z-beef'";
        assert!(said.ends_with(next) && !said.contains("a hint"), "{said}");
        let mut unsaved = failing(&[ErrorKind::StorageFull]);
        let (path, source) = ("plots/rate.svg".into(), io::Error::from(ErrorKind::StorageFull));
        unsaved.note(&of_a_picture(RenderError::Write { path, source }), Some("render"));
        let said = unsaved.list();
        let next = said.lines().last().expect("lines");
        assert!(next.contains("; tribunal render 'my runs/") && said.matches("next:").count() == 1, "{said}");
        assert!(failing(&[ErrorKind::IsADirectory]).list().contains("when that is mended: tribunal analyze"));
    }
}
