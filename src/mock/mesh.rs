//! Meshes of pieces: closed triangle surfaces, as truth for whoever compares geometry.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use glam::{DVec3, Mat3, Vec3};

use super::piece::{Piece, Shape};
use super::terrain;

/// Sectors of a ball's triangulation: the k-th ring from a pole has so many times k points.
const SECTORS: u32 = 6;
/// Rings from pole to equator, at most; keeps 0.2 % of any radius with 3900 triangles.
const MOST_RINGS: u32 = 18;
/// Greatest angle between a ball's triangle and its rim's normal, times the rings: half the hypotenuse of a ring's
/// height (pi / 2) and the widest spacing (pi^2 / 6, near the poles).
const WIDEST: f64 = 1.137;

/// Triangles, wound counter-clockwise seen from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Points in metres.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals that point outwards, one a point.
    pub normals: Vec<[f32; 3]>,
    /// Three points a triangle.
    pub indices: Vec<u32>,
}

impl Mesh {
    /// Adds all of `other`.
    pub fn append(&mut self, other: &Mesh) {
        let first = self.positions.len() as u32;
        self.positions.extend_from_slice(&other.positions);
        self.normals.extend_from_slice(&other.normals);
        self.indices.extend(other.indices.iter().map(|i| first + i));
    }

    /// Corners of each triangle.
    pub fn triangles(&self) -> impl Iterator<Item = [[f32; 3]; 3]> + '_ {
        let (corners, _) = self.indices.as_chunks::<3>();
        corners
            .iter()
            .map(|c| c.map(|i| self.positions[i as usize]))
    }

    fn push(&mut self, at: Vec3, normal: Vec3) -> u32 {
        self.positions.push(at.to_array());
        self.normals.push(normal.to_array());
        self.positions.len() as u32 - 1
    }

    /// A flat convex polygon, counter-clockwise seen from outside, with its own points.
    fn flat<const N: usize>(&mut self, corners: [Vec3; N]) {
        let [a, b, c, ..] = corners.as_slice() else {
            return;
        };
        let normal = (b - a).cross(c - a).normalize_or(Vec3::Y);
        let at = corners.map(|p| self.push(p, normal));
        for k in 2..N {
            self.indices.extend([at[0], at[k - 1], at[k]]);
        }
    }
}

/// Distance in metres that a round surface's triangles may have from it.
pub fn tolerance(radius: f32) -> f32 {
    0.0005 + 0.002 * radius
}

/// A closed mesh of `shape` about its own middle, along its own axes, in metres: points lie on the shape's surface,
/// triangles within [`tolerance`] of it. Boxes and terrain are exact and have flat normals, round surfaces the
/// surface's own. A shape without a size (lengths that are not finite or not above zero, cells outside 1 to
/// [`terrain::MOST_CELLS`]) has no triangles.
pub fn mesh(shape: &Shape) -> Mesh {
    let real = |lengths: &[f32]| lengths.iter().all(|l| l.is_finite() && *l > 0.0);
    match *shape {
        Shape::Box { half } if real(&half) => block(half.into()),
        Shape::Sphere { radius } if real(&[radius]) => capsule(radius, 0.0),
        Shape::Capsule {
            radius,
            half_length,
        } if real(&[radius]) && (half_length == 0.0 || real(&[half_length])) => {
            capsule(radius, half_length)
        }
        Shape::Cylinder {
            radius,
            half_length,
        } if real(&[radius, half_length]) => cylinder(radius, half_length),
        Shape::Terrain { half, cells, seed }
            if real(&half) && (1..=terrain::MOST_CELLS).contains(&cells) =>
        {
            mound(half.into(), cells, seed)
        }
        _ => Mesh::default(),
    }
}

/// The mesh of a piece in the world: right-handed, +Y up, metres.
pub fn placed(piece: &Piece) -> Mesh {
    let mut mesh = mesh(&piece.shape);
    let axes = Mat3::from_quat(piece.rotation);
    for p in &mut mesh.positions {
        *p = (axes * Vec3::from(*p) + piece.centre).to_array();
    }
    for n in &mut mesh.normals {
        *n = (axes * Vec3::from(*n)).normalize_or(Vec3::Y).to_array();
    }
    mesh
}

fn block(half: Vec3) -> Mesh {
    let mut mesh = Mesh::default();
    for axis in 0..3 {
        let [n, u, v] = [axis, (axis + 1) % 3, (axis + 2) % 3].map(|k| Vec3::AXES[k]);
        for side in [1.0, -1.0] {
            mesh.flat(
                [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
                    .map(|[a, b]| half * (side * n + a * u + side * b * v)),
            );
        }
    }
    mesh
}

/// Angle at the centre whose chord, or flat rim, lies [`tolerance`] inside.
fn widest_angle(radius: f32) -> f64 {
    let share = f64::from(tolerance(radius)) / f64::from(radius);
    (1.0 - share.min(1.0)).acos()
}

/// Unit vector at `turn` of a whole turn about y, from x to z, in the horizontal plane.
fn around(turn: f64) -> DVec3 {
    let (sin, cos) = (TAU * turn).sin_cos();
    DVec3::new(cos, 0.0, sin)
}

/// Ring of points about y.
struct Ring {
    first: u32,
    /// Points a sector; 0 for a pole.
    each: u32,
}

impl Ring {
    fn at(&self, sector: u32, i: u32) -> u32 {
        self.first + (sector * self.each + i) % (SECTORS * self.each).max(1)
    }
}

fn capsule(radius: f32, half_length: f32) -> Mesh {
    let n = ((WIDEST / widest_angle(radius)).ceil() as u32).clamp(2, MOST_RINGS);
    let mut mesh = Mesh::default();
    let mut rings = Vec::new();
    let mut ring = |each: u32, below: bool| {
        let (sin, cos) = (FRAC_PI_2 * f64::from(each) / f64::from(n)).sin_cos();
        let up = match (each == n, below) {
            // The equator is exactly level.
            (true, _) => 0.0,
            (_, true) => -cos,
            (_, false) => cos,
        };
        let middle = Vec3::Y * if below { -half_length } else { half_length };
        let count = (SECTORS * each).max(1);
        let first = mesh.positions.len() as u32;
        for k in 0..count {
            let normal = around(f64::from(k) / f64::from(count)) * sin + DVec3::Y * up;
            mesh.push(
                (normal * f64::from(radius)).as_vec3() + middle,
                normal.as_vec3(),
            );
        }
        rings.push(Ring { first, each });
    };
    (0..=n).for_each(|k| ring(k, false));
    if half_length > 0.0 {
        ring(n, true);
    }
    (0..n).rev().for_each(|k| ring(k, true));
    for pair in rings.windows(2) {
        stitch(&mut mesh.indices, &pair[0], &pair[1]);
    }
    mesh
}

/// Triangles between a ring and the next one below, whose sectors differ by at most one point.
fn stitch(indices: &mut Vec<u32>, above: &Ring, below: &Ring) {
    let wider_below = above.each <= below.each;
    let (a, b) = if wider_below {
        (above, below)
    } else {
        (below, above)
    };
    let mut triangle = |x: u32, y: u32, z: u32| {
        indices.extend(if wider_below { [x, y, z] } else { [x, z, y] });
    };
    for s in 0..SECTORS {
        for i in 0..b.each {
            triangle(a.at(s, i), b.at(s, i + 1), b.at(s, i));
            if i < a.each {
                triangle(a.at(s, i), a.at(s, i + 1), b.at(s, i + 1));
            }
        }
    }
}

fn cylinder(radius: f32, half_length: f32) -> Mesh {
    let n = ((PI / widest_angle(radius)).ceil() as u32).max(8);
    let mut mesh = Mesh::default();
    let outward = |k: u32| around(f64::from(k % n) / f64::from(n));
    let rim = |k: u32, y: f32| (outward(k) * f64::from(radius)).as_vec3() + Vec3::Y * y;
    let side = |k: u32| 2 * (k % n);
    for k in 0..n {
        mesh.push(rim(k, half_length), outward(k).as_vec3());
        mesh.push(rim(k, -half_length), outward(k).as_vec3());
        let (here, next) = (side(k), side(k + 1));
        mesh.indices.extend([here, next + 1, here + 1]);
        mesh.indices.extend([here, next, next + 1]);
    }
    for up in [1.0, -1.0] {
        let middle = mesh.push(Vec3::Y * up * half_length, Vec3::Y * up);
        for k in 0..n {
            mesh.push(rim(k, up * half_length), Vec3::Y * up);
            let (here, next) = (middle + 1 + k, middle + 1 + (k + 1) % n);
            mesh.indices.extend(if up > 0.0 {
                [middle, next, here]
            } else {
                [middle, here, next]
            });
        }
    }
    mesh
}

fn mound(half: Vec3, cells: u32, seed: u32) -> Mesh {
    let mut mesh = Mesh::default();
    let across = |k: u32| 2.0 * k as f32 / cells as f32 - 1.0;
    let point = |i: u32, j: u32| {
        let up = 2.0 * terrain::height(seed, cells, i, j) - 1.0;
        half * Vec3::new(across(i), up, across(j))
    };
    for i in 0..cells {
        for j in 0..cells {
            let (near, far) = (point(i, j), point(i + 1, j + 1));
            mesh.flat([near, point(i, j + 1), far]);
            mesh.flat([near, far, point(i + 1, j)]);
        }
    }
    // A fan about the middle: the split of the cells would meet the top's own along flat corners.
    let n = cells;
    let mut edge: Vec<Vec3> = (0..n).map(|k| point(k, 0)).collect();
    edge.extend((0..n).map(|k| point(n, k)));
    edge.extend((0..n).map(|k| point(n - k, n)));
    edge.extend((0..n).map(|k| point(0, n - k)));
    let middle = mesh.push(Vec3::NEG_Y * half, Vec3::NEG_Y);
    let count = edge.len() as u32;
    for (p, k) in edge.into_iter().zip(0..) {
        mesh.push(p, Vec3::NEG_Y);
        mesh.indices
            .extend([middle, middle + 1 + k, middle + 1 + (k + 1) % count]);
    }
    mesh
}
