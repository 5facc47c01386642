//! A live consumer: reads its share of the partitions while the producers write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode as Code;
use store::cluster::Endpoints;
use store::progress::Progress;

use crate::client::{Halt, close_bounded};
use crate::error::WorkloadError;
use crate::keys::Keys;
use crate::polls::Polls;
use crate::reader::Reader;
use crate::resolve::Resolved;
use crate::watermarks::bounds;

/// How long a question for a partition's bounds may take.
pub(crate) const ASK: Duration = Duration::from_secs(2);
/// How long consumers still read once the producers have ended.
const TAIL: Duration = Duration::from_secs(1);
/// How long a consumer rests before a new incarnation, or before it asks again where a partition begins.
const REST: Duration = Duration::from_millis(500);

/// Everything a consumer thread works with.
pub(crate) struct ConsumerTask<'a> {
    pub(crate) number: u32,
    pub(crate) resolved: &'a Resolved,
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) keys: Arc<Keys>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) polls: Polls,
    pub(crate) halt: &'a Halt<'a>,
    pub(crate) producers_done: &'a AtomicBool,
    pub(crate) clock: store::time::Clock,
}

/// How a consumer fared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConsumerReport {
    pub(crate) records: u64,
    pub(crate) incarnations: u32,
    /// How often a partition had to be taken up at another offset than where it was left.
    pub(crate) repositioned: u64,
    pub(crate) hung: bool,
    pub(crate) errors: BTreeMap<String, u64>,
}

/// The partitions of consumer `number` of `consumers`: every key has a reader, and every consumer a key.
pub(crate) fn share(keys: usize, consumers: u32, number: u32) -> Vec<usize> {
    let (consumers, number) = (consumers as usize, number as usize);
    if consumers >= keys {
        return vec![number % keys];
    }
    (0..keys).filter(|key| key % consumers == number).collect()
}

/// Whether a partition must be assigned anew after this error; all others the client library gets over by itself.
pub(crate) fn has_lost_its_place(code: Code) -> bool {
    matches!(code, Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation | Code::NoOffset)
}

/// Where to go on after a partition was lost at `position`: where the library says that the log was cut, else within
/// the log's bounds.
pub(crate) fn new_place(position: i64, start: i64, end: i64, text: &str) -> i64 {
    let cut = text.split_once("broker end offset is ").and_then(|(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<i64>().ok()
    });
    cut.unwrap_or(position).min(position).clamp(start, end.max(start))
}

/// Polls until the producers are done.
pub(crate) fn run(mut task: ConsumerTask<'_>) -> Result<ConsumerReport, WorkloadError> {
    let mut report = ConsumerReport::default();
    let mine = share(task.keys.len(), task.resolved.config.consumers, task.number);
    let mut finish_by = None;
    loop {
        let mut reader = task.open()?;
        report.incarnations += 1;
        let places: Vec<(usize, i64)> =
            mine.iter().map(|key| (*key, task.polls.position(*key).unwrap_or(0))).collect();
        task.assign(&mut reader, &places)?;
        let fatal = task.poll_on(&mut reader, &mut report, &mut finish_by)?;
        for (error, count) in reader.events().counts() {
            *report.errors.entry(error).or_default() += count;
        }
        report.hung |= !close_bounded(&task.name(), move || drop(reader));
        if !fatal || !task.halt.sleep_until(Instant::now() + REST) {
            return Ok(report);
        }
        task.polls.restart();
    }
}

impl ConsumerTask<'_> {
    fn name(&self) -> String {
        format!("tribunal-consumer-{}", self.number)
    }

    fn open(&self) -> Result<Reader, WorkloadError> {
        let settings = &self.resolved.consumer_settings;
        Reader::open(&self.name(), settings, self.endpoints, self.clock, Arc::clone(&self.keys))
    }

    fn assign(&mut self, reader: &mut Reader, places: &[(usize, i64)]) -> Result<(), WorkloadError> {
        for (key, offset) in places {
            reader.start(*key, *offset).map_err(|reason| WorkloadError::Client {
                client: self.name(),
                reason: format!("{}: {reason}", self.keys.name(*key)),
            })?;
        }
        self.polls.assigned(places)?;
        Ok(())
    }

    /// Polls until the end; true if the client is broken and must begin anew.
    fn poll_on(
        &mut self,
        reader: &mut Reader,
        report: &mut ConsumerReport,
        finish_by: &mut Option<Instant>,
    ) -> Result<bool, WorkloadError> {
        let config = &self.resolved.config;
        let mut lost: BTreeMap<usize, String> = BTreeMap::new();
        let mut ask_at = Instant::now();
        loop {
            if self.halt.now() {
                return Ok(false);
            }
            if self.producers_done.load(Ordering::Relaxed) {
                let by = *finish_by.get_or_insert_with(|| Instant::now() + TAIL);
                if Instant::now() >= by {
                    return Ok(false);
                }
            }
            self.polls.invoke()?;
            reader.poll(config.poll_records as usize, config.poll_idle, config.poll_collect, |seen| {
                self.polls.see(seen);
            });
            let polled = self.polls.complete(reader.events().take_error())?;
            report.records += polled.records;
            Progress::add(&self.progress.polled, polled.records);
            for (key, code, text) in polled.broken {
                if code == Code::Fatal {
                    return Ok(true);
                }
                if has_lost_its_place(code) {
                    lost.insert(key, text);
                }
            }
            if !lost.is_empty() && Instant::now() >= ask_at {
                ask_at = Instant::now() + REST;
                report.repositioned += self.find_places(reader, &mut lost)?;
            }
        }
    }

    /// Takes up lost partitions again, as far as their leaders answer.
    fn find_places(
        &mut self,
        reader: &mut Reader,
        lost: &mut BTreeMap<usize, String>,
    ) -> Result<u64, WorkloadError> {
        let mut found = Vec::new();
        for (key, text) in lost.iter() {
            if let Ok(log) = bounds(reader.client(), None, &self.keys, *key, ASK) {
                let position = self.polls.position(*key).unwrap_or(0);
                found.push((*key, new_place(position, log.start, log.end, text)));
            }
        }
        self.assign(reader, &found)?;
        for (key, _) in &found {
            lost.remove(key);
        }
        Ok(found.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_partition_has_a_reader_and_every_reader_a_partition() {
        for (keys, consumers) in [(6, 2), (6, 4), (6, 6), (6, 13), (1, 3), (7, 1)] {
            let shares: Vec<Vec<usize>> = (0..consumers).map(|n| share(keys, consumers, n)).collect();
            assert!(shares.iter().all(|s| !s.is_empty()), "{shares:?}");
            let all: BTreeSet<usize> = shares.iter().flatten().copied().collect();
            assert_eq!(all.len(), keys, "{shares:?}");
        }
    }

    #[test]
    fn a_truncated_log_is_taken_up_where_it_was_cut() {
        let text = "t-0: _AUTO_OFFSET_RESET: Partition log truncation detected at offset 90 (leader epoch 3): \
                    broker end offset is 40 (offset leader epoch 2). Reset to INVALID.: Local: Log truncated";
        assert_eq!(new_place(90, 0, 200, text), 40);
        assert_eq!(new_place(90, 50, 200, text), 50, "not below the log's start");
        assert_eq!(new_place(90, 0, 60, "offset out of range"), 60);
        assert_eq!(new_place(90, 100, 160, "offset out of range"), 100);
        assert_eq!(new_place(90, 0, 160, "offset out of range"), 90);
    }
}
