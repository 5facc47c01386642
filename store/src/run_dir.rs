//! The run directory: `<root>/<test>/<UTC time>-<4 hex>/`, everything that one run leaves behind.
//!
//! `latest` names the last run whose history is complete, `current` the last one that was begun: they differ
//! while a run goes on, and after one that crashed. `find` tells which run a name means.
//!
//! Who records a run holds a lock on its `tribunal.log`, which the system drops with the process however that ends:
//! so a run that goes on is told from one that died.

mod find;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::run_meta::{RUN_SCHEMA, RunMeta, RunStatus};
use crate::series::{SERIES_SCHEMA, Series};
use crate::verdict::{VERDICT_SCHEMA, Verdict};

/// Where runs are kept unless told otherwise.
pub const DEFAULT_ROOT: &str = "runs";
/// The environment's word for the root.
pub const ROOT_VARIABLE: &str = "TRIBUNAL_STORE";

/// What can go wrong with a run directory. Messages name the path and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file or directory.
    #[error("cannot {what} {path}: {source}{hint}", path = path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do, or nothing.
        hint: &'static str,
    },
    /// No run has that name.
    #[error("there is no run \"{name}\" in {root}: {next}", root = root.display())]
    NotFound {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        root: PathBuf,
        /// What to do.
        next: String,
    },
    /// There is something of that name, or should be, and it is no run.
    #[error("{name} {reason}")]
    NoRun {
        /// What was asked for.
        name: String,
        /// What it is instead, and what to do.
        reason: String,
    },
    /// Several runs begin, or end, like that.
    #[error("\"{name}\" could be any of {n} runs: {list}; write more of the id", n = candidates.len(), list = candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The runs, test and id.
        candidates: Vec<String>,
    },
    /// A file's content.
    #[error("{path} is not readable: {reason}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
}

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
        let tests = self.root.join(test);
        let hint = "; name another place with --store or TRIBUNAL_STORE";
        fs::create_dir_all(&tests).map_err(|source| RunError::Io {
            what: "create",
            path: tests.clone(),
            source,
            hint,
        })?;
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        for attempt in 0..=u16::MAX {
            let path = tests.join(format!("{stamp}-{:04x}", suffix.wrapping_add(attempt)));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let run = RunDir { path };
                    fs::create_dir(run.plots())
                        .and_then(|()| fs::create_dir(run.nodes()))
                        .map_err(|source| RunError::Io { what: "create", path: run.plots(), source, hint })?;
                    self.link("current", &run)?;
                    return Ok(run);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(RunError::Io { what: "create", path, source, hint }),
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
        std::os::unix::fs::symlink(target, &aside)
            .and_then(|()| fs::rename(&aside, &link))
            .map_err(|source| RunError::Io { what: "link", path: link, source, hint: "" })
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// If the root is there and cannot be read.
    pub fn list(&self) -> Result<Vec<RunDir>, RunError> {
        let mut runs = Vec::new();
        for test in directories(&self.root)? {
            for path in directories(&test)? {
                if path.join("run.json").exists() {
                    runs.push(RunDir { path });
                }
            }
        }
        runs.sort_by(|a, b| (a.id(), &a.path).cmp(&(b.id(), &b.path)));
        Ok(runs)
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
    }

    /// Reads `run.json`. A run that is said to go on though nobody records it any more has [`RunStatus::Crashed`].
    ///
    /// # Errors
    /// If it is missing, damaged or of a later version.
    pub fn read_meta(&self) -> Result<RunMeta, RunError> {
        let mut meta: RunMeta = read_versioned(&self.meta(), RUN_SCHEMA)?;
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
        let fail = |source| RunError::Io { what: "create", path: self.log(), source, hint: "" };
        let log = File::create(self.log()).map_err(fail)?;
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
        read_versioned(&self.verdict(), VERDICT_SCHEMA)
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
        read_versioned(&self.series(), SERIES_SCHEMA)
    }

    /// Writes `series.json`, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_series(&self, series: &Series) -> Result<(), RunError> {
        write_json(&self.series(), series)
    }
}

/// Reads a JSON file whose `schema` this tribunal must know.
///
/// # Errors
/// If the file is missing, damaged or of a later version.
pub fn read_versioned<T: DeserializeOwned>(path: &Path, newest: u32) -> Result<T, RunError> {
    let text = fs::read(path).map_err(|source| RunError::Io {
        what: "read",
        path: path.to_owned(),
        source,
        hint: "",
    })?;
    let content = |reason: String| RunError::Content { path: path.to_owned(), reason };
    #[derive(serde::Deserialize)]
    struct Versioned {
        schema: u32,
    }
    let Versioned { schema } = serde_json::from_slice(&text).map_err(|e| content(e.to_string()))?;
    if schema > newest {
        return Err(content(format!(
            "it has schema {schema} and this tribunal knows up to {newest}; a later tribunal wrote it, use that one"
        )));
    }
    serde_json::from_slice(&text).map_err(|e| content(e.to_string()))
}

/// Writes a file aside and renames it: a crash leaves the old one or the new one, and of several that write it at once
/// each writes a file of its own.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), RunError> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let aside = path.with_extension(format!("json.new.{}.{number}", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = io::BufWriter::new(File::create(&aside)?);
        serde_json::to_writer_pretty(&mut file, value)?;
        file.write_all(b"\n")?;
        file.flush()?;
        fs::rename(&aside, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&aside);
        RunError::Io { what: "write", path: path.to_owned(), source, hint: "" }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_may_write_one_file_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("verdict.json");
        let large = vec!["x".repeat(100); 1000];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| write_json(&path, &large).expect("written")));
            }
        });
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "nothing is left aside");
        let read: Vec<String> = serde_json::from_slice(&fs::read(&path).expect("there")).expect("whole");
        assert_eq!(read, large);
    }

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
