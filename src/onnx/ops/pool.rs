//! Pooling in two dimensions.

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::super::node::{Built, Node};
use super::conv::Window;
use super::{made, need, sane, with_floats};

/// One window's answer from its values inside the input and how many places it has in all.
type Fold = fn(&[f32], usize) -> f32;

fn largest(values: &[f32], _: usize) -> f32 {
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

fn pool(node: &Node, fold: Fold) -> Built {
    node.one_output()?;
    let window = Window::read(node)?;
    let kernel: [usize; 2] = match node.ints("kernel_shape")?.as_deref() {
        Some(&[h, w]) if (1..1 << 16).contains(&h) && (1..1 << 16).contains(&w) => {
            [h as usize, w as usize]
        }
        other => {
            return Err(format!(
                "kernel_shape {other:?}: two spatial dimensions are supported"
            ));
        }
    };
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let (n, c, h, w) = x.dims4()?;
        let placed = window.place([h, w], kernel)?;
        let [oh, ow] = placed.out;
        sane(&[n, c, oh, ow])?;
        let mut y = vec![0f32; n * c * oh * ow];
        with_floats(x, |x| {
            y.par_chunks_mut((oh * ow).max(1))
                .zip(x.par_chunks((h * w).max(1)))
                .for_each(|(y, x)| {
                    let mut seen = Vec::with_capacity(kernel[0].min(h) * kernel[1].min(w));
                    for (i, y) in y.iter_mut().enumerate() {
                        seen.clear();
                        for ky in 0..kernel[0] {
                            let Some(iy) = placed.at(0, i / ow, ky, h) else {
                                continue;
                            };
                            let taps = (0..kernel[1]).filter_map(|kx| placed.at(1, i % ow, kx, w));
                            seen.extend(taps.map(|ix| x[iy * w + ix]));
                        }
                        *y = fold(&seen, kernel[0] * kernel[1]);
                    }
                });
            Ok(())
        })?;
        Ok(vec![made(y, &[n, c, oh, ow])?])
    }))
}

/// MaxPool.
pub(in super::super) fn max(node: &Node) -> Built {
    pool(node, largest)
}

/// AveragePool.
pub(in super::super) fn average(node: &Node) -> Built {
    if node.int("count_include_pad", 0)? != 0 {
        if node.int("ceil_mode", 0)? != 0 {
            return Err("count_include_pad with ceil_mode is not supported".into());
        }
        return pool(node, |values, all| values.iter().sum::<f32>() / all as f32);
    }
    pool(node, |values, _| {
        values.iter().sum::<f32>() / values.len().max(1) as f32
    })
}

fn global(x: &Tensor, fold: Fold) -> Result<Tensor> {
    if x.rank() < 3 {
        bail!("shape {:?}", x.dims());
    }
    let n: usize = x.dims()[2..].iter().product();
    if n == 0 {
        bail!("nothing to pool in {:?}", x.dims());
    }
    let y = with_floats(x, |x| Ok(x.chunks(n).map(|v| fold(v, n)).collect()))?;
    let mut dims = vec![1; x.rank()];
    dims[..2].copy_from_slice(&x.dims()[..2]);
    made(y, &dims)
}

/// GlobalAveragePool and GlobalMaxPool.
pub(in super::super) fn global_average(_: &Node) -> Built {
    Ok(Box::new(|args| {
        Ok(vec![global(need(args, 0)?, |v, n| {
            v.iter().sum::<f32>() / n as f32
        })?])
    }))
}

pub(in super::super) fn global_max(_: &Node) -> Built {
    Ok(Box::new(|args| Ok(vec![global(need(args, 0)?, largest)?])))
}
