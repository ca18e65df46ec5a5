//! Time by kernel, from the adapter's own timestamps.
//!
//! Counted for the whole process, over all devices that it opens: a batch opens one a lane, and a fresh one after a
//! loss. A dispatch is timed from the beginning of its compute pass to its end; waits between passes are in none.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use super::Gpu;

/// Dispatches that one query set of a recorder can time.
pub(super) const TIMED: u32 = 1024;

static ON: AtomicBool = AtomicBool::new(false);

/// What one kernel took so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct KernelTime {
    /// Its stem.
    pub kernel: &'static str,
    /// Dispatches.
    pub calls: u64,
    /// Seconds, of all of them.
    pub seconds: f64,
}

fn totals() -> &'static Mutex<BTreeMap<&'static str, KernelTime>> {
    static TOTALS: OnceLock<Mutex<BTreeMap<&'static str, KernelTime>>> = OnceLock::new();
    TOTALS.get_or_init(Mutex::default)
}

/// Times every dispatch from now on, on adapters that have timestamps.
pub fn enable() {
    ON.store(true, Ordering::Release);
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

/// The pairs of timestamps of one submission.
pub(super) struct Timing {
    set: wgpu::QuerySet,
    kernels: Vec<&'static str>,
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

    /// Where the next pass, of `kernel`, writes its two times.
    pub fn pass(&mut self, kernel: &'static str) -> wgpu::ComputePassTimestampWrites<'_> {
        let at = 2 * self.kernels.len() as u32;
        self.kernels.push(kernel);
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
    kernels: Vec<&'static str>,
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
                for (kernel, pair) in self.kernels.iter().zip(ticks.chunks_exact(2)) {
                    let time = totals.entry(kernel).or_default();
                    time.kernel = kernel;
                    time.calls += 1;
                    time.seconds += pair[1].saturating_sub(pair[0]) as f64 * self.period;
                }
            });
    }
}
