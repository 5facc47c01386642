//! A history back from disk, in parallel: [`read`] gives its batches in order.

use crate::batch::Batch;
use crate::chunks::map_chunks;
use crate::edn;
use crate::parse::parse_lines;

pub use crate::beginning::functions_at_start;
pub use crate::chunks::ReadSummary;
pub use crate::source::{ReadError, Source};

/// Reads and parses a history on `threads` threads and gives its batches to `sink`, in the history's order,
/// on the calling thread. JSON lines and Jepsen's EDN are told apart by their first bytes.
///
/// # Errors
/// Damage and foreign lines with their line and byte; the sink's own error.
pub fn read<E: From<ReadError>>(
    mut source: Source,
    threads: usize,
    mut sink: impl FnMut(Batch) -> Result<(), E>,
) -> Result<ReadSummary, E> {
    if let Some(layout) = edn::detect(source.start()?) {
        return edn::read_ops(source, layout, threads, false, |ops| sink(ops.batch));
    }
    map_chunks(source, threads, parse_lines, |chunk| {
        let mut batch = chunk.item;
        batch.first_line = chunk.first_line;
        sink(batch)
    })
}
