//! Kernels of AVX2 and FMA. Every function must only be called where the processor has both.

use std::arch::x86_64::*;

use super::{Line, Then};

/// Rows and columns of a tile of a product.
pub(super) const ROWS: usize = 6;
pub(super) const COLUMNS: usize = 16;

/// `c = a b` or, `more`, `c += a b` of `M` rows and 16 columns over `k` places: `a` in rows `lda` apart, `b` packed 16 columns a place, `c`
/// in rows `ldc` apart.
///
/// # Safety
/// AVX2 and FMA; `M` rows of `k` floats at `a`, `16 k` floats at `b`, `M` rows of 16 floats at `c`.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn tile<const M: usize>(
    k: usize,
    a: *const f32,
    lda: usize,
    b: *const f32,
    c: *mut f32,
    ldc: usize,
    more: bool,
) {
    let mut sums = [[_mm256_setzero_ps(); 2]; M];
    for i in 0..k {
        // SAFETY: `i < k` and `r < M`.
        unsafe {
            let b = [
                _mm256_loadu_ps(b.add(COLUMNS * i)),
                _mm256_loadu_ps(b.add(COLUMNS * i + 8)),
            ];
            for r in 0..M {
                let a = _mm256_broadcast_ss(&*a.add(r * lda + i));
                sums[r][0] = _mm256_fmadd_ps(a, b[0], sums[r][0]);
                sums[r][1] = _mm256_fmadd_ps(a, b[1], sums[r][1]);
            }
        }
    }
    for (r, row) in sums.iter().enumerate() {
        for (half, &sum) in row.iter().enumerate() {
            // SAFETY: `M` rows of 16 floats are there.
            unsafe {
                let to = c.add(r * ldc + 8 * half);
                let sum = if more {
                    _mm256_add_ps(_mm256_loadu_ps(to), sum)
                } else {
                    sum
                };
                _mm256_storeu_ps(to, sum);
            }
        }
    }
}

/// `M` channels of 16 pixels of a convolution, set or, `more`, added to at `sums`: for each tap the pixels at `x + offset`, times the tap's `M`
/// weights.
///
/// # Safety
/// AVX2 and FMA; 16 floats at every `x + offset`, `M * offsets.len()` at `weights`.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn pixels<const M: usize>(
    offsets: &[usize],
    x: *const f32,
    weights: *const f32,
    sums: &mut [[f32; COLUMNS]],
    more: bool,
) {
    let mut acc = [[_mm256_setzero_ps(); 2]; M];
    for (i, &offset) in offsets.iter().enumerate() {
        // SAFETY: as promised.
        unsafe {
            let x = x.add(offset);
            let x = [_mm256_loadu_ps(x), _mm256_loadu_ps(x.add(8))];
            let w = weights.add(M * i);
            for (r, acc) in acc.iter_mut().enumerate() {
                let w = _mm256_broadcast_ss(&*w.add(r));
                acc[0] = _mm256_fmadd_ps(w, x[0], acc[0]);
                acc[1] = _mm256_fmadd_ps(w, x[1], acc[1]);
            }
        }
    }
    for (acc, sums) in acc.into_iter().zip(sums) {
        for (half, acc) in acc.into_iter().enumerate() {
            // SAFETY: 16 floats are there.
            unsafe {
                let to = sums.as_mut_ptr().add(8 * half);
                let acc = if more {
                    _mm256_add_ps(_mm256_loadu_ps(to), acc)
                } else {
                    acc
                };
                _mm256_storeu_ps(to, acc);
            }
        }
    }
}

/// The four columns of 8 tiles beside one another: every second float from `x` on, from `x + 1`, from `x + 2` and from `x + 3`.
///
/// # Safety
/// AVX2 and FMA; 24 floats at `x`.
#[target_feature(enable = "avx2,fma")]
unsafe fn parted(x: *const f32) -> [__m256; 4] {
    // SAFETY: as promised.
    let [a, b, c] = unsafe { [0, 8, 16].map(|at| _mm256_loadu_ps(x.add(at))) };
    let halves = |a: __m256, b: __m256| {
        let even = _mm256_shuffle_ps::<0x88>(a, b);
        let odd = _mm256_shuffle_ps::<0xdd>(a, b);
        [even, odd].map(|v| _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(_mm256_castps_pd(v))))
    };
    let [even, odd] = halves(a, b);
    let [next_even, next_odd] = halves(c, c);
    let one_on = |v: __m256, next: __m256| {
        let order = _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0);
        _mm256_permutevar8x32_ps(_mm256_blend_ps::<1>(v, next), order)
    };
    [even, odd, one_on(even, next_even), one_on(odd, next_odd)]
}

/// `B' d B` of 16 tiles beside one another (Lavin and Gray 2016, equation 8): `x` in four lines `apart`, each of the 16 places to 16 floats at
/// `to`, places `step` apart.
///
/// # Safety
/// AVX2 and FMA; 40 floats at each of the four lines, 16 at each place.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn winograd_inputs(x: *const f32, apart: usize, to: *mut f32, step: usize) {
    for half in 0..2 {
        // SAFETY: as promised.
        let d: [[__m256; 4]; 4] =
            std::array::from_fn(|line| unsafe { parted(x.add(line * apart + 16 * half)) });
        let turned = |d: [__m256; 4]| {
            [
                _mm256_sub_ps(d[0], d[2]),
                _mm256_add_ps(d[1], d[2]),
                _mm256_sub_ps(d[2], d[1]),
                _mm256_sub_ps(d[1], d[3]),
            ]
        };
        let lines: [[__m256; 4]; 4] = d.map(turned);
        for x in 0..4 {
            let column = turned([lines[0][x], lines[1][x], lines[2][x], lines[3][x]]);
            for (y, v) in column.into_iter().enumerate() {
                // SAFETY: as promised.
                unsafe { _mm256_storeu_ps(to.add((4 * y + x) * step + 8 * half), v) };
            }
        }
    }
}

/// `then(A' m A + bias)` of 16 tiles beside one another, as two lines of 32 pixels; `m` has 16 floats a place, places `step` apart.
///
/// # Safety
/// AVX2 and FMA; 16 floats at each of the 16 places.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn winograd_pixels(
    m: *const f32,
    step: usize,
    pixels: &mut [f32; 4 * COLUMNS],
    bias: f32,
    then: Then,
) {
    let bias = _mm256_set1_ps(bias);
    for half in 0..2 {
        let turned = |m: [__m256; 4]| {
            let middle = [_mm256_add_ps(m[1], m[2]), _mm256_sub_ps(m[1], m[2])];
            [
                _mm256_add_ps(m[0], middle[0]),
                _mm256_sub_ps(middle[1], m[3]),
            ]
        };
        let lines: [[__m256; 2]; 4] = std::array::from_fn(|y| {
            turned(std::array::from_fn(|x| unsafe {
                // SAFETY: as promised.
                _mm256_loadu_ps(m.add((4 * y + x) * step + 8 * half))
            }))
        });
        let [left, right] = [0, 1].map(|x| turned([0, 1, 2, 3].map(|y| lines[y][x])));
        for line in 0..2 {
            let [a, b] = [left[line], right[line]].map(|v| after(_mm256_add_ps(v, bias), then));
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let to = &mut pixels[line * 2 * COLUMNS + 16 * half..][..16];
            // SAFETY: 16 floats are there.
            unsafe {
                let to = to.as_mut_ptr();
                _mm256_storeu_ps(to, _mm256_permute2f128_ps::<0x20>(low, high));
                _mm256_storeu_ps(to.add(8), _mm256_permute2f128_ps::<0x31>(low, high));
            }
        }
    }
}

/// `then(x + bias)` of 16 pixels.
#[target_feature(enable = "avx2,fma")]
pub(super) fn finish_pixels(x: &mut [f32; COLUMNS], bias: f32, then: Then) {
    let bias = _mm256_set1_ps(bias);
    each(x, |x| after(_mm256_add_ps(x, bias), then));
}

#[target_feature(enable = "avx2,fma")]
fn after(x: __m256, then: Then) -> __m256 {
    match then {
        Then::Keep => x,
        // In this order NaN stays.
        Then::Relu => _mm256_max_ps(_mm256_setzero_ps(), x),
        Then::Gelu => gelu(x),
    }
}

/// `then` of each.
#[target_feature(enable = "avx2,fma")]
pub(super) fn finish(y: &mut [f32], then: Then) {
    each(y, |x| after(x, then));
}

/// What a line of a product that begins at this column and this element of the whole still needs.
#[target_feature(enable = "avx2,fma")]
pub(super) fn finish_line(y: &mut [f32], line: &Line<'_>, column: usize, element: usize) {
    let n = y.len();
    if let Some(bias) = line.bias {
        both(y, &bias[column..column + n], |x, b| {
            after(_mm256_add_ps(x, b), line.then)
        });
    } else if line.then != Then::Keep {
        finish(y, line.then);
    }
    if let Some(scale) = line.scale {
        both(y, &scale[column..column + n], |x, s| _mm256_mul_ps(x, s));
    }
    if let Some(residual) = line.residual {
        both(y, &residual[element..element + n], |x, r| {
            _mm256_add_ps(x, r)
        });
    }
}

/// `f` of every element and what lies beside it, eight at a time; those left over are filled up with zeros.
#[target_feature(enable = "avx2,fma")]
fn both(y: &mut [f32], with: &[f32], f: impl Fn(__m256, __m256) -> __m256) {
    let (whole, rest) = y.as_chunks_mut::<8>();
    let (with_whole, with_rest) = with.as_chunks::<8>();
    for (y, w) in whole.iter_mut().zip(with_whole) {
        // SAFETY: eight floats are at both.
        unsafe {
            let x = f(_mm256_loadu_ps(y.as_ptr()), _mm256_loadu_ps(w.as_ptr()));
            _mm256_storeu_ps(y.as_mut_ptr(), x);
        }
    }
    if !rest.is_empty() {
        let (mut full, mut beside) = ([0.0; 8], [0.0; 8]);
        full[..rest.len()].copy_from_slice(rest);
        beside[..rest.len()].copy_from_slice(with_rest);
        // SAFETY: eight floats are at both.
        unsafe {
            let x = f(
                _mm256_loadu_ps(full.as_ptr()),
                _mm256_loadu_ps(beside.as_ptr()),
            );
            _mm256_storeu_ps(full.as_mut_ptr(), x);
        }
        rest.copy_from_slice(&full[..rest.len()]);
    }
}

/// `f` of every element, eight at a time; those left over are filled up with zeros.
#[target_feature(enable = "avx2,fma")]
fn each(y: &mut [f32], f: impl Fn(__m256) -> __m256) {
    let (whole, rest) = y.as_chunks_mut::<8>();
    for y in whole {
        // SAFETY: eight floats are there.
        unsafe { _mm256_storeu_ps(y.as_mut_ptr(), f(_mm256_loadu_ps(y.as_ptr()))) };
    }
    if !rest.is_empty() {
        let mut full = [0.0; 8];
        full[..rest.len()].copy_from_slice(rest);
        // SAFETY: eight floats are there.
        unsafe { _mm256_storeu_ps(full.as_mut_ptr(), f(_mm256_loadu_ps(full.as_ptr()))) };
        rest.copy_from_slice(&full[..rest.len()]);
    }
}

/// The largest of a line; negative infinity of none.
#[target_feature(enable = "avx2,fma")]
pub(super) fn largest(x: &[f32]) -> f32 {
    let (whole, rest) = x.as_chunks::<8>();
    let mut top = _mm256_set1_ps(f32::NEG_INFINITY);
    for x in whole {
        // SAFETY: eight floats are there.
        top = _mm256_max_ps(unsafe { _mm256_loadu_ps(x.as_ptr()) }, top);
    }
    let rest = rest.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    lanes(top).into_iter().fold(rest, f32::max)
}

#[target_feature(enable = "avx2,fma")]
fn lanes(x: __m256) -> [f32; 8] {
    let mut out = [0.0; 8];
    // SAFETY: eight floats are there.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), x) };
    out
}

/// The sum of `(x - less)^P`, `P` 1 or 2, in double precision.
#[target_feature(enable = "avx2,fma")]
pub(super) fn sum_of_powers<const P: usize>(x: &[f32], less: f32) -> f64 {
    let of = |x: __m256| {
        let x = _mm256_sub_ps(x, _mm256_set1_ps(less));
        if P == 2 { _mm256_mul_ps(x, x) } else { x }
    };
    let mut sums = [_mm256_setzero_pd(); 2];
    let (whole, rest) = x.as_chunks::<8>();
    for x in whole {
        // SAFETY: eight floats are there.
        let x = of(unsafe { _mm256_loadu_ps(x.as_ptr()) });
        sums[0] = _mm256_add_pd(sums[0], _mm256_cvtps_pd(_mm256_castps256_ps128(x)));
        sums[1] = _mm256_add_pd(sums[1], _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(x)));
    }
    let mut out = [0.0; 4];
    // SAFETY: four doubles are there.
    unsafe { _mm256_storeu_pd(out.as_mut_ptr(), _mm256_add_pd(sums[0], sums[1])) };
    let rest = rest.iter().map(|&x| f64::from((x - less).powi(P as i32)));
    out.iter().sum::<f64>() + rest.sum::<f64>()
}

/// Turns a line into `exp(y - top)` and answers the sum.
#[target_feature(enable = "avx2,fma")]
pub(super) fn exponentials(y: &mut [f32], top: f32) -> f32 {
    let less = _mm256_set1_ps(top);
    let mut sums = _mm256_setzero_ps();
    let (whole, rest) = y.as_chunks_mut::<8>();
    for y in whole {
        // SAFETY: eight floats are there.
        unsafe {
            let e = exp(_mm256_sub_ps(_mm256_loadu_ps(y.as_ptr()), less));
            sums = _mm256_add_ps(sums, e);
            _mm256_storeu_ps(y.as_mut_ptr(), e);
        }
    }
    each(rest, |x| exp(_mm256_sub_ps(x, less)));
    lanes(sums).iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Multiplies a line.
#[target_feature(enable = "avx2,fma")]
pub(super) fn scaled(y: &mut [f32], by: f32) {
    let by = _mm256_set1_ps(by);
    each(y, |x| _mm256_mul_ps(x, by));
}

/// The exponential: `2^n` times a polynomial of the rest, over what is at most half of `ln 2` (coefficients of Cephes' `expf`, S. Moshier);
/// 0 below -87.3, infinity over 88.7, NaN of NaN.
#[target_feature(enable = "avx2,fma")]
pub(super) fn exp(x: __m256) -> __m256 {
    let low = _mm256_set1_ps(-87.336_54);
    let high = _mm256_set1_ps(88.722_83);
    let n = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(_mm256_mul_ps(
        x,
        _mm256_set1_ps(std::f32::consts::LOG2_E),
    ));
    let r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693_359_4), x);
    let r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.121_944_4e-4), r);
    let mut p = _mm256_set1_ps(1.987_569_1e-4);
    for c in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(c));
    }
    let p = _mm256_fmadd_ps(
        p,
        _mm256_mul_ps(r, r),
        _mm256_add_ps(r, _mm256_set1_ps(1.0)),
    );
    // In two steps, as 2^128 is no float.
    let n = _mm256_cvtps_epi32(n);
    let half = _mm256_srai_epi32::<1>(n);
    let power = |n: __m256i| {
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(
            n,
            _mm256_set1_epi32(127),
        )))
    };
    let y = _mm256_mul_ps(
        _mm256_mul_ps(p, power(half)),
        power(_mm256_sub_epi32(n, half)),
    );
    let y = _mm256_andnot_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(x, low), y);
    let y = _mm256_blendv_ps(
        y,
        _mm256_set1_ps(f32::INFINITY),
        _mm256_cmp_ps::<_CMP_GT_OQ>(x, high),
    );
    _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x))
}

/// `x / 2 (1 + erf(x / sqrt 2))`, the error function by Abramowitz and Stegun 7.1.26.
#[target_feature(enable = "avx2,fma")]
fn gelu(x: __m256) -> __m256 {
    let set = |v: f32| _mm256_set1_ps(v);
    let u = _mm256_mul_ps(x, set(std::f32::consts::FRAC_1_SQRT_2));
    let sign = _mm256_and_ps(u, set(-0.0));
    let a = _mm256_andnot_ps(set(-0.0), u);
    let t = _mm256_div_ps(set(1.0), _mm256_fmadd_ps(a, set(0.327_591_1), set(1.0)));
    let mut p = set(1.061_405_4);
    for c in [-1.453_152_1, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        p = _mm256_fmadd_ps(p, t, set(c));
    }
    let e = exp(_mm256_xor_ps(set(-0.0), _mm256_mul_ps(a, a)));
    let erf = _mm256_fnmadd_ps(_mm256_mul_ps(p, t), e, set(1.0));
    let half = _mm256_mul_ps(x, set(0.5));
    _mm256_fmadd_ps(half, _mm256_or_ps(erf, sign), half)
}
