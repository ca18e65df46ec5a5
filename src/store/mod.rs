//! A run folder: atomic artifacts, steps that run once, the journal and the lock.
//!
//! ```text
//! run.toml            resolved configuration
//! manifest.csv        the manifest's copy (same name as given)
//! journal.jsonl       append-only events; losing it loses no artifact
//! prompts/<id>/<iteration>/...        artifacts that people can open
//! prompts/<id>/<iteration>/steps/     one record a finished step: key, artifacts, their SHA-256
//! tmp/                work in progress
//! ```

mod artifacts;
mod journal;
mod keys;
mod steps;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

pub use artifacts::{read_json, write_atomic, write_json};
pub use journal::{Journal, read_journal};
pub use keys::{Key, KeyBuilder};
pub use steps::{Done, Stage, StepRecord};

/// Version of the stored formats; a newer one is refused.
pub const FORMAT: u32 = 1;

/// What can go wrong in a run folder.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("{path}: {reason}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Another process works in the folder.
    #[error(
        "{0} is in use by another director process; wait for it, stop it, or choose another --out"
    )]
    Locked(PathBuf),
    /// The folder holds something else.
    #[error("{0} is not empty and not a run folder (no run.toml); choose another --out")]
    Foreign(PathBuf),
    /// No run there.
    #[error("{0} is not a run folder (no run.toml); give the folder that `director run` wrote")]
    Missing(PathBuf),
    /// A stored file does not parse.
    #[error("{path}: {reason}; delete it to have that step made again")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Written by a newer program.
    #[error("{path} has format {found}, this program knows {FORMAT}; use a newer director")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

impl StoreError {
    pub(crate) fn io(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// An open run folder, locked for this process.
#[derive(Debug)]
pub struct Run {
    root: PathBuf,
    journal: Journal,
    // Held for its lock.
    _lock: File,
}

impl Run {
    /// Opens or creates a run folder and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Foreign`], [`StoreError::Io`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        if root.is_dir() && !root.join("run.toml").exists() && !root.join(".lock").exists() {
            let mut entries = std::fs::read_dir(root).map_err(|e| StoreError::io(root, e))?;
            if entries.next().is_some() {
                return Err(StoreError::Foreign(root.to_owned()));
            }
        }
        std::fs::create_dir_all(root).map_err(|e| StoreError::io(root, e))?;
        let path = root.join(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| StoreError::io(&path, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(root.to_owned())),
            Err(TryLockError::Error(e)) => return Err(StoreError::io(&path, e)),
        }
        let journal = Journal::open(&root.join("journal.jsonl"))?;
        let run = Self {
            root: root.to_owned(),
            journal,
            _lock: lock,
        };
        run.sweep();
        Ok(run)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Folder of one row's iteration.
    pub fn iteration(&self, id: &str, iteration: u32) -> PathBuf {
        iteration_folder(&self.root, id, iteration)
    }

    /// Drops work in progress that no step record points at; a finished step whose files were not all in
    /// place yet keeps its stage, and [`Run::once`] moves the rest.
    fn sweep(&self) {
        let tmp = self.root.join("tmp");
        let Ok(entries) = std::fs::read_dir(&tmp) else {
            return;
        };
        let kept = steps::stages_in_use(&self.root.join("prompts"));
        for entry in entries.flatten() {
            if !kept.contains(&entry.file_name().to_string_lossy().into_owned()) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Folder of one row's iteration in a run.
pub fn iteration_folder(root: &Path, id: &str, iteration: u32) -> PathBuf {
    root.join("prompts").join(id).join(iteration.to_string())
}
