//! A source as chunks of whole lines: worked on in parallel, delivered in order.
//!
//! Workers take pieces (frames, or slices of text at arbitrary bytes), and map the whole lines inside. A
//! piece's first and last lines may be cut: the consumer joins those to their neighbours, so that no piece
//! needs to know where lines begin.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use zstd::zstd_safe::DCtx;

use crate::frame_scan::Frame;
use crate::frames::decoder;
use crate::parse::LineError;
use crate::source::{Feed, Piece, ReadError, Source};

/// One chunk's result.
#[derive(Debug)]
pub struct Chunk<T> {
    /// The number of its first line in the history, from 1.
    pub first_line: u64,
    /// How many lines it has.
    pub lines: u64,
    /// What the mapping made of it.
    pub item: T,
}

/// What reading a source to its end found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Lines read.
    pub lines: u64,
    /// Bytes of text read.
    pub bytes: u64,
    /// Things a reader of the verdict must know: a torn last line that was dropped.
    pub warnings: Vec<String>,
}

/// Maps chunks of whole lines on `threads` threads and gives the results to `sink` in the history's order,
/// on the calling thread. Memory is bounded: workers wait when the sink is behind.
///
/// # Errors
/// The first error of the source in its order, or the sink's; nothing later is delivered.
pub fn map_chunks<T: Send, E: From<ReadError>>(
    source: Source,
    threads: usize,
    map: impl Fn(&[u8]) -> Result<T, LineError> + Sync,
    sink: impl FnMut(Chunk<T>) -> Result<(), E>,
) -> Result<ReadSummary, E> {
    let name = source.name().to_owned();
    let feed = source.feed()?;
    let mut joiner =
        Joiner { name, map: &map, sink, carry: Vec::new(), torn: false, summary: ReadSummary::default() };
    if threads <= 1 {
        let mut feed = feed;
        let mut scratch = Scratch::default();
        loop {
            let raw = std::mem::take(&mut scratch.raw);
            let worked = work(feed.next(raw), &mut scratch, &map);
            let Some(worked) = worked else { break };
            let last = worked.torn;
            joiner.join(worked)?;
            if last {
                break;
            }
        }
        return joiner.end();
    }
    let queue = Queue::new(feed, threads + 1);
    thread::scope(|scope| {
        let _closer = Closer(&queue);
        for _ in 0..threads {
            scope.spawn(|| {
                let _closer = PanicCloser(&queue);
                let mut scratch = Scratch::default();
                while let Some((number, piece)) = queue.take(std::mem::take(&mut scratch.raw)) {
                    let worked = work(piece, &mut scratch, &map);
                    queue.put(number, worked);
                }
            });
        }
        let mut number = 0;
        while let Some(worked) = queue.get(number) {
            joiner.join(worked)?;
            number += 1;
        }
        Ok::<(), E>(())
    })?;
    joiner.end()
}

/// A piece after its worker: its whole lines mapped, its cut ends as they are.
struct Worked<T> {
    /// Up to and with the first line break; all of it where there is none.
    head: Vec<u8>,
    /// After the last line break.
    tail: Vec<u8>,
    /// The lines between, with their number and their bytes.
    body: Option<(Result<T, LineError>, u64, u64)>,
    /// Whether the piece had a line break at all.
    broken: bool,
    /// The input ended before its format says.
    torn: bool,
    failed: Option<Failure>,
}

enum Failure {
    Io(io::Error),
    Frame { frame: Frame, reason: String },
}

/// What a worker uses for piece after piece: fresh memory costs as much as what is done with it.
#[derive(Default)]
struct Scratch {
    /// A piece as it lies in the source.
    raw: Vec<u8>,
    /// A frame's text. All of it is initialised; only its beginning is of use.
    text: Vec<u8>,
    decompressor: DCtx<'static>,
}

fn work<T>(
    next: io::Result<crate::source::Next>,
    scratch: &mut Scratch,
    map: &(impl Fn(&[u8]) -> Result<T, LineError> + Sync),
) -> Option<Worked<T>> {
    let mut worked =
        Worked { head: Vec::new(), tail: Vec::new(), body: None, broken: false, torn: false, failed: None };
    let next = match next {
        Ok(next) => next,
        Err(e) => {
            worked.failed = Some(Failure::Io(e));
            return Some(worked);
        }
    };
    worked.torn = next.torn;
    let text = match next.piece {
        None if next.torn => &[],
        None => return None,
        Some(Piece::Text(text)) => {
            scratch.raw = text;
            scratch.raw.as_slice()
        }
        Some(Piece::Compressed { bytes, frame }) => {
            scratch.raw = bytes;
            match decompress(&scratch.raw, frame, &mut scratch.text, &mut scratch.decompressor) {
                Ok(length) => &scratch.text[..length],
                Err(reason) => {
                    worked.failed = Some(Failure::Frame { frame, reason });
                    return Some(worked);
                }
            }
        }
    };
    let Some(first) = memchr::memchr(b'\n', text) else {
        worked.head = text.to_vec();
        return Some(worked);
    };
    let last = memchr::memrchr(b'\n', text).expect("there is a first one");
    worked.broken = true;
    worked.head = text[..=first].to_vec();
    worked.tail = text[last + 1..].to_vec();
    let body = &text[first + 1..last + 1];
    if !body.is_empty() {
        let lines = memchr::memchr_iter(b'\n', body).count() as u64;
        worked.body = Some((map(body), lines, body.len() as u64));
    }
    Some(worked)
}

/// Fills the beginning of `text` and returns how much. A torn frame gives what it holds up to its last whole
/// block.
fn decompress(
    bytes: &[u8],
    frame: Frame,
    text: &mut Vec<u8>,
    decompressor: &mut DCtx<'_>,
) -> Result<usize, String> {
    // At once, without a window beside the text, where the text of frames before left room enough.
    if !frame.torn
        && let Ok(length) = decompressor.decompress(text.as_mut_slice(), bytes)
    {
        return Ok(length);
    }
    let mut decoder = decoder(bytes).map_err(|e| e.to_string())?;
    let mut length = 0;
    loop {
        if length == text.len() {
            text.resize((2 * length).max(bytes.len() * 8).max(1 << 16), 0);
        }
        match decoder.read(&mut text[length..]) {
            Ok(0) => return Ok(length),
            Ok(n) => length += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if frame.torn && e.kind() == io::ErrorKind::UnexpectedEof => return Ok(length),
            Err(e) => return Err(e.to_string()),
        }
    }
}

/// Joins pieces in order and feeds the sink.
struct Joiner<'m, M, S> {
    name: String,
    map: &'m M,
    sink: S,
    /// The line that the piece before left unfinished.
    carry: Vec<u8>,
    torn: bool,
    summary: ReadSummary,
}

impl<T, E: From<ReadError>, M, S> Joiner<'_, M, S>
where
    M: Fn(&[u8]) -> Result<T, LineError>,
    S: FnMut(Chunk<T>) -> Result<(), E>,
{
    fn join(&mut self, worked: Worked<T>) -> Result<(), E> {
        match worked.failed {
            None => {}
            Some(Failure::Io(cause)) if cause.kind() == io::ErrorKind::InvalidData => {
                let line = self.summary.lines + 1;
                return Err(
                    ReadError::Stream { name: self.name.clone(), line, reason: cause.to_string() }.into()
                );
            }
            Some(Failure::Io(cause)) => {
                return Err(ReadError::Io { name: self.name.clone(), cause }.into());
            }
            Some(Failure::Frame { frame, reason }) => {
                let first_line = Some(self.summary.lines + 1);
                let name = self.name.clone();
                let reason = format!("its zstd frame does not decompress ({reason})");
                return Err(ReadError::Damaged { name, byte: frame.offset, first_line, reason }.into());
            }
        }
        self.carry.extend_from_slice(&worked.head);
        if worked.broken {
            let line = std::mem::take(&mut self.carry);
            self.deliver((self.map)(&line), 1, line.len() as u64)?;
            self.carry = line;
            self.carry.clear();
            if let Some((item, lines, bytes)) = worked.body {
                self.deliver(item, lines, bytes)?;
            }
            self.carry.extend_from_slice(&worked.tail);
        }
        self.torn |= worked.torn;
        Ok(())
    }

    fn deliver(&mut self, item: Result<T, LineError>, lines: u64, bytes: u64) -> Result<(), E> {
        let first_line = self.summary.lines + 1;
        let item = item.map_err(|e| ReadError::Line {
            name: self.name.clone(),
            line: first_line + e.line,
            byte: e.byte + 1,
            reason: e.reason,
        })?;
        self.summary.lines += lines;
        self.summary.bytes += bytes;
        (self.sink)(Chunk { first_line, lines, item })
    }

    /// What remains is a last line without a line break. A part of an object is never a whole one: if it
    /// parses, nothing is missing; if its text ends too early, it was being written when the run died. Anything else
    /// is damage as in the middle: what is whole and wrong was never torn.
    fn end(mut self) -> Result<ReadSummary, E> {
        let line = std::mem::take(&mut self.carry);
        if !line.iter().all(u8::is_ascii_whitespace) {
            match (self.map)(&line) {
                Ok(item) => self.deliver(Ok(item), 1, line.len() as u64)?,
                Err(wrong) if !is_cut(&line) => self.deliver(Err(wrong), 1, line.len() as u64)?,
                Err(_) => self.summary.warnings.push(format!(
                    "{}: the last line ({}, {} bytes) is incomplete and was dropped",
                    self.name,
                    self.summary.lines + 1,
                    line.len()
                )),
            }
        }
        if self.torn {
            self.summary.warnings.push(format!(
                "{}: its last zstd frame has no end (the recorder was cut off); read up to line {}",
                self.name, self.summary.lines
            ));
        }
        Ok(self.summary)
    }
}

/// Whether a line of JSON is the beginning of an object whose rest is missing. A file system may have put zeros in
/// place of the rest.
fn is_cut(line: &[u8]) -> bool {
    let written = line.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    let text = line[..written].trim_ascii();
    let whole = serde_json::from_slice::<serde::de::IgnoredAny>(text);
    text.starts_with(b"{") && whole.is_err_and(|e| e.is_eof())
}

/// Pieces out to the workers, results back in order, with a bounded number between.
struct Queue<T> {
    feed: Mutex<(Feed, u64, bool)>,
    state: Mutex<State<T>>,
    changed: Condvar,
    window: u64,
}

struct State<T> {
    done: BTreeMap<u64, Worked<T>>,
    /// The next number the consumer will ask for.
    wanted: u64,
    /// One past the last piece, once known.
    end: Option<u64>,
    /// Nobody wants more.
    closed: bool,
}

impl<T> Queue<T> {
    fn new(feed: Feed, window: usize) -> Self {
        Queue {
            feed: Mutex::new((feed, 0, false)),
            state: Mutex::new(State { done: BTreeMap::new(), wanted: 0, end: None, closed: false }),
            changed: Condvar::new(),
            window: window as u64,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece and its number, once there is room for it.
    fn take(&self, memory: Vec<u8>) -> Option<(u64, io::Result<crate::source::Next>)> {
        let mut feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        let (feed, number, ended) = &mut *feed;
        let mut state = self.lock();
        while !state.closed && *number >= state.wanted + self.window {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed || *ended {
            return None;
        }
        drop(state);
        let next = feed.next(memory);
        // A torn or failed input gives nothing after this piece.
        *ended = match &next {
            Ok(next) => next.piece.is_none() || next.torn,
            Err(_) => true,
        };
        if let Ok(crate::source::Next { piece: None, torn: false }) = next {
            self.lock().end = Some(*number);
            self.changed.notify_all();
            return None;
        }
        let mine = *number;
        *number += 1;
        if *ended {
            self.lock().end = Some(*number);
        }
        Some((mine, next))
    }

    fn put(&self, number: u64, worked: Option<Worked<T>>) {
        let mut state = self.lock();
        if let Some(worked) = worked {
            state.done.insert(number, worked);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The result with this number, once it is there; `None` past the last.
    fn get(&self, number: u64) -> Option<Worked<T>> {
        let mut state = self.lock();
        state.wanted = number;
        self.changed.notify_all();
        loop {
            if let Some(worked) = state.done.remove(&number) {
                return Some(worked);
            }
            if state.closed || state.end.is_some_and(|end| number >= end) {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// Sends the workers home however the consumer ends.
struct Closer<'q, T>(&'q Queue<T>);

impl<T> Drop for Closer<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A worker that panics must not leave the consumer waiting; the scope then passes the panic on.
struct PanicCloser<'q, T>(&'q Queue<T>);

impl<T> Drop for PanicCloser<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::frames::FrameWriter;
    use crate::time::Nanos;

    /// The chunks of a source, put together again: their text must be the source's text.
    fn text_of(source: Source, threads: usize) -> Result<(String, ReadSummary), ReadError> {
        let mut text = String::new();
        let summary = map_chunks(
            source,
            threads,
            |bytes| {
                let text = String::from_utf8(bytes.to_vec()).expect("tests are UTF-8");
                match text.lines().position(|line| line.starts_with(['!', '{'])) {
                    Some(line) => Err(LineError { line: line as u64, byte: 0, reason: "bad".into() }),
                    None => Ok(text),
                }
            },
            |chunk| {
                assert_eq!(chunk.first_line, text.lines().count() as u64 + 1);
                assert_eq!(chunk.lines, chunk.item.lines().count() as u64);
                text.push_str(&chunk.item);
                Ok::<(), ReadError>(())
            },
        )?;
        Ok((text, summary))
    }

    fn lines(n: usize) -> String {
        (0..n).map(|i| format!("line {i} {}\n", "x".repeat(i % 7))).collect()
    }

    #[test]
    fn plain_text_is_whole_however_it_is_cut() {
        let text = lines(40);
        for piece in (1..60).chain([1000]) {
            for threads in [1, 2, 3] {
                let whole = text_of(Source::bytes(text.clone().into()).in_pieces_of(piece), threads);
                let (read, summary) = whole.expect("nothing is wrong");
                assert_eq!(read, text, "pieces of {piece}");
                assert_eq!((summary.lines, summary.bytes), (40, text.len() as u64));
                assert!(summary.warnings.is_empty());
                let stream = text_of(Source::stream(text.clone().into()).in_pieces_of(piece), threads);
                assert_eq!(stream.expect("nothing is wrong").0, text);
            }
        }
    }

    #[test]
    fn a_torn_last_line_is_dropped_with_a_warning() {
        let source = Source::bytes(b"line 0\nline 1\n{\"torn".to_vec());
        let (text, summary) = text_of(source, 2).expect("a torn tail is no error");
        assert_eq!(text, "line 0\nline 1\n");
        assert_eq!(summary.lines, 2);
        assert_eq!(
            summary.warnings,
            ["the history: the last line (3, 6 bytes) is incomplete and was dropped"]
        );
    }

    #[test]
    fn damage_in_the_middle_is_named_by_its_line() {
        let text = format!("{}!damage\nline\n", lines(20));
        for piece in [3, 17, 400] {
            let error = text_of(Source::bytes(text.clone().into()).in_pieces_of(piece), 2);
            let error = error.expect_err("line 21 is damaged");
            assert!(matches!(error, ReadError::Line { line: 21, byte: 1, .. }), "{error}");
        }
    }

    fn frames(lines_a_frame: usize, text: &str) -> Vec<u8> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines
            .chunks(lines_a_frame)
            .flat_map(|lines| zstd::bulk::compress(lines.concat().as_bytes(), 1).expect("compresses"))
            .collect()
    }

    #[test]
    fn frames_read_alike_on_any_number_of_threads_and_as_a_stream() {
        let text = lines(100);
        for lines_a_frame in [1, 7, 100] {
            let file = frames(lines_a_frame, &text);
            for threads in [1, 2, 4] {
                assert_eq!(text_of(Source::bytes(file.clone()), threads).expect("whole").0, text);
                assert_eq!(text_of(Source::stream(file.clone()), threads).expect("whole").0, text);
            }
        }
    }

    #[test]
    fn frames_cut_inside_a_line_are_joined() {
        let text = lines(30);
        let file: Vec<u8> = text
            .as_bytes()
            .chunks(11)
            .flat_map(|bytes| zstd::bulk::compress(bytes, 1).expect("compresses"))
            .collect();
        assert_eq!(text_of(Source::bytes(file), 2).expect("whole").0, text);
    }

    /// Wherever the recorder is cut off, what remains is a prefix of whole lines, or an error.
    #[test]
    fn a_file_cut_anywhere_gives_a_prefix() {
        let text = lines(60);
        let mut file = Vec::new();
        {
            let mut writer = FrameWriter::new(&mut file, std::io::sink()).expect("starts");
            for (i, line) in text.split_inclusive('\n').enumerate() {
                writer.write_line(line.as_bytes(), Nanos(i as u64)).expect("writes");
                if i % 5 == 4 {
                    writer.flush().expect("flushes");
                }
            }
            writer.finish().expect("finishes");
        }
        let mut most = 0;
        // Less than a magic number is read as text, which no parser of lines accepts.
        for end in 4..file.len() {
            for source in [Source::bytes(file[..end].to_vec()), Source::stream(file[..end].to_vec())] {
                match text_of(source, 2) {
                    Ok((read, summary)) => {
                        assert!(text.starts_with(&read), "cut at {end}");
                        assert!(read.is_empty() || read.ends_with('\n'));
                        assert!(!summary.warnings.is_empty(), "cut at {end}: {summary:?}");
                        most = most.max(summary.lines);
                    }
                    Err(error) => panic!("cut at {end}: {error}"),
                }
            }
        }
        assert!(most >= 55, "what was flushed is there: {most}");
    }

    #[test]
    fn flipped_bits_are_damage() {
        let text = lines(200);
        let mut file = Vec::new();
        let mut writer = FrameWriter::new(&mut file, std::io::sink()).expect("starts");
        for line in text.split_inclusive('\n') {
            writer.write_line(line.as_bytes(), Nanos(0)).expect("writes");
        }
        writer.finish().expect("finishes");
        for at in (4..file.len()).step_by(3) {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            // A flip in the header may make the frame look longer than the file, which is how a torn
            // file looks; it never passes for another history.
            match text_of(Source::bytes(damaged), 1) {
                Ok((read, summary)) => {
                    assert!(read == text || !summary.warnings.is_empty(), "byte {at}");
                    assert!(text.starts_with(&read), "byte {at}");
                }
                Err(error) => assert!(error.to_string().contains("damaged"), "{error}"),
            }
        }
    }

    #[test]
    fn the_sinks_error_ends_the_reading() {
        let source = Source::bytes(lines(1000).into()).in_pieces_of(50);
        let mut seen = 0;
        let result = map_chunks(
            source,
            3,
            |_| Ok(()),
            |_| {
                seen += 1;
                if seen == 5 {
                    Err(ReadError::Io { name: "sink".into(), cause: io::Error::other("full") })
                } else {
                    Ok(())
                }
            },
        );
        assert!(matches!(result, Err(ReadError::Io { .. })));
        assert_eq!(seen, 5);
    }

    #[test]
    fn an_empty_source_is_an_empty_history() {
        let mut empty_frame = Vec::new();
        zstd::stream::write::Encoder::new(&mut empty_frame, 1)
            .and_then(|mut e| e.flush().map(|()| e))
            .and_then(zstd::stream::write::Encoder::finish)
            .expect("writes to memory");
        for bytes in [Vec::new(), b"\n\n".to_vec(), empty_frame] {
            let (text, summary) = text_of(Source::bytes(bytes), 2).expect("empty is whole");
            assert!(text.trim().is_empty());
            assert!(summary.warnings.is_empty());
        }
    }
}
