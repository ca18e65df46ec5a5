//! A ring of mapped buffers through which frames go up while the device works on those before.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::{Buffer, Gpu, GpuError, Recorder};

/// Bytes that rings of this process took from the host to the device.
static UPLOADED: AtomicU64 = AtomicU64::new(0);

/// Bytes that rings of this process took from the host to the device so far: where the two have memory of their own,
/// what went over the bus.
pub fn uploaded() -> u64 {
    UPLOADED.load(Ordering::Relaxed)
}

/// Mapped memory that the host writes once and kernels of one submission read.
///
/// Where host and device share their memory (software and integrated adapters) kernels read the mapped buffer itself;
/// elsewhere it is copied to the device first.
pub struct Upload {
    gpu: Gpu,
    depth: usize,
    /// Bytes of each buffer of the ring.
    bytes: u64,
    made: usize,
    idle: Receiver<wgpu::Buffer>,
    back: Sender<wgpu::Buffer>,
    submitted: VecDeque<wgpu::SubmissionIndex>,
    /// Where the copy goes, where there is one.
    device: Option<Buffer<u32>>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("bytes", &self.bytes)
            .finish()
    }
}

/// What was written, until the work that reads it is submitted.
#[derive(Debug)]
pub struct Filled {
    mapped: wgpu::Buffer,
    /// The words, for the kernels that are recorded next.
    pub words: Buffer<u32>,
}

/// The bytes of a mapped buffer, to be written.
pub type Mapped = wgpu::BufferViewMut;

impl Gpu {
    /// A ring of at most `depth` buffers.
    pub fn upload_ring(&self, depth: usize) -> Upload {
        let (back, idle) = channel();
        Upload {
            gpu: self.clone(),
            depth: depth.max(1),
            bytes: 0,
            made: 0,
            idle,
            back,
            submitted: VecDeque::new(),
            device: None,
        }
    }
}

impl Upload {
    /// Waits for a buffer of at least `bytes` and has `write` fill it. What `write` leaves is what was there before.
    /// Submit the work that reads it with [`Upload::submit`].
    ///
    /// # Errors
    /// [`GpuError::TooLarge`], [`GpuError::OutOfMemory`], [`GpuError::Lost`].
    pub fn fill(
        &mut self,
        recorder: &mut Recorder,
        bytes: usize,
        write: impl FnOnce(&mut Mapped),
    ) -> Result<Filled, GpuError> {
        let mapped = self.mapped(self.gpu.bytes_of::<[u32; 4]>(bytes.div_ceil(16))?)?;
        {
            let view = mapped.get_mapped_range_mut(..);
            let mut view = view.map_err(|error| GpuError::Lost(error.to_string()))?;
            write(&mut view);
        }
        mapped.unmap();
        UPLOADED.fetch_add(bytes as u64, Ordering::Relaxed);
        let of = Buffer::new(mapped.clone(), self.bytes as usize / 4);
        if self.gpu.caps().shared_memory {
            return Ok(Filled { mapped, words: of });
        }
        let device = match &self.device {
            Some(device) if device.len() == of.len() => device.clone(),
            _ => self.gpu.scratch(of.len())?,
        };
        recorder.copy(&of, 0, &device, 0, bytes.div_ceil(4))?;
        self.device = Some(device.clone());
        Ok(Filled {
            mapped,
            words: device,
        })
    }

    /// Submits `recorder`, and takes the buffer back into the ring once the device has done with it.
    ///
    /// # Errors
    /// As [`Recorder::submit`].
    pub fn submit(&mut self, recorder: &mut Recorder, filled: Filled) -> Result<(), GpuError> {
        self.submitted.extend(recorder.submit_indexed()?);
        // Only those whose buffers are under way are ever waited for.
        while self.submitted.len() > self.depth {
            self.submitted.pop_front();
        }
        let back = self.back.clone();
        let buffer = filled.mapped.clone();
        filled
            .mapped
            .map_async(wgpu::MapMode::Write, .., move |mapped| {
                if mapped.is_ok() {
                    // The ring may be gone by then.
                    let _ = back.send(buffer);
                }
            });
        Ok(())
    }

    fn mapped(&mut self, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
        if bytes > self.bytes {
            // A ring of larger ones; those that are under way are dropped as they come back.
            let (back, idle) = channel();
            (self.back, self.idle) = (back, idle);
            (self.bytes, self.made) = (bytes, 0);
            self.submitted.clear();
        }
        if let Ok(buffer) = self.idle.try_recv() {
            return Ok(buffer);
        }
        if self.made < self.depth {
            self.made += 1;
            return self.create_mapped();
        }
        loop {
            let poll = match self.submitted.pop_front() {
                Some(index) => wgpu::PollType::Wait {
                    submission_index: Some(index),
                    timeout: None,
                },
                None => wgpu::PollType::wait_indefinitely(),
            };
            let last = self.submitted.is_empty();
            let polled = self.gpu.0.device.poll(poll);
            self.gpu.alive()?;
            polled.map_err(|error| GpuError::Lost(error.to_string()))?;
            match self.idle.try_recv() {
                Ok(buffer) => return Ok(buffer),
                Err(_) if last => {
                    return Err(GpuError::Lost("an upload buffer did not come back".into()));
                }
                Err(_) => {}
            }
        }
    }

    fn create_mapped(&self) -> Result<wgpu::Buffer, GpuError> {
        let usage = if self.gpu.caps().shared_memory {
            // A shadow reads what kernels are given.
            wgpu::BufferUsages::MAP_WRITE
                | wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
        } else {
            wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC
        };
        self.gpu.create_as(&wgpu::BufferDescriptor {
            label: Some("upload"),
            size: self.bytes,
            usage,
            mapped_at_creation: true,
        })
    }
}
