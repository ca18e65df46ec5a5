//! Memory of the device that another interface to the same card may import: Vulkan's half, by file descriptors
//! (`VK_KHR_external_memory_fd`).

use std::os::fd::{FromRawFd as _, OwnedFd};

use ash::vk;
use wgpu::hal::{api::Vulkan, vulkan};

use super::{Buffer, Gpu, GpuError, Recorder};

/// What the descriptor is good for: only to be imported by the same driver, or another interface to it.
const OPAQUE: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::OPAQUE_FD;

/// Memory that kernels read and write as any other, and that one other interface may import. Dropping it frees Vulkan's
/// half, once the device has done with it; who imported it holds on to the memory until it lets go itself.
#[derive(Debug)]
pub struct External {
    gpu: Gpu,
    words: Buffer<u32>,
    /// Bytes of the allocation.
    bytes: u64,
    fd: Option<OwnedFd>,
    /// The last submission whose work names it.
    used: Option<wgpu::SubmissionIndex>,
}

fn refuse(reason: impl Into<String>) -> GpuError {
    GpuError::Validation {
        doing: "memory to share with another interface".to_owned(),
        reason: reason.into(),
    }
}

fn failed(code: vk::Result) -> GpuError {
    let reason = code.to_string();
    match code {
        vk::Result::ERROR_DEVICE_LOST => GpuError::Lost(reason),
        vk::Result::ERROR_OUT_OF_HOST_MEMORY
        | vk::Result::ERROR_OUT_OF_DEVICE_MEMORY
        // Descriptors ran out.
        | vk::Result::ERROR_TOO_MANY_OBJECTS => GpuError::OutOfMemory {
            doing: "sharing memory with another interface".to_owned(),
            reason,
        },
        _ => refuse(reason),
    }
}

impl Gpu {
    /// At least `bytes` of zeroed memory, and the descriptor by which another interface may import it.
    ///
    /// # Errors
    /// [`GpuError::Validation`] where the driver does not export memory, [`GpuError::TooLarge`],
    /// [`GpuError::OutOfMemory`], [`GpuError::Lost`].
    pub fn external(&self, bytes: usize) -> Result<External, GpuError> {
        self.alive()?;
        let size = self.bytes_of::<[u32; 4]>(bytes.div_ceil(16))?;
        if !self
            .device()
            .features()
            .contains(wgpu::Features::VULKAN_EXTERNAL_MEMORY_FD)
        {
            return Err(refuse(format!(
                "'{}' has no VK_KHR_external_memory_fd",
                self.summary().name
            )));
        }
        let made = {
            // SAFETY: the guard keeps the device alive; nothing of it is destroyed but what is made here.
            let device = unsafe { self.device().as_hal::<Vulkan>() };
            let device = device.ok_or_else(|| refuse("this backend is not Vulkan"))?;
            let made = make(&device, size)?;
            // Of a device that was lost meanwhile wgpu takes nothing more.
            self.alive().inspect_err(|_| {
                // SAFETY: both were made above, nobody else knows them, and no work names them.
                unsafe { unmake(&device, made.buffer, made.memory) }
            })?;
            made
        };
        // SAFETY: buffer and memory were made for each other from offset 0, and nothing else names them; from here on
        // wgpu destroys both, once.
        let buffer =
            unsafe { vulkan::Buffer::from_raw_managed(made.buffer, made.memory, 0, made.bytes) };
        let descriptor = wgpu::BufferDescriptor {
            label: Some("external"),
            size,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        };
        let raw = self.scoped("sharing memory with another interface", || {
            // SAFETY: the buffer is of this device, of this size and these usages; it is zeroed below, before anybody
            // has it.
            unsafe {
                self.device()
                    .create_buffer_from_hal::<Vulkan>(buffer, &descriptor)
            }
        })?;
        let mut external = External {
            gpu: self.clone(),
            words: Buffer::new(raw, size as usize / 4),
            bytes: made.bytes,
            fd: Some(made.fd),
            used: None,
        };
        let mut recorder = self.recorder();
        recorder.clear(&external.words)?;
        external.submit(&mut recorder)?;
        external.wait()?;
        Ok(external)
    }

    /// The card's identity, which other interfaces to it tell too; `None` where the driver is too old to tell, or not
    /// Vulkan.
    pub fn uuid(&self) -> Option<[u8; 16]> {
        // SAFETY: the guard keeps the device alive; it is only asked.
        let device = unsafe { self.device().as_hal::<Vulkan>() }?;
        is_one_point_one(&device).then(|| {
            let mut identity = vk::PhysicalDeviceIDProperties::default();
            let mut asked = vk::PhysicalDeviceProperties2::default().push_next(&mut identity);
            // SAFETY: Vulkan 1.1 has this call; the device's instance outlives the guard.
            unsafe {
                device
                    .shared_instance()
                    .raw_instance()
                    .get_physical_device_properties2(device.raw_physical_device(), &mut asked);
            }
            identity.device_uuid
        })
    }
}

/// Instance and device have the calls of Vulkan 1.1; of others `ash` panics.
fn is_one_point_one(device: &vulkan::Device) -> bool {
    let instance = device.shared_instance();
    // SAFETY: Vulkan 1.0 has this call; the device's instance outlives the guard.
    let properties = unsafe {
        instance
            .raw_instance()
            .get_physical_device_properties(device.raw_physical_device())
    };
    instance.instance_api_version() >= vk::API_VERSION_1_1
        && properties.api_version >= vk::API_VERSION_1_1
}

/// A buffer, the memory that is its own, and the descriptor of that.
struct Made {
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
    bytes: u64,
    fd: OwnedFd,
}

fn make(device: &vulkan::Device, size: u64) -> Result<Made, GpuError> {
    let instance = device.shared_instance().raw_instance();
    let physical = device.raw_physical_device();
    if !is_one_point_one(device) {
        return Err(refuse("the driver is older than Vulkan 1.1"));
    }
    let usage = vk::BufferUsageFlags::STORAGE_BUFFER
        | vk::BufferUsageFlags::TRANSFER_SRC
        | vk::BufferUsageFlags::TRANSFER_DST;
    let asked = vk::PhysicalDeviceExternalBufferInfo::default()
        .usage(usage)
        .handle_type(OPAQUE);
    let mut answer = vk::ExternalBufferProperties::default();
    // SAFETY: Vulkan 1.1 has this call; the instance outlives the device, which the caller holds.
    unsafe {
        instance.get_physical_device_external_buffer_properties(physical, &asked, &mut answer);
    }
    let can = answer.external_memory_properties.external_memory_features;
    if !can.contains(vk::ExternalMemoryFeatureFlags::EXPORTABLE) {
        return Err(refuse("the driver exports no memory of storage buffers"));
    }
    let raw = device.raw_device();
    let mut external = vk::ExternalMemoryBufferCreateInfo::default().handle_types(OPAQUE);
    let info = vk::BufferCreateInfo::default()
        .size(size)
        .usage(usage)
        .sharing_mode(vk::SharingMode::EXCLUSIVE)
        .push_next(&mut external);
    // SAFETY: the device is alive, and has the extension whose structure is chained.
    let buffer = unsafe { raw.create_buffer(&info, None) }.map_err(failed)?;
    let allocated = allocate(device, buffer);
    let (memory, bytes) = allocated.inspect_err(|_| {
        // SAFETY: made above, and nobody else knows it.
        unsafe { raw.destroy_buffer(buffer, None) }
    })?;
    let shared = share(device, buffer, memory);
    let fd = shared.inspect_err(|_| {
        // SAFETY: both were made above, nobody else knows them, and no work names them.
        unsafe { unmake(device, buffer, memory) }
    })?;
    Ok(Made {
        buffer,
        memory,
        bytes,
        fd,
    })
}

/// Destroys a buffer and its memory.
///
/// # Safety
/// Both are of this device, nothing else names them, and no work that does is under way.
unsafe fn unmake(device: &vulkan::Device, buffer: vk::Buffer, memory: vk::DeviceMemory) {
    let raw = device.raw_device();
    // SAFETY: as the caller promises.
    unsafe {
        raw.destroy_buffer(buffer, None);
        raw.free_memory(memory, None);
    }
}

/// Memory that is the buffer's alone and may be exported, with its bytes.
fn allocate(
    device: &vulkan::Device,
    buffer: vk::Buffer,
) -> Result<(vk::DeviceMemory, u64), GpuError> {
    let raw = device.raw_device();
    // SAFETY: the buffer is of this device; its instance outlives it.
    let (needs, kinds) = unsafe {
        (
            raw.get_buffer_memory_requirements(buffer),
            device
                .shared_instance()
                .raw_instance()
                .get_physical_device_memory_properties(device.raw_physical_device()),
        )
    };
    let fits = |index: &u32| needs.memory_type_bits >> index & 1 == 1;
    let local = |index: &u32| {
        kinds.memory_types[*index as usize]
            .property_flags
            .contains(vk::MemoryPropertyFlags::DEVICE_LOCAL)
    };
    // Of kinds that differ, Vulkan lists those with fewer flags first.
    let all = || (0..kinds.memory_type_count).filter(fits);
    let kind = all().find(local).or_else(|| all().next());
    let kind = kind.ok_or_else(|| refuse("the driver has no memory for such a buffer"))?;
    let mut export = vk::ExportMemoryAllocateInfo::default().handle_types(OPAQUE);
    let mut dedicated = vk::MemoryDedicatedAllocateInfo::default().buffer(buffer);
    let info = vk::MemoryAllocateInfo::default()
        .allocation_size(needs.size)
        .memory_type_index(kind)
        .push_next(&mut export)
        .push_next(&mut dedicated);
    // SAFETY: the device is alive, the kind is one of its own, and the chained structures are of its version and its
    // extension.
    let memory = unsafe { raw.allocate_memory(&info, None) }.map_err(failed)?;
    Ok((memory, needs.size))
}

/// Binds the memory to its buffer and gives out its descriptor.
fn share(
    device: &vulkan::Device,
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
) -> Result<OwnedFd, GpuError> {
    let raw = device.raw_device();
    // SAFETY: both are of this device, made for each other, and neither is bound yet.
    unsafe { raw.bind_buffer_memory(buffer, memory, 0) }.map_err(failed)?;
    let instance = device.shared_instance().raw_instance();
    let calls = ash::khr::external_memory_fd::Device::new(instance, raw);
    let info = vk::MemoryGetFdInfoKHR::default()
        .memory(memory)
        .handle_type(OPAQUE);
    // SAFETY: the extension is on, and the memory was allocated to be exported as this type.
    let fd = unsafe { calls.get_memory_fd(&info) }.map_err(failed)?;
    if fd < 0 {
        return Err(refuse("the driver gave no descriptor"));
    }
    // SAFETY: each call gives a new descriptor, which is the caller's to close.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl External {
    /// The memory, for kernels.
    pub fn words(&self) -> &Buffer<u32> {
        &self.words
    }

    /// Bytes of the allocation behind it, which an importer must name; never less than was asked for.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The descriptor to import, once. It names an allocation that is this buffer's alone (a dedicated one).
    pub fn take_fd(&mut self) -> Option<OwnedFd> {
        self.fd.take()
    }

    /// Submits `recorder`, whose work names this memory.
    ///
    /// # Errors
    /// As [`Recorder::submit`].
    pub fn submit(&mut self, recorder: &mut Recorder) -> Result<(), GpuError> {
        match recorder.submit_indexed()? {
            Some(index) => self.used = Some(index),
            // It was submitted in parts already.
            None => self.gpu.wait()?,
        }
        Ok(())
    }

    /// Waits until the work that was submitted with [`External::submit`] is done: only then may others write.
    ///
    /// # Errors
    /// [`GpuError::Lost`].
    pub fn wait(&mut self) -> Result<(), GpuError> {
        let Some(index) = self.used.take() else {
            return self.gpu.alive();
        };
        let polled = self.gpu.device().poll(wgpu::PollType::Wait {
            submission_index: Some(index),
            timeout: None,
        });
        self.gpu.alive()?;
        polled
            .map(|_| ())
            .map_err(|error| GpuError::Lost(error.to_string()))
    }
}
