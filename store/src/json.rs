//! A cursor over JSON text for the few shapes a history is made of. Numbers, plain strings and punctuation
//! are read by hand; whatever is rarer goes through serde_json.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// Where in the text something was wrong, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// Byte in the text the cursor was given.
    pub(crate) at: usize,
    /// What is wrong, in words.
    pub(crate) reason: String,
}

pub(crate) type JsonResult<T> = Result<T, JsonError>;

/// Decimal digits that any `u64` can hold.
const SAFE_DIGITS: usize = 19;

/// Reads one text from its start to its end.
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Cursor { text, at: 0 }
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Back to (or on to) a place; what comes next is read again, and errors name it.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(crate) fn error<T>(&self, reason: impl Into<String>) -> JsonResult<T> {
        Err(JsonError { at: self.at, reason: reason.into() })
    }

    /// The next byte that is no white space, without taking it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(&b) = self.text.get(self.at) {
            if b > b' ' || !matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(b);
            }
            self.at += 1;
        }
        None
    }

    /// The byte after the next one.
    #[inline]
    pub(crate) fn second(&self) -> Option<u8> {
        self.text.get(self.at + 1).copied()
    }

    /// Takes `byte` if it comes next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> JsonResult<()> {
        if self.take(byte) {
            return Ok(());
        }
        match self.peek() {
            Some(other) => {
                self.error(format!("expected '{}', found '{}'", byte as char, other.escape_ascii()))
            }
            None => self.error(format!("expected '{}', found the end", byte as char)),
        }
    }

    /// After one element of a list or object: `true` if another follows, `false` at its end.
    #[inline]
    pub(crate) fn more(&mut self, end: u8) -> JsonResult<bool> {
        if self.take(b',') {
            return Ok(true);
        }
        self.expect(end).map(|()| false)
    }

    /// Nothing may follow.
    pub(crate) fn end(&mut self) -> JsonResult<()> {
        match self.peek() {
            None => Ok(()),
            Some(b) => {
                self.error(format!("unexpected '{}' after the end of the line's object", b.escape_ascii()))
            }
        }
    }

    #[inline]
    pub(crate) fn string(&mut self) -> JsonResult<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return self.error("expected a string");
        }
        let start = self.at + 1;
        let mut end = start;
        loop {
            match self.text.get(end) {
                None => return self.error("a string has no end"),
                Some(b'"') => break,
                Some(b'\\') => return self.raw_string(),
                Some(0..=0x1f) => {
                    self.at = end;
                    return self.error("a control character stands in a string");
                }
                Some(_) => end += 1,
            }
        }
        match std::str::from_utf8(&self.text[start..end]) {
            Ok(s) => {
                self.at = end + 1;
                Ok(Cow::Borrowed(s))
            }
            Err(_) => self.error("a string is not UTF-8"),
        }
    }

    #[cold]
    fn raw_string(&mut self) -> JsonResult<Cow<'a, str>> {
        let at = self.at;
        let raw = self.raw()?;
        serde_json::from_str(raw).map(Cow::Owned).map_err(|e| JsonError { at, reason: e.to_string() })
    }

    /// A whole number that fits, plain digits only. Anything else (a float, an exponent) is refused.
    #[inline]
    pub(crate) fn u64(&mut self) -> JsonResult<u64> {
        self.peek();
        let start = self.at;
        let mut at = start;
        let mut n: u64 = 0;
        // So many digits always fit.
        let safe = &self.text[..self.text.len().min(start.saturating_add(SAFE_DIGITS))];
        while let Some(digit) = safe.get(at).map(|b| b.wrapping_sub(b'0'))
            && digit < 10
        {
            n = n * 10 + u64::from(digit);
            at += 1;
        }
        if at == start + SAFE_DIGITS {
            while let Some(digit) = self.text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
                n = match n.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit))) {
                    Some(n) => n,
                    None => return self.error("a number is too large"),
                };
                at += 1;
            }
        }
        if at == start || matches!(self.text.get(at), Some(b'.' | b'e' | b'E')) {
            return self.error("expected a whole number");
        }
        if at > start + 1 && self.text[start] == b'0' {
            return self.error("a number begins with 0");
        }
        self.at = at;
        Ok(n)
    }

    #[inline]
    pub(crate) fn i64(&mut self) -> JsonResult<i64> {
        let negative = self.take(b'-');
        let n = self.u64()?;
        let signed = if negative { 0i64.checked_sub_unsigned(n) } else { i64::try_from(n).ok() };
        match signed {
            Some(n) => Ok(n),
            None => self.error("a number is too large"),
        }
    }

    /// Takes exactly these bytes if they come next, white space before them aside.
    #[inline]
    pub(crate) fn literal(&mut self, word: &[u8]) -> bool {
        self.peek();
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// `null`, if it comes next.
    #[inline]
    pub(crate) fn null(&mut self) -> bool {
        self.literal(b"null")
    }

    pub(crate) fn boolean(&mut self) -> JsonResult<bool> {
        if self.literal(b"true") {
            Ok(true)
        } else if self.literal(b"false") {
            Ok(false)
        } else {
            self.error("expected true or false")
        }
    }

    /// Any value, checked and passed over; its text.
    pub(crate) fn raw(&mut self) -> JsonResult<&'a str> {
        self.peek();
        let rest = &self.text[self.at..];
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(raw)) => {
                self.at += values.byte_offset();
                Ok(raw.get())
            }
            Some(Err(e)) => {
                // One line: serde_json's column is the byte.
                let at = self.at + e.column().saturating_sub(1);
                Err(JsonError { at, reason: strip_place(&e.to_string()) })
            }
            None => self.error("expected a value, found the end"),
        }
    }
}

/// serde_json's message without its own " at line 1 column 7": ours names the line of the history.
fn strip_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}
