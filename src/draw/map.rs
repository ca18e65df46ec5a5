//! A top-down map of a world: floor, obstacles, the camera's path and where agents found faults.
//!
//! +X is to the right and +Z down, so the first camera of most clips looks up the page. Light: walkable floor; dark:
//! obstacles; near black: seen to have no floor; hatched: never seen. Blue: the camera's path from its ring. Dots:
//! violations, red high, orange medium, yellow low.

use image::{Rgb, RgbImage};

use crate::agent::{AgentReport, Floor, Ground, Severity};
use crate::camera::Cameras;

/// Longest side of the picture, about, in pixels.
const SIDE: f64 = 600.0;

const PATH: Rgb<u8> = Rgb([30, 90, 220]);
const WHITE: Rgb<u8> = Rgb([255, 255, 255]);
const BLACK: Rgb<u8> = Rgb([20, 20, 20]);

/// Draws the map.
pub fn draw(floor: &Floor, cameras: &Cameras, report: &AgentReport) -> RgbImage {
    let [nx, nz] = floor.size();
    let scale = (SIDE / nx.max(nz).max(1) as f64).max(0.25);
    let side = |n: usize| (n as f64 * scale).ceil().max(1.0) as u32;
    let mut map = RgbImage::from_pixel(side(nx), side(nz), WHITE);
    let rows: Vec<Vec<char>> = floor.rows.iter().map(|row| row.chars().collect()).collect();
    for (px, py, pixel) in map.enumerate_pixels_mut() {
        let cell = |p: u32, n: usize| ((f64::from(p) / scale) as usize).min(n.saturating_sub(1));
        let row = rows.get(cell(py, nz));
        let letter = row.and_then(|row| row.get(cell(px, nx)));
        *pixel = match letter.map_or(Ground::Unknown, |&letter| Ground::of(letter)) {
            Ground::Standable => Rgb([205, 226, 200]),
            Ground::Walkable => Rgb([228, 232, 220]),
            Ground::Blocked => Rgb([96, 88, 80]),
            Ground::Open => Rgb([40, 10, 20]),
            Ground::Unknown if (px + py) % 8 < 2 => Rgb([150, 155, 165]),
            Ground::Unknown => Rgb([186, 190, 198]),
        };
    }
    let place = |x: f64, z: f64| {
        let v = f64::from(floor.voxel);
        (
            (x - f64::from(floor.origin[0])) / v * scale,
            (z - f64::from(floor.origin[1])) / v * scale,
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
