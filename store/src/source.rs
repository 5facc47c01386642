//! Where a history comes from: a file, standard input or memory, plain or zstd.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use zstd::zstd_safe::DCtx;

use crate::frame_scan::{Frame, ReadAt, ScanError, is_zstd, scan};
use crate::frames::decoder;

/// Plain text handed to one worker at a time, bytes.
const PIECE: u64 = 2 << 20;
/// A frame larger than this (compressed) is another tool's single frame: it is streamed, not held whole.
const LARGE_FRAME: u64 = 32 << 20;
/// Bytes by which a notation is told, of text and of the file.
pub(crate) const START: u64 = 64 << 10;

/// Why a history cannot be read. Every message names the file, the place and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be opened or read.
    #[error("cannot read {name}: {cause}")]
    Io {
        /// The file, or `standard input`.
        name: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The file is no zstd at some place.
    #[error("{name} is damaged at byte {byte}{}: {reason}; nothing of it was judged. Restore the file, or cut it there and analyze what is before",
        first_line.map(|n| format!(" (in or after line {n})")).unwrap_or_default())]
    Damaged {
        /// The file.
        name: String,
        /// The byte in the file, from 0.
        byte: u64,
        /// The first line that could not be read, from 1.
        first_line: Option<u64>,
        /// What is wrong.
        reason: String,
    },
    /// A compressed stream does not decompress; where in it, only a file can tell.
    #[error(
        "{name} is damaged in or after line {line}: its zstd does not decompress ({reason}); nothing of it was judged. Give it as a file, whose damaged byte is named"
    )]
    Stream {
        /// Its name.
        name: String,
        /// The first line that could not be read, from 1.
        line: u64,
        /// What the decompressor said.
        reason: String,
    },
    /// It is something else than text or zstd.
    #[error("{name} is {what}: {next}")]
    Foreign {
        /// Its name.
        name: String,
        /// What its first bytes say.
        what: &'static str,
        /// What to do about it.
        next: &'static str,
    },
    /// A line is no event of a history.
    #[error(
        "{name}: line {line}, byte {byte}: {reason}; a history has one JSON object a line with index, time, process, type, f and value"
    )]
    Line {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The byte in that line, from 1.
        byte: u64,
        /// What is wrong.
        reason: String,
    },
    /// A form is no operation of an EDN history.
    #[error(
        "{name}: line {line}, byte {byte}: {reason}; an EDN history has maps such as {{:type :invoke, :f :send, :value [[:send 5 1]], :process 0, :time 81000}}, a line each or in one vector"
    )]
    Edn {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The byte in that line, from 1.
        byte: u64,
        /// What is wrong.
        reason: String,
    },
}

/// A history to read.
pub struct Source {
    name: String,
    kind: Kind,
    piece: u64,
    /// The first bytes of its text, once somebody asked.
    start: Option<Vec<u8>>,
}

enum Kind {
    Seekable(Arc<dyn ReadAt>),
    Stream(Box<dyn Read + Send>),
}

/// Hands out pieces of a source, in order.
pub(crate) enum Feed {
    /// Compressed frames, each decompressed by whoever takes it.
    Frames { file: Arc<dyn ReadAt>, frames: std::vec::IntoIter<Frame> },
    /// Plain text at places of a file.
    Slices { file: Arc<dyn ReadAt>, at: u64, piece: u64 },
    /// Text that only comes in order.
    Stream { text: Box<dyn Read + Send>, piece: u64, decompressing: bool },
}

/// One piece: text, or a frame still to be decompressed.
pub(crate) enum Piece {
    Text(Vec<u8>),
    Compressed { bytes: Vec<u8>, frame: Frame },
}

/// What came of asking for a piece.
pub(crate) struct Next {
    pub(crate) piece: Option<Piece>,
    /// The input ended before its own format says it should.
    pub(crate) torn: bool,
}

impl Source {
    /// A file, plain or zstd by its first bytes.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Source, ReadError> {
        let name = path.display().to_string();
        let fail = |cause| ReadError::Io { name: name.clone(), cause };
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(fail(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")));
        }
        let kind = if metadata.is_file() {
            Kind::Seekable(Arc::new(file))
        } else {
            // A pipe or a device has no places.
            Kind::Stream(Box::new(file))
        };
        Ok(Source { name, kind, piece: PIECE, start: None })
    }

    /// Standard input.
    pub fn stdin() -> Source {
        let kind = Kind::Stream(Box::new(io::stdin()));
        Source { name: "standard input".into(), kind, piece: PIECE, start: None }
    }

    /// Bytes in memory, as if they were a file.
    pub fn bytes(bytes: Vec<u8>) -> Source {
        let kind = Kind::Seekable(Arc::new(bytes));
        Source { name: "the history".into(), kind, piece: PIECE, start: None }
    }

    /// A stream, as standard input is one.
    #[cfg(test)]
    pub(crate) fn stream(bytes: Vec<u8>) -> Source {
        Source { kind: Kind::Stream(Box::new(Cursor::new(bytes))), ..Source::stdin() }
    }

    /// The same source in smaller pieces, so that small tests meet every kind of cut.
    #[cfg(test)]
    pub(crate) fn in_pieces_of(self, piece: u64) -> Source {
        Source { piece, ..self }
    }

    /// The same source once more, from its start; `None` for a stream, which can be read once only.
    pub fn again(&self) -> Option<Source> {
        match &self.kind {
            Kind::Seekable(file) => {
                let kind = Kind::Seekable(Arc::clone(file));
                Some(Source { name: self.name.clone(), kind, piece: self.piece, start: self.start.clone() })
            }
            Kind::Stream(_) => None,
        }
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first bytes of its text, decompressed; nothing is taken from it. Damage is left for later to find.
    pub(crate) fn start(&mut self) -> Result<&[u8], ReadError> {
        if self.start.is_none() {
            self.start = Some(self.head(START)?.0);
        }
        Ok(self.start.as_deref().unwrap_or_default())
    }

    /// At most the first `bytes` of its text, decompressed, and whether that is all of it; nothing is taken from it.
    /// Damage is left for later to find.
    pub(crate) fn head(&mut self, bytes: u64) -> Result<(Vec<u8>, bool), ReadError> {
        let fail = |cause| ReadError::Io { name: self.name.clone(), cause };
        let mut raw = Vec::new();
        match &mut self.kind {
            Kind::Seekable(file) => {
                raw.resize(file.len().min(bytes) as usize, 0);
                file.read_exact_at(&mut raw, 0).map_err(fail)?;
            }
            Kind::Stream(stream) => {
                stream.by_ref().take(bytes).read_to_end(&mut raw).map_err(fail)?;
                let rest = std::mem::replace(stream, Box::new(io::empty()));
                *stream = Box::new(Cursor::new(raw.clone()).chain(rest));
            }
        }
        let mut whole = (raw.len() as u64) < bytes;
        if is_zstd(&raw) {
            let mut text = Vec::new();
            if let Ok(decoder) = decoder(raw.as_slice()) {
                // What came before the cut or the damage is there.
                let _ = decoder.take(bytes).read_to_end(&mut text);
            }
            raw = text;
            whole &= (raw.len() as u64) < bytes;
        }
        Ok((raw, whole))
    }

    /// The source as pieces of text in order, cut at arbitrary bytes.
    pub(crate) fn in_order(self) -> Result<Feed, ReadError> {
        let Source { name, kind, piece, .. } = self;
        let kind = match kind {
            Kind::Seekable(file) => Kind::Stream(Box::new(Sequential { file, at: 0 })),
            stream => stream,
        };
        Source { name, kind, piece, start: None }.feed()
    }

    /// Looks at the first bytes and decides how to read the rest.
    pub(crate) fn feed(self) -> Result<Feed, ReadError> {
        let Source { name, kind, piece, .. } = self;
        let fail = |cause| ReadError::Io { name: name.clone(), cause };
        match kind {
            Kind::Stream(mut stream) => {
                let mut start = Vec::new();
                stream.by_ref().take(4).read_to_end(&mut start).map_err(fail)?;
                refuse_foreign(&name, &start)?;
                let decompressing = is_zstd(&start);
                let whole = Cursor::new(start).chain(stream);
                let text: Box<dyn Read + Send> = if decompressing {
                    Box::new(decoder(BufReader::with_capacity(DCtx::in_size(), whole)).map_err(fail)?)
                } else {
                    Box::new(whole)
                };
                Ok(Feed::Stream { text, piece, decompressing })
            }
            Kind::Seekable(file) => {
                let mut start = [0; 4];
                let n = file.len().min(4) as usize;
                file.read_exact_at(&mut start[..n], 0).map_err(fail)?;
                refuse_foreign(&name, &start[..n])?;
                if !is_zstd(&start[..n]) {
                    return Ok(Feed::Slices { file, at: 0, piece });
                }
                let frames = scan(&*file).map_err(|e| match e {
                    ScanError::Io(source) => fail(source),
                    ScanError::Damaged(byte) => ReadError::Damaged {
                        name: name.clone(),
                        byte,
                        first_line: None,
                        reason: "no zstd frame is there".into(),
                    },
                })?;
                if frames.iter().any(|f| f.length > LARGE_FRAME) {
                    let stream = Sequential { file, at: 0 };
                    let text = decoder(BufReader::with_capacity(DCtx::in_size(), stream)).map_err(fail)?;
                    return Ok(Feed::Stream { text: Box::new(text), piece, decompressing: true });
                }
                Ok(Feed::Frames { file, frames: frames.into_iter() })
            }
        }
    }
}

/// Refuses what is certainly no history by its first bytes, with the way to one.
fn refuse_foreign(name: &str, start: &[u8]) -> Result<(), ReadError> {
    const FOREIGN: [(&[u8], &str, &str); 5] = [
        (b"\x1f\x8b", "compressed by gzip", "unpack it first, as in: gunzip -c FILE | tribunal analyze -"),
        (b"PK\x03\x04", "a zip archive", "unpack it first, and give the history inside"),
        (
            b"\xef\xbb\xbf",
            "text with a byte order mark",
            "take the three bytes off: tail -c +4 FILE | tribunal analyze -",
        ),
        (b"\xff\xfe", "text in UTF-16", "make it UTF-8: iconv -f UTF-16 -t UTF-8 FILE | tribunal analyze -"),
        (b"\xfe\xff", "text in UTF-16", "make it UTF-8: iconv -f UTF-16 -t UTF-8 FILE | tribunal analyze -"),
    ];
    match FOREIGN.iter().find(|(magic, ..)| start.starts_with(magic)) {
        Some((_, what, next)) => Err(ReadError::Foreign { name: name.to_owned(), what, next }),
        None => Ok(()),
    }
}

impl Feed {
    /// The next piece, if there is one, in the memory of `bytes`.
    pub(crate) fn next(&mut self, mut bytes: Vec<u8>) -> io::Result<Next> {
        match self {
            Feed::Frames { file, frames } => {
                let Some(frame) = frames.next() else { return Ok(Next { piece: None, torn: false }) };
                bytes.resize(frame.length as usize, 0);
                file.read_exact_at(&mut bytes, frame.offset)?;
                Ok(Next { piece: Some(Piece::Compressed { bytes, frame }), torn: frame.torn })
            }
            Feed::Slices { file, at, piece } => {
                let length = file.len().saturating_sub(*at).min(*piece);
                bytes.resize(length as usize, 0);
                file.read_exact_at(&mut bytes, *at)?;
                *at += length;
                Ok(Next { piece: (length > 0).then_some(Piece::Text(bytes)), torn: false })
            }
            Feed::Stream { text, piece, decompressing } => {
                bytes.clear();
                bytes.reserve(*piece as usize);
                let read = text.by_ref().take(*piece).read_to_end(&mut bytes);
                let torn = match read {
                    // `read_to_end` keeps what came before the end was missed.
                    Err(e) if *decompressing && e.kind() == io::ErrorKind::UnexpectedEof => true,
                    // Told apart from a disk that does not read.
                    Err(e) if *decompressing && e.raw_os_error().is_none() => {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, e.to_string()));
                    }
                    Err(e) => return Err(e),
                    Ok(_) => false,
                };
                Ok(Next { piece: (!bytes.is_empty()).then_some(Piece::Text(bytes)), torn })
            }
        }
    }
}

/// A file from its start.
struct Sequential {
    file: Arc<dyn ReadAt>,
    at: u64,
}

impl Read for Sequential {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.len().saturating_sub(self.at).min(buf.len() as u64) as usize;
        self.file.read_exact_at(&mut buf[..n], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
