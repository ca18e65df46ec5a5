// Horizontal half of the blurred moments that SSIM needs: x, y, x^2, y^2, xy of three channels.

struct Stats {
    x: vec4<f32>,  // RGB of the rendering; w unused
    y: vec4<f32>,  // RGB of the frame
    xx: vec4<f32>,
    yy: vec4<f32>,
    xy: vec4<f32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> truth: array<u32>;
@group(0) @binding(3) var<storage, read_write> rows: array<Stats>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x0 = id.x * 4u;
    if id.y >= params.size.y || x0 >= params.size.x {
        return;
    }
    let bg = params.background.xyz;
    var out: array<Stats, 4>;
    for (var k = 0u; k < 14u; k++) {
        let at = x0 + k;
        if at >= 5u && at < params.size.x + 5u {
            let p = id.y * params.size.x + at - 5u;
            let seen = image[p];
            let x = vec4<f32>(seen.xyz + seen.w * bg, 0.0);
            let y = vec4<f32>(target_colour(truth[p], bg), 0.0);
            let w = params.taps[k];
            let xx = x * x;
            let yy = y * y;
            let xy = x * y;
            out[0].x += w.x * x;
            out[1].x += w.y * x;
            out[2].x += w.z * x;
            out[3].x += w.w * x;
            out[0].y += w.x * y;
            out[1].y += w.y * y;
            out[2].y += w.z * y;
            out[3].y += w.w * y;
            out[0].xx += w.x * xx;
            out[1].xx += w.y * xx;
            out[2].xx += w.z * xx;
            out[3].xx += w.w * xx;
            out[0].yy += w.x * yy;
            out[1].yy += w.y * yy;
            out[2].yy += w.z * yy;
            out[3].yy += w.w * yy;
            out[0].xy += w.x * xy;
            out[1].xy += w.y * xy;
            out[2].xy += w.z * xy;
            out[3].xy += w.w * xy;
        }
    }
    let p = id.y * params.size.x + x0;
    rows[p] = out[0];
    if x0 + 1u < params.size.x {
        rows[p + 1u] = out[1];
    }
    if x0 + 2u < params.size.x {
        rows[p + 2u] = out[2];
    }
    if x0 + 3u < params.size.x {
        rows[p + 3u] = out[3];
    }
}
