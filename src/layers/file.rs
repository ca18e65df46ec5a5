//! Reads `director.toml`: each value with its line and column.

use std::io::Read;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::suggest::unknown;
use super::{Fault, Origin, Setting};
use crate::key::{Kind, Own};
use crate::pipeline::keys;

/// Largest file that is read, in bytes; a configuration has a few kilobytes.
const LARGEST: u64 = 1 << 20;

/// Reads the file's settings. `named_by` is the flag or variable that named it, empty for the default.
pub(super) fn read(
    folder: &Path,
    path: &Path,
    named_by: &str,
    settings: &mut Vec<Setting>,
    faults: &mut Vec<Fault>,
) {
    let whole = folder.join(path);
    let text = match load(&whole) {
        Ok(text) => text,
        Err(reason) => {
            let mend = match named_by {
                "" => String::new(),
                by => format!(" (named by {by})"),
            };
            let message = format!("{reason}{mend}");
            faults.push(Fault::whole(path.display().to_string(), message));
            return;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let at = |offset: usize| {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        Origin::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    };
    let (spanned, errors) = DeTable::parse_recoverable(text);
    let values = text.parse::<Table>();
    match values {
        Ok(values) if errors.is_empty() => {
            let mut walk = Walk {
                at: &at,
                base: whole.parent().unwrap_or(Path::new("")),
                settings,
                faults,
            };
            walk.table("", spanned.get_ref(), &values);
        }
        other => {
            let errors = match (errors.is_empty(), other) {
                (true, Err(error)) => vec![error],
                _ => errors,
            };
            for error in errors {
                let offset = error.span().map_or(0, |s| s.start);
                faults.push(Fault::at(
                    &at(offset),
                    format!("not TOML: {}", error.message().replace('\n', "; ")),
                ));
            }
        }
    }
}

fn load(path: &Path) -> Result<String, String> {
    if path.is_dir() {
        return Err("this is a folder; name a TOML file".to_owned());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err("over 1 MiB; this is no configuration".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        format!("line {line} is not UTF-8 text; save the file as UTF-8")
    })
}

struct Walk<'a, F> {
    at: &'a F,
    /// The file's folder, which paths are relative to.
    base: &'a Path,
    settings: &'a mut Vec<Setting>,
    faults: &'a mut Vec<Fault>,
}

impl<F: Fn(usize) -> Origin> Walk<'_, F> {
    fn table(&mut self, prefix: &str, spans: &DeTable<'_>, values: &Table) {
        let mut found: Vec<_> = spans.iter().collect();
        found.sort_by_key(|(name, _)| name.span().start);
        for (name, spanned) in found {
            let text: &str = name.get_ref();
            let Some(value) = values.get(text) else {
                continue;
            };
            let key = match prefix {
                "" => text.to_owned(),
                prefix => format!("{prefix}.{text}"),
            };
            self.value(key, (self.at)(name.span().start), spanned, value);
        }
    }

    fn value(
        &mut self,
        key: String,
        origin: Origin,
        spanned: &Spanned<DeValue<'_>>,
        value: &Value,
    ) {
        if let Some(known) = keys::find(&key) {
            let mut value = value.clone();
            // Paths in a file are relative to it.
            if let Kind::Own(Own {
                rebase: Some(rebase),
                ..
            }) = known.kind
            {
                rebase(&mut value, self.base);
            }
            self.settings.push(Setting { key, value, origin });
            return;
        }
        let inside = format!("{key}.");
        let is_table = keys::all().any(|(name, _)| name.starts_with(&inside));
        match (is_table, spanned.get_ref(), value) {
            (true, DeValue::Table(spans), Value::Table(values)) => self.table(&key, spans, values),
            (true, ..) => {
                let message = format!("{key} is a table; write its keys under [{key}]");
                self.faults.push(Fault::at(&origin, message));
            }
            (false, spans, _) => {
                self.faults
                    .push(unknown(&key, &origin, matches!(spans, DeValue::Table(_))));
            }
        }
    }
}
