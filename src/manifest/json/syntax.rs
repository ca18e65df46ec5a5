//! Where JSON values lie in a text, and what is wrong with what is none.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::entry::Entries;

/// What is no JSON.
pub(super) struct Broken {
    /// The byte where it is seen.
    pub at: usize,
    /// The parser's words.
    pub words: String,
    /// The text ends before the value does.
    pub cut: bool,
}

impl Broken {
    /// From the parser's error about `text`.
    pub(super) fn new(text: &str, error: &serde_json::Error) -> Self {
        let mut start = 0;
        for _ in 1..error.line() {
            start += text[start..].find('\n').map_or(0, |length| length + 1);
        }
        let words = error.to_string();
        let mut at = (start + error.column().saturating_sub(1)).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        Self {
            at,
            // The place is told apart.
            words: words
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned(),
            cut: error.is_eof(),
        }
    }

    /// How to mend it; the value begins at byte `start` of `text`.
    pub(super) fn mend(&self, text: &str, start: usize) -> &'static str {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '\'';
        let head = text.get(start..self.at).unwrap_or("");
        let before = head.len() - head.trim_end_matches(word).len();
        let token = &text[self.at - before..];
        let token = &token[..token.len() - token.trim_start_matches(word).len()];
        if token.starts_with('\'') {
            return "texts and names stand in double quotes (Python: json.dumps)";
        }
        if text[self.at..].starts_with(['\u{201c}', '\u{201d}', '\u{201e}']) {
            return "texts and names stand in straight double quotes (\")";
        }
        match token {
            "Infinity" | "-Infinity" | "nan" | "None" | "undefined" => {
                "write null where there is no value"
            }
            "True" | "False" => "write true or false, in small letters",
            _ if token.is_empty()
                && text[self.at..].starts_with(['}', ']'])
                && head.trim_end().ends_with(',') =>
            {
                "drop the comma after the last value"
            }
            _ if self.words.contains("control character") => {
                "write a line end within a text as \\n"
            }
            _ => "write one object a line",
        }
    }
}

/// The object that starts at byte `at`, and where it ends, if it is whole.
pub(super) fn entries(text: &str, at: usize) -> Option<(usize, Entries)> {
    let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter();
    let entries = values.next()?.ok()?;
    Some((at + values.byte_offset(), entries))
}

/// Where the value that starts at byte `at` ends.
pub(super) fn value(text: &str, at: usize) -> Result<usize, Broken> {
    let rest = &text[at..];
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(IgnoredAny)) => Ok(at + values.byte_offset()),
        Some(Err(error)) => {
            let broken = Broken::new(rest, &error);
            let at = at + broken.at;
            Err(Broken { at, ..broken })
        }
        None => Ok(text.len()),
    }
}

/// The text with an empty text in place of each NaN, of the same length: Python writes NaN where a table has gaps.
pub(super) fn without_nan(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let bytes = text.as_bytes();
    let (mut quoted, mut at) = (false, 0);
    if !text.contains("NaN") {
        return out;
    }
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            // No JSON text holds a line end: what is broken on one line is not carried to the next.
            b'\n' => quoted = false,
            b'N' if !quoted && bytes[at..].starts_with(b"NaN") && alone(bytes, at) => {
                out.to_mut().replace_range(at..at + 3, "\"\" ");
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// Whether the three bytes from `at` on are a word of their own.
fn alone(bytes: &[u8], at: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    !word(bytes.get(at + 3)) && !word(at.checked_sub(1).and_then(|i| bytes.get(i)))
}

/// Where the values of an object lie in its text, which is known to be JSON.
pub(super) fn places(text: &str) -> Vec<Range<usize>> {
    let (mut places, mut depth, mut start) = (Vec::new(), 0usize, 0);
    let mut end = |start: usize, end: usize| {
        let value = text[start..end].trim_end();
        let blanks = value.len() - value.trim_start().len();
        places.push(start + blanks..start + value.len());
    };
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                while let Some((_, inside)) = bytes.next() {
                    match inside {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b':' if depth == 1 => start = at + 1,
            b',' if depth == 1 => end(start, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && start > 0 {
                    end(start, at);
                }
            }
            _ => {}
        }
    }
    places
}
