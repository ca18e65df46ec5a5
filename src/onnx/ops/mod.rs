//! The operators, by family, and what they share.

pub(super) mod arith;
pub(super) mod attention;
pub(super) mod conv;
pub(super) mod index;
pub(super) mod linear;
pub(super) mod norm;
pub(super) mod pool;
pub(super) mod reduce;
pub(super) mod resize;
pub(super) mod sample;
pub(super) mod scatter;
pub(super) mod shape;
pub(super) mod taps;
pub(super) mod unary;

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor, bail};
use rayon::prelude::*;

use super::node::Args;
use super::room::checked_size;

/// Refuses a shape that is too large or of too many dimensions.
pub(super) fn sane(dims: &[usize]) -> Result<()> {
    checked_size(dims)
        .map(drop)
        .map_err(candle_core::Error::msg)
}

/// Input `i`, which the operator needs.
pub(super) fn need<'a>(args: Args<'a>, i: usize) -> Result<&'a Tensor> {
    match maybe(args, i) {
        Some(t) => Ok(t),
        None => bail!("input {i} is missing"),
    }
}

/// Input `i` if it is there.
pub(super) fn maybe(args: Args<'_>, i: usize) -> Option<&Tensor> {
    args.get(i).and_then(Option::as_ref)
}

/// All elements of an integer input.
pub(super) fn ints(t: &Tensor) -> Result<Vec<i64>> {
    if t.dtype() == DType::F32 {
        bail!("integers expected, floats given");
    }
    sane(t.dims())?;
    t.to_dtype(DType::I64)?.flatten_all()?.to_vec1()
}

/// All elements of a float input.
pub(super) fn float_vec(t: &Tensor) -> Result<Vec<f32>> {
    with_floats(t, |x| Ok(x.to_vec()))
}

/// Runs `f` on the elements of a float tensor in row-major order, without a copy if it is contiguous.
pub(super) fn with_floats<R>(t: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    if t.dtype() != DType::F32 {
        bail!("floats expected, {:?} given", t.dtype());
    }
    let t = t.contiguous()?;
    let (storage, layout) = t.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(data)) => {
            let from = layout.start_offset();
            // A view of nothing may begin after its data.
            f(data.get(from..from + t.elem_count()).unwrap_or(&[]))
        }
        _ => bail!("a tensor on the CPU expected"),
    }
}

/// A float tensor.
pub(super) fn made(data: Vec<f32>, dims: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(data, dims, &Device::Cpu)
}

/// An integer tensor.
pub(super) fn made_ints(data: Vec<i64>, dims: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(data, dims, &Device::Cpu)
}

/// Applies `f` to each row of `n` elements, rows shared among threads: `f(row in, row out)`.
pub(super) fn map_rows(
    t: &Tensor,
    n: usize,
    f: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) -> Result<Tensor> {
    sane(t.dims())?;
    with_floats(t, |x| {
        let mut y = vec![0f32; x.len()];
        // Pieces of at least a few thousand elements, so that threads are worth it.
        if let Some(rows) = 8192usize.checked_div(n).map(|rows| rows.max(1)) {
            y.par_chunks_mut(n * rows)
                .zip(x.par_chunks(n * rows))
                .enumerate()
                .for_each(|(piece, (y, x))| {
                    for (i, (y, x)) in y.chunks_mut(n).zip(x.chunks(n)).enumerate() {
                        f(piece * rows + i, x, y);
                    }
                });
        }
        made(y, t.dims())
    })
}

/// `n` places of an axis from `from` on. An empty part of a view may begin after its data, so it gets its own.
pub(super) fn narrow(x: &Tensor, axis: usize, from: usize, n: usize) -> Result<Tensor> {
    if n > 0 {
        return x.narrow(axis, from, n);
    }
    let mut dims = x.dims().to_vec();
    dims[axis] = 0;
    Tensor::zeros(dims, x.dtype(), &Device::Cpu)
}

/// An axis that may count from the back.
pub(super) fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let at = if axis < 0 { axis + rank as i64 } else { axis };
    if at < 0 || at >= rank as i64 {
        bail!("axis {axis} where the tensor has {rank} dimensions");
    }
    Ok(at as usize)
}

/// The shape that two shapes broadcast to.
pub(super) fn broadcast_dims(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let mut dims = vec![1; rank];
    for (i, out) in dims.iter_mut().enumerate() {
        let at = |s: &[usize]| (i + s.len()).checked_sub(rank).map_or(1, |k| s[k]);
        *out = match (at(a), at(b)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => bail!("shapes {a:?} and {b:?} do not broadcast"),
        };
    }
    sane(&dims)?;
    Ok(dims)
}
