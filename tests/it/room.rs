//! A room whose geometry is known exactly, seen by exact cameras: ground truth for the world and the agents.

use glam::{DMat3, DVec3};
use sora_director::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use sora_director::world::DepthView;

/// Half extent along x and z, and height, in metres.
pub const HALF: [f64; 2] = [2.5, 3.0];
pub const CEILING: f64 = 2.6;
const PIT: f64 = 0.9;

/// Axis-aligned box.
pub type Box3 = [[f64; 3]; 2];

/// What stands in the room, and what is missing from its floor.
#[derive(Clone, Default)]
pub struct Room {
    pub boxes: Vec<Box3>,
    /// Holes as low and high corners in x, z.
    pub holes: Vec<[[f64; 2]; 2]>,
}

impl Room {
    /// A table-sized block and a low bench on the floor, nothing wrong.
    pub fn sound() -> Self {
        Self {
            boxes: vec![
                [[1.2, 0.0, -2.4], [2.0, 0.8, -1.4]],
                [[-2.3, 0.0, 1.2], [-1.7, 0.45, 2.4]],
            ],
            holes: Vec::new(),
        }
    }

    fn hole_at(&self, x: f64, z: f64) -> Option<&[[f64; 2]; 2]> {
        self.holes
            .iter()
            .find(|[a, b]| x > a[0] && x < b[0] && z > a[1] && z < b[1])
    }

    /// Distance along a unit direction to the first surface.
    pub fn hit(&self, o: DVec3, d: DVec3) -> f64 {
        let room = inside(o, d, [-HALF[0], 0.0, -HALF[1]], [HALF[0], CEILING, HALF[1]]);
        let mut best = room;
        let p = o + d * room;
        if p.y < 1e-6
            && let Some([a, b]) = self.hole_at(p.x, p.z)
        {
            best = room + inside(p, d, [a[0], -PIT, a[1]], [b[0], 0.0, b[1]]).max(0.0);
        }
        for [low, high] in &self.boxes {
            if let Some(t) = outside(o, d, *low, *high) {
                best = best.min(t);
            }
        }
        best
    }

    /// What a camera sees.
    pub fn view(&self, camera: Camera, width: u32, height: u32) -> DepthView {
        let k = camera.intrinsics.resized(width, height);
        let depth = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| {
                let ray = k.unproject(f64::from(x) + 0.5, f64::from(y) + 0.5, 1.0);
                let length = ray.length();
                let d = camera.pose.rotation * (ray / length);
                (self.hit(camera.pose.position, d) / length) as f32
            })
            .collect();
        DepthView {
            camera,
            width,
            height,
            depth,
            alpha: vec![1.0; (width * height) as usize],
            colour: Vec::new(),
            moving: Vec::new(),
            under: Vec::new(),
            held_out: false,
        }
    }

    pub fn views(&self, cameras: &Cameras, width: u32, height: u32) -> Vec<DepthView> {
        let views = cameras.cameras.iter();
        views.map(|c| self.view(*c, width, height)).collect()
    }
}

/// Exit of a box from inside.
fn inside(o: DVec3, d: DVec3, low: [f64; 3], high: [f64; 3]) -> f64 {
    (0..3)
        .filter(|&a| d[a] != 0.0)
        .map(|a| ((if d[a] > 0.0 { high[a] } else { low[a] }) - o[a]) / d[a])
        .fold(f64::INFINITY, f64::min)
}

fn outside(o: DVec3, d: DVec3, low: [f64; 3], high: [f64; 3]) -> Option<f64> {
    let (mut enter, mut leave) = (0.0f64, f64::INFINITY);
    for a in 0..3 {
        let (p, q) = ((low[a] - o[a]) / d[a], (high[a] - o[a]) / d[a]);
        enter = enter.max(p.min(q));
        leave = leave.min(p.max(q));
    }
    (enter < leave && enter > 0.0).then_some(enter)
}

/// Looks from `eye` to `target`, +Y up.
pub fn look(eye: DVec3, target: DVec3) -> Pose {
    let z = (target - eye).normalize();
    let x = z.cross(DVec3::Y).normalize();
    Pose {
        rotation: DMat3::from_cols(x, z.cross(x), z),
        position: eye,
    }
}

/// Cameras at 1.4 m that go round the room and look across it, down and up in turns.
pub fn cameras(count: usize) -> Cameras {
    let intrinsics = Intrinsics::from_fov_x(640, 480, 80f64.to_radians());
    let at = |i: usize| {
        let a = i as f64 / count as f64 * std::f64::consts::TAU;
        let eye = DVec3::new(1.0 * a.cos(), 1.4, 1.4 * a.sin());
        let far = DVec3::new(
            -2.2 * a.cos(),
            if i % 3 == 2 { 1.6 } else { 0.1 },
            -2.5 * a.sin(),
        );
        Camera {
            frame: i,
            time: i as f64 / 8.0,
            intrinsics,
            pose: look(eye, far),
            depth_scale: 1.0,
            depth_shift: 0.0,
        }
    };
    Cameras::known((0..count).map(at).collect(), LengthUnit::Metres)
}
