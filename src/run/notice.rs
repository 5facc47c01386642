//! What tribunal itself has to say during a run: on standard error, and in the run's `tribunal.log`.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Mutex;

use store::run_dir::RunDir;

/// Says things and keeps them.
pub struct Notices {
    log: Mutex<File>,
}

impl Notices {
    /// Begins the log, whose lock says that the run goes on.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn create(run: &RunDir) -> anyhow::Result<Notices> {
        Ok(Notices { log: Mutex::new(run.create_log()?) })
    }

    /// Says a line.
    pub fn say(&self, text: &str) {
        let clear = if crate::out::stderr_is_terminal() { "\r\x1b[K" } else { "" };
        let _ = writeln!(io::stderr(), "{clear}{text}");
        self.keep(text);
    }

    /// Keeps a line that is said elsewhere.
    pub fn keep(&self, text: &str) {
        let mut log = self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The log is a courtesy: a full disk stops the run by its history, not by this.
        let _ = writeln!(log, "{text}");
    }
}
