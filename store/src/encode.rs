//! An event to one line of JSON, without an allocation: recording must not slow the clients it watches.
//!
//! Field order is fixed, so that histories compress well and the reader's branches predict well.

use crate::op::{Event, Mop, Payload, Process, Record, Txn};

/// Appends the event's line to `out`, from `"time":` to the line break. The recorder's writer puts
/// `{"index":N,` in front once the line's number is known.
pub(crate) fn encode_tail(out: &mut Vec<u8>, event: &Event<'_>) {
    out.extend_from_slice(b"\"time\":");
    number(out, event.time.0);
    out.extend_from_slice(b",\"process\":");
    if event.process == Process::NEMESIS {
        out.extend_from_slice(b"\"nemesis\"");
    } else {
        number(out, u64::from(event.process.0));
    }
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(event.op_type.as_str().as_bytes());
    out.extend_from_slice(b"\",\"f\":");
    string(out, event.f);
    out.extend_from_slice(b",\"value\":");
    payload(out, &event.value);
    more(out, event);
    out.extend_from_slice(b"}\n");
}

fn payload(out: &mut Vec<u8>, value: &Payload<'_>) {
    match value {
        Payload::None => out.extend_from_slice(b"null"),
        Payload::Json(json) => {
            debug_assert!(!json.contains('\n'), "a history line holds one line: {json:?}");
            out.extend_from_slice(json.as_bytes());
        }
        Payload::Mops(mops) => list(out, mops, mop),
    }
}

fn mop(out: &mut Vec<u8>, mop: &Mop<'_>) {
    match mop {
        Mop::Send { key, value, offset } => {
            out.extend_from_slice(b"[\"send\",");
            string(out, key);
            out.push(b',');
            match offset {
                None => number(out, *value),
                Some(offset) => pair(out, *offset, Some(*value)),
            }
            out.push(b']');
        }
        Mop::Poll(None) => out.extend_from_slice(b"[\"poll\"]"),
        Mop::Poll(Some(keys)) => {
            out.extend_from_slice(b"[\"poll\",{");
            for (i, (key, records)) in keys.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                string(out, key);
                out.push(b':');
                list(out, records, |out, Record { offset, value }| pair(out, Some(*offset), *value));
            }
            out.extend_from_slice(b"}]");
        }
    }
}

fn more(out: &mut Vec<u8>, event: &Event<'_>) {
    let more = &event.more;
    optional(out, b"client", more.client.map(u64::from));
    optional(out, b"incarnation", more.incarnation.map(u64::from));
    optional(out, b"seq", more.seq);
    optional(out, b"due", more.due.map(|t| t.0));
    if let Some(node) = more.node {
        name(out, b"node");
        signed(out, i64::from(node));
    }
    if let Some(status) = more.status {
        name(out, b"status");
        string(out, status.as_str());
    }
    if let Some(error) = more.error {
        name(out, b"error");
        string(out, error);
    }
    if let Some(isolation) = more.isolation {
        name(out, b"isolation");
        string(out, isolation.as_str());
    }
    if more.unacked {
        out.extend_from_slice(b",\"unacked\":true");
    }
    if more.final_pass {
        out.extend_from_slice(b",\"final\":true");
    }
    if let Some(txn) = &more.txn {
        transaction(out, txn);
    }
    optional(out, b"fault", more.fault.map(u64::from));
    if !more.position.is_empty() {
        name(out, b"position");
        out.push(b'{');
        for (i, (key, offset)) in more.position.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            string(out, key);
            out.push(b':');
            signed(out, *offset);
        }
        out.push(b'}');
    }
    if !more.eof.is_empty() {
        name(out, b"eof");
        list(out, more.eof, |out, key| string(out, key));
    }
}

fn transaction(out: &mut Vec<u8>, txn: &Txn<'_>) {
    out.extend_from_slice(b",\"txn\":{\"id\":");
    string(out, txn.id);
    if let Some(id) = txn.producer_id {
        name(out, b"producer_id");
        signed(out, id);
    }
    if let Some(epoch) = txn.epoch {
        name(out, b"epoch");
        signed(out, i64::from(epoch));
    }
    if let Some(outcome) = txn.outcome {
        name(out, b"outcome");
        string(out, outcome.as_str());
    }
    out.push(b'}');
}

fn name(out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
}

fn optional(out: &mut Vec<u8>, field: &[u8], value: Option<u64>) {
    if let Some(value) = value {
        name(out, field);
        number(out, value);
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], each: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}

fn pair(out: &mut Vec<u8>, offset: Option<i64>, value: Option<u64>) {
    out.push(b'[');
    match offset {
        Some(offset) => signed(out, offset),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b',');
    match value {
        Some(value) => number(out, value),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b']');
}

pub(crate) fn number(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

fn signed(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// A JSON string. What needs no escape, which is nearly everything here, is copied as it stands.
fn string(out: &mut Vec<u8>, s: &str) {
    if s.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push(b'"');
        out.extend_from_slice(s.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, s).expect("writing to memory does not fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Isolation, More, OpType, PersistenceStatus};
    use crate::time::Nanos;

    fn line(event: &Event<'_>) -> String {
        let mut out = b"{".to_vec();
        encode_tail(&mut out, event);
        String::from_utf8(out).expect("lines are UTF-8")
    }

    #[test]
    fn sends_are_written_in_jepsens_words() {
        let mops = [Mop::Send { key: "t-0", value: 42, offset: None }];
        let event = Event::new(Nanos(81_000), Process(3), OpType::Invoke, "send", Payload::Mops(&mops));
        assert_eq!(
            line(&event),
            "{\"time\":81000,\"process\":3,\"type\":\"invoke\",\"f\":\"send\",\"value\":[[\"send\",\"t-0\",42]]}\n"
        );
        let mops = [Mop::Send { key: "t-0", value: 42, offset: Some(None) }];
        let event = Event::new(Nanos(9), Process(3), OpType::Ok, "send", Payload::Mops(&mops)).with(More {
            client: Some(1),
            seq: Some(7),
            status: Some(PersistenceStatus::PossiblyPersisted),
            unacked: true,
            ..More::default()
        });
        assert_eq!(
            line(&event),
            "{\"time\":9,\"process\":3,\"type\":\"ok\",\"f\":\"send\",\"value\":[[\"send\",\"t-0\",[null,42]]],\
             \"client\":1,\"seq\":7,\"status\":\"possibly-persisted\",\"unacked\":true}\n"
        );
    }

    #[test]
    fn polls_carry_records_position_and_eof() {
        let records = [Record { offset: 16, value: Some(41) }, Record { offset: 17, value: None }];
        let keys = [("t-0", &records[..])];
        let mops = [Mop::Poll(Some(&keys))];
        let event = Event::new(Nanos(1), Process(7), OpType::Ok, "poll", Payload::Mops(&mops)).with(More {
            position: &[("t-0", 18)],
            eof: &["t-0"],
            final_pass: true,
            isolation: Some(Isolation::ReadUncommitted),
            ..More::default()
        });
        assert_eq!(
            line(&event),
            "{\"time\":1,\"process\":7,\"type\":\"ok\",\"f\":\"poll\",\"value\":[[\"poll\",{\"t-0\":[[16,41],[17,null]]}]],\
             \"isolation\":\"read-uncommitted\",\"final\":true,\"position\":{\"t-0\":18},\"eof\":[\"t-0\"]}\n"
        );
    }

    #[test]
    fn sends_name_their_transaction() {
        let txn = Txn {
            id: "0.1.7",
            producer_id: Some(4000),
            epoch: Some(-1),
            outcome: Some(crate::op::TxnOutcome::Commit),
        };
        let event = Event::new(Nanos(1), Process(1), OpType::Ok, "send", Payload::None);
        assert_eq!(
            line(&event.with(More { txn: Some(txn), fault: Some(1), ..More::default() })),
            "{\"time\":1,\"process\":1,\"type\":\"ok\",\"f\":\"send\",\"value\":null,\"txn\":{\"id\":\"0.1.7\",\
             \"producer_id\":4000,\"epoch\":-1,\"outcome\":\"commit\"},\"fault\":1}\n"
        );
    }

    #[test]
    fn awkward_strings_are_escaped() {
        let event = Event::new(Nanos(1), Process::NEMESIS, OpType::Info, "kill", Payload::Json("{\"a\":1}"))
            .with(More { error: Some("a \"quoted\"\nline"), fault: Some(2), ..More::default() });
        assert_eq!(
            line(&event),
            "{\"time\":1,\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"kill\",\"value\":{\"a\":1},\
             \"error\":\"a \\\"quoted\\\"\\nline\",\"fault\":2}\n"
        );
    }
}
