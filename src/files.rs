//! Files that are whole or not there: temporary name, fsync, rename; and where such are kept.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where what can be had again is kept: `$DIRECTOR_CACHE`, else `$XDG_CACHE_HOME/sora-director`, else `~/.cache/sora-director`; `None`
/// where none of them is set.
pub fn cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("DIRECTOR_CACHE").map(PathBuf::from).or_else(|| {
        let cache = set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))?;
        Some(cache.join("sora-director"))
    })
}

/// Writes a file so that it is either the old or the new one, whatever happens. Its folder must be there, and one process
/// at a time may write it.
///
/// # Errors
/// The system's.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Always the same name: what a kill leaves is written over, not piled up.
    write_by(path, &path.with_file_name(format!(".{name}.tmp")), bytes)
}

/// As [`write_atomic`], also where several processes or threads may write it at once: each renames a file of its own.
///
/// # Errors
/// The system's.
pub fn write_shared(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let part = path.with_extension(format!("{}.{count}.part", std::process::id()));
    write_by(path, &part, bytes)
}

fn write_by(path: &Path, temporary: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder_of(path);
    let write = || {
        let mut file = File::create(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(temporary, path)?;
        sync_folder(folder)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(temporary);
    })
}

/// The folder that a file lies in; the current one of a name alone.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes renames inside a folder durable.
///
/// # Errors
/// The system's.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::write_atomic;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("a.txt");
        for text in ["one", "two"] {
            write_atomic(&path, text.as_bytes()).expect("write");
            assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
        }
        // A folder stands in the way.
        std::fs::create_dir(folder.path().join("b")).expect("folder");
        std::fs::write(folder.path().join("b/c"), "").expect("write");
        write_atomic(&folder.path().join("b"), b"x").expect_err("a folder");
        let beside = std::fs::read_dir(folder.path()).expect("list");
        assert_eq!(beside.count(), 2);
    }
}
