//! Chunks of an EDN history in order: each is read on the guess that it begins between two operations, and
//! what the guess got wrong is read again behind what the chunk before it left.
//!
//! The guess is never trusted: a chunk's reading counts only where everything before it ended exactly where
//! that reading began, outside of every form. A map a line makes every guess right; one vector on one line makes
//! pieces without a line break, which are read in order, each behind the cut operation of the piece before.

use crate::chunks::{Chunk, ReadSummary, map_chunks};
use crate::source::{Feed, Piece, ReadError, Source};
use crate::time::Nanos;

use super::detect::Layout;
use super::forms::{Ops, Reading, Stand, Wrong, forms};

/// Text of one operation beyond which it is taken for damage.
const LONGEST: usize = 64 << 20;
/// Beyond this, what is left over is read again only when it has doubled.
const PATIENCE: usize = 1 << 20;

/// Reads an EDN history on `threads` threads and gives its operations to `sink` in order, on the calling
/// thread. Their batches' first lines and times are set; with `keep_json`, their JSON lines too.
pub(crate) fn read_ops<E: From<ReadError>>(
    source: Source,
    layout: Layout,
    threads: usize,
    keep_json: bool,
    sink: impl FnMut(Ops) -> Result<(), E>,
) -> Result<ReadSummary, E> {
    let mut joiner = Joiner::new(source.name().to_owned(), layout, keep_json, sink);
    if !layout.rows {
        let torn = joiner.in_order(source)?;
        return joiner.end(torn);
    }
    let guess = |text: &[u8]| {
        let start = likely_start(text, layout);
        let reading = start.map(|start| (start, forms(&text[start..], layout, Stand::Inside, keep_json)));
        Ok((text.to_vec(), reading))
    };
    let mut summary = map_chunks(source, threads, guess, |chunk: Chunk<(Vec<u8>, _)>| {
        let (text, reading) = chunk.item;
        joiner.chunk(&text, reading)
    })?;
    let own = joiner.end(false)?;
    summary.lines = own.lines;
    // Its own words for a torn frame come last.
    summary.warnings.splice(0..0, own.warnings);
    Ok(summary)
}

/// The first line that looks like the beginning of an operation.
fn likely_start(text: &[u8], layout: Layout) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = &text[at..];
        let indent =
            if layout.closer.is_some() { line.iter().take_while(|b| **b == b' ').count() } else { 0 };
        match line.get(indent..).unwrap_or_default() {
            [b'{', b':', ..] | [b'#', b'a'..=b'z', ..] => return Some(at),
            _ => at += memchr::memchr(b'\n', line)? + 1,
        }
    }
}

struct Joiner<S> {
    name: String,
    layout: Layout,
    keep_json: bool,
    sink: S,
    stand: Stand,
    /// The form that the text before left unfinished.
    carry: Vec<u8>,
    /// Its length at which reading it again is worth the work.
    try_at: usize,
    /// The line on which `carry` begins, from 1, and the byte of it, from 0.
    line: u64,
    byte: u64,
    /// The number of the last operation.
    last_number: u64,
    operations: u64,
    bytes: u64,
    /// Whether the operations have no time; `None` before the first.
    timeless: Option<bool>,
}

impl<E: From<ReadError>, S: FnMut(Ops) -> Result<(), E>> Joiner<S> {
    fn new(name: String, layout: Layout, keep_json: bool, sink: S) -> Self {
        Joiner {
            name,
            layout,
            keep_json,
            sink,
            stand: Stand::at_start(layout),
            carry: Vec::new(),
            try_at: 0,
            line: 1,
            byte: 0,
            last_number: 0,
            operations: 0,
            bytes: 0,
            timeless: None,
        }
    }

    /// Whole lines, and what came of reading them from some line's start on.
    fn chunk(&mut self, text: &[u8], guess: Option<(usize, Result<Reading, Wrong>)>) -> Result<(), E> {
        let Some((start, reading)) = guess else { return self.push(text) };
        if start > 0 {
            self.push(&text[..start])?;
        }
        if !self.carry.is_empty() || self.stand != Stand::Inside {
            return self.push(&text[start..]);
        }
        self.bytes += (text.len() - start) as u64;
        self.take(&text[start..], reading)
    }

    /// The next piece of text, wherever it is cut.
    fn push(&mut self, text: &[u8]) -> Result<(), E> {
        self.bytes += text.len() as u64;
        self.carry.extend_from_slice(text);
        if self.carry.len() < self.try_at {
            return Ok(());
        }
        let whole = std::mem::take(&mut self.carry);
        let reading = forms(&whole, self.layout, self.stand, self.keep_json);
        self.take(&whole, reading)
    }

    /// What was read of `text`, which begins on `self.line`.
    fn take(&mut self, text: &[u8], reading: Result<Reading, Wrong>) -> Result<(), E> {
        let reading = reading.map_err(|wrong| self.error(&wrong))?;
        let first_line = self.line;
        let (read, rest) = text.split_at(reading.rest);
        self.carry.extend_from_slice(rest);
        self.line += reading.rest_line;
        self.byte = match memchr::memrchr(b'\n', read) {
            Some(n) => (read.len() - n - 1) as u64,
            None => self.byte + read.len() as u64,
        };
        self.stand = reading.stand;
        if self.carry.len() > LONGEST {
            let reason = format!("the operation that begins here is longer than {} MiB", LONGEST >> 20);
            return Err(self.error(&Wrong { line: 0, byte: 0, reason }).into());
        }
        self.try_at = if self.carry.len() > PATIENCE { self.carry.len() * 2 } else { 0 };
        self.deliver(reading.ops, first_line)
    }

    fn deliver(&mut self, mut ops: Ops, first_line: u64) -> Result<(), E> {
        let Some(first) = ops.batch.lines.first().map(|line| u64::from(line.number)) else { return Ok(()) };
        ops.batch.first_line = first_line.max((self.last_number + 1).saturating_sub(first));
        let all = ops.batch.lines.len();
        let timeless = *self.timeless.get_or_insert(ops.timeless > 0);
        if ops.timeless != if timeless { all } else { 0 } {
            let reason = "some operations from here on have a :time and some have none; \
                          give all of them one, or none";
            let (name, line) = (self.name.clone(), first_line);
            return Err(ReadError::Edn { name, line, byte: 1, reason: reason.into() }.into());
        }
        if timeless {
            for (line, n) in ops.batch.lines.iter_mut().zip(self.operations..) {
                line.time = Nanos(n);
            }
        }
        self.operations += all as u64;
        self.last_number = ops.batch.lines.last().map_or(0, |line| ops.batch.line_number(line));
        (self.sink)(ops)
    }

    /// Text that is no row of lines, piece by piece; whether the input ended before its format says.
    fn in_order(&mut self, source: Source) -> Result<bool, E> {
        let name = source.name().to_owned();
        let mut feed: Feed = source.in_order()?;
        let mut used = Vec::new();
        loop {
            let next = feed.next(used).map_err(|cause| ReadError::Io { name: name.clone(), cause })?;
            match next.piece {
                Some(Piece::Text(text)) => {
                    self.push(&text)?;
                    used = text;
                }
                Some(Piece::Compressed { .. }) => unreachable!("a source in order gives text"),
                None => return Ok(next.torn),
            }
            if next.torn {
                return Ok(true);
            }
        }
    }

    /// What remains is white space, a comment, or an operation that was being written when the run died.
    /// More than one operation in it is no torn end but damage: an end quote or a bracket is missing.
    fn end(mut self, torn: bool) -> Result<ReadSummary, E> {
        self.try_at = 0;
        self.push(b"")?;
        let mut warnings = Vec::new();
        let rest = std::mem::take(&mut self.carry);
        let mut closed = rest.clone();
        closed.push(b'\n');
        let blank = matches!(forms(&closed, self.layout, self.stand, false), Ok(r) if r.rest == closed.len());
        if !blank {
            let line = memchr::memchr_iter(b'\n', &rest[..leading_blanks(&rest)]).count() as u64;
            if memchr::memmem::find_iter(&rest, b":process").nth(1).is_some() {
                let reason = "the operation that begins here has no end".to_owned();
                return Err(self.error(&Wrong { line, byte: 0, reason }).into());
            }
            warnings.push(format!(
                "{}: the last operation (line {}, {} bytes) is incomplete and was dropped",
                self.name,
                self.line + line,
                rest.len()
            ));
        }
        if self.stand == Stand::Inside && blank && self.layout.closer.is_some() {
            warnings.push(format!("{}: the bracket that closes the history is missing", self.name));
        }
        if torn {
            warnings.push(format!(
                "{}: its compressed data has no end; read up to operation {}",
                self.name, self.operations
            ));
        }
        if self.timeless == Some(true) {
            warnings
                .push(format!("{}: its operations have no :time; their order was taken for it", self.name));
        }
        Ok(ReadSummary { lines: self.operations, bytes: self.bytes, warnings })
    }

    /// An error at a place of the text that begins where `carry` began.
    fn error(&self, wrong: &Wrong) -> ReadError {
        let before = if wrong.line == 0 { self.byte } else { 0 };
        ReadError::Edn {
            name: self.name.clone(),
            line: self.line + wrong.line,
            byte: before + wrong.byte + 1,
            reason: wrong.reason.clone(),
        }
    }
}

fn leading_blanks(text: &[u8]) -> usize {
    text.iter().take_while(|b| super::token::is_blank(**b)).count()
}

#[cfg(test)]
mod tests {
    use super::super::detect;
    use super::*;

    /// Number, time and value of an operation.
    type Seen = (u64, u64, u64);

    /// All operations, or what was wrong.
    fn read(mut source: Source, threads: usize) -> Result<(Vec<Seen>, ReadSummary), String> {
        let layout = detect(source.start().expect("starts")).expect("is EDN");
        let mut read = Vec::new();
        let summary = read_ops(source, layout, threads, true, |ops| {
            assert_eq!(ops.tails.len(), ops.batch.lines.len());
            for line in &ops.batch.lines {
                let value = ops.batch.mops_of(line)[0].value;
                read.push((ops.batch.line_number(line), line.time.0, value));
            }
            Ok::<(), ReadError>(())
        });
        summary.map(|summary| (read, summary)).map_err(|e| e.to_string())
    }

    fn op(n: u64) -> String {
        let extra = match n % 4 {
            0 => ":error \"it \\\"said\\\"\n{:type :ok}\"",
            1 => ":more {:deep [#{1 (2)} #_ {:not-this 1}]}",
            2 => ":c \\} ; }\n",
            _ => "",
        };
        format!("{{:type :invoke, :f :send, :value [[:send 5 {n}]], {extra} :time {}, :process {n}}}", n * 10)
    }

    fn one_line(n: u64) -> String {
        format!(
            "{{:index {n}, :time {}, :type :invoke, :process {n}, :f :send, :value [[:send 5 {n}]]}}",
            n * 10
        )
    }

    /// Everything that a history can be laid out as, beside the numbers its operations get.
    fn layouts(n: u64) -> Vec<(String, Vec<u64>)> {
        let rows: Vec<String> = (0..n).map(one_line).collect();
        let odd: Vec<String> = (0..n).map(op).collect();
        let pretty: Vec<String> =
            (0..n).map(|n| one_line(n).replace(", ", ",\n ").replace("[[", "[\n  [")).collect();
        let lines = |text: &str| text.matches('\n').count() as u64;
        let mut at = 1;
        let pretty_numbers = pretty.iter().map(|op| (at, at += lines(op) + 1).0).collect();
        let mut at = 1;
        let odd_numbers = odd.iter().map(|op| (at, at += lines(op) + 1).0).collect();
        vec![
            (rows.join("\n") + "\n", (1..=n).collect()),
            (rows.join("\n"), (1..=n).collect()),
            (format!(";; a history\n\n{}\n\n", rows.join("\n")), (3..n + 3).collect()),
            (format!("#jepsen.history.Op{}", rows.join("\n#jepsen.history.Op")), (1..=n).collect()),
            (rows.join(" "), (1..=n).collect()),
            (format!("[{}]", rows.join(" ")), (1..=n).collect()),
            (format!("({}) ; the end", rows.join(", ")), (1..=n).collect()),
            (format!("[{}\n]\n", rows.join("\n ")), (1..=n).collect()),
            (format!("[\n  {}]", rows.join(",\n  ")), (2..n + 2).collect()),
            (pretty.join("\n"), pretty_numbers),
            (odd.join("\n"), odd_numbers),
        ]
    }

    #[test]
    fn every_layout_is_read_however_it_is_cut() {
        for (text, numbers) in layouts(13) {
            let expected: Vec<_> = numbers.into_iter().zip(0..).map(|(n, i)| (n, i * 10, i)).collect();
            for piece in (1..90).step_by(7).chain([1, 2, 300, 100_000]) {
                for threads in [1, 3] {
                    for stream in [false, true] {
                        let bytes = text.clone().into_bytes();
                        let source = if stream { Source::stream(bytes) } else { Source::bytes(bytes) };
                        let (read, summary) = read(source.in_pieces_of(piece), threads).expect("whole");
                        assert_eq!(read, expected, "pieces of {piece} of {text}");
                        assert_eq!(summary.warnings, Vec::<String>::new());
                        assert_eq!((summary.lines, summary.bytes), (13, text.len() as u64), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn compressed_text_is_read_frame_by_frame() {
        for (text, _) in layouts(13) {
            let whole = read(Source::bytes(text.clone().into()), 1).expect("whole").0;
            for frame in [40, 333, 10_000] {
                let file: Vec<u8> = text
                    .as_bytes()
                    .chunks(frame)
                    .flat_map(|bytes| zstd::bulk::compress(bytes, 1).expect("compresses"))
                    .collect();
                assert_eq!(read(Source::bytes(file.clone()), 2).expect("whole").0, whole);
                assert_eq!(read(Source::stream(file), 2).expect("whole").0, whole);
            }
        }
    }

    /// Cut anywhere, a history is a prefix with a warning, never another history.
    #[test]
    fn a_torn_end_is_dropped_with_a_warning() {
        for (text, _) in layouts(5) {
            let whole = read(Source::bytes(text.clone().into()), 1).expect("whole").0;
            for end in text.find("{:").expect("a map") + 2..text.len() {
                if !text.is_char_boundary(end) {
                    continue;
                }
                for threads in [1, 2] {
                    let (read, summary) =
                        read(Source::bytes(text[..end].into()).in_pieces_of(50), threads).expect("a prefix");
                    // Operations are told by their values: a cut line has another layout, maybe.
                    let values: Vec<u64> = read.iter().map(|r| r.2).collect();
                    assert!(whole.iter().map(|r| r.2).collect::<Vec<_>>().starts_with(&values));
                    let quiet = match text.starts_with(['[', '(']) {
                        true => end > text.rfind([']', ')']).expect("it is closed"),
                        // Between two operations that stand free, nothing shows that more was to come.
                        false => is_whole(&text[..end]),
                    };
                    assert_eq!(summary.warnings.is_empty(), quiet, "{}|{}", &text[..end], &text[end..]);
                }
            }
        }
    }

    fn is_whole(text: &str) -> bool {
        let layout = Layout { closer: None, rows: true };
        let text = format!("{text}\n");
        forms(text.as_bytes(), layout, Stand::Inside, false).is_ok_and(|r| r.rest == text.len())
    }

    #[test]
    fn damage_is_named_by_its_line_and_byte() {
        let rows: Vec<String> = (0..40).map(one_line).collect();
        let damaged = |row: usize, from: &str, to: &str| {
            let mut rows = rows.clone();
            assert!(rows[row].contains(from));
            rows[row] = rows[row].replace(from, to);
            rows.join("\n") + "\n"
        };
        for (from, to, line, place, reason) in [
            (":invoke", ":invoked", 21, ":invoked", "type is \"invoked\"; it must be invoke"),
            (
                ":send 5",
                ":write 5",
                21,
                ":write",
                "the micro-operation is \"write\"; it must be send or poll",
            ),
            (":send 5 20", ":send 5 [1]", 21, "1]]", "expected ','"),
            (":process 20", ":process -20", 21, "-20", "expected a whole number"),
            (":type :invoke, ", "", 21, "{:index", "the event has no \"type\""),
            (":f :send", ":f :send :f :poll", 21, ":f :poll", "the operation has :f twice"),
            (":value [[:send 5 20]]", ":value", 21, "}", "a map has a key without a value"),
            ("]]}", "]}", 21, "}", "'}' closes nothing"),
            // Its map now goes on in the next line, where a key is expected.
            ("]]}", "]]", 22, "{", "the keys of an operation's map are keywords"),
            // Its string has no end: all that follows is in it.
            (":send 5", ":send \"5", 21, "{", "the operation that begins here has no end"),
            (":time 200, ", "", 1, "{", "some operations from here on have a :time"),
        ] {
            let text = damaged(20, from, to);
            let byte = text.lines().nth(line - 1).and_then(|l| l.find(place)).expect("it is there") + 1;
            let expected = format!("the history: line {line}, byte {byte}: {reason}");
            for piece in [64, 1000, 100_000] {
                for threads in [1, 3] {
                    let source = Source::bytes(text.clone().into()).in_pieces_of(piece);
                    let error = read(source, threads).expect_err(&text);
                    // Which chunk first mixes operations with and without a time depends on the cuts.
                    let found = error.starts_with(&expected) || line == 1 && error.contains(reason);
                    assert!(found, "{error}\n{expected}");
                }
            }
        }
        // One line: the byte is the byte of the line, however it was cut.
        let text = format!("[{}]", rows.join(" ")).replace(":process 30", ":process :p30");
        let byte = text.find(":p30").expect("is there") + 1;
        for piece in [64, 1000, 100_000] {
            let error = read(Source::bytes(text.clone().into()).in_pieces_of(piece), 2).expect_err("damaged");
            assert!(
                error.contains(&format!("line 1, byte {byte}: process is \"p30\"; it must be")),
                "{error}"
            );
        }
    }

    #[test]
    fn operations_without_a_time_are_in_the_order_of_time() {
        let rows: Vec<String> =
            (0..30).map(|n| one_line(n).replace(&format!(":time {}, ", n * 10), "")).collect();
        for text in [rows.join("\n"), format!("[{}]", rows.join(" "))] {
            let (read, summary) = read(Source::bytes(text.into()).in_pieces_of(200), 2).expect("whole");
            assert_eq!(read.iter().map(|r| r.1).collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
            assert_eq!(
                summary.warnings,
                ["the history: its operations have no :time; their order was taken for it"]
            );
        }
    }

    #[test]
    fn what_follows_the_closing_bracket_is_refused() {
        let error =
            read(Source::bytes(format!("[{}]\n{}", one_line(0), one_line(1)).into()), 2).expect_err("two");
        assert!(error.contains("line 2, byte 1: the history goes on behind the bracket"), "{error}");
    }
}
