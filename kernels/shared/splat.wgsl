// What the splat kernels share: the records (colours apart, see shared/harmonics) and the exact intersection of a splat's ellipse with tiles of 8x8.

const TILE: u32 = 8u;

struct Splat {
    centre: vec4<f32>,    // xyz in the world, opacity logit
    log_scale: vec4<f32>, // natural logarithm; w unused
    rotation: vec4<f32>,  // w, x, y, z; need not be normalised
}

struct Projected {
    centre: vec4<f32>, // pixel x, y; depth along z; opacity
    conic: vec4<f32>,  // a, b, c of a dx^2 + 2 b dx dy + c dy^2; the value where alpha falls to 1/255, < 0 when culled
    colour: vec4<f32>, // RGB; w unused
}

fn finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

// First and one past the last tile row whose pixel centres the ellipse can reach.
fn tile_rows(p: Projected, height: u32) -> vec2<u32> {
    let det = p.conic.x * p.conic.z - p.conic.y * p.conic.y;
    if !(p.conic.w >= 0.0) || !(det > 0.0) {
        return vec2<u32>(0u, 0u);
    }
    let reach = sqrt(p.conic.w * p.conic.x / det);
    let low = ceil(p.centre.y - reach - 0.5);
    let high = floor(p.centre.y + reach - 0.5);
    if !(high >= low) || high < 0.0 || low >= f32(height) {
        return vec2<u32>(0u, 0u);
    }
    let first = u32(max(low, 0.0));
    let last = u32(min(high, f32(height) - 1.0));
    return vec2<u32>(first / TILE, last / TILE + 1u);
}

// First and one past the last tile of one tile row: the ellipse's extent over the row's band of pixel centres.
// The scan-line test of VkSplat (arXiv 2605.00219), solved in closed form.
fn tile_span(p: Projected, row: u32, width: u32) -> vec2<u32> {
    let det = p.conic.x * p.conic.z - p.conic.y * p.conic.y;
    let top = f32(row * TILE) + 0.5 - p.centre.y;
    let bottom = top + f32(TILE - 1u);
    let reach = sqrt(p.conic.w * p.conic.x / det);
    if top > reach || bottom < -reach {
        return vec2<u32>(0u, 0u);
    }
    let tilt = -p.conic.y / p.conic.z * sqrt(p.conic.w * p.conic.z / det);
    let y_right = clamp(tilt, max(top, -reach), min(bottom, reach));
    let y_left = clamp(-tilt, max(top, -reach), min(bottom, reach));
    let right = (-p.conic.y * y_right + sqrt(max(p.conic.x * p.conic.w - det * y_right * y_right, 0.0))) / p.conic.x;
    let left = (-p.conic.y * y_left - sqrt(max(p.conic.x * p.conic.w - det * y_left * y_left, 0.0))) / p.conic.x;
    let low = ceil(p.centre.x + left - 0.5);
    let high = floor(p.centre.x + right - 0.5);
    if !(high >= low) || high < 0.0 || low >= f32(width) {
        return vec2<u32>(0u, 0u);
    }
    let first = u32(max(low, 0.0));
    let last = u32(min(high, f32(width) - 1.0));
    return vec2<u32>(first / TILE, last / TILE + 1u);
}
