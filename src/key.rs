//! What a setting may be: its name, its kind and range, and its line of help. Each stage declares those of its own options.

use std::path::Path;

use toml::Value;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number in this range, both ends included.
    Whole(i64, i64),
    /// A number in this range, both ends included.
    Number(f64, f64),
    /// As [`Kind::Number`], kept in single precision.
    Single(f64, f64),
    /// Any text that is not empty.
    Text,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Width and height in pixels.
    Size,
    /// Whole numbers in this range.
    Wholes(i64, i64),
    /// Three numbers in [0, 1].
    Colour,
    /// What only one stage knows.
    Own(&'static Own),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted, under the table of its stage; `*` stands for each of several names.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// What it is, in words.
    pub about: &'static str,
}

impl Key {
    /// A line of a table of keys.
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about }
    }
}

/// A kind of one stage's own.
#[derive(Debug)]
pub struct Own {
    /// Whether a value is of this kind.
    pub fits: fn(&Value) -> bool,
    /// What is wanted, in words that follow "is not".
    pub wanted: &'static str,
    /// A value as TOML, as short as it can be written.
    pub show: fn(&Value) -> String,
    /// Makes relative paths start at a folder, where it holds paths.
    pub rebase: Option<fn(&mut Value, &Path)>,
}

/// A value that its key cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// The key, dotted.
    pub key: String,
    /// What is wrong, in words.
    pub message: String,
}

impl KeyFault {
    /// Says what the key wants instead of this value.
    pub fn new(name: &str, key: &Key, value: &Value) -> Self {
        Self {
            key: name.to_owned(),
            message: format!(
                "{name} = {} is not {}",
                key.kind.show(value),
                key.kind.wanted()
            ),
        }
    }
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for KeyFault {}

/// Smallest of what must be over zero.
pub const TINY: f64 = 1e-9;
/// Largest of what has no natural end.
pub const MUCH: f64 = 1e6;
/// Largest whole number of what has no natural end.
pub const MANY: i64 = u32::MAX as i64;

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(n) => Some(*n as f64),
        Value::Float(n) => Some(*n),
        _ => None,
    }
}

/// Whether a value is three numbers in [0, 1].
pub fn colour(value: &Value) -> bool {
    value.as_array().is_some_and(|c| {
        c.len() == 3
            && c.iter()
                .all(|v| number(v).is_some_and(|n| (0.0..=1.0).contains(&n)))
    })
}

impl Kind {
    /// Whether a value is of this kind. A size must be two numbers already.
    pub fn fits(&self, value: &Value) -> bool {
        let text = || value.as_str().is_some_and(|t| !t.is_empty());
        match *self {
            Self::Flag => value.is_bool(),
            Self::Whole(from, to) => value.as_integer().is_some_and(|n| (from..=to).contains(&n)),
            // Not a number is in no range.
            Self::Number(from, to) | Self::Single(from, to) => {
                number(value).is_some_and(|n| (from..=to).contains(&n))
            }
            Self::Text => text(),
            Self::OneOf(names) => value.as_str().is_some_and(|t| names.contains(&t)),
            Self::Size => value.as_array().is_some_and(|sides| {
                sides.len() == 2
                    && sides.iter().all(|s| {
                        s.as_integer()
                            .is_some_and(|n| (16..=8192).contains(&n) && n % 2 == 0)
                    })
            }),
            Self::Wholes(from, to) => value.as_array().is_some_and(|list| {
                list.iter()
                    .all(|v| v.as_integer().is_some_and(|n| (from..=to).contains(&n)))
            }),
            Self::Colour => colour(value),
            Self::Own(own) => (own.fits)(value),
        }
    }

    /// What is wanted, in words that follow "is not".
    pub fn wanted(&self) -> String {
        match *self {
            Self::Flag => "true or false".to_owned(),
            Self::Whole(from, to) if from == to => format!("{from}"),
            Self::Whole(from, i64::MAX) => format!("a whole number from {from} to 2^63 - 1"),
            Self::Whole(from, to) => format!("a whole number from {from} to {to}"),
            Self::Number(from, to) | Self::Single(from, to) if from == TINY && to == MUCH => {
                "a positive number".to_owned()
            }
            Self::Number(from, to) | Self::Single(from, to) if from == 0.0 && to == MUCH => {
                "zero or a positive number".to_owned()
            }
            Self::Number(from, to) | Self::Single(from, to) => {
                format!("a number from {from} to {to}")
            }
            Self::Text => "text".to_owned(),
            Self::OneOf([one]) => (*one).to_owned(),
            Self::OneOf(names) => format!("one of {}", names.join(", ")),
            Self::Size => {
                "WIDTHxHEIGHT with even sides from 16 to 8192, such as 1280x720".to_owned()
            }
            Self::Wholes(from, to) => format!("a list of whole numbers from {from} to {to}"),
            Self::Colour => "three numbers from 0 to 1".to_owned(),
            Self::Own(own) => own.wanted.to_owned(),
        }
    }

    /// A value as TOML, as short as it can be written.
    pub fn show(&self, value: &Value) -> String {
        match (self, value) {
            (Self::Size, Value::Array(sides)) if self.fits(value) => {
                format!("\"{}x{}\"", sides[0], sides[1])
            }
            (Self::Single(..) | Self::Colour, value) => single(value).to_string(),
            (Self::Own(own), value) => (own.show)(value),
            _ => value.to_string(),
        }
    }
}

/// The value with each number as its single-precision form reads: .2 rather than .20000000298.
pub fn single(value: &Value) -> Value {
    match value {
        Value::Float(n) => (*n as f32)
            .to_string()
            .parse()
            .map_or_else(|_| value.clone(), Value::Float),
        Value::Array(list) => Value::Array(list.iter().map(single).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(k, v)| (k.clone(), single(v))).collect())
        }
        _ => value.clone(),
    }
}
