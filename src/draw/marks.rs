//! Marks in pictures: dots, lines, numbers, and what a camera sees of a place or a box.

use glam::{DVec2, DVec3};
use image::{Rgb, RgbImage};

use super::font;
use crate::agent::Severity;
use crate::camera::Camera;

/// White.
pub const WHITE: Rgb<u8> = Rgb([255, 255, 255]);
/// Nearly black.
pub const BLACK: Rgb<u8> = Rgb([20, 20, 20]);

/// Points of a line, at most.
const POINTS: usize = 4000;

/// The colour of a severity; that of a doubt is paler.
pub fn severity(severity: Severity, doubt: bool) -> Rgb<u8> {
    let full = match severity {
        Severity::High => [215, 30, 35],
        Severity::Medium => [245, 140, 20],
        Severity::Low => [250, 215, 40],
    };
    match doubt {
        true => Rgb(full.map(|c: u8| ((u16::from(c) + 2 * 235) / 3) as u8)),
        false => Rgb(full),
    }
}

/// A filled disc; parts outside the picture are left out.
pub fn dot(picture: &mut RgbImage, at: DVec2, radius: f64, colour: Rgb<u8>) {
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    if !at.is_finite() {
        return;
    }
    let bound = |a: f64, most: i64| (a as i64).clamp(0, most);
    for y in bound(at.y - radius, height)..bound(at.y + radius + 2.0, height) {
        for x in bound(at.x - radius, width)..bound(at.x + radius + 2.0, width) {
            let off = DVec2::new(x as f64 + 0.5, y as f64 + 0.5) - at;
            if off.length_squared() <= radius * radius {
                picture.put_pixel(x as u32, y as u32, colour);
            }
        }
    }
}

/// A line of round ends; parts outside the picture are left out.
pub fn line(picture: &mut RgbImage, a: DVec2, b: DVec2, radius: f64, colour: Rgb<u8>) {
    let length = a.distance(b);
    if !length.is_finite() {
        return;
    }
    // A path far outside the picture is not worth a point a pixel.
    let steps = (length.ceil() as usize).clamp(1, POINTS);
    for s in 0..=steps {
        dot(picture, a.lerp(b, s as f64 / steps as f64), radius, colour);
    }
}

/// A line three pixels wide that begins and ends between pixels.
pub fn stroke(picture: &mut RgbImage, a: DVec2, b: DVec2, colour: Rgb<u8>) {
    line(picture, a, b, 1.5, colour);
}

/// A disc with a number in it.
pub fn number(picture: &mut RgbImage, at: DVec2, number: usize, colour: Rgb<u8>) {
    let text = number.to_string();
    let width = font::scaled_width(&text, 1);
    let radius = (f64::from(width) / 2.0 + 3.0).max(8.0);
    if !at.is_finite() {
        return;
    }
    // The whole disc lies in the picture, whatever it marks.
    let [w, h] = [picture.width(), picture.height()].map(f64::from);
    let most = DVec2::new(w - radius - 1.0, h - radius - 1.0);
    let at = at.min(most).max(DVec2::splat(radius + 1.0));
    dot(picture, at, radius + 1.5, BLACK);
    dot(picture, at, radius, colour);
    let corner = at - DVec2::new(f64::from(width) / 2.0, 3.5);
    if corner.is_finite() && corner.min_element() >= 0.0 {
        let corner = [corner.x.round() as u32, corner.y.round() as u32];
        font::draw_scaled(picture, corner, &text, BLACK, 1);
    }
}

/// Where a camera's picture shows a place; `None` behind the camera and outside the picture.
pub fn seen(camera: &Camera, place: DVec3) -> Option<DVec2> {
    let k = camera.intrinsics;
    let at = k.project(camera.pose.to_camera(place))?;
    let inside =
        at.x >= 0.0 && at.y >= 0.0 && at.x < f64::from(k.width) && at.y < f64::from(k.height);
    inside.then_some(at)
}

/// The edges of an upright box, as far as they are before the camera; the camera's picture is this one.
pub fn wires(
    picture: &mut RgbImage,
    camera: &Camera,
    [low, high]: [DVec3; 2],
    radius: f64,
    colour: Rgb<u8>,
) {
    let corner = |k: usize| {
        DVec3::new(
            [low, high][k & 1].x,
            [low, high][k >> 1 & 1].y,
            [low, high][k >> 2 & 1].z,
        )
    };
    for k in 0..8usize {
        for bit in [1, 2, 4] {
            if k & bit != 0 {
                continue;
            }
            let (a, b) = (corner(k), corner(k | bit));
            // Enough for an edge across a whole picture.
            let steps = (a.distance(b) / 0.02).ceil().clamp(400.0, 2000.0) as usize;
            for s in 0..=steps {
                if let Some(at) = seen(camera, a.lerp(b, s as f64 / steps as f64)) {
                    dot(picture, at, radius, colour);
                }
            }
        }
    }
}

/// A cross at a place, as a camera sees it.
pub fn cross(picture: &mut RgbImage, camera: &Camera, place: DVec3, arm: f64, colour: Rgb<u8>) {
    if let Some(at) = seen(camera, place) {
        for tip in [DVec2::new(arm, arm), DVec2::new(arm, -arm)] {
            line(picture, at - tip, at + tip, 1.0, colour);
        }
    }
}
