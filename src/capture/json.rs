//! JSON as tools really write it: with a byte order mark, and with Python's and C's names of numbers that are none.

use std::borrow::Cow;

/// Names of numbers that are none, in any case.
const NOT_NUMBERS: [&[u8]; 3] = [b"nan", b"infinity", b"inf"];

/// `raw` as JSON of the standard: without a byte order mark, with `NaN` and its like as texts (`"NaN"`), which a reader
/// of numbers may name.
///
/// # Errors
/// In words why it is no UTF-8.
pub fn standard(raw: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let wide = match raw {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => true,
        // Without a mark: every other byte of ASCII is 0.
        [a, b, ..] => (*a == 0) != (*b == 0),
        _ => false,
    };
    if wide {
        return Err("it is UTF-16 text, which JSON may not be; save it as UTF-8".to_owned());
    }
    let text = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    let mut written: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = after_text(text, at + 1),
            b'-' | b'a'..=b'z' | b'A'..=b'Z' => {
                let word = at + usize::from(byte == b'-');
                let letters = |b: &u8| !b.is_ascii_alphabetic();
                let end = text[word..]
                    .iter()
                    .position(letters)
                    .map_or(text.len(), |n| word + n);
                let named = |name: &&[u8]| text[word..end].eq_ignore_ascii_case(name);
                if NOT_NUMBERS.iter().any(named) {
                    let written = written.get_or_insert_with(|| Vec::with_capacity(text.len()));
                    written.extend(&text[copied..at]);
                    written.push(b'"');
                    written.extend(&text[at..end]);
                    written.push(b'"');
                    copied = end;
                }
                at = end.max(at + 1);
            }
            _ => at += 1,
        }
    }
    Ok(match written {
        None => Cow::Borrowed(text),
        Some(mut written) => {
            written.extend(&text[copied..]);
            Cow::Owned(written)
        }
    })
}

/// Past the quote that ends the text which starts at `at`.
fn after_text(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        at += match byte {
            b'\\' => 2,
            b'"' => return at + 1,
            _ => 1,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::standard;

    #[test]
    fn marks_and_numbers_that_are_none_become_standard() {
        let of = |raw: &str| {
            let out = standard(raw.as_bytes()).expect("UTF-8").into_owned();
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(of("\u{feff}{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(
            of(r#"[NaN, -Infinity, Infinity, nan, -inf, -1, null, true, 1e5, "NaN \" inf", "\\"]"#),
            r#"["NaN", "-Infinity", "Infinity", "nan", "-inf", -1, null, true, 1e5, "NaN \" inf", "\\"]"#
        );
        assert_eq!(of("[\"open"), "[\"open");
        assert_eq!(of("-"), "-");
        for wide in [&b"\xff\xfe{\0"[..], b"\xfe\xff\0{", b"{\0}\0", b"\0{\0}"] {
            let words = standard(wide).expect_err("UTF-16");
            assert!(
                words.contains("UTF-16") && words.contains("UTF-8"),
                "{words}"
            );
        }
        assert_eq!(standard(b"").expect("nothing").len(), 0);
    }
}
