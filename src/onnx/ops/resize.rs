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
            antialias: false,
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
        antialias: node.int("antialias", 0)? != 0,
    })
}

/// An input that is there and not empty: exporters leave an empty tensor where they mean none.
fn given(args: Args<'_>, i: usize) -> Option<&Tensor> {
    maybe(args, i).filter(|t| t.elem_count() > 0)
}

/// What Resize and Upsample do.
pub(in super::super) struct Resizing {
    pub rule: Rule,
    axes: Option<Vec<i64>>,
    wanted: Wanted,
}

/// Where the new sizes are.
enum Wanted {
    /// Scales that are an attribute, as of Upsample before opset 9.
    Scales(Vec<f32>),
    /// Input 1, scales.
    Upsample,
    /// This input, scales, or the next, sizes.
    Inputs(usize),
}

impl Resizing {
    pub fn of(node: &Node) -> std::result::Result<Self, String> {
        let rule = rule(node)?;
        if node.proto.op_type == "Resize" {
            return Ok(Self {
                rule,
                axes: node.ints("axes")?,
                // Opset 10 has no region of interest before the scales.
                wanted: Wanted::Inputs(if node.opset < 11 { 1 } else { 2 }),
            });
        }
        let fixed = match node.opset {
            ..9 => node.floats("scales")?,
            _ => None,
        };
        Ok(Self {
            rule,
            axes: None,
            wanted: fixed.map_or(Wanted::Upsample, Wanted::Scales),
        })
    }

    /// Axis, places and scale of each pass over what has these sides, in order. Shrinking axes come first, which keeps what lies
    /// between small, and of growing ones the last, along which single numbers are picked.
    pub fn passes(&self, dims: &[usize], args: Args<'_>) -> Result<Vec<(usize, usize, f32)>> {
        let axes = match &self.axes {
            Some(axes) => axes
                .iter()
                .map(|&a| axis_of(a, dims.len()))
                .collect::<Result<_>>()?,
            None => (0..dims.len()).collect::<Vec<_>>(),
        };
        let lengths = axes.iter().map(|&a| dims[a]);
        let scaled = |scales: Vec<f32>| -> Vec<(usize, f32)> {
            let each = lengths.clone().zip(scales);
            each.map(|(n, s)| ((n as f32 * s).floor() as usize, s))
                .collect()
        };
        let targets = match &self.wanted {
            Wanted::Scales(scales) => scaled(scales.clone()),
            Wanted::Upsample => scaled(float_vec(need(args, 1)?)?),
            Wanted::Inputs(at) => match (given(args, *at), given(args, at + 1)) {
                (Some(scales), _) => scaled(float_vec(scales)?),
                (None, Some(sizes)) => lengths
                    .clone()
                    .zip(ints(sizes)?)
                    .map(|(n, m)| (m.max(0) as usize, m as f32 / n as f32))
                    .collect(),
                (None, None) => bail!("neither scales nor sizes are given"),
            },
        };
        if targets.len() != axes.len() || axes.len() > dims.len() {
            bail!("{} scales or sizes for {} axes", targets.len(), axes.len());
        }
        let mut full = dims.to_vec();
        for (&axis, &(m, _)) in axes.iter().zip(&targets) {
            full[axis] = m;
        }
        sane(&full)?;
        let mut passes: Vec<(usize, usize, f32)> = axes
            .into_iter()
            .zip(targets)
            .filter(|&(axis, (m, scale))| dims[axis] != m || scale != 1.0)
            .map(|(axis, (m, scale))| (axis, m, scale))
            .collect();
        passes.sort_by(|a, b| a.2.min(1.0).total_cmp(&b.2.min(1.0)).then(b.0.cmp(&a.0)));
        Ok(passes)
    }
}

/// Resize and Upsample.
pub(in super::super) fn resize(node: &Node) -> Built {
    let plan = Resizing::of(node)?;
    Ok(Box::new(move |args| {
        let mut out = need(args, 0)?.clone();
        for (axis, m, scale) in plan.passes(out.dims(), args)? {
            let n = out.dims()[axis];
            let taps = plan.rule.taps(n, m, scale)?;
            let inner: usize = out.dims()[axis + 1..].iter().product();
            let data = with_floats(&out, |x| Ok(taps.apply(x, n, inner)))?;
            let mut dims = out.dims().to_vec();
            dims[axis] = m;
            out = made(data, &dims)?;
        }
        Ok(vec![out])
    }))
}
