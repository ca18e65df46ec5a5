//! Props: what stands on the ground, in view and out of everyone's way.

use glam::{DVec2, DVec3, Quat, Vec3};

use super::body::MOST_PIECES;
use super::piece::{Piece, Shape, Skin};
use super::prompt::{Colour, Extent, MOST_SUBJECTS, Material, Place, Prop, Wanted};
use super::scene::{Role, Scene};
use super::trace::MAX_PRIMITIVES;
use crate::numeric::Rng;

/// Primitives that props may take, so that all subjects always fit.
const BUDGET: usize = MAX_PRIMITIVES - MOST_SUBJECTS as usize * MOST_PIECES;

/// A part of the ground that is taken: its middle and radius.
type Taken = Vec<(DVec2, f64)>;

/// Props on the ground: as many of each kind as were asked for, and the rest until the place is furnished.
pub(super) fn props(scene: &mut Scene) {
    let pit = scene.reserved.pit;
    let mut rng = Rng::stream(scene.understood.seed, "props");
    let mut taken: Taken = Vec::new();
    if scene.understood.place == Place::Courtyard {
        mound(scene, &mut taken, pit, &mut rng);
    }
    if scene.understood.place == Place::Warehouse && !scene.understood.props.is_empty() {
        racks(scene, &mut taken, pit, &mut rng);
    }
    let kinds = scene.understood.props.clone();
    let wanted = match scene.understood.place {
        Place::Room => 9,
        Place::Corridor => 7,
        Place::Courtyard | Place::Street => 10,
        Place::Stairs => 5,
        Place::Warehouse => 8,
    };
    let mut list: Vec<(Wanted, bool)> = Vec::new();
    for kind in &kinds {
        let count = kind.count.unwrap_or(1);
        list.extend((0..count).map(|_| (*kind, true)));
    }
    let open: Vec<&Wanted> = kinds.iter().filter(|k| k.count.is_none()).collect();
    while list.len() < wanted && !open.is_empty() {
        let kind = *open[list.len() % open.len()];
        list.push((kind, false));
    }
    let total = list.len();
    for (k, (kind, asked)) in list.into_iter().enumerate() {
        let mut pieces = build(
            kind,
            scene.site.extent,
            !scene.understood.outdoors(),
            &mut rng,
        );
        let radius = radius(&pieces);
        // The first ones have to be in view.
        let in_view = asked || k < total * 2 / 3;
        let full = scene.statics.len() + pieces.len() > BUDGET;
        let place = (!full)
            .then(|| spot(scene, kind.prop, radius, &taken, pit, in_view, &mut rng))
            .flatten();
        let Some((at, turn)) = place else {
            if asked {
                scene.notes.push(format!(
                    "no free place in view for one more {}",
                    kind.prop.name()
                ));
            }
            continue;
        };
        taken.push((at, radius));
        let by = Vec3::new(at.x as f32, scene.site.ground(at) as f32, at.y as f32);
        let id = scene.name(&kind.prop.name(), Role::Prop);
        for piece in &mut pieces {
            piece.object = id;
        }
        scene
            .statics
            .extend(pieces.into_iter().map(|p| p.moved(turn, by)));
    }
}

fn radius(pieces: &[Piece]) -> f64 {
    pieces
        .iter()
        // What hangs overhead is in nobody's way.
        .filter(|p| p.bounds().0.y < 1.9)
        .map(|p| {
            let (low, high) = p.bounds();
            let reach = low.abs().max(high.abs());
            f64::from(reach.x.hypot(reach.z))
        })
        .fold(0.0, f64::max)
}

/// A heap of earth with grass on it, in a corner of a courtyard.
fn mound(scene: &mut Scene, taken: &mut Taken, pit: Option<[DVec2; 2]>, rng: &mut Rng) {
    let half = [
        rng.range32(1.1, 1.6),
        rng.range32(0.18, 0.35),
        rng.range32(1.1, 1.6),
    ];
    let radius = f64::from(half[0].hypot(half[2]));
    let seed = rng.below(60_000) as u32;
    let skin = super::shell::weathered(Skin::of(Material::Grass, rng), scene.understood.weather);
    let mut place = None;
    for _ in 0..4 {
        place = place.or_else(|| spot(scene, Prop::Tree, radius, taken, pit, true, rng));
    }
    let Some((at, _)) = place else { return };
    taken.push((at, radius));
    let id = scene.name("mound", Role::Prop);
    scene.statics.push(Piece {
        shape: Shape::Terrain {
            half,
            cells: 8,
            seed,
        },
        casts: false,
        ..Piece::ball(id, Vec3::new(at.x as f32, half[1], at.y as f32), 1.0, skin)
    });
}

/// Tall racks along both sides of a warehouse.
fn racks(scene: &mut Scene, taken: &mut Taken, pit: Option<[DVec2; 2]>, rng: &mut Rng) {
    let e = scene.site.extent;
    let steel = Skin {
        paint: Vec3::new(0.75, 0.28, 0.03),
        second: Vec3::new(0.33, 0.10, 0.01),
        ..Skin::of(Material::Metal, rng)
    };
    let (deep, long) = (0.55f32, 1.35f32);
    for side in [-1.0f32, 1.0] {
        for k in 0..3u8 {
            let x = side * (e.x - deep - 0.1);
            let z = -e.z + 1.9 + (f32::from(k)) * (2.0 * long + 0.5);
            let at = DVec2::new(f64::from(x), f64::from(z));
            let r = f64::from(deep.hypot(long));
            let clash = pit.is_some_and(|[a, b]| at.distance(at.clamp(a, b)) < r + 0.1)
                || scene.off_camera(at) < r + 0.5
                || off_gap(scene, at) < r + 0.2
                || scene.off_circuit(at) < r;
            if clash {
                continue;
            }
            taken.push((at, r));
            let id = scene.name("rack", Role::Prop);
            let mut add = |y: f32, z: f32, half: [f32; 3], skin: Skin| {
                let centre = Vec3::new(x, y, at.y as f32 + z);
                scene
                    .statics
                    .push(Piece::block(id, centre, half.into(), skin));
            };
            add(1.5, long, [deep, 1.5, 0.04], steel);
            add(1.5, -long, [deep, 1.5, 0.04], steel);
            for level in 0..3u8 {
                let y = 0.12 + 1.05 * f32::from(level);
                add(y, 0.0, [deep, 0.05, long], steel);
                let goods = Skin {
                    cell: Vec3::new(0.4, 0.0, rng.range32(0.4, 0.7)),
                    tone: 0.9,
                    dark: 0.6,
                    contrast: 0.8,
                    ..Skin::plain([0.58, 0.40, 0.20], [0.22, 0.20, 0.24], rng)
                };
                let tall = rng.range32(0.22, 0.40);
                add(
                    y + 0.05 + tall,
                    rng.range32(-0.15, 0.15),
                    [deep - 0.08, tall, long - 0.25],
                    goods,
                );
            }
        }
    }
}

/// Distance of a place from the widest opening that its walls may have.
fn off_gap(scene: &Scene, at: DVec2) -> f64 {
    let Some(gap) = scene.reserved.gap else {
        return f64::INFINITY;
    };
    let end = |along: f32| {
        let p = gap
            .side
            .point(scene.site.extent, along, 0.0, 0.0)
            .as_dvec3();
        DVec2::new(p.x, p.z)
    };
    let (a, b) = (end(gap.from), end(gap.to));
    at.distance(at.clamp(a.min(b), a.max(b)))
}

/// A free place on the ground and a turn about the vertical; shelves stand against a side wall.
fn spot(
    scene: &Scene,
    kind: Prop,
    radius: f64,
    taken: &Taken,
    pit: Option<[DVec2; 2]>,
    in_view: bool,
    rng: &mut Rng,
) -> Option<(DVec2, Quat)> {
    let half = scene.site.half();
    let [low, high] = scene.site.flat();
    let (hx, low_z) = (half.x, low.y);
    let middle = scene.clip.frames / 2;
    let eye = scene.camera_at(middle).pose.position;
    let eye = DVec2::new(eye.x, eye.z);
    let room = if kind == Prop::Pillar { 1.3 } else { 0.7 };
    for _ in 0..200 {
        let side = rng.sign();
        let z = rng.range(low_z + radius, high.y - radius);
        let against = hx - radius - 0.03;
        let (x, turn) = match (kind, scene.understood.place) {
            (Prop::Shelf, _) if scene.site.kerb.is_none() => (side * (hx - 0.22), 0.0),
            // Against the walls of what is narrow, on the pavement of a street, anywhere else in the open.
            (_, Place::Corridor | Place::Stairs) => (side * against, rng.range(-0.2, 0.2)),
            (_, Place::Street) => {
                let kerb = scene.site.kerb.unwrap_or(0.0);
                let edge = matches!(kind, Prop::Lamp | Prop::Tree | Prop::Cone);
                let x = if edge || against < kerb + radius {
                    kerb + radius.min(0.3)
                } else {
                    rng.range(kerb + radius, against.max(kerb + radius + 0.01))
                };
                (side * x, rng.range(-0.2, 0.2))
            }
            _ => (rng.range(-hx + radius, hx - radius), rng.range(-0.7, 0.7)),
        };
        let at = DVec2::new(x, z);
        let free = z > low_z
            && taken
                .iter()
                .all(|(p, r)| p.distance(at) > r + radius + 0.08)
            && pit.is_none_or(|[a, b]| at.distance(at.clamp(a, b)) > radius + 0.1)
            && scene.off_camera(at) > radius + room
            && pit.is_none_or(|[a, b]| {
                // Nothing between the camera and the pit.
                let toward = (a + b) / 2.0 - eye;
                let k = ((at - eye).dot(toward) / toward.length_squared()).clamp(0.0, 1.0);
                at.distance(eye + k * toward) > radius + 0.35
            })
            && off_gap(scene, at) > radius + 0.35
            && scene.off_circuit(at) > radius;
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

/// The pieces of a prop about the origin of the ground.
fn build(wanted: Wanted, extent: Vec3, roofed: bool, rng: &mut Rng) -> Vec<Piece> {
    let scale = match wanted.size {
        Extent::Small => 0.7,
        Extent::Medium => 1.0,
        Extent::Large => 1.3,
    };
    let colour = wanted.colour;
    let block = |centre: [f32; 3], half: [f32; 3], skin| {
        Piece::block(
            0,
            Vec3::from(centre) * scale,
            Vec3::from(half) * scale,
            skin,
        )
    };
    let post = |foot: [f32; 3], height: f32, radius: f32, skin| {
        Piece::post(
            0,
            Vec3::from(foot) * scale,
            height * scale,
            radius * scale,
            skin,
        )
    };
    let ball = |centre: [f32; 3], radius: f32, skin| {
        Piece::ball(0, Vec3::from(centre) * scale, radius * scale, skin)
    };
    match wanted.prop {
        Prop::Crate => {
            let h = rng.range32(0.26, 0.42);
            let tall = h * rng.range32(0.8, 1.3);
            let skin = Skin::of(Material::Wood, rng).tinted(colour).seams(
                [0.0, tall / 2.5, 0.0],
                0.35,
                0.8,
            );
            let skin = Skin {
                grain: Vec3::new(0.8, 3.0, 0.8),
                origin: Vec3::new(skin.origin.x, tall, skin.origin.z),
                ..skin
            };
            vec![block([0.0, tall, 0.0], [h, tall, h], skin)]
        }
        Prop::Pillar => {
            let skin = Skin {
                cell: Vec3::new(0.0, 0.6, 0.0),
                ..Skin::of(Material::Concrete, rng).tinted(colour)
            };
            let radius = rng.range32(0.16, 0.22);
            vec![Piece::post(0, Vec3::ZERO, extent.y, radius, skin)]
        }
        Prop::Shelf => {
            let skin = Skin::of(Material::Metal, rng).tinted(colour);
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
            let skin = Skin::of(Material::Wood, rng).tinted(colour);
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
            let drawn = rng.pick(&[Colour::Blue, Colour::Red, Colour::Green]);
            let (paint, second) = colour.unwrap_or(drawn).linear();
            let skin = Skin::plain(paint, second, rng).seams([0.0, 0.25, 0.0], 0.3, 0.6);
            let centre = Vec3::Y * (half + radius) * scale;
            vec![Piece {
                centre,
                ..Piece::limb(
                    0,
                    Vec3::Y * -half * scale,
                    Vec3::Y * half * scale,
                    radius * scale,
                    skin,
                )
            }]
        }
        Prop::Barrel => {
            let radius = rng.range32(0.26, 0.32);
            let tall = rng.range32(0.75, 0.95);
            let drawn = rng.pick(&[Colour::Blue, Colour::Orange, Colour::Green, Colour::Grey]);
            let (paint, second) = colour.unwrap_or(drawn).linear();
            let skin = Skin::plain(paint, second, rng).seams([0.0, 0.28, 0.0], 0.2, 0.7);
            vec![
                post([0.0; 3], tall, radius, skin),
                post([0.0, 0.31 * tall, 0.0], 0.04, radius + 0.012, skin),
                post([0.0, 0.64 * tall, 0.0], 0.04, radius + 0.012, skin),
            ]
        }
        Prop::Bench => {
            let skin = Skin::of(Material::Wood, rng).tinted(colour);
            let iron = Skin::plain([0.12, 0.12, 0.13], [0.04, 0.04, 0.045], rng);
            vec![
                block([0.0, 0.44, 0.0], [0.75, 0.035, 0.22], skin),
                block([0.0, 0.74, -0.22], [0.75, 0.16, 0.025], skin),
                block([0.6, 0.205, 0.0], [0.04, 0.205, 0.2], iron),
                block([-0.6, 0.205, 0.0], [0.04, 0.205, 0.2], iron),
            ]
        }
        Prop::Chair => {
            let skin = Skin::of(Material::Wood, rng).tinted(colour);
            let mut out = vec![
                block([0.0, 0.44, 0.0], [0.22, 0.025, 0.22], skin),
                block([0.0, 0.74, -0.2], [0.22, 0.22, 0.02], skin),
            ];
            for x in [-0.18f32, 0.18] {
                for z in [-0.18f32, 0.18] {
                    out.push(post([x, 0.0, z], 0.42, 0.022, skin));
                }
            }
            out
        }
        Prop::Tree => {
            let bark = Skin {
                grain: Vec3::new(4.0, 1.0, 4.0),
                ..Skin::plain([0.25, 0.16, 0.09], [0.08, 0.05, 0.03], rng)
            };
            let (paint, second) = colour.unwrap_or(Colour::Green).linear();
            let leaves = Skin {
                grain: Vec3::splat(3.0),
                contrast: 0.8,
                ..Skin::plain(paint, second, rng)
            };
            // Under a ceiling a tree is a small one.
            let scale = if roofed {
                scale.min(extent.y / 4.2)
            } else {
                scale
            };
            let post = |foot: [f32; 3], height: f32, radius: f32, skin| {
                let foot = Vec3::from(foot) * scale;
                Piece::post(0, foot, height * scale, radius * scale, skin)
            };
            let ball = |centre: [f32; 3], radius: f32, skin| {
                Piece::ball(0, Vec3::from(centre) * scale, radius * scale, skin)
            };
            let tall = rng.range32(2.1, 2.7);
            let r = rng.range32(0.75, 1.0);
            vec![
                post([0.0; 3], tall, 0.12, bark),
                ball([0.0, tall + 0.4 * r, 0.0], r, leaves),
                ball([0.55 * r, tall + 0.1 * r, 0.3 * r], 0.7 * r, leaves),
                ball([-0.5 * r, tall + 0.25 * r, -0.35 * r], 0.75 * r, leaves),
            ]
        }
        Prop::Plant => {
            let pot = Skin::plain([0.50, 0.22, 0.12], [0.22, 0.09, 0.05], rng).tinted(colour);
            let leaves = Skin {
                grain: Vec3::splat(4.0),
                contrast: 0.8,
                ..Skin::plain([0.14, 0.42, 0.12], [0.04, 0.15, 0.04], rng)
            };
            let tall = rng.range32(0.3, 0.42);
            vec![
                post([0.0; 3], tall, 0.22, pot),
                ball([0.0, tall + 0.22, 0.0], 0.27, leaves),
                ball([0.12, tall + 0.48, 0.06], 0.19, leaves),
                ball([-0.12, tall + 0.42, -0.07], 0.18, leaves),
            ]
        }
        Prop::Lamp => {
            let iron = Skin::plain([0.10, 0.11, 0.11], [0.03, 0.035, 0.035], rng).tinted(colour);
            let bulb = Skin {
                paint: Vec3::new(1.6, 1.4, 1.0),
                second: Vec3::new(1.3, 1.1, 0.75),
                ..Skin::default()
            };
            let tall = (extent.y * 0.85 / scale).min(3.2);
            vec![
                post([0.0; 3], 0.25, 0.13, iron),
                post([0.0; 3], tall, 0.05, iron),
                ball([0.0, tall + 0.1, 0.0], 0.17, bulb),
            ]
        }
        Prop::Cone => {
            let (paint, second) = colour.unwrap_or(Colour::Orange).linear();
            let skin = Skin::plain(paint, second, rng);
            let white = Skin::plain([0.8; 3], [0.5; 3], rng);
            vec![
                block([0.0, 0.02, 0.0], [0.19, 0.02, 0.19], skin),
                post([0.0, 0.04, 0.0], 0.22, 0.13, skin),
                post([0.0, 0.26, 0.0], 0.16, 0.10, white),
                post([0.0, 0.42, 0.0], 0.22, 0.07, skin),
            ]
        }
    }
}

/// Least and greatest corner of an object's fixed pieces.
pub(super) fn bounds(scene: &Scene, object: u32) -> [Vec3; 2] {
    let (mut low, mut high) = (Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY));
    for piece in scene.statics.iter().filter(|p| p.object == object) {
        let (a, b) = piece.bounds();
        low = low.min(a);
        high = high.max(b);
    }
    [low, high]
}

/// The props on the ground by how much of the picture they fill at `frame`, the largest first.
pub(super) fn by_size(scene: &Scene, frame: usize) -> Vec<u32> {
    let mut found: Vec<(f64, u32)> = Vec::new();
    for object in &scene.objects {
        let fixed = matches!(
            object.name.as_str(),
            "door" | "picture" | "window" | "pillar" | "mound" | "rack"
        );
        if object.role != Role::Prop || fixed {
            continue;
        }
        let [low, high] = bounds(scene, object.id);
        let middle = ((low + high) / 2.0).as_dvec3();
        if let Some((uv, depth)) = scene.sees(frame, middle) {
            let [w, h] = scene.clip.size.map(f64::from);
            // What the picture cuts off counts for little.
            let inside = (0.12..0.88).contains(&(uv.x / w)) && (0.12..0.88).contains(&(uv.y / h));
            let weight = if inside { 1.0 } else { 0.1 };
            found.push((weight * f64::from((high - low).length()) / depth, object.id));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().map(|(_, id)| id).collect()
}
