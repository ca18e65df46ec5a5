//! What eight cells hold, by the levels over bricks.

use std::arch::x86_64::*;

use super::super::bricks::{FIRST, SOLID, UNKNOWN};
use super::super::walk::{Grid, OCTANT};
use super::LANES;
use super::lanes::{add, and, bits, equal, or, pick, splat, sub, without};

/// What eight rays see of a grid.
pub struct Sight<'a> {
    pub grid: &'a Grid<'a>,
    pub origin: [__m256; 4],
    pub dims: [__m256i; 3],
    pub strides: [[__m256i; 2]; 3],
}

/// What a step finds at its cells.
pub struct Clear {
    /// Edge of an empty cube that holds the cell.
    pub edge: __m256i,
    pub solid: __m256i,
    pub unknown: __m256i,
}

/// Words at places where `mask`, any word elsewhere.
#[target_feature(enable = "avx2")]
#[inline]
fn words(of: &[[u32; 4]], at: __m256i, mask: __m256i) -> __m256i {
    if bits(mask) == 0 {
        return splat(0);
    }
    let places: [u32; LANES] = bytemuck::cast(and(at, mask));
    let words = of.as_flattened();
    bytemuck::cast::<[u32; LANES], _>(std::array::from_fn(|k| words[places[k] as usize]))
}

/// Places of parts among theirs.
#[target_feature(enable = "avx2")]
#[inline]
fn part<const SHIFT: i32>(c: [__m256i; 3], [nx, nxy]: [__m256i; 2]) -> __m256i {
    let y = _mm256_mullo_epi32(_mm256_srli_epi32::<SHIFT>(c[1]), nx);
    let z = _mm256_mullo_epi32(_mm256_srli_epi32::<SHIFT>(c[2]), nxy);
    add(_mm256_srli_epi32::<SHIFT>(c[0]), add(y, z))
}

/// Bits of parts in the masks of what holds them.
#[target_feature(enable = "avx2")]
#[inline]
fn bit<const SHIFT: i32>(c: [__m256i; 3]) -> __m256i {
    let [x, y, z] = c.map(|c| and(_mm256_srli_epi32::<SHIFT>(c), splat(3)));
    or(x, or(_mm256_slli_epi32::<2>(y), _mm256_slli_epi32::<4>(z)))
}

/// Places of the words that hold bits.
#[target_feature(enable = "avx2")]
#[inline]
fn place(of: __m256i, bit: __m256i) -> __m256i {
    add(_mm256_slli_epi32::<2>(of), _mm256_srli_epi32::<5>(bit))
}

/// Where the bits are set in their words, and the edge of a cube of parts around them that is empty if they are not.
#[target_feature(enable = "avx2")]
#[inline]
fn look(word: __m256i, at: __m256i, edge: i32) -> (__m256i, __m256i) {
    let high = sub(splat(31), and(at, splat(31)));
    let set = _mm256_srai_epi32::<31>(_mm256_sllv_epi32(word, high));
    let octant = _mm256_srlv_epi32(word, and(at, splat(0xa)));
    let empty = equal(and(octant, splat(OCTANT as u32 as i32)), splat(0));
    (set, add(splat(edge), and(empty, splat(edge))))
}

impl<'a> Sight<'a> {
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn of(grid: &'a Grid<'a>) -> Self {
        Self {
            grid,
            origin: grid.origin.map(|x| _mm256_set1_ps(x)),
            dims: grid.dims.map(|n| splat(n as i32)),
            strides: grid.strides.map(|s| s.map(|n| splat(n as i32))),
        }
    }

    /// What lies about cells in the grid.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn clear<const STOP: bool>(&self, c: [__m256i; 3]) -> Clear {
        let none = splat(0);
        let any = |of: &[[u32; 4]], at: __m256i, mask: __m256i| {
            let solid = words(of, at, mask);
            match STOP {
                true => or(solid, words(of, add(at, splat(2)), mask)),
                false => solid,
            }
        };
        let at = bit::<4>(c);
        let region = place(part::<6>(c, self.strides[0]), at);
        let (full, edge) = look(any(self.grid.regions, region, splat(-1)), at, 16);
        let at = bit::<2>(c);
        let block = place(part::<4>(c, self.strides[1]), at);
        let (held, closer) = look(any(self.grid.blocks, block, full), at, 4);
        let (edge, full) = (pick(full, closer, edge), and(held, full));
        if bits(full) == 0 {
            return Clear {
                edge,
                solid: none,
                unknown: none,
            };
        }
        let tags: [u32; LANES] = bytemuck::cast(and(part::<2>(c, self.strides[2]), full));
        let tags = tags.map(|at| self.grid.tags[at as usize]);
        let tag: __m256i = bytemuck::cast(tags);
        let first = splat(FIRST as i32);
        let mixed = and(full, equal(_mm256_max_epu32(tag, first), tag));
        let all = |state: u32| and(full, equal(tag, splat(state as i32)));
        let (edge, at) = (pick(full, splat(4), edge), bit::<0>(c));
        let mask = place(sub(tag, first), at);
        let word = words(self.grid.masks, mask, mixed);
        let (solid, closer) = look(word, at, 1);
        let solid = and(solid, mixed);
        if !STOP {
            return Clear {
                edge: pick(mixed, closer, edge),
                solid: or(solid, all(SOLID)),
                unknown: none,
            };
        }
        let known = words(self.grid.masks, add(mask, splat(2)), mixed);
        let (stops, closer) = look(or(word, without(splat(-1), known)), at, 1);
        Clear {
            edge: pick(mixed, closer, edge),
            solid: or(solid, all(SOLID)),
            unknown: or(without(and(stops, mixed), solid), all(UNKNOWN)),
        }
    }
}
