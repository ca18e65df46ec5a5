//! Twin of `kernels/video/convert_hdr.wgsl`; see there for the sources.

use super::convert::map_pixels;
use crate::gpu::Call;
use crate::video::ConvertParams;

const WHITE: f32 = 203.0;

fn pq(light: f32) -> f32 {
    let y = light.max(0.0).powf(0.159_301_76);
    ((0.835_937_5 + 18.851_563 * y) / (1.0 + 18.6875 * y)).powf(78.84375)
}

fn pq_inverse(value: f32) -> f32 {
    let v = value.clamp(0.0, 1.0).powf(1.0 / 78.84375);
    ((v - 0.835_937_5).max(0.0) / (18.851_563 - 18.6875 * v)).powf(1.0 / 0.159_301_76)
}

fn hlg_inverse(value: f32) -> f32 {
    let v = value.clamp(0.0, 1.0);
    if v <= 0.5 {
        v * v / 3.0
    } else {
        (((v - 0.559_910_7) / 0.178_832_77).exp() + 0.284_668_92) / 12.0
    }
}

fn light(params: &ConvertParams, colour: [f32; 3]) -> [f32; 3] {
    if params.hlg == 0 {
        return colour.map(|v| 10000.0 * pq_inverse(v));
    }
    let scene = colour.map(hlg_inverse);
    let luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
    scene.map(|s| 1000.0 * luminance.max(1e-6).powf(0.2) * s)
}

fn eetf(value: f32, peak: f32) -> f32 {
    let top = pq(peak / 10000.0);
    let most = (pq(WHITE / 10000.0) / top).min(1.0);
    let knee = 1.5 * most - 0.5;
    let e = (pq(value / 10000.0) / top).clamp(0.0, 1.0);
    let t = ((e - knee) / (1.0 - knee).max(1e-6)).clamp(0.0, 1.0);
    let (t2, t3) = (t * t, t * t * t);
    let spline = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
        + (t3 - 2.0 * t2 + t) * (1.0 - knee)
        + (3.0 * t2 - 2.0 * t3) * most;
    10000.0 * pq_inverse(if e < knee { e } else { spline } * top)
}

fn srgb(value: f32) -> f32 {
    let v = value.clamp(0.0, 1.0);
    if v <= 0.003_130_8 {
        12.92 * v
    } else {
        1.055 * v.powf(1.0 / 2.4) - 0.055
    }
}

/// Packed sRGB pixels of `params.size`, row-major, from the bytes of one stored HDR frame.
pub fn convert_hdr(params: &ConvertParams, src: &[u32]) -> Vec<u32> {
    map_pixels(params, src, |colour| {
        let shown = light(params, colour);
        let largest = shown[0].max(shown[1]).max(shown[2]);
        let scale = eetf(largest, params.peak) / largest.max(1e-6) / WHITE;
        let wide = shown.map(|v| v * scale);
        [
            [1.660_491, -0.587_641, -0.072_85],
            [-0.124_55, 1.1329, -0.008_349],
            [-0.018_151, -0.100_579, 1.118_73],
        ]
        .map(|row: [f32; 3]| srgb(row[0] * wide[0] + row[1] * wide[1] + row[2] * wide[2]))
    })
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(1, 0, &convert_hdr(&call.params(), call.read(0)));
}
