//! The part of a run that is drawn, as people write it: `10s..25s`, `1m30s..`, `..500ms`.

use std::fmt;
use std::str::FromStr;

use store::time::Nanos;

/// A part of a run's time; an end left out is the history's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub from: Option<Nanos>,
    /// To here.
    pub to: Option<Nanos>,
}

/// Why a window could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WindowError {
    /// There are no two dots.
    #[error("window {0:?} is no range: write it as 10s..25s, 1m30s.. or ..500ms")]
    NoRange(String),
    /// An end is no time.
    #[error(
        "{part:?} in window {window:?} is no time: write a number and its unit, as in 500ms, 10s, 1m30s or 2h"
    )]
    NoTime {
        /// The end.
        part: String,
        /// The whole window.
        window: String,
    },
    /// It ends before it begins.
    #[error("window {0:?} ends before it begins: the earlier time comes first, as in 10s..25s")]
    Backwards(String),
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Window, WindowError> {
        let (from, to) = text.split_once("..").ok_or_else(|| WindowError::NoRange(text.to_owned()))?;
        let end = |part: &str| match part.trim() {
            "" => Ok(None),
            part => time(part)
                .map(Some)
                .ok_or_else(|| WindowError::NoTime { part: part.to_owned(), window: text.to_owned() }),
        };
        let window = Window { from: end(from)?, to: end(to)? };
        match window {
            Window { from: Some(from), to: Some(to) } if to <= from => {
                Err(WindowError::Backwards(text.to_owned()))
            }
            _ => Ok(window),
        }
    }
}

/// A bare number is seconds.
fn time(text: &str) -> Option<Nanos> {
    let duration: jiff::SignedDuration = if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        format!("{text}s").parse()
    } else {
        text.parse()
    }
    .ok()?;
    u64::try_from(duration.as_nanos()).ok().map(Nanos)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |at: Option<Nanos>| at.map(|at| at.to_string()).unwrap_or_default();
        write!(f, "{}..{}", end(self.from), end(self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn windows_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Window>().map(|w| (w.from.map(|n| n.0), w.to.map(|n| n.0)));
        assert_eq!(read("10s..25s"), Ok((Some(10 * S), Some(25 * S))));
        assert_eq!(read("1m30s.."), Ok((Some(90 * S), None)));
        assert_eq!(read("..500ms"), Ok((None, Some(S / 2))));
        assert_eq!(read("10..2h"), Ok((Some(10 * S), Some(7200 * S))));
        assert_eq!(read("1.5..2.5s"), Ok((Some(1_500_000_000), Some(2_500_000_000))));
    }

    #[test]
    fn what_is_no_window_says_how_one_looks() {
        for (text, says) in [
            ("10s", "is no range"),
            ("ten..25s", "\"ten\" in window"),
            ("-5s..10s", "\"-5s\" in window"),
            ("25s..10s", "ends before it begins"),
        ] {
            let error = text.parse::<Window>().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
