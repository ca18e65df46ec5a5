//! Rows in text: a line each, values apart by blanks.

use super::header::{Element, Holds, Scalar};

/// A place in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub byte: usize,
    /// Lines before it, where the file is text.
    pub lines: usize,
}

/// The `wanted` values of a row; NaN for a list.
///
/// # Errors
/// In words, without the line.
pub(super) fn values(
    line: &[u8],
    element: &Element<'_>,
    wanted: &[usize],
    values: &mut Vec<f64>,
) -> Result<(), String> {
    // The properties' own words; a list's items are passed over.
    let mut own: Vec<&[u8]> = Vec::with_capacity(element.properties.len());
    let mut words = words(line);
    for property in &element.properties {
        let Some(word) = words.next() else { break };
        own.push(word);
        if matches!(property.holds, Holds::List { .. }) {
            let count = std::str::from_utf8(word).ok().and_then(|w| w.parse().ok());
            let count: usize = count.ok_or_else(|| {
                format!(
                    "'{}' is no count for the list '{}'",
                    shown(word),
                    property.name
                )
            })?;
            let passed = words.by_ref().take(count).count();
            if passed < count {
                return Err(format!(
                    "{passed} of the {count} items of the list '{}'",
                    property.name
                ));
            }
        }
    }
    let found = own.len() + words.count();
    if found != element.properties.len() {
        return Err(format!(
            "{found} values where the element '{}' has {} properties",
            element.name,
            element.properties.len()
        ));
    }
    for index in wanted {
        let property = &element.properties[*index];
        let value = match property.holds {
            Holds::One(scalar) => number(own[*index], scalar),
            Holds::List { .. } => Some(f64::NAN),
        };
        values.push(value.ok_or_else(|| {
            let word = shown(own[*index]);
            let mend = match word.contains(',') {
                true => "; numbers have decimal points, not commas",
                false => "",
            };
            format!("'{word}' of '{}' is no number{mend}", property.name)
        })?);
    }
    Ok(())
}

fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(&word[..word.len().min(40)]).into_owned()
}

/// A number in text; as Microsoft's C library wrote NaN and infinities, too.
fn number(word: &[u8], scalar: Scalar) -> Option<f64> {
    let text = std::str::from_utf8(word).ok()?;
    let number = match scalar {
        // Rounded once, so that what was written from 32 bits comes back to the bit.
        Scalar::F32 => text.parse::<f32>().ok().map(f64::from),
        _ => text.parse().ok(),
    };
    number.or_else(|| {
        let lower = text.trim_start_matches(['-', '+']).to_ascii_lowercase();
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        if lower.starts_with("1.#inf") {
            Some(sign * f64::INFINITY)
        } else if lower.starts_with("1.#") || lower.starts_with("nan(") {
            Some(f64::NAN)
        } else {
            None
        }
    })
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty())
}

/// The next line that is not blank; lines end in LF, CR LF or CR.
pub(super) fn next_line<'a>(bytes: &'a [u8], place: &mut Place) -> Option<&'a [u8]> {
    loop {
        let rest = bytes.get(place.byte..).filter(|r| !r.is_empty())?;
        let length = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
        let line = &rest[..length.unwrap_or(rest.len())];
        let pair = rest[line.len()..].starts_with(b"\r\n");
        place.byte += (line.len() + 1 + usize::from(pair)).min(rest.len());
        place.lines += 1;
        if !line.trim_ascii().is_empty() {
            return Some(line);
        }
    }
}
