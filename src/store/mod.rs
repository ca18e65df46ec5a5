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
mod clean;
mod journal;
mod recipe;
mod stamps;
mod steps;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

pub use artifacts::{check_format, read_json, write_atomic, write_json};
pub use clean::{Clean, Cleaned, bytes_under, clean};
pub use journal::{Journal, read_journal};
pub use recipe::{ABSENT, Key, Recipe};
pub use stamps::Stamp;
pub use steps::{Artifact, Begun, Done, Pending, Stage, StepRecord, Verify, altered, step_record};

/// Version of the stored formats; a newer one is refused.
pub const FORMAT: u32 = 2;

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
    /// The disk is full or cannot be written: no other row could save anything either.
    #[error("{path}: {reason}")]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and the mend.
        reason: String,
    },
    /// Another process works in the folder.
    #[error(
        "{path} is in use by another director process{who}; wait for it, stop it, or choose another --out"
    )]
    Locked {
        /// The run folder.
        path: PathBuf,
        /// ` (pid N)` where the lock tells.
        who: String,
    },
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
    /// A run that an earlier program made, whose steps this one does not know.
    #[error(
        "{path} was made by an earlier director (format {found}, this one writes {FORMAT}); nothing in it was touched: results and status still read it, that version goes on with it, and this one starts anew in another --out (takes that were paid for can be given to it as files: --provider files)"
    )]
    Older {
        /// The run folder.
        path: PathBuf,
        /// Its format.
        found: u32,
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
    /// An error of reading or writing `path`, with the mend where it is known.
    pub(crate) fn io(path: &Path, error: impl std::error::Error + 'static) -> Self {
        let kind = (&error as &dyn std::error::Error)
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        let path = path.to_owned();
        match kind {
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Self::Unwritable {
                path,
                reason: format!(
                    "{error}: the disk is full; free some space and run the same command again (what is done is kept), or choose another --out"
                ),
            },
            Some(ErrorKind::ReadOnlyFilesystem) => Self::Unwritable {
                path,
                reason: format!("{error}; choose an --out that can be written"),
            },
            Some(ErrorKind::PermissionDenied) => Self::Unwritable {
                path,
                reason: format!(
                    "{error}; give this user the right to write there, or choose another --out"
                ),
            },
            _ => Self::Io {
                path,
                reason: error.to_string(),
            },
        }
    }

    /// Whether it strikes every row alike, so that the batch should stop.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Unwritable { .. })
    }
}

/// An open run folder, locked for this process.
#[derive(Debug)]
pub struct Run {
    root: PathBuf,
    journal: Journal,
    verify: Verify,
    // Held for its lock.
    _lock: File,
}

impl Run {
    /// Opens or creates a run folder and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::Unwritable`],
    /// [`StoreError::Io`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        if root.exists() && !root.is_dir() {
            return Err(StoreError::Foreign(root.to_owned()));
        }
        if root.is_dir() && !root.join("run.toml").exists() && !root.join(".lock").exists() {
            let mut entries = std::fs::read_dir(root).map_err(|e| StoreError::io(root, e))?;
            if entries.next().is_some() {
                return Err(StoreError::Foreign(root.to_owned()));
            }
        }
        std::fs::create_dir_all(root).map_err(|e| StoreError::io(root, e))?;
        let path = root.join(".lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| StoreError::io(&path, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = lock.take(32).read_to_string(&mut pid);
                let who = match pid.trim() {
                    "" => String::new(),
                    pid => format!(" (pid {pid})"),
                };
                let path = root.to_owned();
                return Err(StoreError::Locked { path, who });
            }
            Err(TryLockError::Error(e)) => return Err(StoreError::io(&path, e)),
        }
        let note = |lock: &mut File| -> std::io::Result<()> {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        note(&mut lock).map_err(|e| StoreError::io(&path, e))?;
        match check_format(&root.join("run.toml"))? {
            Some(found) if found < FORMAT => {
                let path = root.to_owned();
                return Err(StoreError::Older { path, found });
            }
            _ => {}
        }
        let journal = Journal::open(&root.join("journal.jsonl"))?;
        let run = Self {
            root: root.to_owned(),
            journal,
            verify: Verify::default(),
            _lock: lock,
        };
        run.sweep();
        Ok(run)
    }

    /// The same run with another way of verifying artifacts.
    #[must_use]
    pub fn verifying(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
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
        let left = steps::entries(&tmp);
        // Records are read only where something is left: a long batch has many of them.
        if left.is_empty() {
            return;
        }
        let kept = steps::stages_in_use(&self.root.join("prompts"));
        for path in left {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
            if !name.is_some_and(|n| kept.contains(&n)) {
                let _ = std::fs::remove_dir_all(path);
            }
        }
    }
}

/// Folder of one row's iteration in a run.
pub fn iteration_folder(root: &Path, id: &str, iteration: u32) -> PathBuf {
    root.join("prompts").join(id).join(iteration.to_string())
}
