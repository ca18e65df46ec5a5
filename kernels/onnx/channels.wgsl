// Packed sRGB pixels as three planes of values from 0 to 1, each less a number and times another. One thread a pixel.
struct Params {
    count: u32,
    pad0: u32,
    pad1: u32,
    pad2: u32,
    less: vec4<f32>,
    times: vec4<f32>,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rgba: array<u32>;
@group(0) @binding(2) var<storage, read_write> planes: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + local;
    if i >= params.count {
        return;
    }
    let pixel = rgba[i];
    for (var c = 0u; c < 3u; c++) {
        let shade = f32((pixel >> (8u * c)) & 255u) / 255.0;
        planes[c * params.count + i] = (shade - params.less[c]) * params.times[c];
    }
}
