//! Numbers on the command line. What the standard parsers say of a bad one ("invalid digit found in string") tells
//! nobody what is wanted.

/// A whole number from 0 to the type's greatest.
pub fn whole<T: TryFrom<u64> + Into<u64> + Bounded>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().and_then(|number: u64| T::try_from(number).ok());
    number.ok_or_else(|| format!("a whole number is wanted, from 0 to {}", T::MAX.into()))
}

/// Messages a second.
pub fn rate(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "messages a second are wanted, a whole number; 0 for a closed loop".to_owned())
}

/// Types that have a greatest number.
pub trait Bounded: Sized {
    /// It.
    const MAX: Self;
}

impl Bounded for u16 {
    const MAX: u16 = u16::MAX;
}

impl Bounded for u32 {
    const MAX: u32 = u32::MAX;
}

impl Bounded for u64 {
    const MAX: u64 = u64::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_number_is_told_what_is_wanted() {
        assert_eq!(whole::<u16>("65535"), Ok(65535));
        for bad in ["-5", "abc", "65536", "", "1.5"] {
            assert_eq!(
                whole::<u16>(bad),
                Err("a whole number is wanted, from 0 to 65535".to_owned()),
                "{bad}"
            );
        }
        assert!(rate("abc").expect_err("no number").contains("0 for a closed loop"));
    }
}
