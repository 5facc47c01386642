//! A fault's time, in words.

use store::fault::FaultWindow;

/// `isolate leader of t-3 (kafka-2) from 00:10.003, healed at 00:31.102`. A move of a leader is never undone: it is
/// over when it is done.
pub(crate) fn with_its_time(fault: &FaultWindow) -> String {
    let label = &fault.label;
    if fault.name == "leader-move" {
        return format!("{label} at {}", fault.start);
    }
    match fault.end {
        Some(end) => format!("{label} from {}, healed at {end}", fault.start),
        None => format!("{label} from {}, no heal recorded", fault.start),
    }
}

#[cfg(test)]
mod tests {
    use store::time::Nanos;

    use super::*;

    #[test]
    fn what_is_over_at_once_is_not_said_to_be_healed() {
        let fault = |name: &str, end| {
            with_its_time(&FaultWindow {
                fault: 1,
                name: name.into(),
                label: format!("{name} t-0"),
                start: Nanos(10_003_000_000),
                end,
                bit: Some(true),
                evidence: String::new(),
                nodes: Vec::new(),
                unmet: None,
            })
        };
        let end = Some(Nanos(10_050_000_000));
        assert_eq!(fault("leader-move", end), "leader-move t-0 at 00:10.003");
        assert_eq!(fault("isolate-leader", end), "isolate-leader t-0 from 00:10.003, healed at 00:10.050");
        assert_eq!(fault("isolate-leader", None), "isolate-leader t-0 from 00:10.003, no heal recorded");
    }
}
