//! What a run is kept in: artifacts that are whole or not there, steps that run once, the journal, claims.
//!
//! [`Store`] is the contract, [`Folder`] its implementation on this machine:
//!
//! ```text
//! run.toml            resolved configuration
//! manifest.csv        the manifest's copy (same name as given)
//! journal.jsonl       numbered events, appended; losing it loses no artifact
//! prompts/<id>/<iteration>/...        artifacts that people can open
//! prompts/<id>/<iteration>/steps/     one record a finished step: key, artifacts, their SHA-256
//! tmp/                work in progress
//! ```

mod artifacts;
mod clean;
mod contract;
mod folder;
mod journal;
mod recipe;
mod stamps;
mod steps;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use artifacts::{check_format, read_json, write_atomic, write_json};
pub use clean::{Clean, Cleaned, bytes_under, clean};
pub use contract::{At, Claim, Scratch, Store};
pub use folder::{Folder, JOURNAL, Standing, altered, iteration_folder, known_format, record_of};
pub use journal::{Journal, Line, Lines};
pub use recipe::{ABSENT, Key, Recipe};
pub use stamps::Stamp;
pub use steps::{Artifact, Begun, Done, Pending, Run, StepRecord, Verify};

/// Version of the stored formats; a newer one is refused.
pub const FORMAT: u32 = 3;

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
    /// The row is worked on already.
    #[error("{path}: the row '{row}' is worked on already; wait for it, or stop the other one")]
    Claimed {
        /// The run.
        path: PathBuf,
        /// The row.
        row: String,
    },
    /// Another process may have taken the work over.
    #[error(
        "{path}: its lock was taken away or replaced while this process worked in it, so that another one may work there too; nothing more is written. See that no other director runs there, and run the same command again"
    )]
    ClaimLost {
        /// The run.
        path: PathBuf,
    },
    /// A file that a step left is not there any more.
    #[error("{0} is not there; run the same command again to have it made anew")]
    Gone(PathBuf),
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
        "{path} was made by an earlier director (format {found}, this one writes {FORMAT}); nothing in it was touched: that version reads it and goes on with it, and this one starts anew in another --out (takes that were paid for can be given to it as files: --provider files)"
    )]
    Older {
        /// The run folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A journal that tells of what this program does not know.
    #[error(
        "{path}: entry {entry} is a '{event}', which this program does not know: a newer director wrote it; use that one, or move the journal away (no artifact is lost with it)"
    )]
    Future {
        /// The journal.
        path: PathBuf,
        /// Number of the entry.
        entry: u64,
        /// Its event.
        event: String,
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
        matches!(self, Self::Unwritable { .. } | Self::ClaimLost { .. })
    }
}
