//! Voxels in bricks of 4 x 4 x 4, sparse, with two coarser levels over them.
//!
//! A brick that is one state throughout is a tag; any other is two masks of 64 bits, solid and known, with voxel
//! `(x, y, z)` at bit `x + 4 * (y + 4 * z)`. Over the bricks lie blocks of 16^3 voxels with a bit a brick, over those
//! regions of 64^3 with a bit a block: any solid, any unknown. Rays skip by them. What a mask holds outside the grid is
//! free and counts for nothing.

use super::Voxel;
use super::cells::Cells;

/// Voxels along an edge of a brick, bricks of a block, blocks of a region.
pub const EDGE: u32 = 4;
/// Tag of a brick of nothing but unknown voxels.
pub const UNKNOWN: u32 = 0;
/// Tag of a free brick.
pub const FREE: u32 = 1;
/// Tag of a solid brick.
pub const SOLID: u32 = 2;
/// Tags from here on are places among the masks.
pub const FIRST: u32 = 3;

/// Voxels of a grid, at most: what stops a ray is told by an index of 32 bits.
pub const MOST: u64 = 1 << 31;

/// Of a brick: solid and known voxels. Of a block or a region: parts with any solid and with any unknown voxel.
pub type Pair = [u64; 2];

/// The voxels of a world.
#[derive(Clone)]
pub struct Bricks {
    dims: [u32; 3],
    /// Bricks, blocks and regions along x, y, z.
    sizes: [[u32; 3]; 3],
    tags: Cells<u32>,
    masks: Cells<Pair>,
    blocks: Cells<Pair>,
    regions: Cells<Pair>,
    /// Places among the masks that no brick has.
    spare: Vec<u32>,
}

fn index(size: [u32; 3], [x, y, z]: [u32; 3]) -> usize {
    x as usize + size[0] as usize * (y as usize + size[1] as usize * z as usize)
}

/// Bit of a part in the masks of what holds it.
fn bit([x, y, z]: [u32; 3]) -> u32 {
    x % EDGE + EDGE * (y % EDGE + EDGE * (z % EDGE))
}

fn volume(size: [u32; 3]) -> usize {
    size.iter().map(|&n| n as usize).product()
}

/// Voxels of a grid; none where there are more than [`MOST`].
pub(super) fn count(dims: [u32; 3]) -> Option<u64> {
    // Walks over a grid pass the other sides also where one is 0.
    let of = |n: u64, &d: &u32| n.checked_mul(u64::from(d.max(1)));
    let most = dims.iter().try_fold(1, of).filter(|&n| n <= MOST)?;
    Some(if dims.contains(&0) { 0 } else { most })
}

/// All places of a grid, x fastest.
fn places([nx, ny, nz]: [u32; 3]) -> impl Iterator<Item = [u32; 3]> {
    (0..nz).flat_map(move |z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x, y, z])))
}

impl Bricks {
    /// A grid of unknown voxels, as many along x, y and z. One of more than [`MOST`] is not made: it is a grid of none.
    pub fn new(dims: [u32; 3]) -> Self {
        let dims = count(dims).map_or([0; 3], |_| dims);
        let sizes = Self::sizes_of(dims);
        let mut made = Self {
            dims,
            sizes,
            tags: vec![UNKNOWN; volume(sizes[0])].into(),
            masks: Vec::new().into(),
            blocks: vec![[0; 2]; volume(sizes[1])].into(),
            regions: vec![[0; 2]; volume(sizes[2])].into(),
            spare: Vec::new(),
        };
        for (at, b) in places(sizes[0]).enumerate() {
            made.lift(at, b);
        }
        made
    }

    fn sizes_of(dims: [u32; 3]) -> [[u32; 3]; 3] {
        let up = |size: [u32; 3]| size.map(|n| n.div_ceil(EDGE));
        [up(dims), up(up(dims)), up(up(up(dims)))]
    }

    /// Voxels along x, y, z.
    pub fn dims(&self) -> [u32; 3] {
        self.dims
    }

    /// The tags of bricks, x fastest.
    pub fn tags(&self) -> &[u32] {
        &self.tags
    }

    /// Masks of bricks that are not one state, parts of blocks, parts of regions; each pair as four words, low ones first.
    pub fn levels(&self) -> [&[[u32; 4]]; 3] {
        [&self.masks, &self.blocks, &self.regions].map(|level| bytemuck::cast_slice(&level[..]))
    }

    /// Bricks, blocks and regions of a grid.
    pub(super) fn sizes(dims: [u32; 3]) -> [usize; 3] {
        Self::sizes_of(dims).map(volume)
    }

    /// Of parts that fit the grid; none where a tag names masks that are not there.
    pub(super) fn from_parts(
        dims: [u32; 3],
        tags: Cells<u32>,
        masks: Cells<Pair>,
        blocks: Cells<Pair>,
        regions: Cells<Pair>,
    ) -> Option<Self> {
        let most = FIRST as usize + masks.len();
        tags.iter().all(|&tag| (tag as usize) < most).then(|| Self {
            dims,
            sizes: Self::sizes_of(dims),
            tags,
            masks,
            blocks,
            regions,
            spare: Vec::new(),
        })
    }

    /// Tags, and the masks that they name in the order of their bricks.
    pub(super) fn packed(&self) -> (Vec<u32>, Vec<Pair>) {
        let mut masks = Vec::with_capacity(self.masks.len() - self.spare.len());
        let tags = self.tags.iter().map(|&tag| match tag {
            ..FIRST => tag,
            mixed => {
                masks.push(self.masks[(mixed - FIRST) as usize]);
                FIRST + masks.len() as u32 - 1
            }
        });
        (tags.collect(), masks)
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let pairs = self.masks.len() + self.blocks.len() + self.regions.len();
        size_of_val(self.tags()) + pairs * size_of::<Pair>() + self.spare.len() * 4
    }

    /// Voxels of a brick that lie in the grid.
    fn inside(&self, b: [u32; 3]) -> u64 {
        let n: [u32; 3] = std::array::from_fn(|a| EDGE.min(self.dims[a] - EDGE * b[a]));
        if n == [EDGE; 3] {
            return !0;
        }
        let row = (1u64 << n[0]) - 1;
        let plane = (0..n[1]).fold(0, |m, y| m | row << (EDGE * y));
        (0..n[2]).fold(0, |m, z| m | plane << (EDGE * EDGE * z))
    }

    /// Solid and known voxels of the brick `b`, the one at `at`.
    fn pair(&self, at: usize, b: [u32; 3]) -> Pair {
        match self.tags[at] {
            UNKNOWN => [0, !self.inside(b)],
            FREE => [0, !0],
            SOLID => [self.inside(b), !0],
            mixed => self.masks[(mixed - FIRST) as usize],
        }
    }

    /// The masks of a brick, made where it has none.
    fn open(&mut self, at: usize, b: [u32; 3]) -> &mut Pair {
        if self.tags[at] < FIRST {
            let pair = self.pair(at, b);
            let masks = self.masks.held();
            let place = match self.spare.pop() {
                Some(place) => place,
                None => {
                    masks.push([0; 2]);
                    masks.len() as u32 - 1
                }
            };
            masks[place as usize] = pair;
            self.tags.held()[at] = FIRST + place;
        }
        let place = (self.tags[at] - FIRST) as usize;
        &mut self.masks.held()[place]
    }

    /// Takes the masks from a brick that became one state.
    fn close(&mut self, at: usize, b: [u32; 3]) {
        let tag = self.tags[at];
        if tag < FIRST {
            return;
        }
        let inside = self.inside(b);
        let [solid, known] = self.masks[(tag - FIRST) as usize];
        self.tags.held()[at] = match () {
            () if solid == inside => SOLID,
            () if solid == 0 && known == !0 => FREE,
            () if solid == 0 && known == !inside => UNKNOWN,
            () => return,
        };
        self.spare.push(tag - FIRST);
    }

    /// Brings what a brick holds into the levels over it.
    fn lift(&mut self, at: usize, b: [u32; 3]) {
        let [solid, known] = self.pair(at, b);
        let any = [solid != 0, known != !0];
        let block = b.map(|a| a / EDGE);
        let i = index(self.sizes[1], block);
        let region = index(self.sizes[2], block.map(|a| a / EDGE));
        for k in 0..2 {
            let was = self.blocks[i][k];
            let now = was & !(1 << bit(b)) | u64::from(any[k]) << bit(b);
            if was != now {
                self.blocks.held()[i][k] = now;
                let over = &mut self.regions.held()[region][k];
                *over = *over & !(1 << bit(block)) | u64::from(now != 0) << bit(block);
            }
        }
    }

    /// State of a voxel; unknown outside the grid.
    pub fn at(&self, p: [u32; 3]) -> Voxel {
        if p.iter().zip(self.dims).any(|(&a, n)| a >= n) {
            return Voxel::Unknown;
        }
        match self.tags[index(self.sizes[0], p.map(|a| a / EDGE))] {
            UNKNOWN => Voxel::Unknown,
            FREE => Voxel::Free,
            SOLID => Voxel::Solid,
            mixed => {
                let [solid, known] = self.masks[(mixed - FIRST) as usize];
                match (solid >> bit(p) & 1, known >> bit(p) & 1) {
                    (1, _) => Voxel::Solid,
                    (_, 1) => Voxel::Free,
                    _ => Voxel::Unknown,
                }
            }
        }
    }

    /// Sets a voxel; nothing outside the grid.
    pub fn set(&mut self, p: [u32; 3], state: Voxel) {
        if p.iter().zip(self.dims).any(|(&a, n)| a >= n) || self.at(p) == state {
            return;
        }
        let b = p.map(|a| a / EDGE);
        let at = index(self.sizes[0], b);
        put(self.open(at, b), bit(p), state);
        self.close(at, b);
        self.lift(at, b);
    }

    /// Sets voxels one after the other, x fastest, from `first` on; what is over at the end is left out.
    pub fn fill(&mut self, first: usize, states: impl IntoIterator<Item = Voxel>) {
        let ([nx, ny, nz], n) = (self.dims, volume(self.dims));
        if first >= n {
            return;
        }
        let plane = nx as usize * ny as usize;
        let (x, y) = (first % nx as usize, first / nx as usize % ny as usize);
        let (mut x, mut y, mut z) = (x as u32, y as u32, (first / plane) as u32);
        for state in states {
            if z == nz {
                return;
            }
            let b = [x, y, z].map(|a| a / EDGE);
            let at = index(self.sizes[0], b);
            if self.tags[at] != state as u32 {
                put(self.open(at, b), bit([x, y, z]), state);
            }
            x += 1;
            if x == nx {
                (x, y) = (0, y + 1);
            }
            if y == ny {
                (y, z) = (0, z + 1);
                // No more than one layer of bricks is open at a time.
                if z % EDGE == 0 {
                    self.settle(z / EDGE - 1);
                }
            }
        }
        // The layer that was not passed whole.
        if z < nz || z % EDGE != 0 {
            self.settle(z / EDGE);
        }
    }

    /// Sets all voxels.
    pub fn fill_all(&mut self, state: Voxel) {
        self.tags.held().fill(state as u32);
        (self.masks, self.spare) = (Vec::new().into(), Vec::new());
        for z in 0..self.sizes[0][2] {
            self.settle(z);
        }
    }

    /// Bricks along x, y, z.
    pub(super) fn size(&self) -> [u32; 3] {
        self.sizes[0]
    }

    /// Voxels of a brick that are in the grid and not solid.
    pub(super) fn open_of(&self, b: [u32; 3]) -> u64 {
        self.inside(b) & !self.pair(index(self.sizes[0], b), b)[0]
    }

    /// Sets those voxels of each brick, x fastest, to free that are not solid.
    pub(super) fn free(&mut self, voxels: &[u64]) {
        for (at, b) in places(self.sizes[0]).enumerate() {
            let [solid, known] = self.pair(at, b);
            if voxels[at] & !known != 0 {
                self.open(at, b)[1] = known | voxels[at] & !solid;
                self.close(at, b);
                self.lift(at, b);
            }
        }
    }

    /// Number of a brick.
    pub(super) fn number(&self, b: [u32; 3]) -> usize {
        index(self.sizes[0], b)
    }

    /// Place of a brick by its number, x fastest.
    pub(super) fn place(&self, at: usize) -> [u32; 3] {
        let [nx, ny, _] = self.sizes[0].map(|n| n as usize);
        [at % nx, at / nx % ny, at / nx / ny].map(|a| a as u32)
    }

    /// Voxels of a brick that are in the grid, not solid, and lie on solid.
    pub(super) fn floors_of(&self, b: [u32; 3]) -> u64 {
        let open = self.open_of(b);
        if open == 0 {
            return 0;
        }
        let solid = self.pair(index(self.sizes[0], b), b)[0];
        let [x, y, z] = b;
        let below = match y {
            0 => 0,
            _ => {
                let c = [x, y - 1, z];
                self.pair(index(self.sizes[0], c), c)[0]
            }
        };
        // A row of a brick is four bits up from the one below it; its last row lies under the next brick's first.
        let last = 0x000f_000f_000f_000f;
        let risen = (solid & !(last << 12)) << 4 | below >> 12 & last;
        open & risen
    }

    /// Sets voxels of bricks, by their numbers, to solid.
    pub(super) fn solidify(&mut self, voxels: &[(usize, u64)]) {
        for &(at, mask) in voxels {
            let b = self.place(at);
            let [solid, _] = self.pair(at, b);
            let mask = mask & self.inside(b);
            if mask & !solid != 0 {
                let [solid, known] = self.open(at, b);
                (*solid, *known) = (*solid | mask, *known | mask);
                self.close(at, b);
                self.lift(at, b);
            }
        }
    }

    /// Closes the bricks of a layer and lifts them.
    fn settle(&mut self, z: u32) {
        let [nx, ny, _] = self.sizes[0];
        for [x, y, _] in places([nx, ny, 1]) {
            let at = index(self.sizes[0], [x, y, z]);
            self.close(at, [x, y, z]);
            self.lift(at, [x, y, z]);
        }
    }

    /// Voxels that are unknown, free, solid.
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for (at, b) in places(self.sizes[0]).enumerate() {
            let [solid, known] = self.pair(at, b);
            let inside = self.inside(b).count_ones() as usize;
            let (solid, unknown) = (solid.count_ones() as usize, known.count_zeros() as usize);
            counts[0] += unknown;
            counts[1] += inside - unknown - solid;
            counts[2] += solid;
        }
        counts
    }

    /// Coordinates of the voxels of a state, x fastest.
    pub fn all(&self, state: Voxel) -> impl Iterator<Item = [u32; 3]> + '_ {
        let [nx, ny, nz] = self.dims;
        places([self.sizes[0][0], ny, nz]).flat_map(move |[bx, y, z]| {
            let row = self.row(bx, y, z, state);
            (0..EDGE.min(nx - EDGE * bx))
                .filter(move |i| row >> i & 1 == 1)
                .map(move |i| [EDGE * bx + i, y, z])
        })
    }

    /// Which of four voxels along x, from `4 * bx` on, have a state: the lowest four bits.
    fn row(&self, bx: u32, y: u32, z: u32, state: Voxel) -> u64 {
        let b = [bx, y / EDGE, z / EDGE];
        let at = index(self.sizes[0], b);
        let tag = self.tags[at];
        if tag < FIRST && tag != state as u32 {
            return 0;
        }
        let [solid, known] = self.pair(at, b);
        let mask = match state {
            Voxel::Unknown => !known,
            Voxel::Free => known & !solid,
            Voxel::Solid => solid,
        };
        mask >> bit([0, y, z]) & 15
    }
}

/// Sets one voxel of a brick's masks.
fn put([solid, known]: &mut Pair, bit: u32, state: Voxel) {
    let mask = 1 << bit;
    (*solid, *known) = match state {
        Voxel::Unknown => (*solid & !mask, *known & !mask),
        Voxel::Free => (*solid & !mask, *known | mask),
        Voxel::Solid => (*solid | mask, *known | mask),
    };
}

impl PartialEq for Bricks {
    /// The same voxels, however they lie in memory.
    fn eq(&self, other: &Self) -> bool {
        self.dims == other.dims
            && places(self.sizes[0])
                .enumerate()
                .all(|(at, b)| self.pair(at, b) == other.pair(at, b))
    }
}

impl std::fmt::Debug for Bricks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mixed = self.masks.len() - self.spare.len();
        write!(
            f,
            "Bricks({:?}, {mixed} of {} mixed)",
            self.dims,
            self.tags.len()
        )
    }
}
