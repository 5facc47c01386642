//! Which run a name means: `latest`, `current`, a path, a test's name, the beginning of an id or its tail.

use std::fs;
use std::path::{Path, PathBuf};

use super::typed::path_word;
use super::{RunDir, RunError, Runs};

/// Endings that only a history's file has.
const HISTORY_ENDINGS: [&str; 4] = [".jsonl", ".zst", ".edn", ".json"];

impl Runs {
    /// The run of a name: `latest`, `current`, a path, a test's name (its newest run), the beginning of an id (with its
    /// test in front or not), or the id's tail.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn find(&self, name: &str) -> Result<RunDir, RunError> {
        for path in [self.root.join(name), PathBuf::from(name)] {
            if RunDir::at(&path).is_one() {
                let path =
                    fs::canonicalize(&path).map_or(path.clone(), |real| self.relative(&real).unwrap_or(path));
                return Ok(RunDir { path });
            }
        }
        let runs = self.list()?;
        let of_test =
            |run: &&RunDir| run.name().strip_suffix(&run.id()).is_some_and(|test| test == format!("{name}/"));
        if let Some(newest) = runs.iter().rfind(of_test) {
            return Ok(newest.clone());
        }
        let begins = |run: &RunDir| run.id().starts_with(name) || run.name().starts_with(name);
        let ends = |run: &RunDir| run.id().ends_with(name);
        for fits in [&begins as &dyn Fn(&RunDir) -> bool, &ends] {
            let found: Vec<&RunDir> = runs.iter().filter(|run| fits(run)).collect();
            match found.as_slice() {
                [] => {}
                [run] => return Ok((*run).clone()),
                several => {
                    return Err(RunError::Ambiguous {
                        name: name.to_owned(),
                        candidates: several.iter().map(|run| run.name()).collect(),
                    });
                }
            }
        }
        Err(self.not_found(name, runs.last()))
    }

    /// The run that `current` names, where it began after `run`: the one that somebody who asks for the latest may
    /// have meant.
    pub fn begun_after(&self, run: &RunDir) -> Option<RunDir> {
        self.find("current").ok().filter(|current| current.id() > run.id())
    }

    /// A canonical path, said from the root again where it is below it.
    fn relative(&self, real: &Path) -> Option<PathBuf> {
        let root = fs::canonicalize(&self.root).ok()?;
        Some(self.root.join(real.strip_prefix(root).ok()?))
    }

    fn not_found(&self, name: &str, newest: Option<&RunDir>) -> RunError {
        let no_run = |reason: &str| RunError::NoRun { name: name.to_owned(), reason: reason.to_owned() };
        let path = Path::new(name);
        if path.is_dir() || self.root.join(name).is_dir() {
            return no_run(&format!(
                "is a directory without a run: it holds no run.json and no history; `{}` lists the runs",
                self.ls()
            ));
        }
        if path.exists() {
            let typed = path_word(path);
            return no_run(&format!(
                "is a file, not a run: `tribunal analyze {typed}` judges it as a history, `tribunal show {typed}` with \
                 --anomaly N, --around KEY OFFSET or --guarantee looks into it; everything else wants a run"
            ));
        }
        let looks_like_a_file = HISTORY_ENDINGS.iter().any(|end| name.ends_with(end)) || path.is_absolute();
        if looks_like_a_file {
            return no_run("does not exist: there is no such file, and no run of that name");
        }
        let next = match newest {
            None => "no run is there yet; `tribunal run` makes one, --store names another place".to_owned(),
            Some(run) => format!("the newest is {}; `{}` lists all", run.name(), self.ls()),
        };
        RunError::NotFound { name: name.to_owned(), root: self.root.clone(), next }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{begun, runs};
    use super::*;

    #[test]
    fn a_run_is_found_by_every_name_it_has() {
        let (_dir, runs) = runs();
        assert!(matches!(runs.find("latest"), Err(RunError::NotFound { .. })));
        let one = begun(&runs, "queue", 0x7f3a);
        assert!(matches!(runs.find("latest"), Err(RunError::NotFound { .. })), "it is not complete yet");
        assert_eq!(runs.find("current").expect("found"), one);
        runs.set_latest(&one).expect("links");
        assert_eq!(runs.begun_after(&one), None);
        let two = begun(&runs, "other", 0x8000);
        assert_eq!(runs.find("latest").expect("found"), one);
        assert_eq!(runs.find("current").expect("found"), two);
        assert_eq!(runs.begun_after(&one), Some(two));
        for name in [&one.name(), "queue/2", "queue", "7f3a", "f3a", &one.path().display().to_string()] {
            assert_eq!(runs.find(name).expect(name), one, "{name}");
        }
        let error = runs.find("2").expect_err("two runs begin with 2").to_string();
        assert!(error.contains("queue/2") && error.contains("other/2"), "{error}");
        let error = runs.find("nothing").expect_err("no such run").to_string();
        assert!(error.contains("\"nothing\"") && error.contains("tribunal ls"), "{error}");
    }

    #[test]
    fn a_test_s_name_means_its_newest_run() {
        let (_dir, runs) = runs();
        begun(&runs, "queue", 1);
        let newest = begun(&runs, "queue", 2);
        begun(&runs, "queue-long", 3);
        assert_eq!(runs.find("queue").expect("found"), newest);
    }

    #[test]
    fn what_is_no_run_is_said_for_what_it_is() {
        let (dir, runs) = runs();
        let path = |name: &str| dir.path().join(name).display().to_string();
        fs::write(path("h.jsonl"), "").expect("writes");
        for (name, words) in [
            (path("h.jsonl"), "is a file, not a run: `tribunal analyze"),
            (dir.path().display().to_string(), "is a directory without a run"),
            (path("nosuch"), "no such file"),
            ("nosuch.jsonl".to_owned(), "no such file"),
        ] {
            let error = runs.find(&name).expect_err(&name).to_string();
            assert!(error.starts_with(&name) && error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_run_that_lost_its_description_is_found_by_its_history() {
        let (_dir, runs) = runs();
        let run = begun(&runs, "queue", 0x7f3a);
        fs::write(run.meta(), "").expect("writes");
        let error = run.read_meta().expect_err("empty").to_string();
        assert!(error.contains("run.json is empty; no history is beside it"), "{error}");
        fs::write(run.history(), "").expect("writes");
        fs::remove_file(run.meta()).expect("removes");
        assert_eq!(runs.list().expect("lists"), std::slice::from_ref(&run));
        let named = [run.name(), "7f3a".to_owned(), run.path().display().to_string()];
        for name in named {
            assert_eq!(runs.find(&name).expect(&name), run);
        }
        let error = run.read_meta().expect_err("missing").to_string();
        let history = run.history().display().to_string();
        assert!(
            error.contains(&format!(
                "run.json is missing; its history is there: `tribunal analyze {history}`"
            )),
            "{error}"
        );
        fs::write(run.verdict(), "{").expect("writes");
        let error = run.read_verdict().expect_err("damaged").to_string();
        let again = format!("; `tribunal analyze {}` makes it again", run.path().display());
        assert!(error.contains("verdict.json is damaged (") && error.ends_with(&again), "{error}");
    }

    #[test]
    fn a_file_in_the_place_of_the_store_is_said_for_what_it_is() {
        let (_dir, runs) = runs();
        fs::write(runs.root(), "").expect("writes");
        for error in
            [runs.find("latest").expect_err("no store"), runs.create("queue", 1).expect_err("no store")]
        {
            let error = error.to_string();
            assert!(error.contains("is a file") && error.contains("--store"), "{error}");
        }
    }
}
