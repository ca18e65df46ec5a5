// Splats that splat/choose found a source for become parts of it, and start anew.

struct Params {
    n: u32,
    seed: u32,
    planes: u32, // of coefficients
    views: f32,  // that a judgement takes; splat/share has them
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> copies: array<u32>;
@group(0) @binding(3) var<storage, read_write> splats: array<Splat>;
@group(0) @binding(4) var<storage, read_write> mean: array<Splat>;
@group(0) @binding(5) var<storage, read_write> square: array<Splat>;
@group(0) @binding(6) var<storage, read_write> sh: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> sh_mean: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> sh_square: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> credit: array<Credit>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let i = (wg.y * groups.x + wg.x) * 64u + lane;
    if i >= params.n {
        return;
    }
    let whole = source[i];
    if whole == NONE {
        return;
    }
    // No source moves itself, so that it is as it was until splat/share.
    splats[i] = part_of(splats[whole], copies[whole] + 1u, i, params.seed);
    mean[i] = Splat();
    square[i] = Splat();
    credit[i] = Credit();
    for (var plane = 0u; plane < params.planes; plane++) {
        let at = plane * params.n;
        sh[at + i] = sh[at + whole];
        sh_mean[at + i] = vec4<f32>(0.0);
        sh_square[at + i] = vec4<f32>(0.0);
    }
}
