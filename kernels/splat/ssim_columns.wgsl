// Vertical half of the moments, and the derivatives of each pixel's SSIM by the blurred x, x^2 and xy.

struct Stats { x: vec4<f32>, y: vec4<f32>, xx: vec4<f32>, yy: vec4<f32>, xy: vec4<f32> }
struct Partials {
    x: vec4<f32>,  // by the blurred x, RGB; w: SSIM, mean of the channels
    xx: vec4<f32>, // by the blurred x^2
    xy: vec4<f32>, // by the blurred xy
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<Stats>;
@group(0) @binding(2) var<storage, read_write> partials: array<Partials>;

fn derive(s: Stats) -> Partials {
    let c1 = 0.0001;
    let c2 = 0.0009;
    let mx = s.x.xyz;
    let my = s.y.xyz;
    let a1 = 2.0 * mx * my + c1;
    let a2 = 2.0 * (s.xy.xyz - mx * my) + c2;
    let b1 = mx * mx + my * my + c1;
    let b2 = max(s.xx.xyz - mx * mx + s.yy.xyz - my * my, vec3<f32>(0.0)) + c2;
    let ssim = a1 * a2 / (b1 * b2);
    let by_xx = -ssim / b2;
    let by_xy = 2.0 * a1 / (b1 * b2);
    let by_x = 2.0 * my * a2 / (b1 * b2) - 2.0 * mx * ssim / b1 - 2.0 * mx * by_xx - my * by_xy;
    return Partials(vec4<f32>(by_x, (ssim.x + ssim.y + ssim.z) / 3.0), vec4<f32>(by_xx, 0.0), vec4<f32>(by_xy, 0.0));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y0 = id.y * 4u;
    if id.x >= params.size.x || y0 >= params.size.y {
        return;
    }
    var out: array<Stats, 4>;
    for (var k = 0u; k < 14u; k++) {
        let at = y0 + k;
        if at >= 5u && at < params.size.y + 5u {
            let s = rows[(at - 5u) * params.size.x + id.x];
            let w = params.taps[k];
            out[0].x += w.x * s.x;
            out[1].x += w.y * s.x;
            out[2].x += w.z * s.x;
            out[3].x += w.w * s.x;
            out[0].y += w.x * s.y;
            out[1].y += w.y * s.y;
            out[2].y += w.z * s.y;
            out[3].y += w.w * s.y;
            out[0].xx += w.x * s.xx;
            out[1].xx += w.y * s.xx;
            out[2].xx += w.z * s.xx;
            out[3].xx += w.w * s.xx;
            out[0].yy += w.x * s.yy;
            out[1].yy += w.y * s.yy;
            out[2].yy += w.z * s.yy;
            out[3].yy += w.w * s.yy;
            out[0].xy += w.x * s.xy;
            out[1].xy += w.y * s.xy;
            out[2].xy += w.z * s.xy;
            out[3].xy += w.w * s.xy;
        }
    }
    let p = y0 * params.size.x + id.x;
    partials[p] = derive(out[0]);
    if y0 + 1u < params.size.y {
        partials[p + params.size.x] = derive(out[1]);
    }
    if y0 + 2u < params.size.y {
        partials[p + 2u * params.size.x] = derive(out[2]);
    }
    if y0 + 3u < params.size.y {
        partials[p + 3u * params.size.x] = derive(out[3]);
    }
}
