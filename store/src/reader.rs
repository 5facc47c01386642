//! A history back from disk, in parallel: [`read`] gives its batches in order.

use std::sync::{Mutex, PoisonError};

use crate::batch::{Batch, follows};
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
    let mut order = Order::of(&source);
    map_chunks(source, threads, parse, |chunk| {
        let mut batch = chunk.item;
        batch.first_line = chunk.first_line;
        order.take(&batch)?;
        let delivered = sink(&batch);
        if batch.lines.capacity() >= LONG / 200 {
            spares().push(batch);
        }
        delivered
    })
}

/// Whether batches follow one another by what their lines say of their numbers.
pub(crate) struct Order {
    name: String,
    /// The number of the last line so far, where it tells one; nothing before the first.
    before: Option<Option<u64>>,
}

impl Order {
    /// Of a source that is read from its start.
    pub(crate) fn of(source: &Source) -> Order {
        Order { name: source.name().to_owned(), before: None }
    }

    /// Takes the next batch.
    ///
    /// # Errors
    /// If lines are missing before it.
    pub(crate) fn take(&mut self, batch: &Batch) -> Result<(), ReadError> {
        if batch.lines.is_empty() {
            return Ok(());
        }
        let follows = match (self.before, batch.numbering.first) {
            (Some(before), first) => follows(before, first),
            (None, Some(first @ 1..)) => Err(format!(
                "its index is {first}, and no line stands before it: the history's beginning is missing; one that was \
                 cut on purpose leaves \"index\" out"
            )),
            (None, _) => Ok(()),
        };
        self.before = Some(batch.numbering.last);
        follows.map_err(|reason| ReadError::Line {
            name: self.name.clone(),
            line: batch.first_line,
            byte: 1,
            reason,
        })
    }
}

/// Damage that still reads like a history: lines that are gone, and a last line that is wrong and not torn.
#[cfg(test)]
mod tests {
    use super::*;

    fn line(index: u64) -> String {
        format!(r#"{{"index":{index},"time":{index},"process":1,"type":"invoke","f":"poll"}}"#)
    }

    fn lines(indices: impl IntoIterator<Item = u64>) -> String {
        indices.into_iter().map(|index| line(index) + "\n").collect()
    }

    /// Read in pieces of about this many bytes, on so many threads.
    fn read_in(text: &str, piece: u64, threads: usize) -> Result<ReadSummary, ReadError> {
        let source = Source::bytes(text.as_bytes().to_vec()).in_pieces_of(piece);
        read(source, threads, |_: &Batch| Ok::<(), ReadError>(()))
    }

    /// The line that is refused, however the text is cut; `None` where nothing is.
    fn refused(text: &str) -> Option<u64> {
        let mut told = Vec::new();
        for piece in [1, 40, 100, 350, 1 << 20] {
            for threads in [1, 2] {
                told.push(match read_in(text, piece, threads) {
                    Ok(_) => None,
                    Err(ReadError::Line { line, reason, .. }) => {
                        assert!(reason.contains("index"), "{reason}");
                        Some(line)
                    }
                    Err(other) => panic!("{other}"),
                });
            }
        }
        told.dedup();
        let [one] = told[..] else { panic!("it depends on how the text is cut: {told:?}") };
        one
    }

    #[test]
    fn lines_that_are_missing_in_the_middle_are_refused_where_they_are_missing() {
        assert_eq!(refused(&lines(0..20)), None);
        assert_eq!(refused(&lines((0..20).filter(|i| *i != 7))), Some(8), "one is gone");
        assert_eq!(refused(&lines((0..4).chain(9..20))), Some(5), "a part is gone");
        assert_eq!(
            refused(&lines((0..4).chain(8..12).chain(4..8).chain(12..20))),
            Some(5),
            "parts are swapped"
        );
        assert_eq!(refused(&lines((0..8).chain(4..12))), Some(9), "a part stands twice");
        assert_eq!(refused(&lines(5..20)), Some(1), "the beginning is gone");
    }

    #[test]
    fn lines_without_a_number_are_what_they_are() {
        let bare = r#"{"time":1,"process":1,"type":"invoke","f":"poll"}"#;
        assert_eq!(refused(&format!("{bare}\n{bare}\n")), None);
        assert_eq!(
            refused(&format!("{bare}\n{}{bare}\n{}", lines([7, 8]), lines([3]))),
            None,
            "nothing to compare"
        );
        assert_eq!(refused(&format!("{}\n\n{}", line(0), lines([1]))), None, "a blank line is no line");
    }

    #[test]
    fn what_is_no_history_is_named_by_its_first_bytes() {
        for (start, what) in [
            (&b"\x1f\x8b\x08\0rest"[..], "gunzip"),
            (b"PK\x03\x04rest", "zip"),
            (b"\xef\xbb\xbf{}", "byte order mark"),
            (b"\xff\xfe{\0", "iconv"),
        ] {
            for source in [Source::bytes(start.to_vec()), Source::stream(start.to_vec())] {
                let error = read(source, 1, |_: &Batch| Ok::<(), ReadError>(())).expect_err(what);
                assert!(error.to_string().contains(what), "{error}");
            }
        }
    }

    #[test]
    fn a_compressed_stream_that_is_damaged_is_no_bad_line() {
        let mut bytes = zstd::bulk::compress(lines(0..20_000).as_bytes(), 3).expect("compresses");
        let middle = bytes.len() / 2;
        bytes[middle..middle + 16].fill(0xff);
        let error = read(Source::stream(bytes), 1, |_: &Batch| Ok::<(), ReadError>(())).expect_err("damaged");
        assert!(matches!(error, ReadError::Stream { .. }), "{error}");
    }

    #[test]
    fn only_a_line_that_was_cut_off_is_dropped_at_the_end() {
        let good = lines(0..2);
        for cut in [1, 10, 30, 58] {
            let torn = &line(2)[..cut];
            let summary = read_in(&format!("{good}{torn}"), 64, 1).expect("a torn line is dropped");
            assert_eq!(summary.lines, 2);
            assert!(summary.warnings[0].contains("incomplete"), "{torn}: {:?}", summary.warnings);
        }
        let zeros = format!("{good}{}\0\0\0\0", &line(2)[..40]);
        assert_eq!(read_in(&zeros, 64, 1).expect("zeros stand for what was not written").lines, 2);
        assert_eq!(
            read_in(&format!("{good}{}", line(2)), 64, 1).expect("only its line break is missing").lines,
            3
        );

        for wrong in [
            r#"{"index":2,"time":3,"process":1,"type":"okk","f":"poll"}"#,
            r#"{"index":2,"time":3,"process":1,"type":"ok","f":"poll","node":"kafka-1"}"#,
            r#"{"index":9,"time":3,"process":1,"type":"invoke","f":"poll"}"#,
            "garbage",
            "[1,2]",
            r#"{"index":2,"time":x"#,
        ] {
            for text in [format!("{good}{wrong}"), format!("{good}{wrong}\n")] {
                let refused = read_in(&text, 64, 1);
                assert!(matches!(refused, Err(ReadError::Line { line: 3, .. })), "{wrong}: {refused:?}");
            }
        }
    }
}
