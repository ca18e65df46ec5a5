//! Settings that come as text: `DIRECTOR_*` variables and `--set KEY=VALUE`.

use std::ffi::OsString;

use toml::Value;

use super::suggest::{unknown, variable};
use super::{Fault, Origin, Setting};
use crate::key::Kind;
use crate::pipeline::keys;

/// Variables of ours that are not settings.
const RESERVED: [&str; 9] = [
    "DIRECTOR_CACHE",
    "DIRECTOR_COMMIT",
    "DIRECTOR_CONFIG",
    "DIRECTOR_LIMITS",
    "DIRECTOR_LOG",
    "DIRECTOR_LOG_FORMAT",
    "DIRECTOR_MODELS",
    "DIRECTOR_CPU",
    "DIRECTOR_OFFLINE",
];
/// Variables of our own tests.
const TESTS: &str = "DIRECTOR_TEST_";

/// Reads each `DIRECTOR_*` variable; an empty one counts as not set.
pub(super) fn environment(
    variables: &[(OsString, OsString)],
    settings: &mut Vec<Setting>,
    faults: &mut Vec<Fault>,
) {
    let mut ours: Vec<(&str, &OsString)> = variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, value)| {
            let setting = name.starts_with("DIRECTOR_") && !name.starts_with(TESTS);
            setting && !RESERVED.contains(name) && !value.is_empty()
        })
        .collect();
    ours.sort();
    for (name, value) in ours {
        let origin = Origin::Environment(name.to_owned());
        let Some((key, known)) = keys::all().find(|(key, _)| variable(key) == name) else {
            let typed = name["DIRECTOR_".len()..].to_lowercase().replace("__", ".");
            faults.push(unknown(&typed, &origin, false));
            continue;
        };
        match value.to_str() {
            Some(text) => settings.push(Setting {
                value: parse(known.kind, text),
                key,
                origin,
            }),
            None => faults.push(Fault::at(&origin, "the value is not UTF-8 text")),
        }
    }
}

/// Reads each `--set`.
pub(super) fn set(typed: &[String], settings: &mut Vec<Setting>, faults: &mut Vec<Fault>) {
    for text in typed {
        let Some((key, value)) = text.split_once('=') else {
            let origin = Origin::Flag(format!("--set {text}"));
            faults.push(Fault::at(&origin, "write --set KEY=VALUE"));
            continue;
        };
        let key = key.trim();
        let origin = Origin::Flag(format!("--set {key}"));
        match keys::find(key) {
            Some(known) => settings.push(Setting {
                key: key.to_owned(),
                value: parse(known.kind, value),
                origin,
            }),
            None => faults.push(unknown(key, &origin, false)),
        }
    }
}

/// Text as the value that its key takes; what does not parse stays text, which the check then refuses by its words.
fn parse(kind: Kind, text: &str) -> Value {
    let trimmed = text.trim();
    let toml = |text: &str| {
        format!("v = {text}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut table| table.remove("v"))
    };
    let as_text = || Value::String(text.to_owned());
    match kind {
        Kind::Text => as_text(),
        Kind::OneOf(_) => Value::String(trimmed.to_owned()),
        Kind::Flag => match trimmed {
            "1" => Value::Boolean(true),
            "0" => Value::Boolean(false),
            other => toml(other).unwrap_or_else(as_text),
        },
        Kind::Whole(..) | Kind::Number(..) | Kind::Single(..) => {
            toml(trimmed).unwrap_or_else(as_text)
        }
        Kind::Wholes(..) | Kind::Colour if !trimmed.starts_with('[') => {
            toml(&format!("[{trimmed}]")).unwrap_or_else(as_text)
        }
        _ if trimmed.starts_with(['[', '{']) => toml(trimmed).unwrap_or_else(as_text),
        _ => as_text(),
    }
}
