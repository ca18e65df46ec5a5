//! How large a tensor may become: what a faulty file asks for is refused before it is allocated.

use std::cell::Cell;

use candle_core::{CpuStorage, Storage, Tensor};

/// Elements of one tensor at most when a network runs: larger is a faulty file, not a network for depth.
pub(super) const MAX_ELEMENTS: usize = 1 << 30;

/// Dimensions of one tensor at most: those of a candle shape.
const MAX_RANK: usize = 8;

thread_local! {
    /// Elements at most, and the most that was asked for beyond them.
    static ROOM: Cell<(usize, usize)> = const { Cell::new((MAX_ELEMENTS, 0)) };
}

/// Runs `f` with room for tensors of so many elements; also answers the most that was asked for if that was more.
pub(super) fn within<R>(elements: usize, f: impl FnOnce() -> R) -> (R, Option<usize>) {
    /// Sets the room back even where `f` panics.
    struct Back((usize, usize));
    impl Drop for Back {
        fn drop(&mut self) {
            ROOM.set(self.0);
        }
    }
    let _back = Back(ROOM.replace((elements.min(MAX_ELEMENTS), 0)));
    let result = f();
    let (_, asked) = ROOM.get();
    (result, (asked > 0).then_some(asked))
}

/// Elements of a shape, if a sane number. A dimension of none does not excuse the others: work is done for each.
pub(super) fn checked_size(dims: &[usize]) -> Result<usize, String> {
    let (most, _) = ROOM.get();
    let full = dims.iter().fold(1usize, |n, &d| n.saturating_mul(d.max(1)));
    if full > most {
        ROOM.set((most, full));
        return Err(format!("shape {dims:?} is too large"));
    }
    if dims.len() > MAX_RANK {
        return Err(format!("{} dimensions", dims.len()));
    }
    Ok(dims.iter().product())
}

/// Where a tensor's data begins in memory; tensors that share it are views of one another.
fn address(tensor: &Tensor) -> Option<usize> {
    let (storage, _) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(data)) => Some(data.as_ptr() as usize),
        Storage::Cpu(CpuStorage::I64(data)) => Some(data.as_ptr() as usize),
        Storage::Cpu(CpuStorage::U8(data)) => Some(data.as_ptr() as usize),
        _ => None,
    }
}

/// Memory and work that the constants of one network may take while it is loaded.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    work: usize,
}

/// Elements of a constant at most, whatever the file's length: more is a fault, and told.
pub(super) const MAX_CONSTANT: usize = 1 << 26;

impl Budget {
    /// For a file of so many bytes.
    pub fn new(file: usize) -> Self {
        Self {
            bytes: file.saturating_add(16 << 20),
            work: file.saturating_mul(4).saturating_add(1 << 27),
        }
    }

    /// Elements that an operator's result may have; `None` where its inputs alone are too much work.
    pub fn room(&self, args: &[Option<Tensor>]) -> Option<usize> {
        let inputs: usize = args.iter().flatten().map(Tensor::elem_count).sum();
        // Integers take eight bytes, and some operators hold four copies of what they make.
        let left = self.work.checked_sub(inputs)?;
        Some((self.bytes / 32).min(left / (args.len() + 1)))
    }

    /// Takes what is kept beside what the file holds of it.
    pub fn keep(&mut self, value: &Tensor) {
        let size = value.elem_count() * value.dtype().size_in_bytes();
        self.bytes = self.bytes.saturating_sub(size);
    }

    /// Takes what an operator made off what is left.
    pub fn charge(&mut self, args: &[Option<Tensor>], values: &[Tensor]) {
        let inputs: usize = args.iter().flatten().map(Tensor::elem_count).sum();
        let mut work = inputs;
        for value in values {
            let place = address(value);
            let view = args.iter().flatten().any(|arg| address(arg) == place);
            if !view {
                let size = value.elem_count() * value.dtype().size_in_bytes();
                self.bytes = self.bytes.saturating_sub(size);
                work = work.saturating_add(value.elem_count().saturating_mul(args.len() + 1));
            }
        }
        self.work = self.work.saturating_sub(work);
    }
}
