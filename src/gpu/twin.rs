//! A kernel's twin: the same change of the same buffers, on the host.

use super::{Access, GpuType, Kernel};

/// The CPU twin of a kernel.
///
/// It changes in the written buffers what the kernel changes there, given the same bytes before, and nothing else: what
/// a kernel leaves alone stays as it was, so that a kernel that writes where it should not is found out. Buffers come
/// whole, with what lies behind the elements that a dispatch is about.
pub type Twin = fn(&mut Call<'_>);

/// One dispatch as a twin sees it.
#[derive(Debug)]
pub struct Call<'a> {
    kernel: &'static Kernel,
    params: &'a [u8],
    groups: [u32; 3],
    slots: Vec<Slot<'a>>,
}

/// The memory behind one binding, in words.
#[derive(Debug)]
pub(super) enum Slot<'a> {
    Read(&'a [u32]),
    /// `None` once the twin took it.
    Write(Option<&'a mut [u32]>),
}

impl<'a> Call<'a> {
    pub(super) fn new(
        kernel: &'static Kernel,
        params: &'a [u8],
        groups: [u32; 3],
        slots: Vec<Slot<'a>>,
    ) -> Self {
        Self {
            kernel,
            params,
            groups,
            slots,
        }
    }

    /// The params.
    ///
    /// # Panics
    /// When `P` is not the size that the kernel declares.
    pub fn params<P: GpuType>(&self) -> P {
        bytemuck::pod_read_unaligned(self.params)
    }

    /// Workgroups along x, y and z; none is 0.
    pub fn groups(&self) -> [u32; 3] {
        self.groups
    }

    /// Invocations of a workgroup along x, y and z.
    pub fn workgroup(&self) -> [u32; 3] {
        self.kernel.workgroup
    }

    /// The buffer at place `i` of the declaration, which the kernel only reads, as whole elements of `T`.
    ///
    /// # Panics
    /// When the kernel declares no such buffer.
    pub fn read<T: GpuType>(&self, i: usize) -> &'a [T] {
        match self.slots.get(i) {
            Some(Slot::Read(words)) => {
                let whole = whole::<T>(words.len());
                bytemuck::cast_slice(&words[..whole])
            }
            _ => panic!("{}: no buffer {i} that is only read", self.kernel.stem),
        }
    }

    /// The buffer at place `i` of the declaration, which the kernel writes, as whole elements of `T`. Each is given out
    /// once.
    ///
    /// # Panics
    /// When the kernel declares no such buffer, or it was given out before.
    pub fn write<T: GpuType>(&mut self, i: usize) -> &'a mut [T] {
        let stem = self.kernel.stem;
        match self.slots.get_mut(i) {
            Some(Slot::Write(slot)) => {
                let words = slot.take();
                let words = words.unwrap_or_else(|| panic!("{stem}: buffer {i} taken twice"));
                let whole = whole::<T>(words.len());
                bytemuck::cast_slice_mut(&mut words[..whole])
            }
            _ => panic!("{stem}: no buffer {i} that is written"),
        }
    }

    /// Copies `values` to the written buffer at place `i`, from its element `at` on.
    ///
    /// # Panics
    /// As [`Call::write`], and when they do not fit.
    pub fn put<T: GpuType>(&mut self, i: usize, at: usize, values: &[T]) {
        let (stem, name) = (self.kernel.stem, self.kernel.bindings[i].name);
        let to = self.write::<T>(i);
        let len = to.len();
        let to = to.get_mut(at..at + values.len());
        let to = to.unwrap_or_else(|| {
            panic!(
                "{stem}: {} elements from {at} on do not fit into the {len} of '{name}'",
                values.len()
            )
        });
        to.copy_from_slice(values);
    }
}

/// Words of the elements of `T` that lie wholly in so many words.
fn whole<T: GpuType>(words: usize) -> usize {
    let each = (size_of::<T>() / 4).max(1);
    words / each * each
}

impl Kernel {
    /// Runs the twin on a copy of `before`, the words of the bound buffers, and gives back those of the written ones.
    ///
    /// # Errors
    /// What the twin panicked with.
    pub(super) fn run_twin(
        &'static self,
        params: &[u8],
        groups: [u32; 3],
        before: &[Vec<u32>],
    ) -> Result<Vec<Option<Vec<u32>>>, String> {
        let mut after: Vec<Option<Vec<u32>>> = self
            .bindings
            .iter()
            .zip(before)
            .map(|(binding, words)| (binding.access == Access::ReadWrite).then(|| words.clone()))
            .collect();
        // A dispatch of no workgroups runs nothing.
        if groups.contains(&0) {
            return Ok(after);
        }
        let slots = after
            .iter_mut()
            .zip(before)
            .map(|(after, before)| match after {
                Some(words) => Slot::Write(Some(words)),
                None => Slot::Read(before),
            })
            .collect();
        let mut call = Call::new(self, params, groups, slots);
        // What a wrong kernel left may lead the next twin anywhere.
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.twin)(&mut call)));
        ran.map(|()| after).map_err(|payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            text.unwrap_or("a panic without words").to_owned()
        })
    }
}
