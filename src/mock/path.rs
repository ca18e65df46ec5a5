//! Where the camera and the subjects go.

use std::f64::consts::TAU;

use glam::{DMat3, DVec2, DVec3};

use super::prompt::{Move, Pace, Place, Subject, Understood};
use super::site::{KERB, Site};
use crate::camera::{Intrinsics, Pose};
use crate::numeric::Rng;

/// The camera's way through a take.
#[derive(Clone, Debug)]
pub(super) struct CameraPath {
    way: Way,
    /// Horizontal field of view in radians.
    fov: f64,
    /// Phases of the sway of a hand.
    sway: [f64; 6],
    /// Metres and radians that a hand sways.
    hand: [f64; 2],
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
    /// Behind the first subject.
    Follow {
        circuit: Circuit,
        lag: f64,
        height: f64,
        gaze: f64,
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

/// Where subjects move: a loop, where the first of them starts on it and how fast they go.
#[derive(Clone, Debug)]
pub(super) struct Circuit {
    pub track: Loop,
    /// Metres along the loop at which the first one starts.
    pub first: f64,
    /// Metres a second; one speed for all, so that nobody catches up with anybody.
    pub speed: f64,
}

/// The camera's way and the subjects' circuit for a take of `seconds` at `site`.
pub(super) fn plan(
    understood: &Understood,
    site: &Site,
    seconds: f64,
    seed: u64,
) -> (CameraPath, Circuit) {
    let rng = &mut Rng::stream(seed, "camera");
    let half = site.half();
    let fov = rng.range(54.0, 66.0).to_radians();
    let sway = [(); 6].map(|()| rng.range(0.0, TAU));
    let height = rng.range(1.4, 1.7);
    let side = rng.sign();
    let spread = rng.unit();
    let start = rng.range(0.0, TAU);
    let gaze = rng.range(0.5, 0.7);
    let pace = match understood.pace {
        Pace::Slow => 0.6,
        Pace::Normal => 1.0,
        Pace::Fast => 1.5,
    };
    let camera = understood.camera;
    let handheld = camera == Move::Handheld;
    let travel = (1.2 * pace * seconds).clamp(0.3, 4.0) * if handheld { 0.6 } else { 1.0 };
    let walkers = understood
        .subjects
        .iter()
        .all(|c| matches!(c.subject, Subject::Robot | Subject::Person));
    let driven = understood
        .subjects
        .iter()
        .any(|c| c.subject == Subject::Vehicle);
    // Places that are long and seen from one end.
    let long = matches!(
        site.place,
        Place::Corridor | Place::Street | Place::Stairs | Place::Warehouse
    );
    let arc = camera == Move::Orbit;
    let still = matches!(camera, Move::Static | Move::Pan);

    let way = if arc {
        let sweep = (14.0 * pace * seconds).clamp(6.0, 75.0).to_radians() * side;
        let room = half.min_element() - if understood.outdoors() { 1.0 } else { 0.65 };
        Way::Arc {
            middle: DVec3::new(0.0, gaze, 0.0),
            radius: room.min(4.3),
            height,
            angles: [start - sweep / 2.0, start + sweep / 2.0],
        }
    } else if long {
        let (off, ahead, back) = match site.place {
            Place::Street => (site.kerb.unwrap_or(3.0) + 0.75, 6.5, 2.0),
            Place::Warehouse => ((0.25 + 0.1 * spread) * half.x, 5.5, 1.2),
            Place::Stairs => ((0.3 + 0.1 * spread) * half.x, 4.5, 0.8),
            _ => ((0.25 + 0.1 * spread) * half.x, 5.0, 1.0),
        };
        let travel = if still {
            0.0
        } else if site.place == Place::Stairs {
            travel.min(2.0)
        } else {
            travel
        };
        // On a pavement the camera keeps to its side.
        let across = match site.place {
            Place::Street => off,
            _ if still => off,
            _ => -off,
        };
        let ground = if site.place == Place::Street {
            KERB
        } else {
            0.0
        };
        let gaze = match site.place {
            Place::Stairs => 1.15,
            Place::Street => 1.0,
            _ => gaze,
        };
        let eye = DVec3::new(side * off, ground + height, half.y - back);
        let end = DVec3::new(side * across, ground + height, half.y - back - travel);
        let aim = |e: DVec3, x: f64| DVec3::new(x, gaze, e.z - ahead);
        let turn = side * if still { 0.0 } else { 0.3 * half.x.min(2.5) };
        Way::Line {
            eye: [eye, end],
            target: [aim(eye, -turn), aim(end, turn)],
        }
    } else {
        let back = if site.place == Place::Courtyard {
            1.0
        } else {
            0.6
        };
        let across = if still {
            0.3 * half.x
        } else {
            (0.35 + 0.2 * spread) * half.x
        };
        let travel = if still {
            0.0
        } else {
            travel.min(0.62 * half.y)
        };
        let eye = DVec3::new(side * across, height, half.y - back);
        let end = eye + DVec3::new(-side * 0.75 * travel, 0.0, -0.66 * travel);
        let target = if still {
            DVec3::new(0.0, gaze, -0.15 * half.y)
        } else {
            DVec3::new(-side * 0.5, gaze, -0.25 * half.y)
        };
        let turned = target + DVec3::X * if still { 0.0 } else { side * 0.5 };
        Way::Line {
            eye: [eye, end],
            target: [target, turned],
        }
    };
    let way = match way {
        Way::Line { eye, target } if camera == Move::Pan => {
            let reach = (target[0] - eye[0]).with_y(0.0).length();
            let swing = reach * (7.0 * pace * seconds).clamp(5.0, 18.0).to_radians().tan();
            let swing = DVec3::X * swing * side;
            Way::Line {
                eye,
                target: [target[0] - swing, target[1] + swing],
            }
        }
        other => other,
    };

    // The circuit lies where the camera looks and does not go.
    let follow = camera == Move::Follow;
    let track = match (&way, site.place) {
        _ if follow => match site.place {
            Place::Corridor => Loop::new(DVec2::ZERO, DVec2::new(0.3 * half.x, half.y - 2.5)),
            Place::Street => Loop::new(DVec2::ZERO, DVec2::new(1.3, half.y - 4.0)),
            Place::Stairs => {
                let front = site.flat()[0].y;
                Loop::new(
                    DVec2::new(0.0, (front + half.y) / 2.0),
                    DVec2::new(half.x - 1.0, (half.y - front) / 2.0 - 0.8),
                )
            }
            _ => {
                let room = (half - DVec2::splat(1.5)).min(DVec2::new(2.4, 3.4));
                Loop::new(DVec2::ZERO, room.max(DVec2::splat(1.3)))
            }
        },
        (Way::Arc { radius, .. }, _) => {
            let r = if driven { 0.4 * radius } else { 0.9 };
            Loop::new(DVec2::ZERO, DVec2::splat(r.clamp(0.9, 1.7)))
        }
        (Way::Line { eye, .. }, place) => {
            let far = eye[1].z;
            match place {
                Place::Corridor => {
                    Loop::new(DVec2::new(0.0, far - 4.2), DVec2::new(0.3 * half.x, 1.9))
                }
                Place::Warehouse => Loop::new(DVec2::new(0.0, far - 4.6), DVec2::new(1.2, 2.0)),
                Place::Street if driven => {
                    Loop::new(DVec2::new(0.0, far - 7.5), DVec2::new(1.5, 4.8))
                }
                Place::Street => Loop::new(DVec2::new(0.0, far - 5.2), DVec2::new(1.2, 2.2)),
                Place::Stairs => match site.steps {
                    Some(steps) if walkers => {
                        let run = steps.front - steps.back();
                        Loop::new(
                            DVec2::new(0.0, steps.front - run / 2.0),
                            DVec2::new(0.8, run / 2.0 + 0.8),
                        )
                    }
                    _ => {
                        let front = site.flat()[0].y;
                        Loop::new(DVec2::new(0.0, front + 1.05), DVec2::new(1.0, 0.7))
                    }
                },
                Place::Courtyard => Loop::new(DVec2::new(0.0, -0.1 * half.y), DVec2::splat(1.4)),
                _ => Loop::new(DVec2::new(0.0, -0.22 * half.y), DVec2::splat(1.0)),
            }
        }
        (Way::Follow { .. }, _) => Loop::new(DVec2::ZERO, DVec2::ONE),
    };
    let rng = &mut Rng::stream(seed, "stage");
    let first = rng.range(0.0, track.length());
    let speed = pace
        * rng.range(0.8, 1.05)
        * if driven && site.place == Place::Street {
            2.0
        } else {
            1.0
        };
    let lag = if driven && site.place == Place::Street {
        5.0
    } else {
        2.5
    };
    let circuit = Circuit {
        // On a long loop from one end, so that most of the way is straight.
        first: if follow { lag + 0.9 } else { first },
        track,
        speed,
    };
    let way = if follow {
        Way::Follow {
            circuit: circuit.clone(),
            lag,
            height: height + 0.1,
            gaze: 1.0,
        }
    } else {
        way
    };
    let path = CameraPath {
        way,
        fov,
        sway,
        hand: if handheld {
            [0.045, 0.016]
        } else {
            [0.012, 0.0]
        },
        seconds,
    };
    (path, circuit)
}

impl CameraPath {
    /// Pose after `seconds` of the take.
    pub fn pose(&self, seconds: f64) -> Pose {
        let t = seconds.clamp(0.0, self.seconds);
        let u = if self.seconds > 0.0 {
            t / self.seconds
        } else {
            0.0
        };
        let [a, b, c, d, e, f] = self.sway;
        let wave = |rate: f64, phase: f64| (rate * t * TAU * 0.5 + phase).sin();
        let hand = self.hand[0] * DVec3::new(wave(0.9, a), wave(1.3, b), wave(0.7, c));
        let pose = match &self.way {
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
                let at = DVec3::new(radius * angle.sin(), *height, radius * angle.cos());
                look(at + hand, *middle)
            }
            Way::Follow {
                circuit,
                lag,
                height,
                gaze,
            } => {
                let metres = circuit.first + circuit.speed * t;
                let (goal, _) = circuit.track.at(metres);
                let (at, _) = circuit.track.at(metres - lag);
                look(
                    DVec3::new(at.x, *height, at.y) + hand,
                    DVec3::new(goal.x, *gaze, goal.y),
                )
            }
        };
        if self.hand[1] == 0.0 {
            return pose;
        }
        // A hand turns the camera as well: yaw, pitch and a little roll, in several rhythms.
        let turn = self.hand[1]
            * DVec3::new(
                wave(2.3, d) + 0.5 * wave(4.9, a),
                wave(1.9, e) + 0.5 * wave(5.7, b),
                0.5 * wave(1.5, f),
            );
        Pose {
            rotation: pose.rotation
                * DMat3::from_rotation_x(turn.x)
                * DMat3::from_rotation_y(turn.y)
                * DMat3::from_rotation_z(turn.z),
            ..pose
        }
    }

    /// Intrinsics for an image.
    pub fn intrinsics(&self, width: u32, height: u32) -> Intrinsics {
        Intrinsics::from_fov_x(width, height, self.fov)
    }

    /// Seconds at which the camera stands where it stays clear of things.
    pub fn samples(&self) -> impl Iterator<Item = f64> + '_ {
        let count = (4.0 * self.seconds).clamp(16.0, 240.0) as u32;
        (0..=count).map(move |i| self.seconds * f64::from(i) / f64::from(count))
    }
}

/// A closed ellipse on the ground, walked at constant speed.
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

    /// Its middle.
    pub fn middle(&self) -> DVec2 {
        self.middle
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
