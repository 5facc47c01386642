//! A history from one notation to another: tribunal's JSON lines, plain or compressed, and Jepsen's EDN.
//!
//! Whatever comes in is parsed as every analysis parses it, so what goes out can be read. Lines are numbered
//! anew from 0. The file is written aside and takes its name when it is whole.

mod file;
mod lines;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::edn;
use crate::fields::{Fields, number_line};
use crate::frames::FrameWriter;
use crate::source::{ReadError, Source};
use crate::time::Nanos;

pub use self::file::{Request, convert_file};
use self::lines::each_line;
pub use self::lines::is_edn;

/// A way to write a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Jepsen's: a map a line.
    Edn,
    /// A JSON object a line.
    JsonLines,
    /// The same in zstd frames with an index beside them, as a run keeps it.
    Zst,
}

impl Notation {
    /// The notation of a name such as `history.edn`; `None` where the ending says nothing.
    pub fn of_path(path: &Path) -> Option<Notation> {
        let name = path.file_name()?.to_str()?;
        [(".edn", Notation::Edn), (".jsonl.zst", Notation::Zst), (".jsonl", Notation::JsonLines)]
            .into_iter()
            .find_map(|(ending, notation)| name.ends_with(ending).then_some(notation))
    }

    /// The notation that an option calls `edn`, `jsonl` or `zst`.
    pub fn of_name(name: &str) -> Option<Notation> {
        match name {
            "edn" => Some(Notation::Edn),
            "jsonl" => Some(Notation::JsonLines),
            "zst" => Some(Notation::Zst),
            _ => None,
        }
    }
}

/// What was converted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Converted {
    /// History lines written.
    pub lines: u64,
    /// What somebody who uses the result must know: a torn end that was dropped.
    pub warnings: Vec<String>,
}

/// Why a history was not converted. Nothing is left behind then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The result cannot be written.
    #[error("cannot write {name}: {cause}; nothing was left there")]
    Write {
        /// The file, or `standard output`.
        name: String,
        /// What the system said.
        cause: io::Error,
    },
    /// There is a file of that name.
    #[error("{} exists already; choose another name, or overwrite it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// What has the name is no file.
    #[error("{} exists and is {what}, which is not replaced; name a file, or - for standard output", path.display())]
    NoFile {
        /// The place.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// The name does not tell the notation.
    #[error(
        "cannot tell the notation of {name} from its name; end it in .edn, .jsonl or .jsonl.zst, or say --to edn, --to jsonl or --to zst"
    )]
    Unknown {
        /// The file, or `standard output`.
        name: String,
    },
}

/// Lines that wait to be put in the order of their times: the recorder merges its threads' lines to within
/// far less than this.
const WINDOW: usize = 1 << 16;

/// Reads a history and writes it to `out` in another notation; `index` gets the names of the frames if `to` is
/// [`Notation::Zst`], else nothing. `name` is what errors call `out`.
///
/// Jepsen takes the order of the maps for real time, so that lines of JSON go to EDN in the order of their times.
///
/// # Errors
/// If the history cannot be read, or `out` not be written.
pub fn convert<H: Write, I: Write>(
    mut source: Source,
    threads: usize,
    to: Notation,
    mut out: H,
    index: I,
    name: &str,
) -> Result<Converted, ConvertError> {
    let failed = |cause| ConvertError::Write { name: name.to_owned(), cause };
    let sorting = to == Notation::Edn && !is_edn(&mut source)?;
    let mut line = Vec::new();
    let mut n = 0;
    let mut warnings = match to {
        Notation::Zst => {
            let mut frames = FrameWriter::new(out, index).map_err(failed)?;
            let summary = each_line(source, threads, |time, tail| {
                line.clear();
                number_line(&mut line, n, time.0, tail);
                n += 1;
                frames.write_line(&line, time).map_err(failed)
            })?;
            frames.finish().map_err(failed)?;
            summary.warnings
        }
        Notation::JsonLines => {
            let summary = each_line(source, threads, |time, tail| {
                line.clear();
                number_line(&mut line, n, time.0, tail);
                n += 1;
                out.write_all(&line).map_err(failed)
            })?;
            out.flush().map_err(failed)?;
            summary.warnings
        }
        Notation::Edn => {
            let mut maps = Maps::default();
            let mut waiting = Waiting::default();
            let summary = each_line(source, threads, |time, tail| {
                if !sorting {
                    return maps.write(&mut out, time, tail).map_err(failed);
                }
                match waiting.put(time, tail) {
                    Some((time, tail)) => maps.write(&mut out, time, &tail).map_err(failed),
                    None => Ok(()),
                }
            })?;
            while let Some((time, tail)) = waiting.take() {
                maps.write(&mut out, time, &tail).map_err(failed)?;
            }
            out.flush().map_err(failed)?;
            n = maps.written;
            let mut warnings = summary.warnings;
            if waiting.late > 0 {
                warnings.push(format!(
                    "{} lines were more than {WINDOW} lines out of the order of time and stay so; Jepsen takes \
                     the order of the maps for real time",
                    waiting.late
                ));
            }
            warnings
        }
    };
    warnings.dedup();
    Ok(Converted { lines: n, warnings })
}

/// Writes maps, a line each.
#[derive(Default)]
struct Maps {
    written: u64,
    fields: Fields,
    line: Vec<u8>,
}

impl Maps {
    fn write(&mut self, out: &mut impl Write, time: Nanos, tail: &[u8]) -> io::Result<()> {
        self.line.clear();
        self.line.push(b'{');
        self.line.extend_from_slice(tail);
        let read = self.fields.read_line(&self.line);
        self.line.clear();
        read.and_then(|()| edn::write_map(&self.fields, self.written, time.0, &mut self.line))
            .map_err(|e| io::Error::other(e.reason))?;
        self.written += 1;
        self.line.push(b'\n');
        out.write_all(&self.line)
    }
}

/// Lines on their way into the order of time; equal times stay in the order they came in.
#[derive(Default)]
struct Waiting {
    lines: BinaryHeap<Reverse<(Nanos, u64, Vec<u8>)>>,
    came: u64,
    last: Nanos,
    late: u64,
}

impl Waiting {
    /// Adds a line; the earliest, where too many wait.
    fn put(&mut self, time: Nanos, tail: &[u8]) -> Option<(Nanos, Vec<u8>)> {
        self.lines.push(Reverse((time, self.came, tail.to_vec())));
        self.came += 1;
        if self.lines.len() > WINDOW { self.take() } else { None }
    }

    fn take(&mut self) -> Option<(Nanos, Vec<u8>)> {
        let Reverse((time, _, tail)) = self.lines.pop()?;
        self.late += u64::from(time < self.last);
        self.last = self.last.max(time);
        Some((time, tail))
    }
}
