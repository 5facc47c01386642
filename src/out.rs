//! Standard output and the terminal: width, colour, and a reader that went away.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

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
    obeys(io::stdout().is_terminal()) && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// How text is laid out on standard output.
pub fn style() -> results::ReportStyle {
    results::ReportStyle {
        color: color(),
        width: width(io::stdout()),
        breaks: io::stdout().is_terminal(),
        ..results::ReportStyle::default()
    }
}

/// Whether standard error is a terminal whose line can be rewritten.
pub fn stderr_is_terminal() -> bool {
    obeys(io::stderr().is_terminal())
}

/// Columns of standard error's own terminal: standard output may be a file, or another one.
pub fn stderr_width() -> usize {
    width(io::stderr())
}

/// A dumb terminal shows control sequences instead of obeying them.
fn obeys(terminal: bool) -> bool {
    terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of a terminal, else a width that reads well in a log.
fn width(of: impl AsFd) -> usize {
    usable(rustix::termios::tcgetwinsize(of).map_or(0, |size| size.ws_col))
}

/// A terminal that tells no size has 0 columns. Lines that are too long for the eye help nobody.
fn usable(columns: u16) -> usize {
    if columns == 0 { 110 } else { usize::from(columns).min(160) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_is_taken_as_it_is() {
        assert_eq!([0, 30, 80, 500].map(usable), [110, 30, 80, 160]);
    }
}
