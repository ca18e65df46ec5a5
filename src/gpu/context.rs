//! The context: an adapter, its device and queue, and the pipelines built so far.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::caps::{self, Caps, Limits, Tier};
use super::{GpuError, Kernel};

/// Which adapter to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// Discrete first, then integrated, virtual, software.
    #[default]
    Auto,
    /// The adapter at this place in [`adapters`].
    Index(usize),
    /// The first adapter whose name contains this text, letter case ignored.
    Name(String),
}

impl AdapterChoice {
    /// The adapters of a list such as `0,1`: one lane each. One name, or `auto`, is one adapter.
    pub fn list(text: &str) -> Vec<Self> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        // Names may hold commas; only indices are a list.
        if parts.len() > 1 && parts.iter().all(|p| p.parse::<usize>().is_ok()) {
            return parts
                .iter()
                .filter_map(|p| p.parse().ok())
                .map(Self::Index)
                .collect();
        }
        text.parse().into_iter().collect()
    }
}

impl std::str::FromStr for AdapterChoice {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse::<usize>() {
            Ok(index) => Self::Index(index),
            Err(_) if text.is_empty() || text == "auto" => Self::Auto,
            Err(_) => Self::Name(text.to_owned()),
        })
    }
}

impl std::fmt::Display for AdapterChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Index(index) => write!(f, "{index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// One adapter as people see it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AdapterSummary {
    /// Name from the driver.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// `vulkan`, `metal`, `dx12`, ...
    pub backend: String,
    /// Driver name and version.
    pub driver: String,
    /// Largest storage binding in bytes.
    pub max_binding: u64,
    /// Most workgroup memory of a kernel in bytes.
    pub max_workgroup_memory: u32,
    /// Subgroup operations are there.
    pub subgroups: bool,
    /// Lanes of the smallest and the largest subgroup.
    pub subgroup_sizes: [u32; 2],
    /// Native f32 atomic add is there.
    pub float_atomics: bool,
    /// Timestamp queries are there.
    pub timestamps: bool,
}

pub(super) struct Shared {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub summary: AdapterSummary,
    pub caps: Caps,
    pub tier: OnceLock<Tier>,
    pub pipelines: Mutex<HashMap<&'static str, Arc<super::kernel::Pipeline>>>,
    pub pool: super::pool::Pool,
    pub readback: super::readback::Readback,
    pub cache: Option<super::cache::Cache>,
    pub lost: AtomicBool,
    pub lost_reason: Mutex<String>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(cache) = &self.cache {
            cache.save();
        }
        // Timestamps that are under way are still counted.
        if super::profile::enabled() {
            let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
        }
    }
}

/// An open GPU. Cheap to clone; clones share the device.
#[derive(Clone)]
pub struct Gpu(
    pub(super) Arc<Shared>,
    /// What watches the dispatches of this handle.
    pub(super) Option<super::Shadow>,
    /// What its kernels may count on, where that was said.
    pub(super) Option<Tier>,
);

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu")
            .field("adapter", &self.0.summary.name)
            .finish()
    }
}

fn instance() -> wgpu::Instance {
    let mut desc = wgpu::InstanceDescriptor::new_without_display_handle();
    desc.backends = wgpu::Backends::PRIMARY;
    // The driver's validation layers cost time and know less than wgpu's own checks; WGPU_VALIDATION=1 asks for them.
    // Counts of indirect dispatches stay checked: they come from buffers that any kernel may write.
    desc.flags = wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL.with_env();
    wgpu::Instance::new(desc)
}

fn summarise(adapter: &wgpu::Adapter) -> AdapterSummary {
    let info = adapter.get_info();
    let features = adapter.features();
    AdapterSummary {
        name: info.name,
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        },
        backend: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
        max_binding: adapter.limits().max_storage_buffer_binding_size,
        max_workgroup_memory: adapter.limits().max_compute_workgroup_storage_size,
        subgroup_sizes: [info.subgroup_min_size, info.subgroup_max_size],
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        float_atomics: features.contains(wgpu::Features::SHADER_FLOAT32_ATOMIC),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
    }
}

fn rank(kind: &str) -> u32 {
    match kind {
        "discrete" => 0,
        "integrated" => 1,
        "virtual" => 2,
        "software" => 3,
        _ => 4,
    }
}

/// All adapters of this machine, in the driver's order.
pub fn adapters() -> Vec<AdapterSummary> {
    let instance = instance();
    let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    found.iter().map(summarise).collect()
}

/// The place of the adapter that is chosen.
fn choose(found: &[&AdapterSummary], choice: &AdapterChoice) -> Result<usize, GpuError> {
    let at = match choice {
        AdapterChoice::Auto => (0..found.len()).min_by_key(|&i| (rank(found[i].kind), i)),
        AdapterChoice::Index(index) => (*index < found.len()).then_some(*index),
        AdapterChoice::Name(name) => {
            let name = name.to_lowercase();
            found
                .iter()
                .position(|s| s.name.to_lowercase().contains(&name))
        }
    };
    at.ok_or_else(|| {
        let names: Vec<_> = found
            .iter()
            .enumerate()
            .map(|(i, s)| format!("{i} or '{}'", s.name))
            .collect();
        GpuError::NoAdapter(match names.is_empty() {
            true => String::new(),
            false => format!(
                " for --adapter {choice}; choose one of {} (several by number, such as 0,1, are one lane each)",
                names.join(", ")
            ),
        })
    })
}

/// Whether there is an adapter for each of `choices`; none is opened.
///
/// # Errors
/// [`GpuError::NoAdapter`].
pub fn look_for(choices: &[AdapterChoice]) -> Result<(), GpuError> {
    let found = adapters();
    let found: Vec<&AdapterSummary> = found.iter().collect();
    choices
        .iter()
        .try_for_each(|choice| choose(&found, choice).map(|_| ()))
}

impl Gpu {
    /// Opens an adapter with every feature and limit of it that the kernels can use, or those that
    /// [`caps::limit`] said.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] when none fits, [`GpuError::Device`] when it does not open.
    pub fn open(choice: &AdapterChoice) -> Result<Self, GpuError> {
        Self::open_within(choice, caps::limits())
    }

    /// As [`Gpu::open`], within limits of the caller's.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn open_within(choice: &AdapterChoice, limits: Limits) -> Result<Self, GpuError> {
        let instance = instance();
        let mut found: Vec<_> =
            pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY))
                .into_iter()
                .map(|adapter| (summarise(&adapter), adapter))
                .collect();
        let summaries: Vec<&AdapterSummary> = found.iter().map(|(summary, _)| summary).collect();
        let at = choose(&summaries, choice)?;
        let (summary, adapter) = found.swap_remove(at);
        let (required_features, required_limits) = limits.of(&adapter);
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("director"),
            required_features,
            required_limits,
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        }))
        .map_err(|error| GpuError::Device {
            name: summary.name.clone(),
            reason: error.to_string(),
        })?;
        let shared = Arc::new(Shared {
            cache: super::cache::Cache::open(&adapter, &device),
            caps: Caps::of(&device, &summary, limits),
            tier: OnceLock::new(),
            device,
            queue,
            summary,
            pipelines: Mutex::default(),
            pool: super::pool::Pool::default(),
            readback: super::readback::Readback::default(),
            lost: AtomicBool::new(false),
            lost_reason: Mutex::default(),
        });
        let gpu = Self(shared, None, None);
        // Errors outside a scope must not abort the batch.
        gpu.0.device.on_uncaptured_error(Arc::new(
            |error| tracing::error!(%error, "uncaptured GPU error"),
        ));
        let weak = Arc::downgrade(&gpu.0);
        gpu.0
            .device
            .set_device_lost_callback(move |reason, message| {
                if let Some(shared) = weak.upgrade() {
                    if let Ok(mut slot) = shared.lost_reason.lock() {
                        *slot = format!("{reason:?} {message}");
                    }
                    shared.lost.store(true, Ordering::Release);
                }
            });
        Ok(gpu)
    }

    /// Whether both are handles of one device, watched by the same shadow or by none.
    pub fn is(&self, other: &Self) -> bool {
        let watched = match (&self.1, &other.1) {
            (Some(a), Some(b)) => a.is(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        Arc::ptr_eq(&self.0, &other.0) && watched && self.2 == other.2
    }

    /// What was opened.
    pub fn summary(&self) -> &AdapterSummary {
        &self.0.summary
    }

    /// The device, for what this module does not wrap.
    pub fn device(&self) -> &wgpu::Device {
        &self.0.device
    }

    /// The queue, for what this module does not wrap.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.0.queue
    }

    /// Builds a kernel's pipeline now, so that the first dispatch does not pay for it.
    ///
    /// # Errors
    /// [`GpuError::Validation`] with naga's or the driver's words.
    pub fn prepare(&self, kernel: &'static Kernel) -> Result<(), GpuError> {
        self.pipeline(kernel).map(|_| ())
    }

    /// Waits until all submitted work is done.
    ///
    /// # Errors
    /// [`GpuError::Lost`].
    pub fn wait(&self) -> Result<(), GpuError> {
        let polled = self.0.device.poll(wgpu::PollType::wait_indefinitely());
        self.alive()?;
        polled
            .map(|_| ())
            .map_err(|error| GpuError::Lost(error.to_string()))
    }

    /// Whether the device is still there.
    ///
    /// # Errors
    /// [`GpuError::Lost`] once the device was lost.
    pub fn alive(&self) -> Result<(), GpuError> {
        if self.0.lost.load(Ordering::Acquire) {
            let reason = self
                .0
                .lost_reason
                .lock()
                .map(|r| r.clone())
                .unwrap_or_default();
            return Err(GpuError::Lost(reason));
        }
        Ok(())
    }

    /// Runs `work` inside error scopes and turns what they caught into a typed error.
    pub(super) fn scoped<T>(&self, doing: &str, work: impl FnOnce() -> T) -> Result<T, GpuError> {
        self.alive()?;
        let memory = self
            .0
            .device
            .push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self
            .0
            .device
            .push_error_scope(wgpu::ErrorFilter::Validation);
        let value = work();
        let refused = pollster::block_on(validation.pop());
        let short = pollster::block_on(memory.pop());
        if let Some(error) = short {
            return Err(GpuError::OutOfMemory {
                doing: doing.to_owned(),
                reason: error.to_string(),
            });
        }
        if let Some(error) = refused {
            // Of a lost device everything is invalid; a poll hears of the loss.
            let _ = self.0.device.poll(wgpu::PollType::Poll);
            self.alive()?;
            return Err(GpuError::Validation {
                doing: doing.to_owned(),
                reason: error.to_string(),
            });
        }
        self.alive()?;
        Ok(value)
    }
}
