//! Shells: the floor with its pit, walls or houses with their opening, steps, pavements, ceilings, doors and windows.

use glam::{DVec2, Vec3};

use super::piece::{Piece, Skin};
use super::prompt::{Colour, Material, Place, Weather};
use super::scene::{Role, Scene};
use super::site::KERB;
use crate::numeric::Rng;

/// Depth of a pit in metres.
pub(super) const PIT: f32 = 1.6;
/// Thickness of walls in metres.
const THICK: f32 = 0.2;

/// One of the four walls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Far,
    Near,
}

impl Side {
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Far, Self::Near];

    fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Far => "far",
            Self::Near => "near",
        }
    }

    fn sign(self) -> f32 {
        match self {
            Self::Left | Self::Far => -1.0,
            Self::Right | Self::Near => 1.0,
        }
    }

    /// It runs along z.
    pub fn along_z(self) -> bool {
        matches!(self, Self::Left | Self::Right)
    }

    /// Half its length, of half extents.
    pub fn half(self, extent: Vec3) -> f32 {
        if self.along_z() { extent.z } else { extent.x }
    }

    /// The world point `along` the wall at height `y`, `inward` metres into the place.
    pub fn point(self, extent: Vec3, along: f32, y: f32, inward: f32) -> Vec3 {
        let sign = self.sign();
        if self.along_z() {
            Vec3::new(sign * (extent.x - inward), y, along)
        } else {
            Vec3::new(along, y, sign * (extent.z - inward))
        }
    }

    /// Half sizes of a box along the wall.
    fn half_sizes(self, along: f32, y: f32, deep: f32) -> Vec3 {
        if self.along_z() {
            Vec3::new(deep, y, along)
        } else {
            Vec3::new(along, y, deep)
        }
    }
}

/// An opening in a wall, from one metre along it to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gap {
    pub side: Side,
    pub from: f32,
    pub to: f32,
}

impl Gap {
    fn meets(self, side: Side, from: f32, to: f32) -> bool {
        self.side == side && from < self.to && to > self.from
    }
}

fn shell(piece: Piece) -> Piece {
    Piece {
        casts: false,
        ..piece
    }
}

/// Adds everything that encloses the place.
pub(super) fn build(scene: &mut Scene, pit: Option<[DVec2; 2]>, gap: Option<Gap>) {
    let mut rng = Rng::stream(scene.understood.seed, "shell");
    let floor = ground(scene, &mut rng);
    let walls = {
        let skin = Skin::of(scene.understood.walls, &mut rng);
        skin.tinted(scene.understood.wall_colour)
    };
    let ceiling = Skin::plain([0.62, 0.62, 0.60], [0.34, 0.34, 0.33], &mut rng).seams(
        [0.9, 0.0, 0.9],
        0.15,
        0.4,
    );
    slabs(scene, pit, floor);
    let e = scene.site.extent;
    if let Some(steps) = scene.site.steps {
        let id = scene.name("steps", Role::Shell);
        for k in 0..steps.count {
            let front = steps.front - steps.depth * f64::from(k);
            let height = (steps.rise * f64::from(k + 1)) as f32;
            // Each tread reaches to the next riser; the last one is the landing.
            let back = if k + 1 == steps.count {
                -f64::from(e.z) - 0.2
            } else {
                front - steps.depth
            };
            let (front, back) = (front as f32, back as f32);
            let centre = Vec3::new(0.0, height / 2.0, (front + back) / 2.0);
            let half = Vec3::new(e.x + THICK, height / 2.0, (front - back) / 2.0);
            let skin = Skin {
                origin: floor.origin + centre,
                mirror: 0.0,
                ..floor
            };
            scene.statics.push(Piece::block(id, centre, half, skin));
        }
    }
    if let Some(x) = scene.site.kerb.map(|x| x as f32) {
        let paving = weathered(
            Skin::of(Material::Concrete, &mut rng).seams([0.6, 0.0, 0.6], 0.2, 0.6),
            scene.understood.weather,
        );
        let paving = Skin {
            mirror: 0.0,
            ..paving
        };
        let id = scene.name("pavement", Role::Shell);
        for sign in [-1.0f32, 1.0] {
            let half = Vec3::new((e.x + THICK - x) / 2.0, KERB as f32 / 2.0, e.z + THICK);
            let centre = Vec3::new(sign * (x + half.x), half.y, 0.0);
            scene
                .statics
                .push(shell(Piece::block(id, centre, half, paving)));
        }
    }
    if scene.understood.outdoors() {
        houses(scene, gap, walls, &mut rng);
        return;
    }
    for side in Side::ALL {
        let id = scene.name(&format!("{} wall", side.name()), Role::Shell);
        let skin = Skin {
            origin: walls.origin + Vec3::splat(side as u8 as f32 * 11.0),
            ..walls
        };
        let half = side.half(e) + THICK;
        wall(scene, id, side, [-half, half], e.y, gap, skin);
    }
    let id = scene.name("ceiling", Role::Shell);
    let half = Vec3::new(e.x + THICK, 0.1, e.z + THICK);
    let slab = Piece::block(id, Vec3::Y * (e.y + 0.1), half, ceiling);
    scene.statics.push(shell(slab));
    if scene.understood.place == Place::Warehouse {
        beams(scene, &mut rng);
    }
    panels(scene, gap, &mut rng);
}

/// The skin of the ground, as the weather leaves it.
fn ground(scene: &Scene, rng: &mut Rng) -> Skin {
    weathered(
        Skin::of(scene.understood.floor, rng).tinted(scene.understood.floor_colour),
        scene.understood.weather,
    )
}

/// A skin as the weather leaves it: dark and mirroring in the rain, white under snow.
pub(super) fn weathered(skin: Skin, weather: Weather) -> Skin {
    match weather {
        Weather::Rain => Skin {
            paint: skin.paint * 0.62,
            second: skin.second * 0.62,
            mirror: skin.mirror.max(0.75),
            ..skin
        },
        Weather::Snow => Skin {
            paint: Vec3::new(0.80, 0.83, 0.88),
            second: Vec3::new(0.44, 0.49, 0.58),
            mirror: 0.0,
            ..skin
        },
        _ => skin,
    }
}

/// The floor at height 0, around the pit.
fn slabs(scene: &mut Scene, pit: Option<[DVec2; 2]>, floor: Skin) {
    let e = scene.site.extent;
    let deep = Vec3::Y * PIT / 2.0;
    let id = scene.name("floor", Role::Shell);
    let (x, z) = (e.x + THICK, e.z + THICK);
    // One texture over all parts: its origin follows the part.
    let mut slab = |min: [f32; 2], max: [f32; 2], casts: bool| {
        let centre = Vec3::new((min[0] + max[0]) / 2.0, 0.0, (min[1] + max[1]) / 2.0) - deep;
        let half = Vec3::new((max[0] - min[0]) / 2.0, 0.0, (max[1] - min[1]) / 2.0) + deep;
        let origin = floor.origin + centre;
        let skin = Skin { origin, ..floor };
        scene.statics.push(Piece {
            casts,
            ..Piece::block(id, centre, half, skin)
        });
    };
    let Some([min, max]) = pit.map(|p| p.map(DVec2::as_vec2)) else {
        slab([-x, -z], [x, z], false);
        return;
    };
    slab([-x, -z], [min.x, z], true);
    slab([max.x, -z], [x, z], true);
    slab([min.x, -z], [max.x, min.y], true);
    slab([min.x, max.y], [max.x, z], true);
    let id = scene.name("pit", Role::Shell);
    let (at, half) = ((min + max) / 2.0, (max - min) / 2.0);
    // A stream of its own: what comes after is the same with the pit and without it.
    let mut rng = Rng::stream(scene.understood.seed, "pit skin");
    let black = Skin::plain([0.05; 3], [0.02; 3], &mut rng);
    let middle = Vec3::new(at.x, -PIT - 0.1, at.y);
    let bottom = Piece::block(
        id,
        middle,
        Vec3::new(half.x + 0.1, 0.1, half.y + 0.1),
        black,
    );
    scene.statics.push(shell(bottom));
}

/// A wall from one metre along its side to another, around the gap.
fn wall(
    scene: &mut Scene,
    id: u32,
    side: Side,
    [from, to]: [f32; 2],
    height: f32,
    gap: Option<Gap>,
    skin: Skin,
) {
    let mut parts = vec![[from, to]];
    if let Some(gap) = gap.filter(|g| g.meets(side, from, to)) {
        parts = vec![[from, gap.from.max(from)], [gap.to.min(to), to]];
    }
    for [a, b] in parts {
        if b - a < 0.01 {
            continue;
        }
        let half = side.half_sizes((b - a) / 2.0, height / 2.0, THICK / 2.0);
        let centre = side.point(scene.site.extent, (a + b) / 2.0, height / 2.0, -THICK / 2.0);
        let skin = Skin {
            origin: skin.origin + centre,
            ..skin
        };
        // Walls shade the ground under the sky; a lamp indoors has them all in view.
        let casts = scene.understood.outdoors();
        scene.statics.push(Piece {
            casts,
            ..Piece::block(id, centre, half, skin)
        });
    }
}

/// Houses along all four sides, with their doors and windows.
fn houses(scene: &mut Scene, gap: Option<Gap>, walls: Skin, rng: &mut Rng) {
    let e = scene.site.extent;
    let street = scene.understood.place == Place::Street;
    for side in Side::ALL {
        let half = side.half(e) + THICK;
        let count = if street && side.along_z() { 4 } else { 2 };
        let mut from = -half;
        for k in 0..count {
            let to = if k + 1 == count {
                half
            } else {
                -half + 2.0 * half * (k as f32 + 1.0 + rng.range32(-0.2, 0.2)) / count as f32
            };
            let height = e.y * rng.range32(0.8, 1.15);
            let colour = rng.pick(&[
                Colour::White,
                Colour::Yellow,
                Colour::Brown,
                Colour::Grey,
                Colour::Red,
            ]);
            let tint = rng.range32(0.25, 0.6);
            // The first house is of what the prompt says, the others of its kind in other paint.
            let skin = if scene.understood.wall_colour.is_some() || k == 0 {
                walls
            } else {
                walls.toward(&walls.tinted(Some(colour)), tint)
            };
            let skin = Skin {
                origin: skin.origin + Vec3::splat(rng.range32(-9.0, 9.0)),
                ..skin
            };
            let name = format!("{} house {}", side.name(), k + 1);
            let id = scene.name(&name, Role::Shell);
            wall(scene, id, side, [from, to], height, gap, skin);
            openings(scene, side, [from, to], height, gap, rng);
            from = to;
        }
    }
}

/// A door and windows on a house's front.
fn openings(
    scene: &mut Scene,
    side: Side,
    [from, to]: [f32; 2],
    height: f32,
    gap: Option<Gap>,
    rng: &mut Rng,
) {
    let e = scene.site.extent;
    let places = (((to - from) / 2.4) as usize).clamp(1, 3);
    let door = rng.below(places);
    let ground = scene
        .site
        .ground(DVec2::new(f64::from(side.point(e, 0.0, 0.0, 0.0).x), 0.0)) as f32;
    let glass = Skin {
        contrast: 0.9,
        width: 0.05,
        ..Skin::plain([0.20, 0.27, 0.33], [0.05, 0.07, 0.10], rng).seams(
            [0.55, 0.7, 0.55],
            0.1,
            -1.6,
        )
    };
    for k in 0..places {
        let along = from + (to - from) * (k as f32 + 0.5) / places as f32;
        let shift = rng.range32(-0.15, 0.15);
        for floor in 0..2u8 {
            let is_door = floor == 0 && k == door;
            let half = if is_door { [0.5, 1.08] } else { [0.55, 0.7] };
            let y = match (floor, is_door) {
                (_, true) => ground + half[1],
                (0, _) => 1.75,
                _ => 4.15,
            };
            let skin = if is_door {
                Skin::of(Material::Wood, rng)
            } else {
                glass
            };
            let hidden = y + half[1] > height - 0.2
                || gap.is_some_and(|g| g.meets(side, along - 0.7, along + 0.7))
                || along - 0.6 < from
                || along + 0.6 > to;
            if hidden {
                continue;
            }
            let id = scene.name(if is_door { "door" } else { "window" }, Role::Prop);
            let centre = side.point(e, along + shift, y, 0.025);
            let half = side.half_sizes(half[0], half[1], 0.025);
            scene
                .statics
                .push(shell(Piece::block(id, centre, half, skin)));
        }
    }
}

/// Doors and pictures: thin boxes on the walls of a place indoors.
fn panels(scene: &mut Scene, gap: Option<Gap>, rng: &mut Rng) {
    let e = scene.site.extent;
    for k in 0..5u8 {
        let door = k % 3 == 0;
        let [half, tall] = if door {
            [0.45, 1.03]
        } else {
            [rng.range32(0.3, 0.6), rng.range32(0.25, 0.45)]
        };
        let hang = rng.range32(1.45, 1.75);
        let tint = [(); 3].map(|()| rng.range32(0.15, 0.75));
        let shade = tint.map(|c| c * 0.3);
        let skin = if door {
            Skin::of(Material::Wood, rng)
        } else {
            Skin {
                grain: Vec3::splat(1.8),
                contrast: 1.1,
                ..Skin::plain(tint, shade, rng)
            }
        };
        let side = [Side::Left, Side::Right, Side::Far][usize::from(k % 3)];
        let along = match side {
            Side::Far => rng.range32(-0.5, 0.5) * (e.x - half),
            // Spread along the walls.
            _ => (f32::from(k / 3) - 0.5) * 0.9 * e.z + rng.range32(-0.6, 0.6),
        };
        if gap.is_some_and(|g| g.meets(side, along - half - 0.1, along + half + 0.1)) {
            continue;
        }
        let foot = side.point(e, along, 0.0, 0.1);
        let ground = scene
            .site
            .ground(DVec2::new(f64::from(foot.x), f64::from(foot.z))) as f32;
        let y = ground + if door { tall } else { hang };
        let id = scene.name(if door { "door" } else { "picture" }, Role::Prop);
        let centre = side.point(e, along, y, 0.025);
        let sizes = side.half_sizes(half, tall, 0.025);
        scene
            .statics
            .push(shell(Piece::block(id, centre, sizes, skin)));
    }
}

/// Roof beams and the lights between them.
fn beams(scene: &mut Scene, rng: &mut Rng) {
    let e = scene.site.extent;
    let steel = Skin::of(Material::Metal, rng);
    let bright = Skin {
        paint: Vec3::splat(3.0),
        second: Vec3::splat(2.6),
        ..Skin::default()
    };
    let beam = scene.name("roof beam", Role::Shell);
    let light = scene.name("roof light", Role::Shell);
    for k in 0..4u8 {
        let z = e.z * (f32::from(k) - 1.5) * 0.5;
        let centre = Vec3::new(0.0, e.y - 0.22, z);
        let half = Vec3::new(e.x, 0.18, 0.09);
        scene
            .statics
            .push(shell(Piece::block(beam, centre, half, steel)));
        let centre = Vec3::new(0.0, e.y - 0.04, z + 0.25 * e.z);
        let half = Vec3::new(0.25 * e.x, 0.04, 0.14);
        if k < 3 {
            scene
                .statics
                .push(shell(Piece::block(light, centre, half, bright)));
        }
    }
}
