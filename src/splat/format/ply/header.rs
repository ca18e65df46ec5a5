//! The header of a PLY file: its elements, their properties, and where the data begins.

use std::borrow::Cow;

/// Bytes that a header may take; a longer one is no PLY of this field.
const MOST: usize = 1 << 18;

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Ascii,
    LittleEndian,
    BigEndian,
}

/// The type of a number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    F32,
    F64,
}

impl Scalar {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"char" | b"int8" => Self::I8,
            b"uchar" | b"uint8" => Self::U8,
            b"short" | b"int16" => Self::I16,
            b"ushort" | b"uint16" => Self::U16,
            b"int" | b"int32" => Self::I32,
            b"uint" | b"uint32" => Self::U32,
            b"int64" => Self::I64,
            b"uint64" => Self::U64,
            b"half" | b"float16" => Self::F16,
            b"float" | b"float32" => Self::F32,
            b"double" | b"float64" => Self::F64,
            _ => return None,
        })
    }

    pub fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// The number at the start of `bytes`, which hold it whole.
    pub fn read(self, bytes: &[u8], encoding: Encoding) -> f64 {
        let mut word = [0; 8];
        let size = self.bytes();
        word[..size].copy_from_slice(&bytes[..size]);
        if encoding == Encoding::BigEndian {
            word[..size].reverse();
        }
        let [a, b, c, d, ..] = word;
        match self {
            Self::I8 => f64::from(a as i8),
            Self::U8 => f64::from(a),
            Self::I16 => f64::from(i16::from_le_bytes([a, b])),
            Self::U16 => f64::from(u16::from_le_bytes([a, b])),
            Self::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            Self::U32 => f64::from(u32::from_le_bytes([a, b, c, d])),
            Self::I64 => i64::from_le_bytes(word) as f64,
            Self::U64 => u64::from_le_bytes(word) as f64,
            Self::F16 => half::f16::from_le_bytes([a, b]).to_f64(),
            Self::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Self::F64 => f64::from_le_bytes(word),
        }
    }
}

/// What a property holds in each row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holds {
    One(Scalar),
    List { count: Scalar, item: Scalar },
}

#[derive(Debug)]
pub(super) struct Property<'a> {
    pub name: Cow<'a, str>,
    pub holds: Holds,
}

#[derive(Debug)]
pub(super) struct Element<'a> {
    pub name: Cow<'a, str>,
    pub count: usize,
    pub properties: Vec<Property<'a>>,
}

impl Element<'_> {
    /// The property of this name, the first where there are several.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|p| p.name == name)
    }

    /// Bytes of a row in a binary file; `None` where a list makes them differ.
    pub fn stride(&self) -> Option<usize> {
        self.properties.iter().try_fold(0, |sum, p| match p.holds {
            Holds::One(scalar) => Some(sum + scalar.bytes()),
            Holds::List { .. } => None,
        })
    }
}

#[derive(Debug)]
pub(super) struct Header<'a> {
    pub encoding: Encoding,
    pub elements: Vec<Element<'a>>,
    /// Lines of comment, `obj_info` among them.
    pub comments: usize,
    /// Bytes before the data.
    pub length: usize,
    /// Lines before the data.
    pub lines: usize,
}

impl<'a> Header<'a> {
    pub fn element(&self, name: &str) -> Option<usize> {
        self.elements.iter().position(|e| e.name == name)
    }

    /// Reads the header. Lines end in LF, CR LF or, throughout, in CR; comments are bytes of any encoding.
    ///
    /// # Errors
    /// In words, with the line.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let mut lines = Lines::new(bytes);
        let first = lines.next().ok_or("not a PLY file: the file is empty")?;
        if first.trim_ascii() != b"ply" {
            return Err("not a PLY file: it does not begin with 'ply'".into());
        }
        let (mut encoding, mut comments) = (None, 0);
        let mut elements: Vec<Element<'a>> = Vec::new();
        loop {
            let Some(line) = lines.next() else {
                return Err(match lines.at > MOST {
                    true => format!("the PLY header has no end within {MOST} bytes"),
                    false => "the PLY header has no end; the file is cut short".into(),
                });
            };
            let number = lines.number;
            let words: Vec<&[u8]> = line
                .split(u8::is_ascii_whitespace)
                .filter(|w| !w.is_empty())
                .take(8)
                .collect();
            let odd = |what: &str| {
                let shown = String::from_utf8_lossy(&line[..line.len().min(80)]);
                format!(
                    "line {number} of the PLY header is '{}'; {what}",
                    shown.trim()
                )
            };
            let scalar = |name: &[u8]| {
                Scalar::named(name).ok_or_else(|| {
                    odd("types are char, uchar, short, ushort, int, uint, float, double and their int8 to float64")
                })
            };
            match words.as_slice() {
                [] => {}
                [b"comment" | b"obj_info", ..] => comments += 1,
                [b"end_header"] => break,
                [b"format", name, b"1.0"] => {
                    encoding = Some(match *name {
                        b"ascii" => Encoding::Ascii,
                        b"binary_little_endian" => Encoding::LittleEndian,
                        b"binary_big_endian" => Encoding::BigEndian,
                        _ => {
                            return Err(odd(
                                "ascii, binary_little_endian and binary_big_endian are read",
                            ));
                        }
                    });
                }
                [b"format", ..] => return Err(odd("a format and the version 1.0 are wanted")),
                [b"element", name, count] => elements.push(Element {
                    name: String::from_utf8_lossy(name),
                    count: std::str::from_utf8(count)
                        .ok()
                        .and_then(|c| c.parse().ok())
                        .ok_or_else(|| odd("the count is no whole number"))?,
                    properties: Vec::new(),
                }),
                [b"property", rest @ ..] => {
                    let (name, holds) = match rest {
                        [b"list", count, item, name] => {
                            let (count, item) = (scalar(count)?, scalar(item)?);
                            (name, Holds::List { count, item })
                        }
                        [kind, name] => (name, Holds::One(scalar(kind)?)),
                        _ => return Err(odd("a property has a type and a name")),
                    };
                    let element = elements
                        .last_mut()
                        .ok_or_else(|| odd("no element comes before it"))?;
                    element.properties.push(Property {
                        name: String::from_utf8_lossy(name),
                        holds,
                    });
                }
                _ => return Err(odd("a header has format, element, property and comment")),
            }
        }
        Ok(Self {
            encoding: encoding.ok_or("the PLY header names no format")?,
            elements,
            comments,
            length: lines.at,
            lines: lines.number,
        })
    }
}

/// The lines of a header, without their ends.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: usize,
    end: u8,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        // Only the first line tells: after `end_header` a byte of data could pass for the second half of a line's end.
        let first = bytes.iter().position(|b| matches!(b, b'\r' | b'\n'));
        let lone = first.is_some_and(|at| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        Self {
            bytes,
            // A byte order mark, as editors leave it.
            at: 3 * usize::from(bytes.starts_with(b"\xEF\xBB\xBF")),
            number: 0,
            end: if lone { b'\r' } else { b'\n' },
        }
    }

    /// The next whole line; a last one without an end counts where it ends the header.
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        if self.at > MOST || rest.is_empty() {
            return None;
        }
        let (line, taken) = match rest.iter().position(|b| *b == self.end) {
            Some(at) => (&rest[..at], at + 1),
            None if self.number == 0 || rest.trim_ascii() == b"end_header" => (rest, rest.len()),
            None => return None,
        };
        self.at += taken;
        self.number += 1;
        Some(line)
    }
}
