//! Steps that run once: a record with the key and the hashes, written before the files move into place.
//!
//! A step writes its files into a stage under `tmp/`. Then, in this order: the files are synced, the record
//! (which names the stage and each file's SHA-256) is written atomically, the files are renamed to their
//! final names, a journal line is appended. A kill at any moment leaves either no record, and the step runs
//! again, or a record whose files are in place or in the stage, and the rest of the renames is made up.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::keys::sha256_file;
use super::{FORMAT, Key, Run, StoreError, artifacts, read_json, write_json};

/// The record of a finished step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Format version.
    pub format: u32,
    /// The key it was made under.
    pub key: Key,
    /// Name of its stage under `tmp/`.
    pub stage: String,
    /// Its files.
    pub artifacts: Vec<Artifact>,
    /// Milliseconds that the work took.
    pub millis: u64,
    /// Peak resident memory of the process when it ended, in KiB; 0 where unknown.
    pub peak_kib: u64,
}

/// One file of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Path relative to the iteration's folder, with `/`.
    pub path: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub bytes: u64,
}

/// Where a step writes its files; they appear under the same relative names in the iteration's folder.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Path of a file to write; its folder exists.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn path(&self, relative: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(relative);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, e))?;
        Ok(path)
    }

    /// An empty folder to write into.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn folder(&self, relative: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(relative);
        std::fs::create_dir_all(&path).map_err(|e| StoreError::io(&path, e))?;
        Ok(path)
    }
}

/// How a step came to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// It was done before under the same key, and its files are whole.
    pub skipped: bool,
    /// Its record.
    pub record: StepRecord,
}

impl Run {
    /// Runs `work` unless the step was done under the same key and its files are whole.
    ///
    /// # Errors
    /// The work's own error, or a [`StoreError`] turned into it.
    pub fn once<E: From<StoreError>>(
        &self,
        id: &str,
        iteration: u32,
        step: &str,
        key: &Key,
        work: impl FnOnce(&Stage) -> Result<(), E>,
    ) -> Result<Done, E> {
        let folder = self.iteration(id, iteration);
        let record_path = folder.join("steps").join(format!("{step}.json"));
        if let Some(record) = self.finished(&folder, &record_path, key)? {
            return Ok(Done {
                skipped: true,
                record,
            });
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "{id}-{iteration}-{step}-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let stage = Stage {
            folder: self.root.join("tmp").join(&name),
        };
        let _ = std::fs::remove_dir_all(&stage.folder);
        std::fs::create_dir_all(&stage.folder).map_err(|e| StoreError::io(&stage.folder, e))?;
        let started = Instant::now();
        if let Err(error) = work(&stage) {
            let _ = std::fs::remove_dir_all(&stage.folder);
            return Err(error);
        }
        let record = StepRecord {
            format: FORMAT,
            key: key.clone(),
            stage: name,
            artifacts: collect(&stage.folder)?,
            millis: started.elapsed().as_millis() as u64,
            peak_kib: peak_kib(),
        };
        write_json(&record_path, &record)?;
        self.settle(&folder, &record)?;
        self.journal.append(
            "step",
            json!({"id": id, "iteration": iteration, "step": step, "key": key.0, "millis": record.millis,
                   "peak_kib": record.peak_kib}),
        )?;
        Ok(Done {
            skipped: false,
            record,
        })
    }

    fn finished(
        &self,
        folder: &Path,
        record_path: &Path,
        key: &Key,
    ) -> Result<Option<StepRecord>, StoreError> {
        if !record_path.exists() {
            return Ok(None);
        }
        // A record that does not parse is no record: the step is made again.
        let Ok(record) = read_json::<StepRecord>(record_path) else {
            return Ok(None);
        };
        if record.format > FORMAT {
            return Err(StoreError::Newer {
                path: record_path.to_owned(),
                found: record.format,
            });
        }
        if record.key != *key {
            return Ok(None);
        }
        self.settle(folder, &record)?;
        let whole = record
            .artifacts
            .iter()
            .all(|a| whole(&folder.join(&a.path), a));
        Ok(whole.then_some(record))
    }

    /// Moves what is still in the stage to its final name, then drops the stage.
    fn settle(&self, folder: &Path, record: &StepRecord) -> Result<(), StoreError> {
        let stage = self.root.join("tmp").join(&record.stage);
        if !stage.is_dir() {
            return Ok(());
        }
        let mut folders = BTreeSet::new();
        for artifact in &record.artifacts {
            let from = stage.join(&artifact.path);
            if from.exists() {
                let to = folder.join(&artifact.path);
                let parent = to.parent().unwrap_or(folder).to_owned();
                std::fs::create_dir_all(&parent).map_err(|e| StoreError::io(&parent, e))?;
                std::fs::rename(&from, &to).map_err(|e| StoreError::io(&to, e))?;
                folders.insert(parent);
            }
        }
        for folder in folders {
            artifacts::sync_folder(&folder).map_err(|e| StoreError::io(&folder, e))?;
        }
        std::fs::remove_dir_all(&stage).map_err(|e| StoreError::io(&stage, e))
    }
}

fn whole(path: &Path, artifact: &Artifact) -> bool {
    path.metadata().is_ok_and(|m| m.len() == artifact.bytes)
        && sha256_file(path).is_ok_and(|hash| hash == artifact.sha256)
}

fn collect(root: &Path) -> Result<Vec<Artifact>, StoreError> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<Artifact>) -> Result<(), StoreError> {
        let io = |e: std::io::Error| StoreError::io(folder, e);
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.is_dir() {
                walk(root, &path, found)?;
                continue;
            }
            let file = File::open(&path).map_err(|e| StoreError::io(&path, e))?;
            file.sync_all().map_err(|e| StoreError::io(&path, e))?;
            let relative = path.strip_prefix(root).unwrap_or(&path);
            found.push(Artifact {
                path: relative.to_string_lossy().replace('\\', "/"),
                sha256: sha256_file(&path)?,
                bytes: file.metadata().map_err(|e| StoreError::io(&path, e))?.len(),
            });
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(root, root, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Stages that records still point at, so that a sweep leaves them.
pub(super) fn stages_in_use(prompts: &Path) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let folders = |path: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(path)
            .map(|d| d.flatten().map(|e| e.path()).collect())
            .unwrap_or_default()
    };
    for row in folders(prompts) {
        for iteration in folders(&row) {
            for record in folders(&iteration.join("steps")) {
                if let Ok(record) = read_json::<StepRecord>(&record) {
                    used.insert(record.stage);
                }
            }
        }
    }
    used
}

/// Peak resident memory of this process in KiB, where the system tells.
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .and_then(|v| v.trim().trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0)
}
