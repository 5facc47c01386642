//! Ctrl-C: the first asks the run to stop, heal and keep its history; the second leaves at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{self, complain};

/// The run that makes something, for whoever has to heal it by hand.
static RUN: OnceLock<String> = OnceLock::new();

/// Says which run a second Ctrl-C leaves behind.
pub fn name_run(id: &str) {
    // A process makes one run.
    let _ = RUN.set(id.to_owned());
}

/// Whether the run was asked to stop; cheap to clone, readable from threads and tasks.
#[derive(Debug, Clone)]
pub struct Stop {
    /// For threads that poll.
    pub flag: Arc<AtomicBool>,
    /// For tasks that wait.
    pub watch: watch::Receiver<bool>,
}

impl Stop {
    /// Listens for SIGINT, SIGTERM and SIGHUP for the rest of the program.
    ///
    /// # Errors
    /// If the handlers cannot be set.
    pub fn on_signals() -> anyhow::Result<Stop> {
        let flag = Arc::new(AtomicBool::new(false));
        let (sender, watch) = watch::channel(false);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let stop = Stop { flag: Arc::clone(&flag), watch };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                if flag.swap(true, Ordering::SeqCst) {
                    let id = RUN.get().map_or(String::new(), |id| format!(" {id}"));
                    complain(&format!("stopped at once; `tribunal heal{id}` undoes what is still in force"));
                    process::exit(i32::from(exit::INTERRUPTED));
                }
                complain("stopping: healing faults and keeping the history (again to leave at once)");
                let _ = sender.send(true);
            }
        });
        Ok(stop)
    }

    /// Whether it was asked.
    pub fn asked(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// Waits until it is asked.
    pub async fn wait(&self) {
        let mut watch = self.watch.clone();
        // The sender lives as long as the program.
        let _ = watch.wait_for(|asked| *asked).await;
    }
}
