//! Finds a CSV's header and what stands between its fields.

use super::records::{Record, Records};
use crate::manifest::fault::{Fault, cut};
use crate::manifest::raw::{Rows, canonical};

/// What may stand between fields, where no first line says what does.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Records below the first that are looked at for the header.
const LOOKED_AT: usize = 20;

/// A table's header, and its records from there on.
pub(super) struct Header<'t> {
    pub record: Record,
    /// The columns' names, as this program spells them.
    pub names: Vec<String>,
    pub records: Records<'t>,
    pub separator: u8,
}

impl<'t> Header<'t> {
    /// The first record from byte `at` on, if there is one.
    fn read(text: &'t str, at: usize, line: usize, separator: u8) -> Option<Self> {
        let mut records = Records::new(text, at, line, separator);
        let record = records.next()?;
        let names = record.fields.iter().map(|f| canonical(&f.text)).collect();
        Some(Self {
            record,
            names,
            records,
            separator,
        })
    }

    fn whole(&self) -> bool {
        self.record.fault.is_none() && named(&self.names)
    }
}

fn named(names: &[String]) -> bool {
    names.iter().any(|n| n == "prompt" || n == "video")
}

/// What separates the fields, in words.
pub(super) fn words(separator: u8) -> String {
    match separator {
        b',' => "commas".to_owned(),
        b';' => "semicolons".to_owned(),
        b'\t' => "tabs".to_owned(),
        other => format!("'{}'", char::from(other)),
    }
}

/// Finds the header; `usual` separates the fields if nothing shows otherwise. `None` for a text without records, or
/// with a fault in `out`.
pub(super) fn find<'t>(text: &'t str, usual: u8, out: &mut Rows) -> Option<Header<'t>> {
    let (declared, at, line) = match first_line(text) {
        Ok(found) => found,
        Err(fault) => {
            out.faults.push(fault);
            return None;
        }
    };
    let expected = declared.unwrap_or(usual);
    let others = SEPARATORS.into_iter().filter(|&s| s != expected);
    let mut best = Header::read(text, at, line, expected)?;
    for separator in others {
        if best.whole() {
            break;
        }
        if let Some(other) = Header::read(text, at, line, separator)
            && (other.whole() || other.names.len() > best.names.len())
        {
            best = other;
        }
    }
    if !best.whole() {
        out.faults.push(fault(&best, text[at..].trim_start()));
        return None;
    }
    if best.separator != expected {
        let mend = match best.separator {
            _ if declared.is_some() => {
                "delete the first line, or name the right one there".to_owned()
            }
            b',' => "name the file .csv to say so".to_owned(),
            b'\t' => "name the file .tsv to say so".to_owned(),
            other => format!("a first line 'sep={}' would say so", char::from(other)),
        };
        let words = format!(
            "the fields are separated by {}, not by {}, as the header shows; {mend}",
            words(best.separator),
            words(expected)
        );
        let told = Fault::line(best.record.line, words);
        out.told.tell("separator", told);
    }
    Some(best)
}

/// What a first line such as `sep=;`, as Excel takes it, declares, and the byte and line after it.
fn first_line(text: &str) -> Result<(Option<u8>, usize, usize), Fault> {
    let start = text.len() - text.trim_start().len();
    let length = text[start..]
        .find(['\r', '\n'])
        .unwrap_or(text.len() - start);
    let written = &text[start..start + length];
    let bare = written.trim_start_matches('"');
    let Some(mark) = bare
        .get(..4)
        .filter(|head| head.eq_ignore_ascii_case("sep="))
        .map(|head| &bare[head.len()..])
    else {
        return Ok((None, 0, 1));
    };
    let line = 1 + line_ends(&text[..start]);
    let (separator, after) = match mark.as_bytes() {
        [b'\\', b't', ..] => (b'\t', &mark[2..]),
        [s, ..] if *s == b'\t' || s.is_ascii_punctuation() && *s != b'"' => (*s, &mark[1..]),
        _ => (0, mark),
    };
    // A table that was saved again has its own separators and quotes after it.
    let spare = after.trim_matches(|c: char| "\",;|".contains(c) || c.is_whitespace());
    if separator == 0 || !spare.is_empty() {
        return Err(Fault::line(
            line,
            format!(
                "'{}' names no separator; write sep=, or sep=; there, or delete the line",
                cut(written)
            ),
        ));
    }
    let end = start + length;
    let step = match text.as_bytes()[end..] {
        [b'\r', b'\n', ..] => 2,
        [] => 0,
        _ => 1,
    };
    Ok((Some(separator), end + step, line + 1))
}

fn line_ends(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end =
        |&i: &usize| bytes[i] == b'\n' || bytes[i] == b'\r' && bytes.get(i + 1) != Some(&b'\n');
    (0..bytes.len()).filter(end).count()
}

/// What makes a header useless.
fn fault(header: &Header<'_>, text: &str) -> Fault {
    if let Some((index, words)) = &header.record.fault {
        return Fault {
            line: header.record.line,
            column: Some(index + 1),
            field: String::new(),
            message: words.clone(),
        };
    }
    let line = header.record.line;
    let other = |what: &str| Fault::line(line, format!("this is {what}"));
    let lower = text.get(..14).unwrap_or(text).to_ascii_lowercase();
    if lower.starts_with("{\\rtf") {
        return other("rich text, not CSV; save it as plain text");
    }
    if lower.starts_with("<!doctype") || lower.starts_with("<html") {
        return other("a web page, not CSV; export the table itself as CSV");
    }
    if lower.starts_with("[[prompt]]") || lower.starts_with("[prompt]") {
        return other("TOML, not CSV; name the file .toml");
    }
    if lower.starts_with(['{', '[']) {
        return other("JSON, not CSV; name the file .json or .jsonl");
    }
    let hint = match header.names.as_slice() {
        [only] if only.contains([',', ';', '\t']) => {
            "; each line stands in quotes as a whole: take the outer quotes away".to_owned()
        }
        names => match (below(header), near(names)) {
            (Some(line), _) => {
                format!("; line {line} looks like the header: delete what stands above it")
            }
            (None, Some(near)) => format!("; did you mean '{}'?", cut(near)),
            (None, None) => String::new(),
        },
    };
    Fault::line(
        line,
        format!("the header has no `prompt` (or `video`) column; name it in the first line{hint}"),
    )
}

/// The column that was probably meant to be the prompt.
fn near(names: &[String]) -> Option<&String> {
    let short = || names.iter().filter(|n| n.len() < 20);
    short()
        .find(|n| strsim::damerau_levenshtein(&n.to_lowercase(), "prompt") <= 2)
        .or_else(|| {
            short().find(|n| {
                let lower = n.to_lowercase();
                let mut words = lower.split(|c: char| !c.is_alphanumeric());
                let meant = [
                    "prompt",
                    "prompts",
                    "text",
                    "caption",
                    "description",
                    "videos",
                ];
                words.any(|word| meant.contains(&word)) && !lower.starts_with("neg")
            })
        })
}

/// The line of a record below the first that has the columns of a header.
fn below(header: &Header<'_>) -> Option<usize> {
    let found = header.records.clone().take(LOOKED_AT).find(|record| {
        let names: Vec<_> = record.fields.iter().map(|f| canonical(&f.text)).collect();
        named(&names)
    });
    found.map(|record| record.line)
}
