//! A top-down map of a world: floor, obstacles, the camera's path, the ways of agents and where they found faults.
//!
//! +X is to the right and +Z down, so the first camera of most clips looks up the page. Floor: from ochre beside what is in
//! the way to green where much is clear, a little darker where an agent can stand; dark: obstacles; near black: seen to
//! have no floor; hatched: never seen. Violet: ways that agents walked. Blue: the camera's path from its ring. Numbered:
//! violations, red high, orange medium, yellow low, worst first; doubts after them, paler.

use glam::DVec2;
use image::{Rgb, RgbImage};

use super::marks::{WHITE, dot, line, number, severity};
use crate::agent::{AgentReport, Floor, Ground};
use crate::camera::Cameras;

/// Longest side of the picture, about, in pixels.
const SIDE: f64 = 600.0;

/// Pixels between two numbers at the least.
const APART: f64 = 18.0;

const PATH: Rgb<u8> = Rgb([30, 90, 220]);
const WALKED: Rgb<u8> = Rgb([150, 120, 190]);

/// Draws the map.
pub fn draw(floor: &Floor, cameras: &Cameras, report: &AgentReport) -> RgbImage {
    let [nx, nz] = floor.size();
    let scale = (SIDE / nx.max(nz).max(1) as f64).max(0.25);
    let side = |n: usize| (n as f64 * scale).ceil().max(1.0) as u32;
    let mut map = RgbImage::from_pixel(side(nx), side(nz), WHITE);
    let ground: Vec<Ground> = floor
        .rows
        .iter()
        .flat_map(|row| {
            let letters = row.chars().map(Ground::of);
            letters.chain(std::iter::repeat(Ground::Unknown)).take(nx)
        })
        .collect();
    let clear = clearance(&ground, nx);
    let walkable = |g: Ground| matches!(g, Ground::Standable | Ground::Walkable);
    let most = (0..ground.len())
        .filter(|&i| walkable(ground[i]) && clear[i].is_finite())
        .map(|i| clear[i])
        .fold(1.0, f32::max);
    for (px, py, pixel) in map.enumerate_pixels_mut() {
        let cell = |p: u32, n: usize| ((f64::from(p) / scale) as usize).min(n.saturating_sub(1));
        let i = cell(px, nx) + nx * cell(py, nz);
        let kind = ground.get(i).copied().unwrap_or(Ground::Unknown);
        *pixel = match kind {
            Ground::Standable | Ground::Walkable => {
                let share = (clear[i] / most).clamp(0.0, 1.0).sqrt();
                let ramp = |a: f32, b: f32| a + (b - a) * share;
                let shade = if kind == Ground::Standable { 0.95 } else { 1.0 };
                let [r, g, b] = [ramp(240.0, 168.0), ramp(222.0, 218.0), ramp(190.0, 172.0)];
                Rgb([r, g, b].map(|c| (c * shade) as u8))
            }
            Ground::Blocked => Rgb([96, 88, 80]),
            Ground::Open => Rgb([40, 10, 20]),
            Ground::Unknown if (px + py) % 8 < 2 => Rgb([150, 155, 165]),
            Ground::Unknown => Rgb([186, 190, 198]),
        };
    }
    let place = |x: f64, z: f64| {
        let corner = DVec2::from_array(floor.origin.map(f64::from));
        (DVec2::new(x, z) - corner) / f64::from(floor.voxel) * scale
    };
    for way in &floor.paths {
        let at = |[x, z]: [f32; 2]| place(f64::from(x), f64::from(z));
        for pair in way.windows(2) {
            line(&mut map, at(pair[0]), at(pair[1]), 0.8, WALKED);
        }
    }
    let path: Vec<DVec2> = cameras
        .cameras
        .iter()
        .map(|c| place(c.pose.position.x, c.pose.position.z))
        .collect();
    for pair in path.windows(2) {
        line(&mut map, pair[0], pair[1], 1.5, PATH);
    }
    // Where the first and the last camera look.
    for (camera, at) in [cameras.cameras.first(), cameras.cameras.last()]
        .into_iter()
        .zip([path.first(), path.last()])
    {
        if let (Some(camera), Some(&at)) = (camera, at) {
            let forward = camera.pose.rotation.z_axis;
            let flat = DVec2::new(forward.x, forward.z);
            let tip = at + 22.0 * flat / flat.length().max(1e-9);
            line(&mut map, at, tip, 1.0, PATH);
        }
    }
    if let Some(&at) = path.first() {
        dot(&mut map, at, 6.0, PATH);
        dot(&mut map, at, 3.5, WHITE);
    }
    // Worst first to its place, the others beside it where it is taken; drawn worst last, on top.
    let mut taken: Vec<DVec2> = Vec::new();
    let mut numbers = Vec::new();
    for (n, v, doubt) in report.shown() {
        let at = place(v.location.x, v.location.z);
        let free = |p: &DVec2| taken.iter().all(|t| t.distance(*p) >= APART);
        let spot = beside(at).find(free).unwrap_or(at);
        taken.push(spot);
        numbers.push((n, at, spot, severity(v.severity, doubt)));
    }
    for (n, at, spot, colour) in numbers.into_iter().rev() {
        if spot != at {
            line(&mut map, at, spot, 0.8, colour);
            dot(&mut map, at, 2.0, colour);
        }
        number(&mut map, spot, n, colour);
    }
    map
}

/// A place, then places about it, ever farther off.
fn beside(at: DVec2) -> impl Iterator<Item = DVec2> {
    (0..=24u32).map(move |k| {
        let turn = f64::from(k) * 2.399_963; // the golden angle
        at + APART * f64::from(k).sqrt() * DVec2::from_angle(turn)
    })
}

/// Columns to the nearest one that is blocked or has no floor, about; infinite where there is none.
fn clearance(ground: &[Ground], nx: usize) -> Vec<f32> {
    let blocked = |g: &Ground| matches!(g, Ground::Blocked | Ground::Open);
    let mut far: Vec<f32> = ground
        .iter()
        .map(|g| if blocked(g) { 0.0 } else { f32::INFINITY })
        .collect();
    let nz = ground.len().checked_div(nx).unwrap_or(0);
    let mut pass = |i: usize, around: [(i64, i64); 4]| {
        let (x, z) = ((i % nx) as i64, (i / nx) as i64);
        for (dx, dz) in around {
            let (qx, qz) = (x + dx, z + dz);
            if (0..nx as i64).contains(&qx) && (0..nz as i64).contains(&qz) {
                let step = if dx != 0 && dz != 0 { 1.414 } else { 1.0 };
                far[i] = far[i].min(far[qx as usize + nx * qz as usize] + step);
            }
        }
    };
    for i in 0..ground.len() {
        pass(i, [(-1, 0), (0, -1), (-1, -1), (1, -1)]);
    }
    for i in (0..ground.len()).rev() {
        pass(i, [(1, 0), (0, 1), (1, 1), (-1, 1)]);
    }
    far
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearance_is_counted_in_columns() {
        let rows = ["....", "#...", "...."];
        let ground: Vec<Ground> = rows
            .iter()
            .flat_map(|r| r.chars().map(Ground::of))
            .collect();
        let far = clearance(&ground, 4);
        assert_eq!((far[4], far[5], far[7]), (0.0, 1.0, 3.0));
        assert!((far[1] - 1.414).abs() < 1e-6, "{far:?}");
        assert!(clearance(&ground[..4], 4).iter().all(|d| d.is_infinite()));
        assert!(clearance(&[], 0).is_empty());
    }
}
