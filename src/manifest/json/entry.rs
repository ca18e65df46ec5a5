//! A JSON object's entries, as far as a row needs them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// Longest list that is kept.
const LIST: usize = 4096;

/// The entries of an object in their order, names that come twice included.
pub(super) struct Entries(pub Vec<(String, Slot)>);

/// A value of an entry.
#[derive(Debug, PartialEq)]
pub(super) enum Slot {
    Null,
    Bool,
    Number,
    Text(String),
    /// Texts and numbers.
    List(Vec<String>),
    /// A list of other things, or a long one.
    Other {
        /// How many.
        length: usize,
        /// All are objects.
        objects: bool,
    },
    Object {
        /// Its keys are numbers, as pandas numbers rows.
        numbered: bool,
    },
}

/// A text or a number as text, or `None` and whether it is an object.
struct Scalar(Result<String, bool>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Slot;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Slot, E> {
                Ok(Slot::Null)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Slot, E> {
                Ok(Slot::Bool)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Slot, E> {
                Ok(Slot::Number)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Slot, E> {
                Ok(Slot::Number)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Slot, E> {
                Ok(Slot::Number)
            }
            fn visit_str<E>(self, text: &str) -> Result<Slot, E> {
                Ok(Slot::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Slot, A::Error> {
                let (mut any, mut numbered) = (false, true);
                while let Some((key, IgnoredAny)) = map.next_entry::<String, _>()? {
                    any = true;
                    numbered &= !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
                }
                Ok(Slot::Object {
                    numbered: any && numbered,
                })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Slot, A::Error> {
                let mut texts = Some(Vec::new());
                let (mut length, mut objects) = (0, true);
                while let Some(Scalar(found)) = list.next_element()? {
                    length += 1;
                    objects &= found == Err(true);
                    match (found, &mut texts) {
                        (Ok(text), Some(texts)) if texts.len() < LIST => texts.push(text),
                        _ => texts = None,
                    }
                }
                Ok(texts.map_or(Slot::Other { length, objects }, Slot::List))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar(Err(false)))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
                Ok(Scalar(Err(false)))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Scalar, E> {
                Ok(Scalar(Ok(n.to_string())))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Scalar, E> {
                Ok(Scalar(Ok(n.to_string())))
            }
            fn visit_f64<E>(self, n: f64) -> Result<Scalar, E> {
                let number = Number::from_f64(n).map(|n| n.to_string());
                Ok(Scalar(number.ok_or(false)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(Ok(text.to_owned())))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar(Err(true)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar(Err(false)))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
