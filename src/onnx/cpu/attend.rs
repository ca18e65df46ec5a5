//! Attention a block of queries at a time: their line of the matrix between stays in the second cache.

use rayon::prelude::*;

use super::avx2::{self, COLUMNS};
use super::product::{pack, strip};
use super::{Head, Matrix, Shared};

/// Queries of a block.
const QUERIES: usize = 48;

/// Keys whose values are summed at a time: 16 columns of them stay in the first cache.
const DEPTH: usize = 256;

/// All of a matrix, packed 16 columns at a time.
fn packed(b: Matrix<'_>) -> Vec<f32> {
    let mut out = Vec::new();
    pack(b, 0..b.size[1], 0..b.size[0], &mut out);
    out
}

/// As [`super::attend`], which has checked the sizes.
pub(super) fn all(heads: &[Head<'_>], scale: f32, guarded: bool) -> Vec<f32> {
    let [n, d] = heads[0].q.size;
    let [m, e] = heads[0].v.size;
    let count = heads.len() * n * e;
    let mut y = Vec::with_capacity(count);
    let ready: Vec<[Vec<f32>; 2]> = heads
        .par_iter()
        .map(|head| [packed(head.k), packed(head.v)])
        .collect();
    let blocks = n.div_ceil(QUERIES);
    let shared = Shared(y.as_mut_ptr());
    (0..heads.len() * blocks)
        .into_par_iter()
        .for_each_init(Vec::new, |weights, task| {
            let (head, from) = (task / blocks, task % blocks * QUERIES);
            let rows = QUERIES.min(n - from);
            weights.resize(rows * m, 0f32);
            let q = heads[head].q;
            let [keys, values] = &ready[head];
            // SAFETY: the processor has AVX2 and FMA; the block's lines of the result are its own.
            unsafe {
                for j in (0..m).step_by(COLUMNS) {
                    strip(
                        &q.data[from * q.strides[0]..],
                        q.strides[0],
                        rows,
                        d,
                        &keys[j * d..],
                        weights.as_mut_ptr().add(j),
                        m,
                        COLUMNS.min(m - j),
                        false,
                    );
                }
                let mut by = [0f32; QUERIES];
                for (line, by) in weights.chunks_exact_mut(m).zip(&mut by) {
                    if scale != 1.0 {
                        avx2::scaled(line, scale);
                    }
                    let top = avx2::largest(line);
                    let sum = avx2::exponentials(line, top);
                    *by = 1.0 / sum;
                    if guarded && sum.is_nan() {
                        line.fill(0.0);
                        *by = 0.0;
                    }
                }
                let to = shared.start().add((head * n + from) * e);
                for i in (0..m).step_by(DEPTH) {
                    for j in (0..e).step_by(COLUMNS) {
                        strip(
                            &weights[i..],
                            m,
                            rows,
                            DEPTH.min(m - i),
                            &values[j * m + i * COLUMNS..],
                            to.add(j),
                            e,
                            COLUMNS.min(e - j),
                            i > 0,
                        );
                    }
                }
                for (i, &by) in by[..rows].iter().enumerate() {
                    let line = std::slice::from_raw_parts_mut(to.add(i * e), e);
                    avx2::scaled(line, by);
                }
            }
        });
    // SAFETY: the tasks have written all of it, as there is at least one key.
    unsafe { y.set_len(count) };
    y
}
