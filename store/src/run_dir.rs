//! The run directory: `<root>/<test>/<UTC time>-<4 hex>/`, everything that one run leaves behind.
//!
//! `latest` names the last run whose history is complete, `current` the last one that was begun: they differ
//! while a run goes on, and after one that crashed. `find` tells which run a name means.
//!
//! Who records a run holds a lock on its `tribunal.log`, which the system drops with the process however that ends:
//! so a run that goes on is told from one that died.

mod error;
mod find;
mod json_file;
mod reserve;
mod typed;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub use self::error::{RunError, is_for_want_of_space};
pub use self::json_file::read_versioned;
use self::json_file::write_json;
pub use self::typed::shell_word;
use crate::run_meta::{RUN_SCHEMA, RunMeta, RunStatus};
use crate::series::{SERIES_SCHEMA, Series};
use crate::verdict::{VERDICT_SCHEMA, Verdict};

/// Where runs are kept unless told otherwise.
pub const DEFAULT_ROOT: &str = "runs";
/// The environment's word for the root.
pub const ROOT_VARIABLE: &str = "TRIBUNAL_STORE";

/// All runs under one root.
#[derive(Debug, Clone)]
pub struct Runs {
    root: PathBuf,
}

/// One run's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

impl Runs {
    /// The given root, else the environment's, else [`DEFAULT_ROOT`].
    pub fn at(root: Option<PathBuf>) -> Runs {
        let root = root
            .or_else(|| std::env::var_os(ROOT_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from(DEFAULT_ROOT));
        Runs { root }
    }

    /// The root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the directory of a new run of `test`, and points `current` at it.
    ///
    /// # Errors
    /// If it cannot be made: a read-only or full disk shows here, before anything else is done.
    pub fn create(&self, test: &str, suffix: u16) -> Result<RunDir, RunError> {
        self.is_a_directory_or_nothing()?;
        let tests = self.root.join(test);
        fs::create_dir_all(&tests).map_err(|e| RunError::cannot("create", &tests, e))?;
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        for attempt in 0..=u16::MAX {
            let path = tests.join(format!("{stamp}-{:04x}", suffix.wrapping_add(attempt)));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let run = RunDir { path };
                    fs::create_dir(run.plots())
                        .and_then(|()| fs::create_dir(run.nodes()))
                        .map_err(|e| RunError::cannot("create", &run.plots(), e))?;
                    self.link("current", &run)?;
                    return Ok(run);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(RunError::cannot("create", &path, e)),
            }
        }
        unreachable!("65,536 runs do not begin in one second")
    }

    /// Points `latest` at a run whose history is complete.
    ///
    /// # Errors
    /// If the link cannot be made.
    pub fn set_latest(&self, run: &RunDir) -> Result<(), RunError> {
        self.link("latest", run)
    }

    fn link(&self, name: &str, run: &RunDir) -> Result<(), RunError> {
        let link = self.root.join(name);
        let target = run.path.strip_prefix(&self.root).unwrap_or(&run.path);
        // Made aside and renamed: the name always points somewhere.
        let aside = self.root.join(format!(".{name}.{}", std::process::id()));
        let _ = fs::remove_file(&aside);
        std::os::unix::fs::symlink(target, &aside).and_then(|()| fs::rename(&aside, &link)).map_err(|e| {
            let _ = fs::remove_file(&aside);
            RunError::cannot("link", &link, e)
        })
    }

    /// All runs, oldest first; those that lost their `run.json` and still have a history too.
    ///
    /// # Errors
    /// If the root is there and cannot be read.
    pub fn list(&self) -> Result<Vec<RunDir>, RunError> {
        self.is_a_directory_or_nothing()?;
        let mut runs = Vec::new();
        for test in directories(&self.root)? {
            runs.extend(directories(&test)?.into_iter().map(RunDir::at).filter(RunDir::is_one));
        }
        runs.sort_by(|a, b| (a.id(), &a.path).cmp(&(b.id(), &b.path)));
        Ok(runs)
    }

    /// A file of the root's name is no store: everything below it would fail in words that do not say so.
    fn is_a_directory_or_nothing(&self) -> Result<(), RunError> {
        match fs::metadata(&self.root) {
            Ok(there) if !there.is_dir() => Err(RunError::NoStore { root: self.root.clone() }),
            _ => Ok(()),
        }
    }
}

/// Sub-directories that are no links; none where the directory itself is missing.
fn directories(path: &Path) -> Result<Vec<PathBuf>, RunError> {
    let fail = |source| RunError::Io { what: "list", path: path.to_owned(), source, hint: "" };
    let entries = match fs::read_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(fail)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

macro_rules! files {
    ($($(#[$doc:meta])* $method:ident = $file:literal;)*) => {
        $($(#[$doc])* pub fn $method(&self) -> PathBuf { self.path.join($file) })*
    };
}

impl RunDir {
    /// A directory that is known to be one.
    pub fn at(path: impl Into<PathBuf>) -> RunDir {
        RunDir { path: path.into() }
    }

    /// Whether a run is there: what it was, or at least its history.
    fn is_one(&self) -> bool {
        self.meta().exists() || self.history().is_file()
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's id: the directory's name.
    pub fn id(&self) -> String {
        self.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Test and id, as `runs` shows it.
    pub fn name(&self) -> String {
        let test = self.path.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        test.map_or_else(|| self.id(), |test| format!("{test}/{}", self.id()))
    }

    files! {
        /// What the run was.
        meta = "run.json";
        /// What it was asked to be.
        scenario = "scenario.toml";
        /// Its operations.
        history = "history.jsonl.zst";
        /// What each broker said, over time.
        cluster = "cluster.jsonl";
        /// The actions of its nemesis.
        journal = "nemesis.journal";
        /// The judgement.
        verdict = "verdict.json";
        /// The reduced series.
        series = "series.json";
        /// The pictures.
        plots = "plots";
        /// What tribunal itself had to say.
        log = "tribunal.log";
        /// The brokers' logs.
        nodes = "nodes";
        /// Room for a run's last words.
        reserved = ".reserve";
    }

    /// Reads `run.json`. A run that is said to go on though nobody records it any more has [`RunStatus::Crashed`].
    ///
    /// # Errors
    /// If it is missing, damaged or of a later version: with what to do about the history beside it.
    pub fn read_meta(&self) -> Result<RunMeta, RunError> {
        let mut meta: RunMeta =
            read_versioned(&self.meta(), RUN_SCHEMA).map_err(|e| e.with_next(|| self.without_meta()))?;
        if meta.status == RunStatus::Running && self.is_abandoned() {
            meta.status = RunStatus::Crashed;
        }
        Ok(meta)
    }

    /// Begins `tribunal.log` and holds it as long as the file is open, as a sign that the run goes on.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn create_log(&self) -> Result<File, RunError> {
        let log = File::create(self.log()).map_err(|e| RunError::cannot("create", &self.log(), e))?;
        // Where files cannot be locked, a run that died looks as if it went on: no reason not to run.
        let _ = log.try_lock();
        Ok(log)
    }

    /// Whether the process that recorded this run is certainly gone.
    fn is_abandoned(&self) -> bool {
        // A shared lock does not stand in the way of others who look.
        File::open(self.log()).is_ok_and(|log| log.try_lock_shared().is_ok())
    }

    /// Writes `run.json`, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_meta(&self, meta: &RunMeta) -> Result<(), RunError> {
        write_json(&self.meta(), meta)
    }

    /// Reads `verdict.json`.
    ///
    /// # Errors
    /// If it is missing, damaged or of a later version.
    pub fn read_verdict(&self) -> Result<Verdict, RunError> {
        read_versioned(&self.verdict(), VERDICT_SCHEMA).map_err(|e| e.with_next(|| self.made_again()))
    }

    /// Writes `verdict.json`, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_verdict(&self, verdict: &Verdict) -> Result<(), RunError> {
        write_json(&self.verdict(), verdict)
    }

    /// Reads `series.json`.
    ///
    /// # Errors
    /// If it is missing, damaged or of a later version.
    pub fn read_series(&self) -> Result<Series, RunError> {
        read_versioned(&self.series(), SERIES_SCHEMA).map_err(|e| e.with_next(|| self.made_again()))
    }

    /// Writes `series.json`, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_series(&self, series: &Series) -> Result<(), RunError> {
        write_json(&self.series(), series)
    }

    fn without_meta(&self) -> String {
        if !self.history().is_file() {
            return "no history is beside it: nothing is left of this run that could be judged".to_owned();
        }
        let history = typed::path_word(&self.history());
        format!("its history is there: `tribunal analyze {history}` judges it, by what it says alone")
    }

    fn made_again(&self) -> String {
        format!("`tribunal analyze {}` makes it again", self.as_typed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn runs() -> (tempfile::TempDir, Runs) {
        let dir = tempfile::tempdir().expect("a directory");
        let runs = Runs::at(Some(dir.path().join("runs")));
        (dir, runs)
    }

    pub(super) fn begun(runs: &Runs, test: &str, suffix: u16) -> RunDir {
        let run = runs.create(test, suffix).expect("creates");
        let meta = RunMeta { schema: RUN_SCHEMA, id: run.id(), ..RunMeta::default() };
        run.write_meta(&meta).expect("writes");
        run
    }

    #[test]
    fn a_run_that_nobody_records_has_crashed() {
        let (_dir, runs) = runs();
        let run = begun(&runs, "queue", 1);
        let status = || run.read_meta().expect("reads").status;
        assert_eq!(status(), RunStatus::Running, "it has no log yet");
        let log = run.create_log().expect("creates");
        assert_eq!((status(), status()), (RunStatus::Running, RunStatus::Running));
        drop(log);
        assert_eq!(status(), RunStatus::Crashed);
        let text = fs::read_to_string(run.meta()).expect("reads");
        assert!(text.contains("running"), "what is on disk is what the run wrote: {text}");
    }

    #[test]
    fn two_runs_in_one_second_do_not_collide() {
        let (_dir, runs) = runs();
        let (one, two) = (begun(&runs, "queue", 0xffff), begun(&runs, "queue", 0xffff));
        assert_ne!(one, two);
        assert_eq!(runs.list().expect("lists").len(), 2);
    }

    #[test]
    fn a_later_schema_is_refused_by_its_number() {
        let (_dir, runs) = runs();
        let run = begun(&runs, "queue", 1);
        fs::write(run.verdict(), "{\"schema\": 99, \"new\": true}").expect("writes");
        let error = run.read_verdict().expect_err("it is from the future").to_string();
        assert!(error.contains("schema 99") && error.contains("verdict.json"), "{error}");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let error = Runs::at(Some("/proc/nowhere".into())).create("queue", 0).expect_err("/proc is no place");
        let error = error.to_string();
        assert!(error.contains("/proc/nowhere/queue") && error.contains("--store"), "{error}");
    }
}
