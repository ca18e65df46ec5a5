//! Products of matrices in blocks that caches hold (Goto and van de Geijn 2008): columns packed a block at a time, rows read as they lie.

use rayon::prelude::*;

use super::avx2::{self, COLUMNS, ROWS};
use super::{Line, Matrix, Shared};

/// Places of a block: 16 columns of it, 24 KiB, stay in the first cache.
const DEPTH: usize = 384;

/// Rows and columns of a task.
const TASK: [usize; 2] = [264, 96];

/// As [`super::products`], which has checked the sizes.
pub(super) fn all(batch: &[(Matrix<'_>, Matrix<'_>)], line: &Line<'_>) -> Vec<f32> {
    let [m, k] = batch[0].0.size;
    let n = batch[0].1.size[1];
    let count = batch.len() * m * n;
    if k == 0 || count == 0 {
        let mut y = vec![0f32; count];
        for (i, y) in y.chunks_mut(n.max(1)).enumerate() {
            // SAFETY: the processor has AVX2 and FMA, or this would not be called.
            unsafe { avx2::finish_line(y, line, 0, i * n) };
        }
        return y;
    }
    let tasks = [m.div_ceil(TASK[0]), n.div_ceil(TASK[1])];
    let mut y = Vec::with_capacity(count);
    let shared = Shared(y.as_mut_ptr());
    (0..batch.len() * tasks[0] * tasks[1])
        .into_par_iter()
        .for_each_init(Vec::new, |packed, task| {
            let (a, b) = batch[task / (tasks[0] * tasks[1])];
            let (row, column) = (task / tasks[1] % tasks[0], task % tasks[1]);
            let rows = row * TASK[0]..m.min((row + 1) * TASK[0]);
            let columns = column * TASK[1]..n.min((column + 1) * TASK[1]);
            let turned: Vec<f32>;
            let (a, lda) = match a.strides {
                [down, 1] => (&a.data[rows.start * down..], down),
                [down, across] => {
                    let line = |i: usize| (0..k).map(move |j| a.data[i * down + j * across]);
                    turned = rows.clone().flat_map(line).collect();
                    (&turned[..], k)
                }
            };
            let first = task / (tasks[0] * tasks[1]) * m * n;
            // SAFETY: the processor has AVX2 and FMA; tasks write parts of their own.
            unsafe {
                let from = first + rows.start * n + columns.start;
                let to = shared.start().add(from);
                block(a, lda, rows.len(), b, columns.clone(), packed, to, n);
                for i in 0..rows.len() {
                    let y = std::slice::from_raw_parts_mut(to.add(i * n), columns.len());
                    avx2::finish_line(y, line, columns.start, from + i * n);
                }
            }
        });
    // SAFETY: the tasks have written all of it.
    unsafe { y.set_len(count) };
    y
}

/// Some columns of places `places`, packed 16 at a time: each panel one place after the other, zeros past the last column.
pub(super) fn pack(
    b: Matrix<'_>,
    columns: std::ops::Range<usize>,
    places: std::ops::Range<usize>,
    out: &mut Vec<f32>,
) {
    let [down, across] = b.strides;
    let (n, depth) = (columns.len(), places.len());
    let panel = depth * COLUMNS;
    out.resize(n.div_ceil(COLUMNS) * panel, 0.0);
    if n % COLUMNS != 0 {
        let last = n / COLUMNS * panel;
        out[last..].fill(0.0);
    }
    if across == 1 {
        // Lines are read as they lie.
        for (i, place) in places.enumerate() {
            let line = &b.data[place * down + columns.start..][..n];
            for (k, from) in line.chunks(COLUMNS).enumerate() {
                out[k * panel + i * COLUMNS..][..from.len()].copy_from_slice(from);
            }
        }
        return;
    }
    for (j, column) in columns.enumerate() {
        let from = &b.data[column * across..];
        let to = out[j / COLUMNS * panel + j % COLUMNS..].iter_mut();
        for (to, place) in to.step_by(COLUMNS).zip(places.clone()) {
            *to = from[place * down];
        }
    }
}

/// Rows times some columns of `b`, written to rows `ldc` apart.
///
/// # Safety
/// AVX2 and FMA; `rows` rows `lda` apart in `a`, and room for them at `c`.
#[expect(clippy::too_many_arguments, reason = "the measures of three matrices")]
unsafe fn block(
    a: &[f32],
    lda: usize,
    rows: usize,
    b: Matrix<'_>,
    columns: std::ops::Range<usize>,
    packed: &mut Vec<f32>,
    c: *mut f32,
    ldc: usize,
) {
    let k = b.size[0];
    for from in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - from);
        pack(b, columns.clone(), from..from + depth, packed);
        for (panel, packed) in packed.chunks(depth * COLUMNS).enumerate() {
            let j = panel * COLUMNS;
            let wide = COLUMNS.min(columns.len() - j);
            // SAFETY: rows and columns are inside both.
            unsafe {
                strip(
                    &a[from..],
                    lda,
                    rows,
                    depth,
                    packed,
                    c.add(j),
                    ldc,
                    wide,
                    from > 0,
                );
            }
        }
    }
}

/// Rows times 16 packed columns, of which `wide` are written.
///
/// # Safety
/// AVX2 and FMA; `rows` rows `lda` apart in `a`, room for them at `c`.
#[expect(clippy::too_many_arguments, reason = "the measures of three matrices")]
pub(super) unsafe fn strip(
    a: &[f32],
    lda: usize,
    rows: usize,
    depth: usize,
    packed: &[f32],
    c: *mut f32,
    ldc: usize,
    wide: usize,
    more: bool,
) {
    debug_assert!(rows == 0 || (rows - 1) * lda + depth <= a.len());
    debug_assert!(packed.len() >= depth * COLUMNS);
    let mut i = 0;
    while i < rows {
        let many = ROWS.min(rows - i);
        // SAFETY: `many` rows are left, and `wide` columns are there to be written.
        unsafe {
            let (a, b) = (a.as_ptr().add(i * lda), packed.as_ptr());
            let to = c.add(i * ldc);
            if wide == COLUMNS {
                tile(many, depth, a, lda, b, to, ldc, more);
            } else {
                let mut whole = [0f32; ROWS * COLUMNS];
                tile(many, depth, a, lda, b, whole.as_mut_ptr(), COLUMNS, false);
                for (r, row) in whole.chunks(COLUMNS).take(many).enumerate() {
                    for (j, &x) in row[..wide].iter().enumerate() {
                        let to = to.add(r * ldc + j);
                        to.write(if more { to.read() + x } else { x });
                    }
                }
            }
        }
        i += many;
    }
}

/// A tile of `rows` rows.
///
/// # Safety
/// As [`avx2::tile`].
#[expect(clippy::too_many_arguments, reason = "the measures of three matrices")]
unsafe fn tile(
    rows: usize,
    k: usize,
    a: *const f32,
    lda: usize,
    b: *const f32,
    c: *mut f32,
    ldc: usize,
    more: bool,
) {
    // SAFETY: as promised.
    unsafe {
        match rows {
            6 => avx2::tile::<6>(k, a, lda, b, c, ldc, more),
            5 => avx2::tile::<5>(k, a, lda, b, c, ldc, more),
            4 => avx2::tile::<4>(k, a, lda, b, c, ldc, more),
            3 => avx2::tile::<3>(k, a, lda, b, c, ldc, more),
            2 => avx2::tile::<2>(k, a, lda, b, c, ldc, more),
            _ => avx2::tile::<1>(k, a, lda, b, c, ldc, more),
        }
    }
}
