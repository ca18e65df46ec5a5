//! Memory that comes back: buffers of the same size are handed out again instead of being allocated anew.
//!
//! A batch asks for the same sizes row after row, and fresh memory is dear: the driver maps it and wgpu zeroes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::memory::Counted;
use super::{Buffer, Gpu, GpuError, GpuType};

/// Bytes that may lie idle; what comes back beyond is freed.
const IDLE: u64 = 1 << 30;

#[derive(Debug, Default)]
struct Shelves {
    by_size: HashMap<u64, Vec<(wgpu::Buffer, Arc<Counted>)>>,
    bytes: u64,
}

/// Idle buffers by their size in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Mutex<Shelves>>);

impl Pool {
    fn take(&self, bytes: u64) -> Option<(wgpu::Buffer, Arc<Counted>)> {
        let mut shelves = self.0.lock().ok()?;
        let buffer = shelves.by_size.get_mut(&bytes)?.pop()?;
        shelves.bytes -= bytes;
        Some(buffer)
    }

    fn clear(&self) {
        if let Ok(mut shelves) = self.0.lock() {
            *shelves = Shelves::default();
        }
    }

    fn idle(&self) -> u64 {
        self.0.lock().map_or(0, |shelves| shelves.bytes)
    }
}

/// Gives its buffer back to the pool when the last clone is dropped.
#[derive(Debug)]
pub(super) struct Loan {
    buffer: wgpu::Buffer,
    counted: Arc<Counted>,
    pool: Weak<Mutex<Shelves>>,
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let Ok(mut shelves) = pool.lock() else {
            return;
        };
        let bytes = self.buffer.size();
        if shelves.bytes + bytes <= IDLE {
            shelves.bytes += bytes;
            let shelf = shelves.by_size.entry(bytes).or_default();
            shelf.push((self.buffer.clone(), self.counted.clone()));
        }
    }
}

impl Gpu {
    /// A buffer of `len` elements with anything in it: for what a kernel writes in full before it is read. Its memory
    /// goes back to a pool of this device, to be handed out again, when the last clone is dropped and recorded work that
    /// names it is submitted. What was submitted before stays ahead of what is submitted after, so none is waited for.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn scratch<T: GpuType>(&self, len: usize) -> Result<Buffer<T>, GpuError> {
        let bytes = self.bytes_of::<T>(len)?;
        let pool = &self.0.pool;
        let (buffer, counted) = match pool.take(bytes) {
            Some(both) => both,
            None => (self.create(bytes)?, Counted::new(bytes)),
        };
        let loan = Arc::new(Loan {
            buffer: buffer.clone(),
            counted,
            pool: Arc::downgrade(&pool.0),
        });
        Ok(Buffer::lent(buffer, len, loan))
    }

    /// Frees the pool's idle memory, and what reads back.
    pub fn trim(&self) {
        self.0.pool.clear();
        self.0.readback.clear();
    }

    /// Bytes of the pool's idle memory.
    pub fn idle_bytes(&self) -> u64 {
        self.0.pool.idle()
    }
}
