//! Healthy: every broker answers, every partition has a leader that all brokers agree on, all its replicas are in
//! sync, and readers see its leader's whole log. Waiting for it is measured, bounded, and says what is missing.
//!
//! Replicas stay in sync for 30 s after their last copy (`replica.lag.time.max.ms`), so that a link that was cut
//! for less shows only in the high watermark: what a leader acknowledged with acks=1 stands above it, not lost and
//! not to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use store::cluster::Endpoints;
use store::run_meta::{Doubts, Settle};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::view::{Answer, ask_each, newest};
use crate::wire::Connection;
use crate::wire::ask::fill_ends;

/// How long a broker has for one answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// So many things that are missing are named.
const NAMED: usize = 20;

/// How the wait for a healthy cluster ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// How long it took, and what was still missing at the last look.
    pub settle: Settle,
    /// What a pass over the cluster in this state would not prove.
    pub doubts: Doubts,
}

/// Waits until the cluster is healthy for these topics, at most `bound`, or until `stop` turns true.
pub async fn wait_healthy(
    endpoints: &Endpoints,
    topics: &[String],
    bound: Duration,
    mut stop: watch::Receiver<bool>,
) -> Health {
    let began = Instant::now();
    loop {
        let mut answers = ask_each(endpoints, topics, ANSWER).await;
        learn_ends(&mut answers).await;
        let mut missing = missing(&answers, topics);
        let took = began.elapsed();
        let healthy = missing.is_empty();
        let stopped = *stop.borrow();
        if healthy || took >= bound || stopped {
            if stopped && !healthy {
                missing.push("the wait was cut short".to_owned());
            }
            let settle =
                Settle { seconds: took.as_secs_f64(), bound_seconds: bound.as_secs_f64(), healthy, missing };
            return Health { doubts: doubts(&answers, &settle), settle };
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            // Without a sender left nobody can stop the wait: the bound does.
            stopped = stop.wait_for(|stop| *stop) => if stopped.is_err() { sleep(PAUSE).await },
        }
    }
}

/// Asks every broker that answered where the logs that it leads end. Whoever does not tell leaves them unknown.
async fn learn_ends(answers: &mut [Answer]) {
    let mut asking = JoinSet::new();
    for (i, answer) in answers.iter().enumerate() {
        let (Ok(view), Some(address)) = (&answer.view, answer.node.address.clone()) else { continue };
        let (broker, mut partitions) = (answer.node.id, view.partitions.clone());
        asking.spawn(async move {
            let told = timeout(ANSWER, async {
                let mut connection = Connection::open(&address, ANSWER).await?;
                fill_ends(&mut connection, broker, &mut partitions).await
            });
            told.await.is_ok_and(|told| told.is_ok()).then_some((i, partitions))
        });
    }
    for (i, partitions) in asking.join_all().await.into_iter().flatten() {
        if let Ok(view) = &mut answers[i].view {
            view.partitions = partitions;
        }
    }
}

/// What a pass that reads now would not prove.
///
/// Clients ask any broker who leads. One that was cut off still believes in itself, and names the end of a log that
/// the others have left: only where all replicas answer and agree is the leader certain.
fn doubts(answers: &[Answer], settle: &Settle) -> Doubts {
    let mut doubts = Doubts::default();
    if !settle.healthy {
        doubts.unhealthy.clone_from(&settle.missing);
    }
    let views = || answers.iter().filter_map(|answer| Some((answer, answer.view.as_ref().ok()?)));
    let silent: Vec<_> = answers.iter().filter(|answer| answer.view.is_err()).map(|a| &a.node).collect();
    let keys: BTreeSet<&str> =
        views().flat_map(|(_, view)| &view.partitions).map(|p| p.key.as_str()).collect();
    for key in keys {
        let seen = || views().filter_map(|(_, view)| view.partitions.iter().find(|p| p.key == key));
        let leaders: BTreeSet<_> = seen().map(|p| (p.leader, p.epoch)).collect();
        let unheard = silent.iter().find(|node| seen().any(|p| p.replicas.contains(&node.id)));
        let of_leaders = match (leaders.len(), newest(answers, key), unheard) {
            (_, None, _) => Some("no broker knows its leader".to_owned()),
            (2.., ..) => Some("the brokers disagree on its leader".to_owned()),
            (_, _, Some(node)) => Some(format!("{}, one of its replicas, does not answer", node.name)),
            _ => None,
        };
        if let Some(why) = of_leaders {
            doubts.leaders.insert(key.to_owned(), why);
            continue;
        }
        let leader = newest(answers, key).and_then(|p| p.leader);
        let own = views().find(|(answer, _)| Some(answer.node.id) == leader);
        let own = own.and_then(|(_, view)| view.partitions.iter().find(|p| p.key == key));
        match own.map(|p| (p.end, p.log_end)) {
            Some((Some(end), Some(log_end))) if end >= log_end => {}
            Some((Some(end), Some(log_end))) => {
                doubts.tails.insert(key.to_owned(), behind(end, log_end));
            }
            _ => {
                let why = "its leader did not tell where its log ends".to_owned();
                doubts.tails.insert(key.to_owned(), why);
            }
        }
    }
    doubts
}

fn behind(end: i64, log_end: i64) -> String {
    format!(
        "readers see its log up to offset {end}, and its leader's ends at {log_end}: not all replicas in sync have the rest"
    )
}

/// Leader and epoch of one partition, each with the brokers that see them so.
type SeenBy<'a> = BTreeMap<(Option<i32>, Option<i32>), Vec<&'a str>>;

/// What keeps the cluster from being healthy by these answers; empty: nothing.
pub fn missing(answers: &[Answer], topics: &[String]) -> Vec<String> {
    let name = |id: i32| {
        answers
            .iter()
            .find(|a| a.node.id == id)
            .map_or_else(|| format!("broker {id}"), |a| a.node.name.clone())
    };
    let mut missing = Vec::new();
    if answers.is_empty() {
        missing.push("there is no broker to ask".to_owned());
    }
    let mut leaders: BTreeMap<&str, SeenBy<'_>> = BTreeMap::new();
    for answer in answers {
        let view = match &answer.view {
            Ok(view) => view,
            Err(e) => {
                missing.push(format!("{} does not answer: {e}", answer.node.name));
                continue;
            }
        };
        for topic in topics {
            let known =
                view.partitions.iter().any(|p| store::op::split_key(&p.key).is_some_and(|k| k.0 == topic));
            if !known {
                missing.push(format!("{} does not know the topic {topic}", answer.node.name));
            }
        }
        for p in &view.partitions {
            leaders
                .entry(&p.key)
                .or_default()
                .entry((p.leader, p.epoch))
                .or_default()
                .push(&answer.node.name);
            let without: Vec<_> =
                p.replicas.iter().filter(|r| !p.isr.contains(r)).map(|r| name(*r)).collect();
            if !without.is_empty() {
                missing.push(format!(
                    "{}: {} of {} replicas in sync as {} sees it, without {}",
                    p.key,
                    p.replicas.len() - without.len(),
                    p.replicas.len(),
                    answer.node.name,
                    without.join(", ")
                ));
            }
            if let (Some(end), Some(log_end)) = (p.end, p.log_end)
                && end < log_end
            {
                missing.push(format!("{}: {}", p.key, behind(end, log_end)));
            }
        }
    }
    for (key, seen) in leaders {
        if seen.keys().any(|(leader, _)| leader.is_none()) {
            missing.push(format!("{key} has no leader"));
        } else if seen.len() > 1 {
            let views: Vec<_> = seen
                .iter()
                .map(|((leader, _), by)| format!("{} for {}", name(leader.unwrap_or(-1)), by.join(", ")))
                .collect();
            missing.push(format!("{key}: the brokers disagree on its leader: {}", views.join("; ")));
        }
    }
    if missing.len() > NAMED {
        let more = missing.len() - NAMED;
        missing.truncate(NAMED);
        missing.push(format!("and {more} more"));
    }
    missing
}

#[cfg(test)]
mod tests {
    use store::cluster::{Node, PartitionView};

    use super::*;
    use crate::wire::ask::Metadata;

    fn answer(id: i32, partitions: &[(&str, i32, i32, &[i32])]) -> Answer {
        let partitions = partitions
            .iter()
            .map(|(key, leader, epoch, isr)| PartitionView {
                key: (*key).into(),
                leader: (*leader > 0).then_some(*leader),
                epoch: Some(*epoch),
                isr: isr.to_vec(),
                replicas: vec![1, 2, 3],
                end: None,
                log_end: None,
            })
            .collect();
        let node = Node { id, name: format!("kafka-{id}"), address: None };
        Answer { node, view: Ok(Metadata { partitions, ..Metadata::default() }) }
    }

    #[test]
    fn a_log_that_readers_do_not_see_to_its_end_is_not_healthy() {
        let ends = |end, log_end| {
            let mut answer = answer(1, &[("t-0", 1, 5, &[1, 2, 3])]);
            let view = answer.view.as_mut().expect("it answered");
            (view.partitions[0].end, view.partitions[0].log_end) = (end, log_end);
            vec![answer]
        };
        let topics = ["t".to_owned()];
        let left = |answers: &[Answer]| {
            let missing = missing(answers, &topics);
            doubts(answers, &Settle { healthy: missing.is_empty(), missing, ..Settle::default() })
        };
        let doubts = left(&ends(Some(778), Some(4190)));
        assert!(doubts.unhealthy[0].contains("778") && doubts.unhealthy[0].contains("4190"), "{doubts:?}");
        assert!(doubts.tails["t-0"].contains("4190") && doubts.leaders.is_empty(), "{doubts:?}");
        assert!(left(&ends(Some(4190), Some(4190))).is_empty());
        // Who cannot be asked is waited for in vain: no fault of the cluster's health.
        let doubts = left(&ends(None, None));
        assert!(doubts.unhealthy.is_empty() && doubts.tails["t-0"].contains("did not tell"), "{doubts:?}");
    }

    #[test]
    fn a_leader_is_certain_only_where_all_its_replicas_agree() {
        let told =
            |answers: &[Answer]| doubts(answers, &Settle { healthy: true, ..Settle::default() }).leaders;
        let whole: &[(&str, i32, i32, &[i32])] = &[("t-0", 1, 5, &[1, 2, 3])];
        assert!(told(&[answer(1, whole), answer(2, whole)]).is_empty());
        let deposed = [answer(1, whole), answer(2, &[("t-0", 2, 6, &[2, 3])])];
        assert!(told(&deposed)["t-0"].contains("disagree"));
        let mut silent = [answer(1, whole), answer(2, whole)];
        silent[1].view = Err("timed out".into());
        assert!(told(&silent)["t-0"].contains("kafka-2"));
        assert!(told(&[answer(1, &[("t-0", 0, 5, &[1])])])["t-0"].contains("leader"));
    }

    #[test]
    fn whatever_is_missing_is_named() {
        let topics = ["t".to_owned()];
        let whole: &[(&str, i32, i32, &[i32])] = &[("t-0", 1, 5, &[1, 2, 3])];
        let healthy = vec![answer(1, whole), answer(2, whole)];
        assert_eq!(missing(&healthy, &topics), Vec::<String>::new());

        let shrunk = vec![answer(1, &[("t-0", 1, 5, &[1, 3])])];
        assert_eq!(
            missing(&shrunk, &topics),
            ["t-0: 2 of 3 replicas in sync as kafka-1 sees it, without broker 2"]
        );
        let split = vec![answer(1, whole), answer(2, &[("t-0", 2, 6, &[1, 2, 3])])];
        assert!(missing(&split, &topics)[0].contains("disagree"));
        let headless = vec![answer(1, &[("t-0", 0, 5, &[1, 2, 3])])];
        assert_eq!(missing(&headless, &topics), ["t-0 has no leader"]);
        let mut silent = healthy.clone();
        silent[1].view = Err("timed out".into());
        assert_eq!(missing(&silent, &topics), ["kafka-2 does not answer: timed out"]);
        assert_eq!(missing(&[answer(1, &[])], &topics), ["kafka-1 does not know the topic t"]);
        assert!(!missing(&[], &topics).is_empty());
    }
}
