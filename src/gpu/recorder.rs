//! Records dispatches and submits them together.

use std::sync::Arc;

use super::profile::{self, Timing};
use super::{AnyBuffer, Buffer, Gpu, GpuError, GpuType, Kernel};

const ARENA: u64 = 64 * 1024;

/// Where a dispatch takes its workgroup counts from.
#[derive(Clone, Copy)]
enum Groups<'a> {
    Direct([u32; 3]),
    Indirect(&'a Buffer<[u32; 4]>, usize),
}

/// A sequence of dispatches and copies, run in order on [`Recorder::submit`].
///
/// Parameters go through one uniform arena with dynamic offsets; when it is full the recorder submits what
/// it has and goes on, so any number of dispatches may be recorded.
pub struct Recorder {
    gpu: Gpu,
    encoder: Option<wgpu::CommandEncoder>,
    arena: Option<wgpu::Buffer>,
    params: Vec<u8>,
    recorded: u32,
    timing: Option<Timing>,
    /// Keeps pooled memory that the recorded work names.
    held: Vec<Arc<dyn std::any::Any + Send + Sync>>,
}

impl Gpu {
    /// Starts recording.
    pub fn recorder(&self) -> Recorder {
        Recorder {
            gpu: self.clone(),
            encoder: None,
            arena: None,
            params: Vec::new(),
            recorded: 0,
            timing: None,
            held: Vec::new(),
        }
    }
}

impl Recorder {
    /// Records one dispatch of `groups` workgroups. `buffers` are in the order of the declaration.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when params or buffers do not match the declaration.
    pub fn run<P: GpuType>(
        &mut self,
        kernel: &'static Kernel,
        params: &P,
        buffers: &[&dyn AnyBuffer],
        groups: [u32; 3],
    ) -> Result<(), GpuError> {
        let groups = Groups::Direct(groups);
        self.dispatch(kernel, bytemuck::bytes_of(params), buffers, groups)
    }

    /// Records one dispatch whose workgroup counts are the first three words of `args[at]` when it runs, as
    /// [`super::indirect::record_args`] writes them. Counts over the adapter's limit run nothing.
    ///
    /// # Errors
    /// As [`Recorder::run`], and when `at` is past the end of `args`. A kernel that writes `args` is refused when the
    /// work is submitted.
    pub fn run_indirect<P: GpuType>(
        &mut self,
        kernel: &'static Kernel,
        params: &P,
        buffers: &[&dyn AnyBuffer],
        args: &Buffer<[u32; 4]>,
        at: usize,
    ) -> Result<(), GpuError> {
        super::indirect::check("an indirect dispatch", at < args.len())?;
        let groups = Groups::Indirect(args, at);
        self.dispatch(kernel, bytemuck::bytes_of(params), buffers, groups)
    }

    fn dispatch(
        &mut self,
        kernel: &'static Kernel,
        params: &[u8],
        buffers: &[&dyn AnyBuffer],
        groups: Groups<'_>,
    ) -> Result<(), GpuError> {
        let refuse = |reason: String| GpuError::Validation {
            doing: format!("kernel '{}'", kernel.stem),
            reason,
        };
        if params.len() != kernel.params_size {
            return Err(refuse(format!(
                "params of {} bytes, declared {}",
                params.len(),
                kernel.params_size
            )));
        }
        if buffers.len() != kernel.bindings.len() {
            return Err(refuse(format!(
                "{} buffers, declared {}",
                buffers.len(),
                kernel.bindings.len()
            )));
        }
        for (buffer, binding) in buffers.iter().zip(kernel.bindings) {
            if buffer.stride() != binding.stride {
                return Err(refuse(format!(
                    "buffer '{}' has elements of {} bytes, declared {}",
                    binding.name,
                    buffer.stride(),
                    binding.stride
                )));
            }
        }
        let Some(shadow) = self.gpu.1.clone() else {
            return self.record(kernel, params, buffers, groups);
        };
        // Alone: what was recorded before has run, and nothing else runs with it.
        self.flush()?;
        let gpu = self.gpu.clone();
        let counts = match groups {
            Groups::Direct(counts) => counts,
            Groups::Indirect(args, at) => {
                let [x, y, z, _] = gpu.read_range(args, at, 1)?[0];
                [x, y, z]
            }
        };
        shadow.dispatch(&gpu, kernel, params, buffers, counts, || {
            self.record(kernel, params, buffers, groups)?;
            self.flush().map(|_| ())
        })
    }

    fn record(
        &mut self,
        kernel: &'static Kernel,
        params: &[u8],
        buffers: &[&dyn AnyBuffer],
        groups: Groups<'_>,
    ) -> Result<(), GpuError> {
        let pipeline = self.gpu.pipeline(kernel)?;
        let device = self.gpu.0.device.clone();
        let slot = (kernel.params_size.max(16) as u64)
            .next_multiple_of(u64::from(self.gpu.0.caps.params_alignment));
        let full = self.timing.as_ref().is_some_and(Timing::is_full);
        if self.params.len() as u64 + slot > ARENA || full {
            self.flush()?;
        }
        if self.timing.is_none() {
            self.timing = Timing::new(&self.gpu);
        }
        self.held
            .extend(buffers.iter().filter_map(|buffer| buffer.keep()));
        if let Groups::Indirect(args, _) = groups {
            self.held.extend(args.keep());
        }
        let timing = &mut self.timing;
        let arena = self.arena.get_or_insert_with(|| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("params"),
                size: ARENA,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        });
        let offset = self.params.len() as u32;
        self.params.extend_from_slice(params);
        self.params.resize(offset as usize + slot as usize, 0);
        let encoder = self
            .encoder
            .get_or_insert_with(|| device.create_command_encoder(&Default::default()));
        let recorded = &mut self.recorded;
        let bytes = bound(buffers);
        profile::count(bytes);
        self.gpu
            .scoped(&format!("a dispatch of '{}'", kernel.stem), || {
                let mut entries = vec![wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: arena,
                        offset: 0,
                        size: std::num::NonZero::new(kernel.params_size.max(16) as u64),
                    }),
                }];
                entries.extend(
                    buffers
                        .iter()
                        .zip(1..)
                        .map(|(b, binding)| wgpu::BindGroupEntry {
                            binding,
                            resource: b.raw().as_entire_binding(),
                        }),
                );
                let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(kernel.stem),
                    layout: &pipeline.layout,
                    entries: &entries,
                });
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(kernel.stem),
                    timestamp_writes: timing
                        .as_mut()
                        .map(|timing| timing.pass(kernel.stem, bytes)),
                });
                pass.set_pipeline(&pipeline.raw);
                pass.set_bind_group(0, &group, &[offset]);
                match groups {
                    Groups::Direct([x, y, z]) => pass.dispatch_workgroups(x, y, z),
                    Groups::Indirect(args, at) => {
                        pass.dispatch_workgroups_indirect(args.raw(), 16 * at as u64);
                    }
                }
                *recorded += 1;
            })
    }

    /// Copies `count` elements between buffers, in order with the dispatches.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when it does not fit.
    pub fn copy<T: GpuType>(
        &mut self,
        from: &Buffer<T>,
        from_at: usize,
        to: &Buffer<T>,
        to_at: usize,
        count: usize,
    ) -> Result<(), GpuError> {
        let gpu = self.gpu.clone();
        self.held.extend(from.keep().into_iter().chain(to.keep()));
        let encoder = self
            .encoder
            .get_or_insert_with(|| gpu.0.device.create_command_encoder(&Default::default()));
        let size = size_of::<T>();
        profile::count(2 * (count * size) as u64);
        gpu.scoped("a copy", || {
            encoder.copy_buffer_to_buffer(
                from.raw(),
                (from_at * size) as u64,
                to.raw(),
                (to_at * size) as u64,
                (count * size) as u64,
            );
        })
    }

    /// Zeroes a whole buffer, in order with the dispatches.
    ///
    /// # Errors
    /// [`GpuError::Validation`].
    pub fn clear<T: GpuType>(&mut self, buffer: &Buffer<T>) -> Result<(), GpuError> {
        let gpu = self.gpu.clone();
        self.held.extend(buffer.keep());
        let encoder = self
            .encoder
            .get_or_insert_with(|| gpu.0.device.create_command_encoder(&Default::default()));
        profile::count(buffer.raw().size());
        gpu.scoped("a clear", || encoder.clear_buffer(buffer.raw(), 0, None))
    }

    /// Submits what was recorded; does not wait. The recorder can go on recording.
    ///
    /// # Errors
    /// [`GpuError::Validation`], [`GpuError::OutOfMemory`], [`GpuError::Lost`].
    pub fn submit(&mut self) -> Result<(), GpuError> {
        self.flush().map(|_| ())
    }

    /// As [`Recorder::submit`], and says what to wait for; `None` when nothing was recorded.
    pub(super) fn submit_indexed(&mut self) -> Result<Option<wgpu::SubmissionIndex>, GpuError> {
        self.flush()
    }

    fn flush(&mut self) -> Result<Option<wgpu::SubmissionIndex>, GpuError> {
        let Some(mut encoder) = self.encoder.take() else {
            return Ok(None);
        };
        let arena = self.arena.take();
        let params = std::mem::take(&mut self.params);
        let recorded = std::mem::take(&mut self.recorded);
        let timing = self.timing.take();
        // Given back when this returns, after the submission.
        let _held = std::mem::take(&mut self.held);
        self.gpu
            .scoped(&format!("a submission of {recorded} dispatches"), || {
                if let Some(arena) = &arena
                    && !params.is_empty()
                {
                    self.gpu.0.queue.write_buffer(arena, 0, &params);
                }
                let times = timing.map(|timing| timing.resolve(&self.gpu, &mut encoder));
                let index = self.gpu.0.queue.submit([encoder.finish()]);
                if let Some(times) = times {
                    times.arm();
                }
                Some(index)
            })
    }
}

/// Bytes of the buffers, one that is bound several times counted once.
pub(super) fn bound(buffers: &[&dyn AnyBuffer]) -> u64 {
    let first = |i: usize| !buffers[..i].iter().any(|b| b.raw() == buffers[i].raw());
    (0..buffers.len())
        .filter(|&i| first(i))
        .map(|i| buffers[i].raw().size())
        .sum()
}
