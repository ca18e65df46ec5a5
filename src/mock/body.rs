//! Bodies of subjects: a robot and a person that walk, a ball that rolls, a vehicle that drives.

use glam::{DVec3, Quat, Vec3};

use super::piece::{Piece, Shape, Skin};
use super::prompt::{Cast, Colour, Extent, Place, Subject};
use crate::numeric::Rng;

/// How a subject looks; drawn once.
#[derive(Clone, Debug)]
pub(super) struct Look {
    subject: Subject,
    scale: f32,
    /// Half width and half length of a vehicle in metres.
    vehicle: [f32; 2],
    main: Skin,
    other: Skin,
    detail: Skin,
}

/// Length of each half of a leg, in metres of a grown-up.
const BONE: f32 = 0.45;
/// Height of the ankle over the sole.
const ANKLE: f32 = 0.06;
/// Metres of one whole walking cycle, two steps.
const CYCLE: f64 = 1.2;
/// Share of the cycle for which a foot stands.
const STANCE: f64 = 0.6;
/// Radius of the ball.
const BALL: f32 = 0.28;

/// Primitives of the largest body.
pub(super) const MOST_PIECES: usize = 17;

/// Where a subject is in its walk.
pub(super) struct Gait<'a> {
    /// Metres walked so far.
    pub metres: f64,
    /// Ground point under the subject, world.
    pub place: DVec3,
    /// Level unit vector that it faces.
    pub ahead: DVec3,
    /// Ground point `metres` along the way and so far to the side of it, world.
    pub ground: &'a dyn Fn(f64, f64) -> DVec3,
}

impl Look {
    pub fn new(cast: &Cast, place: Place, rng: &mut Rng) -> Self {
        let paints: &[Colour] = match cast.subject {
            Subject::Robot => &[
                Colour::Orange,
                Colour::White,
                Colour::Turquoise,
                Colour::Yellow,
            ],
            _ => &[Colour::Red, Colour::Blue, Colour::Yellow, Colour::Green],
        };
        // Drawn either way, so that a colour in the prompt changes nothing else.
        let drawn = rng.pick(paints);
        let (paint, second) = cast.colour.unwrap_or(drawn).linear();
        let plain = |paint, second, rng: &mut Rng| Skin {
            grain: Vec3::splat(4.0),
            ..Skin::plain(paint, second, rng)
        };
        let main = plain(paint, second, rng);
        let (main, other, detail) = match cast.subject {
            Subject::Robot => (
                main.seams([0.16; 3], 0.2, 0.7),
                plain([0.30, 0.31, 0.34], [0.06, 0.06, 0.07], rng),
                plain([0.10, 0.75, 0.95], [0.03, 0.30, 0.50], rng),
            ),
            Subject::Vehicle => (
                main.seams([0.0, 0.0, 0.55], 0.1, 0.6),
                plain([0.05, 0.05, 0.055], [0.02, 0.02, 0.02], rng),
                plain([0.16, 0.24, 0.30], [0.05, 0.08, 0.11], rng),
            ),
            _ => (
                main.seams([0.0, 0.14, 0.0], 0.5, 0.0),
                plain([0.16, 0.17, 0.24], [0.04, 0.05, 0.08], rng),
                plain([0.62, 0.40, 0.29], [0.38, 0.21, 0.14], rng),
            ),
        };
        let scale = match cast.size {
            Extent::Small => 0.72,
            Extent::Medium => 1.0,
            Extent::Large => 1.15,
        };
        let vehicle = match place {
            Place::Street => [0.70, 1.50],
            Place::Courtyard | Place::Warehouse => [0.46, 0.85],
            Place::Room | Place::Corridor | Place::Stairs => [0.30, 0.52],
        };
        Self {
            subject: cast.subject,
            scale,
            vehicle: vehicle.map(|v| v * scale.min(1.05)),
            main,
            other,
            detail,
        }
    }

    /// Its main colour, linear.
    pub fn paint(&self) -> Vec3 {
        self.main.paint
    }

    /// Height in metres.
    pub fn height(&self) -> f32 {
        match self.subject {
            Subject::Ball => 2.0 * BALL * self.scale,
            Subject::Vehicle => 0.30 + 1.0 * self.vehicle[0],
            _ => 1.71 * self.scale,
        }
    }

    /// Half the width that it needs, in metres.
    pub fn breadth(&self) -> f64 {
        match self.subject {
            Subject::Vehicle => f64::from(self.vehicle[0].hypot(self.vehicle[1])),
            _ => 0.32,
        }
    }

    /// The same, part of the way to another look: `share` from 0 to 1 changes colours and girth.
    pub fn drifted(&self, to: &Skin, share: f32) -> Self {
        Self {
            main: self.main.toward(to, share),
            other: self.other.toward(&to.with_second(), share),
            ..self.clone()
        }
    }

    /// The body at `gait`; `girth` scales its thickness.
    pub fn pieces(&self, object: u32, gait: &Gait, girth: f32) -> Vec<Piece> {
        let ahead = gait.ahead.as_vec3();
        let turn = Quat::from_rotation_y(ahead.x.atan2(ahead.z));
        let place = gait.place.as_vec3();
        let metres = gait.metres;
        let mut body = match self.subject {
            Subject::Robot => self.walker(object, gait, turn, true),
            Subject::Person => self.walker(object, gait, turn, false),
            Subject::Vehicle => self.drive(object, metres),
            Subject::Ball => {
                let radius = BALL * self.scale;
                let roll = (metres / f64::from(radius)).rem_euclid(std::f64::consts::TAU) as f32;
                vec![Piece {
                    rotation: Quat::from_rotation_x(roll),
                    ..Piece::ball(object, Vec3::Y * radius, radius, self.main)
                }]
            }
            Subject::Nobody => Vec::new(),
        };
        if girth != 1.0 {
            let lowest = |body: &[Piece]| {
                body.iter()
                    .map(|p| p.bounds().0.y)
                    .fold(f32::INFINITY, f32::min)
            };
            let before = lowest(&body);
            for piece in &mut body {
                piece.shape = piece.shape.thicker(girth);
            }
            let lift = before - lowest(&body);
            for piece in &mut body {
                piece.centre.y += lift;
            }
        }
        body.into_iter().map(|p| p.moved(turn, place)).collect()
    }

    /// A vehicle at the origin that faces +z: wheels, body, cabin, windows, lights.
    fn drive(&self, object: u32, metres: f64) -> Vec<Piece> {
        let [w, l] = self.vehicle;
        let wheel = 0.26 * w + 0.10;
        let spin = (metres / f64::from(wheel)).rem_euclid(std::f64::consts::TAU) as f32;
        let block = |x: f32, y: f32, z: f32, half: [f32; 3], skin| {
            Piece::block(object, Vec3::new(x, y, z), half.into(), skin)
        };
        let floor = wheel * 0.8;
        let deck = 0.34 * w + 0.08;
        let roof = 0.36 * w + 0.06;
        let mut out = vec![
            block(0.0, floor + deck, 0.0, [w, deck, l], self.main),
            block(
                0.0,
                floor + 2.0 * deck + roof,
                -0.15 * l,
                [0.86 * w, roof, 0.52 * l],
                self.main,
            ),
            block(
                0.0,
                floor + 2.0 * deck + roof,
                -0.15 * l,
                [0.88 * w, 0.6 * roof, 0.40 * l],
                self.detail,
            ),
            block(
                0.0,
                floor + 2.0 * deck + roof,
                -0.15 * l,
                [0.72 * w, 0.6 * roof, 0.54 * l],
                self.detail,
            ),
        ];
        let lamp = Skin {
            paint: Vec3::new(0.95, 0.92, 0.75),
            second: Vec3::new(0.6, 0.55, 0.4),
            ..self.detail
        };
        let rear = Skin {
            paint: Vec3::new(0.75, 0.05, 0.04),
            second: Vec3::new(0.3, 0.02, 0.02),
            ..self.detail
        };
        for side in [-1.0f32, 1.0] {
            out.push(block(
                side * 0.7 * w,
                floor + 1.2 * deck,
                l,
                [0.16 * w, 0.08, 0.02],
                lamp,
            ));
            out.push(block(
                side * 0.7 * w,
                floor + 1.2 * deck,
                -l,
                [0.16 * w, 0.08, 0.02],
                rear,
            ));
            for along in [-0.62f32, 0.62] {
                out.push(Piece {
                    shape: Shape::Cylinder {
                        radius: wheel,
                        half_length: 0.10 * w + 0.03,
                    },
                    // The axle lies across, and the tyre turns about it.
                    rotation: Quat::from_rotation_x(spin)
                        * Quat::from_rotation_z(std::f32::consts::FRAC_PI_2),
                    ..Piece::ball(
                        object,
                        Vec3::new(side * (0.98 * w), wheel, along * l),
                        wheel,
                        self.other,
                    )
                });
            }
        }
        out
    }

    /// A walker about the ground point that it is over, facing +z, each standing foot where it was set down.
    fn walker(&self, object: u32, gait: &Gait, turn: Quat, robot: bool) -> Vec<Piece> {
        let s = self.scale;
        let cycle = CYCLE * f64::from(s);
        let place = gait.place;
        let bone = BONE * s;
        let mut out = Vec::new();
        // Ankles in the body's own axes.
        let ankles = [(-1.0f64, 0.0), (1.0, 0.5)].map(|(side, offset)| {
            let phase = gait.metres / cycle + offset;
            let whole = phase.floor();
            let f = phase - whole;
            // The foot stands at the middle of its stance.
            let hold = |n: f64| (n - offset + STANCE / 2.0) * cycle;
            let spot = |n: f64| (gait.ground)(hold(n) - gait.metres, side * 0.11 * f64::from(s));
            let at = if f < STANCE {
                spot(whole)
            } else {
                let u = (f - STANCE) / (1.0 - STANCE);
                let (from, to) = (spot(whole), spot(whole + 1.0));
                let eased = u * u * (3.0 - 2.0 * u);
                // Over the edge of a step first, then down onto it.
                let lift = 0.11 * f64::from(s) * (std::f64::consts::PI * u).sin()
                    + (to.y - from.y).abs() * (std::f64::consts::PI * u).sin() * 0.8;
                let mut at = from.lerp(to, eased);
                at.y = from.y + (to.y - from.y) * eased + lift;
                at
            };
            turn.inverse() * (at - place).as_vec3() + Vec3::Y * ANKLE * s
        });
        // The hip is as high as both legs reach.
        let reach = 1.98 * bone;
        let hip = ankles
            .iter()
            .map(|a| a.y + (reach * reach - a.z * a.z).max(0.25 * reach * reach).sqrt())
            .fold(0.93 * s, f32::min);
        let lift = Vec3::Y * (hip - 0.93 * s);
        for (k, ankle) in ankles.into_iter().enumerate() {
            let side = if k == 0 { -1.0f32 } else { 1.0 };
            let top = Vec3::new(side * 0.11 * s, hip, 0.0);
            let along = ankle - top;
            let long = along.length().clamp(1e-3, 2.0 * bone);
            // Forward, square to the leg: where the knee goes.
            let forward = (Vec3::Z - along * (along.z / along.length_squared().max(1e-6)))
                .normalize_or(Vec3::Z);
            let bend = (bone * bone - long * long / 4.0).max(0.0).sqrt();
            let knee = (top + ankle) / 2.0 + forward * bend;
            let (upper, lower) = if robot {
                (0.075, 0.055)
            } else {
                (0.085, 0.055)
            };
            out.push(Piece::limb(object, top, knee, upper * s, self.other));
            let skin = if robot { self.main } else { self.other };
            out.push(Piece::limb(object, knee, ankle, lower * s, skin));
            if robot {
                let half = Vec3::new(0.07, 0.04, 0.13) * s;
                let middle = ankle + Vec3::new(0.0, 0.04 - ANKLE, 0.05) * s;
                out.push(Piece::block(object, middle, half, self.other));
            } else {
                let toe = ankle + Vec3::new(0.0, 0.05 - ANKLE, 0.13) * s;
                let heel = ankle + Vec3::Y * (0.05 - ANKLE) * s;
                out.push(Piece::limb(object, heel, toe, 0.05 * s, self.detail));
            }
            // Arms swing against the legs.
            let swing = |angle: f32| Vec3::new(0.0, -angle.cos(), angle.sin());
            let arm = -0.9 * ankle.z / s;
            let a = Vec3::new(side * if robot { 0.31 } else { 0.24 }, 1.40, 0.0) * s + lift;
            let b = a + swing(arm) * 0.29 * s;
            let c = b + swing(arm + 0.45) * 0.26 * s;
            let (upper, lower) = if robot { (0.06, 0.05) } else { (0.055, 0.045) };
            out.push(Piece::limb(object, a, b, upper * s, self.main));
            let skin = if robot { self.other } else { self.detail };
            out.push(Piece::limb(object, b, c, lower * s, skin));
        }
        if robot {
            let block = |y: f32, z: f32, half: [f32; 3], skin| {
                Piece::block(
                    object,
                    Vec3::new(0.0, y, z) * s + lift,
                    Vec3::from(half) * s,
                    skin,
                )
            };
            out.push(block(0.95, 0.0, [0.17, 0.08, 0.11], self.other));
            out.push(block(1.25, 0.0, [0.24, 0.21, 0.15], self.main));
            out.push(block(1.58, 0.0, [0.13, 0.12, 0.13], self.main));
            out.push(block(1.60, 0.12, [0.10, 0.035, 0.025], self.detail));
        } else {
            let up = |y: f32| Vec3::Y * y * s + lift;
            out.push(Piece::limb(object, up(0.98), up(1.30), 0.17 * s, self.main));
            out.push(Piece::limb(
                object,
                up(1.56),
                up(1.61),
                0.11 * s,
                self.detail,
            ));
        }
        out
    }
}
