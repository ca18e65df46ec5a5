//! The walk of eight rays at once, a lane each, where the processor has AVX2.
//!
//! Each lane takes the steps of [`super::walk`] by the same sums, so its answers are the same to the bit; that walk stays
//! what a kernel's twin is, and what casts on other processors. A ray that ends leaves its lane to the next one. Words of
//! the levels are loaded one by one: gathers are no quicker, and these are checked.

mod lanes;
mod sight;
mod ways;

use std::arch::x86_64::*;

use bytemuck::{Pod, Zeroable};

use lanes::{add, and, bits, equal, less, or, pick, pick_ps, splat, sub, without};
use sight::{Clear, Sight};
use ways::Ways;

use super::rays::{Hit, HitState, NOWHERE, Ray};
use super::walk::{Grid, answer};

/// Rays at once.
const LANES: usize = 8;
/// A bit a lane.
const ALL: u32 = 255;
/// Lanes that may lie idle before new rays are brought.
const IDLE: u32 = 3;
/// Of the walk's numbers, those that are held in 32 bits.
const MOST: u32 = 1 << 30;

/// [`Ways`], lane by lane.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(32))]
struct Rows([[u32; LANES]; 18]);

/// Closest hits of rays, in order; none of them where the processor or the grid is not one for this.
pub(super) fn cast(grid: &Grid<'_>, rays: &[Ray], stop_unknown: bool, hits: &mut [Hit]) -> bool {
    if !is_x86_feature_detected!("avx2") || grid.dims.iter().any(|&n| n > MOST) {
        return false;
    }
    match stop_unknown {
        // SAFETY: the processor has AVX2.
        true => unsafe { cast_all::<true>(grid, rays, hits) },
        // SAFETY: as above.
        false => unsafe { cast_all::<false>(grid, rays, hits) },
    }
    true
}

impl Sight<'_> {
    /// One step of the lanes in `live`: what becomes of them, and which of them end.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn step<const STOP: bool>(
        &self,
        way: &mut Ways,
        state: &mut __m256i,
        live: __m256i,
    ) -> __m256i {
        let Clear {
            edge,
            solid,
            unknown,
        } = self.clear::<STOP>(way.cell);
        let kept = or(or(solid, unknown), without(splat(-1), live));
        // The planes by which the rays would leave the cubes, and the cells before them.
        let plane: [__m256i; 3] = std::array::from_fn(|a| {
            let low = and(way.cell[a], sub(splat(0), edge));
            _mm256_min_epi32(add(low, and(edge, way.up[a])), self.dims[a])
        });
        let last = std::array::from_fn(|a| add(plane[a], way.up[a]));
        let crossing: [__m256; 3] = std::array::from_fn(|a| way.crossing(a, plane[a]));
        let nearer = _mm256_min_ps(crossing[0], crossing[1]);
        let third = less(crossing[2], nearer);
        let second = without(less(crossing[1], crossing[0]), third);
        let later = or(second, third);
        let out = _mm256_min_ps(nearer, crossing[2]);
        // Of equal ones the second, so that no t is -0.
        let t = _mm256_max_ps(out, way.t);
        let ended = less(way.t_max, t);
        let until = pick_ps(ended, way.t_max, out);
        let tied = [or(ended, later), or(ended, third), ended];
        let before = way.advance(last, until, tied, without(live, kept));
        let (mut left, mut face, mut beyond) = (splat(0), splat(0), before);
        for (a, is) in [without(splat(-1), later), second, third]
            .into_iter()
            .enumerate()
        {
            let across = sub(sub(plane[a], splat(1)), way.up[a]);
            beyond[a] = pick(is, across, before[a]);
            let inside = equal(
                _mm256_min_epu32(beyond[a], sub(self.dims[a], splat(1))),
                beyond[a],
            );
            left = or(left, without(splat(-1), inside));
            face = or(face, and(is, add(splat(2 * a as i32 + 1), way.up[a])));
        }
        let of = |state: HitState| splat(state as i32);
        let ending = pick(ended, of(HitState::None), of(HitState::Left));
        let ending = pick(unknown, of(HitState::Unknown), ending);
        *state = pick(live, pick(solid, of(HitState::Solid), ending), *state);
        let done = or(ended, left);
        for a in 0..3 {
            // Where it ended, or was before it left.
            let cell = pick(done, before[a], beyond[a]);
            way.cell[a] = pick(kept, way.cell[a], cell);
        }
        way.t = pick_ps(kept, way.t, _mm256_min_ps(t, way.t_max));
        way.face = pick(kept, way.face, pick(done, splat(7), face));
        and(live, or(kept, done))
    }

    /// Hits of lanes, those that did not leave in voxels.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn hits(&self, way: &Ways, state: __m256i) -> [Hit; LANES] {
        let [x, y, z] = way.cell;
        let row = add(y, _mm256_mullo_epi32(self.dims[1], z));
        let voxel = add(x, _mm256_mullo_epi32(self.dims[0], row));
        let left = equal(state, splat(HitState::Left as i32));
        let t: [f32; LANES] = bytemuck::cast(way.t);
        let [state, voxel, face]: [[u32; LANES]; 3] =
            bytemuck::cast([state, pick(left, splat(NOWHERE as i32), voxel), way.face]);
        std::array::from_fn(|k| Hit {
            t: t[k],
            state: state[k],
            voxel: voxel[k],
            face: face[k],
        })
    }
}

/// Rays that were set up together and wait for lanes.
struct Queue {
    rows: Rows,
    /// Of the ray in the first row.
    first: usize,
    /// A bit each that waits.
    waiting: u32,
}

#[target_feature(enable = "avx2")]
fn cast_all<const STOP: bool>(grid: &Grid<'_>, rays: &[Ray], hits: &mut [Hit]) {
    let sight = Sight::of(grid);
    let (packets, rest) = rays.as_chunks::<LANES>();
    for (i, ray) in rest.iter().enumerate() {
        hits[packets.len() * LANES + i] = grid.cast(ray, STOP);
    }
    let mut packets = packets.iter().enumerate();
    let mut queue = Queue {
        rows: Rows::zeroed(),
        first: 0,
        waiting: 0,
    };
    let (mut rows, mut rays_of, mut busy) = (Rows::zeroed(), [0; LANES], 0u32);
    let of_lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    loop {
        let mut idle = ALL & !busy;
        while idle != 0 {
            if queue.waiting == 0 {
                let Some((i, packet)) = packets.next() else {
                    break;
                };
                let (ways, walks, alone) = Ways::begin(&sight, packet);
                queue = Queue {
                    rows: bytemuck::cast(ways),
                    first: LANES * i,
                    waiting: walks,
                };
                for k in (0..LANES).filter(|k| walks >> k & 1 == 0) {
                    hits[queue.first + k] = match alone >> k & 1 {
                        1 => grid.cast(&packet[k], STOP),
                        _ => answer(0.0, HitState::Left, NOWHERE, 7),
                    };
                }
                continue;
            }
            let (k, lane) = (queue.waiting.trailing_zeros(), idle.trailing_zeros());
            for (row, from) in rows.0.iter_mut().zip(&queue.rows.0) {
                row[lane as usize & 7] = from[k as usize & 7];
            }
            rays_of[lane as usize & 7] = queue.first + k as usize;
            queue.waiting &= queue.waiting - 1;
            idle &= idle - 1;
            busy |= 1 << lane;
        }
        if busy == 0 {
            return;
        }
        let mut way: Ways = bytemuck::cast(rows);
        let mut live = equal(and(splat(busy as i32), of_lane), of_lane);
        let mut state = splat(0);
        let enough = busy.count_ones().saturating_sub(IDLE);
        while bits(live).count_ones() > enough {
            live = without(live, sight.step::<STOP>(&mut way, &mut state, live));
        }
        rows = bytemuck::cast(way);
        let found = sight.hits(&way, state);
        let ended = busy & !bits(live);
        for k in (0..LANES).filter(|k| ended >> k & 1 == 1) {
            hits[rays_of[k]] = found[k];
        }
        busy &= !ended;
    }
}
