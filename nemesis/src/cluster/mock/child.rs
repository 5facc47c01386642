//! The child process from the parent's side: started, told what to do, watched, ended.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::protocol::{Command, Hello, Ready, Reply};
use crate::error::NemesisError;

/// How long the child has to make its cluster.
const START: Duration = Duration::from_secs(20);
/// How long the child has to answer one command.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the child has to end by itself, and how long its death takes to be noticed.
const END: Duration = Duration::from_secs(5);
/// How many lines of its standard error are remembered.
const SAID_LINES: usize = 200;

/// A running child and the pipes to it.
pub(super) struct Child {
    id: u32,
    control: tokio::sync::Mutex<Option<Control>>,
    exit: watch::Receiver<Option<ExitStatus>>,
    kill: Arc<Notify>,
    said: Arc<Mutex<VecDeque<String>>>,
}

struct Control {
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts `program mock-host` and reads its first line.
    pub(super) async fn spawn(program: &Path, brokers: u32) -> Result<(Child, Ready), NemesisError> {
        let mut process = tokio::process::Command::new(program)
            .arg("mock-host")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| NemesisError::Io {
                what: "start the mock brokers by",
                path: program.to_owned(),
                source,
            })?;
        let id = process.id().unwrap_or_default();
        let (to, from) = (process.stdin.take(), process.stdout.take());
        let (Some(to), Some(from), Some(err)) = (to, from, process.stderr.take()) else {
            return Err(NemesisError::Other("the mock broker process has no pipes".into()));
        };
        let said: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let remember = Arc::clone(&said);
        tokio::spawn(async move {
            let mut lines = BufReader::new(err).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut said = remember.lock().unwrap_or_else(PoisonError::into_inner);
                said.truncate(SAID_LINES - 1);
                said.push_front(line);
            }
        });
        let (exited, exit) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let killed = Arc::clone(&kill);
        tokio::spawn(async move {
            let status = tokio::select! {
                status = process.wait() => status,
                () = killed.notified() => {
                    // It may have ended in this very moment: then there is nothing to kill.
                    let _ = process.start_kill();
                    process.wait().await
                }
            };
            exited.send_replace(status.ok());
        });
        let control = tokio::sync::Mutex::new(Some(Control { to, from: BufReader::new(from).lines() }));
        let child = Child { id, control, exit, kill, said };
        let ready = child.talk(&Hello { brokers }, START).await?;
        Ok((child, ready))
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// What it said on standard error, oldest first.
    pub(super) fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().rev().cloned().collect::<Vec<_>>().join("\n")
    }

    /// Gives one command; a count comes back where one was asked for.
    pub(super) async fn order(&self, command: &Command) -> Result<Option<u64>, NemesisError> {
        match self.talk(command, ANSWER).await? {
            Reply::Done(count) => Ok(count),
            Reply::Failed(reason) => {
                Err(NemesisError::Other(format!("the mock refused {command:?}: {reason}")))
            }
        }
    }

    /// One line there, one line back. A child that does not answer is of no use any more: whatever came late
    /// would be taken for the answer to another question.
    async fn talk<A: DeserializeOwned>(
        &self,
        line: &impl serde::Serialize,
        bound: Duration,
    ) -> Result<A, NemesisError> {
        let mut slot = self.control.lock().await;
        let Some(control) = slot.as_mut() else {
            drop(slot);
            return Err(self.explain("it no longer answers its control pipe".into()).await);
        };
        let mut line = serde_json::to_string(line).map_err(|e| NemesisError::Other(e.to_string()))?;
        line.push('\n');
        let exchange = async {
            control.to.write_all(line.as_bytes()).await?;
            control.to.flush().await?;
            control.from.next_line().await
        };
        let trouble = match timeout(bound, exchange).await {
            Ok(Ok(Some(answer))) => match serde_json::from_str(&answer) {
                Ok(answer) => return Ok(answer),
                Err(e) => format!("it answered `{answer}`: {e}"),
            },
            Ok(Ok(None)) => "its control pipe closed".to_owned(),
            Ok(Err(e)) => format!("its control pipe broke: {e}"),
            Err(_) => format!("it did not answer within {} s", bound.as_secs()),
        };
        // Closing the pipe ends it, if it has not ended yet.
        *slot = None;
        drop(slot);
        Err(self.explain(trouble).await)
    }

    /// The error for a child that does not work: how it ended, else what was seen.
    pub(super) async fn explain(&self, trouble: String) -> NemesisError {
        let mut exit = self.exit.clone();
        // Its death may take a moment to be seen.
        let _ = timeout(END, exit.wait_for(Option::is_some)).await;
        let said = self.said();
        let said = said.lines().last().map_or(String::new(), |last| format!("; it said: {last}"));
        match self.died() {
            Some(how) => {
                NemesisError::TargetDied { what: "the mock broker process".into(), how: how + &said }
            }
            None => NemesisError::Other(format!("the mock broker process does not work: {trouble}{said}")),
        }
    }

    /// How it ended, if it has.
    pub(super) fn died(&self) -> Option<String> {
        (*self.exit.borrow()).map(describe)
    }

    /// Ends it, by force if it does not want to.
    pub(super) async fn end(self) -> Result<(), NemesisError> {
        if let Some(how) = self.died() {
            return Err(NemesisError::TargetDied { what: "the mock broker process".into(), how });
        }
        let asked = self.talk::<Reply>(&Command::Shutdown, END).await;
        *self.control.lock().await = None;
        let mut exit = self.exit.clone();
        if timeout(END, exit.wait_for(Option::is_some)).await.is_err() {
            self.kill.notify_one();
            let _ = timeout(END, exit.wait_for(Option::is_some)).await;
        }
        asked.map(|_| ())
    }
}

/// `signal 11 (SIGSEGV)` or `exit code 1`.
fn describe(status: ExitStatus) -> String {
    let name = |signal| match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    };
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}{}", name(signal)),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "an unknown cause".to_owned(),
    }
}
