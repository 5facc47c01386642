//! Frames: a history on disk is a row of independent zstd frames, each of whole lines, so that it reads in
//! parallel and by window and is still an ordinary `.zst` file. `history.idx` names the frames.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// The file beside a history that names its frames. It can always be made again from the history.
pub const INDEX_FILE: &str = "history.idx";

/// Lines a frame: large enough to compress well, small enough that the few in memory at once weigh little.
pub const FRAME_LINES: u64 = 16_384;

/// Bytes of text after which a frame ends all the same: lines of a consume-all pass have hundreds of records each.
const FRAME_BYTES: u64 = 3 << 20;

/// The fastest level: recording must not slow the clients, and JSON this regular shrinks tenfold even so.
const LEVEL: i32 = 1;

/// The largest window that a frame may have: as large as the format allows.
const WINDOW_LOG_MAX: u32 = 31;

/// Reads a row of frames from the beginning on, whatever compressor wrote them.
///
/// # Errors
/// If the decompressor cannot start.
pub(crate) fn decoder<R: BufRead>(frames: R) -> io::Result<zstd::stream::read::Decoder<'static, R>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(frames)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// One frame, as a JSON line of `history.idx`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameEntry {
    /// Where it begins in the file, bytes.
    pub offset: u64,
    /// Its compressed length, bytes.
    pub length: u64,
    /// The index of its first line, from 0.
    pub first: u64,
    /// Its lines.
    pub lines: u64,
    /// The earliest time in it.
    pub from: Nanos,
    /// The latest time in it.
    pub to: Nanos,
}

/// Writes lines into frames, and an index entry for each.
pub struct FrameWriter<H: Write, I: Write> {
    /// `None` only while a frame is being replaced.
    encoder: Option<zstd::stream::write::Encoder<'static, Counting<H>>>,
    index: I,
    frame: FrameEntry,
    /// Bytes of text in it so far.
    text: u64,
}

impl<H: Write, I: Write> FrameWriter<H, I> {
    /// Begins a file.
    ///
    /// # Errors
    /// If the compressor cannot start.
    pub fn new(history: H, index: I) -> io::Result<Self> {
        let encoder = begin(Counting { inner: history, written: 0 })?;
        Ok(FrameWriter { encoder: Some(encoder), index, frame: FrameEntry::starting(0, 0), text: 0 })
    }

    /// Adds one line, line break included.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_line(&mut self, line: &[u8], time: Nanos) -> io::Result<()> {
        self.encoder_mut()?.write_all(line)?;
        self.frame.lines += 1;
        self.text += line.len() as u64;
        self.frame.from = self.frame.from.min(time);
        self.frame.to = self.frame.to.max(time);
        if self.frame.lines == FRAME_LINES || self.text >= FRAME_BYTES {
            let file = self.end_frame()?;
            self.encoder = Some(begin(file)?);
        }
        Ok(())
    }

    /// Ends a zstd block: everything written so far can be read from the file, even if nothing follows.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.encoder_mut()?.flush()
    }

    /// Ends the last frame and the index; returns the file's length in bytes.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish(mut self) -> io::Result<u64> {
        if self.frame.lines > 0 {
            return self.end_frame().map(|file| file.written);
        }
        let mut file = self.encoder.take().expect("present between calls").finish()?;
        file.flush()?;
        Ok(file.written)
    }

    fn encoder_mut(&mut self) -> io::Result<&mut zstd::stream::write::Encoder<'static, Counting<H>>> {
        self.encoder.as_mut().ok_or_else(|| io::Error::other("an earlier write failed"))
    }

    fn end_frame(&mut self) -> io::Result<Counting<H>> {
        let encoder = self.encoder.take().ok_or_else(|| io::Error::other("an earlier write failed"))?;
        let mut file = encoder.finish()?;
        file.flush()?;
        let next = FrameEntry::starting(file.written, self.frame.first + self.frame.lines);
        let mut done = std::mem::replace(&mut self.frame, next);
        self.text = 0;
        done.length = file.written - done.offset;
        serde_json::to_writer(&mut self.index, &done)?;
        self.index.write_all(b"\n")?;
        self.index.flush()?;
        Ok(file)
    }
}

impl FrameEntry {
    fn starting(offset: u64, first: u64) -> FrameEntry {
        FrameEntry { offset, length: 0, first, lines: 0, from: Nanos::MAX, to: Nanos(0) }
    }
}

fn begin<W: Write>(file: W) -> io::Result<zstd::stream::write::Encoder<'static, W>> {
    let mut encoder = zstd::stream::write::Encoder::new(file, LEVEL)?;
    // A flipped bit on disk must be damage, never a different history.
    encoder.include_checksum(true)?;
    Ok(encoder)
}

/// Counts what passes through.
struct Counting<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of each frame, as the index tells them.
    fn frames_of(lines: usize, length: usize) -> Vec<u64> {
        let mut index = Vec::new();
        let mut writer = FrameWriter::new(io::sink(), &mut index).expect("starts");
        let line = vec![b'x'; length];
        for n in 0..lines {
            writer.write_line(&line, Nanos(n as u64)).expect("writes");
        }
        writer.finish().expect("finishes");
        let index = String::from_utf8(index).expect("JSON");
        let entry = |line: &str| serde_json::from_str::<FrameEntry>(line).expect("an entry");
        index.lines().map(entry).map(|frame| frame.lines).collect()
    }

    #[test]
    fn a_frame_ends_by_its_lines_or_by_their_length() {
        assert_eq!(frames_of(40_000, 100), [16_384, 16_384, 7_232]);
        // 3,072 of a KiB are 3 MiB: no frame carries the count of the one before on.
        assert_eq!(frames_of(7_000, 1024), [3_072, 3_072, 856]);
        let long = FRAME_BYTES as usize + 1;
        assert_eq!(frames_of(2, long), [1, 1], "a line is never cut");
    }
}
