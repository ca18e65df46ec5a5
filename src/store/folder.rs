//! A run in a folder of this machine.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::contract::{At, Claim, Scratch, Store};
use super::steps::{StepRecord, Verify, whole};
use super::{FORMAT, StoreError, artifacts, check_format, write_json};
use crate::files::sync_folder;

/// A run folder, locked for this process.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    journal: Mutex<File>,
    /// The last line may not be whole.
    torn: AtomicBool,
    // Held for its lock.
    lock: File,
    claimed: Arc<Mutex<BTreeSet<String>>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Folder {
    /// Opens or creates a run folder and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Foreign`], [`StoreError::Older`], [`StoreError::Newer`],
    /// [`StoreError::Unwritable`], [`StoreError::Io`].
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
        // Before anything is touched.
        known_format(root)?;
        let tmp = root.join("tmp");
        std::fs::create_dir_all(&tmp).map_err(|e| StoreError::io(&tmp, e))?;
        let lock = lock(root)?;
        known_format(root)?;
        let journal = open_journal(&root.join(JOURNAL))?;
        let folder = Self {
            root: root.to_owned(),
            journal: Mutex::new(journal),
            torn: AtomicBool::new(false),
            lock,
            claimed: Arc::default(),
        };
        folder.sweep();
        Ok(folder)
    }

    /// The process that works in a run folder, by its number; `?` where it did not leave one.
    pub fn holder(root: &Path) -> Option<String> {
        let mut lock = File::open(root.join(".lock")).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = lock.read_to_string(&mut pid);
                let pid = pid.trim();
                Some(if pid.is_empty() { "?" } else { pid }.to_owned())
            }
            _ => None,
        }
    }

    /// Drops work that an earlier process left half done.
    fn sweep(&self) {
        for path in entries(&self.root.join("tmp")) {
            let _ = std::fs::remove_dir_all(path);
        }
    }

    /// Whether the lock that this process took is still the one that others would look at.
    fn still_ours(&self) -> Result<(), StoreError> {
        let path = self.root.join(".lock");
        let lost = || StoreError::ClaimLost {
            path: self.root.clone(),
        };
        let ours = self.lock.metadata().map_err(|_| lost())?;
        let there = path.metadata().map_err(|_| lost())?;
        match same_file(&ours, &there) {
            true => Ok(()),
            false => Err(lost()),
        }
    }

    /// Moves files from a scratch to their names in the round.
    fn place(&self, scratch: &Path, home: &Path, record: &StepRecord) -> Result<(), StoreError> {
        let mut folders = BTreeSet::new();
        for artifact in &record.artifacts {
            let to = home.join(&artifact.path);
            let parent = to.parent().unwrap_or(home);
            if !folders.contains(parent) {
                artifacts::create_folder(parent).map_err(|e| StoreError::io(parent, e))?;
                folders.insert(parent.to_owned());
            }
            std::fs::rename(scratch.join(&artifact.path), &to).map_err(|e| match to.is_dir() {
                true => StoreError::Io {
                    path: to.clone(),
                    reason: format!(
                        "there is a folder where the step's file goes ({e}); move it away and run the same command again"
                    ),
                },
                false => StoreError::io(&to, e),
            })?;
        }
        for folder in folders {
            sync_folder(&folder).map_err(|e| StoreError::io(&folder, e))?;
        }
        Ok(())
    }

    fn home(&self, at: &At) -> PathBuf {
        iteration_folder(&self.root, &at.id, at.iteration)
    }
}

/// Refuses a run of another version.
///
/// # Errors
/// [`StoreError::Older`], [`StoreError::Newer`].
pub fn known_format(root: &Path) -> Result<(), StoreError> {
    match check_format(&root.join("run.toml"))? {
        Some(found) if found < FORMAT => Err(StoreError::Older {
            path: root.to_owned(),
            found,
        }),
        _ => Ok(()),
    }
}

/// The journal's name.
pub const JOURNAL: &str = "journal.jsonl";

fn lock(root: &Path) -> Result<File, StoreError> {
    let path = root.join(".lock");
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|e| StoreError::io(&path, e))?;
    // `status` asks who holds the lock by taking it for a moment.
    let mut tries = 0;
    let taken = loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if tries < 10 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            taken => break taken,
        }
    };
    match taken {
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
    Ok(lock)
}

fn open_journal(path: &Path) -> Result<File, StoreError> {
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
    Ok(file)
}

#[cfg(unix)]
fn same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    true
}

impl Store for Folder {
    fn root(&self) -> &Path {
        &self.root
    }

    fn claim(&self, row: &str) -> Result<Claim, StoreError> {
        self.still_ours()?;
        if !held(&self.claimed).insert(row.to_owned()) {
            return Err(StoreError::Claimed {
                path: self.root.clone(),
                row: row.to_owned(),
            });
        }
        let (claimed, row) = (self.claimed.clone(), row.to_owned());
        Ok(Claim::new(move || {
            held(&claimed).remove(&row);
        }))
    }

    fn begin(&self, at: &At) -> Result<Scratch, StoreError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let At {
            id,
            iteration,
            step,
        } = at;
        let pid = std::process::id();
        let name = format!("{id}-{iteration}-{step}-{pid}-{number}");
        let folder = self.root.join("tmp").join(name);
        if std::fs::create_dir(&folder).is_err() {
            // An earlier process may have had the same number, or somebody cleared the folder of scratches.
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).map_err(|e| StoreError::io(&folder, e))?;
        }
        Ok(Scratch::at(folder))
    }

    fn finish(
        &self,
        at: &At,
        scratch: &Scratch,
        record: &StepRecord,
        before: Option<&StepRecord>,
    ) -> Result<(), StoreError> {
        self.still_ours()?;
        let home = self.home(at);
        // The record comes last: a kill before it leaves files that no record knows, or that are not as theirs says, and
        // the step is made again.
        self.place(scratch.root(), &home, record)?;
        write_json(&record_path(&home, &at.step), record)?;
        // What an earlier make left and this one does not have would only mislead.
        for old in before.iter().flat_map(|r| &r.artifacts) {
            if !record.artifacts.iter().any(|a| a.path == old.path) {
                let _ = std::fs::remove_file(home.join(&old.path));
            }
        }
        Ok(())
    }

    fn record(&self, at: &At) -> Result<Option<StepRecord>, StoreError> {
        Ok(match record_of(&self.root, at)? {
            Standing::Done(record) => Some(*record),
            // It is made again.
            Standing::NotYet | Standing::Unreadable(_) => None,
        })
    }

    fn altered(
        &self,
        at: &At,
        record: &StepRecord,
        verify: Verify,
    ) -> Result<Option<String>, StoreError> {
        Ok(altered_in(&self.home(at), record, verify))
    }

    fn get(&self, id: &str, iteration: u32, path: &str) -> Result<PathBuf, StoreError> {
        let path = iteration_folder(&self.root, id, iteration).join(path);
        match path.exists() {
            true => Ok(path),
            false => Err(StoreError::Gone(path)),
        }
    }

    fn list(&self, row: &str) -> Result<Vec<At>, StoreError> {
        Ok(steps_of(&self.root, row))
    }

    fn forget(&self, at: &At) -> Result<(), StoreError> {
        self.still_ours()?;
        let path = record_path(&self.home(at), &at.step);
        std::fs::remove_file(&path).map_err(|e| StoreError::io(&path, e))
    }

    fn drop_files(&self, at: &At, record: &StepRecord, paths: &[String]) -> Result<(), StoreError> {
        self.still_ours()?;
        let home = self.home(at);
        let path = record_path(&home, &at.step);
        let marked = write_json(&path, record);
        // A full disk has no room for the mark before a file is gone.
        let full = matches!(marked, Err(StoreError::Unwritable { .. }));
        if !full {
            marked?;
        }
        for path in paths {
            let file = home.join(path);
            match std::fs::remove_file(&file) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(StoreError::io(&file, e)),
                _ => {}
            }
            // The folder goes with its last file; one that still holds something stays.
            if let Some(folder) = file.parent().filter(|f| **f != *home) {
                let _ = std::fs::remove_dir(folder);
            }
        }
        if full {
            write_json(&path, record)?;
        }
        Ok(())
    }

    fn move_folder(
        &self,
        id: &str,
        iteration: u32,
        from: &str,
        to: &str,
    ) -> Result<(), StoreError> {
        let home = iteration_folder(&self.root, id, iteration);
        let (from, to) = (home.join(from), home.join(to));
        if !from.exists() || to.exists() {
            return Ok(());
        }
        self.still_ours()?;
        std::fs::rename(&from, &to)
            .and_then(|()| sync_folder(to.parent().unwrap_or(&home)))
            .map_err(|e| StoreError::io(&to, e))
    }

    fn append(&self, lines: &[u8], sync: bool) -> Result<(), StoreError> {
        if sync {
            self.still_ours()?;
        }
        let mut file = held(&self.journal);
        // What a full disk cut off would swallow the next line.
        if self.torn.swap(true, Ordering::Relaxed) {
            file.write_all(b"\n")
                .map_err(|e| StoreError::io(&self.root.join(JOURNAL), e))?;
        }
        file.write_all(lines)
            .and_then(|()| match sync {
                true => file.sync_data(),
                false => Ok(()),
            })
            .map_err(|e| StoreError::io(&self.root.join(JOURNAL), e))?;
        self.torn.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn journal(&self) -> Result<Box<dyn BufRead>, StoreError> {
        read_journal(&self.root)
    }
}

/// The journal of a run folder, which need not be locked; one that is missing is empty.
pub(super) fn read_journal(root: &Path) -> Result<Box<dyn BufRead>, StoreError> {
    let path = root.join(JOURNAL);
    match File::open(&path) {
        Ok(file) => Ok(Box::new(BufReader::with_capacity(1 << 16, file))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Box::new(std::io::empty())),
        Err(e) => Err(StoreError::io(&path, e)),
    }
}

/// Folder of one row's iteration in a run.
pub fn iteration_folder(root: &Path, id: &str, iteration: u32) -> PathBuf {
    root.join("prompts").join(id).join(iteration.to_string())
}

fn record_path(home: &Path, step: &str) -> PathBuf {
    home.join("steps").join(format!("{step}.json"))
}

/// How a step's record is found.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It was never done.
    NotYet,
    /// Its record cannot be read, so that it is made again; why.
    Unreadable(String),
    /// It was done.
    Done(Box<StepRecord>),
}

/// The record of a step of a run folder, which need not be locked.
///
/// # Errors
/// [`StoreError::Newer`].
pub fn record_of(root: &Path, at: &At) -> Result<Standing, StoreError> {
    let path = record_path(&iteration_folder(root, &at.id, at.iteration), &at.step);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Standing::NotYet),
        Err(e) => return Ok(Standing::Unreadable(e.to_string())),
    };
    match artifacts::parse_json(&path, &bytes) {
        Ok(record) => Ok(Standing::Done(Box::new(record))),
        Err(error @ StoreError::Newer { .. }) => Err(error),
        Err(StoreError::Broken { reason, .. }) => Ok(Standing::Unreadable(reason)),
        Err(error) => Ok(Standing::Unreadable(error.to_string())),
    }
}

/// The first file of a record that is missing or not as the step left it, in a run folder that need not be locked.
pub fn altered(root: &Path, at: &At, record: &StepRecord) -> Option<String> {
    let home = iteration_folder(root, &at.id, at.iteration);
    altered_in(&home, record, Verify::Quick)
}

fn altered_in(home: &Path, record: &StepRecord, verify: Verify) -> Option<String> {
    let mut artifacts = record.artifacts.iter();
    let lacking = artifacts.find(|a| !whole(&home.join(&a.path), a, verify));
    lacking.map(|a| a.path.clone())
}

/// The steps of a row that have a record, in the order of rounds and names.
fn steps_of(root: &Path, row: &str) -> Vec<At> {
    let mut steps = Vec::new();
    for round in entries(&root.join("prompts").join(row)) {
        let number = round.file_name().and_then(|n| n.to_str()?.parse().ok());
        let Some(iteration) = number else { continue };
        for record in entries(&round.join("steps")) {
            let json = record.extension().is_some_and(|e| e == "json");
            let step = record.file_stem().and_then(|s| s.to_str()).filter(|_| json);
            steps.extend(
                step.filter(|s| !s.starts_with('.'))
                    .map(|s| At::new(row, iteration, s)),
            );
        }
    }
    steps.sort();
    steps
}

/// Entries of a folder; none where it cannot be listed.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|d| d.flatten().map(|e| e.path()).collect())
        .unwrap_or_default()
}
