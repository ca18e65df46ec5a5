//! Operators that make, ask for or change shapes.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::super::node::{Built, Node};
use super::super::plan::words;
use super::{axis_of, broadcast_dims, float_vec, ints, made, made_ints, maybe, need, sane};

/// Constant: a value in one of five attributes.
pub(in super::super) fn constant(node: &Node) -> Built {
    let value = if let Some(t) = node.tensor("value")? {
        Ok(t)
    } else if node.has("value_float") {
        made(vec![node.float("value_float", 0.0)?], &[])
    } else if let Some(v) = node.floats("value_floats")? {
        let n = v.len();
        made(v, &[n])
    } else if node.has("value_int") {
        made_ints(vec![node.int("value_int", 0)?], &[])
    } else if let Some(v) = node.ints("value_ints")? {
        let n = v.len();
        made_ints(v, &[n])
    } else {
        return Err("a value that is neither a tensor nor numbers".into());
    };
    let value = value.map_err(|e| words(&e))?;
    Ok(Box::new(move |_| Ok(vec![value.clone()])))
}

fn dims_of(values: &[i64]) -> Result<Vec<usize>> {
    let dims: Vec<usize> = values
        .iter()
        .map(|&d| usize::try_from(d).or_else(|_| bail!("shape {values:?}")))
        .collect::<Result<_>>()?;
    sane(&dims)?;
    Ok(dims)
}

/// ConstantOfShape.
pub(in super::super) fn constant_of_shape(node: &Node) -> Built {
    let value = match node.tensor("value")? {
        Some(v) => v.flatten_all(),
        None => made(vec![0.0], &[1]),
    }
    .map_err(|e| words(&e))?;
    if value.elem_count() != 1 {
        return Err("its value is not one number".into());
    }
    Ok(Box::new(move |args| {
        let dims = dims_of(&ints(need(args, 0)?)?)?;
        let one = value.reshape(vec![1; dims.len()])?;
        Ok(vec![one.broadcast_as(dims)?.contiguous()?])
    }))
}

/// Shape, of the dimensions from `start` to `end` (opset 15).
pub(in super::super) fn shape(node: &Node) -> Built {
    let (start, end) = (node.int("start", 0)?, node.int("end", i64::MAX)?);
    Ok(Box::new(move |args| {
        let picked = picked(need(args, 0)?.dims(), start, end);
        let len = picked.len();
        Ok(vec![made_ints(picked, &[len])?])
    }))
}

/// Sides from `start` to `end`, which may count from the back.
pub(in super::super) fn picked(dims: &[usize], start: i64, end: i64) -> Vec<i64> {
    let n = dims.len() as i64;
    let at = |i: i64| (if i < 0 { i.saturating_add(n) } else { i }).clamp(0, n) as usize;
    let (from, to) = (at(start), at(end));
    dims[from..to.max(from)].iter().map(|&d| d as i64).collect()
}

/// Size.
pub(in super::super) fn size(_: &Node) -> Built {
    Ok(Box::new(|args| {
        Ok(vec![made_ints(
            vec![need(args, 0)?.elem_count() as i64],
            &[],
        )?])
    }))
}

/// Identity, and Dropout, which does nothing when a network is used.
pub(in super::super) fn identity(node: &Node) -> Built {
    node.one_output()?;
    Ok(Box::new(|args| Ok(vec![need(args, 0)?.clone()])))
}

/// Reshape, Flatten, Squeeze and Unsqueeze: the same elements with other sides.
pub(in super::super) enum Shaping {
    Reshape {
        /// A side of 0 is one of 0; else it stays as it is.
        allow_zero: bool,
    },
    Flatten {
        axis: i64,
    },
    /// The axes are an attribute before opset 13, an input since.
    Squeeze(Option<Vec<i64>>),
    /// Axes count in the result.
    Unsqueeze(Option<Vec<i64>>),
}

impl Shaping {
    pub fn of(node: &Node) -> std::result::Result<Self, String> {
        let axes = || match node.opset {
            ..13 => node.ints("axes"),
            _ => Ok(None),
        };
        Ok(match node.proto.op_type.as_str() {
            "Reshape" => Self::Reshape {
                allow_zero: node.int("allowzero", 0)? != 0,
            },
            "Flatten" => Self::Flatten {
                axis: node.int("axis", 1)?,
            },
            "Squeeze" => Self::Squeeze(axes()?),
            _ => Self::Unsqueeze(axes()?),
        })
    }

    /// The new sides of what has these, by the second input where there is one.
    pub fn dims(&self, dims: &[usize], second: Option<&Tensor>) -> Result<Vec<usize>> {
        let needed = || match second {
            Some(t) => ints(t),
            None => bail!("input 1 is missing"),
        };
        match self {
            Self::Reshape { allow_zero } => reshaped(dims, needed()?, *allow_zero),
            Self::Flatten { axis } => {
                let at = match usize::try_from(*axis) {
                    Ok(axis) if axis == dims.len() => axis,
                    _ => axis_of(*axis, dims.len())?,
                };
                let (rows, columns) = dims.split_at(at);
                Ok(vec![rows.iter().product(), columns.iter().product()])
            }
            Self::Squeeze(fixed) => {
                let axes = match (fixed, second) {
                    (Some(axes), _) => axes.clone(),
                    (None, Some(t)) => ints(t)?,
                    (None, None) => (0..dims.len() as i64)
                        .filter(|&i| dims[i as usize] == 1)
                        .collect(),
                };
                let axes = axes
                    .iter()
                    .map(|&a| axis_of(a, dims.len()))
                    .collect::<Result<Vec<usize>>>()?;
                if let Some(&bad) = axes.iter().find(|&&a| dims[a] != 1) {
                    bail!("dimension {bad} of {dims:?} is not 1");
                }
                let kept = (0..dims.len()).filter(|i| !axes.contains(i));
                Ok(kept.map(|i| dims[i]).collect())
            }
            Self::Unsqueeze(fixed) => {
                let axes = match fixed {
                    Some(axes) => axes.clone(),
                    None => needed()?,
                };
                let rank = dims.len() + axes.len();
                sane(&vec![1; rank])?;
                let axes = axes
                    .iter()
                    .map(|&a| axis_of(a, rank))
                    .collect::<Result<Vec<usize>>>()?;
                let mut old = dims.iter();
                let side = |i| match axes.contains(&i) {
                    true => 1,
                    false => old.next().copied().unwrap_or(1),
                };
                Ok((0..rank).map(side).collect())
            }
        }
    }
}

fn reshaped(dims: &[usize], mut wanted: Vec<i64>, allow_zero: bool) -> Result<Vec<usize>> {
    let count: usize = dims.iter().product();
    for (i, d) in wanted.iter_mut().enumerate() {
        if *d == 0 && !allow_zero {
            let Some(&same) = dims.get(i) else {
                bail!("dimension {i} is to stay, and there is none");
            };
            *d = same as i64;
        }
    }
    if let Some(hole) = wanted.iter().position(|&d| d == -1) {
        let rest: i64 = wanted
            .iter()
            .filter(|&&d| d != -1)
            .try_fold(1i64, |n, &d| n.checked_mul(d))
            .unwrap_or(0);
        if rest <= 0 || count as i64 % rest != 0 {
            bail!("{dims:?} does not reshape to {wanted:?}");
        }
        wanted[hole] = count as i64 / rest;
    }
    dims_of(&wanted)
}

/// Reshape, Flatten, Squeeze, Unsqueeze.
pub(in super::super) fn shaping(node: &Node) -> Built {
    let to = Shaping::of(node)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        Ok(vec![x.reshape(to.dims(x.dims(), maybe(args, 1))?)?])
    }))
}

/// Transpose.
pub(in super::super) fn transpose(node: &Node) -> Built {
    let perm = node.ints("perm")?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        Ok(vec![x.permute(order(perm.as_deref(), x.rank())?)?])
    }))
}

/// The order that the sides get; turned round where none is given.
pub(in super::super) fn order(perm: Option<&[i64]>, rank: usize) -> Result<Vec<usize>> {
    let order: Vec<usize> = match perm {
        Some(perm) => perm
            .iter()
            .map(|&a| axis_of(a, rank))
            .collect::<Result<_>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..rank) {
        bail!("perm {order:?} of {rank} dimensions");
    }
    Ok(order)
}

/// Expand.
pub(in super::super) fn expand(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let x = need(args, 0)?;
        let dims = broadcast_dims(x.dims(), &dims_of(&ints(need(args, 1)?)?)?)?;
        Ok(vec![x.broadcast_as(dims)?.contiguous()?])
    }))
}

/// Tile.
pub(in super::super) fn tile(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let x = need(args, 0)?;
        let times = dims_of(&ints(need(args, 1)?)?)?;
        if times.len() != x.rank() {
            bail!("{} repeats for {} dimensions", times.len(), x.rank());
        }
        let dims: Vec<usize> = x
            .dims()
            .iter()
            .zip(&times)
            .map(|(&d, &t)| d.saturating_mul(t))
            .collect();
        sane(&dims)?;
        if dims.contains(&0) {
            return Ok(vec![Tensor::zeros(dims, x.dtype(), &Device::Cpu)?]);
        }
        let mut out = x.clone();
        for (axis, &t) in times.iter().enumerate() {
            out = match t {
                1 => out,
                _ => Tensor::cat(&vec![out; t], axis)?,
            };
        }
        Ok(vec![out])
    }))
}

/// Range of integers or floats.
pub(in super::super) fn range(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let (from, to, by) = (need(args, 0)?, need(args, 1)?, need(args, 2)?);
        if from.elem_count() != 1 || to.elem_count() != 1 || by.elem_count() != 1 {
            bail!("start, limit and delta must be one number each");
        }
        let read = |t: &Tensor| -> Result<f64> {
            t.to_dtype(DType::F64)?.flatten_all()?.get(0)?.to_scalar()
        };
        let (a, b, d) = (read(from)?, read(to)?, read(by)?);
        let count = ((b - a) / d).ceil();
        if !count.is_finite() {
            bail!("from {a} to {b} by {d}");
        }
        let count = count.max(0.0) as usize;
        sane(&[count])?;
        let at = (0..count).map(|i| a + d * i as f64);
        Ok(vec![match from.dtype() {
            DType::I64 => made_ints(at.map(|x| x as i64).collect(), &[count])?,
            _ => made(at.map(|x| x as f32).collect(), &[count])?,
        }])
    }))
}

/// The side of a block, and whether its places change slower than depth (mode DCR) or depth slower than they (CRD).
fn blocks(node: &Node) -> std::result::Result<(usize, bool), String> {
    let block = usize::try_from(node.int("blocksize", 0)?)
        .ok()
        .filter(|&b| b > 0)
        .ok_or("blocksize")?;
    match node.text("mode", "DCR")?.as_str() {
        "DCR" => Ok((block, true)),
        "CRD" => Ok((block, false)),
        other => Err(format!("mode '{other}' is not supported")),
    }
}

/// DepthToSpace.
pub(in super::super) fn depth_to_space(node: &Node) -> Built {
    let (block, columns_first) = blocks(node)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let (n, c, h, w) = x.dims4()?;
        let area = block.saturating_mul(block);
        if c % area != 0 {
            bail!("{c} channels in blocks of {block}");
        }
        sane(x.dims())?;
        let d = c / area;
        let y = if columns_first {
            x.reshape(vec![n, block, block, d, h, w])?
                .permute(vec![0, 3, 4, 1, 5, 2])?
        } else {
            x.reshape(vec![n, d, block, block, h, w])?
                .permute(vec![0, 1, 4, 2, 5, 3])?
        };
        Ok(vec![y.contiguous()?.reshape((
            n,
            d,
            h * block,
            w * block,
        ))?])
    }))
}

/// SpaceToDepth.
pub(in super::super) fn space_to_depth(node: &Node) -> Built {
    let (block, columns_first) = blocks(node)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let (n, c, h, w) = x.dims4()?;
        if h % block != 0 || w % block != 0 {
            bail!("{h}x{w} in blocks of {block}");
        }
        let all = c.saturating_mul(block).saturating_mul(block);
        sane(&[n, all, h / block, w / block])?;
        let (rows, columns) = (h / block, w / block);
        let order = match columns_first {
            true => vec![0, 3, 5, 1, 2, 4],
            false => vec![0, 1, 3, 5, 2, 4],
        };
        let y = x
            .reshape(vec![n, c, rows, block, columns, block])?
            .permute(order)?;
        Ok(vec![y.contiguous()?.reshape((n, all, rows, columns))?])
    }))
}

/// One value in a tensor of `dims`, of the type of `like`.
pub(super) fn filled(value: Option<&Tensor>, dims: &[usize], like: &Tensor) -> Result<Tensor> {
    let Some(value) = value else {
        return Tensor::zeros(dims, like.dtype(), &Device::Cpu);
    };
    if value.elem_count() != 1 || value.dtype() != like.dtype() {
        bail!("a fill value that is not one number of the input's type");
    }
    if like.dtype() == DType::F32 {
        let v = float_vec(value)?[0];
        return made(vec![v; dims.iter().product()], dims);
    }
    value
        .reshape(vec![1; dims.len()])?
        .broadcast_as(dims)?
        .contiguous()
}
