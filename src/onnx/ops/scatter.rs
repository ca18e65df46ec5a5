//! Operators that read or write single places by lists of indices.

use std::cmp::Ordering;

use candle_core::{DType, Result, Tensor, bail};

use super::super::node::{Built, Node};
use super::{axis_of, float_vec, ints, made, made_ints, need, sane};

/// An index that may count from the back, of `n` places.
pub(super) fn place(i: i64, n: usize) -> Result<usize> {
    let at = if i < 0 { i.saturating_add(n as i64) } else { i };
    match usize::try_from(at) {
        Ok(at) if at < n => Ok(at),
        _ => bail!("index {i} of {n}"),
    }
}

/// `x` in rows of `n` elements, and of these those at `rows`.
fn take(x: &Tensor, n: usize, rows: Vec<i64>, dims: &[usize]) -> Result<Tensor> {
    sane(dims)?;
    if dims.contains(&0) {
        return Tensor::zeros(dims, x.dtype(), x.device());
    }
    let count = rows.len();
    let all = x.elem_count() / n.max(1);
    x.reshape((all, n))?
        .index_select(&made_ints(rows, &[count])?, 0)?
        .reshape(dims)
}

/// The element that each place of `indices` means in what has sides `dims`: its own place, but along `axis` as it says.
fn along(dims: &[usize], indices: &Tensor, axis: usize) -> Result<Vec<i64>> {
    let sides = indices.dims();
    if sides.len() != dims.len() {
        bail!("indices of {} dimensions for {}", sides.len(), dims.len());
    }
    let beyond = (0..dims.len()).find(|&k| k != axis && sides[k] > dims[k]);
    if let Some(k) = beyond {
        bail!("indices {sides:?} in {dims:?}: dimension {k} is longer");
    }
    let mut at = vec![0usize; dims.len()];
    let mut found = Vec::with_capacity(indices.elem_count());
    for i in ints(indices)? {
        let flat = (0..dims.len()).try_fold(0usize, |flat, k| {
            let here = if k == axis { place(i, dims[k])? } else { at[k] };
            Ok::<_, candle_core::Error>(flat * dims[k] + here)
        })?;
        found.push(flat as i64);
        for k in (0..at.len()).rev() {
            at[k] += 1;
            if at[k] < sides[k] {
                break;
            }
            at[k] = 0;
        }
    }
    Ok(found)
}

/// GatherElements.
pub(in super::super) fn gather_elements(node: &Node) -> Built {
    let axis = node.int("axis", 0)?;
    Ok(Box::new(move |args| {
        let (x, at) = (need(args, 0)?, need(args, 1)?);
        let axis = axis_of(axis, x.rank())?;
        Ok(vec![take(x, 1, along(x.dims(), at, axis)?, at.dims())?])
    }))
}

/// Tuples of indices, the last side of `indices`, as rows of what has sides `dims`; also how many elements a row has.
fn tuples(dims: &[usize], indices: &Tensor) -> Result<(Vec<i64>, usize)> {
    let Some((&k, _)) = indices.dims().split_last() else {
        bail!("indices that are one number");
    };
    if k > dims.len() || k == 0 {
        bail!("tuples of {k} indices in {} dimensions", dims.len());
    }
    let rows = ints(indices)?
        .chunks_exact(k)
        .map(|tuple| {
            let each = tuple.iter().zip(dims);
            each.map(|(&i, &n)| Ok((place(i, n)?, n)))
                .try_fold(0usize, |row, at: Result<_>| at.map(|(i, n)| row * n + i))
                .map(|row| row as i64)
        })
        .collect::<Result<Vec<i64>>>()?;
    Ok((rows, dims[k..].iter().product()))
}

/// GatherND.
pub(in super::super) fn gather_nd(node: &Node) -> Built {
    let batch = usize::try_from(node.int("batch_dims", 0)?).map_err(|_| "batch_dims")?;
    Ok(Box::new(move |args| {
        let (x, at) = (need(args, 0)?, need(args, 1)?);
        if at.rank() == 0 {
            bail!("indices that are one number");
        }
        let lead = at.rank() - 1;
        if batch >= x.rank() || batch > lead || x.dims()[..batch] != at.dims()[..batch] {
            bail!(
                "{batch} batch dimensions of {:?} by {:?}",
                x.dims(),
                at.dims()
            );
        }
        let k = at.dims()[lead];
        let mut dims = at.dims()[..lead].to_vec();
        dims.extend(x.dims().iter().skip(batch + k));
        let (mut rows, n) = tuples(&x.dims()[batch..], at)?;
        let each: usize = at.dims()[batch..lead].iter().product();
        let stride: usize = x.dims()[batch..].iter().take(k).product();
        for (i, row) in rows.iter_mut().enumerate() {
            *row += (i / each.max(1) * stride) as i64;
        }
        Ok(vec![take(x, n, rows, &dims)?])
    }))
}

/// What becomes of a value and what is written over it.
#[derive(Clone, Copy)]
enum Reduction {
    Replace,
    Add,
    Mul,
    Max,
    Min,
}

impl Reduction {
    fn of(node: &Node) -> std::result::Result<Self, String> {
        Ok(match node.text("reduction", "none")?.as_str() {
            "none" => Self::Replace,
            "add" => Self::Add,
            "mul" => Self::Mul,
            "max" => Self::Max,
            "min" => Self::Min,
            other => return Err(format!("reduction '{other}' is not supported")),
        })
    }

    fn floats(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Replace => b,
            Self::Add => a + b,
            Self::Mul => a * b,
            // What is no number stays so.
            _ if a.is_nan() || b.is_nan() => f32::NAN,
            Self::Max => a.max(b),
            Self::Min => a.min(b),
        }
    }

    fn ints(self, a: i64, b: i64) -> i64 {
        match self {
            Self::Replace => b,
            Self::Add => a.wrapping_add(b),
            Self::Mul => a.wrapping_mul(b),
            Self::Max => a.max(b),
            Self::Min => a.min(b),
        }
    }

    /// `x` in rows of `n` elements with row `i` of `updates` written to row `rows[i]`, one after the other.
    fn write(self, x: &Tensor, n: usize, rows: &[i64], updates: &Tensor) -> Result<Tensor> {
        if updates.dtype() != x.dtype() {
            bail!("updates of type {:?} for {:?}", updates.dtype(), x.dtype());
        }
        if updates.elem_count() != rows.len() * n {
            bail!(
                "updates of shape {:?} for {} places of {n}",
                updates.dims(),
                rows.len()
            );
        }
        let places = rows
            .iter()
            .enumerate()
            .flat_map(|(i, &row)| (0..n).map(move |k| (row as usize * n + k, i * n + k)));
        match (x.dtype(), self) {
            (DType::F32, _) => {
                let (mut y, from) = (float_vec(x)?, float_vec(updates)?);
                places.for_each(|(to, i)| y[to] = self.floats(y[to], from[i]));
                made(y, x.dims())
            }
            (DType::I64, _) | (_, Self::Replace) => {
                let (mut y, from) = (ints(x)?, ints(updates)?);
                places.for_each(|(to, i)| y[to] = self.ints(y[to], from[i]));
                made_ints(y, x.dims())?.to_dtype(x.dtype())
            }
            _ => bail!("a reduction of booleans"),
        }
    }
}

/// ScatterND.
pub(in super::super) fn scatter_nd(node: &Node) -> Built {
    let reduction = Reduction::of(node)?;
    Ok(Box::new(move |args| {
        let (x, at, updates) = (need(args, 0)?, need(args, 1)?, need(args, 2)?);
        let (rows, n) = tuples(x.dims(), at)?;
        let lead = at.rank() - 1;
        let dims = [&at.dims()[..lead], &x.dims()[at.dims()[lead]..]].concat();
        if updates.dims() != dims {
            bail!("updates of shape {:?}, not {dims:?}", updates.dims());
        }
        Ok(vec![reduction.write(x, n, &rows, updates)?])
    }))
}

/// ScatterElements.
pub(in super::super) fn scatter_elements(node: &Node) -> Built {
    let axis = node.int("axis", 0)?;
    let reduction = Reduction::of(node)?;
    Ok(Box::new(move |args| {
        let (x, at, updates) = (need(args, 0)?, need(args, 1)?, need(args, 2)?);
        let axis = axis_of(axis, x.rank())?;
        if at.dims() != updates.dims() {
            bail!("indices {:?} and updates {:?}", at.dims(), updates.dims());
        }
        let rows = along(x.dims(), at, axis)?;
        Ok(vec![reduction.write(x, 1, &rows, updates)?])
    }))
}

/// OneHot.
pub(in super::super) fn one_hot(node: &Node) -> Built {
    let axis = node.int("axis", -1)?;
    Ok(Box::new(move |args| {
        let (at, depth, values) = (need(args, 0)?, need(args, 1)?, need(args, 2)?);
        let depth = match ints(&depth.to_dtype(DType::I64)?)?.as_slice() {
            &[n] if n > 0 => n as usize,
            other => bail!("a depth of {other:?}"),
        };
        if values.dims() != [2] {
            bail!("two values expected, shape {:?} given", values.dims());
        }
        let axis = axis_of(axis, at.rank() + 1)?;
        let mut dims = at.dims().to_vec();
        dims.insert(axis, depth);
        sane(&dims)?;
        let inner: usize = at.dims()[axis..].iter().product();
        let mut picked = vec![0i64; dims.iter().product()];
        for (i, index) in ints(&at.to_dtype(DType::I64)?)?.into_iter().enumerate() {
            // What is out of range is nowhere on.
            if let Ok(k) = place(index, depth) {
                picked[(i / inner * depth + k) * inner + i % inner] = 1;
            }
        }
        Ok(vec![take(values, 1, picked, &dims)?])
    }))
}

/// NonZero: the places of what is not 0, a row a dimension.
pub(in super::super) fn non_zero(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let x = need(args, 0)?;
        sane(&[x.rank(), x.elem_count()])?;
        let found: Vec<bool> = match x.dtype() {
            DType::F32 => float_vec(x)?.iter().map(|&v| v != 0.0).collect(),
            _ => ints(x)?.iter().map(|&v| v != 0).collect(),
        };
        let found: Vec<usize> = (0..found.len()).filter(|&i| found[i]).collect();
        let mut stride = x.elem_count();
        let mut places = Vec::with_capacity(x.rank() * found.len());
        for &n in x.dims() {
            stride /= n.max(1);
            places.extend(found.iter().map(|i| (i / stride % n) as i64));
        }
        Ok(vec![made_ints(places, &[x.rank(), found.len()])?])
    }))
}

/// Elements to be compared.
pub(super) enum Values {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

impl Values {
    pub fn of(x: &Tensor) -> Result<Self> {
        sane(x.dims())?;
        Ok(match x.dtype() {
            DType::F32 => Self::Floats(float_vec(x)?),
            _ => Self::Ints(ints(x)?),
        })
    }

    /// Which of two elements is the larger; NaN is the largest there is.
    pub fn order(&self, a: usize, b: usize) -> Ordering {
        match self {
            Self::Ints(x) => x[a].cmp(&x[b]),
            Self::Floats(x) => {
                let nan = || x[a].is_nan().cmp(&x[b].is_nan());
                x[a].partial_cmp(&x[b]).unwrap_or_else(nan)
            }
        }
    }
}

/// TopK: the `k` largest (or smallest) along an axis, in order, and where they were; of equals the first comes first.
pub(in super::super) fn top_k(node: &Node) -> Built {
    let axis = node.int("axis", -1)?;
    let largest = node.int("largest", 1)? != 0;
    let old = match node.opset {
        ..10 if !node.has("k") => return Err("attribute 'k' is missing".into()),
        ..10 => Some(node.int("k", 0)?),
        _ => None,
    };
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = axis_of(axis, x.rank())?;
        let n = x.dims()[axis];
        let k = match (old, args.get(1)) {
            (Some(k), _) => vec![k],
            (None, Some(Some(k))) => ints(k)?,
            (None, _) => bail!("input 1 is missing"),
        };
        let k = match k.as_slice() {
            &[k] if k >= 0 && k as usize <= n => k as usize,
            other => bail!("the first {other:?} of {n}"),
        };
        let values = Values::of(x)?;
        let inner: usize = x.dims()[axis + 1..].iter().product();
        let mut dims = x.dims().to_vec();
        dims[axis] = k;
        let count = dims.iter().product();
        let (mut flat, mut at) = (vec![0i64; count], vec![0i64; count]);
        for line in 0..x.elem_count() / n.max(1) {
            let (block, column) = (line / inner.max(1), line % inner.max(1));
            let from = |i: usize| (block * n + i) * inner + column;
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| match largest {
                true => values.order(from(b), from(a)),
                false => values.order(from(a), from(b)),
            });
            for (i, &found) in order[..k].iter().enumerate() {
                let to = (block * k + i) * inner + column;
                flat[to] = from(found) as i64;
                at[to] = found as i64;
            }
        }
        Ok(vec![take(x, 1, flat, &dims)?, made_ints(at, &dims)?])
    }))
}

/// CumSum.
pub(in super::super) fn cum_sum(node: &Node) -> Built {
    let exclusive = node.int("exclusive", 0)? != 0;
    let reverse = node.int("reverse", 0)? != 0;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = match ints(need(args, 1)?)?.as_slice() {
            &[axis] => axis_of(axis, x.rank())?,
            other => bail!("axes {other:?}"),
        };
        let n = x.dims()[axis];
        let inner: usize = x.dims()[axis + 1..].iter().product();
        // Lines of `n` places, `inner` apart; of each the places in the order of summing.
        fn sums<T: Copy>(
            x: &[T],
            [n, inner]: [usize; 2],
            [exclusive, reverse]: [bool; 2],
            zero: T,
            add: fn(T, T) -> T,
        ) -> Vec<T> {
            let mut y = x.to_vec();
            for line in 0..x.len() / n.max(1) {
                let first = line / inner * n * inner + line % inner;
                let mut sum = zero;
                for k in 0..n {
                    let at = first + if reverse { n - 1 - k } else { k } * inner;
                    let before = sum;
                    sum = add(sum, x[at]);
                    y[at] = if exclusive { before } else { sum };
                }
            }
            y
        }
        sane(x.dims())?;
        let (shape, how) = ([n, inner], [exclusive, reverse]);
        Ok(vec![match x.dtype() {
            DType::F32 => made(
                sums(&float_vec(x)?, shape, how, 0.0, |a, b| a + b),
                x.dims(),
            )?,
            DType::I64 => made_ints(sums(&ints(x)?, shape, how, 0, i64::wrapping_add), x.dims())?,
            other => bail!("numbers expected, {other:?} given"),
        }])
    }))
}

/// Trilu: what lies on one side of a diagonal of the last two dimensions; the rest is 0.
pub(in super::super) fn trilu(node: &Node) -> Built {
    let upper = node.int("upper", 1)? != 0;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let k = match args.get(1) {
            Some(Some(k)) => match ints(k)?.as_slice() {
                &[k] => k,
                other => bail!("diagonals {other:?}"),
            },
            _ => 0,
        };
        let &[.., h, w] = x.dims() else {
            bail!("shape {:?}", x.dims());
        };
        sane(&[h, w])?;
        let kept = (0..h * w).map(|i| {
            let away = (i % w) as i64 - (i / w) as i64;
            u8::from(if upper { away >= k } else { away <= k })
        });
        let kept = Tensor::from_vec(kept.collect::<Vec<u8>>(), (h, w), x.device())?;
        let x = x.contiguous()?;
        Ok(vec![
            kept.broadcast_as(x.dims())?
                .where_cond(&x, &x.zeros_like()?)?,
        ])
    }))
}
