//! The fields of one history line as JSON texts, in tribunal's order: what conversions carry from one notation
//! to the other.

use crate::encode::number;
use crate::json::{Cursor, JsonResult};

/// The fields that the format defines, `index` aside, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Time,
    Process,
    Type,
    F,
    Value,
    Client,
    Incarnation,
    Seq,
    Due,
    Node,
    Status,
    Error,
    Isolation,
    Unacked,
    Final,
    Txn,
    Clock,
    Fault,
    Position,
    Eof,
}

use Field as N;

/// Every field with its name on disk.
const FIELDS: [(Field, &str); 20] = [
    (N::Time, "time"),
    (N::Process, "process"),
    (N::Type, "type"),
    (N::F, "f"),
    (N::Value, "value"),
    (N::Client, "client"),
    (N::Incarnation, "incarnation"),
    (N::Seq, "seq"),
    (N::Due, "due"),
    (N::Node, "node"),
    (N::Status, "status"),
    (N::Error, "error"),
    (N::Isolation, "isolation"),
    (N::Unacked, "unacked"),
    (N::Final, "final"),
    (N::Txn, "txn"),
    (N::Clock, "clock"),
    (N::Fault, "fault"),
    (N::Position, "position"),
    (N::Eof, "eof"),
];

impl Field {
    /// The field of this name.
    pub(crate) fn of(name: &[u8]) -> Option<Field> {
        Some(match name {
            b"time" => N::Time,
            b"process" => N::Process,
            b"type" => N::Type,
            b"f" => N::F,
            b"value" => N::Value,
            b"client" => N::Client,
            b"incarnation" => N::Incarnation,
            b"seq" => N::Seq,
            b"due" => N::Due,
            b"node" => N::Node,
            b"status" => N::Status,
            b"error" => N::Error,
            b"isolation" => N::Isolation,
            b"unacked" => N::Unacked,
            b"final" => N::Final,
            b"txn" => N::Txn,
            b"clock" => N::Clock,
            b"fault" => N::Fault,
            b"position" => N::Position,
            b"eof" => N::Eof,
            _ => return None,
        })
    }

    /// Its name on disk.
    pub(crate) fn name(self) -> &'static str {
        FIELDS[self as usize].1
    }

    /// Whether every line has it.
    pub(crate) fn is_required(self) -> bool {
        self <= N::Value
    }

    /// Whether a JSON text is a value that an optional field may have.
    pub(crate) fn takes(self, json: &[u8]) -> bool {
        let mut cursor = Cursor::new(json);
        let read: JsonResult<bool> = match self {
            N::Client | N::Incarnation | N::Fault => cursor.u64().map(|n| n < u64::from(u32::MAX)),
            N::Seq | N::Due => cursor.u64().map(|_| true),
            N::Node => cursor.i64().map(|n| i32::try_from(n).is_ok()),
            N::Status => {
                cursor.string().map(|s| matches!(&*s, "not-persisted" | "possibly-persisted" | "persisted"))
            }
            N::Isolation => cursor.string().map(|s| matches!(&*s, "read-uncommitted" | "read-committed")),
            N::Unacked | N::Final => cursor.boolean().map(|_| true),
            N::Txn => crate::parse::txn(&mut cursor).map(|_| true),
            N::Clock => crate::parse::clock(&mut cursor).map(|_| true),
            N::Position => positions(&mut cursor),
            N::Eof => keys(&mut cursor),
            _ => Ok(true),
        };
        read.unwrap_or(false)
    }
}

fn positions(cursor: &mut Cursor<'_>) -> JsonResult<bool> {
    cursor.expect(b'{')?;
    if cursor.take(b'}') {
        return Ok(true);
    }
    loop {
        cursor.string()?;
        cursor.expect(b':')?;
        cursor.i64()?;
        if !cursor.more(b'}')? {
            return Ok(true);
        }
    }
}

fn keys(cursor: &mut Cursor<'_>) -> JsonResult<bool> {
    cursor.expect(b'[')?;
    if cursor.take(b']') {
        return Ok(true);
    }
    loop {
        match cursor.peek() {
            Some(b'"') => drop(cursor.string()?),
            _ => drop(cursor.i64()?),
        }
        if !cursor.more(b']')? {
            return Ok(true);
        }
    }
}

/// A part of [`Fields::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One line's fields. Kept from line to line, so that reading one allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// JSON texts, in the order in which they were met.
    pub(crate) text: Vec<u8>,
    known: [Option<Place>; 20],
    /// Fields of other names: the name as a JSON string, and the value.
    others: Vec<(Place, Place)>,
}

impl Fields {
    /// Forgets the line.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.known = [None; 20];
        self.others.clear();
    }

    /// A field's value.
    pub(crate) fn get(&self, field: Field) -> Option<&[u8]> {
        self.known[field as usize].map(|place| self.at(place))
    }

    /// Fields that the format does not define, name (a JSON string) and value.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.others.iter().map(|(name, value)| (self.at(*name), self.at(*value)))
    }

    /// Says what the text since `start` is; `false` where the line had that field before.
    pub(crate) fn set(&mut self, field: Field, start: usize) -> bool {
        let place = Place { start, end: self.text.len() };
        self.known[field as usize].replace(place).is_none()
    }

    /// Takes a field away.
    pub(crate) fn unset(&mut self, field: Field) {
        self.known[field as usize] = None;
    }

    /// Adds a field that the format does not define.
    pub(crate) fn set_other(&mut self, name: Place, start: usize) {
        self.others.push((name, Place { start, end: self.text.len() }));
    }

    fn at(&self, place: Place) -> &[u8] {
        &self.text[place.start..place.end]
    }

    /// Reads the line of a history, one that was parsed before.
    ///
    /// # Errors
    /// If it is no JSON object.
    pub(crate) fn read_line(&mut self, line: &[u8]) -> JsonResult<()> {
        self.clear();
        let mut cursor = Cursor::new(line);
        cursor.expect(b'{')?;
        if cursor.take(b'}') {
            return Ok(());
        }
        loop {
            cursor.peek();
            let from = cursor.position();
            let name = cursor.string()?;
            let quoted = &line[from..cursor.position()];
            cursor.expect(b':')?;
            let value = cursor.raw()?;
            let start = self.text.len();
            match Field::of(name.as_bytes()) {
                Some(field) if field.is_required() || value != "null" => {
                    self.text.extend_from_slice(value.as_bytes());
                    self.set(field, start);
                }
                Some(field) => self.unset(field),
                None if name == "index" => {}
                None => {
                    self.text.extend_from_slice(quoted);
                    let name = Place { start, end: self.text.len() };
                    self.text.extend_from_slice(value.as_bytes());
                    self.set_other(name, name.end);
                }
            }
            if !cursor.more(b'}')? {
                return cursor.end();
            }
        }
    }

    /// Appends the line as tribunal writes it, line break included; where it has no time, 0 stands in for it.
    /// Where each value lies in the line goes to `places`: its place there, and in [`Fields::text`].
    /// Returns where `"process"` begins in `out`.
    pub(crate) fn write_line(
        &self,
        out: &mut Vec<u8>,
        mut places: Option<&mut Vec<(usize, usize)>>,
    ) -> usize {
        let mut tail = out.len();
        out.push(b'{');
        for (i, place) in self.known.iter().enumerate() {
            let Some(place) = place else {
                if i == N::Time as usize {
                    out.extend_from_slice(b"\"time\":0");
                }
                continue;
            };
            if i > 0 {
                out.push(b',');
            }
            if i == N::Process as usize {
                tail = out.len();
            }
            out.push(b'"');
            out.extend_from_slice(FIELDS[i].1.as_bytes());
            out.extend_from_slice(b"\":");
            if let Some(places) = &mut places {
                places.push((out.len(), place.start));
            }
            out.extend_from_slice(self.at(*place));
        }
        for (name, value) in &self.others {
            out.push(b',');
            out.extend_from_slice(self.at(*name));
            out.push(b':');
            out.extend_from_slice(self.at(*value));
        }
        out.extend_from_slice(b"}\n");
        tail
    }
}

/// Puts a number and a time in front of what [`Fields::write_line`] wrote from its tail on.
pub(crate) fn number_line(out: &mut Vec<u8>, index: u64, time: u64, tail: &[u8]) {
    out.extend_from_slice(b"{\"index\":");
    number(out, index);
    out.extend_from_slice(b",\"time\":");
    number(out, time);
    out.push(b',');
    out.extend_from_slice(tail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_names_is_in_the_order_of_the_fields() {
        for (i, (field, name)) in FIELDS.iter().enumerate() {
            assert_eq!(*field as usize, i);
            assert_eq!(Field::of(name.as_bytes()), Some(*field));
            assert_eq!(field.name(), *name);
        }
        assert!(Field::of(b"index").is_none());
    }

    #[test]
    fn a_line_is_laid_out_as_the_recorder_lays_it_out() {
        let line =
            br#" { "more\n": [1, {"a":2}] , "final":true,"f":"send","node":null,"value":[["send","t-0",1]],
            "type":"invoke","index":9,"process":3, "time":7} "#;
        let mut fields = Fields::default();
        fields.read_line(line).expect("an object");
        let mut out = Vec::new();
        let tail = fields.write_line(&mut out, None);
        assert_eq!(
            String::from_utf8(out.clone()).expect("UTF-8"),
            "{\"time\":7,\"process\":3,\"type\":\"invoke\",\"f\":\"send\",\"value\":[[\"send\",\"t-0\",1]],\
             \"final\":true,\"more\\n\":[1, {\"a\":2}]}\n"
        );
        assert!(out[tail..].starts_with(b"\"process\""));
        let mut numbered = Vec::new();
        number_line(&mut numbered, 4, 7, &out[tail..]);
        assert!(numbered.starts_with(br#"{"index":4,"time":7,"process":3,"#));
    }

    #[test]
    fn a_field_takes_its_own_type_only() {
        for (field, good, bad) in [
            (N::Client, "4", "\"c\""),
            (N::Client, "0", "4294967295"),
            (N::Node, "-1", "\"n1\""),
            (N::Status, "\"persisted\"", "200"),
            (N::Isolation, "\"read-committed\"", "\"serializable\""),
            (N::Final, "false", "1"),
            (N::Txn, "{\"id\":\"a\",\"epoch\":-1}", "{\"epoch\":1}"),
            (N::Txn, "{\"id\":7,\"outcome\":\"commit\"}", "{\"id\":7,\"outcome\":\"committed\"}"),
            (N::Txn, "{\"id\":7,\"more\":[1]}", "7"),
            (N::Position, "{\"t-0\":4}", "[4]"),
            (N::Position, "{}", "{\"t-0\":null}"),
            (N::Eof, "[\"t-0\",5]", "true"),
        ] {
            assert!(field.takes(good.as_bytes()), "{field:?} {good}");
            assert!(!field.takes(bad.as_bytes()), "{field:?} {bad}");
        }
    }
}
