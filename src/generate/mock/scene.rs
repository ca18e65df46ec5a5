//! Scenes: the place, its props, its light, who walks in it and what is wrong with it, all by prompt and seed.

use glam::{DVec2, DVec3, Vec3};
use serde::{Deserialize, Serialize};

use super::body::Look;
use super::defects::{self, Draw, Kind, Planted};
use super::furnish;
use super::path::{CameraPath, Loop};
use super::piece::{Piece, Skin};
use super::prompt::{Extent, Light, Place, Subject, Understood};
use super::rng::Rng;
use super::trace::{Primitive, TraceParams};
use crate::camera::Camera;

/// Depth of a pit in metres.
const PIT: f32 = 1.6;

/// The clip that a scene is made for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// Number of frames, at least 1.
    pub frames: usize,
    /// Frames per second; frame i is at i / fps seconds.
    pub fps: f64,
    /// Width and height in pixels.
    pub size: [u32; 2],
}

impl Clip {
    /// Seconds of the whole clip.
    pub fn seconds(&self) -> f64 {
        self.frames as f64 / self.fps
    }
}

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Floor, walls, ceiling.
    Shell,
    /// Something that stands or hangs about.
    Prop,
    /// Someone who moves.
    Subject,
}

/// A thing that people would name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// Its number in the object pictures, from 1.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
}

/// Where a subject is in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// On the floor, metres.
    pub place: DVec3,
    /// Level unit vector that it faces.
    pub ahead: DVec3,
    /// Metres walked so far.
    pub metres: f64,
}

/// One subject.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    pub object: u32,
    pub look: Look,
    start: f64,
    speed: f64,
    /// From this frame on it is so many metres further.
    jump: Option<(usize, f64)>,
}

#[derive(Clone, Copy, Debug)]
struct Lighting {
    lamp: Vec3,
    reach: f32,
    colour: Vec3,
    ambient: Vec3,
}

/// A whole scene over a clip.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The prompt as it was understood.
    pub understood: Understood,
    /// The clip.
    pub clip: Clip,
    /// Half width, height and half length of the place in metres; its floor's middle is the origin.
    pub extent: Vec3,
    /// All objects; `objects[i].id == i + 1`.
    pub objects: Vec<Object>,
    /// Draws of the defects.
    pub draws: Vec<Draw>,
    /// Defects that are in it.
    pub planted: Vec<Planted>,
    /// What was drawn and did not fit.
    pub notes: Vec<String>,
    pub(super) statics: Vec<Piece>,
    pub(super) walkers: Vec<Walker>,
    camera: CameraPath,
    stage: Loop,
    lighting: Lighting,
    gains: Vec<f32>,
    vanish: Option<(u32, usize)>,
}

impl Scene {
    /// Builds the scene of an understood prompt. The same input gives the same scene.
    pub fn build(understood: Understood, clip: Clip) -> Self {
        let seed = understood.seed;
        let mut rng = Rng::stream(seed, "place");
        let extent = extent(&understood, &mut rng);
        let half = DVec2::new(f64::from(extent.x), f64::from(extent.z));
        let camera = CameraPath::new(
            &understood,
            half,
            clip.seconds(),
            &mut Rng::stream(seed, "camera"),
        );
        let stage = camera.stage(understood.place, half);
        let lighting = lighting(&understood, extent, &mut Rng::stream(seed, "light"));
        let draws = defects::draw(&understood.prompt, seed);
        let mut scene = Self {
            clip,
            extent,
            objects: Vec::new(),
            planted: Vec::new(),
            notes: Vec::new(),
            statics: Vec::new(),
            walkers: Vec::new(),
            camera,
            stage,
            lighting,
            gains: vec![1.0; clip.frames],
            vanish: None,
            draws,
            understood,
        };
        let pit = scene.pit();
        scene.shell(pit);
        scene.furnish(pit);
        scene.people();
        scene.spoil();
        scene
    }

    /// Adds an object and returns its number.
    pub(super) fn name(&mut self, name: &str, role: Role) -> u32 {
        let id = self.objects.len() as u32 + 1;
        let name = name.to_owned();
        self.objects.push(Object { id, name, role });
        id
    }

    fn drawn(&self, kind: Kind) -> bool {
        self.draws.iter().any(|d| d.kind == kind && d.drawn)
    }

    /// Share of the clip at `frame`, 0 to 1.
    fn share(&self, frame: usize) -> f64 {
        frame as f64 / (self.clip.frames.max(2) - 1) as f64
    }

    /// The camera at `frame`: metric, depth scale 1 and shift 0.
    pub fn camera_at(&self, frame: usize) -> Camera {
        let [width, height] = self.clip.size;
        Camera {
            frame,
            time: frame as f64 / self.clip.fps,
            intrinsics: self.camera.intrinsics(width, height),
            pose: self.camera.pose(self.share(frame)),
            depth_scale: 1.0,
            depth_shift: 0.0,
        }
    }

    /// Where each subject stands at `frame`, as (object, standing).
    pub fn subjects_at(&self, frame: usize) -> Vec<(u32, Standing)> {
        self.walkers
            .iter()
            .map(|w| {
                let jump = w
                    .jump
                    .map_or(0.0, |(at, m)| if frame >= at { m } else { 0.0 });
                (w.object, self.standing(w, frame, jump))
            })
            .collect()
    }

    fn standing(&self, walker: &Walker, frame: usize, jump: f64) -> Standing {
        let metres = walker.start + walker.speed * frame as f64 / self.clip.fps + jump;
        let (place, ahead) = self.stage.at(metres);
        Standing {
            place: DVec3::new(place.x, 0.0, place.y),
            ahead: DVec3::new(ahead.x, 0.0, ahead.y),
            metres: metres - jump,
        }
    }

    /// Every shape that is there at `frame`.
    pub fn pieces_at(&self, frame: usize) -> Vec<Piece> {
        let gone = self.vanish.filter(|&(_, at)| frame >= at).map(|(o, _)| o);
        let mut out: Vec<Piece> = self
            .statics
            .iter()
            .filter(|p| Some(p.object) != gone)
            .copied()
            .collect();
        for (walker, (_, s)) in self.walkers.iter().zip(self.subjects_at(frame)) {
            out.extend(walker.look.pieces(
                walker.object,
                s.metres,
                s.place.as_vec3(),
                s.ahead.as_vec3(),
            ));
        }
        out
    }

    /// What the ray tracer takes for `frame`.
    pub fn frame(&self, frame: usize) -> TraceParams {
        let camera = self.camera_at(frame);
        let axis = |v: DVec3, w: f32| v.as_vec3().extend(w).to_array();
        let r = camera.pose.rotation;
        let i = camera.intrinsics;
        let light = &self.lighting;
        let params = TraceParams {
            axis_x: axis(r.x_axis, self.gains[frame]),
            axis_y: axis(r.y_axis, 0.0),
            axis_z: axis(r.z_axis, 0.0),
            position: axis(camera.pose.position, 0.0),
            focal: [i.fx, i.fy, i.cx, i.cy].map(|v| v as f32),
            lamp: light.lamp.extend(light.reach).to_array(),
            lamp_colour: light.colour.extend(0.0).to_array(),
            ambient: light.ambient.extend(0.0).to_array(),
            size: self.clip.size,
            ..TraceParams::default()
        };
        let primitives: Vec<Primitive> =
            self.pieces_at(frame).iter().map(Piece::primitive).collect();
        params.with(&primitives)
    }

    /// Image point and depth of a world point at `frame`; `None` outside the picture.
    pub(super) fn sees(&self, frame: usize, p: DVec3) -> Option<(DVec2, f64)> {
        let camera = self.camera_at(frame);
        let c = camera.pose.to_camera(p);
        let uv = camera.intrinsics.project(c)?;
        let [w, h] = self.clip.size.map(f64::from);
        (uv.x >= 0.0 && uv.y >= 0.0 && uv.x < w && uv.y < h).then_some((uv, c.z))
    }

    /// Least level distance of a place (x, z) from the camera's way.
    pub(super) fn off_camera(&self, place: DVec2) -> f64 {
        (0..=16)
            .map(|i| {
                let p = self.camera.pose(f64::from(i) / 16.0).position;
                DVec2::new(p.x, p.z).distance(place)
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// Least level distance of a place from where subjects walk; far where there is nobody.
    pub(super) fn off_stage(&self, place: DVec2) -> f64 {
        if self.understood.subject == Subject::Nobody {
            return f64::INFINITY;
        }
        self.stage.distance(place)
    }

    /// Chooses a pit (least and greatest x, z) where it was drawn: in view, off everyone's way.
    fn pit(&mut self) -> Option<[DVec2; 2]> {
        if !self.drawn(Kind::Hole) {
            return None;
        }
        let mut rng = Rng::stream(self.understood.seed, "pit");
        let (hx, hz) = (f64::from(self.extent.x), f64::from(self.extent.z));
        let middle = self.clip.frames / 2;
        let walked: Vec<DVec2> = match self.understood.subject {
            Subject::Nobody => Vec::new(),
            _ => self.stage.places().collect(),
        };
        for k in 0..2000 {
            // Smaller ones where no large one fits.
            let least = if k < 1000 { 0.45 } else { 0.33 };
            let half = DVec2::new(rng.range(least, 0.7), rng.range(least, 0.7));
            let at = DVec2::new(
                rng.range(-hx + 0.15, hx - 0.15),
                rng.range(-hz + 0.15, hz - 0.15),
            );
            let (min, max) = (at - half, at + half);
            let within =
                max.x < hx - 0.1 && min.x > -hx + 0.1 && max.y < hz - 0.1 && min.y > -hz + 0.1;
            let gap = |p: &DVec2| p.distance(p.clamp(min, max));
            let clear = walked.iter().all(|p| gap(p) > 0.2);
            let corners = [min, DVec2::new(max.x, min.y), max, DVec2::new(min.x, max.y)];
            let seen = corners.iter().all(|c| {
                self.sees(middle, DVec3::new(c.x, 0.0, c.y))
                    .is_some_and(|(_, z)| (0.8..5.5).contains(&z))
            });
            if within && clear && seen && self.off_camera(at) > half.length() {
                self.planted.push(Planted::Hole {
                    min: min.to_array(),
                    max: max.to_array(),
                    depth: f64::from(PIT),
                });
                return Some([min, max]);
            }
        }
        self.notes
            .push("hole: no place in view off everyone's way".to_owned());
        None
    }

    /// Floor (around the pit), walls and ceiling.
    fn shell(&mut self, pit: Option<[DVec2; 2]>) {
        let mut rng = Rng::stream(self.understood.seed, "shell");
        let e = self.extent;
        let deep = Vec3::new(0.0, PIT / 2.0, 0.0);
        let floor = Skin::of(self.understood.floor, &mut rng);
        let walls = Skin::of(self.understood.walls, &mut rng);
        let ceiling = Skin::plain([0.62, 0.62, 0.60], [0.34, 0.34, 0.33], &mut rng).seams(
            [0.9, 0.0, 0.9],
            0.15,
            0.4,
        );
        let id = self.name("floor", Role::Shell);
        let (x, z) = (e.x + 0.2, e.z + 0.2);
        // One texture over all parts: its origin follows the part.
        let mut slab = |min: [f32; 2], max: [f32; 2], casts: bool| {
            let centre = Vec3::new((min[0] + max[0]) / 2.0, 0.0, (min[1] + max[1]) / 2.0) - deep;
            let half = Vec3::new((max[0] - min[0]) / 2.0, 0.0, (max[1] - min[1]) / 2.0) + deep;
            let origin = floor.origin + centre;
            let skin = Skin { origin, ..floor };
            self.statics.push(Piece {
                casts,
                ..Piece::block(id, centre, half, skin)
            });
        };
        if let Some([min, max]) = pit.map(|p| p.map(DVec2::as_vec2)) {
            slab([-x, -z], [min.x, z], true);
            slab([max.x, -z], [x, z], true);
            slab([min.x, -z], [max.x, min.y], true);
            slab([min.x, max.y], [max.x, z], true);
            let id = self.name("pit", Role::Shell);
            let at = (min + max) / 2.0;
            let half = (max - min) / 2.0;
            let black = Skin::plain([0.05; 3], [0.02; 3], &mut rng);
            self.statics.push(Piece {
                casts: false,
                ..Piece::block(
                    id,
                    Vec3::new(at.x, -PIT - 0.1, at.y),
                    Vec3::new(half.x + 0.1, 0.1, half.y + 0.1),
                    black,
                )
            });
        } else {
            slab([-x, -z], [x, z], false);
        }
        let mut wall = |name: &str, centre: Vec3, half: Vec3, skin: Skin| {
            let id = self.name(name, Role::Shell);
            self.statics.push(Piece {
                casts: false,
                ..Piece::block(id, centre, half, skin)
            });
        };
        let up = Vec3::Y * (e.y / 2.0);
        for (name, side) in [("left wall", -1.0), ("right wall", 1.0)] {
            let at = up + Vec3::X * side * (e.x + 0.1);
            let skin = Skin {
                origin: walls.origin + Vec3::X * side * 9.0,
                ..walls
            };
            wall(name, at, Vec3::new(0.1, e.y / 2.0, e.z + 0.2), skin);
        }
        for (name, side) in [("far wall", -1.0), ("near wall", 1.0)] {
            let at = up + Vec3::Z * side * (e.z + 0.1);
            let skin = Skin {
                origin: walls.origin + Vec3::Z * side * 11.0,
                ..walls
            };
            wall(name, at, Vec3::new(e.x + 0.2, e.y / 2.0, 0.1), skin);
        }
        let half = Vec3::new(e.x + 0.2, 0.1, e.z + 0.2);
        wall("ceiling", Vec3::Y * (e.y + 0.1), half, ceiling);
    }

    fn furnish(&mut self, pit: Option<[DVec2; 2]>) {
        let mut rng = Rng::stream(self.understood.seed, "props");
        furnish::panels(self, &mut rng);
        furnish::props(self, pit, &mut rng);
    }

    fn people(&mut self) {
        let mut rng = Rng::stream(self.understood.seed, "subject");
        let around = self.stage.length();
        let first = rng.range(0.0, around);
        // One speed for all: nobody catches up with anybody.
        let speed = rng.range(0.8, 1.05);
        for k in 0..self.understood.count {
            let subject = self.understood.subject;
            let label = match subject {
                Subject::Robot => "robot",
                Subject::Person => "person",
                _ => "ball",
            };
            let name = if k == 0 {
                label.to_owned()
            } else {
                format!("{label} {}", k + 1)
            };
            let object = self.name(&name, Role::Subject);
            self.walkers.push(Walker {
                object,
                look: Look::new(subject, &mut rng),
                start: first + around * f64::from(k) / f64::from(self.understood.count),
                speed,
                jump: None,
            });
        }
    }

    /// Plants what happens over time: flicker, teleport, vanish.
    fn spoil(&mut self) {
        let frames = self.clip.frames;
        let seed = self.understood.seed;
        // A frame well inside the clip; a defect in time needs a before and an after.
        let inside = |rng: &mut Rng| (rng.range(0.35, 0.65) * frames as f64) as usize;
        for kind in [Kind::Flicker, Kind::Teleport, Kind::Vanish] {
            if self.drawn(kind) && frames < 4 {
                self.notes.push(format!("{kind:?}: under 4 frames"));
            }
        }
        if frames < 4 {
            return;
        }
        if self.drawn(Kind::Flicker) {
            let mut rng = Rng::stream(seed, "flicker gains");
            for gain in &mut self.gains {
                if rng.unit() < 0.4 {
                    *gain = if rng.coin() {
                        rng.range32(1.2, 1.5)
                    } else {
                        rng.range32(0.6, 0.82)
                    };
                }
            }
            // At least one jump, whatever the draws.
            self.gains[frames / 2] = 0.6;
            let gains = self.gains.clone();
            self.planted.push(Planted::Flicker { gains });
        }
        if self.drawn(Kind::Teleport) {
            let mut rng = Rng::stream(seed, "teleport place");
            let at = inside(&mut rng);
            // Not onto the other one, who is half the loop away.
            let share = if self.walkers.len() > 1 {
                0.2..0.3
            } else {
                0.3..0.5
            };
            let metres = self.stage.length() * rng.range(share.start, share.end);
            if let Some(mut walker) = self.walkers.first().cloned() {
                let before = self.standing(&walker, at, 0.0).place;
                walker.jump = Some((at, metres));
                let after = self.standing(&walker, at, metres).place;
                self.planted.push(Planted::Teleport {
                    frame: at,
                    object: walker.object,
                    from: before.to_array(),
                    to: after.to_array(),
                });
                self.walkers[0] = walker;
            } else {
                self.notes.push("teleport: there is no subject".to_owned());
            }
        }
        if self.drawn(Kind::Vanish) {
            let at = inside(&mut Rng::stream(seed, "vanish frame"));
            match furnish::most_seen(self, at) {
                Some((object, middle)) => {
                    self.vanish = Some((object, at));
                    self.planted.push(Planted::Vanish {
                        object,
                        name: self.objects[object as usize - 1].name.clone(),
                        frame: at,
                        at: middle.as_dvec3().to_array(),
                    });
                }
                None => self.notes.push("vanish: no prop is in view".to_owned()),
            }
        }
    }
}

/// Half width, height and half length of the place.
fn extent(understood: &Understood, rng: &mut Rng) -> Vec3 {
    let scale = match understood.extent {
        Extent::Small => 0.9,
        Extent::Medium => 1.0,
        Extent::Large => 1.25,
    };
    match understood.place {
        Place::Room => Vec3::new(
            scale * rng.range32(3.5, 4.1),
            scale * rng.range32(2.9, 3.3),
            scale * rng.range32(4.0, 4.8),
        ),
        Place::Corridor => Vec3::new(
            scale * rng.range32(1.5, 1.75),
            rng.range32(2.6, 2.9),
            rng.range32(8.0, 10.0),
        ),
    }
}

fn lighting(understood: &Understood, extent: Vec3, rng: &mut Rng) -> Lighting {
    let (colour, ambient) = match understood.light {
        Light::Neutral => ([1.30, 1.28, 1.22], [0.42, 0.42, 0.44]),
        Light::Bright => ([1.55, 1.52, 1.44], [0.50, 0.51, 0.53]),
        Light::Warm => ([1.45, 1.12, 0.78], [0.47, 0.42, 0.38]),
        Light::Cool => ([1.05, 1.22, 1.45], [0.38, 0.44, 0.54]),
        Light::Dim => ([0.95, 0.85, 0.70], [0.22, 0.22, 0.25]),
    };
    let z = match understood.place {
        Place::Room => rng.range32(-0.2, 0.35) * extent.z,
        Place::Corridor => rng.range32(0.05, 0.35) * extent.z,
    };
    Lighting {
        lamp: Vec3::new(rng.range32(-0.5, 0.5) * extent.x, extent.y - 0.15, z),
        reach: if understood.place == Place::Room {
            5.0
        } else {
            6.5
        },
        colour: colour.into(),
        ambient: ambient.into(),
    }
}
