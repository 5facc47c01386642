//! The labels by which tribunal knows its own: only what carries them is ever removed.

use std::collections::HashMap;

use crate::error::NemesisError;

/// On everything that tribunal makes; its value is [`OWNER_VALUE`].
pub const OWNER: &str = "tribunal.owner";
/// The value of [`OWNER`].
pub const OWNER_VALUE: &str = "tribunal";
/// The id of the run that made it.
pub const RUN: &str = "tribunal.run";
/// The broker's id, on brokers only.
pub const NODE: &str = "tribunal.node";
/// The broker's name in the run, on brokers only.
pub const NODE_NAME: &str = "tribunal.node.name";
/// What a container is for that is no broker; its value is [`PACKET_FILTER`].
pub const ROLE: &str = "tribunal.role";
/// The value of [`ROLE`] on side containers, which change rules in another container's network namespace.
pub const PACKET_FILTER: &str = "packet filter";
/// The process that made it, to tell a run that goes on from one that crashed: `PID.START@WORLD`, with the time of its
/// start in the kernel's ticks, because numbers are given out again, and the world in which they mean something.
pub const MAKER: &str = "tribunal.maker";
/// `true` where the run was told to leave its cluster behind.
pub const KEEP: &str = "tribunal.keep";

/// The labels of everything that this process makes for a run.
pub(crate) fn of_run(run_id: &str, keep: bool) -> HashMap<String, String> {
    HashMap::from([
        (OWNER.to_owned(), OWNER_VALUE.to_owned()),
        (RUN.to_owned(), run_id.to_owned()),
        (MAKER.to_owned(), maker(std::process::id())),
        (KEEP.to_owned(), keep.to_string()),
    ])
}

/// The value of [`MAKER`] for a process; its start is 0 where there is no such process, or no `/proc`. One that has
/// ended and was not reaped is none.
pub(crate) fn maker(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name stands in parentheses and may hold spaces; its state comes next, its start as the 20th field.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let start = match fields.as_slice() {
        ["Z" | "X" | "x", ..] => None,
        fields => fields.get(19).copied(),
    };
    format!("{pid}.{}@{}", start.unwrap_or("0"), world())
}

/// Where process numbers mean what they mean here: this boot of this machine, and this space of processes. Docker may
/// be asked from others.
fn world() -> String {
    use std::os::unix::fs::MetadataExt;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::metadata("/proc/self/ns/pid").map_or(0, |space| space.ino());
    format!("{}.{space}", boot.get(..8).unwrap_or("unknown"))
}

/// What a label tells of the process that made something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    Lives,
    Died,
    /// It is of another machine, boot or space of processes: nobody here can tell.
    Elsewhere,
}

/// Whether the process that a label names still lives, and is not another one under the same number.
pub(crate) fn state_of(label: &str) -> Maker {
    let pid = label.split_once('.').and_then(|(pid, _)| pid.parse().ok());
    match (pid, label.split_once('@')) {
        (Some(pid), Some((_, here))) if here == world() => {
            if maker(pid) == label {
                Maker::Lives
            } else {
                Maker::Died
            }
        }
        _ => Maker::Elsewhere,
    }
}

/// A filter for lists: everything of tribunal, or of one run.
pub(crate) fn filter(run_id: Option<&str>) -> HashMap<String, Vec<String>> {
    let mut wanted = vec![format!("{OWNER}={OWNER_VALUE}")];
    wanted.extend(run_id.map(|id| format!("{RUN}={id}")));
    HashMap::from([("label".to_owned(), wanted)])
}

/// Refuses a run id that cannot stand in names of containers and networks, in labels and in rule tags.
///
/// # Errors
/// If it is empty, longer than 100 characters, or holds others than ASCII letters, digits, `.`, `_` and `-`.
pub(crate) fn check_run_id(run_id: &str) -> Result<(), NemesisError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if run_id.is_empty() || run_id.len() > 100 || !run_id.chars().all(fits) {
        return Err(NemesisError::Other(format!(
            "run id {run_id:?} cannot name containers: use 1 to 100 ASCII letters, digits, dots, underscores, hyphens"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_that_would_break_a_name_or_a_shell_word_are_refused() {
        check_run_id("20261121T092400Z-7f3a").unwrap();
        for bad in ["", "a b", "a;b", "$(x)", "a/b", &"x".repeat(101)] {
            assert!(check_run_id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_process_number_that_was_given_out_again_is_told_apart() {
        let mine = maker(std::process::id());
        assert_eq!(state_of(&mine), Maker::Lives, "{mine}");
        let (number, world) = mine.split_once('@').expect("it names its world");
        assert_eq!(state_of(&format!("{}.1@{world}", std::process::id())), Maker::Died);
        assert_eq!(state_of(&format!("4194304.77@{world}")), Maker::Died);
        assert_eq!(state_of(&format!("{number}@elsewhere.1")), Maker::Elsewhere);
        for unclear in ["", "77", "77.1", "x.1@y"] {
            assert_eq!(state_of(unclear), Maker::Elsewhere, "{unclear}");
        }
    }

    #[test]
    fn a_process_that_ended_and_was_not_reaped_is_dead() {
        let mut child = std::process::Command::new("true").spawn().expect("starts");
        let pid = child.id();
        let ended = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            maker(pid).contains(".0@")
        });
        assert!(ended, "{}", maker(pid));
        child.wait().expect("is reaped");
    }

    #[test]
    fn a_runs_filter_also_asks_for_the_owner() {
        let filter = filter(Some("r1"));
        assert_eq!(filter["label"], ["tribunal.owner=tribunal", "tribunal.run=r1"]);
    }
}
