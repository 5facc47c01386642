//! The errors that were pushed to the mock, counted fault by fault: the mock has one queue for all of them.

use std::collections::VecDeque;

/// One fault's errors.
struct Push<E> {
    id: u64,
    error: E,
    count: u64,
    used: u64,
}

/// All that are in the mock's queue, in its order, and those that were given out.
pub(super) struct Pushes<E> {
    all: VecDeque<Push<E>>,
    /// How many requests have been credited of those that are remembered.
    credited: u64,
}

impl<E: Copy> Pushes<E> {
    pub(super) fn new() -> Pushes<E> {
        Pushes { all: VecDeque::new(), credited: 0 }
    }

    /// Whether errors are left to be given out.
    pub(super) fn are_open(&self) -> bool {
        self.all.iter().any(|push| push.used < push.count)
    }

    /// Requests are counted from 0 again.
    pub(super) fn restart(&mut self) {
        self.credited = 0;
    }

    /// So many requests came since the last restart: each took one error, the first pushed first.
    pub(super) fn credit(&mut self, requests: u64) {
        let mut fresh = requests.saturating_sub(self.credited);
        self.credited = self.credited.max(requests);
        for push in &mut self.all {
            let took = fresh.min(push.count - push.used);
            push.used += took;
            fresh -= took;
        }
    }

    pub(super) fn push(&mut self, id: u64, error: E, count: u64) {
        self.all.push_back(Push { id, error, count, used: 0 });
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.all.retain(|push| push.id != id);
    }

    /// How many of one fault's errors were given out.
    pub(super) fn used(&self, id: u64) -> u64 {
        self.all.iter().find(|push| push.id == id).map_or(0, |push| push.used)
    }

    /// The errors that are left, in order.
    pub(super) fn rest(&self) -> Vec<E> {
        let left = |push: &Push<E>| std::iter::repeat_n(push.error, (push.count - push.used) as usize);
        self.all.iter().flat_map(left).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_credited_with_its_own_errors() {
        let mut pushes = Pushes::new();
        pushes.push(1, 'a', 3);
        pushes.credit(1);
        pushes.push(2, 'b', 2);
        assert_eq!(pushes.rest(), ['a', 'a', 'b', 'b']);
        pushes.credit(2);
        assert_eq!((pushes.used(1), pushes.used(2)), (2, 0), "the second's turn has not come");
        pushes.credit(4);
        assert_eq!((pushes.used(1), pushes.used(2)), (3, 1));
        // More requests than errors: the others were answered well.
        pushes.credit(300);
        assert_eq!((pushes.used(1), pushes.used(2)), (3, 2));
        assert!(!pushes.are_open());
    }

    #[test]
    fn what_one_fault_leaves_goes_and_the_other_ones_stay() {
        let mut pushes = Pushes::new();
        pushes.push(1, 'a', 10);
        pushes.push(2, 'b', 2);
        pushes.credit(4);
        pushes.remove(1);
        pushes.restart();
        assert_eq!((pushes.rest(), pushes.used(1)), (vec!['b', 'b'], 0));
        pushes.credit(1);
        assert_eq!((pushes.used(2), pushes.are_open()), (1, true));
    }
}
