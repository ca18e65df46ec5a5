//! Attention and rotary positions as operators of their own (opset 23).

use candle_core::{DType, Result, Tensor, bail};

use super::super::cpu::{self, Head};
use super::super::node::{Built, Node};
use super::linear::{product, strided};
use super::norm::soft;
use super::{broadcast_dims, ints, made, map_rows, maybe, need, sane, with_floats};

/// `[batch, heads, length, width]`, of this shape or of `[batch, length, heads * width]`.
fn by_heads(x: &Tensor, heads: i64) -> Result<Tensor> {
    match *x.dims() {
        [_, _, _, _] => Ok(x.clone()),
        [n, length, all] => {
            let heads = usize::try_from(heads).unwrap_or(0);
            if heads == 0 || all % heads != 0 {
                bail!("shape {:?} with {heads} heads", x.dims());
            }
            x.reshape((n, length, heads, all / heads))?
                .transpose(1, 2)?
                .contiguous()
        }
        _ => bail!("shape {:?}: 3 or 4 dimensions expected", x.dims()),
    }
}

/// The same heads `times` times each, one after the other.
fn repeated(x: &Tensor, times: usize) -> Result<Tensor> {
    if times == 1 {
        return Ok(x.clone());
    }
    let (n, heads, length, width) = x.dims4()?;
    sane(&[n, heads, times, length, width])?;
    x.unsqueeze(2)?
        .broadcast_as((n, heads, times, length, width))?
        .reshape((n, heads * times, length, width))
}

/// Which keys a query sees, by its place.
#[derive(Clone, Copy)]
struct Sight {
    causal: bool,
    left: i64,
    right: i64,
}

impl Sight {
    fn sees(self, query: i64, key: i64) -> bool {
        (!self.causal || key <= query)
            && (self.left < 0 || key >= query.saturating_sub(self.left))
            && (self.right < 0 || key <= query.saturating_add(self.right))
    }

    fn all(self) -> bool {
        !self.causal && self.left < 0 && self.right < 0
    }
}

/// Attention.
pub(in super::super) fn attention(node: &Node) -> Built {
    if node.proto.output.get(3).is_some_and(|o| !o.is_empty()) {
        return Err("its output 'qk_matmul_output' is not supported".into());
    }
    let heads = [node.int("q_num_heads", 0)?, node.int("kv_num_heads", 0)?];
    let scale = match node.has("scale") {
        true => Some(node.float("scale", 1.0)?),
        false => None,
    };
    let softcap = node.float("softcap", 0.0)?;
    let sight = Sight {
        causal: node.int("is_causal", 0)? != 0,
        left: node.int("left_window_size", -1)?,
        right: node.int("right_window_size", -1)?,
    };
    Ok(Box::new(move |args| {
        let flat = need(args, 0)?.rank() == 3;
        let q = by_heads(need(args, 0)?, heads[0])?;
        let fresh = [1, 2].map(|i| need(args, i).and_then(|x| by_heads(x, heads[1])));
        let [mut k, mut v] = match fresh {
            [Ok(k), Ok(v)] => [k, v],
            [Err(e), _] | [_, Err(e)] => return Err(e),
        };
        let mut before = 0;
        match (maybe(args, 4), maybe(args, 5)) {
            (Some(past_k), Some(past_v)) => {
                before = past_k.dims4()?.2;
                k = Tensor::cat(&[past_k, &k], 2)?;
                v = Tensor::cat(&[past_v, &v], 2)?;
            }
            (None, None) => {}
            _ => bail!("past keys and values belong together"),
        }
        let present = [k.clone(), v.clone()];
        let (n, many, length, width) = q.dims4()?;
        let (_, few, keys, _) = k.dims4()?;
        if few == 0 || many % few != 0 || k.dims()[0] != n || v.dims()[..3] != k.dims()[..3] {
            bail!(
                "queries, keys and values of {:?}, {:?} and {:?}",
                q.dims(),
                k.dims(),
                v.dims()
            );
        }
        let (k, v) = (repeated(&k, many / few)?, repeated(&v, many / few)?);
        let scale = scale.unwrap_or(1.0 / (width as f32).sqrt());
        let valid = maybe(args, 6).map(ints).transpose()?;
        if valid.as_ref().is_some_and(|valid| valid.len() != n) {
            bail!("lengths of another batch than {n}");
        }
        let whole = |y: Tensor| match flat {
            true => y.transpose(1, 2)?.reshape((n, length, ())),
            false => Ok(y),
        };
        let plain = sight.all() && valid.is_none() && softcap == 0.0 && maybe(args, 3).is_none();
        if plain && let Some(y) = attend(&q, &k.transpose(2, 3)?, &v, scale, false)? {
            let [k, v] = present;
            return Ok(vec![whole(y)?, k, v]);
        }
        let q = q.affine(f64::from(scale), 0.0)?;
        let mut weights = product(&q, &k.transpose(2, 3)?)?;
        if softcap > 0.0 {
            let cap = f64::from(softcap);
            weights = weights.affine(1.0 / cap, 0.0)?.tanh()?.affine(cap, 0.0)?;
        }
        if !sight.all() || valid.is_some() {
            let offset = |b: usize| match &valid {
                Some(valid) => valid[b].saturating_sub(length as i64),
                None => before as i64,
            };
            let seen = |b: usize, i: usize, j: usize| {
                sight.sees((i as i64).saturating_add(offset(b)), j as i64)
                    && valid.as_ref().is_none_or(|valid| (j as i64) < valid[b])
            };
            sane(&[n, length, keys])?;
            let bias = (0..n * length * keys).map(|at| {
                let (line, j) = (at / keys, at % keys);
                match seen(line / length, line % length, j) {
                    true => 0.0,
                    false => f32::NEG_INFINITY,
                }
            });
            let bias = made(bias.collect(), &[n, 1, length, keys])?;
            weights = weights.broadcast_add(&bias)?;
        }
        if let Some(mask) = maybe(args, 3) {
            let mut bias = mask.clone();
            if mask.dtype() == DType::U8 {
                let blind = Tensor::full(f32::NEG_INFINITY, mask.dims(), mask.device())?;
                bias = mask.where_cond(&blind.zeros_like()?, &blind)?;
            }
            // A mask may be shorter than the keys: the rest is not seen.
            let short = bias.dims().last().copied().unwrap_or(1);
            if short != 1 && short < keys {
                let mut dims = bias.dims().to_vec();
                let last = dims.len() - 1;
                dims[last] = keys - short;
                sane(&dims)?;
                let rest = Tensor::full(f32::NEG_INFINITY, dims, bias.device())?;
                bias = Tensor::cat(&[bias, rest], last)?;
            }
            if broadcast_dims(weights.dims(), bias.dims())? != weights.dims() {
                bail!("a mask of {:?} for {:?}", mask.dims(), weights.dims());
            }
            weights = weights.broadcast_add(&bias)?;
        }
        // A query that sees nothing answers nothing.
        let weights = map_rows(&weights, keys, |row, x, y| {
            if x.iter().any(|&x| x != f32::NEG_INFINITY) {
                soft(row, x, y);
            }
        })?;
        let y = whole(product(&weights, &v)?)?;
        let [k, v] = present;
        Ok(vec![y, k, v])
    }))
}

/// Attention of matrices in the last two sides, which are the same in those before; `None` where the kernels for it cannot. `guarded`, NaN of
/// the softmax is 0.
pub(in super::super) fn attend(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    scale: f32,
    guarded: bool,
) -> Result<Option<Tensor>> {
    let rank = q.rank();
    let q = match q.stride()[rank - 1] {
        1 => q.clone(),
        _ => q.contiguous()?,
    };
    let made_here = strided(&q, |q| {
        strided(k, |k| {
            strided(v, |v| {
                let heads: Vec<Head<'_>> = q
                    .zip(k)
                    .zip(v)
                    .map(|((q, k), v)| Head { q, k, v })
                    .collect();
                Ok(cpu::attend(&heads, scale, guarded))
            })
        })
    })?;
    let mut dims = q.dims().to_vec();
    dims[rank - 1] = v.dims()[rank - 1];
    made_here.map(|y| made(y, &dims)).transpose()
}

/// RotaryEmbedding.
pub(in super::super) fn rotary(node: &Node) -> Built {
    let interleaved = node.int("interleaved", 0)? != 0;
    let heads = node.int("num_heads", 0)?;
    let part = usize::try_from(node.int("rotary_embedding_dim", 0)?)
        .map_err(|_| "rotary_embedding_dim")?;
    Ok(Box::new(move |args| {
        let given = need(args, 0)?;
        let flat = given.rank() == 3;
        let x = by_heads(given, heads)?;
        let (n, count, length, width) = x.dims4()?;
        let part = if part == 0 { width } else { part };
        if part > width || part % 2 != 0 {
            bail!("a part of {part} of {width}");
        }
        let half = part / 2;
        let at = maybe(args, 3).map(ints).transpose()?;
        let caches = [need(args, 1)?, need(args, 2)?];
        for cache in caches {
            let fits = match (&at, cache.dims()) {
                (Some(at), &[_, last]) => last == half && at.len() == n * length,
                (None, dims) => dims == [n, length, half],
                _ => false,
            };
            if !fits {
                bail!("a cache of {:?} for {:?}", cache.dims(), x.dims());
            }
        }
        let most = caches[0].dims()[0].min(caches[1].dims()[0]);
        if let Some(bad) = at.iter().flatten().find(|&&i| i < 0 || i >= most as i64) {
            bail!("position {bad} of {most}");
        }
        sane(x.dims())?;
        if given.elem_count() == 0 {
            return Ok(vec![given.clone()]);
        }
        let y = with_floats(&x, |x| {
            with_floats(caches[0], |cos| {
                with_floats(caches[1], |sin| {
                    let mut y = x.to_vec();
                    for (row, y) in y.chunks_exact_mut(width).enumerate() {
                        let token = row / (count * length) * length + row % length;
                        let from = at.as_ref().map_or(token, |at| at[token] as usize) * half;
                        for i in 0..half {
                            let (a, b) = match interleaved {
                                true => (2 * i, 2 * i + 1),
                                false => (i, half + i),
                            };
                            let (c, s) = (cos[from + i], sin[from + i]);
                            (y[a], y[b]) = (c * y[a] - s * y[b], s * y[a] + c * y[b]);
                        }
                    }
                    made(y, &[n, count, length, width])
                })
            })
        })?;
        Ok(vec![match flat {
            true => y.transpose(1, 2)?.reshape(given.dims())?,
            false => y,
        }])
    }))
}
