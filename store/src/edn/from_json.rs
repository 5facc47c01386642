//! A history line as the map that Jepsen would have printed.

use crate::fields::{Field, Fields};
use crate::json::{Cursor, JsonResult};

/// Appends the line's map, without a line break, in the order of Jepsen's record: `:index`, `:time`, `:type`,
/// `:process`, `:f`, `:value`, then the others.
///
/// Names of fields, types, functions and micro-operations are keywords, as are `:nemesis` and the words of
/// `status` and `isolation`. Keys of records that are whole numbers become such. Everything else stays what it is
/// in JSON, under the keys that it has there.
///
/// # Errors
/// If a field is not JSON; lines that were parsed before have none such.
pub(crate) fn map(fields: &Fields, index: u64, time: u64, out: &mut Vec<u8>) -> JsonResult<()> {
    out.extend_from_slice(format!("{{:index {index}, :time {time}").as_bytes());
    let is_mops = matches!(fields.get(Field::F), Some(br#""send""# | br#""poll""# | br#""txn""#));
    for field in [Field::Type, Field::Process, Field::F, Field::Value].into_iter().chain(OPTIONAL) {
        let Some(json) = fields.get(field) else { continue };
        out.extend_from_slice(b", :");
        out.extend_from_slice(field.name().as_bytes());
        out.push(b' ');
        match field {
            Field::Type | Field::Process | Field::F | Field::Status | Field::Isolation => word(json, out),
            Field::Value if is_mops => mops(json, out)?,
            Field::Position => keyed(&mut Cursor::new(json), out)?,
            Field::Eof => keys(&mut Cursor::new(json), out)?,
            Field::Txn => transaction(&mut Cursor::new(json), out)?,
            _ => value(json, out),
        }
    }
    for (name, json) in fields.others() {
        out.extend_from_slice(b", ");
        word(name, out);
        out.push(b' ');
        value(json, out);
    }
    out.push(b'}');
    Ok(())
}

const OPTIONAL: [Field; 14] = [
    Field::Client,
    Field::Incarnation,
    Field::Seq,
    Field::Due,
    Field::Node,
    Field::Status,
    Field::Error,
    Field::Isolation,
    Field::Unacked,
    Field::Final,
    Field::Txn,
    Field::Fault,
    Field::Position,
    Field::Eof,
];

/// A string that can be a keyword becomes one; anything else stays what it is.
fn word(json: &[u8], out: &mut Vec<u8>) {
    match json.strip_prefix(b"\"").and_then(|json| json.strip_suffix(b"\"")) {
        Some(name) if is_name(name) => {
            out.push(b':');
            out.extend_from_slice(name);
        }
        _ => value(json, out),
    }
}

/// Whether Clojure reads `:name` back as the keyword of that name: one slash at most, with a name on either side.
fn is_name(name: &[u8]) -> bool {
    let plain = |part: &[u8]| {
        let first = part.first().copied().unwrap_or(b'0');
        (first.is_ascii_alphabetic()
            || matches!(first, b'*' | b'!' | b'_' | b'?' | b'$' | b'<' | b'>' | b'='))
            && part.iter().all(|b| b.is_ascii_alphanumeric() || b"*!_?$<>=+-.".contains(b))
            && part.last() != Some(&b'.')
    };
    let mut parts = name.splitn(2, |b| *b == b'/');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    plain(first) && second.is_none_or(plain)
}

/// A list of micro-operations; whatever is not shaped like one is written as any other value.
fn mops(json: &[u8], out: &mut Vec<u8>) -> JsonResult<()> {
    let mut cursor = Cursor::new(json);
    if !cursor.take(b'[') {
        value(json, out);
        return Ok(());
    }
    list(&mut cursor, out, |cursor, out| {
        if cursor.peek() != Some(b'[') {
            value(cursor.raw()?.as_bytes(), out);
            return Ok(());
        }
        cursor.take(b'[');
        let mut place = 0;
        list(cursor, out, |cursor, out| {
            place += 1;
            match (place, cursor.peek()) {
                (1, _) => word(cursor.raw()?.as_bytes(), out),
                // The key of a send, or the keys of a poll.
                (2, Some(b'{')) => keyed(cursor, out)?,
                (2, _) => key(cursor.raw()?.as_bytes(), out),
                _ => value(cursor.raw()?.as_bytes(), out),
            }
            Ok(())
        })
    })
}

/// The elements of a list whose bracket was taken.
fn list<'a>(
    cursor: &mut Cursor<'a>,
    out: &mut Vec<u8>,
    mut each: impl FnMut(&mut Cursor<'a>, &mut Vec<u8>) -> JsonResult<()>,
) -> JsonResult<()> {
    out.push(b'[');
    if !cursor.take(b']') {
        loop {
            each(cursor, out)?;
            if !cursor.more(b']')? {
                break;
            }
            out.push(b' ');
        }
    }
    out.push(b']');
    Ok(())
}

/// A transaction: its names are keywords, and so is its outcome.
fn transaction(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> JsonResult<()> {
    cursor.expect(b'{')?;
    out.push(b'{');
    if !cursor.take(b'}') {
        loop {
            let name = cursor.raw()?.as_bytes();
            word(name, out);
            cursor.expect(b':')?;
            out.push(b' ');
            let json = cursor.raw()?.as_bytes();
            if name == b"\"outcome\"" {
                word(json, out);
            } else {
                value(json, out);
            }
            if !cursor.more(b'}')? {
                break;
            }
            out.extend_from_slice(b", ");
        }
    }
    out.push(b'}');
    Ok(())
}

/// An object whose names are keys of records.
fn keyed(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> JsonResult<()> {
    cursor.expect(b'{')?;
    out.push(b'{');
    if !cursor.take(b'}') {
        loop {
            key(cursor.raw()?.as_bytes(), out);
            cursor.expect(b':')?;
            out.push(b' ');
            value(cursor.raw()?.as_bytes(), out);
            if !cursor.more(b'}')? {
                break;
            }
            out.extend_from_slice(b", ");
        }
    }
    out.push(b'}');
    Ok(())
}

fn keys(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> JsonResult<()> {
    cursor.expect(b'[')?;
    list(cursor, out, |cursor, out| {
        key(cursor.raw()?.as_bytes(), out);
        Ok(())
    })
}

/// A key of records: the string of a whole number is that number, in sends and in polls alike.
fn key(json: &[u8], out: &mut Vec<u8>) {
    let number = json.strip_prefix(b"\"").and_then(|json| json.strip_suffix(b"\"")).filter(|text| {
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        (1..=18).contains(&digits.len())
            && digits.iter().all(u8::is_ascii_digit)
            && (digits[0] != b'0' || *text == b"0")
    });
    match number {
        Some(number) => out.extend_from_slice(number),
        None => value(json, out),
    }
}

/// Any JSON value. It was checked before, so tokens are told by their first byte; and nothing calls itself here,
/// so no value is too deep.
fn value(json: &[u8], out: &mut Vec<u8>) {
    // Clojure prints a comma between the entries of a map only.
    let mut separators: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    while let Some(&b) = json.get(at) {
        match b {
            b'"' => {
                let end = string_end(json, at);
                // EDN knows every escape of JSON but this one.
                let mut escaped = false;
                for &b in &json[at..end] {
                    if escaped && b == b'/' {
                        out.pop();
                    }
                    escaped = b == b'\\' && !escaped;
                    out.push(b);
                }
                at = end;
                continue;
            }
            b'n' => {
                out.extend_from_slice(b"nil");
                at += 4;
                continue;
            }
            b'-' | b'0'..=b'9' => {
                let length = json[at..].iter().take_while(|b| b"+-.eE0123456789".contains(b)).count();
                let number = &json[at..at + length];
                out.extend_from_slice(number);
                let whole = number.iter().all(|b| b.is_ascii_digit() || *b == b'-');
                if whole && std::str::from_utf8(number).is_ok_and(|n| n.parse::<i64>().is_err()) {
                    out.push(b'N');
                }
                at += length;
                continue;
            }
            b':' => out.push(b' '),
            b',' => out.extend_from_slice(separators.last().copied().unwrap_or(b" ")),
            b'{' | b'[' => {
                separators.push(if b == b'{' { b", " } else { b" " });
                out.push(b);
            }
            b'}' | b']' => {
                separators.pop();
                out.push(b);
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => out.push(b),
        }
        at += 1;
    }
}

/// One past the quote that ends the string at `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&b) = json.get(at) {
        match b {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edn(line: &str) -> String {
        let mut fields = Fields::default();
        fields.read_line(line.as_bytes()).expect("a line");
        let mut out = Vec::new();
        map(&fields, 3, 81_000, &mut out).expect("writes");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn lines_are_written_as_jepsen_prints_them() {
        for (line, expected) in [
            (
                r#"{"time":81000,"process":0,"type":"invoke","f":"send","value":[["send","t-0",1]],"client":0,"seq":7}"#,
                r#"{:index 3, :time 81000, :type :invoke, :process 0, :f :send, :value [[:send "t-0" 1]], :client 0, :seq 7}"#,
            ),
            (
                r#"{"time":81000,"process":0,"type":"ok","f":"txn","value":[["send","5",[17,42]],["send",6,[null,"v"]],["poll",{"5":[[0,1],[1,null,3]]}],["poll"]],"status":"persisted"}"#,
                r#"{:index 3, :time 81000, :type :ok, :process 0, :f :txn, :value [[:send 5 [17 42]] [:send 6 [nil "v"]] [:poll {5 [[0 1] [1 nil 3]]}] [:poll]], :status :persisted}"#,
            ),
            (
                r#"{"time":81000,"process":"nemesis","type":"info","f":"isolate leader","value":{"label":"a \"b\" \/ c","n":[1.5e3,18446744073709551615,true]},"fault":1}"#,
                r#"{:index 3, :time 81000, :type :info, :process :nemesis, :f "isolate leader", :value {"label" "a \"b\" / c", "n" [1.5e3 18446744073709551615N true]}, :fault 1}"#,
            ),
            (
                r#"{"time":81000,"process":7,"type":"ok","f":"poll","value":null,"position":{"t-0":18,"5":1},"eof":["t-0","5"],"final":true,"poll-ms":100,"a b":{"7":"8"}}"#,
                r#"{:index 3, :time 81000, :type :ok, :process 7, :f :poll, :value nil, :final true, :position {"t-0" 18, 5 1}, :eof ["t-0" 5], :poll-ms 100, "a b" {"7" "8"}}"#,
            ),
            (
                r#"{"time":81000,"process":7,"type":"ok","f":"send","value":null,"txn":{"id":"0.1.7","producer_id":4000,"epoch":2,"outcome":"commit"},"fault":1}"#,
                r#"{:index 3, :time 81000, :type :ok, :process 7, :f :send, :value nil, :txn {:id "0.1.7", :producer_id 4000, :epoch 2, :outcome :commit}, :fault 1}"#,
            ),
        ] {
            assert_eq!(edn(line), expected);
        }
    }

    #[test]
    fn only_what_reads_back_is_a_keyword() {
        for (name, keyword) in [
            ("send", true),
            ("debug-topic-partitions", true),
            ("jepsen/node", true),
            ("seek-to-beginning?", true),
            ("", false),
            ("5", false),
            ("a b", false),
            ("a:b", false),
            ("a/", false),
            ("/", false),
            ("a/b/c", false),
            ("x\\\"", false),
            ("é", false),
        ] {
            assert_eq!(is_name(name.as_bytes()), keyword, "{name}");
        }
    }
}
