//! Process numbers: slots, and the numbers that a slot goes through.
//!
//! As in Jepsen, a slot `s` of `c` concurrent ones is process `s`, then `s + c`, `s + 2c` ...: after an unknown outcome the
//! process is retired and its slot goes on under the next number, so no number is ever used twice, and the slot of
//! a process is its number modulo the concurrency.

use store::op::Process;

/// How the numbers of one run are dealt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Processes {
    concurrency: u32,
}

impl Processes {
    pub(crate) fn new(concurrency: u32) -> Processes {
        Processes { concurrency: concurrency.max(1) }
    }

    /// The first process of a slot.
    pub(crate) fn first(self, slot: u32) -> Process {
        debug_assert!(slot < self.concurrency, "slot {slot} of {}", self.concurrency);
        Process(slot)
    }

    /// Who goes on where `retired` was; `None` once the numbers are used up.
    pub(crate) fn after(self, retired: Process) -> Option<Process> {
        let next = retired.0.checked_add(self.concurrency)?;
        (next < Process::NEMESIS.0).then_some(Process(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_keeps_its_remainder_and_never_a_number() {
        let processes = Processes::new(7);
        let mut process = processes.first(3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            assert!(seen.insert(process));
            assert_eq!(process.0 % 7, 3);
            process = processes.after(process).expect("numbers are left");
        }
    }

    #[test]
    fn the_nemesis_number_is_never_dealt() {
        let processes = Processes::new(1);
        assert_eq!(processes.after(Process(u32::MAX - 2)), Some(Process(u32::MAX - 1)));
        assert_eq!(processes.after(Process(u32::MAX - 1)), None);
    }
}
