//! The checks of groups on one partition.

use super::explain::Explain;
use super::{ownership, redelivery, regression, skip};
use crate::checks::{Bench, Concluded};

/// Runs them; nothing is done where no group is.
pub(crate) fn check(bench: &Bench<'_, '_>) -> Concluded {
    let tables = bench.view.tables;
    if tables.groups.names.is_empty() {
        return Concluded::default();
    }
    let explain = Explain { explain: bench.explain(), groups: &tables.groups };
    let mut concluded = Concluded::default();
    concluded.found.extend(redelivery::check(bench, &explain));
    if let Some(of) = &bench.view.partition.groups {
        let fenced = ownership::fenced(tables, of);
        concluded.found.extend(ownership::check(bench, &explain, of, &fenced));
        concluded.found.extend(regression::check(bench, &explain, of, &fenced));
        let (found, undecided) = skip::check(bench, &explain, of);
        concluded.found.extend(found);
        concluded.undecided.extend(undecided);
    }
    concluded
}
