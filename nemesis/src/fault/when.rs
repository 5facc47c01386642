//! When a fault strikes and how long it holds: durations, fractions of the load, and a condition.

use std::fmt;
use std::time::Duration;

/// A held condition is given up after this long: no fault holds for ever.
pub const UNTIL_BOUND: Duration = Duration::from_secs(90);

/// A point or a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long.
    Time(Duration),
    /// So many millionths of the load's duration, at most a million.
    Millionths(u32),
}

impl When {
    /// The time that it stands for; `None`: a fraction of a load whose length is not known.
    pub fn resolve(self, load: Option<Duration>) -> Option<Duration> {
        match self {
            When::Time(d) => Some(d),
            When::Millionths(part) => load.map(|l| l.mul_f64(f64::from(part) / 1e6)),
        }
    }

    /// Reads `10s`, `1m30s`, `500ms`, `0.4` or `40%`.
    ///
    /// # Errors
    /// In words that fit "cannot read `10` as a time: ...".
    pub fn parse(text: &str) -> Result<When, String> {
        let fraction = |part: f64| {
            if (0.0..=1.0).contains(&part) {
                Ok(When::Millionths((part * 1e6).round() as u32))
            } else {
                Err("a part of the load lies between 0 and 1 (0% and 100%)".to_owned())
            }
        };
        if let Some(percent) = text.strip_suffix('%') {
            return fraction(percent.parse::<f64>().map_err(|_| "no number before `%`")? / 100.0);
        }
        if text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return fraction(text.parse().map_err(|_| "not a number")?);
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("it has no unit: write {text}s for seconds, {text}% for a part of the load"));
        }
        parse_duration(text).map(When::Time)
    }
}

/// Units of time, with their nanoseconds; the first two are for clocks only.
const UNITS: [(&str, f64); 6] =
    [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// Reads `10s`, `1m30s`, `1.5s`, `500ms`, `2h`; whole milliseconds.
///
/// # Errors
/// In words that fit "cannot read `x` as a time: ...".
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let ns = nanoseconds(text, &UNITS[2..]).ok_or("a time looks like 500ms, 10s, 1m30s or 2h")?;
    Ok(Duration::from_millis((ns / 1e6).round() as u64))
}

/// Reads the same, and `250us` and `80ns` too; whole nanoseconds.
///
/// # Errors
/// In words that fit "cannot read `x` as a time: ...".
pub fn parse_fine_duration(text: &str) -> Result<Duration, String> {
    let ns = nanoseconds(text, &UNITS).ok_or("a time looks like 80ns, 250us, 5ms, 1.5s or 2h")?;
    Ok(Duration::from_nanos(ns.round() as u64))
}

fn nanoseconds(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, unit) = units.iter().find(|(name, _)| *name == &rest[..letters])?;
        rest = &rest[letters..];
        total += number * unit;
    }
    // A year bounds every sum that is made of it.
    (!text.is_empty() && total <= 366.0 * 86_400e9).then_some(total)
}

/// A duration as [`parse_duration`] reads it, in the largest unit that is exact.
pub fn duration(d: Duration) -> String {
    let ms = d.as_millis();
    if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Time(d) => f.write_str(&duration(*d)),
            When::Millionths(part) => write!(f, "{}%", f64::from(*part) / 1e4),
        }
    }
}

/// How long a fault holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// So long.
    For(When),
    /// Until another broker leads the partition (at most [`UNTIL_BOUND`]), then so much longer.
    UntilNewLeader {
        /// How much longer.
        then: Duration,
    },
}

/// The word for [`Hold::UntilNewLeader`].
pub const UNTIL_NEW_LEADER: &str = "until-new-leader";

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hold::For(length) => write!(f, "{length}"),
            Hold::UntilNewLeader { then } if then.is_zero() => f.write_str(UNTIL_NEW_LEADER),
            Hold::UntilNewLeader { then } => write!(f, "{UNTIL_NEW_LEADER}+{}", duration(*then)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_fractions_are_told_apart() {
        for (text, want) in [
            ("10s", When::Time(Duration::from_secs(10))),
            ("1m30s", When::Time(Duration::from_secs(90))),
            ("1.5s", When::Time(Duration::from_millis(1500))),
            ("500ms", When::Time(Duration::from_millis(500))),
            ("0s", When::Time(Duration::ZERO)),
            ("0.4", When::Millionths(400_000)),
            ("40%", When::Millionths(400_000)),
            ("100%", When::Millionths(1_000_000)),
        ] {
            assert_eq!(When::parse(text), Ok(want), "{text}");
        }
        for text in ["", "s", "10", "10x", "-3s", "1.4", "140%", "%", "1..2s", "9999999999h", "10s5"] {
            assert!(When::parse(text).is_err(), "{text}");
        }
        assert!(When::parse("10").unwrap_err().contains("10s"));
        assert!(When::parse("250us").is_err(), "no fault is as quick as that");
        for (text, ns) in [("80ns", 80), ("250us", 250_000), ("1.5ms", 1_500_000), ("0s", 0)] {
            assert_eq!(parse_fine_duration(text), Ok(Duration::from_nanos(ns)), "{text}");
        }
        assert!(parse_fine_duration("5").is_err() && parse_fine_duration("5x").is_err());
    }

    #[test]
    fn a_fraction_of_an_unknown_load_is_unknown() {
        assert_eq!(When::Millionths(500_000).resolve(None), None);
        assert_eq!(
            When::Millionths(500_000).resolve(Some(Duration::from_secs(30))),
            Some(Duration::from_secs(15))
        );
    }
}
