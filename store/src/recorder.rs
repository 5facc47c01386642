//! The recorder: events from many threads to one compressed history, never dropping one.
//!
//! Each client thread writes into a tape, a buffer of its own; a writer thread sweeps the tapes, merges
//! what it found by time, numbers the lines and compresses them into frames. A tape that is ahead of the
//! writer waits: back-pressure slows the clients, it never loses an operation.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::encode::{encode_tail, number};
use crate::frames::FrameWriter;
use crate::op::Event;
use crate::time::{Clock, Nanos};

/// How long a line may wait in a tape before the writer looks.
const SWEEP: Duration = Duration::from_millis(25);
/// How long a line may wait in memory before it is flushed to the file as the end of a zstd block.
const FLUSH: Duration = Duration::from_millis(500);
/// Bytes in one tape beyond which its thread waits for the writer.
const TAPE_LIMIT: usize = 4 << 20;

/// Where bytes go.
pub type Out = Box<dyn Write + Send>;

/// Why recording cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecorderError {
    /// The file could not be written. Whatever was flushed before is whole and can be analyzed.
    #[error("cannot write the history {path}: {reason}; what was flushed before is kept and can be analyzed", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The recorder was already finished.
    #[error("the recorder was already finished; an event came after the end of the run")]
    Finished,
}

/// What was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingSummary {
    /// History lines.
    pub lines: u64,
    /// Compressed bytes.
    pub bytes: u64,
}

/// Writes one history. Dropping it without [`Recorder::finish`] still writes what the tapes hold.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    clock: Clock,
    writer: Option<JoinHandle<Result<RecordingSummary, RecorderError>>>,
}

#[derive(Debug)]
struct Shared {
    tapes: Mutex<Vec<Arc<TapeBuffer>>>,
    finishing: AtomicBool,
    failed: OnceLock<RecorderError>,
    writer: OnceLock<Thread>,
    discarding: bool,
}

impl Shared {
    fn new(discarding: bool) -> Shared {
        Shared {
            tapes: Mutex::default(),
            finishing: AtomicBool::new(false),
            failed: OnceLock::new(),
            writer: OnceLock::new(),
            discarding,
        }
    }
}

#[derive(Debug, Default)]
struct TapeBuffer {
    inner: Mutex<Lines>,
    taken: Condvar,
}

/// Encoded lines in the order in which they were recorded.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Time and end in `bytes` of each line.
    marks: Vec<(Nanos, usize)>,
    closed: bool,
}

/// A handle for recording. Clones share one buffer.
///
/// All events of one process must go through one tape (or its clones): that keeps an operation's
/// completion behind its invocation in the file.
#[derive(Debug, Clone)]
pub struct Tape {
    buffer: Arc<TapeBuffer>,
    shared: Arc<Shared>,
    clock: Clock,
}

impl Recorder {
    /// Creates `history.jsonl.zst` at `path` and its index beside it, and starts the writer thread.
    ///
    /// # Errors
    /// If a file cannot be created; an existing history is never overwritten.
    pub fn create(path: &Path, clock: Clock) -> Result<Recorder, RecorderError> {
        let fail = |e: &io::Error| RecorderError::Write { path: path.to_owned(), reason: e.to_string() };
        let history = File::create_new(path).map_err(|e| fail(&e))?;
        let index = File::create_new(path.with_file_name(crate::frames::INDEX_FILE)).map_err(|e| fail(&e))?;
        Recorder::onto(Box::new(history), Box::new(BufWriter::new(index)), path, clock)
    }

    /// Records onto anything that takes bytes; `path` is what errors call it.
    ///
    /// # Errors
    /// If the compressor or the writer thread cannot start.
    pub fn onto(history: Out, index: Out, path: &Path, clock: Clock) -> Result<Recorder, RecorderError> {
        let fail = |e: &io::Error| RecorderError::Write { path: path.to_owned(), reason: e.to_string() };
        let frames = FrameWriter::new(history, index).map_err(|e| fail(&e))?;
        let shared = Arc::new(Shared::new(false));
        let (writer_shared, path) = (Arc::clone(&shared), path.to_owned());
        let writer = thread::Builder::new()
            .name("recorder".into())
            .spawn(move || write_all(&writer_shared, frames, &path))
            .map_err(|e| fail(&e))?;
        shared.writer.set(writer.thread().clone()).expect("set once");
        Ok(Recorder { shared, clock, writer: Some(writer) })
    }

    /// A recorder whose tapes take every event and keep none: the floor that the cost of recording is
    /// measured against. No run uses it.
    pub fn discarding(clock: Clock) -> Recorder {
        Recorder { shared: Arc::new(Shared::new(true)), clock, writer: None }
    }

    /// A new tape, one a client thread.
    pub fn tape(&self) -> Tape {
        let buffer = Arc::new(TapeBuffer::default());
        let mut tapes = lock(&self.shared.tapes);
        tapes.push(Arc::clone(&buffer));
        // Nobody will take its lines any more: whoever records must hear of it, not wait.
        lock(&buffer.inner).closed = self.shared.failed.get().is_some();
        drop(tapes);
        Tape { buffer, shared: Arc::clone(&self.shared), clock: self.clock }
    }

    /// The clock of the run.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Why the writer gave up, if it did: the run must stop then.
    pub fn failure(&self) -> Option<&RecorderError> {
        self.shared.failed.get()
    }

    /// Writes everything that was recorded, ends the file and says what it holds.
    ///
    /// # Errors
    /// If the file could not be written.
    pub fn finish(mut self) -> Result<RecordingSummary, RecorderError> {
        self.join()
    }

    fn join(&mut self) -> Result<RecordingSummary, RecorderError> {
        let Some(writer) = self.writer.take() else { return Err(RecorderError::Finished) };
        self.shared.finishing.store(true, Ordering::Release);
        writer.thread().unpark();
        writer.join().expect("the recorder's writer does not panic")
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // An error has nowhere to go from here; `finish` is the way to hear of it.
        let _ = self.join();
    }
}

impl Tape {
    /// Records one event. Waits while the writer is behind.
    ///
    /// # Errors
    /// If the writer failed, or the recorder was finished: the caller must stop its work.
    pub fn record(&self, event: &Event<'_>) -> Result<(), RecorderError> {
        if self.shared.discarding {
            return Ok(());
        }
        let mut lines = lock(&self.buffer.inner);
        while lines.bytes.len() > TAPE_LIMIT && !lines.closed {
            self.wake_writer();
            lines = self.buffer.taken.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
        if lines.closed {
            return Err(self.shared.failed.get().cloned().unwrap_or(RecorderError::Finished));
        }
        encode_tail(&mut lines.bytes, event);
        let end = lines.bytes.len();
        lines.marks.push((event.time, end));
        if end > TAPE_LIMIT / 2 {
            self.wake_writer();
        }
        Ok(())
    }

    /// The clock of the run.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    fn wake_writer(&self) {
        if let Some(writer) = self.shared.writer.get() {
            writer.unpark();
        }
    }
}

/// The writer thread: sweeps until the end, then once more with every tape closed.
fn write_all(
    shared: &Shared,
    frames: FrameWriter<Out, Out>,
    path: &Path,
) -> Result<RecordingSummary, RecorderError> {
    let mut sweeper = Sweeper { frames, next_index: 0, spare: Vec::new(), line: Vec::new() };
    let result = (|| {
        let mut flushed = Instant::now();
        loop {
            let last = shared.finishing.load(Ordering::Acquire);
            sweeper.sweep(shared, last)?;
            if last {
                break;
            }
            if flushed.elapsed() >= FLUSH {
                sweeper.frames.flush()?;
                flushed = Instant::now();
            }
            thread::park_timeout(SWEEP);
        }
        let bytes = sweeper.frames.finish()?;
        Ok(RecordingSummary { lines: sweeper.next_index, bytes })
    })();
    result.map_err(|e: io::Error| {
        let error = RecorderError::Write { path: path.to_owned(), reason: e.to_string() };
        let _ = shared.failed.set(error.clone());
        // Nobody may wait for a writer that is gone.
        for tape in lock(&shared.tapes).iter() {
            lock(&tape.inner).closed = true;
            tape.taken.notify_all();
        }
        error
    })
}

struct Sweeper {
    frames: FrameWriter<Out, Out>,
    next_index: u64,
    /// Emptied buffers, given back to tapes so that the clients need not grow new ones.
    spare: Vec<Lines>,
    line: Vec<u8>,
}

impl Sweeper {
    fn sweep(&mut self, shared: &Shared, last: bool) -> io::Result<()> {
        let tapes = lock(&shared.tapes).clone();
        let mut taken: Vec<Lines> = Vec::with_capacity(tapes.len());
        for tape in &tapes {
            let mut lines = lock(&tape.inner);
            lines.closed |= last;
            if lines.marks.is_empty() {
                continue;
            }
            let mut full = self.spare.pop().unwrap_or_default();
            full.closed = lines.closed;
            std::mem::swap(&mut *lines, &mut full);
            tape.taken.notify_all();
            taken.push(full);
        }
        // Each tape is nearly sorted already: the stable sort merges runs.
        let mut order: Vec<(Nanos, u32, usize, usize)> = Vec::new();
        for (tape, lines) in taken.iter().enumerate() {
            let mut start = 0;
            for &(time, end) in &lines.marks {
                order.push((time, tape as u32, start, end));
                start = end;
            }
        }
        order.sort_by_key(|&(time, ..)| time);
        for (time, tape, start, end) in order {
            self.line.clear();
            self.line.extend_from_slice(b"{\"index\":");
            number(&mut self.line, self.next_index);
            self.line.push(b',');
            self.line.extend_from_slice(&taken[tape as usize].bytes[start..end]);
            self.frames.write_line(&self.line, time)?;
            self.next_index += 1;
        }
        for mut lines in taken {
            lines.bytes.clear();
            lines.marks.clear();
            lines.closed = false;
            self.spare.push(lines);
        }
        Ok(())
    }
}

impl<H: Write, I: Write> std::fmt::Debug for FrameWriter<H, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameWriter")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
