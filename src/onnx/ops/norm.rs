//! Normalisations and Softmax.

use candle_core::{Result, Tensor, bail};

use super::super::cpu;
use super::super::node::{Built, Node};
use super::{axis_of, broadcast_dims, float_vec, map_rows, maybe, need};

/// (x - mean) / sqrt(variance + epsilon) of one row, then `scale` and `bias` by `at(i)`.
fn standardise(x: &[f32], y: &mut [f32], epsilon: f32, of: impl Fn(usize) -> (f32, f32)) {
    let [mean, variance] = cpu::moments(x);
    let scale = 1.0 / (variance + epsilon).sqrt();
    for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
        let (a, b) = of(i);
        *y = (x - mean) * scale * a + b;
    }
}

/// LayerNormalization over the dimensions from `axis` on.
pub(in super::super) fn layer(node: &Node) -> Built {
    node.one_output()?;
    let (axis, epsilon) = (node.int("axis", -1)?, node.float("epsilon", 1e-5)?);
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = axis_of(axis, x.rank())?;
        let n: usize = x.dims()[axis..].iter().product();
        let scale = float_vec(need(args, 1)?)?;
        let bias = maybe(args, 2)
            .map(float_vec)
            .transpose()?
            .unwrap_or_else(|| vec![0.0; n]);
        if scale.len() != n || bias.len() != n {
            bail!(
                "scale and bias of {} and {} on rows of {n}",
                scale.len(),
                bias.len()
            );
        }
        Ok(vec![map_rows(x, n, |_, x, y| {
            standardise(x, y, epsilon, |i| (scale[i], bias[i]))
        })?])
    }))
}

/// InstanceNormalization.
pub(in super::super) fn instance(node: &Node) -> Built {
    let epsilon = node.float("epsilon", 1e-5)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let (scale, bias) = (float_vec(need(args, 1)?)?, float_vec(need(args, 2)?)?);
        if x.rank() < 3 || x.dims()[1] != scale.len() || scale.len() != bias.len() {
            bail!("shape {:?} with {} scales", x.dims(), scale.len());
        }
        let n: usize = x.dims()[2..].iter().product();
        let c = scale.len();
        Ok(vec![map_rows(x, n, |row, x, y| {
            standardise(x, y, epsilon, |_| (scale[row % c], bias[row % c]));
        })?])
    }))
}

/// BatchNormalization with its running statistics.
pub(in super::super) fn batch(node: &Node) -> Built {
    node.one_output()?;
    if node.int("training_mode", 0)? != 0 {
        return Err("training mode; export the network for inference".into());
    }
    let epsilon = node.float("epsilon", 1e-5)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|i| need(args, i).and_then(float_vec));
        let (scale, bias, mean, variance) = (scale?, bias?, mean?, variance?);
        let c = scale.len();
        if x.rank() < 2
            || x.dims()[1] != c
            || bias.len() != c
            || mean.len() != c
            || variance.len() != c
        {
            bail!("shape {:?} with {c} scales", x.dims());
        }
        let n: usize = x.dims()[2..].iter().product();
        Ok(vec![map_rows(x, n, |row, x, y| {
            let k = row % c;
            let a = scale[k] / (variance[k] + epsilon).sqrt();
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - mean[k]) * a + bias[k];
            }
        })?])
    }))
}

/// RMSNormalization over the dimensions from `axis` on.
pub(in super::super) fn rms(node: &Node) -> Built {
    let (axis, epsilon) = (node.int("axis", -1)?, node.float("epsilon", 1e-5)?);
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = axis_of(axis, x.rank())?;
        let n: usize = x.dims()[axis..].iter().product();
        let scale = need(args, 1)?;
        if broadcast_dims(&x.dims()[axis..], scale.dims())? != x.dims()[axis..] {
            bail!("scale of {:?} on {:?}", scale.dims(), x.dims());
        }
        let scale = float_vec(&scale.broadcast_as(&x.dims()[axis..])?)?;
        Ok(vec![map_rows(x, n, |_, x, y| {
            let square = x.iter().map(|&v| f64::from(v * v)).sum::<f64>() / n as f64;
            let by = 1.0 / (square as f32 + epsilon).sqrt();
            for ((y, &x), scale) in y.iter_mut().zip(x).zip(&scale) {
                *y = x * by * scale;
            }
        })?])
    }))
}

/// GroupNormalization; a scale a group before opset 21, a channel since.
pub(in super::super) fn group(node: &Node) -> Built {
    let epsilon = node.float("epsilon", 1e-5)?;
    let groups = usize::try_from(node.int("num_groups", 0)?).map_err(|_| "num_groups")?;
    let old = node.opset < 21;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let (scale, bias) = (float_vec(need(args, 1)?)?, float_vec(need(args, 2)?)?);
        let c = x.dims().get(1).copied().unwrap_or(0);
        let each = if old { groups } else { c };
        if x.rank() < 3 || groups == 0 || c % groups != 0 || [scale.len(), bias.len()] != [each; 2]
        {
            bail!(
                "shape {:?} in {groups} groups with {} scales",
                x.dims(),
                scale.len()
            );
        }
        let area: usize = x.dims()[2..].iter().product();
        let wide = c / groups;
        Ok(vec![map_rows(x, wide * area, |row, x, y| {
            standardise(x, y, epsilon, |i| {
                let group = row % groups;
                let k = if old { group } else { group * wide + i / area };
                (scale[k], bias[k])
            });
        })?])
    }))
}

/// LpNormalization: along one axis, by the sum of absolute values or the root of the sum of squares.
pub(in super::super) fn lp(node: &Node) -> Built {
    let axis = node.int("axis", -1)?;
    let p = node.int("p", 2)?;
    if !(1..=2).contains(&p) {
        return Err(format!("p = {p} is not supported"));
    }
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = axis_of(axis, x.rank())?;
        Ok(vec![along(x, axis, |_, x, y| {
            let norm = match p {
                1 => x.iter().map(|v| v.abs()).sum::<f32>(),
                _ => x.iter().map(|v| v * v).sum::<f32>().sqrt(),
            };
            for (y, &x) in y.iter_mut().zip(x) {
                *y = if norm == 0.0 { 0.0 } else { x / norm };
            }
        })?])
    }))
}

/// `f` on each line along an axis.
fn along(x: &Tensor, axis: usize, f: impl Fn(usize, &[f32], &mut [f32]) + Sync) -> Result<Tensor> {
    let last = x.rank() - 1;
    if axis == last {
        return map_rows(x, x.dims()[last], f);
    }
    let turned = x.transpose(axis, last)?.contiguous()?;
    map_rows(&turned, turned.dims()[last], f)?.transpose(axis, last)
}

/// Softmax and LogSoftmax: over one axis since opset 13, over all dimensions from `axis` on before.
pub(in super::super) fn softmax(node: &Node) -> Built {
    let old = node.opset < 13;
    let axis = node.int("axis", if old { 1 } else { -1 })?;
    let line = match node.proto.op_type.as_str() {
        "LogSoftmax" => log_soft,
        _ => soft,
    };
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = axis_of(axis, x.rank())?;
        Ok(vec![match old {
            true => map_rows(x, x.dims()[axis..].iter().product(), line)?,
            false => along(x, axis, line)?,
        }])
    }))
}

/// Softmax of a line.
pub(super) fn soft(_: usize, x: &[f32], y: &mut [f32]) {
    let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = 1.0 / cpu::exponentials(x, top, y);
    for y in y {
        *y *= scale;
    }
}

fn log_soft(_: usize, x: &[f32], y: &mut [f32]) {
    let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let log = x.iter().map(|x| (x - top).exp()).sum::<f32>().ln();
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x - top - log;
    }
}
