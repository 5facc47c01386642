//! Histories in one line: `0:write=1 1:read 0:ok 1:ok=1 2:add@key=7 2:info`.
//!
//! `process:f[@key][=value]` invokes; `process:ok|fail|info[=value]` completes. Values are JSON without
//! spaces. The order of the words is the order in time.

use checker::model::History;

/// The history as JSON Lines.
pub(crate) fn json_lines(notation: &str) -> String {
    let mut lines = String::new();
    let mut open = std::collections::HashMap::new();
    for (time, event) in notation.split_whitespace().enumerate() {
        let (process, rest) = event.split_once(':').expect("process:event");
        let (head, value) = rest.split_once('=').unwrap_or((rest, "null"));
        let (head, key) = head.split_once('@').unwrap_or((head, ""));
        let completion = matches!(head, "ok" | "fail" | "info");
        let (op_type, f, key) = if completion {
            let (f, key) = open.remove(process).expect("an open invocation");
            (head, f, key)
        } else {
            open.insert(process, (head, key));
            ("invoke", head, key)
        };
        let key = if key.is_empty() { String::new() } else { format!(",\"key\":\"{key}\"") };
        lines += &format!(
            "{{\"time\":{time},\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}{key}}}\n"
        );
    }
    lines
}

/// The history, loaded.
pub(crate) fn history(notation: &str) -> History {
    History::from_json_lines(&json_lines(notation)).expect("the notation is a history")
}
