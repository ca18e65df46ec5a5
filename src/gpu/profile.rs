//! Time by kernel, from the adapter's own timestamps.
//!
//! Counted for the whole process, over all devices that it opens: a batch opens one a lane, and a fresh one after a
//! loss. A dispatch is timed from the beginning of its compute pass to its end; waits between passes are in none.
//!
//! Beside the time stand the bytes of the buffers that each dispatch binds, each buffer once: about the most that it has
//! to move where it touches all of them once. A kernel that reads only a part of a buffer moves less, one that works in
//! place or comes back to what it read may move more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use super::Gpu;

/// Dispatches that one query set of a recorder can time.
pub(super) const TIMED: u32 = 1024;

static ON: AtomicBool = AtomicBool::new(false);
/// Bytes of dispatches, copies and clears that were recorded.
static BYTES: AtomicU64 = AtomicU64::new(0);

/// What one kernel took so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct KernelTime {
    /// Its stem.
    pub kernel: &'static str,
    /// Dispatches.
    pub calls: u64,
    /// Seconds, of all of them.
    pub seconds: f64,
    /// Bytes of the buffers that they bound, each buffer once a dispatch.
    pub bytes: u64,
}

fn totals() -> &'static Mutex<BTreeMap<&'static str, KernelTime>> {
    static TOTALS: OnceLock<Mutex<BTreeMap<&'static str, KernelTime>>> = OnceLock::new();
    TOTALS.get_or_init(Mutex::default)
}

/// Times every dispatch from now on, on adapters that have timestamps.
pub fn enable() {
    ON.store(true, Ordering::Release);
}

/// Times no dispatch that is recorded from now on.
pub fn disable() {
    ON.store(false, Ordering::Release);
}

/// Bytes that were recorded to be moved since the process began: buffers that dispatches bind (see [`KernelTime::bytes`]),
/// copies (what they read and what they write), clears. Also where nothing is timed.
pub fn bytes() -> u64 {
    BYTES.load(Ordering::Relaxed)
}

pub(super) fn count(bytes: u64) {
    BYTES.fetch_add(bytes, Ordering::Relaxed);
}

/// Whether dispatches are timed.
pub fn enabled() -> bool {
    ON.load(Ordering::Acquire)
}

/// What each kernel took, longest first. Dispatches count once the device has done them and a wait or a readback has
/// seen it.
pub fn times() -> Vec<KernelTime> {
    let mut times: Vec<_> = totals()
        .lock()
        .map(|totals| totals.values().copied().collect())
        .unwrap_or_default();
    times.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    times
}

/// What each kernel took since [`times`] answered `before`, longest first; none of those that did nothing since.
pub fn since(before: &[KernelTime]) -> Vec<KernelTime> {
    let mut times = times();
    for time in &mut times {
        if let Some(then) = before.iter().find(|then| then.kernel == time.kernel) {
            time.calls -= then.calls;
            time.seconds -= then.seconds;
            time.bytes -= then.bytes;
        }
    }
    times.retain(|time| time.calls > 0);
    times.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    times
}

/// The pairs of timestamps of one submission.
pub(super) struct Timing {
    set: wgpu::QuerySet,
    /// Stem and bytes.
    kernels: Vec<(&'static str, u64)>,
}

impl Timing {
    /// An empty one; `None` where nothing is timed.
    pub fn new(gpu: &Gpu) -> Option<Self> {
        (enabled() && gpu.caps().timestamps).then(|| Self {
            set: gpu.0.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("profile"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * TIMED,
            }),
            kernels: Vec::new(),
        })
    }

    pub fn is_full(&self) -> bool {
        self.kernels.len() == TIMED as usize
    }

    /// Where the next pass, of `kernel` with buffers of `bytes`, writes its two times.
    pub fn pass(
        &mut self,
        kernel: &'static str,
        bytes: u64,
    ) -> wgpu::ComputePassTimestampWrites<'_> {
        let at = 2 * self.kernels.len() as u32;
        self.kernels.push((kernel, bytes));
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(at),
            end_of_pass_write_index: Some(at + 1),
        }
    }

    /// Records the readback at the end of the submission. Call [`Readback::arm`] after it was submitted.
    pub fn resolve(self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder) -> Readback {
        let count = 2 * self.kernels.len() as u32;
        let size = u64::from(count) * 8;
        let buffer = |usage| {
            gpu.0.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("profile"),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let mapped = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        encoder.resolve_query_set(&self.set, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &mapped, 0, size);
        Readback {
            mapped,
            kernels: self.kernels,
            period: f64::from(gpu.0.queue.get_timestamp_period()) * 1e-9,
        }
    }
}

/// Timestamps on their way to the host.
pub(super) struct Readback {
    mapped: wgpu::Buffer,
    kernels: Vec<(&'static str, u64)>,
    /// Seconds of one tick.
    period: f64,
}

impl Readback {
    /// Adds the times up as soon as a poll sees the submission done.
    pub fn arm(self) {
        let buffer = self.mapped.clone();
        self.mapped
            .map_async(wgpu::MapMode::Read, .., move |mapped| {
                if mapped.is_err() {
                    return;
                }
                let Ok(view) = buffer.get_mapped_range(..) else {
                    return;
                };
                let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&view[..]);
                let Ok(mut totals) = totals().lock() else {
                    return;
                };
                for ((kernel, bytes), pair) in self.kernels.iter().zip(ticks.chunks_exact(2)) {
                    let time = totals.entry(kernel).or_default();
                    time.kernel = kernel;
                    time.calls += 1;
                    time.bytes += bytes;
                    time.seconds += pair[1].saturating_sub(pair[0]) as f64 * self.period;
                }
            });
    }
}
