//! The values of operations on groups, in every form that a history may have.

use serde_json::{Map, Value};

/// A commit's value: `{key: offset}`, with `group`, `member` and `generation` beside the keys, or
/// `{"offsets": {key: offset}, "group": ..., "member": ..., "generation": ...}`. A key has a hyphen or is a
/// number, so that these words are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommitValue {
    pub(super) offsets: Vec<(String, i64)>,
    pub(super) who: Who,
}

/// Whose operation it is, as far as its value says so.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) group: Option<String>,
    pub(super) member: Option<String>,
    pub(super) generation: Option<i64>,
}

/// A rebalance's value: partitions by what happened to them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RebalanceValue {
    pub(super) assigned: Vec<String>,
    /// Revoked and lost.
    pub(super) taken: Vec<String>,
    pub(super) who: Who,
}

pub(super) fn commit(json: &str) -> Option<CommitValue> {
    let Value::Object(map) = serde_json::from_str(json).ok()? else { return None };
    let offsets = match map.get("offsets") {
        Some(Value::Object(offsets)) => offsets,
        _ => &map,
    };
    let offsets = offsets.iter().filter(|(key, _)| !is_word(key));
    let offsets: Option<Vec<_>> =
        offsets.map(|(key, offset)| Some((key.clone(), offset.as_i64()?))).collect();
    Some(CommitValue { offsets: offsets?, who: who(&map) })
}

/// `None` where the value does not say which partitions were touched.
pub(super) fn rebalance(json: &str) -> Option<RebalanceValue> {
    let Value::Object(map) = serde_json::from_str(json).ok()? else { return None };
    let list = |name: &str| map.get(name).map_or(Some(Vec::new()), keys);
    if !["assigned", "revoked", "lost"].iter().any(|name| map.contains_key(*name)) {
        return None;
    }
    let taken = [list("revoked")?, list("lost")?].concat();
    Some(RebalanceValue { assigned: list("assigned")?, taken, who: who(&map) })
}

/// The keys of Jepsen's `:rebalance-log`: a list of maps with `:keys`, or such lists under `:before` and `:during`.
/// `None` where some entry does not name its keys.
pub(super) fn rebalance_log(json: &str) -> Option<Vec<String>> {
    let parsed: Value = serde_json::from_str(json).ok()?;
    let lists: Vec<&Vec<Value>> = match &parsed {
        Value::Array(entries) => vec![entries],
        Value::Object(map) => map.values().map(Value::as_array).collect::<Option<_>>()?,
        _ => return None,
    };
    let entries = lists.into_iter().flatten();
    let all: Option<Vec<Vec<String>>> = entries.map(|entry| keys(entry.get("keys")?)).collect();
    all.map(|all| all.concat())
}

/// The keys of a map by key, such as a seek's.
pub(super) fn keys_of_map(json: &str) -> Option<Vec<String>> {
    match serde_json::from_str(json).ok()? {
        Value::Object(map) => Some(map.into_iter().map(|(key, _)| key).collect()),
        _ => None,
    }
}

/// A name: a string, or a number in words.
pub(super) fn name(json: &str) -> Option<String> {
    text(&serde_json::from_str(json).ok()?)
}

fn who(map: &Map<String, Value>) -> Who {
    Who {
        group: map.get("group").and_then(text),
        member: map.get("member").and_then(text),
        generation: map.get("generation").and_then(Value::as_i64),
    }
}

fn is_word(key: &str) -> bool {
    matches!(key, "group" | "member" | "generation")
}

fn keys(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(text).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_in_both_forms() {
        let flat = commit(r#"{"t-0":5,"7":6,"generation":3,"group":"g"}"#).expect("a commit");
        let nested = commit(r#"{"offsets":{"t-0":5,"7":6},"generation":3,"group":"g"}"#).expect("a commit");
        assert_eq!(flat, nested);
        assert_eq!(flat.offsets, [("7".to_owned(), 6), ("t-0".to_owned(), 5)]);
        assert_eq!((flat.who.generation, flat.who.group.as_deref()), (Some(3), Some("g")));
        for odd in ["null", "[]", r#"{"t-0":"x"}"#, "{", r#"{"t-0":1.5}"#] {
            assert_eq!(commit(odd), None, "{odd}");
        }
    }

    #[test]
    fn rebalances_in_every_form() {
        let value = rebalance(r#"{"assigned":["t-0",5],"lost":["t-1"],"member":"m"}"#).expect("a rebalance");
        assert_eq!((value.assigned, value.taken), (vec!["t-0".into(), "5".into()], vec!["t-1".into()]));
        for odd in ["null", "{}", r#"{"member":"m"}"#, r#"{"assigned":7}"#] {
            assert_eq!(rebalance(odd), None, "{odd}");
        }
        let expected = Some(vec!["55".to_owned(), "4".into(), "53".into()]);
        assert_eq!(
            rebalance_log(r#"[{"type":"revoked","keys":[55,4]},{"type":"assigned","keys":[53]}]"#),
            expected
        );
        assert_eq!(rebalance_log(r#"{"before":[{"keys":[55,4]}],"during":[{"keys":[53]}]}"#), expected);
        assert_eq!(rebalance_log(r#"[{"type":"revoked"}]"#), None);
        assert_eq!(keys_of_map(r#"{"t-0":4}"#), Some(vec!["t-0".to_owned()]));
    }
}
