//! The surface of the solid voxels as a closed triangle mesh that engines load.
//!
//! Faces between solid voxels and others are merged to rectangles. A rectangle whose sides hold corners of others gets
//! them as points of its own, so that nothing leaks between triangles, and is a fan about its middle. Where two solids
//! touch along an edge only, or at a corner, each keeps its own points: every edge has two triangles, of opposite
//! directions.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::json;

use super::{Voxel, World, WorldError};
use crate::glb::{Body, GENERATOR, U32};

/// A point in half voxels from the grid's corner.
type Point = [i32; 3];

/// A closed mesh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SurfaceMesh {
    /// Points in the world.
    pub positions: Vec<[f32; 3]>,
    /// Three points a triangle, counter-clockwise seen from outside.
    pub indices: Vec<u32>,
}

/// A rectangle of faces in the plane `at` of an axis, over `low..high` along the two axes after it.
struct Rectangle {
    axis: usize,
    up: bool,
    at: i32,
    low: [i32; 2],
    high: [i32; 2],
}

impl Rectangle {
    /// A point of the plane, in half voxels.
    fn point(&self, [u, v]: [i32; 2]) -> Point {
        let mut p = [0; 3];
        p[self.axis] = 2 * self.at;
        p[(self.axis + 1) % 3] = u;
        p[(self.axis + 2) % 3] = v;
        p
    }

    /// Corners in half voxels, counter-clockwise seen from the side that is not solid.
    fn corners(&self) -> [Point; 4] {
        let ([u, v], [s, t]) = (self.low.map(|a| 2 * a), self.high.map(|a| 2 * a));
        let mut around = [[u, v], [s, v], [s, t], [u, t]];
        if !self.up {
            around.reverse();
        }
        around.map(|p| self.point(p))
    }

    fn middle(&self) -> Point {
        self.point([self.low[0] + self.high[0], self.low[1] + self.high[1]])
    }
}

fn toward(from: Point, to: Point) -> Point {
    std::array::from_fn(|a| (to[a] - from[a]).signum())
}

impl World {
    /// The surface of the solid voxels, closed; what lies outside the grid is not solid.
    pub fn surface_mesh(&self) -> SurfaceMesh {
        let rectangles = self.rectangles();
        let points: HashSet<Point> = rectangles.iter().flat_map(Rectangle::corners).collect();
        let mut made = Triangles::default();
        let mut around = Vec::new();
        for r in &rectangles {
            around.clear();
            let corners = r.corners();
            for (k, &from) in corners.iter().enumerate() {
                let to = corners[(k + 1) % 4];
                let step = toward(from, to);
                let mut last = from;
                around.push(from);
                let mut p = from;
                while p != to {
                    p = std::array::from_fn(|a| p[a] + 2 * step[a]);
                    if p != to && !points.contains(&p) {
                        continue;
                    }
                    // Two solids that touch along this edge part in its middle.
                    if self.pinched(last, step) {
                        around.push(std::array::from_fn(|a| (last[a] + p[a]) / 2));
                    }
                    if p != to {
                        around.push(p);
                    }
                    last = p;
                }
            }
            let mut normal = [0; 3];
            normal[r.axis] = if r.up { 1 } else { -1 };
            let middle = r.middle();
            if around.len() == 4 {
                made.push([around[0], around[1], around[2]], normal);
                made.push([around[0], around[2], around[3]], normal);
            } else {
                for k in 0..around.len() {
                    made.push([middle, around[k], around[(k + 1) % around.len()]], normal);
                }
            }
        }
        made.join(self)
    }

    fn solid(&self, cell: [i32; 3]) -> bool {
        self.at(cell.map(i64::from)) == Voxel::Solid
    }

    /// Whether of the four voxels around the edge from `p` along `step` two solid ones touch at nothing else.
    fn pinched(&self, p: Point, step: Point) -> bool {
        let axis = usize::from(step[1] != 0) + 2 * usize::from(step[2] != 0);
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let solid = |du: i32, dv: i32| {
            // The voxel of a place a quarter beside the edge.
            let mut cell = p.map(|a| a / 2);
            cell[axis] += step[axis].min(0);
            cell[u] += du;
            cell[v] += dv;
            self.solid(cell)
        };
        let (a, b, c, d) = (solid(-1, -1), solid(0, 0), solid(-1, 0), solid(0, -1));
        a == b && c == d && a != c
    }

    fn rectangles(&self) -> Vec<Rectangle> {
        // Faces by direction and plane.
        let mut faces: Vec<Vec<Vec<[u32; 2]>>> = (0..6)
            .map(|side| vec![Vec::new(); self.dims[side / 2] as usize])
            .collect();
        for p in self.solids() {
            for side in 0..6 {
                let (axis, up) = (side / 2, side % 2 == 1);
                let mut q = p.map(|a| a as i32);
                q[axis] += if up { 1 } else { -1 };
                if !self.solid(q) {
                    let place = [p[(axis + 1) % 3], p[(axis + 2) % 3]];
                    faces[side][p[axis] as usize].push(place);
                }
            }
        }
        let mut found = Vec::new();
        for (side, planes) in faces.iter().enumerate() {
            let (axis, up) = (side / 2, side % 2 == 1);
            let [nu, nv] = [(axis + 1) % 3, (axis + 2) % 3].map(|a| self.dims[a] as usize);
            let mut free = vec![false; nu * nv];
            for (at, plane) in planes.iter().enumerate() {
                for &[u, v] in plane {
                    free[u as usize + nu * v as usize] = true;
                }
                let mut order: Vec<[u32; 2]> = plane.clone();
                order.sort_unstable_by_key(|&[u, v]| (v, u));
                for [u, v] in order.into_iter().map(|p| p.map(|a| a as usize)) {
                    if !free[u + nu * v] {
                        continue;
                    }
                    let s = (u..nu).find(|&s| !free[s + nu * v]).unwrap_or(nu);
                    let whole = |t: &usize| (u..s).all(|s| free[s + nu * t]);
                    let t = (v..nv).find(|t| !whole(t)).unwrap_or(nv);
                    for t in v..t {
                        free[u + nu * t..s + nu * t].fill(false);
                    }
                    found.push(Rectangle {
                        axis,
                        up,
                        at: at as i32 + i32::from(up),
                        low: [u as i32, v as i32],
                        high: [s as i32, t as i32],
                    });
                }
            }
        }
        found
    }

    /// The surface of the solid voxels as a binary glTF 2.0 file, in the world's own unit; no mesh where nothing is solid.
    pub fn to_glb(&self) -> Vec<u8> {
        let mesh = self.surface_mesh();
        let mut document = json!({
            "asset": {"version": "2.0", "generator": GENERATOR}, "scene": 0, "scenes": [{}],
        });
        let mut body = Body::default();
        if !mesh.indices.is_empty() {
            let position = body.add_positions(&mesh.positions);
            let index = body.add("SCALAR", U32, mesh.indices.len(), &mesh.indices);
            document["scenes"][0]["nodes"] = json!([0]);
            document["nodes"] = json!([{"name": "collision", "mesh": 0}]);
            document["meshes"] = json!([{"name": "collision", "primitives": [
                {"attributes": {"POSITION": position}, "indices": index}
            ]}]);
        }
        body.into_file(document)
    }

    /// Writes [`World::to_glb`].
    ///
    /// # Errors
    /// [`WorldError::File`].
    pub fn save_glb(&self, path: &Path) -> Result<(), WorldError> {
        std::fs::write(path, self.to_glb()).map_err(|e| super::file::at(path, e.to_string()))
    }
}

/// Triangles whose points are still places.
#[derive(Default)]
struct Triangles {
    corners: Vec<[Point; 3]>,
    normals: Vec<Point>,
}

impl Triangles {
    fn push(&mut self, corners: [Point; 3], normal: Point) {
        self.corners.push(corners);
        self.normals.push(normal);
    }

    /// The solid voxel behind a triangle at its edge `k`: four times the middle of the edge, a little inwards and down.
    fn behind(&self, triangle: usize, k: usize) -> Point {
        let c = &self.corners[triangle];
        let (from, to, other) = (c[k], c[(k + 1) % 3], c[(k + 2) % 3]);
        std::array::from_fn(|a| {
            // The edge lies along an axis or within a face; only the first kind can have four triangles.
            let along = (to[a] - from[a]).signum();
            let inward = if along == 0 {
                (other[a] - from[a]).signum()
            } else {
                0
            };
            inward - self.normals[triangle][a]
        })
    }

    /// Points that are one where triangles meet at an edge, and apart where solids only touch.
    fn join(&self, world: &World) -> SurfaceMesh {
        // Edges by their points; each holds its triangles and their edges' numbers.
        let mut edges: HashMap<(Point, Point), Vec<(usize, usize)>> = HashMap::new();
        for (i, c) in self.corners.iter().enumerate() {
            for k in 0..3 {
                edges
                    .entry((c[k], c[(k + 1) % 3]))
                    .or_default()
                    .push((i, k));
            }
        }
        let mut parent: Vec<usize> = (0..3 * self.corners.len()).collect();
        fn root(parent: &mut [usize], mut i: usize) -> usize {
            while parent[i] != i {
                parent[i] = parent[parent[i]];
                i = parent[i];
            }
            i
        }
        for (i, c) in self.corners.iter().enumerate() {
            for k in 0..3 {
                let Some(facing) = edges.get(&(c[(k + 1) % 3], c[k])) else {
                    continue;
                };
                let same = facing
                    .iter()
                    .find(|&&(j, l)| facing.len() == 1 || self.behind(j, l) == self.behind(i, k));
                if let Some(&(j, l)) = same {
                    for (a, b) in [(k, (l + 1) % 3), ((k + 1) % 3, l)] {
                        let (a, b) = (root(&mut parent, 3 * i + a), root(&mut parent, 3 * j + b));
                        parent[a.max(b)] = a.min(b);
                    }
                }
            }
        }
        let mut mesh = SurfaceMesh::default();
        let mut number = vec![u32::MAX; parent.len()];
        for corner in 0..parent.len() {
            let at = root(&mut parent, corner);
            if number[at] == u32::MAX {
                number[at] = mesh.positions.len() as u32;
                let p = self.corners[corner / 3][corner % 3];
                mesh.positions.push(std::array::from_fn(|a| {
                    world.origin[a] + 0.5 * p[a] as f32 * world.voxel
                }));
            }
            mesh.indices.push(number[at]);
        }
        mesh
    }
}
