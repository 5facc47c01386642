//! What this host can do, as facts for `tribunal doctor`. Looking changes nothing.

use std::path::Path;
use std::time::Instant;

use rustix::process::{Resource, getrlimit};

use crate::cluster::mock::protocol::MockTopic;
use crate::cluster::mock::{MockCluster, MockSpec};
pub use crate::containers::{Fact, Level};

/// Open files that a run with a hundred clients and three brokers comes to, with room to spare.
const OPEN_FILES: u64 = 4096;

/// Looks at everything that a run may need: the mock, this process' limits, Docker and what goes with it.
/// `program` is the one that hosts the mock (this one).
pub async fn doctor(program: &Path) -> Vec<Fact> {
    let mut facts = vec![mock(program).await, open_files(), secure()];
    facts.extend(crate::containers::doctor().await);
    facts
}

async fn mock(program: &Path) -> Fact {
    let began = Instant::now();
    let topic = MockTopic { name: "doctor".into(), partitions: 1, replication_factor: 3 };
    let tried = async {
        let cluster = MockCluster::spawn(program, &MockSpec { brokers: 3, topics: vec![topic] }).await?;
        let what = cluster.meta().description;
        cluster.remove().await?;
        Ok::<_, crate::error::NemesisError>(what)
    };
    match tried.await {
        Ok(what) => Fact {
            name: "mock",
            level: Level::Good,
            detail: format!("{what}, started and ended in {} ms", began.elapsed().as_millis()),
            next_step: None,
        },
        Err(e) => Fact {
            name: "mock",
            level: Level::Missing,
            detail: e.to_string(),
            next_step: Some("the default target needs a child process that listens on 127.0.0.1".to_owned()),
        },
    }
}

fn open_files() -> Fact {
    let limit = getrlimit(Resource::Nofile).current;
    let shown = limit.map_or("unlimited".to_owned(), |n| n.to_string());
    if limit.is_none_or(|n| n >= OPEN_FILES) {
        return Fact { name: "open files", level: Level::Good, detail: shown, next_step: None };
    }
    Fact {
        name: "open files",
        level: Level::Limited,
        detail: format!("{shown}: a run with many clients opens more"),
        next_step: Some(format!("ulimit -n {OPEN_FILES}")),
    }
}

/// TLS is compiled in, or not.
fn secure() -> Fact {
    if cfg!(feature = "ssl") {
        return Fact { name: "tls", level: Level::Good, detail: "compiled in".to_owned(), next_step: None };
    }
    Fact {
        name: "tls",
        level: Level::Limited,
        detail: "not compiled in: clusters that want TLS are refused".to_owned(),
        next_step: Some("build with --features ssl (needs OpenSSL's headers)".to_owned()),
    }
}
