//! Workload `queue` against an in-process mock cluster: loops, limits, and what stands in the history.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{Lab, small, until};
use store::batch::F;
use store::op::{OpType, PersistenceStatus};
use store::progress::Progress;
use workloads::{Acks, Partitioner, QueueConfig};

#[test]
fn a_closed_loop_sends_its_count_and_everything_is_read() {
    let lab = Lab::start();
    let run = lab.run(&small(), |_, _, _| ());
    let report = run.report();
    assert_eq!((report.invoked, report.ok, report.fail, report.info), (900, 900, 0, 0));
    assert_eq!((report.hung, report.restarts, report.unsent), (0, 0, 0));
    assert!(report.peak_rate > 0.0);
    assert!(run.drain.is_complete(), "{:?}", run.drain);
    assert_eq!((run.drain.partitions, run.drain.records), (4, 900));
    assert_eq!(run.history.lost().len(), 0);
    assert_eq!(run.history.duplicates(), 0);
    assert_eq!(Progress::get(&run.progress.drained), Progress::get(&run.progress.to_drain));
    // One in flight a producer: three processes did it all.
    let processes: BTreeSet<u32> = run.history.sends(OpType::Ok).map(|r| r.process.0).collect();
    assert_eq!(processes, BTreeSet::from([0, 1, 2]));
    for row in run.history.sends(OpType::Ok) {
        assert_eq!(row.status, Some(PersistenceStatus::Persisted));
        assert!(row.node.is_some() && !row.unacked && row.error.is_none());
    }
}

#[test]
fn acknowledged_offsets_are_where_the_records_are_read() {
    let lab = Lab::start();
    let run = lab.run(&small(), |_, _, _| ());
    let log = run.history.log(true);
    for row in run.history.sends(OpType::Ok) {
        let (key, value, offset) = row.send.clone().expect("a send");
        let at = log[&key].iter().find(|r| r.value == Some(value)).map(|r| r.offset);
        assert_eq!(offset, at, "{row:?}");
    }
}

#[test]
fn live_consumers_read_in_order_and_name_their_position() {
    let lab = Lab::start();
    let run = lab.run(&small(), |_, _, _| ());
    let live = run.history.log(false);
    assert_eq!(live.values().map(Vec::len).sum::<usize>() as u64, run.report().polled);
    assert_eq!(run.report().polled, 900, "the tail of a healthy cluster is read");
    for records in live.values() {
        assert!(records.windows(2).all(|w| w[1].offset == w[0].offset + 1));
    }
    for row in run.history.rows.iter().filter(|r| r.f == F::Poll && r.op_type == OpType::Ok) {
        for (key, records) in &row.records {
            assert_eq!(row.positions[key], records.last().expect("not empty").offset + 1);
        }
    }
}

#[test]
fn coverage_is_proved_by_position() {
    let lab = Lab::start();
    // More partitions than values reach, so that some stay empty.
    let config = QueueConfig { producers: 1, consumers: 0, partitions: 9, sends: Some(5), ..small() };
    let run = lab.run(&config, |_, _, _| ());
    assert!(run.drain.is_complete(), "{:?}", run.drain);
    let bounds = run.history.bounds();
    assert_eq!(bounds.len(), 9);
    for (key, log) in bounds {
        let position = run
            .history
            .rows
            .iter()
            .filter(|r| r.final_pass && r.f == F::Poll)
            .filter_map(|r| r.positions.get(&key))
            .max();
        assert!(position.is_some_and(|p| *p >= log.end), "{key}: {position:?} of {log:?}");
    }
}

#[test]
fn an_open_loop_keeps_its_schedule() {
    let lab = Lab::start();
    let config =
        QueueConfig { rate: 400.0, sends: None, time_limit: Some(Duration::from_secs(2)), ..small() };
    let run = lab.run(&config, |_, _, _| ());
    // Late sends are allowed on a busy machine, missing ones are counted.
    assert_eq!(run.report().invoked + run.report().unsent, 800);
    assert_eq!(run.report().ok, run.report().invoked);
    assert_eq!(run.history.lost().len(), 0);
    let mut dues: Vec<u64> = Vec::new();
    for row in run.history.rows.iter().filter(|r| r.f == F::Send && r.op_type == OpType::Invoke) {
        let due = row.due.expect("an open loop says when it meant to send");
        assert!(due <= row.time, "never early: {row:?}");
        dues.push(due.0);
    }
    dues.sort_unstable();
    assert!(dues.windows(2).all(|w| w[1] - w[0] >= 2_400_000), "one every 2.5 ms");
}

#[test]
fn a_pipelined_producer_is_many_processes_of_one_client() {
    let lab = Lab::start();
    let config = QueueConfig { producers: 2, in_flight: Some(50), sends: Some(2000), ..small() };
    let run = lab.run(&config, |_, _, _| ());
    assert_eq!(run.report().ok, 4000);
    let processes: BTreeSet<(u32, u32)> =
        run.history.sends(OpType::Ok).map(|r| (r.client.expect("a client"), r.process.0)).collect();
    assert!(processes.len() > 2, "more than one in flight: {processes:?}");
    assert!(processes.iter().all(|(client, process)| process / 50 == *client), "{processes:?}");
    assert_eq!(run.history.lost().len(), 0);
}

#[test]
fn unacknowledged_sends_say_so_and_name_no_offset() {
    let lab = Lab::start();
    let run = lab.run(&QueueConfig { acks: Acks::Zero, ..small() }, |_, _, _| ());
    assert_eq!(run.report().ok, 900);
    for row in run.history.sends(OpType::Ok) {
        assert!(row.unacked);
        assert_eq!(row.send.as_ref().expect("a send").2, None, "{row:?}");
        assert_eq!(row.status, Some(PersistenceStatus::PossiblyPersisted));
    }
}

#[test]
fn a_hash_of_the_key_is_foretold() {
    for partitioner in [Partitioner::Consistent, Partitioner::Murmur2, Partitioner::Fnv1a] {
        let lab = Lab::start();
        let config = QueueConfig { partitioner, topics: 2, partitions: 5, ..small() };
        let run = lab.run(&config, |_, _, _| ());
        assert_eq!((run.report().ok, run.report().info), (900, 0), "{partitioner}");
        assert_eq!(run.history.lost().len(), 0, "{partitioner}");
        assert_eq!(run.history.log(true).len(), 10, "every partition was written");
    }
}

#[test]
fn the_caller_can_stop_it() {
    let lab = Lab::start();
    let config = QueueConfig { sends: None, time_limit: Some(Duration::from_secs(600)), ..small() };
    let run = lab.run(&config, |_, progress, stop| {
        until(|| Progress::get(&progress.ok) >= 500);
        stop.store(true, Ordering::Relaxed);
    });
    assert!(run.report().seconds < 300.0, "long before its time");
    assert_eq!(run.history.lost().len(), 0);
    assert!(run.drain.is_complete());
}

#[test]
fn a_record_that_is_damaged_or_foreign_has_no_value() {
    use rdkafka::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    let lab = Lab::start();
    let config = QueueConfig { partitions: 1, producers: 1, sends: Some(100), ..small() };
    let run = lab.run(&config, |lab, progress, _| {
        until(|| Progress::get(&progress.ok) >= 100);
        let other: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", lab.endpoints().bootstrap.join(","))
            .create()
            .expect("a producer");
        let mut damaged = Vec::new();
        let header = workloads::payload::Header {
            value: 7,
            client: 0,
            incarnation: 0,
            seq: 7,
            partition: 0,
            topic: workloads::payload::topic_hash("t0"),
        };
        workloads::payload::encode(&header, 100, &mut damaged);
        damaged[90] ^= 1;
        let mut foreign = Vec::new();
        let header =
            workloads::payload::Header { topic: workloads::payload::topic_hash("another run's"), ..header };
        workloads::payload::encode(&header, 100, &mut foreign);
        for payload in [&damaged[..], &foreign, b"hello", b""] {
            let record: BaseRecord<'_, (), [u8]> = BaseRecord::to("t0").partition(0).payload(payload);
            other.send(record).map_err(|(e, _)| e).expect("it is queued");
        }
        other.flush(Duration::from_secs(30)).expect("it is delivered");
    });
    let log = &run.history.log(true)["t0-0"];
    assert_eq!(log.len(), 104);
    assert!(log[..100].iter().all(|r| r.value.is_some()));
    assert!(log[100..].iter().all(|r| r.value.is_none()), "{:?}", &log[100..]);
}

#[test]
fn a_misrouted_record_is_seen_to_be_a_stranger() {
    use workloads::keys::Keys;
    let keys = Keys::new(&["t0".to_owned()], 4);
    let lab = Lab::start();
    let run = lab.run(&small(), |_, _, _| ());
    for (key, records) in run.history.log(true) {
        for value in records.iter().filter_map(|r| r.value) {
            assert_eq!(keys.name(keys.key_of_value(value)), key);
        }
    }
}
