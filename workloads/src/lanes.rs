//! Sends in flight: a producer's slots, each a process with at most one send, and the completions in the
//! history.
//!
//! Every invocation that [`Lanes::begin`] writes is completed exactly once: by the client's refusal, by its
//! delivery report, with the transaction that holds it, or by [`Lanes::abandon`] at the end.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode as Code;
use store::op::{Event, Mop, More, OpType, Payload, PersistenceStatus, Process, Txn, TxnOutcome};
use store::progress::Progress;
use store::recorder::{RecorderError, Tape};
use store::time::{Clock, Nanos};

use crate::classify::{self, Said, Site, classify};
use crate::client::lock;
use crate::config::Acks;
use crate::flight::{Report, Send, Ticket, TransactionEnd};
use crate::keys::Keys;
use crate::offsets::HonestOffsets;
use crate::process::Processes;
use crate::resolve::Resolved;

/// The slots of one producer.
#[derive(Debug)]
pub(crate) struct Lanes {
    tape: Tape,
    clock: Clock,
    keys: Arc<Keys>,
    progress: Arc<Progress>,
    processes: Processes,
    client: u32,
    acks: Acks,
    /// Reports wait for [`Lanes::settle`].
    transactional: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Sends without a report.
    unreported: usize,
    /// The transaction that is open, or was last.
    transaction: Option<Transaction>,
    offsets: HonestOffsets,
    failure: Option<RecorderError>,
}

/// A transaction of this producer, as the history names it.
#[derive(Debug, Clone)]
struct Transaction {
    /// Client, incarnation, and a number that counts over all incarnations.
    id: String,
    number: u64,
    /// There once its end was asked for.
    outcome: Option<TxnOutcome>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    process: Process,
    /// Counts the slot's sends, so that a late report of an earlier one is not taken for this one's.
    turn: u32,
    op: Option<Op>,
    report: Option<Report>,
}

/// A send as it was invoked.
#[derive(Debug, Clone, Copy)]
struct Op {
    process: Process,
    key: u32,
    value: u64,
    seq: u64,
    invoked: Nanos,
}

/// A completion, ready to be written.
struct Completion<'a> {
    op_type: OpType,
    offset: Option<Option<i64>>,
    status: PersistenceStatus,
    node: Option<i32>,
    error: Option<&'a str>,
}

impl Lanes {
    /// The lanes of producer `client`, with the slots that it has in the whole run.
    pub(crate) fn new(
        tape: Tape,
        keys: Arc<Keys>,
        progress: Arc<Progress>,
        client: u32,
        resolved: &Resolved,
    ) -> Lanes {
        let processes = Processes::new(resolved.concurrency());
        let slots = resolved.producer_slot(client)..resolved.producer_slot(client + 1);
        let offsets = HonestOffsets::new(keys.len());
        // The last slot in the list is taken first; few slots are used where few are needed.
        let free = (0..slots.len() as u32).rev().collect();
        let slots = slots
            .map(|slot| Slot { process: processes.first(slot), turn: 0, op: None, report: None })
            .collect();
        Lanes {
            clock: tape.clock(),
            tape,
            keys,
            progress,
            processes,
            client,
            acks: resolved.config.acks,
            transactional: resolved.config.transactional,
            state: Mutex::new(State {
                slots,
                free,
                unreported: 0,
                transaction: None,
                offsets,
                failure: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Takes a free slot, waiting for one until `until`; `None` if there was none, or none is left for good.
    pub(crate) fn take(&self, until: Instant) -> Option<u32> {
        let mut state = lock(&self.state);
        loop {
            if let Some(slot) = state.free.pop() {
                return Some(slot);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.failure.is_some() {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives a slot back that nothing was sent with.
    pub(crate) fn put_back(&self, slot: u32) {
        lock(&self.state).free.push(slot);
    }

    /// The sends that follow belong to a new transaction.
    pub(crate) fn begin_transaction(&self, incarnation: u32) {
        let mut state = lock(&self.state);
        let number = state.transaction.as_ref().map_or(0, |before| before.number + 1);
        let id = format!("{}.{incarnation}.{number}", self.client);
        state.transaction = Some(Transaction { id, number, outcome: None });
    }

    /// Records the invocation of a send. The client call must follow at once.
    ///
    /// Returns the send's ticket and the time that was recorded.
    pub(crate) fn begin(&self, slot: u32, send: &Send) -> Result<(Ticket, Nanos), RecorderError> {
        let now = self.clock.now();
        let (process, turn) = {
            let mut state = lock(&self.state);
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            state.unreported += 1;
            let entry = &mut state.slots[slot as usize];
            debug_assert!(entry.op.is_none(), "slot {slot} has a send in flight");
            entry.turn = entry.turn.wrapping_add(1);
            entry.report = None;
            entry.op = Some(Op {
                process: entry.process,
                key: send.key as u32,
                value: send.value,
                seq: send.seq,
                invoked: now,
            });
            (entry.process, entry.turn)
        };
        let mops = [Mop::Send { key: self.keys.name(send.key), value: send.value, offset: None }];
        let more = More {
            client: Some(self.client),
            incarnation: Some(send.incarnation),
            seq: Some(send.seq),
            due: send.due,
            ..More::default()
        };
        self.tape
            .record(&Event::new(now, process, OpType::Invoke, "send", Payload::Mops(&mops)).with(more))?;
        Progress::add(&self.progress.invoked, 1);
        Ok((Ticket::new(slot, turn), now))
    }

    /// `produce()` refused the send.
    pub(crate) fn refused(&self, ticket: Ticket, code: Code) {
        let now = self.clock.now();
        let Some(op) = self.open_op(ticket) else { return };
        let status = PersistenceStatus::NotPersisted;
        let said = Said { site: Site::Refused, code: Some(code), status, ambiguous_attempt: false };
        self.complete(ticket.slot(), op, now, said, None, None);
    }

    /// The client library reported on the send. `ambiguous_since` tells whether an answer since the given
    /// time left the fate of records open that were sent again.
    pub(crate) fn delivered(&self, ticket: Ticket, report: Report, ambiguous_since: impl Fn(Nanos) -> bool) {
        let now = self.clock.now();
        let Some(op) = self.open_op(ticket) else { return };
        if self.transactional {
            let mut state = lock(&self.state);
            state.slots[ticket.slot()].report = Some(report);
            state.unreported -= 1;
            self.changed.notify_all();
        } else {
            self.judge(ticket.slot(), op, now, report, ambiguous_since(op.invoked));
        }
    }

    /// Completes every send of a transaction that has ended.
    pub(crate) fn settle(&self, end: &TransactionEnd, ambiguous_since: impl Fn(Nanos) -> bool) {
        if let Some(transaction) = &mut lock(&self.state).transaction {
            transaction.outcome = Some(end.outcome());
        }
        for (slot, op, report) in self.open_ops() {
            let now = self.clock.now();
            let Some(report) = report else {
                self.complete_unknown(
                    slot,
                    op,
                    now,
                    PersistenceStatus::PossiblyPersisted,
                    "no delivery report came before its transaction ended",
                );
                continue;
            };
            let ambiguous = ambiguous_since(op.invoked);
            let said = Said {
                site: Site::Report,
                code: report.code,
                status: report.status,
                ambiguous_attempt: ambiguous,
            };
            let delivered = classify(said, self.acks).op_type == OpType::Ok;
            match end {
                _ if !delivered => self.judge(slot, op, now, report, ambiguous),
                TransactionEnd::Committed => self.judge(slot, op, now, report, ambiguous),
                TransactionEnd::Aborted => {
                    let completion = Completion {
                        op_type: OpType::Fail,
                        offset: None,
                        status: report.status,
                        node: report.node(),
                        error: Some("its transaction was aborted"),
                    };
                    self.write(slot, op, now, &completion);
                }
                TransactionEnd::Visible(why) | TransactionEnd::Unknown(why) => {
                    self.complete_unknown(slot, op, now, report.status, why);
                }
            }
        }
    }

    /// Completes every send that is still open as unknown.
    pub(crate) fn abandon(&self, why: &str) {
        for (slot, op, _) in self.open_ops() {
            self.complete_unknown(slot, op, self.clock.now(), PersistenceStatus::PossiblyPersisted, why);
        }
    }

    /// Waits until every send has its report, `until` at most or until `give_up`; says whether it has.
    pub(crate) fn wait_reported(&self, until: Instant, give_up: impl Fn() -> bool) -> bool {
        const STEP: Duration = Duration::from_millis(50);
        let mut state = lock(&self.state);
        while state.unreported > 0 && state.failure.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || give_up() {
                return false;
            }
            state =
                self.changed.wait_timeout(state, left.min(STEP)).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.unreported == 0
    }

    /// Whether a send of the open transaction was reported as anything but delivered.
    pub(crate) fn any_undelivered(&self) -> bool {
        lock(&self.state)
            .slots
            .iter()
            .any(|slot| slot.op.is_some() && slot.report.is_none_or(|report| report.code.is_some()))
    }

    /// Whether every slot is gone for good, its process numbers used up.
    pub(crate) fn is_exhausted(&self) -> bool {
        let state = lock(&self.state);
        state.free.is_empty() && state.slots.iter().all(|slot| slot.op.is_none())
    }

    /// Why the history cannot be written any more, if so.
    pub(crate) fn failure(&self) -> Option<RecorderError> {
        lock(&self.state).failure.clone()
    }

    fn open_op(&self, ticket: Ticket) -> Option<Op> {
        let state = lock(&self.state);
        let slot = state.slots.get(ticket.slot())?;
        if slot.turn == ticket.turn() && slot.report.is_none() { slot.op } else { None }
    }

    fn open_ops(&self) -> Vec<(usize, Op, Option<Report>)> {
        let state = lock(&self.state);
        let mut open: Vec<_> =
            state.slots.iter().enumerate().filter_map(|(i, s)| Some((i, s.op?, s.report))).collect();
        open.sort_by_key(|(_, op, _)| op.seq);
        open
    }

    /// Completes a send as its report says.
    fn judge(&self, slot: usize, op: Op, now: Nanos, report: Report, ambiguous_attempt: bool) {
        let expected = self.keys.place(op.key as usize).1;
        if report.code.is_none() && report.partition != expected {
            let why = format!("delivered to partition {} instead of {expected}", report.partition);
            return self.complete_unknown(slot, op, now, report.status, &why);
        }
        let said = Said { site: Site::Report, code: report.code, status: report.status, ambiguous_attempt };
        let offset = match report.code {
            None if self.acks != Acks::Zero => {
                lock(&self.state).offsets.known(op.key as usize, report.offset)
            }
            _ => None,
        };
        self.complete(slot, op, now, said, offset, report.node());
    }

    fn complete(&self, slot: usize, op: Op, now: Nanos, said: Said, offset: Option<i64>, node: Option<i32>) {
        let outcome = classify(said, self.acks);
        let text = (outcome.op_type != OpType::Ok).then(|| match said.code {
            Some(code) => format!("{}: {}", classify::name(code), outcome.reason),
            None => outcome.reason.to_owned(),
        });
        let completion = Completion {
            op_type: outcome.op_type,
            offset: (outcome.op_type == OpType::Ok).then_some(offset),
            status: said.status,
            node,
            error: text.as_deref(),
        };
        self.write(slot, op, now, &completion);
    }

    fn complete_unknown(&self, slot: usize, op: Op, now: Nanos, status: PersistenceStatus, why: &str) {
        let completion =
            Completion { op_type: OpType::Info, offset: None, status, node: None, error: Some(why) };
        self.write(slot, op, now, &completion);
    }

    /// Records a completion, and only then gives the slot back: a process never has two sends in flight.
    fn write(&self, slot: usize, op: Op, now: Nanos, completion: &Completion<'_>) {
        let mops =
            [Mop::Send { key: self.keys.name(op.key as usize), value: op.value, offset: completion.offset }];
        let transaction = lock(&self.state).transaction.clone();
        let more = More {
            client: Some(self.client),
            seq: Some(op.seq),
            txn: transaction.as_ref().map(|transaction| Txn {
                id: &transaction.id,
                producer_id: None,
                epoch: None,
                outcome: transaction.outcome,
            }),
            node: completion.node,
            error: completion.error,
            status: Some(completion.status),
            unacked: self.acks == Acks::Zero && completion.op_type == OpType::Ok,
            ..More::default()
        };
        let event = Event::new(now, op.process, completion.op_type, "send", Payload::Mops(&mops)).with(more);
        let recorded = self.tape.record(&event);
        Progress::add(self.counter(completion.op_type), 1);
        let mut state = lock(&self.state);
        if let Err(failure) = recorded {
            state.failure.get_or_insert(failure);
        }
        let entry = &mut state.slots[slot];
        let reported = entry.report.take().is_some();
        entry.op = None;
        let goes_on = match completion.op_type {
            OpType::Info => self.processes.after(op.process).map(|next| entry.process = next).is_some(),
            _ => true,
        };
        if goes_on {
            state.free.push(slot as u32);
        }
        if !reported {
            state.unreported -= 1;
        }
        self.changed.notify_all();
    }

    fn counter(&self, op_type: OpType) -> &AtomicU64 {
        match op_type {
            OpType::Ok => &self.progress.ok,
            OpType::Fail => &self.progress.fail,
            OpType::Info | OpType::Invoke => &self.progress.info,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use store::recorder::Recorder;

    use super::*;
    use crate::config::QueueConfig;

    fn lanes(dir: &Path, config: &QueueConfig) -> (Recorder, Lanes) {
        let recorder = Recorder::create(&dir.join("h.jsonl.zst"), Clock::start()).expect("a history");
        let keys = Arc::new(Keys::new(&["t".to_owned()], config.partitions));
        let resolved = config.resolve("mock", 1).expect("a good configuration");
        let lanes = Lanes::new(recorder.tape(), keys, Arc::default(), 0, &resolved);
        (recorder, lanes)
    }

    fn config() -> QueueConfig {
        QueueConfig { producers: 1, consumers: 0, partitions: 1, rate: 0.0, ..QueueConfig::default() }
    }

    const SEND: Send = Send { key: 0, value: 5, seq: 0, incarnation: 0, due: None };
    const OK: Report =
        Report { code: None, status: PersistenceStatus::Persisted, partition: 0, offset: 9, node: 1 };

    #[test]
    fn a_slot_is_free_again_after_its_completion_and_a_late_report_is_ignored() {
        let dir = tempfile::tempdir().expect("a directory");
        let (_recorder, lanes) = lanes(dir.path(), &config());
        let slot = lanes.take(Instant::now()).expect("one is free");
        let (ticket, _) = lanes.begin(slot, &SEND).expect("it is recorded");
        assert_eq!(lanes.take(Instant::now()), None, "one in flight");
        lanes.delivered(ticket, OK, |_| false);
        assert!(lanes.wait_reported(Instant::now(), || false));
        let slot = lanes.take(Instant::now()).expect("free again");
        let (second, _) = lanes.begin(slot, &Send { value: 6, seq: 1, ..SEND }).expect("it is recorded");
        lanes.delivered(ticket, OK, |_| false);
        assert!(!lanes.wait_reported(Instant::now(), || false), "the second has no report of its own yet");
        lanes.delivered(second, OK, |_| false);
        assert!(lanes.wait_reported(Instant::now(), || false));
        assert_eq!(Progress::get(&lanes.progress.ok), 2);
    }

    #[test]
    fn a_history_that_cannot_be_written_ends_the_producer() {
        let dir = tempfile::tempdir().expect("a directory");
        let two = QueueConfig { in_flight: Some(2), ..config() };
        let (recorder, lanes) = lanes(dir.path(), &two);
        let slot = lanes.take(Instant::now()).expect("one is free");
        let (ticket, _) = lanes.begin(slot, &SEND).expect("it is recorded");
        recorder.finish().expect("it is written");
        lanes.delivered(ticket, OK, |_| false);
        assert!(lanes.failure().is_some());
        let slot = lanes.take(Instant::now()).expect("one is free");
        assert!(lanes.begin(slot, &Send { value: 6, ..SEND }).is_err());
    }
}
