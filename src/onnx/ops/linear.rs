//! Matrix products.

use candle_core::{DType, Result, Tensor, bail};

use super::super::node::{Built, Node};
use super::{broadcast_dims, maybe, need, sane};

/// MatMul, of any ranks.
pub(in super::super) fn matmul(_: &Node) -> Built {
    Ok(Box::new(|args| {
        Ok(vec![product(need(args, 0)?, need(args, 1)?)?])
    }))
}

pub(super) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
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
        Tensor::zeros((batch, m, n), DType::F32, a.device())?
    } else if rb == 2 {
        // One matrix on the right: the batches of the left are more rows of one product.
        a.reshape((batch * m, k))?.matmul(&ready(&b)?)?
    } else {
        let spread = |t: &Tensor, r: usize, c: usize| -> Result<Tensor> {
            let mut full = dims.clone();
            full.extend([r, c]);
            let t = t.broadcast_as(full)?;
            if batch == 1 || t.is_contiguous() {
                t.reshape((batch, r, c))
            } else {
                ready(&t)?.flatten_to(t.rank() - 3)
            }
        };
        spread(&a, m, k)?.matmul(&spread(&b, k, n)?)?
    };
    if !row {
        dims.push(m);
    }
    if !column {
        dims.push(n);
    }
    out.reshape(dims)
}

/// Contiguous, or transposed in the last two dimensions, which the product takes as it is.
fn ready(t: &Tensor) -> Result<Tensor> {
    if t.is_contiguous() || t.rank() == 2 && t.t()?.is_contiguous() {
        return Ok(t.clone());
    }
    t.contiguous()
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
    let y = product(
        &arranged(&a, [&batch, &left, &inner])?,
        &arranged(&b, [&batch, &inner, &right])?,
    )?;
    let letters = [batch, left, right].concat();
    let dims = lengths(&letters)?;
    Ok((y.reshape(dims)?, letters))
}
