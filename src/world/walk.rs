//! The walk of a ray through bricks: from voxel to voxel as Amanatides and Woo, "A Fast Voxel Traversal Algorithm for
//! Ray Tracing" (1987), with each empty cube of 2 to 64 voxels crossed in one step.
//!
//! A ray crosses planes between voxels in the order of their `t`, of equal ones x before y before z. Each `t` is computed
//! afresh from the plane's number, never summed up, so long rays do not drift, and a step over a cube ends in the very
//! voxel where steps over its voxels would: what comes is the same to the bit as of the plain walk. Mirrored by
//! `kernels/shared/grid.wgsl`, and by `packet` for eight rays at once.

use super::bricks::{Bricks, FIRST, FREE, SOLID, UNKNOWN};
use super::rays::{Hit, HitState, NOWHERE, Ray};

/// Larger than any crossing.
pub(super) const FAR: f32 = 3.0e38;
/// Parts of an octant in the masks of what holds them, of the lowest one.
pub(super) const OCTANT: u64 = 0x0033_0033;

/// The voxels of a world as kernels are given them.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// Corner of voxel (0, 0, 0), voxels a unit of length in the last.
    pub origin: [f32; 4],
    /// Voxels along x, y, z.
    pub dims: [u32; 3],
    /// Parts along x, and in a plane, of regions, blocks and bricks.
    pub(super) strides: [[u32; 2]; 3],
    /// A tag a brick, see [`super::bricks`].
    pub tags: &'a [u32],
    /// Masks of bricks, solid and known, low words first.
    pub masks: &'a [[u32; 4]],
    /// Of each block, then of each region, which parts hold anything solid and anything unknown.
    pub blocks: &'a [[u32; 4]],
    /// As `blocks`.
    pub regions: &'a [[u32; 4]],
}

/// A ray on its way, in voxels.
struct Way {
    start: [f32; 3],
    speed: [f32; 3],
    inverse: [f32; 3],
    /// [`FAR`] along axes that it does not move on, whose speed and inverse are 0.
    far: [f32; 3],
    /// All bits where it moves up, none elsewhere.
    up: [i32; 3],
    cell: [i32; 3],
}

/// What a ray met.
pub(super) fn answer(t: f32, state: HitState, voxel: u32, face: u32) -> Hit {
    Hit {
        t,
        state: state as u32,
        voxel,
        face,
    }
}

/// Whether a coordinate is one that rays are defined for.
pub fn sane(x: f32) -> bool {
    x.abs() <= 1e18
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

fn bit(c: [u32; 3], shift: u32) -> u32 {
    let [x, y, z] = c.map(|a| a >> shift & 3);
    x + 4 * (y + 4 * z)
}

impl Way {
    /// `t` of the plane `p` of axis `a`.
    #[inline(always)]
    fn crossing(&self, a: usize, p: i32) -> f32 {
        (p as f32 - self.start[a]) * self.inverse[a] + self.far[a]
    }

    /// Moves along axis `b` over all planes that are `crossed`, about `t` the last of them, and no further than to `last`.
    #[inline(always)]
    fn advance(&self, b: usize, t: f32, last: i32, crossed: impl Fn(f32) -> bool) -> i32 {
        let first = self.cell[b];
        let (low, high) = (first.min(last) as f32, first.max(last) as f32);
        // A guess, mended by the planes themselves.
        let mut c = (self.start[b] + self.speed[b] * t).clamp(low, high) as i32;
        let (ahead, step) = (self.up[b] & 1, self.up[b] & 2);
        while (c != last) & crossed(self.crossing(b, c + ahead)) {
            c += step - 1;
        }
        while (c != first) & !crossed(self.crossing(b, c + 1 - ahead)) {
            c -= step - 1;
        }
        c
    }
}

impl<'a> Grid<'a> {
    /// Of bricks, with a corner and voxels a unit of length.
    pub fn new(origin: [f32; 4], bricks: &'a Bricks) -> Self {
        let [masks, blocks, regions] = bricks.levels();
        Self::of(
            origin,
            bricks.dims(),
            bricks.tags(),
            masks,
            [blocks, regions],
        )
    }

    /// Of the parts of bricks.
    pub fn of(
        origin: [f32; 4],
        dims: [u32; 3],
        tags: &'a [u32],
        masks: &'a [[u32; 4]],
        [blocks, regions]: [&'a [[u32; 4]]; 2],
    ) -> Self {
        let strides = [6, 4, 2].map(|shift| {
            let [x, y, _] = dims.map(|n| n.div_ceil(1 << shift));
            [x, x * y]
        });
        Self {
            origin,
            dims,
            strides,
            tags,
            masks,
            blocks,
            regions,
        }
    }

    #[inline(always)]
    fn part(&self, level: usize, c: [u32; 3], shift: u32) -> usize {
        let [nx, nxy] = self.strides[level];
        ((c[0] >> shift) + nx * (c[1] >> shift) + nxy * (c[2] >> shift)) as usize
    }

    /// Bricks of a block that hold anything that stops.
    pub(super) fn block(&self, block: [u32; 3], stop_unknown: bool) -> u64 {
        let m = self.blocks[self.part(1, block, 0)];
        let unknown = if stop_unknown { wide(m[2], m[3]) } else { 0 };
        wide(m[0], m[1]) | unknown
    }

    /// Solid voxels of a brick, and all of it that stop; what lies outside the grid may be among them.
    pub(super) fn brick(&self, brick: [u32; 3], stop_unknown: bool) -> (u64, u64) {
        match self.tags[self.part(2, brick, 0)] {
            SOLID => (!0, !0),
            UNKNOWN if stop_unknown => (0, !0),
            UNKNOWN | FREE => (0, 0),
            mixed => {
                let m = self.masks[(mixed - FIRST) as usize];
                let (solid, known) = (wide(m[0], m[1]), wide(m[2], m[3]));
                (solid, if stop_unknown { solid | !known } else { solid })
            }
        }
    }

    /// Edge of an empty cube that holds a voxel, the largest that the levels tell; else how the voxel stops a ray.
    #[inline(always)]
    fn clear<const STOP: bool>(&self, c: [u32; 3]) -> Result<i32, HitState> {
        let any = |m: [u32; 4]| match STOP {
            true => wide(m[0] | m[2], m[1] | m[3]),
            false => wide(m[0], m[1]),
        };
        let empty = |mask: u64, bit: u32, edge: i32| {
            let octant = mask >> (bit & 0x2a) & OCTANT;
            if octant == 0 { 2 * edge } else { edge }
        };
        let region = any(self.regions[self.part(0, c, 6)]);
        let at = bit(c, 4);
        if region >> at & 1 == 0 {
            let part = empty(region, at, 16);
            return Ok(if region == 0 { 64 } else { part });
        }
        let block = any(self.blocks[self.part(1, c, 4)]);
        let at = bit(c, 2);
        if block >> at & 1 == 0 {
            return Ok(empty(block, at, 4));
        }
        match self.tags[self.part(2, c, 2)] {
            SOLID => Err(HitState::Solid),
            UNKNOWN if STOP => Err(HitState::Unknown),
            UNKNOWN | FREE => Ok(4),
            mixed => {
                let m = self.masks[(mixed - FIRST) as usize];
                let solid = wide(m[0], m[1]);
                let stops = match STOP {
                    true => solid | !wide(m[2], m[3]),
                    false => solid,
                };
                let at = bit(c, 0);
                match (solid >> at & 1, stops >> at & 1) {
                    (1, _) => Err(HitState::Solid),
                    (_, 1) => Err(HitState::Unknown),
                    _ => Ok(empty(stops, at, 1)),
                }
            }
        }
    }

    /// The closest voxel that stops a ray.
    pub fn cast(&self, ray: &Ray, stop_unknown: bool) -> Hit {
        match stop_unknown {
            true => self.walk::<true>(ray),
            false => self.walk::<false>(ray),
        }
    }

    /// The same of rays in order, eight at once where the processor can.
    pub(super) fn cast_all(&self, rays: &[Ray], stop_unknown: bool, hits: &mut [Hit]) {
        #[cfg(target_arch = "x86_64")]
        if super::packet::cast(self, rays, stop_unknown, hits) {
            return;
        }
        for (hit, ray) in hits.iter_mut().zip(rays) {
            *hit = self.cast(ray, stop_unknown);
        }
    }

    fn walk<const STOP: bool>(&self, ray: &Ray) -> Hit {
        let ([ox, oy, oz, t_max], [dx, dy, dz, _]) = (ray.origin, ray.direction);
        let (o, d) = ([ox, oy, oz], [dx, dy, dz]);
        let usable = o.iter().chain(&d).all(|&x| sane(x));
        if t_max.is_nan() || !usable || t_max.is_sign_negative() {
            return answer(0.0, HitState::Invalid, NOWHERE, 7);
        }
        let n = self.dims.map(|n| n as f32);
        let mut way = Way {
            start: std::array::from_fn(|a| (o[a] - self.origin[a]) * self.origin[3]),
            speed: d.map(|d| d * self.origin[3]),
            inverse: [0.0; 3],
            far: [0.0; 3],
            up: [0; 3],
            cell: [0; 3],
        };
        let (mut enter, mut leave, mut face, mut moving) = (0.0f32, FAR, 6u32, 0);
        for a in 0..3 {
            let (g, e) = (way.start[a], way.speed[a]);
            if e.abs() < 1e-20 {
                if g < 0.0 || g >= n[a] {
                    return answer(0.0, HitState::Left, NOWHERE, 7);
                }
                (way.speed[a], way.far[a]) = (0.0, FAR);
                continue;
            }
            moving += 1;
            way.up[a] = -i32::from(e > 0.0);
            way.inverse[a] = 1.0 / e;
            let (low, high) = ((0.0 - g) * way.inverse[a], (n[a] - g) * way.inverse[a]);
            if low.min(high) > enter {
                enter = low.min(high);
                face = 2 * a as u32 + u32::from(e <= 0.0);
            }
            leave = leave.min(low.max(high));
        }
        if moving == 0 {
            return answer(0.0, HitState::Invalid, NOWHERE, 7);
        }
        if !(enter < leave) {
            return answer(0.0, HitState::Left, NOWHERE, 7);
        }
        if enter > t_max {
            return answer(t_max, HitState::None, NOWHERE, 7);
        }
        for a in 0..3 {
            let start = (way.start[a] + way.speed[a] * enter).clamp(0.0, n[a] - 1.0);
            way.cell[a] = start as i32;
            if face < 6 && face as usize / 2 == a {
                way.cell[a] = (self.dims[a] as i32 - 1) & !way.up[a];
            }
        }
        let mut t = enter;
        for _ in 0..self.dims.iter().sum::<u32>() + 3 {
            let cell = way.cell.map(|c| c as u32);
            let edge = match self.clear::<STOP>(cell) {
                Ok(edge) => edge,
                Err(state) => return answer(t, state, self.index(way.cell), face),
            };
            // The planes by which the ray would leave the cube, and the cells before them.
            let plane: [i32; 3] = std::array::from_fn(|a| {
                ((way.cell[a] & -edge) + (edge & way.up[a])).min(self.dims[a] as i32)
            });
            let last: [i32; 3] = std::array::from_fn(|a| plane[a] - (way.up[a] & 1));
            let crossing: [f32; 3] = std::array::from_fn(|a| way.crossing(a, plane[a]));
            let nearer = crossing[0].min(crossing[1]);
            let a = match crossing[2] < nearer {
                true => 2,
                false => usize::from(crossing[1] < crossing[0]),
            };
            let out = nearer.min(crossing[2]);
            if t.max(out) > t_max {
                for b in 0..3 {
                    way.cell[b] = way.advance(b, t_max, last[b], |t| t <= t_max);
                }
                return answer(t_max, HitState::None, self.index(way.cell), 7);
            }
            t = t.max(out);
            if edge > 1 {
                for b in 0..3 {
                    let before = |t: f32| (t < out) | ((t == out) & (b < a));
                    let cell = way.advance(b, out, last[b], before);
                    way.cell[b] = cell;
                }
            }
            for b in 0..3 {
                let beyond = plane[b] - 1 + (way.up[b] & 1);
                way.cell[b] = if b == a { beyond } else { way.cell[b] };
            }
            let up = way.up[a] & 1;
            // Below 0 is beyond the dimensions too.
            if (0..3).any(|b| way.cell[b] as u32 >= self.dims[b]) {
                return answer(t, HitState::Left, NOWHERE, 7);
            }
            face = 2 * a as u32 + 1 - up as u32;
        }
        answer(t, HitState::Left, NOWHERE, 7)
    }

    /// Index of a voxel.
    pub(super) fn index(&self, cell: [i32; 3]) -> u32 {
        let [x, y, z] = cell.map(|c| c as u32);
        x + self.dims[0] * (y + self.dims[1] * z)
    }
}
