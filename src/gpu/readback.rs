//! Readback: what the device holds, through mapped memory that is kept, since a driver maps fresh memory page by page.

use std::sync::Mutex;

use super::{Buffer, Gpu, GpuError, GpuType};

/// Bytes of the largest mapped buffer; more is read piece by piece.
const PIECE: u64 = if cfg!(test) { 1 << 20 } else { 32 << 20 };
/// Bytes of the smallest.
const LEAST: u64 = 4 << 10;
/// Mapped buffers that may lie idle.
const IDLE: usize = 4;

/// Idle mapped buffers.
#[derive(Debug, Default)]
pub(super) struct Readback(Mutex<Vec<wgpu::Buffer>>);

impl Readback {
    /// The smallest idle buffer that holds `bytes` and is not far too large.
    fn take(&self, bytes: u64) -> Option<wgpu::Buffer> {
        let mut idle = self.0.lock().ok()?;
        let fits = |b: &wgpu::Buffer| b.size() >= bytes && b.size() <= 16 * bytes.max(LEAST);
        let found = (0..idle.len())
            .filter(|&i| fits(&idle[i]))
            .min_by_key(|&i| idle[i].size())?;
        Some(idle.swap_remove(found))
    }

    fn give(&self, buffer: wgpu::Buffer) {
        let Ok(mut idle) = self.0.lock() else {
            return;
        };
        idle.push(buffer);
        if idle.len() > IDLE {
            idle.remove(0);
        }
    }

    pub fn clear(&self) {
        if let Ok(mut idle) = self.0.lock() {
            idle.clear();
        }
    }
}

impl Gpu {
    /// Reads a whole buffer back. Waits for all work submitted before; never call it in a hot loop. What is larger than 32 MiB
    /// comes in pieces, between which nobody may write to it.
    ///
    /// # Errors
    /// [`GpuError::Lost`], [`GpuError::OutOfMemory`].
    pub fn read<T: GpuType>(&self, buffer: &Buffer<T>) -> Result<Vec<T>, GpuError> {
        self.read_range(buffer, 0, buffer.len())
    }

    /// Reads `count` elements from element `at`, as [`Gpu::read`] does.
    ///
    /// # Errors
    /// As [`Gpu::read`].
    pub fn read_range<T: GpuType>(
        &self,
        buffer: &Buffer<T>,
        at: usize,
        count: usize,
    ) -> Result<Vec<T>, GpuError> {
        self.read_raw(&buffer.raw, (at * size_of::<T>()) as u64, count)
    }

    /// Reads words whose type is forgotten; `bytes` is a multiple of four.
    pub(super) fn read_words(
        &self,
        buffer: &wgpu::Buffer,
        at: u64,
        bytes: u64,
    ) -> Result<Vec<u32>, GpuError> {
        self.read_raw(buffer, at, bytes as usize / 4)
    }

    fn read_raw<T: bytemuck::Pod>(
        &self,
        buffer: &wgpu::Buffer,
        at: u64,
        count: usize,
    ) -> Result<Vec<T>, GpuError> {
        let size = size_of::<T>();
        let piece = PIECE as usize / size;
        let mut data = Vec::with_capacity(count);
        while data.len() < count {
            let bytes = size * piece.min(count - data.len());
            let from = at + (data.len() * size) as u64;
            self.read_piece(buffer, from, bytes as u64, |read| {
                match bytemuck::try_cast_slice(read) {
                    Ok(read) => data.extend_from_slice(read),
                    // Mapped at an address that is odd for the type.
                    Err(_) => data.extend(
                        read.chunks_exact(size)
                            .map(bytemuck::pod_read_unaligned::<T>),
                    ),
                }
            })?;
        }
        Ok(data)
    }

    fn read_piece(
        &self,
        buffer: &wgpu::Buffer,
        at: u64,
        bytes: u64,
        take: impl FnOnce(&[u8]),
    ) -> Result<(), GpuError> {
        let whole = bytes.next_multiple_of(4);
        let staging = match self.0.readback.take(whole) {
            Some(staging) => staging,
            None => self.create_as(&wgpu::BufferDescriptor {
                label: Some("readback"),
                size: whole.next_power_of_two().clamp(LEAST, PIECE),
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            })?,
        };
        self.scoped("reading a buffer", || {
            let mut encoder = self.0.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(buffer, at, &staging, 0, whole);
            self.0.queue.submit([encoder.finish()]);
            staging
                .slice(..whole)
                .map_async(wgpu::MapMode::Read, |_| {});
        })?;
        self.wait()?;
        {
            let view = staging
                .slice(..whole)
                .get_mapped_range()
                .map_err(|error| GpuError::Lost(error.to_string()))?;
            take(&view[..bytes as usize]);
        }
        staging.unmap();
        // One that failed on its way is not kept.
        self.0.readback.give(staging);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::gpu::{AdapterChoice, Gpu};

    use super::{IDLE, LEAST, PIECE};

    crate::gpu_struct! {
        /// Elements of 12 bytes.
        pub struct Three { pub a: u32, pub b: u32, pub c: u32 }
    }

    #[test]
    fn buffers_larger_than_a_piece_come_back_whole_and_mapped_memory_is_kept() {
        let gpu = Gpu::open(&AdapterChoice::Auto).expect("a Vulkan driver; see scripts/setup");
        let idle = || -> Vec<u64> {
            let idle = gpu.0.readback.0.lock().expect("lock");
            idle.iter().map(wgpu::Buffer::size).collect()
        };
        // Elements of 12 bytes, of which no piece holds a whole number; the last piece is short.
        let count = PIECE as usize / 12 + 1000;
        let three = |i: u32| Three {
            a: i,
            b: !i,
            c: i ^ 0x5555,
        };
        let data: Vec<Three> = (0..count as u32).map(three).collect();
        let buffer = gpu.upload(&data).expect("upload");
        assert!(gpu.read(&buffer).expect("read") == data);
        // The short piece has its own, so that a small read holds no large buffer.
        assert_eq!(idle(), [PIECE, 16 << 10]);
        let from = count - 1500;
        assert!(gpu.read_range(&buffer, from, 1200).expect("read") == data[from..from + 1200]);
        assert_eq!(idle(), [PIECE, 16 << 10]);
        assert!(gpu.read_range(&buffer, 7, 1).expect("read") == data[7..8]);
        assert!(gpu.read_range(&buffer, 9, 0).expect("read").is_empty());
        assert_eq!(idle(), [PIECE, 16 << 10]);
        for k in 0..6 {
            let n = (LEAST as usize / 4) << k;
            gpu.read_range(&buffer, 0, n).expect("read");
        }
        assert!(idle().len() <= IDLE);
        gpu.trim();
        assert!(idle().is_empty());
    }
}
