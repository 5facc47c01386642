//! What can go wrong with a run directory.

use std::io;
use std::path::{Path, PathBuf};

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
    /// The store is a file.
    #[error("{root} is a file, and a store is a directory of runs: name another with --store or TRIBUNAL_STORE", root = root.display())]
    NoStore {
        /// What was named.
        root: PathBuf,
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
    /// A file that is missing, or whose content is not what it should be.
    #[error("{path} is {reason}{next}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// `missing`, `empty` or `damaged (why)`.
        reason: String,
        /// What to do, after a semicolon; or nothing.
        next: String,
    },
    /// A file of a later tribunal.
    #[error("{path} is not readable: it has schema {schema} and this tribunal knows up to {newest}; a later tribunal wrote it, use that one", path = path.display())]
    Later {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
        /// The newest that is known here.
        newest: u32,
    },
}

impl RunError {
    /// A file or directory of a store that cannot be written, with what to do about it.
    pub(super) fn cannot(what: &'static str, path: &Path, source: io::Error) -> RunError {
        let hint = if is_for_want_of_space(&source) {
            "; free space, or name another place with --store or TRIBUNAL_STORE"
        } else {
            "; is the store writable? --store or TRIBUNAL_STORE names another place"
        };
        RunError::Io { what, path: path.to_owned(), source, hint }
    }

    /// The same, where it is damage, with what to do about it.
    pub(super) fn with_next(self, next: impl FnOnce() -> String) -> RunError {
        match self {
            RunError::Damaged { path, reason, .. } => {
                RunError::Damaged { path, reason, next: format!("; {}", next()) }
            }
            other => other,
        }
    }

    /// What happened without what to do: for a reader who is told that for several errors at once.
    pub fn plainly(&self) -> String {
        match self {
            RunError::Io { what, path, source, .. } => format!("cannot {what} {}: {source}", path.display()),
            RunError::Damaged { path, reason, .. } => format!("{} is {reason}", path.display()),
            other => other.to_string(),
        }
    }

    /// What the system said, where it said anything.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            RunError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Whether there was no room for it.
pub fn is_for_want_of_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
