//! Numbers as people read them.

/// Digits in groups of three: `1,204,311`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Three figures and a unit from ten thousand on: `1.20 M`, `203 k`; exact below.
pub fn rounded(n: u64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    if n < 10_000 {
        return grouped(n);
    }
    for (unit, name) in UNITS {
        let v = n as f64 / unit;
        // 999,600 is 1.00 M, not 1000 k.
        if v >= 0.9995 {
            let decimals = if v < 9.995 {
                2
            } else if v < 99.95 {
                1
            } else {
                0
            };
            return format!("{v:.decimals$} {name}");
        }
    }
    grouped(n)
}

/// The number and its noun: `1 anomaly`, `2 anomalies`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// Seconds with as many figures as matter: `1.9 s`, `0.04 s`, `3 min 20 s`.
pub fn seconds(s: f64) -> String {
    let s = if s.is_finite() { s.max(0.0) } else { 0.0 };
    match s {
        s if s < 0.0005 => "under 1 ms".to_owned(),
        s if s < 0.0995 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s => {
            let whole = s.round() as u64;
            format!("{} min {} s", grouped(whole / 60), whole % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!(
            [0, 12, 999, 1000, 1_204_311, u64::MAX].map(grouped),
            ["0", "12", "999", "1,000", "1,204,311", "18,446,744,073,709,551,615"]
        );
        assert_eq!(
            [9_999, 10_000, 203_118, 999_600, 1_204_311].map(rounded),
            ["9,999", "10.0 k", "203 k", "1.00 M", "1.20 M"]
        );
        assert_eq!([counted(1, "kind", "kinds"), counted(2, "kind", "kinds")], ["1 kind", "2 kinds"]);
    }

    #[test]
    fn durations_keep_the_figures_that_matter() {
        let told = [0.0, 0.042, 0.3, 1.94, 45.2, 200.0, f64::NAN].map(seconds);
        assert_eq!(told, ["under 1 ms", "42 ms", "0.3 s", "1.9 s", "45 s", "3 min 20 s", "under 1 ms"]);
    }
}
