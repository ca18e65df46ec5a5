//! A top-down map of a world: floor, obstacles, the camera's path and where agents found faults.
//!
//! +X is to the right and +Z down, so the first camera of most clips looks up the page. Light: walkable floor; dark:
//! obstacles; near black: seen to have no floor; hatched: never seen. Blue: the camera's path from its ring. Dots:
//! violations, red high, orange medium, yellow low.

use image::{Rgb, RgbImage};

use crate::agent::traverse::{Column, Nav};
use crate::agent::{AgentOptions, AgentReport, Body, Severity};
use crate::camera::Cameras;
use crate::world::World;

/// Longest side of the picture, about, in pixels.
const SIDE: f64 = 600.0;

const PATH: Rgb<u8> = Rgb([30, 90, 220]);
const WHITE: Rgb<u8> = Rgb([255, 255, 255]);
const BLACK: Rgb<u8> = Rgb([20, 20, 20]);

/// Draws the map. The agent's size is read from the report's metrics, standard where they lack it.
pub fn draw(world: &World, cameras: &Cameras, report: &AgentReport) -> RgbImage {
    let [nx, _, nz] = world.dims;
    let scale = (SIDE / f64::from(nx.max(nz).max(1))).max(0.25);
    let width = (f64::from(nx) * scale).ceil().max(1.0) as u32;
    let height = (f64::from(nz) * scale).ceil().max(1.0) as u32;
    let mut map = RgbImage::from_pixel(width, height, WHITE);
    if world.states.len() != world.dims.iter().map(|&n| n as usize).product::<usize>() {
        return map;
    }
    let nav = body(world, cameras, report).map(|b| (Nav::new(world, &b), b));
    for (px, py, pixel) in map.enumerate_pixels_mut() {
        let x = ((f64::from(px) / scale) as u32).min(nx.saturating_sub(1));
        let z = ((f64::from(py) / scale) as u32).min(nz.saturating_sub(1));
        let i = (x + nx * z) as usize;
        *pixel = match &nav {
            Some((nav, body)) => match nav.kind[i] {
                Column::Walkable if nav.standable(i, body) => Rgb([205, 226, 200]),
                Column::Walkable => Rgb([228, 232, 220]),
                Column::Blocked => Rgb([96, 88, 80]),
                Column::Open => Rgb([40, 10, 20]),
                Column::Unknown if (px + py) % 8 < 2 => Rgb([150, 155, 165]),
                Column::Unknown => Rgb([186, 190, 198]),
            },
            None => Rgb([186, 190, 198]),
        };
    }
    let place = |x: f64, z: f64| {
        let v = f64::from(world.voxel);
        (
            (x - f64::from(world.origin[0])) / v * scale,
            (z - f64::from(world.origin[2])) / v * scale,
        )
    };
    let path: Vec<(f64, f64)> = cameras
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
        if let (Some(camera), Some(&(x, y))) = (camera, at) {
            let forward = camera.pose.rotation.z_axis;
            let flat = forward.x.hypot(forward.z).max(1e-9);
            let tip = (x + 22.0 * forward.x / flat, y + 22.0 * forward.z / flat);
            line(&mut map, (x, y), tip, 1.0, PATH);
        }
    }
    if let Some(&at) = path.first() {
        dot(&mut map, at, 6.0, PATH);
        dot(&mut map, at, 3.5, WHITE);
    }
    // Worst last, so that they lie on top.
    for v in report.violations.iter().rev() {
        let at = place(v.location.x, v.location.z);
        let colour = match v.severity {
            Severity::High => Rgb([215, 30, 35]),
            Severity::Medium => Rgb([245, 140, 20]),
            Severity::Low => Rgb([250, 215, 40]),
        };
        dot(&mut map, at, 9.0, BLACK);
        dot(&mut map, at, 8.0, WHITE);
        dot(&mut map, at, 6.0, colour);
    }
    map
}

fn body(world: &World, cameras: &Cameras, report: &AgentReport) -> Option<Body> {
    let standard = AgentOptions::default()
        .body(world, cameras, &mut Vec::new())
        .ok()?;
    let metric = |name: &str, otherwise: f64| match report.metrics.get(name) {
        Some(&value) if value > 0.0 => value,
        _ => otherwise,
    };
    Some(Body {
        height: metric("agent_height", standard.height),
        radius: metric("agent_radius", standard.radius),
        climb: metric("agent_climb", standard.climb),
        ..standard
    })
}

/// A filled disc; parts outside the picture are left out.
fn dot(map: &mut RgbImage, (x, y): (f64, f64), radius: f64, colour: Rgb<u8>) {
    let (width, height) = (i64::from(map.width()), i64::from(map.height()));
    if !(x.is_finite() && y.is_finite()) {
        return;
    }
    let bound = |a: f64, most: i64| (a as i64).clamp(0, most);
    for py in bound(y - radius, height)..bound(y + radius + 2.0, height) {
        for px in bound(x - radius, width)..bound(x + radius + 2.0, width) {
            let (dx, dy) = (px as f64 + 0.5 - x, py as f64 + 0.5 - y);
            if dx * dx + dy * dy <= radius * radius {
                map.put_pixel(px as u32, py as u32, colour);
            }
        }
    }
}

fn line(map: &mut RgbImage, a: (f64, f64), b: (f64, f64), radius: f64, colour: Rgb<u8>) {
    let length = (b.0 - a.0).hypot(b.1 - a.1);
    if !length.is_finite() {
        return;
    }
    // A path far outside the picture is not worth a point a pixel.
    let steps = (length.ceil() as usize).clamp(1, 4000);
    for s in 0..=steps {
        let f = s as f64 / steps as f64;
        let at = (a.0 + (b.0 - a.0) * f, a.1 + (b.1 - a.1) * f);
        dot(map, at, radius, colour);
    }
}
