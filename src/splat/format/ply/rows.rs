//! The rows of a PLY's elements, in any encoding, lists included.

use super::header::{Element, Encoding, Header, Holds};
use super::text::{self, Place};

/// A file whose elements were found by walking over all their rows.
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    header: &'a Header<'a>,
    starts: Vec<Place>,
    /// The element that is not whole, and what is wrong with it.
    broken: Option<(usize, String)>,
    /// Bytes behind the last element.
    pub left_over: usize,
}

impl<'a> Body<'a> {
    /// Walks over the rows of all elements. Takes no memory for them, whatever their counts say.
    pub fn locate(bytes: &'a [u8], header: &'a Header<'a>) -> Self {
        let mut place = Place {
            byte: header.length,
            lines: header.lines,
        };
        let mut out = Self {
            bytes,
            header,
            starts: Vec::new(),
            broken: None,
            left_over: 0,
        };
        for (index, element) in header.elements.iter().enumerate() {
            out.starts.push(place);
            match pass(bytes, place, element, header.encoding) {
                Ok(end) => place = end,
                Err(reason) => {
                    out.broken = Some((index, reason));
                    return out;
                }
            }
        }
        let rest = &bytes[place.byte..];
        out.left_over = match header.encoding {
            Encoding::Ascii => rest.trim_ascii().len(),
            _ => rest.len(),
        };
        out
    }

    /// That the element's rows are all there.
    pub fn whole(&self, index: usize) -> Result<(), String> {
        match &self.broken {
            Some((at, reason)) if *at <= index => Err(reason.clone()),
            _ => Ok(()),
        }
    }

    /// What is wrong with an element that nothing was read from.
    pub fn damage(&self) -> Option<&str> {
        self.broken.as_ref().map(|(_, reason)| reason.as_str())
    }

    /// Rows to make room for: the element's count, but no more than the bytes of text could hold.
    pub fn room(&self, index: usize) -> usize {
        let element = &self.header.elements[index];
        let least = 2 * element.properties.len().max(1);
        match self.header.encoding {
            Encoding::Ascii => element.count.min(self.bytes.len() / least + 1),
            _ => element.count,
        }
    }

    /// The element's rows as they lie in a binary file without lists: all their bytes, and the bytes of one.
    pub fn packed(&self, index: usize) -> Option<(&'a [u8], usize)> {
        let element = &self.header.elements[index];
        let stride = element.stride().filter(|s| *s > 0)?;
        let start = self.starts.get(index)?.byte;
        let rows = self.bytes.get(start..)?.get(..stride * element.count)?;
        (self.header.encoding != Encoding::Ascii).then_some((rows, stride))
    }

    /// Reads the `wanted` properties of an element that is whole, row by row.
    pub fn rows(&self, index: usize, wanted: &'a [usize]) -> Rows<'a> {
        let element = &self.header.elements[index];
        let mut spots = Vec::new();
        let stride = element.stride();
        if stride.is_some() {
            let mut byte = 0;
            for property in &element.properties {
                spots.push(byte);
                if let Holds::One(scalar) = property.holds {
                    byte += scalar.bytes();
                }
            }
        }
        Rows {
            bytes: self.bytes,
            element,
            encoding: self.header.encoding,
            wanted,
            place: self.starts[index],
            stride,
            spots,
        }
    }
}

/// One element's rows.
pub(super) struct Rows<'a> {
    bytes: &'a [u8],
    element: &'a Element<'a>,
    encoding: Encoding,
    wanted: &'a [usize],
    place: Place,
    /// Bytes of a row, where all are alike.
    stride: Option<usize>,
    /// Where each property lies in its row, kept over the rows where all are alike.
    spots: Vec<usize>,
}

impl Rows<'_> {
    /// The next row's wanted values; NaN for a list.
    pub fn next(&mut self, values: &mut Vec<f64>) -> Result<(), String> {
        values.clear();
        if self.encoding == Encoding::Ascii {
            let line =
                text::next_line(self.bytes, &mut self.place).ok_or("the file is cut short")?;
            let last = self.place.byte == self.bytes.len();
            return text::values(line, self.element, self.wanted, values).map_err(|reason| {
                let cut = if last { "; the file is cut short" } else { "" };
                format!("line {}: {reason}{cut}", self.place.lines)
            });
        }
        let row = self.bytes.get(self.place.byte..);
        let row = row.ok_or("the file is cut short")?;
        self.place.byte += match self.stride {
            Some(stride) => stride,
            None => {
                self.spots.clear();
                walk(row, self.element, self.encoding, |at| self.spots.push(at))
                    .ok_or("the file is cut short")?
            }
        };
        for index in self.wanted {
            values.push(match self.element.properties[*index].holds {
                Holds::One(scalar) => scalar.read(&row[self.spots[*index]..], self.encoding),
                Holds::List { .. } => f64::NAN,
            });
        }
        Ok(())
    }
}

/// The place behind an element's rows.
fn pass(
    bytes: &[u8],
    mut place: Place,
    element: &Element<'_>,
    encoding: Encoding,
) -> Result<Place, String> {
    let (name, count) = (&element.name, element.count);
    if element.properties.is_empty() {
        return Ok(place);
    }
    if encoding == Encoding::Ascii {
        for row in 0..count {
            text::next_line(bytes, &mut place).ok_or_else(|| {
                format!("the element '{name}' has {row} of its {count} rows; the file is cut short")
            })?;
        }
        return Ok(place);
    }
    let left = bytes.len() - place.byte;
    if let Some(stride) = element.stride() {
        let wanted = stride.checked_mul(count).filter(|w| *w <= left);
        place.byte += wanted.ok_or_else(|| {
            format!(
                "the element '{name}' has {count} rows of {stride} bytes, which do not fit the {left} bytes that are left: \
                 {} whole rows; the file is cut short",
                left / stride
            )
        })?;
        return Ok(place);
    }
    for row in 0..count {
        place.byte += walk(&bytes[place.byte..], element, encoding, |_| ()).ok_or_else(|| {
            format!(
                "the element '{name}' has {row} whole ones of its {count} rows; the file is cut short"
            )
        })?;
    }
    Ok(place)
}

/// Bytes of the row that `bytes` begin with, telling where each property lies; `None` where they end before it does.
fn walk(
    bytes: &[u8],
    element: &Element<'_>,
    encoding: Encoding,
    mut tell: impl FnMut(usize),
) -> Option<usize> {
    let mut at = 0usize;
    for property in &element.properties {
        tell(at);
        let size = match property.holds {
            Holds::One(scalar) => scalar.bytes(),
            Holds::List { count, item } => {
                let head = bytes.get(at..)?.get(..count.bytes())?;
                let n = count.read(head, encoding);
                if !(n >= 0.0 && n.fract() == 0.0 && n < bytes.len() as f64) {
                    return None;
                }
                count.bytes() + (n as usize).checked_mul(item.bytes())?
            }
        };
        at = at.checked_add(size)?;
        if at > bytes.len() {
            return None;
        }
    }
    Some(at)
}
