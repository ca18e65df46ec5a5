//! Matrix products.

use candle_core::{CpuStorage, DType, Result, Storage, Tensor, bail};

use super::super::cpu::{self, Line, Matrix, Then};
use super::super::node::{Built, Node};
use super::{broadcast_dims, float_vec, made, maybe, need, sane};

/// MatMul, of any ranks.
pub(in super::super) fn matmul(_: &Node) -> Built {
    Ok(Box::new(|args| {
        Ok(vec![product(need(args, 0)?, need(args, 1)?)?])
    }))
}

pub(super) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    linear(a, b, Line::default())
}

/// `a b`, and of each line what `line` has.
pub(in super::super) fn linear(a: &Tensor, b: &Tensor, line: Line<'_>) -> Result<Tensor> {
    if a.dtype() != DType::F32 || b.dtype() != DType::F32 {
        bail!("floats expected, {:?} and {:?} given", a.dtype(), b.dtype());
    }
    if a.rank() == 0 || b.rank() == 0 {
        bail!("a product of single numbers");
    }
    let row = a.rank() == 1;
    let column = b.rank() == 1;
    let a = if row { a.unsqueeze(0)? } else { a.clone() };
    let b = if column { b.unsqueeze(1)? } else { b.clone() };
    let (ra, rb) = (a.rank(), b.rank());
    let (m, k, n) = (a.dims()[ra - 2], a.dims()[ra - 1], b.dims()[rb - 1]);
    if b.dims()[rb - 2] != k {
        bail!("shapes {:?} and {:?} do not multiply", a.dims(), b.dims());
    }
    let mut dims = if rb == 2 {
        a.dims()[..ra - 2].to_vec()
    } else {
        broadcast_dims(&a.dims()[..ra - 2], &b.dims()[..rb - 2])?
    };
    sane(&[dims.as_slice(), &[m, n]].concat())?;
    let batch: usize = dims.iter().product();
    let out = if batch * m * n == 0 || k == 0 {
        let zeros = Tensor::zeros((batch, m, n), DType::F32, a.device())?;
        finished(zeros, line)?
    } else if rb == 2 && a.is_contiguous() {
        // One matrix on the right: the batches of the left are more rows of one product.
        let a = a.reshape((1, batch * m, k))?;
        multiplied(&a, &b.unsqueeze(0)?, line)?
    } else {
        let spread = |t: &Tensor, r: usize, c: usize| -> Result<Tensor> {
            let mut full = dims.clone();
            full.extend([r, c]);
            t.broadcast_as(full)
        };
        multiplied(&spread(&a, m, k)?, &spread(&b, k, n)?, line)?
    };
    if !row {
        dims.push(m);
    }
    if !column {
        dims.push(n);
    }
    out.reshape(dims)
}

/// As [`linear`], of matrices in the last two sides; those before are the same of both. Wherever the elements lie.
fn multiplied(a: &Tensor, b: &Tensor, line: Line<'_>) -> Result<Tensor> {
    let rank = a.rank();
    let (m, n) = (a.dims()[rank - 2], b.dims()[rank - 1]);
    let made_here = strided(a, |a| {
        strided(b, |b| {
            let pairs: Vec<_> = a.zip(b).collect();
            Ok(cpu::products(&pairs, &line))
        })
    })?;
    if let Some(y) = made_here {
        let batch = y.len() / (m * n);
        return made(y, &[batch, m, n]);
    }
    let flat = |t: &Tensor| match rank {
        2 => t.contiguous()?.unsqueeze(0),
        _ => t.contiguous()?.flatten_to(rank - 3),
    };
    finished(flat(a)?.matmul(&flat(b)?)?, line)
}

/// What lines still need, by candle.
fn finished(mut y: Tensor, line: Line<'_>) -> Result<Tensor> {
    let vector = |v: &[f32]| made(v.to_vec(), &[v.len()]);
    if let Some(bias) = line.bias {
        y = y.broadcast_add(&vector(bias)?)?;
    }
    if line.then != Then::Keep {
        let mut values = float_vec(&y)?;
        cpu::finish(&mut values, line.then);
        y = made(values, y.dims())?;
    }
    if let Some(scale) = line.scale {
        y = y.broadcast_mul(&vector(scale)?)?;
    }
    match line.residual {
        Some(residual) => y.clone() + vector(residual)?.reshape(y.dims())?,
        None => Ok(y),
    }
}

/// Runs `f` on the matrices in a float tensor's last two sides, in order, where they lie.
pub(in super::super) fn strided<R>(
    t: &Tensor,
    f: impl FnOnce(&mut dyn Iterator<Item = Matrix<'_>>) -> Result<R>,
) -> Result<R> {
    let (storage, layout) = t.storage_and_layout();
    let Storage::Cpu(CpuStorage::F32(data)) = &*storage else {
        bail!("floats on the CPU expected");
    };
    let (dims, strides) = (layout.dims(), layout.stride());
    let lead = dims.len() - 2;
    let count: usize = dims[..lead].iter().product();
    let mut each = (0..count).map(|mut i| {
        let mut from = layout.start_offset();
        for k in (0..lead).rev() {
            from += i % dims[k] * strides[k];
            i /= dims[k];
        }
        Matrix {
            // A view of nothing may begin after its data.
            data: data.get(from..).unwrap_or(&[]),
            size: [dims[lead], dims[lead + 1]],
            strides: [strides[lead], strides[lead + 1]],
        }
    });
    f(&mut each)
}

/// Gemm.
pub(in super::super) fn gemm(node: &Node) -> Built {
    let (alpha, beta) = (node.float("alpha", 1.0)?, node.float("beta", 1.0)?);
    let (ta, tb) = (node.int("transA", 0)? != 0, node.int("transB", 0)? != 0);
    Ok(Box::new(move |args| {
        let (a, b) = (need(args, 0)?, need(args, 1)?);
        if a.rank() != 2 || b.rank() != 2 {
            bail!(
                "matrices expected, shapes {:?} and {:?} given",
                a.dims(),
                b.dims()
            );
        }
        let a = if ta { a.t()? } else { a.clone() };
        let b = if tb { b.t()? } else { b.clone() };
        let mut y = product(&a, &b)?;
        if alpha != 1.0 {
            y = y.affine(f64::from(alpha), 0.0)?;
        }
        if let Some(c) = maybe(args, 2) {
            let c = if beta == 1.0 {
                c.clone()
            } else {
                c.affine(f64::from(beta), 0.0)?
            };
            if broadcast_dims(y.dims(), c.dims())? != y.dims() {
                bail!("C of shape {:?} on {:?}", c.dims(), y.dims());
            }
            y = y.broadcast_add(&c)?;
        }
        Ok(vec![y])
    }))
}

/// Einsum: products summed over the letters that the result does not have.
pub(in super::super) fn einsum(node: &Node) -> Built {
    let equation: String = node.text("equation", "")?;
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match equation.split_once("->") {
        Some((inputs, output)) => (inputs.to_owned(), Some(output.to_owned())),
        None => (equation.clone(), None),
    };
    let inputs: Vec<Vec<char>> = inputs.split(',').map(|i| i.chars().collect()).collect();
    let all = inputs.iter().flatten().copied();
    let output: Vec<char> = match output {
        Some(output) => output.chars().collect(),
        None => {
            let once = |c: char| all.clone().filter(|&o| o == c).count() == 1;
            let mut letters: Vec<char> = all.clone().filter(|&c| once(c)).collect();
            letters.sort_unstable();
            letters
        }
    };
    let twice = |letters: &[char]| (1..letters.len()).any(|i| letters[..i].contains(&letters[i]));
    let strange = all
        .clone()
        .chain(output.iter().copied())
        .any(|c| !c.is_ascii_alphabetic());
    if strange || inputs.iter().any(|i| twice(i)) || twice(&output) {
        return Err(format!(
            "equation '{equation}': letters that each stand once in an operand are supported"
        ));
    }
    if output.iter().any(|&c| !all.clone().any(|o| o == c)) {
        return Err(format!(
            "equation '{equation}': the result has letters of its own"
        ));
    }
    Ok(Box::new(move |args| {
        if args.len() != inputs.len() {
            bail!("{} operands for '{equation}'", args.len());
        }
        let mut done = labelled(need(args, 0)?, &inputs[0])?;
        for (i, letters) in inputs.iter().enumerate().skip(1) {
            let later = inputs[i + 1..].iter().flatten().chain(&output);
            let kept: Vec<char> = later.copied().collect();
            done = contracted(done, labelled(need(args, i)?, letters)?, &kept)?;
        }
        let (x, letters) = summed(done, &output)?;
        let order: Vec<usize> = output
            .iter()
            .filter_map(|c| letters.iter().position(|o| o == c))
            .collect();
        Ok(vec![x.permute(order)?.contiguous()?])
    }))
}

/// A tensor and a letter for each of its dimensions.
type Labelled = (Tensor, Vec<char>);

fn labelled(x: &Tensor, letters: &[char]) -> Result<Labelled> {
    if x.rank() != letters.len() {
        bail!("{letters:?} for shape {:?}", x.dims());
    }
    if x.dtype() != DType::F32 {
        bail!("floats expected, {:?} given", x.dtype());
    }
    Ok((x.clone(), letters.to_vec()))
}

/// Sums over every letter that is not kept.
fn summed((x, letters): Labelled, kept: &[char]) -> Result<Labelled> {
    let gone: Vec<usize> = (0..letters.len())
        .filter(|&i| !kept.contains(&letters[i]))
        .collect();
    if gone.is_empty() {
        return Ok((x, letters));
    }
    let x = x.contiguous()?.sum(gone)?;
    let letters = letters.into_iter().filter(|c| kept.contains(c)).collect();
    Ok((x, letters))
}

/// The product of two, summed over the letters that are not kept: batches of matrices, `[shared kept, own of a, own of b]`.
fn contracted(a: Labelled, b: Labelled, kept: &[char]) -> Result<Labelled> {
    let needed = |other: &Labelled| [&other.1[..], kept].concat();
    let (of_a, of_b) = (needed(&b), needed(&a));
    let (a, b) = (summed(a, &of_a)?, summed(b, &of_b)?);
    let shared = |keep: bool| -> Vec<char> {
        let letters = a.1.iter().filter(|c| b.1.contains(c));
        letters
            .filter(|c| kept.contains(c) == keep)
            .copied()
            .collect()
    };
    let (batch, inner) = (shared(true), shared(false));
    let own = |of: &[char]| -> Vec<char> {
        let skip = |c: &&char| !batch.contains(c) && !inner.contains(c);
        of.iter().filter(skip).copied().collect()
    };
    let (left, right) = (own(&a.1), own(&b.1));
    let side = |x: &Labelled, c: char| {
        let place = x.1.iter().position(|&o| o == c);
        place.map_or(1, |i| x.0.dims()[i])
    };
    // A side of 1 is as long as the other's.
    let long = |c: char| match (side(&a, c), side(&b, c)) {
        (1, n) | (n, 1) => Ok(n),
        (n, m) if n == m => Ok(n),
        (n, m) => bail!("'{c}' is {n} and {m}"),
    };
    let lengths =
        |letters: &[char]| -> Result<Vec<usize>> { letters.iter().map(|&c| long(c)).collect() };
    let arranged = |x: &Labelled, groups: [&[char]; 3]| -> Result<Tensor> {
        let letters = groups.concat();
        let order: Vec<usize> = letters
            .iter()
            .filter_map(|c| x.1.iter().position(|o| o == c))
            .collect();
        let full = lengths(&letters)?;
        sane(&full)?;
        let [b, m, n] = groups.map(|group| lengths(group).map(|l| l.iter().product::<usize>()));
        x.0.permute(order)?
            .broadcast_as(full)?
            .contiguous()?
            .reshape((b?, m?, n?))
    };
    if inner.is_empty() && left.is_empty() && right.is_empty() {
        let [a, b] = [&a, &b].map(|x| arranged(x, [&batch, &[], &[]]));
        return Ok(((a? * b?)?.reshape(lengths(&batch)?)?, batch));
    }
    let y = product(
        &arranged(&a, [&batch, &left, &inner])?,
        &arranged(&b, [&batch, &inner, &right])?,
    )?;
    let letters = [batch, left, right].concat();
    let dims = lengths(&letters)?;
    Ok((y.reshape(dims)?, letters))
}
