//! The journal: one JSON object a line, appended and synced; a torn last line is ignored.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::StoreError;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .map_err(|e| StoreError::io(path, e))?;
        // A line torn by a kill is closed, so that the next one starts on its own.
        let torn = || -> std::io::Result<bool> {
            if file.seek(SeekFrom::End(0))? == 0 {
                return Ok(false);
            }
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            Ok(last != *b"\n")
        }()
        .map_err(|e| StoreError::io(path, e))?;
        if torn {
            file.write_all(b"\n").map_err(|e| StoreError::io(path, e))?;
        }
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
        })
    }

    /// Appends one event with the time, and syncs it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn append(&self, event: &str, fields: Value) -> Result<(), StoreError> {
        let mut line = Map::new();
        line.insert("time".into(), json!(jiff::Timestamp::now().to_string()));
        line.insert("event".into(), json!(event));
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|e| StoreError::io(&self.path, e))
    }
}

/// All whole events of a journal, in order; lines that do not parse are left out. A missing file is empty.
pub fn read_journal(path: &Path) -> Vec<Map<String, Value>> {
    let Ok(bytes) = std::fs::read(path) else {
        return Vec::new();
    };
    bytes
        .split(|&b| b == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}
