//! One line of a history to a row of fixed size: a typed parse of the few fields that models read.
//!
//! The scanner takes JSON as machines write it. A line that it does not understand (escapes in a
//! field's name, say) goes through `serde_json`, which also words the error for a damaged one.

use serde_json::Value as Json;
use store::op::OpType;

use super::op::F;
use super::value::{Tables, Value};

/// Who breaks things: the one process without a number.
const NEMESIS: &str = "nemesis";

/// One event as a model sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// `time`, or [`Row::NO_TIME`].
    pub time: u64,
    pub key: Value,
    /// `value`; the function's name as text where `f` is no word of any model.
    pub value: Value,
    /// `clock`.
    pub clock: Value,
    pub line: u32,
    /// `None` for the nemesis.
    pub process: Option<u32>,
    pub op_type: OpType,
    pub f: Option<F>,
}

impl Row {
    pub(super) const NO_TIME: u64 = u64::MAX;
    /// The latest time, 146 years: what is above is left for "never", and for arithmetic.
    const LATEST: u64 = 1 << 62;
}

/// Parses one line. The error is a fragment that fits "line N: ...".
pub(super) fn parse(text: &[u8], line: u32, tables: &mut Tables) -> Result<Row, String> {
    match Scanner::new(text, tables).row(line) {
        Some(row) => Ok(row),
        None => {
            let json: Json = serde_json::from_slice(text).map_err(|e| format!("no JSON object: {e}"))?;
            if let Some((field, number)) = rounded(text, &json) {
                return Err(format!(
                    "\"{field}\" holds {number}, a number with too many digits to be told from its neighbours; write \
                     it as a string"
                ));
            }
            from_json(&json, line, tables)
        }
    }
}

/// The row of a line that is already parsed.
fn from_json(json: &Json, line: u32, tables: &mut Tables) -> Result<Row, String> {
    let object = json.as_object().ok_or_else(|| format!("an event is a JSON object, not {}", brief(json)))?;
    let word = |field: &str| -> Result<&str, String> {
        let found = object.get(field).ok_or_else(|| format!("no field \"{field}\""))?;
        found.as_str().ok_or_else(|| format!("\"{field}\" is a string, not {}", brief(found)))
    };
    let op_type = match word("type")? {
        "invoke" => OpType::Invoke,
        "ok" => OpType::Ok,
        "fail" => OpType::Fail,
        "info" => OpType::Info,
        other => return Err(format!("\"type\" is invoke, ok, fail or info, not \"{other}\"")),
    };
    let process = match object.get("process").ok_or("no field \"process\"")? {
        Json::Number(n) => Some(
            n.as_u64()
                .and_then(|p| u32::try_from(p).ok())
                .ok_or_else(|| format!("\"process\" is a number below 2^32, not {n}"))?,
        ),
        Json::String(name) if name == NEMESIS => None,
        other => {
            return Err(format!(
                "\"process\" is {}; it must be a whole number from 0, or \"{NEMESIS}\"",
                brief(other)
            ));
        }
    };
    let time = match object.get("time") {
        None | Some(Json::Null) => Row::NO_TIME,
        Some(t) => t
            .as_u64()
            .filter(|&time| time <= Row::LATEST)
            .ok_or_else(|| format!("\"time\" is in whole nanoseconds since the start, not {}", brief(t)))?,
    };
    let name = match process {
        Some(_) => word("f")?,
        None => "",
    };
    let f = F::parse(name.as_bytes());
    let field = |name: &str, tables: &mut Tables| object.get(name).map_or(Value::NULL, |v| value(v, tables));
    let key = match object.get("key") {
        // Equal keys must be equal words, which lists are not.
        Some(list @ Json::Array(_)) => tables.intern(&list.to_string()),
        _ => field("key", tables),
    };
    Ok(Row {
        time,
        key,
        value: match (f, process) {
            (None, Some(_)) => tables.intern(&Json::from(name).to_string()),
            _ => field("value", tables),
        },
        clock: field("clock", tables),
        line,
        process,
        op_type,
        f,
    })
}

/// A field of a line with a number that lost digits when it was parsed, and that number.
fn rounded<'j>(text: &[u8], json: &'j Json) -> Option<(&'static str, &'j serde_json::Number)> {
    // What a floating-point number holds surely.
    const DIGITS: usize = 15;
    let long = text.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    if !long.into_iter().any(|run| run.len() > DIGITS && run[0].is_ascii_digit()) {
        return None;
    }
    let lossy = |number: &&serde_json::Number| {
        let whole = number.as_f64().is_some_and(|f| f.fract() == 0.0 && f.abs() >= 9e18);
        whole && !number.is_i64() && !number.is_u64()
    };
    ["key", "value"]
        .into_iter()
        .find_map(|field| Some((field, numbers(json.get(field)?).into_iter().find(lossy)?)))
}

/// All numbers in a value; its depth is bounded by the parser.
fn numbers(json: &Json) -> Vec<&serde_json::Number> {
    match json {
        Json::Number(n) => vec![n],
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        Json::Object(fields) => fields.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

fn brief(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

/// A JSON value as a model's value.
fn value(json: &Json, tables: &mut Tables) -> Value {
    match json {
        Json::Null => Value::NULL,
        Json::Bool(true) => Value::TRUE,
        Json::Bool(false) => Value::FALSE,
        Json::Array(items) => {
            let items: Vec<Value> = items.iter().map(|item| value(item, tables)).collect();
            tables.push_list(&items)
        }
        Json::Number(n) => n.as_i64().and_then(Value::int).unwrap_or_else(|| tables.intern(&n.to_string())),
        Json::String(_) | Json::Object(_) => tables.intern(&json.to_string()),
    }
}

/// The fast path: one pass over the bytes, nothing allocated but new texts.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    tables: &'a mut Tables,
    /// Items of the lists that are still open.
    open: Vec<Value>,
}

/// Lists nested deeper than this go to `serde_json`, whose own limit protects the stack.
const DEEPEST: usize = 16;

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8], tables: &'a mut Tables) -> Scanner<'a> {
        Scanner { text, at: 0, tables, open: Vec::new() }
    }

    fn row(&mut self, line: u32) -> Option<Row> {
        let mut row = Row {
            time: Row::NO_TIME,
            key: Value::NULL,
            value: Value::NULL,
            clock: Value::NULL,
            line,
            process: None,
            op_type: OpType::Invoke,
            f: None,
        };
        let (mut typed, mut named, mut f_seen) = (false, false, None);
        self.expect(b'{')?;
        loop {
            let field = self.plain_string()?;
            self.expect(b':')?;
            match field {
                b"type" => {
                    row.op_type = match self.plain_string()? {
                        b"invoke" => OpType::Invoke,
                        b"ok" => OpType::Ok,
                        b"fail" => OpType::Fail,
                        b"info" => OpType::Info,
                        _ => return None,
                    };
                    typed = true;
                }
                b"f" => f_seen = Some(self.plain_string()?),
                b"process" => {
                    row.process = match self.peek()? {
                        b'"' => {
                            self.plain_string().filter(|name| *name == NEMESIS.as_bytes()).map(|_| None)?
                        }
                        b'0'..=b'9' => Some(u32::try_from(self.unsigned()?).ok()?),
                        _ => return None,
                    };
                    named = true;
                }
                b"time" => row.time = self.unsigned().filter(|&time| time <= Row::LATEST)?,
                b"key" if matches!(self.peek()?, b'[' | b'{') => return None,
                b"key" => row.key = self.value(0)?,
                b"value" => row.value = self.value(0)?,
                b"clock" => row.clock = self.value(0)?,
                _ => self.skip()?,
            }
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.spaces();
        if !(typed && named && self.at == self.text.len()) {
            return None;
        }
        row.f = f_seen.and_then(F::parse);
        if row.f.is_none() && row.process.is_some() {
            let name = std::str::from_utf8(f_seen?).ok()?;
            row.value = self.tables.intern(&format!("\"{name}\""));
        }
        Some(row)
    }

    fn spaces(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.spaces();
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// The bytes of a string without escapes; control characters are refused as JSON does.
    fn plain_string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.text.get(self.at)? {
                b'"' => break,
                b'\\' | 0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(&self.text[start..self.at - 1])
    }

    fn unsigned(&mut self) -> Option<u64> {
        self.spaces();
        let start = self.at;
        let mut n: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            n = n.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        let leading_zero = self.text.get(start) == Some(&b'0') && self.at > start + 1;
        let fraction = matches!(self.text.get(self.at), Some(b'.' | b'e' | b'E'));
        (self.at > start && !leading_zero && !fraction).then_some(n)
    }

    /// A whole number: in the word if it fits, else as its digits.
    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        let negative = self.text[start] == b'-';
        self.at += usize::from(negative);
        let digits = self.at;
        if let Some(n) = self.unsigned().and_then(|n| i64::try_from(n).ok()).filter(|n| !negative || *n != 0)
            && let Some(value) = Value::int(if negative { -n } else { n })
        {
            return Some(value);
        }
        self.at = digits;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        let fraction = matches!(self.text.get(self.at), Some(b'.' | b'e' | b'E'));
        let leading_zero = self.text.get(digits) == Some(&b'0') && self.at > digits + 1;
        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        // -0 is a floating-point number in JSON's usual reading.
        if self.at == digits || fraction || leading_zero || text == "-0" {
            return None;
        }
        Some(self.tables.intern(text))
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => {
                let start = self.at;
                self.plain_string()?;
                let json = std::str::from_utf8(&self.text[start..self.at]).ok()?;
                Some(self.tables.intern(json))
            }
            b'[' if depth < DEEPEST => self.list(depth),
            b'n' => self.word(b"null", Value::NULL),
            b't' => self.word(b"true", Value::TRUE),
            b'f' => self.word(b"false", Value::FALSE),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Option<Value> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let base = self.open.len();
        if self.peek()? == b']' {
            self.at += 1;
        } else {
            loop {
                let item = self.value(depth + 1)?;
                self.open.push(item);
                match self.next()? {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
        }
        let list = self.tables.push_list(&self.open[base..]);
        self.open.truncate(base);
        Some(list)
    }

    /// Passes over a value of no interest: brackets are balanced, strings are respected.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_u32;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b'a'..=b'z' | b'0'..=b'9' | b'-' => {
                    while let Some(b'a'..=b'z' | b'0'..=b'9' | b'-' | b'+' | b'.' | b'E') =
                        self.text.get(self.at)
                    {
                        self.at += 1;
                    }
                }
                _ => return None,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.text.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both paths must read the same, so each line goes through both.
    fn both(text: &str) -> (Row, String) {
        let mut fast_tables = Tables::default();
        let fast =
            Scanner::new(text.as_bytes(), &mut fast_tables).row(1).expect("the scanner understands it");
        let mut slow_tables = Tables::default();
        let slow = from_json(&serde_json::from_str(text).unwrap(), 1, &mut slow_tables).unwrap();
        let key = fast_tables.show(fast.key);
        assert_eq!(key, slow_tables.show(slow.key));
        assert_eq!(fast_tables.show(fast.value), slow_tables.show(slow.value));
        assert_eq!(
            (fast.time, fast.process, fast.op_type, fast.f),
            (slow.time, slow.process, slow.op_type, slow.f)
        );
        let value = fast_tables.show(fast.value);
        (fast, format!("{key} {value}"))
    }

    #[test]
    fn the_scanner_and_serde_json_agree() {
        let (row, shown) = both(
            r#"{"index":0,"time":81000,"process":3,"type":"ok","f":"cas","key":"x y","value":[1,[-2,null,"é"]],"error":{"a":["}\"",1.5e-3]}}"#,
        );
        assert_eq!((row.process, row.time, row.f), (Some(3), 81000, Some(F::Cas)));
        assert_eq!(shown, r#""x y" [1,[-2,null,"é"]]"#);
        both(r#" { "process" : "nemesis" , "type" : "info" , "f" : "kill" , "value" : [ ] } "#);
        let (row, shown) = both(r#"{"process":1,"type":"invoke","f":"poke","value":7}"#);
        assert_eq!((row.f, shown.as_str()), (None, r#"null "poke""#));
    }

    #[test]
    fn what_the_scanner_refuses_serde_json_reads() {
        let mut tables = Tables::default();
        for (json, shown) in [
            (r#""a\u0041""#, r#""aA""#),
            ("4611686018427387904", "4611686018427387904"),
            ("1.5", "1.5"),
            (r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
        ] {
            let line = format!(r#"{{"process":1,"type":"ok","f":"read","value":{json}}}"#);
            let row = parse(line.as_bytes(), 9, &mut tables).unwrap();
            assert_eq!(tables.show(row.value), shown);
        }
    }

    #[test]
    fn a_damaged_line_is_refused_with_its_reason() {
        let mut tables = Tables::default();
        for (line, reason) in [
            ("{", "no JSON object"),
            ("[1]", "an event is a JSON object"),
            (r#"{"process":1,"f":"read"}"#, "no field \"type\""),
            (r#"{"process":1,"type":"maybe","f":"read"}"#, "not \"maybe\""),
            (r#"{"type":"ok","f":"read"}"#, "no field \"process\""),
            (r#"{"process":1,"type":"ok"}"#, "no field \"f\""),
            (r#"{"process":1,"type":"ok","f":"read","time":-1}"#, "whole nanoseconds"),
            (r#"{"process":1,"type":"ok","f":"read","time":4611686018427387905}"#, "whole nanoseconds"),
            (r#"{"process":-1,"type":"ok","f":"read"}"#, "below 2^32"),
            (r#"{"process":1,"type":"ok","f":"read","value":[1}"#, "no JSON object"),
        ] {
            let error = parse(line.as_bytes(), 1, &mut tables).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
