//! Damaged EDN is an error that names a place, or a history, never a panic or a hang; and what the reader makes of
//! any value is what clojure-reader makes of it.

use std::collections::BTreeMap;

use clojure_reader::edn::{Edn, read_string};
use proptest::prelude::*;
use serde_json::{Value, json};
use store::reader::{ReadError, ReadSummary, Source, read};

/// Parts that a history is made of, whole and broken.
const PARTS: [&str; 34] = [
    "{:type :invoke, :f :send, :value [[:send 5 1]], :time 81000, :process 0, :index 0}",
    "#jepsen.history.Op{:index 1, :time 9, :type :ok, :process 3, :f :poll, :value ([:poll {5 [[0 1] [1 2]]}])}",
    "{:process :nemesis, :type :info, :f :kill, :value #{\"n1\" nil}, :time 10}",
    "{:type :ok",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "#{",
    "#",
    "#_",
    "#inst \"2024\"",
    "#object[x 0x1 \"y\"]",
    "\"",
    "\\",
    "\\newline",
    "\"\\u00e9\\ud83d\"",
    ":",
    ":a/b",
    "nil",
    "-1.5e9M",
    "1/2",
    "##Inf",
    ";",
    "\n",
    ",",
    " ",
    "^",
    "\u{0}",
    "é",
    "18446744073709551616N",
    ":time",
];

fn reading(bytes: Vec<u8>, threads: usize) -> Result<(u64, ReadSummary), String> {
    let mut operations = 0;
    let lines = bytes.iter().filter(|b| **b == b'\n').count() as u64 + 1;
    let size = bytes.len() as u64;
    let summary = read(Source::bytes(bytes), threads, |batch| {
        operations += batch.lines.len() as u64;
        Ok::<(), ReadError>(())
    });
    match summary {
        Ok(summary) => Ok((operations, summary)),
        Err(ReadError::Edn { line, byte, reason, .. } | ReadError::Line { line, byte, reason, .. }) => {
            assert!((1..=lines).contains(&line), "line {line} of {lines}: {reason}");
            assert!((1..=size + 1).contains(&byte), "byte {byte} of {size}: {reason}");
            Err(reason)
        }
        Err(e) => Err(e.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_row_of_parts_is_a_history_or_an_error(parts in proptest::collection::vec((0..PARTS.len(), any::<bool>()), 0..40)) {
        let text: String = parts.iter().map(|(part, space)| format!("{}{}", PARTS[*part], if *space { " " } else { "" })).collect();
        let one = reading(text.clone().into_bytes(), 1);
        prop_assert_eq!(&one, &reading(text.into_bytes(), 3));
    }

    #[test]
    fn damaged_bytes_are_a_history_or_an_error(
        rows in any::<bool>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let ops = [PARTS[0], PARTS[1], PARTS[2]].repeat(20);
        let text = if rows { ops.join("\n") } else { format!("[{}]", ops.join(" ")) };
        let mut bytes = text.into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() * 2));
        let one = reading(bytes.clone(), 1);
        prop_assert_eq!(one, reading(bytes, 3));
    }

    #[test]
    fn any_bytes_are_a_history_or_an_error(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
        for head in ["{:", "[{:", "#a", "({:type :ok} "] {
            let mut bytes = head.as_bytes().to_vec();
            bytes.extend_from_slice(&tail);
            let _ = reading(bytes, 2);
        }
    }

    /// clojure-reader builds a tree of the same text: the slow way to the same value.
    #[test]
    fn values_are_what_clojure_reader_makes_of_them(value in arbitrary_edn(4)) {
        let text = format!("{{:type :invoke, :process 0, :time 1, :f :other, :value {value}}}");
        let mut read_value = None;
        let summary = read(Source::bytes(text.clone().into()), 1, |batch| {
            read_value = batch.value_of(&batch.lines[0]).map(|v| serde_json::from_str::<Value>(v).expect("JSON"));
            Ok::<(), ReadError>(())
        });
        prop_assert!(summary.is_ok(), "{:?} of {}", summary, text);
        let tree = read_string(&text).map_err(|e| TestCaseError::fail(format!("{e:?} of {text}")))?;
        let Edn::Map(tree) = &tree else { panic!("{text} is a map") };
        let expected = as_json(&tree[&Edn::Key("value".into())]);
        prop_assert_eq!(read_value.unwrap_or(Value::Null), expected, "{}", text);
    }
}

/// Deep nesting is refused, however long it goes on and however it is laid out.
#[test]
fn depth_is_no_danger() {
    for open in ["[", "{:a ", "#{", "(", "#a ", "[#_[", "{[1] "] {
        let text = format!("{{:type :ok, :value {}", open.repeat(2_000_000));
        for threads in [1, 2] {
            let error = reading(text.clone().into_bytes(), threads).expect_err("too deep");
            assert!(error.contains("nested more than"), "{open}: {error}");
        }
    }
}

/// A bracket that was lost early on does not make the rest be read over and over.
#[test]
fn a_form_that_never_ends_is_given_up_in_time() {
    let mut text = String::from("[{:type :ok, :f :poll, :time 1, :process 0, :value [");
    while text.len() < 140 << 20 {
        text.push_str("1234567 1234567 1234567 1234567 1234567 1234567 1234567 1234567 1234567 1234567 ");
    }
    let error = reading(text.into_bytes(), 2).expect_err("it never ends");
    assert!(error.contains("longer than 64 MiB"), "{error}");
}

fn arbitrary_edn(depth: u32) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("nil".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        (-1e6f64..1e6).prop_map(|n| format!("{n:?}")),
        "[a-z][a-z0-9.*?!-]{0,5}(/[a-z]{1,3})?".prop_map(|s| format!(":{s}")),
        "[a-eg-mo-su-z][a-z0-9.*?!-]{0,5}".prop_map(|s| s),
        "[ a-zA-Zäé,;#:{}()\\[\\]]{0,8}".prop_map(|s| format!("{s:?}")),
        prop_oneof![Just(r"\a"), Just(r"\newline"), Just(r"\space"), Just(r"\λ")].prop_map(str::to_owned),
        (any::<i16>(), 1i16..9).prop_map(|(a, b)| format!("{a}/{b}")),
    ];
    leaf.prop_recursive(depth, 30, 5, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 0..5);
        let gap = prop_oneof![Just(" "), Just(", "), Just("\n"), Just(" ; so\n "), Just(" #_ [gone \"]\"] ")];
        prop_oneof![
            (some(), gap.clone()).prop_map(|(items, gap)| format!("[{}]", items.join(gap))),
            (some(), gap.clone()).prop_map(|(items, gap)| format!("({})", items.join(gap))),
            (some(), gap).prop_map(|(items, gap)| {
                let distinct: Vec<String> =
                    items.into_iter().enumerate().map(|(i, v)| format!(":k{i}{gap}{v}")).collect();
                format!("{{{}}}", distinct.join(gap))
            }),
            (inner.clone(), 0..9u8).prop_map(|(v, n)| format!("#{{[{n} {v}]}}")),
            inner.clone().prop_map(|v| format!("#my.ns/Tag {v}")),
            inner.prop_map(|v| format!("#jepsen.some.Record{{:a {v}}}")),
        ]
    })
}

/// The mapping once more, over a tree.
fn as_json(edn: &Edn<'_>) -> Value {
    match edn {
        Edn::Nil => Value::Null,
        Edn::Bool(b) => json!(b),
        Edn::Int(n) => json!(n),
        Edn::Double(n) => json!(n.into_inner()),
        Edn::Rational((above, below)) => json!(format!("{above}/{below}")),
        Edn::Key(name) | Edn::Symbol(name) => json!(name),
        Edn::Str(raw) => {
            let unescaped: Value =
                serde_json::from_str(&format!("\"{raw}\"")).expect("its escapes are JSON's");
            unescaped
        }
        Edn::Char(c) => json!(c.to_string()),
        Edn::Vector(items) | Edn::List(items) => items.iter().map(as_json).collect(),
        Edn::Set(items) => items.iter().map(as_json).collect(),
        Edn::Map(entries) => {
            let entries: BTreeMap<String, Value> = entries
                .iter()
                .map(|(k, v)| match as_json(k) {
                    Value::String(k) => (k, as_json(v)),
                    other => (other.to_string(), as_json(v)),
                })
                .collect();
            json!(entries)
        }
        Edn::Tagged(tag, value) => json!({"tag": tag, "value": as_json(value)}),
        other => panic!("{other:?} is not generated"),
    }
}
