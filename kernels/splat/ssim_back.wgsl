// Horizontal half of the blur of SSIM's derivatives (the blur is its own transpose).

struct Partials { x: vec4<f32>, xx: vec4<f32>, xy: vec4<f32> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<Partials>;
@group(0) @binding(2) var<storage, read_write> rows: array<Partials>; // w of x unused

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x0 = id.x * 4u;
    if id.y >= params.size.y || x0 >= params.size.x {
        return;
    }
    var out: array<Partials, 4>;
    for (var k = 0u; k < 14u; k++) {
        let at = x0 + k;
        if at >= 5u && at < params.size.x + 5u {
            let s = partials[id.y * params.size.x + at - 5u];
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
