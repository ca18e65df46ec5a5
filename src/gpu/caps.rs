//! What a device can do, asked once, and what kernels it is given by that. No stage asks the adapter itself.

use std::sync::OnceLock;

use super::{AdapterSummary, Gpu, GpuError, Kernel, Variants};

/// What kernels may count on; each tier holds what those before it hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// No subgroup operations.
    Plain,
    /// Eight lanes of a workgroup in a row lie in one subgroup, in order, so that they can give one another values.
    Eight,
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Eight => "eight",
        })
    }
}

/// How much of an adapter's limits a device is opened with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// All of them.
    #[default]
    Adapter,
    /// Those of a small device: bindings of at most so many bytes, 20 KiB of workgroup memory, no subgroups, no memory
    /// that host and device share. To see that what comes is the same.
    Low(u32),
}

impl std::str::FromStr for Limits {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "adapter" => Ok(Self::Adapter),
            "low" => Ok(Self::Low(LOW)),
            _ => Err(format!("'{text}' is not one of adapter, low")),
        }
    }
}

impl std::fmt::Display for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Adapter => "adapter",
            Self::Low(_) => "low",
        })
    }
}

impl Limits {
    /// Whose limit it is that was met, in words.
    pub fn whose(self) -> &'static str {
        match self {
            Self::Adapter => "this adapter's limit",
            Self::Low(_) => "the limit of --limits low",
        }
    }
}

/// Bytes of the largest binding of low limits.
pub const LOW: u32 = 16 << 20;

static LIMITS: OnceLock<Limits> = OnceLock::new();

/// Sets the limits of every device that this process opens from now on; the first call holds.
pub fn limit(limits: Limits) {
    let _ = LIMITS.set(limits);
}

/// What [`limit`] said.
pub fn limits() -> Limits {
    LIMITS.get().copied().unwrap_or_default()
}

/// What an open device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// How much of the adapter's limits was asked for.
    pub limits: Limits,
    /// Bytes of the largest buffer that a kernel can be given.
    pub binding: u64,
    /// Most workgroups along one dimension.
    pub workgroups: u32,
    /// The device is the host's own cores.
    pub software: bool,
    /// Host and device share their memory, and mapped buffers can be bound.
    pub shared_memory: bool,
    /// Dispatches can be timed.
    pub timestamps: bool,
    /// Bytes between two params in one buffer.
    pub params_alignment: u32,
}

impl Limits {
    pub(super) fn of(self, adapter: &wgpu::Adapter) -> (wgpu::Features, wgpu::Limits) {
        let mut features = adapter.features()
            & (wgpu::Features::SUBGROUP
                | wgpu::Features::SHADER_FLOAT32_ATOMIC
                | wgpu::Features::TIMESTAMP_QUERY
                | wgpu::Features::PIPELINE_CACHE
                | wgpu::Features::MAPPABLE_PRIMARY_BUFFERS
                | wgpu::Features::VULKAN_EXTERNAL_MEMORY_FD);
        let mut limits = adapter.limits();
        if let Self::Low(bytes) = self {
            features.remove(wgpu::Features::SUBGROUP | wgpu::Features::MAPPABLE_PRIMARY_BUFFERS);
            let binding = &mut limits.max_storage_buffer_binding_size;
            *binding = u64::from(bytes).min(*binding);
            let memory = &mut limits.max_compute_workgroup_storage_size;
            *memory = (20 << 10).min(*memory);
        }
        (features, limits)
    }
}

impl Caps {
    pub(super) fn of(device: &wgpu::Device, summary: &AdapterSummary, asked: Limits) -> Self {
        let limits = device.limits();
        let mappable = wgpu::Features::MAPPABLE_PRIMARY_BUFFERS;
        Self {
            limits: asked,
            binding: limits
                .max_storage_buffer_binding_size
                .min(limits.max_buffer_size),
            workgroups: limits.max_compute_workgroups_per_dimension,
            software: summary.kind == "software",
            shared_memory: device.features().contains(mappable)
                && matches!(summary.kind, "software" | "integrated"),
            timestamps: summary.timestamps,
            params_alignment: limits.min_uniform_buffer_offset_alignment,
        }
    }

    /// Elements of `T` of the largest buffer that a kernel can be given.
    pub fn most<T>(&self) -> usize {
        // Kernels index by 32 bits.
        (self.binding / size_of::<T>() as u64).min(u64::from(u32::MAX) / 2) as usize
    }
}

crate::gpu_struct! {
    /// Params of `gpu/eights`.
    pub struct EightsParams {
        /// Invocations that write.
        pub n: u32,
        /// Padding.
        pub pad: u32,
        /// Padding.
        pub pad2: [u32; 2],
    }
}

/// `gpu/eights`: whether lanes can give one another values in eights.
pub static EIGHTS: Kernel = crate::kernel!(
    "gpu/eights", shared [], twin crate::gpu::twins::eights::twin, needs Eight,
    workgroup [32, 1, 1], params EightsParams,
    bind [write found: u32]
);

/// Invocations that look, some workgroups full.
const LOOK: usize = 256;

impl Gpu {
    /// What the device can do.
    pub fn caps(&self) -> &Caps {
        &self.0.caps
    }

    /// What kernels may count on here. Found out once a device: by its word first, then, since the order of lanes is
    /// promised by no standard, by looking.
    ///
    /// # Errors
    /// Those of a dispatch.
    pub fn tier(&self) -> Result<Tier, GpuError> {
        if let Some(tier) = self.2 {
            return Ok(tier);
        }
        if let Some(tier) = self.0.tier.get() {
            return Ok(*tier);
        }
        let subgroups = self.device().features().contains(wgpu::Features::SUBGROUP);
        let tier = match subgroups && self.summary().subgroup_sizes[0] >= 8 {
            true => match self.has_eights() {
                Ok(true) => Tier::Eight,
                // A driver that refuses to look may still run the kernels that need nothing.
                Ok(false) | Err(GpuError::Validation { .. }) => Tier::Plain,
                Err(error) => return Err(error),
            },
            false => Tier::Plain,
        };
        Ok(*self.0.tier.get_or_init(|| tier))
    }

    fn has_eights(&self) -> Result<bool, GpuError> {
        // The handle without a shadow: this is no part of what is watched.
        let gpu = Self(self.0.clone(), None, None);
        let found = gpu.alloc::<u32>(LOOK)?;
        let params = EightsParams {
            n: LOOK as u32,
            ..Default::default()
        };
        let mut recorder = gpu.recorder();
        let groups = super::groups_1d(LOOK, EIGHTS.workgroup[0]);
        recorder.run(&EIGHTS, &params, &[&found], groups)?;
        recorder.submit()?;
        Ok(gpu.read(&found)?.iter().all(|&good| good == 1))
    }

    /// This device, given no more than kernels of `tier`, which it must have.
    #[must_use]
    pub fn at_tier(&self, tier: Tier) -> Self {
        Self(self.0.clone(), self.1.clone(), Some(tier))
    }

    /// The kernel of several that this device runs best.
    ///
    /// # Errors
    /// As [`Gpu::tier`].
    pub fn variant(&self, variants: &Variants) -> Result<&'static Kernel, GpuError> {
        Ok(match self.tier()? {
            Tier::Plain => variants.plain,
            Tier::Eight => variants.eight,
        })
    }
}
