//! What kernels do for each operator. An operator that is used otherwise answers `None`, and the host's has its turn: it also finds the
//! words for what is wrong.

use super::view::View;
use super::{
    CONV, ConvParams, FOLD, Fed, FoldParams, MAP, MATMUL, MapParams, MatmulParams, NORM,
    NormParams, RESAMPLE, ResampleParams, Resampler, SOFTMAX, SoftmaxParams, TILE, Tape, Value,
    What,
};
use crate::gpu::groups_1d;
use crate::onnx::node::Node;
use crate::onnx::ops::conv::Window;
use crate::onnx::ops::taps::Taps;
use crate::onnx::ops::{axis_of, broadcast_dims, index, ints, made_ints, resize, shape};
use crate::onnx::{Element, OnnxError};

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
        "GlobalMaxPool" => Box::new(|tape, fed| one(global(tape, fed, 2))),
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

fn binary(what: What) -> Op {
    Box::new(move |tape, fed| {
        let Some(a) = fed.view(tape, 0)? else {
            return Ok(None);
        };
        // A number on the host needs no memory of the device.
        if let Some(number) = fed.number_beside(1, 0) {
            let to = tape.room(&a.dims)?;
            let done = fill(tape, what, &a, &Second::Numbers([number, 0.0]), &to)?;
            return Ok(done.then(|| vec![Value::Device(to)]));
        }
        let Some(b) = fed.view(tape, 1)? else {
            return Ok(None);
        };
        let Ok(dims) = broadcast_dims(&a.dims, &b.dims) else {
            return Ok(None);
        };
        let to = tape.room(&dims)?;
        let done = fill(tape, what, &a, &Second::View(&b), &to)?;
        Ok(done.then(|| vec![Value::Device(to)]))
    })
}

fn mapped_unary(tape: &mut Tape<'_>, fed: &Fed<'_>, what: What, numbers: [f32; 2]) -> One {
    let Some(a) = fed.view(tape, 0)? else {
        return Ok(None);
    };
    let to = tape.room(&a.dims)?;
    let done = fill(tape, what, &a, &Second::Numbers(numbers), &to)?;
    Ok(done.then_some(to))
}

fn unary(what: What, numbers: [f32; 2]) -> Op {
    Box::new(move |tape, fed| one(mapped_unary(tape, fed, what, numbers)))
}

fn clip(node: &Node) -> Option<Op> {
    let fixed = (node.opset < 11).then_some([
        node.float("min", f32::MIN).ok()?,
        node.float("max", f32::MAX).ok()?,
    ]);
    Some(Box::new(move |tape, fed| {
        let bound = |i: usize, default: f32| match fed.has(i) {
            true => fed.number(i),
            false => Some(default),
        };
        let [low, high] = [f32::NEG_INFINITY, f32::INFINITY];
        let bounds = fixed.or_else(|| Some([bound(1, low)?, bound(2, high)?]));
        match bounds {
            Some(bounds) => one(mapped_unary(tape, fed, What::Clip, bounds)),
            None => Ok(None),
        }
    }))
}

/// Between floats, which are all of one width here.
fn cast(node: &Node) -> Option<Op> {
    let to = i32::try_from(node.int("to", 0).ok()?).ok()?;
    let floats = [
        Element::Float32,
        Element::Float16,
        Element::Bfloat16,
        Element::Float64,
    ];
    // 0, no type at all, is taken for float32 elsewhere.
    (to != 0 && floats.contains(&Element::of(to)))
        .then(|| -> Op { Box::new(|tape, fed| one(fed.view(tape, 0))) })
}

fn shape_of(
    start: i64,
    end: i64,
) -> impl Fn(&mut Tape<'_>, &Fed<'_>) -> Result<Option<Vec<Value>>, OnnxError> {
    move |_, fed| {
        let picked = fed.dims(0).map(|dims| shape::picked(dims, start, end));
        let made = picked.and_then(|picked| {
            let n = picked.len();
            made_ints(picked, &[n]).ok()
        });
        Ok(made.map(|made| vec![Value::Host(made)]))
    }
}

/// The same elements with other sides.
fn shaped(node: &Node) -> Option<Op> {
    let to = shape::Shaping::of(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(dims) = fed.dims(0) else {
            return Ok(None);
        };
        if fed.has(1) && fed.host(1).is_none() {
            return Ok(None);
        }
        let Ok(dims) = to.dims(dims, fed.host(1)) else {
            return Ok(None);
        };
        Ok(dense(tape, fed, 0)?
            .filter(|x| x.count() == dims.iter().product::<usize>())
            .map(|x| vec![Value::Device(x.shaped(&dims))]))
    }))
}

fn slice(node: &Node) -> Option<Op> {
    let old = index::Cuts::fixed(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(mut x) = fed.view(tape, 0)? else {
            return Ok(None);
        };
        let Ok(cuts) = index::Cuts::read(old.as_ref(), &fed.on_host()) else {
            return Ok(None);
        };
        for [axis, start, end, step] in cuts.each() {
            let Some(axis) = axis_of(axis, x.dims.len()).ok().filter(|_| step == 1) else {
                return Ok(None);
            };
            let (from, to) = index::span(x.dims[axis], start, end);
            x = x.narrowed(axis, from, to - from);
        }
        Ok(Some(vec![Value::Device(x)]))
    }))
}

/// One place of a side.
fn gather(axis: i64) -> Op {
    Box::new(move |tape, fed| {
        let (Some(x), Some(at)) = (fed.view(tape, 0)?, fed.host(1)) else {
            return Ok(None);
        };
        let (Ok(axis), Ok(picked)) = (axis_of(axis, x.dims.len()), ints(at)) else {
            return Ok(None);
        };
        let n = x.dims[axis] as i64;
        let place = match picked.as_slice() {
            [i] if *i < 0 => i + n,
            [i] => *i,
            _ => return Ok(None),
        };
        if !(0..n).contains(&place) {
            return Ok(None);
        }
        let one = x.narrowed(axis, place as usize, 1);
        Ok(match at.rank() {
            0 => Some(vec![Value::Device(one.without(axis))]),
            1 => Some(vec![Value::Device(one)]),
            _ => None,
        })
    })
}

fn split(node: &Node) -> Option<Op> {
    let axis = node.int("axis", 0).ok()?;
    let parts = index::Parts::of(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(x) = fed.view(tape, 0)? else {
            return Ok(None);
        };
        let Ok(axis) = axis_of(axis, x.dims.len()) else {
            return Ok(None);
        };
        if fed.has(1) && fed.host(1).is_none() {
            return Ok(None);
        }
        let Ok(sizes) = parts.sizes(x.dims[axis], fed.host(1)) else {
            return Ok(None);
        };
        let mut from = 0;
        let made = sizes.into_iter().map(|n| {
            let part = x.narrowed(axis, from, n);
            from += n;
            Value::Device(part)
        });
        Ok(Some(made.collect()))
    }))
}

fn concat(axis: i64) -> Op {
    Box::new(move |tape, fed| {
        let mut parts = Vec::with_capacity(fed.len());
        for i in 0..fed.len() {
            match fed.view(tape, i)? {
                Some(view) if view.count() > 0 => parts.push(view),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        let Some(first) = parts.first().cloned() else {
            return Ok(None);
        };
        let Ok(axis) = axis_of(axis, first.dims.len()) else {
            return Ok(None);
        };
        let alike = |part: &View| {
            part.dims.len() == first.dims.len()
                && (0..first.dims.len()).all(|k| k == axis || part.dims[k] == first.dims[k])
        };
        if !parts.iter().all(alike) || first.dims.len() > MOST_SIDES {
            return Ok(None);
        }
        let mut dims = first.dims.clone();
        dims[axis] = parts.iter().map(|part| part.dims[axis]).sum();
        let whole = tape.room(&dims)?;
        let mut from = 0;
        for part in &parts {
            let to = whole.narrowed(axis, from, part.dims[axis]);
            from += part.dims[axis];
            fill(tape, What::Copy, part, &Second::Numbers([0.0; 2]), &to)?;
        }
        Ok(Some(vec![Value::Device(whole)]))
    })
}

/// Matrices in a batch: rows, columns and terms are of the last two sides.
fn matrices(tape: &mut Tape<'_>, view: View, batch: &[usize]) -> Result<(View, usize), OnnxError> {
    let [.., r, c] = view.dims[..] else {
        return Err(OnnxError::Input("a product of single numbers".into()));
    };
    let full = view.repeated(&[batch, &[r, c]].concat());
    match full.stride_over(batch.len()) {
        Some(stride) => Ok((full, stride)),
        None => {
            let copy = contiguous(tape, &full)?;
            Ok((copy, r * c))
        }
    }
}

/// A product as its kernel takes it: operands by row and column, and what is added.
struct Product<'a> {
    a: &'a View,
    b: &'a View,
    /// From matrix to matrix of `a` and `b`.
    strides: [usize; 2],
    /// Matrices.
    count: usize,
    bias: Option<&'a View>,
    scale: [f32; 2],
}

impl Product<'_> {
    fn run(&self, tape: &mut Tape<'_>, dims: &[usize]) -> One {
        let rank = [self.a.dims.len(), self.b.dims.len()];
        let (m, k) = (self.a.dims[rank[0] - 2], self.a.dims[rank[0] - 1]);
        let n = self.b.dims[rank[1] - 1];
        let counts = [n.div_ceil(TILE), m.div_ceil(TILE), self.count];
        let Some(groups) = tape.groups(counts) else {
            return Ok(None);
        };
        let to = tape.room(dims)?;
        let strides = |view: &View, rank: usize, batch: usize| {
            [
                view.first,
                view.strides[rank - 2],
                view.strides[rank - 1],
                batch,
            ]
            .map(|v| v as u32)
        };
        let params = MatmulParams {
            size: [m, n, k, self.count].map(|v| v as u32),
            a: strides(self.a, rank[0], self.strides[0]),
            b: strides(self.b, rank[1], self.strides[1]),
            bias: u32::from(self.bias.is_some()),
            pad: 0,
            scale: self.scale,
        };
        let bias = self.bias.unwrap_or(self.b);
        tape.run(
            &MATMUL,
            &params,
            &[&self.a.buffer, &self.b.buffer, &bias.buffer, &to.buffer],
            groups,
        )?;
        Ok(Some(to))
    }
}

fn matmul(tape: &mut Tape<'_>, fed: &Fed<'_>) -> One {
    let (Some(a), Some(b)) = (fed.view(tape, 0)?, fed.view(tape, 1)?) else {
        return Ok(None);
    };
    let ([.., m, k], [.., kb, n]) = (&a.dims[..], &b.dims[..]) else {
        return Ok(None);
    };
    let (m, k, n) = (*m, *k, *n);
    let (ra, rb) = (a.dims.len(), b.dims.len());
    let Ok(batch) = broadcast_dims(&a.dims[..ra - 2], &b.dims[..rb - 2]) else {
        return Ok(None);
    };
    let dims = [batch.as_slice(), &[m, n]].concat();
    if *kb != k || dims.contains(&0) || k == 0 {
        return Ok(None);
    }
    let count: usize = batch.iter().product();
    // One matrix on the right: the batches of the left are more rows of one product.
    let rows = a.stride_over(ra - 1);
    if b.dims[..rb - 2].iter().all(|n| *n == 1)
        && let Some(row) = rows
    {
        let all: usize = a.dims[..ra - 1].iter().product();
        let last = a.strides[ra - 1];
        let a = View {
            dims: vec![all, k],
            strides: vec![row, last],
            ..a
        };
        let product = Product {
            a: &a,
            b: &b,
            strides: [0, 0],
            count: 1,
            bias: None,
            scale: [1.0; 2],
        };
        return Ok(product.run(tape, &[all, n])?.map(|made| made.shaped(&dims)));
    }
    let (a, step_a) = matrices(tape, a, &batch)?;
    let (b, step_b) = matrices(tape, b, &batch)?;
    let product = Product {
        a: &a,
        b: &b,
        strides: [step_a, step_b],
        count,
        bias: None,
        scale: [1.0; 2],
    };
    product.run(tape, &dims)
}

fn gemm(node: &Node) -> Option<Op> {
    let scale = [
        node.float("alpha", 1.0).ok()?,
        node.float("beta", 1.0).ok()?,
    ];
    let turn = [
        node.int("transA", 0).ok()? != 0,
        node.int("transB", 0).ok()? != 0,
    ];
    Some(Box::new(move |tape, fed| {
        let (Some(a), Some(b)) = (fed.view(tape, 0)?, fed.view(tape, 1)?) else {
            return Ok(None);
        };
        if a.dims.len() != 2 || b.dims.len() != 2 {
            return Ok(None);
        }
        let turned = |view: View, turn: bool| if turn { view.permuted(&[1, 0]) } else { view };
        let (a, b) = (turned(a, turn[0]), turned(b, turn[1]));
        let dims = [a.dims[0], b.dims[1]];
        // One number a column, as exporters have it.
        let Some(bias) = optional(tape, fed, 2)? else {
            return Ok(None);
        };
        let fits = bias
            .as_ref()
            .is_none_or(|bias| bias.count() == dims[1] && bias.dims.last() == Some(&dims[1]));
        if a.dims[1] != b.dims[0] || dims.contains(&0) || a.dims[1] == 0 || !fits {
            return Ok(None);
        }
        let product = Product {
            a: &a,
            b: &b,
            strides: [0, 0],
            count: 1,
            bias: bias.as_ref(),
            scale,
        };
        one(product.run(tape, &dims))
    }))
}

fn conv(node: &Node) -> Option<Op> {
    let window = Window::read(node).ok()?;
    let groups = usize::try_from(node.int("group", 1).ok()?).ok()?.max(1);
    Some(Box::new(move |tape, fed| {
        let (Some(x), Some(w)) = (origin(tape, fed, 0)?, origin(tape, fed, 1)?) else {
            return Ok(None);
        };
        let Some(bias) = optional(tape, fed, 2)? else {
            return Ok(None);
        };
        let (&[n, c, h, wide], &[o, cg, kh, kw]) = (&x.dims[..], &w.dims[..]) else {
            return Ok(None);
        };
        let Ok(placed) = window.place([h, wide], [kh, kw]) else {
            return Ok(None);
        };
        let [oh, ow] = placed.out;
        let fits = cg * groups == c
            && o % groups == 0
            && bias.as_ref().is_none_or(|b| b.count() == o)
            && ![n, c, h, wide, cg, kh, kw, o, oh, ow].contains(&0);
        if !fits {
            return Ok(None);
        }
        let counts = [
            (oh * ow).div_ceil(TILE),
            (o / groups).div_ceil(TILE),
            n * groups,
        ];
        let Some(counts) = tape.groups(counts) else {
            return Ok(None);
        };
        let to = tape.room(&[n, o, oh, ow])?;
        let params = ConvParams {
            input: [cg, h, wide, groups].map(|v| v as u32),
            output: [o / groups, oh, ow, n].map(|v| v as u32),
            window: [kh, kw, placed.before[0], placed.before[1]].map(|v| v as u32),
            step: [
                placed.strides[0],
                placed.strides[1],
                placed.dilations[0],
                placed.dilations[1],
            ]
            .map(|v| v as u32),
            bias: u32::from(bias.is_some()),
            ..ConvParams::default()
        };
        let bias = bias.as_ref().unwrap_or(&w);
        tape.run(
            &CONV,
            &params,
            &[&x.buffer, &w.buffer, &bias.buffer, &to.buffer],
            counts,
        )?;
        Ok(Some(vec![Value::Device(to)]))
    }))
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

/// Where windows do not overlap: one product, whose rows are then put in their places.
fn conv_transpose(node: &Node) -> Option<Op> {
    let window = Window::read(node).ok()?;
    let plain = node.int("group", 1).ok()? == 1
        && !node.has("output_shape")
        && !node.has("output_padding")
        && window.is_plain();
    let stride = window.strides;
    Some(Box::new(move |tape, fed| {
        let (Some(x), Some(w)) = (dense(tape, fed, 0)?, dense(tape, fed, 1)?) else {
            return Ok(None);
        };
        let Some(bias) = optional(tape, fed, 2)? else {
            return Ok(None);
        };
        let (&[n, c, h, wide], &[cw, o, kh, kw]) = (&x.dims[..], &w.dims[..]) else {
            return Ok(None);
        };
        let fits = plain
            && [kh, kw] == stride
            && c == cw
            && ![n, c, h, wide, o].contains(&0)
            && bias.as_ref().is_none_or(|b| b.count() == o);
        if !fits {
            return Ok(None);
        }
        let rows = o * kh * kw;
        let a = w
            .shaped(&[c, rows])
            .permuted(&[1, 0])
            .repeated(&[n, rows, c]);
        let b = x.shaped(&[n, c, h * wide]);
        let product = Product {
            a: &a,
            b: &b,
            strides: [0, c * h * wide],
            count: n,
            bias: None,
            scale: [1.0; 2],
        };
        let Some(parts) = product.run(tape, &[n, rows, h * wide])? else {
            return Ok(None);
        };
        let turned = parts
            .shaped(&[n, o, kh, kw, h, wide])
            .permuted(&[0, 1, 4, 2, 5, 3]);
        let to = tape.room(&turned.dims)?;
        let sides = [1, o, 1, 1, 1, 1];
        let added = bias.map(|bias| bias.shaped(&sides));
        let done = match &added {
            Some(bias) => fill(tape, What::Add, &turned, &Second::View(bias), &to)?,
            None => fill(tape, What::Copy, &turned, &Second::Numbers([0.0; 2]), &to)?,
        };
        Ok(done.then(|| vec![Value::Device(to.shaped(&[n, o, h * kh, wide * kw]))]))
    }))
}

/// Over the last side.
fn softmax(node: &Node) -> Option<Op> {
    let old = node.opset < 13;
    let axis = node.int("axis", if old { 1 } else { -1 }).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(x) = origin(tape, fed, 0)? else {
            return Ok(None);
        };
        let Ok(axis) = axis_of(axis, x.dims.len()) else {
            return Ok(None);
        };
        if (!old && axis + 1 != x.dims.len()) || x.count() == 0 {
            return Ok(None);
        }
        let length: usize = x.dims[axis..].iter().product();
        let to = tape.room(&x.dims)?;
        let rows = x.count() / length;
        let params = SoftmaxParams {
            rows: rows as u32,
            length: length as u32,
            ..SoftmaxParams::default()
        };
        tape.run(
            &SOFTMAX,
            &params,
            &[&x.buffer, &to.buffer],
            groups_1d(rows, 1),
        )?;
        Ok(Some(vec![Value::Device(to)]))
    }))
}

/// Rows of so many elements, normalised.
fn normalised(
    tape: &mut Tape<'_>,
    fed: &Fed<'_>,
    length: usize,
    period: usize,
    epsilon: f32,
) -> One {
    let (Some(x), Some(scale)) = (origin(tape, fed, 0)?, origin(tape, fed, 1)?) else {
        return Ok(None);
    };
    let each = if period == 0 { length } else { period };
    let bias = match fed.has(2) {
        true => origin(tape, fed, 2)?,
        false => Some(View::whole(tape.zeros(each)?, &[each])),
    };
    let Some(bias) = bias.filter(|b| b.count() == each && scale.count() == each && x.count() > 0)
    else {
        return Ok(None);
    };
    let to = tape.room(&x.dims)?;
    let rows = x.count() / length;
    let params = NormParams {
        rows: rows as u32,
        length: length as u32,
        period: period as u32,
        epsilon,
    };
    let buffers: [&dyn crate::gpu::AnyBuffer; 4] =
        [&x.buffer, &scale.buffer, &bias.buffer, &to.buffer];
    tape.run(&NORM, &params, &buffers, groups_1d(rows, 1))?;
    Ok(Some(to))
}

fn layer_norm(node: &Node) -> Option<Op> {
    node.one_output().ok()?;
    let (axis, epsilon) = (
        node.int("axis", -1).ok()?,
        node.float("epsilon", 1e-5).ok()?,
    );
    Some(Box::new(move |tape, fed| {
        let Some(dims) = fed.dims(0) else {
            return Ok(None);
        };
        match axis_of(axis, dims.len()) {
            Ok(axis) => one(normalised(
                tape,
                fed,
                dims[axis..].iter().product(),
                0,
                epsilon,
            )),
            Err(_) => Ok(None),
        }
    }))
}

fn instance_norm(node: &Node) -> Option<Op> {
    let epsilon = node.float("epsilon", 1e-5).ok()?;
    Some(Box::new(move |tape, fed| match fed.dims(0) {
        Some(dims) if dims.len() >= 3 => one(normalised(
            tape,
            fed,
            dims[2..].iter().product(),
            dims[1],
            epsilon,
        )),
        _ => Ok(None),
    }))
}

/// All of a channel as one number.
fn global(tape: &mut Tape<'_>, fed: &Fed<'_>, what: u32) -> One {
    let Some(x) = origin(tape, fed, 0)?.filter(|x| x.dims.len() >= 3 && x.count() > 0) else {
        return Ok(None);
    };
    let rows = x.dims[0] * x.dims[1];
    let mut dims = vec![1; x.dims.len()];
    dims[..2].copy_from_slice(&x.dims[..2]);
    let to = tape.room(&dims)?;
    let params = FoldParams {
        rows: rows as u32,
        length: (x.count() / rows) as u32,
        what,
        pad: 0,
    };
    tape.run(&FOLD, &params, &[&x.buffer, &to.buffer], groups_1d(rows, 1))?;
    Ok(Some(to))
}

fn resample(node: &Node) -> Option<Op> {
    let plan = resize::Resizing::of(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(mut x) = dense(tape, fed, 0)? else {
            return Ok(None);
        };
        let Ok(passes) = plan.passes(&x.dims, &fed.on_host()) else {
            return Ok(None);
        };
        for (axis, places, scale) in passes {
            let inputs = x.dims[axis];
            let key = format!("{:?} {inputs} {places} {scale}", plan.rule);
            let taps = || plan.rule.taps(inputs, places, scale).ok();
            let Some(made) = along(tape, &x, axis, taps, key)? else {
                return Ok(None);
            };
            x = made;
        }
        Ok(Some(vec![Value::Device(x)]))
    }))
}

/// Resamples a contiguous view along one side by taps, which `key` names and which are made once.
pub(super) fn along(
    tape: &mut Tape<'_>,
    x: &View,
    axis: usize,
    taps: impl FnOnce() -> Option<Taps>,
    key: String,
) -> One {
    debug_assert!(x.is_contiguous());
    let Some(Resampler {
        index,
        weight,
        places,
        each,
    }) = tape.taps(taps, key)?
    else {
        return Ok(None);
    };
    let mut dims = x.dims.clone();
    dims[axis] = places;
    let count: usize = dims.iter().product();
    if count == 0 || x.count() == 0 {
        return Ok(None);
    }
    let to = tape.room(&dims)?;
    let params = ResampleParams {
        count: count as u32,
        inputs: x.dims[axis] as u32,
        outputs: places as u32,
        inner: x.dims[axis + 1..].iter().product::<usize>() as u32,
        taps: each as u32,
        first: x.first as u32,
        ..ResampleParams::default()
    };
    let groups = groups_1d(count, RESAMPLE.workgroup[0]);
    tape.run(
        &RESAMPLE,
        &params,
        &[&x.buffer, &index, &weight, &to.buffer],
        groups,
    )?;
    Ok(Some(to))
}
