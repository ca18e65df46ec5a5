//! A kernel's host declaration, and the pipeline built from it.
//!
//! One kernel = one stem in three places: `kernels/<stem>.wgsl`, the [`Kernel`] static at its host binding,
//! and the CPU twin in `src/<stage>/twins/<name>.rs`, which the static names with how closely it must agree. Bindings are by convention: a uniform struct `Params` at
//! binding 0 of group 0, storage buffers at bindings 1, 2, ... in the declared order, entry point `main`.
//! One test parses every file under `kernels/` with naga and compares it with these declarations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::agree::{Agreement, Scalar};
use super::caps::Tier;
use super::{Gpu, GpuError, Twin};
use crate::hash::sha256_hex;

/// An element type whose bytes the host and WGSL agree on.
pub trait GpuType: bytemuck::Pod {
    /// Field names and byte offsets; empty for scalars and vectors.
    const FIELDS: &'static [(&'static str, usize)] = &[];
    /// What its words hold: runs of one type and their lengths.
    const SCALARS: &'static [(Scalar, usize)];
}

/// Numbers of one type.
pub trait Numbers {
    /// The type.
    const SCALAR: Scalar;
}

impl<T: Numbers, const N: usize> Numbers for [T; N] {
    const SCALAR: Scalar = T::SCALAR;
}

macro_rules! plain {
    ($($t:ty: $scalar:ident),*) => { $(
        impl Numbers for $t {
            const SCALAR: Scalar = Scalar::$scalar;
        }
        plain!(@ $t, [$t; 2], [$t; 4]);
    )* };
    (@ $($t:ty),*) => { $(
        impl GpuType for $t {
            const SCALARS: &'static [(Scalar, usize)] =
                &[(<$t as Numbers>::SCALAR, size_of::<$t>() / 4)];
        }
    )* };
}
plain!(f32: F32, u32: U32, i32: I32);

/// Declares a `#[repr(C)]` Pod struct and the field offsets that the layout test compares with WGSL.
///
/// Fields are `f32`, `u32`, `i32` or `[_; 2]`/`[_; 4]` of them (WGSL `vec2`/`vec4`, which align to their own
/// size), or `[[f32; 4]; N]` (WGSL `array<vec4<f32>, N>`); never `vec3`. Pad by hand to a multiple of the
/// largest alignment, 16 bytes for a uniform.
#[macro_export]
macro_rules! gpu_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty),* }
        impl $crate::gpu::GpuType for $name {
            const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), std::mem::offset_of!($name, $field))),*];
            const SCALARS: &'static [($crate::gpu::agree::Scalar, usize)] =
                &[$((<$ty as $crate::gpu::Numbers>::SCALAR, size_of::<$ty>() / 4)),*];
        }
    };
}

/// How a kernel uses a storage buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    ReadWrite,
}

/// One declared storage binding.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The WGSL variable's name.
    pub name: &'static str,
    /// How it is used.
    pub access: Access,
    /// Bytes of one element.
    pub stride: usize,
    /// The element's fields, empty for scalars and vectors.
    pub fields: &'static [(&'static str, usize)],
    /// What the element's words hold.
    pub scalars: &'static [(Scalar, usize)],
    /// How closely what the kernel writes agrees with what its twin writes.
    pub agrees: Agreement,
}

/// A kernel as the host declares it.
#[derive(Debug)]
pub struct Kernel {
    /// Path under `kernels/` without the extension, such as `motion/flow`.
    pub stem: &'static str,
    /// Shared sources first, the kernel's own last.
    pub sources: &'static [&'static str],
    /// Its CPU twin.
    pub twin: Twin,
    /// What of the device it needs.
    pub needs: Tier,
    /// `@workgroup_size`.
    pub workgroup: [u32; 3],
    /// Bytes of `Params`.
    pub params_size: usize,
    /// Fields of `Params`.
    pub params_fields: &'static [(&'static str, usize)],
    /// Storage buffers at bindings 1, 2, ...
    pub bindings: &'static [Binding],
}

/// Declares a [`Kernel`]:
/// `kernel!("motion/flow", shared ["shared/image"], twin twins::flow::twin, workgroup [8, 8, 1], params FlowParams,
/// bind [read a: f32, write b: [f32; 2] => within(1e-3, 0.0)])`.
/// `needs` before `workgroup` names a [`Tier`], [`Tier::Plain`] where nothing is said. `write` means read and write; behind `=>` stands how closely kernel and twin agree in the words of [`super::agree`],
/// exactly where nothing is said.
#[macro_export]
macro_rules! kernel {
    ($stem:literal, shared [$($shared:literal),* $(,)?], twin $twin:path, $(needs $tier:ident,)? workgroup $wg:expr,
     params $params:ty,
     bind [$($access:ident $name:ident : $ty:ty $(=> $agrees:expr)?),* $(,)?]) => {
        $crate::gpu::Kernel {
            stem: $stem,
            sources: &[
                $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/", $shared, ".wgsl")),)*
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/", $stem, ".wgsl")),
            ],
            twin: $twin,
            needs: $crate::kernel!(@needs $($tier)?),
            workgroup: $wg,
            params_size: size_of::<$params>(),
            params_fields: <$params as $crate::gpu::GpuType>::FIELDS,
            bindings: &[$($crate::gpu::Binding {
                name: stringify!($name),
                access: $crate::kernel!(@access $access),
                stride: size_of::<$ty>(),
                fields: <$ty as $crate::gpu::GpuType>::FIELDS,
                scalars: <$ty as $crate::gpu::GpuType>::SCALARS,
                agrees: $crate::kernel!(@agrees $($agrees)?),
            }),*],
        }
    };
    (@needs) => { $crate::gpu::Tier::Plain };
    (@needs $tier:ident) => { $crate::gpu::Tier::$tier };
    (@access read) => { $crate::gpu::Access::Read };
    (@access write) => { $crate::gpu::Access::ReadWrite };
    (@agrees) => { $crate::gpu::agree::EXACT };
    (@agrees $agrees:expr) => {{
        #[allow(unused_imports, clippy::allow_attributes, clippy::wildcard_imports, reason = "each says what it needs")]
        use $crate::gpu::agree::*;
        $agrees
    }};
}

impl Kernel {
    /// The WGSL text that is compiled: shared sources joined before the kernel's own.
    pub fn source(&self) -> String {
        self.sources.join("\n")
    }

    /// SHA-256 of [`Kernel::source`] in hexadecimal; made once a process, since keys of many rows need it again and
    /// again.
    pub fn sha256(&self) -> &'static str {
        static DIGESTS: Mutex<BTreeMap<&'static str, &'static str>> = Mutex::new(BTreeMap::new());
        let mut digests = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
        digests
            .entry(self.stem)
            .or_insert_with(|| sha256_hex(self.source().as_bytes()).leak())
    }
}

/// One piece of work in several kernels, which give the same results; [`Gpu::variant`] chooses.
#[derive(Clone, Copy, Debug)]
pub struct Variants {
    /// For any device.
    pub plain: &'static Kernel,
    /// For [`Tier::Eight`].
    pub eight: &'static Kernel,
}

/// Workgroups that cover `n` invocations of a 1-D kernel, folded into y past the limit of 65,535 in x.
/// The kernel finds its index as `(wg.y * num_workgroups.x + wg.x) * WORKGROUP + local`.
pub fn groups_1d(n: usize, workgroup: u32) -> [u32; 3] {
    let groups = (n as u64).div_ceil(u64::from(workgroup)).max(1);
    let x = groups.min(65_535);
    [x as u32, groups.div_ceil(x) as u32, 1]
}

/// Workgroups that cover `width` x `height` invocations of a 2-D kernel.
pub fn groups_2d(width: u32, height: u32, workgroup: [u32; 3]) -> [u32; 3] {
    [
        width.div_ceil(workgroup[0]).max(1),
        height.div_ceil(workgroup[1]).max(1),
        1,
    ]
}

pub(super) struct Pipeline {
    pub layout: wgpu::BindGroupLayout,
    pub raw: wgpu::ComputePipeline,
}

impl Gpu {
    pub(super) fn pipeline(&self, kernel: &'static Kernel) -> Result<Arc<Pipeline>, GpuError> {
        if let Ok(map) = self.0.pipelines.lock()
            && let Some(pipeline) = map.get(kernel.stem)
        {
            return Ok(pipeline.clone());
        }
        let device = &self.0.device;
        let pipeline = self.scoped(&format!("kernel '{}'", kernel.stem), || {
            let source = wgpu::ShaderModuleDescriptor {
                label: Some(kernel.stem),
                source: wgpu::ShaderSource::Wgsl(kernel.source().into()),
            };
            // SAFETY: every loop of the kernels under `kernels/` ends; accesses stay checked.
            let module = unsafe {
                device.create_shader_module_trusted(
                    source,
                    wgpu::ShaderRuntimeChecks {
                        force_loop_bounding: false,
                        ..wgpu::ShaderRuntimeChecks::checked()
                    },
                )
            };
            let mut entries = vec![wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: true,
                    min_binding_size: None,
                },
                count: None,
            }];
            entries.extend(kernel.bindings.iter().zip(1..).map(|(b, binding)| {
                wgpu::BindGroupLayoutEntry {
                    binding,
                    visibility: wgpu::ShaderStages::COMPUTE,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Storage {
                            read_only: b.access == Access::Read,
                        },
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                    count: None,
                }
            }));
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(kernel.stem),
                entries: &entries,
            });
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(kernel.stem),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let raw = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(kernel.stem),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: Default::default(),
                cache: self.0.cache.as_ref().map(|cache| &cache.raw),
            });
            Arc::new(Pipeline { layout, raw })
        })?;
        if let Ok(mut map) = self.0.pipelines.lock() {
            map.insert(kernel.stem, pipeline.clone());
        }
        Ok(pipeline)
    }
}
