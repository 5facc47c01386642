//! What is odd about a history's form: counted, and told with the first place.

use store::op::Process;

/// Things that a correct history does not hold. None of them stops the judging; each is judged as unknown.
#[derive(Default)]
pub(crate) struct Oddities {
    two_at_once: Odd,
    orphans: Odd,
    other_records: Odd,
    offsets: Odd,
    transactions: Odd,
}

/// One thing: how often, and the first time in words.
#[derive(Default)]
pub(crate) struct Odd {
    count: u64,
    first: String,
}

impl Odd {
    /// Once more.
    pub(crate) fn see(&mut self, sentence: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = sentence();
        }
        self.count += 1;
    }

    /// What was seen, for people.
    pub(crate) fn sentence(self) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(self.first),
            n => Some(format!("{} (and {} more like it)", self.first, n - 1)),
        }
    }
}

impl Oddities {
    /// A process invoked while it had an operation in flight.
    pub(crate) fn two_at_once(&mut self, process: Process, before: u32, now: u32) {
        self.two_at_once.see(|| {
            format!(
                "process {process} invoked at line {now} while its operation of line {before} was open; \
                 the outcome of that one is taken as unknown"
            )
        });
    }

    /// A completion without an invocation.
    pub(crate) fn orphan(&mut self, process: Process, line: u32) {
        self.orphans.see(|| {
            format!(
                "line {line} completes an operation that process {process} never invoked; \
                 it is taken to have begun before everything else"
            )
        });
    }

    /// A completion names another record than its invocation.
    pub(crate) fn other_record(&mut self, invoked: u32, line: u32) {
        self.other_records.see(|| {
            format!("line {line} completes the send of line {invoked} with another partition or value")
        });
    }

    /// The value of an `offsets` operation is none.
    pub(crate) fn offsets(&mut self, line: u32, reason: &str) {
        self.offsets.see(|| format!("line {line} holds no log bounds {reason}"));
    }

    /// The sends of a transaction disagree about what became of it.
    pub(crate) fn transaction(&mut self, id: &str, line: u32) {
        self.transactions.see(|| {
            format!(
                "the sends of transaction {id} disagree about its outcome (line {line} is the last of them); \
                 it is taken as unknown"
            )
        });
    }

    /// What was seen, for people.
    pub(crate) fn sentences(self) -> impl Iterator<Item = String> {
        [self.two_at_once, self.orphans, self.other_records, self.offsets, self.transactions]
            .into_iter()
            .filter_map(Odd::sentence)
    }
}
