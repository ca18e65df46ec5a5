//! What a mesh closes in: rooms that agents can be in, and the inside of walls and things.
//!
//! Voxels that no triangle passes fall into regions that triangles part. Where no agent has room a region is matter. Of the
//! others the one with the most floor is the room that agents are in, and what one closed surface more parts from it is
//! matter too: a pillar in a hall, or what lies between the inner and the outer side of a wall. Windings, where they agree
//! with each other, say which of two sides is the inside.

use std::collections::HashSet;

use super::Triangle;
use super::shells::{Look, Shells};
use super::voxelise::MeshOptions;
use crate::world::bricks::EDGE;
use crate::world::flood::Flood;
use crate::world::{Voxel, World};

/// A region with less than this share of the most floor is not what the mesh is about.
const LEAST: f64 = 0.4;
/// Floor is of the floor's level within this share of an agent's height: about what it climbs.
const STEP: f64 = 0.12;
/// Triangles that are looked at to tell rooms from matter, all regions and rays together, at most.
const WORK: usize = 4_000_000_000;

/// Voxels that are not solid and reach each other.
struct Region {
    /// Bricks by their number, and which of their voxels.
    bricks: Vec<(usize, u64)>,
    /// Reaches the end of the grid.
    outside: bool,
    /// Floor with room over it, in columns; outside only what is of the floor's level, or roofs would count.
    floor: usize,
    /// Whether an agent has room somewhere.
    holds_agent: bool,
    /// What is seen from within.
    look: Option<Look>,
}

/// Regions of a world in which all is solid or free.
fn regions(world: &World) -> Vec<Region> {
    let mut flood = Flood::new(world.bricks());
    let region = |bricks, outside| Region {
        bricks,
        outside,
        floor: 0,
        holds_agent: false,
        look: None,
    };
    // The margin lies outside whatever the mesh closes in.
    let mut found = vec![region(flood.from(&[[0; 3]]), true)];
    let mut from = 0;
    while let Some((at, seed)) = flood.unreached(from) {
        from = at;
        found.push(region(flood.from(&[seed]), false));
    }
    found
}

/// The agent in voxels, and the floor's row.
struct Scale {
    tall: i64,
    radius: i64,
    step: i64,
    floor: i64,
}

impl Region {
    /// Voxels in which an agent's feet may be: on something solid, with its height clear over it.
    fn feet<'a>(&'a self, world: &'a World, tall: i64) -> impl Iterator<Item = [i64; 3]> + 'a {
        let bricks = world.bricks();
        let all = self.bricks.iter().flat_map(|&(at, mask)| {
            let b = bricks.place(at);
            let floors = bricks.floors_of(b) & mask;
            (0..64u32)
                .filter(move |i| floors >> i & 1 == 1)
                .map(move |i| [i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE])
                .map(move |p| std::array::from_fn(|a| i64::from(EDGE * b[a] + p[a])))
        });
        all.filter(move |&[x, y, z]: &[i64; 3]| {
            (y + 1..y + tall).all(|y| world.at([x, y, z]) != Voxel::Solid)
        })
    }

    fn measure(&mut self, world: &World, scale: &Scale) {
        let feet: HashSet<[i64; 3]> = self.feet(world, scale.tall).collect();
        let at_level = |y: i64| (y - 1 - scale.floor).abs() <= scale.step;
        let r = scale.radius;
        // An agent's middle, and its rim to four sides, one voxel up or down.
        let wide = |[x, y, z]: [i64; 3]| {
            [[r, 0], [-r, 0], [0, r], [0, -r]]
                .iter()
                .all(|[dx, dz]| (-1..=1).any(|dy| feet.contains(&[x + dx, y + dy, z + dz])))
        };
        self.holds_agent = self.outside || feet.iter().any(|&p| wide(p));
        self.floor = match (self.outside, self.holds_agent) {
            (true, _) => feet.iter().filter(|p| at_level(p[1])).count(),
            (_, true) => feet.len(),
            _ => 0,
        };
    }

    /// A voxel of it near its middle.
    fn voxel(&self, world: &World) -> Option<[i64; 3]> {
        let place = |at: usize| world.bricks().place(at).map(f64::from);
        let n = self.bricks.len() as f64;
        let sum = self.bricks.iter().fold([0.0; 3], |sum, b| {
            let p = place(b.0);
            std::array::from_fn(|a| sum[a] + p[a])
        });
        let off = |b: &&(usize, u64)| {
            let p = place(b.0);
            (0..3).map(|a| (p[a] - sum[a] / n).powi(2)).sum::<f64>()
        };
        let (at, mask) = *self
            .bricks
            .iter()
            .filter(|b| b.1 != 0)
            .min_by(|a, b| off(a).total_cmp(&off(b)))?;
        let (b, i) = (world.bricks().place(at), mask.trailing_zeros());
        let p = [i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE];
        Some(std::array::from_fn(|a| i64::from(EDGE * b[a] + p[a])))
    }
}

/// Whether what is seen from a region says that it is matter, for agents in `room`.
pub(super) fn is_matter(region: &Look, room: &Look, coherent: bool) -> bool {
    match (region.odd != room.odd, coherent) {
        // Faces that look inward are there to be seen from within.
        (true, true) => region.winding > room.winding,
        (true, false) => true,
        // Closed in by what is no closed surface of its own: a block without a bottom on a floor.
        (false, true) => region.behind() && !room.behind(),
        (false, false) => false,
    }
}

/// Turns what the mesh closes in and is no room into solid; the notes say so.
pub(super) fn fill(world: &mut World, triangles: &[Triangle], options: &MeshOptions) {
    let mut all = regions(world);
    if all.len() == 1 {
        return;
    }
    let rows = |length: f32| (length / world.voxel).ceil().max(1.0) as i64;
    let scale = Scale {
        tall: rows(options.headroom),
        radius: rows(options.radius),
        step: rows(STEP as f32 * options.headroom).clamp(2, 8),
        floor: ((world.floor - world.origin[1]) / world.voxel).round() as i64 - 1,
    };
    for region in &mut all {
        region.measure(world, &scale);
    }
    if all.iter().all(|r| r.floor == 0) {
        return;
    }
    // Those that have room, the outside, and the rest by how much floor there is.
    all.sort_by_key(|r| (!r.holds_agent, std::cmp::Reverse(r.floor)));
    let shells = Shells::of(triangles);
    let coherent = shells.coherent();
    let looks = (WORK / triangles.len() / super::shells::RAYS).clamp(4, 1024);
    let mut untold = 0;
    for (k, region) in all.iter_mut().filter(|r| r.holds_agent).enumerate() {
        match region.voxel(world) {
            Some(voxel) if k < looks || region.outside => {
                region.look = Some(shells.look(world.centre(voxel)));
            }
            _ => untold += 1,
        }
    }
    let most = all[0].floor as f64;
    let candidates = all.iter().filter(|r| r.floor as f64 >= LEAST * most);
    let winding = |r: &Region| match (coherent, &r.look) {
        (true, Some(look)) => look.winding,
        _ => 0,
    };
    // Of equals the first, which has the most floor.
    let Some(room) = candidates.min_by_key(|r| winding(r)).and_then(|r| r.look) else {
        return;
    };
    let (mut small, mut inner, mut volume) = (0usize, 0usize, 0.0);
    for region in &all {
        let matter = match (region.outside, region.holds_agent, &region.look) {
            (true, ..) | (_, true, None) => false,
            (_, false, _) => {
                small += 1;
                true
            }
            (_, true, Some(look)) => {
                let matter = is_matter(look, &room, coherent);
                inner += usize::from(matter);
                matter
            }
        };
        if matter {
            let voxels: u32 = region.bricks.iter().map(|b| b.1.count_ones()).sum();
            volume += f64::from(voxels) * f64::from(world.voxel).powi(3);
            world.solidify(&region.bricks);
        }
    }
    if small + inner > 0 {
        let mut parts = Vec::new();
        if small > 0 {
            parts.push(format!("where agents have no room ({small} parts)"));
        }
        if inner > 0 {
            let how = match coherent {
                true => "",
                false => {
                    ", told by counting surfaces, as the windings of its faces contradict each other"
                }
            };
            parts.push(format!("inside of closed surfaces ({inner} parts{how})"));
        }
        world.notes.push(format!(
            "what the mesh closes in is taken for solid {}: {volume:.3} cubic units in all",
            parts.join(" and ")
        ));
    }
    if untold > 0 {
        world.notes.push(format!(
            "{untold} smaller parts that the mesh closes in are taken for rooms: there are too many to tell"
        ));
    }
}
