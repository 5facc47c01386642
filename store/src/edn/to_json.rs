//! Any EDN value, appended as JSON. The mapping stands in the head of [`super`].

use super::token::{Cursor, EdnResult, MAX_DEPTH, Stop, json_string};

impl<'a> Cursor<'a> {
    /// Reads the next form.
    pub(super) fn value(&mut self, out: &mut Vec<u8>) -> EdnResult<()> {
        let b = self.next()?;
        if let Some(trace) = &mut self.trace {
            trace.push((out.len(), self.at));
        }
        match b {
            b'0'..=b'9' => self.number(out),
            b':' => {
                let name = self.keyword()?;
                quoted(out, name);
                Ok(())
            }
            b'"' => self.string(out),
            b'[' => self.list(b']', out),
            b'(' => self.list(b')', out),
            b'{' => self.map(b"", out),
            b'-' | b'+' => match self.text.get(self.at + 1) {
                None => Err(Stop::Incomplete),
                Some(b'0'..=b'9') => self.number(out),
                Some(_) => self.symbol(out),
            },
            b'#' => self.dispatch(out),
            b'\\' => self.character(out),
            b')' | b']' | b'}' => self.wrong(format!("'{}' closes nothing", b as char)),
            b'\'' | b'@' | b'^' | b'`' | b'~' => self.wrong(format!("'{}' is Clojure, not EDN", b as char)),
            0..=b' ' | 0x7f => self.wrong(format!("unexpected '{}'", b.escape_ascii())),
            _ => self.symbol(out),
        }
    }

    fn symbol(&mut self, out: &mut Vec<u8>) -> EdnResult<()> {
        match self.token()? {
            b"nil" => out.extend_from_slice(b"null"),
            word @ (b"true" | b"false") => out.extend_from_slice(word),
            name => quoted(out, name),
        }
        Ok(())
    }

    fn deeper(&mut self) -> EdnResult<()> {
        if self.depth == MAX_DEPTH {
            return self.wrong(format!("values are nested more than {MAX_DEPTH} deep"));
        }
        self.depth += 1;
        Ok(())
    }

    /// A list, a vector, or a set from its brace on.
    fn list(&mut self, end: u8, out: &mut Vec<u8>) -> EdnResult<()> {
        self.deeper()?;
        self.at += 1;
        out.push(b'[');
        let start = out.len();
        while self.next()? != end {
            if out.len() > start {
                out.push(b',');
            }
            self.value(out)?;
        }
        self.at += 1;
        self.depth -= 1;
        out.push(b']');
        Ok(())
    }

    /// A map; its keywords get `namespace` in front where they have none.
    fn map(&mut self, namespace: &[u8], out: &mut Vec<u8>) -> EdnResult<()> {
        self.deeper()?;
        self.at += 1;
        out.push(b'{');
        let start = out.len();
        while self.next()? != b'}' {
            if out.len() > start {
                out.push(b',');
            }
            self.key(namespace, out)?;
            out.push(b':');
            if self.next()? == b'}' {
                return self.wrong("a map has a key without a value");
            }
            self.value(out)?;
        }
        self.at += 1;
        self.depth -= 1;
        out.push(b'}');
        Ok(())
    }

    fn key(&mut self, namespace: &[u8], out: &mut Vec<u8>) -> EdnResult<()> {
        let start = out.len();
        if !namespace.is_empty() && self.next()? == b':' {
            let name = self.keyword()?;
            out.push(b'"');
            match name.strip_prefix(b"_/") {
                Some(bare) => out.extend_from_slice(bare),
                None => {
                    if !name.contains(&b'/') {
                        out.extend_from_slice(namespace);
                        out.push(b'/');
                    }
                    out.extend_from_slice(name);
                }
            }
            out.push(b'"');
            return Ok(());
        }
        self.value(out)?;
        if out[start] != b'"' {
            let text = String::from_utf8(out.split_off(start)).expect("JSON is UTF-8");
            json_string(out, &text);
        }
        Ok(())
    }

    /// What begins with `#`.
    fn dispatch(&mut self, out: &mut Vec<u8>) -> EdnResult<()> {
        let Some(&kind) = self.text.get(self.at + 1) else { return Err(Stop::Incomplete) };
        match kind {
            b'{' => {
                self.at += 1;
                self.list(b'}', out)
            }
            b'"' => self.pattern(out),
            b'\'' => {
                let name = self.token()?;
                quoted(out, name);
                Ok(())
            }
            b'#' => {
                let start = self.at;
                let name = match self.token()? {
                    b"##NaN" => "NaN",
                    b"##Inf" => "Infinity",
                    b"##-Inf" => "-Infinity",
                    _ => return self.wrong_at(start, "## is followed by Inf, -Inf or NaN"),
                };
                quoted(out, name.as_bytes());
                Ok(())
            }
            b':' => {
                self.at += 1;
                let namespace = self.keyword()?;
                if self.next()? != b'{' {
                    return self.wrong("#: and a namespace are followed by a map");
                }
                self.map(namespace, out)
            }
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => {
                let tag = self.tag()?;
                if matches!(tag, b"inst" | b"uuid") {
                    self.deeper()?;
                    self.value(out)?;
                } else {
                    out.extend_from_slice(b"{\"tag\":");
                    quoted(out, tag);
                    out.extend_from_slice(b",\"value\":");
                    self.deeper()?;
                    self.value(out)?;
                    out.push(b'}');
                }
                self.depth -= 1;
                Ok(())
            }
            _ => self.wrong(format!("'#{}' is no EDN", kind.escape_ascii())),
        }
    }

    /// `#name`, without its mark; what it tags comes next.
    pub(super) fn tag(&mut self) -> EdnResult<&'a [u8]> {
        self.at += 1;
        let tag = self.token()?;
        if tag.is_empty() {
            return self.wrong("a tag has no name");
        }
        Ok(tag)
    }
}

/// A token as a JSON string: nothing that ends a token needs an escape, and nothing else does.
fn quoted(out: &mut Vec<u8>, token: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(token);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(edn: &str) -> String {
        let text = format!("{edn} ");
        let mut cursor = Cursor::new(text.as_bytes());
        let mut out = Vec::new();
        match cursor.value(&mut out) {
            Ok(()) => {
                assert_eq!(cursor.skip(), Ok(None), "{edn}: {} bytes read", cursor.at);
                let out = String::from_utf8(out).expect("UTF-8");
                serde_json::from_str::<serde_json::Value>(&out)
                    .unwrap_or_else(|e| panic!("{edn}: {out}: {e}"));
                out
            }
            Err(Stop::Incomplete) => "incomplete".into(),
            Err(Stop::Wrong(fault)) => format!("{}: {}", fault.at, fault.reason),
        }
    }

    #[test]
    fn atoms() {
        for (edn, expected) in [
            ("nil", "null"),
            ("true", "true"),
            ("false", "false"),
            ("falsey", r#""falsey""#),
            (":ok", r#""ok""#),
            (":jepsen/ok", r#""jepsen/ok""#),
            ("clojure.core/fn*", r#""clojure.core/fn*""#),
            ("-", r#""-""#),
            ("+x", r#""+x""#),
            ("0", "0"),
            ("-17", "-17"),
            ("+17", "17"),
            ("18446744073709551616N", "18446744073709551616"),
            ("1.50M", "1.50"),
            ("1.", "1.0"),
            ("-1.5E-7", "-1.5e-7"),
            ("2e3", "2.0e3"),
            ("1/3", r#""1/3""#),
            ("0x1F", "31"),
            ("##NaN", r#""NaN""#),
            ("##-Inf", r#""-Infinity""#),
            ("#'clojure.core/map", r##""#'clojure.core/map""##),
            (r#""t-0""#, r#""t-0""#),
            (r#""a\tb\\ \"q\" \u00e9 \101""#, r#""a\tb\\ \"q\" é A""#),
            ("\"two\nlines\u{1}\"", r#""two\nlines\u0001""#),
            (r#""\ud83d\ude00 \ud83d""#, "\"😀 \u{fffd}\""),
            (r##"#"\d+\"x""##, r#""\\d+\\\"x""#),
            (r"\a", r#""a""#),
            (r"\newline", r#""\n""#),
            (r"\u03bb", "\"λ\""),
            (r"\o101", r#""A""#),
            (r"\(", r#""(""#),
            (r#"\""#, r#""\"""#),
        ] {
            assert_eq!(json(edn), expected, "{edn}");
        }
    }

    #[test]
    fn collections_tags_and_what_is_passed_over() {
        for (edn, expected) in [
            ("[]", "[]"),
            ("(1, 2 [3])", "[1,2,[3]]"),
            ("#{:a \"b\"}", r#"["a","b"]"#),
            ("{}", "{}"),
            (
                "{:a 1, \"b\" 2 c 3 5 4 [1 \"x\"] 5 nil 6}",
                r#"{"a":1,"b":2,"c":3,"5":4,"[1,\"x\"]":5,"null":6}"#,
            ),
            ("[:send 5 [nil 1]]", r#"["send",5,[null,1]]"#),
            ("#inst \"2024-08-20T06:26:34.633-00:00\"", r#""2024-08-20T06:26:34.633-00:00""#),
            ("#uuid \"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"", r#""f81d4fae-7dec-11d0-a765-00a0c91e6bf6""#),
            ("#jepsen.history.Op{:index 0}", r#"{"tag":"jepsen.history.Op","value":{"index":0}}"#),
            (
                "#object[java.lang.Object 0x6b4a4e18 \"java.lang.Object@6b4a4e18\"]",
                r#"{"tag":"object","value":["java.lang.Object",1800031768,"java.lang.Object@6b4a4e18"]}"#,
            ),
            ("#:jepsen{:a 1, :b/c 2, :_/d 3, e 4}", r#"{"jepsen/a":1,"b/c":2,"d":3,"e":4}"#),
            ("[1 #_ 2 #_ #_ 3 [4] 5 ; six\n 7]", "[1,5,7]"),
            ("#_ {:a #_ b 1} ok", r#""ok""#),
        ] {
            assert_eq!(json(edn), expected, "{edn}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_byte() {
        for (edn, expected) in [
            ("[1 2", "incomplete"),
            ("{:a", "incomplete"),
            ("\"abc", "incomplete"),
            ("#_", "incomplete"),
            ("; to the end", "incomplete"),
            ("[1 2)", "4: ')' closes nothing"),
            ("{:a}", "3: a map has a key without a value"),
            ("[007]", "1: 007 is no number"),
            ("[1a]", "1: 1a is no number"),
            ("[1.e]", "1: 1.e is no number"),
            ("[: ]", "1: a keyword has no name"),
            ("[::a]", "1: a keyword has no name"),
            ("\"\\x\"", "1: a string has the escape \\x"),
            ("\"\\u12g4\"", "1: \\u wants four hexadecimal digits"),
            ("\\abc", "0: \\abc is no character"),
            ("#<Object>", "0: '#<' is no EDN"),
            ("#(+ 1)", "0: '#(' is no EDN"),
            ("##Foo", "0: ## is followed by Inf, -Inf or NaN"),
            ("#:a [1]", "4: #: and a namespace are followed by a map"),
            ("[#_]", "3: #_ has nothing to discard"),
            ("@x", "0: '@' is Clojure, not EDN"),
            ("[\u{1}]", "1: unexpected '\\x01'"),
        ] {
            assert_eq!(json(edn), expected, "{edn}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        assert!(json(&deep("[", "]", 100)).starts_with("[[["));
        for (open, close) in
            [("[", "]"), ("{:a ", "}"), ("#a ", ""), ("#{", "}"), ("[#_[1] ", "]"), ("[#_", "]")]
        {
            let text = deep(open, close, 1_000_000);
            assert!(json(&text).contains("nested more than"), "{open}");
        }
        // Discards side by side are no nesting.
        assert_eq!(json(&format!("{}{} ok", "#_".repeat(100_000), " a".repeat(100_000))), r#""ok""#);
    }
}
