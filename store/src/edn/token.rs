//! A cursor over EDN text: white space, comments, discards and the tokens. Every token is appended to `out` as
//! the JSON it stands for.

/// Why a form could not be read. Small, because every token's reading returns one or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends inside it.
    Incomplete,
    /// It is no EDN, or no operation.
    Wrong(Box<Fault>),
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte in the text.
    pub(super) at: usize,
    /// In words.
    pub(super) reason: String,
}

pub(super) type EdnResult<T> = Result<T, Stop>;

/// Collections in collections; Jepsen's histories have about six.
pub(super) const MAX_DEPTH: u32 = 200;

/// Reads one text from its start to its end.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: u32,
    /// Where asked for: the place of every value, in `out` and in the text.
    pub(super) trace: Option<Vec<(usize, usize)>>,
}

/// What a byte is within a token: nothing special, its end, or part of a letter beyond ASCII.
const IN_TOKEN: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut i = 0;
    while i < 256 {
        kinds[i] = if i <= b' ' as usize {
            END
        } else if i >= 0x80 {
            BEYOND_ASCII
        } else {
            0
        };
        i += 1;
    }
    let marks = b",;\"()[]{}\\^@`~";
    i = 0;
    while i < marks.len() {
        kinds[marks[i] as usize] = END;
        i += 1;
    }
    kinds
};

const END: u8 = 1;
const BEYOND_ASCII: u8 = 2;

pub(super) fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b',' | b'\t'..=b'\r' | 0x1c..=0x1f)
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Cursor { text, at: 0, depth: 0, trace: None }
    }

    pub(super) fn wrong<T>(&self, reason: impl Into<String>) -> EdnResult<T> {
        self.wrong_at(self.at, reason)
    }

    #[cold]
    pub(super) fn wrong_at<T>(&self, at: usize, reason: impl Into<String>) -> EdnResult<T> {
        Err(Stop::Wrong(Box::new(Fault { at, reason: reason.into() })))
    }

    /// The next byte that belongs to a form, without taking it; the text must go on.
    #[inline(always)]
    pub(super) fn next(&mut self) -> EdnResult<u8> {
        match self.skip() {
            Ok(Some(b)) => Ok(b),
            Ok(None) => Err(Stop::Incomplete),
            Err(stop) => Err(stop),
        }
    }

    /// Passes over white space, comments and discarded forms. `None` at the text's end.
    #[inline(always)]
    pub(super) fn skip(&mut self) -> EdnResult<Option<u8>> {
        while let Some(&b) = self.text.get(self.at) {
            match b {
                b' ' | b',' => self.at += 1,
                b'%'..=b':' | b'A'..=b'~' | b'"' => return Ok(Some(b)),
                _ => return self.skip_slowly(),
            }
        }
        Ok(None)
    }

    /// The same, for whatever is not plain.
    fn skip_slowly(&mut self) -> EdnResult<Option<u8>> {
        // Counted, not nested: `#_ #_ a b` discards both, and a million of them must not be a million calls.
        let mut discards = 0u64;
        loop {
            let Some(&b) = self.text.get(self.at) else {
                return if discards == 0 { Ok(None) } else { Err(Stop::Incomplete) };
            };
            match b {
                b';' => match memchr::memchr(b'\n', &self.text[self.at..]) {
                    Some(n) => self.at += n + 1,
                    None => return Err(Stop::Incomplete),
                },
                b'#' if self.text.len() == self.at + 1 => return Err(Stop::Incomplete),
                b'#' if self.text[self.at + 1] == b'_' => {
                    self.at += 2;
                    discards += 1;
                }
                _ if is_blank(b) => self.at += 1,
                _ if discards == 0 => return Ok(Some(b)),
                b')' | b']' | b'}' => return self.wrong("#_ has nothing to discard"),
                _ => {
                    let trace = self.trace.take();
                    let discarded = self.value(&mut Vec::new());
                    self.trace = trace;
                    discarded?;
                    discards -= 1;
                }
            }
        }
    }

    /// The bytes up to the next that ends a token. A token that the text's end cuts may go on.
    #[inline(always)]
    pub(super) fn token(&mut self) -> EdnResult<&'a [u8]> {
        let rest = &self.text[self.at..];
        let mut length = 0;
        let mut kinds = 0;
        loop {
            let Some(&b) = rest.get(length) else { return Err(Stop::Incomplete) };
            let kind = IN_TOKEN[usize::from(b)];
            if kind == END {
                break;
            }
            kinds |= kind;
            length += 1;
        }
        let token = &rest[..length];
        if kinds != 0 && std::str::from_utf8(token).is_err() {
            return self.wrong("it is not UTF-8");
        }
        self.at += length;
        Ok(token)
    }

    /// `:name` or `:namespace/name`, without its colon.
    #[inline]
    pub(super) fn keyword(&mut self) -> EdnResult<&'a [u8]> {
        self.at += 1;
        let token = self.token()?;
        if token.is_empty() || token[0] == b':' {
            self.at -= token.len() + 1;
            return self.wrong("a keyword has no name");
        }
        Ok(token)
    }

    /// A number, in any of the ways that Clojure prints one.
    #[inline]
    pub(super) fn number(&mut self, out: &mut Vec<u8>) -> EdnResult<()> {
        let start = self.at;
        let rest = &self.text[start..];
        let digits = usize::from(rest.first() == Some(&b'-'));
        let mut end = digits;
        while rest.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        let plain = end == digits + 1 || end > digits && rest[digits] != b'0';
        match rest.get(end) {
            None => return Err(Stop::Incomplete),
            Some(b) if plain && IN_TOKEN[usize::from(*b)] == END => {
                out.extend_from_slice(&rest[..end]);
                self.at += end;
                return Ok(());
            }
            Some(_) => {}
        }
        let token = self.token()?;
        if json_number(token, out) {
            return Ok(());
        }
        self.at = start;
        self.wrong(format!("{} is no number", String::from_utf8_lossy(token)))
    }

    /// A string. What JSON spells differently is respelled.
    #[inline]
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> EdnResult<()> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.text.get(at) {
                None => return Err(Stop::Incomplete),
                Some(b'"') => break,
                Some(b'\\' | 0..=0x1f | 0x80..) => return self.awkward_string(out, start, at),
                Some(_) => at += 1,
            }
        }
        out.push(b'"');
        out.extend_from_slice(&self.text[start..at]);
        out.push(b'"');
        self.at = at + 1;
        Ok(())
    }

    /// A string with escapes, line breaks or letters beyond ASCII, from `at` on.
    #[cold]
    fn awkward_string(&mut self, out: &mut Vec<u8>, start: usize, mut at: usize) -> EdnResult<()> {
        let mut unescaped = self.text[start..at].to_vec();
        loop {
            match self.text.get(at) {
                None => return Err(Stop::Incomplete),
                Some(b'"') => break,
                Some(b'\\') => at = self.escape(at, &mut unescaped)?,
                Some(b) => {
                    unescaped.push(*b);
                    at += 1;
                }
            }
        }
        match String::from_utf8(unescaped) {
            Ok(text) => {
                json_string(out, &text);
                self.at = at + 1;
                Ok(())
            }
            Err(_) => self.wrong("a string is not UTF-8"),
        }
    }

    /// One escape of a string, which begins at `at`; where it ends.
    fn escape(&self, at: usize, out: &mut Vec<u8>) -> EdnResult<usize> {
        let Some(&kind) = self.text.get(at + 1) else { return Err(Stop::Incomplete) };
        let plain = match kind {
            b'"' | b'\\' => kind,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'0'..=b'7' => return self.octal(at + 1, out),
            b'u' => return self.unicode(at, out),
            _ => {
                return self.wrong_at(at, format!("a string has the escape \\{}", kind.escape_ascii()));
            }
        };
        out.push(plain);
        Ok(at + 2)
    }

    fn octal(&self, at: usize, out: &mut Vec<u8>) -> EdnResult<usize> {
        let mut end = at;
        let mut code = 0;
        while end < at + 3 {
            match self.text.get(end) {
                None => return Err(Stop::Incomplete),
                Some(digit @ b'0'..=b'7') => code = code * 8 + u32::from(digit - b'0'),
                Some(_) => break,
            }
            end += 1;
        }
        push_char(out, code);
        Ok(end)
    }

    /// `\uXXXX` at `at`, or two of them where they are one character beyond the first plane.
    fn unicode(&self, at: usize, out: &mut Vec<u8>) -> EdnResult<usize> {
        let unit = |at: usize| -> EdnResult<u32> {
            let Some(digits) = self.text.get(at + 2..at + 6) else { return Err(Stop::Incomplete) };
            let code = std::str::from_utf8(digits)
                .ok()
                .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|d| u32::from_str_radix(d, 16).ok());
            code.map_or_else(|| self.wrong_at(at, "\\u wants four hexadecimal digits"), Ok)
        };
        let first = unit(at)?;
        if (0xd800..0xdc00).contains(&first) {
            match self.text.get(at + 6..at + 8) {
                None => return Err(Stop::Incomplete),
                Some(b"\\u") => {
                    let second = unit(at + 6)?;
                    if (0xdc00..0xe000).contains(&second) {
                        push_char(out, 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                        return Ok(at + 12);
                    }
                }
                Some(_) => {}
            }
        }
        push_char(out, first);
        Ok(at + 6)
    }

    /// A pattern, `#"..."`: its backslashes are its own.
    pub(super) fn pattern(&mut self, out: &mut Vec<u8>) -> EdnResult<()> {
        let start = self.at + 2;
        let mut at = start;
        loop {
            match self.text.get(at) {
                None => return Err(Stop::Incomplete),
                Some(b'"') => break,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
            }
        }
        match std::str::from_utf8(&self.text[start..at]) {
            Ok(text) => json_string(out, text),
            Err(_) => return self.wrong("a pattern is not UTF-8"),
        }
        self.at = at + 1;
        Ok(())
    }

    /// A character: `\a`, `\newline`, `\u03bb`, `\o101`.
    pub(super) fn character(&mut self, out: &mut Vec<u8>) -> EdnResult<()> {
        let start = self.at;
        // The first one belongs to it even if it ends other tokens: `\(`, `\"`.
        self.at += 2;
        while self.text.get(self.at).is_some_and(|b| *b & 0xc0 == 0x80) {
            self.at += 1;
        }
        let rest = if self.at <= self.text.len() { self.token()? } else { return Err(Stop::Incomplete) };
        let Ok(name) = std::str::from_utf8(&self.text[start + 1..self.at]) else {
            self.at = start;
            return self.wrong("a character is not UTF-8");
        };
        let radix = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let character = match name {
            "newline" => Some('\n'),
            "space" => Some(' '),
            "tab" => Some('\t'),
            "return" => Some('\r'),
            "backspace" => Some('\u{8}'),
            "formfeed" => Some('\u{c}'),
            _ if name.chars().count() == 1 => name.chars().next(),
            _ if rest.len() == 4 && name.starts_with('u') => radix(&name[1..], 16),
            _ if name.starts_with('o') => radix(&name[1..], 8),
            _ => None,
        };
        match character {
            Some(character) => json_string(out, character.encode_utf8(&mut [0; 4])),
            None => {
                let reason = format!("\\{name} is no character");
                self.at = start;
                return self.wrong(reason);
            }
        }
        Ok(())
    }
}

/// Half a surrogate pair is no character; Java has such strings all the same.
fn push_char(out: &mut Vec<u8>, code: u32) {
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Appends a JSON string.
pub(super) fn json_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing to memory does not fail");
}

/// Every number but the plainest: `+1`, `1N`, `1.`, `1.5M`, `1e3`, `1/3`, `0x1f`.
#[cold]
fn json_number(token: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(token) = std::str::from_utf8(token) else { return false };
    let (sign, rest) = match token.as_bytes() {
        [b'-', ..] => ("-", &token[1..]),
        [b'+', ..] => ("", &token[1..]),
        _ => ("", token),
    };
    let whole = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain && (digits.len() == 1 || !digits.starts_with('0'))
    };
    if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let Some(n) = u64::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+')) else {
            return false;
        };
        out.extend_from_slice(format!("{sign}{n}").as_bytes());
        return true;
    }
    if let Some((above, below)) = rest.split_once('/') {
        if !(whole(above) && whole(below)) {
            return false;
        }
        json_string(out, token);
        return true;
    }
    if let Some(digits) = Some(rest.strip_suffix('N').unwrap_or(rest)).filter(|digits| whole(digits)) {
        out.extend_from_slice(format!("{sign}{digits}").as_bytes());
        return true;
    }
    let rest = rest.strip_suffix('M').unwrap_or(rest);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (above, below) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let power = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !whole(above) || !digits(below) || power.is_some_and(|p| p.is_empty() || !digits(p)) {
        return false;
    }
    let below = if below.is_empty() { "0" } else { below };
    let exponent = exponent.map(|e| format!("e{e}")).unwrap_or_default();
    out.extend_from_slice(format!("{sign}{above}.{below}{exponent}").as_bytes());
    true
}
