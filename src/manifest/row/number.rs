//! Numbers as spreadsheets, pandas and R write them: `4.0` for 4, `1e3`, `2,5`.

use std::str::FromStr;

use super::spreadsheet::is_date;

/// Whole numbers from here on are not all floats: one written as a float may be another that was rounded.
const EXACT: u64 = 1 << 53;
/// From here on spreadsheets show a number as `1.23457E+11`, without all of its digits.
const SHOWN: u64 = 100_000_000_000;

/// A number that was read.
#[derive(Debug, PartialEq)]
pub(in crate::manifest) struct Read<T> {
    pub value: T,
    /// What should be told of it, and its kind.
    pub told: Option<(&'static str, &'static str)>,
}

/// Why a text is not read as a number.
#[derive(Debug, PartialEq)]
pub(in crate::manifest) enum Not {
    /// It is none, or not a whole one.
    Number,
    /// It is written in a way that has this mend.
    Plain(&'static str),
    /// It may have had more digits.
    Exact,
}

/// A decimal number in its parts.
struct Decimal<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    exponent: Option<i32>,
    /// A comma stands for the point.
    comma: bool,
}

/// What is told of a decimal comma.
const COMMA: (&str, &str) = (
    "comma",
    "has a comma, which is read as a decimal point; write a point to be sure",
);
/// What is told of a long number with zeros at its end.
const ZEROS: (&str, &str) = (
    "zeros",
    "has only zeros after its 15th digit, as spreadsheets round; write it as text if it was another",
);

/// A whole number.
pub(in crate::manifest) fn whole<T: FromStr>(text: &str) -> Result<Read<T>, Not> {
    if let Ok(value) = text.parse() {
        let digits = text.trim_start_matches(['+', '-', '0']);
        let round = digits.len() > 15 && digits[15..].bytes().all(|b| b == b'0');
        return Ok(Read {
            value,
            told: round.then_some(ZEROS),
        });
    }
    let decimal = Decimal::read(text).ok_or_else(|| mend(text))?;
    let digits = decimal.digits().ok_or(Not::Number)?;
    let sign = match decimal.negative && digits != "0" {
        true => "-",
        false => "",
    };
    let size: u64 = digits.parse().unwrap_or(u64::MAX);
    // A type that cannot hold such a number says by itself that it is out of range.
    let holds = EXACT.to_string().parse::<T>().is_ok();
    if holds && (size >= EXACT || decimal.exponent.is_some() && size >= SHOWN) {
        return Err(Not::Exact);
    }
    let value = format!("{sign}{digits}");
    Ok(Read {
        value: value.parse().map_err(|_| Not::Number)?,
        told: decimal.comma.then_some(COMMA),
    })
}

/// A number with or without a fraction.
pub(super) fn real(text: &str) -> Result<Read<f64>, Not> {
    if let Ok(value) = text.parse() {
        return Ok(Read { value, told: None });
    }
    let decimal = Decimal::read(text).ok_or_else(|| mend(text))?;
    let value = text.replacen(',', ".", 1).parse();
    Ok(Read {
        value: value.map_err(|_| Not::Number)?,
        told: decimal.comma.then_some(COMMA),
    })
}

impl<'t> Decimal<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent.parse().ok()?)),
            None => (unsigned, None),
        };
        let comma = mantissa.contains(',');
        let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        // Three digits after a comma may as well be thousands.
        let thousands = comma && fraction.len() == 3;
        let empty = whole.is_empty() && fraction.is_empty();
        if !digits(whole) || !digits(fraction) || empty || thousands {
            return None;
        }
        Some(Self {
            negative: text.starts_with('-'),
            whole,
            fraction,
            exponent,
            comma,
        })
    }

    /// The digits of a whole number, `None` for another.
    fn digits(&self) -> Option<String> {
        let fraction = self.fraction.trim_end_matches('0');
        let digits = format!("{}{fraction}", self.whole);
        if digits.bytes().all(|b| b == b'0') {
            return Some("0".to_owned());
        }
        let shift = i64::from(self.exponent.unwrap_or(0)) - fraction.len() as i64;
        let (kept, zeros) = match usize::try_from(shift) {
            Ok(zeros) => (digits.as_str(), zeros),
            Err(_) => {
                let spare = usize::try_from(-shift).ok()?;
                let trimmed = digits.trim_end_matches('0');
                if digits.len() - trimmed.len() < spare {
                    return None;
                }
                (&digits[..digits.len() - spare], 0)
            }
        };
        // Longer ones are out of every range, and their zeros need not be written.
        Some(kept.to_owned() + &"0".repeat(zeros.min(40)))
    }
}

/// What a text is that is no number but may have been one.
fn mend(text: &str) -> Not {
    let grouped = |c: char| c.is_ascii_digit() || ",.'_\u{2019}".contains(c) || c.is_whitespace();
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(grouped) {
        return Not::Plain("write its digits without separators, and a point before a fraction");
    }
    if is_date(text) {
        return Not::Plain(
            "a spreadsheet may have made it a date: format the column as text and write it again",
        );
    }
    Not::Number
}
