//! Broker logs: the last lines for an error message, and a bounded file a node for the run's directory.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::engine::{Engine, refused};
use crate::error::NemesisError;

/// The most that is kept of one node's log: its end.
const FILE_LIMIT: usize = 20 << 20;
/// The most lines that Docker is asked for: a container that ran for months has more than anybody reads.
const LINE_LIMIT: &str = "200000";
const READ_WITHIN: Duration = Duration::from_secs(60);

/// The last lines of a container's output, indented, for an error message; empty where there are none.
pub(crate) async fn last_lines(engine: &Engine, id: &str, lines: usize) -> String {
    match read(engine, id, &lines.to_string(), 64 << 10).await {
        Ok(tail) => {
            let text = tail.chunks.iter().flat_map(|c| c.iter().copied()).collect::<Vec<u8>>();
            let text = String::from_utf8_lossy(&text);
            text.lines().map(|line| format!("\n    {line}")).collect()
        }
        Err(e) => format!("\n    (no log: {e})"),
    }
}

/// Writes the end of a container's output, at most 20 MB, to a file. Works for killed containers too.
///
/// # Errors
/// If Docker does not give it, or the file cannot be written.
pub(crate) async fn save(engine: &Engine, id: &str, path: &Path) -> Result<(), NemesisError> {
    let tail = read(engine, id, LINE_LIMIT, FILE_LIMIT).await?;
    let mut content = Vec::with_capacity(tail.bytes + 64);
    if tail.dropped > 0 {
        content.extend_from_slice(format!("... {} earlier bytes left out\n", tail.dropped).as_bytes());
    }
    for chunk in &tail.chunks {
        content.extend_from_slice(chunk);
    }
    std::fs::write(path, content).map_err(|source| NemesisError::Io {
        what: "write",
        path: path.to_owned(),
        source,
    })
}

async fn read(engine: &Engine, id: &str, lines: &str, limit: usize) -> Result<Tail, NemesisError> {
    let what = || format!("read the log of container {}", super::process::short(id));
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(lines).build();
    let mut tail = Tail { limit, ..Tail::default() };
    let reading = engine.docker().logs(id, Some(options)).try_for_each(|output| {
        tail.push(output.into_bytes());
        futures_util::future::ok(())
    });
    match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(read) => read.map_err(refused(what()))?,
        Err(_) => {
            return Err(NemesisError::DockerRefused {
                what: what(),
                reason: format!("not done within {} s", READ_WITHIN.as_secs()),
            });
        }
    }
    Ok(tail)
}

/// The end of a stream, in at most `limit` bytes of whole chunks (Docker sends one a line).
#[derive(Default)]
struct Tail {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    dropped: u64,
    limit: usize,
}

impl Tail {
    fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
        while self.bytes > self.limit
            && let Some(first) = self.chunks.pop_front()
        {
            self.bytes -= first.len();
            self.dropped += first.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_kept_and_the_rest_is_counted() {
        let mut tail = Tail { limit: 10, ..Tail::default() };
        for line in ["one\n", "two\n", "three\n", "4\n"] {
            tail.push(Bytes::from_static(line.as_bytes()));
        }
        let kept = tail.chunks.iter().flat_map(|c| c.iter().copied()).collect::<Vec<_>>();
        assert_eq!(String::from_utf8(kept).unwrap(), "three\n4\n");
        assert_eq!((tail.bytes, tail.dropped), (8, 8));
    }
}
