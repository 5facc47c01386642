//! What the tests of the program share: calling it, and looking into its runs.
#![allow(dead_code, unreachable_pub)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A store of a test's own.
pub struct Store {
    dir: TempDir,
}

/// What a call of the program gave.
pub struct Called {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Store {
    pub fn new() -> Store {
        Store { dir: tempfile::tempdir().expect("a directory") }
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("runs")
    }

    /// The program with this store, ready to be given arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
        command.env("TRIBUNAL_STORE", self.root()).env("NO_COLOR", "1").env_remove("RUST_BACKTRACE");
        command.current_dir(self.dir.path());
        command
    }

    pub fn call(&self, args: &[&str]) -> Called {
        called(&self.command().args(args).output().expect("the program starts"))
    }

    /// A call that is given this text as its standard input.
    pub fn fed(&self, args: &[&str], text: &str) -> Called {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it takes all of it");
        called(&child.wait_with_output().expect("it ends"))
    }

    /// A run that must end with this code; its verdict.
    pub fn judged(&self, args: &[&str], code: i32) -> Value {
        self.judged_as(args, &[code]).1
    }

    /// A run that must end with one of these codes; what it told, and its verdict.
    pub fn judged_as(&self, args: &[&str], codes: &[i32]) -> (Called, Value) {
        let called = self.call(args);
        let Called { code, out, err } = &called;
        assert!(codes.contains(code), "{args:?} gave {code}, not {codes:?}\n{err}\n{out}");
        (called, self.verdict("latest"))
    }

    pub fn verdict(&self, run: &str) -> Value {
        let path = self.root().join(run).join("verdict.json");
        let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_slice(&text).expect("verdict.json is JSON")
    }

    pub fn latest(&self) -> PathBuf {
        std::fs::canonicalize(self.root().join("latest")).expect("there is a latest run")
    }
}

/// What the brokers complained of goes with the run's directory when a test fails: said while it is there.
impl Drop for Store {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let nodes = self.root().join("latest/nodes");
        for entry in std::fs::read_dir(&nodes).into_iter().flatten().flatten() {
            let log = std::fs::read(entry.path()).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let complaints: Vec<&str> =
                log.lines().filter(|l| l.contains("WARN") || l.contains("ERROR")).collect();
            let last = &complaints[complaints.len().saturating_sub(20)..];
            eprintln!("{} of {}:\n{}", complaints.len(), entry.path().display(), last.join("\n"));
        }
    }
}

pub fn called(output: &Output) -> Called {
    Called {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Called {
    /// An error in words: the code, every word, no stack trace, nothing on standard output.
    pub fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}\n{}", self.err, self.out);
        for word in words {
            assert!(self.err.contains(word), "\"{word}\" is not in: {}", self.err);
        }
        assert!(!self.err.contains("stack backtrace") && !self.err.contains("panicked"), "{}", self.err);
    }
}

/// How often a kind of anomaly was found.
pub fn count(verdict: &Value, kind: &str) -> u64 {
    verdict["anomalies"][kind]["count"].as_u64().unwrap_or(0)
}

/// Writes a small history and returns its path.
pub fn history(dir: &Path, name: &str, lines: &[&str]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, format!("{}\n", lines.join("\n"))).expect("writes");
    path
}
