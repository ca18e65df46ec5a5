//! Operators that pick, join or pad along an axis.

use candle_core::{Result, Tensor, bail};

use super::super::node::{Args, Built, Node};
use super::{axis_of, ints, made_ints, maybe, narrow, need, sane, scatter, shape};

fn pick(x: &Tensor, axis: usize, at: Vec<i64>) -> Result<Tensor> {
    let n = at.len();
    let mut dims = x.dims().to_vec();
    dims[axis] = n;
    sane(&dims)?;
    x.contiguous()?.index_select(&made_ints(at, &[n])?, axis)
}

/// Concat.
pub(in super::super) fn concat(node: &Node) -> Built {
    if !node.has("axis") {
        return Err("attribute 'axis' is missing".into());
    }
    let axis = node.int("axis", 0)?;
    Ok(Box::new(move |args| {
        let all: Vec<&Tensor> = (0..args.len())
            .map(|i| need(args, i))
            .collect::<Result<_>>()?;
        let first = need(args, 0)?;
        let axis = axis_of(axis, first.rank())?;
        let mut dims = first.dims().to_vec();
        dims[axis] = all
            .iter()
            .map(|t| t.dims().get(axis).copied().unwrap_or(0))
            .fold(0, usize::saturating_add);
        sane(&dims)?;
        // Empty parts add nothing, and candle does not join them.
        let parts: Vec<&Tensor> = all.iter().copied().filter(|t| t.elem_count() > 0).collect();
        Ok(vec![match parts.as_slice() {
            [] => first.clone(),
            [one] => (*one).clone(),
            parts => Tensor::cat(parts, axis)?,
        }])
    }))
}

/// The parts of Split: even, or by sizes (an attribute before opset 13, an input since).
pub(in super::super) struct Parts {
    fixed: Option<Vec<i64>>,
    count: usize,
}

impl Parts {
    pub fn of(node: &Node) -> std::result::Result<Self, String> {
        Ok(Self {
            fixed: match node.opset {
                ..13 => node.ints("split")?,
                _ => None,
            },
            count: node.proto.output.len(),
        })
    }

    /// Sizes of the parts of `n` places, by the second input where there is one.
    pub fn sizes(&self, n: usize, second: Option<&Tensor>) -> Result<Vec<usize>> {
        let sizes: Vec<usize> = match (&self.fixed, second) {
            (Some(sizes), _) => sizes.iter().map(|&s| s.max(0) as usize).collect(),
            (None, Some(t)) => ints(t)?.iter().map(|&s| s.max(0) as usize).collect(),
            (None, None) => {
                // Even parts, the last one smaller if it must be (opset 18).
                let each = n.div_ceil(self.count.max(1));
                (0..self.count)
                    .map(|i| each.min(n.saturating_sub(i * each)))
                    .collect()
            }
        };
        if sizes.iter().fold(0usize, |a, &b| a.saturating_add(b)) != n {
            bail!("parts {sizes:?} of {n}");
        }
        Ok(sizes)
    }
}

/// Split.
pub(in super::super) fn split(node: &Node) -> Built {
    let axis = node.int("axis", 0)?;
    let parts = Parts::of(node)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axis = axis_of(axis, x.rank())?;
        let mut from = 0;
        let sizes = parts.sizes(x.dims()[axis], maybe(args, 1))?;
        sizes
            .into_iter()
            .map(|size| {
                let part = narrow(x, axis, from, size);
                from += size;
                part
            })
            .collect()
    }))
}

/// Gather.
pub(in super::super) fn gather(node: &Node) -> Built {
    let axis = node.int("axis", 0)?;
    Ok(Box::new(move |args| {
        let (x, at) = (need(args, 0)?, need(args, 1)?);
        let axis = axis_of(axis, x.rank())?;
        let n = x.dims()[axis];
        let picked: Vec<i64> = ints(at)?
            .into_iter()
            .map(|i| Ok(scatter::place(i, n)? as i64))
            .collect::<Result<_>>()?;
        let mut dims = x.dims()[..axis].to_vec();
        dims.extend(at.dims());
        dims.extend(&x.dims()[axis + 1..]);
        sane(&dims)?;
        let out = match picked.as_slice() {
            [one] => x.narrow(axis, *one as usize, 1)?,
            _ => pick(x, axis, picked)?,
        };
        Ok(vec![out.reshape(dims)?])
    }))
}

/// What Slice cuts: attributes before opset 10, inputs since.
#[derive(Clone)]
pub(in super::super) struct Cuts {
    starts: Vec<i64>,
    ends: Vec<i64>,
    axes: Option<Vec<i64>>,
    steps: Option<Vec<i64>>,
}

impl Cuts {
    /// Where they are attributes.
    pub fn fixed(node: &Node) -> std::result::Result<Option<Self>, String> {
        if node.opset >= 10 {
            return Ok(None);
        }
        match (node.ints("starts")?, node.ints("ends")?) {
            (Some(starts), Some(ends)) => Ok(Some(Self {
                starts,
                ends,
                axes: node.ints("axes")?,
                steps: None,
            })),
            _ => Err("attributes 'starts' and 'ends' are missing".into()),
        }
    }

    /// Of the inputs where they are not fixed.
    pub fn read(fixed: Option<&Self>, args: Args<'_>) -> Result<Self> {
        let cuts = match fixed {
            Some(cuts) => cuts.clone(),
            None => Self {
                starts: ints(need(args, 1)?)?,
                ends: ints(need(args, 2)?)?,
                axes: maybe(args, 3).map(ints).transpose()?,
                steps: maybe(args, 4).map(ints).transpose()?,
            },
        };
        let n = cuts.starts.len();
        let fits = |list: &Option<Vec<i64>>| list.as_ref().is_none_or(|list| list.len() == n);
        if cuts.ends.len() != n || !fits(&cuts.axes) || !fits(&cuts.steps) {
            bail!("starts, ends, axes and steps differ in length");
        }
        Ok(cuts)
    }

    /// Axis, start, end and step of each.
    pub fn each(&self) -> impl Iterator<Item = [i64; 4]> + '_ {
        (0..self.starts.len()).map(|i| {
            let of = |list: &Option<Vec<i64>>, default| list.as_ref().map_or(default, |l| l[i]);
            let axis = of(&self.axes, i as i64);
            [axis, self.starts[i], self.ends[i], of(&self.steps, 1)]
        })
    }
}

/// Slice.
pub(in super::super) fn slice(node: &Node) -> Built {
    let fixed = Cuts::fixed(node)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let cuts = Cuts::read(fixed.as_ref(), args)?;
        if cuts.starts.len() > x.rank() {
            bail!("{} axes of {} dimensions", cuts.starts.len(), x.rank());
        }
        let mut out = x.clone();
        for [axis, start, end, step] in cuts.each() {
            out = cut(&out, axis_of(axis, x.rank())?, start, end, step)?;
        }
        Ok(vec![out])
    }))
}

/// From which place of `n` to before which a slice of step 1 goes; both may count from the back.
pub(in super::super) fn span(n: usize, start: i64, end: i64) -> (usize, usize) {
    let n = n as i64;
    let place = |i: i64| (if i < 0 { i.saturating_add(n) } else { i }).clamp(0, n);
    let from = place(start);
    (from as usize, place(end).max(from) as usize)
}

fn cut(x: &Tensor, axis: usize, start: i64, end: i64, step: i64) -> Result<Tensor> {
    let n = x.dims()[axis] as i64;
    let from_back = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
    if step == 0 {
        bail!("a step of 0");
    }
    if step > 0 {
        let (a, b) = span(x.dims()[axis], start, end);
        if step == 1 {
            return narrow(x, axis, a, b - a);
        }
        let by = usize::try_from(step).unwrap_or(usize::MAX);
        return pick(x, axis, (a as i64..b as i64).step_by(by).collect());
    }
    let (a, b) = (
        from_back(start).clamp(-1, n - 1),
        from_back(end).clamp(-1, n - 1),
    );
    let by = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    pick(x, axis, (b + 1..=a).rev().step_by(by).collect())
}

/// Pad: constant, reflect, edge or wrap; amounts are an attribute before opset 11, an input since.
pub(in super::super) fn pad(node: &Node) -> Built {
    let mode = node.text("mode", "constant")?;
    if !matches!(mode.as_str(), "constant" | "reflect" | "edge" | "wrap") {
        return Err(format!("mode '{mode}' is not supported"));
    }
    let old = if node.opset < 11 {
        node.ints("pads")?
    } else {
        None
    };
    let value = node.float("value", 0.0)?;
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let pads = match &old {
            Some(pads) => pads.clone(),
            None => ints(need(args, 1)?)?,
        };
        let old_fill = super::made(vec![value], &[1])?;
        let fill = if old.is_some() {
            Some(&old_fill)
        } else {
            maybe(args, 2)
        };
        let axes = match maybe(args, 3) {
            Some(t) => ints(t)?
                .iter()
                .map(|&a| axis_of(a, x.rank()))
                .collect::<Result<_>>()?,
            None => (0..x.rank()).collect::<Vec<_>>(),
        };
        if pads.len() != 2 * axes.len() || axes.len() > x.rank() {
            bail!("{} pads for {} axes", pads.len(), axes.len());
        }
        let mut out = x.clone();
        for (i, &axis) in axes.iter().enumerate() {
            out = widen(&out, axis, pads[i], pads[axes.len() + i], &mode, fill)?;
        }
        Ok(vec![out])
    }))
}

fn widen(
    x: &Tensor,
    axis: usize,
    before: i64,
    after: i64,
    mode: &str,
    fill: Option<&Tensor>,
) -> Result<Tensor> {
    let n = x.dims()[axis] as i64;
    // A negative amount crops.
    let crop = |amount: i64| amount.saturating_neg().clamp(0, n);
    let (crop_a, crop_b) = (crop(before), crop(after));
    let mut x = x.clone();
    if crop_a + crop_b > 0 {
        if crop_a + crop_b > n {
            bail!("pads of {before} and {after} on {n}");
        }
        x = narrow(&x, axis, crop_a as usize, (n - crop_a - crop_b) as usize)?;
    }
    let (n, before, after) = (x.dims()[axis] as i64, before.max(0), after.max(0));
    if before == 0 && after == 0 {
        return Ok(x);
    }
    let mut dims = x.dims().to_vec();
    dims[axis] =
        usize::try_from(n.saturating_add(before).saturating_add(after)).unwrap_or(usize::MAX);
    sane(&dims)?;
    if mode == "constant" {
        let side = |count: i64| {
            let mut dims = x.dims().to_vec();
            dims[axis] = count as usize;
            shape::filled(fill, &dims, &x)
        };
        let parts: Vec<Tensor> = [side(before)?, x.clone(), side(after)?]
            .into_iter()
            .filter(|t| t.dims()[axis] > 0)
            .collect();
        return Tensor::cat(&parts, axis);
    }
    if n == 0 || (mode == "reflect" && before.max(after) >= n) {
        bail!("{mode} padding of {before} and {after} on {n}");
    }
    let at = (-before..n + after).map(|i| {
        if mode == "edge" {
            i.clamp(0, n - 1)
        } else if mode == "wrap" {
            i.rem_euclid(n)
        } else if i < 0 {
            -i
        } else if i >= n {
            2 * (n - 1) - i
        } else {
            i
        }
    });
    pick(&x, axis, at.collect())
}
