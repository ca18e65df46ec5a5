//! Eight rays on their way.

use std::arch::x86_64::*;

use bytemuck::{Pod, Zeroable};

use super::super::rays::Ray;
use super::super::walk::FAR;
use super::LANES;
use super::lanes::{
    add, and, at_most, bits, equal, less, or, pick, pick_ps, size, splat, sub, transposed, without,
};
use super::sight::Sight;

/// Rays on their way, in voxels. An axis that a ray does not move on is one that it moves up on at no speed, from so far
/// off that all its planes are crossed at [`FAR`].
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Ways {
    pub start: [__m256; 3],
    pub speed: [__m256; 3],
    pub inverse: [__m256; 3],
    /// All bits where it moves up, none elsewhere.
    pub up: [__m256i; 3],
    pub cell: [__m256i; 3],
    pub t: __m256,
    pub t_max: __m256,
    pub face: __m256i,
}

impl Ways {
    /// Sets rays up; lanes of those that walk, and of those that are to be cast alone. The others never meet the grid.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn begin(sight: &Sight<'_>, rays: &[Ray; LANES]) -> (Self, u32, u32) {
        let [zero, one, far] = [0.0, 1.0, FAR].map(|x| _mm256_set1_ps(x));
        let [ox, oy, oz, t_max, dx, dy, dz, _] = transposed(bytemuck::cast(*rays));
        let (o, d) = ([ox, oy, oz], [dx, dy, dz]);
        let n = sight.dims.map(|n| _mm256_cvtepi32_ps(n));
        // What is odd is cast alone, and so is what could run over to NaN.
        let mut plain = without(
            at_most(zero, t_max),
            _mm256_srai_epi32::<31>(_mm256_castps_si256(t_max)),
        );
        let (mut moving, mut outside) = (splat(0), splat(0));
        let (mut enter, mut leave, mut face) = (zero, far, splat(6));
        let (mut way, mut start) = (Self::zeroed(), [zero; 3]);
        for a in 0..3 {
            let g = _mm256_mul_ps(_mm256_sub_ps(o[a], sight.origin[a]), sight.origin[3]);
            let e = _mm256_mul_ps(d[a], sight.origin[3]);
            for (x, limit) in [(o[a], 1e18), (d[a], 1e18), (g, 1e30), (e, 1e30)] {
                plain = and(plain, at_most(size(x), _mm256_set1_ps(limit)));
            }
            let still = less(size(e), _mm256_set1_ps(1e-20));
            let within = and(at_most(zero, g), less(g, n[a]));
            outside = or(outside, without(still, within));
            moving = or(moving, without(splat(-1), still));
            let up = or(still, less(zero, e));
            let inverse = _mm256_div_ps(one, e);
            let low = _mm256_mul_ps(_mm256_sub_ps(zero, g), inverse);
            let high = _mm256_mul_ps(_mm256_sub_ps(n[a], g), inverse);
            let near = pick_ps(still, zero, _mm256_min_ps(low, high));
            leave = _mm256_min_ps(leave, pick_ps(still, far, _mm256_max_ps(low, high)));
            let later = less(enter, near);
            enter = pick_ps(later, near, enter);
            face = pick(later, add(splat(2 * a as i32 + 1), up), face);
            start[a] = g;
            way.start[a] = pick_ps(still, _mm256_set1_ps(-FAR), g);
            way.speed[a] = pick_ps(still, zero, e);
            way.inverse[a] = pick_ps(still, one, inverse);
            way.up[a] = up;
        }
        for a in 0..3 {
            let entry = _mm256_add_ps(start[a], _mm256_mul_ps(way.speed[a], enter));
            let inside = _mm256_min_ps(_mm256_max_ps(entry, zero), _mm256_sub_ps(n[a], one));
            let edge = without(sub(sight.dims[a], splat(1)), way.up[a]);
            let entered = equal(_mm256_srli_epi32::<1>(face), splat(a as i32));
            way.cell[a] = pick(entered, edge, _mm256_cvttps_epi32(inside));
        }
        (way.t, way.t_max, way.face) = (enter, t_max, face);
        // Beyond this, planes could not be told from those of an axis that it does not move on.
        let plain = and(and(plain, moving), less(leave, _mm256_set1_ps(1e38)));
        let meets = without(less(enter, leave), outside);
        let walks = and(and(plain, meets), at_most(enter, t_max));
        // Those that meet the grid beyond `t_max` too.
        let alone = without(or(meets, without(splat(-1), plain)), walks);
        (way, bits(walks), bits(alone))
    }

    /// `t` of planes of axis `a`.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn crossing(&self, a: usize, plane: __m256i) -> __m256 {
        let off = _mm256_sub_ps(_mm256_cvtepi32_ps(plane), self.start[a]);
        _mm256_mul_ps(off, self.inverse[a])
    }

    /// Cells after all planes before `t`, and at `t` those of axes where `tied`; no further than `last`, of lanes in `live`.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn advance(
        &self,
        last: [__m256i; 3],
        t: __m256,
        tied: [__m256i; 3],
        live: __m256i,
    ) -> [__m256i; 3] {
        let crossed = |a: usize, plane: __m256i| {
            let x = self.crossing(a, plane);
            or(less(x, t), and(at_most(x, t), tied[a]))
        };
        // A guess, mended by the planes themselves: seldom is there anything to mend.
        let mut c: [__m256i; 3] = std::array::from_fn(|a| {
            let guess = _mm256_add_ps(self.start[a], _mm256_mul_ps(self.speed[a], t));
            let (low, high) = (
                _mm256_min_epi32(self.cell[a], last[a]),
                _mm256_max_epi32(self.cell[a], last[a]),
            );
            _mm256_min_epi32(_mm256_max_epi32(_mm256_cvttps_epi32(guess), low), high)
        });
        loop {
            let mut mended = splat(0);
            for a in 0..3 {
                let up = self.up[a];
                let step = sub(splat(0), or(up, splat(1)));
                let next = crossed(a, sub(c[a], up));
                let before = crossed(a, add(add(c[a], splat(1)), up));
                let go = and(without(next, equal(c[a], last[a])), live);
                let back = without(live, or(before, equal(c[a], self.cell[a])));
                c[a] = sub(add(c[a], and(go, step)), and(back, step));
                mended = or(mended, or(go, back));
            }
            if bits(mended) == 0 {
                return c;
            }
        }
    }
}
