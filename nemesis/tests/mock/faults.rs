//! Each fault of the mock, seen by its probe and by a client.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nemesis::action::Action;
use nemesis::cluster::Cluster;
use nemesis::error::NemesisError;
use nemesis::fault::FaultSpec;
use nemesis::fault::schedule::Schedule;
use nemesis::runner::refusals;
use nemesis::view;
use tokio::runtime::Runtime;

use crate::support::{cluster, consume, produce, topics};

pub(crate) fn bite_and_heal(runtime: &Runtime) {
    runtime.block_on(async {
        let cluster = cluster().await;
        let down = Action::BrokerDown { node: "mock-2".into() };
        assert_eq!(cluster.probe(&down).await.unwrap().bit, Some(false));
        assert_eq!(cluster.apply(&down).await.unwrap().bit, Some(true));
        assert_eq!(cluster.apply(&down).await.unwrap().bit, Some(true), "down twice is down");
        cluster.undo(&down).await.unwrap();
        cluster.undo(&down).await.unwrap();
        assert_eq!(cluster.probe(&down).await.unwrap().bit, Some(false));

        let slow = Action::Slow { node: "mock-1".into(), delay_ms: 300 };
        let bite = cluster.apply(&slow).await.unwrap();
        assert_eq!(bite.bit, None, "told, not yet seen: {}", bite.evidence);
        let bite = cluster.probe(&slow).await.unwrap();
        assert_eq!(bite.bit, Some(true), "{}", bite.evidence);
        cluster.undo(&slow).await.unwrap();
        assert_eq!(cluster.probe(&slow).await.unwrap().bit, Some(false));

        let before = view::leader_of(cluster.endpoints(), "t-0", Duration::from_secs(5)).await.unwrap();
        let to = if before.leader == Some(3) { "mock-2" } else { "mock-3" };
        let moved = Action::MoveLeader { key: "t-0".into(), node: to.into() };
        let bite = cluster.apply(&moved).await.unwrap();
        assert_eq!(bite.bit, Some(true), "{}", bite.evidence);
        let after = view::leader_of(cluster.endpoints(), "t-0", Duration::from_secs(5)).await.unwrap();
        assert!(after.epoch > before.epoch && after.leader != before.leader);
        let nowhere = Action::MoveLeader { key: "t-9".into(), node: to.into() };
        assert!(cluster.apply(&nowhere).await.unwrap_err().to_string().contains("there is no partition t-9"));
        let nobody = Action::MoveLeader { key: "t-0".into(), node: "mock-9".into() };
        assert!(cluster.apply(&nobody).await.unwrap_err().to_string().contains("there are mock-1"));

        // Errors: none given out without traffic, all with it, and cleared when some are left.
        let errors = Action::RequestErrors { error: "NOT_ENOUGH_REPLICAS".into(), count: 4 };
        let bite = cluster.apply(&errors).await.unwrap();
        assert_eq!((bite.bit, &bite.evidence[..6]), (None, "0 of 4"));
        let bootstrap = cluster.endpoints().bootstrap.join(",");
        let settings = [("retry.backoff.ms", "20")];
        produce(&bootstrap, &settings, Instant::now() + Duration::from_millis(300));
        let bite = cluster.probe(&errors).await.unwrap();
        assert_eq!((bite.bit, &bite.evidence[..6]), (Some(true), "4 of 4"));
        cluster.undo(&errors).await.unwrap();
        let many = Action::RequestErrors { error: "NOT_ENOUGH_REPLICAS".into(), count: 10_000 };
        cluster.apply(&many).await.unwrap();
        cluster.undo(&many).await.unwrap();
        let sent = produce(&bootstrap, &[("retries", "0")], Instant::now() + Duration::from_millis(100));
        assert!(!sent.is_empty(), "cleared errors refuse nothing");
        cluster.remove().await.unwrap();
    });
}

pub(crate) fn that_overlap_are_kept_apart(runtime: &Runtime) {
    runtime.block_on(async {
        let cluster = cluster().await;
        let slow = |delay_ms| Action::Slow { node: "mock-1".into(), delay_ms };
        cluster.apply(&slow(300)).await.unwrap();
        cluster.apply(&slow(100)).await.unwrap();
        cluster.undo(&slow(100)).await.unwrap();
        assert_eq!(cluster.probe(&slow(300)).await.unwrap().bit, Some(true), "its fault goes on");
        cluster.apply(&slow(400)).await.unwrap();
        let bite = cluster.probe(&slow(300)).await.unwrap();
        assert!(bite.evidence.contains("400 ms were added to each, as another fault asks for"), "{bite:?}");
        cluster.undo(&slow(400)).await.unwrap();
        assert_eq!(cluster.probe(&slow(300)).await.unwrap().bit, Some(true), "in force again");
        cluster.undo(&slow(300)).await.unwrap();
        assert_eq!(cluster.probe(&slow(300)).await.unwrap().bit, Some(false));

        let bootstrap = cluster.endpoints().bootstrap.join(",");
        let traffic = || {
            produce(&bootstrap, &[("retry.backoff.ms", "20")], Instant::now() + Duration::from_millis(200))
        };
        let errors = |error: &str, count| Action::RequestErrors { error: error.into(), count };
        let (many, few) = (errors("REQUEST_TIMED_OUT", 1000), errors("NOT_ENOUGH_REPLICAS", 3));
        cluster.apply(&many).await.unwrap();
        cluster.apply(&few).await.unwrap();
        // No request came: none of either was given out, and the second's wait behind the first's.
        cluster.undo(&many).await.unwrap();
        let bite = cluster.probe(&few).await.unwrap();
        assert_eq!((bite.bit, &bite.evidence[..6]), (None, "0 of 3"));
        traffic();
        let bite = cluster.probe(&few).await.unwrap();
        assert_eq!(
            (bite.bit, &bite.evidence[..6]),
            (Some(true), "3 of 3"),
            "the first's end left them alone"
        );
        let behind = errors("REQUEST_TIMED_OUT", 10);
        cluster.apply(&behind).await.unwrap();
        let bite = cluster.probe(&behind).await.unwrap();
        assert_eq!((bite.bit, &bite.evidence[..7]), (None, "0 of 10"), "not credited with another's");
        cluster.undo(&few).await.unwrap();
        traffic();
        let bite = cluster.probe(&behind).await.unwrap();
        assert_eq!((bite.bit, &bite.evidence[..8]), (Some(true), "10 of 10"));
        cluster.undo(&behind).await.unwrap();
        cluster.remove().await.unwrap();
    });
}

pub(crate) fn cost_no_acknowledged_record(runtime: &Runtime) {
    let cluster = runtime.block_on(cluster());
    let bootstrap = cluster.endpoints().bootstrap.join(",");
    let nemesis = async {
        for _ in 0..3 {
            let down = Action::BrokerDown { node: "mock-1".into() };
            assert_eq!(cluster.apply(&down).await.unwrap().bit, Some(true));
            tokio::time::sleep(Duration::from_millis(150)).await;
            cluster.undo(&down).await.unwrap();
            for node in ["mock-2", "mock-3", "mock-1"] {
                let action = Action::MoveLeader { key: "t-2".into(), node: node.into() };
                assert_eq!(cluster.apply(&action).await.unwrap().bit, Some(true));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let clients = bootstrap.clone();
    let producing =
        std::thread::spawn(move || produce(&clients, &[], Instant::now() + Duration::from_secs(2)));
    runtime.block_on(nemesis);
    let acknowledged = producing.join().unwrap();
    let read: Vec<u64> = consume(&bootstrap).into_iter().flatten().collect();
    assert!(acknowledged.len() > 100, "{} acknowledged", acknowledged.len());
    for value in &acknowledged {
        assert!(read.contains(value), "{value} is lost");
    }
    runtime.block_on(cluster.remove()).unwrap();
}

/// Answers that come after the client gave up waiting: it sends again what was appended already.
pub(crate) fn that_answer_late_make_duplicates(runtime: &Runtime) {
    let late = Action::Slow { node: "mock-1".into(), delay_ms: 3000 };
    const SETTINGS: &[(&str, &str)] =
        &[("socket.timeout.ms", "500"), ("retry.backoff.ms", "20"), ("enable.idempotence", "false")];
    let (acknowledged, read) = produce_under(runtime, SETTINGS, &[late], Duration::from_secs(2));
    let all: Vec<u64> = read.into_iter().flatten().collect();
    let distinct: BTreeSet<u64> = all.iter().copied().collect();
    assert!(all.len() > distinct.len(), "{} records, all different", all.len());
    assert!(acknowledged.is_subset(&distinct), "nothing acknowledged is lost");
}

/// Requests refused while later ones are in flight: without idempotence the later ones stand first.
pub(crate) fn that_fail_for_a_moment_reorder(runtime: &Runtime) {
    let slow = |n| Action::Slow { node: format!("mock-{n}"), delay_ms: 40 };
    let errors = Action::RequestErrors { error: "NOT_ENOUGH_REPLICAS".into(), count: 10 };
    const SETTINGS: &[(&str, &str)] = &[("retry.backoff.ms", "20"), ("enable.idempotence", "false")];
    let actions = [slow(1), slow(2), slow(3), errors];
    let (acknowledged, read) = produce_under(runtime, SETTINGS, &actions, Duration::from_secs(1));
    assert!(read.iter().any(|partition| !partition.is_sorted()), "every partition is in order");
    let all: BTreeSet<u64> = read.into_iter().flatten().collect();
    assert!(acknowledged.is_subset(&all), "nothing acknowledged is lost");
}

/// Produces for three seconds, under these actions after half a second, for so long.
fn produce_under(
    runtime: &Runtime,
    settings: &'static [(&'static str, &'static str)],
    actions: &[Action],
    hold: Duration,
) -> (BTreeSet<u64>, Vec<Vec<u64>>) {
    let cluster = runtime.block_on(cluster());
    let bootstrap = cluster.endpoints().bootstrap.join(",");
    let clients = bootstrap.clone();
    let producing =
        std::thread::spawn(move || produce(&clients, settings, Instant::now() + Duration::from_secs(3)));
    runtime.block_on(async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for action in actions {
            cluster.apply(action).await.unwrap();
        }
        tokio::time::sleep(hold).await;
        for action in actions {
            cluster.undo(action).await.unwrap();
        }
    });
    let acknowledged = producing.join().unwrap();
    let read = consume(&bootstrap);
    runtime.block_on(cluster.remove()).unwrap();
    (acknowledged, read)
}

pub(crate) fn are_refused_at_once(runtime: &Runtime) {
    runtime.block_on(async {
        let cluster = Cluster::Mock(cluster().await);
        let refused = |faults: &[&str]| {
            let specs: Vec<FaultSpec> = faults.iter().map(|f| f.parse().unwrap()).collect();
            refusals(&Schedule::plan(&specs, None, None, 1).unwrap(), &cluster, &topics())
        };
        assert_eq!(refused(&["broker-down@1s+1s", "leader-move:2@1s", "slow-broker:mock-2@1s+1s"]), [""; 0]);
        let reasons = refused(&["kill-leader@1s+1s", "isolate-leader:9@2s+1s", "pause:mock-2@1s+1s"]);
        let text = NemesisError::Refused { reasons: reasons.clone() }.to_string();
        // One reason for all that have the same, and one for the partition.
        assert_eq!(reasons.len(), 2, "{text}");
        assert!(text.contains("--target docker") && text.contains("no partition `9`"), "{text}");
        let reasons = refused(&["broker-down-leader@1s+until-new-leader"]);
        assert!(reasons[0].contains("give a duration"), "{reasons:?}");
        let reasons = refused(&["slow-broker:kafka-1@1s+1s"]);
        assert!(reasons[0].contains("there are mock-1, mock-2, mock-3"), "{reasons:?}");
        let twice = ["request-errors:REQUEST_TIMED_OUT*9@1s+2s", "request-errors:REQUEST_TIMED_OUT*9@2s+2s"];
        assert!(refused(&twice)[0].contains("an equal fault holds"), "{:?}", refused(&twice));
        let reasons = refused(&["cut-link:mock-1>mock-9@1s+1s"]);
        assert!(reasons.iter().any(|r| r.contains("there is no node `mock-9`")), "{reasons:?}");
        cluster.remove().await.unwrap();
    });
}
