//! Twins of `kernels/eval/`, and of what they share.

pub mod blocks;
pub mod displace;
pub mod erase;
pub mod flicker;
pub mod graft;
pub mod noise;

use crate::numeric::hashed;

fn usable(v: f32, low: f32, high: f32) -> f32 {
    if v.is_finite() { v } else { 0.0 }.clamp(low, high)
}

fn colour(p: u32) -> [f32; 3] {
    [0, 8, 16].map(|shift| (p >> shift & 255) as f32)
}

fn packed(c: [f32; 3], like: u32) -> u32 {
    let [r, g, b] = c.map(|v| (v.clamp(0.0, 255.0) + 0.5) as u32);
    r | g << 8 | b << 16 | like & 0xff00_0000
}

fn mix(a: f32, b: f32, share: f32) -> f32 {
    a * (1.0 - share) + b * share
}

fn smoothstep(low: f32, high: f32, v: f32) -> f32 {
    let t = ((v - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Two numbers of mean 0 and variance 1 that change smoothly over the lattice.
pub fn smooth_noise([x, y]: [f32; 2], seed: u32) -> [f32; 2] {
    let corner = [x.floor(), y.floor()];
    let s = [x - corner[0], y - corner[1]].map(|f| f * f * (3.0 - 2.0 * f));
    let at = |i: i32, j: i32| {
        let place = [corner[0] as i32 + i, corner[1] as i32 + j];
        let h = hashed(place[0] as u32, place[1] as u32, seed);
        [h & 0xffff, h >> 16].map(|v| v as f32 / 32767.5 - 1.0)
    };
    [0, 1].map(|c| {
        let top = mix(at(0, 0)[c], at(1, 0)[c], s[0]);
        let low = mix(at(0, 1)[c], at(1, 1)[c], s[0]);
        2.3316 * mix(top, low, s[1])
    })
}

fn cubic(f: f32) -> [f32; 4] {
    let (f2, f3) = (f * f, f * f * f);
    [
        -0.5 * f3 + f2 - 0.5 * f,
        1.5 * f3 - 2.5 * f2 + 1.0,
        -1.5 * f3 + 2.0 * f2 + 0.5 * f,
        0.5 * f3 - 0.5 * f2,
    ]
}

/// An image between its pixels by Catmull-Rom's cubic, edges mirrored; pixel centres are whole numbers.
fn sampled(image: &[u32], size: [u32; 2], at: [f32; 2]) -> [f32; 3] {
    let near = [0, 1].map(|c| at[c].clamp(-(size[c] as f32), 2.0 * size[c] as f32));
    let mirrored = |i: i32, count: u32| {
        let n = count as i32;
        let i = if i < 0 { -1 - i } else { i };
        let i = if i >= n { 2 * n - 1 - i } else { i };
        i.clamp(0, n - 1) as usize
    };
    let w = near.map(|v| cubic(v - v.floor()));
    let first = near.map(|v| v.floor() as i32 - 1);
    let mut sum = [0.0; 3];
    for (j, wy) in (0..).zip(w[1]) {
        for (i, wx) in (0..).zip(w[0]) {
            let x = mirrored(first[0] + i, size[0]);
            let y = mirrored(first[1] + j, size[1]);
            let c = colour(image[y * size[0] as usize + x]);
            for k in 0..3 {
                sum[k] += wx * wy * c[k];
            }
        }
    }
    sum
}

/// Each pixel by its place.
fn each([width, height]: [u32; 2], mut pixel: impl FnMut(u32, u32) -> u32) -> Vec<u32> {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    places.map(|(x, y)| pixel(x, y)).collect()
}
