//! Twin of `kernels/video/undistort.wgsl`.

use glam::{IVec2, UVec2, Vec2, Vec4};

use crate::gpu::Call;
use crate::video::UndistortParams;

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &undistort(&call.params(), call.read(0)));
}

/// The picture as the pinhole sees it.
///
/// # Panics
/// When `src` ends before the picture does.
pub fn undistort(p: &UndistortParams, src: &[u32]) -> Vec<u32> {
    let size = UVec2::from(p.size);
    let whole = size.as_vec2();
    let [fx, fy, cx, cy] = p.pinhole;
    let mut dst = Vec::with_capacity(size.element_product() as usize);
    for y in 0..size.y {
        for x in 0..size.x {
            let pixel = Vec2::new(x as f32, y as f32) + 0.5;
            let ray = (pixel - Vec2::new(cx, cy)) / Vec2::new(fx, fy);
            let squared = ray.dot(ray);
            let at = met(p, ray, squared);
            let off = at - 0.5 * whole;
            let seen = squared < p.under[3]
                && at.cmpge(Vec2::ZERO).all()
                && at.cmple(whole).all()
                && off.dot(off) <= p.circle;
            dst.push(match (seen, p.nearest) {
                (false, _) => p.empty,
                (true, 0) => bilinear(src, size, at),
                (true, _) => {
                    let near = at.as_uvec2().min(size - 1);
                    src[(near.y * size.x + near.x) as usize]
                }
            });
        }
    }
    dst
}

/// Where a ray meets the picture, in pixels.
fn met(p: &UndistortParams, ray: Vec2, squared: f32) -> Vec2 {
    let [k1, k2, k3, k4] = p.radial;
    let polynomial = |s: f32| 1.0 + s * (k1 + s * (k2 + s * (k3 + s * k4)));
    let factor = match p.fisheye {
        0 => {
            let [a, b, c, _] = p.under;
            polynomial(squared) / (1.0 + squared * (a + squared * (b + squared * c)))
        }
        _ => {
            let radius = squared.sqrt();
            let angle = arc_tangent(radius);
            let straight = if radius > 1e-6 { angle / radius } else { 1.0 };
            straight * polynomial(angle * angle)
        }
    };
    let by = Vec2::from(p.tangential);
    let bent = factor * ray + squared * by + 2.0 * by.dot(ray) * ray;
    let [fx, fy, cx, cy] = p.lens;
    Vec2::new(fx, fy) * bent + Vec2::new(cx, cy)
}

/// Of what is not negative: Abramowitz and Stegun 4.4.49.
fn arc_tangent(x: f32) -> f32 {
    const TERMS: [f32; 9] = [
        0.002_866_225_7,
        -0.016_165_737,
        0.042_909_615,
        -0.075_289_64,
        0.106_562_64,
        -0.142_089,
        0.199_935_51,
        -0.333_331_45,
        1.0,
    ];
    let turned = x > 1.0;
    let t = if turned { 1.0 / x } else { x };
    let part = t * TERMS.iter().fold(0.0, |sum, term| sum * (t * t) + term);
    if turned {
        std::f32::consts::FRAC_PI_2 - part
    } else {
        part
    }
}

fn bilinear(src: &[u32], size: UVec2, at: Vec2) -> u32 {
    let low = at - 0.5;
    let corner = low.floor();
    let part = low - corner;
    let weighted = |x: i32, y: i32| {
        let near = corner.as_ivec2() + IVec2::new(x, y);
        let near = near.clamp(IVec2::ZERO, size.as_ivec2() - 1).as_uvec2();
        let [r, g, b, a] = src[(near.y * size.x + near.x) as usize]
            .to_le_bytes()
            .map(f32::from);
        Vec4::new(r * a, g * a, b * a, a)
    };
    let above = weighted(0, 0).lerp(weighted(1, 0), part.x);
    let below = weighted(0, 1).lerp(weighted(1, 1), part.x);
    let sum = above.lerp(below, part.y);
    if sum.w <= 0.0 {
        return 0;
    }
    let levels = (sum.truncate() / sum.w).extend(sum.w);
    let levels = levels.clamp(Vec4::ZERO, Vec4::splat(255.0)) + 0.5;
    u32::from_le_bytes(levels.to_array().map(|level| level as u8))
}
