// Gradient of the loss by the raster's outputs: absolute error and 1 - SSIM of the colour over the background,
// absolute error of the inverse expected depth where a target is known (> 0) and the pixel is mostly covered. A pixel that a
// negative target marks has no gradient: what is rendered there is nobody's fault.

struct Partials { x: vec4<f32>, xx: vec4<f32>, xy: vec4<f32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<Partials>;
@group(0) @binding(2) var<storage, read> image: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> truth: array<u32>;
@group(0) @binding(4) var<storage, read> depth: array<f32>;
@group(0) @binding(5) var<storage, read> inverse_depth: array<f32>; // target; may be empty when the weight is 0
@group(0) @binding(6) var<storage, read_write> image_grad: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> depth_grad: array<f32>;

fn finish(p: u32, by: Partials) {
    if params.marked != 0u && inverse_depth[p] < 0.0 {
        image_grad[p] = vec4<f32>(0.0);
        depth_grad[p] = 0.0;
        return;
    }
    let bg = params.background.xyz;
    let seen = image[p];
    let x = seen.xyz + seen.w * bg;
    let y = target_colour(truth[p], bg);
    let g = params.l1 * sign(x - y) - params.ssim * (by.x.xyz + 2.0 * x * by.xx.xyz + y * by.xy.xyz);
    var clear = dot(g, bg);
    var along = 0.0;
    let covered = 1.0 - seen.w;
    let d = depth[p];
    if params.depth > 0.0 && covered > 0.5 && d > 0.0 {
        let rho = inverse_depth[p];
        if rho > 0.0 && finite_value(rho) {
            let e = params.depth * sign(covered / d - rho);
            clear -= e / d;
            along = -e * covered / (d * d);
        }
    }
    image_grad[p] = vec4<f32>(g, clear);
    depth_grad[p] = along;
}

fn finite_value(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y0 = id.y * 4u;
    if id.x >= params.size.x || y0 >= params.size.y {
        return;
    }
    var out: array<Partials, 4>;
    for (var k = 0u; k < 14u; k++) {
        let at = y0 + k;
        if at >= 5u && at < params.size.y + 5u {
            let s = rows[(at - 5u) * params.size.x + id.x];
            let w = params.taps[k];
            out[0].x += w.x * s.x;
            out[1].x += w.y * s.x;
            out[2].x += w.z * s.x;
            out[3].x += w.w * s.x;
            out[0].xx += w.x * s.xx;
            out[1].xx += w.y * s.xx;
            out[2].xx += w.z * s.xx;
            out[3].xx += w.w * s.xx;
            out[0].xy += w.x * s.xy;
            out[1].xy += w.y * s.xy;
            out[2].xy += w.z * s.xy;
            out[3].xy += w.w * s.xy;
        }
    }
    let p = y0 * params.size.x + id.x;
    finish(p, out[0]);
    if y0 + 1u < params.size.y {
        finish(p + params.size.x, out[1]);
    }
    if y0 + 2u < params.size.y {
        finish(p + 2u * params.size.x, out[2]);
    }
    if y0 + 3u < params.size.y {
        finish(p + 3u * params.size.x, out[3]);
    }
}
