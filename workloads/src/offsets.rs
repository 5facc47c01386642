//! Which acknowledged offsets can be believed.
//!
//! librdkafka counts offsets up from a batch's base offset even where the broker gave none: a batch that the
//! broker recognized as a duplicate is reported at -1, 0, 1, 2 ..., one that was acknowledged implicitly at
//! -1001. Such an acknowledgement is good; its offset is not.

/// Tells offsets that a broker gave from those that the client library made up. Reports of one partition come
/// in order.
#[derive(Debug)]
pub(crate) struct HonestOffsets {
    /// By key, the last offset that was made up; `i64::MIN` where the last one was not.
    invented: Vec<i64>,
}

impl HonestOffsets {
    pub(crate) fn new(keys: usize) -> HonestOffsets {
        HonestOffsets { invented: vec![i64::MIN; keys] }
    }

    /// The offset, if the broker gave it.
    pub(crate) fn known(&mut self, key: usize, reported: i64) -> Option<i64> {
        let last = &mut self.invented[key];
        if reported < 0 || reported == last.wrapping_add(1) {
            *last = reported;
            return None;
        }
        *last = i64::MIN;
        Some(reported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_that_the_library_made_up_are_unknown() {
        let mut offsets = HonestOffsets::new(2);
        let seen = [7, 8, -1, 0, 1, 40, 41, -1001].map(|offset| offsets.known(0, offset));
        assert_eq!(seen, [Some(7), Some(8), None, None, None, Some(40), Some(41), None]);
        assert_eq!(offsets.known(1, 0), Some(0), "another partition's first offset is its own");
    }
}
