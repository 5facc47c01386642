//! Standard output and the terminal: width, colour, and a reader that went away.

use std::io::{self, IsTerminal, Write};

/// Writes to standard output. A reader that has left (`| head`) is no error.
///
/// # Errors
/// If standard output cannot be written for any other reason.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|e| anyhow::anyhow!("cannot write to standard output: {e}")),
    }
}

/// Whether standard output takes colour: a terminal, and nobody asked for none (`NO_COLOR`).
fn color() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// How text is laid out on standard output.
pub fn style() -> results::ReportStyle {
    results::ReportStyle { color: color(), width: width(), ..results::ReportStyle::default() }
}

/// Whether standard error is a terminal.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Columns of the terminal, else a width that reads well in a log.
pub fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    if columns >= 40 { columns.min(160) } else { 110 }
}
