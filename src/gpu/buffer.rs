//! Typed storage buffers and what is written to them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::memory::Counted;
use super::pool::Loan;
use super::{Gpu, GpuError, GpuType};

/// A storage buffer of `len` elements of `T` in GPU memory. Cheap to clone; clones share the memory.
#[derive(Clone, Debug)]
pub struct Buffer<T> {
    pub(super) raw: wgpu::Buffer,
    len: usize,
    of: PhantomData<T>,
    /// Gives the memory back to the pool that it is from.
    loan: Option<Arc<Loan>>,
    /// Counts the memory, where no pool does.
    counted: Option<Arc<Counted>>,
}

impl<T: GpuType> Buffer<T> {
    pub(super) fn new(raw: wgpu::Buffer, len: usize) -> Self {
        Self {
            raw,
            len,
            of: PhantomData,
            loan: None,
            counted: None,
        }
    }

    pub(super) fn lent(raw: wgpu::Buffer, len: usize, loan: Arc<Loan>) -> Self {
        Self {
            loan: Some(loan),
            ..Self::new(raw, len)
        }
    }

    /// The same memory as elements of `U`, as many as fit in whole.
    pub fn cast<U: GpuType>(&self) -> Buffer<U> {
        Buffer {
            raw: self.raw.clone(),
            len: self.len * size_of::<T>() / size_of::<U>(),
            of: PhantomData,
            loan: self.loan.clone(),
            counted: self.counted.clone(),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No elements (the memory behind it still holds one, which bindings need).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The wgpu buffer behind it.
    pub fn raw(&self) -> &wgpu::Buffer {
        &self.raw
    }
}

/// A buffer of any element type, for binding.
pub trait AnyBuffer {
    /// The wgpu buffer.
    fn raw(&self) -> &wgpu::Buffer;
    /// Bytes of one element.
    fn stride(&self) -> usize;
    /// What keeps pooled memory from being handed out again until work that names it is submitted.
    fn keep(&self) -> Option<Arc<dyn std::any::Any + Send + Sync>> {
        None
    }
}

impl<T: GpuType> AnyBuffer for Buffer<T> {
    fn raw(&self) -> &wgpu::Buffer {
        &self.raw
    }
    fn stride(&self) -> usize {
        size_of::<T>()
    }
    fn keep(&self) -> Option<Arc<dyn std::any::Any + Send + Sync>> {
        Some(self.loan.clone()?)
    }
}

impl Gpu {
    /// A zeroed buffer of `len` elements.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`] over the adapter's binding limit, [`GpuError::OutOfMemory`].
    pub fn alloc<T: GpuType>(&self, len: usize) -> Result<Buffer<T>, GpuError> {
        let bytes = self.bytes_of::<T>(len)?;
        let raw = self.create(bytes)?;
        Ok(Buffer {
            counted: Some(Counted::new(bytes)),
            ..Buffer::new(raw, len)
        })
    }

    /// Bytes of a buffer of `len` elements; an empty one holds one element, which bindings need.
    pub(super) fn bytes_of<T: GpuType>(&self, len: usize) -> Result<u64, GpuError> {
        let bytes = (len.max(1) as u64)
            .saturating_mul(size_of::<T>() as u64)
            .saturating_add(3)
            / 4
            * 4;
        let limit = self.caps().binding;
        if bytes > limit {
            return Err(GpuError::TooLarge {
                doing: std::any::type_name::<T>().to_owned(),
                bytes,
                limit,
                limits: self.caps().limits,
            });
        }
        Ok(bytes)
    }

    /// A storage buffer of `bytes`, a multiple of four.
    pub(super) fn create(&self, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
        self.create_as(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::INDIRECT,
            mapped_at_creation: false,
        })
    }

    /// A buffer as described; where memory runs out, idle memory of the pool makes way.
    pub(super) fn create_as(
        &self,
        descriptor: &wgpu::BufferDescriptor<'_>,
    ) -> Result<wgpu::Buffer, GpuError> {
        let create = || {
            self.scoped("allocating a buffer", || {
                self.0.device.create_buffer(descriptor)
            })
        };
        match create() {
            Err(GpuError::OutOfMemory { .. }) if self.idle_bytes() > 0 => {
                self.trim();
                self.wait()?;
                create()
            }
            other => other,
        }
    }

    /// A buffer with a copy of `data`.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn upload<T: GpuType>(&self, data: &[T]) -> Result<Buffer<T>, GpuError> {
        let buffer = self.alloc(data.len())?;
        self.write(&buffer, 0, data)?;
        Ok(buffer)
    }

    /// Overwrites `buffer` from element `at` with `data`, ahead of whatever is submitted next.
    ///
    /// # Errors
    /// [`GpuError::Validation`] when it does not fit.
    pub fn write<T: GpuType>(
        &self,
        buffer: &Buffer<T>,
        at: usize,
        data: &[T],
    ) -> Result<(), GpuError> {
        if data.is_empty() {
            return Ok(());
        }
        self.scoped("writing a buffer", || {
            self.0.queue.write_buffer(
                &buffer.raw,
                (at * size_of::<T>()) as u64,
                bytemuck::cast_slice(data),
            );
        })
    }
}
