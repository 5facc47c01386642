//! Room that a run keeps for its last words: on a disk that fills up while it is recorded, `run.json` must still be
//! able to say that it failed, and why.

use std::fs;
use std::io::Write;

use super::{RunDir, RunError};

/// Bytes: room for `run.json` once more and for the last lines of `tribunal.log`.
const ROOM: usize = 64 << 10;

impl RunDir {
    /// Takes the room. It is really written, for a hole in a file, or what a file system can compress, holds none.
    ///
    /// # Errors
    /// If there is not even so much.
    pub fn reserve(&self) -> Result<(), RunError> {
        let path = self.reserved();
        let write = || {
            let mut file = fs::File::create(&path)?;
            file.write_all(&noise())?;
            // Some file systems find out that they are full when they write at last.
            file.sync_data()
        };
        write().map_err(|e| RunError::cannot("write", &path, e))
    }

    /// Gives the room back, for what must be written now.
    pub fn release(&self) {
        // A run of an earlier tribunal kept none.
        let _ = fs::remove_file(self.reserved());
    }
}

/// Bytes that look like chance.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = (0..ROOM / 8).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{begun, runs};
    use super::*;

    #[test]
    fn room_is_kept_and_given_back() {
        let (_dir, runs) = runs();
        let run = begun(&runs, "queue", 1);
        run.reserve().expect("there is room");
        assert_eq!(fs::metadata(run.reserved()).expect("is there").len(), ROOM as u64);
        run.release();
        assert!(!run.reserved().exists());
        run.release();
        fs::create_dir(run.reserved()).expect("in the way");
        let error = run.reserve().expect_err("a directory is in the way").to_string();
        assert!(error.contains(".reserve") && error.contains("--store"), "{error}");
    }
}
