//! Which triangles of a mesh close something in, and what lies on which side of them.

use std::collections::HashMap;
use std::f64::consts::{PI, TAU};

use rayon::prelude::*;

use super::Triangle;
use super::parted::{corners, cross, dot, normal, sub};

/// Rays that look around from a place.
pub(super) const RAYS: usize = 16;
/// Of those so many count surfaces: the middle of what they say holds where one of them passes along an edge.
const COUNTED: usize = 5;
/// Of the edges between triangles this share is passed in opposite directions where windings are to be relied on.
const COHERENT: f64 = 0.98;

/// An edge of the mesh.
#[derive(Clone, Copy, Default)]
struct Edge {
    /// Triangles at it.
    count: u32,
    /// Those that pass it one way less those that pass it the other.
    net: i32,
    /// Their numbers, one by one exclusive or: where there is one, its own.
    mix: u32,
}

/// The triangles of a mesh by the surfaces that they make.
pub(super) struct Shells<'a> {
    triangles: &'a [Triangle],
    /// Whether each is of a surface that has no end: at each of its edges it meets one other, or three, ..., sheets that
    /// lean on it aside.
    closed: Vec<bool>,
    coherent: bool,
}

/// What is seen from a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether it lies in an odd number of closed surfaces.
    pub odd: bool,
    /// How often closed surfaces that face outward go around it.
    pub winding: i32,
    /// Rays that meet the front and the back of a triangle first.
    pub sides: [usize; 2],
}

impl Look {
    /// Whether most of what is around is seen from its back.
    pub fn behind(&self) -> bool {
        2 * self.sides[1] > self.sides[0] + self.sides[1]
    }
}

impl<'a> Shells<'a> {
    /// Joins triangles whose corners have the same coordinates.
    pub fn of(triangles: &'a [Triangle]) -> Self {
        let mut places: HashMap<[u32; 3], u32> = HashMap::new();
        let mut names: HashMap<[u32; 2], u32> = HashMap::new();
        let mut edges: Vec<Edge> = Vec::new();
        let mut sides: Vec<[u32; 3]> = Vec::with_capacity(triangles.len());
        for (t, at) in triangles.iter().zip(0u32..) {
            // 0 and -0 are one.
            let ids = t.map(|p| {
                let next = places.len() as u32;
                *places.entry(p.map(|x| (x + 0.0).to_bits())).or_insert(next)
            });
            sides.push([0, 1, 2].map(|k| {
                let (a, b) = (ids[k], ids[(k + 1) % 3]);
                let next = edges.len() as u32;
                let name = *names.entry([a.min(b), a.max(b)]).or_insert(next);
                if name == next {
                    edges.push(Edge::default());
                }
                let edge = &mut edges[name as usize];
                edge.count += 1;
                edge.net += if a < b { 1 } else { -1 };
                edge.mix ^= at;
                name
            }));
        }
        // Where sheets meet a block, one edge has three triangles.
        let inner = edges.iter().filter(|e| e.count > 0 && e.count % 2 == 0);
        let (inner, opposite) = inner.fold((0usize, 0usize), |(inner, opposite), e| {
            (inner + 1, opposite + usize::from(e.net == 0))
        });
        let closed = closed(edges, &sides);
        Self {
            triangles,
            closed,
            coherent: inner > 0 && opposite as f64 >= COHERENT * inner as f64,
        }
    }

    /// Whether windings agree with each other, so that they tell front from back.
    pub fn coherent(&self) -> bool {
        self.coherent
    }

    /// What is seen from the outermost of some places, and from most of them where windings do not tell.
    pub fn look_from(&self, places: &[[f64; 3]]) -> Option<Look> {
        let mut looks: Vec<Look> = places.iter().map(|&p| self.look(p)).collect();
        looks.sort_by_key(|l| (self.coherent.then_some(l.winding), l.odd));
        let at = if self.coherent { 0 } else { looks.len() / 2 };
        looks.get(at).copied()
    }

    /// What is seen from a place.
    pub fn look(&self, from: [f64; 3]) -> Look {
        let rays: Vec<(i32, i32, Option<bool>)> = (0..RAYS)
            .into_par_iter()
            .map(|k| self.cast(from, way(k)))
            .collect();
        let middle = |of: fn(&(i32, i32, Option<bool>)) -> i32| {
            let mut all: Vec<i32> = rays[..COUNTED].iter().map(of).collect();
            all.sort_unstable();
            all[COUNTED / 2]
        };
        let seen = |front: bool| rays.iter().filter(|r| r.2 == Some(front)).count();
        Look {
            odd: middle(|r| r.0 % 2) == 1,
            winding: middle(|r| r.1),
            sides: [seen(true), seen(false)],
        }
    }

    /// Closed surfaces that a ray passes, how many more it leaves than it enters, and whether it first meets a front.
    fn cast(&self, from: [f64; 3], d: [f64; 3]) -> (i32, i32, Option<bool>) {
        let (mut passed, mut winding) = (0, 0);
        let mut nearest = (f64::INFINITY, None);
        for (t, &closed) in self.triangles.iter().zip(&self.closed) {
            let t = corners(t);
            let Some((far, out)) = meets(t, from, d) else {
                continue;
            };
            if far < nearest.0 {
                nearest = (far, Some(!out));
            }
            if closed {
                passed += 1;
                winding += if out { 1 } else { -1 };
            }
        }
        (passed, winding, nearest.1)
    }
}

/// Which triangles are left of a mesh without its sheets, where each edge that is left has two of them, or four, ...
fn closed(mut edges: Vec<Edge>, sides: &[[u32; 3]]) -> Vec<bool> {
    // Sheets are taken away from their ends: a ramp that leans on a block leaves the block.
    let mut left = vec![true; sides.len()];
    let mut ends: Vec<u32> = (0..edges.len() as u32).collect();
    while let Some(end) = ends.pop() {
        let edge = edges[end as usize];
        if edge.count != 1 {
            continue;
        }
        left[edge.mix as usize] = false;
        for &side in &sides[edge.mix as usize] {
            let beside = &mut edges[side as usize];
            beside.count -= 1;
            beside.mix ^= edge.mix;
            ends.push(side);
        }
    }
    let mut parent: Vec<u32> = (0..sides.len() as u32).collect();
    let mut first = vec![u32::MAX; edges.len()];
    let kept = || (0u32..).zip(sides).filter(|(at, _)| left[*at as usize]);
    for (at, three) in kept() {
        for &side in three {
            let other = &mut first[side as usize];
            if *other == u32::MAX {
                *other = at;
            }
            let (x, y) = (root(&mut parent, at), root(&mut parent, *other));
            parent[x.max(y) as usize] = x.min(y);
        }
    }
    let mut odd = vec![false; sides.len()];
    for (at, three) in kept() {
        if three
            .iter()
            .any(|&side| edges[side as usize].count % 2 == 1)
        {
            odd[root(&mut parent, at) as usize] = true;
        }
    }
    let whole = |at: usize, parent: &mut [u32]| left[at] && !odd[root(parent, at as u32) as usize];
    (0..sides.len()).map(|at| whole(at, &mut parent)).collect()
}

fn root(parent: &mut [u32], mut at: u32) -> u32 {
    while parent[at as usize] != at {
        let over = parent[parent[at as usize] as usize];
        parent[at as usize] = over;
        at = over;
    }
    at
}

/// Directions all around (a Fibonacci sphere), turned so that none lies along an axis or a diagonal; neighbours in number
/// are no neighbours in space.
fn way(k: usize) -> [f64; 3] {
    let k = (k * 7) % RAYS;
    let y = 1.0 - 2.0 * (k as f64 + 0.37) / RAYS as f64;
    let r = (1.0 - y * y).sqrt();
    let a = (0.618_033_988_75 * k as f64 * TAU + 0.173 * PI) % TAU;
    [r * a.cos(), y, r * a.sin()]
}

/// How far along a ray a triangle is met, and whether the ray goes out of its back to its front (Moeller and Trumbore).
fn meets(t: [[f64; 3]; 3], from: [f64; 3], d: [f64; 3]) -> Option<(f64, bool)> {
    let (e, f) = (sub(t[1], t[0]), sub(t[2], t[0]));
    let p = cross(d, f);
    let det = dot(e, p);
    if det == 0.0 {
        return None;
    }
    let s = sub(from, t[0]);
    let u = dot(s, p) / det;
    let q = cross(s, e);
    let v = dot(d, q) / det;
    let far = dot(f, q) / det;
    (u >= 0.0 && v >= 0.0 && u + v <= 1.0 && far > 0.0).then(|| (far, dot(normal(t), d) > 0.0))
}
