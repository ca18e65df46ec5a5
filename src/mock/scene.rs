//! Scenes: the place, its props, its light, who moves in it and what is wrong with it, all by prompt and seed.

use glam::{DMat3, DVec2, DVec3, Vec3};
use serde::{Deserialize, Serialize};

use super::body::{Gait, Look};
use super::defects::{self, Draw, Kind, Planted};
use super::faults::{Faults, Reserved};
use super::furnish;
use super::light::Lighting;
use super::path::{self, CameraPath, Circuit};
use super::piece::Piece;
use super::prompt::{Subject, Understood};
use super::shell;
use super::site::Site;
use super::trace::{HAS_SKY, HAS_VEIL, TraceParams};
use crate::camera::{Camera, Pose};
use crate::numeric::Rng;

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
    /// Floor, walls, ceiling, houses, steps.
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
    /// The point under it on the ground, or off it where it floats or sinks; metres.
    pub place: DVec3,
    /// Level unit vector that it faces.
    pub ahead: DVec3,
    /// Metres along its loop.
    pub metres: f64,
}

/// One subject.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    pub object: u32,
    pub look: Look,
    /// Metres along the loop at the start.
    start: f64,
}

/// A whole scene over a clip.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The prompt as it was understood.
    pub understood: Understood,
    /// The clip.
    pub clip: Clip,
    /// All objects; `objects[i].id == i + 1`.
    pub objects: Vec<Object>,
    /// Draws of the defects.
    pub draws: Vec<Draw>,
    /// Defects that are in it.
    pub planted: Vec<Planted>,
    /// What was asked and found no place.
    pub notes: Vec<String>,
    /// Defects that were drawn and did not fit; a part of the truth.
    pub misfits: Vec<String>,
    pub(super) site: Site,
    pub(super) statics: Vec<Piece>,
    pub(super) walkers: Vec<Walker>,
    pub(super) faults: Faults,
    pub(super) reserved: Reserved,
    pub(super) circuit: Circuit,
    camera: CameraPath,
    lighting: Lighting,
}

impl Scene {
    /// Builds the scene of an understood prompt, with defects by its seed. The same input gives the same scene.
    pub fn build(understood: Understood, clip: Clip) -> Self {
        let draws = defects::draw(&understood.prompt, understood.seed);
        Self::planting(understood, clip, draws)
    }

    /// As [`Scene::build`], with the defects of `draws`; see [`defects::exactly`].
    pub fn planting(understood: Understood, clip: Clip, draws: Vec<Draw>) -> Self {
        let seed = understood.seed;
        let site = Site::new(&understood, &mut Rng::stream(seed, "place"));
        let (camera, circuit) = path::plan(&understood, &site, clip.seconds(), seed);
        let light = &mut Rng::stream(seed, "light");
        let lighting = Lighting::new(&understood, &site, circuit.track.middle(), light);
        let mut scene = Self {
            clip,
            objects: Vec::new(),
            planted: Vec::new(),
            notes: Vec::new(),
            misfits: Vec::new(),
            statics: Vec::new(),
            walkers: Vec::new(),
            faults: Faults::none(clip.frames, clip.fps),
            reserved: Reserved::default(),
            site,
            camera,
            circuit,
            lighting,
            draws,
            understood,
        };
        scene.reserve();
        let pit = scene.plan_pit();
        let gap = scene.plan_gap();
        shell::build(&mut scene, pit, gap);
        furnish::props(&mut scene);
        scene.people();
        scene.plan_cut();
        scene.spoil();
        scene.settle_records();
        scene
    }

    /// The same place without anybody in it: what else is seen of it comes of who was there, as shadows and mirror
    /// images do. Objects keep their numbers.
    pub fn deserted(&self) -> Self {
        let mut scene = self.clone();
        scene.walkers.clear();
        scene
    }

    /// Half width, height and half length of the place in metres; the middle of its floor is the origin.
    pub fn extent(&self) -> Vec3 {
        self.site.extent
    }

    /// Height of the ground at (x, z), metres.
    pub fn ground(&self, at: DVec2) -> f64 {
        self.site.ground(at)
    }

    /// Adds an object and returns its number.
    pub(super) fn name(&mut self, name: &str, role: Role) -> u32 {
        let id = self.objects.len() as u32 + 1;
        let name = name.to_owned();
        self.objects.push(Object { id, name, role });
        id
    }

    fn people(&mut self) {
        let mut rng = Rng::stream(self.understood.seed, "subject");
        let around = self.circuit.track.length();
        let total = f64::from(self.understood.count().max(1));
        for cast in self.understood.subjects.clone() {
            let label = match cast.subject {
                Subject::Robot => "robot",
                Subject::Person => "person",
                Subject::Vehicle => "vehicle",
                Subject::Ball | Subject::Nobody => "ball",
            };
            for _ in 0..cast.count {
                let of_kind = |o: &&Object| o.role == Role::Subject && o.name.starts_with(label);
                let name = match self.objects.iter().filter(of_kind).count() {
                    0 => label.to_owned(),
                    k => format!("{label} {}", k + 1),
                };
                let object = self.name(&name, Role::Subject);
                let start = self.circuit.first + around * self.walkers.len() as f64 / total;
                self.walkers.push(Walker {
                    object,
                    look: Look::new(&cast, self.understood.place, &mut rng),
                    start,
                });
            }
        }
    }

    /// Seconds of the scene that `frame` shows, `offset` frames later.
    fn time(&self, frame: usize, offset: f64) -> f64 {
        let last = self.faults.times.len() - 1;
        self.faults.times[frame.min(last)] + offset / self.clip.fps
    }

    /// The camera's pose at `frame`, `offset` frames later.
    fn pose(&self, frame: usize, offset: f64) -> Pose {
        let pose = self.camera.pose(self.time(frame, offset));
        match self.faults.cut {
            Some((from, by)) if frame >= from => self.aside(pose, by),
            _ => pose,
        }
    }

    /// The pose of a second camera that stands `by` metres to the right and looks at the same things.
    fn aside(&self, pose: Pose, by: f64) -> Pose {
        let turn = (0.45 * by / 3.0).atan();
        Pose {
            position: pose.position + by * pose.rotation.x_axis,
            rotation: DMat3::from_rotation_y(turn) * pose.rotation,
        }
    }

    /// The camera at `frame`: metric, depth scale 1 and shift 0.
    pub fn camera_at(&self, frame: usize) -> Camera {
        let [width, height] = self.clip.size;
        Camera {
            frame,
            time: frame as f64 / self.clip.fps,
            intrinsics: self.camera.intrinsics(width, height),
            pose: self.pose(frame, 0.0),
            depth_scale: 1.0,
            depth_shift: 0.0,
        }
    }

    /// Where each subject is at `frame`, as (object, standing).
    pub fn subjects_at(&self, frame: usize) -> Vec<(u32, Standing)> {
        (0..self.walkers.len())
            .map(|k| (self.walkers[k].object, self.standing(k, frame, 0.0)))
            .collect()
    }

    fn standing(&self, walker: usize, frame: usize, offset: f64) -> Standing {
        let t = self.time(frame, offset);
        let speed = self.circuit.speed;
        let metres =
            self.walkers[walker].start + speed * t + self.faults.astray(walker, frame, t, speed);
        let (at, ahead) = self.circuit.track.at(metres);
        let lift = self
            .faults
            .lift
            .filter(|l| l.walker == walker && frame >= l.from)
            .map_or(0.0, |l| l.measure);
        Standing {
            place: DVec3::new(at.x, self.site.ground(at) + lift, at.y),
            ahead: DVec3::new(ahead.x, 0.0, ahead.y),
            metres,
        }
    }

    /// Every shape at `frame`, always the same ones in the same order; one that is gone says so.
    pub fn pieces_at(&self, frame: usize) -> Vec<Piece> {
        self.pieces(frame, 0.0)
    }

    fn pieces(&self, frame: usize, offset: f64) -> Vec<Piece> {
        let mut out: Vec<Piece> = self.statics.iter().map(|p| self.spoilt(p, frame)).collect();
        for (k, walker) in self.walkers.iter().enumerate() {
            let s = self.standing(k, frame, offset);
            let (at, _) = self.circuit.track.at(s.metres);
            let lift = s.place.y - self.site.ground(at);
            // A point along the way, to the side of it, on the ground under it.
            let ground = |metres: f64, aside: f64| {
                let (p, ahead) = self.circuit.track.at(s.metres + metres);
                // The body faces its way with x to its left, as its own axes are right-handed and y up.
                let p = p + aside * DVec2::new(ahead.y, -ahead.x);
                DVec3::new(p.x, self.site.ground(p) + lift, p.y)
            };
            let gait = Gait {
                metres: s.metres,
                place: s.place,
                ahead: s.ahead,
                ground: &ground,
            };
            let (look, girth) = match &self.faults.drift {
                Some((who, to, share, [from, end])) if *who == k => {
                    let u = (frame.saturating_sub(*from)) as f32 / (end - from) as f32;
                    let share = share * u.min(1.0);
                    (walker.look.drifted(to, share), 1.0 + 0.35 * share)
                }
                _ => (walker.look.clone(), 1.0),
            };
            out.extend(look.pieces(walker.object, &gait, girth));
        }
        out
    }

    /// The pane that is hardly visible, where one stands in the way; it is not among the pieces.
    pub fn pane(&self) -> Option<Piece> {
        self.faults.veil.map(|veil| veil.piece)
    }

    /// What the ray tracer takes for `frame`.
    pub fn frame(&self, frame: usize) -> TraceParams {
        self.exposure(frame, 0.0)
    }

    /// What the ray tracer takes for the moment `offset` frames after `frame`, for motion blur.
    pub fn exposure(&self, frame: usize, offset: f64) -> TraceParams {
        let pose = self.pose(frame, offset);
        let [width, height] = self.clip.size;
        let i = self.camera.intrinsics(width, height);
        let axis = |v: DVec3, w: f32| v.as_vec3().extend(w).to_array();
        let r = pose.rotation;
        let light = &self.lighting;
        let open =
            self.understood.outdoors() || self.planted.iter().any(|p| p.kind == Kind::OpenBoundary);
        let mut params = TraceParams {
            axis_x: axis(r.x_axis, self.faults.gains[frame]),
            axis_y: axis(r.y_axis, 0.0),
            axis_z: axis(r.z_axis, 0.0),
            position: axis(pose.position, 0.0),
            focal: [i.fx, i.fy, i.cx, i.cy].map(|v| v as f32),
            lamp: light.lamp.extend(light.reach).to_array(),
            lamp_colour: light.colour.extend(light.radius).to_array(),
            ambient: light.ambient.extend(light.fog).to_array(),
            zenith: light.zenith.extend(light.clouds).to_array(),
            horizon: light.horizon.extend(light.glow).to_array(),
            size: self.clip.size,
            flags: [if open { HAS_SKY } else { 0 }, 0, 0, 0],
            ..TraceParams::default()
        };
        if let Some(veil) = &self.faults.veil {
            let (_, it) = veil.piece.primitive();
            params.veil_x = it.row_x;
            params.veil_y = it.row_y;
            params.veil_z = it.row_z;
            params.veil = [it.size[0], it.size[1], it.size[2], veil.opacity];
            params.veil_paint = it.paint;
            params.flags[0] |= HAS_VEIL;
        }
        let primitives: Vec<_> = self
            .pieces(frame, offset)
            .iter()
            .map(Piece::primitive)
            .collect();
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

    /// Least level distance of a place (x, z) from the camera's way, and from a second camera's at its farthest.
    pub(super) fn off_camera(&self, place: DVec2) -> f64 {
        self.camera
            .samples()
            .flat_map(|t| {
                let pose = self.camera.pose(t);
                let second = self
                    .reserved
                    .second_camera
                    .map(|(_, by)| self.aside(pose, by));
                [Some(pose), second]
            })
            .flatten()
            .map(|pose| DVec2::new(pose.position.x, pose.position.z).distance(place))
            .fold(f64::INFINITY, f64::min)
    }

    /// Half the width of the widest subject, metres.
    pub(super) fn breadth(&self) -> f64 {
        let looks = self.understood.subjects.iter();
        looks
            .map(|cast| Look::new(cast, self.understood.place, &mut Rng::stream(0, "")).breadth())
            .fold(0.32, f64::max)
    }

    /// Least level distance of a place from where subjects go; far where there is nobody.
    pub(super) fn off_circuit(&self, place: DVec2) -> f64 {
        if self.understood.count() == 0 {
            return f64::INFINITY;
        }
        self.circuit.track.distance(place) - self.breadth()
    }
}
