//! Props: what stands on the floor and hangs on the walls, in view and out of everyone's way.

use glam::{DVec2, DVec3, Quat, Vec3};

use super::piece::{Piece, Shape, Skin};
use super::prompt::{Material, Place, Prop};
use super::rng::Rng;
use super::scene::{Role, Scene};
use super::trace::MAX_PRIMITIVES;

/// Primitives that props may take, so that two subjects always fit.
const BUDGET: usize = MAX_PRIMITIVES - 2 * 14;

/// Doors and pictures: thin boxes on the walls.
pub(super) fn panels(scene: &mut Scene, rng: &mut Rng) {
    let e = scene.extent;
    for k in 0..5 {
        let door = k % 3 == 0;
        let half = if door {
            Vec3::new(0.45, 1.03, 0.025)
        } else {
            Vec3::new(rng.range32(0.3, 0.6), rng.range32(0.25, 0.45), 0.02)
        };
        let y = if door {
            half.y
        } else {
            rng.range32(1.45, 1.75)
        };
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
        let id = scene.name(if door { "door" } else { "picture" }, Role::Prop);
        // Left, right, far, left, right: spread along the walls.
        let along = (f32::from(k as u8 / 3) - 0.5) * 0.9 * e.z + rng.range32(-0.6, 0.6);
        let piece = match k % 3 {
            2 => {
                let x = rng.range32(-0.5, 0.5) * (e.x - half.x);
                Piece::block(id, Vec3::new(x, y, -e.z + half.z), half, skin)
            }
            side => {
                let sign = if side == 0 { -1.0 } else { 1.0 };
                let at = Vec3::new(sign * (e.x - half.z), y, along);
                Piece::block(id, at, Vec3::new(half.z, half.y, half.x), skin)
            }
        };
        scene.statics.push(Piece {
            casts: false,
            ..piece
        });
    }
}

/// Props on the floor, drawn from the kinds asked for until the place is furnished.
pub(super) fn props(scene: &mut Scene, pit: Option<[DVec2; 2]>, rng: &mut Rng) {
    let kinds = scene.understood.props.clone();
    let wanted = match scene.understood.place {
        Place::Room => 9,
        Place::Corridor => 7,
    };
    let mut taken: Vec<(DVec2, f64)> = Vec::new();
    for k in 0..wanted {
        let kind = kinds[k % kinds.len()];
        let pieces = build(kind, scene.extent, rng);
        let radius = pieces
            .iter()
            .map(|p| {
                let (low, high) = p.bounds();
                let reach = low.abs().max(high.abs());
                f64::from(reach.x.hypot(reach.z))
            })
            .fold(0.0, f64::max);
        if scene.statics.len() + pieces.len() > BUDGET {
            break;
        }
        // The first ones have to be in view.
        let place = spot(scene, kind, radius, &taken, pit, k < wanted * 2 / 3, rng);
        let Some((at, turn)) = place else { continue };
        taken.push((at, radius));
        let id = scene.name(name(kind), Role::Prop);
        let by = Vec3::new(at.x as f32, 0.0, at.y as f32);
        scene.statics.extend(pieces.into_iter().map(|p| Piece {
            object: id,
            ..p.moved(turn, by)
        }));
    }
}

fn name(kind: Prop) -> &'static str {
    match kind {
        Prop::Crate => "crate",
        Prop::Pillar => "pillar",
        Prop::Shelf => "shelf",
        Prop::Table => "table",
        Prop::Tank => "tank",
    }
}

/// A free place on the floor and a turn about the vertical; shelves stand against a side wall.
fn spot(
    scene: &Scene,
    kind: Prop,
    radius: f64,
    taken: &[(DVec2, f64)],
    pit: Option<[DVec2; 2]>,
    in_view: bool,
    rng: &mut Rng,
) -> Option<(DVec2, Quat)> {
    let (hx, hz) = (f64::from(scene.extent.x), f64::from(scene.extent.z));
    let middle = scene.clip.frames / 2;
    let eye = scene.camera_at(middle).pose.position;
    let eye = DVec2::new(eye.x, eye.z);
    for _ in 0..160 {
        let side = rng.sign();
        let z = rng.range(-hz + radius, hz - radius);
        let (x, turn) = match kind {
            Prop::Shelf => (side * (hx - 0.22), 0.0),
            // Against the walls of a corridor, anywhere in a room.
            _ if scene.understood.place == Place::Corridor => {
                (side * (hx - radius - 0.03), rng.range(-0.2, 0.2))
            }
            _ => (rng.range(-hx + radius, hx - radius), rng.range(-0.7, 0.7)),
        };
        let at = DVec2::new(x, z);
        let free = taken
            .iter()
            .all(|(p, r)| p.distance(at) > r + radius + 0.08)
            && pit.is_none_or(|[a, b]| at.distance(at.clamp(a, b)) > radius + 0.1)
            && scene.off_camera(at) > radius + if kind == Prop::Pillar { 1.3 } else { 0.7 }
            && pit.is_none_or(|[a, b]| {
                // Nothing between the camera and the pit.
                let toward = (a + b) / 2.0 - eye;
                let k = ((at - eye).dot(toward) / toward.length_squared()).clamp(0.0, 1.0);
                at.distance(eye + k * toward) > radius + 0.35
            })
            && scene.off_stage(at) > radius + 0.3;
        let seen = || {
            scene
                .sees(middle, DVec3::new(at.x, 0.5, at.y))
                .is_some_and(|(_, depth)| depth > 1.5)
        };
        if free && (!in_view || seen()) {
            return Some((at, Quat::from_rotation_y(turn as f32)));
        }
    }
    None
}

/// The pieces of a prop about the origin of the floor.
fn build(kind: Prop, extent: Vec3, rng: &mut Rng) -> Vec<Piece> {
    let block =
        |centre: [f32; 3], half: [f32; 3], skin| Piece::block(0, centre.into(), half.into(), skin);
    match kind {
        Prop::Crate => {
            let h = rng.range32(0.26, 0.42);
            let tall = h * rng.range32(0.8, 1.3);
            let skin = Skin::of(Material::Wood, rng).seams([0.0, tall / 2.5, 0.0], 0.35, 0.8);
            let skin = Skin {
                grain: Vec3::new(0.8, 3.0, 0.8),
                origin: Vec3::new(skin.origin.x, tall, skin.origin.z),
                ..skin
            };
            vec![block([0.0, tall, 0.0], [h, tall, h], skin)]
        }
        Prop::Pillar => {
            let skin = Skin::of(Material::Concrete, rng);
            let radius = rng.range32(0.16, 0.22);
            vec![Piece {
                object: 0,
                shape: Shape::Capsule {
                    radius,
                    half_length: extent.y / 2.0 + radius,
                },
                centre: Vec3::Y * extent.y / 2.0,
                rotation: Quat::IDENTITY,
                casts: true,
                skin: Skin {
                    cell: Vec3::new(0.0, 0.6, 0.0),
                    ..skin
                },
            }]
        }
        Prop::Shelf => {
            let skin = Skin::of(Material::Metal, rng);
            let goods = Skin {
                contrast: 1.2,
                cell: Vec3::new(0.0, 0.0, 0.21),
                tone: 0.8,
                dark: 0.6,
                ..Skin::plain([0.70, 0.52, 0.18], [0.12, 0.20, 0.36], rng)
            };
            let (deep, half) = (0.2, 0.62);
            vec![
                block([0.0, 0.9, half], [deep, 0.9, 0.025], skin),
                block([0.0, 0.9, -half], [deep, 0.9, 0.025], skin),
                block([0.0, 0.10, 0.0], [deep, 0.10, half - 0.03], skin),
                block([0.0, 0.95, 0.0], [deep, 0.02, half - 0.03], skin),
                block([0.0, 1.11, 0.05], [deep - 0.05, 0.14, half - 0.15], goods),
            ]
        }
        Prop::Table => {
            let skin = Skin::of(Material::Wood, rng);
            let half = rng.range32(0.5, 0.75);
            vec![
                block([0.0, 0.74, 0.0], [half, 0.03, 0.36], skin),
                block([half - 0.1, 0.355, 0.0], [0.04, 0.355, 0.3], skin),
                block([0.1 - half, 0.355, 0.0], [0.04, 0.355, 0.3], skin),
            ]
        }
        Prop::Tank => {
            let radius = rng.range32(0.22, 0.3);
            let half = rng.range32(0.25, 0.4);
            let (paint, second) = rng.pick(&[
                ([0.06, 0.22, 0.60], [0.02, 0.06, 0.20]),
                ([0.62, 0.10, 0.07], [0.22, 0.03, 0.02]),
                ([0.12, 0.45, 0.20], [0.03, 0.16, 0.07]),
            ]);
            let skin = Skin::plain(paint, second, rng).seams([0.0, 0.25, 0.0], 0.3, 0.6);
            let centre = Vec3::Y * (half + radius);
            vec![Piece {
                centre,
                ..Piece::limb(0, Vec3::Y * -half, Vec3::Y * half, radius, skin)
            }]
        }
    }
}

/// The prop on the floor that fills most of the picture at `frame`, and its middle.
pub(super) fn most_seen(scene: &Scene, frame: usize) -> Option<(u32, Vec3)> {
    let mut best: Option<(f64, u32, Vec3)> = None;
    for object in &scene.objects {
        let on_floor = matches!(object.name.as_str(), "crate" | "tank" | "table" | "shelf");
        if object.role != Role::Prop || !on_floor {
            continue;
        }
        let (mut low, mut high) = (Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY));
        for piece in scene.statics.iter().filter(|p| p.object == object.id) {
            let (a, b) = piece.bounds();
            low = low.min(a);
            high = high.max(b);
        }
        let middle = (low + high) / 2.0;
        if let Some((_, depth)) = scene.sees(frame, middle.as_dvec3()) {
            let size = f64::from((high - low).length()) / depth;
            if best.is_none_or(|(s, ..)| size > s) {
                best = Some((size, object.id, middle));
            }
        }
    }
    best.map(|(_, id, middle)| (id, middle))
}
