//! A verdict for people, and the commands that somebody would want to type after it.

use anyhow::Result;
use store::run_dir::{RunDir, shell_word};
use store::verdict::Verdict;

use crate::out;

/// A command, and a few words on what it shows.
pub type Step = (String, String);

/// Prints a verdict for people.
///
/// # Errors
/// If standard output cannot be written.
pub fn print_verdict(verdict: &Verdict, next: &[Step]) -> Result<()> {
    out::print(&results::verdict_text(verdict, &out::style(), next))
}

/// What somebody would want to do after this verdict on a run.
pub fn next_steps(run: &RunDir, verdict: &Verdict) -> Vec<Step> {
    let (name, mut next) = (run.as_typed(), Vec::new());
    if !verdict.anomalies.is_empty() {
        next.push(step(
            format!("tribunal show {name} --anomaly 1"),
            "the first finding with its history lines",
        ));
    }
    if !verdict.guarantee.forbids.is_empty() {
        next.push(step(
            format!("tribunal show {name} --guarantee"),
            "which kinds of anomaly are forbidden, and why",
        ));
    }
    next.push(step(run.again(), "the same run again"));
    next
}

/// The command that shows the first finding of a history alone, judged as it was now.
pub fn again_with_finding(verdict: &Verdict) -> Option<Step> {
    let command = typed_with("--anomaly 1").filter(|_| !verdict.anomalies.is_empty())?;
    Some(step(command, "the first finding with its history lines"))
}

fn step(command: String, words: &str) -> Step {
    (command, words.to_owned())
}

/// The command as it was typed, and more; `None` where it was no text.
fn typed_with(more: &str) -> Option<String> {
    let mut command = "tribunal".to_owned();
    for word in std::env::args_os().skip(1) {
        command = format!("{command} {}", shell_word(word.to_str()?));
    }
    Some(format!("{command} {more}"))
}
