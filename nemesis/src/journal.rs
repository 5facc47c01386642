//! `nemesis.journal`: what is about to be done to a cluster, on disk before it is done, so that whoever
//! comes after a crash knows what to undo. One JSON object a line, synced before the act.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use store::time::Nanos;

use crate::action::Action;
use crate::error::NemesisError;

/// The file's name in the run's directory.
pub const JOURNAL_FILE: &str = "nemesis.journal";

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Entry {
    /// The first line: who writes this journal.
    Begin {
        /// The process.
        pid: u32,
        /// Its start in the kernel's clock ticks: a process id alone is used again.
        started: u64,
    },
    /// It is about to be done.
    Act {
        /// The act's number, from 1.
        act: u64,
        /// The fault that it belongs to.
        fault: u32,
        /// When.
        time: Nanos,
        /// What.
        #[serde(flatten)]
        action: Action,
    },
    /// It was undone, or needs no undoing.
    Undone {
        /// The act's number.
        act: u64,
        /// When; `None`: by `tribunal heal`, after the run.
        time: Option<Nanos>,
    },
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    next: u64,
}

impl Journal {
    /// Creates the run's journal.
    ///
    /// # Errors
    /// If the file cannot be created, or is there already.
    pub fn create(run_dir: &Path) -> Result<Journal, NemesisError> {
        let path = run_dir.join(JOURNAL_FILE);
        let mut journal = match File::create_new(&path) {
            Ok(file) => Journal { file, path, next: 1 },
            Err(source) => return Err(NemesisError::Io { what: "create", path, source }),
        };
        let pid = std::process::id();
        journal.write(&Entry::Begin { pid, started: started(pid).unwrap_or_default() })?;
        Ok(journal)
    }

    /// Opens the journal of a run that is over, to note what was undone since.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(run_dir: &Path) -> Result<Journal, NemesisError> {
        let path = run_dir.join(JOURNAL_FILE);
        let io = |source| NemesisError::Io { what: "write", path: path.clone(), source };
        let mut file = File::options().append(true).read(true).open(&path).map_err(io)?;
        // After a torn last line, what follows must begin a line of its own.
        if std::fs::read(&path).map_err(io)?.last().is_some_and(|b| *b != b'\n') {
            file.write_all(b"\n").map_err(io)?;
        }
        Ok(Journal { file, path, next: 1 })
    }

    /// Notes, and syncs, that this is about to be done; the act's number comes back.
    ///
    /// # Errors
    /// If it is not safely on disk: then it must not be done.
    pub fn act(&mut self, fault: u32, time: Nanos, action: &Action) -> Result<u64, NemesisError> {
        let act = self.next;
        self.write(&Entry::Act { act, fault, time, action: action.clone() })?;
        self.next += 1;
        Ok(act)
    }

    /// Notes that it was undone.
    ///
    /// # Errors
    /// If it cannot be written; a later heal then undoes it once more, which does no harm.
    pub fn undone(&mut self, act: u64, time: Option<Nanos>) -> Result<(), NemesisError> {
        self.write(&Entry::Undone { act, time })
    }

    fn write(&mut self, entry: &Entry) -> Result<(), NemesisError> {
        let written = serde_json::to_vec(entry).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            whole_or_nothing(&self.file, |mut file| {
                file.write_all(&line)?;
                file.sync_data()
            })
        });
        written.map_err(|source| NemesisError::Io { what: "write", path: self.path.clone(), source })
    }
}

/// Cuts the file back where writing fails (the disk is full): the next line would merge with the part of this
/// one that was written, and both would be lost to a heal.
fn whole_or_nothing(file: &File, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let before = file.metadata()?.len();
    write(file).inspect_err(|_| {
        let mut file = file;
        // The error at hand is the one to tell.
        let _ = file.set_len(before).and_then(|()| file.seek(SeekFrom::Start(before)));
    })
}

/// An act that nobody undid.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAct {
    /// Its number.
    pub act: u64,
    /// The fault that it belongs to.
    pub fault: u32,
    /// What.
    pub action: Action,
}

/// What a journal says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Leftover {
    /// What is still in force, in the order in which it was done.
    pub open: Vec<OpenAct>,
    /// Whether the last line was torn: whatever it announced was not done yet.
    pub torn: bool,
    /// The process that wrote the journal, if it is still there: then the run goes on.
    pub writer: Option<u32>,
}

/// When a process started, in clock ticks since the host did; `None`: there is none.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name stands in parentheses and may hold anything; the start is the 20th field behind it.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Reads what the journal of a run leaves open; a run without a journal leaves nothing.
///
/// A torn last line is no error: it was not on disk whole, so its act had not begun.
///
/// # Errors
/// If the file cannot be read, or a line before the last is damaged.
pub fn leftover(run_dir: &Path) -> Result<Leftover, NemesisError> {
    let path = run_dir.join(JOURNAL_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Leftover::default()),
        Err(source) => return Err(NemesisError::Io { what: "read", path, source }),
    };
    let mut open = BTreeMap::new();
    let (mut torn, mut writer) = (false, None);
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    for (i, line) in lines.iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(Entry::Begin { pid, started: then }) => {
                writer = (started(pid) == Some(then)).then_some(pid);
            }
            Ok(Entry::Act { act, fault, action, .. }) => {
                if action.needs_undo() {
                    open.insert(act, OpenAct { act, fault, action });
                }
            }
            Ok(Entry::Undone { act, .. }) => {
                open.remove(&act);
            }
            Err(_) if line.is_empty() => {}
            // Torn: the last line has no line break; or a heal wrote on behind it.
            Err(_) if i + 1 == lines.len() || only_undone(&lines[i + 1..]) => torn = true,
            Err(e) => {
                return Err(NemesisError::Other(format!(
                    "{}:{}: this line is damaged ({e}); what it did cannot be known: look at the cluster, and undo it by hand",
                    path.display(),
                    i + 1
                )));
            }
        }
    }
    Ok(Leftover { open: open.into_values().collect(), torn, writer })
}

fn only_undone(lines: &[&[u8]]) -> bool {
    lines.iter().all(|l| l.is_empty() || matches!(serde_json::from_slice(l), Ok(Entry::Undone { .. })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(node: &str) -> Action {
        Action::Pause { node: node.into() }
    }

    #[test]
    fn what_was_not_undone_is_left_open() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(leftover(dir.path()).unwrap(), Leftover::default());
        let mut journal = Journal::create(dir.path()).unwrap();
        let first = journal.act(1, Nanos(5), &pause("kafka-1")).unwrap();
        let second = journal.act(1, Nanos(6), &pause("kafka-2")).unwrap();
        journal.act(2, Nanos(7), &Action::MoveLeader { key: "t-0".into(), node: "kafka-1".into() }).unwrap();
        journal.undone(first, Some(Nanos(9))).unwrap();
        let left = leftover(dir.path()).unwrap();
        assert_eq!(left.open, [OpenAct { act: second, fault: 1, action: pause("kafka-2") }]);
        assert!(!left.torn);
        assert_eq!(left.writer, Some(std::process::id()), "this process goes on");
        assert!(Journal::create(dir.path()).is_err(), "a journal is never overwritten");
    }

    #[test]
    fn a_line_that_was_written_in_part_is_cut_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path()).unwrap();
        journal.act(1, Nanos(5), &pause("kafka-1")).unwrap();
        let full = whole_or_nothing(&journal.file, |mut file| {
            file.write_all(b"{\"entry\":\"act\",\"act\":2,")?;
            Err(io::Error::other("no space left"))
        });
        assert_eq!(full.unwrap_err().to_string(), "no space left");
        journal.act(2, Nanos(6), &pause("kafka-2")).unwrap();
        let left = leftover(dir.path()).unwrap();
        assert!(!left.torn, "{left:?}");
        let nodes = left.open.iter().map(|open| &open.action).collect::<Vec<_>>();
        assert_eq!(nodes, [&pause("kafka-1"), &pause("kafka-2")]);
    }

    #[test]
    fn a_torn_last_line_was_never_acted_on_and_damage_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path()).unwrap();
        let first = journal.act(1, Nanos(5), &pause("kafka-1")).unwrap();
        journal.act(1, Nanos(6), &pause("kafka-2")).unwrap();
        let path = dir.path().join(JOURNAL_FILE);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let left = leftover(dir.path()).unwrap();
            let lines = whole[..cut].iter().filter(|b| **b == b'\n').count();
            // The first line tells the writer; a line that lacks only its line break is whole.
            assert!([lines.saturating_sub(1), lines].contains(&left.open.len()), "cut at {cut}");
        }
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert!(leftover(dir.path()).unwrap().torn);
        Journal::append(dir.path()).unwrap().undone(first, None).unwrap();
        let left = leftover(dir.path()).unwrap();
        assert!(left.open.is_empty() && left.torn, "a heal writes on behind a torn line");

        let mut damaged = whole.clone();
        let second = damaged.iter().position(|b| *b == b'\n').unwrap() + 1;
        damaged[second] = b'#';
        std::fs::write(&path, damaged).unwrap();
        assert!(leftover(dir.path()).unwrap_err().to_string().contains(":2:"));
    }
}
