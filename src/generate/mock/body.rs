//! Bodies of subjects: a robot and a person that walk, a ball that rolls.

use glam::{Quat, Vec3};

use super::piece::{Piece, Shape, Skin};
use super::prompt::Subject;
use super::rng::Rng;

/// How a subject looks; drawn once.
#[derive(Clone, Debug)]
pub(super) struct Look {
    subject: Subject,
    main: Skin,
    other: Skin,
    detail: Skin,
}

/// Lengths of the legs' halves.
const THIGH: f32 = 0.42;
const SHIN: f32 = 0.42;
/// Metres of one whole walking cycle, two steps.
const CYCLE: f64 = 1.3;
/// Radius of the ball.
pub(super) const BALL: f32 = 0.28;

impl Look {
    pub fn new(subject: Subject, rng: &mut Rng) -> Self {
        let (main, other, detail) = match subject {
            Subject::Robot => {
                let (paint, second) = rng.pick(&[
                    ([0.85, 0.33, 0.04], [0.36, 0.10, 0.015]),
                    ([0.85, 0.84, 0.80], [0.36, 0.38, 0.42]),
                    ([0.05, 0.45, 0.55], [0.015, 0.14, 0.22]),
                    ([0.80, 0.62, 0.05], [0.33, 0.20, 0.015]),
                ]);
                (
                    Skin::plain(paint, second, rng).seams([0.16; 3], 0.2, 0.7),
                    Skin::plain([0.30, 0.31, 0.34], [0.06, 0.06, 0.07], rng),
                    Skin::plain([0.10, 0.75, 0.95], [0.03, 0.30, 0.50], rng),
                )
            }
            _ => {
                let (paint, second) = rng.pick(&[
                    ([0.55, 0.08, 0.08], [0.22, 0.02, 0.03]),
                    ([0.08, 0.16, 0.50], [0.02, 0.05, 0.20]),
                    ([0.80, 0.70, 0.15], [0.38, 0.26, 0.03]),
                    ([0.10, 0.38, 0.15], [0.03, 0.14, 0.05]),
                ]);
                (
                    Skin::plain(paint, second, rng).seams([0.0, 0.14, 0.0], 0.5, 0.0),
                    Skin::plain([0.16, 0.17, 0.24], [0.04, 0.05, 0.08], rng),
                    Skin::plain([0.62, 0.40, 0.29], [0.38, 0.21, 0.14], rng),
                )
            }
        };
        let fine = |s: Skin| Skin {
            grain: Vec3::splat(4.0),
            ..s
        };
        Self {
            subject,
            main: fine(main),
            other: fine(other),
            detail: fine(detail),
        }
    }

    /// Height in metres.
    pub fn height(&self) -> f32 {
        match self.subject {
            Subject::Ball => 2.0 * BALL,
            Subject::Robot => 1.70,
            _ => 1.72,
        }
    }

    /// The body after it walked `metres`, standing at `place` on the floor and facing `ahead`, both level.
    pub fn pieces(&self, object: u32, metres: f64, place: Vec3, ahead: Vec3) -> Vec<Piece> {
        let turn = Quat::from_rotation_y(ahead.x.atan2(ahead.z));
        let body = match self.subject {
            Subject::Robot => self.walker(object, metres, true),
            Subject::Person => self.walker(object, metres, false),
            Subject::Ball => {
                let roll = (metres / f64::from(BALL)).rem_euclid(std::f64::consts::TAU) as f32;
                vec![Piece {
                    object,
                    shape: Shape::Sphere { radius: BALL },
                    centre: Vec3::Y * BALL,
                    rotation: Quat::from_rotation_x(roll),
                    casts: true,
                    skin: self.main,
                }]
            }
            Subject::Nobody => Vec::new(),
        };
        body.into_iter().map(|p| p.moved(turn, place)).collect()
    }

    /// A walker at the origin that faces +z, its lower foot on the floor.
    fn walker(&self, object: u32, metres: f64, robot: bool) -> Vec<Piece> {
        let phase = (metres / CYCLE * std::f64::consts::TAU).rem_euclid(std::f64::consts::TAU);
        let hip = 0.93f32;
        let sole = if robot { 0.05 } else { 0.055 };
        let mut out = Vec::new();
        let mut lowest = f32::INFINITY;
        // Directions in the plane of walking: 0 hangs down, positive swings forward.
        let swing = |angle: f32| Vec3::new(0.0, -angle.cos(), angle.sin());
        for (side, offset) in [(-1.0f32, 0.0), (1.0, std::f64::consts::PI)] {
            let p = (phase + offset) as f32;
            let thigh = 0.42 * p.sin();
            // The knee bends while the leg swings forward.
            let knee = 0.12 + 0.75 * p.cos().max(0.0).powi(2);
            let a = Vec3::new(side * 0.11, hip, 0.0);
            let b = a + swing(thigh) * THIGH;
            let c = b + swing(thigh - knee) * SHIN;
            lowest = lowest.min(c.y - sole);
            let (upper, lower) = if robot { (0.075, 0.06) } else { (0.085, 0.06) };
            out.push(Piece::limb(object, a, b, upper, self.other));
            let skin = if robot { self.main } else { self.other };
            out.push(Piece::limb(object, b, c, lower, skin));
            if robot {
                let half = Vec3::new(0.07, 0.04, 0.13);
                out.push(Piece::block(
                    object,
                    c + Vec3::new(0.0, -0.01, 0.05),
                    half,
                    self.other,
                ));
            } else {
                let toe = c + Vec3::new(0.0, 0.0, 0.13);
                out.push(Piece::limb(object, c, toe, 0.05, self.detail));
            }
            let arm = -0.38 * p.sin();
            let a = Vec3::new(side * if robot { 0.31 } else { 0.24 }, 1.40, 0.0);
            let b = a + swing(arm) * 0.29;
            let c = b + swing(arm + 0.45) * 0.26;
            let (upper, lower) = if robot { (0.06, 0.05) } else { (0.055, 0.045) };
            out.push(Piece::limb(object, a, b, upper, self.main));
            let skin = if robot { self.other } else { self.detail };
            out.push(Piece::limb(object, b, c, lower, skin));
        }
        if robot {
            let block = |y: f32, z: f32, half: [f32; 3], skin| {
                Piece::block(object, Vec3::new(0.0, y, z), half.into(), skin)
            };
            out.push(block(0.95, 0.0, [0.17, 0.08, 0.11], self.other));
            out.push(block(1.25, 0.0, [0.24, 0.21, 0.15], self.main));
            out.push(block(1.58, 0.0, [0.13, 0.12, 0.13], self.main));
            out.push(block(1.60, 0.12, [0.10, 0.035, 0.025], self.detail));
        } else {
            let up = |y| Vec3::Y * y;
            out.push(Piece::limb(object, up(0.98), up(1.30), 0.17, self.main));
            out.push(Piece::limb(object, up(1.56), up(1.61), 0.11, self.detail));
        }
        for piece in &mut out {
            piece.centre.y -= lowest;
        }
        out
    }
}
