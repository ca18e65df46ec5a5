//! Bytes of device buffers that are alive, counted for the whole process, over all devices that it opens.
//!
//! Buffers count from [`Gpu::alloc`](super::Gpu::alloc), [`Gpu::upload`](super::Gpu::upload) and
//! [`Gpu::scratch`](super::Gpu::scratch) until their last clone is dropped, those of the pool while they lie idle too. What
//! the driver keeps for itself, mapped memory and readbacks are not in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static ALIVE: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

/// Bytes that are alive now.
pub fn alive() -> u64 {
    ALIVE.load(Ordering::Relaxed)
}

/// The most bytes that were alive at once since [`reset_peak`].
pub fn peak() -> u64 {
    PEAK.load(Ordering::Relaxed)
}

/// Starts the peak anew, at what is alive now.
pub fn reset_peak() {
    PEAK.store(alive(), Ordering::Relaxed);
}

/// The bytes of one buffer, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(u64);

impl Counted {
    pub fn new(bytes: u64) -> Arc<Self> {
        let now = ALIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        PEAK.fetch_max(now, Ordering::Relaxed);
        Arc::new(Self(bytes))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(self.0, Ordering::Relaxed);
    }
}
