//! One operation's map to the fields of a history line.

use crate::fields::{Field, Fields, Place};

use super::token::{Cursor, EdnResult, json_string};

/// Reads the map that comes next: Jepsen's operation, plain or as a record (`#jepsen.history.Op{...}`).
///
/// `:index` is left out, as is a time that Jepsen did not know (`-1`, `nil`). An optional field of the format
/// whose value is of another type is some test's own field of that name: it is kept as `jepsen/NAME`.
pub(super) fn operation(cursor: &mut Cursor<'_>, fields: &mut Fields) -> EdnResult<()> {
    fields.clear();
    if cursor.next()? == b'#' {
        cursor.tag()?;
    }
    let b = cursor.next()?;
    if b != b'{' {
        return cursor.wrong(format!("expected an operation's map, found '{}'", b.escape_ascii()));
    }
    cursor.at += 1;
    cursor.depth = 1;
    loop {
        let b = cursor.next()?;
        if b == b'}' {
            break;
        }
        field(cursor, fields, b)?;
    }
    cursor.at += 1;
    cursor.depth = 0;
    Ok(())
}

fn field(cursor: &mut Cursor<'_>, fields: &mut Fields, b: u8) -> EdnResult<()> {
    let key = cursor.at;
    let name = fields.text.len();
    let known = match b {
        b':' => {
            let token = cursor.keyword()?;
            let known = named(token);
            if known == Named::Other {
                fields.text.push(b'"');
                fields.text.extend_from_slice(token);
                fields.text.push(b'"');
            }
            known
        }
        b'"' => {
            cursor.string(&mut fields.text)?;
            named(&fields.text[name + 1..fields.text.len() - 1])
        }
        _ => return cursor.wrong("the keys of an operation's map are keywords"),
    };
    let value = fields.text.len();
    if cursor.next()? == b'}' {
        return cursor.wrong("a map has a key without a value");
    }
    cursor.value(&mut fields.text)?;
    let json = &fields.text[value..];
    match known {
        Named::Index => fields.text.truncate(name),
        Named::Other => fields.set_other(Place { start: name, end: value }, value),
        Named::Field(Field::Time) if matches!(json, b"null" | b"-1") => fields.text.truncate(name),
        Named::Field(field) if json == b"null" && !field.is_required() => fields.text.truncate(name),
        Named::Field(field) if field.is_required() || field.takes(json) => {
            if !fields.set(field, value) {
                return cursor.wrong_at(key, format!("the operation has :{} twice", field.name()));
            }
        }
        Named::Field(field) => {
            let json = fields.text.split_off(value);
            fields.text.truncate(name);
            json_string(&mut fields.text, &format!("jepsen/{}", field.name()));
            let end = fields.text.len();
            fields.text.extend_from_slice(&json);
            fields.set_other(Place { start: name, end }, end);
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Named {
    Index,
    Field(Field),
    Other,
}

fn named(name: &[u8]) -> Named {
    match Field::of(name) {
        Some(field) => Named::Field(field),
        None if name == b"index" => Named::Index,
        None => Named::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::Stop;
    use super::*;

    fn line(edn: &str) -> String {
        let mut fields = Fields::default();
        match operation(&mut Cursor::new(edn.as_bytes()), &mut fields) {
            Ok(()) => {
                let mut out = Vec::new();
                fields.write_line(&mut out, None);
                String::from_utf8(out).expect("UTF-8").trim_end().to_owned()
            }
            Err(Stop::Incomplete) => "incomplete".into(),
            Err(Stop::Wrong(fault)) => format!("{}: {}", fault.at, fault.reason),
        }
    }

    #[test]
    fn an_operation_is_the_line_it_stands_for() {
        for (edn, expected) in [
            (
                "{:type :invoke, :f :send, :value [[:send 5 1]], :time 81000, :process 0, :index 0}",
                r#"{"time":81000,"process":0,"type":"invoke","f":"send","value":[["send",5,1]]}"#,
            ),
            (
                "#jepsen.history.Op{:index 24255, :time 128583906562, :type :ok, :process 187, :f :poll, \
                 :value ([:poll {5 [[272 140] [273 142]]}]), :poll-ms 1000}",
                r#"{"time":128583906562,"process":187,"type":"ok","f":"poll","value":[["poll",{"5":[[272,140],[273,142]]}]],"poll-ms":1000}"#,
            ),
            (
                "{:process :nemesis, :type :info, :f :start-partition, :value {\"n1\" #{\"n2\" \"n3\"}}, :time 9, \
                 :error nil, :node \"n1\", :client 3, :final true}",
                r#"{"time":9,"process":"nemesis","type":"info","f":"start-partition","value":{"n1":["n2","n3"]},"client":3,"final":true,"jepsen/node":"n1"}"#,
            ),
            (
                "{:type :fail, :f :cas, :value [1 2], :process 3, :error [:timeout \"late\"], :time -1}",
                r#"{"time":0,"process":3,"type":"fail","f":"cas","value":[1,2],"error":["timeout","late"]}"#,
            ),
        ] {
            assert_eq!(line(edn), expected);
        }
    }

    #[test]
    fn what_is_no_operation_is_refused() {
        for (edn, expected) in [
            ("[1]", "0: expected an operation's map, found '['"),
            ("{1 2}", "1: the keys of an operation's map are keywords"),
            ("{:f :a, :f :b}", "8: the operation has :f twice"),
            ("{:f}", "3: a map has a key without a value"),
            ("{:f :send, :value [[", "incomplete"),
        ] {
            assert_eq!(line(edn), expected, "{edn}");
        }
    }
}
