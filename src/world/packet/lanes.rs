//! Arithmetic on eight lanes; masks are all bits or none of a lane.

use std::arch::x86_64::*;

#[target_feature(enable = "avx2")]
#[inline]
pub fn splat(i: i32) -> __m256i {
    _mm256_set1_epi32(i)
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn and(a: __m256i, b: __m256i) -> __m256i {
    _mm256_and_si256(a, b)
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn or(a: __m256i, b: __m256i) -> __m256i {
    _mm256_or_si256(a, b)
}

/// `a` where not `b`.
#[target_feature(enable = "avx2")]
#[inline]
pub fn without(a: __m256i, b: __m256i) -> __m256i {
    _mm256_andnot_si256(b, a)
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn add(a: __m256i, b: __m256i) -> __m256i {
    _mm256_add_epi32(a, b)
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn sub(a: __m256i, b: __m256i) -> __m256i {
    _mm256_sub_epi32(a, b)
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn equal(a: __m256i, b: __m256i) -> __m256i {
    _mm256_cmpeq_epi32(a, b)
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn pick(mask: __m256i, yes: __m256i, no: __m256i) -> __m256i {
    _mm256_blendv_epi8(no, yes, mask)
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn pick_ps(mask: __m256i, yes: __m256, no: __m256) -> __m256 {
    _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(mask))
}

/// Where `a < b`, neither of them NaN.
#[target_feature(enable = "avx2")]
#[inline]
pub fn less(a: __m256, b: __m256) -> __m256i {
    _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b))
}

/// Where `a <= b`, neither of them NaN.
#[target_feature(enable = "avx2")]
#[inline]
pub fn at_most(a: __m256, b: __m256) -> __m256i {
    _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LE_OQ>(a, b))
}

#[target_feature(enable = "avx2")]
#[inline]
pub fn size(a: __m256) -> __m256 {
    _mm256_andnot_ps(_mm256_set1_ps(-0.0), a)
}

/// A bit a lane.
#[target_feature(enable = "avx2")]
#[inline]
pub fn bits(mask: __m256i) -> u32 {
    _mm256_movemask_ps(_mm256_castsi256_ps(mask)) as u32
}

/// Rows as columns.
#[target_feature(enable = "avx2")]
#[inline]
pub fn transposed(rows: [__m256; 8]) -> [__m256; 8] {
    let pairs = |k: usize| {
        let [a, b, c, d] = [rows[k], rows[k + 1], rows[k + 2], rows[k + 3]];
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (low2, high2) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0x44>(low, low2),
            _mm256_shuffle_ps::<0xee>(low, low2),
            _mm256_shuffle_ps::<0x44>(high, high2),
            _mm256_shuffle_ps::<0xee>(high, high2),
        ]
    };
    let (upper, lower) = (pairs(0), pairs(4));
    std::array::from_fn(|k| match k {
        0..4 => _mm256_permute2f128_ps::<0x20>(upper[k], lower[k]),
        _ => _mm256_permute2f128_ps::<0x31>(upper[k - 4], lower[k - 4]),
    })
}
