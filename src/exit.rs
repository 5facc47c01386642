//! How the program ends: exit codes, and errors in words. Nothing but a verdict ends with 1 or 2.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use store::run_dir::RunError;

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
            complain(&format!("error: {error:#}"));
            if is_the_callers(&error) { USAGE } else { FAILED }
        }
        Err(_panic) => FAILED,
    })
}

/// Whether other arguments would mend it: a run that is not there was named wrongly.
fn is_the_callers(error: &anyhow::Error) -> bool {
    let names_no_run = |error: &RunError| {
        matches!(error, RunError::NotFound { .. } | RunError::NoRun { .. } | RunError::Ambiguous { .. })
    };
    error.is::<Usage>() || error.downcast_ref().is_some_and(names_no_run)
}

/// Says something on standard error, wherever the cursor stands.
pub fn complain(message: &str) {
    let clear = if crate::out::stderr_is_terminal() { "\r\x1b[K" } else { "" };
    let _ = writeln!(io::stderr(), "{clear}tribunal: {message}");
}
