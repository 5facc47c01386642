//! What every explanation needs: the operations in words, the faults and the leadership of their time.

use store::time::Nanos;
use store::verdict::{Example, Witness};

use crate::leadership::Leadership;
use crate::load::in_force;
use crate::tables::{NEVER, NO_OFFSET, Outcome, Poll, Send};
use crate::view::View;
use crate::words::{duration, grouped, grouped_i64, value};

/// How long after its heal a fault is still worth naming.
const AFTERMATH: u64 = 30_000_000_000;

/// Turns findings of one partition into examples.
pub(crate) struct Explain<'a, 't> {
    pub(crate) view: &'a View<'t>,
    pub(crate) leadership: &'a Leadership,
}

impl Explain<'_, '_> {
    /// An example about one send: its value, offset, time, faults and leadership.
    pub(crate) fn about_send(&self, row: u32, because: impl FnOnce(&Send) -> String) -> Example {
        let send = self.view.send(row);
        let time = if send.completed == NEVER { send.invoked } else { send.completed };
        let mut example = self.at_time(send.invoked, time);
        example.sentence = format!("{}: {}", self.key(), because(send));
        example.value = Some(value(send.value));
        example.offset = (send.offset != NO_OFFSET).then_some(send.offset);
        example.witness = send_witness(send, "");
        example
    }

    /// An example about what a poll read.
    pub(crate) fn about_poll(
        &self,
        poll: u32,
        offset: i64,
        because: impl FnOnce(&Poll) -> String,
    ) -> Example {
        let poll = self.view.poll(poll);
        let mut example = self.at_time(poll.invoked, poll.completed);
        example.sentence = format!("{}: {}", self.key(), because(poll));
        example.offset = Some(offset);
        example
    }

    /// An example about a stretch of time.
    pub(crate) fn about_window(&self, from: u64, to: u64, because: impl FnOnce() -> String) -> Example {
        let mut example = self.at_time(from, to);
        example.sentence = format!("{}: {}", self.key(), because());
        example
    }

    pub(crate) fn at_time(&self, from: u64, to: u64) -> Example {
        Example {
            key: Some(self.key().to_owned()),
            time: Some(Nanos(to)),
            faults: in_force(&self.view.tables.faults, from, to).map(|window| window.fault).collect(),
            leadership: self.leadership.at(self.key(), Nanos(to)),
            ..Example::default()
        }
    }

    pub(crate) fn key(&self) -> &str {
        &self.view.partition.key
    }

    /// `client 4`.
    pub(crate) fn producer(&self, send: &Send) -> String {
        self.view.tables.producers[send.producer as usize].to_string()
    }

    /// `client 7` or `the consume-all pass`.
    pub(crate) fn reader(&self, poll: u32) -> String {
        if self.view.poll(poll).final_pass {
            return "the consume-all pass".to_owned();
        }
        self.view.tables.session_of(poll).to_string()
    }

    /// `client 4 was told "ok" for value 55102 (offset 8,812) at 00:39.204 (line 402,118)`.
    pub(crate) fn told(&self, send: &Send) -> String {
        let offset = match send.offset {
            NO_OFFSET => String::new(),
            offset => format!(" (offset {})", grouped_i64(offset)),
        };
        format!(
            "{} was told \"ok\" for value {}{offset} at {} (line {})",
            self.producer(send),
            value(send.value),
            Nanos(send.completed),
            grouped(send.line.into())
        )
    }

    /// `1.2 s into "isolate leader of t-3 (kafka-2)"`, or what had been healed shortly before.
    pub(crate) fn under(&self, time: u64) -> Option<String> {
        let faults = &self.view.tables.faults;
        if let Some(fault) = in_force(faults, time, time).filter(|w| w.bit != Some(false)).last() {
            return Some(format!(
                "{} into \"{}\"",
                duration(time.saturating_sub(fault.start.0)),
                fault.label
            ));
        }
        let healed = faults.iter().filter_map(|fault| Some((fault.end?.0, fault)));
        let (end, fault) = healed.filter(|(end, _)| *end <= time).max_by_key(|(end, _)| *end)?;
        let since = time - end;
        // A leader that was moved is not moved back.
        let healed = if fault.name == "leader-move" { "" } else { " was healed" };
        (since <= AFTERMATH).then(|| format!("{} after \"{}\"{healed}", duration(since), fault.label))
    }
}

/// `(line 402,118)`.
pub(crate) fn at_line(line: u32) -> String {
    format!("(line {})", grouped(line.into()))
}

/// The lines of a send, in order.
pub(crate) fn send_witness(send: &Send, which: &str) -> Vec<Witness> {
    let mut witness = Vec::new();
    let which = if which.is_empty() { String::new() } else { format!(" ({which})") };
    if send.invoke_line != 0 {
        witness.push(Witness { line: send.invoke_line.into(), role: format!("invoked{which}") });
    }
    if send.line != 0 {
        let role = match (send.outcome, send.offset) {
            (Outcome::Ok, _) if send.unacked() => "left the client, without an acknowledgement".to_owned(),
            (Outcome::Ok, NO_OFFSET) => "acknowledged, offset unknown".to_owned(),
            (Outcome::Ok, offset) => format!("acknowledged at offset {}", grouped_i64(offset)),
            (Outcome::Fail, _) => "failed".to_owned(),
            (Outcome::Info | Outcome::Superseded, _) => "outcome unknown".to_owned(),
        };
        witness.push(Witness { line: send.line.into(), role: format!("{role}{which}") });
    }
    witness
}

/// The line of a poll.
pub(crate) fn poll_witness(poll: &Poll, role: impl Into<String>) -> Witness {
    Witness { line: poll.line.into(), role: role.into() }
}
