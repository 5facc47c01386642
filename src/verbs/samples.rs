//! What the sampler wrote of a run. Samples explain a verdict, they do not make it: those that cannot be read are
//! left out, and the verdict says so.

use std::io::ErrorKind;
use std::path::Path;

use store::cluster::ClusterSample;

/// The samples of a run.
#[derive(Debug, Default)]
pub struct Samples {
    /// Those that could be read.
    pub read: Vec<ClusterSample>,
    /// What a reader of the verdict must know of the others.
    pub note: Option<String>,
}

/// Reads what is readable. A missing file is none at all, and a line that was being written when the run died is
/// no damage.
pub fn read(path: &Path) -> Samples {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Samples::default(),
        Err(e) => {
            let note = format!("{} could not be read ({e}): {WITHOUT}", path.display());
            return Samples { read: Vec::new(), note: Some(note) };
        }
    };
    let mut samples = Samples::default();
    let mut damaged = Vec::new();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, line) in (1_u64..).zip(&lines) {
        match serde_json::from_slice(line) {
            Ok(sample) => samples.read.push(sample),
            Err(_) if line.trim_ascii().is_empty() || !line.ends_with(b"\n") => {}
            Err(_) => damaged.push(number),
        }
    }
    samples.note = match damaged.as_slice() {
        [] => None,
        [one] => Some(format!("{}: line {one} is damaged and was left out: {WITHOUT}", path.display())),
        [first, ..] => Some(format!(
            "{}: {} of {} lines are damaged and were left out, the first is line {first}: {WITHOUT}",
            path.display(),
            damaged.len(),
            lines.len()
        )),
    };
    samples
}

/// What that means.
const WITHOUT: &str = "what each broker said then is not told beside the findings";

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"time":1,"asked":1,"controller":null,"partitions":[]}"#;

    fn of(bytes: &[u8]) -> Samples {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("cluster.jsonl");
        std::fs::write(&path, bytes).expect("writes");
        read(&path)
    }

    #[test]
    fn damaged_lines_are_left_out_and_counted() {
        let one = of(format!("{LINE}\n{{\"time\":x}}\n{LINE}\n").as_bytes());
        let note = one.note.expect("a note");
        assert!(one.read.len() == 2 && note.contains("cluster.jsonl: line 2 is damaged"), "{note}");
        let mut two = format!("{LINE}\nx\n{LINE}\n").into_bytes();
        two.extend(b"\xff\xfe\n");
        let two = of(&two);
        let note = two.note.expect("a note");
        assert!(
            two.read.len() == 2
                && note.contains("2 of 4 lines are damaged and were left out, the first is line 2"),
            "{note}"
        );
    }

    #[test]
    fn a_last_line_that_was_torn_is_no_damage() {
        let mut torn = format!("{LINE}\n").into_bytes();
        torn.extend(b"{\"time\":\xc3");
        let torn = of(&torn);
        assert_eq!((torn.read.len(), torn.note), (1, None));
        let whole = of(LINE.as_bytes());
        assert_eq!((whole.read.len(), whole.note), (1, None));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_note() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(read(dir.path()).note.is_some_and(|note| note.contains("could not be read")));
        assert!(read(&dir.path().join("nothing")).note.is_none());
    }
}
