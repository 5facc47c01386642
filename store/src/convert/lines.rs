//! Any history as JSON lines in tribunal's own layout, in order.

use crate::chunks::{ReadSummary, map_chunks};
use crate::edn::{self, Ops};
use crate::fields::Fields;
use crate::parse::{LineError, parse_lines};
use crate::reader::Order;
use crate::source::{ReadError, Source};
use crate::time::Nanos;

/// Whether the history is Jepsen's EDN, by its first bytes. Nothing is taken from the source.
///
/// # Errors
/// If it cannot be read.
pub fn is_edn(source: &mut Source) -> Result<bool, ReadError> {
    Ok(edn::detect(source.start()?).is_some())
}

/// Gives each line's time, and the line from `"process"` to its line break.
pub(super) fn each_line<E: From<ReadError>>(
    mut source: Source,
    threads: usize,
    mut sink: impl FnMut(Nanos, &[u8]) -> Result<(), E>,
) -> Result<ReadSummary, E> {
    let mut each = |ops: &Ops| {
        for (line, tail) in ops.batch.lines.iter().zip(&ops.tails) {
            let rest = &ops.json[*tail..];
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |n| n + 1);
            sink(line.time, &rest[..end])?;
        }
        Ok(())
    };
    match edn::detect(source.start()?) {
        Some(layout) => edn::read_ops(source, layout, threads, true, |ops| each(&ops)),
        None => {
            let mut order = Order::of(&source);
            map_chunks(source, threads, json_ops, |mut chunk| {
                chunk.item.batch.first_line = chunk.first_line;
                order.take(&chunk.item.batch)?;
                each(&chunk.item)
            })
        }
    }
}

/// Lines of JSON, laid out anew.
fn json_ops(text: &[u8]) -> Result<Ops, LineError> {
    let mut ops = Ops { batch: parse_lines(text)?, ..Ops::default() };
    let mut fields = Fields::default();
    for (number, line) in text.split(|b| *b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        fields.read_line(line).map_err(|e| LineError {
            line: number as u64,
            byte: e.at as u64,
            reason: e.reason,
        })?;
        ops.tails.push(fields.write_line(&mut ops.json, None));
    }
    Ok(ops)
}
