//! What a step's result depends on, part by part; the hash of all parts is the step's key.
//!
//! Inputs count by the SHA-256 of their content, never by the key of the step that made them: what was made again and
//! came out the same changes nothing after it, and another file under the same name changes all that reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{StoreError, stamps::Stamp};
use crate::hash::{hex, sha256_hex};

/// SHA-256 of a [`Recipe`] in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key(pub String);

/// The parts that a step's result depends on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The step.
    pub step: String,
    /// Versions of the code, by stage.
    #[serde(default)]
    pub versions: BTreeMap<String, u32>,
    /// Options by their dotted names.
    #[serde(default)]
    pub options: BTreeMap<String, Value>,
    /// Starts of the SHA-256 of kernel sources, by stem.
    #[serde(default)]
    pub kernels: BTreeMap<String, String>,
    /// SHA-256 of what is read, by name; [`ABSENT`] for what may be missing and is.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// The files outside the run behind the inputs; not a part of the key.
    #[serde(skip)]
    pub outside: Vec<Stamp>,
}

/// Stands for the content of an input that is not there.
pub const ABSENT: &str = "absent";

impl Recipe {
    /// Of a step that depends on nothing yet.
    pub fn new(step: &str) -> Self {
        Self {
            step: step.to_owned(),
            ..Self::default()
        }
    }

    /// Adds the version of a stage's code.
    #[must_use]
    pub fn version(mut self, stage: &str, version: u32) -> Self {
        self.versions.insert(stage.to_owned(), version);
        self
    }

    /// Adds an option; the fields of a struct or map one by one, under `name.field`.
    #[must_use]
    pub fn option(mut self, name: &str, value: &impl Serialize) -> Self {
        // By its text: as a value, .1 in 32 bits would become .10000000149.
        let text = serde_json::to_string(value).unwrap_or_default();
        self.insert(name, serde_json::from_str(&text).unwrap_or_default());
        self
    }

    fn insert(&mut self, name: &str, value: Value) {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    self.insert(&format!("{name}.{field}"), value);
                }
            }
            value => {
                self.options.insert(name.to_owned(), value);
            }
        }
    }

    /// Adds a kernel by the SHA-256 of its source.
    #[must_use]
    pub fn kernel(mut self, stem: &str, sha256: &str) -> Self {
        let start = sha256.get(..16).unwrap_or(sha256);
        self.kernels.insert(stem.to_owned(), start.to_owned());
        self
    }

    /// Adds an input by the SHA-256 of its content.
    #[must_use]
    pub fn input(mut self, name: &str, sha256: &str) -> Self {
        self.inputs.insert(name.to_owned(), sha256.to_owned());
        self
    }

    /// Adds files or folders outside the run, as one input by their content and, inside folders, their names. Files
    /// that `known` has with the same size and time are not read again.
    ///
    /// # Errors
    /// [`StoreError::Io`]: what cannot be read is its row's fault, never the run's.
    pub fn outside(
        mut self,
        name: &str,
        paths: &[PathBuf],
        known: &[Stamp],
    ) -> Result<Self, StoreError> {
        let mut stamps = Vec::new();
        for path in paths {
            super::stamps::collect(path, known, &mut stamps)?;
        }
        let mut hash = Sha256::new();
        for stamp in &stamps {
            for part in [&stamp.name, &stamp.sha256] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        self = self.input(name, &hex(&hash.finalize()));
        self.outside.extend(stamps);
        Ok(self)
    }

    /// The key.
    pub fn key(&self) -> Key {
        // Maps are in the order of their names, so that the same parts give the same bytes.
        Key(sha256_hex(&serde_json::to_vec(self).unwrap_or_default()))
    }

    /// What differs from an earlier recipe of the step, in words; empty where the keys are the same.
    pub fn differences(&self, before: &Self) -> Vec<String> {
        let mut told = Vec::new();
        let quoted = |v: Option<&Value>| v.map_or_else(|| "not set".to_owned(), Value::to_string);
        each(&self.versions, &before.versions, |stage, now, was| {
            let (now, was) = (now.copied().unwrap_or(0), was.copied().unwrap_or(0));
            told.push(format!(
                "the program's {stage} is of version {now}, was {was}"
            ));
        });
        each(&self.options, &before.options, |name, now, was| {
            told.push(format!("{name} is {}, was {}", quoted(now), quoted(was)));
        });
        each(&self.kernels, &before.kernels, |stem, now, was| {
            told.push(match (now, was) {
                (Some(_), Some(_)) => format!("the kernel {stem} has changed"),
                (Some(_), None) => format!("the kernel {stem} is new"),
                _ => format!("the kernel {stem} is gone"),
            });
        });
        each(&self.inputs, &before.inputs, |name, now, was| {
            let there = |v: Option<&String>| v.is_some_and(|v| v != ABSENT);
            told.push(match (there(now), there(was)) {
                (true, true) => format!("{name} has another content"),
                (true, false) => format!("{name} is read, and was not"),
                (false, _) => format!("{name} is not read, and was"),
            });
        });
        told
    }
}

/// Calls `tell` for each name under which two maps differ.
fn each<V: PartialEq>(
    now: &BTreeMap<String, V>,
    before: &BTreeMap<String, V>,
    mut tell: impl FnMut(&str, Option<&V>, Option<&V>),
) {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    for name in now.keys().chain(gone) {
        let (a, b) = (now.get(name), before.get(name));
        if a != b {
            tell(name, a, b);
        }
    }
}

/// SHA-256 of a file's content in hexadecimal.
pub(super) fn sha256_file(path: &Path) -> Result<String, StoreError> {
    digest_of(path).map_err(|e| StoreError::io(path, e))
}

pub(super) fn digest_of(path: &Path) -> std::io::Result<String> {
    crate::hash::sha256_of(std::fs::File::open(path)?)
}
