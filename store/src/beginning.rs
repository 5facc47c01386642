//! What a history begins with: the functions of its clients, read from its first bytes and left to be read again.
//!
//! A history tells by its functions how it is to be judged. Nearly always its first lines do, so that nothing is
//! read twice: not a large file, and not standard input, which could not be.

use std::collections::BTreeSet;

use crate::batch::{Batch, F};
use crate::edn;
use crate::fields::{Field, Fields};
use crate::op::Process;
use crate::reader::read;
use crate::source::{ReadError, START, Source};

/// The functions that clients call in the first lines of a history, as far as was `enough`; all of them where the
/// history has no more. The nemesis has its own functions, which do not count.
///
/// # Errors
/// If the source cannot be read. Damage is left for the reading itself to find.
pub fn functions_at_start(
    source: &mut Source,
    enough: impl Fn(&BTreeSet<String>) -> bool,
) -> Result<BTreeSet<String>, ReadError> {
    let mut bytes = START;
    loop {
        let (text, whole) = source.head(bytes)?;
        let functions = functions(text);
        if whole || enough(&functions) {
            return Ok(functions);
        }
        bytes = bytes.saturating_mul(4);
    }
}

/// The functions of all lines that are whole.
fn functions(text: Vec<u8>) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    if edn::detect(&text).is_some() {
        // The text is cut somewhere: what comes before the cut was given by then.
        let _ = read(Source::bytes(text), 1, |batch| {
            of_batch(batch, &mut functions);
            Ok::<(), ReadError>(())
        });
        return functions;
    }
    let mut fields = Fields::default();
    for line in text.split(|b| *b == b'\n') {
        let read = !line.is_empty() && fields.read_line(line).is_ok();
        if read && fields.get(Field::Process).is_none_or(|process| process != b"\"nemesis\"") {
            let name = fields.get(Field::F).and_then(|f| serde_json::from_slice::<String>(f).ok());
            functions.extend(name.filter(|name| !functions.contains(name)));
        }
    }
    functions
}

fn of_batch(batch: &Batch, functions: &mut BTreeSet<String>) {
    for line in batch.lines.iter().filter(|line| line.process != Process::NEMESIS) {
        let name = match line.f {
            F::Other(name) => batch.name(name),
            known => known.as_str().unwrap_or_default(),
        };
        if !functions.contains(name) {
            functions.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: String, compressed: bool) -> (Vec<String>, Source) {
        let bytes = text.into_bytes();
        let bytes = if compressed { zstd::bulk::compress(&bytes, 1).expect("compresses") } else { bytes };
        let mut source = Source::stream(bytes);
        let functions = functions_at_start(&mut source, |f| !f.is_empty()).expect("reads");
        (functions.into_iter().collect(), source)
    }

    fn line(process: &str, f: &str) -> String {
        format!("{{\"time\":1,\"process\":{process},\"type\":\"invoke\",\"f\":\"{f}\",\"value\":null}}\n")
    }

    #[test]
    fn the_first_lines_tell_and_are_read_again() {
        for compressed in [false, true] {
            let text = line("\"nemesis\"", "kill") + &line("0", "enqueue") + &line("1", "dequeue");
            let (functions, source) = seen(text.clone(), compressed);
            assert_eq!(functions, ["dequeue", "enqueue"]);
            let mut lines = 0;
            read(source, 1, |batch| {
                lines += batch.lines.len();
                Ok::<(), ReadError>(())
            })
            .expect("reads");
            assert_eq!(lines, 3);
            // The nemesis alone fills more than the first look.
            let text = line("\"nemesis\"", "kill").repeat(5_000) + &line("0", "enqueue") + &text;
            assert_eq!(seen(text, compressed).0[0], "dequeue");
        }
    }

    #[test]
    fn edn_is_looked_at_up_to_the_cut() {
        let op = "{:type :invoke, :f :add, :value 1, :process 0, :time 1}\n";
        let nemesis = "{:type :info, :f :kill, :value nil, :process :nemesis, :time 1}\n";
        for text in [
            format!("{nemesis}{}", op.repeat(3_000)),
            format!("[{nemesis}{}]", op.repeat(3_000)),
            format!("[{nemesis}{}]", op.repeat(3_000)).replace('\n', " "),
        ] {
            assert_eq!(seen(text, false).0, ["add"]);
        }
        assert_eq!(seen(String::new(), false).0, Vec::<String>::new());
    }
}
