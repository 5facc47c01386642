//! Healthy: every broker answers, every partition has a leader that all brokers agree on, all its replicas are in
//! sync, and readers see its leader's whole log. Waiting for it is measured, bounded, and says what is missing.
//!
//! Replicas stay in sync for 30 s after their last copy (`replica.lag.time.max.ms`), so that a link that was cut
//! for less shows only in the high watermark: what a leader acknowledged with acks=1 stands above it, not lost and
//! not to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use store::cluster::Endpoints;
use store::run_meta::Settle;
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
    /// Partitions whose log may go on above the end that readers see, by key, with the reason.
    pub open_tails: BTreeMap<String, String>,
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
            return Health { settle, open_tails: open_tails(&answers) };
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

/// The partitions of which nobody proved that readers see everything that their leader holds.
fn open_tails(answers: &[Answer]) -> BTreeMap<String, String> {
    let views = || answers.iter().filter_map(|answer| Some((answer, answer.view.as_ref().ok()?)));
    let keys: BTreeSet<&str> =
        views().flat_map(|(_, view)| &view.partitions).map(|p| p.key.as_str()).collect();
    let mut open = BTreeMap::new();
    for key in keys {
        let Some(newest) = newest(answers, key) else {
            open.insert(key.to_owned(), "no broker knows its leader".to_owned());
            continue;
        };
        let leader = views().find(|(answer, _)| Some(answer.node.id) == newest.leader);
        let own = leader.and_then(|(_, view)| view.partitions.iter().find(|p| p.key == key));
        let why = match own.map(|p| (p.end, p.log_end)) {
            Some((Some(end), Some(log_end))) if end >= log_end => continue,
            Some((Some(end), Some(log_end))) => behind(end, log_end),
            _ => "its leader did not tell where its log ends".to_owned(),
        };
        open.insert(key.to_owned(), why);
    }
    open
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
