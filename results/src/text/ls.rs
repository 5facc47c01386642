//! The table of runs.

use store::run_meta::{RunMeta, RunStatus};
use store::verdict::{ExpectationState, Validity, Verdict};

use super::number::grouped;
use super::style::{ReportStyle, harmless};

/// One run in the table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunRow {
    /// The run's id.
    pub id: String,
    /// The test's name.
    pub test: String,
    /// What it ran against.
    pub target: String,
    /// How far it came.
    pub status: String,
    /// Why it could not go on, where it failed.
    pub reason: Option<String>,
    /// The judgement, where there is one.
    pub validity: Option<Validity>,
    /// Whether that was expected, where anything was.
    pub expectation: Option<ExpectationState>,
    /// Client operations, where the run was analyzed.
    pub operations: Option<u64>,
    /// When it began, RFC 3339.
    pub started: String,
}

impl RunRow {
    /// The row of a run.
    pub fn new(run: &RunMeta, verdict: Option<&Verdict>) -> RunRow {
        RunRow {
            id: run.id.clone(),
            test: run.test.clone(),
            target: if run.target.description.is_empty() {
                &run.target.kind
            } else {
                &run.target.description
            }
            .clone(),
            status: status_word(&run.status).to_owned(),
            reason: match &run.status {
                RunStatus::Failed { reason } => Some(reason.clone()),
                _ => None,
            },
            validity: verdict.map(|v| v.validity),
            expectation: verdict.and_then(|v| v.expectation.as_ref()).map(|e| e.state),
            operations: verdict.map(|v| v.exercised.operations),
            started: run.started.clone(),
        }
    }
}

/// How far a run came, in a word.
pub fn status_word(status: &RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Crashed => "crashed",
        RunStatus::Recorded => "recorded",
        RunStatus::Interrupted => "interrupted",
        RunStatus::Failed { .. } => "failed",
    }
}

/// The beginning of a reason: what a column of a table has room for.
fn in_few_words(reason: &str) -> String {
    const ROOM: usize = 40;
    let line = reason.lines().next().unwrap_or_default();
    let first = line.split(['(', ';']).next().unwrap_or_default().trim_end();
    if first.chars().count() <= ROOM {
        return first.to_owned();
    }
    let mut words = String::new();
    for word in first.split_inclusive(' ') {
        if words.chars().count() + word.chars().count() > ROOM {
            break;
        }
        words.push_str(word);
    }
    format!("{}...", words.trim_end())
}

/// The runs as a table in the order given, ending in a line break.
pub fn ls_text(rows: &[RunRow], style: &ReportStyle) -> String {
    if rows.is_empty() {
        return "no runs yet: tribunal run makes one\n".to_owned();
    }
    let header = ["RUN", "TEST", "TARGET", "STATUS", "VERDICT", "OPERATIONS", "BEGAN"].map(str::to_owned);
    let cells: Vec<[String; 7]> = rows
        .iter()
        .map(|row| {
            [
                harmless(&row.id),
                harmless(&row.test),
                harmless(&row.target),
                harmless(&match &row.reason {
                    Some(reason) => format!("{}: {}", row.status, in_few_words(reason)),
                    None => row.status.clone(),
                }),
                verdict_words(row),
                row.operations.map_or_else(|| "-".into(), grouped),
                when(&row.started),
            ]
        })
        .collect();
    let width = |column: usize| {
        cells.iter().chain([&header]).map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let shown = fitting(&widths, style);
    let mut out = String::new();
    for (i, cells) in std::iter::once(&header).chain(&cells).enumerate() {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate().filter(|(column, _)| shown.contains(column)) {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            let cell = match (column, i.checked_sub(1).and_then(|run| rows[run].validity)) {
                (4, Some(validity)) => cell.replacen(&validity.to_string(), &style.validity(validity), 1),
                _ => cell.clone(),
            };
            // Numbers stand at the right of their column.
            line += &if column == 5 { format!("{pad}{cell}  ") } else { format!("{cell}{pad}  ") };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The columns that a terminal's line has room for: what it ran against goes first (`show` tells it), then when it
/// began (its id tells it), then how much it did.
fn fitting(widths: &[usize; 7], style: &ReportStyle) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..widths.len()).collect();
    for dispensable in [2, 6, 5] {
        let line: usize = shown.iter().map(|column| widths[*column] + 2).sum();
        if style.breaks && line > style.width + 2 {
            shown.retain(|column| *column != dispensable);
        }
    }
    shown
}

fn verdict_words(row: &RunRow) -> String {
    let Some(validity) = row.validity else { return "-".into() };
    match row.expectation {
        None => validity.to_string(),
        Some(ExpectationState::Met) => format!("{validity} as expected"),
        Some(ExpectationState::Unmet) => format!("{validity} not as expected"),
        Some(ExpectationState::Unknown) => format!("{validity} expectation undecided"),
    }
}

/// `2026-11-21 09:24:00` out of RFC 3339.
fn when(started: &str) -> String {
    let text = harmless(started);
    match text.split_once('T') {
        Some((date, time)) if time.is_char_boundary(8.min(time.len())) => {
            format!("{date} {}", &time[..8.min(time.len())])
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_s_lines_do_not_break() {
        let run = RunMeta {
            id: "20261121T120000Z-02c1".into(),
            test: "acks-all-isolated-leader".into(),
            status: RunStatus::Recorded,
            started: "2026-11-21T12:00:00Z".into(),
            ..RunMeta::default()
        };
        let row = RunRow { target: "docker apache/kafka:4.3.0 x3".into(), ..RunRow::new(&run, None) };
        let header = |width, breaks| {
            let text =
                ls_text(std::slice::from_ref(&row), &ReportStyle { width, breaks, ..ReportStyle::default() });
            assert!(!breaks || text.lines().all(|line| line.chars().count() <= width), "{text}");
            text.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(header(200, true), "RUN TEST TARGET STATUS VERDICT OPERATIONS BEGAN");
        assert_eq!(header(110, true), "RUN TEST STATUS VERDICT OPERATIONS BEGAN");
        assert_eq!(header(80, true), "RUN TEST STATUS VERDICT OPERATIONS");
        assert_eq!(header(80, false), "RUN TEST TARGET STATUS VERDICT OPERATIONS BEGAN", "a file's do not");
    }

    #[test]
    fn a_failed_run_says_why_in_few_words() {
        for (reason, few) in [
            ("cannot reach 127.0.0.1:1; is it up?", "cannot reach 127.0.0.1:1"),
            ("the mock's process ended by itself (signal 9) after 3 s", "the mock's process ended by itself"),
            (
                "the topics could not be created because no broker answered",
                "the topics could not be created because...",
            ),
            ("", ""),
        ] {
            let failed = RunStatus::Failed { reason: reason.into() };
            let run = RunMeta { id: "20261121T120000Z-02c1".into(), status: failed, ..RunMeta::default() };
            let text = ls_text(&[RunRow::new(&run, None)], &ReportStyle::default());
            assert!(text.contains(&format!("failed: {few}  ")), "{text}");
        }
    }
}
