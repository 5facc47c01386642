//! The line of a run under load, as text: what is shown depends on the moment and on the room for it alone.
//!
//! What breaks the cluster, and what that does to the clients, comes before how much was done: where there is little
//! room, the bar and the large counters go first, then the fault's name is shortened.

use std::time::Duration;

use results::text::number::grouped;

/// A fault that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holding {
    /// What it does to whom.
    pub(super) label: String,
    /// Seconds until it heals; `None` while that depends on a condition.
    pub(super) left: Option<u64>,
}

/// A run under load, at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Moment {
    /// Since the load began.
    pub(super) elapsed: Duration,
    /// How long the load lasts, where that is known.
    pub(super) limit: Option<Duration>,
    /// Sends completed a second.
    pub(super) rate: u64,
    /// Sends without an answer yet.
    pub(super) in_flight: u64,
    pub(super) ok: u64,
    pub(super) info: u64,
    pub(super) fail: u64,
    /// Records read.
    pub(super) read: u64,
    /// The faults that hold, by number.
    pub(super) faults: Vec<Holding>,
}

/// What is left out for want of room, the least important first.
#[derive(Debug, Clone, Copy)]
struct Form {
    bar: usize,
    limit: bool,
    read: bool,
    ok: bool,
    fault: usize,
}

const WHOLE: Form = Form { bar: 20, limit: true, read: true, ok: true, fault: usize::MAX };
const FORMS: [Form; 6] = [
    WHOLE,
    Form { bar: 10, ..WHOLE },
    Form { bar: 10, read: false, ..WHOLE },
    Form { bar: 0, read: false, ..WHOLE },
    Form { bar: 0, read: false, ok: false, ..WHOLE },
    Form { bar: 0, read: false, ok: false, limit: false, ..WHOLE },
];
/// A fault's name is not cut below so many characters: what is left of it must still tell faults apart.
const SHORTEST_NAME: usize = 8;

impl Moment {
    /// The line, in at most so many characters.
    pub(super) fn line(&self, width: usize) -> String {
        let fits = |text: &String| text.chars().count() <= width;
        if let Some(line) = FORMS.iter().map(|form| self.write(*form)).find(fits) {
            return line;
        }
        let last = FORMS[FORMS.len() - 1];
        let over = self.write(last).chars().count() - width;
        let name = self.faults.first().map_or(0, |fault| fault.label.chars().count());
        let line = self.write(Form { fault: name.saturating_sub(over).max(SHORTEST_NAME), ..last });
        line.chars().take(width).collect()
    }

    fn write(&self, form: Form) -> String {
        let over = self.limit.is_some_and(|limit| self.elapsed >= limit);
        let mut parts = vec![match self.limit {
            Some(limit) if !over && form.limit => {
                let bar = if form.bar > 0 { bar(self.elapsed, limit, form.bar) } else { String::new() };
                format!("{} / {} {bar}", clock(self.elapsed), clock(limit)).trim_end().to_owned()
            }
            _ => clock(self.elapsed),
        }];
        if over {
            parts.push(self.afterwards(form.limit));
        }
        parts.extend(self.fault(form.fault));
        if !over {
            parts.push(format!("{}/s", grouped(self.rate)));
        }
        if form.ok {
            parts.push(format!("ok {}", grouped(self.ok)));
        }
        parts.push(format!("info {}", grouped(self.info)));
        parts.push(format!("fail {}", grouped(self.fail)));
        if form.read {
            parts.push(format!("read {}", grouped(self.read)));
        }
        parts.join("  ")
    }

    /// What goes on once no client sends any more.
    fn afterwards(&self, in_full: bool) -> String {
        let waiting = if in_full { "waiting for the last answers" } else { "waiting" };
        match (self.in_flight, self.faults.is_empty()) {
            (1.., _) => format!("{waiting} ({} in flight)", grouped(self.in_flight)),
            (0, true) => "the load is over, ending the clients".to_owned(),
            (0, false) => "the load is over".to_owned(),
        }
    }

    /// The first fault, and how many there are beside it.
    fn fault(&self, room: usize) -> Option<String> {
        let first = self.faults.first()?;
        let left = match first.left {
            Some(0) => "healing".to_owned(),
            Some(seconds) => format!("{seconds} s left"),
            None => "until a new leader".to_owned(),
        };
        let more = match self.faults.len() {
            1 => String::new(),
            n => format!(" +{} more", n - 1),
        };
        Some(format!("! {} {left}{more}", shortened(&first.label, room)))
    }
}

/// A name in so many characters: who it is goes before what it is.
fn shortened(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    let without_nodes = name.split_once(" (").map_or(name, |(what, _)| what);
    if without_nodes.chars().count() <= room {
        return without_nodes.to_owned();
    }
    let cut: String = without_nodes.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn bar(elapsed: Duration, limit: Duration, width: usize) -> String {
    let part = (elapsed.as_secs_f64() / limit.as_secs_f64().max(0.001)).min(1.0);
    let full = (part * width as f64) as usize;
    format!("{}{}", "━".repeat(full), "┄".repeat(width - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(faults: &[(&str, Option<u64>)]) -> Moment {
        Moment {
            elapsed: Duration::from_secs(41),
            limit: Some(Duration::from_secs(60)),
            rate: 4980,
            in_flight: 312,
            ok: 203_118,
            info: 1204,
            fail: 87,
            read: 198_000,
            faults: faults
                .iter()
                .map(|(label, left)| Holding { label: (*label).into(), left: *left })
                .collect(),
        }
    }

    #[test]
    fn rate_errors_and_fault_are_seen_at_any_usual_width() {
        let isolated = moment(&[("isolate leader of t-0 (kafka-1)", Some(12))]);
        for width in 70..=200 {
            let line = isolated.line(width);
            assert!(line.chars().count() <= width, "{width}: {line}");
            for word in ["! isolate", "12 s left", "4,980/s", "info 1,204", "fail 87"] {
                assert!(line.contains(word), "{width}: {word} in {line}");
            }
        }
        assert_eq!(
            isolated.line(77),
            "00:41  ! isolate leader of t-0 12 s left  4,980/s  info 1,204  fail 87"
        );
        assert_eq!(
            isolated.line(200),
            "00:41 / 01:00 ━━━━━━━━━━━━━┄┄┄┄┄┄┄  ! isolate leader of t-0 (kafka-1) 12 s left  4,980/s  \
             ok 203,118  info 1,204  fail 87  read 198,000"
        );
        assert_eq!(
            moment(&[]).line(77),
            "00:41 / 01:00 ━━━━━━┄┄┄┄  4,980/s  ok 203,118  info 1,204  fail 87"
        );
    }

    #[test]
    fn of_several_faults_the_first_is_named_and_the_others_are_counted() {
        let faults = [
            ("isolate leader of t-0 (kafka-1)", None),
            ("kill random (kafka-2)", Some(3)),
            ("pause all", None),
        ];
        let line = moment(&faults).line(77);
        assert!(line.contains("! isolate") && line.contains("until a new leader +2 more"), "{line}");
        assert!(line.contains("4,980/s") && line.contains("fail 87"), "{line}");
        for width in 0..77 {
            assert!(moment(&faults).line(width).chars().count() <= width);
        }
    }

    #[test]
    fn after_the_limit_it_says_what_it_waits_for() {
        let mut over = moment(&[("isolate leader of t-0 (kafka-1)", Some(2))]);
        over.elapsed = Duration::from_secs(61);
        let line = over.line(120);
        assert!(line.starts_with("01:01  waiting for the last answers (312 in flight)  ! isolate"), "{line}");
        assert!(!line.contains("/s") && !line.contains("01:00"), "no rate of a load that is over: {line}");
        assert_eq!(
            over.line(77),
            "01:01  waiting (312 in flight)  ! isolate lead… 2 s left  info 1,204  fail 87"
        );
        (over.in_flight, over.faults[0].left) = (0, Some(0));
        let healing = "01:01  the load is over  ! isolate leader of t-0 (kafka-1) healing  ";
        assert!(over.line(120).starts_with(healing), "{}", over.line(120));
        over.faults.clear();
        assert!(over.line(120).contains("the load is over, ending the clients"), "{}", over.line(120));
    }

    #[test]
    fn the_bar_is_as_wide_at_any_time() {
        let limit = Duration::from_secs(10);
        for seconds in [0, 3, 10, 99] {
            assert_eq!(bar(Duration::from_secs(seconds), limit, 20).chars().count(), 20);
        }
    }
}
