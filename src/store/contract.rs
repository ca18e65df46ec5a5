//! What a run is kept in: the contract that a folder fulfils, and that an object store has to.
//!
//! The conformance tests (`tests/it/spine/contract.rs`) hold every implementation to these sentences:
//!
//! - A step is done when, and only when, its record can be read: [`Store::finish`] publishes all its files or none.
//! - Whatever the moment of a kill, [`Store::record`] afterwards answers either nothing, or a record whose files
//!   [`Store::get`] can open.
//! - Two processes never both work on a row: [`Store::claim`] refuses the second, and [`Store::finish`] refuses the one
//!   that lost its claim while it worked.
//! - Lines of the journal are whole, in the order in which they were appended; a torn last one is no line.

use std::fmt;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::steps::{StepRecord, Verify};
use super::{StoreError, artifacts};

/// Which step of which round of which row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct At {
    /// The row's id.
    pub id: String,
    /// The round, from 1.
    pub iteration: u32,
    /// Such as `take-1`, `cameras-1`, `splats`.
    pub step: String,
}

impl At {
    /// A step of a round.
    pub fn new(id: &str, iteration: u32, step: &str) -> Self {
        Self {
            id: id.to_owned(),
            iteration,
            step: step.to_owned(),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.id, self.iteration, self.step)
    }
}

/// Keeps a run.
pub trait Store: Send + Sync + fmt::Debug {
    /// Where files of the run can be opened on this machine; what [`Store::get`] answers lies under it.
    fn root(&self) -> &Path;

    /// Takes the right to work on a row until the claim is dropped.
    ///
    /// # Errors
    /// [`StoreError::Claimed`], [`StoreError::ClaimLost`].
    fn claim(&self, row: &str) -> Result<Claim, StoreError>;

    /// An empty place for the files of a step.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn begin(&self, at: &At) -> Result<Scratch, StoreError>;

    /// Publishes a step: its record, and the files of its scratch under their names in the round. Files that `before`
    /// has and `record` has not are gone afterwards.
    ///
    /// # Errors
    /// [`StoreError::ClaimLost`] when another process may have taken the row over: nothing is published then.
    fn finish(
        &self,
        at: &At,
        scratch: &Scratch,
        record: &StepRecord,
        before: Option<&StepRecord>,
    ) -> Result<(), StoreError>;

    /// The record of a step; `None` where it was never done, or where the record cannot be read any more.
    ///
    /// # Errors
    /// [`StoreError::Newer`].
    fn record(&self, at: &At) -> Result<Option<StepRecord>, StoreError>;

    /// The first file of a record that is missing or not as its step left it, by its path in the round.
    ///
    /// # Errors
    /// [`StoreError`] where that cannot be found out.
    fn altered(
        &self,
        at: &At,
        record: &StepRecord,
        verify: Verify,
    ) -> Result<Option<String>, StoreError>;

    /// A file of a round, to be opened on this machine.
    ///
    /// # Errors
    /// [`StoreError::Gone`].
    fn get(&self, id: &str, iteration: u32, path: &str) -> Result<PathBuf, StoreError>;

    /// The steps of a row that are done, in the order of rounds and names.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn list(&self, row: &str) -> Result<Vec<At>, StoreError>;

    /// Forgets that a step was done, so that it is made again; its files stay until then.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn forget(&self, at: &At) -> Result<(), StoreError>;

    /// Drops files of a step that is done: the record says so first, or, where it has no room before they are gone,
    /// right after.
    ///
    /// # Errors
    /// [`StoreError`].
    fn drop_files(&self, at: &At, record: &StepRecord, paths: &[String]) -> Result<(), StoreError>;

    /// Moves a folder of a round to another name, unless that is taken already.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn move_folder(&self, id: &str, iteration: u32, from: &str, to: &str)
    -> Result<(), StoreError>;

    /// Appends whole lines to the journal; `sync` waits until they are durable.
    ///
    /// # Errors
    /// [`StoreError`].
    fn append(&self, lines: &[u8], sync: bool) -> Result<(), StoreError>;

    /// The journal from its start.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn journal(&self) -> Result<Box<dyn BufRead>, StoreError>;
}

/// The right to work on a row; given back when it is dropped.
pub struct Claim(Option<Box<dyn FnOnce() + Send>>);

impl Claim {
    /// A claim that `release` gives back.
    pub fn new(release: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(release)))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            release();
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim")
    }
}

/// Where a step writes its files; they appear under the same relative names in the round once it is finished. It goes
/// with all that is still in it when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A scratch at an empty folder that exists.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.folder
    }

    /// Its name, which no other scratch of the run has.
    pub fn name(&self) -> String {
        let name = self.folder.file_name();
        name.map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// Path of a file to write; its folder exists.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn path(&self, relative: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(relative);
        let folder = path.parent().unwrap_or(&self.folder);
        if folder != self.folder {
            std::fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, e))?;
        }
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

    /// Writes a struct or map as JSON, with the format's version. It is durable once the step is finished.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unwritable`].
    pub fn write_json(
        &self,
        relative: &str,
        document: &impl serde::Serialize,
    ) -> Result<(), StoreError> {
        let path = self.path(relative)?;
        let bytes = artifacts::json_bytes(&path, document)?;
        std::fs::write(&path, bytes).map_err(|e| StoreError::io(&path, e))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Once its files are published it is mostly empty.
        if std::fs::remove_dir(&self.folder).is_err() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
