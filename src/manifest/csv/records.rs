//! A text to records by RFC 4180, so that every field knows its line and every quote is accounted for.

use crate::manifest::fault::cut;

/// One field.
pub(super) struct Field {
    pub text: String,
    pub line: usize,
}

/// One record: its fields, the lines it starts and ends at, and the first fault of its quotes with the field's index.
pub(super) struct Record {
    pub line: usize,
    pub last: usize,
    pub fields: Vec<Field>,
    pub fault: Option<(usize, String)>,
}

impl Record {
    /// Holds nothing but separators and blanks.
    fn blank(&self) -> bool {
        self.fault.is_none() && self.fields.iter().all(|f| f.text.trim().is_empty())
    }
}

/// Splits a text into records. Those that hold nothing are left out: spreadsheets write empty rows as separators.
#[derive(Clone)]
pub(super) struct Records<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    separator: u8,
}

impl<'t> Records<'t> {
    /// The records from byte `at` on, which starts `line`.
    pub(super) fn new(text: &'t str, at: usize, line: usize, separator: u8) -> Self {
        Self {
            text,
            at,
            line,
            separator,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t')) = self.peek()
            && byte != self.separator
        {
            self.at += 1;
        }
    }

    /// Steps over one line end (`\n`, `\r\n` or `\r`), if it is at one.
    fn line_end(&mut self) -> bool {
        let step = match self.text.as_bytes()[self.at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.at += step;
        self.line += 1;
        true
    }

    /// At the end of a field.
    fn ended(&self) -> bool {
        self.peek()
            .is_none_or(|byte| byte == self.separator || matches!(byte, b'\r' | b'\n'))
    }

    /// The text up to the next separator or line end.
    fn bare(&mut self) -> String {
        let rest = &self.text[self.at..];
        let ends = [char::from(self.separator), '\r', '\n'];
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        rest[..length].trim().to_owned()
    }

    /// The rest of a field whose opening quote was just read; on a fault also its words.
    fn quoted(&mut self) -> (String, Option<String>) {
        let opened = self.line;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.find('"') else {
                self.at = self.text.len();
                return (
                    text,
                    Some(format!(
                        "the quote that opens on line {opened} is never closed, and the rest of the file was read as this field; close it, or double quotes that belong to the text (\"\")"
                    )),
                );
            };
            text += &rest[..length];
            let inside = &rest.as_bytes()[..length];
            let ends = (0..length).filter(|&i| match inside[i] {
                b'\n' => true,
                b'\r' => rest.as_bytes().get(i + 1) != Some(&b'\n'),
                _ => false,
            });
            self.line += ends.count();
            self.at += length + 1;
            if self.peek() != Some(b'"') {
                break;
            }
            text.push('"');
            self.at += 1;
        }
        let closed = self.line;
        self.blanks();
        if self.ended() {
            return (text, None);
        }
        let after = self.bare();
        let words = format!(
            "'{}' follows the quote that closes on line {closed} (it opens on line {opened}); double quotes that belong to the text (\"\"), or close the quote where it should end",
            cut(&after)
        );
        (text + &after, Some(words))
    }

    fn record(&mut self) -> Option<Record> {
        self.peek()?;
        let mut record = Record {
            line: self.line,
            last: self.line,
            fields: Vec::new(),
            fault: None,
        };
        loop {
            let (start, line) = (self.at, self.line);
            self.blanks();
            let text = if self.peek() == Some(b'"') {
                self.at += 1;
                let (text, fault) = self.quoted();
                let index = record.fields.len();
                record.fault = record.fault.or(fault.map(|words| (index, words)));
                text
            } else {
                self.at = start;
                self.bare()
            };
            record.fields.push(Field { text, line });
            if self.peek() != Some(self.separator) {
                record.last = self.line;
                self.line_end();
                return Some(record);
            }
            self.at += 1;
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            let record = self.record()?;
            if !record.blank() {
                return Some(record);
            }
        }
    }
}
