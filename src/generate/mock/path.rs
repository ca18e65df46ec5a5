//! Where the camera and the subjects go.

use std::f64::consts::TAU;

use glam::{DMat3, DVec2, DVec3};

use super::prompt::{Move, Place, Understood};
use super::rng::Rng;
use crate::camera::{Intrinsics, Pose};

/// The camera's way through a take.
#[derive(Clone, Debug)]
pub(super) struct CameraPath {
    way: Way,
    /// Horizontal field of view in radians.
    fov: f64,
    /// Phases of the small sway of a hand.
    sway: [f64; 3],
    seconds: f64,
}

#[derive(Clone, Debug)]
enum Way {
    /// From one eye and target to another; equal ends stand still.
    Line { eye: [DVec3; 2], target: [DVec3; 2] },
    /// On an arc of angles about `middle`, looking at it.
    Arc {
        middle: DVec3,
        radius: f64,
        height: f64,
        angles: [f64; 2],
    },
}

/// Pose at `eye` looking at `target`, level.
fn look(eye: DVec3, target: DVec3) -> Pose {
    let z = (target - eye).normalize();
    let x = z.cross(DVec3::Y).normalize();
    Pose {
        rotation: DMat3::from_cols(x, z.cross(x), z),
        position: eye,
    }
}

impl CameraPath {
    /// A way that fits a place of `half` sizes (x, z) in metres, for a take of `seconds`.
    pub fn new(understood: &Understood, half: DVec2, seconds: f64, rng: &mut Rng) -> Self {
        let fov = rng.range(54.0, 66.0).to_radians();
        let sway = [(); 3].map(|()| rng.range(0.0, TAU));
        let height = rng.range(1.4, 1.7);
        let side = rng.sign();
        let spread = rng.unit();
        let start = rng.range(0.0, TAU);
        let gaze = rng.range(0.5, 0.7);
        let travel = (1.2 * seconds).clamp(0.3, 4.0);
        let way = match (understood.place, understood.camera) {
            (Place::Room, Move::Orbit) => {
                let sweep = (14.0 * seconds).clamp(6.0, 75.0).to_radians() * side;
                Way::Arc {
                    middle: DVec3::new(0.0, gaze, 0.0),
                    radius: half.min_element() - 0.65,
                    height,
                    angles: [start - sweep / 2.0, start + sweep / 2.0],
                }
            }
            (Place::Room, Move::Dolly) => {
                let travel = travel.min(0.62 * half.y);
                let across = (0.35 + 0.2 * spread) * half.x;
                let eye = DVec3::new(side * across, height, half.y - 0.6);
                let slant = 0.75 * travel;
                let end = eye + DVec3::new(-side * slant, 0.0, -0.66 * travel);
                let target = DVec3::new(-side * 0.5, gaze, -0.25 * half.y);
                let turned = target + DVec3::new(side * 0.5, 0.0, 0.0);
                Way::Line {
                    eye: [eye, end],
                    target: [target, turned],
                }
            }
            (Place::Corridor, Move::Dolly | Move::Orbit) => {
                let off = side * (0.25 + 0.1 * spread) * half.x;
                let eye = DVec3::new(off, height, half.y - 1.0);
                let end = DVec3::new(-off, height, half.y - 1.0 - travel);
                let ahead = |e: DVec3, x: f64| DVec3::new(x, gaze, e.z - 5.0);
                let turn = side * 0.3 * half.x;
                Way::Line {
                    eye: [eye, end],
                    target: [ahead(eye, -turn), ahead(end, turn)],
                }
            }
            (place, still) => {
                let eye = DVec3::new(
                    side * 0.3 * half.x,
                    height,
                    half.y - if place == Place::Room { 0.6 } else { 1.0 },
                );
                let ahead = if place == Place::Room {
                    DVec3::new(0.0, gaze, -0.15 * half.y)
                } else {
                    DVec3::new(0.0, gaze, eye.z - 5.0)
                };
                let swing = if still == Move::Pan { 0.8 } else { 0.0 };
                let swing = DVec3::X * swing * side * (0.5 * seconds).min(1.0);
                Way::Line {
                    eye: [eye, eye],
                    target: [ahead - swing, ahead + swing],
                }
            }
        };
        Self {
            way,
            fov,
            sway,
            seconds,
        }
    }

    /// Pose at share `u` of the take, 0 to 1.
    pub fn pose(&self, u: f64) -> Pose {
        let t = u * self.seconds;
        let [a, b, c] = self.sway;
        let hand = 0.012
            * DVec3::new(
                (0.9 * t * TAU * 0.5 + a).sin(),
                (1.3 * t * TAU * 0.5 + b).sin(),
                (0.7 * t * TAU * 0.5 + c).sin(),
            );
        match self.way {
            Way::Line { eye, target } => {
                let at = eye[0].lerp(eye[1], u);
                let moves = eye[0] != eye[1];
                let at = if moves { at + hand } else { at };
                look(at, target[0].lerp(target[1], u))
            }
            Way::Arc {
                middle,
                radius,
                height,
                angles: [first, last],
            } => {
                let angle = first + (last - first) * u;
                let at = DVec3::new(radius * angle.sin(), height, radius * angle.cos());
                look(at + hand, middle)
            }
        }
    }

    /// Intrinsics for an image.
    pub fn intrinsics(&self, width: u32, height: u32) -> Intrinsics {
        Intrinsics::from_fov_x(width, height, self.fov)
    }

    /// Middle (x, z) and radii of the loop on which subjects walk, in the camera's view and out of its way.
    pub fn stage(&self, place: Place, half: DVec2) -> Loop {
        match (&self.way, place) {
            (Way::Arc { .. }, _) => Loop::new(DVec2::ZERO, DVec2::splat(0.9)),
            (Way::Line { .. }, Place::Room) => {
                Loop::new(DVec2::new(0.0, -0.22 * half.y), DVec2::splat(1.0))
            }
            (Way::Line { eye, .. }, Place::Corridor) => {
                let far = eye[1].z - 4.2;
                Loop::new(DVec2::new(0.0, far), DVec2::new(0.3 * half.x, 1.9))
            }
        }
    }
}

/// A closed ellipse on the floor, walked at constant speed.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    middle: DVec2,
    radii: DVec2,
    /// Arc length up to each of the equal steps of angle.
    lengths: Vec<f64>,
}

impl Loop {
    const STEPS: usize = 256;

    fn new(middle: DVec2, radii: DVec2) -> Self {
        let mut it = Self {
            middle,
            radii,
            lengths: vec![0.0],
        };
        let mut sum = 0.0;
        for i in 0..Self::STEPS {
            let a = it.at_angle(i as f64 / Self::STEPS as f64 * TAU);
            let b = it.at_angle((i + 1) as f64 / Self::STEPS as f64 * TAU);
            sum += a.distance(b);
            it.lengths.push(sum);
        }
        it
    }

    fn at_angle(&self, angle: f64) -> DVec2 {
        self.middle + self.radii * DVec2::new(angle.sin(), angle.cos())
    }

    /// Metres once around.
    pub fn length(&self) -> f64 {
        self.lengths[Self::STEPS]
    }

    /// Place (x, z) after `metres`, and the direction of walking there.
    pub fn at(&self, metres: f64) -> (DVec2, DVec2) {
        let s = metres.rem_euclid(self.length());
        let i = self
            .lengths
            .partition_point(|&l| l <= s)
            .clamp(1, Self::STEPS);
        let (a, b) = (self.lengths[i - 1], self.lengths[i]);
        let angle = ((i - 1) as f64 + (s - a) / (b - a)) / Self::STEPS as f64 * TAU;
        let ahead = self.radii * DVec2::new(angle.cos(), -angle.sin());
        (self.at_angle(angle), ahead.normalize())
    }

    /// Least distance of a place from the loop.
    pub fn distance(&self, place: DVec2) -> f64 {
        (0..Self::STEPS)
            .map(|i| {
                self.at_angle(i as f64 / Self::STEPS as f64 * TAU)
                    .distance(place)
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// Places around the loop.
    pub fn places(&self) -> impl Iterator<Item = DVec2> + '_ {
        (0..64).map(|i| self.at_angle(f64::from(i) / 64.0 * TAU))
    }
}
