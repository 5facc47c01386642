//! What a check found: an exact count, and the first few in full.

use std::collections::BTreeMap;

use store::verdict::Example;

use crate::kind::Kind;

/// All anomalies of one kind in one partition.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) count: u64,
    /// How many follow from another finding, by its kind.
    pub(crate) consequences: BTreeMap<Kind, u64>,
    /// With the line that decides their order.
    pub(crate) examples: Vec<(u32, Example)>,
}

/// Counts findings and keeps the first: those that stand by themselves before those that follow from another,
/// then by their lines.
pub(crate) struct Collector<T> {
    kind: Kind,
    keep: usize,
    count: u64,
    consequences: BTreeMap<Kind, u64>,
    first: Vec<(u32, Option<Kind>, T)>,
}

impl<T> Collector<T> {
    /// Of one kind, keeping at most `keep`.
    pub(crate) fn new(kind: Kind, keep: usize) -> Collector<T> {
        Collector { kind, keep, count: 0, consequences: BTreeMap::new(), first: Vec::new() }
    }

    /// One more; `line` is that of the operation at its heart, `after` the kind that it follows from.
    pub(crate) fn push(&mut self, line: u32, after: Option<Kind>, item: T) {
        self.count += 1;
        if let Some(kind) = after {
            *self.consequences.entry(kind).or_default() += 1;
        }
        if self.keep == 0 {
            return;
        }
        self.first.push((line, after, item));
        if self.first.len() >= 2 * self.keep + 64 {
            self.thin();
        }
    }

    fn thin(&mut self) {
        // What stands by itself before what follows from it. Stable: of equal lines, the first found stays.
        self.first.sort_by_key(|(line, after, _)| (after.is_some(), *line));
        self.first.truncate(self.keep);
    }

    /// Explains those kept. `None` where nothing was found.
    pub(crate) fn explain(mut self, mut explain: impl FnMut(&T) -> Example) -> Option<Found> {
        self.thin();
        let examples = self
            .first
            .iter()
            .map(|(line, after, item)| {
                let mut example = explain(item);
                example.consequence_of = after.map(|kind| kind.name().to_owned());
                (*line, example)
            })
            .collect();
        let Collector { kind, count, consequences, .. } = self;
        (count > 0).then_some(Found { kind, count, consequences, examples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_and_keeps_the_first() {
        let mut collector = Collector::new(Kind::Duplicate, 3);
        for line in (1..=1000).rev() {
            collector.push(line, (line % 2 == 0).then_some(Kind::LostWrite), line);
        }
        let found = collector
            .explain(|line| Example { sentence: line.to_string(), ..Example::default() })
            .expect("a thousand");
        assert_eq!(found.count, 1000);
        assert_eq!(found.consequences[&Kind::LostWrite], 500);
        let told: Vec<_> = found.examples.iter().map(|(line, e)| (*line, e.sentence.as_str())).collect();
        assert_eq!(told, [(1, "1"), (3, "3"), (5, "5")], "even lines follow from something else");
        let mut collector = Collector::new(Kind::Duplicate, 3);
        collector.push(7, Some(Kind::LostWrite), ());
        let found = collector.explain(|()| Example::default()).expect("one");
        assert_eq!(found.examples[0].1.consequence_of.as_deref(), Some("lost-write"));
    }

    #[test]
    fn nothing_found_is_nothing() {
        assert!(Collector::<()>::new(Kind::Corrupt, 3).explain(|()| Example::default()).is_none());
    }
}
