//! Files that are whole or not there: a full disk leaves the picture of before.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file aside and renames it; where that fails, nothing is left aside.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let aside = path.with_extension(format!("svg.new.{}.{number}", std::process::id()));
    fs::write(&aside, text).and_then(|()| fs::rename(&aside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&aside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_cannot_be_put_in_place_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        // No file takes the name of a directory.
        let path = dir.path().join("rate.svg");
        fs::create_dir(&path).unwrap();
        write(&path, "<svg/>").unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::remove_dir(&path).unwrap();
        write(&path, "<svg/>").unwrap();
        write(&path, "<svg>again</svg>").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "<svg>again</svg>");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
