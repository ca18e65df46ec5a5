//! Reductions over axes.

use std::cmp::Ordering;

use candle_core::{DType, Result, Tensor, bail};

use super::super::node::{Built, Node};
use super::scatter::Values;
use super::unary::map;
use super::{axis_of, ints, made_ints, maybe, need};

/// Axes are an attribute before `input_since`, an input from there on.
fn reduce(
    node: &Node,
    input_since: i64,
    f: impl Fn(&Tensor, &[usize]) -> Result<Tensor> + Send + Sync + 'static,
) -> Built {
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
            // What is done to each element is still done.
            return Ok(vec![f(x, &[])?]);
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
        let y = f(x, &axes)?;
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

/// The sum over axes, if there are any.
fn summed(x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    match axes {
        [] => Ok(x.clone()),
        axes => x.sum_keepdim(axes.to_vec()),
    }
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
        match axes {
            [] => Ok(x.clone()),
            axes => x.mean_keepdim(axes.to_vec()),
        }
    })
}

pub(in super::super) fn sum(node: &Node) -> Built {
    reduce(node, 13, |x, axes| match x.dtype() {
        DType::I64 => int_sum(x, axes),
        DType::U8 => bail!("numbers expected, booleans given"),
        _ => summed(x, axes),
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

/// `over` of what `before` made of each element.
fn folded(
    node: &Node,
    before: fn(&Tensor) -> Result<Tensor>,
    over: fn(&Tensor) -> Result<Tensor>,
) -> Built {
    reduce(node, 18, move |x, axes| {
        float(x)?;
        over(&summed(&before(x)?, axes)?)
    })
}

/// ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum.
pub(in super::super) fn l1(node: &Node) -> Built {
    folded(node, Tensor::abs, |x| Ok(x.clone()))
}

pub(in super::super) fn sum_square(node: &Node) -> Built {
    folded(node, Tensor::sqr, |x| Ok(x.clone()))
}

pub(in super::super) fn log_sum(node: &Node) -> Built {
    folded(node, |x| Ok(x.clone()), Tensor::log)
}

/// ReduceLogSumExp, from the largest on so that nothing overflows.
pub(in super::super) fn log_sum_exp(node: &Node) -> Built {
    reduce(node, 18, |x, axes| {
        float(x)?;
        let top = longer(x, axes).try_fold(x.clone(), |x, a| x.max_keepdim(a))?;
        let top = map(&top, |t| if t.is_finite() { t } else { 0.0 })?;
        let sum = summed(&x.broadcast_sub(&top)?.exp()?, axes)?;
        sum.log()? + top
    })
}

/// ReduceProd.
pub(in super::super) fn prod(node: &Node) -> Built {
    reduce(node, 18, |x, axes| {
        longer(x, axes).try_fold(x.clone(), |x, axis| {
            let mut parts = (0..x.dims()[axis]).map(|i| x.narrow(axis, i, 1));
            let first = parts.next().unwrap_or_else(|| Ok(x.clone()))?;
            parts.try_fold(first, |done, part| match x.dtype() {
                DType::I64 => {
                    let (a, b) = (ints(&done)?, ints(&part?)?);
                    let each = a.iter().zip(&b).map(|(a, b)| a.wrapping_mul(*b));
                    made_ints(each.collect(), done.dims())
                }
                _ => done * part?,
            })
        })
    })
}

/// ArgMax and ArgMin: the first place of the largest or smallest, or the last one.
pub(in super::super) fn arg(node: &Node) -> Built {
    let axis = node.int("axis", 0)?;
    let keep = node.int("keepdims", 1)? != 0;
    let last = node.int("select_last_index", 0)? != 0;
    let largest = node.proto.op_type == "ArgMax";
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = axis_of(axis, x.rank())?;
        let n = x.dims()[axis];
        if n == 0 {
            bail!("nothing to reduce in {:?}", x.dims());
        }
        let values = Values::of(x)?;
        let inner: usize = x.dims()[axis + 1..].iter().product();
        let mut dims = x.dims().to_vec();
        dims[axis] = 1;
        let found = (0..dims.iter().product()).map(|line: usize| {
            let at = |i: usize| (line / inner * n + i) * inner + line % inner;
            let wanted = if largest {
                Ordering::Greater
            } else {
                Ordering::Less
            };
            let best = (1..n).fold(0, |best, i| {
                let order = values.order(at(i), at(best));
                if order == wanted || last && order == Ordering::Equal {
                    i
                } else {
                    best
                }
            });
            best as i64
        });
        let found = found.collect();
        if !keep {
            dims.remove(axis);
        }
        Ok(vec![made_ints(found, &dims)?])
    }))
}

pub(in super::super) fn l2(node: &Node) -> Built {
    folded(node, Tensor::sqr, Tensor::sqrt)
}
