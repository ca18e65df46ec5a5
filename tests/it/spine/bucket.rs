//! A store like a bucket of objects, in memory: no renames, no locks, only whole objects and conditional puts. It is
//! what the contract must be possible with; its copies of files on this machine are a cache.

use std::collections::BTreeMap;
use std::io::{BufRead, Cursor};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use sora_director::store::{
    At, Claim, Scratch, StepRecord, Store, StoreError, Verify, iteration_folder,
};

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// One process's hold on the bucket.
#[derive(Debug)]
pub struct Bucket {
    objects: Objects,
    cache: tempfile::TempDir,
    me: u32,
    /// Puts until the process dies.
    pub lives: AtomicU32,
}

static NEXT: AtomicU32 = AtomicU32::new(1);

fn record_key(at: &At) -> String {
    format!("steps/{}/{}/{}", at.id, at.iteration, at.step)
}

fn blob_key(record: &StepRecord, path: &str) -> String {
    format!("blobs/{}/{path}", record.attempt)
}

impl Bucket {
    pub fn over(objects: &Objects) -> Self {
        Self {
            objects: objects.clone(),
            cache: tempfile::tempdir().expect("tempdir"),
            me: NEXT.fetch_add(1, Ordering::Relaxed),
            lives: AtomicU32::new(u32::MAX),
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().expect("objects")
    }

    fn put(&self, key: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        if self.lives.load(Ordering::Relaxed) == 0 {
            return Err(StoreError::Missing("killed".into()));
        }
        self.lives.fetch_sub(1, Ordering::Relaxed);
        self.all().insert(key, bytes);
        Ok(())
    }

    fn lost(&self) -> StoreError {
        StoreError::ClaimLost {
            path: self.root().to_owned(),
        }
    }
}

impl Store for Bucket {
    fn root(&self) -> &Path {
        self.cache.path()
    }

    fn claim(&self, row: &str) -> Result<Claim, StoreError> {
        let key = format!("claims/{row}");
        let mut objects = self.all();
        if objects.contains_key(&key) {
            return Err(StoreError::Claimed {
                path: self.root().to_owned(),
                row: row.to_owned(),
            });
        }
        let mine = self.me.to_string().into_bytes();
        objects.insert(key.clone(), mine.clone());
        let all = self.objects.clone();
        Ok(Claim::new(move || {
            let mut objects = all.lock().expect("objects");
            if objects.get(&key) == Some(&mine) {
                objects.remove(&key);
            }
        }))
    }

    fn begin(&self, _at: &At) -> Result<Scratch, StoreError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = self
            .root()
            .join("tmp")
            .join(format!("{}-{number}", self.me));
        std::fs::create_dir_all(&folder).expect("scratch");
        Ok(Scratch::at(folder))
    }

    fn finish(
        &self,
        at: &At,
        scratch: &Scratch,
        record: &StepRecord,
        _before: Option<&StepRecord>,
    ) -> Result<(), StoreError> {
        for artifact in &record.artifacts {
            let bytes = std::fs::read(scratch.root().join(&artifact.path)).expect("artifact");
            self.put(blob_key(record, &artifact.path), bytes)?;
        }
        let holder = self.all().get(&format!("claims/{}", at.id)).cloned();
        if holder.is_some_and(|holder| holder != self.me.to_string().as_bytes()) {
            return Err(self.lost());
        }
        let record = serde_json::to_vec(record).expect("json");
        self.put(record_key(at), record)
    }

    fn record(&self, at: &At) -> Result<Option<StepRecord>, StoreError> {
        let bytes = self.all().get(&record_key(at)).cloned();
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn altered(
        &self,
        _at: &At,
        record: &StepRecord,
        _verify: Verify,
    ) -> Result<Option<String>, StoreError> {
        let objects = self.all();
        let there = |path: &str, bytes: u64| {
            let blob = objects.get(&blob_key(record, path));
            blob.is_some_and(|b| b.len() as u64 == bytes)
        };
        let mut artifacts = record.artifacts.iter();
        let lacking = artifacts.find(|a| !a.dropped && !there(&a.path, a.bytes));
        Ok(lacking.map(|a| a.path.clone()))
    }

    fn get(&self, id: &str, iteration: u32, path: &str) -> Result<PathBuf, StoreError> {
        let local = iteration_folder(self.root(), id, iteration).join(path);
        for at in self.list(id)?.iter().filter(|at| at.iteration == iteration) {
            let record = self.record(at)?.expect("listed");
            let blob = self.all().get(&blob_key(&record, path)).cloned();
            if let (true, Some(blob)) = (record.artifacts.iter().any(|a| a.path == path), blob) {
                std::fs::create_dir_all(local.parent().expect("folder")).expect("cache");
                std::fs::write(&local, blob).expect("cache");
                return Ok(local);
            }
        }
        Err(StoreError::Gone(local))
    }

    fn list(&self, row: &str) -> Result<Vec<At>, StoreError> {
        let objects = self.all();
        let prefix = format!("steps/{row}/");
        let keys = objects.keys().filter_map(|key| key.strip_prefix(&prefix));
        let at = |key: &str| {
            let (iteration, step) = key.split_once('/').expect("key");
            At::new(row, iteration.parse().expect("number"), step)
        };
        let mut found: Vec<At> = keys.map(at).collect();
        found.sort();
        Ok(found)
    }

    fn forget(&self, at: &At) -> Result<(), StoreError> {
        self.all().remove(&record_key(at));
        Ok(())
    }

    fn drop_files(&self, at: &At, record: &StepRecord, paths: &[String]) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(record).expect("json");
        self.put(record_key(at), bytes)?;
        let mut objects = self.all();
        for path in paths {
            objects.remove(&blob_key(record, path));
        }
        Ok(())
    }

    /// What was paid for is never written over here: each attempt has keys of its own.
    fn move_folder(&self, _: &str, _: u32, _: &str, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn append(&self, lines: &[u8], _sync: bool) -> Result<(), StoreError> {
        let mut objects = self.all();
        objects.entry("journal".into()).or_default().extend(lines);
        Ok(())
    }

    fn journal(&self) -> Result<Box<dyn BufRead>, StoreError> {
        let bytes = self.all().get("journal").cloned().unwrap_or_default();
        Ok(Box::new(Cursor::new(bytes)))
    }
}
