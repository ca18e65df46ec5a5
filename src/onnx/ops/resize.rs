//! Resize and its forerunner Upsample.

use candle_core::{Result, Tensor, bail};

use super::super::node::{Args, Built, Node};
use super::taps::{Coordinates, Mode, Nearest, Rule};
use super::{axis_of, float_vec, ints, made, maybe, need, sane, with_floats};

fn rule(node: &Node) -> std::result::Result<Rule, String> {
    let mode = match node.text("mode", "nearest")?.as_str() {
        "nearest" => Mode::Nearest,
        "linear" | "bilinear" => Mode::Linear,
        "cubic" => Mode::Cubic,
        other => return Err(format!("mode '{other}' is not supported")),
    };
    if node.opset < 11 {
        return Ok(Rule {
            mode,
            coordinates: Coordinates::Asymmetric,
            nearest: Nearest::Floor,
            cubic_a: -0.75,
            exclude_outside: false,
        });
    }
    let coordinates = match node
        .text("coordinate_transformation_mode", "half_pixel")?
        .as_str()
    {
        "half_pixel" => Coordinates::HalfPixel,
        "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        other => {
            return Err(format!(
                "coordinate_transformation_mode '{other}' is not supported"
            ));
        }
    };
    let nearest = match node.text("nearest_mode", "round_prefer_floor")?.as_str() {
        "round_prefer_floor" => Nearest::RoundPreferFloor,
        "round_prefer_ceil" => Nearest::RoundPreferCeil,
        "floor" => Nearest::Floor,
        "ceil" => Nearest::Ceil,
        other => return Err(format!("nearest_mode '{other}' is not supported")),
    };
    if node.int("antialias", 0)? != 0 {
        return Err("antialias = 1 is not supported".into());
    }
    let policy = node.text("keep_aspect_ratio_policy", "stretch")?;
    if policy != "stretch" {
        return Err(format!(
            "keep_aspect_ratio_policy '{policy}' is not supported"
        ));
    }
    Ok(Rule {
        mode,
        coordinates,
        nearest,
        cubic_a: node.float("cubic_coeff_a", -0.75)?,
        exclude_outside: node.int("exclude_outside", 0)? != 0,
    })
}

/// An input that is there and not empty: exporters leave an empty tensor where they mean none.
fn given(args: Args<'_>, i: usize) -> Option<&Tensor> {
    maybe(args, i).filter(|t| t.elem_count() > 0)
}

/// Resize.
pub(in super::super) fn resize(node: &Node) -> Built {
    let rule = rule(node)?;
    let axes = node.ints("axes")?;
    // Opset 10 has no region of interest before the scales.
    let at = if node.opset < 11 { 1 } else { 2 };
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let axes = match &axes {
            Some(axes) => axes
                .iter()
                .map(|&a| axis_of(a, x.rank()))
                .collect::<Result<_>>()?,
            None => (0..x.rank()).collect::<Vec<_>>(),
        };
        let lengths = axes.iter().map(|&a| x.dims()[a]);
        let targets: Vec<(usize, f32)> = match (given(args, at), given(args, at + 1)) {
            (Some(scales), _) => lengths
                .zip(float_vec(scales)?)
                .map(|(n, s)| ((n as f32 * s).floor() as usize, s))
                .collect(),
            (None, Some(sizes)) => lengths
                .zip(ints(sizes)?)
                .map(|(n, m)| (m.max(0) as usize, m as f32 / n as f32))
                .collect(),
            (None, None) => bail!("neither scales nor sizes are given"),
        };
        apply(&rule, x, &axes, &targets)
    }))
}

/// Upsample: scales are an attribute before opset 9.
pub(in super::super) fn upsample(node: &Node) -> Built {
    let rule = rule(node)?;
    let fixed = if node.opset < 9 {
        node.floats("scales")?
    } else {
        None
    };
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let scales = match &fixed {
            Some(scales) => scales.clone(),
            None => float_vec(need(args, 1)?)?,
        };
        let targets: Vec<(usize, f32)> = x
            .dims()
            .iter()
            .zip(&scales)
            .map(|(&n, &s)| ((n as f32 * s).floor() as usize, s))
            .collect();
        apply(&rule, x, &(0..x.rank()).collect::<Vec<_>>(), &targets)
    }))
}

fn apply(rule: &Rule, x: &Tensor, axes: &[usize], targets: &[(usize, f32)]) -> Result<Vec<Tensor>> {
    if targets.len() != axes.len() || axes.len() > x.rank() {
        bail!("{} scales or sizes for {} axes", targets.len(), axes.len());
    }
    let mut full = x.dims().to_vec();
    for (&axis, &(m, _)) in axes.iter().zip(targets) {
        full[axis] = m;
    }
    sane(&full)?;
    let mut out = x.clone();
    // Shrinking axes first keeps what lies between small.
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_by(|&a, &b| targets[a].1.total_cmp(&targets[b].1));
    for i in order {
        let (axis, (m, scale)) = (axes[i], targets[i]);
        let n = out.dims()[axis];
        if n == m && scale == 1.0 {
            continue;
        }
        let taps = rule.taps(n, m, scale)?;
        let inner: usize = out.dims()[axis + 1..].iter().product();
        let data = with_floats(&out, |x| Ok(taps.apply(x, n, inner)))?;
        let mut dims = out.dims().to_vec();
        dims[axis] = m;
        out = made(data, &dims)?;
    }
    Ok(vec![out])
}
