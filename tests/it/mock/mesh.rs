//! Meshes of pieces and the glb files that hold them, read back by a reader of the test's own.

use std::collections::HashMap;
use std::path::Path;

use glam::{DVec3, Quat, Vec3};
use serde_json::{Value, json};
use sora_director::generate::GenerateError;
use sora_director::mock::glb::{self, Node};
use sora_director::mock::mesh::{Mesh, mesh, placed, tolerance};
use sora_director::mock::piece::{Piece, Shape};
use sora_director::mock::terrain;
use sora_director::mock::twins::trace as twin;

use super::scene;
use crate::common::Rng;

/// Corners of a triangle.
pub(super) type Triangle = [[f32; 3]; 3];

/// Name and triangles in world coordinates of every node of a glb file; fails where the file breaks glTF's rules.
pub(super) fn read_glb(path: &Path) -> Vec<(String, Vec<Triangle>)> {
    let bytes = std::fs::read(path).expect("glb");
    let (document, binary) = chunks(&bytes);
    assert_eq!(document["asset"]["version"], "2.0");
    assert!(document["asset"]["generator"].is_string());
    let Some(nodes) = document.get("nodes") else {
        assert!(binary.is_empty(), "a buffer that nothing reads");
        return Vec::new();
    };
    assert_eq!(
        document["buffers"][0]["byteLength"].as_u64(),
        Some(binary.len() as u64)
    );
    // In the order of the scene.
    list(&document["scenes"][0]["nodes"])
        .iter()
        .map(|at| {
            let node = &nodes[index(at)];
            for transform in ["matrix", "translation", "rotation", "scale"] {
                assert!(node.get(transform).is_none(), "world coordinates");
            }
            let primitives = list(&document["meshes"][index(&node["mesh"])]["primitives"]);
            let triangles = primitives
                .iter()
                .flat_map(|p| triangles(&document, binary, p))
                .collect();
            (node["name"].as_str().expect("name").to_owned(), triangles)
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn index(value: &Value) -> usize {
    value.as_u64().expect("an index") as usize
}

/// The document and the buffer.
fn chunks(bytes: &[u8]) -> (Value, &[u8]) {
    let word = |at: usize| {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
    };
    assert_eq!(&bytes[..4], b"glTF");
    assert_eq!((word(4), word(8)), (2, bytes.len()));
    let text = word(12);
    assert_eq!((&bytes[16..20], text % 4), (&b"JSON"[..], 0));
    let document = serde_json::from_slice(&bytes[20..20 + text]).expect("json");
    let rest = 20 + text;
    if rest == bytes.len() {
        return (document, &[]);
    }
    assert_eq!(&bytes[rest + 4..rest + 8], b"BIN\0");
    let binary = &bytes[rest + 8..];
    assert_eq!((word(rest), binary.len() % 4), (binary.len(), 0));
    (document, binary)
}

/// The bytes of an accessor of 4-byte values, in words.
fn words(document: &Value, binary: &[u8], at: usize, kind: &str, component: u64) -> Vec<[u8; 4]> {
    let accessor = &document["accessors"][at];
    assert_eq!(accessor["type"], kind);
    assert_eq!(accessor["componentType"], component);
    let view = &document["bufferViews"][index(&accessor["bufferView"])];
    let from =
        view.get("byteOffset").map_or(0, index) + accessor.get("byteOffset").map_or(0, index);
    let length = index(&accessor["count"]) * 4 * if kind == "VEC3" { 3 } else { 1 };
    assert!(from.is_multiple_of(4) && length <= index(&view["byteLength"]));
    binary[from..from + length].as_chunks::<4>().0.to_vec()
}

fn vectors(document: &Value, binary: &[u8], at: usize) -> Vec<[f32; 3]> {
    let words = words(document, binary, at, "VEC3", 5126);
    let (threes, _) = words.as_chunks::<3>();
    threes.iter().map(|v| v.map(f32::from_le_bytes)).collect()
}

fn triangles(document: &Value, binary: &[u8], primitive: &Value) -> Vec<Triangle> {
    assert_eq!(primitive.get("mode").map_or(4, index), 4, "triangles");
    let attribute = |name: &str| index(&primitive["attributes"][name]);
    let points = vectors(document, binary, attribute("POSITION"));
    let normals = vectors(document, binary, attribute("NORMAL"));
    assert_eq!(points.len(), normals.len());
    for (bound, f) in [("min", f32::min as fn(f32, f32) -> f32), ("max", f32::max)] {
        let told = &document["accessors"][attribute("POSITION")][bound];
        let told: [f32; 3] = serde_json::from_value(told.clone()).expect("bounds");
        let found = points
            .iter()
            .fold(points[0], |b, p| std::array::from_fn(|k| f(b[k], p[k])));
        assert_eq!(told, found, "{bound}");
    }
    for n in normals {
        assert!((Vec3::from(n).length() - 1.0).abs() < 1e-5, "normal {n:?}");
    }
    let indices = words(
        document,
        binary,
        index(&primitive["indices"]),
        "SCALAR",
        5125,
    );
    let (threes, rest) = indices.as_chunks::<3>();
    assert!(rest.is_empty());
    threes
        .iter()
        .map(|t| t.map(|i| points[u32::from_le_bytes(i) as usize]))
        .collect()
}

/// Triangles sorted for ray casts.
pub(super) struct Caster {
    triangles: Vec<[DVec3; 3]>,
    nodes: Vec<Knot>,
}

struct Knot {
    least: DVec3,
    greatest: DVec3,
    /// Triangles of a leaf; of another the left child is the next node.
    from: usize,
    to: usize,
    /// The right child; 0 for a leaf.
    right: usize,
}

impl Caster {
    pub(super) fn new(triangles: &[Triangle]) -> Self {
        let mut caster = Self {
            triangles: triangles
                .iter()
                .map(|t| t.map(|p| Vec3::from(p).as_dvec3()))
                .collect(),
            nodes: Vec::new(),
        };
        if !triangles.is_empty() {
            caster.split(0, triangles.len());
        }
        caster
    }

    fn split(&mut self, from: usize, to: usize) {
        let part = &mut self.triangles[from..to];
        let least = part.iter().flatten().copied().reduce(DVec3::min);
        let greatest = part.iter().flatten().copied().reduce(DVec3::max);
        let (least, greatest) = (least.expect("some"), greatest.expect("some"));
        let at = self.nodes.len();
        self.nodes.push(Knot {
            least,
            greatest,
            from,
            to,
            right: 0,
        });
        if to - from <= 4 {
            return;
        }
        let axis = (greatest - least).max_position();
        let half = (to - from) / 2;
        let key = |t: &[DVec3; 3]| t.iter().map(|p| p[axis]).sum::<f64>();
        part.select_nth_unstable_by(half, |a, b| key(a).total_cmp(&key(b)));
        self.split(from, from + half);
        self.nodes[at].right = self.nodes.len();
        self.split(from + half, to);
    }

    /// Ray parameter, in lengths of `direction`, of the nearest triangle before `origin`, from either side.
    pub(super) fn cast(&self, origin: Vec3, direction: Vec3) -> Option<f32> {
        let (o, d) = (origin.as_dvec3(), direction.as_dvec3());
        let mut best = f64::INFINITY;
        let mut open = vec![0];
        while let Some(at) = open.pop() {
            let Some(node) = self.nodes.get(at) else {
                break;
            };
            let (a, b) = ((node.least - o) / d, (node.greatest - o) / d);
            // `min` and `max` leave out what a ray along a side makes of 0 / 0.
            let (mut near, mut far) = (0.0f64, best);
            for k in 0..3 {
                near = near.max(a[k].min(b[k]));
                far = far.min(a[k].max(b[k]));
            }
            if near > far + 1e-9 {
                continue;
            }
            if node.right > 0 {
                open.extend([node.right, at + 1]);
                continue;
            }
            for t in &self.triangles[node.from..node.to] {
                best = best.min(moller_trumbore(t, o, d).unwrap_or(f64::INFINITY));
            }
        }
        best.is_finite().then_some(best as f32)
    }
}

fn moller_trumbore(t: &[DVec3; 3], o: DVec3, d: DVec3) -> Option<f64> {
    // So that no ray slips between neighbours.
    const EDGE: f64 = 1e-9;
    let (e, f) = (t[1] - t[0], t[2] - t[0]);
    let p = d.cross(f);
    let det = e.dot(p);
    if det.abs() < 1e-18 {
        return None;
    }
    let s = o - t[0];
    let u = s.dot(p) / det;
    let q = s.cross(e);
    let v = d.dot(q) / det;
    let along = f.dot(q) / det;
    (u >= -EDGE && v >= -EDGE && u + v <= 1.0 + EDGE && along > 0.0).then_some(along)
}

/// Shapes from a finger's size to a hall's.
fn shapes() -> Vec<Shape> {
    let mut shapes = vec![
        Shape::Box {
            half: [0.3, 0.02, 4.0],
        },
        Shape::Box { half: [1.0; 3] },
    ];
    for radius in [0.004, 0.02, 0.05, 0.11, 0.35, 1.0, 2.5, 30.0] {
        shapes.push(Shape::Sphere { radius });
        shapes.push(Shape::Capsule {
            radius,
            half_length: 0.0,
        });
        for half_length in [0.01, 0.4, 7.0] {
            shapes.push(Shape::Capsule {
                radius,
                half_length,
            });
            shapes.push(Shape::Cylinder {
                radius,
                half_length,
            });
        }
    }
    for cells in 1..=terrain::MOST_CELLS {
        shapes.push(Shape::Terrain {
            half: [1.5, 0.4, 2.0],
            cells,
            seed: 7 * cells,
        });
    }
    shapes
}

/// Distance of `p` from the surface of a shape other than terrain, below zero inside.
fn distance(shape: Shape, p: DVec3) -> f64 {
    let beyond = |q: DVec3| q.max(DVec3::ZERO).length() + q.max_element().min(0.0);
    match shape {
        Shape::Box { half } => beyond(p.abs() - Vec3::from(half).as_dvec3()),
        Shape::Sphere { radius } => p.length() - f64::from(radius),
        Shape::Capsule {
            radius,
            half_length,
        } => {
            let h = f64::from(half_length);
            (p - DVec3::Y * p.y.clamp(-h, h)).length() - f64::from(radius)
        }
        Shape::Cylinder {
            radius,
            half_length,
        } => {
            let out = p.x.hypot(p.z) - f64::from(radius);
            let up = p.y.abs() - f64::from(half_length);
            out.max(0.0).hypot(up.max(0.0)) + out.max(up).min(0.0)
        }
        Shape::Terrain { .. } => panic!("terrain has `ground`"),
    }
}

/// Height of a terrain's surface over its own (`x`, `z`).
fn ground(half: [f32; 3], cells: u32, seed: u32, x: f64, z: f64) -> f64 {
    let n = f64::from(cells);
    let lattice = |v: f64, half: f32| {
        let at = ((v / f64::from(half) + 1.0) / 2.0 * n).clamp(0.0, n);
        let whole = at.floor().min(n - 1.0);
        (whole as u32, at - whole)
    };
    let ((i, u), (j, v)) = (lattice(x, half[0]), lattice(z, half[2]));
    let h = |a: u32, b: u32| f64::from(terrain::height(seed, cells, i + a, j + b));
    let up = if u >= v {
        h(0, 0) + u * (h(1, 0) - h(0, 0)) + v * (h(1, 1) - h(1, 0))
    } else {
        h(0, 0) + v * (h(0, 1) - h(0, 0)) + u * (h(1, 1) - h(0, 1))
    };
    f64::from(half[1]) * (2.0 * up - 1.0)
}

fn volume(shape: Shape) -> f64 {
    use std::f64::consts::PI;
    match shape {
        Shape::Box { half } => half.iter().map(|h| 2.0 * f64::from(*h)).product(),
        Shape::Sphere { radius } => 4.0 / 3.0 * PI * f64::from(radius).powi(3),
        Shape::Capsule {
            radius,
            half_length,
        } => {
            let (r, h) = (f64::from(radius), f64::from(half_length));
            PI * r * r * (4.0 / 3.0 * r + 2.0 * h)
        }
        Shape::Cylinder {
            radius,
            half_length,
        } => PI * f64::from(radius).powi(2) * 2.0 * f64::from(half_length),
        Shape::Terrain { half, cells, seed } => {
            // Prisms: a triangle's share is its corners' mean height.
            let h = |i, j| f64::from(terrain::height(seed, cells, i, j));
            let mut sum = 0.0;
            for i in 0..cells {
                for j in 0..cells {
                    let both = h(i, j) + h(i + 1, j + 1);
                    sum += (both + h(i + 1, j)) / 6.0 + (both + h(i, j + 1)) / 6.0;
                }
            }
            let block: f64 = half.iter().map(|v| 2.0 * f64::from(*v)).product();
            sum / f64::from(cells * cells) * block
        }
    }
}

fn radius(shape: Shape) -> Option<f32> {
    match shape {
        Shape::Sphere { radius }
        | Shape::Capsule { radius, .. }
        | Shape::Cylinder { radius, .. } => Some(radius),
        Shape::Box { .. } | Shape::Terrain { .. } => None,
    }
}

/// How far a shape's mesh may lie from its surface, metres.
fn allowed(shape: Shape) -> f64 {
    radius(shape).map_or(0.0, |r| f64::from(tolerance(r)))
}

/// Half sizes of a box about the shape.
fn reach(shape: Shape) -> Vec3 {
    match shape {
        Shape::Box { half } | Shape::Terrain { half, .. } => half.into(),
        Shape::Sphere { radius } => Vec3::splat(radius),
        Shape::Capsule {
            radius,
            half_length,
        } => Vec3::new(radius, half_length + radius, radius),
        Shape::Cylinder {
            radius,
            half_length,
        } => Vec3::new(radius, half_length, radius),
    }
}

fn d3(p: [f32; 3]) -> DVec3 {
    Vec3::from(p).as_dvec3()
}

/// Every edge runs once each way, and the whole is one ball.
#[track_caller]
fn closed(what: &str, mesh: &Mesh) {
    let mut welded = HashMap::new();
    let mut edges: HashMap<(usize, usize), usize> = HashMap::new();
    let mut faces = 0;
    for t in mesh.triangles() {
        let ids = t.map(|p| {
            let next = welded.len();
            // Adding 0 makes one zero of two.
            *welded.entry(p.map(|v| (v + 0.0).to_bits())).or_insert(next)
        });
        faces += 1;
        for k in 0..3 {
            let (a, b) = (ids[k], ids[(k + 1) % 3]);
            assert_ne!(a, b, "{what}: a triangle without area");
            *edges.entry((a, b)).or_default() += 1;
        }
    }
    for (&(a, b), &times) in &edges {
        assert_eq!((times, edges.get(&(b, a))), (1, Some(&1)), "{what}: open");
    }
    assert_eq!(
        welded.len() as i64 - edges.len() as i64 / 2 + faces,
        2,
        "{what}: Euler characteristic"
    );
}

#[test]
fn meshes_are_closed_outward_and_near_their_shapes() {
    for shape in shapes() {
        let what = format!("{shape:?}");
        let mesh = mesh(&shape);
        assert_eq!(mesh.positions.len(), mesh.normals.len(), "{what}");
        closed(&what, &mesh);
        let count = mesh.indices.len() / 3;
        let most = match shape {
            Shape::Box { .. } => 12,
            Shape::Terrain { cells, .. } => (2 * cells * cells + 4 * cells) as usize,
            _ => 4200,
        };
        assert!(count <= most, "{what}: {count} triangles");
        let scale = f64::from(reach(shape).max_element());
        for &p in &mesh.positions {
            let p = d3(p);
            let away = match shape {
                Shape::Terrain { half, cells, seed } => {
                    let top = p.y - ground(half, cells, seed, p.x, p.z);
                    top.abs().min((p.y + f64::from(half[1])).abs())
                }
                _ => distance(shape, p).abs(),
            };
            assert!(away <= 1e-6 * scale, "{what}: a point {away} m off");
        }
        let mut whole = 0.0;
        for (t, corners) in mesh.triangles().zip(mesh.indices.chunks(3)) {
            let [a, b, c] = t.map(d3);
            whole += a.dot(b.cross(c)) / 6.0;
            let face = (b - a).cross(c - a).normalize();
            for &i in corners {
                let n = d3(mesh.normals[i as usize]);
                assert!((n.length() - 1.0).abs() < 1e-5, "{what}: normal {n}");
                let least = if radius(shape).is_some() { 0.7 } else { 0.9999 };
                assert!(n.dot(face) > least, "{what}: normal {n} of face {face}");
            }
            if radius(shape).is_some() {
                // Inside every triangle, not only at its corners.
                for (u, v) in [(1.0, 1.0), (1.5, 1.5), (1.5, 0.0), (0.0, 1.5), (0.7, 1.2)] {
                    let p = a + (b - a) * (u / 3.0) + (c - a) * (v / 3.0);
                    let away = distance(shape, p);
                    assert!(
                        away < 1e-6 * scale && away >= -allowed(shape),
                        "{what}: a face {away} m off"
                    );
                }
            }
        }
        let want = volume(shape);
        let lost = radius(shape).map_or(0.0, |r| 3.0 * allowed(shape) / f64::from(r));
        assert!(
            whole <= want * (1.0 + 1e-5) + 1e-9 && whole >= want * (1.0 - lost - 1e-5) - 1e-9,
            "{what}: volume {whole}, not {want}"
        );
    }
}

#[test]
fn shapes_without_a_size_have_no_triangles() {
    let terrain = |cells| Shape::Terrain {
        half: [1.0; 3],
        cells,
        seed: 1,
    };
    for shape in [
        Shape::Box {
            half: [1.0, 0.0, 1.0],
        },
        Shape::Sphere { radius: -1.0 },
        Shape::Sphere { radius: f32::NAN },
        Shape::Capsule {
            radius: 1.0,
            half_length: -1.0,
        },
        Shape::Cylinder {
            radius: f32::INFINITY,
            half_length: 1.0,
        },
        Shape::Cylinder {
            radius: 1.0,
            half_length: 0.0,
        },
        terrain(0),
        terrain(terrain::MOST_CELLS + 1),
    ] {
        assert_eq!(mesh(&shape), Mesh::default(), "{shape:?}");
    }
}

/// Ray parameter where the ray enters a shape that `distance` knows; steps by the distance never jump over a
/// surface.
fn entry(shape: Shape, o: DVec3, d: DVec3) -> Option<f64> {
    let far = o.length() + 2.0 * f64::from(reach(shape).length());
    let mut t = 0.0;
    while t < far {
        let away = distance(shape, o + d * t);
        if away < 1e-7 {
            return Some(t);
        }
        t += away;
    }
    None
}

/// A ray from around a shape to somewhere in its box, direction of length 1.
fn aimed(rng: &mut Rng, half: Vec3) -> (Vec3, Vec3) {
    let mut any = || Vec3::from_array(std::array::from_fn(|_| rng.range(-1.0, 1.0)));
    let from = any().normalize_or(Vec3::X) * half.length() * 1.5;
    let to = any() * half;
    (from, (to - from).normalize())
}

#[test]
fn rays_meet_meshes_where_they_meet_the_shapes() {
    let mut rng = Rng(1);
    for shape in shapes() {
        let what = format!("{shape:?}");
        let triangles: Vec<_> = mesh(&shape).triangles().collect();
        let caster = Caster::new(&triangles);
        let half = reach(shape);
        let slack = 1e-5 * f64::from(half.max_element());
        let mut met = 0;
        for _ in 0..200 {
            let (from, along) = aimed(&mut rng, half);
            let got = caster.cast(from, along).map(f64::from);
            let (o, d) = (from.as_dvec3(), along.as_dvec3());
            met += usize::from(got.is_some());
            if let Shape::Terrain { half, cells, seed } = shape {
                let far = got.unwrap_or(20.0);
                let under = |t: f64| {
                    let p = o + d * t;
                    let level = p.x.abs() < f64::from(half[0]) && p.z.abs() < f64::from(half[2]);
                    let top = ground(half, cells, seed, p.x, p.z) - p.y;
                    if level {
                        top.min(p.y + f64::from(half[1]))
                    } else {
                        -1.0
                    }
                };
                if got.is_some() {
                    assert!(under(far).abs() < 1e-5, "{what}: met off its surface");
                }
                for k in 0..2000 {
                    let deep = under(far * f64::from(k) / 2000.0);
                    assert!(deep < 1e-5, "{what}: {deep} m inside before it was met");
                }
                continue;
            }
            let want = entry(shape, o, d);
            match (got, want) {
                (Some(got), Some(want)) => {
                    let off = distance(shape, o + d * got);
                    // The far side of an edge that the mesh cuts short may be met first.
                    assert!(
                        got >= want - slack && off <= slack && off >= -allowed(shape) - slack,
                        "{what}: met at {got}, {off} m off, the shape at {want}"
                    );
                    let h = 1e-6 * f64::from(half.max_element());
                    let p = o + d * want;
                    let steep = (distance(shape, p - d * h) - distance(shape, p)) / h;
                    if steep > 0.5 {
                        let away = got - want;
                        assert!(
                            away <= allowed(shape) / 0.3 + slack,
                            "{what}: {away} m late"
                        );
                    }
                }
                (None, Some(want)) => {
                    // A graze: nowhere deeper inside than the mesh may cut off.
                    let deep = (0..2000)
                        .map(|k| want + f64::from(half.length()) * f64::from(k) / 500.0)
                        .map(|t| distance(shape, o + d * t))
                        .fold(0.0, f64::min);
                    assert!(
                        deep >= -allowed(shape) - slack,
                        "{what}: missed {deep} m deep"
                    );
                }
                (Some(got), None) => panic!("{what}: met at {got}, the shape is not there"),
                (None, None) => {}
            }
        }
        let flat = matches!(shape, Shape::Terrain { .. });
        assert!(
            met >= if flat { 30 } else { 100 },
            "{what}: {met} of 200 met"
        );
    }
}

#[test]
fn many_rays_against_many_triangles_are_quick_and_right() {
    let mut rng = Rng(2);
    let ball: Vec<_> = mesh(&Shape::Sphere { radius: 0.4 }).triangles().collect();
    let mut triangles = Vec::new();
    for _ in 0..20 {
        let by = [(); 3].map(|()| rng.range(-3.0, 3.0));
        triangles.extend(
            ball.iter()
                .map(|t| t.map(|p| [p[0] + by[0], p[1] + by[1], p[2] + by[2]])),
        );
    }
    assert!(triangles.len() > 40_000);
    let caster = Caster::new(&triangles);
    for k in 0..4000 {
        let (from, along) = aimed(&mut rng, Vec3::splat(3.0));
        let got = caster.cast(from, along);
        if k % 200 == 0 {
            let (o, d) = (from.as_dvec3(), along.as_dvec3());
            let want = caster
                .triangles
                .iter()
                .filter_map(|t| moller_trumbore(t, o, d))
                .reduce(f64::min);
            assert_eq!(got, want.map(|t| t as f32));
        }
    }
    assert_eq!(Caster::new(&[]).cast(Vec3::ZERO, Vec3::X), None);
}

#[test]
fn placed_meshes_stand_where_their_pieces_do() {
    let turn = Quat::from_euler(glam::EulerRot::YXZ, 0.7, -0.4, 1.1);
    let centre = Vec3::new(1.5, -2.0, 3.25);
    for shape in shapes() {
        let mut text = serde_json::to_value(shape).expect("json");
        text["object"] = json!(3);
        text["centre"] = json!(centre);
        text["rotation"] = json!(turn);
        text["casts"] = json!(true);
        text["there"] = json!(true);
        let piece: Piece = serde_json::from_value(text).expect("piece");
        let (own, world) = (mesh(&shape), placed(&piece));
        assert_eq!(own.indices, world.indices);
        let (least, greatest) = piece.bounds();
        for k in 0..own.positions.len() {
            let p = Vec3::from(world.positions[k]);
            let want = turn * Vec3::from(own.positions[k]) + centre;
            assert!(p.distance(want) < 1e-4, "{shape:?}: {p}, not {want}");
            let n = Vec3::from(world.normals[k]);
            assert!(n.distance(turn * Vec3::from(own.normals[k])) < 1e-5);
            let within = p.cmpge(least - 1e-4).all() && p.cmple(greatest + 1e-4).all();
            assert!(within, "{shape:?}: {p} outside its bounds");
        }
    }
}

#[test]
fn a_scene_s_meshes_are_what_the_tracer_sees() {
    let (mut rays, mut odd) = (0, 0);
    for (prompt, seed) in [
        ("a robot in a room with crates", 3),
        ("two people in a corridor", 8),
        ("a ball in a room with pillars", 5),
    ] {
        let scene = scene(prompt, seed, [320, 180]);
        let triangles: Vec<_> = scene
            .pieces_at(0)
            .iter()
            .flat_map(|p| placed(p).triangles().collect::<Vec<_>>())
            .collect();
        let caster = Caster::new(&triangles);
        let camera = scene.camera_at(0);
        let [x, y, z] = [0, 1, 2].map(|k| camera.pose.rotation.col(k).as_vec3());
        let params = scene.frame(0);
        let [fx, fy, cx, cy] = params.focal;
        for v in (0..180).step_by(9) {
            for u in (0..320).step_by(8) {
                let (u, v) = (u as f32 + 0.5, v as f32 + 0.5);
                let along = z + x * ((u - cx) / fx) + y * ((v - cy) / fy);
                let got = caster.cast(camera.pose.position.as_vec3(), along);
                let want = twin::probe(&params, u, v).map(|(_, t)| t);
                let same = match (got, want) {
                    (Some(got), Some(want)) => (got - want).abs() < 0.004 + 0.001 * want,
                    (got, want) => got.is_none() && want.is_none(),
                };
                rays += 1;
                odd += usize::from(!same);
            }
        }
    }
    // Outlines fall a hair inside the shapes'.
    assert!(odd * 100 <= rays, "{odd} of {rays} rays differ");
}

#[test]
fn a_glb_gives_back_what_was_written() {
    let folder = tempfile::tempdir().expect("dir");
    let path = folder.path().join("a.glb");
    let scene = scene("a robot in a room with crates", 3, [320, 180]);
    let pieces = scene.pieces_at(0);
    let mut nodes: Vec<Node> = scene
        .objects
        .iter()
        .map(|object| {
            let mut mesh = Mesh::default();
            for piece in pieces.iter().filter(|p| p.object == object.id) {
                mesh.append(&placed(piece));
            }
            Node {
                name: object.name.clone(),
                colour: [0.5, 2.0, object.id as f32 / 100.0],
                mesh,
                extras: json!({"object": object.id, "role": object.role}),
            }
        })
        .collect();
    for (k, shape) in shapes().iter().enumerate() {
        nodes.push(Node {
            name: format!("\"{k}\" – {shape:?}"),
            colour: [0.1, 0.2, 0.3],
            mesh: mesh(shape),
            extras: Value::Null,
        });
    }
    let empty = Node {
        name: "nothing".into(),
        colour: [0.0; 3],
        mesh: Mesh::default(),
        extras: json!({"a": 1}),
    };
    nodes.insert(1, empty.clone());
    glb::write(&path, &nodes).expect("write");
    let seen: Vec<&Node> = nodes
        .iter()
        .filter(|n| !n.mesh.indices.is_empty())
        .collect();
    let read = read_glb(&path);
    assert_eq!(read.len(), seen.len());
    for ((name, triangles), node) in read.iter().zip(&seen) {
        assert_eq!(name, &node.name);
        assert!(
            node.mesh.triangles().eq(triangles.iter().copied()),
            "{name}"
        );
    }
    let bytes = std::fs::read(&path).expect("glb");
    let (document, binary) = chunks(&bytes);
    for (k, node) in seen.iter().enumerate() {
        let told = &document["nodes"][k];
        assert_eq!(told.get("extras").unwrap_or(&Value::Null), &node.extras);
        let primitive = &document["meshes"][index(&told["mesh"])]["primitives"][0];
        let normal = index(&primitive["attributes"]["NORMAL"]);
        assert_eq!(vectors(&document, binary, normal), node.mesh.normals);
        let material = &document["materials"][index(&primitive["material"])];
        let colour = &material["pbrMetallicRoughness"]["baseColorFactor"];
        let colour: [f32; 4] = serde_json::from_value(colour.clone()).expect("colour");
        let [r, g, b] = node.colour;
        assert_eq!(colour, [r, g.min(1.0), b, 1.0]);
    }
    // The same nodes, the same bytes; and files without a node are whole.
    glb::write(&path, &nodes).expect("write");
    assert_eq!(bytes, std::fs::read(&path).expect("glb"));
    for none in [&[][..], &[empty]] {
        glb::write(&path, none).expect("write");
        assert_eq!(read_glb(&path), []);
    }
    let lost = folder.path().join("no/a.glb");
    let refused = glb::write(&lost, &nodes);
    assert!(matches!(refused, Err(GenerateError::Io { path, .. }) if path == lost));
}
