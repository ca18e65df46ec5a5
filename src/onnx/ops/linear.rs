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

fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
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
