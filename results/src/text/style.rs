//! How text is laid out on a terminal: colour, width, and nothing that a terminal would obey.

use store::verdict::Validity;

use super::wrap::wrap;

/// What the terminal can do.
#[derive(Debug, Clone, Copy)]
pub struct ReportStyle {
    /// Whether to colour; words stand beside colour always.
    pub color: bool,
    /// Characters a line.
    pub width: usize,
    /// Whether a line longer than that breaks, as a terminal's does: tables leave columns out then.
    pub breaks: bool,
    /// Examples of each kind told in full.
    pub max_examples: usize,
}

impl Default for ReportStyle {
    fn default() -> Self {
        ReportStyle { color: false, width: 120, breaks: false, max_examples: 3 }
    }
}

/// The colours in use, by meaning.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Doubtful,
    Bad,
    Strong,
    Quiet,
}

impl ReportStyle {
    /// The text in a tone.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "1;32",
            Tone::Doubtful => "1;33",
            Tone::Bad => "1;31",
            Tone::Strong => "1",
            Tone::Quiet => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The word of a judgement.
    pub(crate) fn validity(&self, validity: Validity) -> String {
        let tone = match validity {
            Validity::Valid => Tone::Good,
            Validity::Unknown => Tone::Doubtful,
            Validity::Invalid => Tone::Bad,
        };
        self.paint(tone, &validity.to_string())
    }

    /// Appends text, wrapped: the first line after `head`, the others indented as deep. `head` counts as `indent`
    /// characters, so that it may hold colour.
    pub fn paragraph(&self, out: &mut String, head: &str, indent: usize, text: &str) {
        let room = self.width.saturating_sub(indent).max(24);
        let lines = wrap(&harmless(text), room);
        out.push_str(head);
        for (i, line) in lines.iter().enumerate() {
            if i > 0 {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
            }
            out.push_str(line);
        }
        out.push('\n');
    }

    /// Appends a row `  word       text`, wrapped under the text.
    pub(crate) fn row(&self, out: &mut String, word: &str, text: &str) {
        let head = format!("  {} ", self.paint(Tone::Quiet, &format!("{word:<10}")));
        self.paragraph(out, &head, 13, text);
    }
}

/// The text without control characters: what a history holds must not command the terminal.
pub(crate) fn harmless(text: &str) -> String {
    let replace = |c: char| match c {
        '\n' | '\t' => ' ',
        // Also the ones that turn the writing direction around.
        c if c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}') => '\u{FFFD}',
        c => c,
    };
    text.chars().map(replace).collect()
}
