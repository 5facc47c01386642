//! Files that are whole or not there: a crash or a full disk leaves the file of before.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file aside and renames it; where that fails, nothing is left aside. Of several that write it at once each
/// writes a file of its own.
///
/// # Errors
/// Those of `fill`, and of the file system.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let mut aside = path.file_name().unwrap_or_default().to_owned();
    aside.push(format!(".new.{}.{number}", std::process::id()));
    let aside = path.with_file_name(aside);
    let write = || {
        let mut file = BufWriter::new(File::create(&aside)?);
        fill(&mut file)?;
        file.flush()?;
        fs::rename(&aside, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&aside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_text(path: &Path, text: &str) -> io::Result<()> {
        write(path, |file| file.write_all(text.as_bytes()))
    }

    fn files(dir: &Path) -> usize {
        fs::read_dir(dir).expect("listed").count()
    }

    #[test]
    fn several_may_write_one_file_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("verdict.json");
        let large = "x".repeat(100_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| write_text(&path, &large).expect("written")));
            }
        });
        assert_eq!(files(dir.path()), 1, "nothing is left aside");
        assert_eq!(fs::read_to_string(&path).expect("there"), large);
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().expect("a directory");
        // No file takes the name of a directory.
        let path = dir.path().join("rate.svg");
        fs::create_dir(&path).expect("in the way");
        write_text(&path, "<svg/>").expect_err("a directory is in the way");
        assert_eq!(files(dir.path()), 1);
        fs::remove_dir(&path).expect("removed");
        write_text(&path, "<svg/>").expect("written");
        write_text(&path, "<svg>again</svg>").expect("written");
        write(&path, |_| Err(io::Error::other("the disk is full"))).expect_err("not filled");
        assert_eq!(fs::read_to_string(&path).expect("there"), "<svg>again</svg>", "the file of before");
        assert_eq!(files(dir.path()), 1);
    }
}
