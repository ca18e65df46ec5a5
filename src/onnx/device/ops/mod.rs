//! What kernels do for each operator. An operator that is used otherwise answers `None`, and the host's has its turn: it also finds the
//! words for what is wrong.

use super::view::View;
use super::{
    CONV, ConvParams, FOLD, Fed, FoldParams, MAP, MATMUL, MapParams, MatmulParams, NORM,
    NormParams, RESAMPLE, ResampleParams, Resampler, SOFTMAX, SoftmaxParams, TILE, Tape, Value,
    What,
};
use crate::gpu::groups_1d;
use crate::onnx::fuse;
use crate::onnx::node::Node;
use crate::onnx::ops::conv::Window;
use crate::onnx::ops::taps::Taps;
use crate::onnx::ops::{axis_of, broadcast_dims, index, ints, made_ints, resize, shape};
use crate::onnx::{Element, OnnxError};

mod elements;
mod products;
mod rows;
mod shapes;

use elements::{binary, cast, clip, mapped_unary, unary};
use products::{conv, conv_transpose, gemm, matmul};
pub(super) use rows::along;
use rows::{global, instance_norm, layer_norm, resample, softmax};
use shapes::{concat, gather, shape_of, shaped, slice, split};

/// An operator's work on the device, or `None` where it is the host's.
pub(in super::super) type Op =
    Box<dyn Fn(&mut Tape<'_>, &Fed<'_>) -> Result<Option<Vec<Value>>, OnnxError> + Send + Sync>;

/// One result of an operator, or `None`.
type One = Result<Option<View>, OnnxError>;

/// The sides of a map's result that its kernel takes.
const MOST_SIDES: usize = 8;

/// What the device does for a node; `None` where there is no kernel for it.
pub(in super::super) fn build(node: &Node) -> Option<Op> {
    use What::*;
    let name = node.proto.op_type.as_str();
    let float = |name: &str, default| node.float(name, default).ok();
    Some(match name {
        "Add" => binary(Add),
        "Sub" => binary(Sub),
        "Mul" => binary(Mul),
        "Div" => binary(Div),
        "Min" if node.proto.input.len() == 2 => binary(Min),
        "Max" if node.proto.input.len() == 2 => binary(Max),
        "PRelu" => binary(PRelu),
        "LeakyRelu" => unary(PRelu, [float("alpha", 0.01)?, 0.0]),
        "Relu" => unary(Relu, [0.0; 2]),
        "Gelu" if node.text("approximate", "none").ok()? == "none" => unary(Gelu, [0.0; 2]),
        "Sigmoid" => unary(Sigmoid, [0.0; 2]),
        "Tanh" => unary(Tanh, [0.0; 2]),
        "Exp" => unary(Exp, [0.0; 2]),
        "Log" => unary(Log, [0.0; 2]),
        "Sqrt" => unary(Sqrt, [0.0; 2]),
        "Erf" => unary(Erf, [0.0; 2]),
        "Abs" => unary(Abs, [0.0; 2]),
        "Neg" => unary(Neg, [0.0; 2]),
        "Reciprocal" => unary(Reciprocal, [0.0; 2]),
        "Elu" => unary(Elu, [float("alpha", 1.0)?, 0.0]),
        "HardSigmoid" => unary(HardSigmoid, [float("alpha", 0.2)?, float("beta", 0.5)?]),
        fuse::NAN_TO_ZERO => unary(NanToZero, [0.0; 2]),
        "HardSwish" => unary(HardSwish, [0.0; 2]),
        "Pow" => Box::new(|tape, fed| match fed.number_beside(1, 0) {
            Some(2.0) => one(mapped_unary(tape, fed, Square, [0.0; 2])),
            Some(0.5) => one(mapped_unary(tape, fed, Sqrt, [0.0; 2])),
            _ => Ok(None),
        }),
        "Clip" => clip(node)?,
        "Cast" => cast(node)?,
        "Identity" | "Dropout" => Box::new(|tape, fed| one(fed.view(tape, 0))),
        "Shape" => Box::new(shape_of(
            node.int("start", 0).ok()?,
            node.int("end", i64::MAX).ok()?,
        )),
        "Size" => Box::new(|_, fed| {
            let count = fed.dims(0).map(|dims| dims.iter().product::<usize>());
            let made = count.and_then(|count| made_ints(vec![count as i64], &[]).ok());
            Ok(made.map(|made| vec![Value::Host(made)]))
        }),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => shaped(node)?,
        "Transpose" => {
            let perm = node.ints("perm").ok()?;
            Box::new(move |tape, fed| {
                let Some(x) = fed.view(tape, 0)? else {
                    return Ok(None);
                };
                let order = shape::order(perm.as_deref(), x.dims.len());
                Ok(order
                    .ok()
                    .map(|order| vec![Value::Device(x.permuted(&order))]))
            })
        }
        "Expand" => Box::new(|tape, fed| {
            let (Some(x), Some(to)) = (fed.view(tape, 0)?, fed.host(1)) else {
                return Ok(None);
            };
            let to: Option<Vec<usize>> = ints(to)
                .ok()
                .and_then(|to| to.into_iter().map(|n| usize::try_from(n).ok()).collect());
            let dims = to.and_then(|to| broadcast_dims(&x.dims, &to).ok());
            Ok(dims.map(|dims| vec![Value::Device(x.repeated(&dims))]))
        }),
        "Slice" => slice(node)?,
        "Gather" => gather(node.int("axis", 0).ok()?),
        "Split" => split(node)?,
        "Concat" => concat(node.int("axis", 0).ok()?),
        "MatMul" => Box::new(|tape, fed| one(matmul(tape, fed))),
        "Gemm" => gemm(node)?,
        "Conv" => conv(node)?,
        "ConvTranspose" => conv_transpose(node)?,
        "Softmax" => softmax(node)?,
        "LayerNormalization" => layer_norm(node)?,
        "InstanceNormalization" => instance_norm(node)?,
        "GlobalAveragePool" => Box::new(|tape, fed| one(global(tape, fed, 0))),
        "GlobalMaxPool" => Box::new(|tape, fed| one(global(tape, fed, 1))),
        "Resize" | "Upsample" => resample(node)?,
        _ => return None,
    })
}

/// A view as an operator's only result.
fn one(made: One) -> Result<Option<Vec<Value>>, OnnxError> {
    Ok(made?.map(|view| vec![Value::Device(view)]))
}

/// `N` sides and strides, those that the kernel takes: 1 and 0 before them.
fn padded(of: &[usize], with: u32) -> [[u32; 4]; 2] {
    let mut out = [[with; 4]; 2];
    let from = MOST_SIDES - of.len();
    for (i, &n) in of.iter().enumerate() {
        out[(from + i) / 4][(from + i) % 4] = n as u32;
    }
    out
}

/// The second operand of a map.
enum Second<'a> {
    Numbers([f32; 2]),
    View(&'a View),
}

/// Fills `to` with a function of what lies at the same place of `a` and the second operand.
fn fill(
    tape: &mut Tape<'_>,
    what: What,
    a: &View,
    second: &Second<'_>,
    to: &View,
) -> Result<bool, OnnxError> {
    if to.dims.len() > MOST_SIDES {
        return Ok(false);
    }
    let a = a.repeated(&to.dims);
    let (numbers, b) = match second {
        Second::Numbers(numbers) => (*numbers, a.clone()),
        Second::View(b) => ([0.0; 2], b.repeated(&to.dims)),
    };
    let params = MapParams {
        count: to.count() as u32,
        what: what as u32,
        second: u32::from(matches!(second, Second::View(_))),
        pad: 0,
        first: [a.first as u32, b.first as u32, to.first as u32, 0],
        numbers: [numbers[0], numbers[1], 0.0, 0.0],
        dims: padded(&to.dims, 1),
        a: padded(&a.strides, 0),
        b: padded(&b.strides, 0),
        y: padded(&to.strides, 0),
    };
    let groups = groups_1d(to.count(), MAP.workgroup[0]);
    tape.run(&MAP, &params, &[&a.buffer, &b.buffer, &to.buffer], groups)?;
    Ok(true)
}

/// The elements of a view one after the other.
pub(super) fn contiguous(tape: &mut Tape<'_>, view: &View) -> Result<View, OnnxError> {
    if view.is_contiguous() {
        return Ok(view.clone());
    }
    // Neighbouring sides of one stride count as one, so that any number of them is few.
    let (mut dims, mut strides): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for (&n, &stride) in view
        .dims
        .iter()
        .zip(&view.strides)
        .filter(|(n, _)| **n != 1)
    {
        match (dims.last_mut(), strides.last_mut()) {
            (Some(last), Some(each)) if *each == n * stride => (*last, *each) = (*last * n, stride),
            _ => {
                dims.push(n);
                strides.push(stride);
            }
        }
    }
    let from = View {
        strides,
        dims: dims.clone(),
        ..view.clone()
    };
    let to = tape.room(&dims)?;
    if !fill(tape, What::Copy, &from, &Second::Numbers([0.0; 2]), &to)? {
        return Err(OnnxError::Input(format!(
            "a tensor of {} dimensions that is turned",
            view.dims.len()
        )));
    }
    Ok(to.shaped(&view.dims))
}

/// Input `i`, its elements one after the other.
fn dense(tape: &mut Tape<'_>, fed: &Fed<'_>, i: usize) -> One {
    let Some(view) = fed.view(tape, i)? else {
        return Ok(None);
    };
    contiguous(tape, &view).map(Some)
}

/// Input `i`, its elements one after the other from the beginning of its memory.
fn origin(tape: &mut Tape<'_>, fed: &Fed<'_>, i: usize) -> One {
    let Some(view) = dense(tape, fed, i)? else {
        return Ok(None);
    };
    if view.first == 0 {
        return Ok(Some(view));
    }
    let to = tape.room(&[view.count()])?;
    fill(
        tape,
        What::Copy,
        &view.shaped(&[view.count()]),
        &Second::Numbers([0.0; 2]),
        &to,
    )?;
    Ok(Some(to.shaped(&view.dims)))
}

/// Input `i`, which may be left out, as [`origin`] has it; `None` where it is there and no floats.
fn optional(
    tape: &mut Tape<'_>,
    fed: &Fed<'_>,
    i: usize,
) -> Result<Option<Option<View>>, OnnxError> {
    match fed.has(i) {
        true => Ok(origin(tape, fed, i)?.map(Some)),
        false => Ok(Some(None)),
    }
}
