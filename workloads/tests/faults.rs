//! Workload `queue` under the mock's faults: outcomes that say no more than is known, and ends that are
//! bounded.

mod common;

use std::thread::sleep;
use std::time::Duration;

use common::{Lab, small, until};
use rdkafka::types::{RDKafkaApiKey as ApiKey, RDKafkaRespErr as RespErr};
use store::batch::F;
use store::op::{OpType, PersistenceStatus};
use store::progress::Progress;
use workloads::{Acks, QueueConfig};

fn wait_for(progress: &Progress, ok: u64) {
    until(|| Progress::get(&progress.ok) >= ok);
}

/// A short run, slow enough that the mock keeps every record.
fn short() -> QueueConfig {
    QueueConfig {
        sends: None,
        rate: 600.0,
        time_limit: Some(Duration::from_secs(3)),
        delivery_timeout: Duration::from_millis(1500),
        socket_timeout: Duration::from_millis(500),
        request_timeout: Duration::from_millis(400),
        drain_timeout: Duration::from_secs(60),
        ..small()
    }
}

/// One record a request, so that a fault meets a known number of them.
fn one_by_one() -> QueueConfig {
    QueueConfig {
        producers: 1,
        partitions: 1,
        retries: 0,
        in_flight: Some(1),
        linger: Some(Duration::ZERO),
        ..short()
    }
}

#[test]
fn answers_that_never_come_are_unknown() {
    let lab = Lab::start();
    let run = lab.run(&short(), |lab, progress, _| {
        wait_for(progress, 100);
        lab.mock().broker_round_trip_time(-1, Duration::from_secs(5)).expect("slow");
        until(|| Progress::get(&progress.info) > 0);
        lab.mock().broker_round_trip_time(-1, Duration::ZERO).expect("quick again");
    });
    let unknown: Vec<_> = run.history.sends(OpType::Info).collect();
    assert!(!unknown.is_empty());
    for row in unknown {
        assert_eq!(row.status, Some(PersistenceStatus::PossiblyPersisted), "{row:?}");
    }
    assert!(run.drain.is_complete(), "{:?}", run.drain);
    assert_eq!(run.history.lost().len(), 0);
    assert_eq!(run.history.resurrected().len(), 0);
}

#[test]
fn what_was_never_sent_certainly_failed() {
    let lab = Lab::start();
    let run = lab.run(&short(), |lab, progress, _| {
        wait_for(progress, 100);
        lab.mock().broker_down(-1).expect("down");
        until(|| Progress::get(&progress.fail) >= 3);
        lab.mock().broker_up(-1).expect("up");
    });
    let failed: Vec<_> = run.history.sends(OpType::Fail).collect();
    assert!(failed.len() >= 3);
    for row in &failed {
        assert_eq!(row.status, Some(PersistenceStatus::NotPersisted), "{row:?}");
        assert!(row.error.as_deref().is_some_and(|e| e.contains("never sent")), "{row:?}");
    }
    assert_eq!(run.history.resurrected().len(), 0);
    assert_eq!(run.history.lost().len(), 0);
    assert!(!run.report().client_errors.is_empty(), "the clients noticed");
}

#[test]
fn an_ambiguous_answer_before_the_timeout_makes_it_unknown() {
    // The library calls such records "not persisted", retries them and lets them time out: no proof of
    // anything.
    let lab = Lab::start();
    let config = QueueConfig { producers: 1, partitions: 1, consumers: 0, ..short() };
    let run = lab.run(&config, |lab, progress, _| {
        wait_for(progress, 50);
        let errors = vec![RespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 10_000];
        lab.mock().request_errors(ApiKey::Produce, &errors);
        until(|| Progress::get(&progress.info) + Progress::get(&progress.fail) > 0);
        lab.mock().clear_request_errors(ApiKey::Produce);
    });
    assert_eq!(run.report().fail, 0);
    let unknown: Vec<_> = run.history.sends(OpType::Info).collect();
    assert!(!unknown.is_empty());
    for row in unknown {
        assert_eq!(row.status, Some(PersistenceStatus::NotPersisted), "{row:?}");
        assert!(row.error.as_deref().is_some_and(|e| e.contains("after the append")), "{row:?}");
    }
}

#[test]
fn too_few_replicas_certainly_refuse() {
    let lab = Lab::start();
    let config = one_by_one();
    let run = lab.run(&config, |lab, progress, _| {
        wait_for(progress, 50);
        lab.mock().request_errors(ApiKey::Produce, &[RespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 5]);
        until(|| Progress::get(&progress.fail) >= 5);
    });
    for row in run.history.sends(OpType::Fail) {
        assert!(row.error.as_deref().is_some_and(|e| e.starts_with("NOT_ENOUGH_REPLICAS: ")), "{row:?}");
    }
    assert_eq!((run.report().info, run.history.resurrected().len()), (0, 0));
}

#[test]
fn appended_or_not_is_unknown_after_append() {
    let lab = Lab::start();
    let config = one_by_one();
    let run = lab.run(&config, |lab, progress, _| {
        wait_for(progress, 50);
        lab.mock().request_errors(
            ApiKey::Produce,
            &[
                RespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                RespErr::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
                RespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                RespErr::RD_KAFKA_RESP_ERR_UNKNOWN,
            ],
        );
        until(|| Progress::get(&progress.info) >= 4);
    });
    assert_eq!((run.report().info, run.report().fail), (4, 0));
}

#[test]
fn a_dead_cluster_ends_by_itself_and_covers_nothing() {
    let lab = Lab::start();
    let config =
        QueueConfig { drain_timeout: Duration::from_secs(4), drain_stall: Duration::from_secs(1), ..short() };
    let run = lab.run(&config, |lab, progress, _| {
        wait_for(progress, 100);
        lab.mock().broker_down(-1).expect("down");
    });
    assert!(!run.drain.is_complete());
    assert_eq!(run.drain.covered, 0);
    assert_eq!(run.drain.not_covered.len(), 4);
    for partition in &run.drain.not_covered {
        assert!(partition.reason.contains("the time of the pass was over"), "{partition:?}");
    }
    assert!(run.drain.restarts > 0, "it was tried with new clients");
}

#[test]
fn leaders_that_move_lose_nothing() {
    let lab = Lab::start();
    let config = QueueConfig { producers: 4, rate: 1000.0, ..short() };
    let run = lab.run(&config, |lab, progress, _| {
        for step in 1..20_u64 {
            wait_for(progress, step * 50);
            let leader = 1 + (step % 3) as i32;
            lab.mock().partition_leader("t0", (step % 4) as i32, Some(leader)).expect("moved");
        }
    });
    assert_eq!((run.report().fail, run.history.lost().len(), run.history.duplicates()), (0, 0, 0));
    assert!(run.drain.is_complete());
}

#[test]
fn unacknowledged_sends_to_a_deposed_leader_are_lost_and_found_lost() {
    let lab = Lab::start();
    let config = QueueConfig { acks: Acks::Zero, producers: 1, partitions: 1, ..short() };
    let run = lab.run(&config, |lab, progress, _| {
        lab.mock().partition_leader("t0", 0, Some(1)).expect("moved");
        wait_for(progress, 200);
        lab.mock().partition_leader("t0", 0, Some(2)).expect("moved");
    });
    assert!(run.drain.is_complete());
    assert!(!run.history.lost().is_empty(), "the mock drops them silently");
    assert!(run.history.lost().iter().all(|row| row.unacked));
}

#[test]
fn a_lost_answer_makes_a_duplicate_that_is_seen() {
    let lab = Lab::start();
    let config = QueueConfig {
        producers: 1,
        partitions: 1,
        rate: 500.0,
        delivery_timeout: Duration::from_secs(20),
        time_limit: Some(Duration::from_secs(6)),
        ..short()
    };
    let run = lab.run(&config, |lab, progress, _| {
        wait_for(progress, 200);
        // The client gives up on an answer after half a second, and looks for such ones once a second.
        lab.mock().broker_round_trip_time(-1, Duration::from_secs(30)).expect("slow");
        sleep(Duration::from_millis(3000));
        lab.mock().broker_round_trip_time(-1, Duration::ZERO).expect("quick again");
    });
    assert!(run.history.duplicates() > 0);
    assert_eq!(run.history.lost().len(), 0);
}

#[test]
fn a_consumer_that_lost_its_place_says_where_it_goes_on() {
    // The mock keeps 5 MiB of a partition: a slow reader finds its next offset gone.
    let lab = Lab::start();
    let config = QueueConfig {
        producers: 1,
        consumers: 1,
        partitions: 1,
        rate: 0.0,
        in_flight: Some(1000),
        sends: Some(200_000),
        time_limit: Some(Duration::from_secs(60)),
        poll_records: 10,
        poll_collect: Duration::ZERO,
        client_set: [("consumer.queued.min.messages".to_owned(), "10".to_owned())].into(),
        ..short()
    };
    let run = lab.run(&config, |_, _, _| ());
    assert!(run.report().repositioned > 0);
    let live = || run.history.rows.iter().filter(|r| !r.final_pass && r.op_type == OpType::Ok);
    let mut next = 0;
    for row in live() {
        if row.f == F::Assign {
            assert!(row.positions["t0-0"] >= next);
            next = row.positions["t0-0"];
        }
        for record in row.records.values().flatten() {
            assert_eq!(record.offset, next, "a jump that no assignment explains");
            next += 1;
        }
    }
    assert!(run.drain.is_complete(), "{:?}", run.drain);
    assert!(run.history.bounds()["t0-0"].start > 0, "the oldest records are gone, and the pass says so");
}

#[test]
fn an_error_that_moves_no_reader_is_told_along_with_its_poll() {
    let lab = Lab::start();
    let run = lab.run(&short(), |lab, progress, _| {
        wait_for(progress, 200);
        lab.mock().broker_down(-1).expect("down");
        sleep(Duration::from_millis(800));
        lab.mock().broker_up(-1).expect("up");
    });
    let polls = || run.history.rows.iter().filter(|r| r.f == F::Poll && !r.final_pass);
    // A poll of unknown outcome would end what is known of where the reader stands, just when a fault strikes.
    let told = |r: &&_| matches!(r, common::Row { op_type: OpType::Ok, error: Some(_), .. });
    assert!(polls().any(|r| told(&r)), "the brokers' absence is told");
    assert!(polls().all(|r| r.op_type != OpType::Info), "and no reader lost its place");
    for records in run.history.log(false).values() {
        assert!(records.windows(2).all(|w| w[1].offset == w[0].offset + 1), "no poll went back or skipped");
    }
}
