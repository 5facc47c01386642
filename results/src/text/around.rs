//! The neighbourhood of one offset, as text: offset by offset, who sent what there, and who read it.

use std::fmt::Write as _;

use store::around::{Around, Held, Leap, Moment, Place, Sent};
use store::op::OpType;

use super::fault::with_its_time;
use super::number::{counted, grouped};
use super::style::{ReportStyle, Tone, harmless};

/// What a history tells of an offset and its neighbours. Ends in a line break.
pub fn around_text(around: &Around, style: &ReportStyle) -> String {
    let key = harmless(&around.key);
    let mut out =
        format!("{}\n", style.paint(Tone::Strong, &format!("{key} around offset {}", signed(around.offset))));
    for (time, word) in &around.leadership {
        style.row(&mut out, "leader", &format!("at {time}: {word}"));
    }
    for fault in &around.faults {
        style.row(&mut out, "fault", &with_its_time(fault));
    }
    if around.places.is_empty() {
        style.row(&mut out, "nothing", "was acknowledged or read at these offsets");
    }
    match around.highest {
        Some(highest) if highest < around.offset => {
            let known = format!("the highest offset that the history knows of {key} is {}", signed(highest));
            style.row(&mut out, "highest", &known);
        }
        None => style.row(&mut out, "highest", &format!("the history knows no offset of {key} at all")),
        Some(_) => {}
    }
    let offsets = around.places.iter().map(|place| signed(place.offset)).chain([signed(around.offset)]);
    let width = offsets.map(|text| text.len()).max().unwrap_or(0);
    let mut asked = around.places.is_empty();
    for place in &around.places {
        if !asked && place.offset > around.offset {
            // Nothing is known of the very offset that was asked for: that is an answer.
            heading(&mut out, style, around.offset, width, true);
            out.push_str("nothing was acknowledged or read here\n");
        }
        asked |= place.offset >= around.offset;
        told(&mut out, style, place, width, place.offset == around.offset);
    }
    if !asked {
        heading(&mut out, style, around.offset, width, true);
        out.push_str("nothing was acknowledged or read here\n");
    }
    for leap in &around.leaps {
        style.row(&mut out, "passed by", &leapt(leap));
    }
    if around.more_leaps > 0 {
        style.row(&mut out, "", &format!("and {} more", grouped(around.more_leaps)));
    }
    out
}

fn heading(out: &mut String, style: &ReportStyle, offset: i64, width: usize, asked: bool) {
    let mark = if asked { ">" } else { " " };
    let text = format!("{mark} {:>width$}  ", signed(offset));
    out.push_str(&if asked { style.paint(Tone::Strong, &text) } else { text });
}

fn told(out: &mut String, style: &ReportStyle, place: &Place, width: usize, asked: bool) {
    let indent = width + 4;
    for (i, held) in place.values.iter().enumerate() {
        if i == 0 {
            heading(out, style, place.offset, width, asked);
        } else {
            let _ = write!(out, "{:indent$}", "");
        }
        let read = read(held);
        let tone = if held.polls == 0 && held.pass.is_none() { Tone::Bad } else { Tone::Quiet };
        let _ = writeln!(out, "value {}  {}", harmless(&held.value), style.paint(tone, &read));
        let inner = format!("{:width$}", "", width = indent + 2);
        for sent in &held.sends {
            style.paragraph(out, &inner, indent + 2, &sentence(sent));
        }
        if held.sends.is_empty() {
            style.paragraph(out, &inner, indent + 2, "nobody sent it to this partition");
        }
    }
}

/// Who read a value.
fn read(held: &Held) -> String {
    let live = held.first.as_ref().map(|first| {
        let polls = counted(held.polls, "poll", "polls");
        format!("read by {polls}, first by {}", at(first))
    });
    let pass =
        held.pass.as_ref().map(|pass| format!("by the consume-all pass (line {})", grouped(pass.line)));
    match (live, pass) {
        (Some(live), Some(pass)) => format!("{live}; {pass}"),
        (Some(live), None) => format!("{live}; not by a consume-all pass"),
        (None, Some(pass)) => format!("read {pass}, by nobody before"),
        (None, None) => "never read here".to_owned(),
    }
}

fn sentence(sent: &Sent) -> String {
    let begun = format!("sent by {}", at(&sent.invoked));
    let Some(end) = &sent.completed else { return format!("{begun}, without an answer: unknown") };
    let node = end.node.as_ref().map(|node| format!(" from {node}")).unwrap_or_default();
    let error = end.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
    let word = match end.outcome {
        OpType::Ok => match end.offset {
            Some(offset) => format!("ok at offset {}", signed(offset)),
            None => "ok, offset unknown".to_owned(),
        },
        OpType::Fail => "failed".to_owned(),
        OpType::Info | OpType::Invoke => "outcome unknown".to_owned(),
    };
    format!("{begun}; {word}{node}{error} at {} (line {})", end.time, grouped(end.line))
}

fn leapt(leap: &Leap) -> String {
    let who = if leap.pass { "the consume-all pass" } else { leap.at.who.as_str() };
    let (from, to) = (signed(leap.from), signed(leap.to));
    format!("{who} went from offset {from} to {to} at {} (line {})", leap.at.time, grouped(leap.at.line))
}

/// `client 4 at 00:39.204 (line 402,118)`.
fn at(moment: &Moment) -> String {
    format!("{} at {} (line {})", moment.who, moment.time, grouped(moment.line))
}

fn signed(n: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(n.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use store::around::Completion;
    use store::time::Nanos;

    use super::*;

    fn moment(line: u64) -> Moment {
        Moment { who: "client 4".into(), time: Nanos(39_204_000_000), line }
    }

    #[test]
    fn a_lost_write_stands_between_its_neighbours() {
        let held = |value: &str, pass: Option<u64>| Held {
            value: value.into(),
            acknowledged_here: true,
            polls: u64::from(pass.is_some()),
            first: pass.map(|_| moment(8)),
            pass: pass.map(moment),
            sends: vec![Sent {
                invoked: moment(3),
                completed: Some(Completion {
                    outcome: OpType::Ok,
                    time: Nanos(39_300_000_000),
                    line: 402_118,
                    offset: Some(8812),
                    node: Some("kafka-2".into()),
                    error: None,
                }),
            }],
        };
        let around = Around {
            key: "t-3".into(),
            offset: 8812,
            highest: Some(9000),
            places: vec![
                Place { offset: 8811, values: vec![held("55101", Some(9))] },
                Place { offset: 8812, values: vec![held("55102", None)] },
            ],
            leaps: vec![Leap { at: moment(9), from: 8811, to: 8813, pass: true }],
            ..Around::default()
        };
        let text = around_text(&around, &ReportStyle::default());
        assert_eq!(
            text,
            "\
t-3 around offset 8,812
  8,811  value 55101  read by 1 poll, first by client 4 at 00:39.204 (line 8); by the consume-all pass (line 9)
           sent by client 4 at 00:39.204 (line 3); ok at offset 8,812 from kafka-2 at 00:39.300 (line 402,118)
> 8,812  value 55102  never read here
           sent by client 4 at 00:39.204 (line 3); ok at offset 8,812 from kafka-2 at 00:39.300 (line 402,118)
  passed by  the consume-all pass went from offset 8,811 to 8,813 at 00:39.204 (line 9)
"
        );
        let nothing =
            Around { places: around.places[..1].to_vec(), leaps: Vec::new(), highest: Some(8811), ..around };
        let text = around_text(&nothing, &ReportStyle::default());
        assert!(text.ends_with("> 8,812  nothing was acknowledged or read here\n"), "{text}");
        assert!(text.contains("the highest offset that the history knows of t-3 is 8,811"), "{text}");
    }
}
