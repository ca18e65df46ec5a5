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

use super::recipe::sha256_file;
use super::stamps::{Stamp, modified};
use super::{Key, Recipe, Run, StoreError, artifacts, read_json, write_json};

/// The record of a finished step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The key it was made under: the recipe's hash.
    pub key: Key,
    /// What it was made from.
    pub recipe: Recipe,
    /// Files outside the run that it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<Stamp>,
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
    /// Time of the last write in nanoseconds since 1970; 0 where unknown.
    #[serde(default)]
    pub modified: u64,
    /// `clean` dropped it; the step still counts as done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

/// How artifacts of earlier starts are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// By size and time of the last write; by content where the time differs.
    #[default]
    Quick,
    /// By content always.
    Full,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// It was done before under the same key, and its files are whole.
    pub skipped: bool,
    /// Its record.
    pub record: StepRecord,
}

/// A step that is done already, or the work that is to be done.
#[derive(Debug)]
pub enum Begun<'r> {
    /// Done before under the same key, its files whole.
    Done(StepRecord),
    /// To be done; [`Pending::finish`] makes it durable.
    Work(Pending<'r>),
}

/// A step under way. Dropped without [`Pending::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Pending<'r> {
    run: &'r Run,
    id: String,
    iteration: u32,
    step: String,
    recipe: Recipe,
    name: String,
    stage: Stage,
    started: Instant,
}

impl Pending<'_> {
    /// Where the work writes its files.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Makes the step's files durable under their final names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(self) -> Result<StepRecord, StoreError> {
        let record = StepRecord {
            key: self.recipe.key(),
            recipe: self.recipe.clone(),
            outside: self.recipe.outside.clone(),
            stage: self.name.clone(),
            artifacts: collect(&self.stage.folder)?,
            millis: self.started.elapsed().as_millis() as u64,
            peak_kib: peak_kib(),
        };
        let folder = self.run.iteration(&self.id, self.iteration);
        let record_path = record_path(&folder, &self.step);
        let before = read_json::<StepRecord>(&record_path).ok();
        write_json(&record_path, &record)?;
        self.run.settle(&folder, &record)?;
        // What an earlier make left and this one does not have would only mislead.
        for old in before.iter().flat_map(|r| &r.artifacts) {
            if !record.artifacts.iter().any(|a| a.path == old.path) {
                let _ = std::fs::remove_file(folder.join(&old.path));
            }
        }
        self.run.journal.append(
            "step",
            json!({"id": self.id, "iteration": self.iteration, "step": self.step, "key": record.key.0,
                   "millis": record.millis, "peak_kib": record.peak_kib}),
        )?;
        Ok(record)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // After `finish` the folder is gone, or its record owns it.
        let folder = self.run.iteration(&self.id, self.iteration);
        let owned = read_json::<StepRecord>(&record_path(&folder, &self.step))
            .is_ok_and(|r| r.stage == self.name);
        if self.stage.folder.exists() && !owned {
            let _ = std::fs::remove_dir_all(&self.stage.folder);
        }
    }
}

fn record_path(folder: &Path, step: &str) -> PathBuf {
    folder.join("steps").join(format!("{step}.json"))
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
        recipe: &Recipe,
        work: impl FnOnce(&Stage) -> Result<(), E>,
    ) -> Result<Done, E> {
        match self.begin(id, iteration, step, recipe)? {
            Begun::Done(record) => Ok(Done {
                skipped: true,
                record,
            }),
            Begun::Work(pending) => {
                work(pending.stage())?;
                Ok(Done {
                    skipped: false,
                    record: pending.finish()?,
                })
            }
        }
    }

    /// The first half of [`Run::once`], for work that waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(
        &self,
        id: &str,
        iteration: u32,
        step: &str,
        recipe: &Recipe,
    ) -> Result<Begun<'_>, StoreError> {
        if let Some(record) = self.finished(id, iteration, step, &recipe.key())? {
            return Ok(Begun::Done(record));
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
        Ok(Begun::Work(Pending {
            run: self,
            id: id.to_owned(),
            iteration,
            step: step.to_owned(),
            recipe: recipe.clone(),
            name,
            stage,
            started: Instant::now(),
        }))
    }

    fn finished(
        &self,
        id: &str,
        iteration: u32,
        step: &str,
        key: &Key,
    ) -> Result<Option<StepRecord>, StoreError> {
        let folder = self.iteration(id, iteration);
        let record = match read_json::<StepRecord>(&record_path(&folder, step)) {
            Ok(record) if record.key == *key => record,
            Err(error @ StoreError::Newer { .. }) => return Err(error),
            // No record, one under another key, or one that does not parse: the step is made again.
            _ => return Ok(None),
        };
        self.settle(&folder, &record)?;
        let mut altered = record
            .artifacts
            .iter()
            .filter(|a| !whole(&folder.join(&a.path), a, self.verify));
        let Some(artifact) = altered.next() else {
            return Ok(Some(record));
        };
        tracing::warn!(
            "{}: missing or altered since {step} wrote it; {step} is made again",
            folder.join(&artifact.path).display()
        );
        Ok(None)
    }

    /// Forgets that a step was done, so that it is made again; its files stay until then.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn forget(&self, id: &str, iteration: u32, step: &str) -> Result<(), StoreError> {
        let path = record_path(&self.iteration(id, iteration), step);
        std::fs::remove_file(&path).map_err(|e| StoreError::io(&path, e))
    }

    /// The record of a step that was done, under whatever key.
    pub fn record(&self, id: &str, iteration: u32, step: &str) -> Option<StepRecord> {
        step_record(&self.root, id, iteration, step)
    }

    /// Moves the `folder` of a step that was done under another key aside, to `folder-<the other key's start>`, so
    /// that what was paid for is not written over.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn set_aside(
        &self,
        id: &str,
        iteration: u32,
        step: &str,
        folder: &str,
        key: &Key,
    ) -> Result<(), StoreError> {
        let home = self.iteration(id, iteration);
        let Ok(before) = read_json::<StepRecord>(&record_path(&home, step)) else {
            return Ok(());
        };
        let from = home.join(folder);
        if before.key == *key || !from.exists() {
            return Ok(());
        }
        let start: String = before.key.0.chars().take(8).collect();
        let to = home.join(format!("{folder}-{start}"));
        // The same take was set aside before.
        if to.exists() {
            return Ok(());
        }
        std::fs::rename(&from, &to)
            .and_then(|()| artifacts::sync_folder(to.parent().unwrap_or(&home)))
            .map_err(|e| StoreError::io(&to, e))
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
                artifacts::create_folder(&parent).map_err(|e| StoreError::io(&parent, e))?;
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

/// The record of a step of a run at `root`; `None` where it was never done.
pub fn step_record(root: &Path, id: &str, iteration: u32, step: &str) -> Option<StepRecord> {
    let folder = super::iteration_folder(root, id, iteration);
    read_json(&record_path(&folder, step)).ok()
}

/// The first file of a record that is missing or not as the step wrote it, by its path in the round's folder.
pub fn altered<'r>(
    root: &Path,
    id: &str,
    iteration: u32,
    record: &'r StepRecord,
) -> Option<&'r str> {
    let folder = super::iteration_folder(root, id, iteration);
    let stage = root.join("tmp").join(&record.stage);
    let there = |a: &Artifact| {
        whole(&folder.join(&a.path), a, Verify::Quick)
            || whole(&stage.join(&a.path), a, Verify::Quick)
    };
    let mut lacking = record.artifacts.iter().filter(|a| !there(a));
    lacking.next().map(|a| a.path.as_str())
}

fn whole(path: &Path, artifact: &Artifact, verify: Verify) -> bool {
    if artifact.dropped {
        return true;
    }
    let Ok(meta) = path.metadata() else {
        return false;
    };
    if meta.len() != artifact.bytes {
        return false;
    }
    let untouched = artifact.modified != 0 && modified(&meta) == artifact.modified;
    (verify == Verify::Quick && untouched)
        || sha256_file(path).is_ok_and(|hash| hash == artifact.sha256)
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
            let meta = file.metadata().map_err(|e| StoreError::io(&path, e))?;
            found.push(Artifact {
                path: relative.to_string_lossy().replace('\\', "/"),
                sha256: sha256_file(&path)?,
                bytes: meta.len(),
                modified: modified(&meta),
                dropped: false,
            });
        }
        artifacts::sync_folder(folder).map_err(io)
    }
    let mut found = Vec::new();
    walk(root, root, &mut found)?;
    if let Some(tmp) = root.parent() {
        artifacts::sync_folder(tmp).map_err(|e| StoreError::io(tmp, e))?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Entries of a folder; none where it cannot be listed.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|d| d.flatten().map(|e| e.path()).collect())
        .unwrap_or_default()
}

/// Stages that records still point at, so that a sweep leaves them.
pub(super) fn stages_in_use(prompts: &Path) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for row in entries(prompts) {
        for iteration in entries(&row) {
            for record in entries(&iteration.join("steps")) {
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
