//! Is a history EDN, and how is it laid out? Its first bytes tell.

use super::token::is_blank;

/// How the operations stand in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What closes the collection around them; `None` where they stand free.
    pub(crate) closer: Option<u8>,
    /// Operations end with line breaks, so that a piece of the text most likely begins with a whole one.
    pub(crate) rows: bool,
}

/// The layout, or `None` for what is not EDN: JSON, nothing at all, or something that neither reader takes.
pub(crate) fn detect(start: &[u8]) -> Option<Layout> {
    let first = form(start, 0)?;
    let closer = match start[first] {
        b'[' => Some(b']'),
        b'(' => Some(b')'),
        _ => None,
    };
    let is_edn = match start[first] {
        b'{' => is_edn_map(start, first),
        b'#' => matches!(start.get(first + 1), Some(b'a'..=b'z' | b'_')),
        b'(' => true,
        b'[' => match form(start, first + 1) {
            None => true,
            Some(inner) => match start[inner] {
                b'{' => is_edn_map(start, inner),
                b'#' | b']' => true,
                _ => false,
            },
        },
        _ => false,
    };
    let rows = memchr::memchr(b'\n', &start[first..]).is_some();
    is_edn.then_some(Layout { closer, rows })
}

/// Where the next form begins: comments and white space aside.
fn form(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *text.get(at)? {
            b';' => at += memchr::memchr(b'\n', &text[at..])?,
            b if is_blank(b) => at += 1,
            _ => return Some(at),
        }
    }
}

/// The keys of a JSON object are strings; those of an operation are keywords.
fn is_edn_map(text: &[u8], brace: usize) -> bool {
    form(text, brace + 1).is_some_and(|at| matches!(text[at], b':' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let free = |rows| Some(Layout { closer: None, rows });
        let held = |closer, rows| Some(Layout { closer: Some(closer), rows });
        for (text, expected) in [
            ("", None),
            ("\n\n", None),
            (r#"{"time":1}"#, None),
            (" {\n \"time\":1}", None),
            (r#"[{"time":1}]"#, None),
            ("[1,2]", None),
            ("{}", None),
            ("{", None),
            ("hello", None),
            ("{:type :ok}", free(false)),
            ("{:type :ok}\n{", free(true)),
            ("; Jepsen's\n\n , { :type :ok}", free(false)),
            ("#jepsen.history.Op{:index 0}\n", free(true)),
            ("#_ {} {:type :ok}", free(false)),
            ("[{:type :ok} {", held(b']', false)),
            ("[\n{:type :ok}", held(b']', true)),
            ("[]", held(b']', false)),
            ("[#jepsen.history.Op{", held(b']', false)),
            ("({:type :ok})", held(b')', false)),
        ] {
            assert_eq!(detect(text.as_bytes()), expected, "{text}");
        }
    }
}
