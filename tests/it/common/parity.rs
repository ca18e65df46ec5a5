//! One kernel against its twin: buffers made, guarded, compared and read back.
//!
//! Everything a kernel may write lies in garbage, and every buffer is followed by garbage elements: an input's
//! so that a kernel that reads past the end is found out, an output's so that one that writes there is. The twin runs on
//! the same memory, and kernel and twin must agree as the kernel's declaration says.

use sora_director::gpu::shadow::Mode;
use sora_director::gpu::{AnyBuffer, Buffer, Gpu, GpuType, Kernel, Shadow};

use super::{garbage, gpu};

/// Elements past the end of each buffer.
const GUARD: usize = 5;

struct Slot {
    buffer: Box<dyn AnyBuffer>,
    /// Bytes before the guard, and the guard as it was; `None` for an input.
    output: Option<(usize, Vec<u8>)>,
}

/// One dispatch of a kernel, its buffers in the declared order.
pub struct Case<P: GpuType> {
    gpu: Gpu,
    kernel: &'static Kernel,
    params: P,
    slots: Vec<Slot>,
}

/// Params as words, to tell a case by.
fn what<P: GpuType>(params: &P) -> String {
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(bytemuck::bytes_of(params));
    format!("{:?}", &words[..words.len().min(24)])
}

fn bytes<T: GpuType>(gpu: &Gpu, buffer: &Buffer<T>) -> Vec<u8> {
    bytemuck::cast_slice(&gpu.read(buffer).expect("read")).to_vec()
}

impl<P: GpuType> Case<P> {
    /// A dispatch of `kernel` on the tests' GPU.
    pub fn new(kernel: &'static Kernel, params: P) -> Self {
        Self {
            gpu: gpu(),
            kernel,
            params,
            slots: Vec::new(),
        }
    }

    /// Adds a buffer that is only read.
    pub fn input<T: GpuType>(mut self, data: &[T]) -> Self {
        let buffer: Buffer<T> = garbage(&self.gpu, data.len() + GUARD);
        self.gpu.write(&buffer, 0, data).expect("write");
        self.slots.push(Slot {
            buffer: Box::new(buffer),
            output: None,
        });
        self
    }

    /// Adds the whole vectors of four of `data` as a buffer that is only read.
    pub fn quads<T: GpuType>(self, data: &[T]) -> Self {
        let quads: Vec<[u32; 4]> = data
            .chunks_exact(4)
            .map(|quad| bytemuck::pod_read_unaligned(bytemuck::cast_slice(quad)))
            .collect();
        self.input(&quads)
    }

    /// Adds a buffer of `len` elements of garbage that the kernel writes.
    pub fn output<T: GpuType>(self, len: usize) -> Self {
        let buffer: Buffer<T> = garbage(&self.gpu, len + GUARD);
        self.guarded(buffer, len)
    }

    /// Adds a buffer that the kernel reads and writes.
    pub fn update<T: GpuType>(self, data: &[T]) -> Self {
        let buffer: Buffer<T> = garbage(&self.gpu, data.len() + GUARD);
        self.gpu.write(&buffer, 0, data).expect("write");
        self.guarded(buffer, data.len())
    }

    fn guarded<T: GpuType>(mut self, buffer: Buffer<T>, len: usize) -> Self {
        let at = len * size_of::<T>();
        let guard = bytes(&self.gpu, &buffer)[at..].to_vec();
        self.slots.push(Slot {
            buffer: Box::new(buffer),
            output: Some((at, guard)),
        });
        self
    }

    /// Runs `groups` workgroups and answers the written buffers in the declared order.
    ///
    /// # Panics
    /// When the run is refused, the kernel does not agree with its twin, or it wrote past the end of a buffer.
    #[track_caller]
    pub fn run(self, groups: [u32; 3]) -> Outputs {
        let buffers: Vec<&dyn AnyBuffer> = self.slots.iter().map(|s| &*s.buffer).collect();
        let shadow = Shadow::new(Mode::Check);
        let mut recorder = self.gpu.shadowed(&shadow).recorder();
        recorder
            .run(self.kernel, &self.params, &buffers, groups)
            .expect("run");
        recorder.submit().expect("submit");
        for finding in shadow.findings() {
            let stem = self.kernel.stem;
            let fault = finding.fault.map(|fault| fault.words);
            assert!(fault.is_none(), "{stem} {}: {fault:?}", what(&self.params));
        }
        let mut outputs = Vec::new();
        for (slot, binding) in self.slots.iter().zip(self.kernel.bindings) {
            let Some((at, guard)) = &slot.output else {
                continue;
            };
            let mut got = read_raw(&self.gpu, slot.buffer.raw(), at + guard.len());
            assert!(
                got.split_off(*at) == *guard,
                "{} wrote past the end of '{}'",
                self.kernel.stem,
                binding.name
            );
            outputs.push(got);
        }
        Outputs(outputs)
    }
}

/// Reads a buffer whose element type is forgotten.
fn read_raw(gpu: &Gpu, raw: &wgpu::Buffer, len: usize) -> Vec<u8> {
    let staging: Buffer<u32> = gpu.alloc(len.div_ceil(4)).expect("alloc");
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    let size = (len as u64).next_multiple_of(4);
    encoder.copy_buffer_to_buffer(raw, 0, staging.raw(), 0, size);
    gpu.queue().submit([encoder.finish()]);
    let mut got = bytes(gpu, &staging);
    got.truncate(len);
    got
}

/// What a kernel wrote.
pub struct Outputs(Vec<Vec<u8>>);

impl Outputs {
    /// The written buffer at this place among the written ones, without its guard.
    #[track_caller]
    pub fn get<T: GpuType>(&self, at: usize) -> Vec<T> {
        bytemuck::pod_collect_to_vec(&self.0[at])
    }
}
