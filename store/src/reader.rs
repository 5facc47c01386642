//! A history back from disk, in parallel: [`read`] gives its batches in order.

use std::sync::{Mutex, PoisonError};

use crate::batch::Batch;
use crate::chunks::map_chunks;
use crate::edn;
use crate::parse::parse_into;

pub use crate::beginning::functions_at_start;
pub use crate::chunks::ReadSummary;
pub use crate::source::{ReadError, Source};

/// Bytes of text whose batch is worth keeping: not the single lines between two pieces.
const LONG: usize = 64 << 10;

/// Reads and parses a history on `threads` threads and gives its batches to `sink`, in the history's order,
/// on the calling thread. JSON lines and Jepsen's EDN are told apart by their first bytes.
///
/// # Errors
/// Damage and foreign lines with their line and byte; the sink's own error.
pub fn read<E: From<ReadError>>(
    mut source: Source,
    threads: usize,
    mut sink: impl FnMut(&Batch) -> Result<(), E>,
) -> Result<ReadSummary, E> {
    if let Some(layout) = edn::detect(source.start()?) {
        return edn::read_ops(source, layout, threads, false, |ops| sink(&ops.batch));
    }
    // Batches that were delivered: their memory is worth more than its megabytes, because fresh pages cost as
    // much as what is parsed into them.
    let spare: Mutex<Vec<Batch>> = Mutex::default();
    let spares = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let parse = |text: &[u8]| {
        let used = if text.len() >= LONG { spares().pop() } else { None };
        parse_into(text, used.unwrap_or_default())
    };
    map_chunks(source, threads, parse, |chunk| {
        let mut batch = chunk.item;
        batch.first_line = chunk.first_line;
        let delivered = sink(&batch);
        if batch.lines.capacity() >= LONG / 200 {
            spares().push(batch);
        }
        delivered
    })
}
