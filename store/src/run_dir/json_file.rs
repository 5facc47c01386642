//! The files of a run that are one JSON value: read by their schema, written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RunError;
use crate::whole_file;

/// Reads a JSON file whose `schema` this tribunal must know.
///
/// # Errors
/// If the file is missing, damaged or of a later version.
pub fn read_versioned<T: DeserializeOwned>(path: &Path, newest: u32) -> Result<T, RunError> {
    let damaged = |reason: String| RunError::Damaged { path: path.to_owned(), reason, next: String::new() };
    let text = fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => damaged("missing".to_owned()),
        _ => RunError::Io { what: "read", path: path.to_owned(), source, hint: "" },
    })?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(damaged("empty".to_owned()));
    }
    #[derive(serde::Deserialize)]
    struct Versioned {
        schema: u32,
    }
    let why = |e: serde_json::Error| damaged(format!("damaged ({e})"));
    let Versioned { schema } = serde_json::from_slice(&text).map_err(why)?;
    if schema > newest {
        return Err(RunError::Later { path: path.to_owned(), schema, newest });
    }
    serde_json::from_slice(&text).map_err(why)
}

/// Writes a file, whole or not at all.
pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), RunError> {
    let fill = |file: &mut dyn Write| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    };
    whole_file::write(path, fill).map_err(|e| RunError::cannot("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_names_the_file_and_leaves_nothing_aside() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("verdict.json");
        fs::create_dir(&path).expect("in the way");
        let error = write_json(&path, &1).expect_err("a directory is in the way");
        assert!(
            error.to_string().contains("verdict.json") && error.to_string().contains("--store"),
            "{error}"
        );
        assert!(!error.plainly().contains("--store"), "{}", error.plainly());
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "nothing is left aside");
    }
}
