//! Which judge a history is for: its functions tell.

use std::collections::BTreeSet;

use store::reader::{ReadError, Source, functions_at_start};

use crate::model::op::F;
use crate::words::count;

/// Functions that only the log judge knows.
const LOG: [&str; 9] =
    ["send", "poll", "txn", "offsets", "assign", "subscribe", "seek", "commit", "rebalance"];
/// A function that any client may have; alone, it says nothing.
const CRASH: &str = "crash";
/// Functions of queues.
pub(crate) const QUEUE: [&str; 3] = ["enqueue", "dequeue", "drain"];

/// Who judges a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// [`crate::analyze()`]: sends and polls; also a history in which no client does anything.
    Log,
    /// [`crate::queue::analyze`]: enqueues, dequeues, drains.
    Queue,
    /// [`crate::model`]: a sequential data type, to be told by [`crate::model::infer`], which also words the error
    /// for functions that nobody knows.
    Model,
}

/// The judge of a history, by the functions in its first lines. Logs win over queues, and both over models.
///
/// # Errors
/// If the source cannot be read.
pub fn which(source: &mut Source) -> Result<Judge, ReadError> {
    let telling = |f: &String| LOG.contains(&f.as_str()) || is_queue(f) || is_model(f);
    let functions = functions_at_start(source, |functions| functions.iter().any(telling))?;
    Ok(judge_of(&functions))
}

fn judge_of(functions: &BTreeSet<String>) -> Judge {
    if functions.iter().any(|f| LOG.contains(&f.as_str())) || functions.iter().all(|f| f == CRASH) {
        Judge::Log
    } else if functions.iter().any(|f| is_queue(f)) {
        Judge::Queue
    } else {
        Judge::Model
    }
}

fn is_queue(f: &str) -> bool {
    QUEUE.contains(&f)
}

fn is_model(f: &str) -> bool {
    F::parse(f.as_bytes()).is_some()
}

/// What a judge leaves aside: functions that another judge knows, which makes the verdict unknown, and functions
/// that nobody knows, which are worth a note.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    pub(crate) unknown: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// Of the functions that a judge did not take, with the number of their operations.
pub(crate) fn aside<'a>(judge: Judge, functions: impl Iterator<Item = (&'a str, u64)>) -> Aside {
    let mut aside = Aside::default();
    for (f, n) in functions.filter(|(f, n)| *n > 0 && !belongs(judge, f)) {
        let operations = count(n, "operation");
        let were = if n == 1 { "was" } else { "were" };
        let (log, queue, model) = (LOG.contains(&f), is_queue(f), is_model(f));
        let who = match judge {
            Judge::Log => "log",
            _ => "queue",
        };
        if log || queue || model {
            let other = if log {
                "give the sends and polls a history of their own"
            } else {
                "give them a history of their own, or name a --model"
            };
            aside.unknown.push(format!(
                "{operations} of function \"{f}\" {were} not judged, because the history was judged as a {who}; \
                 {other}"
            ));
        } else {
            aside
                .notes
                .push(format!("{operations} of function \"{f}\", which no judge knows, {were} left aside"));
        }
    }
    aside
}

fn belongs(judge: Judge, f: &str) -> bool {
    f == CRASH || if judge == Judge::Log { LOG.contains(&f) } else { is_queue(f) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(functions: &str) -> Judge {
        judge_of(&functions.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn functions_tell_the_judge() {
        for (functions, expected) in [
            ("", Judge::Log),
            ("crash", Judge::Log),
            ("send", Judge::Log),
            ("poll read enqueue", Judge::Log),
            ("enqueue crash", Judge::Queue),
            ("drain read", Judge::Queue),
            ("read write", Judge::Model),
            ("read crash", Judge::Model),
            ("jump", Judge::Model),
        ] {
            assert_eq!(judge(functions), expected, "{functions}");
        }
    }

    #[test]
    fn what_another_judge_knows_is_not_left_aside_in_silence() {
        let all = [("send", 3), ("crash", 1), ("enqueue", 2), ("read", 1), ("debug", 4), ("write", 0)];
        let of_log = aside(Judge::Log, all.into_iter());
        assert_eq!((of_log.unknown.len(), of_log.notes.len()), (2, 1));
        assert!(
            of_log.unknown[0].starts_with("2 operations of function \"enqueue\" were not judged, because")
        );
        assert!(of_log.notes[0].contains("\"debug\""));
        let of_queue = aside(Judge::Queue, all.into_iter());
        assert_eq!((of_queue.unknown.len(), of_queue.notes.len()), (2, 1));
    }
}
