//! The transactional producer: sends complete when their transaction has ended.
//!
//! A send is `ok` only if its transaction certainly committed. It is `fail` only if its transaction was
//! aborted, nobody had asked for its commit before, and readers never see what was aborted. Once a commit was
//! asked for, a later abort can succeed without meaning that the commit had not: the client may recover by a
//! new producer epoch instead of ending the transaction. All else is `info`.

use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;

use crate::classify;
use crate::delivery::LiveProducer;
use crate::error::WorkloadError;
use crate::flight::TransactionEnd;
use crate::producer::{ProducerReport, ProducerTask, REFUSED_REST, RESTART_REST};
use crate::sender::{Sender, Sent};

/// How long one call to the coordinator waits before it is repeated.
const CALL: Duration = Duration::from_secs(2);
/// The least time that a commit or an abort is tried for.
const END_LEAST: Duration = Duration::from_secs(10);
/// How long a producer that was told to stop still tries to end its transaction.
const STOPPED_END: Duration = Duration::from_secs(2);

/// Whether the client can go on after a transaction.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Transaction,
    Incarnation,
    End,
}

/// Sends in transactions until the time, the count or the caller ends it.
pub(crate) fn run(task: &ProducerTask<'_>, transactional_id: &str) -> Result<ProducerReport, WorkloadError> {
    let mut settings = task.resolved.producer_settings.clone();
    settings.insert("transactional.id".to_owned(), transactional_id.to_owned());
    let mut report = ProducerReport::default();
    let mut sender = Sender::new(task);
    loop {
        let live = task.open(&settings)?;
        report.incarnations += 1;
        let next = match init(task, &live) {
            Ok(()) => loop {
                match transaction(task, &live, &mut sender)? {
                    Next::Transaction => {}
                    other => break other,
                }
            },
            // The first incarnation must come up, or the whole run is in vain; later ones may run out of
            // time.
            Err(error) if report.incarnations == 1 && !task.halt.now() => {
                task.close(live, &mut report);
                return Err(error);
            }
            Err(_) => Next::Incarnation,
        };
        task.close(live, &mut report);
        if let Some(failure) = task.lanes.failure() {
            return Err(failure.into());
        }
        let rest = || task.halt.sleep_until(Instant::now() + RESTART_REST);
        if next == Next::End || sender.is_over(task) || !rest() {
            break;
        }
        sender.restart();
    }
    sender.sum_up(task, &mut report);
    Ok(report)
}

/// Registers the transactional id, fencing whoever had it.
fn init(task: &ProducerTask<'_>, live: &LiveProducer) -> Result<(), WorkloadError> {
    let bound = task.resolved.config.transaction_timeout;
    let start = Instant::now();
    loop {
        let error = match live.client().init_transactions(CALL) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let retriable = matches!(&error, KafkaError::Transaction(e) if e.is_retriable());
        if !retriable || start.elapsed() > bound || task.halt.now() {
            return Err(WorkloadError::TransactionInit {
                client: task.name(),
                waited: start.elapsed(),
                reason: error.to_string(),
            });
        }
    }
}

/// One transaction, from its begin to its end.
fn transaction(
    task: &ProducerTask<'_>,
    live: &LiveProducer,
    sender: &mut Sender,
) -> Result<Next, WorkloadError> {
    if sender.is_over(task) {
        return Ok(Next::End);
    }
    if live.client().begin_transaction().is_err() {
        return Ok(Next::Incarnation);
    }
    task.lanes.begin_transaction(sender.incarnation());
    let config = &task.resolved.config;
    // The coordinator must still find it alive when it is to be committed.
    let old = Instant::now() + config.transaction_timeout / 2;
    let mut sent = 0;
    let mut over = false;
    while sent < config.transaction_sends && Instant::now() < old {
        match sender.send_next(task, live)? {
            Sent::Yes => sent += 1,
            // Mostly the transaction is broken already; its end will tell.
            Sent::Refused(_) => {
                task.halt.sleep_until(Instant::now() + REFUSED_REST);
                break;
            }
            Sent::Over => {
                over = true;
                break;
            }
        }
    }
    task.wait_reported();
    let (end, next) = end(task, live);
    task.lanes.settle(&end, |then| live.events().ambiguous_since(then));
    Ok(if over && next == Next::Transaction { Next::End } else { next })
}

/// Commits; aborts instead where a record was not delivered, or the client wants it.
fn end(task: &ProducerTask<'_>, live: &LiveProducer) -> (TransactionEnd, Next) {
    if task.lanes.any_undelivered() {
        return match abort(task, live) {
            Ok(()) if task.resolved.hides_aborted() => (TransactionEnd::Aborted, Next::Transaction),
            Ok(()) => (
                TransactionEnd::Visible(
                    "its transaction was aborted, and this run's readers see aborted records".to_owned(),
                ),
                Next::Transaction,
            ),
            Err(why) => {
                (TransactionEnd::Visible(format!("abort of its transaction: {why}")), Next::Incarnation)
            }
        };
    }
    match persist(task, || live.client().commit_transaction(CALL)) {
        Ok(()) => (TransactionEnd::Committed, Next::Transaction),
        Err(error) => {
            let unknown = TransactionEnd::Unknown(format!("commit of its transaction: {}", describe(&error)));
            let must_abort = matches!(&error, KafkaError::Transaction(e) if e.txn_requires_abort());
            let next =
                if must_abort && abort(task, live).is_ok() { Next::Transaction } else { Next::Incarnation };
            (unknown, next)
        }
    }
}

fn abort(task: &ProducerTask<'_>, live: &LiveProducer) -> Result<(), String> {
    persist(task, || live.client().abort_transaction(CALL)).map_err(|e| describe(&e))
}

/// Repeats a call that may be repeated, as long as the transaction can live.
fn persist(
    task: &ProducerTask<'_>,
    call: impl Fn() -> rdkafka::error::KafkaResult<()>,
) -> rdkafka::error::KafkaResult<()> {
    let start = Instant::now();
    let bound = (task.resolved.config.transaction_timeout / 2).max(END_LEAST);
    loop {
        let Err(error) = call() else { return Ok(()) };
        let again = match &error {
            KafkaError::Transaction(e) => e.is_retriable(),
            KafkaError::Flush(_) => true,
            _ => false,
        };
        let bound = if task.halt.now() { STOPPED_END } else { bound };
        if !again || start.elapsed() > bound {
            return Err(error);
        }
    }
}

fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(e) => format!("{}: {}", classify::name(e.code()), e.string()),
        other => other.to_string(),
    }
}
