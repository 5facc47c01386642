//! Converting between files: names that tell the notation, `-` for the standard streams, and a result that is
//! there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{ConvertError, Converted, Notation, convert};
use crate::source::Source;

/// What to convert into what.
#[derive(Debug, Clone)]
pub struct Request {
    /// The history; `-` is standard input.
    pub input: PathBuf,
    /// Where it goes; `-` is standard output.
    pub output: PathBuf,
    /// The notation; `None`: as the output's name says.
    pub to: Option<Notation>,
    /// Whether a file of that name may be replaced.
    pub force: bool,
    /// Threads that read.
    pub threads: usize,
}

/// Converts a file. A compressed history gets its index beside it: `x.jsonl.zst` has `x.idx`.
///
/// # Errors
/// If the notation is not clear, a file is in the way, the history cannot be read, or the result not be written.
pub fn convert_file(request: &Request) -> Result<Converted, ConvertError> {
    let to_stdout = request.output == Path::new("-");
    let name = if to_stdout { "standard output".to_owned() } else { request.output.display().to_string() };
    let to = request.to.or_else(|| Notation::of_path(&request.output));
    let to = to.ok_or_else(|| ConvertError::Unknown { name: name.clone() })?;
    let source =
        if request.input == Path::new("-") { Source::stdin() } else { Source::open(&request.input)? };
    if to_stdout {
        let out = BufWriter::new(io::stdout().lock());
        return convert(source, request.threads, to, out, io::sink(), &name);
    }
    let history = Aside::create(&request.output, request.force)?;
    if to != Notation::Zst {
        let converted =
            convert(source, request.threads, to, BufWriter::new(history.file.as_file()), io::sink(), &name)?;
        history.place(request.force)?;
        return Ok(converted);
    }
    let index = Aside::create(&index_of(&request.output), request.force)?;
    let (out, names) = (BufWriter::new(history.file.as_file()), BufWriter::new(index.file.as_file()));
    let converted = convert(source, request.threads, to, out, names, &name)?;
    // A history without its index is whole; an index without its history is nothing.
    history.place(request.force)?;
    index.place(request.force)?;
    Ok(converted)
}

fn index_of(history: &Path) -> PathBuf {
    let name = history.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".jsonl.zst").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    history.with_file_name(format!("{stem}.idx"))
}

/// A file that is written beside the place where it is to be; dropped, it leaves nothing.
struct Aside {
    file: NamedTempFile,
    path: PathBuf,
}

impl Aside {
    fn create(path: &Path, force: bool) -> Result<Aside, ConvertError> {
        // What is no file is nobody's to replace, asked for or not: a device, a pipe.
        let refused = |what| Err(ConvertError::NoFile { path: path.to_owned(), what });
        match path.metadata() {
            Ok(there) if there.is_dir() => return refused("a directory"),
            Ok(there) if !there.is_file() => return refused("a device or a pipe"),
            _ if !force && path.symlink_metadata().is_ok() => {
                return Err(ConvertError::Exists { path: path.to_owned() });
            }
            _ => {}
        }
        // A link stays one: what it names is replaced.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Opened by hand, for a file that others may read as they may read any new file.
        let file = tempfile::Builder::new()
            .prefix(".convert-")
            .make_in(dir, |path| File::options().write(true).create_new(true).open(path))
            .map_err(|e| failed(path, e))?;
        Ok(Aside { file, path: path.to_owned() })
    }

    /// Gives the file its name.
    fn place(mut self, force: bool) -> Result<(), ConvertError> {
        self.file.flush().and_then(|()| self.file.as_file().sync_all()).map_err(|e| failed(&self.path, e))?;
        let placed =
            if force { self.file.persist(&self.path) } else { self.file.persist_noclobber(&self.path) };
        match placed {
            Ok(_) => Ok(()),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(ConvertError::Exists { path: self.path })
            }
            Err(e) => Err(failed(&self.path, e.error)),
        }
    }
}

fn failed(path: &Path, cause: io::Error) -> ConvertError {
    ConvertError::Write { name: path.display().to_string(), cause }
}
