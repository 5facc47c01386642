//! How wide a text will be, without a font: enough to lay out labels that do not touch.

/// Width of `text` at this font size, in the size's unit. Follows DejaVu Sans, the widest of the usual
/// sans-serif fonts, so that an estimate errs towards more room.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' | '.' | ',' | ':' | ';' | '!' | ' ' | 'I' => 0.32,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' => 0.41,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.95,
        'A'..='Z' => 0.70,
        c if c.is_ascii() => 0.63,
        // Ideographs are square; other letters are about as wide as Latin ones.
        '\u{2E80}'..='\u{FFEF}' | '\u{1F000}'..='\u{3FFFF}' => 1.05,
        _ => 0.66,
    }
}

/// The text, cut with an ellipsis where it is wider than `room`; `None` where nothing readable fits.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> Option<String> {
    if text_width(text, size) <= room {
        return Some(text.to_owned());
    }
    let mut used = em('…') * size;
    let mut kept = String::new();
    for c in text.chars() {
        used += em(c) * size;
        if used > room {
            break;
        }
        kept.push(c);
    }
    let kept = kept.trim_end();
    (kept.chars().count() >= 4).then(|| format!("{kept}…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_cut_or_dropped() {
        assert_eq!(fit("kill kafka-2", 20.0, 400.0).unwrap(), "kill kafka-2");
        let cut = fit("isolate leader of t-3 (kafka-2)", 20.0, 200.0).unwrap();
        assert!(cut.ends_with('…') && text_width(&cut, 20.0) <= 200.0, "{cut}");
        assert_eq!(fit("isolate leader of t-3", 20.0, 30.0), None);
        assert_eq!(fit("", 20.0, 0.0).unwrap(), "");
    }
}
