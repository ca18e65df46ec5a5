//! Compiled pipelines on disk, for drivers that hand them out, so that the next start need not compile.

use std::path::{Path, PathBuf};

/// Where compiled pipelines are kept.
fn folder() -> Option<PathBuf> {
    Some(crate::files::cache()?.join("pipelines"))
}

/// The pipelines of one device, and the file they are kept in.
pub(super) struct Cache {
    pub raw: wgpu::PipelineCache,
    file: PathBuf,
    /// What was read.
    read: Vec<u8>,
}

impl Cache {
    /// What is kept for this adapter; `None` where the driver or the file system has no place for it.
    pub fn open(adapter: &wgpu::Adapter, device: &wgpu::Device) -> Option<Self> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let key = wgpu::util::pipeline_cache_key(&adapter.get_info())?;
        Self::at(folder()?.join(key), device)
    }

    fn at(file: PathBuf, device: &wgpu::Device) -> Option<Self> {
        // A cache that cannot be read is one that is not there.
        let read = std::fs::read(&file).unwrap_or_default();
        // SAFETY: only `save` writes this file, whole, with what `get_data` gave; wgpu checks its header against the
        // device and the driver, and `fallback` starts empty where they differ.
        let raw = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("pipelines"),
                data: (!read.is_empty()).then_some(&read[..]),
                fallback: true,
            })
        };
        Some(Self { raw, file, read })
    }

    /// Writes the pipelines, old and new, where they differ from what was read. Nothing is lost when it fails.
    pub fn save(&self) {
        let Some(data) = self.raw.get_data() else {
            return;
        };
        if data != self.read
            && let Err(error) = write(&self.file, &data)
        {
            tracing::debug!(file = %self.file.display(), %error, "compiled pipelines are not kept");
        }
    }
}

fn write(file: &Path, data: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Processes, and devices of one, may write at once.
    crate::files::write_shared(file, data)
}

#[cfg(test)]
mod tests {
    use super::Cache;
    use crate::gpu::{AdapterChoice, Gpu};

    #[test]
    fn a_damaged_file_counts_as_none_and_is_written_anew() {
        let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
        if gpu.0.cache.is_none() {
            eprintln!("skipped: the driver hands out no pipelines");
            return;
        }
        let folder = tempfile::tempdir().expect("tempdir");
        let file = folder.path().join("made/on/demand");
        let open = || Cache::at(file.clone(), gpu.device()).expect("cache");
        open().save();
        let whole = std::fs::read(&file).expect("written");
        assert!(!whole.is_empty());
        for damaged in [&b"no pipelines"[..], &whole[..whole.len() / 2]] {
            std::fs::write(&file, damaged).expect("damage");
            open().save();
            assert_eq!(std::fs::read(&file).expect("read"), whole);
        }
        let beside = std::fs::read_dir(file.parent().expect("folder")).expect("list");
        assert_eq!(beside.count(), 1, "no part is left");
    }
}
