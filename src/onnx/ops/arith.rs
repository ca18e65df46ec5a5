//! Elementwise operators of two or more inputs, comparisons, Where, Cast and Clip.

use candle_core::{DType, Result, Tensor, bail};
use candle_onnx::onnx::tensor_proto::DataType;

use super::super::node::{Args, Built, Node};
use super::{broadcast_dims, float_vec, ints, made, made_ints, maybe, need, sane};

type Floats = fn(&Tensor, &Tensor) -> Result<Tensor>;
type Ints = fn(i64, i64) -> i64;

/// Wraps on overflow, as ONNX Runtime does; a zero divisor is refused before.
fn of_ints(a: &Tensor, b: &Tensor, f: Ints) -> Result<Tensor> {
    let dims = broadcast_dims(a.dims(), b.dims())?;
    let (a, b) = (
        ints(&a.broadcast_as(dims.as_slice())?)?,
        ints(&b.broadcast_as(dims.as_slice())?)?,
    );
    made_ints(a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect(), &dims)
}

fn of_floats(a: &Tensor, b: &Tensor, f: fn(f32, f32) -> f32) -> Result<Tensor> {
    let dims = broadcast_dims(a.dims(), b.dims())?;
    let (a, b) = (
        float_vec(&a.broadcast_as(dims.as_slice())?)?,
        float_vec(&b.broadcast_as(dims.as_slice())?)?,
    );
    made(a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect(), &dims)
}

fn binary(a: &Tensor, b: &Tensor, floats: Floats, of: Ints) -> Result<Tensor> {
    match (a.dtype(), b.dtype()) {
        (DType::F32, DType::F32) => {
            broadcast_dims(a.dims(), b.dims())?;
            floats(a, b)
        }
        (DType::I64, DType::I64) => of_ints(a, b, of),
        (x, y) => bail!("inputs of types {x:?} and {y:?}"),
    }
}

fn pair(floats: Floats, of: Ints) -> Built {
    Ok(Box::new(move |args| {
        Ok(vec![binary(need(args, 0)?, need(args, 1)?, floats, of)?])
    }))
}

/// Add, Sub, Mul, Div.
pub(in super::super) fn add(_: &Node) -> Built {
    pair(|a, b| a.broadcast_add(b), i64::wrapping_add)
}

pub(in super::super) fn sub(_: &Node) -> Built {
    pair(|a, b| a.broadcast_sub(b), i64::wrapping_sub)
}

pub(in super::super) fn mul(_: &Node) -> Built {
    pair(|a, b| a.broadcast_mul(b), i64::wrapping_mul)
}

pub(in super::super) fn div(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let (a, b) = (need(args, 0)?, need(args, 1)?);
        if b.dtype() == DType::I64 && ints(b)?.contains(&0) {
            bail!("integer division by zero");
        }
        Ok(vec![binary(
            a,
            b,
            |a, b| a.broadcast_div(b),
            i64::wrapping_div,
        )?])
    }))
}

/// Mod: with `fmod` the sign of the dividend, else the divisor's (of floats from opset 28 on).
pub(in super::super) fn modulo(node: &Node) -> Built {
    let fmod = node.int("fmod", 0)? != 0;
    let floored = node.opset >= 28;
    Ok(Box::new(move |args| {
        let (a, b) = (need(args, 0)?, need(args, 1)?);
        let zero = b.dtype() != DType::F32 && ints(b)?.contains(&0);
        match (a.dtype(), fmod) {
            _ if zero => bail!("integer division by zero"),
            (DType::F32, true) => Ok(vec![of_floats(a, b, |a, b| a % b)?]),
            (DType::I64, true) => Ok(vec![of_ints(a, b, i64::wrapping_rem)?]),
            (DType::I64, false) => Ok(vec![of_ints(a, b, |a, b| {
                let r = a.wrapping_rem(b);
                if r != 0 && (r < 0) != (b < 0) {
                    r + b
                } else {
                    r
                }
            })?]),
            (DType::F32, false) if floored => Ok(vec![of_floats(a, b, |a, b| {
                let r = a % b;
                match r != 0.0 && (r < 0.0) != (b < 0.0) {
                    true => r + b,
                    false => r.abs().copysign(if r == 0.0 { b } else { r }),
                }
            })?]),
            _ => bail!("floats need fmod = 1 before opset 28"),
        }
    }))
}

/// Pow: of an integer base the result is an integer.
pub(in super::super) fn pow(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let (a, b) = (need(args, 0)?, need(args, 1)?);
        if b.elem_count() == 1 && a.dtype() == DType::F32 && b.rank() <= a.rank() {
            let e = float_vec(&b.to_dtype(DType::F32)?)?[0];
            if e == 2.0 {
                return Ok(vec![a.sqr()?]);
            }
        }
        let floats = of_floats(
            &a.to_dtype(DType::F32)?,
            &b.to_dtype(DType::F32)?,
            f32::powf,
        )?;
        Ok(vec![floats.to_dtype(a.dtype())?])
    }))
}

/// PRelu.
pub(in super::super) fn prelu(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let f = |x: f32, slope: f32| if x < 0.0 { x * slope } else { x };
        Ok(vec![of_floats(need(args, 0)?, need(args, 1)?, f)?])
    }))
}

fn fold(args: Args, floats: Floats, of: Ints) -> Result<Tensor> {
    let mut all = need(args, 0)?.clone();
    for i in 1..args.len() {
        all = binary(&all, need(args, i)?, floats, of)?;
    }
    Ok(all)
}

/// Sum, Mean, Min, Max of any number of inputs.
pub(in super::super) fn sum(_: &Node) -> Built {
    Ok(Box::new(|args| {
        Ok(vec![fold(
            args,
            |a, b| a.broadcast_add(b),
            i64::wrapping_add,
        )?])
    }))
}

pub(in super::super) fn mean(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let sum = fold(args, |a, b| a.broadcast_add(b), i64::wrapping_add)?;
        if sum.dtype() != DType::F32 {
            bail!("floats expected, {:?} given", sum.dtype());
        }
        Ok(vec![sum.affine(1.0 / args.len() as f64, 0.0)?])
    }))
}

pub(in super::super) fn min(_: &Node) -> Built {
    Ok(Box::new(|args| {
        Ok(vec![fold(
            args,
            |a, b| a.broadcast_minimum(b),
            |a, b| a.min(b),
        )?])
    }))
}

pub(in super::super) fn max(_: &Node) -> Built {
    Ok(Box::new(|args| {
        Ok(vec![fold(
            args,
            |a, b| a.broadcast_maximum(b),
            |a, b| a.max(b),
        )?])
    }))
}

fn compare(f: Floats) -> Built {
    Ok(Box::new(move |args| {
        let (a, b) = (need(args, 0)?, need(args, 1)?);
        if a.dtype() != b.dtype() {
            bail!("inputs of types {:?} and {:?}", a.dtype(), b.dtype());
        }
        broadcast_dims(a.dims(), b.dims())?;
        Ok(vec![f(a, b)?])
    }))
}

/// Equal and its kin, And, Or.
pub(in super::super) fn equal(_: &Node) -> Built {
    compare(|a, b| a.broadcast_eq(b))
}

pub(in super::super) fn less(_: &Node) -> Built {
    compare(|a, b| a.broadcast_lt(b))
}

pub(in super::super) fn less_or_equal(_: &Node) -> Built {
    compare(|a, b| a.broadcast_le(b))
}

pub(in super::super) fn greater(_: &Node) -> Built {
    compare(|a, b| a.broadcast_gt(b))
}

pub(in super::super) fn greater_or_equal(_: &Node) -> Built {
    compare(|a, b| a.broadcast_ge(b))
}

pub(in super::super) fn and(_: &Node) -> Built {
    compare(|a, b| a.broadcast_minimum(b))
}

pub(in super::super) fn or(_: &Node) -> Built {
    compare(|a, b| a.broadcast_maximum(b))
}

pub(in super::super) fn xor(_: &Node) -> Built {
    compare(|a, b| a.broadcast_ne(b))
}

/// Where.
pub(in super::super) fn select(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let (c, a, b) = (need(args, 0)?, need(args, 1)?, need(args, 2)?);
        let dims = broadcast_dims(&broadcast_dims(c.dims(), a.dims())?, b.dims())?;
        let dims = dims.as_slice();
        let chosen = c
            .broadcast_as(dims)?
            .where_cond(&a.broadcast_as(dims)?, &b.broadcast_as(dims)?)?;
        Ok(vec![chosen])
    }))
}

/// Cast within the plan's types; a narrower integer wraps, a narrower float keeps f32's precision.
pub(in super::super) fn cast(node: &Node) -> Built {
    let to = node.int("to", 0)?;
    let to = i32::try_from(to)
        .ok()
        .and_then(|to| DataType::try_from(to).ok())
        .ok_or_else(|| format!("cast to unknown type {to}"))?;
    let wrap: fn(i64) -> i64 = match to {
        DataType::Float | DataType::Float16 | DataType::Bfloat16 | DataType::Double => {
            return Ok(Box::new(|args| {
                Ok(vec![need(args, 0)?.to_dtype(DType::F32)?])
            }));
        }
        DataType::Bool => {
            return Ok(Box::new(|args| {
                let x = need(args, 0)?;
                Ok(vec![x.ne(&x.zeros_like()?)?])
            }));
        }
        DataType::Int64 => |x| x,
        DataType::Int32 => |x| i64::from(x as i32),
        DataType::Int16 => |x| i64::from(x as i16),
        DataType::Int8 => |x| i64::from(x as i8),
        DataType::Uint32 => |x| i64::from(x as u32),
        DataType::Uint16 => |x| i64::from(x as u16),
        DataType::Uint8 => |x| i64::from(x as u8),
        other => return Err(format!("cast to {} is not supported", other.as_str_name())),
    };
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        sane(x.dims())?;
        let data: Vec<i64> = x.to_dtype(DType::I64)?.flatten_all()?.to_vec1()?;
        Ok(vec![made_ints(
            data.into_iter().map(wrap).collect(),
            x.dims(),
        )?])
    }))
}

/// CastLike: to the type of the second input, as far as the plan's types tell it.
pub(in super::super) fn cast_like(_: &Node) -> Built {
    Ok(Box::new(|args| {
        let (x, like) = (need(args, 0)?, need(args, 1)?);
        sane(x.dims())?;
        Ok(vec![match like.dtype() {
            DType::U8 => x.ne(&x.zeros_like()?)?,
            to => x.to_dtype(to)?,
        }])
    }))
}

/// Clip: bounds are attributes before opset 11, inputs since.
pub(in super::super) fn clip(node: &Node) -> Built {
    let old = node.opset < 11;
    let (low, high) = (node.float("min", f32::MIN)?, node.float("max", f32::MAX)?);
    Ok(Box::new(move |args| {
        let x = need(args, 0)?;
        let bound = |i: usize| -> Result<Option<f32>> {
            match maybe(args, i) {
                Some(t) if t.elem_count() == 1 => Ok(Some(float_vec(&t.to_dtype(DType::F32)?)?[0])),
                Some(_) => bail!("a bound that is not one number"),
                None => Ok(None),
            }
        };
        let (low, high) = if old {
            (Some(low), Some(high))
        } else {
            (bound(1)?, bound(2)?)
        };
        let (low, high) = (
            low.unwrap_or(f32::NEG_INFINITY),
            high.unwrap_or(f32::INFINITY),
        );
        match x.dtype() {
            DType::F32 => super::unary::map(x, move |v| {
                // In this order a low bound over the high one gives the high one, and NaN stays.
                let v = if v < low { low } else { v };
                if v > high { high } else { v }
            })
            .map(|y| vec![y]),
            _ => {
                let data = ints(x)?;
                let (low, high) = (low.ceil() as i64, high.floor() as i64);
                made_ints(
                    data.iter().map(|&v| v.max(low).min(high)).collect(),
                    x.dims(),
                )
                .map(|y| vec![y])
            }
        }
    }))
}
