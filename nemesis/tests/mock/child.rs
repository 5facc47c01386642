//! The child process: it serves, its crash is seen, and it never outlives its parent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nemesis::cluster::mock::protocol::MockTopic;
use nemesis::cluster::mock::{MockCluster, MockSpec};
use nemesis::error::NemesisError;
use nemesis::health::wait_healthy;
use nemesis::view;
use rustix::process::{Pid, Signal, getpgid, kill_process};
use tokio::runtime::Runtime;

use crate::support::cluster;

pub(crate) fn serves_topics(runtime: &Runtime) {
    runtime.block_on(async {
        let cluster = cluster().await;
        let names: Vec<_> = cluster.endpoints().nodes.iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["mock-1", "mock-2", "mock-3"]);
        assert_eq!(cluster.meta().kind, "mock");
        assert!(cluster.meta().caveat.unwrap().contains("replication"));

        let two = MockTopic { name: "two".into(), partitions: 2, replication_factor: 2 };
        cluster.create_topic(&two).await.unwrap();
        let topics = ["t".to_owned(), "two".to_owned(), "none".to_owned()];
        let answers = view::ask_each(cluster.endpoints(), &topics, Duration::from_secs(5)).await;
        assert_eq!(answers.len(), 3);
        for answer in &answers {
            let view = answer.view.as_ref().unwrap();
            let leaders: Vec<_> =
                view.partitions.iter().filter(|p| p.key.starts_with("t-")).map(|p| p.leader).collect();
            assert_eq!(leaders, [Some(1), Some(2), Some(3)], "leaders are dealt out in turn");
            assert_eq!(view.partitions.iter().filter(|p| p.key.starts_with("two-")).count(), 2);
            assert_eq!(view.unknown_topics.get("none"), Some(&3), "asking must not create a topic");
        }
        assert_eq!(view::controller_of(cluster.endpoints(), Duration::from_secs(5)).await, None);
        let refused = cluster.create_topic(&MockTopic { replication_factor: 4, ..two }).await;
        assert!(refused.unwrap_err().to_string().contains("--replication-factor"));
        cluster.remove().await.unwrap();
    });
}

/// With security settings the client library asks: what it does not know stays open.
pub(crate) fn is_asked_through_the_library(runtime: &Runtime) {
    runtime.block_on(async {
        let cluster = cluster().await;
        let mut endpoints = cluster.endpoints().clone();
        endpoints.security.insert("security.protocol".into(), "plaintext".into());
        let topics = ["t".to_owned()];
        let answers = view::ask_each(&endpoints, &topics, Duration::from_secs(10)).await;
        assert_eq!(answers.len(), 3, "each broker is asked: {answers:?}");
        for answer in &answers {
            let view = answer.view.as_ref().unwrap();
            assert!((1..=3).contains(&answer.node.id), "{:?}", answer.node);
            assert_eq!((view.brokers.len(), view.partitions.len()), (3, 3));
            assert!(
                view.partitions.iter().all(|p| p.leader.is_some() && p.epoch.is_none() && p.end.is_none())
            );
        }
        let (_keep, stop) = tokio::sync::watch::channel(false);
        let settle = wait_healthy(&endpoints, &topics, Duration::from_secs(20), stop.clone()).await.settle;
        assert!(settle.healthy, "{settle:?}");

        // Nobody there: bounded, and said.
        cluster.remove().await.unwrap();
        let settle = wait_healthy(&endpoints, &topics, Duration::from_millis(100), stop).await.settle;
        assert!(!settle.healthy && !settle.missing.is_empty(), "{settle:?}");
    });
}

pub(crate) fn crash_is_reported(runtime: &Runtime) {
    runtime.block_on(async {
        let cluster = cluster().await;
        assert_eq!(cluster.died(), None);
        crash(cluster.child_id(), || cluster.died().is_some());
        let topic = MockTopic { name: "late".into(), partitions: 1, replication_factor: 1 };
        let error = cluster.create_topic(&topic).await.unwrap_err();
        assert!(matches!(error, NemesisError::TargetDied { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("mock broker process died (signal 11 (SIGSEGV))"), "{said}");
        assert_eq!(cluster.died().as_deref(), Some("signal 11 (SIGSEGV)"));
        let error = cluster.remove().await.unwrap_err();
        assert!(error.to_string().contains("signal 11"), "{error}");
    });
}

pub(crate) fn ends_with_a_killed_parent(_: &Runtime) {
    let mut parent = crate::parent().stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let child: u32 = line.trim().parse().unwrap_or_else(|_| panic!("no child: {line:?}"));
    assert!(runs(child));
    kill_process(pid(parent.id()), Signal::KILL).unwrap();
    parent.wait().unwrap();
    let give_up = Instant::now() + Duration::from_secs(30);
    while runs(child) {
        assert!(Instant::now() < give_up, "the child {child} outlived its parent");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the test above kills: it says its child's process id and waits.
pub(crate) async fn be_a_parent() {
    let cluster = cluster().await;
    println!("{}", cluster.child_id());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

pub(crate) fn is_not_in_our_process_group(runtime: &Runtime) {
    runtime.block_on(async {
        let cluster = cluster().await;
        let group = getpgid(Some(pid(cluster.child_id()))).unwrap();
        assert_ne!(group, getpgid(None).unwrap());
        let child = cluster.child_id();
        cluster.remove().await.unwrap();
        assert!(!runs(child));
    });
}

pub(crate) fn that_is_no_mock_is_refused(runtime: &Runtime) {
    runtime.block_on(async {
        let spec = MockSpec { brokers: 1, topics: vec![] };
        let missing = MockCluster::spawn(Path::new("/no/such/program"), &spec).await.err().unwrap();
        assert!(missing.to_string().contains("/no/such/program"), "{missing}");
        let other = MockCluster::spawn(Path::new("/bin/false"), &spec).await.err().unwrap();
        assert!(other.to_string().contains("exit code 1"), "{other}");
        let many = MockCluster::spawn(&crate::program(), &MockSpec { brokers: 1000, ..spec }).await;
        assert!(many.err().unwrap().to_string().contains("1 to 100 brokers"));
    });
}

/// Crashes a child. Rust's own handler swallows the first SIGSEGV that no instruction caused.
pub(crate) fn crash(child: u32, dead: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !dead() {
        assert!(Instant::now() < give_up, "the death of {child} is not seen");
        // It may be dead already, and only not noticed yet.
        let _ = kill_process(pid(child), Signal::SEGV);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id as i32).expect("a process id is never 0")
}

/// Whether a process is there and not a zombie that nobody waited for.
fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
