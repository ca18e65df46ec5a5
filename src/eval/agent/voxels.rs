//! The true world as voxels: a scene's own triangles are solid, what a true camera sees through is free.

use glam::{DVec3, Vec3};
use rayon::prelude::*;

use super::take::Take;
use crate::mock::mesh;
use crate::mock::piece::Piece;
use crate::mock::scene::Role;
use crate::world::{Voxel, World};

/// The scene at its first frame without who moves, in the grid of `grid`. A pane that is hardly visible is solid.
pub fn world(take: &Take, grid: &World) -> World {
    let mut world = World::empty(grid.origin, grid.voxel, grid.dims);
    (world.floor, world.floor_found, world.unit) = (grid.floor, grid.floor_found, grid.unit);
    let scene = &take.scene;
    let moves = |p: &Piece| {
        let object = scene.objects.iter().find(|o| o.id == p.object);
        object.is_some_and(|o| o.role == Role::Subject)
    };
    let pieces = scene
        .pieces_at(0)
        .into_iter()
        .filter(|p| p.there && !moves(p));
    for piece in pieces.chain(scene.pane()) {
        for triangle in mesh::placed(&piece).triangles() {
            fill(&mut world, triangle.map(Vec3::from_array));
        }
    }
    carve(&mut world, take);
    world
}

/// Makes every voxel solid that a triangle touches.
fn fill(world: &mut World, triangle: [Vec3; 3]) {
    let origin = Vec3::from_array(world.origin);
    let corners = triangle.map(|p| (p - origin) / world.voxel);
    let low = corners[0].min(corners[1]).min(corners[2]).floor();
    let high = corners[0].max(corners[1]).max(corners[2]).floor();
    let span = |a: usize| {
        let most = world.dims[a] as f32;
        (low[a].clamp(0.0, most) as u32)..((high[a] + 1.0).clamp(0.0, most) as u32)
    };
    let [xs, ys, zs] = [0, 1, 2].map(span);
    for z in zs {
        for y in ys.clone() {
            for x in xs.clone() {
                let centre = Vec3::new(x as f32, y as f32, z as f32) + 0.5;
                if touches(corners.map(|p| p - centre)) {
                    world.set([x, y, z], Voxel::Solid);
                }
            }
        }
    }
}

/// Whether a triangle touches the cube of edge 1 about the origin: no axis separates them (Akenine-Moller 2001).
fn touches(t: [Vec3; 3]) -> bool {
    let edges = [t[1] - t[0], t[2] - t[1], t[0] - t[2]];
    let apart = |axis: Vec3| {
        let d = t.map(|p| p.dot(axis));
        let reach = 0.5 * (axis.x.abs() + axis.y.abs() + axis.z.abs()) + 1e-6;
        d[0].min(d[1]).min(d[2]) > reach || d[0].max(d[1]).max(d[2]) < -reach
    };
    let axes = Vec3::AXES;
    !(axes.into_iter().any(apart)
        || apart(edges[0].cross(edges[1]))
        || edges
            .iter()
            .any(|e| axes.into_iter().any(|a| apart(a.cross(*e)))))
}

/// Frees voxels whose middle lies before what some view sees there.
fn carve(world: &mut World, take: &Take) {
    let [width, height] = take.case.size;
    let free = |p: DVec3| {
        take.cameras
            .cameras
            .iter()
            .zip(&take.seen)
            .any(|(camera, seen)| {
                let c = camera.pose.to_camera(p);
                camera.intrinsics.project(c).is_some_and(|at| {
                    let inside = at.x >= 0.0
                        && at.y >= 0.0
                        && at.x < f64::from(width)
                        && at.y < f64::from(height);
                    inside
                        && c.z < f64::from(seen.depth[(at.y as u32 * width + at.x as u32) as usize])
                })
            })
    };
    let unknown: Vec<[u32; 3]> = world.voxels(Voxel::Unknown).collect();
    let freed: Vec<[u32; 3]> = unknown
        .into_par_iter()
        .filter(|at| free(DVec3::from_array(world.centre(at.map(i64::from)))))
        .collect();
    for at in freed {
        world.set(at, Voxel::Free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangles_touch_cubes() {
        let far = Vec3::splat(0.51);
        let t = [Vec3::ZERO, Vec3::X, Vec3::Y];
        assert!(touches(t));
        assert!(touches(
            t.map(|p| 10.0 * p - 3.0 * Vec3::ONE + 3.0 * Vec3::Z)
        ));
        assert!(!touches(t.map(|p| p + far)));
        // Its box reaches into the cube, its plane does not.
        assert!(!touches([
            Vec3::new(1.6, 0.0, 0.0),
            Vec3::new(0.0, 1.6, 0.0),
            Vec3::new(0.0, 0.0, 1.6)
        ]));
        assert!(touches([
            Vec3::new(1.4, 0.0, 0.0),
            Vec3::new(0.0, 1.4, 0.0),
            Vec3::new(0.0, 0.0, 1.4)
        ]));
    }
}
