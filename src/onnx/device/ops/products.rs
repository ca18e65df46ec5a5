//! Products of matrices, and convolutions as such.

use super::*;

/// Matrices in a batch: rows, columns and terms are of the last two sides.
pub(super) fn matrices(
    tape: &mut Tape<'_>,
    view: View,
    batch: &[usize],
) -> Result<(View, usize), OnnxError> {
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

pub(super) fn matmul(tape: &mut Tape<'_>, fed: &Fed<'_>) -> One {
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

pub(super) fn gemm(node: &Node) -> Option<Op> {
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

pub(super) fn conv(node: &Node) -> Option<Op> {
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

/// Where windows do not overlap: one product, whose rows are then put in their places.
pub(super) fn conv_transpose(node: &Node) -> Option<Op> {
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
