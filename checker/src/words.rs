//! Small words for sentences: grouped numbers, values, durations.

use store::batch::{HASHED, ValueId};

use crate::tables::CORRUPT;

/// `1,204,311`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// [`grouped`] with a sign.
pub(crate) fn grouped_i64(n: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(n.unsigned_abs()))
}

/// A value as the history writes it, where it is a number; other values are known by a hash only.
pub(crate) fn value(value: ValueId) -> String {
    match value {
        CORRUPT => "a damaged payload".to_owned(),
        hashed if hashed & HASHED != 0 => format!("#{:016x}", hashed & !HASHED),
        number => number.to_string(),
    }
}

/// `1.2 s` or `35 ms`.
pub(crate) fn duration(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        1_000_000..10_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} ms", nanos as f64 / 1e6),
        _ => format!("{:.1} s", nanos as f64 / 1e9),
    }
}

/// `1 partition`, `2 partitions`.
pub(crate) fn count(n: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_204_311), "1,204,311");
        assert_eq!(grouped_i64(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn durations_have_two_or_three_digits() {
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(1_234_567), "1.2 ms");
        assert_eq!(duration(35_400_000), "35 ms");
        assert_eq!(duration(1_240_000_000), "1.2 s");
    }

    #[test]
    fn values_that_are_no_numbers_keep_apart() {
        assert_eq!(value(55_102), "55102");
        assert_eq!(value(HASHED | 0xab), "#00000000000000ab");
        assert_eq!(value(CORRUPT), "a damaged payload");
        assert_eq!(count(1, "partition"), "1 partition");
        assert_eq!(count(2000, "partition"), "2,000 partitions");
    }
}
