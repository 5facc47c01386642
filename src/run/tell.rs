//! What the workload and the consume-all pass came to, in lines for people.

use std::fmt::Write as _;

use results::text::number::counted;
use store::run_meta::fell_behind;
use workloads::{DrainReport, QueueReport};

use super::display::grouped;

/// The load: what was sent, and what a reader must know of how.
pub fn load(report: &QueueReport) -> Vec<String> {
    let mut lines = vec![format!(
        "  ✓ load ({:.1}s)  ok {}   info {}   fail {}   read {}   peak {}/s",
        report.seconds,
        grouped(report.ok),
        grouped(report.info),
        grouped(report.fail),
        grouped(report.polled),
        grouped(report.peak_rate.round() as u64)
    )];
    if fell_behind(report.unsent, report.invoked) {
        lines.push(format!(
            "  warning: {} sends of the schedule were never made (up to {:.0} ms behind): the cluster or this machine is \
             slower than --rate",
            grouped(report.unsent),
            report.lag_ms_max
        ));
    }
    if report.restarts > 0 {
        lines.push(format!(
            "  clients were restarted {}",
            counted(u64::from(report.restarts), "time", "times")
        ));
    }
    if report.hung > 0 {
        lines.push(format!(
            "  warning: {} hung when closed: left behind",
            counted(u64::from(report.hung), "client", "clients")
        ));
    }
    if !report.client_errors.is_empty() {
        let mut text = String::from("  client errors:");
        for (name, count) in &report.client_errors {
            let _ = write!(text, " {name} x{count}");
        }
        lines.push(text);
    }
    lines
}

/// What a fault came to, the death of the target told in it once at most.
pub fn once<'a>(evidence: &'a str, lost: Option<&str>) -> &'a str {
    // The library's last words may stand before the bracket's end.
    let Some(lost) = lost.map(|why| why.trim_end_matches(')')) else { return evidence };
    let Some((again, _)) = evidence.match_indices(lost).nth(1) else { return evidence };
    evidence[..again].rsplit_once("; ").map_or(evidence, |(told, _)| told)
}

/// The consume-all pass: how far it came.
pub fn drain(report: &DrainReport) -> String {
    let mark = if report.is_complete() { "✓" } else { "-" };
    let mut text = format!(
        "  {mark} consume-all ({:.1}s)  {} records, {} of {} partitions to their end",
        report.seconds,
        grouped(report.records),
        report.covered,
        report.partitions
    );
    for missed in &report.not_covered {
        let _ = write!(text, "\n    {}: {}", missed.key, missed.reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_dies_once() {
        let died = "the mock broker process died (signal 9 (SIGKILL))";
        let evidence =
            format!("failed: {died}; before the heal: the probe failed: {died}; not healed: {died}");
        assert_eq!(once(&evidence, Some(died)), format!("failed: {died}"));
        assert_eq!(once(&evidence, None), evidence);
        assert_eq!(once("mock-1 is down", Some(died)), "mock-1 is down");
    }
}
