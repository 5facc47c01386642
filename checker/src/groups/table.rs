//! What a history says of consumer groups: rows by partition, and the names in them.

use super::breaks::ByReader;
use crate::tables::NONE;

/// Stands for "in some group or in none" in [`crate::tables::Session::group`]; `NONE` is "in none".
pub(crate) const UNSURE: u32 = NONE - 1;

/// Stands for a generation that nobody named.
pub(crate) const NO_GENERATION: i64 = i64::MIN;

/// Over all partitions.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Names of groups; the one without a name is empty.
    pub(crate) names: Vec<String>,
    pub(crate) members: Vec<Member>,
    /// Moments at which a reader may have been moved in any partition.
    pub(crate) everywhere: ByReader,
    /// When the first poll of unknown outcome began, by readers who may be in any group ...
    pub(crate) blind: Option<u64>,
    /// ... and by readers of each group.
    pub(crate) blind_in: Vec<Option<u64>>,
}

/// Who is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    /// For sentences: `member m-1`, `client 4`, `process 7`.
    pub(crate) name: String,
    /// Whether the same consumer certainly has this name as long as it lives: a process' number changes.
    pub(crate) lasting: bool,
}

/// Of one partition.
#[derive(Debug, Default)]
pub(crate) struct OfPartition {
    /// In order of their completions' lines.
    pub(crate) commits: Vec<Commit>,
    /// The same.
    pub(crate) changes: Vec<Change>,
    pub(crate) breaks: Vec<Break>,
    /// When somebody asked to move there.
    pub(crate) seeks: Vec<(u64, u64)>,
}

/// An offset that a group's coordinator was asked to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit {
    pub(crate) offset: i64,
    pub(crate) generation: i64,
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    pub(crate) group: u32,
    pub(crate) member: u32,
    pub(crate) client: u32,
    pub(crate) process: u32,
    pub(crate) line: u32,
}

/// A partition given to a member, or taken from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) generation: i64,
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    pub(crate) group: u32,
    pub(crate) member: u32,
    /// [`NONE`] where the line names none.
    pub(crate) client: u32,
    pub(crate) line: u32,
    pub(crate) gained: bool,
}

/// A stretch of time in which a reader may have been moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Break {
    pub(crate) client: u32,
    pub(crate) process: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Groups {
    /// A group for sentences: `group "billing"`, `the group`.
    pub(crate) fn show(&self, group: u32) -> String {
        match self.names.get(group as usize).map(String::as_str) {
            None | Some("") => "the group".to_owned(),
            Some(name) => format!("group \"{name}\""),
        }
    }

    pub(crate) fn member(&self, member: u32) -> &Member {
        &self.members[member as usize]
    }
}
