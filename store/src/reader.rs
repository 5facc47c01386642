//! A history back from disk, in parallel: [`read`] gives its batches in order.

use crate::batch::Batch;
use crate::chunks::map_chunks;
use crate::parse::parse_lines;

pub use crate::chunks::ReadSummary;
pub use crate::source::{ReadError, Source};

/// Reads and parses a history on `threads` threads and gives its batches to `sink`, in the history's order,
/// on the calling thread.
///
/// # Errors
/// Damage and foreign lines with their line and byte; the sink's own error.
pub fn read<E: From<ReadError>>(
    source: Source,
    threads: usize,
    mut sink: impl FnMut(Batch) -> Result<(), E>,
) -> Result<ReadSummary, E> {
    map_chunks(source, threads, parse_lines, |chunk| {
        let mut batch = chunk.item;
        batch.first_line = chunk.first_line;
        sink(batch)
    })
}
