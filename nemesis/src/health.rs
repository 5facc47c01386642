//! Healthy: every broker answers, every partition has a leader that all brokers agree on, and all its
//! replicas are in sync. Waiting for it is measured, bounded, and says what is missing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use store::cluster::Endpoints;
use store::run_meta::Settle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::view::{Answer, ask_each};

/// How long a broker has for one answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// So many things that are missing are named.
const NAMED: usize = 20;

/// Waits until the cluster is healthy for these topics, at most `bound`, or until `stop` turns true.
///
/// The result says how long it took, and what was still missing at the last look.
pub async fn wait_healthy(
    endpoints: &Endpoints,
    topics: &[String],
    bound: Duration,
    mut stop: watch::Receiver<bool>,
) -> Settle {
    let began = Instant::now();
    loop {
        let mut missing = missing(&ask_each(endpoints, topics, ANSWER).await, topics);
        let took = began.elapsed();
        let healthy = missing.is_empty();
        let stopped = *stop.borrow();
        if healthy || took >= bound || stopped {
            if stopped && !healthy {
                missing.push("the wait was cut short".to_owned());
            }
            return Settle {
                seconds: took.as_secs_f64(),
                bound_seconds: bound.as_secs_f64(),
                healthy,
                missing,
            };
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            // Without a sender left nobody can stop the wait: the bound does.
            stopped = stop.wait_for(|stop| *stop) => if stopped.is_err() { sleep(PAUSE).await },
        }
    }
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
            let behind: Vec<_> = p.replicas.iter().filter(|r| !p.isr.contains(r)).map(|r| name(*r)).collect();
            if !behind.is_empty() {
                missing.push(format!(
                    "{}: {} of {} replicas in sync as {} sees it, without {}",
                    p.key,
                    p.replicas.len() - behind.len(),
                    p.replicas.len(),
                    answer.node.name,
                    behind.join(", ")
                ));
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
