//! Reductions over axes.

use candle_core::{DType, Result, Tensor, bail};

use super::super::node::{Built, Node};
use super::{axis_of, ints, made_ints, maybe, need};

type Reduction = fn(&Tensor, &[usize]) -> Result<Tensor>;

/// Axes are an attribute before `input_since`, an input from there on.
fn reduce(node: &Node, input_since: i64, f: Reduction) -> Built {
    let fixed = if node.opset < input_since {
        node.ints("axes")?
    } else {
        None
    };
    let keep = node.int("keepdims", 1)? != 0;
    let nothing_if_empty = node.int("noop_with_empty_axes", 0)? != 0;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axes = match (&fixed, maybe(args, 1)) {
            (Some(axes), _) => axes.clone(),
            (None, Some(t)) => ints(t)?,
            (None, None) => Vec::new(),
        };
        if axes.is_empty() && nothing_if_empty {
            return Ok(vec![x.clone()]);
        }
        let mut axes: Vec<usize> = axes
            .iter()
            .map(|&a| axis_of(a, x.rank()))
            .collect::<Result<_>>()?;
        if axes.is_empty() {
            axes = (0..x.rank()).collect();
        }
        axes.sort_unstable();
        axes.dedup();
        if x.elem_count() == 0 {
            bail!("nothing to reduce in {:?}", x.dims());
        }
        let y = if axes.is_empty() {
            x.clone()
        } else {
            f(x, &axes)?
        };
        if keep {
            return Ok(vec![y]);
        }
        let kept: Vec<usize> = (0..x.rank())
            .filter(|i| !axes.contains(i))
            .map(|i| x.dims()[i])
            .collect();
        Ok(vec![y.reshape(kept)?])
    }))
}

fn float(x: &Tensor) -> Result<()> {
    if x.dtype() != DType::F32 {
        bail!("floats expected, {:?} given", x.dtype());
    }
    Ok(())
}

pub(in super::super) fn mean(node: &Node) -> Built {
    reduce(node, 18, |x, axes| {
        float(x)?;
        x.mean_keepdim(axes.to_vec())
    })
}

pub(in super::super) fn sum(node: &Node) -> Built {
    reduce(node, 13, |x, axes| match x.dtype() {
        DType::I64 => int_sum(x, axes),
        DType::U8 => bail!("numbers expected, booleans given"),
        _ => x.sum_keepdim(axes.to_vec()),
    })
}

/// Wraps on overflow, as ONNX Runtime does.
fn int_sum(x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let mut kept = x.dims().to_vec();
    axes.iter().for_each(|&a| kept[a] = 1);
    let mut sums = vec![0i64; kept.iter().product()];
    for (i, value) in ints(x)?.into_iter().enumerate() {
        let (mut rest, mut at, mut step) = (i, 0, 1);
        for (&n, &k) in x.dims().iter().zip(&kept).rev() {
            if k > 1 {
                at += rest % n * step;
            }
            rest /= n;
            step *= k;
        }
        sums[at] = sums[at].wrapping_add(value);
    }
    made_ints(sums, &kept)
}

/// The axes along which there is anything to compare. Of one place candle may not know the stride.
fn longer(x: &Tensor, axes: &[usize]) -> impl Iterator<Item = usize> {
    let dims = x.dims().to_vec();
    axes.iter().copied().filter(move |&a| dims[a] > 1)
}

pub(in super::super) fn max(node: &Node) -> Built {
    reduce(node, 18, |x, axes| {
        longer(x, axes).try_fold(x.clone(), |x, a| x.max_keepdim(a))
    })
}

pub(in super::super) fn min(node: &Node) -> Built {
    reduce(node, 18, |x, axes| {
        longer(x, axes).try_fold(x.clone(), |x, a| x.min_keepdim(a))
    })
}

pub(in super::super) fn l2(node: &Node) -> Built {
    reduce(node, 18, |x, axes| {
        float(x)?;
        x.sqr()?.sum_keepdim(axes.to_vec())?.sqrt()
    })
}
