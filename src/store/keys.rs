//! Keys of steps: a hash over everything that the result depends on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::gpu::Kernel;
use crate::hash::hex;

/// SHA-256 in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key(pub String);

/// Collects what a step depends on; each part is length-prefixed, so that no two lists of parts collide.
#[derive(Clone)]
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Starts with the step's name and its stage's version.
    pub fn new(step: &str, version: u32) -> Self {
        Self(Sha256::new())
            .bytes(step.as_bytes())
            .bytes(&version.to_le_bytes())
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a value by its JSON.
    #[must_use]
    pub fn value(self, value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).unwrap_or_default();
        self.bytes(&json)
    }

    /// Adds the key of a step before this one.
    #[must_use]
    pub fn after(self, key: &Key) -> Self {
        self.bytes(key.0.as_bytes())
    }

    /// Adds kernel sources.
    #[must_use]
    pub fn kernels(mut self, kernels: &[&Kernel]) -> Self {
        for kernel in kernels {
            self = self.bytes(&digest(kernel));
        }
        self
    }

    /// Adds a file's content, or of a folder the names, sizes and times of its files; hidden ones and the folders of
    /// runs are left out. Only inputs are read here: one that cannot be read is its row's fault, never the run's.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn path(mut self, path: &Path) -> Result<Self, StoreError> {
        let io = |e: std::io::Error| StoreError::Io {
            path: path.to_owned(),
            reason: format!("the input cannot be read: {e}"),
        };
        if path.is_dir() {
            let mut files = Vec::new();
            list(path, &mut files).map_err(io)?;
            files.sort();
            for file in files {
                let meta = file.metadata().map_err(io)?;
                let modified = meta
                    .modified()
                    .ok()
                    .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
                let line = format!("{}\0{}\0{:?}", file.display(), meta.len(), modified);
                self = self.bytes(line.as_bytes());
            }
            Ok(self)
        } else {
            let hash = digest_of(path).map_err(io)?;
            Ok(self.bytes(hash.as_bytes()))
        }
    }

    /// The key.
    pub fn finish(self) -> Key {
        Key(hex(&self.0.finalize()))
    }
}

/// SHA-256 of a kernel's source, made once a process: keys of many rows need it again and again.
fn digest(kernel: &Kernel) -> [u8; 32] {
    static DIGESTS: Mutex<BTreeMap<&'static str, [u8; 32]>> = Mutex::new(BTreeMap::new());
    let mut digests = DIGESTS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    *digests
        .entry(kernel.stem)
        .or_insert_with(|| Sha256::digest(kernel.source().as_bytes()).into())
}

fn list(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            if !path.join("run.toml").exists() {
                list(&path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// SHA-256 of a file's content in hexadecimal.
pub(super) fn sha256_file(path: &Path) -> Result<String, StoreError> {
    digest_of(path).map_err(|e| StoreError::io(path, e))
}

fn digest_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut HashWriter(&mut hash))?;
    Ok(hex(&hash.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
