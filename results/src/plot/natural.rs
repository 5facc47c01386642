//! The order in which people count: `t-2` before `t-10`.

use std::cmp::Ordering;

/// Compares names with their numbers as numbers.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (parts(a), parts(b));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return a.cmp(b),
            (one, other) => match one.cmp(&other) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

/// Runs of digits and what is between them. Digits without their leading zeros compare first by how many they are.
fn parts(name: &str) -> impl Iterator<Item = (usize, &str)> {
    name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).scan(0, move |at, run| {
        let text = &name[*at..*at + run.len()];
        *at += run.len();
        let digits = text.trim_start_matches('0');
        Some(if run[0].is_ascii_digit() { (digits.len(), digits) } else { (0, text) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["t-10", "t-2", "é-3", "t-1", "client 9", "t0-1", "t-02", "client 10", "t"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["client 9", "client 10", "t", "t0-1", "t-1", "t-02", "t-2", "t-10", "é-3"]);
    }
}
