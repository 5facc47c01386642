//! How a command that is printed names a run: so that it works as it stands, typed in the same directory.

use std::fs;
use std::path::Path;

use super::{RunDir, Runs};

/// A word as a shell takes it: quoted where it must be.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A path as a shell takes it, and no program for an option.
pub(super) fn path_word(path: &Path) -> String {
    let path = path.to_string_lossy();
    shell_word(&if path.starts_with('-') { format!("./{path}") } else { path.into_owned() })
}

impl Runs {
    /// The command that lists these runs.
    pub(super) fn ls(&self) -> String {
        if self.root == Runs::at(None).root || is_same(&self.root, Runs::at(None).root()) {
            "tribunal ls".to_owned()
        } else {
            format!("tribunal ls --store {}", path_word(&self.root))
        }
    }
}

impl RunDir {
    /// What names this run in a command without `--store`: its id where that is enough, else its path.
    pub fn as_typed(&self) -> String {
        let id = self.id();
        let found = Runs::at(None).find(&id);
        if found.is_ok_and(|found| is_same(&found.path, &self.path)) {
            shell_word(&id)
        } else {
            path_word(&self.path)
        }
    }

    /// The command that makes the same run again, in the same store.
    pub fn again(&self) -> String {
        let command = format!("tribunal run {}", path_word(&self.scenario()));
        let store = self.path.parent().and_then(Path::parent);
        // Every store has the link; a directory that a run was copied to has not.
        let store = store.filter(|store| store.join("current").is_symlink());
        match store {
            Some(store) if !is_same(store, Runs::at(None).root()) => {
                format!("{command} --store {}", path_word(store))
            }
            _ => command,
        }
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{begun, runs};
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (word, typed) in [
            ("runs/queue/2026", "runs/queue/2026"),
            ("my runs/queue", "'my runs/queue'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), typed);
        }
        assert_eq!(path_word(Path::new("-runs/queue")), "./-runs/queue");
    }

    #[test]
    fn a_run_of_another_store_is_named_by_its_path() {
        let (_dir, runs) = runs();
        let run = begun(&runs, "queue", 1);
        assert_eq!(run.as_typed(), run.path().display().to_string());
        let root = runs.root().display();
        let again = run.again();
        assert!(
            again.starts_with("tribunal run ") && again.ends_with(&format!(" --store {root}")),
            "{again}"
        );
    }
}
