//! What ends a run before its time: a signal, or a target that died by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nemesis::cluster::Cluster;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::signals::Stop;

/// How often the target is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Watches while clients work.
#[derive(Debug)]
pub struct Watch {
    /// For threads that poll.
    pub flag: Arc<AtomicBool>,
    /// For tasks that wait.
    pub over: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Looks until something ends the run, or [`Watch::end`].
    pub fn begin(cluster: Arc<Cluster>, stop: &Stop) -> Watch {
        let flag = Arc::new(AtomicBool::new(false));
        let (sender, over) = watch::channel(false);
        let task = tokio::spawn({
            let (flag, stop) = (Arc::clone(&flag), stop.clone());
            async move {
                while !stop.asked() && cluster.lost().is_none() {
                    tokio::select! {
                        () = stop.wait() => {}
                        () = sleep(LOOK) => {}
                    }
                }
                flag.store(true, Ordering::SeqCst);
                // Nobody may wait for it any more.
                let _ = sender.send(true);
            }
        });
        Watch { flag, over, task }
    }

    /// Waits until something ends the run.
    pub async fn wait(mut over: watch::Receiver<bool>) {
        // A watch that was ended itself has nothing to say: then for ever.
        if over.wait_for(|over| *over).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the watch; the cluster is nobody's but the caller's then.
    pub async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
