//! The transactional producer on the mock: outcomes follow the transaction, nothing is lost or doubled under
//! faults.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use common::{Lab, small, until};
use rdkafka::types::{RDKafkaApiKey as ApiKey, RDKafkaRespErr as RespErr};
use store::op::{OpType, TxnOutcome};
use store::progress::Progress;
use workloads::QueueConfig;

fn transactional() -> QueueConfig {
    QueueConfig {
        transactional: true,
        transaction_sends: 20,
        socket_timeout: Duration::from_millis(1000),
        ..small()
    }
}

#[test]
fn sends_are_acknowledged_by_their_commit() {
    let lab = Lab::start();
    let run = lab.run(&transactional(), |_, _, _| ());
    assert_eq!((run.report().ok, run.report().info, run.report().fail), (900, 0, 0));
    assert!(run.drain.is_complete(), "{:?}", run.drain);
    assert_eq!((run.history.lost().len(), run.history.duplicates()), (0, 0));
    // Twenty sends of one client complete together.
    let times: Vec<u64> =
        run.history.sends(OpType::Ok).filter(|r| r.client == Some(0)).map(|r| r.time.0).collect();
    assert_eq!(times.len(), 300);
    let invoked_later = run
        .history
        .rows
        .iter()
        .filter(|r| r.client == Some(0) && r.op_type == OpType::Invoke && r.send.is_some())
        .filter(|r| r.time.0 > times[0])
        .count();
    assert_eq!(invoked_later, 280, "the first transaction committed before the second began");
    let transactions = run.history.transactions();
    assert_eq!(transactions.len(), 45);
    for (id, sends) in &transactions {
        assert_eq!(sends.len(), 20, "{id}");
        assert!(sends.iter().all(|row| Some(&sends[0].client) == Some(&row.client)), "{id}");
        let committed = Some(TxnOutcome::Commit);
        assert!(sends.iter().all(|row| row.txn.as_ref().is_some_and(|(_, o)| *o == committed)), "{id}");
    }
    assert!(transactions.contains_key("0.0.0") && transactions.contains_key("2.0.14"));
}

#[test]
fn nothing_is_found_under_bounces_and_late_answers() {
    let lab = Lab::start();
    let config =
        QueueConfig { sends: None, time_limit: Some(Duration::from_secs(5)), rate: 600.0, ..transactional() };
    let run = lab.run(&config, |lab, progress, _| {
        for step in 1..=3_i32 {
            until(|| Progress::get(&progress.invoked) >= 300 * step as u64);
            lab.mock().broker_round_trip_time(-1, Duration::from_millis(50)).expect("slow");
            lab.mock().broker_down(step).expect("down");
            sleep(Duration::from_millis(300));
            lab.mock().broker_up(step).expect("up");
            lab.mock().partition_leader("t0", step, Some(1 + step % 3)).expect("moved");
        }
        lab.mock().broker_round_trip_time(-1, Duration::ZERO).expect("quick again");
    });
    assert!(run.report().ok > 0);
    assert!(run.drain.is_complete(), "{:?}", run.drain);
    assert_eq!(run.history.lost().len(), 0);
    assert_eq!(run.history.duplicates(), 0);
    assert_eq!(run.history.resurrected().len(), 0);
    // What the history says of a transaction it says of all its sends, and it fits how they ended.
    for (id, sends) in run.history.transactions() {
        let said: BTreeSet<_> =
            sends.iter().filter_map(|row| row.txn.as_ref()?.1).map(|o| o.as_str()).collect();
        assert!(said.len() <= 1, "{id}: {said:?}");
        let ok = sends.iter().any(|row| row.op_type == OpType::Ok);
        assert!(!ok || said.contains("commit"), "{id}: {said:?}");
    }
}

#[test]
fn a_commit_without_an_answer_leaves_its_sends_unknown() {
    let lab = Lab::start();
    let config = QueueConfig {
        producers: 1,
        sends: None,
        time_limit: Some(Duration::from_secs(120)),
        ..transactional()
    };
    let run = lab.run(&config, |lab, progress, stop| {
        until(|| Progress::get(&progress.ok) >= 100);
        lab.mock().request_errors(ApiKey::EndTxn, &[RespErr::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE; 3]);
        until(|| Progress::get(&progress.info) > 0);
        stop.store(true, Ordering::Relaxed);
    });
    let unknown: Vec<_> = run.history.sends(OpType::Info).collect();
    assert!(
        unknown.iter().any(|r| r.error.as_deref().is_some_and(|e| e.contains("commit of its transaction"))),
        "{unknown:?}"
    );
    let last = unknown.last().and_then(|row| row.txn.as_ref());
    assert!(last.is_some_and(|(_, outcome)| *outcome != Some(TxnOutcome::Commit)), "{unknown:?}");
    assert_eq!(run.history.sends(OpType::Fail).count(), 0);
}

#[test]
fn an_unreachable_coordinator_is_an_error_that_says_so() {
    let lab = Lab::start();
    let config = QueueConfig { producers: 1, transaction_timeout: Duration::from_secs(1), ..transactional() };
    lab.mock().broker_down(-1).expect("down");
    let resolved = QueueConfig {
        drain_timeout: Duration::from_millis(200),
        delivery_timeout: Duration::from_secs(1),
        ..config
    }
    .resolve("mock", 1)
    .expect("a good configuration");
    let run = lab.run_resolved(&resolved, |_, _, _| ());
    let error = run.queue.expect_err("no coordinator").to_string();
    assert!(error.contains("tribunal-producer-0") && error.contains("coordinator"), "{error}");
}
