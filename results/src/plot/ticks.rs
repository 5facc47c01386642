//! Where the axes have ticks, and what stands beside them.

use crate::text::number::grouped;

/// An axis: its limits, its ticks and the words at them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// Lower limit, in the axis' own unit (a power of ten's exponent on a logarithmic one).
    pub(crate) lo: f64,
    /// Upper limit, above `lo`.
    pub(crate) hi: f64,
    /// Ticks with their labels, ascending.
    pub(crate) ticks: Vec<(f64, String)>,
    /// Lines without a label.
    pub(crate) light: Vec<f64>,
}

/// Time in seconds since the run began, with the unit to name beside it: seconds up to two minutes, `min:s` up to
/// two hours, `h:min` beyond.
pub(crate) fn time_axis(lo: f64, hi: f64, max_ticks: usize) -> (Axis, &'static str) {
    let span = hi - lo;
    let mut step = [
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0,
        300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 43_200.0,
    ]
    .into_iter()
    .find(|step| span / step <= max_ticks as f64)
    .unwrap_or(86_400.0);
    while span / step > max_ticks as f64 {
        step *= 2.0;
    }
    let decimals = if step >= 1.0 { 0 } else { (-step.log10()).ceil().max(0.0) as usize };
    let (unit, label): (_, Box<dyn Fn(f64) -> String>) = if hi >= 7200.0 && step >= 60.0 {
        ("h:min", Box::new(|t| format!("{}:{:02}", (t / 3600.0) as u64, (t / 60.0) as u64 % 60)))
    } else if hi >= 7200.0 {
        (
            "h:min:s",
            Box::new(move |t| format!("{}:{}", (t / 3600.0) as u64, minutes(t % 3600.0, decimals, true))),
        )
    } else if hi > 120.0 {
        ("min:s", Box::new(move |t| minutes(t, decimals, false)))
    } else {
        ("s", Box::new(move |t| format!("{t:.decimals$}")))
    };
    let first = (lo / step - 1e-9).ceil() as u64;
    let ticks = (first..)
        .take(max_ticks + 2)
        .map(|i| i as f64 * step)
        .take_while(|t| *t <= hi + span * 1e-9)
        .map(|t| (t, label(t)))
        .collect();
    (Axis { lo, hi, ticks, light: Vec::new() }, unit)
}

/// An instant in the form of an axis that ends at `hi`: `12.5 s`, `1:12.5`, `1:30:00`.
pub(crate) fn instant(t: f64, hi: f64) -> String {
    let t = (t * 1000.0).round() / 1000.0;
    // Milliseconds, where there are any.
    let trimmed = |text: String| match text.split_once('.') {
        Some((whole, part)) => match part.trim_end_matches('0') {
            "" => whole.to_owned(),
            part => format!("{whole}.{part}"),
        },
        None => text,
    };
    if hi >= 7200.0 {
        format!("{}:{}", (t / 3600.0) as u64, trimmed(minutes(t % 3600.0, 3, true)))
    } else if hi > 120.0 {
        trimmed(minutes(t, 3, false))
    } else {
        format!("{t} s")
    }
}

fn minutes(t: f64, decimals: usize, pad: bool) -> String {
    // Rounded first: 59.9999999 s is 1:00, not 0:60.
    let scale = 10f64.powi(decimals as i32);
    let t = (t * scale).round() / scale;
    let (m, s) = ((t / 60.0) as u64, t % 60.0);
    let width = if decimals > 0 { 3 + decimals } else { 2 };
    if pad { format!("{m:02}:{s:0width$.decimals$}") } else { format!("{m}:{s:0width$.decimals$}") }
}

/// From zero to a round number at or above `max`.
pub(crate) fn linear_axis(max: f64) -> Axis {
    let max = if max > 0.0 { max } else { 1.0 };
    let power = 10f64.powf((max / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| max / s <= 4.0)
        .unwrap_or(power * 10.0);
    let n = (max / step - 1e-9).ceil().max(1.0);
    let ticks = (0..=n as usize).map(|i| i as f64 * step).map(|v| (v, quantity(v, step))).collect();
    // A little air above, so that a line at the limit is seen.
    Axis { lo: 0.0, hi: n * step * 1.03, ticks, light: Vec::new() }
}

fn quantity(v: f64, step: f64) -> String {
    const STEPS: [(f64, &str); 4] = [(1e18, " E"), (1e12, " T"), (1e9, " G"), (1e6, " M")];
    for (unit, name) in STEPS {
        if v >= unit && step * 10.0 >= unit {
            let text = format!("{:.2}", v / unit);
            return format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'));
        }
    }
    if step < 1.0 {
        let decimals =
            (-step.log10()).ceil().clamp(0.0, 6.0) as usize + usize::from(step.to_string().contains("25"));
        return format!("{v:.decimals$}");
    }
    if step < 10.0 && step.fract() > 0.0 { format!("{v:.1}") } else { grouped(v.round() as u64) }
}

/// Latencies in seconds on a logarithmic axis whose unit is the exponent: 1 ms lies at -3.
pub(crate) fn log_axis(min: f64, max: f64) -> Axis {
    let min = min.clamp(1e-9, 1e12);
    let max = max.clamp(min, 1e12);
    let (mut lo, mut hi) = (round_down(min), round_up(max));
    if hi - lo < 0.95 {
        // At least a decade: nothing looks steep only for lack of range.
        lo = (lo + 1e-9).floor();
        hi = hi.max(lo + 1.0);
    }
    let decades = (lo.floor() as i32)..=(hi.ceil() as i32);
    let on = |v: f64| v >= lo - 1e-9 && v <= hi + 1e-9;
    let few = hi - lo < 2.2;
    let mut ticks = Vec::new();
    let mut light = Vec::new();
    for decade in decades {
        for m in 1..10 {
            let at = f64::from(decade) + f64::from(m).log10();
            match m {
                _ if !on(at) => {}
                1 => ticks.push((at, duration(m, decade))),
                2 | 5 if few => ticks.push((at, duration(m, decade))),
                _ if hi - lo < 6.0 => light.push(at),
                _ => {}
            }
        }
    }
    Axis { lo, hi: hi + (hi - lo) * 0.02, ticks, light }
}

const ROUND: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

fn round_down(v: f64) -> f64 {
    let decade = v.log10().floor();
    let rest = v / 10f64.powf(decade);
    let m = ROUND.into_iter().rev().find(|m| *m <= rest * (1.0 + 1e-9)).unwrap_or(1.0);
    decade + m.log10()
}

fn round_up(v: f64) -> f64 {
    let decade = v.log10().floor();
    let rest = v / 10f64.powf(decade);
    let m = ROUND.into_iter().find(|m| *m >= rest * (1.0 - 1e-9)).unwrap_or(10.0);
    decade + m.log10()
}

/// `m` times ten to the `decade` seconds, in the unit people say it in.
fn duration(m: i32, decade: i32) -> String {
    let (unit, base) = match decade {
        ..=-7 => ("ns", -9),
        -6..=-4 => ("µs", -6),
        -3..=-1 => ("ms", -3),
        _ => ("s", 0),
    };
    let zeros = (decade - base).clamp(0, 15) as u32;
    format!("{} {unit}", grouped(m as u64 * 10u64.pow(zeros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn time_is_told_in_the_unit_of_its_span() {
        let (axis, unit) = time_axis(0.0, 60.0, 12);
        assert_eq!((labels(&axis).join(" "), unit), ("0 5 10 15 20 25 30 35 40 45 50 55 60".into(), "s"));
        let (axis, unit) = time_axis(0.0, 2.0, 10);
        assert_eq!(
            (labels(&axis).join(" "), unit),
            ("0.0 0.2 0.4 0.6 0.8 1.0 1.2 1.4 1.6 1.8 2.0".into(), "s")
        );
        let (axis, unit) = time_axis(0.0, 600.0, 10);
        assert_eq!(
            (labels(&axis).join(" "), unit),
            ("0:00 1:00 2:00 3:00 4:00 5:00 6:00 7:00 8:00 9:00 10:00".into(), "min:s")
        );
        let (axis, unit) = time_axis(0.0, 6.0 * 3600.0, 6);
        assert_eq!((labels(&axis).join(" "), unit), ("0:00 1:00 2:00 3:00 4:00 5:00 6:00".into(), "h:min"));
        let (axis, unit) = time_axis(8000.0, 8060.0, 4);
        assert_eq!((labels(&axis).join(" "), unit), ("2:13:30 2:13:45 2:14:00 2:14:15".into(), "h:min:s"));
    }

    #[test]
    fn an_instant_is_told_as_its_axis_tells_time() {
        assert_eq!((instant(2.5, 60.0), instant(10.0, 60.0)), ("2.5 s".into(), "10 s".into()));
        assert_eq!((instant(4800.0, 5400.0), instant(5399.9999, 5400.0)), ("80:00".into(), "90:00".into()));
        assert_eq!(
            (instant(10_800.111, 5400.0), instant(10_800.111, 10_000.0)),
            ("180:00.111".into(), "3:00:00.111".into())
        );
    }

    #[test]
    fn a_range_of_centuries_still_has_few_ticks() {
        let (axis, _) = time_axis(0.0, 1.8e10, 12);
        assert!(axis.ticks.len() <= 13, "{}", axis.ticks.len());
    }

    #[test]
    fn quantities_end_at_a_round_number() {
        assert_eq!(labels(&linear_axis(4980.0)), ["0", "2,000", "4,000", "6,000"]);
        assert_eq!(labels(&linear_axis(0.0)), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(labels(&linear_axis(3.0)), ["0", "1", "2", "3"]);
        assert_eq!(labels(&linear_axis(9.0e6)), ["0", "2.5 M", "5 M", "7.5 M", "10 M"]);
    }

    #[test]
    fn latencies_are_told_by_decades() {
        let axis = log_axis(0.0012, 0.8);
        assert_eq!(labels(&axis), ["1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(axis.lo, -3.0);
        assert_eq!(labels(&log_axis(0.0021, 0.0049)), ["1 ms", "2 ms", "5 ms", "10 ms"]);
        assert_eq!(labels(&log_axis(0.000_002, 30.0)).first(), Some(&"10 µs"));
    }
}
