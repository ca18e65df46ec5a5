//! A room with balls, one of which moves by itself: exact depth and flow by ray casting, then noise.

use glam::{DMat3, DVec2, DVec3};
use sora_director::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use sora_director::depth::{DepthKind, DepthMap, DepthMaps};
use sora_director::motion::{FlowPair, Pairs};

use crate::common::Rng;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 96;

/// What a solve is given, and what it should find.
#[derive(Clone)]
pub struct Clip {
    pub motion: Pairs,
    pub depths: DepthMaps,
    pub truth: Cameras,
    pub intrinsics: Intrinsics,
    /// True depth of each frame's pixels.
    pub depth_truth: Vec<Vec<f64>>,
}

/// A camera that walks and turns; its first pose is the gauge.
pub fn truth(frames: usize, intrinsics: Intrinsics) -> Cameras {
    let cameras = (0..frames)
        .map(|frame| {
            let s = frame as f64;
            let turn = DMat3::from_euler(
                glam::EulerRot::YXZ,
                0.03 * s,
                0.06 * (0.5 * s).sin(),
                0.01 * s,
            );
            Camera {
                frame,
                time: s / 24.0,
                intrinsics,
                pose: Pose {
                    rotation: Pose::gauge().rotation * turn,
                    position: Pose::gauge().rotation
                        * DVec3::new(0.05 * s, 0.04 * (0.7 * s).sin(), 0.045 * s),
                },
                depth_scale: 1.0,
                depth_shift: 0.0,
            }
        })
        .collect();
    Cameras::known(cameras, LengthUnit::Metres)
}

/// Balls that stay, so that the far wall does not fill the view: one plane alone leaves the pose ambiguous.
const STILL: [([f64; 3], f64); 6] = [
    ([-0.9, 0.4, -2.0], 0.5),
    ([0.9, 0.6, -2.6], 0.55),
    ([-0.5, -0.6, -3.0], 0.5),
    ([1.3, -0.6, -2.1], 0.45),
    ([0.1, 0.75, -1.9], 0.35),
    ([-1.2, -0.4, -2.2], 0.4),
];

fn ball(frame: usize) -> DVec3 {
    DVec3::new(0.5 - 0.05 * frame as f64, -0.2, -2.2)
}

/// How far off the sky is.
pub const SKY: f64 = 1e6;

/// As [`cast`], of a room whose walls are .2 high, under the sky.
fn cast_open(origin: DVec3, direction: DVec3, frame: usize) -> (f64, bool) {
    let (t, moves) = cast(origin, direction, frame);
    let ball = moves
        || STILL.iter().any(|(centre, radius)| {
            (origin + t * direction).distance(DVec3::from_array(*centre)) < radius + 1e-6
        });
    match !ball && origin.y + t * direction.y > -0.9 {
        true => (SKY, false),
        false => (t, moves),
    }
}

/// Distance along a ray to the room's walls or the ball, and whether it is the ball.
fn cast(origin: DVec3, direction: DVec3, frame: usize) -> (f64, bool) {
    let (low, high) = (DVec3::new(-1.6, -1.1, -4.0), DVec3::new(2.2, 1.3, 2.0));
    let mut wall = f64::INFINITY;
    for axis in 0..3 {
        let d = direction[axis];
        let t = if d > 0.0 {
            (high[axis] - origin[axis]) / d
        } else {
            (low[axis] - origin[axis]) / d
        };
        wall = wall.min(t);
    }
    let mut nearest = (wall, false);
    let moving = (ball(frame), 0.2, true);
    for (centre, radius, moves) in STILL
        .map(|(c, r)| (DVec3::from_array(c), r, false))
        .into_iter()
        .chain([moving])
    {
        let to = centre - origin;
        let (a, b) = (direction.length_squared(), to.dot(direction));
        let disc = b * b - a * (to.length_squared() - radius * radius);
        if disc > 0.0 {
            let t = (b - disc.sqrt()) / a;
            if t > 0.0 && t < nearest.0 {
                nearest = (t, moves);
            }
        }
    }
    nearest
}

/// What a ray meets in a frame.
type Cast = fn(DVec3, DVec3, usize) -> (f64, bool);

/// Depth, and the flow to the frame `to`, of every pixel of frame `from`.
fn view(truth: &Cameras, from: usize, to: usize, cast: Cast) -> (Vec<f64>, Vec<DVec2>) {
    let (a, b) = (&truth.cameras[from], &truth.cameras[to]);
    let mut depth = Vec::new();
    let mut flow = Vec::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let pixel = DVec2::new(f64::from(x) + 0.5, f64::from(y) + 0.5);
            let ray = a.pose.rotation * a.intrinsics.unproject(pixel.x, pixel.y, 1.0);
            let (t, moves) = cast(a.pose.position, ray, from);
            let mut point = a.pose.position + t * ray;
            if moves {
                point += ball(to) - ball(from);
            }
            depth.push(t);
            let target = b.intrinsics.project(b.pose.to_camera(point));
            flow.push(target.map_or(DVec2::splat(1e4), |p| p - pixel));
        }
    }
    (depth, flow)
}

/// Flow with noise of .05 px (as .2 px at a width of 640); metric depth is exact and `known`, relative depth
/// has 2% of noise and another scale and shift in each frame.
pub fn scene(frames: usize, kind: DepthKind) -> Clip {
    film(truth(frames, intrinsics()), kind)
}

/// The lens of the scene's cameras.
pub fn intrinsics() -> Intrinsics {
    Intrinsics::from_fov_x(WIDTH, HEIGHT, 63f64.to_radians())
}

/// Where each pixel of a frame looks, of length 1 along the axis.
fn rays(camera: &Camera) -> impl Iterator<Item = DVec3> + '_ {
    let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    pixels.map(|(x, y)| {
        let [u, v] = [x, y].map(|at| f64::from(at) + 0.5);
        camera.pose.rotation * camera.intrinsics.unproject(u, v, 1.0)
    })
}

/// Whether each pixel of a frame is of the ball that moves.
pub fn moves(truth: &Cameras, frame: usize) -> Vec<bool> {
    let camera = &truth.cameras[frame];
    rays(camera)
        .map(|ray| cast(camera.pose.position, ray, frame).1)
        .collect()
}

/// Grey levels of a frame: a pattern that is painted on the walls and the balls.
pub fn picture(truth: &Cameras, frame: usize) -> Vec<f32> {
    let camera = &truth.cameras[frame];
    let painted = |ray: DVec3| {
        let (t, moves) = cast(camera.pose.position, ray, frame);
        let mut p = camera.pose.position + t * ray;
        if moves {
            p -= ball(frame);
        }
        let coarse = (11.0 * p.x + 2.0 * p.z).sin() * (13.0 * p.y - 3.0 * p.z).cos();
        let fine = (17.0 * p.z + 9.0 * p.x).sin() + (19.0 * p.y + 7.0 * p.x).sin();
        (128.0 + 50.0 * coarse + 25.0 * fine) as f32
    };
    rays(camera).map(painted).collect()
}

/// As [`scene`], by these cameras.
pub fn film(truth: Cameras, kind: DepthKind) -> Clip {
    shot(truth, kind, cast)
}

/// As [`film`], under the sky, whose relative inverse depth is 0.
pub fn outside(truth: Cameras, kind: DepthKind) -> Clip {
    shot(truth, kind, cast_open)
}

fn shot(truth: Cameras, kind: DepthKind, cast: Cast) -> Clip {
    let (frames, intrinsics) = (truth.cameras.len(), truth.cameras[0].intrinsics);
    let mut rng = Rng(7);
    let mut noisy = |from, to| {
        let (_, flow) = view(&truth, from, to, cast);
        flow.iter()
            .map(|f| {
                [
                    f.x as f32 + 0.05 * rng.normal(),
                    f.y as f32 + 0.05 * rng.normal(),
                ]
            })
            .collect::<Vec<[f32; 2]>>()
    };
    let mut pairs = Vec::new();
    for span in [1, 2, 4, 8] {
        for a in 0..frames.saturating_sub(span) {
            let (forward, backward) = (noisy(a, a + span), noisy(a + span, a));
            pairs.push(FlowPair {
                a,
                b: a + span,
                valid: vec![1; forward.len()],
                forward,
                backward,
                consistent: 1.0,
            });
        }
    }
    let depth_truth: Vec<Vec<f64>> = (0..frames).map(|k| view(&truth, k, k, cast).0).collect();
    let maps = depth_truth
        .iter()
        .enumerate()
        .map(|(k, depth)| {
            let values = depth.iter().map(|&z| match kind {
                DepthKind::Metric => z as f32,
                // The room's inverse depth is about .4; shift over scale times median is about 1.5.
                DepthKind::RelativeInverse => {
                    let scale = 0.08 * (1.0 + 0.1 * (k as f64).sin());
                    let value = ((1.0 / z - 0.15) / scale) as f32;
                    // A network's answer ends at 0.
                    let value = if z < SKY { value } else { 0.0 };
                    value * (1.0 + 0.02 * rng.normal())
                }
            });
            Some(DepthMap {
                width: WIDTH,
                height: HEIGHT,
                values: values.collect(),
            })
        })
        .collect();
    Clip {
        motion: Pairs {
            width: WIDTH,
            height: HEIGHT,
            times: truth.cameras.iter().map(|c| c.time).collect(),
            luma: Vec::new(),
            pairs,
        },
        depths: DepthMaps {
            kind,
            model: if kind == DepthKind::Metric {
                "known"
            } else {
                "made"
            }
            .into(),
            maps,
        },
        truth,
        intrinsics,
        depth_truth,
    }
}
