//! Viewpoints inside a cloud of splats of which no camera is known.

use std::collections::VecDeque;

use glam::{DMat3, DVec3};

use crate::camera::{Camera, Cameras, Intrinsics, LengthUnit, Pose};
use crate::numeric::median;
use crate::splat::Splats;

/// Viewpoints, at most.
pub(super) const MOST: usize = 10;
/// Views of a viewpoint: the faces of a cube, a little wider.
pub(super) const FACES: usize = 6;
const FIELD_DEGREES: f64 = 100.0;
/// Cells along the longest side of the cloud.
const CELLS: usize = 48;
/// Share of the splats that lie outside its bounds, on each side of each axis.
const OUTSIDE: f64 = 0.02;
/// What lies farther from the middle of a cloud than the median times this is its sky, and no part of the place.
const SKY: f64 = 6.0;
/// A viewpoint has at least this share of the most that is clear around any.
const CLEAR: f64 = 0.45;
/// A side of a view is not larger.
const SIDE: u32 = 256;

/// Ways up that are tried, likeliest first, with their names.
pub(super) const WAYS_UP: [(&str, DVec3); 6] = [
    ("+Y", DVec3::Y),
    ("-Y", DVec3::NEG_Y),
    ("+Z", DVec3::Z),
    ("-Z", DVec3::NEG_Z),
    ("+X", DVec3::X),
    ("-X", DVec3::NEG_X),
];

/// A grid over a cloud.
struct Grid {
    low: DVec3,
    cell: f64,
    dims: [usize; 3],
    filled: Vec<bool>,
}

impl Grid {
    /// Cells with splats that hide more than half of what is behind; all splats count where none does.
    fn of(splats: &Splats) -> Option<Self> {
        let solid = splats.opacity_logits.iter().any(|o| *o > 0.0);
        let mut points: Vec<DVec3> = splats
            .positions
            .iter()
            .zip(&splats.opacity_logits)
            .filter(|(_, o)| !solid || **o > 0.0)
            .map(|(p, _)| DVec3::from(p.map(f64::from)))
            .filter(|p| p.is_finite())
            .collect();
        let middle = [0, 1, 2].map(|a| {
            let mut line: Vec<f64> = points.iter().map(|p| p[a]).collect();
            median(&mut line).unwrap_or(0.0)
        });
        let middle = DVec3::from_array(middle);
        let mut far: Vec<f64> = points.iter().map(|p| p.distance(middle)).collect();
        let reach = SKY * median(&mut far).unwrap_or(0.0);
        points.retain(|p| p.distance(middle) <= reach);
        let mut bounds = [[0.0; 2]; 3];
        for (a, bound) in bounds.iter_mut().enumerate() {
            let mut line: Vec<f64> = points.iter().map(|p| p[a]).collect();
            line.sort_by(f64::total_cmp);
            let last = line.len().checked_sub(1)?;
            let off = (last as f64 * OUTSIDE) as usize;
            *bound = [line[off], line[last - off]];
        }
        let low = DVec3::from_array(bounds.map(|b| b[0]));
        let size = DVec3::from_array(bounds.map(|b| b[1] - b[0]));
        let cell = size.max_element() / CELLS as f64;
        if !(cell > 0.0 && cell.is_finite()) {
            return None;
        }
        let dims = size
            .to_array()
            // What lies on the upper bound has a cell too.
            .map(|s| ((s / cell).floor() as usize + 1).min(CELLS + 1));
        let mut grid = Self {
            low,
            cell,
            dims,
            filled: vec![false; dims.iter().product()],
        };
        for p in points {
            if let Some(i) = grid.index(((p - low) / cell).to_array().map(|x| x.floor() as i64)) {
                grid.filled[i] = true;
            }
        }
        Some(grid)
    }

    fn index(&self, p: [i64; 3]) -> Option<usize> {
        let inside = (0..3).all(|a| (0..self.dims[a] as i64).contains(&p[a]));
        let [x, y, z] = p.map(|a| a as usize);
        inside.then(|| x + self.dims[0] * (y + self.dims[1] * z))
    }

    fn coordinates(&self, i: usize) -> [i64; 3] {
        let [nx, ny, _] = self.dims;
        [i % nx, i / nx % ny, i / nx / ny].map(|a| a as i64)
    }

    fn place(&self, i: usize) -> DVec3 {
        let p = self.coordinates(i).map(|a| a as f64 + 0.5);
        self.low + DVec3::from_array(p) * self.cell
    }

    /// Steps from each cell to the nearest that is filled; the largest number where none is.
    fn clearance(&self) -> Vec<u32> {
        let mut far = vec![u32::MAX; self.filled.len()];
        let mut open: VecDeque<usize> = (0..far.len()).filter(|&i| self.filled[i]).collect();
        for &i in &open {
            far[i] = 0;
        }
        while let Some(i) = open.pop_front() {
            let p = self.coordinates(i);
            for step in STEPS {
                let next = self.index([p[0] + step[0], p[1] + step[1], p[2] + step[2]]);
                if let Some(j) = next.filter(|&j| far[j] == u32::MAX) {
                    far[j] = far[i] + 1;
                    open.push_back(j);
                }
            }
        }
        far
    }

    /// Of the six ways along the axes those that end at a filled cell.
    fn enclosed(&self, i: usize) -> usize {
        let meets = |step: &&[i64; 3]| {
            let mut p = self.coordinates(i);
            loop {
                p = std::array::from_fn(|a| p[a] + step[a]);
                match self.index(p) {
                    Some(j) if self.filled[j] => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
        };
        STEPS.iter().filter(meets).count()
    }
}

const STEPS: [[i64; 3]; 6] = [
    [1, 0, 0],
    [-1, 0, 0],
    [0, 1, 0],
    [0, -1, 0],
    [0, 0, 1],
    [0, 0, -1],
];

/// At most `most` places that are clear and have splats on as many sides as any, far from each other. The same cloud gives
/// the same ones. `None` where no cell is clear.
pub(super) fn inside(splats: &Splats, most: usize) -> Option<Vec<DVec3>> {
    let grid = Grid::of(splats)?;
    let clear = grid.clearance();
    let open: Vec<(usize, usize)> = (0..clear.len())
        .filter(|&i| clear[i] >= 2 && clear[i] < u32::MAX)
        .map(|i| (i, grid.enclosed(i)))
        .collect();
    let sides = open.iter().map(|o| o.1).max()?;
    // Rooms without a ceiling, or a wall, are as good as closed ones.
    let within: Vec<usize> = open
        .into_iter()
        .filter(|o| o.1 + 1 >= sides)
        .map(|o| o.0)
        .collect();
    let widest = within.iter().map(|&i| clear[i]).max()?;
    let within: Vec<usize> = within
        .into_iter()
        .filter(|&i| f64::from(clear[i]) >= CLEAR * f64::from(widest))
        .collect();
    let first = within.iter().copied().find(|&i| clear[i] == widest)?;
    let mut chosen = vec![grid.place(first)];
    let mut apart: Vec<f64> = within
        .iter()
        .map(|&i| grid.place(i).distance(chosen[0]))
        .collect();
    while chosen.len() < most {
        let Some((k, &far)) = apart
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)))
        else {
            break;
        };
        if far < 4.0 * grid.cell {
            break;
        }
        let place = grid.place(within[k]);
        for (apart, &i) in apart.iter_mut().zip(&within) {
            *apart = apart.min(grid.place(i).distance(place));
        }
        chosen.push(place);
    }
    Some(chosen)
}

/// Cameras that look from each place along the axes, with a way up. Those of other ways up look along the same axes.
pub(super) fn around(places: &[DVec3], up: DVec3, size: u32) -> Cameras {
    let intrinsics = Intrinsics::from_fov_x(
        size.clamp(16, SIDE),
        size.clamp(16, SIDE),
        FIELD_DEGREES.to_radians(),
    );
    let axes = WAYS_UP.map(|w| w.1);
    let flat = axes
        .into_iter()
        .find(|a| a.dot(up).abs() < 0.5)
        .unwrap_or(DVec3::X);
    let camera = |k: usize| {
        let z = axes[k % FACES];
        // Level views have the way up; of the two along it one's up is the other's down.
        let down = match z.dot(up) {
            d if d > 0.5 => flat,
            d if d < -0.5 => -flat,
            _ => -up,
        };
        Camera {
            frame: k,
            time: 0.0,
            intrinsics,
            pose: Pose {
                rotation: DMat3::from_cols(down.cross(z), down, z),
                position: places[k / FACES],
            },
            depth_scale: 1.0,
            depth_shift: 0.0,
        }
    };
    let cameras: Vec<Camera> = (0..FACES * places.len()).map(camera).collect();
    Cameras::known(cameras, LengthUnit::Arbitrary)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splats on the walls, floor and ceiling of a box.
    fn shell(size: [f32; 3]) -> Splats {
        let mut splats = Splats::default();
        let n = 60;
        for i in 0..n * n {
            let (u, v) = (
                (i % n) as f32 / (n - 1) as f32,
                (i / n) as f32 / (n - 1) as f32,
            );
            for a in 0..3 {
                for side in [0.0, 1.0] {
                    let mut p = [0.0; 3];
                    (p[a], p[(a + 1) % 3], p[(a + 2) % 3]) = (side, u, v);
                    splats
                        .positions
                        .push(std::array::from_fn(|a| p[a] * size[a]));
                    splats.log_scales.push([-3.0; 3]);
                    splats.rotations.push([1.0, 0.0, 0.0, 0.0]);
                    splats.opacity_logits.push(3.0);
                    splats.sh.push([0.0; 3]);
                }
            }
        }
        splats
    }

    #[test]
    fn viewpoints_lie_inside_and_apart_and_look_all_ways() {
        let places = inside(&shell([6.0, 2.5, 4.0]), 6).expect("places");
        assert!((3..=6).contains(&places.len()), "{places:?}");
        for (i, p) in places.iter().enumerate() {
            assert!(p.cmpgt(DVec3::ZERO).all() && p.cmplt(DVec3::new(6.0, 2.5, 4.0)).all());
            assert!(
                places[..i].iter().all(|q| q.distance(*p) > 0.4),
                "{places:?}"
            );
        }
        assert_eq!(inside(&shell([6.0, 2.5, 4.0]), 6).expect("again"), places);
        for (name, up) in WAYS_UP {
            let cameras = around(&places, up, 100).cameras;
            let mean: DVec3 = cameras.iter().map(|c| -c.pose.rotation.y_axis).sum();
            assert!(mean.normalize().dot(up) > 0.999, "{name}: {mean}");
            for (camera, axis) in cameras.iter().zip(WAYS_UP.iter().cycle()) {
                let r = camera.pose.rotation;
                assert!((r.determinant() - 1.0).abs() < 1e-9 && r.z_axis == axis.1);
            }
        }
    }

    #[test]
    fn a_sky_far_off_moves_no_viewpoint() {
        let mut splats = shell([6.0, 2.5, 4.0]);
        let wanted = inside(&splats, 6).expect("places");
        // A dome of a quarter of all splats, sixty units off.
        for i in 0..splats.len() / 3 {
            let turn = i as f32 * 2.4;
            let up = (i % 97) as f32 / 97.0;
            let flat = (1.0 - up * up).sqrt();
            let at = [
                3.0 + 60.0 * flat * turn.cos(),
                60.0 * up,
                2.0 + 60.0 * flat * turn.sin(),
            ];
            splats.positions.push(at);
            splats.log_scales.push([-1.0; 3]);
            splats.rotations.push([1.0, 0.0, 0.0, 0.0]);
            splats.opacity_logits.push(3.0);
            splats.sh.push([0.0; 3]);
        }
        let found = inside(&splats, 6).expect("places");
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(found.distance(*wanted) < 0.3, "{found} {wanted}");
        }
    }

    #[test]
    fn clouds_without_room_have_no_viewpoints() {
        let mut splats = shell([1.0; 3]);
        for p in &mut splats.positions {
            *p = [1.0; 3];
        }
        assert_eq!(inside(&splats, 4), None);
        assert_eq!(inside(&Splats::default(), 4), None);
    }
}
