//! Steps that run once: their records, and the run that keeps them.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::contract::{At, Claim, Scratch, Store};
use super::folder::Folder;
use super::recipe::sha256_file;
use super::stamps::{Stamp, modified};
use super::{Key, Recipe, StoreError, folder};

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
    /// Name of the scratch that its files came from, which no other attempt has.
    pub attempt: String,
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
    Done(Box<StepRecord>),
    /// To be done; [`Pending::finish`] makes it durable.
    Work(Box<Pending<'r>>),
}

/// A step under way. Dropped without [`Pending::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Pending<'r> {
    run: &'r Run,
    at: At,
    recipe: Recipe,
    before: Option<StepRecord>,
    scratch: Scratch,
    started: Instant,
}

impl Pending<'_> {
    /// Where the work writes its files.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Makes the step's files durable under their final names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(mut self) -> Result<StepRecord, StoreError> {
        let record = StepRecord {
            key: self.recipe.key(),
            outside: std::mem::take(&mut self.recipe.outside),
            recipe: self.recipe,
            attempt: self.scratch.name(),
            artifacts: collect(self.scratch.root())?,
            millis: self.started.elapsed().as_millis() as u64,
            peak_kib: peak_kib(),
        };
        let (store, before) = (&self.run.store, self.before.as_ref());
        store.finish(&self.at, &self.scratch, &record, before)?;
        Ok(record)
    }
}

/// An open run: steps that run once, in whatever [`Store`] keeps it.
#[derive(Debug)]
pub struct Run {
    store: Box<dyn Store>,
    verify: Verify,
}

impl Run {
    /// Opens or creates a run folder and takes its lock.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Ok(Self::on(Box::new(Folder::open(root)?)))
    }

    /// A run in any store.
    pub fn on(store: Box<dyn Store>) -> Self {
        let verify = Verify::default();
        Self { store, verify }
    }

    /// The same run with another way of verifying artifacts.
    #[must_use]
    pub fn verifying(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// Where its files can be opened on this machine.
    pub fn root(&self) -> &Path {
        self.store.root()
    }

    /// What keeps it.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Folder of one row's iteration on this machine.
    pub fn iteration(&self, id: &str, iteration: u32) -> std::path::PathBuf {
        folder::iteration_folder(self.root(), id, iteration)
    }

    /// Takes the right to work on a row until the claim is dropped.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub fn claim(&self, row: &str) -> Result<Claim, StoreError> {
        self.store.claim(row)
    }

    /// A file of a round, to be opened on this machine.
    ///
    /// # Errors
    /// [`StoreError::Gone`].
    pub fn get(
        &self,
        id: &str,
        iteration: u32,
        path: &str,
    ) -> Result<std::path::PathBuf, StoreError> {
        self.store.get(id, iteration, path)
    }

    /// Runs `work` unless the step was done under the same key and its files are whole.
    ///
    /// # Errors
    /// The work's own error, or a [`StoreError`] turned into it.
    pub fn once<E: From<StoreError>>(
        &self,
        at: &At,
        recipe: &Recipe,
        work: impl FnOnce(&Scratch) -> Result<(), E>,
    ) -> Result<Done, E> {
        match self.begin(at, recipe)? {
            Begun::Done(record) => Ok(Done {
                skipped: true,
                record: *record,
            }),
            Begun::Work(pending) => {
                work(pending.scratch())?;
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
    pub fn begin(&self, at: &At, recipe: &Recipe) -> Result<Begun<'_>, StoreError> {
        let before = self.store.record(at)?;
        if let Some(record) = &before
            && self.is_whole(at, &recipe.key(), record)?
        {
            return Ok(Begun::Done(Box::new(record.clone())));
        }
        Ok(Begun::Work(Box::new(Pending {
            run: self,
            at: at.clone(),
            recipe: recipe.clone(),
            before,
            scratch: self.store.begin(at)?,
            started: Instant::now(),
        })))
    }

    /// Whether a step was made under this key and its files are as it left them.
    fn is_whole(&self, at: &At, key: &Key, record: &StepRecord) -> Result<bool, StoreError> {
        if record.key != *key {
            return Ok(false);
        }
        let altered = self.store.altered(at, record, self.verify)?;
        if let Some(path) = &altered {
            let round = self.iteration(&at.id, at.iteration);
            tracing::warn!(
                "{}: missing or altered since {step} wrote it; {step} is made again",
                round.join(path).display(),
                step = at.step
            );
        }
        Ok(altered.is_none())
    }

    /// Forgets that a step was done, so that it is made again; its files stay until then.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn forget(&self, at: &At) -> Result<(), StoreError> {
        self.store.forget(at)
    }

    /// The record of a step that was done, under whatever key.
    ///
    /// # Errors
    /// [`StoreError::Newer`].
    pub fn record(&self, at: &At) -> Result<Option<StepRecord>, StoreError> {
        self.store.record(at)
    }

    /// Moves the `folder` of a step that was done under another key aside, to `folder-<the other key's start>`, so
    /// that what was paid for is not written over.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn set_aside(&self, at: &At, folder: &str, key: &Key) -> Result<(), StoreError> {
        let Some(before) = self.store.record(at)?.filter(|r| r.key != *key) else {
            return Ok(());
        };
        let start: String = before.key.0.chars().take(8).collect();
        let to = format!("{folder}-{start}");
        self.store.move_folder(&at.id, at.iteration, folder, &to)
    }
}

/// Whether a file is as its step left it.
pub(super) fn whole(path: &Path, artifact: &Artifact, verify: Verify) -> bool {
    if artifact.dropped {
        return true;
    }
    let Ok(meta) = path.metadata() else {
        return false;
    };
    if meta.len() != artifact.bytes || !meta.is_file() {
        return false;
    }
    let untouched = artifact.modified != 0 && modified(&meta) == artifact.modified;
    (verify == Verify::Quick && untouched)
        || sha256_file(path).is_ok_and(|hash| hash == artifact.sha256)
}

/// The files under a scratch, synced and hashed, in the order of their paths.
pub(super) fn collect(root: &Path) -> Result<Vec<Artifact>, StoreError> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<Artifact>) -> Result<(), StoreError> {
        let io = |e: std::io::Error| StoreError::io(folder, e);
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            if entry.file_type().map_err(io)?.is_dir() {
                walk(root, &path, found)?;
                continue;
            }
            let file = File::open(&path).map_err(|e| StoreError::io(&path, e))?;
            file.sync_all().map_err(|e| StoreError::io(&path, e))?;
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let meta = file.metadata().map_err(|e| StoreError::io(&path, e))?;
            found.push(Artifact {
                path: relative.to_string_lossy().replace('\\', "/"),
                sha256: crate::hash::sha256_of(file).map_err(|e| StoreError::io(&path, e))?,
                bytes: meta.len(),
                modified: modified(&meta),
                dropped: false,
            });
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(root, root, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Peak resident memory of this process in KiB; 0 where the system does not tell.
#[cfg(target_os = "linux")]
pub fn peak_kib() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the struct is the system's own, and lives until the call returns. Reading /proc takes 20 times as long.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
            return 0;
        }
        usage.assume_init()
    };
    usage.ru_maxrss.try_into().unwrap_or(0)
}

/// Peak resident memory of this process in KiB; 0 where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn peak_kib() -> u64 {
    0
}
