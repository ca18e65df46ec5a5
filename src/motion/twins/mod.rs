//! Twins of `kernels/motion/`.

pub mod camera;
pub mod check;
pub mod compose;
pub mod densify;
pub mod follow;
pub mod objects;
pub mod own;
pub mod quads;
pub mod refine;
pub mod search;
pub mod upsample;
pub mod warp;

/// A coordinate clamped into [0, last]; NaN becomes 0.
fn inside(x: f32, last: f32) -> f32 {
    if x > 0.0 { x.min(last) } else { 0.0 }
}

/// Index of the pixel at (x, y), edges repeated.
fn clamped(x: i64, y: i64, width: u32, height: u32) -> usize {
    let cx = x.clamp(0, i64::from(width) - 1) as usize;
    let cy = y.clamp(0, i64::from(height) - 1) as usize;
    cy * width as usize + cx
}

/// Index of the pixel nearest to (x, y), edges repeated.
fn nearest(x: f32, y: f32, width: u32, height: u32) -> usize {
    let cx = inside(x + 0.5, (width - 1) as f32) as usize;
    let cy = inside(y + 0.5, (height - 1) as f32) as usize;
    cy * width as usize + cx
}

/// Bilinear weights and indices at (x, y), edges repeated.
fn corners(x: f32, y: f32, width: u32, height: u32) -> ([usize; 4], f32, f32) {
    let cx = inside(x, (width - 1) as f32);
    let cy = inside(y, (height - 1) as f32);
    let (x0, y0) = (cx as usize, cy as usize);
    let x1 = (x0 + 1).min(width as usize - 1);
    let y1 = (y0 + 1).min(height as usize - 1);
    let w = width as usize;
    let at = [y0 * w + x0, y0 * w + x1, y1 * w + x0, y1 * w + x1];
    (at, cx - x0 as f32, cy - y0 as f32)
}

fn mix(a: f32, b: f32, t: f32) -> f32 {
    a * (1.0 - t) + b * t
}

/// Bilinear value of a picture at (x, y), edges repeated.
pub(crate) fn sample(image: &[f32], width: u32, height: u32, x: f32, y: f32) -> f32 {
    let (at, tx, ty) = corners(x, y, width, height);
    let top = mix(image[at[0]], image[at[1]], tx);
    let low = mix(image[at[2]], image[at[3]], tx);
    mix(top, low, ty)
}

/// Bilinear value of a flow field at (x, y), edges repeated.
fn sample2(field: &[[f32; 2]], width: u32, height: u32, x: f32, y: f32) -> [f32; 2] {
    let (at, tx, ty) = corners(x, y, width, height);
    [0, 1].map(|c| {
        let top = mix(field[at[0]][c], field[at[1]][c], tx);
        let low = mix(field[at[2]][c], field[at[3]][c], tx);
        mix(top, low, ty)
    })
}

/// (x, y) lies on the picture's grid of pixel centres.
fn seen(x: f32, y: f32, width: u32, height: u32) -> bool {
    x >= 0.0 && x <= (width - 1) as f32 && y >= 0.0 && y <= (height - 1) as f32
}
