//! How the program ends: exit codes, and errors in words. Nothing but a verdict ends with 1 or 2.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use store::run_dir::{RunError, is_for_want_of_space};

/// Ended by Ctrl-C or SIGTERM: the history is kept, nothing was judged.
pub const INTERRUPTED: u8 = 130;
/// Wrong arguments, or a scenario that asks for what cannot be.
pub const USAGE: u8 = 254;
/// tribunal or its environment failed.
pub const FAILED: u8 = 255;

/// An error that is the caller's to mend: ends with [`USAGE`].
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Makes any error one of [`Usage`], its causes included.
pub fn usage(error: impl fmt::Display) -> anyhow::Error {
    anyhow::Error::new(Usage(format!("{error:#}")))
}

/// Runs the program. An error or a panic becomes a message and a code that no verdict has.
pub fn guard(program: impl FnOnce() -> anyhow::Result<u8>) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no message");
        complain(&format!(
            "this is a bug in tribunal{place}: {what}\n  please report it with the run's directory"
        ));
    }));
    ExitCode::from(match catch_unwind(AssertUnwindSafe(program)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            complain(&format!("error: {}", in_words(&error)));
            if is_the_callers(&error) { USAGE } else { FAILED }
        }
        Err(_panic) => FAILED,
    })
}

/// Whether other arguments would mend it: a run that is not there was named wrongly.
fn is_the_callers(error: &anyhow::Error) -> bool {
    let names_no_run = |error: &RunError| {
        matches!(
            error,
            RunError::NotFound { .. }
                | RunError::NoRun { .. }
                | RunError::NoStore { .. }
                | RunError::Ambiguous { .. }
        )
    };
    error.is::<Usage>() || error.downcast_ref().is_some_and(names_no_run)
}

/// An error and its causes, each told once: an error that says what to do names its cause before that.
pub fn in_words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !words.contains(&cause) {
            let colon = if words.is_empty() { "" } else { ": " };
            words = format!("{words}{colon}{cause}");
        }
    }
    words
}

/// Whether a disk had no room for it.
pub fn is_of_a_full_disk(error: &anyhow::Error) -> bool {
    // The recorder's error outlives what the system said and holds its words alone.
    let said = || in_words(error).contains(&io::Error::from_raw_os_error(NO_SPACE).to_string());
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_for_want_of_space)) || said()
}

/// The system's number for it: a constant of `rustix`.
const NO_SPACE: i32 = rustix::io::Errno::NOSPC.raw_os_error();

/// Says something on standard error, wherever the cursor stands.
pub fn complain(message: &str) {
    let clear = if crate::out::stderr_is_terminal() { "\r\x1b[K" } else { "" };
    let _ = writeln!(io::stderr(), "{clear}tribunal: {message}");
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn full() -> io::Error {
        io::Error::from_raw_os_error(NO_SPACE)
    }

    #[test]
    fn a_cause_is_told_once() {
        let path = "runs/q/run.json".into();
        let error = RunError::Io { what: "write", path, source: full(), hint: "; free space" };
        let said = in_words(&Err::<(), _>(error).context("the last word").expect_err("an error"));
        assert_eq!(
            said,
            "the last word: cannot write runs/q/run.json: No space left on device (os error 28); free space"
        );
        let said = in_words(&Err::<(), _>(full()).context("cannot write x").expect_err("an error"));
        assert_eq!(said, "cannot write x: No space left on device (os error 28)");
    }

    #[test]
    fn a_full_disk_is_known_by_its_cause_or_its_words() {
        assert!(is_of_a_full_disk(&anyhow::Error::new(full()).context("cannot write x")));
        assert!(is_of_a_full_disk(&anyhow::anyhow!("cannot write x: {}; it is kept", full())));
        assert!(!is_of_a_full_disk(&anyhow::anyhow!("cannot write x: {}", io::Error::from_raw_os_error(13))));
    }
}
