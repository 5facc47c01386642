//! Histories as Clojure 1.12 itself printed them: `tests/printed/` has the same seven operations by `prn` (as maps, as
//! records, with namespaces in front of maps), by `pr` as one vector, and by `pprint` (less what that prints unreadably).

use std::path::Path;

use serde_json::{Value, json};
use store::reader::{ReadError, Source, read};

mod events;

fn said(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/printed").join(name);
    let mut said = Vec::new();
    let summary = read(Source::open(&path).expect("opens"), 2, |batch| {
        said.extend(events::said_again(batch));
        Ok::<(), ReadError>(())
    });
    let summary = summary.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((summary.lines, summary.warnings), (7, Vec::new()), "{name}");
    said
}

#[test]
fn however_it_is_printed_it_is_the_same_history() {
    let rows = said("rows.edn");
    for name in ["records.edn", "vector.edn", "nsmaps.edn"] {
        assert_eq!(said(name), rows, "{name}");
    }
    let pretty = said("pretty.edn");
    assert_eq!(pretty[..5], rows[..5]);
    assert_eq!(pretty[6], rows[6]);
}

#[test]
fn what_jepsens_kafka_test_prints_becomes_columns() {
    let rows = said("rows.edn");
    assert_eq!(rows[1]["mops"], json!([["send", "5", 0, 1]]));
    assert_eq!(rows[3]["mops"][0], json!(["poll", "5", [[0, 1]]]));
    assert_eq!(rows[3]["mops"][1][2][1], json!([4, null]));
    assert_eq!(rows[4]["process"], json!("nemesis"));
    assert_eq!(rows[4]["value"], json!({"n1": ["n2", "n3"], "kw/ns": ["a", "sym/b", "a", "\n", "\"", "λ"]}));
    assert_eq!((&rows[5]["node"], &rows[5]["error"]), (&Value::Null, &json!("[\"timeout\",\"late\"]")));
    assert_eq!((&rows[6]["type"], &rows[6]["error"]), (&json!("fail"), &json!("not-leader")));
    let value = &rows[5]["value"];
    for (name, expected) in [
        ("inst", json!("2024-08-20T06:26:34.633-00:00")),
        ("uuid", json!("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")),
        ("ratio", json!("1/3")),
        ("dec", json!(1.5)),
        ("dbl", json!(1.5e-7)),
        ("nan", json!("NaN")),
        ("inf", json!("-Infinity")),
        ("re", json!("\\d+\\\"x")),
        ("var", json!("#'clojure.core/map")),
        ("rec", json!({"tag": "user.Thing", "value": {"a": 1, "b": [2]}})),
        ("str", json!("a\tb\nc \"q\" \\ é 😀 \u{1}")),
        ("nsmap", json!({"jepsen/a": 1, "jepsen/b": {"x/y": 2}})),
        ("[1,2]", json!(3)),
        ("null", json!(1)),
    ] {
        assert_eq!(value[name], expected, "{name}");
    }
    assert_eq!(value["atom"]["tag"], json!("object"));
    assert_eq!(value["ex"]["value"]["cause"], json!("boom"));
}
