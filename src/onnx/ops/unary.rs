//! Elementwise operators of one input.

use candle_core::{DType, Result, Tensor, bail};

use super::super::cpu::{self, Then};
use super::super::node::{Built, Node};
use super::{float_vec, ints, made_ints, map_rows, need};

/// `f` on every element of a float tensor, shared among threads.
pub(in super::super) fn map(t: &Tensor, f: impl Fn(f32) -> f32 + Sync) -> Result<Tensor> {
    // Any row length does; this one keeps the pieces even.
    let n = t.elem_count().clamp(1, 4096);
    map_rows(t, n, |_, x, y| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = f(x);
        }
    })
}

fn unary(f: impl Fn(f32) -> f32 + Send + Sync + 'static) -> Built {
    Ok(Box::new(move |args| Ok(vec![map(need(args, 0)?, &f)?])))
}

/// As `unary`, and `g` on integers.
fn either(f: fn(f32) -> f32, g: fn(i64) -> i64) -> Built {
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        Ok(vec![match x.dtype() {
            DType::I64 => made_ints(ints(x)?.into_iter().map(g).collect(), x.dims())?,
            _ => map(x, f)?,
        }])
    }))
}

/// Error function by Abramowitz and Stegun 7.1.26 (absolute error at most 1.5e-7).
pub(in super::super) fn erf(x: f32) -> f32 {
    let a = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let p = t
        * (0.254_829_6
            + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152_1 + t * 1.061_405_4))));
    (1.0 - p * (-a * a).exp()).copysign(x)
}

pub(in super::super) fn gelu_exact(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn soft_plus(x: f32) -> f32 {
    if x > 20.0 { x } else { x.exp().ln_1p() }
}

pub(in super::super) fn abs(_: &Node) -> Built {
    either(f32::abs, i64::wrapping_abs)
}

pub(in super::super) fn neg(_: &Node) -> Built {
    either(|x| -x, i64::wrapping_neg)
}

pub(in super::super) fn relu(_: &Node) -> Built {
    either(|x| if x < 0.0 { 0.0 } else { x }, |x| x.max(0))
}

pub(in super::super) fn sqrt(_: &Node) -> Built {
    unary(f32::sqrt)
}

pub(in super::super) fn exp(_: &Node) -> Built {
    unary(f32::exp)
}

pub(in super::super) fn log(_: &Node) -> Built {
    unary(f32::ln)
}

pub(in super::super) fn sin(_: &Node) -> Built {
    unary(f32::sin)
}

pub(in super::super) fn cos(_: &Node) -> Built {
    unary(f32::cos)
}

pub(in super::super) fn floor(_: &Node) -> Built {
    unary(f32::floor)
}

pub(in super::super) fn ceil(_: &Node) -> Built {
    unary(f32::ceil)
}

pub(in super::super) fn round(_: &Node) -> Built {
    unary(f32::round_ties_even)
}

pub(in super::super) fn reciprocal(_: &Node) -> Built {
    unary(f32::recip)
}

pub(in super::super) fn tanh(_: &Node) -> Built {
    unary(f32::tanh)
}

pub(in super::super) fn logistic(_: &Node) -> Built {
    unary(sigmoid)
}

pub(in super::super) fn erf_op(_: &Node) -> Built {
    unary(erf)
}

pub(in super::super) fn softplus(_: &Node) -> Built {
    unary(soft_plus)
}

pub(in super::super) fn elu(node: &Node) -> Built {
    let alpha = node.float("alpha", 1.0)?;
    unary(move |x| if x < 0.0 { alpha * x.exp_m1() } else { x })
}

pub(in super::super) fn leaky_relu(node: &Node) -> Built {
    let alpha = node.float("alpha", 0.01)?;
    unary(move |x| if x < 0.0 { alpha * x } else { x })
}

pub(in super::super) fn hard_sigmoid(node: &Node) -> Built {
    let (alpha, beta) = (node.float("alpha", 0.2)?, node.float("beta", 0.5)?);
    unary(move |x| (alpha * x + beta).clamp(0.0, 1.0))
}

pub(in super::super) fn hard_swish(_: &Node) -> Built {
    unary(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0))
}

pub(in super::super) fn sign(_: &Node) -> Built {
    let f = |x: f32| {
        if x == 0.0 || x.is_nan() {
            x
        } else {
            x.signum()
        }
    };
    either(f, i64::signum)
}

pub(in super::super) fn tan(_: &Node) -> Built {
    unary(f32::tan)
}

pub(in super::super) fn asin(_: &Node) -> Built {
    unary(f32::asin)
}

pub(in super::super) fn acos(_: &Node) -> Built {
    unary(f32::acos)
}

pub(in super::super) fn atan(_: &Node) -> Built {
    unary(f32::atan)
}

pub(in super::super) fn sinh(_: &Node) -> Built {
    unary(f32::sinh)
}

pub(in super::super) fn cosh(_: &Node) -> Built {
    unary(f32::cosh)
}

pub(in super::super) fn asinh(_: &Node) -> Built {
    unary(f32::asinh)
}

pub(in super::super) fn acosh(_: &Node) -> Built {
    unary(f32::acosh)
}

pub(in super::super) fn atanh(_: &Node) -> Built {
    unary(f32::atanh)
}

pub(in super::super) fn softsign(_: &Node) -> Built {
    unary(|x| x / (1.0 + x.abs()))
}

pub(in super::super) fn mish(_: &Node) -> Built {
    unary(|x| x * soft_plus(x).tanh())
}

pub(in super::super) fn swish(node: &Node) -> Built {
    let alpha = node.float("alpha", 1.0)?;
    unary(move |x| x * sigmoid(alpha * x))
}

pub(in super::super) fn selu(node: &Node) -> Built {
    let alpha = node.float("alpha", 1.673_263_2)?;
    let gamma = node.float("gamma", 1.050_701)?;
    unary(move |x| gamma * if x < 0.0 { alpha * x.exp_m1() } else { x })
}

pub(in super::super) fn celu(node: &Node) -> Built {
    let alpha = node.float("alpha", 1.0)?;
    unary(move |x| {
        if x < 0.0 {
            alpha * (x / alpha).exp_m1()
        } else {
            x
        }
    })
}

pub(in super::super) fn thresholded_relu(node: &Node) -> Built {
    let alpha = node.float("alpha", 1.0)?;
    unary(move |x| if x > alpha { x } else { 0.0 })
}

/// A boolean of each float.
fn asked(f: impl Fn(f32) -> bool + Send + Sync + 'static) -> Built {
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let found: Vec<u8> = float_vec(x)?.iter().map(|&v| u8::from(f(v))).collect();
        Ok(vec![Tensor::from_vec(found, x.dims(), x.device())?])
    }))
}

pub(in super::super) fn is_nan(_: &Node) -> Built {
    asked(f32::is_nan)
}

pub(in super::super) fn is_inf(node: &Node) -> Built {
    let negative = node.int("detect_negative", 1)? != 0;
    let positive = node.int("detect_positive", 1)? != 0;
    asked(move |x| x == f32::INFINITY && positive || x == f32::NEG_INFINITY && negative)
}

pub(in super::super) fn gelu(node: &Node) -> Built {
    match node.text("approximate", "none")?.as_str() {
        "none" => Ok(Box::new(|args| {
            let x = need(args, 0)?;
            let n = x.elem_count().clamp(1, 4096);
            let y = map_rows(x, n, |_, x, y| {
                y.copy_from_slice(x);
                cpu::finish(y, Then::Gelu);
            })?;
            Ok(vec![y])
        })),
        "tanh" => unary(|x| {
            let u = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + u.tanh())
        }),
        other => Err(format!("approximate = '{other}' is not supported")),
    }
}

pub(in super::super) fn not(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let x = need(args, 0)?;
        if x.dtype() != DType::U8 {
            bail!("a boolean expected");
        }
        Ok(vec![x.eq(&x.zeros_like()?)?])
    }))
}
